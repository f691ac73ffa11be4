/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of one group over real sockets: one has the stream, the other hears
 * heartbeats until it has it. "west" is a3 of NDB's recordings, with GTIDs.
 */
#include <stdatomic.h>

#include "binrelay/protocol/binlog_control.h"
#include "binrelay/protocol/gtid_set.h"
#include "binrelay/storage/epoch_locate.h"
#include "endpoint_rig.h"

enum { ONE = 11, OTHER = 12, SECOND = 1000 * 1000, TTL_USEC = 30 * SECOND };

#define GROUP "g"

static const struct rig_file recordings[] = {
    {WEST, 1, "ndb/a3/binlog.000001"},
    {WEST, 2, "ndb/a3/binlog.000002"},
    {WEST, 3, "ndb/a3/binlog.000003"},
};

/* ---- the time; loops have their own ---- */

static _Atomic uint64_t ahead_usec;

static uint64_t read_monotonic(void *context)
{
    (void)context;
    return clock_monotonic_usec(clock_system()) + ahead_usec;
}

static uint64_t read_wall(void *context)
{
    (void)context;
    return clock_wall_usec(clock_system()) + ahead_usec;
}

static const struct clock test_clock = {.monotonic_usec = read_monotonic,
                                        .wall_usec = read_wall};

/* ---- a replica ---- */

struct replica {
    struct sql_client client;
    struct rig *rig;
    struct binlog_position position; /* where it counts itself */
    struct binlog_position first;    /* of the first event of a transaction that it got */
    size_t rotates;                  /* artificial ones */
    size_t formats;
    size_t heartbeats;
    size_t events; /* of transactions */
    int failed_code;
    char message[512];
};

static void send_payload(struct replica *replica, const struct command_dump *command)
{
    struct buffer payload = {0};

    command_dump_encode(&payload, command);
    replica->client.sequence = 0;
    client_send(&replica->client, buffer_bytes(&payload));
    buffer_release(&payload);
}

static void open_replica(struct replica *replica, struct rig *rig)
{
    *replica = (struct replica){.rig = rig, .client = rig_login(rig, "many+west")};
    CHECK(client_query(&replica->client, "SET @source_binlog_checksum = 'CRC32'") == 0);
    CHECK(client_query(&replica->client, "SET @source_heartbeat_period = 100000000") == 0);
}

static void follow(struct replica *replica, struct rig *rig, uint32_t server_id)
{
    open_replica(replica, rig);
    send_payload(replica, &(struct command_dump){.server_id = server_id,
                                                 .position = 4,
                                                 .file_name = bytes_of_text("first")});
}

/* With a set of nothing. */
static void follow_by_gtid(struct replica *replica, struct rig *rig, uint32_t server_id)
{
    struct gtid_set *set = gtid_set_new();
    struct buffer encoded = {0};

    gtid_set_encode(set, &encoded);
    open_replica(replica, rig);
    send_payload(replica, &(struct command_dump){.server_id = server_id,
                                                 .position = 4,
                                                 .is_by_gtid = true,
                                                 .gtid_set = buffer_bytes(&encoded)});
    buffer_release(&encoded);
    gtid_set_free(set);
}

static void take_rotate(struct replica *replica, struct bytes event)
{
    struct binlog_rotate rotate;
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    struct error error;

    CHECK_OK(
        binlog_rotate_decode(&rotate, binlog_event_body(event, BINLOG_CHECKSUM_CRC32), &error),
        &error);
    CHECK(binlog_name_split(rotate.file_name, base_name, &replica->position.file));
    replica->position.offset = rotate.position;
    replica->rotates++;
}

/* As servers check it (sql/rpl_replica.cc, queue_event): the file of the last Rotate, and no
 * place before the replica's own. */
