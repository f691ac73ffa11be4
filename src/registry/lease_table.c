/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A desk on the registry's thread: whatever concerns leases is posted there, so
 * a decision and its write are one step that nothing can come between.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applier_registry_internal.h"
#include "binrelay/base/memory.h"
#include "lease_desk.h"
#include "lease_place.h"
#include "lease_rows.h"
#include "lease_table_internal.h"
#include "registry_job.h"

enum {
    TICKS_IN_TTL = 10,
    TICK_LEAST_USEC = 50 * 1000,
    TICK_MOST_USEC = 1000 * 1000,
};

/* An applier that belongs to a group, whatever the registry says of it. */
struct bound_applier {
    uint32_t server_id;
    char group[APPLIER_GROUP_BYTES];
};

struct lease_table {
    struct lease_table *next;     /* owned by the registry */
    struct registry *registry;    /* borrowed */
    struct lease_options options; /* the name is owned */
    struct lease_desk *desk;      /* owned; the worker's, as the next */
    struct timed_message tick;
    struct message look;
    _Atomic uint64_t ttl_usec;
    _Atomic bool is_stopping;
    pthread_mutex_t lock;        /* of what follows */
    struct bound_applier *bound; /* owned */
    size_t bound_count;
    size_t bound_capacity;
};

struct lease_ticket {
    struct message joining;
    struct message leaving;
    struct lease_table *table; /* borrowed */
    struct lease_request request;
    char group[APPLIER_GROUP_BYTES];
    uint64_t session; /* the worker's */
    struct binlog_position sent;
    pthread_mutex_t lock; /* of the next, and of calls of the answer function */
    bool has_left;
};

/* ---- the world of the desk: the worker's thread ---- */

static struct epoch_key applied_of(void *context, const char *group)
{
    const struct lease_table *table = context;

    return applier_registry_group_applied(table->options.appliers, group);
}

static void locate(void *context, struct lease_view *view)
{
    const struct lease_table *table = context;

    lease_place_locate(table->options.store, view);
}

static uint64_t life_of(void *context, uint32_t server_id)
{
    const struct lease_table *table = context;
    struct heartbeat_row row;
    struct error ignored;

    if (heartbeat_table_find(registry_heartbeats(table->registry), server_id, &row, &ignored) !=
        STATUS_OK) {
        return 0;
    }
    return row.updated_usec;
}

static enum status save(void *context, const struct lease_write *write, struct error *error)
{
    const struct lease_table *table = context;

    return lease_rows_save(table->registry->database, table->options.cluster, write, error);
}

static void tell(void *context, const char *event, const char *text)
{
    const struct lease_table *table = context;

    registry_add_event(table->registry, table->options.cluster, event, text);
}

static const char *log_name(void *context)
{
    const struct lease_table *table = context;

    return binlog_store_log_name(table->options.store);
}

/* ---- who is bound ---- */

static void add_bound(void *context, uint32_t server_id, const char *group)
{
    struct lease_table *table = context;

    if (table->bound_count == table->bound_capacity) {
        table->bound = mem_grow(table->bound, &table->bound_capacity, sizeof(*table->bound));
    }
    struct bound_applier *bound = &table->bound[table->bound_count++];

    bound->server_id = server_id;
    (void)snprintf(bound->group, sizeof(bound->group), "%s", group);
}

static void note_bound(struct lease_table *table)
{
    pthread_mutex_lock(&table->lock);
    table->bound_count = 0;
    lease_desk_each_bound(table->desk, add_bound, table);
    pthread_mutex_unlock(&table->lock);
}

bool lease_table_group_of(struct lease_table *table,
                          uint32_t server_id,
                          char group[APPLIER_GROUP_BYTES])
{
    struct applier_facts *facts = NULL;
    struct error ignored;

    group[0] = '\0';
    if (applier_registry_find(table->options.appliers, server_id, &facts, &ignored) ==
        STATUS_OK) {
        (void)snprintf(group, APPLIER_GROUP_BYTES, "%s", facts->group);
        applier_facts_free(facts, 1);
    }
    pthread_mutex_lock(&table->lock);
    for (size_t at = 0; at < table->bound_count && group[0] == '\0'; at++) {
        if (table->bound[at].server_id == server_id) {
            (void)snprintf(group, APPLIER_GROUP_BYTES, "%s", table->bound[at].group);
        }
    }
    pthread_mutex_unlock(&table->lock);
    return group[0] != '\0';
}

/* ---- members ---- */

/* On the worker: to the session, if it is still there. */
static void pass_on(void *context, const struct lease_answer *answer)
{
    struct lease_ticket *ticket = context;

    pthread_mutex_lock(&ticket->lock);
    if (!ticket->has_left) {
        ticket->request.answer(ticket->request.context, answer);
    }
    pthread_mutex_unlock(&ticket->lock);
}

