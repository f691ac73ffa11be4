int high_work(void); /* written by hand: no include betrays it */
int low_work(void);
int low_work(void)
{
    return high_work();
}
