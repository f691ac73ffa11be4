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

enum { PIECE_BYTES = 128 * 1024 };

struct payload_fields {
    uint64_t compression;
    uint64_t payload_size;
    uint64_t content_size;
    bool has_payload_size;
    bool has_content_size;
};

struct payload_rewriter {
    ZSTD_DCtx *decompressor;         /* owned */
    struct exact_frame_maker *maker; /* owned */
    struct buffer content;           /* owned */
    struct buffer frame;             /* owned */
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
    free(rewriter);
}

/* ---- opening ---- */

static enum status read_fields(struct byte_reader *reader,
                               struct payload_fields *fields,
                               struct error *error)
{
    *fields = (struct payload_fields){.compression = COMPRESSION_NONE};
    for (;;) {
        uint64_t type = byte_reader_lenenc(reader);
        struct byte_reader value = {0};

        if (!reader->overran && type == FIELD_END) {
            return STATUS_OK;
        }
        value = byte_reader_of(byte_reader_lenenc_bytes(reader));
        if (reader->overran) {
            return error_set(error, STATUS_CORRUPT, "a payload event that is cut");
        }
        switch (type) {
        case FIELD_PAYLOAD_SIZE:
            fields->payload_size = byte_reader_lenenc(&value);
            fields->has_payload_size = true;
            break;
        case FIELD_COMPRESSION:
            fields->compression = byte_reader_lenenc(&value);
            break;
        case FIELD_CONTENT_SIZE:
            fields->content_size = byte_reader_lenenc(&value);
            fields->has_content_size = true;
            break;
        default: /* passed over, as the server does */
            break;
        }
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
    if (fields->has_content_size && rewriter->content.size != fields->content_size) {
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
    if (fields.has_payload_size && fields.payload_size > payload.size) {
        return error_set(error, STATUS_CORRUPT, "a payload that is cut");
    }
    rewriter->place.at = body.size - payload.size;
    if (fields.has_payload_size) {
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

enum status payload_rewriter_pack(struct payload_rewriter *rewriter,
                                  struct bytes *packed,
                                  struct exact_frame_way *way,
                                  struct error *error)
{
    if (!rewriter->is_compressed) {
        *packed = buffer_bytes(&rewriter->content);
        return STATUS_OK;
    }
    if (exact_frame_make(rewriter->maker, buffer_bytes(&rewriter->content),
                         rewriter->place.size, &rewriter->frame, way, error) != STATUS_OK) {
        return error->status;
    }
    *packed = buffer_bytes(&rewriter->frame);
    return STATUS_OK;
}
