/* SPDX-License-Identifier: Apache-2.0 */
#include "durable_mark.h"

#include "fake_disk.h"
#include "store_fixture.h"

struct marked {
    struct fake_disk *fake;
    char *root;
    char *path;
    struct durable_mark mark;
};

static struct marked marked_new(void)
{
    struct marked marked = {.fake = fake_disk_new(), .root = temp_dir_make()};
    struct error error;

    marked.path = mem_format("%s/durable", marked.root);
    durable_mark_init(&marked.mark, fake_disk_calls(marked.fake), marked.path);
    CHECK_OK(durable_mark_reset(&marked.mark, (struct durable_claim){0}, &error), &error);
    return marked;
}

static void marked_free(struct marked *marked)
{
    durable_mark_close(&marked->mark);
    fake_disk_free(marked->fake);
    temp_dir_remove(marked->root);
    free(marked->path);
}

static struct durable_claim at(uint64_t file, uint64_t offset)
{
    return (struct durable_claim){.end = {.file = file, .offset = offset},
                                  .checksum = BINLOG_CHECKSUM_CRC32};
}

/* What another process finds there. */
static struct binlog_position reopened(const char *path)
{
    struct durable_mark mark;
    struct durable_claim found = {0};
    struct error error;

    durable_mark_init(&mark, disk_system(), path);
    CHECK_OK(durable_mark_open(&mark, &found, &error), &error);
    CHECK(found.end.file == 0 || found.checksum == BINLOG_CHECKSUM_CRC32);
    durable_mark_close(&mark);
    return found.end;
}

static void says_what_was_written_last(void)
{
    struct marked marked = marked_new();
    struct error error;

    CHECK(is_at(reopened(marked.path), 0, 0));
    CHECK_OK(durable_mark_write_synced(&marked.mark, at(1, 100), &error), &error);
    CHECK(is_at(reopened(marked.path), 1, 100));
    for (uint64_t offset = 200; offset < 210; offset++) {
        durable_mark_write(&marked.mark, at(1, offset));
        CHECK(is_at(reopened(marked.path), 1, offset));
    }
    CHECK_OK(durable_mark_write_synced(&marked.mark, at(2, 4), &error), &error);
    CHECK(is_at(reopened(marked.path), 2, 4));
    CHECK_OK(durable_mark_reset(&marked.mark, at(1, 150), &error), &error);
    CHECK(is_at(reopened(marked.path), 1, 150)); /* less than it said before */
    marked_free(&marked);
}

static void keeps_the_synced_file_over_a_power_loss(void)
{
    for (unsigned seed = 0; seed < 20; seed++) {
        struct marked marked = marked_new();
        struct error error;

        CHECK_OK(durable_mark_write_synced(&marked.mark, at(1, 100), &error), &error);
        CHECK_OK(durable_mark_write_synced(&marked.mark, at(2, 100), &error), &error);
        durable_mark_write(&marked.mark, at(2, 200));
        durable_mark_write(&marked.mark, at(2, 300));
        durable_mark_write(&marked.mark, at(2, 400));
        fake_disk_lose_power(marked.fake, FAKE_LOSS_SOME, seed);
        CHECK(reopened(marked.path).file == 2 && reopened(marked.path).offset >= 100);
        marked_free(&marked);
    }
}

/* Each write is torn in the middle once: what was synced before is still said. */
static void keeps_the_synced_record_over_a_torn_write(void)
{
    for (int torn = 1; torn <= 6; torn++) {
        struct marked marked = marked_new();
        struct binlog_position synced = {0};
        struct binlog_position found = {0};
        struct error error;

        for (int write = 1; write <= torn; write++) {
            if (write == torn) {
                fake_disk_fail_at(marked.fake, fake_disk_operations(marked.fake) + 1,
                                  FAKE_FAULT_DEATH);
            }
            if (write % 2 == 1) {
                struct durable_claim next = at((uint64_t)write, 50);

                if (durable_mark_write_synced(&marked.mark, next, &error) == STATUS_OK) {
                    synced = next.end;
                }
            } else {
                durable_mark_write(&marked.mark, at((uint64_t)write - 1, 70));
            }
        }
        found = reopened(marked.path);
        CHECK(binlog_position_compare(found, synced) >= 0);
        CHECK(found.file <= (uint64_t)torn);
        marked_free(&marked);
    }
}

static void refuses_a_file_in_which_nothing_is_valid(void)
{
    struct marked marked = marked_new();
    struct durable_claim found = {0};
    struct durable_mark mark;
    struct error error;

    durable_mark_init(&mark, disk_system(), marked.path);
    write_whole(marked.path, "", 0);
    CHECK(durable_mark_open(&mark, &found, &error) == STATUS_CORRUPT);
    write_whole(marked.path, "BRDURABL", 8);
    CHECK(durable_mark_open(&mark, &found, &error) == STATUS_CORRUPT);
    CHECK(disk_remove(disk_system(), marked.path) == 0);
    CHECK(durable_mark_open(&mark, &found, &error) == STATUS_NOT_FOUND);
    marked_free(&marked);
}

static void goes_by_the_other_records_when_some_are_damaged(void)
{
    struct marked marked = marked_new();
    struct buffer bytes = {0};
    struct error error;

    CHECK_OK(durable_mark_write_synced(&marked.mark, at(3, 100), &error), &error);
    durable_mark_write(&marked.mark, at(3, 200));
    bytes = read_whole(marked.path);
    for (size_t byte = 0; byte < 44; byte++) {
        uint8_t *damaged = bytes.data + 8192 + byte; /* of the newest record */

        *damaged ^= 0x40;
        write_whole(marked.path, bytes.data, bytes.size);
        CHECK(is_at(reopened(marked.path), 3, 100));
        *damaged ^= 0x40;
    }
    buffer_release(&bytes);
    marked_free(&marked);
}

int main(void)
{
    says_what_was_written_last();
    keeps_the_synced_file_over_a_power_loss();
    keeps_the_synced_record_over_a_torn_write();
    refuses_a_file_in_which_nothing_is_valid();
    goes_by_the_other_records_when_some_are_damaged();
    return 0;
}
