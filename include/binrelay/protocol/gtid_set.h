/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MySQL GTIDs and sets of them, with tags (8.4 and up): "UUID[:tag]:1-5:7,...".
 *
 * A set is sorted by UUID and tag, its intervals are disjoint and joined where
 * they touch. One thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"

enum {
    GTID_UUID_BYTES = 16,
    GTID_TAG_MOST_BYTES = 32,
    GTID_SET_MOST_INTERVALS = 4000000, /* a peer's set may not make us grow without bound */
};

struct gtid_source {
    uint8_t uuid[GTID_UUID_BYTES];
    char tag[GTID_TAG_MOST_BYTES + 1]; /* "" for none */
};

struct gtid {
    struct gtid_source source;
    uint64_t number; /* 1 to 2^63 - 2 */
};

/*
 * GTID_event (33), ANONYMOUS (34) and tagged (42), from the body.
 * STATUS_NOT_FOUND, with error untouched: it is anonymous. STATUS_CORRUPT: no
 * GTID can be read, or its number is impossible.
 */
MUST_CHECK enum status gtid_decode_event(struct gtid *found,
                                         uint8_t event_type,
                                         struct bytes body,
                                         struct error *error);

/*
 * When the server whose binlog it is committed the transaction: wall clock, from
 * the same three events. False: a server older than 8.0, which does not say, or
 * a broken event.
 */
bool gtid_event_commit_usec(uint8_t event_type, struct bytes body, uint64_t *usec);

/* "uuid:tag:number"; text has room for GTID_TEXT_BYTES. */
enum { GTID_TEXT_BYTES = 36 + 1 + GTID_TAG_MOST_BYTES + 1 + 20 + 1 };
void gtid_print(const struct gtid *gtid, char text[GTID_TEXT_BYTES]);

struct gtid_set;

struct gtid_set *gtid_set_new(void);
struct gtid_set *gtid_set_copy(const struct gtid_set *set);

/* Accepts NULL. */
void gtid_set_free(struct gtid_set *set);

/*
 * The text form as MySQL 9.7 takes it: blanks and newlines, a tag for the
 * intervals behind it, "" for the empty set. STATUS_INVALID says where it ends
 * to be one; STATUS_FULL: more than GTID_SET_MOST_INTERVALS.
 */
MUST_CHECK enum status gtid_set_parse(struct gtid_set **made,
                                      struct bytes text,
                                      struct error *error);

/* Adds the text of @@gtid_executed: ",\n" between UUIDs, all tags of one together, sorted. */
void gtid_set_print(const struct gtid_set *set, struct buffer *output);

/*
 * The binary form of Previous_gtids and COM_BINLOG_DUMP_GTID, untagged and
 * tagged encoding. STATUS_CORRUPT, or STATUS_FULL as above.
 */
MUST_CHECK enum status gtid_set_decode(struct gtid_set **made,
                                       struct bytes body,
                                       struct error *error);

/* Uses the tagged encoding only where there is a tag: servers before 8.3 do not know it. */
void gtid_set_encode(const struct gtid_set *set, struct buffer *output);

/*
 * In constant time where it is the next of the source that was added last. The
 * number must be possible, as that of a decoded GTID is.
 */
void gtid_set_add(struct gtid_set *set, const struct gtid *gtid);

/* Both sets are read once, not once for each interval; they are never the same object. */
void gtid_set_add_set(struct gtid_set *set, const struct gtid_set *other);
void gtid_set_subtract(struct gtid_set *set, const struct gtid_set *other);
void gtid_set_intersect(struct gtid_set *set, const struct gtid_set *other);

bool gtid_set_has(const struct gtid_set *set, const struct gtid *gtid);
bool gtid_set_contains(const struct gtid_set *set, const struct gtid_set *other);
bool gtid_set_equals(const struct gtid_set *set, const struct gtid_set *other);
bool gtid_set_is_empty(const struct gtid_set *set);

/* How many GTIDs are in it; UINT64_MAX if they are more. */
uint64_t gtid_set_count(const struct gtid_set *set);

/* Removes what does not belong to this UUID (all tags). */
void gtid_set_keep_uuid(struct gtid_set *set, const uint8_t uuid[GTID_UUID_BYTES]);
