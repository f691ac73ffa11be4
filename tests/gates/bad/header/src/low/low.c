#include <stdint.h>
#include "binrelay/low/low.h"
uint8_t low_work(void)
{
    return 1;
}
