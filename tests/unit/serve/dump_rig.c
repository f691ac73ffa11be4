/* SPDX-License-Identifier: Apache-2.0 */
#include "dump_rig.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_control.h"
#include "binrelay/protocol/packet.h"
#include "binrelay/storage/binlog_cursor.h"
#include "check.h"
#include "temp_dir.h"

enum {
    GUARD_USEC = 60 * 1000 * 1000,
    LONG_AGO_USEC = 60 * 1000 * 1000,
    READ_BYTES = 256 * 1024,
    INPUT_BYTES = 4096,
};

/* ---- the rig ---- */

static uint64_t rig_usec(void *context)
{
    const struct dump_rig *rig = context;

    return rig->wall_usec;
}

static void on_guard(void *context)
{
    const struct dump_rig *rig = context;

    CHECK(rig->is_done == NULL); /* waited for too long */
}

void rig_open_loop(struct dump_rig *rig)
{
    struct error error;

    CHECK_OK(loop_new(&rig->loop, &error), &error);
    rig->guard = loop_timer_new(rig->loop, on_guard, rig);
    rig->clock.context = rig;
}

void rig_close_loop(struct dump_rig *rig)
{
    loop_timer_free(rig->guard);
    loop_free(rig->loop);
}

void rig_open(struct dump_rig *rig, bool is_mariadb)
{
    struct error error;

    *rig = (struct dump_rig){.directory = temp_dir_make(), .wall_usec = 2 * LONG_AGO_USEC};
    rig->clock =
        (struct clock){.monotonic_usec = rig_usec, .wall_usec = rig_usec, .context = rig};

    struct binlog_store_options options = {
        .disk = disk_system(), .clock = &rig->clock, .directory = rig->directory};

    rig->store = binlog_store_new(&options);
    rig->board = cluster_board_new();
    rig->cluster = (struct served_cluster){.name = "east",
                                           .server_id = 199,
                                           .server_uuid = "",
                                           .store = rig->store,
                                           .board = rig->board};
    rig->frames = frame_cache_new();
    rig_open_loop(rig);
    CHECK_OK(binlog_store_recover(rig->store, &error), &error);
    rig->log = log_writer_of(rig->store, is_mariadb);
}

void rig_close(struct dump_rig *rig)
{
    log_writer_release(&rig->log);
    frame_cache_free(rig->frames);
    rig_close_loop(rig);
    cluster_board_free(rig->board);
    binlog_store_free(rig->store);
    temp_dir_remove(rig->directory);
}

void rig_set_caught_up(struct dump_rig *rig)
{
    struct cluster_report numbers = {.received = binlog_store_durable_end(rig->store)};
    struct source_facts facts = {
        .is_mariadb = rig->log.is_mariadb, .server_version = "9.7.0", .gtid_mode = "ON"};

    cluster_board_set_state(rig->board, PULL_STREAMING, "", rig->wall_usec - LONG_AGO_USEC);
    cluster_board_set_numbers(rig->board, &numbers);
    cluster_board_set_facts(rig->board, &facts);
}

static void check_done(struct dump_rig *rig)
{
    if (rig->is_done != NULL && rig->is_done(rig->done_context)) {
        loop_stop(rig->loop);
    }
}

void rig_run_until(struct dump_rig *rig, bool (*is_done)(void *context), void *context)
{
    if (is_done(context)) {
        return;
    }
    rig->is_done = is_done;
    rig->done_context = context;
    loop_timer_set(rig->guard, GUARD_USEC);
    loop_run(rig->loop);
    loop_timer_clear(rig->guard);
    rig->is_done = NULL;
}

/* ---- what a replica makes of an event ---- */

static void set_place(struct test_replica *replica, struct binlog_rotate rotate)
{
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    uint64_t file = 0;

    CHECK(binlog_name_split(rotate.file_name, base_name, &file));
    CHECK(strcmp(base_name, "binlog") == 0);
    replica->position = (struct binlog_position){.file = file, .offset = rotate.position};
}

/* The event must be the one that the log has where the replica counts itself. */
static void compare_with_log(struct test_replica *replica, struct bytes event)
{
    const struct buffer *file = &replica->rig->log.files[replica->position.file].bytes;
    uint64_t offset = replica->position.offset;

    CHECK(replica->position.file < LOG_FILES_MOST);
    CHECK(offset + event.size <= file->size);
    CHECK(memcmp(file->data + offset, event.data, event.size) == 0);
    replica->position.offset += event.size;
    replica->events++;
}

static void take_format(struct test_replica *replica,
                        struct binlog_event_header header,
                        struct bytes event)
{
    struct binlog_format format;
    struct error error;

    CHECK_OK(binlog_format_decode(&format, event, &error), &error);
    replica->has_format = true;
    replica->checksum = format.checksum;
    if (header.next_position == 0) {
        CHECK(format.created_at_sec == 0);
        CHECK(binlog_event_checksum_is_right(event));
        replica->formats_for_middle++;
        return;
    }
    CHECK(replica->position.offset == BINLOG_MAGIC_BYTES);
    if (format.created_at_sec == 0) {
        CHECK(header.next_position == BINLOG_MAGIC_BYTES + event.size);
        CHECK(binlog_event_checksum_is_right(event));
        replica->position.offset += event.size;
        replica->formats_for_rest++;
        return;
    }
    compare_with_log(replica, event);
}

