/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements that read files are answered on the agent thread, so that no loop
 * waits for a disk. The agent gets a copy of what it needs: the
 * session may go away meanwhile, and then the answer is dropped.
 */
#pragma once

#include "binrelay/base/worker.h"
#include "session.h"

/* The statement is copied. session_answered() follows on the loop, if the session is there. */
void session_agent_ask(struct worker *agent,
                       const struct session *session,
                       struct loop *loop,
                       struct bytes statement);
