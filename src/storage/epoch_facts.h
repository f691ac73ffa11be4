/* SPDX-License-Identifier: Apache-2.0 */
/* What is known in memory of one file's epoch index. */
#pragma once

#include <stddef.h>

#include "epoch_record.h"

struct epoch_facts {
    bool is_known;    /* the index holds what the binlog has up to `covered` */
    bool is_complete; /* the binlog was read up to there: what follows is right, whatever the
                         index has */
    bool is_before_known;   /* `before` is right; else it may be too low */
    bool is_suspect;        /* it was damaged in use: nothing in it is to be believed */
    uint8_t server_id_bits; /* that it was made by */
    uint64_t covered;       /* bytes of the binlog file */
    uint64_t records;       /* epochs and gaps */
    uint64_t epochs;
    struct epoch_record first; /* epoch; both are set if there is any */
    struct epoch_record last;
    struct epoch_state before; /* what the files in front had come to */
    struct epoch_state after;
    struct epoch_record *gaps; /* owned */
    size_t gap_count;
    size_t gap_capacity;
};

/* Accepts a zeroed one. */
void epoch_facts_release(struct epoch_facts *facts);

/* What the log has come to behind the file is known. */
static inline bool epoch_facts_lead_on(const struct epoch_facts *facts)
{
    return facts->is_complete && facts->is_before_known;
}

/* Nothing of a file yet, behind files that came to a state. */
void epoch_facts_begin(struct epoch_facts *facts, struct epoch_state before);

/* Counts the next record. */
void epoch_facts_add(struct epoch_facts *facts, const struct epoch_record *record);
