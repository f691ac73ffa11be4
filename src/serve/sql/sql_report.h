/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a statement writes to the heartbeat table, as reports of appliers: each
 * row is checked before any is written, and taken when they are durable.
 */
#pragma once

#include "binrelay/registry/heartbeat_table.h"
#include "sql_session.h"

/* A row that a statement has left, changed or not. */
struct sql_written {
    struct heartbeat_row row;
    bool is_changed;
    bool says_epoch; /* the statement named the epoch, or whose it is: it is a report */
    bool is_taken;   /* already */
};

/* SQL_ERROR_REPORT_REFUSED with the reason, which is an event too. */
MUST_CHECK enum status sql_report_check(struct sql_statement *statement,
                                        struct sql_written *rows,
                                        size_t count,
                                        struct error *error);

/* The rows are durable. What no cluster takes is an event, and counts among the warnings of
 * the answer. */
void sql_report_take(struct sql_statement *statement,
                     const struct sql_written *rows,
                     size_t count);
