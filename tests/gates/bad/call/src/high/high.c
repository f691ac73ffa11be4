#include "binrelay/high/high.h"
int high_work(void)
{
    return 1;
}
