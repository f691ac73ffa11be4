/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one session has set: user variables, and session values of system
 * variables. Count and size are bounded (S8). One thread at a time.
 */
#pragma once

#include <stddef.h>

#include "binrelay/base/error.h"
#include "sql_value.h"

/* Whose names they are: @name or @@name. */
enum sql_scope { SQL_SCOPE_USER, SQL_SCOPE_SESSION };

enum {
    SQL_ASSIGNED_MOST = 128,
    SQL_ASSIGNED_NAME_MOST_BYTES = 64,
    SQL_ASSIGNED_MOST_BYTES = 256 * 1024, /* of all values: a GTID position may be long */
};

/* Zeroed is empty. */
struct sql_assigned {
    struct sql_assignment *items; /* owned */
    size_t count;
    size_t capacity;
    size_t bytes; /* of all values */
};

void sql_assigned_release(struct sql_assigned *assigned);

/* The value is copied. STATUS_FULL: the session set too much. */
MUST_CHECK enum status sql_assigned_set(struct sql_assigned *assigned,
                                        enum sql_scope scope,
                                        struct bytes name,
                                        struct sql_value value,
                                        struct error *error);

/* As if it had never been set. */
void sql_assigned_remove(struct sql_assigned *assigned,
                         enum sql_scope scope,
                         struct bytes name);

/* NULL if it was never set. Borrowed until the next set. Names ignore case. */
const struct sql_value *sql_assigned_find(const struct sql_assigned *assigned,
                                          enum sql_scope scope,
                                          struct bytes name);

/* The first of two user variables that is set: a replica's new name for it, and the old one. */
const struct sql_value *sql_assigned_find_either(const struct sql_assigned *assigned,
                                                 const char *name,
                                                 const char *old_name);
