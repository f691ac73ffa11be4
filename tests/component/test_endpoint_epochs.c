/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of NDB's recordings: where the names of epochs, backups and times
 * begin, and what is left out before the first epoch. "east" is a1, without
 * GTIDs and with a gap; "west" is a3, with GTIDs and compressed, without one.
 */
#include "binrelay/protocol/binlog_control.h"
#include "binrelay/protocol/gtid_set.h"
#include "binrelay/storage/binlog_files.h"
#include "binrelay/storage/binlog_purge.h"
#include "endpoint_rig.h"

enum { INDEX_ROWS_MOST = 300 };

/* Of the incident that west begins with. */
#define WEST_OPENING "1525afce-e52f-11f1-9f83-02fc00000001:1"

static const struct rig_file recordings[] = {
    {EAST, 1, "ndb/a1/binlog.000001"}, {EAST, 2, "ndb/a1/binlog.000002"},
    {EAST, 3, "ndb/a1/binlog.000003"}, {EAST, 4, "ndb/a1/binlog.000004"},
    {EAST, 5, "ndb/a1/binlog.000005"}, {EAST, 6, "ndb/a1/binlog.000006"},
    {WEST, 1, "ndb/a3/binlog.000001"}, {WEST, 2, "ndb/a3/binlog.000002"},
    {WEST, 3, "ndb/a3/binlog.000003"},
};

static const struct rig_file beginnings[] = {
    {EAST, 1, "ndb/a1/binlog.000001"},
    {EAST, 2, "ndb/a1/binlog.000002"},
    {WEST, 1, "ndb/a3/binlog.000001"},
    {WEST, 2, "ndb/a3/binlog.000002"},
};

/* A row of the source's own ndb_binlog_index. */
struct index_row {
    unsigned long long begin;
    unsigned long long epoch;
    unsigned long long end;
    unsigned file;
};

