/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first packets of a connection (manual: "Connection Phase"): greeting
 * (handshake v10), SSL request, response, auth switch. Both directions, pure:
 * payloads in, structs out, and back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"

/* Capability flags, by their names in the manual without CLIENT_. */
enum {
    CAPABILITY_LONG_PASSWORD =
        1U << 0, /* MariaDB: CLIENT_MYSQL; unset means extended flags follow */
    CAPABILITY_FOUND_ROWS = 1U << 1,
    CAPABILITY_LONG_FLAG = 1U << 2,
    CAPABILITY_CONNECT_WITH_DB = 1U << 3,
    CAPABILITY_COMPRESS = 1U << 5,
    CAPABILITY_PROTOCOL_41 = 1U << 9,
    CAPABILITY_SSL = 1U << 11,
    CAPABILITY_TRANSACTIONS = 1U << 13,
    CAPABILITY_SECURE_CONNECTION = 1U << 15,
    CAPABILITY_MULTI_STATEMENTS = 1U << 16,
    CAPABILITY_MULTI_RESULTS = 1U << 17,
    CAPABILITY_PLUGIN_AUTH = 1U << 19,
    CAPABILITY_CONNECT_ATTRIBUTES = 1U << 20,
    CAPABILITY_PLUGIN_AUTH_LENENC = 1U << 21,
    CAPABILITY_SESSION_TRACK = 1U << 23,
    CAPABILITY_DEPRECATE_EOF = 1U << 24,
};

enum { AUTH_CHALLENGE_BYTES = 20 };

/* Texts end in zero. */
struct greeting {
    char version[64]; /* decode: safe to print, cut if it is longer */
    uint32_t connection_id;
    uint32_t capabilities;
    uint8_t challenge[AUTH_CHALLENGE_BYTES];
    char plugin[64]; /* decode: mysql_native_password if the server names none */
    uint16_t server_status;
    uint8_t character_set;
    bool is_mariadb; /* decode: by the version text ("5.5.5-" in front is removed) */
};

/* The capabilities have PROTOCOL_41, SECURE_CONNECTION and PLUGIN_AUTH. */
void greeting_encode(struct buffer *payload, const struct greeting *greeting);

/* STATUS_DENIED with the server's own words if the payload is an error packet (host blocked,
 * too many connections). STATUS_INVALID: broken, or of a protocol from before MySQL 4.1. */
MUST_CHECK enum status greeting_decode(struct greeting *greeting,
                                       struct bytes payload,
                                       struct error *error);

struct handshake_response {
    uint32_t capabilities; /* decode: only those that were offered */
    uint32_t most_packet_bytes;
    uint8_t character_set;
    /* decode: ends after the fixed part, TLS begins. Plain bytes behind it are an attack. */
    bool is_ssl_request;
    struct bytes user;  /* borrowed, as the rest */
    struct bytes proof; /* the auth response */
    struct bytes database;
    struct bytes plugin; /* empty if the client named none */
};

/* The capabilities we offered limit what is read. Connection attributes are passed over.
 * STATUS_INVALID: broken, or of a client from before MySQL 4.1. */
MUST_CHECK enum status handshake_response_decode(struct handshake_response *response,
                                                 struct bytes payload,
                                                 uint32_t offered,
                                                 struct error *error);

/* What is written follows the capabilities; the SSL request is the same without the names. A
 * proof has up to 255 bytes. */
void handshake_ssl_request_encode(struct buffer *payload,
                                  const struct handshake_response *response);
void handshake_response_encode(struct buffer *payload,
                               const struct handshake_response *response);

/* Asks the client to prove itself by another plugin, to this challenge. */
void auth_switch_encode(struct buffer *payload,
                        const char *plugin,
                        const uint8_t challenge[AUTH_CHALLENGE_BYTES]);
