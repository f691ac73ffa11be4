/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_heartbeat_row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sql_errors.h"

const char *const heartbeat_column_names[HEARTBEAT_COLUMNS] = {
    "server_id", "counter", "applied_epoch", "source_cluster", "updated_at",
};

size_t heartbeat_column_find(struct bytes name)
{
    size_t at = 0;

    while (at < HEARTBEAT_COLUMNS && !bytes_equal_text(name, heartbeat_column_names[at])) {
        at++;
    }
    return at;
}

void heartbeat_row_values(const struct heartbeat_row *row,
                          struct sql_memory *memory,
                          struct sql_value values[HEARTBEAT_COLUMNS])
{
    time_t seconds = (time_t)(row->updated_usec / 1000000);
    struct tm parts;
    char text[32] = "";

    (void)gmtime_r(&seconds, &parts);
    (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
    values[HEARTBEAT_SERVER_ID] = sql_number(memory, row->server_id);
    values[HEARTBEAT_COUNTER] = sql_number(memory, row->counter);
    values[HEARTBEAT_APPLIED_EPOCH] =
        row->has_applied_epoch ? sql_number(memory, row->applied_epoch) : sql_null();
    values[HEARTBEAT_SOURCE_CLUSTER] =
        row->has_source_cluster ? sql_number(memory, row->source_cluster) : sql_null();
    values[HEARTBEAT_UPDATED_AT] = sql_text_copy(memory, text);
}

static enum status out_of_range(size_t column, size_t number, struct error *error)
{
    return sql_error_set(error, SQL_ERROR_OUT_OF_RANGE,
                         "Out of range value for column '%s' at row %zu",
                         heartbeat_column_names[column], number);
}

/* A whole number from 0 to `most`; a fraction is rounded, as a server does. */
static enum status read_number(const struct sql_value *value,
                               uint64_t most,
                               size_t column,
                               size_t number,
                               uint64_t *found,
                               struct error *error)
{
    char text[64];
    char *end = NULL;
    double real = 0;

    if (sql_text_to_number(value->text, found)) {
        return *found > most ? out_of_range(column, number, error) : STATUS_OK;
    }
    if (value->text.size == 0 || value->text.size >= sizeof(text)) {
        end = text;
    } else {
        memcpy(text, value->text.data, value->text.size);
        text[value->text.size] = '\0';
        real = strtod(text, &end);
    }
    if (end == text || *end != '\0' || !isfinite(real)) {
        return sql_error_set(error, SQL_ERROR_WRONG_VALUE,
                             "Incorrect integer value: '%.*s' for column '%s' at row %zu",
                             value->text.size > 64 ? 64 : (int)value->text.size,
                             (const char *)value->text.data, heartbeat_column_names[column],
                             number);
    }
    real = round(real);
    if (real < 0 || real >= 1e15) { /* of larger ones its text does not have every digit */
        return out_of_range(column, number, error);
    }
    *found = (uint64_t)real;
    return *found > most ? out_of_range(column, number, error) : STATUS_OK;
}

static enum status set_null(struct heartbeat_row *row, size_t column, struct error *error)
{
    if (column == HEARTBEAT_APPLIED_EPOCH) {
        row->has_applied_epoch = false;
        row->applied_epoch = 0;
    } else if (column == HEARTBEAT_SOURCE_CLUSTER) {
        row->has_source_cluster = false;
        row->source_cluster = 0;
    } else {
        return sql_error_set(error, SQL_ERROR_NOT_NULL, "Column '%s' cannot be null",
                             heartbeat_column_names[column]);
    }
    return STATUS_OK;
}

enum status heartbeat_row_set(struct heartbeat_row *row,
                              size_t column,
                              const struct sql_value *value,
                              size_t number,
                              struct error *error)
{
    static const uint64_t most[HEARTBEAT_COLUMNS] = {UINT32_MAX, UINT64_MAX, UINT64_MAX,
                                                     UINT32_MAX, UINT32_MAX};
    uint64_t found = 0;

    if (value->kind == SQL_NULL) {
        return set_null(row, column, error);
    }
    if (read_number(value, most[column], column, number, &found, error) != STATUS_OK) {
        return error->status;
    }
    switch ((enum heartbeat_column)column) {
    case HEARTBEAT_SERVER_ID:
        row->server_id = (uint32_t)found;
        break;
    case HEARTBEAT_COUNTER:
        row->counter = found;
        break;
    case HEARTBEAT_APPLIED_EPOCH:
        row->has_applied_epoch = true;
        row->applied_epoch = found;
        break;
    case HEARTBEAT_SOURCE_CLUSTER:
        row->has_source_cluster = true;
        row->source_cluster = (uint32_t)found;
        break;
    case HEARTBEAT_UPDATED_AT:
        row->updated_usec = found * 1000000;
        break;
    case HEARTBEAT_COLUMNS:
    default:
        break;
    }
    return STATUS_OK;
}

bool heartbeat_row_is_same(const struct heartbeat_row *left, const struct heartbeat_row *right)
{
    return left->server_id == right->server_id && left->counter == right->counter &&
           left->has_applied_epoch == right->has_applied_epoch &&
           left->applied_epoch == right->applied_epoch &&
           left->has_source_cluster == right->has_source_cluster &&
           left->source_cluster == right->source_cluster &&
           left->updated_usec / 1000000 == right->updated_usec / 1000000;
}