/* In the order of the stream. Returns the count. */
static size_t read_index(struct index_row rows[INDEX_ROWS_MOST], const char *name)
{
    struct buffer text = test_data_read(name);
    size_t count = 0;
    char *rest = NULL;

    buffer_add_zeros(&text, 1);
    for (char *line = strtok_r((char *)text.data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        CHECK(count < INDEX_ROWS_MOST);
        CHECK(sscanf(line, "%llu %*s %llu %*u %*u %*u %*u %*u %*u %*u %llu ./binlog.%u",
                     &rows[count].begin, &rows[count].epoch, &rows[count].end,
                     &rows[count].file) == 4);
        count++;
    }
    buffer_release(&text);
    return count;
}

/* What a replica sees, which counts its position as servers do. */
struct seen {
    struct binlog_position first; /* of the first Rotate */
    struct binlog_position position;
    size_t events; /* that are in a file */
    size_t incidents;
    uint64_t incident_file; /* of the last one */
    size_t gtids;
    int failed_code; /* 0: it came to the end */
    char message[512];
};

static struct sql_client replica(const struct rig *rig, const char *cluster)
{
    autofree char *user = mem_format("many+%s", cluster);
    struct sql_client client = rig_login(rig, user);

    CHECK(client_query(&client, "SET @source_binlog_checksum = @@global.binlog_checksum") == 0);
    return client;
}

static void take_rotate(struct seen *seen, struct bytes body)
{
    struct binlog_rotate rotate;
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    struct error error;

    CHECK_OK(binlog_rotate_decode(&rotate, body, &error), &error);
    CHECK(binlog_name_split(rotate.file_name, base_name, &seen->position.file));
    seen->position.offset = rotate.position;
    if (seen->first.file == 0) {
        seen->first = seen->position;
    }
}

/* An event of a file must stand where the replica counts itself. */
static void take_event(struct seen *seen, struct rig *rig, size_t cluster, struct bytes event)
{
    struct binlog_event_header header = binlog_event_header_at(event.data);
    struct buffer stored = {0};
    struct error error;

    if (header.type == BINLOG_ROTATE && (header.flags & BINLOG_FLAG_ARTIFICIAL) != 0) {
        take_rotate(seen, binlog_event_body(event, BINLOG_CHECKSUM_CRC32));
        return;
    }
    if (header.type == BINLOG_FORMAT_DESCRIPTION &&
        seen->position.offset > BINLOG_MAGIC_BYTES) {
        return;
    }
    CHECK_OK(binlog_store_read(rig->clusters[cluster].store, seen->position, event.size,
                               &stored, &error),
             &error);
    CHECK(header.type == BINLOG_FORMAT_DESCRIPTION ||
          bytes_equal(buffer_bytes(&stored), event));
    buffer_release(&stored);
    if (header.type == BINLOG_INCIDENT) {
        seen->incidents++;
        seen->incident_file = seen->position.file;
    }
    seen->gtids += header.type == BINLOG_GTID || header.type == BINLOG_ANONYMOUS_GTID ? 1 : 0;
    seen->events++;
    seen->position.offset += event.size;
}

/* Asks, and reads to the end of the log or to the refusal. Packet numbers are checked by the
 * client. */
static struct seen dump(struct rig *rig, size_t cluster, struct command_dump command)
{
    struct sql_client client = replica(rig, both_clusters[cluster]);
    struct buffer payload = {0};
    struct seen seen = {0};

    command.flags |= DUMP_NON_BLOCK;
    command.server_id = 201;
    command_dump_encode(&payload, &command);
    client.sequence = 0;
    client_send(&client, buffer_bytes(&payload));
    buffer_release(&payload);
    for (;;) {
        CHECK(client_next(&client));
        if (result_is_eof(client.payload)) {
            break;
        }
        if (result_is_error(client.payload)) {
            seen.failed_code = client_error(&client);
            (void)snprintf(seen.message, sizeof(seen.message), "%s", client.error.message);
            break;
        }
        CHECK(client.payload.data[0] == 0);
        take_event(
            &seen, rig, cluster,
            (struct bytes){.data = client.payload.data + 1, .size = client.payload.size - 1});
    }
    client_close(&client);
    return seen;
}

static struct seen dump_from(struct rig *rig, size_t cluster, const char *name)
{
    return dump(rig, cluster,
                (struct command_dump){.position = 4, .file_name = bytes_of_text(name)});
}

static struct seen dump_from_name(struct rig *rig,
                                  const char *prefix,
                                  unsigned long long number)
{
    autofree char *name = mem_format("%s%llu", prefix, number);

    return dump_from(rig, EAST, name);
}

static void check_end(const struct rig *rig, size_t cluster, const struct seen *seen)
{
    if (seen->failed_code != 0) {
        fprintf(stderr, "refused: %s\n", seen->message);
    }
    CHECK(seen->failed_code == 0);
    CHECK(binlog_position_compare(seen->position,
                                  binlog_store_durable_end(rig->clusters[cluster].store)) == 0);
}

static void check_refused(const struct seen *seen, int code, const char *part)
{
    if (seen->failed_code != code || strstr(seen->message, part) == NULL) {
        fprintf(stderr, "%d: '%s' is not in '%s'\n", seen->failed_code, part, seen->message);
        abort();
    }
}

/* ---- names ---- */

static void every_epoch_goes_on_at_its_end(struct rig *rig)
{
    struct index_row rows[INDEX_ROWS_MOST];
    size_t count = read_index(rows, "ndb/a1/ndb_binlog_index.tsv");

    CHECK(count == 251);
    for (size_t at = 0; at < count; at += 25) {
        struct seen seen = dump_from_name(rig, "epoch.", rows[at].epoch);

        check_end(rig, EAST, &seen);
        CHECK(seen.first.file == rows[at].file && seen.first.offset == rows[at].end);
        seen = dump_from_name(rig, "after-backup.", rows[at].epoch);
        CHECK(seen.first.file == rows[at].file && seen.first.offset == rows[at].end);
    }
    struct seen named = dump_from(rig, EAST, "epoch.60129542157.1");

    CHECK(named.first.file == 3 && named.first.offset == rows[0].end);
}

static void a_backup_goes_on_with_the_next_epoch(struct rig *rig)
{
    struct index_row rows[INDEX_ROWS_MOST];
    size_t count = read_index(rows, "ndb/a1/ndb_binlog_index.tsv");
    struct seen seen = dump_from_name(rig, "after-backup.", rows[0].epoch + 1);

    check_end(rig, EAST, &seen);
    CHECK(seen.first.file == rows[1].file && seen.first.offset >= rows[1].begin);
    CHECK(seen.first.offset < rows[1].end);
    seen = dump_from_name(rig, "after-backup.", 1); /* the log is here from file 1 on */
    CHECK(seen.first.file == rows[0].file && seen.first.offset < rows[0].end);
    seen = dump_from_name(rig, "after-backup.", rows[count - 1].epoch + 1);
    CHECK(seen.first.file == 6 && seen.first.offset == rows[count - 1].end);
    CHECK(seen.incidents == 0);
}

static void times_have_a_place(struct rig *rig)
{
    struct index_row rows[INDEX_ROWS_MOST];
    size_t count = read_index(rows, "ndb/a1/ndb_binlog_index.tsv");
    struct seen seen = dump_from(rig, EAST, "time.2020-01-01T00:00:00Z");

    check_end(rig, EAST, &seen); /* from the first epoch on: nothing was before */
    CHECK(seen.first.file == 3 && seen.first.offset < rows[0].end && seen.incidents == 1);
    seen = dump_from(rig, EAST, "time.2026-11-30T12:00:00+01:00");
    check_end(rig, EAST, &seen);
    CHECK(seen.first.file == 6 && seen.first.offset == rows[count - 1].end);
    seen = dump_from(rig, EAST, "time.2026-12-01T00:00:01Z");
    check_refused(&seen, 1236, "still to come");
}

static void epochs_that_are_not_covered_are_refused(struct rig *rig)
{
    struct index_row rows[INDEX_ROWS_MOST];
    size_t count = read_index(rows, "ndb/a1/ndb_binlog_index.tsv");
    const unsigned long long far = 1ULL << 40; /* 256 global checkpoints */
    size_t behind = 0;                         /* the first row behind the gap */
    struct seen seen;
    char number[32];

    while (rows[behind].file == 3) {
        behind++;
    }
    seen = dump_from_name(rig, "epoch.", rows[0].epoch - 1);
    check_refused(&seen, 1236, "older than the first one here, 60129542157");
    seen = dump_from_name(rig, "epoch.", rows[behind].epoch - 1);
    (void)snprintf(number, sizeof(number), "%llu", rows[behind - 1].epoch);
    check_refused(&seen, 1236, number);
    (void)snprintf(number, sizeof(number), "%llu", rows[behind].epoch);
    check_refused(&seen, 1236, number);
    seen = dump_from_name(rig, "after-backup.", rows[behind].epoch - 1);
    check_refused(&seen, 1236, number);
    seen = dump_from_name(rig, "epoch.", rows[count - 1].epoch + far);
    check_refused(&seen, 1053, "above the newest one here"); /* it may be on its way */
    test_cluster_connect(&rig->clusters[EAST], "9.7.4", "OFF", false);
    seen = dump_from_name(rig, "epoch.", rows[count - 1].epoch + far);
    check_refused(&seen, 1236, "above the newest one here");
    seen = dump_from_name(rig, "epoch.", rows[count - 1].epoch + 1);
    check_refused(&seen, 1053, "above the newest one here"); /* from a relay that is faster */
    seen = dump_from(rig, EAST, "epoch.60129542157.2");
    check_refused(&seen, 1236, "no incarnation 2");
}

static void names_that_cannot_be_read_are_refused(struct rig *rig)
{
    static const char *const names[] = {"epoch.x",
                                        "epoch.1.0",
                                        "epoch.1.x",
                                        "epoch.1.",
                                        "epoch.1.4294967296",
                                        "after-backup.1.1",
                                        "time.now",
                                        "epoch.18446744073709551616"};
    struct seen seen;

    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        seen = dump_from(rig, EAST, names[at]);
        check_refused(&seen, 1236, "cannot be looked up");
    }
    seen = dump(
        rig, EAST,
        (struct command_dump){.position = 5, .file_name = bytes_of_text("epoch.60129542157")});
    check_refused(&seen, 1236, "its position is 4");
    seen =
        dump(rig, EAST, (struct command_dump){.file_name = bytes_of_text("epoch.60129542157")});
    check_end(rig, EAST, &seen);
}

