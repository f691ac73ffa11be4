/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_session.h"

#include <stdio.h>
#include <string.h>

#include "binrelay/protocol/command.h"
#include "binrelay/protocol/handshake.h"
#include "binrelay/protocol/packet.h"
#include "binrelay/protocol/result.h"
#include "check.h"

enum { STEP_RESPONSE, STEP_SWITCHED, STEP_MORE, STEP_COMMANDS };

struct fake_script fake_script_make(void)
{
    return (struct fake_script){
        .version = "8.0.40-fake",
        .user = "relay",
        .password = "secret",
        .plugin = AUTH_CACHING_SHA2,
        .server_id = 101,
        .server_uuid = "325477b7-e540-11f1-bc6f-02fc00000001",
        .gtid_mode = "ON",
        .log_base_name = "binlog",
    };
}

void fake_script_release(struct fake_script *script)
{
    for (size_t at = 0; at < script->log_count; at++) {
        buffer_release(&script->logs[at].bytes);
    }
}

void fake_script_set_log(struct fake_script *script, const char *name, struct bytes bytes)
{
    size_t at = 0;

    while (at < script->log_count && strcmp(script->logs[at].name, name) != 0) {
        at++;
    }
    CHECK(at < FAKE_LOGS_MAX);
    if (at == script->log_count) {
        (void)snprintf(script->logs[at].name, sizeof(script->logs[at].name), "%s", name);
        script->log_count++;
    }
    buffer_clear(&script->logs[at].bytes);
    buffer_add_bytes(&script->logs[at].bytes, bytes);
}

/* ---- packets ---- */

void fake_session_send(struct fake_session *session,
                       struct bytes payload,
                       struct buffer *output)
{
    packet_add(output, payload, &session->sequence);
}

static struct result_writer writer_of(struct fake_session *session, struct buffer *output)
{
    return (struct result_writer){
        .output = output,
        .sequence = session->sequence,
        .capabilities = session->capabilities,
        .server_status = 2,
    };
}

void fake_session_send_error(struct fake_session *session,
                             unsigned code,
                             const char *message,
                             struct buffer *output)
{
    struct result_writer writer = writer_of(session, output);

    result_add_error(&writer, (uint16_t)code, "HY000", message);
    session->sequence = writer.sequence;
}

void fake_session_send_ok(struct fake_session *session, struct buffer *output)
{
    struct result_writer writer = writer_of(session, output);

    result_add_ok(&writer, 0, (struct bytes){0});
    session->sequence = writer.sequence;
}

void fake_session_send_rows(struct fake_session *session,
                            size_t columns,
                            const char *const *values,
                            size_t rows,
                            struct buffer *output)
{
    enum { COLUMNS_MOST = 8 };
    struct result_column definitions[COLUMNS_MOST];
    struct result_writer writer = writer_of(session, output);

    CHECK(columns <= COLUMNS_MOST);
    for (size_t at = 0; at < columns; at++) {
        definitions[at] = (struct result_column){"column", RESULT_VAR_STRING, false};
    }
    result_begin(&writer, definitions, columns);
    for (size_t row = 0; row < rows; row++) {
        struct bytes fields[COLUMNS_MOST] = {{0}};

        for (size_t at = 0; at < columns; at++) {
            const char *value = values[row * columns + at];

            fields[at] = value == NULL ? (struct bytes){0} : bytes_of_text(value);
        }
        result_add_row(&writer, fields, columns);
    }
    result_end(&writer);
    session->sequence = writer.sequence;
}

/* ---- login ---- */

void fake_session_begin(struct fake_session *session,
                        struct fake_script *script,
                        struct buffer *output)
{
    struct buffer payload = {0};
    struct greeting greeting = {
        .connection_id = 7,
        .capabilities = CAPABILITY_LONG_PASSWORD | CAPABILITY_LONG_FLAG |
                        CAPABILITY_PROTOCOL_41 | CAPABILITY_TRANSACTIONS |
                        CAPABILITY_SECURE_CONNECTION | CAPABILITY_PLUGIN_AUTH |
                        CAPABILITY_PLUGIN_AUTH_LENENC | CAPABILITY_DEPRECATE_EOF,
        .plugin = "caching_sha2_password",
        .server_status = 2,
        .character_set = 45,
    };

