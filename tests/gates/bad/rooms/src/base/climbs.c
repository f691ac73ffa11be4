#include "binrelay/net/loop.h"
