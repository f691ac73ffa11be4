/* SPDX-License-Identifier: Apache-2.0 */
/* What store_dump() shows of recorded and of made logs. */
#include "binrelay/storage/store_dump.h"

#include "store_fixture.h"
#include "test_data.h"

struct shown {
    size_t counts[STORE_ENTRY_COUNT];
    struct store_entry first[STORE_ENTRY_COUNT];
    struct store_entry last;
    char texts[4096]; /* of statements and incidents, a line each */
    bool is_in_order;
};

static void on_entry(void *context, const struct store_entry *entry)
{
    struct shown *shown = context;
    size_t used = strlen(shown->texts);

    if (shown->counts[entry->kind]++ == 0) {
        shown->first[entry->kind] = *entry;
    }
    shown->is_in_order = shown->is_in_order &&
                         binlog_position_compare(entry->begin, shown->last.end) >= 0 &&
                         binlog_position_compare(entry->end, entry->begin) > 0;
    shown->last = *entry;
    if (entry->kind != STORE_ENTRY_EPOCH) {
        (void)snprintf(shown->texts + used, sizeof(shown->texts) - used, "%.*s\n",
                       (int)entry->text.size, (const char *)entry->text.data);
    }
}

static struct shown dump(const struct fixture *fixture, struct store_dump_options options)
{
    struct shown shown = {.is_in_order = true};
    struct error error;

    options.disk = fixture->disk;
    options.directory = fixture->directory;
    options.on_entry = on_entry;
    options.context = &shown;
    CHECK_OK(store_dump(&options, &error), &error);
    return shown;
}

static const struct epoch_rules ndb = {.kind = EPOCH_KIND_NDB};

/* A recorded NDB log, stored as it is, with indexes or without. */
static struct fixture ndb_store(const char *server, unsigned files, bool is_indexed)
{
    struct fixture fixture = fixture_new();
    struct error error;

    if (is_indexed) {
        binlog_store_free(fixture.store);
        fixture.store = binlog_store_new(&(struct binlog_store_options){
            .disk = fixture.disk,
            .clock = clock_system(),
            .directory = fixture.directory,
            .epochs = ndb,
        });
        CHECK_OK(binlog_store_recover(fixture.store, &error), &error);
    }
    for (unsigned file = 1; file <= files; file++) {
        autofree char *name = mem_format("ndb/%s/binlog.%06u", server, file);
        struct binlog_maker maker = {.file = test_data_read(name)};

        maker.file.data[BINLOG_MAGIC_BYTES + BINLOG_EVENT_FLAGS_AT] &=
            (uint8_t)~BINLOG_FLAG_IN_USE;
        store_file_whole(fixture.store, &maker, file);
        sync_store(fixture.store);
        binlog_maker_release(&maker);
    }
    return fixture;
}

static void shows_epochs_statements_and_incidents_in_order(void)
{
    struct fixture fixture = ndb_store("a1", 6, false);
    struct shown shown = dump(&fixture, (struct store_dump_options){
                                            .rules = &ndb,
                                            .to_epoch = UINT64_MAX,
                                            .until_usec = UINT64_MAX,
                                        });

    CHECK(shown.counts[STORE_ENTRY_EPOCH] == 251 && shown.is_in_order);
    CHECK(shown.counts[STORE_ENTRY_INCIDENT] == 2);
    CHECK(shown.first[STORE_ENTRY_INCIDENT].epoch.incarnation == 0);
    CHECK(shown.first[STORE_ENTRY_INCIDENT].incident == 1);
    CHECK(shown.counts[STORE_ENTRY_STATEMENT] > 0);
    CHECK(strcasestr(shown.texts, "create table") != NULL);
    CHECK(strstr(shown.texts, "mysqld startup") != NULL);
    CHECK(strcasestr(shown.texts, "begin\n") == NULL);
    fixture_free(&fixture);
}

static void shows_epochs_out_of_compressed_payloads(void)
{
    struct fixture fixture = ndb_store("a3", 3, false);
    struct shown shown = dump(&fixture, (struct store_dump_options){
                                            .rules = &ndb,
                                            .to_epoch = UINT64_MAX,
                                            .until_usec = UINT64_MAX,
                                        });

    CHECK(shown.counts[STORE_ENTRY_EPOCH] == 256 && shown.is_in_order);
    fixture_free(&fixture);
}

