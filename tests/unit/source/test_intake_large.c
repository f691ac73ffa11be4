/* SPDX-License-Identifier: Apache-2.0 */
/* Events that come in parts. */
#include "intake_scene.h"

/* The rows event of a transaction in parts of `by` bytes; the rest as it is. */
static enum status take_in_parts(struct intake *intake,
                                 const struct fake_binlog *binlog,
                                 uint64_t offset,
                                 size_t by,
                                 struct error *error)
{
    enum status status = STATUS_OK;

    while (status == STATUS_OK && offset < binlog->bytes.size) {
        struct bytes event = fake_binlog_event(binlog, offset);

        for (size_t done = 0; status == STATUS_OK && event.size > by && done < event.size;) {
            size_t size = event.size - done < by ? event.size - done : by;
            struct dump_item item = {.kind = DUMP_PART,
                                     .bytes = {event.data + done, size},
                                     .is_first = done == 0,
                                     .is_last = done + size == event.size};

            status = intake_take(intake, &item, error);
            done += size;
        }
        if (event.size <= by) {
            status = take(intake, event, error);
        }
        offset += event.size;
    }
    return status;
}

static void stores_a_large_event_in_parts(void)
{
    enum { ROW_BYTES = 1500000 };
    static const uint8_t body[ROW_BYTES] = {1, 2, 3};
    static const size_t sizes[] = {100000, 100003, 750000, ROW_BYTES + 20, ROW_BYTES + 22};

    for (size_t at = 0; at < sizeof(sizes) / sizeof(sizes[0]); at++) {
        struct scene scene = open_scene();
        struct fake_binlog binlog = store_file(&scene, 7, 1);
        struct error error = {0};
        uint64_t offset = 0;
        uint64_t large = 0;
        struct intake intake = resume(&scene, &offset);

        (void)fake_binlog_add_transaction(&binlog, ROW_BYTES);
        CHECK_OK(take_in_parts(&intake, &binlog, offset, sizes[at], &error), &error);
        check_stored(&scene, 7, buffer_bytes(&binlog.bytes));
        intake_release(&intake);

        large = binlog.bytes.size; /* an XA prepare of that size ends what is stored */
        (void)fake_binlog_add(&binlog, BINLOG_TRANSACTION_PAYLOAD,
                              (struct bytes){body, sizeof(body)});
        intake = resume(&scene, &offset);
        CHECK_OK(take_in_parts(&intake, &binlog, offset, sizes[at], &error), &error);
        intake_release(&intake);
        intake = resume(&scene, &offset); /* and is compared in parts */
        CHECK(offset == large);
        CHECK_OK(take_in_parts(&intake, &binlog, large, sizes[at], &error), &error);
        CHECK(intake.mode == INTAKE_TAKING && intake.at.offset == binlog.bytes.size);
        intake_release(&intake);
        intake = resume(&scene, &offset);
        binlog.bytes.data[large + ROW_BYTES / 2] ^= 1;
        CHECK(take_in_parts(&intake, &binlog, large, sizes[at], &error) != STATUS_OK);
        intake_release(&intake);
        fake_binlog_release(&binlog);
        close_scene(&scene);
    }
}

static void refuses_a_large_event_whose_end_is_wrong(void)
{
    static const uint8_t body[1800] = {1, 2, 3};
    struct scene scene = open_scene();
    struct fake_binlog binlog = store_file(&scene, 7, 1);
    uint64_t whole = binlog.bytes.size;
    struct error error = {0};
    uint64_t offset = 0;
    struct intake intake = resume(&scene, &offset);

    (void)fake_binlog_add(&binlog, BINLOG_TRANSACTION_PAYLOAD, (struct bytes){body, 400});
    (void)fake_binlog_add(&binlog, BINLOG_TRANSACTION_PAYLOAD, (struct bytes){body, 1800});
    binlog.bytes.data[binlog.bytes.size - 1] ^= 1;
    whole += fake_binlog_event(&binlog, whole).size;
    CHECK(take_in_parts(&intake, &binlog, offset, 500, &error) == STATUS_CORRUPT);
    CHECK(intake.is_bad_event);
    CHECK_OK(binlog_store_cut_unfinished(scene.store, &error), &error);
    CHECK(binlog_store_tail(scene.store).end.offset == whole);
    intake_release(&intake);
    fake_binlog_release(&binlog);
    close_scene(&scene);
}

int main(void)
{
    stores_a_large_event_in_parts();
    refuses_a_large_event_whose_end_is_wrong();
    return 0;
}
