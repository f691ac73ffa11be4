/* SPDX-License-Identifier: Apache-2.0 */
/* What administrators, the configuration and new replicas ask of a cluster's appliers. */
#include <inttypes.h>
#include <string.h>

#include "applier_changes.h"
#include "binrelay/base/memory.h"
#include "registry_job.h"

/* ---- on the worker ---- */

struct request {
    struct applier_registry *appliers;
    uint32_t server_id;
    const struct applier_setting *settings; /* borrowed from who waits */
    size_t count;
    struct epoch_key key;
};

static enum status fail_unknown(const struct request *request, struct error *error)
{
    return error_set(error, STATUS_NOT_FOUND, "cluster %s does not know applier %" PRIu32,
                     request->appliers->cluster, request->server_id);
}

/* The worker's: nobody else adds or removes, so that what is found stays. */
static const struct applier *find(const struct request *request, uint32_t server_id)
{
    return applier_table_find(&request->appliers->table, server_id);
}

static enum status check_setting(const struct applier_setting *setting, struct error *error)
{
    if (setting->server_id == 0) {
        return error_set(error, STATUS_INVALID, "0 is no server_id of an applier");
    }
    if (setting->group != NULL && strlen(setting->group) >= APPLIER_GROUP_BYTES) {
        return error_set(error, STATUS_INVALID,
                         "the group of applier %" PRIu32 " has more than %d bytes",
                         setting->server_id, APPLIER_GROUP_BYTES - 1);
    }
    return STATUS_OK;
}

static bool is_listed(const struct request *request, uint32_t server_id)
{
    for (size_t at = 0; at < request->count; at++) {
        if (request->settings[at].server_id == server_id) {
            return true;
        }
    }
    return false;
}

static bool is_as_set(const struct applier *applier, const struct applier_setting *setting)
{
    const struct applier_facts *facts = &applier->facts;

    return facts->origin == APPLIER_CONFIGURED && facts->is_required == setting->is_required &&
           facts->expire_after_usec == setting->expire_after_usec &&
           strcmp(facts->group, setting->group == NULL ? "" : setting->group) == 0;
}

/* One that comes into a group where somebody is: what it reported need not be of the group's
 * target, and is not to take the group past what that has. */
static bool comes_from_elsewhere(const struct request *request,
                                 const struct applier *applier,
                                 const struct applier_setting *setting)
{
    const struct applier_table *table = &request->appliers->table;

    if (!request->appliers->shares_groups || applier == NULL || setting->group == NULL ||
        setting->group[0] == '\0' || strcmp(applier->facts.group, setting->group) == 0) {
        return false;
    }
    for (size_t at = 0; at < table->count; at++) {
        if (strcmp(table->appliers[at].facts.group, setting->group) == 0) {
            return true;
        }
    }
    return false;
}

static void tell_added(const struct applier_changes *changes, const char *event, const char *by)
{
    for (size_t at = 0; at < changes->count; at++) {
        const struct applier_change *change = &changes->changes[at];

        if (change->is_new && change->kind != CHANGE_FORGET) {
            bool is_required = change->setting != NULL && change->setting->is_required;

            applier_registry_tell(changes->appliers, event, "applier %" PRIu32 "%s, %s",
                                  change->server_id, is_required ? ", required" : "", by);
        }
    }
}

static enum status configure(void *context, struct error *error)
{
    const struct request *request = context;
    struct applier_changes changes = {.appliers = request->appliers};
    enum status status = STATUS_OK;

    for (size_t at = 0; at < request->appliers->table.count; at++) {
        const struct applier_facts *facts = &request->appliers->table.appliers[at].facts;

        if (facts->origin == APPLIER_CONFIGURED && !is_listed(request, facts->server_id)) {
            applier_changes_add(&changes, (struct applier_change){.server_id = facts->server_id,
                                                                  .kind = CHANGE_UNLIST});
        }
    }
    for (size_t at = 0; at < request->count; at++) {
        const struct applier_setting *setting = &request->settings[at];
        const struct applier *found = find(request, setting->server_id);

        if (found == NULL || !is_as_set(found, setting)) {
            applier_changes_add(
                &changes, (struct applier_change){
                              .server_id = setting->server_id,
                              .kind = CHANGE_SETTING,
                              .origin = APPLIER_CONFIGURED,
                              .setting = setting,
                              .drops_report = comes_from_elsewhere(request, found, setting)});
        }
    }
    status = applier_changes_commit(&changes, error);
    if (status == STATUS_OK) {
        autofree uint32_t *ids = mem_raw((request->count + 1) * sizeof(*ids));

        for (size_t at = 0; at < request->count; at++) {
            ids[at] = request->settings[at].server_id;
        }
        applier_changes_add_rows(request->appliers, ids, request->count);
        tell_added(&changes, "applier.added", "by the configuration");
    }
    free(changes.changes);
    return status;
}

