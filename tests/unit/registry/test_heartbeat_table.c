/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/registry/heartbeat_table.h"

#include <pthread.h>
#include <sqlite3.h>

#include "binrelay/base/memory.h"
#include "binrelay/registry/registry.h"
#include "check.h"
#include "temp_dir.h"

static struct registry *open_registry(const char *directory)
{
    struct registry *registry = NULL;
    struct error error;

    CHECK_OK(registry_open(&registry, directory, clock_system(), &error), &error);
    return registry;
}

static void put(struct registry *registry, const struct heartbeat_row *rows, size_t count)
{
    struct error error;

    CHECK_OK(heartbeat_table_put(registry_heartbeats(registry), rows, count, &error), &error);
}

static struct heartbeat_row find(struct registry *registry, uint32_t server_id)
{
    struct heartbeat_row row;
    struct error error;

    CHECK_OK(heartbeat_table_find(registry_heartbeats(registry), server_id, &row, &error),
             &error);
    return row;
}

static size_t count_rows(struct registry *registry)
{
    autofree struct heartbeat_row *rows = NULL;
    size_t count = heartbeat_table_list(registry_heartbeats(registry), &rows);

    for (size_t at = 1; at < count; at++) {
        CHECK(rows[at - 1].server_id < rows[at].server_id);
    }
    return count;
}

static void knows_its_rows_after_a_restart(void)
{
    char *directory = temp_dir_make();
    struct registry *registry = open_registry(directory);
    const struct heartbeat_row rows[] = {
        {.server_id = UINT32_MAX, .counter = UINT64_MAX, .updated_usec = 3},
        {.server_id = 201, .has_applied_epoch = true, .applied_epoch = UINT64_C(1) << 63},
        {.server_id = 202,
         .counter = 5,
         .has_applied_epoch = true,
         .has_source_cluster = true,
         .source_cluster = 4000000000U},
    };
    struct heartbeat_row row;
    struct error error;

    CHECK(count_rows(registry) == 0);
    put(registry, rows, 3);
    registry_close(registry);
    registry = open_registry(directory);
    CHECK(count_rows(registry) == 3);
    row = find(registry, UINT32_MAX);
    CHECK(row.counter == UINT64_MAX && row.updated_usec == 3);
    CHECK(!row.has_applied_epoch && !row.has_source_cluster);
    row = find(registry, 201);
    CHECK(row.has_applied_epoch && row.applied_epoch == UINT64_C(1) << 63);
    row = find(registry, 202);
    CHECK(row.has_applied_epoch && row.applied_epoch == 0);
    CHECK(row.has_source_cluster && row.source_cluster == 4000000000U);
    CHECK(heartbeat_table_find(registry_heartbeats(registry), 203, &row, &error) ==
          STATUS_NOT_FOUND);
    registry_close(registry);
    temp_dir_remove(directory);
}

static void replaces_a_row_as_a_whole(void)
{
    char *directory = temp_dir_make();
    struct registry *registry = open_registry(directory);
    const struct heartbeat_row rows[] = {
        {.server_id = 1, .counter = 1, .has_applied_epoch = true, .applied_epoch = 9},
        {.server_id = 1, .counter = 2},
    };

    put(registry, rows, 2);
    CHECK(count_rows(registry) == 1 && find(registry, 1).counter == 2);
    CHECK(!find(registry, 1).has_applied_epoch);
    put(registry, rows, 1);
    CHECK(find(registry, 1).applied_epoch == 9);
    put(registry, NULL, 0);
    CHECK(count_rows(registry) == 1);
    registry_close(registry);
    registry = open_registry(directory);
    CHECK(count_rows(registry) == 1 && find(registry, 1).counter == 1);
    registry_close(registry);
    temp_dir_remove(directory);
}