static void on_join(struct message *message)
{
    struct lease_ticket *ticket =
        (struct lease_ticket *)((char *)message - offsetof(struct lease_ticket, joining));
    struct lease_request request = ticket->request;

    request.answer = pass_on;
    request.context = ticket;
    ticket->session = lease_desk_join(ticket->table->desk, &request);
    note_bound(ticket->table);
}

struct lease_ticket *lease_table_join(struct lease_table *table,
                                      const struct lease_request *request)
{
    struct lease_ticket *ticket = mem_zeroed(sizeof(*ticket));

    ticket->joining.run = on_join;
    ticket->table = table;
    ticket->request = *request;
    (void)snprintf(ticket->group, sizeof(ticket->group), "%s", request->group);
    ticket->request.group = ticket->group;
    (void)pthread_mutex_init(&ticket->lock, NULL); /* cannot fail for a default mutex */
    worker_post(table->registry->worker, &ticket->joining);
    return ticket;
}

static void on_leave(struct message *message)
{
    struct lease_ticket *ticket =
        (struct lease_ticket *)((char *)message - offsetof(struct lease_ticket, leaving));

    lease_desk_leave(ticket->table->desk, ticket->session, ticket->sent);
    note_bound(ticket->table);
    (void)pthread_mutex_destroy(&ticket->lock);
    free(ticket);
}

void lease_table_leave(struct lease_ticket *ticket, struct binlog_position sent)
{
    pthread_mutex_lock(&ticket->lock);
    ticket->has_left = true;
    pthread_mutex_unlock(&ticket->lock);
    ticket->sent = sent;
    ticket->leaving.run = on_leave;
    worker_post(ticket->table->registry->worker, &ticket->leaving);
}

/* ---- reports ---- */

struct report {
    struct message message;
    struct lease_table *table; /* borrowed */
    uint32_t server_id;
};

/* What is read somewhere may have been written long ago; what is sent was sent now. */
static bool is_own_way(enum report_way way)
{
    return way == REPORT_ENDPOINT || way == REPORT_STREAM || way == REPORT_ADMIN;
}

static void take_report(const struct report *report)
{
    struct lease_table *table = report->table;
    struct applier_facts *facts = NULL;
    struct error ignored;
    char group[APPLIER_GROUP_BYTES];

    if (!lease_table_group_of(table, report->server_id, group) ||
        applier_registry_find(table->options.appliers, report->server_id, &facts, &ignored) !=
            STATUS_OK) {
        return;
    }
    /* As it stands now: this may have been overtaken, by another report or by hand. */
    lease_desk_report(table->desk, group, report->server_id, facts->applied,
                      is_own_way(facts->way));
    note_bound(table);
    applier_facts_free(facts, 1);
}

static void on_report(struct message *message)
{
    struct report *report = (struct report *)message;

    take_report(report);
    free(report);
}

static void reported(void *context, uint32_t server_id, struct epoch_key applied)
{
    (void)applied; /* it may be overtaken on its way */
    struct lease_table *table = context;
    struct report *report = mem_zeroed(sizeof(*report));

    *report = (struct report){{.run = on_report}, table, server_id};
    worker_post(table->registry->worker, &report->message);
}

/* On the worker. */
static enum status set_epoch(void *context,
                             const char *group,
                             struct epoch_key applied,
                             struct error *error)
{
    const struct lease_table *table = context;

    return lease_desk_set_epoch(table->desk, group, applied, error);
}

static void know_groups(struct lease_table *table)
{
    struct applier_facts *facts = NULL;
    size_t count = applier_registry_list(table->options.appliers, &facts);

    for (size_t at = 0; at < count; at++) {
        if (facts[at].group[0] != '\0') {
            lease_desk_know(table->desk, facts[at].group);
        }
    }
    applier_facts_free(facts, count);
}

/* ---- time ---- */

static uint64_t tick_of(uint64_t ttl_usec)
{
    uint64_t tick = ttl_usec / TICKS_IN_TTL;

    if (tick < TICK_LEAST_USEC) {
        return TICK_LEAST_USEC;
    }
    return tick > TICK_MOST_USEC ? TICK_MOST_USEC : tick;
}

static void on_look(struct message *message)
{
    struct lease_table *table =
        (struct lease_table *)((char *)message - offsetof(struct lease_table, look));
    uint64_t ttl_usec = atomic_load(&table->ttl_usec);

    if (atomic_load(&table->is_stopping)) {
        return;
    }
    lease_desk_set_ttl(table->desk, ttl_usec);
    know_groups(table);
    lease_desk_tick(table->desk);
    note_bound(table);
    worker_run_later(table->registry->worker, &table->tick, tick_of(ttl_usec));
}

/* Behind all that is posted by now: a disk may have held up what renews a lease. */
static void on_tick(struct message *message)
{
    struct lease_table *table =
        (struct lease_table *)((char *)message - offsetof(struct lease_table, tick));

    if (!atomic_load(&table->is_stopping)) {
        worker_post(table->registry->worker, &table->look);
    }
}

