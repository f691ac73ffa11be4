/* SPDX-License-Identifier: Apache-2.0 */
/* Sent is not received: what a stream holds is never later than what its peer has. */
#include "stream_holds.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "binrelay/net/loop.h"
#include "check.h"

enum { PIECE_BYTES = 16 * 1024, FILES = 400, SMALL_BUFFER_BYTES = 64 * 1024, INPUT_BYTES = 64 };

static const char uuid_a[] = "8a94f357-aab4-11df-86ab-c80aa9429562";

static uint64_t now_usec;

static uint64_t read_clock(void *context)
{
    (void)context;
    return now_usec;
}

static const struct clock fake_clock = {.monotonic_usec = read_clock, .wall_usec = read_clock};

/* A connection over TCP; its peer is a plain descriptor. */
struct wire {
    struct loop *loop;
    struct loop_timer *turn;
    struct connection *connection;
    int peer;
};

static void on_turn(void *context)
{
    loop_stop(context);
}

/* Lets the connection write what its socket has room for. */
static void run_turn(struct wire *wire)
{
    loop_timer_set(wire->turn, 0);
    loop_run(wire->loop);
}

static void open_wire(struct wire *wire)
{
    const int size = SMALL_BUFFER_BYTES;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t address_size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int accepted = -1;
    struct error error;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &address_size) == 0);
    wire->peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(setsockopt(wire->peer, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0);
    CHECK(connect(wire->peer, (struct sockaddr *)&address, sizeof(address)) == 0);
    accepted = accept(listener, NULL, NULL);
    CHECK(accepted >= 0);
    (void)close(listener);
    CHECK_OK(loop_new(&wire->loop, &error), &error);
    wire->turn = loop_timer_new(wire->loop, on_turn, wire->loop);
    wire->connection = connection_new(wire->loop, accepted, "peer", INPUT_BYTES);
}

static void close_wire(struct wire *wire)
{
    connection_free(wire->connection);
    loop_timer_free(wire->turn);
    loop_free(wire->loop);
    if (wire->peer >= 0) {
        (void)close(wire->peer);
    }
}

static void send_piece(struct wire *wire)
{
    static const uint8_t piece[PIECE_BYTES];

    connection_send(wire->connection, (struct bytes){.data = piece, .size = sizeof(piece)});
    connection_flush(wire->connection);
}

/* Reads what is there, up to so many bytes; returns how many. */
static size_t read_some(struct wire *wire, size_t most)
{
    static uint8_t room[PIECE_BYTES];
    size_t total = 0;
    ssize_t got = 1;

    while (total < most && got > 0) {
        size_t left = most - total;

        got = recv(wire->peer, room, left < sizeof(room) ? left : sizeof(room), MSG_DONTWAIT);
        total += got > 0 ? (size_t)got : 0;
    }
    return total;
}

static struct binlog_position at(uint64_t file)
{
    return (struct binlog_position){.file = file, .offset = 4};
}

static struct stream_hold *begin(struct stream_holds *holds,
                                 uint64_t session,
                                 uint32_t server_id,
                                 const char *uuid)
{
    const struct stream_owner owner = {.cluster = 0,
                                       .session = session,
                                       .server_id = server_id,
                                       .uuid = uuid,
                                       .peer = "10.0.0.7:51200"};

    return stream_hold_begin(holds, &owner);
}

/* The file from which the list's first entry holds; UINT64_MAX: the list is empty. */
static uint64_t held(struct stream_holds *holds, uint64_t min_age_usec)
{
    struct log_hold *list = NULL;
    size_t count = stream_holds_list(holds, 0, min_age_usec, &list);
    uint64_t file = count == 0 ? UINT64_MAX : list[0].from.file;

    free(list);
    return file;
}

/*
 * Each piece is a file. After each look the peer has at least all of the files before the one
 * that is held: what it read, and what waits in its socket, which is asked after the look.
 */