static void takes_no_row_of_a_write_beyond_its_limit(void)
{
    char *directory = temp_dir_make();
    struct registry *registry = open_registry(directory);
    autofree struct heartbeat_row *rows = mem_zeroed((HEARTBEAT_MOST_ROWS + 1) * sizeof(*rows));
    struct heartbeat_table *table = registry_heartbeats(registry);
    struct error error;

    for (uint32_t at = 0; at <= HEARTBEAT_MOST_ROWS; at++) {
        rows[at].server_id = at + 1;
    }
    CHECK(heartbeat_table_put(table, rows, HEARTBEAT_MOST_ROWS + 1, &error) == STATUS_FULL);
    CHECK(count_rows(registry) == 0);
    put(registry, rows, HEARTBEAT_MOST_ROWS);
    rows[0].counter = 77;
    rows[1].server_id = HEARTBEAT_MOST_ROWS + 1;
    CHECK(heartbeat_table_put(table, rows, 2, &error) == STATUS_FULL);
    CHECK(find(registry, 1).counter == 0);
    put(registry, rows, 1); /* a row that is there has its place */
    CHECK(find(registry, 1).counter == 77);
    registry_close(registry);
    temp_dir_remove(directory);
}

/* A trigger refuses the second of three rows. */
static void takes_all_rows_of_a_write_or_none(void)
{
    char *directory = temp_dir_make();
    autofree char *path = mem_format("%s/control.db", directory);
    struct registry *registry = open_registry(directory);
    const struct heartbeat_row rows[] = {{.server_id = 1}, {.server_id = 13}, {.server_id = 2}};
    struct sqlite3 *database = NULL;
    struct error error;

    CHECK(sqlite3_open(path, &database) == SQLITE_OK);
    CHECK(sqlite3_exec(database,
                       "CREATE TRIGGER no BEFORE INSERT ON heartbeat WHEN new.server_id = 13"
                       " BEGIN SELECT RAISE(ABORT, 'not this one'); END",
                       NULL, NULL, NULL) == SQLITE_OK);
    CHECK(sqlite3_close(database) == SQLITE_OK);
    CHECK(heartbeat_table_put(registry_heartbeats(registry), rows, 3, &error) != STATUS_OK);
    CHECK(count_rows(registry) == 0);
    put(registry, rows, 1);
    registry_close(registry);
    registry = open_registry(directory);
    CHECK(count_rows(registry) == 1);
    registry_close(registry);
    temp_dir_remove(directory);
}

enum { WRITERS = 4, WRITES = 25 };

struct writer {
    pthread_t thread;
    struct registry *registry;
    uint32_t server_id;
};

static void *write_many(void *context)
{
    const struct writer *writer = context;

    for (uint64_t counter = 1; counter <= WRITES; counter++) {
        struct heartbeat_row row = {.server_id = writer->server_id, .counter = counter};

        put(writer->registry, &row, 1);
        CHECK(find(writer->registry, writer->server_id).counter == counter);
        (void)count_rows(writer->registry);
    }
    return NULL;
}

static void lets_threads_write_and_read_together(void)
{
    char *directory = temp_dir_make();
    struct registry *registry = open_registry(directory);
    struct writer writers[WRITERS];

    for (uint32_t at = 0; at < WRITERS; at++) {
        writers[at] = (struct writer){.registry = registry, .server_id = at + 1};
        CHECK(pthread_create(&writers[at].thread, NULL, write_many, &writers[at]) == 0);
    }
    for (uint32_t at = 0; at < WRITERS; at++) {
        CHECK(pthread_join(writers[at].thread, NULL) == 0);
    }
    CHECK(count_rows(registry) == WRITERS && find(registry, WRITERS).counter == WRITES);
    registry_close(registry);
    temp_dir_remove(directory);
}

int main(void)
{
    knows_its_rows_after_a_restart();
    replaces_a_row_as_a_whole();
    takes_no_row_of_a_write_beyond_its_limit();
    takes_all_rows_of_a_write_or_none();
    lets_threads_write_and_read_together();
    return 0;
}