static void take_rotate(struct test_replica *replica,
                        struct binlog_event_header header,
                        struct bytes event)
{
    struct binlog_rotate rotate;
    struct error error;

    if ((header.flags & BINLOG_FLAG_ARTIFICIAL) == 0) {
        compare_with_log(replica, event);
    } else {
        CHECK(header.created_at_sec == 0 && header.next_position == 0);
        CHECK(header.server_id == replica->rig->cluster.server_id);
        replica->rotates++;
    }
    CHECK_OK(binlog_rotate_decode(&rotate, binlog_event_body(event, replica->checksum), &error),
             &error);
    set_place(replica, rotate);
}

static void take_heartbeat(struct test_replica *replica,
                           struct binlog_event_header header,
                           struct bytes event)
{
    bool wants_v2 = (replica->request.command.flags & DUMP_HEARTBEAT_V2) != 0 &&
                    !replica->request.is_mariadb;
    struct binlog_position counted = replica->position;
    struct binlog_rotate where;
    struct error error;

    CHECK((header.type == BINLOG_HEARTBEAT_V2) == wants_v2);
    CHECK(replica->request.heartbeat_usec > 0);
    CHECK_OK(binlog_heartbeat_decode(&where, header,
                                     binlog_event_body(event, replica->checksum), &error),
             &error);
    set_place(replica, where);
    if (replica->heartbeat_file != 0) {
        counted = (struct binlog_position){replica->heartbeat_file, BINLOG_MAGIC_BYTES};
    }
    CHECK(binlog_position_compare(replica->position, counted) == 0);
    replica->heartbeats++;
}

static void take_gtid(struct test_replica *replica,
                      struct binlog_event_header header,
                      struct bytes event)
{
    struct bytes body = binlog_event_body(event, replica->checksum);
    struct error error;

    if (header.type == BINLOG_GTID) {
        struct gtid gtid;

        CHECK_OK(gtid_decode_event(&gtid, header.type, body, &error), &error);
        CHECK(!gtid_set_has(replica->got, &gtid));
        gtid_set_add(replica->got, &gtid);
    } else {
        struct mariadb_gtid_list *got = &replica->mariadb_got;
        uint8_t flags = 0;

        if (got->count == got->capacity) {
            got->items = mem_grow(got->items, &got->capacity, sizeof(*got->items));
        }
        CHECK_OK(mariadb_gtid_decode_event(&got->items[got->count++], &flags, header.server_id,
                                           body, &error),
                 &error);
    }
    compare_with_log(replica, event);
}

static void take_event(struct test_replica *replica, struct bytes event)
{
    struct binlog_event_header header;
    struct error error;

    CHECK_OK(binlog_event_header_decode(&header, event, &error), &error);
    CHECK(header.event_size == event.size);
    if (replica->checksum == BINLOG_CHECKSUM_CRC32) {
        CHECK(binlog_event_checksum_is_right(event));
    }
    switch (header.type) {
    case BINLOG_FORMAT_DESCRIPTION:
        take_format(replica, header, event);
        return;
    case BINLOG_ROTATE:
        take_rotate(replica, header, event);
        return;
    case BINLOG_HEARTBEAT:
    case BINLOG_HEARTBEAT_V2:
        CHECK(replica->has_format);
        take_heartbeat(replica, header, event);
        return;
    case BINLOG_GTID:
    case BINLOG_MARIADB_GTID:
        take_gtid(replica, header, event);
        return;
    case BINLOG_MARIADB_GTID_LIST:
        if ((header.flags & BINLOG_FLAG_ARTIFICIAL) != 0) {
            CHECK(header.next_position > replica->position.offset);
            replica->position.offset = header.next_position;
            replica->gtid_lists++;
            return;
        }
        break;
    default:
        break;
    }
    CHECK(replica->has_format);
    compare_with_log(replica, event);
}

/* ---- packets ---- */

static void take_payload(struct test_replica *replica)
{
    struct bytes payload = buffer_bytes(&replica->payload);

    CHECK(payload.size > 0);
    if (payload.data[0] == 0xFE) {
        CHECK(payload.size == 5);
        replica->has_eof = true;
        return;
    }
    CHECK(payload.data[0] == 0);
    CHECK(!replica->has_eof);
    take_event(replica, (struct bytes){.data = payload.data + 1, .size = payload.size - 1});
}

/* Takes whole packets from the input. */
static void take_packets(struct test_replica *replica)
{
    struct bytes input = buffer_bytes(&replica->input);

    while (input.size >= PACKET_HEADER_BYTES) {
        uint32_t size = bytes_u32_at(input.data) & 0xFFFFFF;

        if (input.size - PACKET_HEADER_BYTES < size) {
            break;
        }
        CHECK(input.data[3] == replica->sequence++);
        buffer_add(&replica->payload, input.data + PACKET_HEADER_BYTES, size);
        input.data += PACKET_HEADER_BYTES + size;
        input.size -= PACKET_HEADER_BYTES + size;
        if (size < PACKET_MOST_BYTES) {
            take_payload(replica);
            buffer_clear(&replica->payload);
        }
    }
    memmove(replica->input.data, input.data, input.size);
    replica->input.size = input.size;
}

