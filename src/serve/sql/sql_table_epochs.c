/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mysql.ndb_binlog_index over the epoch index: the newest incarnation of the
 * session's cluster, in the order of epochs.
 *
 * Conditions on epoch become a range, and ORDER BY epoch is how it is read, so
 * that a position costs one look-up. Two questions are answered by what
 * is proven, not by what stands there (docs/sql.md):
 *
 *   epoch = N                                  an epoch that was empty at our source has a row
 *   epoch > N ORDER BY epoch LIMIT 1           no row if epochs may be missing behind N
 */
#include <stdio.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/storage/epoch_index.h"
#include "binrelay/storage/epoch_locate.h"
#include "sql_engine.h"
#include "sql_errors.h"
#include "sql_tables.h"

/* Which arguments a plan gives, in this order; and how it is read. */
enum {
    PLAN_EQUAL = 1,
    PLAN_LOW = 2,      /* epoch > x or >= x */
    PLAN_LOW_OPEN = 4, /* it is > */
    PLAN_HIGH = 8,     /* epoch < x or <= x */
    PLAN_HIGH_OPEN = 16,
    PLAN_LIMIT = 32,
    PLAN_DESCENDING = 64,
};

enum column {
    COLUMN_POSITION,
    COLUMN_FILE,
    COLUMN_EPOCH,
    COLUMN_INSERTS,
    COLUMN_UPDATES,
    COLUMN_DELETES,
    COLUMN_SCHEMA_OPS,
    COLUMN_ORIG_SERVER_ID,
    COLUMN_ORIG_EPOCH,
    COLUMN_GCI,
    COLUMN_NEXT_POSITION,
    COLUMN_NEXT_FILE,
};

struct epochs_cursor {
    sqlite3_vtab_cursor base;    /* first */
    struct epoch_cursor *epochs; /* owned; NULL: one row at most, which is in `place` */
    struct binlog_store *store;  /* borrowed */
    struct epoch_place place;    /* the row */
    bool has_row;
    bool is_descending;
    uint32_t incarnation;
    uint64_t low; /* both inclusive */
    uint64_t high;
};

/* Which parts of a plan a condition can be. */
static int part_of(const struct sqlite3_index_constraint *condition)
{
    if (condition->op == SQLITE_INDEX_CONSTRAINT_LIMIT) {
        return PLAN_LIMIT;
    }
    if (condition->iColumn != COLUMN_EPOCH) {
        return 0;
    }
    switch (condition->op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
        return PLAN_EQUAL;
    case SQLITE_INDEX_CONSTRAINT_GT:
        return PLAN_LOW | PLAN_LOW_OPEN;
    case SQLITE_INDEX_CONSTRAINT_GE:
        return PLAN_LOW;
    case SQLITE_INDEX_CONSTRAINT_LT:
        return PLAN_HIGH | PLAN_HIGH_OPEN;
    case SQLITE_INDEX_CONSTRAINT_LE:
        return PLAN_HIGH;
    default:
        return 0;
    }
}

static bool has_part(int parts, int part)
{
    return (parts & part & (PLAN_EQUAL | PLAN_LOW | PLAN_HIGH | PLAN_LIMIT)) != 0;
}

static void price(sqlite3_index_info *plan, int parts)
{
    plan->idxNum = parts;
    plan->estimatedCost = 10e6;
    plan->estimatedRows = 10000000;
    if ((parts & PLAN_EQUAL) != 0) {
        plan->estimatedCost = 10;
        plan->estimatedRows = 1;
    } else if ((parts & (PLAN_LOW | PLAN_HIGH)) != 0) {
        plan->estimatedCost = 3e6;
        plan->estimatedRows = 3000000;
    }
}

