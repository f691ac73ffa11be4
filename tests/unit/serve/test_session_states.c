/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions run by scripts of bytes. */
#include "session_script.h"

#include "binrelay/protocol/packet.h"

static struct session_script script;

static const char *const clusters[] = {"east", "west"};

static struct settings *make_settings(void)
{
    const struct account_options accounts[] = {
        {.user = "repl",
         .password = "secret",
         .is_native = true,
         .rights = RIGHT_REPLICATE,
         .clusters = clusters,
         .cluster_count = 1},
        {.user = "open", .password = "", .rights = RIGHT_READ},
    };
    const struct endpoint_settings wanted = {.accounts = accounts, .account_count = 2};
    struct settings *settings = NULL;
    struct error error;

    CHECK_OK(settings_new(&settings, &wanted, script.clusters, 2, &error), &error);
    return settings;
}

static void feed_packet(uint8_t sequence, struct bytes payload)
{
    struct buffer packet = {0};

    packet_add(&packet, payload, &sequence);
    script_feed(&script, buffer_bytes(&packet));
    buffer_release(&packet);
}

static void feed_command(uint8_t code, const char *body)
{
    struct buffer payload = {0};

    buffer_add_number(&payload, code, 1);
    buffer_add_text(&payload, body);
    feed_packet(0, buffer_bytes(&payload));
    buffer_release(&payload);
}

/* Takes one packet off what the session has sent. */
static struct bytes take_packet(struct buffer *copy, uint8_t sequence)
{
    struct packet packet;
    struct error error;

    CHECK(packet_find(&packet, buffer_bytes(&script.output), PACKET_MOST_BYTES - 1, &error) ==
          STATUS_OK);
    CHECK(packet.sequence == sequence);
    buffer_clear(copy);
    buffer_add_bytes(copy, packet.payload);
    memmove(script.output.data, script.output.data + packet.taken,
            script.output.size - packet.taken);
    script.output.size -= packet.taken;
    return buffer_bytes(copy);
}

static int error_of(struct bytes payload)
{
    struct error error;

    return result_is_error(payload) && result_error_deny(payload, &error) == STATUS_DENIED
               ? error.sql_code
               : 0;
}

static void begin(void)
{
    struct buffer packet = {0};
    struct greeting greeting;
    struct error error;

    script_begin(&script, make_settings());
    CHECK_OK(greeting_decode(&greeting, take_packet(&packet, 0), &error), &error);
    CHECK(strcmp(greeting.version, "8.4.0") == 0);
    CHECK(strcmp(greeting.plugin, "caching_sha2_password") == 0);
    CHECK((greeting.capabilities & CAPABILITY_LONG_PASSWORD) != 0);
    CHECK((greeting.capabilities & CAPABILITY_SSL) == 0); /* there is no certificate */
    CHECK(script.session.state == SESSION_GREETING && script.deadline_usec == 10000000);
    buffer_release(&packet);
}

static void send_login(const char *user)
{
    const struct handshake_response response = {
        .capabilities =
            CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION | CAPABILITY_PLUGIN_AUTH,
        .user = bytes_of_text(user),
        .plugin = bytes_of_text("caching_sha2_password"),
    };
    struct buffer payload = {0};

    handshake_response_encode(&payload, &response);
    feed_packet(1, buffer_bytes(&payload));
    buffer_release(&payload);
}

static void log_in(void)
{
    struct buffer packet = {0};

    begin();
    send_login("open");
    CHECK(result_is_ok(take_packet(&packet, 2)));
    CHECK(script.session.state == SESSION_READY && script.output.size == 0);
    buffer_release(&packet);
}

static void logs_in_by_an_auth_switch(void)
{
    struct buffer packet = {0};
    struct buffer proof = {0};

    begin();
    send_login("repl");
    CHECK(script.session.state == SESSION_AUTHENTICATING);
    CHECK(take_packet(&packet, 2).data[0] == 0xFE); /* auth switch */
    auth_proof_add(&proof, AUTH_NATIVE, "secret", script.session.auth.challenge);
    feed_packet(3, buffer_bytes(&proof));
    CHECK(result_is_ok(take_packet(&packet, 4)));
    CHECK(script.session.state == SESSION_READY);
    CHECK(script.session.sql.cluster == &script.clusters[0]);
    buffer_release(&packet);
    buffer_release(&proof);
    script_end(&script);
}

