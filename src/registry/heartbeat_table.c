/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows stand in memory, ordered, under a lock; the worker alone changes
 * them, and only to what it has committed. So readers never see a row that a
 * crash could take back, and never wait for the disk.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/base/worker.h"
#include "database.h"
#include "heartbeat_rows.h"
#include "registry_job.h"

struct heartbeat_table {
    struct sqlite3 *database; /* borrowed; the worker's */
    struct worker *worker;    /* borrowed */
    pthread_mutex_t lock;     /* of the two below */
    struct heartbeat_row *rows;
    size_t count;
};

/* ---- rows in memory ---- */

/* A copy with room for more. */
static struct heartbeat_row *copy_rows(const struct heartbeat_table *table, size_t more)
{
    struct heartbeat_row *copy = mem_raw((table->count + more + 1) * sizeof(*copy));

    if (table->count > 0) {
        memcpy(copy, table->rows, table->count * sizeof(*copy));
    }
    return copy;
}

/* The place of the first row that is not before the id. */
static size_t find_place(const struct heartbeat_row *rows, size_t count, uint32_t server_id)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (rows[middle].server_id < server_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Puts the row in its place in `rows`, which has room for it. */
static void put_row(struct heartbeat_row *rows, size_t *count, const struct heartbeat_row *row)
{
    size_t place = find_place(rows, *count, row->server_id);

    if (place == *count || rows[place].server_id != row->server_id) {
        memmove(rows + place + 1, rows + place, (*count - place) * sizeof(*rows));
        (*count)++;
    }
    rows[place] = *row;
}

static void take_rows(struct heartbeat_table *table, struct heartbeat_row *rows, size_t count)
{
    struct heartbeat_row *before = table->rows;

    pthread_mutex_lock(&table->lock);
    table->rows = rows;
    table->count = count;
    pthread_mutex_unlock(&table->lock);
    free(before);
}

/* ---- rows in the database ---- */

static void read_row(struct sqlite3_stmt *statement, struct heartbeat_row *row)
{
    *row = (struct heartbeat_row){
        .server_id = (uint32_t)sqlite3_column_int64(statement, 0),
        .counter = (uint64_t)sqlite3_column_int64(statement, 1),
        .has_applied_epoch = sqlite3_column_type(statement, 2) != SQLITE_NULL,
        .applied_epoch = (uint64_t)sqlite3_column_int64(statement, 2),
        .has_source_cluster = sqlite3_column_type(statement, 3) != SQLITE_NULL,
        .source_cluster = (uint32_t)sqlite3_column_int64(statement, 3),
        .updated_usec = (uint64_t)sqlite3_column_int64(statement, 4),
    };
}

static enum status load(struct heartbeat_table *table, struct error *error)
{
    static const char sql[] =
        "SELECT server_id, counter, applied_epoch, source_cluster, updated_usec"
        " FROM heartbeat ORDER BY server_id";
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(table->database, &statement, sql, error);
    size_t capacity = 0;

    while (status == STATUS_OK) {
        status = database_step(table->database, statement, error);
        if (status != STATUS_OK) {
            break;
        }
        if (table->count == capacity) {
            table->rows = mem_grow(table->rows, &capacity, sizeof(*table->rows));
        }
        read_row(statement, &table->rows[table->count++]);
    }
    (void)sqlite3_finalize(statement); /* says again what the step said; NULL is fine */
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* An unsigned number may be above what SQLite has: its bits are kept. */
static enum status write_row(struct sqlite3 *database,
                             const struct heartbeat_row *row,
                             struct error *error)
{
    static const char sql[] = "INSERT OR REPLACE INTO heartbeat (server_id, counter,"
                              " applied_epoch, source_cluster, updated_usec)"
                              " VALUES (?1,?2,?3,?4,?5)";
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, &statement, sql, error);

    if (status != STATUS_OK) {
        return status;
    }
    /* Binding fails only for want of memory, and then the step says so. What is not bound is
     * NULL. */
    (void)sqlite3_bind_int64(statement, 1, row->server_id);
    (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)row->counter);
    if (row->has_applied_epoch) {
        (void)sqlite3_bind_int64(statement, 3, (sqlite3_int64)row->applied_epoch);
    }
    if (row->has_source_cluster) {
        (void)sqlite3_bind_int64(statement, 4, row->source_cluster);
    }
    (void)sqlite3_bind_int64(statement, 5, (sqlite3_int64)row->updated_usec);
    return database_finish(database, statement, error);
}

static enum status write_rows(struct sqlite3 *database,
                              const struct heartbeat_row *rows,
                              size_t count,
                              struct error *error)
{
    enum status status = database_begin(database, error);

    if (status != STATUS_OK) {
        return status;
    }
    for (size_t at = 0; status == STATUS_OK && at < count; at++) {
        status = write_row(database, &rows[at], error);
    }
    return database_end(database, status, error);
}

/* ---- writing ---- */

/* The worker's thread, as all that writes. */
static enum status put_rows(struct heartbeat_table *table,
                            const struct heartbeat_row *added,
                            size_t added_count,
                            struct error *error)
{
    /* No lock: this thread alone changes them. */
    struct heartbeat_row *rows = copy_rows(table, added_count);
    size_t count = table->count;
    enum status status = STATUS_OK;