/* ---- incidents ---- */

static void the_incident_before_the_first_epoch_is_not_served(struct rig *rig)
{
    static const char *const names[] = {"first", "", "binlog.000001", "binlog.000002"};

    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        struct seen seen = dump_from(rig, EAST, names[at]);

        check_end(rig, EAST, &seen);
        CHECK(seen.first.file == (at < 3 ? 1 : 2) && seen.first.offset == 4);
        CHECK(seen.incidents == 1 && seen.incident_file == 4); /* the gap is told */
    }
    struct seen seen = dump(
        rig, EAST,
        (struct command_dump){.position = 158, .file_name = bytes_of_text("binlog.000002")});

    check_end(rig, EAST, &seen);
    CHECK(seen.first.offset == 158 && seen.incidents == 1 && seen.incident_file == 4);
}

static struct seen dump_by_gtid(struct rig *rig, const struct gtid_set *set)
{
    struct buffer encoded = {0};
    struct seen seen;

    gtid_set_encode(set, &encoded);
    seen = dump(rig, WEST,
                (struct command_dump){
                    .is_by_gtid = true, .position = 4, .gtid_set = buffer_bytes(&encoded)});
    buffer_release(&encoded);
    return seen;
}

static void nor_is_it_by_gtid(struct rig *rig)
{
    struct gtid_set *stored = binlog_files_gtids(rig->clusters[WEST].store);
    struct gtid_set *none = gtid_set_new();
    struct seen by_file = dump_from(rig, WEST, "binlog.000002");
    struct seen seen = dump_by_gtid(rig, none);

    test_cluster_connect(&rig->clusters[WEST], "9.7.4", "ON", false);
    check_end(rig, WEST, &by_file);
    check_end(rig, WEST, &seen);
    CHECK(seen.first.file == 3); /* file 2 has nothing but the incident to send */
    CHECK(seen.incidents == 0 && by_file.incidents == 0);
    CHECK(seen.gtids == gtid_set_count(stored) - 1 && by_file.gtids == seen.gtids);
    seen = dump_by_gtid(rig, stored);
    check_end(rig, WEST, &seen);
    CHECK(seen.gtids == 0);
    gtid_set_free(none);
    gtid_set_free(stored);
}