    *session = (struct fake_session){.script = script, .heartbeat_usec = 1000000};
    script->connects++;
    auth_challenge_make(session->challenge);
    memcpy(greeting.challenge, session->challenge, sizeof(greeting.challenge));
    (void)snprintf(greeting.version, sizeof(greeting.version), "%s", script->version);
    session->secrets.passwords[0] = script->password;
    greeting_encode(&payload, &greeting);
    fake_session_send(session, buffer_bytes(&payload), output);
    buffer_release(&payload);
}

void fake_session_release(struct fake_session *session)
{
    gtid_set_free(session->dump.known);
    session->dump.known = NULL;
}

static void end_login(struct fake_session *session, enum status status, struct buffer *output)
{
    if (status == STATUS_AGAIN) {
        session->step = STEP_MORE;
        return;
    }
    if (status != STATUS_OK) {
        fake_session_send_error(session, 1045, "Access denied for user 'relay'", output);
        session->is_over = true;
        return;
    }
    fake_session_send_ok(session, output);
    session->step = STEP_COMMANDS;
}

static void check_proof(struct fake_session *session, struct bytes proof, struct buffer *output)
{
    struct buffer reply = {0};
    struct error error = {0};
    enum status status = auth_server_first(&session->auth, proof, &reply, &error);

    if (reply.size > 0) {
        fake_session_send(session, buffer_bytes(&reply), output);
    }
    buffer_release(&reply);
    end_login(session, status, output);
}

static void take_response(struct fake_session *session,
                          struct bytes payload,
                          struct buffer *output)
{
    struct handshake_response response;
    struct error error = {0};
    struct buffer request = {0};

    CHECK_OK(handshake_response_decode(&response, payload, UINT32_MAX, &error), &error);
    session->capabilities = response.capabilities & ~(uint32_t)CAPABILITY_DEPRECATE_EOF;
    if (session->script->login_code != 0) {
        fake_session_send_error(session, session->script->login_code, "refused by the script",
                                output);
        session->is_over = true;
        return;
    }
    session->auth = (struct auth_server){
        .plugin = session->script->plugin,
        .secrets = bytes_equal(response.user, bytes_of_text(session->script->user))
                       ? &session->secrets
                       : NULL,
    };
    memcpy(session->auth.challenge, session->challenge, sizeof(session->challenge));
    if (auth_plugin_find(response.plugin) == session->auth.plugin) {
        check_proof(session, response.proof, output);
        return;
    }
    auth_switch_encode(&request, auth_plugin_name(session->auth.plugin), session->challenge);
    fake_session_send(session, buffer_bytes(&request), output);
    buffer_release(&request);
    session->step = STEP_SWITCHED;
}

static void take_more(struct fake_session *session, struct bytes payload, struct buffer *output)
{
    struct buffer reply = {0};
    struct error error = {0};
    enum status status = auth_server_next(&session->auth, payload, &reply, &error);

    if (reply.size > 0) {
        fake_session_send(session, buffer_bytes(&reply), output);
    }
    buffer_release(&reply);
    end_login(session, status, output);
}

/* ---- queries ---- */

static void add_variable(struct result_writer *writer, const char *name, const char *value)
{
    struct bytes row[] = {bytes_of_text(name), bytes_of_text(value)};

    result_add_row(writer, row, 2);
}

static void show_variables(struct fake_session *session, struct buffer *output)
{
    static const struct result_column columns[] = {{"Variable_name", RESULT_VAR_STRING, false},
                                                   {"Value", RESULT_VAR_STRING, false}};
    const struct fake_script *script = session->script;
    struct result_writer writer = writer_of(session, output);
    char text[FAKE_NAME_BYTES + 40];

    result_begin(&writer, columns, 2);
    add_variable(&writer, "version", script->version);
    (void)snprintf(text, sizeof(text), "%u", script->server_id);
    add_variable(&writer, "server_id", text);
    add_variable(&writer, "server_uuid", script->server_uuid);
    add_variable(&writer, "gtid_mode", script->gtid_mode);
    add_variable(&writer, "log_bin", script->is_log_off ? "OFF" : "ON");
    (void)snprintf(text, sizeof(text), "/var/lib/mysql/%s", script->log_base_name);
    add_variable(&writer, "log_bin_basename", text);
    if (script->server_id_bits != 0) {
        (void)snprintf(text, sizeof(text), "%u", script->server_id_bits);
        add_variable(&writer, "server_id_bits", text);
    }
    if (script->has_semi_sync) {
        add_variable(&writer, "rpl_semi_sync_source_enabled", "ON");
    }
    result_end(&writer);
    session->sequence = writer.sequence;
}

