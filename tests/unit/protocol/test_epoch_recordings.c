/* SPDX-License-Identifier: Apache-2.0 */
/* The epoch reader over recorded binlogs, compared with what their server itself noted. */
#include "binrelay/protocol/epoch_reader.h"

#include <inttypes.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "epoch_events.h"

enum { MOST_EPOCHS = 300 };

static const size_t part_sizes[] = {0, 1, 7, 1000};
enum { PART_SIZES = sizeof(part_sizes) / sizeof(part_sizes[0]) };

/* A row of mysql.ndb_binlog_index, or what the reader found. */
struct epoch_row {
    unsigned file;
    uint64_t epoch;
    uint32_t rows; /* written: inserts and updates */
    uint32_t deletes;
    uint32_t schema_ops;
    uint64_t end;
    uint64_t commit_usec;
};

struct epoch_rows {
    struct epoch_row rows[MOST_EPOCHS];
    size_t count;
};

/* Position File epoch inserts updates deletes schemaops orig_server_id orig_epoch gci
 * next_position next_file */
static void read_index(const char *recording, struct epoch_rows *index)
{
    autofree char *name = mem_format("ndb/%s/ndb_binlog_index.tsv", recording);
    struct buffer text = test_data_read(name);
    char *line = NULL;
    char *rest = NULL;

    buffer_add_number(&text, 0, 1);
    index->count = 0;
    for (line = strtok_r((char *)text.data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        struct epoch_row *row = &index->rows[index->count];
        uint32_t inserts = 0;
        uint32_t updates = 0;

        CHECK(index->count < MOST_EPOCHS);
        *row = (struct epoch_row){0};
        CHECK(sscanf(line,
                     "%*u ./binlog.%u %" SCNu64 " %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32
                     " %*u %*u %*u %" SCNu64,
                     &row->file, &row->epoch, &inserts, &updates, &row->deletes,
                     &row->schema_ops, &row->end) == 7);
        row->rows = inserts + updates;
        index->count++;
    }
    buffer_release(&text);
}

static void read_file(const char *recording,
                      unsigned file,
                      struct epoch_reader *reader,
                      size_t part_bytes,
                      struct epoch_rows *found)
{
    autofree char *name = mem_format("ndb/%s/binlog.%06u", recording, file);
    struct epoch_events_walk walk = epoch_events_open(name, reader, part_bytes);
    struct epoch_transaction transaction;

    while (epoch_events_next(&walk, &transaction)) {
        CHECK(!transaction.is_count_partial);
        CHECK(transaction.updates == 0); /* NDB logs them as written rows */
        if (transaction.has_marker) {
            CHECK(found->count < MOST_EPOCHS);
            CHECK(!transaction.is_incident);
            found->rows[found->count++] = (struct epoch_row){
                .file = file,
                .epoch = transaction.epoch,
                .rows = transaction.inserts,
                .deletes = transaction.deletes,
                .schema_ops = transaction.schema_ops,
                .end = walk.offset,
                .commit_usec = transaction.commit_usec,
            };
        }
    }
    binlog_file_close(&walk.file);
}

static void read_recording(const char *recording,
                           unsigned files,
                           size_t part_bytes,
                           struct epoch_rows *found)
{
    struct epoch_rules rules = {.kind = EPOCH_KIND_NDB};
    struct epoch_reader *reader = epoch_reader_new(&rules);

    found->count = 0;
    for (unsigned file = 1; file <= files; file++) {
        read_file(recording, file, reader, part_bytes, found);
    }
    epoch_reader_free(reader);
}

/* Every row of the server's table was found; says how many more were. */
static size_t compare(const struct epoch_rows *index, const struct epoch_rows *found)
{
    size_t more = 0;

    for (size_t at = 0; at < index->count; at++) {
        const struct epoch_row *wanted = &index->rows[at];
        const struct epoch_row *row = &found->rows[at + more];

        while (at + more < found->count && row->epoch != wanted->epoch) {
            more++;
            row++;
        }
        CHECK(at + more < found->count);
        CHECK(row->file == wanted->file);
        CHECK(row->end == wanted->end);
        CHECK(row->rows == wanted->rows);
        CHECK(row->deletes == wanted->deletes);
        CHECK(row->schema_ops == wanted->schema_ops);
    }
    CHECK(index->count + more <= found->count);
    return found->count - index->count;
}

static void agrees_with_the_servers_index(const char *recording,
                                          unsigned files,
                                          size_t epochs,
                                          size_t missing_in_index)
{
    static struct epoch_rows index;
    static struct epoch_rows found;

    read_index(recording, &index);
    for (size_t at = 0; at < PART_SIZES; at++) {
        read_recording(recording, files, part_sizes[at], &found);
        CHECK(found.count == epochs);
        CHECK(compare(&index, &found) == missing_in_index);
    }
}

/* From the first epoch's transaction to the last one's by the clock of the recording. */
static void commit_times_are_those_of_the_gtid_events(void)
{
    static struct epoch_rows found;
    const uint64_t recorded = UINT64_C(1795212000000000); /* 2026-11-20, 22:00 UTC */
    const uint64_t hour = UINT64_C(3600) * 1000000;
    unsigned fractions = 0;

    read_recording("a3", 3, 0, &found);
    for (size_t at = 0; at < found.count; at++) {
        CHECK(found.rows[at].commit_usec > recorded);
        CHECK(found.rows[at].commit_usec < recorded + hour);
        CHECK(at == 0 || found.rows[at].commit_usec >= found.rows[at - 1].commit_usec);
        fractions += found.rows[at].commit_usec % 1000000 != 0 ? 1 : 0;
    }
    CHECK(fractions > found.count / 2); /* to the microsecond, not to the second */
}

static void every_recording_begins_with_an_incident(void)
{
    static const char *const names[] = {"ndb/a1/binlog.000002", "ndb/a2/binlog.000002",
                                        "ndb/a3/binlog.000002"};
    struct epoch_rules rules = {.kind = EPOCH_KIND_NONE};
    struct epoch_reader *reader = epoch_reader_new(&rules);

    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        struct epoch_events_walk walk = epoch_events_open(names[at], reader, 0);
        struct epoch_transaction transaction;
        unsigned incidents = 0;

        while (epoch_events_next(&walk, &transaction)) {
            incidents += transaction.is_incident ? 1 : 0;
        }
        CHECK(incidents == 1);
        binlog_file_close(&walk.file);
    }
    epoch_reader_free(reader);
}

