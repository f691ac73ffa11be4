int low_work(void);
int main(void) { return 0; }
