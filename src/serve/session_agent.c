/* SPDX-License-Identifier: Apache-2.0 */
#include "session_agent.h"

#include <stdlib.h>

#include "binrelay/base/memory.h"
#include "sql_answer.h"

enum { SERVER_STATUS_AUTOCOMMIT = 2 };

struct question {
    struct message message;              /* first: is turned back into the question */
    struct session_directory *directory; /* a reference */
    uint64_t id;                         /* of the session */
    struct loop *loop;                   /* borrowed: where the answer goes */
    struct sql_session sql;              /* what the statement needs; without what was SET */
    struct buffer statement;             /* owned */
    struct buffer output;                /* owned */
    struct result_writer writer;
};

static void deliver(struct message *message)
{
    struct question *question = (struct question *)message;
    struct session *session =
        session_directory_here(question->directory, question->id, question->loop);

    if (session != NULL) {
        session_answered(session, buffer_bytes(&question->output));
    }
    session_directory_unref(question->directory);
    sql_assigned_release(&question->sql.assigned);
    buffer_release(&question->statement);
    buffer_release(&question->output);
    free(question);
}

static void answer(struct message *message)
{
    struct question *question = (struct question *)message;

    question->writer.output = &question->output;
    sql_answer(&question->sql, buffer_bytes(&question->statement), &question->writer);
    question->message.run = deliver;
    loop_post(question->loop, &question->message);
}

void session_agent_ask(struct worker *agent,
                       const struct session *session,
                       struct loop *loop,
                       struct bytes statement)
{
    struct question *question = mem_zeroed(sizeof(*question));

    question->message.run = answer;
    question->directory = session_directory_ref(session->house->directory);
    question->id = session->id;
    question->loop = loop;
    question->sql = session->sql;
    question->sql.assigned = (struct sql_assigned){0};
    buffer_add_bytes(&question->statement, statement);
    question->writer = (struct result_writer){
        .sequence = session->sequence,
        .capabilities = session->capabilities,
        .server_status = SERVER_STATUS_AUTOCOMMIT,
    };
    worker_post(agent, &question->message);
}
