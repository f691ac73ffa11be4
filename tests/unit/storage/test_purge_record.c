/* SPDX-License-Identifier: Apache-2.0 */
#include "purge_record.h"

#include <string.h>

#include "binrelay/base/checksum.h"
#include "check.h"

#define HELD "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77"

static void add_text(struct gtid_set *set, const char *text)
{
    struct gtid_set *added = NULL;
    struct error error;

    CHECK_OK(gtid_set_parse(&added, bytes_of_text(text), &error), &error);
    gtid_set_add_set(set, added);
    gtid_set_free(added);
}

static struct purge_record some_record(void)
{
    struct purge_record record;

    purge_record_init(&record);
    record.first = 42;
    add_text(record.held.set, HELD);
    mariadb_gtid_state_update(&record.held.state, (struct mariadb_gtid){0, 7, 4711});
    add_text(record.left_out, "3e11fa47-71ca-11e1-9e33-c80aa9429562:1:5");
    record.epochs = EPOCH_KIND_NDB;
    record.state = (struct epoch_state){.last = {.incarnation = 3, .epoch = 60129542157},
                                        .latest_usec = 9};
    record.end = (struct purged_end){.file = 41, .offset = 700, .bytes = 744};
    return record;
}

static void what_is_written_is_read(void)
{
    struct purge_record record = some_record();
    struct purge_record found = {0};
    struct buffer bytes = {0};
    struct error error;

    purge_record_encode(&bytes, &record);
    CHECK_OK(purge_record_decode(&found, buffer_bytes(&bytes), &error), &error);
    CHECK(found.first == 42);
    CHECK(gtid_set_equals(found.held.set, record.held.set));
    CHECK(found.held.state.count == 1 && found.held.state.items[0].sequence == 4711);
    CHECK(gtid_set_equals(found.left_out, record.left_out));
    CHECK(gtid_set_count(found.left_out) == 2);
    CHECK(found.epochs == EPOCH_KIND_NDB && found.state.latest_usec == 9);
    CHECK(epoch_key_compare(found.state.last, record.state.last) == 0);
    CHECK(found.end.file == 41 && found.end.offset == 700 && found.end.bytes == 744);
    purge_record_release(&found);
    purge_record_release(&record);
    buffer_release(&bytes);
}

static void an_end_that_is_not_known_is_read(void)
{
    struct purge_record record = some_record();
    struct purge_record found = {0};
    struct buffer bytes = {0};
    struct error error;

    record.end = (struct purged_end){0};
    purge_record_encode(&bytes, &record);
    CHECK_OK(purge_record_decode(&found, buffer_bytes(&bytes), &error), &error);
    CHECK(found.end.file == 0);
    purge_record_release(&found);
    purge_record_release(&record);
    buffer_release(&bytes);
}

static void every_damage_is_noticed(void)
{
    struct purge_record record = some_record();
    struct purge_record found = {0};
    struct buffer bytes = {0};
    struct error error;

    purge_record_encode(&bytes, &record);
    for (size_t at = 0; at < bytes.size; at++) {
        struct bytes cut = {.data = bytes.data, .size = at};

        CHECK(purge_record_decode(&found, cut, &error) == STATUS_CORRUPT);
        bytes.data[at] ^= 0x10;
        CHECK(purge_record_decode(&found, buffer_bytes(&bytes), &error) == STATUS_CORRUPT);
        bytes.data[at] ^= 0x10;
    }
    purge_record_release(&record);
    buffer_release(&bytes);
}

static void seal(struct buffer *bytes)
{
    buffer_add_number(bytes, checksum_crc32(0, bytes->data, bytes->size), 4);
}

/* As a record was written before incidents were left out of it. */
static void the_first_version_is_read(void)
{
    struct stored_gtids held = {0};
    struct purge_record found = {0};
    struct buffer set = {0};
    struct buffer state = {0};
    struct buffer bytes = {0};
    struct error error;

    stored_gtids_init(&held);
    add_text(held.set, HELD);
    gtid_set_encode(held.set, &set);
    mariadb_gtid_list_encode(&held.state, &state);
    buffer_add(&bytes, "BRPURGE", 8);
    buffer_add_number(&bytes, 1, 4);
    buffer_add_number(&bytes, 7, 8);
    buffer_add_number(&bytes, set.size, 4);
    buffer_add_number(&bytes, state.size, 4);
    buffer_add_bytes(&bytes, buffer_bytes(&set));
    buffer_add_bytes(&bytes, buffer_bytes(&state));
    seal(&bytes);
    CHECK_OK(purge_record_decode(&found, buffer_bytes(&bytes), &error), &error);
    CHECK(found.first == 7 && gtid_set_equals(found.held.set, held.set));
    CHECK(gtid_set_is_empty(found.left_out) && found.epochs == EPOCH_KIND_NONE);
    purge_record_release(&found);
    stored_gtids_release(&held);
    buffer_release(&set);
    buffer_release(&state);
    buffer_release(&bytes);
}

static void check_refused(const struct purge_record *record)
{
    struct purge_record found = {0};
    struct buffer bytes = {0};
    struct error error;

    purge_record_encode(&bytes, record);
    CHECK(purge_record_decode(&found, buffer_bytes(&bytes), &error) == STATUS_CORRUPT);
    buffer_release(&bytes);
}

/* With a right checksum. */
static void what_cannot_be_is_refused(void)
{
    struct purge_record record = some_record();
    struct purge_record other = some_record();

    add_text(record.left_out, "3e11fa47-71ca-11e1-9e33-c80aa9429562:78"); /* was never held */
    check_refused(&record);
    other.epochs = EPOCH_KIND_COUNT;
    check_refused(&other);
    other.epochs = EPOCH_KIND_NONE; /* and yet an epoch */
    check_refused(&other);
    other.epochs = EPOCH_KIND_NDB;
    other.end.offset = other.end.bytes + 1;
    check_refused(&other);
    other.end = (struct purged_end){.file = other.first, .offset = 700, .bytes = 744};
    check_refused(&other);
    other.end.file = 0; /* and yet an offset */
    check_refused(&other);
    other.end = (struct purged_end){0};
    other.first = 0;
    check_refused(&other);
    purge_record_release(&record);
    purge_record_release(&other);
}

int main(void)
{
    what_is_written_is_read();
    an_end_that_is_not_known_is_read();
    every_damage_is_noticed();
    the_first_version_is_read();
    what_cannot_be_is_refused();
    return 0;
}
