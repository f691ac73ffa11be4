/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the events of transactions, in parts as they come, and says of each
 * transaction whether it is an epoch and how many rows it has. Looks into
 * compressed payloads, streaming. Bounded in memory whatever it is given, and
 * never fails: what it cannot read it does not count (is_count_partial).
 * One thread. Knows no files.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/protocol/binlog_event.h"
#include "binrelay/protocol/epoch.h"
#include "binrelay/protocol/sighting.h"

struct epoch_reader;

/* The beginning of a reader, here for epoch_reader_wants() alone: a bit for each event type. */
struct epoch_reader_head {
    uint64_t wanted_types[4];
};

/* The rules are copied. */
struct epoch_reader *epoch_reader_new(const struct epoch_rules *rules);

/*
 * From now on it also collects what the transactions say of appliers. It has no
 * say in what the epochs are. With EPOCH_KIND_NONE only table maps are wanted,
 * payloads, and rows of these tables. The rules are copied.
 */
void epoch_reader_watch(struct epoch_reader *reader, const struct sighting_rules *rules);

/* Accepts NULL. */
void epoch_reader_free(struct epoch_reader *reader);

/* Forgets the transaction that is being read: it was cut off, or another file begins. */
void epoch_reader_reset(struct epoch_reader *reader);

/*
 * True if an event of the type says something now; another one may be kept from
 * the reader, so that it costs nothing else. Ask for each event: of rows events
 * it depends on the table maps before them.
 */
static inline bool epoch_reader_wants(const struct epoch_reader *reader, uint8_t event_type)
{
    const struct epoch_reader_head *head = (const struct epoch_reader_head *)reader;

    return (head->wanted_types[event_type / 64] >> event_type % 64 & 1) != 0;
}

/*
 * An event begins; its body has body_size bytes without the checksum. The
 * parts of the body follow, together or one by one; what comes behind
 * body_size (the checksum) is passed over.
 */
void epoch_reader_begin_event(struct epoch_reader *reader,
                              struct binlog_event_header header,
                              uint32_t body_size);
void epoch_reader_add(struct epoch_reader *reader, struct bytes part);

/*
 * The same for an event that is there whole, its checksum included where it has
 * one: far cheaper for the GTIDs and table maps that every transaction has.
 */
void epoch_reader_event(struct epoch_reader *reader,
                        struct bytes event,
                        enum binlog_checksum checksum);

/* What was read since the last call: one transaction, if it is called behind each. */
void epoch_reader_end_transaction(struct epoch_reader *reader, struct epoch_transaction *found);

/* The sightings of that transaction, in their order; none of one that was rolled back, or is
 * an XA transaction that was only prepared. Borrowed until the next event. */
size_t epoch_reader_sightings(const struct epoch_reader *reader, const struct sighting **found);
