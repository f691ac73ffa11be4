/* SPDX-License-Identifier: Apache-2.0 */
/* The epoch identity over what NDB's binlog servers recorded, and over epochs made from that.
 */
#include "binrelay/protocol/epoch_identity.h"

#include <string.h>
#include <zstd.h>

#include "binrelay/base/memory.h"
#include "epoch_events.h"
#include "payload_rewrite.h"

enum { CLUSTER = 199, MOST_EPOCHS = 300, MOST_PAYLOADS = 300 };

static uint32_t random_state = 20261121;

static uint32_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/* ---- whole files ---- */

/* How payloads came to their old size. */
struct tally {
    unsigned payloads;
    unsigned markers;   /* outside payloads */
    unsigned as_before; /* the header's form is as the source's, and nothing was filled */
    unsigned other_header;
    unsigned checksum;
    unsigned skippable;
    unsigned without_size;
};

static void note_way(struct tally *tally, struct bytes old, struct bytes frame)
{
    size_t first = ZSTD_findFrameCompressedSize(frame.data, frame.size);
    unsigned descriptor = frame.data[4];
    bool is_filled = first != frame.size || (descriptor & 4) != 0;

    CHECK(ZSTD_isError(first) == 0);
    tally->payloads++;
    tally->skippable += first != frame.size ? 1 : 0;
    tally->checksum += (descriptor & 4) != 0 ? 1 : 0;
    tally->other_header += descriptor != old.data[4] ? 1 : 0;
    tally->as_before += !is_filled && descriptor == old.data[4] ? 1 : 0;
    tally->without_size +=
        ZSTD_getFrameContentSize(frame.data, frame.size) == ZSTD_CONTENTSIZE_UNKNOWN ? 1 : 0;
}

static struct buffer content_of(struct bytes event, struct bytes *payload)
{
    struct payload_rewriter *rewriter = payload_rewriter_new();
    struct bytes body = binlog_event_body(event, BINLOG_CHECKSUM_CRC32);
    struct buffer *content = NULL;
    struct buffer copy = {0};
    struct payload_place place;
    struct error error;

    CHECK_OK(payload_rewriter_open(rewriter, body, &content, &error), &error);
    place = payload_rewriter_place(rewriter);
    *payload = (struct bytes){body.data + place.at, place.size};
    buffer_add_bytes(&copy, buffer_bytes(content));
    payload_rewriter_free(rewriter);
    return copy;
}

/* Both differ where the marker's event says its server id, and its row does. */
static void check_marker_alone_differs(struct bytes old, struct bytes made, uint32_t own)
{
    size_t places[2] = {0};
    unsigned differing = 0;

    CHECK(old.size == made.size);
    for (size_t at = 0; at < old.size; at++) {
        if (old.data[at] != made.data[at]) {
            CHECK(differing < 2); /* ids below 256 differ in one byte each */
            CHECK(old.data[at] == own && made.data[at] == CLUSTER);
            places[differing++] = at;
        }
    }
    CHECK(differing == 2);
    CHECK(places[1] > places[0] + BINLOG_EVENT_HEADER_BYTES - BINLOG_EVENT_SERVER_ID_AT);
}

static void check_changed(struct bytes old, struct bytes made, struct tally *tally)
{
    struct binlog_event_header header = binlog_event_header_at(old.data);
    size_t covered = old.size - BINLOG_CHECKSUM_BYTES;
    struct buffer contents[2];
    struct bytes payloads[2];

    CHECK(binlog_event_checksum_is_right(made));
    if (header.type != BINLOG_TRANSACTION_PAYLOAD) {
        tally->markers++;
        check_marker_alone_differs((struct bytes){old.data, covered},
                                   (struct bytes){made.data, covered}, header.server_id);
        return;
    }
    contents[0] = content_of(old, &payloads[0]);
    contents[1] = content_of(made, &payloads[1]);
    check_marker_alone_differs(buffer_bytes(&contents[0]), buffer_bytes(&contents[1]),
                               header.server_id);
    CHECK(payloads[0].size == payloads[1].size);
    CHECK(memcmp(old.data, made.data, (size_t)(payloads[0].data - old.data)) == 0);
    note_way(tally, payloads[0], payloads[1]);
    buffer_release(&contents[0]);
    buffer_release(&contents[1]);
}

