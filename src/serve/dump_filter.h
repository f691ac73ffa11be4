/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaves out the transactions a replica has already, by their GTIDs: scans a
 * file's events and says how far the next ones are all to be sent, or all to
 * be left out. Which is which a rule says: MySQL's sets (dump_gtid.c) or
 * MariaDB's positions (dump_mariadb.c), and that of the incidents before the
 * first epoch, which goes with any. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/protocol/binlog_event.h"
#include "binrelay/protocol/gtid_set.h"
#include "binrelay/protocol/mariadb_gtid.h"
#include "binrelay/storage/binlog_store.h"
#include "frame.h"

struct dump_filter;

/* What has to be done in a file. */
enum filter_need {
    FILTER_NEEDED,    /* its events must be scanned */
    FILTER_IDLE_HERE, /* nothing of the rest of this file is left out, maybe of a later one */
    FILTER_DONE,      /* nothing will be left out any more */
};

struct filter_rule {
    /* A file begins, or the scan comes to `file` at the start. */
    enum status (*enter_file)(void *rule,
                              struct binlog_store *store,
                              uint64_t file,
                              bool is_finished,
                              struct error *error);

    /* A GTID event begins a group: is it left out? STATUS_INVALID: the stream cannot go on. */
    enum status (*decide)(void *rule,
                          struct binlog_event_header header,
                          struct bytes body,
                          bool *is_left_out,
                          struct error *error);
    enum filter_need (*need)(const void *rule);
    void (*free)(void *rule);

    bool (*begins_group)(uint8_t event_type);
    bool (*ends_group)(uint8_t event_type); /* is itself in no group, and sent */
};

/*
 * An NDB binlog server begins each log in the field with an incident: nothing
 * is lost there, as no epoch was before. With this, incidents before the first
 * epoch of the store are left out too, whatever the rule says. The store is
 * borrowed. For streams of NDB's servers.
 */
void dump_filter_leave_opening(struct dump_filter *filter, struct binlog_store *store);

/* The rule's object is the filter's from now on. */
struct dump_filter *dump_filter_new(const struct filter_rule *rule, void *object);

/* Accepts NULL. */
void dump_filter_free(struct dump_filter *filter);

/* Checks whether the rule has anything to do in the file. */
MUST_CHECK enum status dump_filter_enter_file(struct dump_filter *filter,
                                              struct binlog_store *store,
                                              uint64_t file,
                                              bool is_finished,
                                              struct error *error);

/* What is to be done from the position on, which is in the file that was entered last. */
enum filter_need dump_filter_need(struct dump_filter *filter, struct binlog_position position);

/* The same of the rule alone, without the incidents. */
enum filter_need dump_filter_need_of_rule(const struct dump_filter *filter);

/* Events from `begin` to `end` that are all sent, or all left out. */
struct filter_run {
    uint64_t end;
    bool is_left_out;
    bool has_group; /* a transaction begins in it */
};

/*
 * Scans from range.offset to the next change, at most to
 * frame_block_stop() (sent) or so many bytes (left out) or the range's limit.
 */
MUST_CHECK enum status dump_filter_next(struct dump_filter *filter,
                                        struct frame_source *source,
                                        struct frame_range range,
                                        enum binlog_checksum checksum,
                                        struct filter_run *found,
                                        struct error *error);

/* ---- for the rules ---- */

/* The object of the filter's rule. */
void *dump_filter_object(const struct dump_filter *filter);

/* The number of the file behind this one: some are left out. 0: there is none. */
uint64_t dump_filter_next_file(struct binlog_store *store, uint64_t file);

/* ---- the rules ---- */

/* MySQL: leaves out what is in the set, which is the filter's from now on. */
struct dump_filter *dump_filter_of_gtids(struct gtid_set *set);

/* MySQL: leaves out nothing by itself. */
struct dump_filter *dump_filter_of_nothing(void);

/* MariaDB: leaves out, in each domain of the position, what is up to it. `stored` is the
 * binlog state of all that is stored. */
struct dump_filter *dump_filter_of_mariadb(const struct mariadb_gtid_list *position,
                                           const struct mariadb_gtid_list *stored,
                                           bool is_strict);

/* The binlog state where the scan is, of a filter of MariaDB's. */
const struct mariadb_gtid_list *dump_filter_mariadb_state(const struct dump_filter *filter);