static void never_says_later_than_what_the_peer_has(void)
{
    struct stream_holds *holds = stream_holds_new(&fake_clock);
    struct wire wire;
    struct stream_hold *hold = begin(holds, 1, 201, "");
    uint64_t file = 1;
    uint64_t was_held = 0;
    size_t got = 0;

    open_wire(&wire);
    stream_hold_place(hold, wire.connection, at(file));
    while (was_held < FILES) {
        int waiting = 0;

        if (file < FILES && connection_queued(wire.connection) < 8 * PIECE_BYTES) {
            send_piece(&wire);
            stream_hold_mark(hold, wire.connection, at(++file));
        }
        run_turn(&wire);
        stream_hold_sent(hold, wire.connection);
        if (connection_queued(wire.connection) > 4 * PIECE_BYTES || file == FILES) {
            got += read_some(&wire, (size_t)PIECE_BYTES * (file % 7 + 1));
        }
        uint64_t now_held = held(holds, 0);

        CHECK(ioctl(wire.peer, FIONREAD, &waiting) == 0);
        CHECK(now_held >= was_held && now_held <= file);
        CHECK((now_held - 1) * PIECE_BYTES <= got + (size_t)waiting);
        was_held = now_held;
    }
    CHECK(stream_hold_look(hold, wire.connection, at(FILES)).file == FILES);
    CHECK(stream_hold_end(hold, true).file == FILES);
    close_wire(&wire);
    stream_holds_free(holds);
}

static void a_peer_that_reads_nothing_holds_where_it_stopped(void)
{
    struct stream_holds *holds = stream_holds_new(&fake_clock);
    struct wire wire;
    struct stream_hold *hold = begin(holds, 1, 201, "");
    uint64_t pieces = 0;

    open_wire(&wire);
    stream_hold_place(hold, wire.connection, at(7));
    while (connection_queued(wire.connection) < 4 * PIECE_BYTES) { /* the sockets are full */
        send_piece(&wire);
        pieces++;
    }
    stream_hold_mark(hold, wire.connection, at(8));
    for (uint64_t file = 9; file < 100; file++) { /* more than there is room for */
        send_piece(&wire);
        stream_hold_mark(hold, wire.connection, at(file));
    }
    stream_hold_sent(hold, wire.connection);
    CHECK(held(holds, 0) == 7);
    CHECK(stream_hold_look(hold, wire.connection, at(99)).file == 7);
    while (stream_hold_look(hold, wire.connection, at(99)).file != 99) {
        (void)read_some(&wire, (size_t)-1);
        run_turn(&wire);
    }
    CHECK(held(holds, 0) == 99 && pieces > 0);
    (void)stream_hold_end(hold, true);
    close_wire(&wire);
    stream_holds_free(holds);
}

/* What a connection drops that has failed was never handed over. */
static void a_connection_that_failed_moves_nothing(void)
{
    struct stream_holds *holds = stream_holds_new(&fake_clock);
    struct wire wire;
    struct stream_hold *hold = begin(holds, 1, 201, "");

    open_wire(&wire);
    stream_hold_place(hold, wire.connection, at(3));
    (void)close(wire.peer);
    wire.peer = -1;
    while (connection_is_open(wire.connection)) {
        send_piece(&wire);
        run_turn(&wire);
    }
    send_piece(&wire);
    stream_hold_mark(hold, wire.connection, at(4));
    CHECK(stream_hold_look(hold, wire.connection, at(5)).file == 3);
    CHECK(stream_hold_end(hold, true).file == 3);
    CHECK(held(holds, 1000000) == 3);
    close_wire(&wire);
    stream_holds_free(holds);
}

static void everything_is_held_until_the_place_is_known(void)
{
    struct stream_holds *holds = stream_holds_new(&fake_clock);
    struct wire wire;
    struct stream_hold *hold = NULL;

    CHECK(held(holds, 0) == UINT64_MAX);
    hold = begin(holds, 1, 201, "");
    CHECK(held(holds, 0) == 0);
    open_wire(&wire);
    stream_hold_place(hold, wire.connection, at(5));
    CHECK(held(holds, 0) == 5);
    CHECK(stream_hold_end(hold, false).file == 5); /* it was refused after all */
    CHECK(held(holds, 1000000) == UINT64_MAX);
    (void)stream_hold_end(begin(holds, 2, 201, ""), false);
    CHECK(held(holds, 1000000) == UINT64_MAX);
    close_wire(&wire);
    stream_holds_free(holds);
}

/* A stream that begins at a file and ends there. */
static void stream_once(struct stream_holds *holds,
                        uint64_t session,
                        uint32_t server_id,
                        const char *uuid,
                        uint64_t file)
{
    struct stream_hold *hold = begin(holds, session, server_id, uuid);
    struct wire wire;

    open_wire(&wire);
    stream_hold_place(hold, wire.connection, at(file));
    (void)stream_hold_end(hold, true);
    close_wire(&wire);
}

