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
    enum status status = database_run(database, "BEGIN IMMEDIATE", error);
    struct error ignored; /* the first failure is what matters */

    if (status != STATUS_OK) {
        return status;
    }
    for (size_t at = 0; status == STATUS_OK && at < count; at++) {
        status = write_row(database, &rows[at], error);
    }
    if (status == STATUS_OK) {
        status = database_run(database, "COMMIT", error);
    }
    if (status != STATUS_OK) {
        (void)!database_run(database, "ROLLBACK", &ignored);
    }
    return status;
}

/* ---- a write, from the caller's thread to the worker and back ---- */

struct put {
    struct message message;
    struct heartbeat_table *table;
    const struct heartbeat_row *rows; /* the caller's, who waits */
    size_t count;
    struct error *error; /* the caller's */
    enum status status;
    bool is_done; /* under the lock */
    pthread_mutex_t lock;
    pthread_cond_t done;
};

static enum status put_rows(const struct put *put)
{
    struct heartbeat_table *table = put->table;
    /* No lock: this thread alone changes them. */
    struct heartbeat_row *rows = copy_rows(table, put->count);
    size_t count = table->count;
    enum status status = STATUS_OK;

    for (size_t at = 0; at < put->count; at++) {
        put_row(rows, &count, &put->rows[at]);
    }
    if (count > HEARTBEAT_MOST_ROWS && count > table->count) {
        status = error_set(put->error, STATUS_FULL, "the heartbeat table is full: %d rows",
                           HEARTBEAT_MOST_ROWS);
    } else {
        status = write_rows(table->database, put->rows, put->count, put->error);
    }
    if (status == STATUS_OK) {
        take_rows(table, rows, count);
    } else {
        free(rows);
    }
    return status;
}

static void on_put(struct message *message)
{
    struct put *put = (struct put *)message;
    enum status status = put_rows(put);

    pthread_mutex_lock(&put->lock);
    put->status = status;
    put->is_done = true;
    pthread_cond_signal(&put->done);
    pthread_mutex_unlock(&put->lock);
}

enum status heartbeat_table_put(struct heartbeat_table *table,
                                const struct heartbeat_row *rows,
                                size_t count,
                                struct error *error)
{
    struct put put = {.message.run = on_put,
                      .table = table,
                      .rows = rows,
                      .count = count,
                      .error = error,
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .done = PTHREAD_COND_INITIALIZER};

    if (count > HEARTBEAT_MOST_ROWS) {
        return error_set(error, STATUS_FULL, "the heartbeat table takes %d rows",
                         HEARTBEAT_MOST_ROWS);
    }
    worker_post(table->worker, &put.message);
    pthread_mutex_lock(&put.lock);
    while (!put.is_done) {
        pthread_cond_wait(&put.done, &put.lock);
    }
    pthread_mutex_unlock(&put.lock);
    (void)pthread_cond_destroy(&put.done);
    (void)pthread_mutex_destroy(&put.lock);
    return put.status;
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
