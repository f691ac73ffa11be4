/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

#include <sqlite3.h>

#include "binrelay/base/memory.h"
#include "database.h"

/* Numbers are kept as SQLite keeps them: 64 bits with a sign. */
static const char clusters_and_events[] = "CREATE TABLE cluster ("
                                          "  name TEXT PRIMARY KEY,"
                                          "  first_visible_file INTEGER NOT NULL,"
                                          "  first_visible_offset INTEGER NOT NULL,"
                                          "  upstream_shift INTEGER NOT NULL,"
                                          "  server_version TEXT NOT NULL,"
                                          "  server_uuid TEXT NOT NULL,"
                                          "  server_id INTEGER NOT NULL,"
                                          "  gtid_mode TEXT NOT NULL,"
                                          "  is_mariadb INTEGER NOT NULL) WITHOUT ROWID;"
                                          "CREATE TABLE event ("
                                          "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
                                          "  at_usec INTEGER NOT NULL,"
                                          "  cluster TEXT NOT NULL,"
                                          "  event TEXT NOT NULL,"
                                          "  message TEXT NOT NULL);";

/* Stores of before were never rewritten: their identity is the source's own. */
static const char epochs[] =
    "ALTER TABLE cluster ADD COLUMN shift_from_file INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE cluster ADD COLUMN previous_shift INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE cluster ADD COLUMN server_id_bits INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE cluster ADD COLUMN identity INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE heartbeat ("
    "  server_id INTEGER PRIMARY KEY,"
    "  counter INTEGER NOT NULL,"
    "  applied_epoch INTEGER,"
    "  source_cluster INTEGER,"
    "  updated_usec INTEGER NOT NULL);";

/* Words for origin and way: people look into the file. */
static const char appliers_and_pins[] = "CREATE TABLE applier ("
                                        "  cluster TEXT NOT NULL,"
                                        "  server_id INTEGER NOT NULL,"
                                        "  member_of TEXT NOT NULL,"
                                        "  origin TEXT NOT NULL,"
                                        "  is_required INTEGER NOT NULL,"
                                        "  expire_after_usec INTEGER NOT NULL,"
                                        "  is_lost INTEGER NOT NULL,"
                                        "  is_expired INTEGER NOT NULL,"
                                        "  incarnation INTEGER NOT NULL,"
                                        "  epoch INTEGER NOT NULL,"
                                        "  gtids TEXT,"
                                        "  sent_file INTEGER NOT NULL,"
                                        "  sent_offset INTEGER NOT NULL,"
                                        "  regained_file INTEGER NOT NULL,"
                                        "  regained_offset INTEGER NOT NULL,"
                                        "  way TEXT NOT NULL,"
                                        "  reported_usec INTEGER NOT NULL,"
                                        "  seen_usec INTEGER NOT NULL,"
                                        "  PRIMARY KEY (cluster, server_id)) WITHOUT ROWID;"
                                        "CREATE TABLE pin ("
                                        "  name TEXT PRIMARY KEY,"
                                        "  cluster TEXT NOT NULL,"
                                        "  incarnation INTEGER NOT NULL,"
                                        "  epoch INTEGER NOT NULL,"
                                        "  from_file INTEGER NOT NULL,"
                                        "  from_offset INTEGER NOT NULL,"
                                        "  is_done INTEGER NOT NULL,"
                                        "  is_expired INTEGER NOT NULL,"
                                        "  created_usec INTEGER NOT NULL,"
                                        "  expires_usec INTEGER NOT NULL) WITHOUT ROWID;";

/* What the group had applied stands beside what its holder was granted: the next one begins
 * there, were all else lost. */
static const char leases[] = "CREATE TABLE lease ("
                             "  cluster TEXT NOT NULL,"
                             "  member_of TEXT NOT NULL,"
                             "  number INTEGER NOT NULL,"
                             "  holder INTEGER NOT NULL,"
                             "  incarnation INTEGER NOT NULL,"
                             "  epoch INTEGER NOT NULL,"
                             "  start_incarnation INTEGER NOT NULL,"
                             "  start_epoch INTEGER NOT NULL,"
                             "  start_file INTEGER NOT NULL,"
                             "  start_offset INTEGER NOT NULL,"
                             "  base_file INTEGER NOT NULL,"
                             "  base_offset INTEGER NOT NULL,"
                             "  granted_usec INTEGER NOT NULL,"
                             "  PRIMARY KEY (cluster, member_of)) WITHOUT ROWID;"
                             "CREATE TABLE lease_fence ("
                             "  cluster TEXT NOT NULL,"
                             "  member_of TEXT NOT NULL,"
                             "  server_id INTEGER NOT NULL,"
                             "  is_lifted INTEGER NOT NULL,"
                             "  place_file INTEGER NOT NULL,"
                             "  place_offset INTEGER NOT NULL,"
                             "  PRIMARY KEY (cluster, member_of, server_id)) WITHOUT ROWID;";

/* The statements that lead from each version to the next. What stands here is never changed
 * once it is released: a further version is added. */
static const char *const steps[] = {clusters_and_events, epochs, appliers_and_pins, leases};

enum { SCHEMA_VERSION = sizeof(steps) / sizeof(steps[0]) };

static enum status read_version(struct sqlite3 *database, int *found, struct error *error)
{
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, &statement, "PRAGMA user_version", error);

    if (status != STATUS_OK) {
        return status;
    }
    status = database_step(database, statement, error);
    if (status == STATUS_OK) {
        *found = sqlite3_column_int(statement, 0);
    }
    (void)sqlite3_finalize(statement); /* the answer is taken */
    return status;
}

/* Reads the version, which this program must know. */
static enum status read_known_version(struct sqlite3 *database, int *found, struct error *error)
{
    enum status status = read_version(database, found, error);

    if (status == STATUS_OK && (*found < 0 || *found > SCHEMA_VERSION)) {
        status =
            error_set(error, STATUS_INVALID,
                      "control.db has schema %d, this version knows %d: use a newer binrelayd",
                      *found, SCHEMA_VERSION);
    }
    return status;
}

enum status schema_check(struct sqlite3 *database, struct error *error)
{
    int version = 0;
    enum status status = read_known_version(database, &version, error);

    if (status == STATUS_OK && version == 0) {
        status = error_set(error, STATUS_CORRUPT, "control.db has no schema of a relay");
    }
    return status;
}

enum status schema_prepare(struct sqlite3 *database, struct error *error)
{
    int version = 0;
    enum status status = read_known_version(database, &version, error);

    for (; status == STATUS_OK && version < SCHEMA_VERSION; version++) {
        autofree char *sql = mem_format("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT;",
                                        steps[version], version + 1);

        status = database_run(database, sql, error); /* closing it takes a failed one back */
    }
    return status;
}