static void take_heartbeat(struct replica *replica, struct bytes event)
{
    struct binlog_event_header header = binlog_event_header_at(event.data);
    struct binlog_rotate where;
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    uint64_t file = 0;
    struct error error;

    CHECK_OK(binlog_heartbeat_decode(&where, header,
                                     binlog_event_body(event, BINLOG_CHECKSUM_CRC32), &error),
             &error);
    CHECK(binlog_name_split(where.file_name, base_name, &file));
    CHECK(file == replica->position.file && where.position == replica->position.offset);
    replica->heartbeats++;
}

static void take_format(struct replica *replica, struct bytes event)
{
    struct binlog_event_header header = binlog_event_header_at(event.data);

    replica->formats++;
    if (header.next_position != 0) {
        replica->position.offset = header.next_position;
    }
}

/* What is in a file stands there where the replica counts itself. */
static void take_event(struct replica *replica, struct bytes event)
{
    struct binlog_event_header header = binlog_event_header_at(event.data);
    struct buffer stored = {0};
    struct error error;

    CHECK_OK(binlog_store_read(replica->rig->clusters[WEST].store, replica->position,
                               event.size, &stored, &error),
             &error);
    CHECK(bytes_equal(buffer_bytes(&stored), event));
    buffer_release(&stored);
    bool is_of_log = header.type == BINLOG_ROTATE || header.type == BINLOG_STOP ||
                     header.type == BINLOG_PREVIOUS_GTIDS;

    if (!is_of_log && replica->events++ == 0) {
        replica->first = replica->position;
    }
    replica->position.offset += event.size;
}

/* Takes one packet. False: the stream has ended. */
static bool take_packet(struct replica *replica)
{
    struct sql_client *client = &replica->client;

    if (!client_next(client)) {
        return false;
    }
    if (result_is_error(client->payload)) {
        replica->failed_code = client_error(client);
        (void)snprintf(replica->message, sizeof(replica->message), "%s", client->error.message);
        return false;
    }
    CHECK(client->payload.data[0] == 0);
    struct bytes event = {.data = client->payload.data + 1, .size = client->payload.size - 1};
    struct binlog_event_header header = binlog_event_header_at(event.data);

    if (header.type == BINLOG_ROTATE && (header.flags & BINLOG_FLAG_ARTIFICIAL) != 0) {
        take_rotate(replica, event);
    } else if (header.type == BINLOG_HEARTBEAT || header.type == BINLOG_HEARTBEAT_V2) {
        take_heartbeat(replica, event);
    } else if (header.type == BINLOG_FORMAT_DESCRIPTION) {
        take_format(replica, event);
    } else {
        take_event(replica, event);
    }
    return true;
}

static struct binlog_position end_of_log(const struct rig *rig)
{
    return binlog_store_durable_end(rig->clusters[WEST].store);
}

static void read_to_end(struct replica *replica)
{
    while (binlog_position_compare(replica->position, end_of_log(replica->rig)) < 0) {
        CHECK(take_packet(replica));
    }
}

static void read_heartbeats(struct replica *replica, size_t count)
{
    size_t wanted = replica->heartbeats + count;

    while (replica->heartbeats < wanted) {
        CHECK(take_packet(replica));
    }
}

static void read_to_failure(struct replica *replica)
{
    while (take_packet(replica)) {
    }
}

/* ---- the group ---- */

static struct epoch_place epoch_at(const struct rig *rig, unsigned number)
{
    struct epoch_cursor *cursor = epoch_cursor_open(rig->clusters[WEST].store, false);
    struct epoch_place place = {0};
    struct error error;

    for (unsigned at = 0; at <= number; at++) {
        CHECK_OK(epoch_cursor_next(cursor, &place, &error), &error);
    }
    epoch_cursor_close(cursor);
    return place;
}

static struct epoch_place last_epoch(const struct rig *rig)
{
    struct epoch_summary summary;
    struct error error;

    CHECK_OK(epoch_index_summary(rig->clusters[WEST].store, &summary, &error), &error);
    return summary.last;
}

static void report(const struct rig *rig, uint32_t server_id, struct epoch_place applied)
{
    struct error error;

    CHECK_OK(applier_registry_report(rig->appliers[WEST], server_id, applied.key.epoch,
                                     REPORT_ENDPOINT, &error),
             &error);
}

