/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framed blocks of one cluster's log, shared by all its dumps on all serve
 * threads: what one dump framed, the ones behind it send from the same memory.
 *
 * A block is kept only while dumps that are near behind it may still take it,
 * and within a bound of bytes; a block that a connection sends lives on by its
 * reference. Its bytes never change once it is added. One lock, taken a few
 * times per block and never per event. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/net/shared.h"
#include "binrelay/storage/binlog_position.h"
#include "frame.h"

struct frame_cache;

enum {
    FRAME_CACHE_BYTES = 8 * 1024 * 1024, /* of kept blocks */
    FRAME_NEAR_BYTES = FRAME_CACHE_BYTES,
};

struct frame_block {
    struct shared shared;      /* the first field */
    struct frame_cache *cache; /* counted: blocks may outlive the cluster */
    struct frame frame;        /* its memory is the block's */
    struct binlog_position begin;
    struct shared_file *opened; /* a reference; NULL where no piece is in the file */
    uint8_t sequence;           /* of its first packet */

    /* The cache's, under its lock. */
    bool is_kept;
    unsigned takers_left; /* dumps that were near behind when it was added */
    struct frame_block *next_in_bucket;
    struct frame_block *newer;
    struct frame_block *older;
};

/* A dump among those of the cache. The fields are the cache's. */
struct frame_member {
    struct binlog_position position;
    struct frame_member *next;
    struct frame_member *previous;
};

struct frame_cache *frame_cache_new(void);

/* Blocks that are still being sent stay. Accepts NULL. */
void frame_cache_free(struct frame_cache *cache);

void frame_cache_join(struct frame_cache *cache,
                      struct frame_member *member,
                      struct binlog_position position);
void frame_cache_leave(struct frame_cache *cache, struct frame_member *member);

/*
 * The member begins another file. Blocks of files that every member is behind go: they have
 * their file open, and one that is purged takes its place on the disk until it is closed.
 */
void frame_cache_move(struct frame_cache *cache,
                      struct frame_member *member,
                      struct binlog_position position);

/* The block that begins where the member is now, with a reference; NULL if there is none. */
struct frame_block *frame_cache_find(struct frame_cache *cache,
                                     struct frame_member *member,
                                     struct binlog_position position);

/* A block that is not kept, with memory for the range; its frame is still to be made. */
struct frame_block *frame_block_new(struct frame_cache *cache, struct frame_range range);
void frame_block_unref(struct frame_block *block);

/* Gives back memory the finished frame does not need. */
void frame_block_trim(struct frame_block *block);

/* Keeps a finished block for the dumps that are near behind `member`, if there are any. */
void frame_cache_add(struct frame_cache *cache,
                     const struct frame_member *member,
                     struct frame_block *block);

/* Bytes of blocks that are kept now. */
uint64_t frame_cache_bytes(struct frame_cache *cache);
