/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/handshake.h"

#include <assert.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/protocol/result.h"

enum {
    PROTOCOL_VERSION = 10,
    CHALLENGE_FIRST_BYTES = 8,
    CHALLENGE_REST_BYTES = AUTH_CHALLENGE_BYTES - CHALLENGE_FIRST_BYTES,
    CHALLENGE_REST_FIELD_LEAST = CHALLENGE_REST_BYTES + 1, /* with its zero */
    GREETING_RESERVED_BYTES = 10,
    RESPONSE_FIXED_BYTES = 32,
    RESPONSE_RESERVED_BYTES = 23,
    PROOF_MOST_BYTES = 255,
    SWITCH_HEADER = 0xFE,
};

/* Replicas of before MariaDB 10 read one digit of the version: MariaDB puts this in front of
 * it. */
static const char version_prefix[] = "5.5.5-";

/*
 * HandshakeV10
 *    1  protocol version: 10
 *    n  server version, ends in zero
 *    4  connection id
 *    8  challenge, first part
 *    1  zero
 *    2  capabilities, low half
 *    1  character set
 *    2  status
 *    2  capabilities, high half
 *    1  size of the whole challenge with its zero: 21
 *   10  zeros; MariaDB: in the last 4 its extended capabilities, if LONG_PASSWORD is unset
 *   13  challenge, rest, and a zero; max(13, size - 8)
 *    n  plugin, ends in zero
 */
void greeting_encode(struct buffer *payload, const struct greeting *greeting)
{
    assert(greeting->capabilities & CAPABILITY_PLUGIN_AUTH);
    buffer_add_number(payload, PROTOCOL_VERSION, 1);
    buffer_add_text_zero(payload, greeting->version);
    buffer_add_number(payload, greeting->connection_id, 4);
    buffer_add(payload, greeting->challenge, CHALLENGE_FIRST_BYTES);
    buffer_add_zeros(payload, 1);
    buffer_add_number(payload, greeting->capabilities, 2);
    buffer_add_number(payload, greeting->character_set, 1);
    buffer_add_number(payload, greeting->server_status, 2);
    buffer_add_number(payload, greeting->capabilities >> 16, 2);
    buffer_add_number(payload, AUTH_CHALLENGE_BYTES + 1, 1);
    buffer_add_zeros(payload, GREETING_RESERVED_BYTES);
    buffer_add(payload, greeting->challenge + CHALLENGE_FIRST_BYTES, CHALLENGE_REST_BYTES);
    buffer_add_zeros(payload, 1);
    buffer_add_text_zero(payload, greeting->plugin);
}

/* Copies what fits, made safe to print. */
static void keep_text(char *kept, size_t size, struct bytes text)
{
    struct log_text safe = log_safe(text);
    size_t used = strlen(safe.text);

    used = used < size ? used : size - 1;
    memcpy(kept, safe.text, used);
    kept[used] = '\0';
}

/* A milestone of MySQL 5.5 was called "5.5.5-m3": behind MariaDB's prefix comes a digit. */
static void read_version(struct greeting *greeting, struct bytes version)
{
    size_t prefix = sizeof(version_prefix) - 1;

    if (version.size > prefix && memcmp(version.data, version_prefix, prefix) == 0 &&
        version.data[prefix] >= '0' && version.data[prefix] <= '9') {
        greeting->is_mariadb = true;
        version.data += prefix;
        version.size -= prefix;
    }
    keep_text(greeting->version, sizeof(greeting->version), version);
    greeting->is_mariadb =
        greeting->is_mariadb || strcasestr(greeting->version, "mariadb") != NULL;
}

static void read_challenge_rest(struct greeting *greeting,
                                size_t challenge_bytes,
                                struct byte_reader *reader)
{
    size_t field = CHALLENGE_REST_FIELD_LEAST;
    struct bytes rest;

    if (challenge_bytes > CHALLENGE_FIRST_BYTES + CHALLENGE_REST_FIELD_LEAST) {
        field = challenge_bytes - CHALLENGE_FIRST_BYTES;
    }
    rest = byte_reader_take(reader, field);
    if (rest.size >= CHALLENGE_REST_BYTES) {
        memcpy(greeting->challenge + CHALLENGE_FIRST_BYTES, rest.data, CHALLENGE_REST_BYTES);
    }
}