static int epochs_plan(sqlite3_vtab *base, sqlite3_index_info *plan)
{
    static const int order[] = {PLAN_EQUAL, PLAN_LOW, PLAN_HIGH, PLAN_LIMIT};
    int parts = 0;
    int arguments = 0;

    (void)base;
    for (size_t step = 0; step < sizeof(order) / sizeof(order[0]); step++) {
        for (int at = 0; at < plan->nConstraint; at++) {
            int part = part_of(&plan->aConstraint[at]);

            if ((part & order[step]) == 0 || has_part(parts, order[step])) {
                continue;
            }
            if (plan->aConstraint[at].usable == 0) {
                if (order[step] == PLAN_EQUAL) {
                    return SQLITE_CONSTRAINT; /* another order of the join can look it up */
                }
                continue;
            }
            parts |= part;
            plan->aConstraintUsage[at].argvIndex = ++arguments;
        }
    }
    if (plan->nOrderBy == 1 && plan->aOrderBy[0].iColumn == COLUMN_EPOCH) {
        plan->orderByConsumed = 1;
        parts |= plan->aOrderBy[0].desc != 0 ? PLAN_DESCENDING : 0;
    }
    price(plan, parts);
    return SQLITE_OK;
}

static int epochs_open(sqlite3_vtab *base, sqlite3_vtab_cursor **made)
{
    struct epochs_cursor *cursor = mem_zeroed(sizeof(*cursor));

    (void)base;
    *made = &cursor->base;
    return SQLITE_OK;
}

static int epochs_close(sqlite3_vtab_cursor *base)
{
    struct epochs_cursor *cursor = (struct epochs_cursor *)base;

    epoch_cursor_close(cursor->epochs);
    free(cursor);
    return SQLITE_OK;
}

static struct sql_engine *engine_of(const struct epochs_cursor *cursor)
{
    return sql_table_use_of(cursor->base.pVtab)->engine;
}

/* A bound as a number. False: no epoch can fulfil it. SQLite checks each row again, so what
 * is not a whole number may be taken too widely. */
static bool read_bound(sqlite3_value *value, bool is_low, bool is_open, uint64_t *bound)
{
    int type = sqlite3_value_numeric_type(value);
    double real = 0;

    if (type == SQLITE_NULL) {
        return false;
    }
    if (type == SQLITE_INTEGER) {
        sqlite3_int64 number = sqlite3_value_int64(value);

        if (number < 0) {
            return is_low;
        }
        if (is_low) {
            *bound = (uint64_t)number + (is_open ? 1 : 0);
            return true;
        }
        if (is_open && number == 0) {
            return false;
        }
        *bound = (uint64_t)number - (is_open ? 1 : 0);
        return true;
    }
    if (type == SQLITE_FLOAT) {
        real = sqlite3_value_double(value);
        if (is_low) {
            *bound = real <= 0 ? 0 : real >= 0x1p63 ? (uint64_t)INT64_MAX : (uint64_t)real;
            return true;
        }
        *bound = real >= 0x1p63 ? UINT64_MAX : real < 0 ? 0 : (uint64_t)real;
        return real >= 0;
    }
    return true; /* text that is no number: no bound */
}

static enum status find_newest(struct epochs_cursor *cursor, struct error *error)
{
    struct epoch_summary summary;
    enum status status = epoch_index_summary(cursor->store, &summary, error);

    cursor->incarnation = status == STATUS_OK ? summary.last.key.incarnation : 0;
    return status;
}

/* The row of one epoch. One that our source had nothing to log for stands where the one before
 * it ends, if nothing can be missing between its neighbours. */
static enum status look_up(struct epochs_cursor *cursor, uint64_t epoch, struct error *error)
{
    const struct epoch_key key = {.incarnation = cursor->incarnation, .epoch = epoch};
    struct epoch_place before;
    struct epoch_place after;
    enum status status = epoch_index_at_or_before(cursor->store, key, &before, error);

    if (status == STATUS_NOT_FOUND) { /* but what was purged may have ended with it */
        before = (struct epoch_place){.key = key};
        if (epoch_locate_after(cursor->store, key, &before.begin, error) != STATUS_OK) {
            return STATUS_NOT_FOUND;
        }
        before.end = before.begin;
        status = STATUS_OK;
    }
    if (status != STATUS_OK || before.key.incarnation != key.incarnation) {
        return status == STATUS_OK ? STATUS_NOT_FOUND : status;
    }
    if (before.key.epoch != epoch) {
        status = epoch_index_at_or_after(cursor->store, key, &after, error);
        if (status != STATUS_OK) {
            return status;
        }
        if (!epoch_index_is_continuous(cursor->store, before.key, after.key)) {
            return STATUS_NOT_FOUND;
        }
        before = (struct epoch_place){.key = key, .begin = before.end, .end = before.end};
    }
    cursor->place = before;
    cursor->has_row = true;
    return STATUS_OK;
}