static void show_logs(struct fake_session *session, struct buffer *output)
{
    static const struct result_column columns[] = {{"Log_name", RESULT_VAR_STRING, false},
                                                   {"File_size", RESULT_LONGLONG, true},
                                                   {"Encrypted", RESULT_VAR_STRING, false}};
    const struct fake_script *script = session->script;
    struct result_writer writer = writer_of(session, output);

    if (script->listing_code != 0) {
        fake_session_send_error(session, script->listing_code, "refused by the script", output);
        return;
    }
    result_begin(&writer, columns, 3);
    for (size_t at = 0; at < script->log_count; at++) {
        char size[24];
        struct bytes row[3] = {bytes_of_text(script->logs[at].name)};

        (void)snprintf(size, sizeof(size), "%zu", script->logs[at].bytes.size);
        row[1] = bytes_of_text(size);
        row[2] = bytes_of_text("No");
        result_add_row(&writer, row, 3);
    }
    result_end(&writer);
    session->sequence = writer.sequence;
}

/* Answers with the first event at or behind the position, as MySQL 8.0 does. */
static void show_events(struct fake_session *session, const char *text, struct buffer *output)
{
    static const struct result_column columns[] = {{"Log_name", RESULT_VAR_STRING, false},
                                                   {"Pos", RESULT_LONGLONG, true}};
    struct result_writer writer = writer_of(session, output);
    char name[FAKE_NAME_BYTES];
    unsigned long position = 0;
    const struct fake_log *log = NULL;
    uint64_t offset = BINLOG_MAGIC_BYTES;

    CHECK(sscanf(text, "SHOW BINLOG EVENTS IN '%79[^']' FROM %lu", name, &position) == 2);
    for (size_t at = 0; at < session->script->log_count; at++) {
        if (strcmp(session->script->logs[at].name, name) == 0) {
            log = &session->script->logs[at];
        }
    }
    if (log == NULL) {
        fake_session_send_error(session, 1220, "Could not find target log", output);
        return;
    }
    while (offset < log->bytes.size && offset < position) {
        offset += bytes_u32_at(log->bytes.data + offset + BINLOG_EVENT_SIZE_AT);
    }
    result_begin(&writer, columns, 2);
    if (offset < log->bytes.size) {
        char number[24];
        struct bytes row[2] = {bytes_of_text(name)};

        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)offset);
        row[1] = bytes_of_text(number);
        result_add_row(&writer, row, 2);
    }
    result_end(&writer);
    session->sequence = writer.sequence;
}

static void show_epoch(struct fake_session *session, const char *text, struct buffer *output)
{
    static const struct result_column columns[] = {{"next_file", RESULT_VAR_STRING, false},
                                                   {"next_position", RESULT_LONGLONG, true}};
    const struct fake_script *script = session->script;
    struct result_writer writer = writer_of(session, output);
    unsigned long long epoch = 0;
    char number[24];
    struct bytes row[2] = {{0}};

    CHECK(sscanf(strstr(text, "epoch = "), "epoch = %llu", &epoch) == 1);
    if (script->epoch == 0) {
        fake_session_send_error(session, 1146, "Table 'mysql.ndb_binlog_index' doesn't exist",
                                output);
        return;
    }
    (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)script->epoch_position);
    row[0] = bytes_of_text(script->epoch_file);
    row[1] = bytes_of_text(number);
    result_begin(&writer, columns, 2);
    if (epoch == script->epoch) {
        result_add_row(&writer, row, 2);
    }
    result_end(&writer);
    session->sequence = writer.sequence;
}

