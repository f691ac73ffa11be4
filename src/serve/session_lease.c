/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of a member of a group: it begins when the group's lease is the
 * member's. Until then the replica is held. Answers come from the registry's
 * thread and are taken on the session's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "binrelay/net/shared.h"
#include "binrelay/registry/lease_table.h"
#include "binrelay/storage/epoch_index.h"
#include "dump_internal.h"
#include "session.h"
#include "session_dump.h"
#include "sql/sql_errors.h"

enum { FIRST_SEQUENCE = 1 };

/* Answers that are under way hold it. */
struct session_lease {
    struct shared shared;          /* first: is turned back into the lease */
    struct session *session;       /* borrowed; NULL once it has left; the loop's thread */
    struct connection *connection; /* borrowed from the session */
    struct loop *loop;             /* borrowed */
    struct lease_ticket *ticket;   /* owned until the session leaves */
    bool is_granted;
    struct binlog_position begin; /* where the granted stream stood before it sent an event */
    uint16_t asked_code;          /* what it asks for cannot be had: 0: it can */
    struct error asked_error;
};

/* On its way to the session's thread. */
struct lease_message {
    struct message message;      /* first: is turned back */
    struct session_lease *lease; /* a reference */
    struct lease_answer answer;
};

static void destroy(struct shared *shared)
{
    free(shared);
}

static void fill_request(const struct session_lease *lease, struct dump_request *request)
{
    const struct session *session = lease->session;

    session_dump_request(session, request);
    request->connection = lease->connection;
    request->loop = lease->loop;
}

/* What was sent while it was held goes before. */
static void take_over_held(struct session *session, struct dump_request *request)
{
    request->sequence = FIRST_SEQUENCE;
    if (session->dump != NULL) {
        request->sequence = dump_sequence(session->dump);
        request->checksum = dump_checksum(session->dump);
        dump_free(session->dump);
        session->dump = NULL;
    }
}

static void take_grant(struct session_lease *lease, const struct lease_answer *answer)
{
    struct session *session = lease->session;
    struct dump_request request;

    fill_request(lease, &request);
    take_over_held(session, &request);
    request.begin_at = answer->place;
    /* Of an epoch of many transactions a part that was sent could never be reported. */
    request.sends_whole_epochs =
        epoch_index_rules(session->sql.cluster->store).kind == EPOCH_KIND_HEARTBEAT;
    lease->is_granted = true;
    session_show_state(session);
    log_info("session %" PRIu64 " (%s): replica %u has grant %" PRIu64, session->id,
             session->peer, request.command.server_id, answer->number);
    session_start_stream(session, &request);
}

void session_lease_began(struct session *session)
{
    if (session->lease != NULL) {
        session->lease->begin = dump_position(session->dump);
    }
}

static void take_hold(struct session_lease *lease, const struct lease_answer *answer)
{
    struct dump_request request;

    if (answer->place.file == 0 && lease->asked_code != 0) {
        return; /* no place to keep it at: it hears nothing until it is granted one */
    }
    fill_request(lease, &request);
    request.begin_at = answer->place;
    request.sequence = FIRST_SEQUENCE;
    session_hold_stream(lease->session, &request);
}

static void take_end(struct session_lease *lease, const struct lease_answer *answer)
{
    struct session *session = lease->session;
    struct error error;

    if (session->dump != NULL) {
        session->sequence = dump_sequence(session->dump);
    }
    if (lease->asked_code != 0 && answer->is_about_place) {
        session_fail_stream(session, lease->asked_code, &lease->asked_error);
        return;
    }
    (void)error_set(&error, STATUS_AGAIN, "%s", answer->text);
    session_fail_stream(session, answer->is_final ? SQL_ERROR_DUMP : SQL_ERROR_SHUTDOWN,
                        &error);
}

static void on_answer(struct message *message)
{
    struct lease_message *posted = (struct lease_message *)message;
    struct session_lease *lease = posted->lease;

    if (lease->session != NULL) {
        switch (posted->answer.kind) {
        case LEASE_ANSWER_GRANT:
            take_grant(lease, &posted->answer);
            break;
        case LEASE_ANSWER_HOLD:
            take_hold(lease, &posted->answer);
            break;
        case LEASE_ANSWER_END:
            take_end(lease, &posted->answer);
            break;
        }
    }
    shared_unref(&lease->shared);
    free(posted);
}

