/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System variables: the table of those that the endpoint knows, and their
 * values for one session. Variables of semi-synchronous replication are not
 * among them, so that replicas which ask get error 1193.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sql_session.h"

enum sql_variable_kind {
    SQL_VARIABLE_TEXT,
    SQL_VARIABLE_NUMBER,
    SQL_VARIABLE_SWITCH, /* ON and OFF in SHOW, 1 and 0 in SELECT */
};

enum {
    SQL_VARIABLE_MYSQL = 1,    /* not on a MariaDB cluster's sessions */
    SQL_VARIABLE_MARIADB = 2,  /* only there */
    SQL_VARIABLE_SETTABLE = 4, /* SET of the session's value is accepted, and shown */
    SQL_VARIABLE_HIDDEN = 8,   /* not in SHOW VARIABLES, as on a server */
    SQL_VARIABLE_SOURCE = 16,  /* of the source: a wrong answer would stop replicas for good */
};

struct sql_variable {
    const char *name;
    enum sql_variable_kind kind;
    unsigned flags;
    const char *fixed; /* the value, where read is NULL */
    struct sql_value (*read)(const struct sql_session *session,
                             const struct sql_server *server,
                             struct sql_memory *memory);
};

/* All of them, by name in ascending order. */
extern const struct sql_variable sql_variable_table[];
extern const size_t sql_variable_count;

/* Splits "global.name" and takes backticks off; false for a name of three parts. */
struct sql_variable_name {
    bool is_global;
    bool is_scoped; /* a scope was written */
    struct bytes name;
};
struct sql_variable_name sql_variable_name_of(struct bytes text);

/* NULL if there is none, or it is not one of this kind of server. */
const struct sql_variable *sql_variable_find(struct bytes name, bool is_mariadb);

/* As SHOW VARIABLES prints it: what the session has set, unless is_global. */
struct sql_value sql_variable_show(const struct sql_variable *variable,
                                   struct sql_statement *statement,
                                   const struct sql_server *server,
                                   bool is_global);

/* As SELECT gives it. SQL_ERROR_UNKNOWN_VARIABLE if there is none. `text` is what follows @@.
 */
MUST_CHECK enum status sql_variable_select(struct sql_statement *statement,
                                           struct bytes text,
                                           struct sql_value *found,
                                           struct error *error);
