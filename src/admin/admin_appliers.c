/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about appliers: who applies a cluster's log, and how far each one is. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admin_internal.h"
#include "binrelay/base/quantity.h"
#include "binrelay/registry/catch_up.h"

/* ---- rows ---- */

/* Seconds with one decimal, or null. */
static json_t *seconds_or_null(bool is_known, double seconds)
{
    return is_known ? json_real((double)(int64_t)(seconds * 10) / 10) : json_null();
}

static json_t *age_of(const struct admin *admin, uint64_t at_usec)
{
    uint64_t now = clock_wall_usec(admin->options.clock);

    return seconds_or_null(at_usec != 0, now > at_usec ? (double)(now - at_usec) / 1e6 : 0);
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static json_t *duration_or_null(uint64_t usec)
{
    char text[QUANTITY_TEXT_BYTES];

    if (usec == 0) {
        return json_null();
    }
    duration_print(text, usec);
    return json_string(text);
}

/* What one applier holds; NULL: nothing, or its group does. */
static const struct log_hold *hold_of(const struct log_hold *holds, size_t count, uint32_t id)
{
    for (size_t at = 0; at < count; at++) {
        if (holds[at].server_id == id) {
            return &holds[at];
        }
    }
    return NULL;
}

static json_t *held_place(const struct binlog_store *store, const struct log_hold *hold)
{
    if (hold == NULL) {
        return json_null();
    }
    return hold->from.file == 0 ? json_string("everything") : admin_position(store, hold->from);
}

/* What is lasting about it, and how it is. */
static json_t *facts_row(const struct admin_cluster *cluster,
                         const struct applier_facts *applier)
{
    return json_pack("{s:s,s:I,s:s,s:s,s:b,s:s,s:o,s:o,s:o,s:b,s:I,s:o,s:o,s:o}", "cluster",
                     cluster->name, "server_id", (json_int_t)applier->server_id, "group",
                     applier->group, "state", applier_state_name(applier->state), "required",
                     (int)applier->is_required, "origin", applier_origin_name(applier->origin),
                     "expire_after", duration_or_null(applier->expire_after_usec),
                     "applied_epoch", admin_epoch(applier->applied.epoch), "applied_gtids",
                     text_or_null(applier->applied_gtids), "lost", (int)applier->is_lost,
                     "streams", (json_int_t)applier->streams, "sent",
                     applier->sent.file == 0 ? json_null()
                                             : admin_position(cluster->store, applier->sent),
                     "sent_epoch", admin_epoch(applier->sent_epoch.epoch), "seen_at",
                     admin_time(applier->seen_usec));
}

/* A new reference, or NULL for what is no UTF-8. */
static json_t *row_of(const struct admin *admin,
                      const struct admin_cluster *cluster,
                      const struct applier_facts *applier,
                      const struct log_hold *hold)
{
    json_t *row = facts_row(cluster, applier);
    struct applier_facts member = catch_up_member(cluster->appliers, applier);
    double lag = 0;
    bool has_lag =
        catch_up_lag(cluster->store, &member, clock_wall_usec(admin->options.clock), &lag);
    json_t *more = json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o}", "lag_seconds", seconds_or_null(has_lag, lag),
        "reported_at", admin_time(applier->reported_usec), "report_age_seconds",
        age_of(admin, applier->reported_usec), "report_way",
        applier->reported_usec == 0 ? json_null() : json_string(report_way_name(applier->way)),
        "holds", held_place(cluster->store, hold), "holds_why",
        text_or_null(hold == NULL ? NULL : hold->why));

    (void)json_object_update(row, more); /* fails only for want of memory, or without a row */
    json_decref(more);
    return row;
}

static void add_rows(json_t *rows,
                     const struct admin *admin,
                     const struct admin_cluster *cluster)
{
    struct applier_facts *appliers = NULL;
    struct log_hold *holds = NULL;

    if (cluster->appliers == NULL) {
        return;
    }
    size_t count = applier_registry_list(cluster->appliers, &appliers);
    size_t hold_count = applier_registry_holds(cluster->appliers, &holds);

    for (size_t at = 0; at < count; at++) {
        const struct log_hold *hold = hold_of(holds, hold_count, appliers[at].server_id);

        (void)json_array_append_new(rows, row_of(admin, cluster, &appliers[at], hold));
    }
    free(holds);
    applier_facts_free(appliers, count);
}

