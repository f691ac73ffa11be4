#pragma once
uint8_t low_work(void);
