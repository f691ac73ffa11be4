/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const names[STATUS_COUNT] = {
    [STATUS_OK] = "ok",           [STATUS_AGAIN] = "again",   [STATUS_NOT_FOUND] = "not found",
    [STATUS_CLOSED] = "closed",   [STATUS_DENIED] = "denied", [STATUS_INVALID] = "invalid",
    [STATUS_CORRUPT] = "corrupt", [STATUS_FULL] = "full",     [STATUS_SYSTEM] = "system",
};

const char *status_name(enum status status)
{
    assert(status < STATUS_COUNT);
    return names[status];
}

enum status error_set(struct error *error, enum status status, const char *format, ...)
{
    va_list args;

    assert(status != STATUS_OK);
    error->status = status;
    error->os_code = 0;
    error->sql_code = 0;
    va_start(args, format);
    (void)vsnprintf(error->message, sizeof(error->message), format, args);
    va_end(args);
    return status;
}

/* Makes the message "<format>: <reason>", cut at the end if it is too long. */
static void PRINTF_LIKE(3, 0)
    put_in_front(struct error *error, const char *reason, const char *format, va_list args)
{
    char whole[sizeof(error->message)] = "";
    int used = vsnprintf(whole, sizeof(whole), format, args);

    if (used >= 0 && (size_t)used < sizeof(whole)) {
        (void)snprintf(whole + used, sizeof(whole) - (size_t)used, ": %s", reason);
    }
    memcpy(error->message, whole, sizeof(whole));
}

enum status error_set_errno(struct error *error, const char *format, ...)
{
    int code = errno;
    bool is_full = code == ENOSPC || code == EDQUOT;
    char reason[128];
    va_list args;

    error->status = is_full ? STATUS_FULL : STATUS_SYSTEM;
    error->os_code = code;
    error->sql_code = 0;
    va_start(args, format);
    put_in_front(error, strerror_r(code, reason, sizeof(reason)), format, args);
    va_end(args);
    return error->status;
}

enum status error_wrap(struct error *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_in_front(error, error->message, format, args);
    va_end(args);
    return error->status;
}