static void a_stream_that_ended_holds_for_a_while(void)
{
    struct stream_holds *holds = stream_holds_new(&fake_clock);
    struct log_hold *list = NULL;

    now_usec = 5000000;
    stream_once(holds, 12, 201, "", 3);
    now_usec += 7000000;
    CHECK(held(holds, 7000000) == UINT64_MAX);
    CHECK(stream_holds_list(holds, 0, 7000001, &list) == 1);
    CHECK(list[0].from.file == 3 && list[0].server_id == 201 && !list[0].is_applier);
    CHECK(strcmp(list[0].who, "session 12 (replica 201)") == 0);
    CHECK(strcmp(list[0].why, "stream to 10.0.0.7:51200, which ended 7 s ago") == 0);
    free(list);
    CHECK(stream_holds_list(holds, 1, UINT64_MAX, &list) == 0); /* of another cluster */
    free(list);
    stream_once(holds, 13, 201, "", 6); /* it came again */
    CHECK(held(holds, UINT64_MAX) == 6);
    stream_once(holds, 14, 201, uuid_a, 2); /* another one of that id */
    CHECK(held(holds, UINT64_MAX) == 2);
    stream_once(holds, 15, 202, uuid_a, 4); /* the same by its uuid */
    CHECK(held(holds, UINT64_MAX) == 4);
    stream_once(holds, 16, 0, "", 1); /* nobody's: no other follows it */
    stream_once(holds, 17, 0, "", 5);
    CHECK(held(holds, UINT64_MAX) == 1);
    stream_holds_free(holds);
}

static void a_stream_that_is_followed_leaves_nothing(void)
{
    struct stream_holds *holds = stream_holds_new(&fake_clock);
    struct stream_hold *first = begin(holds, 1, 201, uuid_a);
    struct stream_hold *second = begin(holds, 2, 201, uuid_a);
    struct wire wire;

    open_wire(&wire);
    stream_hold_place(first, wire.connection, at(1));
    stream_hold_place(second, wire.connection, at(4));
    CHECK(held(holds, UINT64_MAX) == 1);
    (void)stream_hold_end(first, true);
    CHECK(held(holds, UINT64_MAX) == 4);
    (void)stream_hold_end(second, true);
    CHECK(held(holds, UINT64_MAX) == 4);
    close_wire(&wire);
    stream_holds_free(holds);
}

static void who_lost_its_place_holds_nothing(void)
{
    struct stream_holds *holds = stream_holds_new(&fake_clock);
    struct stream_hold *hold = NULL;
    struct wire wire;

    stream_once(holds, 1, 201, uuid_a, 1);
    stream_once(holds, 2, 202, "", 2);
    hold = begin(holds, 3, 201, "");
    open_wire(&wire);
    stream_hold_place(hold, wire.connection, at(1));
    stream_holds_drop(holds, 1, 202); /* of another cluster */
    stream_holds_drop(holds, 0, 201);
    CHECK(held(holds, UINT64_MAX) == 2);
    (void)stream_hold_end(hold, true);
    CHECK(held(holds, UINT64_MAX) == 2);
    stream_once(holds, 4, 201, "", 1); /* it has a place again */
    CHECK(held(holds, UINT64_MAX) == 1);
    close_wire(&wire);
    stream_holds_free(holds);
}

/* More than are remembered one by one. */
static void many_that_ended_are_held_together(void)
{
    struct stream_holds *holds = stream_holds_new(&fake_clock);
    struct log_hold *list = NULL;

    for (uint32_t number = 0; number < 1100; number++) {
        stream_once(holds, number + 1, 1000 + number, "", number == 50 ? 1 : 9);
    }
    CHECK(held(holds, UINT64_MAX) == 1);
    CHECK(stream_holds_list(holds, 0, UINT64_MAX, &list) < 1100);
    free(list);
    stream_holds_free(holds);
}

static void nobody_looks(void)
{
    struct stream_hold *hold = begin(NULL, 1, 201, "");

    CHECK(hold == NULL);
    stream_hold_place(hold, NULL, at(1));
    stream_hold_mark(hold, NULL, at(1));
    stream_hold_sent(hold, NULL);
    CHECK(stream_hold_look(hold, NULL, at(1)).file == 0);
    CHECK(stream_hold_end(hold, true).file == 0);
    stream_holds_free(NULL);
}

int main(void)
{
    never_says_later_than_what_the_peer_has();
    a_peer_that_reads_nothing_holds_where_it_stopped();
    a_connection_that_failed_moves_nothing();
    everything_is_held_until_the_place_is_known();
    a_stream_that_ended_holds_for_a_while();
    a_stream_that_is_followed_leaves_nothing();
    who_lost_its_place_holds_nothing();
    many_that_ended_are_held_together();
    nobody_looks();
    return 0;
}