/* A replica that has all that was ever sent misses nothing behind a purge, nor after a start.
 */
static void its_gtid_is_not_missed_behind_a_purge(struct rig *rig)
{
    struct binlog_store *store = rig->clusters[WEST].store;
    struct gtid_set *all = binlog_files_gtids(store);
    struct gtid_set *served = binlog_files_gtids(store);
    struct gtid_set *opening = NULL;
    struct binlog_purged gone;
    struct error error;

    CHECK_OK(gtid_set_parse(&opening, bytes_of_text(WEST_OPENING), &error), &error);
    gtid_set_subtract(served, opening);
    CHECK(gtid_set_count(served) == gtid_set_count(all) - 1);
    CHECK_OK(binlog_store_purge(store, 3, &gone, &error), &error);
    struct seen seen = dump_by_gtid(rig, served);

    check_end(rig, WEST, &seen);
    CHECK(seen.first.file == 3 && seen.gtids == 0);
    gtid_set_free(opening);
    gtid_set_free(served);
    gtid_set_free(all);
}

/* Behind a purge the first epoch that is left is not the first that was. */
static void an_incident_behind_a_purge_is_served(struct rig *rig)
{
    struct index_row rows[INDEX_ROWS_MOST];
    struct binlog_purged purged;
    struct error error;
    struct seen seen;

    (void)read_index(rows, "ndb/a1/ndb_binlog_index.tsv");
    CHECK_OK(binlog_store_purge(rig->clusters[EAST].store, 4, &purged, &error), &error);
    seen = dump_from(rig, EAST, "first");
    check_end(rig, EAST, &seen);
    CHECK(seen.first.file == 4 && seen.incidents == 1 && seen.incident_file == 4);
    seen = dump_from_name(rig, "epoch.", rows[0].epoch);
    check_refused(&seen, 1236, "older than the first one here, 94489280512");
    seen = dump_from_name(rig, "after-backup.", rows[0].epoch);
    check_refused(&seen, 1236, "older than the first one here, 94489280512");
    seen = dump_from(rig, EAST, "time.2020-01-01T00:00:00Z");
    check_refused(&seen, 1236, "first epoch here, 94489280512");
    seen = dump_from(rig, EAST, "binlog.000003");
    check_refused(&seen, 1236, "94489280512 is the oldest epoch to go on from");
}

