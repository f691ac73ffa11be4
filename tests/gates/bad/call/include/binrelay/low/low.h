int low_work(void);