static void add_catch_up(json_t *row,
                         const struct admin_cluster *cluster,
                         const struct applier_facts *applier)
{
    struct applier_facts member = catch_up_member(cluster->appliers, applier);
    struct catch_up outcome = catch_up_of(cluster->store, &member);
    json_t *more = json_pack(
        "{s:b,s:o,s:o,s:o}", "can_catch_up", (int)outcome.is_possible, "position",
        outcome.is_possible ? admin_position(cluster->store, outcome.from) : json_null(),
        "reason", outcome.is_possible ? json_null() : json_string(outcome.reason),
        "oldest_epoch", admin_epoch(outcome.oldest_epoch));

    (void)json_object_update(row, more); /* fails only for want of memory, or without a row */
    json_decref(more);
}

/* ---- reading ---- */

enum status command_applier_list(struct admin *admin,
                                 const json_t *arguments,
                                 json_t **result,
                                 struct error *error)
{
    return admin_list(admin, arguments, add_rows, result, error);
}

/* The row of one applier with all that is known. STATUS_NOT_FOUND: the cluster has none such.
 */
static enum status show(const struct admin *admin,
                        const struct admin_cluster *cluster,
                        uint32_t id,
                        json_t **row,
                        struct error *error)
{
    struct applier_facts *applier = NULL;
    struct log_hold *holds = NULL;
    size_t hold_count = 0;
    enum status status = applier_registry_find(cluster->appliers, id, &applier, error);

    if (status != STATUS_OK) {
        return status;
    }
    hold_count = applier_registry_holds(cluster->appliers, &holds);
    *row = row_of(admin, cluster, applier, hold_of(holds, hold_count, id));
    add_catch_up(*row, cluster, applier);
    free(holds);
    applier_facts_free(applier, 1);
    return *row != NULL
               ? STATUS_OK
               : error_set(error, STATUS_INVALID, "applier %" PRIu32 ": not UTF-8", id);
}

enum status command_applier_show(struct admin *admin,
                                 const json_t *arguments,
                                 json_t **result,
                                 struct error *error)
{
    uint32_t id = 0;
    json_t *rows = NULL;
    enum status status = admin_argument_server_id(arguments, &id, error);

    if (status != STATUS_OK) {
        return status;
    }
    rows = json_array();
    for (size_t at = 0; at < admin->options.cluster_count; at++) {
        json_t *row = NULL;

        if (admin->clusters[at].appliers != NULL &&
            show(admin, &admin->clusters[at], id, &row, error) == STATUS_OK) {
            (void)json_array_append_new(rows, row);
        }
    }
    if (json_array_size(rows) == 0) {
        json_decref(rows);
        return error_set(error, STATUS_NOT_FOUND,
                         "no cluster has an applier %" PRIu32 "; applier list names them", id);
    }
    *result = rows;
    return STATUS_OK;
}

/* The cluster and the applier's id that the arguments name. */
static enum status named_applier(const struct admin *admin,
                                 const json_t *arguments,
                                 const struct admin_cluster **cluster,
                                 uint32_t *id,
                                 struct error *error)
{
    enum status status = admin_named_cluster(admin, arguments, cluster, error);

    if (status == STATUS_OK && (*cluster)->appliers == NULL) {
        status =
            error_set(error, STATUS_INVALID, "cluster %s keeps no appliers", (*cluster)->name);
    }
    return status == STATUS_OK ? admin_argument_server_id(arguments, id, error) : status;
}

enum status command_applier_check(struct admin *admin,
                                  const json_t *arguments,
                                  json_t **result,
                                  struct error *error)
{
    const struct admin_cluster *cluster = NULL;
    struct applier_facts *applier = NULL;
    uint32_t id = 0;
    enum status status = named_applier(admin, arguments, &cluster, &id, error);

