/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame:
 *
 *   0      4           5
 *   magic  descriptor  [window] [dictionary id] [content size] blocks ... [checksum]
 *
 * The library gives the blocks, with a header without a content size; the
 * header is then written by us.
 */
#include "exact_frame.h"

#include <assert.h>
#include <string.h>
#include <zstd.h>

#include "binrelay/base/memory.h"

enum {
    MAGIC_BYTES = 4,
    FIXED_BYTES = MAGIC_BYTES + 1, /* with the descriptor */
    LIBRARY_HEADER_BYTES = FIXED_BYTES + 1,
    CHECKSUM_BYTES = 4,
    BLOCK_HEADER_BYTES = 3, /* all zeros: an empty raw block that is not the last */
    SKIPPABLE_HEADER_BYTES = 8,
    MOST_EMPTY_BLOCKS = 2,
    DESCRIPTOR_CHECKSUM = 0x04,
    DESCRIPTOR_SINGLE_SEGMENT = 0x20,
    DESCRIPTOR_SIZE_SHIFT = 6,
    SMALLEST_WINDOW_LOG = 10,
    SIZE_OFFSET = 256, /* of a content size of two bytes */
    KIB = 1024,
    MIB = 1024 * 1024,
};

struct exact_frame_maker {
    ZSTD_CCtx *compressor; /* owned */
    struct buffer compact; /* owned: the library's frame */
};

/* One way of compressing. */
struct attempt {
    int level;
    int strategy;     /* 0: the level's */
    int match_bytes;  /* the same */
    int target_bytes; /* the same */
};

/* How a header says the sizes. */
struct header_form {
    bool is_single_segment; /* the window is the content; else a byte for the window */
    uint8_t size_code; /* 0: none, or one byte in a single segment; 1: 2; 2: 4; 3: 8 bytes */
    uint8_t dictionary_code; /* 0, 1, 2, 3: as many as 0, 1, 2, 4 bytes that say "none" */
};

/* What follows the header beside the blocks. */
struct filling {
    unsigned empty_blocks;
    bool has_checksum;
    size_t skippable_bytes;
};

struct exact_frame_maker *exact_frame_maker_new(void)
{
    struct exact_frame_maker *maker = mem_zeroed(sizeof(*maker));

    maker->compressor = ZSTD_createCCtx();
    if (maker->compressor == NULL) {
        abort(); /* as base/memory.h does */
    }
    return maker;
}

void exact_frame_maker_free(struct exact_frame_maker *maker)
{
    if (maker == NULL) {
        return;
    }
    (void)ZSTD_freeCCtx(maker->compressor);
    buffer_release(&maker->compact);
    free(maker);
}

/* ---- compressing ---- */

static bool set(ZSTD_CCtx *compressor, ZSTD_cParameter parameter, int value)
{
    return ZSTD_isError(ZSTD_CCtx_setParameter(compressor, parameter, value)) == 0;
}

static bool set_attempt(ZSTD_CCtx *compressor, const struct attempt *attempt)
{
    bool is_set =
        ZSTD_isError(ZSTD_CCtx_reset(compressor, ZSTD_reset_session_and_parameters)) == 0 &&
        set(compressor, ZSTD_c_contentSizeFlag, 0) && set(compressor, ZSTD_c_checksumFlag, 1) &&
        set(compressor, ZSTD_c_compressionLevel, attempt->level);

    if (is_set && attempt->strategy != 0) {
        is_set = set(compressor, ZSTD_c_strategy, attempt->strategy) &&
                 set(compressor, ZSTD_c_minMatch, attempt->match_bytes) &&
                 set(compressor, ZSTD_c_targetLength, attempt->target_bytes);
    }
    return is_set;
}

