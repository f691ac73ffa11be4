/* SPDX-License-Identifier: Apache-2.0 */
/* The purge command: by the rules, or past them by an administrator's word. */
#include <inttypes.h>
#include <string.h>

#include "admin_internal.h"
#include "binrelay/base/log.h"
#include "binrelay/storage/binlog_files.h"

/* The number of a file of the cluster. One that is gone already is fine: a client may repeat.
 */
static enum status read_file(const struct admin_cluster *cluster,
                             const char *text,
                             uint64_t *file,
                             struct error *error)
{
    char base[BINLOG_NAME_MOST_BYTES + 1];
    uint64_t number = 0;
    uint64_t newest = binlog_store_durable_end(cluster->store).file;

    if (!binlog_name_split(bytes_of_text(text), base, &number) ||
        strcmp(base, binlog_store_log_name(cluster->store)) != 0 || number == 0) {
        return error_set(error, STATUS_INVALID, "to_file: '%s' is no file of cluster %s",
                         log_safe(bytes_of_text(text)).text, cluster->name);
    }
    if (number > newest) {
        return error_set(error, STATUS_NOT_FOUND, "to_file: cluster %s has no file %s yet",
                         cluster->name, text);
    }
    *file = number;
    return STATUS_OK;
}

static enum status read_request(const struct admin_cluster *cluster,
                                const json_t *arguments,
                                struct purge_request *request,
                                struct error *error)
{
    const char *file = json_string_value(json_object_get(arguments, "to_file"));
    bool has_epoch = json_object_get(arguments, "to_epoch") != NULL;
    enum status status = admin_argument_epoch(arguments, "to_epoch", &request->to_epoch, error);

    request->is_dry_run = json_is_true(json_object_get(arguments, "dry_run"));
    request->is_forced = json_is_true(json_object_get(arguments, "force"));
    if (status != STATUS_OK) {
        return status;
    }
    if (has_epoch && file != NULL) {
        return error_set(error, STATUS_INVALID,
                         "purge: --to-epoch and --to-file exclude each other");
    }
    if (has_epoch && request->to_epoch == 0) {
        return error_set(error, STATUS_INVALID, "to_epoch: there is no epoch 0");
    }
    if (request->is_forced && !has_epoch && file == NULL) {
        return error_set(error, STATUS_INVALID,
                         "purge --force wants --to-epoch or --to-file: how far to go");
    }
    return file == NULL ? STATUS_OK : read_file(cluster, file, &request->before_file, error);
}

void admin_await_purge(const struct admin_cluster *cluster)
{
    const struct purge_request nothing = {.is_dry_run = true, .before_file = 1};
    struct purge_outcome outcome = {0};
    struct error ignored;

    if (cluster->purger == NULL) {
        return;
    }
    if (purger_purge(cluster->purger, &nothing, &outcome, &ignored) != STATUS_OK) {
        /* Then none is under way either. */
    }
    purge_outcome_release(&outcome);
}

static json_t *outcome_row(const struct admin_cluster *cluster,
                           const struct purge_request *request,
                           const struct purge_outcome *outcome)
{
    char first[BINLOG_NAME_BYTES] = "";

    if (outcome->first != 0) {
        binlog_name_print(first, binlog_store_log_name(cluster->store), outcome->first);
    }
    return json_pack(
        "{s:s,s:b,s:b,s:I,s:I,s:s,s:o,s:o}", "cluster", cluster->name, "dry_run",
        (int)request->is_dry_run, "forced", (int)request->is_forced, "files",
        (json_int_t)outcome->files, "bytes", (json_int_t)outcome->bytes, "first", first,
        "losers", admin_holds(cluster->store, outcome->losers, outcome->loser_count),
        "blockers", admin_holds(cluster->store, outcome->blockers, outcome->blocker_count));
}

enum status command_purge(struct admin *admin,
                          const json_t *arguments,
                          json_t **result,
                          struct error *error)
{
    const struct admin_cluster *cluster = NULL;
    struct purge_request request = {0};
    struct purge_outcome outcome = {0};
    enum status status = admin_named_cluster(admin, arguments, &cluster, error);

    if (status == STATUS_OK && cluster->purger == NULL) {
        status = error_set(error, STATUS_INVALID, "cluster %s is not purged", cluster->name);
    }
    if (status == STATUS_OK) {
        status = read_request(cluster, arguments, &request, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = purger_purge(cluster->purger, &request, &outcome, error);
    if (status == STATUS_OK) {
        *result = outcome_row(cluster, &request, &outcome);
    }
    purge_outcome_release(&outcome);
    return status;
}
