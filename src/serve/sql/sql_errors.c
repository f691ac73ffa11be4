/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_errors.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static const struct {
    uint16_t code;
    enum status status;
    const char *state;
} rows[] = {
    /* clang-format off */
    {SQL_ERROR_TOO_MANY_CONNECTIONS,     STATUS_FULL,      "08004"},
    {SQL_ERROR_BAD_HANDSHAKE,            STATUS_INVALID,   "08S01"},
    {SQL_ERROR_CLUSTER_DENIED,           STATUS_DENIED,    "42000"},
    {SQL_ERROR_ACCESS_DENIED,            STATUS_DENIED,    "28000"},
    {SQL_ERROR_NO_CLUSTER,               STATUS_INVALID,   "3D000"},
    {SQL_ERROR_UNKNOWN_COMMAND,          STATUS_INVALID,   "08S01"},
    {SQL_ERROR_UNKNOWN_DATABASE,         STATUS_NOT_FOUND, "42000"},
    {SQL_ERROR_SHUTDOWN,                 STATUS_CLOSED,    "08S01"},
    {SQL_ERROR_UNKNOWN_COLUMN,           STATUS_NOT_FOUND, "42S22"},
    {SQL_ERROR_SYNTAX,                   STATUS_INVALID,   "42000"},
    {SQL_ERROR_EMPTY_QUERY,              STATUS_INVALID,   "42000"},
    {SQL_ERROR_UNKNOWN_THREAD,           STATUS_NOT_FOUND, "HY000"},
    {SQL_ERROR_GENERAL,                  STATUS_SYSTEM,    "HY000"},
    {SQL_ERROR_HOST_BLOCKED,             STATUS_DENIED,    "HY000"},
    {SQL_ERROR_TABLE_DENIED,             STATUS_DENIED,    "42000"},
    {SQL_ERROR_UNKNOWN_TABLE,            STATUS_NOT_FOUND, "42S02"},
    {SQL_ERROR_PACKET_TOO_LARGE,         STATUS_FULL,      "08S01"},
    {SQL_ERROR_PACKET_ORDER,             STATUS_INVALID,   "08S01"},
    {SQL_ERROR_UNKNOWN_VARIABLE,         STATUS_NOT_FOUND, "HY000"},
    {SQL_ERROR_LOCK_WAIT,                STATUS_AGAIN,     "HY000"},
    {SQL_ERROR_BINLOG_EVENTS,            STATUS_INVALID,   "HY000"},
    {SQL_ERROR_RIGHT_MISSING,            STATUS_DENIED,    "42000"},
    {SQL_ERROR_DUMP,                     STATUS_INVALID,   "HY000"},
    {SQL_ERROR_NOT_SUPPORTED,            STATUS_INVALID,   "42000"},
    {SQL_ERROR_READ_ONLY_VARIABLE,       STATUS_DENIED,    "HY000"},
    {SQL_ERROR_PLUGIN_UNKNOWN_TO_CLIENT, STATUS_DENIED,    "08004"},
    {SQL_ERROR_UNKNOWN_FUNCTION,         STATUS_NOT_FOUND, "42000"},
    {SQL_ERROR_TLS_REQUIRED,             STATUS_DENIED,    "HY000"},
    {SQL_ERROR_OUT_OF_MEMORY,            STATUS_FULL,      "HY001"},
    {SQL_ERROR_TOO_MANY_ROWS,            STATUS_INVALID,   "42000"},
    {SQL_ERROR_NOT_NULL,                 STATUS_INVALID,   "23000"},
    {SQL_ERROR_AMBIGUOUS_COLUMN,         STATUS_INVALID,   "23000"},
    {SQL_ERROR_DUPLICATE_KEY,            STATUS_INVALID,   "23000"},
    {SQL_ERROR_COLUMN_TWICE,             STATUS_INVALID,   "42000"},
    {SQL_ERROR_GROUP_FUNCTION,           STATUS_INVALID,   "HY000"},
    {SQL_ERROR_TABLE_FULL,               STATUS_FULL,      "HY000"},
    {SQL_ERROR_VALUE_COUNT,              STATUS_INVALID,   "21S01"},
    {SQL_ERROR_WRONG_ARGUMENTS,          STATUS_INVALID,   "HY000"},
    {SQL_ERROR_COLUMN_COUNT,             STATUS_INVALID,   "21000"},
    {SQL_ERROR_OPERAND_COLUMNS,          STATUS_INVALID,   "21000"},
    {SQL_ERROR_OUT_OF_RANGE,             STATUS_INVALID,   "22003"},
    {SQL_ERROR_INTERRUPTED,              STATUS_CLOSED,    "70100"},
    {SQL_ERROR_NO_DEFAULT,               STATUS_INVALID,   "HY000"},
    {SQL_ERROR_WRONG_VALUE,              STATUS_INVALID,   "HY000"},
    {SQL_ERROR_UNKNOWN_LOG,              STATUS_NOT_FOUND, "HY000"},
    {SQL_ERROR_LOG_IN_USE,               STATUS_DENIED,    "HY000"},
    {SQL_ERROR_ARGUMENT_COUNT,           STATUS_INVALID,   "42000"},
    {SQL_ERROR_DATA_OUT_OF_RANGE,        STATUS_INVALID,   "22003"},
    {SQL_ERROR_REPORT_REFUSED,           STATUS_INVALID,   "HY000"},
    {SQL_ERROR_TIMEOUT,                  STATUS_FULL,      "HY000"},
    /* clang-format on */
};

/* What a failure is called that came from a lower room without a number. */
static const uint16_t codes[STATUS_COUNT] = {
    [STATUS_AGAIN] = SQL_ERROR_GENERAL,         [STATUS_NOT_FOUND] = SQL_ERROR_GENERAL,
    [STATUS_CLOSED] = SQL_ERROR_SHUTDOWN,       [STATUS_DENIED] = SQL_ERROR_RIGHT_MISSING,
    [STATUS_INVALID] = SQL_ERROR_GENERAL,       [STATUS_CORRUPT] = SQL_ERROR_GENERAL,
    [STATUS_FULL] = SQL_ERROR_PACKET_TOO_LARGE, [STATUS_SYSTEM] = SQL_ERROR_GENERAL,
};

enum status sql_error_set(struct error *error, int code, const char *format, ...)
{
    char message[sizeof(error->message)];
    enum status status = STATUS_INVALID;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    for (size_t at = 0; at < sizeof(rows) / sizeof(rows[0]); at++) {
        if (rows[at].code == code) {
            status = rows[at].status;
        }
    }
    (void)error_set(error, status, "%s", message);
    error->sql_code = code;
    return status;
}

uint16_t sql_error_code(const struct error *error)
{
    if (error->sql_code > 0 && error->sql_code <= UINT16_MAX) {
        return (uint16_t)error->sql_code;
    }
    return error->status > STATUS_OK && error->status < STATUS_COUNT ? codes[error->status]
                                                                     : SQL_ERROR_GENERAL;
}

const char *sql_error_state(uint16_t code)
{
    for (size_t at = 0; at < sizeof(rows) / sizeof(rows[0]); at++) {
        if (rows[at].code == code) {
            return rows[at].state;
        }
    }
    return "HY000";
}

void sql_error_add(struct result_writer *writer, const struct error *error)
{
    uint16_t code = sql_error_code(error);

    result_add_error(writer, code, sql_error_state(code), error->message);
}