    for (size_t at = 0; at < added_count; at++) {
        put_row(rows, &count, &added[at]);
    }
    if (count > HEARTBEAT_MOST_ROWS && count > table->count) {
        status = error_set(error, STATUS_FULL, "the heartbeat table is full: %d rows",
                           HEARTBEAT_MOST_ROWS);
    } else {
        status = write_rows(table->database, added, added_count, error);
    }
    if (status == STATUS_OK) {
        take_rows(table, rows, count);
    } else {
        free(rows);
    }
    return status;
}

struct put {
    struct heartbeat_table *table;
    const struct heartbeat_row *rows; /* the caller's, who waits */
    size_t count;
};

static enum status run_put(void *context, struct error *error)
{
    const struct put *put = context;

    return put_rows(put->table, put->rows, put->count, error);
}

enum status heartbeat_table_put(struct heartbeat_table *table,
                                const struct heartbeat_row *rows,
                                size_t count,
                                struct error *error)
{
    struct put put = {.table = table, .rows = rows, .count = count};

    if (count > HEARTBEAT_MOST_ROWS) {
        return error_set(error, STATUS_FULL, "the heartbeat table takes %d rows",
                         HEARTBEAT_MOST_ROWS);
    }
    return registry_job_run(table->worker, run_put, &put, error);
}

enum status heartbeat_table_add_missing(struct heartbeat_table *table,
                                        const uint32_t *server_ids,
                                        size_t count,
                                        uint64_t now_usec,
                                        struct error *error)
{
    autofree struct heartbeat_row *missing = mem_zeroed((count + 1) * sizeof(*missing));
    size_t missing_count = 0;

    for (size_t at = 0; at < count; at++) {
        size_t place = find_place(table->rows, table->count, server_ids[at]);

        if (place == table->count || table->rows[place].server_id != server_ids[at]) {
            missing[missing_count++] =
                (struct heartbeat_row){.server_id = server_ids[at], .updated_usec = now_usec};
        }
    }
    return missing_count > 0 ? put_rows(table, missing, missing_count, error) : STATUS_OK;
}

static enum status delete_row(struct sqlite3 *database, uint32_t server_id, struct error *error)
{
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, &statement,
                                          "DELETE FROM heartbeat WHERE server_id = ?1", error);

    if (status != STATUS_OK) {
        return status;
    }
    (void)sqlite3_bind_int64(statement, 1, server_id); /* fails only for want of memory */
    return database_finish(database, statement, error);
}

enum status heartbeat_table_remove(struct heartbeat_table *table,
                                   uint32_t server_id,
                                   struct error *error)
{
    size_t place = find_place(table->rows, table->count, server_id);
    enum status status = STATUS_OK;

    if (place == table->count || table->rows[place].server_id != server_id) {
        return STATUS_OK;
    }
    status = delete_row(table->database, server_id, error);
    if (status == STATUS_OK) {
        struct heartbeat_row *rows = copy_rows(table, 0);

        memmove(rows + place, rows + place + 1, (table->count - place - 1) * sizeof(*rows));
        take_rows(table, rows, table->count - 1);
    }
    return status;
}

/* ---- reading ---- */

size_t heartbeat_table_list(struct heartbeat_table *table, struct heartbeat_row **rows)
{
    size_t count = 0;

    pthread_mutex_lock(&table->lock);
    *rows = copy_rows(table, 0);
    count = table->count;
    pthread_mutex_unlock(&table->lock);
    return count;
}

enum status heartbeat_table_find(struct heartbeat_table *table,
                                 uint32_t server_id,
                                 struct heartbeat_row *row,
                                 struct error *error)
{
    bool is_found = false;
    size_t place = 0;

    pthread_mutex_lock(&table->lock);
    place = find_place(table->rows, table->count, server_id);
    is_found = place < table->count && table->rows[place].server_id == server_id;
    if (is_found) {
        *row = table->rows[place];
    }
    pthread_mutex_unlock(&table->lock);
    return is_found ? STATUS_OK
                    : error_set(error, STATUS_NOT_FOUND,
                                "there is no heartbeat row of server_id %u", server_id);
}

/* ---- life ---- */

enum status heartbeat_table_open(struct heartbeat_table **made,
                                 struct sqlite3 *database,
                                 struct worker *worker,
                                 struct error *error)
{
    struct heartbeat_table *table = mem_zeroed(sizeof(*table));
    enum status status = STATUS_OK;

    (void)pthread_mutex_init(&table->lock, NULL); /* cannot fail for a default mutex */
    table->database = database;
    table->worker = worker;
    status = load(table, error);
    if (status != STATUS_OK) {
        heartbeat_table_close(table);
        return status;
    }
    *made = table;
    return STATUS_OK;
}

void heartbeat_table_close(struct heartbeat_table *table)
{
    if (table == NULL) {
        return;
    }
    (void)pthread_mutex_destroy(&table->lock);
    free(table->rows);
    free(table);
}
