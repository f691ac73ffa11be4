/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MariaDB GTIDs: domain-server-sequence. A position holds the last one of each
 * domain; a binlog state the last one of each (domain, server). One thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"

struct mariadb_gtid {
    uint32_t domain_id;
    uint32_t server_id;
    uint64_t sequence;
};

enum {
    MARIADB_GTID_STANDALONE = 1, /* FL_STANDALONE */
    MARIADB_GTID_GROUP_COMMIT = 2,
    MARIADB_GTID_TRANSACTIONAL = 4,
    MARIADB_GTID_ALLOW_PARALLEL = 8,
    MARIADB_GTID_WAITED = 16,
    MARIADB_GTID_DDL = 32,
    MARIADB_GTID_PREPARED_XA = 64,
    MARIADB_GTID_COMPLETED_XA = 128,
};

/* Gtid_log_event (162): the server id stands in the event's header. */
MUST_CHECK enum status mariadb_gtid_decode_event(struct mariadb_gtid *found,
                                                 uint8_t *flags,
                                                 uint32_t header_server_id,
                                                 struct bytes body,
                                                 struct error *error);

/* Longer ones from a peer fail as STATUS_FULL. */
enum { MARIADB_GTID_LIST_MOST_ITEMS = 65536 };

/*
 * The same type serves as position and as state; items of a domain are in the
 * order they were set. Zeroed is empty. Functions that fill a list replace what
 * it held, but leave it alone if they fail.
 */
struct mariadb_gtid_list {
    struct mariadb_gtid *items; /* owned */
    size_t count;
    size_t capacity;
};

void mariadb_gtid_list_release(struct mariadb_gtid_list *list);
void mariadb_gtid_list_copy(struct mariadb_gtid_list *list,
                            const struct mariadb_gtid_list *from);

/* "0-1-100,1-2-5"; "" is empty. STATUS_INVALID also for a domain that stands twice. */
MUST_CHECK enum status mariadb_gtid_list_parse(struct mariadb_gtid_list *list,
                                               struct bytes text,
                                               struct error *error);
void mariadb_gtid_list_print(const struct mariadb_gtid_list *list, struct buffer *output);

/* Gtid_list_log_event (163): the binlog state before the file. */
MUST_CHECK enum status mariadb_gtid_list_decode(struct mariadb_gtid_list *list,
                                                struct bytes body,
                                                struct error *error);
void mariadb_gtid_list_encode(const struct mariadb_gtid_list *list, struct buffer *output);

/* As a state: replaces the entry of the same domain and server, which moves to the end of its
 * domain. */
void mariadb_gtid_state_update(struct mariadb_gtid_list *state, struct mariadb_gtid gtid);

/* As a position: replaces the entry of the same domain. */
void mariadb_gtid_position_update(struct mariadb_gtid_list *position, struct mariadb_gtid gtid);

/* The last entry of a domain; NULL if there is none. Borrowed. */
const struct mariadb_gtid *mariadb_gtid_list_domain(const struct mariadb_gtid_list *list,
                                                    uint32_t domain_id);

/* The position of a state: the last entry of each domain, sorted by domain. */
void mariadb_gtid_state_position(const struct mariadb_gtid_list *state,
                                 struct mariadb_gtid_list *position);

/* True if everything up to `gtid` in its (domain, server) was logged before the state. */
bool mariadb_gtid_state_has(const struct mariadb_gtid_list *state, struct mariadb_gtid gtid);
