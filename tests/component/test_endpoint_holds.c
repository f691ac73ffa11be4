/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What streams hold, and what the registry hears of their appliers: over real
 * sockets, with replicas that stop reading, are cut off, register, come back.
 */
#include <stdatomic.h>

#include "binlog_maker.h"
#include "binrelay/storage/binlog_purge.h"
#include "endpoint_rig.h"

enum {
    LARGE_FILES = 3, /* each more than two sockets and a queue take together */
    LARGE_EVENTS = 24,
    LARGE_EVENT_BYTES = 1024 * 1024,
    RECEIVE_BYTES = 64 * 1024,
    MIN_AGE_USEC = 600 * 1000 * 1000,
    SERVER_ID = 201,
};

static const char uuid_a[] = "8a94f357-aab4-11df-86ab-c80aa9429562";

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

/* ---- logs ---- */

static void store_made(struct rig *rig, uint64_t file, unsigned events, size_t event_bytes)
{
    struct binlog_maker maker = {
        .checksum = BINLOG_CHECKSUM_CRC32, .created_at_sec = 1700000000, .server_id = 101};
    char next[BINLOG_NAME_BYTES];

    binlog_maker_begin(&maker);
    for (unsigned number = 0; number < events; number++) {
        binlog_maker_transaction(&maker, 1, file * 1000 + number, event_bytes);
    }
    binlog_name_print(next, "binlog", file + 1);
    (void)binlog_maker_rotate(&maker, next);
    test_cluster_store(&rig->clusters[EAST], file, buffer_bytes(&maker.file));
    binlog_maker_release(&maker);
}

/* ---- replicas ---- */

static struct sql_client open_replica(const struct rig *rig, const char *user)
{
    struct sql_client client = rig_login(rig, user);

    CHECK(client_query(&client, "SET @source_binlog_checksum = 'CRC32'") == 0);
    return client;
}

static void set_uuid(struct sql_client *client, const char *uuid)
{
    char statement[100];

    (void)snprintf(statement, sizeof(statement), "SET @replica_uuid = '%s'", uuid);
    CHECK(client_query(client, statement) == 0);
}

static void send_dump(struct sql_client *client,
                      uint32_t server_id,
                      const char *file,
                      uint16_t flags)
{
    const struct command_dump command = {.server_id = server_id,
                                         .flags = flags,
                                         .position = 4,
                                         .file_name = bytes_of_text(file)};
    struct buffer payload = {0};

    command_dump_encode(&payload, &command);
    client->sequence = 0;
    client_send(client, buffer_bytes(&payload));
    buffer_release(&payload);
}

static int register_as(struct sql_client *client, uint32_t server_id)
{
    const struct command_register command = {.server_id = server_id,
                                             .host = bytes_of_text("db7"),
                                             .user = bytes_of_text("repl"),
                                             .password = bytes_of_text(""),
                                             .port = 3306};
    struct buffer payload = {0};

    command_register_encode(&payload, &command);
    client->sequence = 0;
    client_send(client, buffer_bytes(&payload));
    buffer_release(&payload);
    CHECK(client_next(client));
    return client_error(client);
}

/* Reads events up to the Rotate that ends a file, and returns the number of the next one; 0 at
 * EOF or the end, with *code set. */
static uint64_t read_file(struct sql_client *client, int *code)
{
    *code = -1;
    while (client_next(client)) {
        struct binlog_event_header header;
        struct bytes payload = client->payload;
        char base_name[BINLOG_NAME_MOST_BYTES + 1];
        uint64_t file = 0;

        if (result_is_error(payload) || result_is_eof(payload)) {
            *code = client_error(client);
            return 0;
        }
        header = binlog_event_header_at(payload.data + 1);
        if (header.type == BINLOG_ROTATE && (header.flags & BINLOG_FLAG_ARTIFICIAL) == 0) {
            const struct bytes name = {.data = payload.data + 1 + BINLOG_EVENT_HEADER_BYTES + 8,
                                       .size = payload.size - 1 - BINLOG_EVENT_HEADER_BYTES -
                                               8 - 4};

            CHECK(binlog_name_split(name, base_name, &file));
            return file;
        }
    }
    return 0;
}

static void read_files(struct sql_client *client, uint64_t to)
{
    int code = 0;

    while (read_file(client, &code) != to) {
        CHECK(code == -1);
    }
}

/* ---- what is held ---- */

/* From where the first hold of EAST is; file UINT64_MAX: there is none. */
static struct binlog_position held(struct rig *rig, uint64_t min_age_usec)
{
    struct binlog_position from = {.file = UINT64_MAX};
    struct log_hold *holds = NULL;

