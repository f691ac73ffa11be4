/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_agents.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "sql_engine.h"

enum { AGENTS = 4 };

struct agent {
    struct sql_agents *agents; /* borrowed */
    struct sql_engine *engine; /* owned */
    pthread_t thread;
    bool is_running;
};

struct sql_agents {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct sql_task *first; /* under the lock, as the next two */
    struct sql_task **last;
    bool is_stopping;
    struct agent items[AGENTS];
};

/* The next task; NULL: the end. */
static struct sql_task *take(struct sql_agents *agents)
{
    struct sql_task *task = NULL;

    (void)pthread_mutex_lock(&agents->lock);
    while (agents->first == NULL && !agents->is_stopping) {
        (void)pthread_cond_wait(&agents->changed, &agents->lock);
    }
    task = agents->first;
    if (task != NULL) {
        agents->first = task->next;
        if (agents->first == NULL) {
            agents->last = &agents->first;
        }
    }
    (void)pthread_mutex_unlock(&agents->lock);
    return task;
}

static void *run_agent(void *context)
{
    struct agent *agent = context;
    struct sql_task *task = NULL;

    while ((task = take(agent->agents)) != NULL) {
        task->run(task, agent->engine);
    }
    return NULL;
}

/* Signals are the control thread's. */
static enum status start_thread(struct agent *agent, struct error *error)
{
    sigset_t all;
    sigset_t before;
    int code = 0;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&agent->thread, NULL, run_agent, agent);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0) {
        return error_set(error, STATUS_SYSTEM, "start sql-agent: %s", strerror(code));
    }
    agent->is_running = true;
    (void)pthread_setname_np(agent->thread, "sql-agent");
    return STATUS_OK;
}

enum status sql_agents_start(struct sql_agents **made, struct error *error)
{
    struct sql_agents *agents = mem_zeroed(sizeof(*agents));

    (void)pthread_mutex_init(&agents->lock, NULL);
    (void)pthread_cond_init(&agents->changed, NULL);
    agents->last = &agents->first;
    for (size_t at = 0; at < AGENTS; at++) {
        struct agent *agent = &agents->items[at];

        agent->agents = agents;
        if (sql_engine_new(&agent->engine, error) != STATUS_OK ||
            start_thread(agent, error) != STATUS_OK) {
            sql_agents_stop(agents);
            return error->status;
        }
    }
    *made = agents;
    return STATUS_OK;
}

void sql_agents_post(struct sql_agents *agents, struct sql_task *task)
{
    (void)pthread_mutex_lock(&agents->lock);
    task->next = NULL;
    *agents->last = task;
    agents->last = &task->next;
    (void)pthread_cond_signal(&agents->changed);
    (void)pthread_mutex_unlock(&agents->lock);
}

void sql_agents_stop(struct sql_agents *agents)
{
    if (agents == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&agents->lock);
    agents->is_stopping = true;
    (void)pthread_cond_broadcast(&agents->changed);
    (void)pthread_mutex_unlock(&agents->lock);
    for (size_t at = 0; at < AGENTS; at++) {
        if (agents->items[at].is_running) {
            (void)pthread_join(agents->items[at].thread, NULL);
        }
        sql_engine_free(agents->items[at].engine);
    }
    (void)pthread_cond_destroy(&agents->changed);
    (void)pthread_mutex_destroy(&agents->lock);
    free(agents);
}
