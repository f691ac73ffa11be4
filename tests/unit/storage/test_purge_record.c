/* SPDX-License-Identifier: Apache-2.0 */
#include "purge_record.h"

#include <string.h>

#include "check.h"

static struct stored_gtids some_gtids(void)
{
    struct stored_gtids held = {0};
    struct error error;

    stored_gtids_init(&held);
    gtid_set_free(held.set);
    CHECK_OK(gtid_set_parse(&held.set,
                            bytes_of_text("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77"), &error),
             &error);
    mariadb_gtid_state_update(&held.state, (struct mariadb_gtid){0, 7, 4711});
    return held;
}

static void what_is_written_is_read(void)
{
    struct stored_gtids held = some_gtids();
    struct purge_record record = {0};
    struct buffer bytes = {0};
    struct error error;

    purge_record_encode(&bytes, 42, &held);
    CHECK_OK(purge_record_decode(&record, buffer_bytes(&bytes), &error), &error);
    CHECK(record.first == 42);
    CHECK(gtid_set_contains(record.held.set, held.set));
    CHECK(gtid_set_contains(held.set, record.held.set));
    CHECK(record.held.state.count == 1 && record.held.state.items[0].sequence == 4711);
    purge_record_release(&record);
    stored_gtids_release(&held);
    buffer_release(&bytes);
}

static void every_damage_is_noticed(void)
{
    struct stored_gtids held = some_gtids();
    struct purge_record record = {0};
    struct buffer bytes = {0};
    struct error error;

    purge_record_encode(&bytes, 42, &held);
    for (size_t at = 0; at < bytes.size; at++) {
        struct bytes cut = {.data = bytes.data, .size = at};

        CHECK(purge_record_decode(&record, cut, &error) == STATUS_CORRUPT);
        bytes.data[at] ^= 0x10;
        CHECK(purge_record_decode(&record, buffer_bytes(&bytes), &error) == STATUS_CORRUPT);
        bytes.data[at] ^= 0x10;
    }
    stored_gtids_release(&held);
    buffer_release(&bytes);
}

int main(void)
{
    what_is_written_is_read();
    every_damage_is_noticed();
    return 0;
}