static void take_settings(struct fake_session *session, const char *text, struct buffer *output)
{
    static const char period[] = "@master_heartbeat_period = ";
    const char *at = strstr(text, period);

    if (at != NULL) {
        session->heartbeat_usec = strtoull(at + sizeof(period) - 1, NULL, 10) / 1000;
    }
    CHECK(strstr(text, "@source_binlog_checksum = 'CRC32'") != NULL);
    session->is_semi_sync =
        session->script->has_semi_sync && strstr(text, "@rpl_semi_sync_replica = 1") != NULL;
    fake_session_send_ok(session, output);
}

static void take_query(struct fake_session *session, struct bytes query, struct buffer *output)
{
    char text[1024];

    CHECK(query.size < sizeof(text));
    memcpy(text, query.data, query.size);
    text[query.size] = '\0';
    if (session->script->on_query != NULL &&
        session->script->on_query(session->script->query_context, session, text, output)) {
        return;
    }
    if (strncmp(text, "SHOW GLOBAL VARIABLES", 21) == 0) {
        show_variables(session, output);
    } else if (strncmp(text, "SET @", 5) == 0) {
        take_settings(session, text, output);
    } else if (strcmp(text, "SHOW BINARY LOGS") == 0) {
        show_logs(session, output);
    } else if (strncmp(text, "SHOW BINLOG EVENTS", 18) == 0) {
        show_events(session, text, output);
    } else if (strncmp(text, "SELECT SUBSTRING_INDEX(next_file", 32) == 0) {
        show_epoch(session, text, output);
    } else {
        fake_session_send_error(session, 1064, "You have an error in your SQL syntax", output);
    }
}

/* ---- commands ---- */

static void take_ack(struct fake_session *session, struct bytes payload)
{
    struct byte_reader reader = byte_reader_of(payload);
    struct fake_script *script = session->script;

    CHECK(byte_reader_number(&reader, 1) == SEMISYNC_MAGIC);
    script->acked_position = byte_reader_number(&reader, 8);
    (void)snprintf(script->acked_name, sizeof(script->acked_name), "%.*s", (int)reader.left,
                   (const char *)reader.next);
    script->acks++;
}

static void take_command(struct fake_session *session,
                         struct bytes payload,
                         struct buffer *output)
{
    struct bytes body = {payload.data + 1, payload.size - 1};

    switch (payload.data[0]) {
    case COMMAND_QUERY:
        take_query(session, body, output);
        break;
    case COMMAND_REGISTER_REPLICA:
        fake_session_send_ok(session, output);
        break;
    case COMMAND_BINLOG_DUMP:
    case COMMAND_BINLOG_DUMP_GTID:
        fake_dump_begin(session, payload.data[0], body, output);
        break;
    default:
        fake_session_send_error(session, 1047, "Unknown command", output);
    }
}

static void take_payload(struct fake_session *session,
                         struct bytes payload,
                         struct buffer *output)
{
    switch (session->step) {
    case STEP_RESPONSE:
        take_response(session, payload, output);
        break;
    case STEP_SWITCHED:
        check_proof(session, payload, output);
        break;
    case STEP_MORE:
        take_more(session, payload, output);
        break;
    default:
        if (payload.size > 0) {
            take_command(session, payload, output);
            break;
        }
        session->script->empty_packets++;
        fake_session_send_ok(session, output);
    }
}

size_t fake_session_take(struct fake_session *session,
                         struct bytes input,
                         struct buffer *output)
{
    size_t taken = 0;

    while (!session->is_over) {
        struct bytes rest = {input.data + taken, input.size - taken};
        struct packet packet;
        struct error error = {0};
        enum status status = packet_find(&packet, rest, PACKET_MOST_BYTES - 1, &error);

        if (status == STATUS_AGAIN) {
            break;
        }
        CHECK_OK(status, &error);
        taken += packet.taken;
        if (session->dump.is_on) {
            take_ack(session, packet.payload); /* the dump's own sequence goes on */
            continue;
        }
        session->sequence = (uint8_t)(packet.sequence + 1);
        take_payload(session, packet.payload, output);
    }
    return taken;
}