struct epochs {
    uint64_t numbers[MOST_EPOCHS];
    size_t count;
};

static void read_epochs(const struct binlog_file *file, uint32_t origin, struct epochs *found)
{
    struct epoch_rules rules = {.kind = EPOCH_KIND_NDB};
    struct epoch_reader *reader = epoch_reader_new(&rules);
    struct epoch_events_walk walk = {.file = *file, .reader = reader};
    struct epoch_transaction transaction;

    found->count = 0;
    while (epoch_events_next(&walk, &transaction)) {
        if (transaction.has_marker) {
            CHECK(found->count < MOST_EPOCHS && transaction.origin == origin);
            found->numbers[found->count++] = transaction.epoch;
        }
    }
    epoch_reader_free(reader);
}

/* Rewrites every event, and reads both forms. */
static size_t rewrite_file(const char *name, uint32_t own, struct tally *tally)
{
    struct epoch_rules rules = {.kind = EPOCH_KIND_NDB};
    struct epoch_identity *identity = epoch_identity_new(&rules, CLUSTER);
    struct binlog_file file = binlog_file_open(name);
    struct binlog_file made = file;
    struct binlog_file_event event;
    struct buffer events = {0};
    struct epochs *before = mem_zeroed(sizeof(*before));
    struct epochs *after = mem_zeroed(sizeof(*after));
    struct bytes stored;
    struct error error;
    size_t count = 0;

    read_epochs(&file, own, before);
    while (binlog_file_next(&file, &event)) {
        CHECK_OK(
            epoch_identity_event(identity, event.whole, file.format.checksum, &stored, &error),
            &error);
        CHECK(stored.size == event.whole.size);
        if (stored.data != event.whole.data) {
            check_changed(event.whole, stored, tally);
        }
        buffer_add_bytes(&events, stored);
    }
    made.walk = binlog_walk_of(buffer_bytes(&events));
    read_epochs(&made, CLUSTER, after);
    CHECK(before->count == after->count);
    CHECK(memcmp(before->numbers, after->numbers, sizeof(before->numbers)) == 0);
    count = before->count;
    free(before);
    free(after);
    buffer_release(&events);
    binlog_file_close(&file);
    epoch_identity_free(identity);
    return count;
}

static void every_epoch_of_a_recording_gets_the_clusters_id(
    const char *recording, unsigned files, uint32_t own, size_t epochs, unsigned payloads)
{
    struct tally tally = {0};
    size_t count = 0;

    for (unsigned file = 1; file <= files; file++) {
        autofree char *name = mem_format("ndb/%s/binlog.%06u", recording, file);

        count += rewrite_file(name, own, &tally);
    }
    CHECK(count == epochs);
    CHECK(tally.payloads == payloads);
    CHECK(tally.markers == epochs - payloads);
    CHECK(tally.without_size == 0);
    printf("%s: %zu epochs, %u in payloads: %u as before, %u by another header, %u by a "
           "checksum, %u by a skippable frame\n",
           recording, count, tally.payloads, tally.as_before, tally.other_header,
           tally.checksum, tally.skippable);
}

/* ---- epochs made at random ---- */

struct contents {
    struct buffer items[MOST_PAYLOADS]; /* owned */
    size_t count;
};

static void load_contents(struct contents *contents)
{
    struct binlog_file file = binlog_file_open("ndb/a3/binlog.000003");
    struct binlog_file_event event;
    struct bytes payload;

    contents->count = 0;
    while (binlog_file_find(&file, BINLOG_TRANSACTION_PAYLOAD, &event)) {
        struct buffer content = content_of(event.whole, &payload);

        CHECK(contents->count < MOST_PAYLOADS);
        if (content.size <= 2000) {
            contents->items[contents->count++] = content;
        } else {
            buffer_release(&content);
        }
    }
    binlog_file_close(&file);
}

/* An epoch like those of the recording: some of its rows events are left out, and of the rest
 * the times, the epoch and values of rows are others. */
