/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All sessions of the endpoint, for those who look at them or end them from
 * another thread. Counted, as orders that are under way hold it. Any thread;
 * what concerns one card's owner belongs to the thread of the session's loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/net/loop.h"
#include "binrelay/serve/endpoint.h"
#include "binrelay/serve/endpoint_sessions.h"

struct session;
struct session_directory;
struct session_card;

/* What the lists of sessions show of one. */
struct session_entry {
    struct session_facts facts;
    char database[65];
    char replica_host[61]; /* as it registered itself; "" if it did not */
    uint16_t replica_port;
    bool is_registered;
    bool is_mariadb;
    bool is_streaming;         /* asked for a dump, which has not ended */
    uint64_t state_since_usec; /* wall clock */
};

/* Why a session is ended by another one's wish. Called on its loop's thread. */
enum session_end {
    SESSION_END_KILLED,
    SESSION_END_QUERY, /* KILL QUERY: only what it is doing now */
    SESSION_END_REPLACED,
    SESSION_END_LOST, /* what its stream needs is purged */
};
typedef void (*session_end_fn)(struct session *session, enum session_end why);

struct session_directory *session_directory_new(session_end_fn end);
struct session_directory *session_directory_ref(struct session_directory *directory);
void session_directory_unref(struct session_directory *directory);

/* Numbers the session and lists it. */
struct session_card *session_directory_add(struct session_directory *directory,
                                           struct session *session,
                                           struct loop *loop,
                                           const struct session_facts *facts);
void session_directory_remove(struct session_directory *directory, struct session_card *card);

uint64_t session_card_id(const struct session_card *card);
size_t session_directory_count(struct session_directory *directory);

/* Bytes that the streams of a cluster sent, those that ended too. Never falls. */
uint64_t session_directory_sent(struct session_directory *directory, const char *cluster);

/* Gives the entry to `fill` under the lock, to be changed by its owner. */
typedef void (*session_fill_fn)(struct session_entry *entry, const void *context);
void session_directory_update(struct session_directory *directory,
                              struct session_card *card,
                              session_fill_fn fill,
                              const void *context);

/* From now on the session lives on `loop`: posts the message that tells it so. */
void session_directory_move(struct session_directory *directory,
                            struct session_card *card,
                            struct loop *loop,
                            struct message *arrival);

/*
 * Lets `fill` make the entry one that streams, and ends the streams of the
 * same replica on the same cluster: by its uuid, else by server id, where 0
 * and 1 are nobody's. At once, so that of two that come together
 * one stays.
 */
void session_directory_start_stream(struct session_directory *directory,
                                    struct session_card *card,
                                    session_fill_fn fill,
                                    const void *context);

/* Ends the streams of a server id on a cluster. */
void session_directory_end_streams(struct session_directory *directory,
                                   const char *cluster,
                                   uint32_t server_id,
                                   enum session_end why);

/* STATUS_NOT_FOUND if there is no such session. */
MUST_CHECK enum status session_directory_kill(struct session_directory *directory,
                                              uint64_t id,
                                              enum session_end why,
                                              struct error *error);

/* The session, if it lives on this loop, whose thread calls; else NULL. */
struct session *session_directory_here(struct session_directory *directory,
                                       uint64_t id,
                                       const struct loop *loop);

/* Copies all entries, lowest id first; *entries is the caller's to free. */
size_t session_directory_list(struct session_directory *directory,
                              struct session_entry **entries);