/* What `lease show` says of the group. */
static void look(const struct rig *rig, struct lease_facts **facts)
{
    size_t count = 0;
    struct error error;

    CHECK_OK(lease_table_list(rig->leases[WEST], facts, &count, &error), &error);
    CHECK(count == 1);
}

/* Waits until it is the holder, or nobody is (0). */
static void await_holder(const struct rig *rig, uint32_t server_id)
{
    for (uint32_t holder = server_id + 1; holder != server_id;) {
        struct lease_facts *facts = NULL;

        look(rig, &facts);
        holder = facts->holder;
        lease_facts_free(facts, 1);
        (void)sched_yield();
    }
}

static void open_rig(struct rig *rig)
{
    struct error error;

    *rig = (struct rig){.files = recordings,
                        .file_count = sizeof(recordings) / sizeof(recordings[0]),
                        .epochs = {[WEST] = {.kind = EPOCH_KIND_NDB}},
                        .has_appliers = true,
                        .lease_ttl_usec = TTL_USEC,
                        .clock = &test_clock};
    rig_open(rig);
    test_cluster_connect(&rig->clusters[WEST], "9.7.0", "ON", false);
    for (uint32_t id = ONE; id <= OTHER; id++) {
        const struct applier_setting setting = {.server_id = id, .group = GROUP};

        CHECK_OK(applier_registry_add(rig->appliers[WEST], &setting, &error), &error);
    }
}

static void check_session(const struct rig *rig, uint32_t server_id, const char *state)
{
    struct session_facts *facts = NULL;
    size_t count = endpoint_sessions(rig->endpoint, &facts);
    bool is_there = false;

    for (size_t at = 0; at < count; at++) {
        is_there |= facts[at].server_id == server_id && strcmp(facts[at].state, state) == 0;
    }
    free(facts);
    CHECK(is_there);
}

/* ---- tests ---- */

/* The other one waits, and has the stream behind the epoch once the first is fenced. */
static void hand_over(void (*begin)(struct replica *, struct rig *, uint32_t))
{
    struct rig rig;
    struct replica one;
    struct replica other;
    struct error error;

    open_rig(&rig);
    begin(&one, &rig, ONE);
    read_to_end(&one);

    struct epoch_place applied = epoch_at(&rig, 100);
    struct binlog_position behind;

    CHECK_OK(epoch_locate_after(rig.clusters[WEST].store, applied.key, &behind, &error),
             &error);
    report(&rig, ONE, applied);
    begin(&other, &rig, OTHER);
    read_heartbeats(&other, 3);
    CHECK(other.events == 0 && other.rotates == 1 && other.formats == 1);
    check_session(&rig, OTHER, "waiting");
    CHECK_OK(lease_table_fence(rig.leases[WEST], GROUP, ONE, 0, &error), &error);
    read_to_failure(&one);
    CHECK(one.failed_code == 1053 && strstr(one.message, "is fenced") != NULL);
    read_to_end(&other);
    CHECK(binlog_position_compare(other.first, behind) == 0);
    check_session(&rig, OTHER, "streaming");
    CHECK(other.events > 0 && other.events < one.events);
    client_close(&one.client);
    client_close(&other.client);
    rig_close(&rig);
}

static void a_replica_by_position_waits_and_goes_on_behind_the_groups_epoch(void)
{
    hand_over(follow);
}

static void a_replica_by_gtid_waits_and_is_sent_nothing_of_before(void)
{
    hand_over(follow_by_gtid);
}

