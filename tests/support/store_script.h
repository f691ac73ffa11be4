/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The true sequence of the crash tests: what a source has, how a puller feeds
 * it to a store, and what a store may show of it.
 */
#pragma once

#include "binlog_maker.h"
#include "binrelay/storage/binlog_files.h"
#include "binrelay/storage/binlog_store.h"

enum {
    SCRIPT_FILES = 6,
    SCRIPT_MOST_EVENTS = 80,
    SCRIPT_GATHER_BYTES = 8192,
    SCRIPT_MOST_EPOCHS = 8
};

struct script_event {
    size_t offset;
    size_t size;
    bool is_whole;   /* transactions are whole behind it */
    uint8_t source;  /* of the transaction that ends here; 0: none does */
    uint64_t number; /* its GTID */
};

/* An epoch, or with `is_gap` an incident behind one. */
struct script_epoch {
    uint32_t incarnation;
    uint64_t epoch;
    uint64_t start;
    uint64_t end;
    bool is_gap;
};

struct script_file {
    struct buffer bytes;
    struct script_epoch epochs[SCRIPT_MOST_EPOCHS];
    size_t epoch_count;
    struct script_event events[SCRIPT_MOST_EVENTS];
    size_t count;
};

struct script {
    struct script_file files[SCRIPT_FILES]; /* numbers 1, 2, ... */
};

void script_make(struct script *script);
void script_release(struct script *script);

/* Where a whole log ends. */
struct binlog_position script_end(const struct script *script);

/* The transactions in front of a position. The caller frees the set. */
struct gtid_set *script_gtids(const struct script *script, struct binlog_position end);

/* A puller: asks the store where it ends, and goes on from there. */
struct feeder {
    const struct script *script;
    struct binlog_store *store;
    size_t file;  /* index */
    size_t event; /* index of the next */
    bool has_file;
    unsigned steps;
};

/* Finds the place behind the store's tail: as a puller does when it connects. */
void feeder_resume(struct feeder *feeder, struct binlog_store *store);

/* Feeds all that is left, with writes, syncs and lost connections on its way. */
enum status feeder_run(struct feeder *feeder, struct error *error);

/*
 * Checks what a store shows against the script: everything up to `shown` and
 * up to its durable end is there, byte for byte, and ends with a transaction;
 * files, tail and GTIDs say the same, and so do the epochs, if the store looks for NDB's.
 */
void script_check(const struct script *script,
                  struct binlog_store *store,
                  const char *directory,
                  struct binlog_position shown);