/* Fills maker->compact: a header of LIBRARY_HEADER_BYTES, blocks, checksum. */
static bool compress(struct exact_frame_maker *maker,
                     const struct attempt *attempt,
                     struct bytes contents)
{
    struct buffer *compact = &maker->compact;
    size_t room = ZSTD_compressBound(contents.size) + CHECKSUM_BYTES;
    size_t size = 0;

    if (!set_attempt(maker->compressor, attempt)) {
        return false;
    }
    buffer_clear(compact);
    size = ZSTD_compress2(maker->compressor, buffer_room(compact, room), room, contents.data,
                          contents.size);
    if (ZSTD_isError(size) != 0) {
        return false;
    }
    compact->size = size;
    return size > LIBRARY_HEADER_BYTES + CHECKSUM_BYTES &&
           compact->data[MAGIC_BYTES] == DESCRIPTOR_CHECKSUM;
}

/* ---- filling ---- */

/* What a frame must come to. */
struct task {
    struct bytes contents;
    size_t wanted;
};

/* The blocks of a compressed frame and what surrounds them there. */
struct compact_parts {
    struct bytes blocks;
    const uint8_t *checksum;
    uint8_t window_descriptor;
};

/* How a frame comes to its size. */
struct fit {
    struct header_form form;
    struct filling filling;
    size_t header_bytes;
};

/* Best first; those behind SIZED_FORMS have no content size, which some clients need. */
static const struct header_form forms[] = {
    {true, 0, 0},  {true, 1, 0}, {true, 2, 0}, {false, 1, 0}, {false, 2, 0}, {true, 3, 0},
    {false, 3, 0}, {true, 0, 1}, {true, 0, 2}, {false, 0, 0}, {false, 0, 1}, {false, 0, 2},
};

enum { FORM_COUNT = sizeof(forms) / sizeof(forms[0]), SIZED_FORMS = 9 };

static struct compact_parts parts_of(const struct buffer *compact)
{
    size_t around = LIBRARY_HEADER_BYTES + CHECKSUM_BYTES;

    return (struct compact_parts){
        .blocks = {compact->data + LIBRARY_HEADER_BYTES, compact->size - around},
        .checksum = compact->data + compact->size - CHECKSUM_BYTES,
        .window_descriptor = compact->data[FIXED_BYTES],
    };
}

static unsigned size_field_bytes(const struct header_form *form)
{
    static const uint8_t widths[] = {0, 2, 4, 8};

    return form->size_code == 0 && form->is_single_segment ? 1 : widths[form->size_code];
}

/* True if the content size field can say the size. */
static bool can_say(const struct header_form *form, uint64_t content)
{
    switch (size_field_bytes(form)) {
    case 1:
        return content <= UINT8_MAX;
    case 2:
        return content >= SIZE_OFFSET && content <= UINT16_MAX + SIZE_OFFSET;
    case 4:
        return content <= UINT32_MAX;
    default:
        return true;
    }
}

static unsigned dictionary_bytes(const struct header_form *form)
{
    static const uint8_t widths[] = {0, 1, 2, 4};

    return widths[form->dictionary_code];
}

static size_t header_bytes(const struct header_form *form)
{
    return FIXED_BYTES + (form->is_single_segment ? 0U : 1U) + dictionary_bytes(form) +
           size_field_bytes(form);
}

static uint64_t window_bytes(uint8_t descriptor)
{
    uint64_t base = UINT64_C(1) << (SMALLEST_WINDOW_LOG + (descriptor >> 3));

    return base + base / 8 * (descriptor & 7);
}

/* False: so many bytes cannot be filled. */
static bool fill(size_t slack, unsigned most_blocks, struct filling *filling)
{
    *filling = (struct filling){0};
    if (slack >= SKIPPABLE_HEADER_BYTES) {
        filling->skippable_bytes = slack;
        return true;
    }
    for (unsigned blocks = 0; blocks <= most_blocks; blocks++) {
        size_t used = (size_t)blocks * BLOCK_HEADER_BYTES;

        if (slack == used || slack == used + CHECKSUM_BYTES) {
            filling->empty_blocks = blocks;
            filling->has_checksum = slack != used;
            return true;
        }
    }
    return false;
}

