/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What systemd is told (sd_notify): ready, status, stopping, and that the
 * loops still turn. Does nothing where systemd did not start us, or libsystemd
 * was not there when this was built.
 */
#pragma once

#include <stdint.h>

void notify_ready(void);
void notify_status(const char *status);
void notify_reloading(uint64_t monotonic_usec);
void notify_stopping(void);
void notify_watchdog(void);

/* How often notify_watchdog() must be called, in microseconds; 0: not wanted. */
uint64_t notify_watchdog_usec(void);