    if (endpoint_stream_holds(rig->endpoint, EAST, min_age_usec, &holds) > 0) {
        from = holds[0].from;
        CHECK(!holds[0].is_applier && holds[0].who[0] != '\0' && holds[0].why[0] != '\0');
    }
    free(holds);
    return from;
}

static void await_held(struct rig *rig, uint64_t file)
{
    while (held(rig, 0).file != file) {
        (void)sched_yield();
    }
}

/* Waits until the stream cannot send more: its queue stays full. */
static void await_stuck(struct rig *rig)
{
    struct session_facts facts = {0};
    uint64_t sent = UINT64_MAX;

    while (facts.queued_bytes == 0 || facts.sent_bytes != sent) {
        sent = facts.sent_bytes;
        rig_find(rig, "repl", &facts);
    }
}

/* ---- tests ---- */

static void a_reader_that_stops_holds_the_file_it_is_in(struct rig *rig)
{
    struct sql_client client = open_replica(rig, "repl");
    const int size = RECEIVE_BYTES;

    CHECK(held(rig, MIN_AGE_USEC).file == UINT64_MAX);
    CHECK(setsockopt(client.socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0);
    send_dump(&client, SERVER_ID, "binlog.000001", 0);
    await_stuck(rig);
    CHECK(held(rig, 0).file == 1);
    read_files(&client, 2);
    await_held(rig, 2);
    await_stuck(rig); /* in the middle of it */
    CHECK(held(rig, 0).file == 2);
    read_files(&client, LARGE_FILES + 1);
    await_held(rig, LARGE_FILES);
    while (binlog_position_compare(held(rig, 0),
                                   binlog_store_durable_end(rig->clusters[EAST].store)) < 0) {
        (void)sched_yield(); /* the look of every second says it to the byte */
    }
    client_close(&client);
    rig_await_sessions(rig, 0);
}

static void a_stream_that_was_cut_holds_for_min_age(struct rig *rig)
{
    struct sql_client client = open_replica(rig, "repl");

    ahead_usec += MIN_AGE_USEC; /* the test before is long ago */
    send_dump(&client, SERVER_ID, "binlog.000001", 0);
    await_stuck(rig);
    client_close(&client); /* with unread bytes: a reset */
    rig_await_sessions(rig, 0);
    CHECK(held(rig, 0).file == UINT64_MAX);
    CHECK(held(rig, MIN_AGE_USEC).file == 1);
    client = open_replica(rig, "repl");
    send_dump(&client, SERVER_ID, "binlog.000002", 0); /* it comes again */
    await_held(rig, 2);
    CHECK(held(rig, MIN_AGE_USEC).file == 2);
    client_close(&client);
    rig_await_sessions(rig, 0);
    CHECK(held(rig, MIN_AGE_USEC).file == 2);
    ahead_usec += MIN_AGE_USEC;
    CHECK(held(rig, MIN_AGE_USEC).file == UINT64_MAX);
}

static void a_dump_that_is_refused_holds_nothing(struct rig *rig)
{
    struct sql_client client = open_replica(rig, "repl");
    int code = 0;

    send_dump(&client, SERVER_ID, "binlog.000099", 0);
    CHECK(read_file(&client, &code) == 0 && code > 0);
    client_close(&client);
    rig_await_sessions(rig, 0);
    CHECK(held(rig, MIN_AGE_USEC).file == UINT64_MAX);
}

static void who_lost_its_place_is_sent_away(struct rig *rig)
{
    struct sql_client client = open_replica(rig, "repl");
    struct sql_client other = open_replica(rig, "many+east");
    int code = 0;

    set_uuid(&other, uuid_a);
    send_dump(&client, SERVER_ID, "binlog.000001", 0);
    await_held(rig, 1);
    send_dump(&other, SERVER_ID + 1, "binlog.000002", 0);
    read_files(&other, LARGE_FILES + 1);
    endpoint_end_streams(rig->endpoint, EAST, SERVER_ID);
    CHECK(held(rig, MIN_AGE_USEC).file != 1); /* at once, and for good */
    while (read_file(&client, &code) != 0) {
    }
    CHECK(code == 1053 || code == -1); /* a reader this slow may be cut before it is told */
    rig_await_sessions(rig, 1);
    CHECK(held(rig, MIN_AGE_USEC).file > 1);
    client_close(&client);
    client_close(&other);
    rig_await_sessions(rig, 0);
    ahead_usec += MIN_AGE_USEC;
}

static struct applier_facts facts_of(struct rig *rig, uint32_t server_id)
{
    struct applier_facts *found = NULL;
    struct applier_facts facts;
    struct error error;

    CHECK_OK(applier_registry_find(rig->appliers[EAST], server_id, &found, &error), &error);
    facts = *found;
    applier_facts_free(found, 1);
    return facts;
}

static void replicas_register_themselves(struct rig *rig)
{
    struct sql_client client = open_replica(rig, "repl");
    struct binlog_position end = binlog_store_durable_end(rig->clusters[EAST].store);
    struct error error;

    CHECK(!applier_registry_knows(rig->appliers[EAST], 77));
    CHECK(register_as(&client, 77) == 0);
    CHECK(applier_registry_knows(rig->appliers[EAST], 77)); /* once it is answered */
    CHECK(facts_of(rig, 77).origin == APPLIER_REGISTERED && facts_of(rig, 77).streams == 0);
    CHECK(client_query(&client, "SHOW REPLICAS") == 0 && rows_are(&client, 1) &&
          client_got(&client, "77"));
    CHECK(register_as(&client, 77) == 0); /* again changes nothing */
    send_dump(&client, 77, "binlog.000003", 0);
    read_files(&client, LARGE_FILES + 1);
    while (facts_of(rig, 77).streams != 1 ||
           binlog_position_compare(facts_of(rig, 77).sent, end) < 0) {
        (void)sched_yield(); /* by the look of every second */
    }
    client_close(&client);
    while (facts_of(rig, 77).streams != 0) {
        (void)sched_yield();
    }
    CHECK(binlog_position_compare(facts_of(rig, 77).sent, end) == 0);
    rig_await_sessions(rig, 0);
    CHECK_OK(applier_registry_lose(rig->appliers[EAST], 77, &error), &error);
    CHECK(facts_of(rig, 77).is_lost);
    client = open_replica(rig, "repl");
    send_dump(&client, 77, "binlog.000003", 0); /* a place that is here finds it again */
    read_files(&client, LARGE_FILES + 1);
    while (facts_of(rig, 77).is_lost) {
        (void)sched_yield();
    }
    client_close(&client);
    rig_await_sessions(rig, 0);
    CHECK_OK(applier_registry_forget(rig->appliers[EAST], 77, &error), &error);
}

static void who_does_not_register_is_no_applier(struct rig *rig)
{
    struct sql_client client = open_replica(rig, "repl");
    struct sql_client tool = open_replica(rig, "many+east");
    struct error error;

    CHECK(register_as(&client, 0) == 0);
    CHECK(!applier_registry_knows(rig->appliers[EAST], 0));
    send_dump(&client, 78, "binlog.000003", 0);
    read_files(&client, LARGE_FILES + 1);
    CHECK(!applier_registry_knows(rig->appliers[EAST], 78));
    client_close(&client);
    rig_await_sessions(rig, 1);
    /* mysqlbinlog --stop-never is no stream of a replica that has its id. */
    CHECK_OK(applier_registry_register(rig->appliers[EAST], 1, &error), &error);
    send_dump(&tool, 1, "binlog.000003", 0);
    read_files(&tool, LARGE_FILES + 1);
    CHECK(facts_of(rig, 1).streams == 0);
    client_close(&tool);
    rig_await_sessions(rig, 0);
    CHECK_OK(applier_registry_forget(rig->appliers[EAST], 1, &error), &error);
    ahead_usec += MIN_AGE_USEC;
}

static void more_than_there_is_room_for_are_told(struct rig *rig)
{
    struct sql_client client = open_replica(rig, "repl");
    struct applier_setting *settings = mem_zeroed(APPLIER_MOST * sizeof(*settings));
    struct error error;

    for (uint32_t at = 0; at < APPLIER_MOST; at++) {
        settings[at].server_id = 100000 + at;
    }
    CHECK_OK(applier_registry_configure(rig->appliers[EAST], settings, APPLIER_MOST, &error),
             &error);
    free(settings);
    CHECK(register_as(&client, 79) == 1105);
    CHECK(client_query(&client, "SHOW REPLICAS") == 0 && rows_are(&client, 0));
    client_close(&client);
    rig_await_sessions(rig, 0);
}

/* ---- against purges ---- */

enum { PURGE_ROUNDS = 150, FILES_PER_ROUND = 4, FILES_MOST = 1000 };

struct purges {
    struct rig *rig;
    atomic_bool is_over;
    _Atomic uint64_t looks;          /* at what is held; each is followed by a purge */
    uint64_t first;                  /* file that is left */
    uint64_t removed_by[FILES_MOST]; /* the number of the look after which a file went */
};

/* Purges by what is held, as fast as it can. */
static void *purge_by_holds(void *context)
{
    struct purges *purges = context;

    while (!purges->is_over) {
        struct binlog_purged purged;
        struct error error;
        uint64_t look = ++purges->looks;
        uint64_t before = held(purges->rig, 0).file;

        CHECK_OK(binlog_store_purge(purges->rig->clusters[EAST].store, before, &purged, &error),
                 &error);
        while (purges->first < purged.first) {
            purges->removed_by[purges->first++] = look;
        }
    }
    return NULL;
}

/* A stream from the oldest file. */
struct attempt {
    uint64_t looks_before; /* that may have been made before it held something */
    uint64_t file;         /* that it came to; 0: not even to the end of one */
    int code;              /* how it ended; 0: it has all */
};

static struct attempt read_from_first(struct rig *rig, struct purges *purges)
{
    struct sql_client client = open_replica(rig, "repl");
    struct attempt attempt = {0};
    uint64_t next = 0;

    send_dump(&client, 0, "first", DUMP_NON_BLOCK);
    CHECK(client_next(&client));
    attempt.looks_before = purges->looks;
    if (result_is_error(client.payload)) {
        attempt.code = client_error(&client);
    } else {
        while ((next = read_file(&client, &attempt.code)) != 0) {
            CHECK(attempt.file == 0 || next == attempt.file + 1);
            attempt.file = next;
        }
    }
    client_close(&client);
    return attempt;
}

/*
 * Streams that begin at the oldest file while files go. Only what looked
 * before a stream began may take the next file from it, and then the replica
 * is told to come again.
 */
static void no_purge_slips_in_before_a_stream(struct rig *rig)
{
    static struct purges purges;
    static struct attempt attempts[PURGE_ROUNDS];
    uint64_t last = LARGE_FILES;
    unsigned whole = 0;
    pthread_t thread;

    purges.rig = rig;
    purges.first = 1;
    CHECK(pthread_create(&thread, NULL, purge_by_holds, &purges) == 0);
    for (unsigned round = 0; round < PURGE_ROUNDS; round++) {
        for (unsigned more = 0; more < FILES_PER_ROUND; more++) {
            store_made(rig, ++last, 2, 100);
        }
        attempts[round] = read_from_first(rig, &purges);
        CHECK(attempts[round].code == 0 || attempts[round].code == 1053);
        CHECK(attempts[round].code != 0 || attempts[round].file == last + 1);
        whole += attempts[round].code == 0 ? 1 : 0;
    }
    purges.is_over = true;
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(whole > 0 && purges.first > LARGE_FILES);
    for (unsigned round = 0; round < PURGE_ROUNDS; round++) {
        const struct attempt *attempt = &attempts[round];

        CHECK(attempt->code == 0 || attempt->file == 0 ||
              purges.removed_by[attempt->file] <= attempt->looks_before);
    }
    fprintf(stderr, "%u of %d streams came to the end, %llu files went\n", whole, PURGE_ROUNDS,
            (unsigned long long)purges.first - 1);
    rig_await_sessions(rig, 0);
}

static void who_cannot_catch_up_is_told(struct rig *rig)
{
    struct sql_client client = open_replica(rig, "repl");
    int code = 0;

    send_dump(&client, SERVER_ID, "binlog.000001", 0);
    CHECK(read_file(&client, &code) == 0 && code == 1236);
    CHECK(strstr(client.error.message, "'binlog.000001' is not here") != NULL);
    CHECK(strstr(client.error.message, "the oldest here is binlog.") != NULL);
    client_close(&client);
    rig_await_sessions(rig, 0);
}

int main(void)
{
    struct rig rig = {.clock = &test_clock, .files = rig_files, .has_appliers = true};

    rig_open(&rig);
    for (uint64_t file = 1; file <= LARGE_FILES; file++) {
        store_made(&rig, file, LARGE_EVENTS, LARGE_EVENT_BYTES);
    }
    a_reader_that_stops_holds_the_file_it_is_in(&rig);
    a_stream_that_was_cut_holds_for_min_age(&rig);
    a_dump_that_is_refused_holds_nothing(&rig);
    who_lost_its_place_is_sent_away(&rig);
    replicas_register_themselves(&rig);
    who_does_not_register_is_no_applier(&rig);
    more_than_there_is_room_for_are_told(&rig);
    no_purge_slips_in_before_a_stream(&rig);
    who_cannot_catch_up_is_told(&rig);
    rig_close(&rig);
    return 0;
}
