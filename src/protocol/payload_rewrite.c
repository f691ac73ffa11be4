/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body: fields of a type, a size and a value, all lenenc, up to a type 0;
 * behind it the payload.
 */
#include "payload_rewrite.h"

#include <inttypes.h>
#include <zstd.h>

#include "binrelay/base/memory.h"
#include "payload_reader.h"

/* Transaction_payload_event::fields */
enum {
    FIELD_END = 0,
    FIELD_PAYLOAD_SIZE = 1,
    FIELD_COMPRESSION = 2,
    FIELD_CONTENT_SIZE = 3,
};

/* compression::type */
enum { COMPRESSION_ZSTD = 0, COMPRESSION_NONE = 255 };

enum {
    PIECE_BYTES = 128 * 1024,
    GAIN_MOST_BYTES = 1024 * 1024, /* of content, in which a few bytes matter */
};

/* Where a field stands in the body; size 0: it is not there. */
struct field_place {
    size_t at;
    size_t size;
};

struct payload_fields {
    uint64_t compression;
    uint64_t payload_size;
    uint64_t content_size;
    struct field_place payload_size_place;
    struct field_place content_size_place;
};

struct payload_rewriter {
    ZSTD_DCtx *decompressor;         /* owned */
    struct exact_frame_maker *maker; /* owned */
    struct buffer content;           /* owned */
    struct buffer frame;             /* owned */
    struct buffer start;             /* owned: of the body, up to the payload */
    struct buffer made;              /* owned: the body in its new form */
    struct payload_fields fields;
    struct payload_place place;
    bool is_compressed;
};

struct payload_rewriter *payload_rewriter_new(void)
{
    struct payload_rewriter *rewriter = mem_zeroed(sizeof(*rewriter));

    rewriter->decompressor = ZSTD_createDCtx();
    if (rewriter->decompressor == NULL) {
        abort(); /* as base/memory.h does */
    }
    rewriter->maker = exact_frame_maker_new();
    return rewriter;
}

void payload_rewriter_free(struct payload_rewriter *rewriter)
{
    if (rewriter == NULL) {
        return;
    }
    (void)ZSTD_freeDCtx(rewriter->decompressor);
    exact_frame_maker_free(rewriter->maker);
    buffer_release(&rewriter->content);
    buffer_release(&rewriter->frame);
    buffer_release(&rewriter->start);
    buffer_release(&rewriter->made);
    free(rewriter);
}

/* ---- opening ---- */

static void take_field(struct payload_fields *fields,
                       uint64_t type,
                       struct byte_reader *value,
                       struct field_place place)
{
    switch (type) {
    case FIELD_PAYLOAD_SIZE:
        fields->payload_size = byte_reader_lenenc(value);
        fields->payload_size_place = place;
        break;
    case FIELD_COMPRESSION:
        fields->compression = byte_reader_lenenc(value);
        break;
    case FIELD_CONTENT_SIZE:
        fields->content_size = byte_reader_lenenc(value);
        fields->content_size_place = place;
        break;
    default: /* passed over, as the server does */
        break;
    }
}

static enum status read_fields(struct byte_reader *reader,
                               struct payload_fields *fields,
                               struct error *error)
{
    size_t all = reader->left;

    *fields = (struct payload_fields){.compression = COMPRESSION_NONE};
    for (;;) {
        struct field_place place = {.at = all - reader->left};
        uint64_t type = byte_reader_lenenc(reader);
        struct byte_reader value = {0};

        if (!reader->overran && type == FIELD_END) {
            return STATUS_OK;
        }
        value = byte_reader_of(byte_reader_lenenc_bytes(reader));
        if (reader->overran) {
            return error_set(error, STATUS_CORRUPT, "a payload event that is cut");
        }
        place.size = all - reader->left - place.at;
        take_field(fields, type, &value, place);
        if (value.overran) {
            return error_set(error, STATUS_CORRUPT, "a payload event with a broken field");
        }
    }
}

static bool is_too_much(size_t content, size_t payload)
{
    return content > PAYLOAD_REWRITE_MOST_BYTES ||
           (content > PAYLOAD_RATIO_FREE_BYTES && content / PAYLOAD_MOST_RATIO > payload);
}

/* All frames, one behind the other. */
static enum status decompress(struct payload_rewriter *rewriter,
                              struct bytes payload,
                              struct error *error)
{
    ZSTD_inBuffer input = {payload.data, payload.size, 0};
    size_t wants = 1; /* 0 at the end of a frame */
    bool is_stuck = false;

    (void)ZSTD_DCtx_reset(rewriter->decompressor, ZSTD_reset_session_only);
    while (!is_stuck && (input.pos < input.size || wants != 0)) {
        ZSTD_outBuffer output = {buffer_room(&rewriter->content, PIECE_BYTES), PIECE_BYTES, 0};
        size_t before = input.pos;

        wants = ZSTD_decompressStream(rewriter->decompressor, &output, &input);
        if (ZSTD_isError(wants) != 0) {
            return error_set(error, STATUS_CORRUPT, "a payload that does not decompress: %s",
                             ZSTD_getErrorName(wants));
        }
        rewriter->content.size += output.pos;
        if (is_too_much(rewriter->content.size, payload.size)) {
            return error_set(error, STATUS_INVALID,
                             "a payload of %zu bytes that decompresses to more than %zu",
                             payload.size, rewriter->content.size);
        }
        is_stuck = input.pos == before && output.pos == 0;
    }
    return wants == 0 ? STATUS_OK
                      : error_set(error, STATUS_CORRUPT, "a payload whose frame is cut");
}

