/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_functions.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "binrelay/storage/binlog_files.h"
#include "sql_errors.h"

enum { FUNCTION_NAME_SHOWN_BYTES = 64 };

typedef struct sql_value (*function_fn)(struct sql_statement *statement,
                                        const struct sql_arguments *arguments);

static struct sql_value call_version(struct sql_statement *statement,
                                     const struct sql_arguments *arguments)
{
    const struct sql_server server = sql_session_server(statement->session);

    (void)arguments;
    return sql_text_copy(&statement->memory, server.version);
}

static struct sql_value call_database(struct sql_statement *statement,
                                      const struct sql_arguments *arguments)
{
    (void)arguments;
    if (statement->session->database[0] == '\0') {
        return sql_null();
    }
    return sql_text_copy(&statement->memory, statement->session->database);
}

static struct sql_value call_user(struct sql_statement *statement,
                                  const struct sql_arguments *arguments)
{
    (void)arguments;
    return sql_text_of(sql_memory_format(&statement->memory, "%s@%s", statement->session->user,
                                         statement->session->host));
}

static struct sql_value call_current_user(struct sql_statement *statement,
                                          const struct sql_arguments *arguments)
{
    (void)arguments;
    return sql_text_of(
        sql_memory_format(&statement->memory, "%s@%%", statement->session->user));
}

static struct sql_value call_connection_id(struct sql_statement *statement,
                                           const struct sql_arguments *arguments)
{
    (void)arguments;
    return sql_number(&statement->memory, statement->session->id);
}

static struct sql_value call_unix_timestamp(struct sql_statement *statement,
                                            const struct sql_arguments *arguments)
{
    (void)arguments;
    return sql_number(&statement->memory, sql_session_now_usec(statement->session) / 1000000);
}

static struct sql_value call_now(struct sql_statement *statement,
                                 const struct sql_arguments *arguments)
{
    time_t now = (time_t)(sql_session_now_usec(statement->session) / 1000000);
    struct sql_value value;
    struct tm parts;
    char text[32] = "";

    (void)arguments;
    (void)gmtime_r(&now, &parts); /* system_time_zone is UTC */
    (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
    value = sql_text_copy(&statement->memory, text);
    value.kind = SQL_DATETIME;
    return value;
}

static struct sql_value call_ifnull(struct sql_statement *statement,
                                    const struct sql_arguments *arguments)
{
    (void)statement;
    for (size_t at = 0; at < arguments->count; at++) {
        if (arguments->values[at].kind != SQL_NULL) {
            return arguments->values[at];
        }
    }
    return sql_null();
}

static struct sql_value call_concat(struct sql_statement *statement,
                                    const struct sql_arguments *arguments)
{
    struct buffer text = {0};

    for (size_t at = 0; at < arguments->count; at++) {
        if (arguments->values[at].kind == SQL_NULL) {
            buffer_release(&text);
            return sql_null();
        }
        buffer_add_bytes(&text, arguments->values[at].text);
    }
    return sql_text_take(&statement->memory, &text);
}

/* The state is known at a file's beginning only; any other place is NULL, as for a wrong one.
 */
static struct sql_value call_binlog_gtid_pos(struct sql_statement *statement,
                                             const struct sql_arguments *arguments)
{
    const struct served_cluster *cluster = statement->session->cluster;
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    struct mariadb_gtid_list state = {0};
    struct mariadb_gtid_list position = {0};
    struct buffer text = {0};
    struct error error;
    uint64_t offset = 0;
    uint64_t file = 0;

    if (cluster == NULL || arguments->values[0].kind == SQL_NULL ||
        !sql_text_to_number(arguments->values[1].text, &offset) ||
        offset != BINLOG_MAGIC_BYTES ||
        !binlog_name_split(arguments->values[0].text, base_name, &file) ||
        strcmp(base_name, binlog_store_log_name(cluster->store)) != 0 ||
        binlog_files_mariadb_state_before(cluster->store, file, &state, &error) != STATUS_OK) {
        return sql_null();
    }
    mariadb_gtid_state_position(&state, &position);
    mariadb_gtid_list_print(&position, &text);
    mariadb_gtid_list_release(&position);
    mariadb_gtid_list_release(&state);
    return sql_text_take(&statement->memory, &text);
}

static const struct function {
    const char *name;
    size_t least; /* arguments */
    size_t most;
    bool is_a_word; /* may be written without parentheses */
    function_fn call;
} functions[] = {
    /* clang-format off */
    {"binlog_gtid_pos",   2, 2,                  false, call_binlog_gtid_pos},
    {"coalesce",          1, SQL_MOST_ARGUMENTS, false, call_ifnull},
    {"concat",            1, SQL_MOST_ARGUMENTS, false, call_concat},
    {"connection_id",     0, 0,                  false, call_connection_id},
    {"current_timestamp", 0, 1,                  true,  call_now},
    {"current_user",      0, 0,                  true,  call_current_user},
    {"database",          0, 0,                  false, call_database},
    {"ifnull",            2, 2,                  false, call_ifnull},
    {"localtime",         0, 1,                  true,  call_now},
    {"now",               0, 1,                  false, call_now},
    {"schema",            0, 0,                  false, call_database},
    {"session_user",      0, 0,                  false, call_user},
    {"sysdate",           0, 1,                  false, call_now},
    {"system_user",       0, 0,                  false, call_user},
    {"unix_timestamp",    0, 0,                  false, call_unix_timestamp},
    {"user",              0, 0,                  false, call_user},
    {"utc_timestamp",     0, 1,                  true,  call_now},
    {"version",           0, 0,                  false, call_version},
    /* clang-format on */
};

static const struct function *find_function(struct bytes name)
{
    for (size_t at = 0; at < sizeof(functions) / sizeof(functions[0]); at++) {
        if (bytes_equal_text(name, functions[at].name)) {
            return &functions[at];
        }
    }
    return NULL;
}

enum status sql_function_call(struct sql_statement *statement,
                              struct bytes name,
                              const struct sql_arguments *arguments,
                              struct sql_value *found,
                              struct error *error)
{
    static const struct sql_arguments none = {0};
    const struct function *function = find_function(name);
    int shown =
        name.size > FUNCTION_NAME_SHOWN_BYTES ? FUNCTION_NAME_SHOWN_BYTES : (int)name.size;

    if (arguments == NULL && (function == NULL || !function->is_a_word)) {
        return sql_error_set(error, SQL_ERROR_UNKNOWN_COLUMN,
                             "Unknown column '%.*s' in 'field list'", shown,
                             (const char *)name.data);
    }
    if (arguments == NULL) {
        arguments = &none;
    }
    if (function == NULL || arguments->count < function->least ||
        arguments->count > function->most) {
        return sql_error_set(error, SQL_ERROR_UNKNOWN_FUNCTION,
                             "FUNCTION %.*s with %zu arguments is not known here", shown,
                             (const char *)name.data, arguments->count);
    }
    *found = function->call(statement, arguments);
    return STATUS_OK;
}
