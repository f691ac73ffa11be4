/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dump's bytes must come out the same however they arrive: the input is read
 * once as a whole and once in pieces whose sizes it chooses itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/source/dump_reader.h"
#include "check.h"

struct outcome {
    struct buffer bytes;
    size_t events;
    size_t acks;
    enum status end;
};

/* Reads all that is there; returns how much was consumed. */
static size_t drain(struct dump_reader *reader, struct bytes input, struct outcome *outcome)
{
    struct error error = {0};
    size_t consumed = 0;

    while (outcome->end == STATUS_OK || outcome->end == STATUS_AGAIN) {
        struct dump_item item;

        outcome->end = dump_reader_next(
            reader, (struct bytes){input.data + consumed, input.size - consumed}, &item,
            &error);
        if (outcome->end != STATUS_OK) {
            return consumed;
        }
        CHECK(item.taken <= input.size - consumed && item.taken > 0);
        consumed += item.taken;
        buffer_add_bytes(&outcome->bytes, item.bytes);
        outcome->events += item.kind != DUMP_PART || item.is_last;
        outcome->acks += item.wants_ack;
    }
    return consumed;
}

static void read_whole(struct bytes input, enum dump_semisync semisync, struct outcome *outcome)
{
    struct dump_reader reader = {.semisync = semisync};

    (void)drain(&reader, input, outcome);
}

/* Each piece lies in memory of its own size, so that a look too far is seen. */
static void read_pieces(struct bytes input,
                        enum dump_semisync semisync,
                        struct outcome *outcome)
{
    struct dump_reader reader = {.semisync = semisync};
    size_t begun = 0;
    size_t arrived = 0;

    while (arrived < input.size && outcome->end != STATUS_CORRUPT) {
        size_t step = 1 + (size_t)input.data[arrived] * 37;
        uint8_t *copy = NULL;

        arrived = arrived + step < input.size ? arrived + step : input.size;
        copy = malloc(arrived - begun);
        CHECK(copy != NULL);
        memcpy(copy, input.data + begun, arrived - begun);
        begun += drain(&reader, (struct bytes){copy, arrived - begun}, outcome);
        free(copy);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct bytes input = {bytes, size};

    for (int semisync = DUMP_SEMISYNC_OFF; semisync <= DUMP_SEMISYNC_ON; semisync++) {
        struct outcome whole = {.end = STATUS_OK};
        struct outcome pieces = {.end = STATUS_OK};

        read_whole(input, (enum dump_semisync)semisync, &whole);
        read_pieces(input, (enum dump_semisync)semisync, &pieces);
        CHECK(bytes_equal(buffer_bytes(&whole.bytes), buffer_bytes(&pieces.bytes)));
        CHECK(whole.events == pieces.events && whole.acks == pieces.acks);
        CHECK(size == 0 || whole.end == pieces.end);
        buffer_release(&whole.bytes);
        buffer_release(&pieces.bytes);
    }
    return 0;
}
