/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of the endpoint: what its files share.
 *
 *   session_states      which state may follow which, and what each one does
 *   session_login       greeting, PROXY header, TLS, password, choice of cluster
 *   session_commands    the commands of one that is logged in
 *   session_dump        what a replica asked for, and the stream
 *   session_stream      what the stream needs, and what its applier has got
 *   session_lease       a stream that must wait for its group's lease
 *   session_connection  the port to a real connection and its loop
 *
 * The first four see the world through struct session_port only, so tests and
 * fuzzers run them with bytes. A session belongs to one loop at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/protocol/packet.h"
#include "dump.h"
#include "login_limits.h"
#include "session_directory.h"
#include "session_states.h"
#include "settings.h"
#include "sql/sql_session.h"

/* What all sessions of an endpoint share. Outlives them. */
struct session_house {
    const struct clock *clock; /* borrowed, as all here */
    const struct sql_world *world;
    struct session_directory *directory;
    struct login_limits *limits;        /* the control thread's: logins are there */
    const struct auth_rsa_key *rsa_key; /* NULL: none */
    const struct served_cluster *clusters;
    size_t cluster_count;
    struct frame_cache *const *frames; /* one for each cluster */
    struct stream_holds *holds;        /* NULL: nobody asks what streams need */
    uint64_t started_usec;             /* wall clock */
};

/* The listener that a connection came by. */
struct session_door {
    size_t first_cluster; /* of those that may be asked for here */
    size_t cluster_count; /* one, or all */
    uint16_t port;
    char version[64]; /* of the greeting */
};

/* What a stream has come to. */
struct session_numbers {
    struct binlog_position position;
    uint64_t sent_bytes;
    uint64_t queued_bytes;
};

/* What a session may do with the world around it. */
struct session_port {
    struct bytes (*input)(struct session *session);
    void (*consume)(struct session *session, size_t size);
    void (*make_room)(struct session *session, size_t size); /* for a packet of that size */
    void (*send)(struct session *session, struct bytes bytes);
    bool (*is_full)(struct session *session); /* the peer does not read what was sent */
    void (*start_tls)(struct session *session, struct tls *tls);
    bool (*has_certificate)(struct session *session); /* the peer showed one that is right */
    void (*set_name)(struct session *session, const char *name);
    void (*set_deadline)(struct session *session, uint64_t usec); /* 0: none */
    void (*ask_for_turn)(struct session *session);
    /* Has the statement answered elsewhere: session_answered() follows. */
    void (*start_answer)(struct session *session, struct bytes statement);
    /* Has the applier of session->replica_server_id registered elsewhere: session_registered(),
     * if it is, and session_answered() follow. */
    void (*start_registration)(struct session *session);
    /* Starts the dump of session->wish; the session may be on another thread at once. */
    void (*start_dump)(struct session *session);
    void (*end_stream)(struct session *session);                /* follows each start_dump() */
    struct session_numbers (*numbers)(struct session *session); /* but for the position */
    void (*finish)(struct session *session, uint64_t usec);
};

/* What COM_BINLOG_DUMP asked for, kept until the dump has begun. */
struct session_wish {
    struct command_dump command; /* points to texts */
    struct buffer texts;         /* owned: file name and GTID set */
};

/* What is known of the stream, for the registry and for purges. */
struct session_stream {
    struct stream_hold *hold;          /* owned; NULL without a stream */
    struct applier_registry *appliers; /* borrowed; NULL: it is no applier's */
    uint32_t applier;                  /* its server id */
    struct binlog_position got;        /* what the registry was told last */
    bool has_begun;                    /* the registry knows of it */
};

struct session {
    uint64_t id;
    enum session_state state;
    const struct session_house *house; /* borrowed */
    const struct session_door *door; /* borrowed; copied by the owner for the session's life */
    const struct session_port *port; /* borrowed */
    void *port_data;                 /* borrowed: the port's */
    struct session_card *card;       /* owned, in the directory */
    struct settings *settings;       /* a reference: those at its login */
    char peer[64];                   /* "10.0.0.7:51200" */

