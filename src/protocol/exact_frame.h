/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compresses to a zstd frame of exactly a wanted size (RFC 8878).
 *
 * Many ways of compressing are tried until one is small enough; what is then
 * missing is filled by what the format leaves free: how the header says the
 * sizes, the content checksum, a skippable frame behind, empty blocks. From
 * no byte on, every slack can be filled. The same input gives the same output,
 * with one version of libzstd. One thread.
 */
#pragma once

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"

struct exact_frame_maker;

/* How a frame was brought to its size. */
struct exact_frame_way {
    unsigned attempts;         /* ways of compressing that were tried, the last one took */
    unsigned header_bytes;     /* magic included */
    bool has_content_size;     /* the header says it */
    bool has_dictionary_field; /* one that says "none" */
    bool has_checksum;
    unsigned empty_blocks;
    size_t skippable_bytes; /* of a skippable frame behind, its header included */
};

struct exact_frame_maker *exact_frame_maker_new(void);

/* Accepts NULL. */
void exact_frame_maker_free(struct exact_frame_maker *maker);

/*
 * Fills `frame`, cleared before, with `wanted` bytes that decompress to the
 * contents; the way may be NULL. STATUS_INVALID: all ways need more bytes.
 */
MUST_CHECK enum status exact_frame_make(struct exact_frame_maker *maker,
                                        struct bytes contents,
                                        size_t wanted,
                                        struct buffer *frame,
                                        struct exact_frame_way *way,
                                        struct error *error);