/* One change, after its request was checked. */
static enum status commit_one(const struct request *request,
                              struct applier_change change,
                              bool *is_new,
                              struct error *error)
{
    struct applier_changes changes = {
        .appliers = request->appliers, .changes = &change, .count = 1, .capacity = 1};
    enum status status = applier_changes_commit(&changes, error);

    *is_new = change.is_new;
    return status;
}

static enum status add(void *context, struct error *error)
{
    const struct request *request = context;
    const struct applier *found = find(request, request->server_id);
    bool is_configured = found != NULL && found->facts.origin == APPLIER_CONFIGURED;
    struct applier_change change = {
        .server_id = request->server_id,
        .kind = CHANGE_SETTING,
        .origin = is_configured ? APPLIER_CONFIGURED : APPLIER_ADDED,
        .setting = request->settings,
        .drops_report = comes_from_elsewhere(request, found, request->settings)};
    bool is_new = false;
    enum status status = commit_one(request, change, &is_new, error);

    if (status == STATUS_OK) {
        applier_changes_add_rows(request->appliers, &request->server_id, 1);
        applier_registry_tell(
            request->appliers, "applier.added", "applier %" PRIu32 "%s%s, by an administrator",
            request->server_id, request->settings->is_required ? ", required" : "",
            is_new ? "" : ", was known");
    }
    return status;
}

static enum status forget(void *context, struct error *error)
{
    const struct request *request = context;
    const struct applier *found = find(request, request->server_id);
    struct applier_change change = {.server_id = request->server_id, .kind = CHANGE_FORGET};
    bool is_new = false;
    enum status status = STATUS_OK;

    if (found == NULL) {
        return fail_unknown(request, error);
    }
    if (found->facts.origin == APPLIER_CONFIGURED) {
        return error_set(error, STATUS_DENIED,
                         "the configuration lists applier %" PRIu32
                         " of cluster %s: take it out there first",
                         request->server_id, request->appliers->cluster);
    }
    status = commit_one(request, change, &is_new, error);
    if (status == STATUS_OK) {
        applier_changes_remove_row(request->appliers, request->server_id);
        applier_registry_tell(request->appliers, "applier.forgotten", "applier %" PRIu32,
                              request->server_id);
    }
    return status;
}

/* A group that shares one target is taken back as a whole: else another member's report, from
 * before, would still count for it. */
static void add_members_above(const struct request *request,
                              const struct applier *applier,
                              struct applier_changes *changes)
{
    const struct applier_table *table = &request->appliers->table;

    if (!request->appliers->shares_groups || applier->facts.group[0] == '\0') {
        return;
    }
    pthread_mutex_lock(&request->appliers->lock);
    for (size_t at = 0; at < table->count; at++) {
        const struct applier_facts *facts = &table->appliers[at].facts;

        if (facts->server_id != request->server_id &&
            strcmp(facts->group, applier->facts.group) == 0 &&
            epoch_key_compare(facts->applied, request->key) > 0) {
            applier_changes_add(changes, (struct applier_change){.server_id = facts->server_id,
                                                                 .kind = CHANGE_EPOCH,
                                                                 .key = request->key});
        }
    }
    pthread_mutex_unlock(&request->appliers->lock);
}

/* First of all: were it the last that is done, nothing was set back. */
static enum status tell_group(const struct request *request,
                              const struct applier *applier,
                              struct error *error)
{
    const struct applier_registry *appliers = request->appliers;

    return appliers->setting_epoch == NULL || applier->facts.group[0] == '\0'
               ? STATUS_OK
               : appliers->setting_epoch(appliers->setting_epoch_context, applier->facts.group,
                                         request->key, error);
}

static enum status set_epoch(void *context, struct error *error)
{
    const struct request *request = context;
    const struct applier *found = find(request, request->server_id);
    struct applier_changes changes = {.appliers = request->appliers};
    enum status status = STATUS_OK;

    if (found == NULL) {
        return fail_unknown(request, error);
    }
    status = tell_group(request, found, error);
    if (status != STATUS_OK) {
        return status;
    }
    applier_changes_add(&changes, (struct applier_change){.server_id = request->server_id,
                                                          .kind = CHANGE_EPOCH,
                                                          .key = request->key});
    add_members_above(request, found, &changes);
    status = applier_changes_commit(&changes, error);
    free(changes.changes);
    return status;
}

static enum status lose(void *context, struct error *error)
{
    const struct request *request = context;
    struct applier_change change = {.server_id = request->server_id, .kind = CHANGE_LOSE};
    bool is_new = false;