static void on_readable(void *context)
{
    struct test_replica *replica = context;
    uint8_t *room = buffer_room(&replica->input, READ_BYTES);
    ssize_t got = recv(replica->descriptor, room, READ_BYTES, MSG_DONTWAIT);

    if (got > 0) {
        replica->input.size += (size_t)got;
        replica->received_bytes += (uint64_t)got;
        take_packets(replica);
    }
    check_done(replica->rig);
}

void test_replica_read(struct test_replica *replica, bool reads)
{
    if (reads && replica->watch == NULL) {
        replica->watch =
            loop_watch_readable(replica->rig->loop, replica->descriptor, on_readable, replica);
    } else if (!reads && replica->watch != NULL) {
        loop_watch_free(replica->watch);
        replica->watch = NULL;
    }
}

/* ---- the relay's session ---- */

static void on_input(void *context)
{
    (void)context;
}

static void on_drained(void *context)
{
    struct test_replica *replica = context;

    if (replica->dump != NULL) {
        dump_pump(replica->dump);
    }
}

static void on_closed(void *context, const struct error *why)
{
    (void)context;
    (void)why;
}

static const struct connection_handler connection_handler = {
    .on_input = on_input, .on_drained = on_drained, .on_closed = on_closed};

static void on_end(void *context)
{
    struct test_replica *replica = context;

    replica->is_ended = true;
    check_done(replica->rig);
}

static void on_fail(void *context, uint16_t code, const struct error *error)
{
    struct test_replica *replica = context;

    replica->failed_code = code;
    replica->failure = *error;
    dump_free(replica->dump);
    replica->dump = NULL;
    check_done(replica->rig);
}

static const struct dump_handler dump_handler = {.on_end = on_end, .on_fail = on_fail};

void test_replica_open(struct test_replica *replica,
                       struct dump_rig *rig,
                       const char *file,
                       uint64_t position)
{
    int pair[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    *replica = (struct test_replica){.rig = rig, .descriptor = pair[1], .sequence = 1};
    replica->got = gtid_set_new();
    replica->connection = connection_new(rig->loop, pair[0], "replica", INPUT_BYTES);
    connection_set_handler(replica->connection, &connection_handler, replica);
    replica->request = (struct dump_request){
        .cluster = &rig->cluster,
        .frames = rig->frames,
        .connection = replica->connection,
        .loop = rig->loop,
        .clock = &rig->clock,
        .command = {.server_id = 42,
                    .position = position,
                    .flags = DUMP_HEARTBEAT_V2,
                    .file_name = bytes_of_text(file)},
        .sequence = 1,
        .knows_checksums = true,
        .checksum = BINLOG_CHECKSUM_CRC32,
    };
}

void test_replica_close(struct test_replica *replica)
{
    test_replica_read(replica, false);
    dump_free(replica->dump);
    connection_free(replica->connection);
    (void)close(replica->descriptor);
    buffer_release(&replica->input);
    buffer_release(&replica->payload);
    gtid_set_free(replica->got);
    mariadb_gtid_list_release(&replica->mariadb_got);
}

void test_replica_start(struct test_replica *replica)
{
    uint16_t code = 0;
    struct error error;

    replica->checksum = replica->request.checksum;
    CHECK_OK(
        dump_start(&replica->dump, &replica->request, &dump_handler, replica, &code, &error),
        &error);
    test_replica_read(replica, true);
}

void test_replica_expect_refusal(struct test_replica *replica,
                                 uint16_t code,
                                 const char *part,
                                 const char *other_part)
{
    uint16_t found = 0;
    struct error error = {0};
    uint8_t byte = 0;

    CHECK(dump_start(&replica->dump, &replica->request, &dump_handler, replica, &found,
                     &error) != STATUS_OK);
    if (found != code || strstr(error.message, part) == NULL ||
        strstr(error.message, other_part) == NULL) {
        fprintf(stderr, "refused with %u: %s\n", found, error.message);
        abort();
    }
    CHECK(connection_queued(replica->connection) == 0);
    CHECK(recv(replica->descriptor, &byte, 1, MSG_DONTWAIT) < 0);
}

/* ---- waiting ---- */

static bool is_at_end(void *context)
{
    const struct test_replica *replica = context;

    return binlog_position_compare(replica->position,
                                   binlog_store_durable_end(replica->rig->store)) == 0;
}

void test_replica_run_to_end(struct test_replica *replica)
{
    rig_run_until(replica->rig, is_at_end, replica);
}

static bool is_over(void *context)
{
    const struct test_replica *replica = context;

    return (replica->is_ended && replica->has_eof) || replica->failed_code != 0;
}

void test_replica_run_to_eof(struct test_replica *replica)
{
    rig_run_until(replica->rig, is_over, replica);
}