void lease_table_set_ttl(struct lease_table *table, uint64_t ttl_usec)
{
    atomic_store(&table->ttl_usec, ttl_usec);
}

/* ---- by hand ---- */

struct order {
    struct lease_table *table;
    const char *group;
    uint32_t server_id;
    struct lease_facts *facts;
    size_t count;
    enum status (*run)(struct lease_desk *desk,
                       const char *group,
                       uint32_t server_id,
                       struct error *error);
};

static enum status run_order(void *context, struct error *error)
{
    const struct order *order = context;
    enum status status = order->run(order->table->desk, order->group, order->server_id, error);

    note_bound(order->table);
    return status;
}

static enum status run_list(void *context, struct error *error)
{
    struct order *order = context;

    (void)error;
    order->count = lease_desk_list(order->table->desk, &order->facts);
    return STATUS_OK;
}

enum status lease_table_list(struct lease_table *table,
                             struct lease_facts **facts,
                             size_t *count,
                             struct error *error)
{
    struct order order = {.table = table};
    enum status status = registry_job_run(table->registry->worker, run_list, &order, error);

    *facts = order.facts;
    *count = order.count;
    return status;
}

enum status lease_table_grant(struct lease_table *table,
                              const char *group,
                              uint32_t server_id,
                              struct error *error)
{
    struct order order = {table, group, server_id, .run = lease_desk_grant};

    return registry_job_run(table->registry->worker, run_order, &order, error);
}

enum status lease_table_release(struct lease_table *table,
                                const char *group,
                                uint32_t server_id,
                                struct error *error)
{
    struct order order = {table, group, server_id, .run = lease_desk_release};

    return registry_job_run(table->registry->worker, run_order, &order, error);
}

enum status lease_table_fence(struct lease_table *table,
                              const char *group,
                              uint32_t server_id,
                              uint64_t epoch,
                              struct error *error)
{
    struct order order = {table, group, server_id, .run = lease_desk_fence};
    char own_group[APPLIER_GROUP_BYTES];

    if (!lease_table_group_of(table, server_id, own_group) || strcmp(own_group, group) != 0) {
        return error_set(error, STATUS_NOT_FOUND, "applier %u is no member of group %s",
                         server_id, group);
    }
    /* First: the fence is saved with what the group has applied, and the next one starts there.
     */
    if (epoch != 0 && applier_registry_report(table->options.appliers, server_id, epoch,
                                              REPORT_ADMIN, error) != STATUS_OK) {
        return error->status;
    }
    return registry_job_run(table->registry->worker, run_order, &order, error);
}

/* ---- life ---- */

/* On the worker, which owns the database. */
static enum status load(void *context, struct error *error)
{
    struct lease_table *table = context;
    enum status status =
        lease_rows_load(table->registry->database, table->options.cluster, table->desk, error);

    if (status == STATUS_OK) {
        know_groups(table);
        note_bound(table);
    }
    return status;
}

static void close_table(struct lease_table *table)
{
    lease_desk_free(table->desk);
    (void)pthread_mutex_destroy(&table->lock);
    free(table->bound);
    free((char *)table->options.cluster);
    free(table);
}

enum status registry_open_leases(struct registry *registry,
                                 const struct lease_options *options,
                                 struct lease_table **made,
                                 struct error *error)
{
    struct lease_table *table = mem_zeroed(sizeof(*table));
    struct lease_world world = {.clock = registry->clock,
                                .applied = applied_of,
                                .locate = locate,
                                .life = life_of,
                                .save = save,
                                .tell = tell,
                                .log_name = log_name,
                                .context = table};

    table->registry = registry;
    table->options = *options;
    table->options.cluster = mem_text(options->cluster);
    atomic_store(&table->ttl_usec, options->ttl_usec);
    (void)pthread_mutex_init(&table->lock, NULL); /* cannot fail for a default mutex */
    table->desk = lease_desk_new(&world, options->ttl_usec);
    if (registry_job_run(registry->worker, load, table, error) != STATUS_OK) {
        close_table(table);
        return error->status;
    }
    table->next = registry->leases;
    registry->leases = table;
    applier_registry_on_report(options->appliers, reported, table);
    applier_registry_on_set_epoch(options->appliers, set_epoch, table);
    table->tick.message.run = on_tick;
    table->look.run = on_look;
    worker_post(registry->worker, &table->look);
    *made = table;
    return STATUS_OK;
}

void lease_tables_stop(struct lease_table *first)
{
    for (struct lease_table *table = first; table != NULL; table = table->next) {
        atomic_store(&table->is_stopping, true);
    }
}

void lease_tables_close(struct lease_table *first)
{
    while (first != NULL) {
        struct lease_table *next = first->next;

        close_table(first);
        first = next;
    }
}
