/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A MySQL source for tests, one connection of it: payloads in, packets out.
 * What it serves, and how it misbehaves, is its script. It knows no sockets:
 * fake_source.h puts it behind one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/protocol/auth.h"
#include "binrelay/protocol/binlog_event.h"
#include "binrelay/protocol/gtid_set.h"

enum { FAKE_LOGS_MAX = 8, FAKE_NAME_BYTES = 80 };

struct fake_log {
    char name[FAKE_NAME_BYTES];
    struct buffer bytes; /* owned: a binlog file */
};

struct fake_session;

/* Answers a query of its own with send_ok and the like, or says no: then the script's answers
 * hold. An answer that is nothing leaves the client waiting. */
typedef bool (*fake_query_fn)(void *context,
                              struct fake_session *session,
                              const char *text,
                              struct buffer *output);

struct fake_script {
    const char *version;
    const char *user;
    const char *password;
    enum auth_plugin plugin; /* the account's; the greeting names caching_sha2_password */
    uint32_t server_id;
    const char *server_uuid;
    const char *gtid_mode;
    const char *log_base_name;
    unsigned server_id_bits; /* 0: it has no such variable */
    bool is_log_off;
    bool has_semi_sync;
    struct fake_log logs[FAKE_LOGS_MAX]; /* oldest first */
    size_t log_count;
    uint64_t epoch;         /* the only one in mysql.ndb_binlog_index; 0: there is no table */
    const char *epoch_file; /* what follows it */
    uint64_t epoch_position;

    fake_query_fn on_query; /* NULL: none; under the lock of a fake_source */
    void *query_context;    /* borrowed */

    /* Misbehaviour; 0 is none. */
    unsigned login_code;   /* the login is answered by this error */
    unsigned listing_code; /* SHOW BINARY LOGS is */
    unsigned dump_code;    /* a dump is */
    const char *dump_message;
    bool ends_dump;       /* EOF at the end of the log */
    bool is_silent;       /* a dump sends nothing, heartbeats neither */
    uint64_t cut_after;   /* hangs up after so many bytes of a dump */
    uint64_t corrupt_at;  /* the byte at this offset of the last log is sent wrong */
    unsigned corruptions; /* so many times */

    /* What was seen. */
    unsigned connects;
    unsigned dumps;
    char asked_name[FAKE_NAME_BYTES];
    uint64_t asked_position;
    unsigned empty_packets; /* in place of a command: the end of a local file */
    unsigned acks;
    char acked_name[FAKE_NAME_BYTES];
    uint64_t acked_position;
};

/* A script of a MySQL 8.0 source, account "relay" with password "secret", without logs. */
struct fake_script fake_script_make(void);
void fake_script_release(struct fake_script *script);

/* Adds a log with a copy of the bytes; replaces one of the same name. */
void fake_script_set_log(struct fake_script *script, const char *name, struct bytes bytes);

struct fake_dump {
    bool is_on;
    size_t log;
    uint64_t offset;
    bool has_begun; /* the artificial Rotate is sent */
    bool is_non_block;
    bool is_heartbeat_v2;
    enum binlog_checksum checksum;
    struct gtid_set *known; /* owned; transactions that are left out */
    bool is_skipping;
};

struct fake_session {
    struct fake_script *script; /* borrowed */
    struct auth_server auth;
    struct auth_secrets secrets;
    uint8_t challenge[AUTH_CHALLENGE_BYTES];
    int step;
    uint8_t sequence;
    uint32_t capabilities;
    uint64_t heartbeat_usec;
    bool is_semi_sync;
    struct fake_dump dump;
    bool is_over; /* hang up when the output is sent */
};

/* Begins with the greeting. */
void fake_session_begin(struct fake_session *session,
                        struct fake_script *script,
                        struct buffer *output);
void fake_session_release(struct fake_session *session);

/* Takes whole packets out of what came; returns how many bytes that were. */
size_t fake_session_take(struct fake_session *session,
                         struct bytes input,
                         struct buffer *output);

/* Adds what the dump has to say, until the output has `limit` bytes. */
void fake_session_pump(struct fake_session *session, struct buffer *output, size_t limit);
void fake_session_heartbeat(struct fake_session *session, struct buffer *output);

/* ---- for a fake_query_fn ---- */

void fake_session_send_ok(struct fake_session *session, struct buffer *output);

/* A result set of text columns; NULL is NULL. */
void fake_session_send_rows(struct fake_session *session,
                            size_t columns,
                            const char *const *values,
                            size_t rows,
                            struct buffer *output);

/* ---- fake_dump.c, for fake_session.c ---- */

void fake_dump_begin(struct fake_session *session,
                     unsigned command,
                     struct bytes body,
                     struct buffer *output);
void fake_session_send(struct fake_session *session,
                       struct bytes payload,
                       struct buffer *output);
void fake_session_send_error(struct fake_session *session,
                             unsigned code,
                             const char *message,
                             struct buffer *output);