/* All that a file's transactions say, together. */
static struct epoch_transaction sum_of(const char *name, size_t part_bytes)
{
    struct epoch_rules rules = {.kind = EPOCH_KIND_NDB};
    struct epoch_reader *reader = epoch_reader_new(&rules);
    struct epoch_events_walk walk = epoch_events_open(name, reader, part_bytes);
    struct epoch_transaction sum = {0};
    struct epoch_transaction found;

    while (epoch_events_next(&walk, &found)) {
        CHECK(!found.has_marker);
        sum.inserts += found.inserts;
        sum.updates += found.updates;
        sum.deletes += found.deletes;
        sum.schema_ops += found.schema_ops;
        sum.is_count_partial = sum.is_count_partial || found.is_count_partial;
    }
    binlog_file_close(&walk.file);
    epoch_reader_free(reader);
    return sum;
}

/* The numbers are those of mysqlbinlog -v, but for types.others, of which the .sql file tells.
 */
static void counts_the_rows_of_every_type_and_image(void)
{
    static const struct {
        const char *name;
        uint32_t inserts;
        uint32_t updates;
        uint32_t deletes;
    } files[] = {
        {"mysql97-mixed.binlog", 32, 2, 3},
        {"mysql97-anonymous.binlog", 43, 2, 3},
        {"mysql97-tagged.binlog", 7, 0, 0},
        {"mysql97-compressed.binlog", 524, 261, 261},
        {"mysql97-nochecksum.binlog", 6, 0, 3},
        {"mysql97-types.binlog", 19, 24, 8},
        {"mysql97-heartbeat.binlog", 18, 60, 4},
        {"mariadb1011-mixed.binlog", 62, 4, 1},
        {"mariadb1011-second.binlog", 1, 0, 0},
        {"mariadb1011-types.binlog", 10, 7, 4},
        {"mariadb1011-heartbeat.binlog", 18, 56, 4},
    };

    for (size_t at = 0; at < sizeof(files) / sizeof(files[0]); at++) {
        for (size_t size = 0; size < PART_SIZES; size++) {
            struct epoch_transaction sum = sum_of(files[at].name, part_sizes[size]);

            CHECK(sum.inserts == files[at].inserts);
            CHECK(sum.updates == files[at].updates);
            CHECK(sum.deletes == files[at].deletes);
            CHECK(!sum.is_count_partial);
        }
    }
}