static void takes_bytes_one_by_one(void)
{
    static const uint8_t ping[] = {1, 0, 0, 0, COMMAND_PING};
    struct buffer packet = {0};

    log_in();
    for (size_t at = 0; at < sizeof(ping); at++) {
        CHECK(script.output.size == 0);
        script_feed(&script, (struct bytes){.data = ping + at, .size = 1});
    }
    CHECK(result_is_ok(take_packet(&packet, 1)));
    buffer_release(&packet);
    script_end(&script);
}

static void lets_others_run_after_many_steps(void)
{
    struct buffer many = {0};
    size_t answered = 0;

    log_in();
    for (int at = 0; at < 100; at++) {
        buffer_add(&many, "\x01\0\0\0\x0e", 5);
    }
    script_feed(&script, buffer_bytes(&many));
    CHECK(script.turns_asked == 1 && script.input.size > 0);
    answered = script.output.size;
    session_run(&script.session);
    CHECK(script.input.size == 0 && script.output.size > answered);
    buffer_release(&many);
    script_end(&script);
}

static void waits_while_the_peer_does_not_read(void)
{
    log_in();
    script.is_full = true;
    feed_command(COMMAND_PING, "");
    CHECK(script.output.size == 0 && script.input.size > 0);
    script.is_full = false;
    session_run(&script.session);
    CHECK(script.output.size > 0 && script.input.size == 0);
    script_end(&script);
}

static void has_slow_statements_answered_elsewhere(void)
{
    log_in();
    feed_command(COMMAND_QUERY, "show binlog events");
    feed_command(COMMAND_PING, ""); /* waits for its turn */
    CHECK(script.session.state == SESSION_ANSWERING && script.answers_asked == 1);
    CHECK(bytes_equal(buffer_bytes(&script.statement), bytes_of_text("show binlog events")));
    CHECK(script.output.size == 0);
    session_answered(&script.session, bytes_of_text("answer"));
    CHECK(memcmp(script.output.data, "answer", 6) == 0);
    CHECK(script.output.size > 6); /* and the ping's */
    CHECK(script.session.state == SESSION_READY);
    script_end(&script);
}

static void an_answer_that_comes_too_late_is_dropped(void)
{
    log_in();
    feed_command(COMMAND_QUERY, "show binlog events");
    session_end(&script.session, SESSION_END_KILLED);
    session_answered(&script.session, bytes_of_text("answer"));
    CHECK(script.output.size == 0 && script.session.state == SESSION_CLOSING);
    CHECK(script.finished == 1);
    session_end(&script.session, SESSION_END_KILLED); /* again: nothing */
    CHECK(script.finished == 1);
    script_end(&script);
}

static void asks_for_room_for_a_long_packet(void)
{
    log_in();
    script_feed(&script, (struct bytes){.data = (const uint8_t *)"\0\0\x01\0\x03", .size = 5});
    CHECK(script.room == 65536 + 4 && script.session.state == SESSION_READY);
    script_end(&script);
}

static void every_state_is_reached_and_can_be_left(void)
{
    char *graph = session_states_draw();

    for (unsigned state = 0; state < SESSION_CLOSED; state++) {
        bool is_reached = state == SESSION_GREETING;

        for (unsigned from = 0; from < SESSION_STATE_COUNT; from++) {
            is_reached = is_reached || session_can_move(from, state);
        }
        CHECK(is_reached);
        CHECK(session_can_move(state, SESSION_CLOSED));
        CHECK(state == SESSION_CLOSING || session_can_move(state, SESSION_CLOSING));
    }
    CHECK(!session_can_move(SESSION_CLOSING, SESSION_READY));
    CHECK(!session_can_move(SESSION_GREETING, SESSION_READY));
    CHECK(strstr(graph, "ready -> streaming;") != NULL);
    CHECK(strstr(graph, "streaming -> ready;") != NULL);
    free(graph);
}

static void a_packet_out_of_order_is_the_end(void)
{
    struct buffer packet = {0};

    log_in();
    feed_packet(3, bytes_of_text("\x0e"));
    CHECK(error_of(take_packet(&packet, 4)) == 1156);
    CHECK(script.session.state == SESSION_CLOSING);
    buffer_release(&packet);
    script_end(&script);
}

int main(void)
{
    script_open_house(&script);
    logs_in_by_an_auth_switch();
    takes_bytes_one_by_one();
    lets_others_run_after_many_steps();
    waits_while_the_peer_does_not_read();
    has_slow_statements_answered_elsewhere();
    an_answer_that_comes_too_late_is_dropped();
    asks_for_room_for_a_long_packet();
    every_state_is_reached_and_can_be_left();
    a_packet_out_of_order_is_the_end();
    script_close_house(&script);
    return 0;
}
