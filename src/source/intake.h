/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes the events of one dump into the store.
 *
 *   NAMING -> [SKIPPING ->] [COMPARING ->] TAKING
 *
 * The first artificial Rotate names the file. Where the store already holds a
 * part of it, the last stored event must come again, byte for byte, before
 * anything is taken. Each event is checked once: frame,
 * checksum, and that it stands where the one before it ended.
 *
 * Belongs to the pull thread. It knows no sockets.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/error.h"
#include "binrelay/protocol/binlog_control.h"
#include "binrelay/protocol/binlog_event.h"
#include "binrelay/protocol/epoch_identity.h"
#include "binrelay/registry/cluster_board.h"
#include "binrelay/storage/binlog_position.h"
#include "binrelay/storage/binlog_store.h"
#include "dump_reader.h"

enum intake_mode {
    INTAKE_NAMING,    /* waits for the artificial Rotate */
    INTAKE_SKIPPING,  /* what comes is stored and lies before the last event */
    INTAKE_COMPARING, /* the last stored event must come */
    INTAKE_TAKING,
};

/* The place a dump was asked for, in the source's names. */
struct dump_place {
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    uint64_t file;
    uint64_t offset;
    bool is_new_file; /* nothing of it is stored, not even its magic */
};

/* The last event the source wants acknowledged (semi-sync). */
struct intake_ack {
    struct binlog_position stored; /* its end here: durable up to it, it may be sent */
    struct binlog_position upstream;
};

/* An event that comes in parts. */
struct intake_large {
    struct binlog_event_header header;
    uint32_t done;
    uint32_t checksum; /* running, of what is not the checksum itself */
    uint8_t sent_checksum[BINLOG_CHECKSUM_BYTES];
    bool is_gathered;    /* it is put together before anything is done with it */
    struct buffer whole; /* owned: what came of it then */
};

struct intake {
    const char *cluster;        /* borrowed, for logs */
    struct binlog_store *store; /* borrowed */
    const char *log_name;       /* borrowed; NULL: the source's */
    struct dump_place asked;
    struct binlog_store_tail tail; /* when the dump began */
    enum intake_mode mode;
    enum binlog_checksum checksum; /* of the events that come */
    bool is_mariadb;               /* the file is, by its format description */
    struct binlog_position at;     /* here, behind the last event that was taken or skipped */
    int64_t shift; /* file number here minus at the source; kept in the registry */
    char base_name[BINLOG_NAME_MOST_BYTES + 1]; /* the source's, now */
    uint64_t upstream_file;
    uint64_t upstream_offset; /* as `at`, in the source's file */
    bool has_taken;           /* an event was stored */
    uint64_t new_events;      /* since intake_tell() */
    uint64_t new_bytes;
    uint32_t last_created_sec; /* of the last event that has a time */
    struct intake_ack ack;
    struct intake_large large;
    struct buffer scratch;           /* owned */
    struct epoch_identity *identity; /* owned; NULL: events are stored as they come */

    /* What a status other than OK means: */
    int64_t
        wanted_shift; /* STATUS_AGAIN: to be kept in the registry, then take the item again */
    enum pull_state blame; /* any failure */
    bool is_bad_event;     /* the source sent it broken, or it broke on the way */
};

/* Prepares a zeroed struct whose borrowed fields, asked, tail, shift and identity are filled.
 */
void intake_begin(struct intake *intake);
void intake_release(struct intake *intake);

/* Takes a DUMP_EVENT or a DUMP_PART. STATUS_AGAIN: see wanted_shift. */
MUST_CHECK enum status intake_take(struct intake *intake,
                                   const struct dump_item *item,
                                   struct error *error);

/* Sets the positions in the report, and adds what came since it was told last. */
void intake_tell(struct intake *intake, struct cluster_report *numbers);

/* The name of the source's file that is pulled now. */
void intake_print_upstream(const struct intake *intake, char name[BINLOG_NAME_BYTES]);

/* The state for a failure of the store. */
enum pull_state store_fault_state(const struct error *error);