static void make_epoch(const struct contents *contents, struct buffer *made)
{
    const struct buffer *from = &contents->items[next_random() % contents->count];
    struct binlog_walk walk = binlog_walk_of(buffer_bytes(from));
    uint32_t created = next_random();
    unsigned kept = next_random() % 100;
    unsigned rows_events = 0;
    struct bytes event;
    struct error error;

    buffer_clear(made);
    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        uint8_t type = event.data[BINLOG_EVENT_TYPE_AT];
        bool is_rows = type >= 30 && type <= 32;
        uint8_t *copy = NULL;

        if (is_rows && rows_events++ > 0 && next_random() % 100 >= kept) {
            continue;
        }
        buffer_add_bytes(made, event);
        copy = made->data + made->size - event.size;
        bytes_put_u32(copy, created);
        for (unsigned i = 0; is_rows && i < 6; i++) {
            /* Behind the marker's server id; in other rows, anywhere near the end. */
            size_t back = rows_events == 1 ? 18 + next_random() % 8 : 1 + next_random() % 16;

            if (event.size > BINLOG_EVENT_HEADER_BYTES + 20 + back) {
                copy[event.size - back] = (uint8_t)next_random();
            }
        }
    }
}

static bool rewrite_epoch(struct epoch_identity *identity,
                          const struct buffer *content,
                          int level,
                          struct buffer *event)
{
    uint8_t frame[4096];
    size_t size = ZSTD_compress(frame, sizeof(frame), content->data, content->size, level);
    struct bytes stored;
    struct error error;
    struct buffer value = {0};
    enum status status = STATUS_OK;

    CHECK(ZSTD_isError(size) == 0);
    buffer_clear(event);
    buffer_add_zeros(event, BINLOG_EVENT_HEADER_BYTES);
    event->data[BINLOG_EVENT_TYPE_AT] = BINLOG_TRANSACTION_PAYLOAD;
    buffer_add_number(event, 0x000102, 3); /* zstd */
    buffer_add_lenenc(event, 3);
    buffer_add_lenenc(&value, content->size);
    buffer_add_lenenc_bytes(event, buffer_bytes(&value));
    buffer_add_number(event, 0, 1);
    buffer_add(event, frame, size);
    bytes_put_u32(event->data + BINLOG_EVENT_SIZE_AT, (uint32_t)event->size);
    status = epoch_identity_event(identity, buffer_bytes(event), BINLOG_CHECKSUM_NONE, &stored,
                                  &error);
    CHECK(status == STATUS_OK || status == STATUS_INVALID);
    CHECK(status != STATUS_OK || (stored.data != event->data && stored.size == event->size));
    buffer_release(&value);
    return status == STATUS_OK;
}

static unsigned count_misses(const struct contents *contents,
                             int level,
                             uint32_t server_id,
                             unsigned epochs)
{
    struct epoch_rules rules = {.kind = EPOCH_KIND_NDB};
    struct epoch_identity *identity = epoch_identity_new(&rules, server_id);
    struct buffer content = {0};
    struct buffer event = {0};
    unsigned misses = 0;

    for (unsigned at = 0; at < epochs; at++) {
        make_epoch(contents, &content);
        misses += rewrite_epoch(identity, &content, level, &event) ? 0 : 1;
    }
    printf("level %d, server_id %u: %u of %u epochs do not fit\n", level, (unsigned)server_id,
           misses, epochs);
    buffer_release(&content);
    buffer_release(&event);
    epoch_identity_free(identity);
    return misses;
}

/* MySQL's default is 3. From 13 on the library searches for the best there is, and a longer
 * content does not always fit: how often is printed. */
static void small_epochs_fit_at_the_levels_in_use(void)
{
    struct contents *contents = mem_zeroed(sizeof(*contents));

    load_contents(contents);
    CHECK(count_misses(contents, 3, CLUSTER, 3000) == 0);
    CHECK(count_misses(contents, 3, 4000000123U, 1000) == 0);
    for (int level = 1; level <= 12; level++) {
        CHECK(count_misses(contents, level, CLUSTER, 100) == 0);
    }
    (void)count_misses(contents, 13, CLUSTER, 50);
    (void)count_misses(contents, 22, CLUSTER, 50);
    for (size_t at = 0; at < contents->count; at++) {
        buffer_release(&contents->items[at]);
    }
    free(contents);
}

int main(void)
{
    every_epoch_of_a_recording_gets_the_clusters_id("a1", 6, 101, 251, 0);
    every_epoch_of_a_recording_gets_the_clusters_id("a2", 5, 102, 251, 0);
    every_epoch_of_a_recording_gets_the_clusters_id("a3", 3, 103, 256, 256);
    small_epochs_fit_at_the_levels_in_use();
    return 0;
}
