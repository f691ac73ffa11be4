/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a function says that it failed.
 *
 * A function that can fail returns a status and takes a struct error last. The
 * status is for the program, which decides by it. The message is for a person,
 * and is written once, where the failure is understood best. Nobody logs on the
 * way up: the room that decides what to do (source, serve, admin, app) logs, once.
 */
#pragma once

#include "binrelay/base/compiler.h"

enum status {
    STATUS_OK = 0,
    STATUS_AGAIN,     /* not now: wait for the next event */
    STATUS_NOT_FOUND, /* absent, which may be fine */
    STATUS_CLOSED,    /* the peer went away */
    STATUS_DENIED,    /* the peer may not do this, or refuses us */
    STATUS_INVALID,   /* the peer or the operator sent something wrong */
    STATUS_CORRUPT,   /* bytes break their format */
    STATUS_FULL,      /* a limit, or the disk, is reached */
    STATUS_SYSTEM,    /* the system refused: see os_code */
    STATUS_COUNT,
};

struct error {
    enum status status;
    int os_code;       /* errno, or 0 */
    int sql_code;      /* the MySQL error number a server gave us, or 0 */
    char message[512]; /* "open east/binlog.000042: no space left on device" */
};

const char *status_name(enum status status);

/* Fill error and return its status, so that a failure is one return statement. */
enum status error_set(struct error *error, enum status status, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* The same from errno: STATUS_FULL for a full disk or quota, else STATUS_SYSTEM. */
enum status error_set_errno(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

/* Put "what we were doing: " in front of the message, on its way up. */
enum status error_wrap(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);