    if (status == STATUS_OK) {
        status = applier_registry_find(cluster->appliers, id, &applier, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    *result = json_pack("{s:s,s:I,s:o,s:o}", "cluster", cluster->name, "server_id",
                        (json_int_t)id, "applied_epoch", admin_epoch(applier->applied.epoch),
                        "applied_gtids", text_or_null(applier->applied_gtids));
    add_catch_up(*result, cluster, applier);
    applier_facts_free(applier, 1);
    return STATUS_OK;
}

/* ---- changing ---- */

/* Ends a command that changed an applier: what it holds is looked at anew. */
static enum status show_changed(const struct admin *admin,
                                const struct admin_cluster *cluster,
                                uint32_t id,
                                json_t **result,
                                struct error *error)
{
    if (cluster->purger != NULL) {
        purger_poke(cluster->purger);
    }
    return show(admin, cluster, id, result, error);
}

/* What is not said stays as it is: to leave out --required does not end a hold. But one that
 * registered itself was given its time, and what an administrator names has none. */
static enum status read_setting(const json_t *arguments,
                                const struct applier_facts *before,
                                struct applier_setting *setting,
                                struct error *error)
{
    const json_t *required = json_object_get(arguments, "required");
    enum status status = STATUS_OK;

    if (before != NULL) {
        setting->group = before->group;
        setting->is_required = before->is_required;
        setting->expire_after_usec =
            before->origin == APPLIER_REGISTERED ? 0 : before->expire_after_usec;
    }
    if (required != NULL) {
        setting->is_required = json_is_true(required);
    }
    status = admin_argument_name(arguments, "group", &setting->group, error);
    if (status == STATUS_OK) {
        status = admin_argument_duration(arguments, "expire_after", &setting->expire_after_usec,
                                         error);
    }
    return status;
}

enum status command_applier_add(struct admin *admin,
                                const json_t *arguments,
                                json_t **result,
                                struct error *error)
{
    const struct admin_cluster *cluster = NULL;
    struct applier_facts *before = NULL;
    struct applier_setting setting = {0};
    enum status status = named_applier(admin, arguments, &cluster, &setting.server_id, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (applier_registry_find(cluster->appliers, setting.server_id, &before, error) !=
        STATUS_OK) {
        before = NULL; /* a new one */
    }
    status = read_setting(arguments, before, &setting, error);
    if (status == STATUS_OK) {
        status = applier_registry_add(cluster->appliers, &setting, error);
    }
    applier_facts_free(before, before == NULL ? 0 : 1);
    if (status != STATUS_OK) {
        return status;
    }
    return show_changed(admin, cluster, setting.server_id, result, error);
}

enum status command_applier_forget(struct admin *admin,
                                   const json_t *arguments,
                                   json_t **result,
                                   struct error *error)
{
    const struct admin_cluster *cluster = NULL;
    uint32_t id = 0;
    enum status status = named_applier(admin, arguments, &cluster, &id, error);

    if (status == STATUS_OK) {
        status = applier_registry_forget(cluster->appliers, id, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (cluster->purger != NULL) {
        purger_poke(cluster->purger);
    }
    *result = json_pack("{s:s,s:I}", "cluster", cluster->name, "forgotten", (json_int_t)id);
    return STATUS_OK;
}

enum status command_applier_set_epoch(struct admin *admin,
                                      const json_t *arguments,
                                      json_t **result,
                                      struct error *error)
{
    const struct admin_cluster *cluster = NULL;
    uint64_t epoch = 0;
    uint32_t id = 0;
    enum status status = named_applier(admin, arguments, &cluster, &id, error);

    if (status == STATUS_OK) {
        status = admin_argument_epoch(arguments, "epoch", &epoch, error);
    }
    if (status == STATUS_OK) {
        status = applier_registry_set_epoch(cluster->appliers, id, epoch, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    admin_await_purge(cluster); /* so that what is shown of catching up stays true */
    return show_changed(admin, cluster, id, result, error);
}
