/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of epoch_reader*.c share.
 *
 *   epoch_reader.c        events and payloads, transactions
 *   epoch_reader_parts.c  what the beginning of an event and its rows say
 */
#pragma once

#include "binrelay/protocol/epoch_reader.h"
#include "payload_reader.h"
#include "rows_reader.h"
#include "sighting_reader.h"

enum {
    /* A Query's statement begins before that (its status takes 64 KiB at most), and the columns
     * of a table map end. */
    COLLECT_MOST_BYTES = 70 * 1024,
};

/* What is done with the event that is being read. */
enum reading {
    READING_NOTHING,
    READING_START, /* the body's beginning is collected, and read when it is there */
    READING_ROWS,
    READING_PAYLOAD,
};

struct current_event {
    struct binlog_event_header header;
    uint32_t body_left;
    enum reading reading;
    bool is_of_epochs; /* it is read for the epochs */
    bool is_sighted;   /* it is read for the sightings */
};

struct epoch_reader {
    struct epoch_reader_head head; /* first: see epoch_reader_wants() */
    struct epoch_rules rules;
    struct bytes database; /* of the marker table; borrowed from rules or a constant */
    struct bytes table;
    const char *epoch_name;            /* the column's */
    struct map_names names;            /* of the marker table */
    uint64_t epoch_types[4];           /* what is wanted for the epochs */
    struct sighting_reader *sightings; /* owned; NULL: nobody asks for them */
    struct epoch_transaction found;
    struct epoch_transaction before_payload;
    uint32_t last_sec; /* of the last event */

    struct current_event event;
    struct current_event inner; /* in the payload that event is */
    uint32_t rows_server_id;    /* of the header of the rows event */
    struct table_list tables;   /* owned */
    struct rows_reader rows;
    struct payload_reader *payload; /* owned; NULL until one comes */
    size_t collected_size;
    uint8_t collected[COLLECT_MOST_BYTES];
};

/* What is wanted has changed: of the sightings, or for the epochs. */
void epoch_reader_sum_wishes(struct epoch_reader *reader);
void epoch_reader_want(struct epoch_reader *reader, uint8_t who, bool is_wanted);

static inline bool epoch_reader_reads_for_epochs(const struct epoch_reader *reader,
                                                 uint8_t event_type)
{
    return (reader->epoch_types[event_type / 64] >> event_type % 64 & 1) != 0;
}

/* The rows that come say nothing until their tables are mapped again. */
void epoch_reader_forget_tables(struct epoch_reader *reader);

/* A table map, for the sightings. */
void epoch_reader_see_map(struct epoch_reader *reader, struct bytes body);

/* A part of an event of which the beginning is enough. */
void epoch_reader_collect(struct epoch_reader *reader,
                          const struct current_event *event,
                          struct bytes part);

void epoch_reader_begin_rows(struct epoch_reader *reader, const struct current_event *event);
void epoch_reader_add_rows(struct epoch_reader *reader,
                           const struct current_event *event,
                           struct bytes part);
void epoch_reader_end_rows(struct epoch_reader *reader, const struct current_event *event);