static enum status step(struct epochs_cursor *cursor, struct error *error)
{
    enum status status = epoch_cursor_next(cursor->epochs, &cursor->place, error);
    const struct epoch_key *key = &cursor->place.key;

    cursor->has_row = status == STATUS_OK && key->incarnation == cursor->incarnation &&
                      key->epoch >= cursor->low && key->epoch <= cursor->high;
    return status;
}

/* True if no epoch can be missing between N and the row, for epoch > N and epoch >= N. */
static bool follows(const struct epochs_cursor *cursor, uint64_t number)
{
    const struct epoch_key key = {.incarnation = cursor->incarnation, .epoch = number};
    struct epoch_place before = {.key = key};
    struct binlog_position place;
    struct error ignored; /* then nothing is known of what was before */

    if (number == 0 || cursor->place.key.epoch == number) {
        return true; /* from the beginning; or the very epoch */
    }
    if (epoch_index_at_or_before(cursor->store, key, &before, &ignored) != STATUS_OK &&
        epoch_locate_after(cursor->store, key, &place, &ignored) != STATUS_OK) {
        return false;
    }
    return before.key.incarnation == cursor->incarnation &&
           epoch_index_is_continuous(cursor->store, before.key, cursor->place.key);
}

static enum status read_range(struct epochs_cursor *cursor, struct error *error)
{
    const struct epoch_key start = {
        .incarnation = cursor->incarnation,
        .epoch = cursor->is_descending ? cursor->high : cursor->low,
    };
    enum status status = STATUS_OK;

    cursor->epochs = epoch_cursor_open(cursor->store, cursor->is_descending);
    status = epoch_cursor_seek(cursor->epochs, start, error);
    return status == STATUS_OK ? step(cursor, error) : status;
}

/* Reads the arguments of the plan; false if no row can fulfil them. */
static bool read_arguments(struct epochs_cursor *cursor,
                           int parts,
                           sqlite3_value **values,
                           bool *is_position)
{
    int next = 0;

    cursor->low = 0;
    cursor->high = UINT64_MAX;
    if ((parts & PLAN_EQUAL) != 0) {
        sqlite3_value *value = values[next++];

        if (!read_bound(value, true, false, &cursor->low) ||
            !read_bound(value, false, false, &cursor->high)) {
            return false;
        }
    }
    if ((parts & PLAN_LOW) != 0) {
        uint64_t bound = 0;

        if (!read_bound(values[next++], true, (parts & PLAN_LOW_OPEN) != 0, &bound)) {
            return false;
        }
        cursor->low = bound > cursor->low ? bound : cursor->low;
    }
    if ((parts & PLAN_HIGH) != 0) {
        uint64_t bound = UINT64_MAX;

        if (!read_bound(values[next++], false, (parts & PLAN_HIGH_OPEN) != 0, &bound)) {
            return false;
        }
        cursor->high = bound < cursor->high ? bound : cursor->high;
    }
    *is_position = (parts & PLAN_LIMIT) != 0 && (parts & PLAN_LOW) != 0 &&
                   (parts & PLAN_DESCENDING) == 0 && sqlite3_value_int64(values[next]) == 1;
    return cursor->low <= cursor->high;
}

