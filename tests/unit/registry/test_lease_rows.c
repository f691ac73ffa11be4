/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_rows.h"

#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "database.h"
#include "lease_scene.h"
#include "schema.h"
#include "temp_dir.h"

static const struct lease_record granted = {
    .number = 7,
    .holder = 4000000000,
    .applied = {.incarnation = 2, .epoch = UINT64_MAX - 1},
    .start_epoch = {.incarnation = 2, .epoch = 4711},
    .start = {.file = 12, .offset = 5000000000},
    .base = {.file = 3, .offset = 4},
    .granted_usec = 1700000000000000,
};

static struct sqlite3 *open_database(const char *directory)
{
    autofree char *path = mem_format("%s/control.db", directory);
    struct sqlite3 *database = NULL;
    struct error error;

    CHECK_OK(database_open(&database, path, &error), &error);
    CHECK_OK(schema_prepare(database, &error), &error);
    return database;
}

static void save(struct sqlite3 *database, const struct lease_write *write)
{
    struct error error;

    CHECK_OK(lease_rows_save(database, "east", write, &error), &error);
}

/* What a restart finds: one group, to be freed. */
static struct lease_facts *load(struct sqlite3 *database, const char *cluster, size_t *count)
{
    struct lease_scene scene;
    struct lease_facts *facts = NULL;
    struct error error;

    lease_scene_open(&scene);
    CHECK_OK(lease_rows_load(database, cluster, scene.desk, &error), &error);
    *count = lease_desk_list(scene.desk, &facts);
    lease_scene_close(&scene);
    return facts;
}

static void a_grant_is_found_again_with_all_its_bits(void)
{
    char *directory = temp_dir_make();
    struct sqlite3 *database = open_database(directory);
    struct lease_facts *facts = NULL;
    size_t count = 0;

    save(database, &(struct lease_write){.group = SCENE_GROUP, .record = &granted});
    database_close(database);
    database = open_database(directory);
    facts = load(database, "east", &count);
    CHECK(count == 1 && strcmp(facts->group, SCENE_GROUP) == 0);
    CHECK(strcmp(facts->state, "away") == 0);
    CHECK(facts->number == granted.number && facts->holder == granted.holder);
    CHECK(epoch_key_compare(facts->applied, granted.applied) == 0);
    CHECK(epoch_key_compare(facts->start_epoch, granted.start_epoch) == 0);
    CHECK(binlog_position_compare(facts->start, granted.start) == 0);
    CHECK(facts->granted_usec == granted.granted_usec);
    lease_facts_free(facts, count);
    facts = load(database, "west", &count); /* another cluster's group of the same name */
    CHECK(count == 0);
    lease_facts_free(facts, count);
    database_close(database);
    temp_dir_remove(directory);
}

static void a_record_replaces_only_the_one_it_was_decided_from(void)
{
    char *directory = temp_dir_make();
    struct sqlite3 *database = open_database(directory);
    struct lease_record next = granted;
    struct lease_write write = {.group = SCENE_GROUP, .record = &granted};
    struct error error;

    save(database, &write);
    next.number++;
    write = (struct lease_write){
        .group = SCENE_GROUP, .record = &next, .previous_number = granted.number - 1};
    CHECK(lease_rows_save(database, "east", &write, &error) == STATUS_CORRUPT);
    write.previous_number = granted.number;
    save(database, &write);
    CHECK(lease_rows_save(database, "east", &write, &error) == STATUS_CORRUPT);
    database_close(database);
    temp_dir_remove(directory);
}

static void fences_are_set_lifted_and_cleared(void)
{
    char *directory = temp_dir_make();
    struct sqlite3 *database = open_database(directory);
    struct lease_fence fence = {.server_id = 201, .place = {.file = 2, .offset = 77}};
    struct lease_write write = {
        .group = SCENE_GROUP, .record = &granted, .change = LEASE_FENCE_SET, .fence = &fence};
    struct lease_facts *facts = NULL;
    size_t count = 0;

    save(database, &write);
    write.previous_number = granted.number;
    fence.is_lifted = true;
    save(database, &write);
    facts = load(database, "east", &count);
    CHECK(count == 1 && facts->fenced_count == 1 && facts->fenced[0] == 201);
    lease_facts_free(facts, count);
    write.change = LEASE_FENCE_CLEARED;
    save(database, &write);
    facts = load(database, "east", &count);
    CHECK(count == 1 && facts->fenced_count == 0);
    lease_facts_free(facts, count);
    database_close(database);
    temp_dir_remove(directory);
}

static void a_fence_that_was_not_saved_leaves_the_record(void)
{
    char *directory = temp_dir_make();
    struct sqlite3 *database = open_database(directory);
    struct lease_record next = granted;
    struct lease_fence fence = {.server_id = 201};
    struct lease_write write = {.group = SCENE_GROUP, .record = &granted};
    struct lease_facts *facts = NULL;
    size_t count = 0;
    struct error error;

    save(database, &write);
    CHECK_OK(database_run(database, "DROP TABLE lease_fence", &error), &error);
    next.number++;
    write = (struct lease_write){.group = SCENE_GROUP,
                                 .record = &next,
                                 .previous_number = granted.number,
                                 .change = LEASE_FENCE_SET,
                                 .fence = &fence};
    CHECK(lease_rows_save(database, "east", &write, &error) != STATUS_OK);
    CHECK_OK(database_run(database,
                          "CREATE TABLE lease_fence (cluster, member_of, server_id, is_lifted,"
                          " place_file, place_offset)",
                          &error),
             &error);
    facts = load(database, "east", &count);
    CHECK(count == 1 && facts->number == granted.number);
    lease_facts_free(facts, count);
    database_close(database);
    temp_dir_remove(directory);
}

int main(void)
{
    a_grant_is_found_again_with_all_its_bits();
    a_record_replaces_only_the_one_it_was_decided_from();
    fences_are_set_lifted_and_cleared();
    a_fence_that_was_not_saved_leaves_the_record();
    return 0;
}
