/* SPDX-License-Identifier: Apache-2.0 */
/* What changes often and need not be durable at once: signs of life, reports, places. */
#include <stddef.h>

#include "applier_registry_internal.h"
#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "pin_table_internal.h"
#include "registry_job.h"
#include "registry_saver.h"

enum { SAVE_EVERY_USEC = 1000000, SAVE_AGAIN_USEC = 10 * 1000000 };

static struct registry *registry_of_asked(struct message *asked)
{
    return (struct registry *)((char *)asked - offsetof(struct registry, saver.asked));
}

static struct registry *registry_of_due(struct message *due)
{
    return (struct registry *)((char *)due - offsetof(struct registry, saver.due.message));
}

static enum status write_all(struct registry *registry,
                             struct applier_registry *const *appliers,
                             size_t count,
                             struct error *error)
{
    enum status status = database_begin(registry->database, error);

    if (status != STATUS_OK) {
        return status;
    }
    for (size_t at = 0; status == STATUS_OK && at < count; at++) {
        status = applier_registry_write(appliers[at], error);
    }
    if (status == STATUS_OK) {
        status = pin_table_write(registry->pins, error);
    }
    return database_end(registry->database, status, error);
}

static enum status save_all(struct registry *registry, struct error *error)
{
    autofree struct applier_registry **appliers = NULL;
    size_t count = registry_list_appliers(registry, &appliers);
    enum status status = STATUS_OK;
    size_t changed = pin_table_collect(registry->pins);

    for (size_t at = 0; at < count; at++) {
        changed += applier_registry_collect(appliers[at]);
    }
    if (changed > 0) {
        status = write_all(registry, appliers, count, error);
    }
    for (size_t at = 0; at < count; at++) {
        applier_registry_written(appliers[at], status == STATUS_OK);
    }
    pin_table_written(registry->pins, status == STATUS_OK);
    return status;
}

void registry_saver_save(struct registry *registry)
{
    struct registry_saver *saver = &registry->saver;
    struct error error;
    bool is_again = false;

    /* What changes from here on asks again. */
    pthread_mutex_lock(&registry->lock);
    saver->is_asked = false;
    pthread_mutex_unlock(&registry->lock);
    saver->last_usec = clock_monotonic_usec(registry->clock);
    if (save_all(registry, &error) == STATUS_OK) {
        return;
    }
    log_error("appliers' reports are not saved: %s", error.message);
    pthread_mutex_lock(&registry->lock);
    is_again = !saver->is_closing && !saver->is_asked;
    saver->is_asked = saver->is_asked || is_again;
    pthread_mutex_unlock(&registry->lock);
    if (is_again) {
        worker_run_later(registry->worker, &saver->due, SAVE_AGAIN_USEC);
    }
}

static enum status settle(void *registry, struct error *error)
{
    return save_all(registry, error);
}

enum status registry_settle(struct registry *registry, struct error *error)
{
    if (registry_job_run(registry->worker, settle, registry, error) != STATUS_OK) {
        return error_wrap(error, "save what appliers reported");
    }
    return STATUS_OK;
}

static void on_due(struct message *message)
{
    registry_saver_save(registry_of_due(message));
}

static void on_asked(struct message *message)
{
    struct registry *registry = registry_of_asked(message);
    struct registry_saver *saver = &registry->saver;
    uint64_t since_usec = clock_monotonic_usec(registry->clock) - saver->last_usec;

    if (saver->last_usec == 0 || since_usec >= SAVE_EVERY_USEC) {
        registry_saver_save(registry);
    } else {
        worker_run_later(registry->worker, &saver->due, SAVE_EVERY_USEC - since_usec);
    }
}

void registry_saver_prepare(struct registry *registry)
{
    registry->saver.asked.run = on_asked;
    registry->saver.due.message.run = on_due;
}

void registry_saver_close(struct registry *registry)
{
    pthread_mutex_lock(&registry->lock);
    registry->saver.is_closing = true;
    pthread_mutex_unlock(&registry->lock);
}

void registry_save_soon(struct registry *registry)
{
    bool is_first = false;

    pthread_mutex_lock(&registry->lock);
    is_first = !registry->saver.is_asked;
    registry->saver.is_asked = true;
    pthread_mutex_unlock(&registry->lock);
    if (is_first) {
        worker_post(registry->worker, &registry->saver.asked);
    }
}