static void shows_a_range_of_epochs_or_of_time(void)
{
    struct fixture fixture = ndb_store("a3", 3, false);
    struct store_dump_options all = {
        .rules = &ndb, .to_epoch = UINT64_MAX, .until_usec = UINT64_MAX};
    struct shown whole = dump(&fixture, all);
    uint64_t first = whole.first[STORE_ENTRY_EPOCH].epoch.epoch;
    struct store_dump_options part = all;
    struct shown shown;

    part.from_epoch = first + 1;
    shown = dump(&fixture, part);
    CHECK(shown.counts[STORE_ENTRY_EPOCH] == 255);
    part = all;
    part.to_epoch = first;
    shown = dump(&fixture, part);
    CHECK(shown.counts[STORE_ENTRY_EPOCH] == 1 && shown.counts[STORE_ENTRY_INCIDENT] == 1);
    part = all;
    part.since_usec = whole.first[STORE_ENTRY_EPOCH].at_usec + 1;
    shown = dump(&fixture, part);
    CHECK(shown.counts[STORE_ENTRY_EPOCH] == 255);
    part.until_usec = part.since_usec;
    CHECK(dump(&fixture, part).counts[STORE_ENTRY_EPOCH] == 0);
    fixture_free(&fixture);
}

static void takes_the_rules_from_the_indexes(void)
{
    struct fixture fixture = ndb_store("a3", 3, true);
    struct shown shown = dump(&fixture, (struct store_dump_options){.to_epoch = UINT64_MAX,
                                                                    .until_usec = UINT64_MAX});

    CHECK(shown.counts[STORE_ENTRY_EPOCH] == 256 && shown.is_in_order);
    fixture_free(&fixture);
}

/* A file that is out of the range is not read: damage in it is not met. */
static void passes_over_files_that_are_out_of_the_range(void)
{
    struct fixture fixture = ndb_store("a1", 6, true);
    struct store_dump_options all = {.to_epoch = UINT64_MAX, .until_usec = UINT64_MAX};
    struct shown whole = dump(&fixture, all);
    autofree char *path = fixture_path(&fixture, "binlog.000003");
    struct store_dump_options part = all;
    struct buffer bytes = read_whole(path);
    struct shown shown;

    part.from_epoch = whole.last.epoch.epoch - 1;
    shown = dump(&fixture, part);
    CHECK(shown.counts[STORE_ENTRY_EPOCH] > 0 && shown.counts[STORE_ENTRY_EPOCH] < 10);
    bytes.data[bytes.size / 2] ^= 1;
    write_whole(path, bytes.data, bytes.size);
    whole = dump(&fixture, part);
    CHECK(whole.counts[STORE_ENTRY_EPOCH] == shown.counts[STORE_ENTRY_EPOCH]);
    CHECK(whole.last.epoch.incarnation == 1);
    buffer_release(&bytes);
    fixture_free(&fixture);
}

static void shows_statements_where_there_are_no_epochs(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 7};
    struct shown shown;

    binlog_maker_begin(&maker);
    binlog_maker_gtid(&maker, 1, 1);
    binlog_maker_query(&maker, "create user somebody");
    binlog_maker_transaction(&maker, 1, 2, 20);
    store_file_whole(fixture.store, &maker, 1);
    sync_store(fixture.store);
    shown = dump(&fixture,
                 (struct store_dump_options){.to_epoch = UINT64_MAX, .until_usec = UINT64_MAX});
    CHECK(shown.counts[STORE_ENTRY_EPOCH] == 0 && shown.counts[STORE_ENTRY_STATEMENT] == 1);
    CHECK(strcmp(shown.texts, "create user somebody\n") == 0);
    CHECK(shown.last.begin.file == 1 && shown.last.epoch.incarnation == 0);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void stops_where_the_store_is_damaged(void)
{
    struct fixture fixture = ndb_store("a3", 3, false);
    autofree char *path = fixture_path(&fixture, "binlog.000003");
    struct buffer bytes = read_whole(path);
    struct shown shown = {0};
    struct error error;

    bytes.data[bytes.size / 2] ^= 1;
    write_whole(path, bytes.data, bytes.size);
    CHECK(store_dump(&(struct store_dump_options){.disk = fixture.disk,
                                                  .directory = fixture.directory,
                                                  .rules = &ndb,
                                                  .to_epoch = UINT64_MAX,
                                                  .until_usec = UINT64_MAX,
                                                  .on_entry = on_entry,
                                                  .context = &shown},
                     &error) == STATUS_CORRUPT);
    CHECK(strstr(error.message, "binlog.000003") != NULL);
    CHECK(shown.counts[STORE_ENTRY_EPOCH] > 0 && shown.counts[STORE_ENTRY_EPOCH] < 256);
    buffer_release(&bytes);
    fixture_free(&fixture);
}

int main(void)
{
    shows_epochs_statements_and_incidents_in_order();
    shows_epochs_out_of_compressed_payloads();
    shows_a_range_of_epochs_or_of_time();
    takes_the_rules_from_the_indexes();
    passes_over_files_that_are_out_of_the_range();
    shows_statements_where_there_are_no_epochs();
    stops_where_the_store_is_damaged();
    return 0;
}