/* The registry's thread. */
static void pass_answer(void *context, const struct lease_answer *answer)
{
    struct session_lease *lease = context;
    struct lease_message *posted = mem_zeroed(sizeof(*posted));

    posted->message.run = on_answer;
    posted->lease = lease;
    posted->answer = *answer;
    (void)shared_ref(&lease->shared);
    loop_post(lease->loop, &posted->message);
}

/* For people: it is no stream yet. */
static void fill_waiting(struct session_entry *entry, const void *context)
{
    (void)context;
    entry->facts.state = "waiting";
}

static void join(struct session_lease *lease, const char *group)
{
    struct dump_request dump;
    struct lease_request request = {.group = group, .answer = pass_answer, .context = lease};

    fill_request(lease, &dump);
    request.server_id = dump.command.server_id;
    request.is_by_gtid = dump_goes_by_gtid(&dump);
    if (!request.is_by_gtid && dump_find_asked(&dump, &request.asked, &lease->asked_code,
                                               &lease->asked_error) != STATUS_OK) {
        request.asked = (struct binlog_position){0};
    }
    lease->ticket = lease_table_join(lease->session->sql.cluster->leases, &request);
}

static uint32_t server_id_of(const struct session *session)
{
    uint32_t server_id = session->wish.command.server_id;

    return server_id != 0 ? server_id : session->replica_server_id;
}

/* Who reads to the end and leaves is no applier. */
static bool is_member(const struct session *session, char group[APPLIER_GROUP_BYTES])
{
    struct lease_table *leases = session->sql.cluster->leases;
    uint32_t server_id = server_id_of(session);

    return leases != NULL && server_id != 0 &&
           (session->wish.command.flags & DUMP_NON_BLOCK) == 0 &&
           lease_table_group_of(leases, server_id, group);
}

bool session_lease_begin(struct session *session,
                         struct connection *connection,
                         struct loop *loop)
{
    char group[APPLIER_GROUP_BYTES];
    struct dump_request request;
    struct error error;

    if (!is_member(session, group)) {
        return false;
    }
    session->sequence = FIRST_SEQUENCE;
    session_dump_request(session, &request);
    if (dump_check_request(&request, &error) != STATUS_OK) {
        session_fail_stream(session, dump_error_code(error.status), &error);
        return true;
    }
    struct session_lease *lease = mem_zeroed(sizeof(*lease));

    shared_init(&lease->shared, destroy);
    lease->session = session;
    lease->connection = connection;
    lease->loop = loop;
    session->lease = lease;
    session_list_stream(session);
    session_directory_update(session->house->directory, session->card, fill_waiting, NULL);
    join(lease, group);
    return true;
}

void session_lease_look(struct session *session)
{
    char group[APPLIER_GROUP_BYTES];
    struct error error;

    if (session->state != SESSION_STREAMING || session->lease != NULL ||
        !is_member(session, group)) {
        return;
    }
    (void)error_set(&error, STATUS_AGAIN,
                    "Replica %" PRIu32
                    " has become a member of group %.64s, and needs its lease",
                    server_id_of(session), group);
    if (session->dump != NULL) {
        session->sequence = dump_sequence(session->dump);
    }
    session_fail_stream(session, SQL_ERROR_SHUTDOWN, &error);
}

void session_lease_end(struct session *session)
{
    struct session_lease *lease = session->lease;
    struct binlog_position sent = {0};

    if (lease == NULL) {
        return;
    }
    if (lease->is_granted && session->dump != NULL) {
        sent = dump_position(session->dump);
        if (binlog_position_compare(sent, lease->begin) == 0) {
            sent = (struct binlog_position){0}; /* no event was sent */
        }
    }
    session->lease = NULL;
    lease->session = NULL;
    lease_table_leave(lease->ticket, sent);
    shared_unref(&lease->shared);
}