    if (find(request, request->server_id) == NULL) {
        return fail_unknown(request, error);
    }
    return commit_one(request, change, &is_new, error);
}

/* One that registered itself and expired holds nothing: it makes room, the longest silent
 * first.
 */
static void add_forgotten(const struct request *request, struct applier_changes *changes)
{
    const struct applier_table *table = &request->appliers->table;
    const struct applier *found = NULL;

    if (table->count < APPLIER_MOST) {
        return;
    }
    pthread_mutex_lock(&request->appliers->lock);
    for (size_t at = 0; at < table->count; at++) {
        const struct applier *applier = &table->appliers[at];

        if (applier->facts.origin == APPLIER_REGISTERED && applier->is_expired &&
            (found == NULL || applier->facts.seen_usec < found->facts.seen_usec)) {
            found = applier;
        }
    }
    if (found != NULL) {
        applier_changes_add(changes,
                            (struct applier_change){.server_id = found->facts.server_id,
                                                    .kind = CHANGE_FORGET});
    }
    pthread_mutex_unlock(&request->appliers->lock);
}

static enum status register_one(void *context, struct error *error)
{
    const struct request *request = context;
    struct applier_changes changes = {.appliers = request->appliers};
    enum status status = STATUS_OK;

    add_forgotten(request, &changes);
    applier_changes_add(&changes, (struct applier_change){.server_id = request->server_id,
                                                          .kind = CHANGE_REGISTER,
                                                          .origin = APPLIER_REGISTERED});
    status = applier_changes_commit(&changes, error);
    if (status == STATUS_OK) {
        if (changes.changes[0].kind == CHANGE_FORGET) {
            applier_changes_remove_row(request->appliers, changes.changes[0].server_id);
        }
        applier_changes_add_rows(request->appliers, &request->server_id, 1);
        tell_added(&changes, "applier.registered", "registered itself");
    }
    free(changes.changes);
    return status;
}

/* ---- any thread ---- */

static enum status run(struct request *request, registry_job_fn job, struct error *error)
{
    return registry_job_run(request->appliers->registry->worker, job, request, error);
}

enum status applier_registry_configure(struct applier_registry *appliers,
                                       const struct applier_setting *settings,
                                       size_t count,
                                       struct error *error)
{
    struct request request = {.appliers = appliers, .settings = settings, .count = count};

    for (size_t at = 0; at < count; at++) {
        enum status status = check_setting(&settings[at], error);

        if (status != STATUS_OK) {
            return status;
        }
    }
    return run(&request, configure, error);
}

enum status applier_registry_add(struct applier_registry *appliers,
                                 const struct applier_setting *setting,
                                 struct error *error)
{
    struct request request = {
        .appliers = appliers, .server_id = setting->server_id, .settings = setting, .count = 1};
    enum status status = check_setting(setting, error);

    return status == STATUS_OK ? run(&request, add, error) : status;
}

enum status applier_registry_forget(struct applier_registry *appliers,
                                    uint32_t server_id,
                                    struct error *error)
{
    struct request request = {.appliers = appliers, .server_id = server_id};

    return run(&request, forget, error);
}

enum status applier_registry_set_epoch(struct applier_registry *appliers,
                                       uint32_t server_id,
                                       uint64_t epoch,
                                       struct error *error)
{
    struct request request = {.appliers = appliers, .server_id = server_id};
    struct applier_scope scope = applier_registry_scope(appliers);

    if (!applier_registry_knows(appliers, server_id)) {
        return fail_unknown(&request, error);
    }
    if (epoch != 0 && applier_find_epoch(&scope, epoch, &request.key, error) != STATUS_OK) {
        return error->status;
    }
    return run(&request, set_epoch, error);
}

enum status applier_registry_lose(struct applier_registry *appliers,
                                  uint32_t server_id,
                                  struct error *error)
{
    struct request request = {.appliers = appliers, .server_id = server_id};

    return run(&request, lose, error);
}

enum status applier_registry_register(struct applier_registry *appliers,
                                      uint32_t server_id,
                                      struct error *error)
{
    struct request request = {.appliers = appliers, .server_id = server_id};
    struct applier_setting setting = {.server_id = server_id};
    enum status status = check_setting(&setting, error);
    struct applier_time now = applier_registry_now(appliers);
    struct applier *known = NULL;

    if (status != STATUS_OK) {
        return status;
    }
    pthread_mutex_lock(&appliers->lock);
    known = applier_table_find(&appliers->table, server_id);
    if (known != NULL) {
        applier_take_sign(known, now);
    }
    pthread_mutex_unlock(&appliers->lock);
    if (known == NULL) {
        return run(&request, register_one, error);
    }
    registry_save_soon(appliers->registry);
    return STATUS_OK;
}
