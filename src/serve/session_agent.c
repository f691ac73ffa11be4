/* SPDX-License-Identifier: Apache-2.0 */
#include "session_agent.h"

#include <inttypes.h>
#include <stdlib.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "binrelay/registry/applier_registry.h"
#include "sql/sql_answer.h"
#include "sql/sql_engine.h"
#include "sql/sql_errors.h"

enum { SERVER_STATUS_AUTOCOMMIT = 2 };

/* Counted: the session and its question hold it. */
struct session_order {
    atomic_int references;
    atomic_bool is_cancelled;
};

struct question {
    struct sql_task task;                /* first: is turned back into the question */
    struct message message;              /* the way back */
    struct session_directory *directory; /* a reference */
    struct session_order *order;         /* a reference */
    uint64_t id;                         /* of the session */
    struct settings *settings;           /* a reference: the account is theirs */
    struct loop *loop;                   /* borrowed: where the answer goes */
    uint32_t applier; /* to be registered; 0: a statement is to be answered */
    bool is_registered;
    struct sql_session sql;  /* what the statement needs */
    struct buffer statement; /* owned */
    struct buffer output;    /* owned */
    struct result_writer writer;
};

static void let_go(struct session_order *order)
{
    if (order != NULL && atomic_fetch_sub(&order->references, 1) == 1) {
        free(order);
    }
}

static void deliver(struct message *message)
{
    struct question *question =
        (struct question *)((char *)message - offsetof(struct question, message));
    struct session *session =
        session_directory_here(question->directory, question->id, question->loop);

    if (session != NULL && session->order == question->order) {
        session_agent_forget(session);
        sql_assigned_release(&session->sql.assigned);
        session->sql.assigned = question->sql.assigned;
        question->sql.assigned = (struct sql_assigned){0};
        session->sql.warnings = question->sql.warnings;
        if (question->is_registered) {
            session_registered(session);
        }
        session_answered(session, buffer_bytes(&question->output));
    }
    session_directory_unref(question->directory);
    let_go(question->order);
    settings_unref(question->settings);
    sql_assigned_release(&question->sql.assigned);
    buffer_release(&question->statement);
    buffer_release(&question->output);
    free(question);
}

static void send_back(struct question *question)
{
    question->message.run = deliver;
    loop_post(question->loop, &question->message);
}

static void answer(struct sql_task *task, struct sql_engine *engine)
{
    struct question *question = (struct question *)task;

    question->writer.output = &question->output;
    sql_engine_watch(engine, &question->order->is_cancelled);
    sql_answer(&question->sql, engine, buffer_bytes(&question->statement), &question->writer);
    sql_engine_watch(engine, NULL);
    send_back(question);
}

static void register_applier(struct sql_task *task, struct sql_engine *engine)
{
    struct question *question = (struct question *)task;
    struct error failure;
    struct error shown;

    (void)engine;
    question->writer.output = &question->output;
    if (applier_registry_register(question->sql.cluster->appliers, question->applier,
                                  &failure) == STATUS_OK) {
        question->is_registered = true;
        result_add_ok(&question->writer, 0, (struct bytes){0});
    } else {
        log_warning("session %" PRIu64 ": applier %" PRIu32 " of cluster %s not registered: %s",
                    question->id, question->applier, question->sql.cluster->name,
                    failure.message);
        (void)sql_error_set(&shown, SQL_ERROR_GENERAL, "%s", failure.message);
        sql_error_add(&question->writer, &shown);
    }
    send_back(question);
}

/* What the session is asked for, but for the question itself. */
static struct question *new_question(struct session *session, struct loop *loop)
{
    struct question *question = mem_zeroed(sizeof(*question));
    struct session_order *order = mem_zeroed(sizeof(*order));

    atomic_init(&order->references, 2);
    session_agent_forget(session);
    session->order = order;
    question->order = order;
    question->directory = session_directory_ref(session->house->directory);
    question->id = session->id;
    question->settings = settings_ref(session->settings);
    question->loop = loop;
    question->sql = session->sql;
    session->sql.assigned = (struct sql_assigned){0};
    question->writer = (struct result_writer){
        .sequence = session->sequence,
        .capabilities = session->capabilities,
        .server_status = SERVER_STATUS_AUTOCOMMIT,
    };
    return question;
}

void session_agent_ask(struct sql_agents *agents,
                       struct session *session,
                       struct loop *loop,
                       struct bytes statement)
{
    struct question *question = new_question(session, loop);

    question->task.run = answer;
    buffer_add_bytes(&question->statement, statement);
    sql_agents_post(agents, &question->task);
}

void session_agent_register(struct sql_agents *agents,
                            struct session *session,
                            struct loop *loop)
{
    struct question *question = new_question(session, loop);

    question->task.run = register_applier;
    question->applier = session->replica_server_id;
    sql_agents_post(agents, &question->task);
}

void session_agent_interrupt(struct session *session)
{
    if (session->order != NULL) {
        atomic_store(&session->order->is_cancelled, true);
    }
}

void session_agent_forget(struct session *session)
{
    session_agent_interrupt(session);
    let_go(session->order);
    session->order = NULL;
}