/* Looks among the first forms for one whose slack can be filled. */
static bool find_fit_among(size_t form_count,
                           unsigned most_blocks,
                           const struct task *task,
                           const struct compact_parts *parts,
                           struct fit *fit)
{
    uint64_t window = window_bytes(parts->window_descriptor);

    for (size_t i = 0; i < form_count; i++) {
        size_t used = header_bytes(&forms[i]) + parts->blocks.size;

        if (used <= task->wanted && can_say(&forms[i], task->contents.size) &&
            (!forms[i].is_single_segment || task->contents.size <= window) &&
            fill(task->wanted - used, most_blocks, &fit->filling)) {
            fit->form = forms[i];
            fit->header_bytes = header_bytes(&forms[i]);
            return true;
        }
    }
    return false;
}

/* True if the frame can say its content size. */
static bool find_good_fit(const struct task *task,
                          const struct compact_parts *parts,
                          struct fit *fit)
{
    return find_fit_among(SIZED_FORMS, 0, task, parts, fit) ||
           find_fit_among(SIZED_FORMS, MOST_EMPTY_BLOCKS, task, parts, fit);
}

/* ---- writing ---- */

static void add_header(const struct fit *fit,
                       uint8_t window_descriptor,
                       uint64_t content,
                       struct buffer *frame)
{
    const struct header_form *form = &fit->form;
    unsigned size_bytes = size_field_bytes(form);
    unsigned descriptor = form->dictionary_code | (unsigned)form->size_code
                                                      << DESCRIPTOR_SIZE_SHIFT;

    if (form->is_single_segment) {
        descriptor |= DESCRIPTOR_SINGLE_SEGMENT;
    }
    if (fit->filling.has_checksum) {
        descriptor |= DESCRIPTOR_CHECKSUM;
    }
    buffer_add_number(frame, ZSTD_MAGICNUMBER, MAGIC_BYTES);
    buffer_add_number(frame, descriptor, 1);
    if (!form->is_single_segment) {
        buffer_add_number(frame, window_descriptor, 1);
    }
    buffer_add_zeros(frame, dictionary_bytes(form));
    if (size_bytes > 0) {
        buffer_add_number(frame, size_bytes == 2 ? content - SIZE_OFFSET : content, size_bytes);
    }
}

static void write_frame(const struct task *task,
                        const struct compact_parts *parts,
                        const struct fit *fit,
                        struct buffer *frame)
{
    const struct filling *filling = &fit->filling;

    buffer_clear(frame);
    (void)buffer_room(frame, task->wanted);
    add_header(fit, parts->window_descriptor, task->contents.size, frame);
    buffer_add_zeros(frame, (size_t)filling->empty_blocks * BLOCK_HEADER_BYTES);
    buffer_add_bytes(frame, parts->blocks);
    if (filling->has_checksum) {
        buffer_add(frame, parts->checksum, CHECKSUM_BYTES);
    }
    if (filling->skippable_bytes > 0) {
        size_t size = filling->skippable_bytes - SKIPPABLE_HEADER_BYTES;

        buffer_add_number(frame, ZSTD_MAGIC_SKIPPABLE_START, MAGIC_BYTES);
        buffer_add_number(frame, size, SKIPPABLE_HEADER_BYTES - MAGIC_BYTES);
        buffer_add_zeros(frame, size);
    }
    assert(frame->size == task->wanted);
}

static void tell_way(const struct fit *fit, unsigned attempts, struct exact_frame_way *way)
{
    if (way == NULL) {
        return;
    }
    *way = (struct exact_frame_way){
        .attempts = attempts,
        .header_bytes = (unsigned)fit->header_bytes,
        .has_content_size = size_field_bytes(&fit->form) > 0,
        .has_dictionary_field = fit->form.dictionary_code != 0,
        .has_checksum = fit->filling.has_checksum,
        .empty_blocks = fit->filling.empty_blocks,
        .skippable_bytes = fit->filling.skippable_bytes,
    };
}