/* Some servers and clients leave out the zero behind the last text of a packet. */
static struct bytes read_last_text(struct byte_reader *reader)
{
    struct byte_reader before = *reader;
    struct bytes text = byte_reader_until_zero(reader);

    if (reader->overran && !before.overran) {
        *reader = before;
        text = byte_reader_rest(reader);
    }
    return text;
}

static void read_fields(struct greeting *greeting, struct byte_reader *reader)
{
    struct bytes first;
    size_t challenge_bytes = 0;

    read_version(greeting, byte_reader_until_zero(reader));
    greeting->connection_id = (uint32_t)byte_reader_number(reader, 4);
    first = byte_reader_take(reader, CHALLENGE_FIRST_BYTES);
    memcpy(greeting->challenge, first.data, first.size);
    byte_reader_skip(reader, 1);
    greeting->capabilities = (uint32_t)byte_reader_number(reader, 2);
    greeting->character_set = (uint8_t)byte_reader_number(reader, 1);
    greeting->server_status = (uint16_t)byte_reader_number(reader, 2);
    greeting->capabilities |= (uint32_t)byte_reader_number(reader, 2) << 16;
    challenge_bytes = byte_reader_number(reader, 1);
    byte_reader_skip(reader, GREETING_RESERVED_BYTES);
    read_challenge_rest(greeting, challenge_bytes, reader);
    if (greeting->capabilities & CAPABILITY_PLUGIN_AUTH) {
        keep_text(greeting->plugin, sizeof(greeting->plugin), read_last_text(reader));
    } else {
        keep_text(greeting->plugin, sizeof(greeting->plugin),
                  bytes_of_text("mysql_native_password"));
    }
}

enum status greeting_decode(struct greeting *greeting,
                            struct bytes payload,
                            struct error *error)
{
    const uint32_t needed = CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION;
    struct byte_reader reader = byte_reader_of(payload);
    struct greeting read = {0};
    unsigned version = 0;

    if (result_is_error(payload)) {
        return result_error_deny(payload, error);
    }
    version = (unsigned)byte_reader_number(&reader, 1);
    if (version != PROTOCOL_VERSION) {
        return error_set(error, STATUS_INVALID,
                         "greeting of protocol version %u, not %d: is it a MySQL server?",
                         version, PROTOCOL_VERSION);
    }
    read_fields(&read, &reader);
    if (reader.overran) {
        return error_set(error, STATUS_INVALID, "greeting is cut at %zu bytes", payload.size);
    }
    if ((read.capabilities & needed) != needed) {
        return error_set(error, STATUS_INVALID,
                         "server '%s' speaks the protocol of before MySQL 4.1", read.version);
    }
    *greeting = read;
    return STATUS_OK;
}

/*
 * HandshakeResponse41                   SSLRequest: these 32 bytes and no more
 *    4  capabilities
 *    4  largest packet the client takes
 *    1  character set
 *   23  zeros; MariaDB: in the last 4 its extended capabilities
 * --
 *    n  user, ends in zero
 *    n  proof: PLUGIN_AUTH_LENENC, a length-encoded string; else SECURE_CONNECTION, one byte of
 *       size and the bytes; else ends in zero
 *    n  database, ends in zero          if CONNECT_WITH_DB
 *    n  plugin, ends in zero            if PLUGIN_AUTH
 *    n  attributes, length-encoded      if CONNECT_ATTRIBUTES
 */
static struct bytes read_proof(uint32_t capabilities, struct byte_reader *reader)
{
    if (capabilities & CAPABILITY_PLUGIN_AUTH_LENENC) {
        return byte_reader_lenenc_bytes(reader);
    }
    if (capabilities & CAPABILITY_SECURE_CONNECTION) {
        return byte_reader_take(reader, byte_reader_number(reader, 1));
    }
    return byte_reader_until_zero(reader);
}

