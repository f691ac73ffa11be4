/* SPDX-License-Identifier: Apache-2.0 */
/* Connections in the clear: both directions, limits, ends. */

#include "peer.h"

enum { SMALL_INPUT = 16 * 1024, FLOOD_BYTES = 128 * 1024 * 1024 };

static void sends_and_receives_both_ways(void)
{
    struct loop *loop = new_loop();
    struct peer first = {.loop = loop};
    struct peer second = {.loop = loop};

    peers_connect(&first, &second, SMALL_INPUT);
    send_text(&first, "question");
    send_text(&second, "answer");
    AWAIT(loop, has_got(&first, "answer") && has_got(&second, "question"));
    CHECK(connection_sent(first.connection) == 8 && connection_queued(first.connection) == 0);
    CHECK(strcmp(connection_name(first.connection), "first") == 0);
    connection_set_name(first.connection, "10.0.0.7:1");
    CHECK(strcmp(connection_name(first.connection), "10.0.0.7:1") == 0);
    CHECK(!connection_is_secure(first.connection));
    peer_release(&first);
    peer_release(&second);
    loop_free(loop);
}

static void set_small_buffers(int descriptor)
{
    const int bytes = 8 * 1024;

    CHECK(setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) == 0);
    CHECK(setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) == 0);
}