/* ---- the search ---- */

/* The most likely level of a server first, and then the cheap before the dear. */
static const struct {
    uint8_t level;
    size_t most_content;
} levels[] = {
    {3, SIZE_MAX}, {4, SIZE_MAX}, {5, 64 * MIB}, {7, 64 * MIB}, {9, 16 * MIB}, {12, 8 * MIB},
    {15, 2 * MIB}, {17, MIB},     {19, MIB},     {22, MIB},     {13, 2 * MIB}, {16, MIB},
    {18, MIB},     {20, MIB},     {1, MIB},      {2, MIB},      {6, MIB},      {8, MIB},
    {10, MIB},     {11, MIB},     {14, MIB},     {21, MIB},
};

/* Behind them: parameters that suit small contents better than any level's. */
static const uint8_t strategies[] = {ZSTD_btultra2, ZSTD_btultra, ZSTD_btopt,
                                     ZSTD_btlazy2,  ZSTD_lazy2,   ZSTD_lazy};
static const uint8_t match_bytes[] = {3, 4, 5, 6};
static const uint16_t target_bytes[] = {0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 999};

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

enum {
    LEVEL_COUNT = COUNT_OF(levels),
    FINE_COUNT = COUNT_OF(strategies) * COUNT_OF(match_bytes) * COUNT_OF(target_bytes),
    FINE_LEVEL = 19,
    FINE_MOST_CONTENT = 64 * KIB,
};

/* False: the attempt is not worth its time with so much content. */
static bool attempt_at(size_t index, size_t content, struct attempt *attempt)
{
    *attempt = (struct attempt){.level = FINE_LEVEL};
    if (index < LEVEL_COUNT) {
        attempt->level = levels[index].level;
        return content <= levels[index].most_content;
    }
    index -= LEVEL_COUNT;
    attempt->target_bytes = target_bytes[index % COUNT_OF(target_bytes)];
    index /= COUNT_OF(target_bytes);
    attempt->match_bytes = match_bytes[index % COUNT_OF(match_bytes)];
    attempt->strategy = strategies[index / COUNT_OF(match_bytes)];
    return content <= FINE_MOST_CONTENT;
}

enum status exact_frame_make(struct exact_frame_maker *maker,
                             struct bytes contents,
                             size_t wanted,
                             struct buffer *frame,
                             struct exact_frame_way *way,
                             struct error *error)
{
    struct task task = {.contents = contents, .wanted = wanted};
    struct compact_parts parts;
    struct attempt attempt;
    struct fit fit;
    size_t smallest = SIZE_MAX;
    bool has_fallback = false;

    for (unsigned i = 0; i < LEVEL_COUNT + FINE_COUNT && !(has_fallback && i >= LEVEL_COUNT);
         i++) {
        if (!attempt_at(i, contents.size, &attempt) || !compress(maker, &attempt, contents)) {
            continue;
        }
        parts = parts_of(&maker->compact);
        if (parts.blocks.size < smallest) {
            smallest = parts.blocks.size;
        }
        if (find_good_fit(&task, &parts, &fit)) {
            write_frame(&task, &parts, &fit, frame);
            tell_way(&fit, i + 1, way);
            return STATUS_OK;
        }
        if (!has_fallback &&
            find_fit_among(FORM_COUNT, MOST_EMPTY_BLOCKS, &task, &parts, &fit)) {
            has_fallback = true;
            write_frame(&task, &parts, &fit, frame);
            tell_way(&fit, i + 1, way);
        }
    }
    if (has_fallback) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_INVALID,
                     "%zu bytes compress to %zu at best, and must to %zu", contents.size,
                     smallest + LIBRARY_HEADER_BYTES, wanted);
}
