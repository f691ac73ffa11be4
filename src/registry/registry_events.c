/* SPDX-License-Identifier: Apache-2.0 */
/* The numbered events. */
#include <sqlite3.h>
#include <stdio.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "registry_internal.h"
#include "registry_job.h"

enum {
    EVENTS_KEPT = 100000, /* older ones go: whoever causes events must not fill the disk */
    EVENTS_WAITING_MOST = 2 * APPLIER_MOST, /* ... nor memory, faster than they are written */
};

struct event_write {
    struct message message;
    struct registry *registry;
    uint64_t at_usec;
    char *cluster; /* owned, as both below */
    char *event;
    char *text;
};

static enum status forget_old_events(struct sqlite3 *database, struct error *error)
{
    static const char sql[] = "DELETE FROM event WHERE id <= last_insert_rowid() - ?1";
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, &statement, sql, error);

    if (status != STATUS_OK) {
        return status;
    }
    (void)sqlite3_bind_int64(statement, 1, EVENTS_KEPT); /* fails only for want of memory */
    return database_finish(database, statement, error);
}

/* False: too many wait already. */
static bool begin_waiting(struct registry *registry)
{
    bool has_room = false;

    pthread_mutex_lock(&registry->lock);
    has_room = registry->events_waiting < EVENTS_WAITING_MOST;
    registry->events_waiting += has_room ? 1 : 0;
    pthread_mutex_unlock(&registry->lock);
    return has_room;
}

static void end_waiting(struct registry *registry)
{
    pthread_mutex_lock(&registry->lock);
    registry->events_waiting--;
    pthread_mutex_unlock(&registry->lock);
}

static void on_event_write(struct message *message)
{
    static const char sql[] =
        "INSERT INTO event (at_usec, cluster, event, message) VALUES (?1,?2,?3,?4)";
    struct event_write *write = (struct event_write *)message;
    struct sqlite3 *database = write->registry->database;
    struct sqlite3_stmt *statement = NULL;
    struct error error;
    enum status status = database_prepare(database, &statement, sql, &error);

    if (status == STATUS_OK) {
        /* Binding fails only for want of memory, and then the step says so. */
        (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)write->at_usec);
        (void)sqlite3_bind_text(statement, 2, write->cluster, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(statement, 3, write->event, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(statement, 4, write->text, -1, SQLITE_STATIC);
        status = database_finish(database, statement, &error);
    }
    if (status == STATUS_OK) {
        status = forget_old_events(database, &error);
    }
    if (status != STATUS_OK) {
        log_error("event %s is not saved: %s", write->event, error.message);
    }
    end_waiting(write->registry);
    free(write->cluster);
    free(write->event);
    free(write->text);
    free(write);
}

void registry_add_event(struct registry *registry,
                        const char *cluster,
                        const char *event,
                        const char *text)
{
    struct event_write *write = NULL;

    if (!begin_waiting(registry)) {
        log_debug("cluster %s: %s: %s (not kept: too many events wait)", cluster, event, text);
        return;
    }
    write = mem_zeroed(sizeof(*write));
    write->message.run = on_event_write;
    write->registry = registry;
    write->at_usec = clock_wall_usec(registry->clock);
    write->cluster = mem_text(cluster);
    write->event = mem_text(event);
    write->text = mem_text(text);
    worker_post(registry->worker, &write->message);
}

/* ---- reading ---- */

struct event_list {
    struct registry *registry;
    uint64_t after_id;
    uint64_t since_usec;
    size_t most;
    struct registry_event *events; /* owned */
    size_t count;
};

/* Copies a text column, cut to the size of its field. */
static void copy_text(char *field, size_t size, struct sqlite3_stmt *statement, int column)
{
    (void)snprintf(field, size, "%s", database_text(statement, column));
}

static void read_event(struct sqlite3_stmt *statement, struct registry_event *event)
{
    event->id = database_number(statement, 0);
    event->at_usec = database_number(statement, 1);
    copy_text(event->cluster, sizeof(event->cluster), statement, 2);
    copy_text(event->event, sizeof(event->event), statement, 3);
    copy_text(event->message, sizeof(event->message), statement, 4);
}

/* SQLite compares with a sign: what is above it is never reached. */
static uint64_t signed_most(uint64_t number)
{
    return number > INT64_MAX ? INT64_MAX : number;
}

static enum status list_events(void *context, struct error *error)
{
    static const char sql[] = "SELECT id, at_usec, cluster, event, message FROM event"
                              " WHERE id > ?1 AND at_usec >= ?2 ORDER BY id LIMIT ?3";
    struct event_list *list = context;
    struct sqlite3 *database = list->registry->database;
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, &statement, sql, error);
    size_t capacity = 0;

    if (status == STATUS_OK) {
        database_bind_number(statement, 1, signed_most(list->after_id));
        database_bind_number(statement, 2, signed_most(list->since_usec));
        database_bind_number(statement, 3, list->most < EVENTS_KEPT ? list->most : EVENTS_KEPT);
    }
    while (status == STATUS_OK) {
        status = database_step(database, statement, error);
        if (status != STATUS_OK) {
            break;
        }
        if (list->count == capacity) {
            list->events = mem_grow(list->events, &capacity, sizeof(*list->events));
        }
        read_event(statement, &list->events[list->count++]);
    }
    (void)sqlite3_finalize(statement); /* says again what the step said; NULL is fine */
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status registry_list_events(struct registry *registry,
                                 uint64_t after_id,
                                 uint64_t since_usec,
                                 size_t most,
                                 struct registry_event **events,
                                 size_t *count,
                                 struct error *error)
{
    struct event_list list = {
        .registry = registry, .after_id = after_id, .since_usec = since_usec, .most = most};
    enum status status = registry_job_run(registry->worker, list_events, &list, error);

    if (status != STATUS_OK) {
        free(list.events);
        return status;
    }
    *events = list.events;
    *count = list.count;
    return STATUS_OK;
}
