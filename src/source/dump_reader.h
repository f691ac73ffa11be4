/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packets of a dump, read where they lie in the input (manual: "Replication
 * Protocol"; server: sql/rpl_binlog_sender.cc, plugin/semisync).
 *
 *   size:3  sequence:1  status:1  [0xEF:1 wants_ack:1]  event ...
 *
 * status: 0x00 an event, 0xFE the end of the log, 0xFF an error. An event that
 * is small comes out whole; a larger one, or one of several packets, comes in
 * parts as it arrives. Which it is depends on its packet's size, not on how the
 * bytes arrived. Sequence numbers are not looked at: semi-sync sources reset
 * them in mid-stream, and position and checksum prove more. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"

enum {
    DUMP_WHOLE_MOST_BYTES = 1024 * 1024, /* of a packet's payload that comes out whole */
    DUMP_FIRST_PART_BYTES = 96 * 1024,   /* the first part has at least so much */
    DUMP_INPUT_BYTES = 4 * 1024 * 1024,  /* an input buffer that is large enough */
};

enum dump_semisync {
    DUMP_SEMISYNC_OFF,
    DUMP_SEMISYNC_ASKED, /* the first packet shows: an artificial Rotate begins with zeros */
    DUMP_SEMISYNC_ON,
};

enum dump_item_kind {
    DUMP_EVENT, /* bytes: a whole event, at least its header */
    DUMP_PART,  /* bytes: the next part of one; the first has at least its header */
    DUMP_END,   /* the source says that its log has ended */
    DUMP_ERROR, /* bytes: the payload of an error packet */
};

struct dump_item {
    enum dump_item_kind kind;
    struct bytes bytes; /* borrowed from the input */
    bool is_first;      /* of a DUMP_PART */
    bool is_last;       /* may be empty */
    bool wants_ack;     /* semi-sync: acknowledge the end of this event; on the last part */
    size_t taken;       /* input bytes to consume */
};

/* Zeroed, with semisync set, is ready. */
struct dump_reader {
    enum dump_semisync semisync;
    bool is_in_parts;
    bool is_packet_full; /* PACKET_MOST_BYTES: the event goes on in another */
    bool wants_ack;
    size_t left; /* bytes of the packet that are still to come */
};

/* Finds the next item. STATUS_AGAIN while it is not there; STATUS_CORRUPT for what is no dump.
 */
MUST_CHECK enum status dump_reader_next(struct dump_reader *reader,
                                        struct bytes input,
                                        struct dump_item *item,
                                        struct error *error);
