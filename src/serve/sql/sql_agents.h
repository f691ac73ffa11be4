/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads that answer statements which may wait: each with an SQL engine
 * of its own, all from one queue, so that a long statement holds up
 * nobody but its session.
 */
#pragma once

#include "binrelay/base/mailbox.h"
#include "sql_session.h"

struct sql_agents;

/* Work for one of them; run by it with its engine. */
struct sql_task {
    struct sql_task *next; /* the agents' */
    void (*run)(struct sql_task *task, struct sql_engine *engine);
};

MUST_CHECK enum status sql_agents_start(struct sql_agents **made, struct error *error);

/* Any thread. */
void sql_agents_post(struct sql_agents *agents, struct sql_task *task);

/* Runs what waits, then ends and joins the threads. Accepts NULL. */
void sql_agents_stop(struct sql_agents *agents);
