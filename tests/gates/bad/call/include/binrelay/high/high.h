int high_work(void);
