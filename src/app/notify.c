/* SPDX-License-Identifier: Apache-2.0 */
#include "notify.h"

#ifdef BINRELAY_SYSTEMD

#include <inttypes.h>
#include <systemd/sd-daemon.h>

/* What fails to reach systemd can be told to nobody else: the results are left alone. */

void notify_ready(void)
{
    (void)sd_notify(0, "READY=1");
}

void notify_status(const char *status)
{
    (void)sd_notifyf(0, "STATUS=%s", status);
}

void notify_reloading(uint64_t monotonic_usec)
{
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, monotonic_usec);
}

void notify_stopping(void)
{
    (void)sd_notify(0, "STOPPING=1");
}

void notify_watchdog(void)
{
    (void)sd_notify(0, "WATCHDOG=1");
}

uint64_t notify_watchdog_usec(void)
{
    uint64_t usec = 0;

    /* Twice as often as systemd looks. */
    return sd_watchdog_enabled(0, &usec) > 0 ? usec / 2 : 0;
}

#else

void notify_ready(void)
{
}

void notify_status(const char *status)
{
    (void)status;
}

void notify_reloading(uint64_t monotonic_usec)
{
    (void)monotonic_usec;
}

void notify_stopping(void)
{
}

void notify_watchdog(void)
{
}

uint64_t notify_watchdog_usec(void)
{
    return 0;
}

#endif