static void streams_long_through_small_buffers(void)
{
    struct loop *loop = new_loop();
    struct peer sender = {.loop = loop};
    struct peer receiver = {.loop = loop, .only_sums = true};
    struct flood flood;
    int ends[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    set_small_buffers(ends[0]);
    set_small_buffers(ends[1]);
    sender.connection = connection_new(loop, ends[0], "sender", SMALL_INPUT);
    receiver.connection = connection_new(loop, ends[1], "receiver", 20000);
    connection_set_handler(sender.connection, &peer_handler, &sender);
    connection_set_handler(receiver.connection, &peer_handler, &receiver);
    connection_set_low_mark(sender.connection, 128 * 1024);
    flood_init(&flood, &sender, FLOOD_BYTES);
    flood_pump(&flood, 512 * 1024);
    while (receiver.got_bytes < FLOOD_BYTES) {
        int drains = sender.drains;

        loop_run(loop);
        CHECK(sender.closes == 0 && receiver.closes == 0);
        CHECK(connection_queued(sender.connection) < 600 * 1024);
        if (sender.drains > drains) {
            CHECK(connection_queued(sender.connection) <= 128 * 1024);
            flood_pump(&flood, 512 * 1024);
        }
    }
    CHECK(receiver.got_checksum == flood.checksum &&
          connection_sent(sender.connection) == FLOOD_BYTES);
    peer_release(&sender);
    peer_release(&receiver);
    loop_free(loop);
    flood_release(&flood);
}

static void streams_the_same_when_it_is_flushed_by_hand(void)
{
    struct loop *loop = new_loop();
    struct peer sender = {.loop = loop};
    struct peer receiver = {.loop = loop, .only_sums = true};
    struct flood flood;

    peers_connect(&sender, &receiver, 1024 * 1024);
    flood_init(&flood, &sender, FLOOD_BYTES / 8);
    while (receiver.got_bytes < FLOOD_BYTES / 8) {
        flood_pump(&flood, 256 * 1024);
        connection_flush(sender.connection);
        loop_run(loop);
    }
    CHECK(receiver.got_checksum == flood.checksum);
    peer_release(&sender);
    peer_release(&receiver);
    loop_free(loop);
    flood_release(&flood);
}

static void tells_once_when_the_queue_fell_to_the_low_mark(void)
{
    struct loop *loop = new_loop();
    struct peer sender = {.loop = loop};
    struct peer receiver = {.loop = loop};
    struct buffer large = {0};

    buffer_add_zeros(&large, 1024 * 1024);
    peers_connect(&sender, &receiver, SMALL_INPUT);
    connection_pause_input(receiver.connection, true);
    connection_set_low_mark(sender.connection, 1000);
    send_text(&sender, "below the mark");
    connection_send(sender.connection, buffer_bytes(&large));
    connection_flush(sender.connection);
    CHECK(connection_queued(sender.connection) > 1000 && sender.drains == 0);
    CHECK(connection_queued(sender.connection) + connection_sent(sender.connection) ==
          large.size + 14);
    connection_pause_input(receiver.connection, false);
    AWAIT(loop, receiver.got.size == large.size + 14);
    AWAIT(loop, sender.drains > 0);
    CHECK(sender.drains == 1);
    send_text(&sender, "below the mark");
    AWAIT(loop, receiver.got.size == large.size + 28);
    CHECK(sender.drains == 1);
    peer_release(&sender);
    peer_release(&receiver);
    loop_free(loop);
    buffer_release(&large);
}

static void stops_reading_at_its_capacity_and_goes_on_when_there_is_room(void)
{
    struct loop *loop = new_loop();
    struct peer sender = {.loop = loop};
    struct peer receiver = {.loop = loop, .keeps_input = true};
    struct buffer sent = {0};

    for (uint64_t number = 0; sent.size < 50000; number++) {
        buffer_add_number(&sent, number, 3);
    }
    peers_connect(&sender, &receiver, 1000);
    connection_send(sender.connection, buffer_bytes(&sent));
    while (receiver.got.size < sent.size) {
        struct bytes input = {NULL, 0};
        size_t wanted = sent.size - receiver.got.size;

        wanted = wanted < 1000 ? wanted : 1000;
        AWAIT(loop, connection_input(receiver.connection).size == wanted);
        input = connection_input(receiver.connection);
        input.size = input.size < 333 ? input.size : 333;
        buffer_add_bytes(&receiver.got, input);
        connection_consume(receiver.connection, input.size);
    }
    CHECK(bytes_equal(buffer_bytes(&receiver.got), buffer_bytes(&sent)));
    peer_release(&sender);
    peer_release(&receiver);
    loop_free(loop);
    buffer_release(&sent);
}

static void grows_its_input_with_what_is_in_it(void)
{
    struct loop *loop = new_loop();
    struct peer sender = {.loop = loop};
    struct peer receiver = {.loop = loop, .keeps_input = true};

    peers_connect(&sender, &receiver, 8);
    send_text(&sender, "0123456789abcdef");
    AWAIT(loop, connection_input(receiver.connection).size == 8);
    connection_consume(receiver.connection, 2);
    connection_set_input_bytes(receiver.connection, 100);
    AWAIT(loop, connection_input(receiver.connection).size == 14);
    CHECK(bytes_equal_text(connection_input(receiver.connection), "23456789abcdef"));
    peer_release(&sender);
    peer_release(&receiver);
    loop_free(loop);
}

static void reads_more_when_it_is_asked_to(void)
{
    struct loop *loop = new_loop();
    struct peer peer = {.loop = loop};
    int other = peer_connect_raw(&peer, 16);

    CHECK(connection_read_more(peer.connection) == STATUS_AGAIN);
    CHECK(write(other, "0123456789abcdefghij", 20) == 20);
    CHECK(connection_read_more(peer.connection) == STATUS_OK);
    CHECK(bytes_equal_text(connection_input(peer.connection), "0123456789abcdef"));
    CHECK(connection_read_more(peer.connection) == STATUS_AGAIN); /* no room */
    connection_consume(peer.connection, 16);
    (void)close(other);
    CHECK(connection_read_more(peer.connection) == STATUS_OK);
    CHECK(bytes_equal_text(connection_input(peer.connection), "ghij"));
    CHECK(connection_read_more(peer.connection) == STATUS_CLOSED);
    CHECK(connection_read_more(peer.connection) == STATUS_CLOSED);
    CHECK(peer.inputs == 0 && peer.closes == 0); /* never from inside a call */
    AWAIT(loop, peer.closes == 1);
    peer_release(&peer);
    loop_free(loop);
}

static void reads_nothing_while_it_is_paused(void)
{
    struct loop *loop = new_loop();
    struct peer sender = {.loop = loop};
    struct peer receiver = {.loop = loop};

    peers_connect(&sender, &receiver, SMALL_INPUT);
    connection_pause_input(receiver.connection, true);
    send_text(&sender, "held");
    AWAIT(loop, sender.drains == 1);
    CHECK(receiver.inputs == 0);
    connection_pause_input(receiver.connection, false);
    AWAIT(loop, has_got(&receiver, "held"));
    peer_release(&sender);
    peer_release(&receiver);
    loop_free(loop);
}

static void tells_the_last_input_before_the_end(void)
{
    struct loop *loop = new_loop();
    struct peer peer = {.loop = loop};
    int other = peer_connect_raw(&peer, SMALL_INPUT);

    CHECK(write(other, "last words", 10) == 10);
    (void)close(other);
    AWAIT(loop, peer.closes == 1);
    CHECK(has_got(&peer, "last words") && peer.why.status == STATUS_CLOSED);
    CHECK(strcmp(peer.why.message, "the peer closed the connection") == 0);
    send_text(&peer, "into the void");
    CHECK(connection_queued(peer.connection) == 0);
    peer_release(&peer);
    loop_free(loop);
}

/* The server of a pull says why and leaves while we still write. */
static void reads_the_peers_last_words_after_a_failed_write(void)
{
    struct loop *loop = new_loop();
    struct peer peer = {.loop = loop};
    int other = peer_connect_raw(&peer, SMALL_INPUT);

    CHECK(write(other, "access denied", 13) == 13);
    (void)shutdown(other, SHUT_RD);
    send_text(&peer, "more");
    connection_flush(peer.connection);
    (void)close(other);
    AWAIT(loop, peer.closes == 1);
    CHECK(has_got(&peer, "access denied"));
    peer_release(&peer);
    loop_free(loop);
}

static void notices_a_peer_that_only_ended_its_own_direction(void)
{
    struct loop *loop = new_loop();
    struct peer peer = {.loop = loop};
    int other = peer_connect_raw(&peer, SMALL_INPUT);

    CHECK(shutdown(other, SHUT_WR) == 0);
    AWAIT(loop, peer.closes == 1);
    CHECK(peer.why.status == STATUS_CLOSED);
    peer_release(&peer);
    (void)close(other);
    loop_free(loop);
}

static void ends_a_connection_that_is_idle_for_too_long(void)
{
    struct loop *loop = new_loop();
    struct peer idle = {.loop = loop};
    struct peer paused = {.loop = loop};
    struct peer unlimited = {.loop = loop};
    int others[3] = {peer_connect_raw(&idle, SMALL_INPUT),
                     peer_connect_raw(&paused, SMALL_INPUT),
                     peer_connect_raw(&unlimited, SMALL_INPUT)};

    connection_set_idle_limit(idle.connection, 50 * 1000);
    connection_set_idle_limit(paused.connection, 10 * 1000);
    connection_pause_input(paused.connection, true);
    connection_set_idle_limit(unlimited.connection, 10 * 1000);
    connection_set_idle_limit(unlimited.connection, 0);
    AWAIT(loop, idle.closes == 1);
    CHECK(idle.why.status == STATUS_CLOSED && strstr(idle.why.message, "nothing arrived"));
    CHECK(paused.closes == 0 && unlimited.closes == 0);
    peer_release(&idle);
    peer_release(&paused);
    peer_release(&unlimited);
    for (int at = 0; at < 3; at++) {
        (void)close(others[at]);
    }
    loop_free(loop);
}

static void finishes_after_the_last_byte_is_written(void)
{
    struct loop *loop = new_loop();
    struct peer sender = {.loop = loop};
    struct peer receiver = {.loop = loop, .only_sums = true};
    struct flood flood;

    peers_connect(&sender, &receiver, SMALL_INPUT);
    flood_init(&flood, &sender, 4 * 1024 * 1024);
    flood_pump(&flood, UINT64_MAX);
    connection_finish(sender.connection, 60ULL * 1000 * 1000);
    send_text(&sender, "ignored");
    send_text(&receiver, "ignored");
    AWAIT(loop, receiver.closes == 1);
    CHECK(receiver.got_bytes == 4 * 1024 * 1024 && receiver.got_checksum == flood.checksum);
    peer_release(&receiver);
    AWAIT(loop, sender.closes == 1);
    CHECK(sender.why.status == STATUS_CLOSED && sender.inputs == 0);
    peer_release(&sender);
    loop_free(loop);
    flood_release(&flood);
}

static void gives_up_a_finish_that_takes_too_long(void)
{
    struct loop *loop = new_loop();
    struct peer peer = {.loop = loop};
    int other = peer_connect_raw(&peer, SMALL_INPUT);
    struct buffer large = {0};

    buffer_add_zeros(&large, 8 * 1024 * 1024);
    connection_send(peer.connection, buffer_bytes(&large));
    connection_finish(peer.connection, 20 * 1000);
    AWAIT(loop, peer.closes == 1);
    CHECK(strstr(peer.why.message, "before the peer took the last") != NULL);
    peer_release(&peer);
    (void)close(other);
    loop_free(loop);
    buffer_release(&large);
}

static void says_that_a_file_is_shorter_than_it_was_said_to_be(void)
{
    struct loop *loop = new_loop();
    struct peer peer = {.loop = loop};
    int other = peer_connect_raw(&peer, SMALL_INPUT);
    char path[] = "/tmp/binrelay-test.XXXXXX";
    int descriptor = mkstemp(path);
    struct shared_file *file = shared_file_new(descriptor);

    CHECK(descriptor >= 0 && unlink(path) == 0 && write(descriptor, "0123", 4) == 4);
    connection_send_file(peer.connection, file, 0, 10);
    shared_unref(&file->shared);
    AWAIT(loop, peer.closes == 1);
    CHECK(peer.why.status == STATUS_CORRUPT);
    peer_release(&peer);
    (void)close(other);
    loop_free(loop);
}

static void free_on_input(void *context)
{
    struct peer *peer = context;
    struct bytes input = connection_input(peer->connection);

    peer->inputs++;
    connection_free(peer->connection);
    CHECK(bytes_equal_text(input, "bye")); /* it is there until the end of the turn */
    loop_stop(peer->loop);
}

static void free_on_closed(void *context, const struct error *why)
{
    struct peer *peer = context;

    CHECK(why->status == STATUS_CLOSED);
    peer->closes++;
    connection_free(peer->connection);
    CHECK(why->message[0] != '\0');
    loop_stop(peer->loop);
}

static void may_be_freed_in_its_callbacks(void)
{
    static const struct connection_handler handler = {.on_input = free_on_input,
                                                      .on_closed = free_on_closed};
    struct loop *loop = new_loop();
    struct peer talked_to = {.loop = loop};
    struct peer left = {.loop = loop};
    int others[2] = {peer_connect_raw(&talked_to, SMALL_INPUT),
                     peer_connect_raw(&left, SMALL_INPUT)};

    connection_set_handler(talked_to.connection, &handler, &talked_to);
    connection_set_handler(left.connection, &handler, &left);
    CHECK(write(others[0], "bye", 3) == 3);
    (void)close(others[1]);
    AWAIT(loop, talked_to.inputs == 1 && left.closes == 1);
    CHECK(talked_to.closes == 0);
    (void)close(others[0]);
    loop_free(loop);
}

static void waits_for_a_handler_before_it_reads_or_tells(void)
{
    struct loop *loop = new_loop();
    struct peer marker = {.loop = loop};
    struct peer peer = {.loop = loop};
    int other = -1;
    int ends[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    peer.connection = connection_new(loop, ends[0], "peer", SMALL_INPUT);
    CHECK(write(ends[1], "early", 5) == 5);
    (void)close(ends[1]);
    other = peer_connect_raw(&marker, SMALL_INPUT);
    CHECK(write(other, "marker", 6) == 6);
    AWAIT(loop, has_got(&marker, "marker"));
    connection_set_handler(peer.connection, &peer_handler, &peer);
    AWAIT(loop, peer.closes == 1);
    CHECK(has_got(&peer, "early"));
    peer_release(&peer);
    peer_release(&marker);
    (void)close(other);
    loop_free(loop);
}

int main(void)
{
    sends_and_receives_both_ways();
    streams_long_through_small_buffers();
    streams_the_same_when_it_is_flushed_by_hand();
    tells_once_when_the_queue_fell_to_the_low_mark();
    stops_reading_at_its_capacity_and_goes_on_when_there_is_room();
    grows_its_input_with_what_is_in_it();
    reads_more_when_it_is_asked_to();
    reads_nothing_while_it_is_paused();
    tells_the_last_input_before_the_end();
    reads_the_peers_last_words_after_a_failed_write();
    notices_a_peer_that_only_ended_its_own_direction();
    ends_a_connection_that_is_idle_for_too_long();
    finishes_after_the_last_byte_is_written();
    gives_up_a_finish_that_takes_too_long();
    says_that_a_file_is_shorter_than_it_was_said_to_be();
    may_be_freed_in_its_callbacks();
    waits_for_a_handler_before_it_reads_or_tells();
    return 0;
}