static enum status unpack(struct payload_rewriter *rewriter,
                          const struct payload_fields *fields,
                          struct bytes payload,
                          struct error *error)
{
    buffer_clear(&rewriter->content);
    rewriter->is_compressed = fields->compression == COMPRESSION_ZSTD;
    if (!rewriter->is_compressed) {
        buffer_add_bytes(&rewriter->content, payload);
    } else if (decompress(rewriter, payload, error) != STATUS_OK) {
        return error->status;
    }
    if (fields->content_size_place.size > 0 && rewriter->content.size != fields->content_size) {
        return error_set(error, STATUS_CORRUPT,
                         "a payload of %zu bytes that says it holds %" PRIu64,
                         rewriter->content.size, fields->content_size);
    }
    return STATUS_OK;
}

enum status payload_rewriter_open(struct payload_rewriter *rewriter,
                                  struct bytes body,
                                  struct buffer **content,
                                  struct error *error)
{
    struct byte_reader reader = byte_reader_of(body);
    struct payload_fields fields;
    struct bytes payload;

    if (read_fields(&reader, &fields, error) != STATUS_OK) {
        return error->status;
    }
    if (fields.compression != COMPRESSION_ZSTD && fields.compression != COMPRESSION_NONE) {
        return error_set(error, STATUS_INVALID,
                         "a payload of compression %" PRIu64 ", which is not known",
                         fields.compression);
    }
    payload = byte_reader_rest(&reader);
    if (fields.payload_size_place.size > 0 && fields.payload_size > payload.size) {
        return error_set(error, STATUS_CORRUPT, "a payload that is cut");
    }
    rewriter->fields = fields;
    rewriter->place.at = body.size - payload.size;
    buffer_clear(&rewriter->start);
    buffer_add(&rewriter->start, body.data, rewriter->place.at);
    if (fields.payload_size_place.size > 0) {
        payload.size = (size_t)fields.payload_size;
    }
    rewriter->place.size = payload.size;
    *content = &rewriter->content;
    return unpack(rewriter, &fields, payload, error);
}

struct payload_place payload_rewriter_place(const struct payload_rewriter *rewriter)
{
    return rewriter->place;
}

/* ---- packing ---- */

static void add_payload_size(struct buffer *output, size_t size)
{
    struct buffer value = {0};

    buffer_add_lenenc(&value, size);
    buffer_add_lenenc(output, FIELD_PAYLOAD_SIZE);
    buffer_add_lenenc_bytes(output, buffer_bytes(&value));
    buffer_release(&value);
}

static void add_start(struct payload_rewriter *rewriter, size_t from, size_t to)
{
    if (to > from) {
        buffer_add(&rewriter->made, rewriter->start.data + from, to - from);
    }
}

/* The fields without the content's size, for a payload of so many bytes. */
static void make_short_start(struct payload_rewriter *rewriter, size_t payload_size)
{
    struct field_place dropped = rewriter->fields.content_size_place;
    struct field_place changed = rewriter->fields.payload_size_place;
    size_t at = 0;

    buffer_clear(&rewriter->made);
    if (changed.size > 0 && changed.at < dropped.at) {
        add_start(rewriter, 0, changed.at);
        add_payload_size(&rewriter->made, payload_size);
        at = changed.at + changed.size;
    }
    add_start(rewriter, at, dropped.at);
    at = dropped.at + dropped.size;
    if (changed.size > 0 && changed.at > dropped.at) {
        add_start(rewriter, at, changed.at);
        add_payload_size(&rewriter->made, payload_size);
        at = changed.at + changed.size;
    }
    add_start(rewriter, at, rewriter->start.size);
}

/* Makes the start and says how large the payload may be with it; 0: there is nothing to gain.
 */
static size_t gain_room(struct payload_rewriter *rewriter)
{
    size_t all = rewriter->start.size + rewriter->place.size;
    size_t size = rewriter->place.size + rewriter->fields.content_size_place.size;

    for (; size > rewriter->place.size; size--) {
        make_short_start(rewriter, size);
        if (rewriter->made.size + size == all) {
            return size;
        }
    }
    return 0;
}

static enum status pack_frame(struct payload_rewriter *rewriter,
                              struct payload_way *way,
                              struct error *error)
{
    struct bytes content = buffer_bytes(&rewriter->content);
    struct error first;
    size_t size = 0;

    *way = (struct payload_way){0};
    if (exact_frame_make(rewriter->maker, content, rewriter->place.size, &rewriter->frame,
                         &way->frame, error) == STATUS_OK) {
        buffer_clear(&rewriter->made);
        buffer_add_bytes(&rewriter->made, buffer_bytes(&rewriter->start));
        return STATUS_OK;
    }
    first = *error;
    size = content.size <= GAIN_MOST_BYTES ? gain_room(rewriter) : 0;
    if (size == 0 || exact_frame_make(rewriter->maker, content, size, &rewriter->frame,
                                      &way->frame, error) != STATUS_OK) {
        *error = first;
        return error->status;
    }
    way->has_no_content_field = true;
    return STATUS_OK;
}

enum status payload_rewriter_pack(struct payload_rewriter *rewriter,
                                  struct bytes *packed,
                                  struct payload_way *way,
                                  struct error *error)
{
    struct payload_way ignored;

    if (!rewriter->is_compressed) {
        buffer_clear(&rewriter->made);
        buffer_add_bytes(&rewriter->made, buffer_bytes(&rewriter->start));
        buffer_add_bytes(&rewriter->made, buffer_bytes(&rewriter->content));
    } else if (pack_frame(rewriter, way != NULL ? way : &ignored, error) == STATUS_OK) {
        buffer_add_bytes(&rewriter->made, buffer_bytes(&rewriter->frame));
    } else {
        return error->status;
    }
    *packed = buffer_bytes(&rewriter->made);
    return STATUS_OK;
}
