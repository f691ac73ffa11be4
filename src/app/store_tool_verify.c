/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/registry/registry_check.h"
#include "binrelay/storage/data_dir.h"
#include "binrelay/storage/store_check.h"
#include "store_tool.h"

/* A relay that runs writes what is derived right behind the mark. */
enum { MOST_WAIT_MSEC = 2000 };

/* What is printed as text at once, or gathered for one JSON object. */
struct report {
    const char *cluster; /* borrowed: whose faults come now; NULL: the data_dir's */
    bool is_prefixed;    /* files are named with their cluster */
    json_t *faults;      /* owned; NULL: text */
    json_t *clusters;    /* owned; NULL: text */
    uint64_t fault_count;
};

static void tell(void *context, const struct store_fault *fault)
{
    struct report *report = context;
    const char *cluster =
        report->cluster == NULL || !report->is_prefixed ? "" : report->cluster;
    const char *slash = *cluster == '\0' ? "" : "/";

    if (report->faults == NULL) {
        (void)printf("%s%s%s:%" PRIu64 " %s: %s\n", cluster, slash, fault->file, fault->offset,
                     fault->kind, log_safe(bytes_of_text(fault->message)).text);
        return;
    }
    (void)json_array_append_new(report->faults,
                                json_pack("{s:s++, s:I, s:s, s:s}", "file", cluster, slash,
                                          fault->file, "offset", (json_int_t)fault->offset,
                                          "kind", fault->kind, "message", fault->message));
}

/* A fault of the data_dir's own files. Failures of the system are passed on. */
static enum status judge(struct report *report,
                         enum status status,
                         const char *kind,
                         const char *file,
                         const struct error *error)
{
    struct store_fault fault = {.kind = kind, .file = file, .message = error->message};

    if (status == STATUS_OK || status == STATUS_SYSTEM) {
        return status;
    }
    if (status == STATUS_NOT_FOUND) {
        fault.message = "missing";
    }
    report->fault_count++;
    tell(report, &fault);
    return STATUS_OK;
}

static enum status verify_data_dir(struct report *report,
                                   const char *data_dir,
                                   struct error *error)
{
    enum status status = data_dir_check(disk_system(), data_dir, error);

    status = judge(report, status, "format", "FORMAT", error);
    if (status == STATUS_OK) {
        status = registry_check(data_dir, error);
        status = judge(report, status, "control", "control.db", error);
    }
    return status;
}

static void print_cluster(struct report *report, const struct store_verify_result *result)
{
    if (report->clusters != NULL) {
        (void)json_array_append_new(
            report->clusters,
            json_pack(
                "{s:s, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I}, s:I, s:I, s:I}", "cluster",
                report->cluster, "files", (json_int_t)result->files, "bytes",
                (json_int_t)result->bytes, "events", (json_int_t)result->events, "transactions",
                (json_int_t)result->transactions, "epochs", (json_int_t)result->epochs,
                "durable_end", "file", (json_int_t)result->durable_end.file, "offset",
                (json_int_t)result->durable_end.offset, "unread_bytes",
                (json_int_t)result->unread_bytes, "unindexed_epochs",
                (json_int_t)result->unindexed_epochs, "faults", (json_int_t)result->faults));
        return;
    }
    (void)printf("%s: %" PRIu64 " files, %" PRIu64 " bytes, %" PRIu64 " events, %" PRIu64
                 " transactions, %" PRIu64 " epochs, %" PRIu64 " faults\n",
                 report->cluster, result->files, result->bytes, result->events,
                 result->transactions, result->epochs, result->faults);
    if (result->unread_bytes > 0) {
        (void)printf("%s: %" PRIu64 " bytes behind the durable end were not read\n",
                     report->cluster, result->unread_bytes);
    }
    if (result->unindexed_epochs > 0) {
        (void)printf("%s: %" PRIu64 " epochs of the newest file are not in its index yet\n",
                     report->cluster, result->unindexed_epochs);
    }
}

static enum status verify_clusters(struct report *report,
                                   const struct store_place *place,
                                   struct error *error)
{
    for (size_t at = 0; at < place->count; at++) {
        struct store_verify_result result;
        enum status status = STATUS_OK;

        report->cluster = place->clusters[at].name;
        status =
            store_verify(&(struct store_verify_options){.disk = disk_system(),
                                                        .directory = place->clusters[at].path,
                                                        .most_wait_msec = MOST_WAIT_MSEC,
                                                        .on_fault = tell,
                                                        .context = report},
                         &result, error);
        report->fault_count += result.faults;
        if (status != STATUS_OK) {
            return error_wrap(error, "%s", place->clusters[at].path);
        }
        print_cluster(report, &result);
    }
    return STATUS_OK;
}

enum status store_tool_verify(const struct store_command_line *line,
                              bool *is_clean,
                              struct error *error)
{
    struct report report = {.is_prefixed = line->place->data_dir != NULL};
    enum status status = STATUS_OK;

    if (line->is_json) {
        report.faults = json_array();
        report.clusters = json_array();
    }
    if (line->place->data_dir != NULL) {
        status = verify_data_dir(&report, line->place->data_dir, error);
    }
    if (status == STATUS_OK) {
        status = verify_clusters(&report, line->place, error);
    }
    if (line->place->count == 0 && !line->is_json) {
        (void)puts("no cluster has a store here");
    }
    if (line->is_json && status == STATUS_OK) {
        json_t *root = json_pack("{s:O, s:O, s:I}", "clusters", report.clusters, "faults",
                                 report.faults, "fault_count", (json_int_t)report.fault_count);

        (void)json_dumpf(root, stdout, JSON_INDENT(2));
        (void)fputc('\n', stdout);
        json_decref(root);
    }
    json_decref(report.faults);
    json_decref(report.clusters);
    *is_clean = report.fault_count == 0;
    return status;
}