    bool may_send_proxy_header;
    bool is_securing; /* TLS has begun */
    bool is_secure;
    uint8_t sequence;              /* of the next packet, theirs or ours */
    uint32_t capabilities;         /* offered, then those of both */
    const struct account *account; /* borrowed from the settings; NULL: unknown */
    struct bytes cluster_name;     /* in `login`; what was logged in with */
    struct bytes database;         /* in `login` */
    struct buffer login;           /* owned: user, then database, as they were sent */
    size_t login_user_bytes;
    enum auth_plugin greeted; /* plugin in the greeting */
    bool is_switching;        /* an auth switch was sent: the proof comes next */
    struct auth_server auth;
    struct buffer proof; /* owned: what the client proved itself with */

    struct sql_session sql;
    uint32_t replica_server_id;  /* of COM_REGISTER_SLAVE; 0: none */
    struct buffer output;        /* owned: an answer while it is made */
    struct session_order *order; /* a reference: the statement that an agent answers */
    struct session_wish wish;
    struct dump *dump; /* owned; NULL unless STREAMING */
    struct session_stream stream;
    struct session_lease *lease; /* owned; NULL: the stream needs none */
    size_t cluster;              /* number of the chosen one in the house's list */
};

/* In place; house, door, port and settings are set before. Numbers, lists and greets. */
void session_init(struct session *session, struct loop *loop, const char *peer);

/* Contents only. The port is not used. */
void session_release(struct session *session);

/* ---- steps of the states ---- */

void session_send_greeting(struct session *session);
enum session_step session_greet(struct session *session);
enum session_step session_authenticate(struct session *session);
enum session_step session_obey(struct session *session);
enum session_step session_stream(struct session *session);
enum session_step session_rest(struct session *session);

/* ---- for the port ---- */

/* The TLS handshake is done. */
void session_secured(struct session *session);

/* The answer to the statement that start_answer() got, as packets from session->sequence on. */
void session_answered(struct session *session, struct bytes packets);

/* The replica that registered is durable among the appliers. */
void session_registered(struct session *session);

/* Begins the dump of the wish on the loop where the session lives now. */
void session_begin_dump(struct session *session,
                        struct connection *connection,
                        struct loop *loop);

/* Once a second while it streams: how far has the peer come? */
void session_stream_look(struct session *session, const struct connection *connection);

/* Goes on with the dump, if there is one. */
void session_pump(struct session *session);

/* Somebody else ends it. */
void session_end(struct session *session, enum session_end why);

/* The endpoint closes: a stream gets error 1053. */
void session_shut_down(struct session *session);

/* ---- among its files ---- */

/* Finds the next packet and checks its number. STATUS_AGAIN: wait. After another failure the
 * session is closing. */
MUST_CHECK enum status session_next_packet(struct session *session,
                                           size_t limit,
                                           struct packet *found);

/* An answer: begin, add to the writer, send. */
struct result_writer session_writer(struct session *session);
void session_send(struct session *session, const struct result_writer *writer);
void session_send_ok(struct session *session, struct bytes info);
void session_send_error(struct session *session, const struct error *error);

/* Sends the error and leaves. */
void session_refuse(struct session *session, int code, const char *format, ...)
    PRINTF_LIKE(3, 4);

void session_show_state(struct session *session);

/* Ends the dump: the state STREAMING is left. */
void session_leave_stream(struct session *session);

/* The cluster's leases: true if the stream must wait for one, and may begin later. */
bool session_lease_begin(struct session *session,
                         struct connection *connection,
                         struct loop *loop);

/* The dump has begun, and has sent no event yet. */
void session_lease_began(struct session *session);

/* Ends a stream without a lease that needs one by now. */
void session_lease_look(struct session *session);

/* Nothing is sent any more. Before the dump is freed. */
void session_lease_end(struct session *session);

/* Around a dump: before its place is looked for, when it has begun, when it is freed, whether
 * it had begun or not. */
void session_stream_prepare(struct session *session);
void session_stream_begin(struct session *session);
void session_stream_end(struct session *session);
