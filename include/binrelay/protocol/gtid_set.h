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

/* GTID_event (33), ANONYMOUS (34: STATUS_NOT_FOUND) and tagged (42), from the body. */
MUST_CHECK enum status gtid_decode_event(struct gtid *found,
                                         uint8_t event_type,
                                         struct bytes body,
                                         struct error *error);

/* "uuid:tag:number"; text has room for GTID_TEXT_BYTES. */
enum { GTID_TEXT_BYTES = 36 + 1 + GTID_TAG_MOST_BYTES + 1 + 20 + 1 };
void gtid_print(const struct gtid *gtid, char text[GTID_TEXT_BYTES]);

struct gtid_set;

struct gtid_set *gtid_set_new(void);
struct gtid_set *gtid_set_copy(const struct gtid_set *set);
void gtid_set_free(struct gtid_set *set);

/* The text form; blanks and newlines are allowed, "" is the empty set. */
MUST_CHECK enum status gtid_set_parse(struct gtid_set **made,
                                      struct bytes text,
                                      struct error *error);
void gtid_set_print(const struct gtid_set *set, struct buffer *output);

/* The binary form of Previous_gtids and COM_BINLOG_DUMP_GTID, untagged and tagged encoding. */
MUST_CHECK enum status gtid_set_decode(struct gtid_set **made,
                                       struct bytes body,
                                       struct error *error);
void gtid_set_encode(const struct gtid_set *set, struct buffer *output);

void gtid_set_add(struct gtid_set *set, const struct gtid *gtid);
void gtid_set_add_set(struct gtid_set *set, const struct gtid_set *other);
void gtid_set_subtract(struct gtid_set *set, const struct gtid_set *other);
void gtid_set_intersect(struct gtid_set *set, const struct gtid_set *other);

bool gtid_set_has(const struct gtid_set *set, const struct gtid *gtid);
bool gtid_set_contains(const struct gtid_set *set, const struct gtid_set *other);
bool gtid_set_equals(const struct gtid_set *set, const struct gtid_set *other);
bool gtid_set_is_empty(const struct gtid_set *set);

/* How many GTIDs are in it. */
uint64_t gtid_set_count(const struct gtid_set *set);

/* Removes what does not belong to this UUID (all tags). */
void gtid_set_keep_uuid(struct gtid_set *set, const uint8_t uuid[GTID_UUID_BYTES]);
