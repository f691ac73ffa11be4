/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_engine_errors.h"

#include <stdio.h>
#include <string.h>

#include "sql_errors.h"

/* How SQLite words what has a number of its own in MySQL; a name stands between before and
 * behind where has_name. */
static const struct {
    const char *words;
    int code;
    bool has_name;
    const char *before;
    const char *behind;
} wordings[] = {
    /* clang-format off */
    {"no such column: ",                    SQL_ERROR_UNKNOWN_COLUMN,    true,  "Unknown column '", "' in 'field list'"},
    {"ambiguous column name: ",             SQL_ERROR_AMBIGUOUS_COLUMN,  true,  "Column '", "' in field list is ambiguous"},
    {"no such table: ",                     SQL_ERROR_UNKNOWN_TABLE,     true,  "Unknown table '", "'"},
    {"misuse of aggregate",                 SQL_ERROR_GROUP_FUNCTION,    false, "Invalid use of group function", ""},
    {"aggregate functions are not allowed", SQL_ERROR_GROUP_FUNCTION,    false, "Invalid use of group function", ""},
    {"SELECTs to the left and right of",    SQL_ERROR_COLUMN_COUNT,      false, "The used SELECT statements have a different number of columns", ""},
    {"sub-select returns",                  SQL_ERROR_OPERAND_COLUMNS,   false, "Operand should contain 1 column(s)", ""},
    {"integer overflow",                    SQL_ERROR_DATA_OUT_OF_RANGE, false, "BIGINT value is out of range", ""},
    {"cannot join using column ",           SQL_ERROR_UNKNOWN_COLUMN,    true,  "Unknown column '", "' in 'from clause'"},
    /* clang-format on */
};

static enum status by_wording(const char *message, struct error *error)
{
    for (size_t at = 0; at < sizeof(wordings) / sizeof(wordings[0]); at++) {
        const char *found = strstr(message, wordings[at].words);

        if (found != NULL) {
            return sql_error_set(error, wordings[at].code, "%s%.64s%s", wordings[at].before,
                                 wordings[at].has_name ? found + strlen(wordings[at].words)
                                                       : "",
                                 wordings[at].behind);
        }
    }
    return sql_error_set(error, SQL_ERROR_NOT_SUPPORTED,
                         "This endpoint cannot evaluate the statement: %s", message);
}

enum status sql_engine_error(sqlite3 *database,
                             int code,
                             const struct error *failure,
                             struct error *error)
{
    if (failure->status != STATUS_OK) {
        *error = *failure;
        return error->status;
    }
    switch (code & 0xFF) {
    case SQLITE_NOMEM:
        return sql_error_set(error, SQL_ERROR_OUT_OF_MEMORY,
                             "The statement needs more memory than this endpoint gives");
    case SQLITE_TOOBIG:
        return sql_error_set(error, SQL_ERROR_PACKET_TOO_LARGE,
                             "A value of the statement is too long for this endpoint");
    default:
        return by_wording(sqlite3_errmsg(database), error);
    }
}