static void silence_ends_the_stream_and_the_next_one_follows_when_all_is_applied(void)
{
    struct rig rig;
    struct replica one;
    struct replica other;

    open_rig(&rig);
    follow(&one, &rig, ONE);
    read_to_end(&one);
    report(&rig, ONE, last_epoch(&rig));
    await_holder(&rig, ONE);
    follow(&other, &rig, OTHER);
    read_heartbeats(&other, 1);
    ahead_usec += TTL_USEC;
    read_to_failure(&one);
    CHECK(one.failed_code == 1053 && strstr(one.message, "has run out") != NULL);
    await_holder(&rig, OTHER);
    while (other.rotates < 2) { /* the stream begins, where it was held */
        CHECK(take_packet(&other));
    }
    read_to_end(&other);
    CHECK(other.events == 0);
    client_close(&one.client);
    client_close(&other.client);
    rig_close(&rig);
}

static void a_replica_that_comes_twice_loses_the_first_connection(void)
{
    struct rig rig;
    struct replica one;
    struct replica again;

    open_rig(&rig);
    follow(&one, &rig, ONE);
    read_to_end(&one);
    follow(&again, &rig, ONE);
    read_to_end(&again);
    CHECK(again.events == one.events); /* nothing of it was reported */
    read_to_failure(&one);
    client_close(&one.client);
    client_close(&again.client);
    rig_close(&rig);
}

static void a_reader_that_ends_at_the_end_needs_no_lease(void)
{
    struct rig rig;
    struct replica one;
    struct replica reader;

    open_rig(&rig);
    follow(&one, &rig, ONE);
    read_to_end(&one);
    open_replica(&reader, &rig);
    send_payload(&reader, &(struct command_dump){.server_id = OTHER,
                                                 .flags = DUMP_NON_BLOCK,
                                                 .position = 4,
                                                 .file_name = bytes_of_text("first")});
    read_to_end(&reader);
    CHECK(reader.events == one.events);
    client_close(&one.client);
    client_close(&reader.client);
    rig_close(&rig);
}

static void an_applier_without_a_group_needs_none_either(void)
{
    struct rig rig;
    struct replica one;
    struct replica third;

    open_rig(&rig);
    follow(&one, &rig, ONE);
    read_to_end(&one);
    follow(&third, &rig, 13);
    read_to_end(&third);
    client_close(&one.client);
    client_close(&third.client);
    rig_close(&rig);
}

/* It streamed, and its group has a holder: two would stream for one target. */
static void one_that_becomes_a_member_while_it_streams_comes_again_and_waits(void)
{
    const struct applier_setting setting = {.server_id = 13, .group = GROUP};
    struct rig rig;
    struct replica one;
    struct replica third;
    struct error error;

    open_rig(&rig);
    follow(&one, &rig, ONE);
    read_to_end(&one);
    follow(&third, &rig, 13);
    read_to_end(&third);
    CHECK_OK(applier_registry_add(rig.appliers[WEST], &setting, &error), &error);
    read_to_failure(&third);
    CHECK(third.failed_code == 1053 && strstr(third.message, "member of group g") != NULL);
    client_close(&third.client);
    follow(&third, &rig, 13);
    read_heartbeats(&third, 1);
    CHECK(third.events == 0);
    client_close(&one.client);
    client_close(&third.client);
    rig_close(&rig);
}

/* An endpoint that closes answers nobody any more, and forgets nobody. */
static void members_that_wait_are_let_go_at_the_end(void)
{
    struct rig rig;
    struct replica one;
    struct replica other;

    open_rig(&rig);
    follow(&one, &rig, ONE);
    read_to_end(&one);
    follow(&other, &rig, OTHER);
    rig_close(&rig);
    read_to_failure(&other);
    CHECK(other.events == 0);
    client_close(&one.client);
    client_close(&other.client);
}

int main(void)
{
    a_replica_by_position_waits_and_goes_on_behind_the_groups_epoch();
    a_replica_by_gtid_waits_and_is_sent_nothing_of_before();
    silence_ends_the_stream_and_the_next_one_follows_when_all_is_applied();
    a_replica_that_comes_twice_loses_the_first_connection();
    a_reader_that_ends_at_the_end_needs_no_lease();
    an_applier_without_a_group_needs_none_either();
    one_that_becomes_a_member_while_it_streams_comes_again_and_waits();
    members_that_wait_are_let_go_at_the_end();
    return 0;
}
