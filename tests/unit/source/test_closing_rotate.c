/* SPDX-License-Identifier: Apache-2.0 */
#include "closing_rotate.h"

#include "binrelay/protocol/binlog_control.h"
#include "check.h"
#include "fake_binlog.h"

static struct bytes last_event(struct fake_binlog *binlog, uint64_t offset)
{
    return fake_binlog_event(binlog, offset);
}

static void leaves_the_right_name_alone(void)
{
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct buffer made = {0};
    struct bytes stored;
    struct error error = {0};
    struct bytes event;
    uint64_t offset = 0;

    fake_binlog_begin(&binlog);
    offset = binlog.bytes.size;
    fake_binlog_add_rotate(&binlog, "binlog.000008");
    event = last_event(&binlog, offset);
    CHECK_OK(
        closing_rotate_rename(event, binlog.checksum, "binlog.000008", &made, &stored, &error),
        &error);
    CHECK(stored.data == event.data && stored.size == event.size);
    buffer_release(&made);
    fake_binlog_release(&binlog);
}

/* What a source with that next file would have written itself. */
static void makes_the_event_of_another_name(enum binlog_checksum checksum)
{
    struct fake_binlog theirs = {.checksum = checksum};
    struct fake_binlog ours = {.checksum = checksum};
    struct buffer made = {0};
    struct bytes stored;
    struct error error = {0};
    uint64_t offset = 0;

    fake_binlog_begin(&theirs);
    fake_binlog_begin(&ours);
    offset = theirs.bytes.size;
    fake_binlog_add_rotate(&theirs, "binlog.000001");
    fake_binlog_add_rotate(&ours, "east-bin.1000043");
    CHECK_OK(closing_rotate_rename(last_event(&theirs, offset), checksum, "east-bin.1000043",
                                   &made, &stored, &error),
             &error);
    CHECK(bytes_equal(stored, last_event(&ours, offset)));
    buffer_release(&made);
    fake_binlog_release(&theirs);
    fake_binlog_release(&ours);
}

static void refuses_a_rotate_without_a_name(void)
{
    static const uint8_t position[8] = {4};
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_NONE};
    struct buffer made = {0};
    struct bytes stored;
    struct error error = {0};
    uint64_t offset = 0;

    fake_binlog_begin(&binlog);
    offset = fake_binlog_add(&binlog, BINLOG_ROTATE, (struct bytes){position, 8});
    CHECK(closing_rotate_rename(last_event(&binlog, offset), binlog.checksum, "b.000002", &made,
                                &stored, &error) == STATUS_CORRUPT);
    buffer_release(&made);
    fake_binlog_release(&binlog);
}

int main(void)
{
    leaves_the_right_name_alone();
    makes_the_event_of_another_name(BINLOG_CHECKSUM_CRC32);
    makes_the_event_of_another_name(BINLOG_CHECKSUM_NONE);
    refuses_a_rotate_without_a_name();
    return 0;
}
