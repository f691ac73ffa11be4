/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The appliers of a cluster, behind a lock. What the store must be asked is
 * asked without it, of a copy, and what was found is checked again under it.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "applier_registry_internal.h"
#include "applier_rows.h"
#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"

enum { EVENT_TEXT_BYTES = 1024 };

struct applier_time applier_registry_now(const struct applier_registry *appliers)
{
    return (struct applier_time){
        .wall_usec = clock_wall_usec(appliers->registry->clock),
        .monotonic_usec = clock_monotonic_usec(appliers->registry->clock),
    };
}

struct applier_scope applier_registry_scope(const struct applier_registry *appliers)
{
    return (struct applier_scope){.cluster = appliers->cluster, .store = appliers->store};
}

void applier_registry_tell(struct applier_registry *appliers,
                           const char *event,
                           const char *format,
                           ...)
{
    char text[EVENT_TEXT_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    registry_add_event(appliers->registry, appliers->cluster, event, text);
}

/* ---- what happens ---- */

/* One of the things that happen to streams. */
typedef void (*applier_stream_fn)(struct applier *applier,
                                  struct binlog_position place,
                                  struct applier_time now);

static void note_stream(struct applier_registry *appliers,
                        uint32_t server_id,
                        struct binlog_position place,
                        applier_stream_fn note)
{
    struct applier_time now = applier_registry_now(appliers);
    struct applier *applier = NULL;

    pthread_mutex_lock(&appliers->lock);
    applier = applier_table_find(&appliers->table, server_id);
    if (applier != NULL) {
        note(applier, place, now);
    }
    pthread_mutex_unlock(&appliers->lock);
    if (applier != NULL) {
        registry_save_soon(appliers->registry);
    }
}

void applier_registry_stream_began(struct applier_registry *appliers,
                                   uint32_t server_id,
                                   struct binlog_position from)
{
    note_stream(appliers, server_id, from, applier_stream_began);
}

void applier_registry_stream_got(struct applier_registry *appliers,
                                 uint32_t server_id,
                                 struct binlog_position got)
{
    note_stream(appliers, server_id, got, applier_stream_got);
}

void applier_registry_stream_ended(struct applier_registry *appliers,
                                   uint32_t server_id,
                                   struct binlog_position got)
{
    note_stream(appliers, server_id, got, applier_stream_ended);
}

void applier_registry_seen(struct applier_registry *appliers, uint32_t server_id)
{
    struct applier_time now = applier_registry_now(appliers);
    struct applier *applier = NULL;

    pthread_mutex_lock(&appliers->lock);
    applier = applier_table_find(&appliers->table, server_id);
    if (applier != NULL) {
        applier_take_heartbeat(applier, now);
    }
    pthread_mutex_unlock(&appliers->lock);
    if (applier != NULL) {
        registry_save_soon(appliers->registry);
    }
}

/* ---- reports ---- */

/* Copies what a report is checked against. False: the applier is not known. */
static bool find_reported(struct applier_registry *appliers,
                          uint32_t server_id,
                          struct epoch_key *applied,
                          char **gtids)
{
    const struct applier *applier = NULL;

    pthread_mutex_lock(&appliers->lock);
    applier = applier_table_find(&appliers->table, server_id);
    if (applier != NULL && applied != NULL) {
        *applied = applier->facts.applied;
    }
    if (applier != NULL && gtids != NULL) {
        *gtids = mem_text(applier->facts.applied_gtids);
    }
    pthread_mutex_unlock(&appliers->lock);
    return applier != NULL;
}

static enum report_fault refuse_unknown(const struct applier_registry *appliers,
                                        uint32_t server_id,
                                        struct error *error)
{
    (void)error_set(error, STATUS_INVALID,
                    "cluster %s does not know applier %" PRIu32
                    ": add it, or let it register first",
                    appliers->cluster, server_id);
    return REPORT_UNKNOWN;
}

static enum report_fault check_epoch(struct applier_registry *appliers,
                                     uint32_t server_id,
                                     uint64_t epoch,
                                     struct epoch_key *key,
                                     struct error *error)
{
    struct applier_scope scope = applier_registry_scope(appliers);
    struct epoch_key before = {0};

    if (!find_reported(appliers, server_id, &before, NULL)) {
        return refuse_unknown(appliers, server_id, error);
    }
    return applier_check_epoch(&scope, server_id, before, epoch, key, error);
}

enum status applier_registry_check(struct applier_registry *appliers,
                                   uint32_t server_id,
                                   uint64_t epoch,
                                   struct error *error)
{
    struct epoch_key ignored;

    return check_epoch(appliers, server_id, epoch, &ignored, error) == REPORT_GOOD
               ? STATUS_OK
               : STATUS_INVALID;
}

void applier_registry_refuse(struct applier_registry *appliers,
                             uint32_t server_id,
                             enum report_way way,
                             enum report_fault fault,
                             const struct error *error)
{
    struct applier_time now = applier_registry_now(appliers);
    struct applier *applier = NULL;
    bool is_news = false;

    /* Before the store is open nothing can be checked, and the next report says it again. */
    if (binlog_store_durable_end(appliers->store).file == 0) {
        return;
    }
    pthread_mutex_lock(&appliers->lock);
    applier = applier_table_find(&appliers->table, server_id);
    is_news = applier != NULL && applier_note_refusal(applier, way, fault, now);
    pthread_mutex_unlock(&appliers->lock);
    if (is_news) {
        log_warning("%s (report by %s refused)", error->message, report_way_name(way));
        applier_registry_tell(appliers, "report.refused", "%s (by %s)", error->message,
                              report_way_name(way));
    }
}

/* Another report may have come in the meantime, or the applier may be gone. */
static enum report_fault take_epoch(struct applier_registry *appliers,
                                    uint32_t server_id,
                                    struct epoch_key key,
                                    enum report_way way,
                                    bool is_place,
                                    struct error *error)
{
    struct applier_time now = applier_registry_now(appliers);
    enum report_fault fault = REPORT_GOOD;
    struct applier *applier = NULL;

    pthread_mutex_lock(&appliers->lock);
    applier = applier_table_find(&appliers->table, server_id);
    if (applier == NULL) {
        fault = refuse_unknown(appliers, server_id, error);
    } else if (epoch_key_compare(key, applier->facts.applied) < 0) {
        fault = applier_refuse_below(appliers->cluster, server_id, key.epoch,
                                     applier->facts.applied.epoch, error);
    } else {
        applier_take_epoch(applier, key, way, is_place, now);
    }
    pthread_mutex_unlock(&appliers->lock);
    return fault;
}

static enum status conclude(struct applier_registry *appliers,
                            uint32_t server_id,
                            enum report_way way,
                            enum report_fault fault,
                            struct epoch_key key,
                            const struct error *error)
{
    if (fault != REPORT_GOOD) {
        applier_registry_refuse(appliers, server_id, way, fault, error);
        return STATUS_INVALID;
    }
    registry_save_soon(appliers->registry);
    if (appliers->reported != NULL) {
        appliers->reported(appliers->reported_context, server_id, key);
    }
    return STATUS_OK;
}

enum status applier_registry_report(struct applier_registry *appliers,
                                    uint32_t server_id,
                                    uint64_t epoch,
                                    enum report_way way,
                                    struct error *error)
{
    struct epoch_key key = {0};
    enum report_fault fault = check_epoch(appliers, server_id, epoch, &key, error);
    struct binlog_position ignored;

    if (fault == REPORT_GOOD) {
        bool is_place = applier_place_of_epoch(appliers->store, key, &ignored);

        fault = take_epoch(appliers, server_id, key, way, is_place, error);
    }
    return conclude(appliers, server_id, way, fault, key, error);
}

/* Takes the text, unless another report came since `before` was copied. */
static bool take_gtids(struct applier_registry *appliers,
                       uint32_t server_id,
                       const char *before,
                       char *gtids,
                       enum report_way way)
{
    struct applier_time now = applier_registry_now(appliers);
    struct binlog_position ignored;
    bool is_place = applier_place_of_gtids(appliers->store, gtids, &ignored);
    struct applier *applier = NULL;
    bool is_taken = false;

    pthread_mutex_lock(&appliers->lock);
    applier = applier_table_find(&appliers->table, server_id);
    if (applier != NULL) {
        const char *then = applier->facts.applied_gtids;

        is_taken = then == NULL || before == NULL ? then == before : strcmp(then, before) == 0;
    }
    if (is_taken) {
        applier_take_gtids(applier, gtids, way, is_place, now);
    }
    pthread_mutex_unlock(&appliers->lock);
    return is_taken;
}

enum status applier_registry_report_gtids(struct applier_registry *appliers,
                                          uint32_t server_id,
                                          struct bytes executed,
                                          enum report_way way,
                                          struct error *error)
{
    struct applier_scope scope = applier_registry_scope(appliers);
    enum report_fault fault = REPORT_GOOD;
    bool is_taken = false;

    while (!is_taken && fault == REPORT_GOOD) {
        autofree char *before = NULL;
        char *gtids = NULL;

        fault = find_reported(appliers, server_id, NULL, &before)
                    ? applier_check_gtids(&scope, server_id, before, executed, &gtids, error)
                    : refuse_unknown(appliers, server_id, error);
        is_taken = fault == REPORT_GOOD && take_gtids(appliers, server_id, before, gtids, way);
        if (!is_taken) {
            free(gtids);
        }
    }
    return conclude(appliers, server_id, way, fault, (struct epoch_key){0}, error);
}

void applier_registry_on_report(struct applier_registry *appliers,
                                applier_reported_fn fn,
                                void *context)
{
    appliers->reported = fn;
    appliers->reported_context = context;
}

void applier_registry_on_set_epoch(struct applier_registry *appliers,
                                   applier_set_epoch_fn fn,
                                   void *context)
{
    appliers->setting_epoch = fn;
    appliers->setting_epoch_context = context;
}

/* ---- saving ---- */

size_t applier_registry_collect(struct applier_registry *appliers)
{
    pthread_mutex_lock(&appliers->lock);
    appliers->saving = mem_raw((appliers->table.count + 1) * sizeof(*appliers->saving));
    appliers->saving_count = 0;
    for (size_t at = 0; at < appliers->table.count; at++) {
        struct applier *applier = &appliers->table.appliers[at];

        if (applier->is_changed) {
            applier->is_changed = false;
            appliers->saving[appliers->saving_count++] = applier_copy(applier);
        }
    }
    pthread_mutex_unlock(&appliers->lock);
    return appliers->saving_count;
}

enum status applier_registry_write(struct applier_registry *appliers, struct error *error)
{
    enum status status = STATUS_OK;

    for (size_t at = 0; status == STATUS_OK && at < appliers->saving_count; at++) {
        status = applier_rows_put(appliers->registry->database, appliers->cluster,
                                  &appliers->saving[at], error);
    }
    return status;
}

void applier_registry_written(struct applier_registry *appliers, bool is_saved)
{
    pthread_mutex_lock(&appliers->lock);
    for (size_t at = 0; !is_saved && at < appliers->saving_count; at++) {
        struct applier *applier =
            applier_table_find(&appliers->table, appliers->saving[at].facts.server_id);

        if (applier != NULL) {
            applier->is_changed = true;
        }
    }
    pthread_mutex_unlock(&appliers->lock);
    applier_copies_free(appliers->saving, appliers->saving_count);
    appliers->saving = NULL;
    appliers->saving_count = 0;
}

/* ---- life ---- */

enum status applier_registry_open(struct applier_registry **made,
                                  struct registry *registry,
                                  const struct registry_applied *cluster,
                                  struct error *error)
{
    struct applier_registry *appliers = mem_zeroed(sizeof(*appliers));
    struct applier_time now;
    enum status status = STATUS_OK;

    (void)pthread_mutex_init(&appliers->lock, NULL); /* cannot fail for a default mutex */
    appliers->registry = registry;
    appliers->cluster = mem_text(cluster->name);
    appliers->server_id = cluster->server_id;
    appliers->store = cluster->store;
    appliers->board = cluster->board;
    appliers->shares_groups = cluster->shares_groups;
    status = applier_rows_load(registry->database, appliers->cluster, &appliers->table, error);
    if (status != STATUS_OK) {
        applier_registry_close(appliers);
        return status;
    }
    now = applier_registry_now(appliers);
    for (size_t at = 0; at < appliers->table.count; at++) {
        appliers->table.appliers[at].sign_usec = now.monotonic_usec;
    }
    *made = appliers;
    return STATUS_OK;
}

void applier_registry_close(struct applier_registry *appliers)
{
    if (appliers == NULL) {
        return;
    }
    applier_table_release(&appliers->table);
    applier_copies_free(appliers->saving, appliers->saving_count);
    (void)pthread_mutex_destroy(&appliers->lock);
    free(appliers->cluster);
    free(appliers);
}
