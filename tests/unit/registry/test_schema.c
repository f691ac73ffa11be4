/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

#include <sqlite3.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/registry/registry.h"
#include "binrelay/registry/registry_check.h"
#include "check.h"
#include "database.h"
#include "temp_dir.h"

/* As the first release made it. */
static const char version_1[] =
    "CREATE TABLE cluster (name TEXT PRIMARY KEY, first_visible_file INTEGER NOT NULL,"
    " first_visible_offset INTEGER NOT NULL, upstream_shift INTEGER NOT NULL,"
    " server_version TEXT NOT NULL, server_uuid TEXT NOT NULL, server_id INTEGER NOT NULL,"
    " gtid_mode TEXT NOT NULL, is_mariadb INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, at_usec INTEGER NOT NULL,"
    " cluster TEXT NOT NULL, event TEXT NOT NULL, message TEXT NOT NULL);"
    "INSERT INTO cluster VALUES ('east', 3, 4711, -1, '9.7.0', 'uuid', 101, 'ON', 0);"
    "INSERT INTO event VALUES (7, 1, 'east', 'source.connected', '');"
    "PRAGMA user_version = 1;";

/* What the second release added to that. */
static const char version_2[] =
    "ALTER TABLE cluster ADD COLUMN shift_from_file INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE cluster ADD COLUMN previous_shift INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE cluster ADD COLUMN server_id_bits INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE cluster ADD COLUMN identity INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE heartbeat (server_id INTEGER PRIMARY KEY, counter INTEGER NOT NULL,"
    " applied_epoch INTEGER, source_cluster INTEGER, updated_usec INTEGER NOT NULL);"
    "UPDATE cluster SET identity = 199;"
    "INSERT INTO heartbeat VALUES (201, 5, 4711, NULL, 1);"
    "PRAGMA user_version = 2;";

static struct sqlite3 *open_database(const char *directory)
{
    autofree char *path = mem_format("%s/control.db", directory);
    struct sqlite3 *database = NULL;
    struct error error;

    CHECK_OK(database_open(&database, path, &error), &error);
    return database;
}

static void run(struct sqlite3 *database, const char *sql)
{
    struct error error;

    CHECK_OK(database_run(database, sql, &error), &error);
}

static int number(struct sqlite3 *database, const char *sql)
{
    struct sqlite3_stmt *statement = NULL;
    struct error error;
    int found = 0;

    CHECK_OK(database_prepare(database, &statement, sql, &error), &error);
    CHECK_OK(database_step(database, statement, &error), &error);
    found = sqlite3_column_int(statement, 0);
    CHECK(sqlite3_finalize(statement) == SQLITE_OK);
    return found;
}

static void brings_a_database_of_version_1_up_to_date(void)
{
    char *directory = temp_dir_make();
    struct sqlite3 *database = open_database(directory);
    struct heartbeat_row row = {.server_id = 1, .counter = 2};
    struct registry *registry = NULL;
    struct registry_cluster found;
    struct error error;

    run(database, version_1);
    database_close(database);
    CHECK_OK(registry_open(&registry, directory, clock_system(), &error), &error);
    CHECK_OK(registry_load_cluster(registry, "east", &found, &error), &error);
    CHECK(found.first_visible.file == 3 && found.first_visible.offset == 4711);
    CHECK(found.upstream_shift == -1 && found.facts.server_id == 101);
    CHECK(found.shift_from_file == 0 && found.previous_shift == 0 && found.identity == 0);
    CHECK(found.facts.server_id_bits == 0);
    CHECK_OK(heartbeat_table_put(registry_heartbeats(registry), &row, 1, &error), &error);
    found.facts.server_id_bits = 9;
    registry_save_cluster(registry, "east", &found, NULL);
    registry_close(registry);
    database = open_database(directory);
    CHECK(number(database, "PRAGMA user_version") == 4);
    CHECK(number(database, "SELECT id FROM event") == 7);
    CHECK(number(database, "SELECT server_id_bits FROM cluster") == 9);
    database_close(database);
    temp_dir_remove(directory);
}

