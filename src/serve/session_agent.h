/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements and registrations may wait, and are answered on agent threads, so that no loop
 * waits for a disk or a sort. The agent gets a copy of what it needs: the
 * session may go away meanwhile, and then the statement ends and its answer
 * is dropped.
 */
#pragma once

#include "session.h"
#include "sql/sql_agents.h"

/* The statement is copied, what the session has SET moves there and back. session_answered()
 * follows on the loop, if the session is there. */
void session_agent_ask(struct sql_agents *agents,
                       struct session *session,
                       struct loop *loop,
                       struct bytes statement);

/* Registers the applier session->replica_server_id; the OK packet is the answer once that is
 * durable. session_registered() and session_answered() follow likewise. */
void session_agent_register(struct sql_agents *agents,
                            struct session *session,
                            struct loop *loop);

/* Ends the statement that the session waits for, if it does: it is answered with error 1317. */
void session_agent_interrupt(struct session *session);

/* The session leaves. */
void session_agent_forget(struct session *session);
