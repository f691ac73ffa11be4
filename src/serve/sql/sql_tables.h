/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables that the endpoint has, and their virtual tables in SQLite. Each
 * shows the state of the moment, as the session that asks may see it.
 */
#pragma once

#include <sqlite3.h>

#include "sql_session.h"

struct sql_table_column {
    const char *name;
    const char *type; /* MySQL's: "BIGINT UNSIGNED"; SQLite takes the affinity from it */
};

/* Gathers the rows of a table that is small. */
struct sql_rows {
    struct sql_memory memory; /* owned: what the values point to */
    struct sql_value *values; /* owned: rows * columns */
    size_t count;             /* of values */
    size_t capacity;
    const struct sql_session *session; /* borrowed */
};

struct sql_table {
    const char *database;
    const char *name;
    const char *module; /* what SQLite knows it by */
    const struct sql_table_column *columns;
    size_t column_count;
    unsigned rights;    /* set of enum account_right: any of them may read */
    bool needs_cluster; /* shows one cluster: the session's */
    void (*fill)(
        struct sql_rows *rows); /* NULL: the epochs, which have a module of their own */
};

extern const struct sql_table sql_tables[];
extern const size_t sql_table_count;

/* The heartbeat table is known by the configured name. NULL: there is none. */
const struct sql_table *sql_table_find(const struct sql_session *session,
                                       struct bytes database,
                                       struct bytes name);

/* True if there is a database of that name. */
bool sql_database_is_known(const struct sql_session *session, struct bytes name);

/* Database and table under which the session knows the table, for people. */
void sql_table_names(const struct sql_session *session,
                     const struct sql_table *table,
                     struct bytes *database,
                     struct bytes *name);

/* What kind of value a column of that name has in the tables; SQL_NULL: no such column. */
enum sql_kind sql_column_kind(struct bytes name, bool *is_unsigned);

/* MySQL's column type of one that is declared as `type`; NULL is none. */
struct result_column sql_column_of_type(const char *type);

/* Makes the virtual tables, before there is an authorizer. The engine must outlive the
 * connection. */
MUST_CHECK enum status sql_tables_attach(sqlite3 *database,
                                         struct sql_engine *engine,
                                         struct error *error);

/* ---- among its files ---- */

void sql_rows_add(struct sql_rows *rows, struct sql_value value);
void sql_rows_add_text(struct sql_rows *rows, const char *text); /* copied */
void sql_rows_add_number(struct sql_rows *rows, uint64_t number);
void sql_rows_add_time(struct sql_rows *rows, uint64_t usec); /* 0: NULL */
void sql_rows_release(struct sql_rows *rows);

/* The clusters that the session may see: the next one at or after *at, which is moved behind
 * it; NULL at the end. */
const struct served_cluster *sql_rows_next_cluster(const struct sql_rows *rows, size_t *at);

/* What the registry keeps: sql_table_registry.c. */
void sql_fill_appliers(struct sql_rows *rows);
void sql_fill_pins(struct sql_rows *rows);
void sql_fill_events(struct sql_rows *rows);

/* "binlog.000042:4711", "" for nowhere; NULL where the number is not known. */
void sql_rows_add_position(struct sql_rows *rows,
                           const struct served_cluster *cluster,
                           struct binlog_position position);
void sql_rows_add_if(struct sql_rows *rows, bool is_known, uint64_t number);

/* mysql.ndb_binlog_index: sql_table_epochs.c. */
extern const sqlite3_module sql_epochs_module;

/* What a virtual table is made with. */
struct sql_table_use {
    const struct sql_table *table;
    struct sql_engine *engine;
};

/* sqlite3_module's xConnect, whose context is a sql_table_use that outlives the table, and
 * xDisconnect. */
int sql_table_connect(sqlite3 *database,
                      void *context,
                      int count,
                      const char *const *arguments,
                      sqlite3_vtab **made,
                      char **message);
int sql_table_disconnect(sqlite3_vtab *base);
const struct sql_table_use *sql_table_use_of(const sqlite3_vtab *base);
