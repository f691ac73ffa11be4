/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_variables.h"

#include <string.h>
#include <strings.h>

#include "sql_errors.h"

static bool take_prefix(struct bytes *text, const char *prefix)
{
    size_t size = strlen(prefix);

    if (text->size < size || strncasecmp((const char *)text->data, prefix, size) != 0) {
        return false;
    }
    text->data += size;
    text->size -= size;
    return true;
}

struct sql_variable_name sql_variable_name_of(struct bytes text)
{
    struct sql_variable_name name = {.is_scoped = true};

    if (take_prefix(&text, "global.") || take_prefix(&text, "persist.") ||
        take_prefix(&text, "persist_only.")) {
        name.is_global = true;
    } else if (!take_prefix(&text, "session.") && !take_prefix(&text, "local.")) {
        name.is_scoped = false;
    }
    if (text.size >= 2 && text.data[0] == '`' && text.data[text.size - 1] == '`') {
        text.data++;
        text.size -= 2;
    }
    name.name = text;
    return name;
}

static bool is_of_server(const struct sql_variable *variable, bool is_mariadb)
{
    unsigned other = is_mariadb ? SQL_VARIABLE_MYSQL : SQL_VARIABLE_MARIADB;

    return (variable->flags & other) == 0;
}

const struct sql_variable *sql_variable_find(struct bytes name, bool is_mariadb)
{
    for (size_t at = 0; at < sql_variable_count; at++) {
        const struct sql_variable *variable = &sql_variable_table[at];

        if (bytes_equal_text(name, variable->name)) {
            return is_of_server(variable, is_mariadb) ? variable : NULL;
        }
    }
    return NULL;
}

struct sql_value sql_variable_show(const struct sql_variable *variable,
                                   struct sql_statement *statement,
                                   const struct sql_server *server,
                                   bool is_global)
{
    const struct sql_session *session = statement->session;
    const struct sql_value *assigned = NULL;

    if (!is_global) {
        assigned = sql_assigned_find(&session->assigned, SQL_SCOPE_SESSION,
                                     bytes_of_text(variable->name));
    }
    if (assigned != NULL) {
        return *assigned;
    }
    if (variable->read != NULL) {
        return variable->read(session, server, &statement->memory);
    }
    return sql_text(variable->fixed);
}

/* Turns the text of SHOW into the value of SELECT. */
static struct sql_value select_form(const struct sql_variable *variable, struct sql_value value)
{
    uint64_t number = 0;

    if (value.kind == SQL_NULL || variable->kind == SQL_VARIABLE_TEXT) {
        return value;
    }
    if (bytes_equal_text(value.text, "ON")) {
        value.text = bytes_of_text("1");
    } else if (bytes_equal_text(value.text, "OFF")) {
        value.text = bytes_of_text("0");
    }
    if (sql_text_to_number(value.text, &number)) {
        value.kind = SQL_INTEGER;
    }
    return value;
}

enum status sql_variable_select(struct sql_statement *statement,
                                struct bytes text,
                                struct sql_value *found,
                                struct error *error)
{
    const struct sql_server server = sql_session_server(statement->session);
    struct sql_variable_name name = sql_variable_name_of(text);
    const struct sql_variable *variable = sql_variable_find(name.name, server.is_mariadb);
    int shown = name.name.size > SQL_ASSIGNED_NAME_MOST_BYTES ? SQL_ASSIGNED_NAME_MOST_BYTES
                                                              : (int)name.name.size;

    if (variable == NULL) {
        return sql_error_set(error, SQL_ERROR_UNKNOWN_VARIABLE,
                             "Unknown system variable '%.*s'", shown,
                             (const char *)name.name.data);
    }
    if ((variable->flags & SQL_VARIABLE_SOURCE) != 0 && !server.is_known &&
        statement->session->cluster != NULL) {
        return sql_error_set(error, SQL_ERROR_SHUTDOWN,
                             "Cluster %s is not ready: its source was not reached yet",
                             statement->session->cluster->name);
    }
    *found =
        select_form(variable, sql_variable_show(variable, statement, &server, name.is_global));
    return STATUS_OK;
}
