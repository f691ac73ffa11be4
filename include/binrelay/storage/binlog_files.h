/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of a store's files, and where to begin in them. Any thread; what is
 * returned is the caller's own copy.
 */
#pragma once

#include "binrelay/protocol/gtid_set.h"
#include "binrelay/protocol/mariadb_gtid.h"
#include "binrelay/storage/binlog_store.h"

struct binlog_file_facts {
    uint64_t file;
    uint64_t bytes;             /* up to the durable end */
    uint32_t first_created_sec; /* of its events; 0 where there is none */
    uint32_t last_created_sec;
    /* Wall clock: when its last event was stored. From the clock while it is appended to, and
     * from the file's mtime at a start, so that after one it may be later: a tail was cut, the
     * files were copied. May lie in the future if the clock was set back. */
    uint64_t written_usec;
    bool is_mariadb;
    bool has_gtids;  /* a GTID event that is not anonymous was stored in it */
    bool is_rotated; /* ends in a Rotate: readers know the next file's name. Of the newest file
                        only */
    char server_version[51]; /* of the server that wrote it */
    enum binlog_checksum checksum;
};

/* Copies the facts of all files, oldest first; *facts is the caller's. Returns the count. */
size_t binlog_files_list(struct binlog_store *store, struct binlog_file_facts **facts);

/* The oldest file; 0: there is none. Grows with each purge: who looks several times and finds
 * it the same in front and behind has looked at one state. */
uint64_t binlog_files_first(struct binlog_store *store);

/* STATUS_NOT_FOUND if there is no such file (any more). */
MUST_CHECK enum status binlog_files_find(struct binlog_store *store,
                                         uint64_t file,
                                         struct binlog_file_facts *found,
                                         struct error *error);

/* What was stored before the file began, computed from what was stored; NULL: no
 * such file. */
struct gtid_set *binlog_files_gtids_before(struct binlog_store *store, uint64_t file);

/* What the store holds and held, up to the durable end; and what it held before its first file.
 */
struct gtid_set *binlog_files_gtids(struct binlog_store *store);
struct gtid_set *binlog_files_gtids_purged(struct binlog_store *store);

/* The same for MariaDB: the binlog state (last of each domain and server). Released by the
 * caller. */
void binlog_files_mariadb_state(struct binlog_store *store, struct mariadb_gtid_list *state);

/* The state before a file. STATUS_NOT_FOUND: no such file. */
MUST_CHECK enum status binlog_files_mariadb_state_before(struct binlog_store *store,
                                                         uint64_t file,
                                                         struct mariadb_gtid_list *state,
                                                         struct error *error);

/*
 * The newest file that a replica which has `set` can begin with: what is
 * before it is all in the set, but for the GTIDs of incidents in front of the
 * first NDB epoch, which no replica ever gets. STATUS_NOT_FOUND: the set misses
 * what is not here any more; `missing` (the caller's to free) names it, or is
 * NULL while there is no file.
 */
MUST_CHECK enum status binlog_files_find_by_gtids(struct binlog_store *store,
                                                  const struct gtid_set *set,
                                                  uint64_t *file,
                                                  struct gtid_set **missing,
                                                  struct error *error);

/* The same for a MariaDB position: domains that the position lacks begin at their beginning. */
MUST_CHECK enum status binlog_files_find_by_mariadb(struct binlog_store *store,
                                                    const struct mariadb_gtid_list *position,
                                                    uint64_t *file,
                                                    struct error *error);