static void read_names(struct handshake_response *response, struct byte_reader *reader)
{
    response->user = byte_reader_until_zero(reader);
    response->proof = read_proof(response->capabilities, reader);
    if ((response->capabilities & CAPABILITY_CONNECT_WITH_DB) && reader->left > 0) {
        response->database = read_last_text(reader);
    }
    if ((response->capabilities & CAPABILITY_PLUGIN_AUTH) && reader->left > 0) {
        response->plugin = read_last_text(reader);
    }
    if ((response->capabilities & CAPABILITY_CONNECT_ATTRIBUTES) && reader->left > 0) {
        (void)byte_reader_lenenc_bytes(reader);
    }
}

enum status handshake_response_decode(struct handshake_response *response,
                                      struct bytes payload,
                                      uint32_t offered,
                                      struct error *error)
{
    struct byte_reader reader = byte_reader_of(payload);
    struct handshake_response read = {0};

    if (payload.size >= 2 && !(bytes_u16_at(payload.data) & CAPABILITY_PROTOCOL_41)) {
        return error_set(error, STATUS_INVALID,
                         "client speaks the protocol of before MySQL 4.1");
    }
    read.capabilities = (uint32_t)byte_reader_number(&reader, 4) & offered;
    read.most_packet_bytes = (uint32_t)byte_reader_number(&reader, 4);
    read.character_set = (uint8_t)byte_reader_number(&reader, 1);
    byte_reader_skip(&reader, RESPONSE_RESERVED_BYTES);
    read.is_ssl_request =
        payload.size == RESPONSE_FIXED_BYTES && (read.capabilities & CAPABILITY_SSL) != 0;
    if (!read.is_ssl_request) {
        read_names(&read, &reader);
    }
    if (reader.overran) {
        return error_set(error, STATUS_INVALID, "broken handshake response of %zu bytes",
                         payload.size);
    }
    *response = read;
    return STATUS_OK;
}

void handshake_ssl_request_encode(struct buffer *payload,
                                  const struct handshake_response *response)
{
    buffer_add_number(payload, response->capabilities, 4);
    buffer_add_number(payload, response->most_packet_bytes, 4);
    buffer_add_number(payload, response->character_set, 1);
    buffer_add_zeros(payload, RESPONSE_RESERVED_BYTES);
}

static void add_text_zero(struct buffer *payload, struct bytes text)
{
    buffer_add_bytes(payload, text);
    buffer_add_zeros(payload, 1);
}

static void add_proof(struct buffer *payload, const struct handshake_response *response)
{
    assert(response->proof.size <= PROOF_MOST_BYTES);
    if (response->capabilities & CAPABILITY_PLUGIN_AUTH_LENENC) {
        buffer_add_lenenc_bytes(payload, response->proof);
    } else if (response->capabilities & CAPABILITY_SECURE_CONNECTION) {
        buffer_add_number(payload, response->proof.size, 1);
        buffer_add_bytes(payload, response->proof);
    } else {
        add_text_zero(payload, response->proof);
    }
}

void handshake_response_encode(struct buffer *payload,
                               const struct handshake_response *response)
{
    handshake_ssl_request_encode(payload, response);
    add_text_zero(payload, response->user);
    add_proof(payload, response);
    if (response->capabilities & CAPABILITY_CONNECT_WITH_DB) {
        add_text_zero(payload, response->database);
    }
    if (response->capabilities & CAPABILITY_PLUGIN_AUTH) {
        add_text_zero(payload, response->plugin);
    }
    if (response->capabilities & CAPABILITY_CONNECT_ATTRIBUTES) {
        buffer_add_lenenc(payload, 0);
    }
}

/*
 * AuthSwitchRequest
 *    1  0xFE
 *    n  plugin, ends in zero
 *   20  challenge
 *    1  zero
 */
void auth_switch_encode(struct buffer *payload,
                        const char *plugin,
                        const uint8_t challenge[AUTH_CHALLENGE_BYTES])
{
    buffer_add_number(payload, SWITCH_HEADER, 1);
    buffer_add_text_zero(payload, plugin);
    buffer_add(payload, challenge, AUTH_CHALLENGE_BYTES);
    buffer_add_zeros(payload, 1);
}
