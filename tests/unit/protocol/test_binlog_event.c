/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/binlog_event.h"

#include <string.h>

#include "binlog_file.h"

/* A rotate event of 44 bytes by server 7. */
static const uint8_t rotate[BINLOG_EVENT_HEADER_BYTES] = {
    1, 2, 0, 0, 4, 7, 0, 0, 0, 44, 0, 0, 0, 0x9E, 0, 0, 0x80, 0x20, 0x01,
};

static struct bytes rotate_bytes(size_t size)
{
    return (struct bytes){.data = rotate, .size = size};
}

static void reads_and_writes_every_field_of_a_header(void)
{
    struct binlog_event_header header;
    struct buffer output = {0};
    struct error error;

    CHECK_OK(binlog_event_header_decode(&header, rotate_bytes(sizeof(rotate)), &error), &error);
    CHECK(header.created_at_sec == 0x201 && header.type == BINLOG_ROTATE);
    CHECK(header.server_id == 7 && header.event_size == 44);
    CHECK(header.next_position == 0x8000009E && header.flags == 0x120);
    binlog_event_header_encode(&output, &header);
    CHECK(bytes_equal(buffer_bytes(&output), rotate_bytes(sizeof(rotate))));
    buffer_release(&output);
}

static void refuses_a_cut_header_and_an_impossible_size(void)
{
    struct binlog_event_header header = {.type = 99};
    uint8_t short_event[BINLOG_EVENT_HEADER_BYTES];
    struct bytes bytes = {.data = short_event, .size = sizeof(short_event)};
    struct error error;

    CHECK(binlog_event_header_decode(&header, rotate_bytes(18), &error) == STATUS_CORRUPT);
    memcpy(short_event, rotate, sizeof(rotate));
    short_event[BINLOG_EVENT_SIZE_AT] = BINLOG_EVENT_HEADER_BYTES - 1;
    CHECK(binlog_event_header_decode(&header, bytes, &error) == STATUS_CORRUPT);
    CHECK(header.type == 99);
    short_event[BINLOG_EVENT_SIZE_AT] = BINLOG_EVENT_HEADER_BYTES;
    CHECK(binlog_event_header_decode(&header, bytes, &error) == STATUS_OK);
}

static void checks_the_checksums_that_servers_made(void)
{
    static const char *const names[] = {"mysql97-mixed.binlog", "mariadb1011-mixed.binlog",
                                        "ndb/a1/binlog.000006"};

    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        struct binlog_file file = binlog_file_open(names[at]);
        struct binlog_file_event event;

        while (binlog_file_next(&file, &event)) {
            uint8_t *last = file.image.data + (event.whole.data - file.image.data) +
                            event.whole.size - BINLOG_CHECKSUM_BYTES - 1;

            CHECK(binlog_event_checksum_is_right(event.whole));
            *last ^= 0x10;
            CHECK(!binlog_event_checksum_is_right(event.whole));
        }
        binlog_file_close(&file);
    }
}

static void takes_the_in_use_flag_out_of_a_format_descriptions_checksum(void)
{
    static const char *const names[] = {"mysql97-mixed.binlog", "mysql97-nochecksum.binlog",
                                        "mariadb1011-mixed.binlog"};

    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        struct buffer image = test_data_read(names[at]);
        struct bytes event = {.data = image.data + BINLOG_MAGIC_BYTES};

        event.size = binlog_event_header_at(event.data).event_size;
        CHECK(binlog_event_checksum_is_right(event));
        image.data[BINLOG_MAGIC_BYTES + BINLOG_EVENT_FLAGS_AT] |= BINLOG_FLAG_IN_USE;
        CHECK(binlog_event_checksum_is_right(event));
        image.data[BINLOG_MAGIC_BYTES + BINLOG_EVENT_FLAGS_AT] |= BINLOG_FLAG_ARTIFICIAL;
        CHECK(!binlog_event_checksum_is_right(event));
        buffer_release(&image);
    }
}

static void finds_no_checksum_in_an_event_too_short_for_one(void)
{
    static const uint8_t zeros[BINLOG_EVENT_HEADER_BYTES + BINLOG_CHECKSUM_BYTES - 1];

    CHECK(
        !binlog_event_checksum_is_right((struct bytes){.data = zeros, .size = sizeof(zeros)}));
    CHECK(!binlog_event_checksum_is_right((struct bytes){.data = zeros, .size = 0}));
}

static void takes_header_and_checksum_off_a_body(void)
{
    uint8_t event[30] = {0};
    struct bytes whole = {.data = event, .size = sizeof(event)};
    struct bytes body = binlog_event_body(whole, BINLOG_CHECKSUM_CRC32);

    CHECK(body.data == event + BINLOG_EVENT_HEADER_BYTES && body.size == 7);
    CHECK(binlog_event_body(whole, BINLOG_CHECKSUM_NONE).size == 11);
    whole.size = 22;
    CHECK(binlog_event_body(whole, BINLOG_CHECKSUM_CRC32).size == 0);
    CHECK(binlog_event_body(whole, BINLOG_CHECKSUM_NONE).size == 3);
    whole.size = 0;
    CHECK(binlog_event_body(whole, BINLOG_CHECKSUM_NONE).size == 0);
}

static void names_the_types(void)
{
    CHECK(strcmp(binlog_event_type_name(BINLOG_ROTATE), "Rotate") == 0);
    CHECK(strcmp(binlog_event_type_name(BINLOG_GTID_TAGGED), "Gtid_tagged") == 0);
    CHECK(strcmp(binlog_event_type_name(99), "unknown") == 0);
    CHECK(strcmp(binlog_event_type_name(255), "unknown") == 0);
}

static void walks_until_no_whole_event_is_left(void)
{
    struct buffer image = test_data_read("mysql97-mixed.binlog");
    struct bytes events = {.data = image.data + BINLOG_MAGIC_BYTES,
                           .size = image.size - BINLOG_MAGIC_BYTES};
    struct binlog_walk walk = binlog_walk_of(events);
    struct bytes event = {0};
    struct error error;
    size_t walked = 0;

    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        CHECK(event.data == events.data + walked);
        walked += event.size;
    }
    CHECK(walked == events.size && walk.left.size == 0);
    CHECK(binlog_walk_next(&walk, &event, &error) == STATUS_AGAIN);

    for (size_t cut = events.size - event.size; cut < events.size; cut++) {
        struct binlog_walk last = {.left = {.data = event.data}};

        last.left.size = cut - (events.size - event.size);
        CHECK(binlog_walk_next(&last, &event, &error) == STATUS_AGAIN);
        CHECK(last.left.data == event.data);
    }
    buffer_release(&image);
}

static void walks_into_no_garbage(void)
{
    static const uint8_t zeros[64];
    struct binlog_walk walk =
        binlog_walk_of((struct bytes){.data = zeros, .size = sizeof(zeros)});
    struct bytes event;
    struct error error;

    CHECK(binlog_walk_next(&walk, &event, &error) == STATUS_CORRUPT);
    CHECK(walk.left.size == sizeof(zeros));
}

int main(void)
{
    reads_and_writes_every_field_of_a_header();
    refuses_a_cut_header_and_an_impossible_size();
    checks_the_checksums_that_servers_made();
    takes_the_in_use_flag_out_of_a_format_descriptions_checksum();
    finds_no_checksum_in_an_event_too_short_for_one();
    takes_header_and_checksum_off_a_body();
    names_the_types();
    walks_until_no_whole_event_is_left();
    walks_into_no_garbage();
    return 0;
}
