/* SPDX-License-Identifier: Apache-2.0 */
#include "gtid_sidecar.h"

#include "store_fixture.h"

static struct gtid_set *parse(const char *text)
{
    struct gtid_set *set = NULL;
    struct error error;

    CHECK_OK(gtid_set_parse(&set, bytes_of_text(text), &error), &error);
    return set;
}

static struct gtid_sidecar a_sidecar(void)
{
    struct gtid_sidecar sidecar = {
        .facts = {.bytes = 12345678901,
                  .first_created_sec = 1700000000,
                  .last_created_sec = 1700000099,
                  .is_mariadb = true,
                  .has_gtids = true,
                  .server_version = "11.8.3-MariaDB-log",
                  .checksum = BINLOG_CHECKSUM_CRC32},
    };
    struct error error;

    sidecar.before.set = parse("11111111-2222-3333-4444-555555555555:1-100:tag:5");
    sidecar.added.set = parse("11111111-2222-3333-4444-555555555555:101-200");
    CHECK_OK(
        mariadb_gtid_list_parse(&sidecar.added.state, bytes_of_text("0-1-5,3-2-9"), &error),
        &error);
    return sidecar;
}

static struct buffer encoded(void)
{
    struct gtid_sidecar sidecar = a_sidecar();
    struct buffer bytes = {0};

    gtid_sidecar_encode(&bytes, &sidecar.facts, &sidecar.before, &sidecar.added);
    gtid_sidecar_release(&sidecar);
    return bytes;
}

static void reads_back_what_it_wrote(void)
{
    struct gtid_sidecar wrote = a_sidecar();
    struct gtid_sidecar found = {0};
    struct buffer bytes = encoded();
    struct error error;

    CHECK_OK(gtid_sidecar_decode(&found, buffer_bytes(&bytes), &error), &error);
    CHECK(found.facts.bytes == wrote.facts.bytes);
    CHECK(found.facts.first_created_sec == wrote.facts.first_created_sec);
    CHECK(found.facts.last_created_sec == wrote.facts.last_created_sec);
    CHECK(found.facts.is_mariadb && found.facts.has_gtids);
    CHECK(found.facts.checksum == BINLOG_CHECKSUM_CRC32);
    CHECK(strcmp(found.facts.server_version, wrote.facts.server_version) == 0);
    CHECK(gtid_set_equals(found.before.set, wrote.before.set));
    CHECK(gtid_set_equals(found.added.set, wrote.added.set));
    CHECK(found.before.state.count == 0 && found.added.state.count == 2);
    CHECK(found.added.state.items[1].sequence == 9);
    gtid_sidecar_release(&found);
    gtid_sidecar_release(&wrote);
    buffer_release(&bytes);
}

static void refuses_damage_in_every_byte(void)
{
    struct buffer bytes = encoded();

    for (size_t at = 0; at < bytes.size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            struct gtid_sidecar found = {0};
            struct error error;

            bytes.data[at] ^= (uint8_t)(1 << bit);
            CHECK(gtid_sidecar_decode(&found, buffer_bytes(&bytes), &error) == STATUS_CORRUPT);
            CHECK(found.before.set == NULL);
            bytes.data[at] ^= (uint8_t)(1 << bit);
        }
    }
    buffer_release(&bytes);
}

static void refuses_every_cut(void)
{
    struct buffer bytes = encoded();

    for (size_t size = 0; size < bytes.size; size++) {
        struct gtid_sidecar found = {0};
        struct error error;

        CHECK(gtid_sidecar_decode(&found, (struct bytes){.data = bytes.data, .size = size},
                                  &error) == STATUS_CORRUPT);
    }
    buffer_release(&bytes);
}

/* A damaged sidecar beside a store's closed file: the file is read, and the sidecar made anew.
 */
static void is_made_anew_from_its_file(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    autofree char *path = fixture_path(&fixture, "binlog.000001.gtids");
    struct buffer right = {0};
    struct error error;

    binlog_maker_begin(&maker);
    binlog_maker_transaction(&maker, 1, 5, 100);
    (void)binlog_maker_rotate(&maker, "binlog.000002");
    store_file_whole(fixture.store, &maker, 1);
    binlog_maker_begin(&maker);
    binlog_maker_transaction(&maker, 1, 6, 100);
    store_file_whole(fixture.store, &maker, 2);
    sync_store(fixture.store);
    right = read_whole(path);
    CHECK(right.size > 0);
    for (size_t at = 0; at <= right.size; at += 7) {
        if (at < right.size) {
            right.data[at] ^= 0x10;
        }
        write_whole(path, right.data, at < right.size ? right.size : 0);
        if (at < right.size) {
            right.data[at] ^= 0x10;
        }
        CHECK_OK(fixture_restart(&fixture, &error), &error);
        CHECK(file_has(&fixture, "binlog.000001.gtids", buffer_bytes(&right)));
        CHECK(set_is(binlog_files_gtids(fixture.store),
                     "01010101-0101-0101-0101-010101010101:5-6"));
    }
    CHECK(disk_remove(disk_system(), path) == 0);
    CHECK_OK(fixture_restart(&fixture, &error), &error);
    CHECK(file_has(&fixture, "binlog.000001.gtids", buffer_bytes(&right)));
    buffer_release(&right);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

/* The sidecar is right, and speaks of a file that had another size. */
static void is_not_believed_of_another_size(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    autofree char *path = fixture_path(&fixture, "binlog.000001");
    struct error error;

    for (uint64_t file = 1; file <= 2; file++) {
        binlog_maker_begin(&maker);
        binlog_maker_transaction(&maker, 1, 5 + file, 100);
        store_file_whole(fixture.store, &maker, file);
        sync_store(fixture.store);
    }
    binlog_maker_begin(&maker);
    binlog_maker_transaction(&maker, 1, 1, 100);
    binlog_maker_transaction(&maker, 1, 6, 100);
    write_whole(path, maker.file.data, maker.file.size);
    CHECK_OK(fixture_restart(&fixture, &error), &error);
    CHECK(set_is(binlog_files_gtids(fixture.store),
                 "01010101-0101-0101-0101-010101010101:1:6-7"));
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

int main(void)
{
    reads_back_what_it_wrote();
    refuses_damage_in_every_byte();
    refuses_every_cut();
    is_made_anew_from_its_file();
    is_not_believed_of_another_size();
    return 0;
}
