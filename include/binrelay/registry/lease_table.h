/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leases of one cluster: of each group of appliers one member has the
 * stream, the others wait. Who has it is durable before its stream starts.
 *
 * Reports renew a lease (applier_registry_on_report() is the table's where there
 * are leases), signs of life at the endpoint's heartbeat table only while
 * nothing is left to be applied. docs/lease.md says what is promised.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/error.h"
#include "binrelay/registry/applier_registry.h"
#include "binrelay/registry/registry.h"

struct lease_table; /* the registry's */

/* All borrowed for the registry's life. */
struct lease_options {
    const char *cluster;
    struct binlog_store *store;
    struct applier_registry *appliers;
    uint64_t ttl_usec;
};

/* Loads what is kept. At start, once for a cluster that has leases. */
MUST_CHECK enum status registry_open_leases(struct registry *registry,
                                            const struct lease_options *options,
                                            struct lease_table **made,
                                            struct error *error);

/* At a reload; counts from the next report on. Never waits. */
void lease_table_set_ttl(struct lease_table *table, uint64_t ttl_usec);

/* ---- members: any thread, never waits ---- */

/* False: the applier belongs to no group, and streams without a lease. Else its group: it is a
 * member, or it was and is still bound: it has the lease, or is fenced. */
bool lease_table_group_of(struct lease_table *table,
                          uint32_t server_id,
                          char group[APPLIER_GROUP_BYTES]);

enum lease_answer_kind {
    LEASE_ANSWER_HOLD,  /* another one has it: wait, and keep the replica quiet at `place` */
    LEASE_ANSWER_GRANT, /* the stream is yours, from `place` on */
    LEASE_ANSWER_END,   /* end the session; `text` says why */
};

struct lease_answer {
    enum lease_answer_kind kind;
    uint64_t number; /* GRANT: of the grant */
    /* GRANT: where the stream begins; {0, 0}: where the replica asks. By GTID nothing before it
     * is sent, whatever the replica has. HOLD: where the replica may be moved meanwhile; {0,
     * 0}: it must stay where it is. */
    struct binlog_position place;
    bool is_final;       /* END: coming again does not help */
    bool is_about_place; /* END: for what it asks */
    char text[200];
};

/* Called on the registry's thread, which must not wait: hands the answer to the session's. */
typedef void (*lease_answer_fn)(void *context, const struct lease_answer *answer);

struct lease_request {
    const char *group;
    uint32_t server_id;
    bool is_by_gtid;
    struct binlog_position asked; /* by file and position; {0, 0}: it is not here */
    lease_answer_fn answer;
    void *context; /* borrowed until the ticket is given back */
};

/* Asks for the stream. HOLD may follow, then GRANT; END at any time. */
struct lease_ticket *lease_table_join(struct lease_table *table,
                                      const struct lease_request *request);

/*
 * The session will send nothing any more, and may have sent up to here; {0, 0}:
 * nothing was sent. No answer is given once this has returned. The ticket is
 * gone. Every ticket is given back before the registry is closed.
 */
void lease_table_leave(struct lease_ticket *ticket, struct binlog_position sent);

/* ---- by hand; all wait: any thread but the registry's ---- */

enum { LEASE_STATE_BYTES = 16 };

struct lease_facts {
    char group[APPLIER_GROUP_BYTES];
    char state[LEASE_STATE_BYTES]; /* "free", "held", "closing", "away", "over" */
    uint32_t holder;               /* 0: nobody */
    uint64_t number;               /* of the last grant; 0: there was none */
    struct binlog_position start;  /* of the last grant, as the next two */
    struct epoch_key start_epoch;  /* that it began behind */
    uint64_t granted_usec;         /* wall clock */
    struct epoch_key applied;      /* of the group; epoch 0: it never reported */
    struct binlog_position sent;   /* to a holder that is away, at most up to here */
    uint64_t expires_in_usec;      /* 0: no time runs */
    char reason[200];              /* why nobody can have it; "" */
    uint32_t *waiting;             /* owned: server ids, the oldest first */
    size_t waiting_count;
    uint32_t *fenced; /* owned */
    size_t fenced_count;
};

/* Ordered by group; *facts is released by lease_facts_free(). */
MUST_CHECK enum status lease_table_list(struct lease_table *table,
                                        struct lease_facts **facts,
                                        size_t *count,
                                        struct error *error);
void lease_facts_free(struct lease_facts *facts, size_t count);

/*
 * Lifts the fence of a fenced member, or has the holder give up to this one, which
 * waits. STATUS_NOT_FOUND: no such group, or it is not connected. STATUS_DENIED: the
 * holder was sent what it has not applied; the error says what to do.
 */
MUST_CHECK enum status lease_table_grant(struct lease_table *table,
                                         const char *group,
                                         uint32_t server_id,
                                         struct error *error);

/* Has the holder give up: its connection is closed, and the next one gets the stream once all
 * that was sent is applied. server_id 0: whoever it is. STATUS_DENIED: it does not hold it. */
MUST_CHECK enum status lease_table_release(struct lease_table *table,
                                           const char *group,
                                           uint32_t server_id,
                                           struct error *error);

/*
 * Somebody made sure that this member applies nothing any more: it is passed
 * over and gets no stream until its fence is lifted. `epoch` is what it is known to
 * have applied, a report for the group; 0: what was reported is right.
 */
MUST_CHECK enum status lease_table_fence(struct lease_table *table,
                                         const char *group,
                                         uint32_t server_id,
                                         uint64_t epoch,
                                         struct error *error);