static int epochs_filter(
    sqlite3_vtab_cursor *base, int parts, const char *text, int count, sqlite3_value **values)
{
    struct epochs_cursor *cursor = (struct epochs_cursor *)base;
    bool is_position = false;
    enum status status = STATUS_OK;
    struct error error;

    (void)text;
    (void)count;
    epoch_cursor_close(cursor->epochs);
    cursor->epochs = NULL;
    cursor->has_row = false;
    cursor->store = sql_engine_session(engine_of(cursor))->cluster->store;
    cursor->is_descending = (parts & PLAN_DESCENDING) != 0;
    if (!read_arguments(cursor, parts, values, &is_position)) {
        return SQLITE_OK;
    }
    status = find_newest(cursor, &error);
    if (status == STATUS_OK) {
        status = (parts & PLAN_EQUAL) != 0 && cursor->low == cursor->high
                     ? look_up(cursor, cursor->low, &error)
                     : read_range(cursor, &error);
    }
    if (is_position && cursor->has_row) {
        uint64_t applied =
            cursor->low - ((parts & PLAN_LOW_OPEN) != 0 && cursor->low > 0 ? 1 : 0);

        cursor->has_row = follows(cursor, applied);
    }
    return status == STATUS_OK || status == STATUS_NOT_FOUND
               ? SQLITE_OK
               : sql_engine_fail(engine_of(cursor), &error);
}

static int epochs_next(sqlite3_vtab_cursor *base)
{
    struct epochs_cursor *cursor = (struct epochs_cursor *)base;
    struct error error;
    enum status status = STATUS_NOT_FOUND;

    cursor->has_row = false;
    if (cursor->epochs != NULL) {
        status = step(cursor, &error);
    }
    return status == STATUS_OK || status == STATUS_NOT_FOUND
               ? SQLITE_OK
               : sql_engine_fail(engine_of(cursor), &error);
}

static int epochs_eof(sqlite3_vtab_cursor *base)
{
    return ((const struct epochs_cursor *)base)->has_row ? 0 : 1;
}

static void give_number(sqlite3_context *context, uint64_t number)
{
    char text[24];
    int size = 0;

    if (number <= INT64_MAX) {
        sqlite3_result_int64(context, (sqlite3_int64)number);
        return;
    }
    size = snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    sqlite3_result_text(context, text, size, SQLITE_TRANSIENT);
}

/* As servers write it: a path, "./binlog.000001". */
static void give_file(sqlite3_context *context, struct binlog_store *store, uint64_t file)
{
    char name[BINLOG_NAME_BYTES + 2] = "./";

    binlog_name_print(name + 2, binlog_store_log_name(store), file);
    sqlite3_result_text(context, name, -1, SQLITE_TRANSIENT);
}

static int epochs_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int number)
{
    const struct epochs_cursor *cursor = (const struct epochs_cursor *)base;
    const struct epoch_place *place = &cursor->place;

    switch ((enum column)number) {
    case COLUMN_POSITION:
        give_number(context, place->begin.offset);
        break;
    case COLUMN_FILE:
        give_file(context, cursor->store, place->begin.file);
        break;
    case COLUMN_EPOCH:
        give_number(context, place->key.epoch);
        break;
    case COLUMN_INSERTS:
        give_number(context, place->inserts);
        break;
    case COLUMN_UPDATES:
        give_number(context, place->updates);
        break;
    case COLUMN_DELETES:
        give_number(context, place->deletes);
        break;
    case COLUMN_SCHEMA_OPS:
        give_number(context, place->schema_ops);
        break;
    case COLUMN_ORIG_SERVER_ID:
    case COLUMN_ORIG_EPOCH: /* as without ndb_log_orig */
        give_number(context, 0);
        break;
    case COLUMN_GCI:
        give_number(context, place->key.epoch >> 32);
        break;
    case COLUMN_NEXT_POSITION:
        give_number(context, place->end.offset);
        break;
    case COLUMN_NEXT_FILE:
        give_file(context, cursor->store, place->end.file);
        break;
    default:
        sqlite3_result_null(context);
        break;
    }
    return SQLITE_OK;
}

static int epochs_number(sqlite3_vtab_cursor *base, sqlite3_int64 *number)
{
    *number = (sqlite3_int64)((const struct epochs_cursor *)base)->place.key.epoch;
    return SQLITE_OK;
}

const sqlite3_module sql_epochs_module = {
    .iVersion = 1,
    .xConnect = sql_table_connect,
    .xBestIndex = epochs_plan,
    .xDisconnect = sql_table_disconnect,
    .xOpen = epochs_open,
    .xClose = epochs_close,
    .xFilter = epochs_filter,
    .xNext = epochs_next,
    .xEof = epochs_eof,
    .xColumn = epochs_column,
    .xRowid = epochs_number,
};
