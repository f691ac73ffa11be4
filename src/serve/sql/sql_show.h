/* SPDX-License-Identifier: Apache-2.0 */
/* SHOW: which statement it is, who may ask, and the ones that need no more than a line or two.
 */
#pragma once

#include "sql_session.h"

enum {
    SHOW_GLOBAL = 1,    /* SHOW GLOBAL x */
    SHOW_FULL = 2,      /* SHOW FULL x */
    SHOW_OLD_NAMES = 4, /* asked with the words of servers before 8.4: answer with them */
    SHOW_MANY = 8,      /* MariaDB's SHOW ALL SLAVES STATUS */
};

/* The reader stands behind SHOW. */
MUST_CHECK enum status sql_show(struct sql_statement *statement, struct error *error);

/* Each reads the rest of its statement. flags: set of SHOW_. */
typedef enum status (*sql_show_fn)(struct sql_statement *statement,
                                   unsigned flags,
                                   struct error *error);

/* sql_show_logs.c */
MUST_CHECK enum status sql_show_log_status(struct sql_statement *statement,
                                           unsigned flags,
                                           struct error *error);
MUST_CHECK enum status sql_show_logs(struct sql_statement *statement,
                                     unsigned flags,
                                     struct error *error);

/* sql_show_sessions.c */
MUST_CHECK enum status sql_show_sessions(struct sql_statement *statement,
                                         unsigned flags,
                                         struct error *error);
MUST_CHECK enum status sql_show_replicas(struct sql_statement *statement,
                                         unsigned flags,
                                         struct error *error);

/* sql_show_replica.c */
MUST_CHECK enum status sql_show_replica_status(struct sql_statement *statement,
                                               unsigned flags,
                                               struct error *error);

/* sql_show_events.c: reads files, so it is no work for a loop. */
MUST_CHECK enum status sql_show_events(struct sql_statement *statement,
                                       unsigned flags,
                                       struct error *error);

/* sql_show_tables.c */
MUST_CHECK enum status sql_show_databases(struct sql_statement *statement,
                                          unsigned flags,
                                          struct error *error);
MUST_CHECK enum status sql_show_tables(struct sql_statement *statement,
                                       unsigned flags,
                                       struct error *error);
MUST_CHECK enum status sql_show_columns(struct sql_statement *statement,
                                        unsigned flags,
                                        struct error *error);
MUST_CHECK enum status sql_show_collations(struct sql_statement *statement,
                                           unsigned flags,
                                           struct error *error);
MUST_CHECK enum status sql_show_character_sets(struct sql_statement *statement,
                                               unsigned flags,
                                               struct error *error);

/* DESCRIBE table [column], behind its first word. */
MUST_CHECK enum status sql_describe(struct sql_statement *statement, struct error *error);