/* ---- before the first epoch ---- */

static void who_comes_before_the_first_epoch_comes_again(struct rig *rig)
{
    struct seen seen = dump_from(rig, WEST, "binlog.000002");

    check_end(rig, WEST, &seen);
    CHECK(seen.incidents == 0);
    test_cluster_connect(&rig->clusters[WEST], "9.7.4", "ON", false);
    seen = dump_from(rig, WEST, "binlog.000005"); /* as a start script has it */
    check_refused(&seen, 1053, "has no epoch yet");
    seen = dump_from(rig, WEST, "epoch.4711");
    check_refused(&seen, 1053, "no epoch is stored here yet");
    test_cluster_fill(&rig->clusters[WEST], 3, "ndb/a3/binlog.000003");
    seen = dump_from(rig, WEST, "binlog.000005");
    check_refused(&seen, 1236, "behind the last one");
    seen = dump_from(rig, WEST, "epoch.4711");
    check_refused(&seen, 1236, "older than the first one here, 60129542157");
    seen = dump_from(rig, WEST, "first");
    check_end(rig, WEST, &seen);
    CHECK(seen.incidents == 0);
}

static void a_cluster_without_epochs_looks_nothing_up(struct rig *rig)
{
    struct seen seen = dump_from(rig, EAST, "epoch.60129542157");

    check_refused(&seen, 1236, "keeps no epochs");
    seen = dump_from(rig, EAST, "binlog.000002"); /* and shows every incident */
    check_end(rig, EAST, &seen);
    CHECK(seen.incidents == 1 && seen.incident_file == 2);
}

/* A server without NDB writes an incident only when it has lost something. */
static void an_incident_before_the_first_heartbeat_is_served(struct rig *rig)
{
    struct seen seen = dump_from(rig, EAST, "binlog.000002");

    check_end(rig, EAST, &seen);
    CHECK(seen.incidents == 1 && seen.incident_file == 2);
}

static uint64_t wall_usec(void *context)
{
    (void)context;
    return UINT64_C(1796083200000000); /* 2026-12-01, some days after the recordings */
}

static uint64_t monotonic_usec(void *context)
{
    (void)context;
    return clock_monotonic_usec(clock_system());
}

int main(void)
{
    static const struct clock clock = {.monotonic_usec = monotonic_usec,
                                       .wall_usec = wall_usec};
    struct rig rig = {.clock = &clock,
                      .epochs = {{.kind = EPOCH_KIND_NDB}, {.kind = EPOCH_KIND_NDB}},
                      .files = recordings,
                      .file_count = sizeof(recordings) / sizeof(recordings[0])};

    rig_open(&rig);
    every_epoch_goes_on_at_its_end(&rig);
    a_backup_goes_on_with_the_next_epoch(&rig);
    times_have_a_place(&rig);
    epochs_that_are_not_covered_are_refused(&rig);
    names_that_cannot_be_read_are_refused(&rig);
    the_incident_before_the_first_epoch_is_not_served(&rig);
    nor_is_it_by_gtid(&rig);
    its_gtid_is_not_missed_behind_a_purge(&rig);
    an_incident_behind_a_purge_is_served(&rig);
    rig_close(&rig);

    struct rig young = {.clock = &clock,
                        .epochs = {{.kind = EPOCH_KIND_NONE}, {.kind = EPOCH_KIND_NDB}},
                        .files = beginnings,
                        .file_count = sizeof(beginnings) / sizeof(beginnings[0])};

    rig_open(&young);
    who_comes_before_the_first_epoch_comes_again(&young);
    a_cluster_without_epochs_looks_nothing_up(&young);
    rig_close(&young);

    const struct epoch_rules heartbeats = {.kind = EPOCH_KIND_HEARTBEAT,
                                           .server_id = 7,
                                           .database = "heartbeat",
                                           .table = "heartbeat"};
    struct rig beating = {.clock = &clock,
                          .epochs = {heartbeats, heartbeats},
                          .files = beginnings,
                          .file_count = sizeof(beginnings) / sizeof(beginnings[0])};

    rig_open(&beating);
    an_incident_before_the_first_heartbeat_is_served(&beating);
    rig_close(&beating);
    return 0;
}