static void counts_statements_that_drop_and_alter(void)
{
    CHECK(sum_of("mysql97-mixed.binlog", 0).schema_ops == 6);
    CHECK(sum_of("mysql97-mixed.binlog", 7).schema_ops == 6);
    CHECK(sum_of("mysql97-types.binlog", 0).schema_ops == 0);
}

static void says_that_mariadbs_compressed_rows_are_not_counted(void)
{
    CHECK(sum_of("mariadb1011-compressed.binlog", 0).is_count_partial);
}

/* What the statements of *-heartbeat.sql make of the row of server 42. */
static void heartbeats_are(const char *name,
                           const char *table,
                           bool has_last,
                           size_t part_bytes)
{
    static const uint64_t wanted[] = {1, 2, 11, 12, 13, 14, 15, 16, 17, 18};
    size_t wanted_count = sizeof(wanted) / sizeof(wanted[0]) - (has_last ? 0 : 1);
    struct epoch_rules rules = {
        .kind = EPOCH_KIND_HEARTBEAT, .server_id = 42, .database = "heartbeat"};
    struct epoch_reader *reader = NULL;
    struct epoch_events_walk walk;
    struct epoch_transaction found;
    size_t count = 0;

    (void)snprintf(rules.table, sizeof(rules.table), "%s", table);
    reader = epoch_reader_new(&rules);
    walk = epoch_events_open(name, reader, part_bytes);
    while (epoch_events_next(&walk, &found)) {
        CHECK(!found.is_count_partial);
        CHECK(found.inserts == 0 && found.updates == 0 && found.deletes == 0);
        if (found.has_marker) {
            CHECK(count < wanted_count);
            CHECK(found.epoch == wanted[count]);
            CHECK(found.origin == 42);
            CHECK(found.commit_usec > 0);
            count++;
        }
    }
    CHECK(count == wanted_count);
    binlog_file_close(&walk.file);
    epoch_reader_free(reader);
}

static void finds_the_heartbeats_of_a_server_in_every_form_of_the_table(void)
{
    static const char *const tables[] = {"heartbeat", "field", "turned", "wide"};

    for (size_t at = 0; at < sizeof(tables) / sizeof(tables[0]); at++) {
        for (size_t size = 0; size < PART_SIZES; size++) {
            heartbeats_are("mysql97-heartbeat.binlog", tables[at], true, part_sizes[size]);
            heartbeats_are("mariadb1011-heartbeat.binlog", tables[at], false, part_sizes[size]);
        }
    }
}

int main(void)
{
    agrees_with_the_servers_index("a1", 6, 251, 0);
    agrees_with_the_servers_index("a2", 5, 251, 1);
    agrees_with_the_servers_index("a3", 3, 256, 0);
    commit_times_are_those_of_the_gtid_events();
    every_recording_begins_with_an_incident();
    counts_the_rows_of_every_type_and_image();
    counts_statements_that_drop_and_alter();
    says_that_mariadbs_compressed_rows_are_not_counted();
    finds_the_heartbeats_of_a_server_in_every_form_of_the_table();
    return 0;
}