static void brings_a_database_of_version_2_up_to_date(void)
{
    char *directory = temp_dir_make();
    struct sqlite3 *database = open_database(directory);
    struct registry *registry = NULL;
    struct registry_cluster found;
    struct heartbeat_row row;
    struct error error;

    run(database, version_1);
    run(database, version_2);
    database_close(database);
    CHECK_OK(registry_check(directory, &error), &error);
    CHECK_OK(registry_open(&registry, directory, clock_system(), &error), &error);
    CHECK_OK(registry_load_cluster(registry, "east", &found, &error), &error);
    CHECK(found.identity == 199);
    CHECK_OK(heartbeat_table_find(registry_heartbeats(registry), 201, &row, &error), &error);
    CHECK(row.counter == 5 && row.applied_epoch == 4711);
    registry_close(registry);
    CHECK_OK(registry_check(directory, &error), &error);
    database = open_database(directory);
    CHECK(number(database, "SELECT count(*) FROM applier") == 0);
    CHECK(number(database, "SELECT count(*) FROM pin") == 0);
    database_close(database);
    temp_dir_remove(directory);
}

static void makes_the_same_tables_anew_and_from_older_versions(void)
{
    char *directories[] = {temp_dir_make(), temp_dir_make(), temp_dir_make()};
    char shapes[3][4000] = {"", "", ""};

    for (int at = 0; at < 3; at++) {
        struct sqlite3 *database = open_database(directories[at]);
        struct sqlite3_stmt *statement = NULL;
        struct error error;

        if (at >= 1) {
            run(database, version_1);
        }
        if (at == 2) {
            run(database, version_2);
        }
        CHECK_OK(schema_prepare(database, &error), &error);
        CHECK_OK(database_prepare(database, &statement,
                                  "SELECT group_concat(t.name || '.' || c.name || ' ' ||"
                                  " c.type || c.\"notnull\" || c.pk) FROM sqlite_schema t,"
                                  " pragma_table_info(t.name) c WHERE t.type = 'table'"
                                  " AND t.name NOT LIKE 'sqlite%'",
                                  &error),
                 &error);
        CHECK_OK(database_step(database, statement, &error), &error);
        strncat(shapes[at], (const char *)sqlite3_column_text(statement, 0),
                sizeof(shapes[at]) - 1);
        CHECK(sqlite3_finalize(statement) == SQLITE_OK);
        database_close(database);
        temp_dir_remove(directories[at]);
    }
    CHECK(strcmp(shapes[0], shapes[1]) == 0 && strcmp(shapes[0], shapes[2]) == 0);
    CHECK(strstr(shapes[0], "heartbeat.counter") != NULL);
    CHECK(strstr(shapes[0], "pin.expires_usec") != NULL);
}

static void leaves_a_newer_database_as_it_is(void)
{
    char *directory = temp_dir_make();
    struct sqlite3 *database = open_database(directory);
    struct registry *registry = NULL;
    struct error error;

    run(database, "CREATE TABLE novelty (x); PRAGMA user_version = 1000");
    database_close(database);
    CHECK(registry_open(&registry, directory, clock_system(), &error) == STATUS_INVALID);
    CHECK(registry == NULL && strstr(error.message, "schema 1000") != NULL);
    database = open_database(directory);
    CHECK(number(database, "PRAGMA user_version") == 1000);
    CHECK(number(database, "SELECT count(*) FROM sqlite_schema") == 1);
    database_close(database);
    temp_dir_remove(directory);
}

/* The table of events is there already: the first step fails in its middle. */
static void takes_a_failed_step_back(void)
{
    char *directory = temp_dir_make();
    struct sqlite3 *database = open_database(directory);
    struct error error;

    run(database, "CREATE TABLE event (id INTEGER)");
    CHECK(schema_prepare(database, &error) != STATUS_OK);
    database_close(database);
    database = open_database(directory);
    CHECK(number(database, "PRAGMA user_version") == 0);
    CHECK(number(database, "SELECT count(*) FROM sqlite_schema WHERE name = 'cluster'") == 0);
    database_close(database);
    temp_dir_remove(directory);
}

int main(void)
{
    brings_a_database_of_version_1_up_to_date();
    brings_a_database_of_version_2_up_to_date();
    makes_the_same_tables_anew_and_from_older_versions();
    leaves_a_newer_database_as_it_is();
    takes_a_failed_step_back();
    return 0;
}
