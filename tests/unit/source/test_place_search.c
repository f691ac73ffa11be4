/* SPDX-License-Identifier: Apache-2.0 */
#include "place_search.h"

#include <string.h>

#include "binrelay/protocol/binlog_control.h"
#include "check.h"
#include "fake_binlog.h"

static enum status take(struct place_search *search, struct bytes event)
{
    struct dump_item item = {.kind = DUMP_EVENT, .bytes = event};
    struct error error = {0};

    return place_search_take(search, &item, &error);
}

static void finds_where_the_first_transaction_stands(void)
{
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_NONE};
    struct binlog_rotate rotate = {4, bytes_of_text("binlog.000012")};
    struct place_search search;
    struct buffer name = {0};
    uint64_t first = 0;
    uint64_t offset = BINLOG_MAGIC_BYTES;

    fake_binlog_begin(&binlog);
    (void)fake_binlog_add_transaction(&binlog, 100);
    first = fake_binlog_add_transaction(&binlog, 100);
    binlog_rotate_add_artificial(&name, 1, rotate, BINLOG_CHECKSUM_CRC32);
    place_search_begin(&search);
    CHECK(take(&search, buffer_bytes(&name)) == STATUS_AGAIN);
    for (int event = 0; event < 2; event++) { /* format description, previous GTIDs */
        struct bytes found = fake_binlog_event(&binlog, offset);

        CHECK(take(&search, found) == STATUS_AGAIN);
        offset += found.size;
    }
    CHECK(take(&search, fake_binlog_event(&binlog, first)) == STATUS_OK);
    CHECK(search.file == 12 && search.position == first);
    CHECK(strcmp(search.base_name, "binlog") == 0);
    buffer_release(&name);
    fake_binlog_release(&binlog);
}

static void refuses_broken_events_and_names(void)
{
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct binlog_rotate rotate = {4, bytes_of_text("../../etc/passwd.000001")};
    struct place_search search;
    struct buffer name = {0};
    uint64_t first = 0;

    fake_binlog_begin(&binlog);
    first = fake_binlog_add_transaction(&binlog, 100);
    place_search_begin(&search);
    CHECK(take(&search, fake_binlog_event(&binlog, first)) == STATUS_CORRUPT); /* no name yet */
    binlog_rotate_add_artificial(&name, 1, rotate, BINLOG_CHECKSUM_CRC32);
    CHECK(take(&search, buffer_bytes(&name)) == STATUS_INVALID);
    binlog.bytes.data[first + 30] ^= 1;
    CHECK(take(&search, fake_binlog_event(&binlog, first)) == STATUS_CORRUPT);
    buffer_release(&name);
    fake_binlog_release(&binlog);
}

int main(void)
{
    finds_where_the_first_transaction_stands();
    refuses_broken_events_and_names();
    return 0;
}
