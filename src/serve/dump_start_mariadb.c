/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A MariaDB replica by GTID: is each domain's position one that this log can
 * go on from, and where (mariadb sql/sql_repl.cc, check_slave_start_position).
 */
#include <inttypes.h>

#include "binrelay/storage/binlog_files.h"
#include "dump_internal.h"

/* A position has a few domains; one that has thousands would make each group dear. */
enum { DOMAINS_MOST = 1024, SHOWN_MOST_BYTES = 80 };

static enum status check_gtid(const struct dump_request *request,
                              const struct mariadb_gtid_list *stored,
                              struct mariadb_gtid wanted,
                              struct error *error)
{
    const struct mariadb_gtid *last = mariadb_gtid_list_domain(stored, wanted.domain_id);

    /* A domain that is empty here may be another source's; should it turn up, the filter
     * looks again. */
    if (last == NULL || mariadb_gtid_state_has(stored, wanted)) {
        return STATUS_OK;
    }
    if (last->sequence >= wanted.sequence) {
        return error_set(error, STATUS_INVALID,
                         "Error: connecting replica requested to start from GTID "
                         "%" PRIu32 "-%" PRIu32 "-%" PRIu64
                         ", which is not in the source's binlog. Since the source's binlog "
                         "contains GTIDs with higher sequence numbers, it probably means that "
                         "the replica has diverged due to executing extra erroneous "
                         "transactions",
                         wanted.domain_id, wanted.server_id, wanted.sequence);
    }
    return dump_refuse_for_now(request, error,
                               "Error: connecting replica requested to start from GTID "
                               "%" PRIu32 "-%" PRIu32 "-%" PRIu64
                               ", which is not in the source's binlog",
                               wanted.domain_id, wanted.server_id, wanted.sequence);
}

/* Names what was asked for and where the store begins. */
static enum status refuse_purged(const struct dump_request *request,
                                 const struct mariadb_gtid_list *position,
                                 struct error *error)
{
    struct binlog_store *store = request->cluster->store;
    struct mariadb_gtid_list state = {0};
    struct mariadb_gtid_list first = {0};
    struct buffer asked = {0};
    struct buffer begins = {0};
    struct error ignored;

    mariadb_gtid_list_print(position, &asked);
    if (binlog_files_mariadb_state_before(store, dump_find_first(request).file, &state,
                                          &ignored) == STATUS_OK) {
        mariadb_gtid_state_position(&state, &first);
        mariadb_gtid_list_print(&first, &begins);
    }
    (void)error_set(
        error, STATUS_INVALID,
        "Could not find GTID state requested by replica in any binlog files: it has "
        "'%.*s', and what follows that is purged here; the log begins after '%.*s', and %s",
        (int)(asked.size < SHOWN_MOST_BYTES ? asked.size : SHOWN_MOST_BYTES),
        (const char *)asked.data,
        (int)(begins.size < SHOWN_MOST_BYTES ? begins.size : SHOWN_MOST_BYTES),
        (const char *)begins.data, dump_oldest(request).text);
    buffer_release(&asked);
    buffer_release(&begins);
    mariadb_gtid_list_release(&state);
    mariadb_gtid_list_release(&first);
    return STATUS_INVALID;
}

static enum status find_file(const struct dump_request *request,
                             const struct mariadb_gtid_list *position,
                             const struct mariadb_gtid_list *stored,
                             uint64_t *file,
                             struct error *error)
{
    if (position->count > DOMAINS_MOST) {
        return error_set(error, STATUS_INVALID, "a position of %zu domains", position->count);
    }
    for (size_t i = 0; i < position->count; i++) {
        enum status status = check_gtid(request, stored, position->items[i], error);

        if (status != STATUS_OK) {
            return status;
        }
    }
    if (*file != 0) {
        return STATUS_OK; /* others applied what is before, were it here or purged */
    }
    enum status status =
        binlog_files_find_by_mariadb(request->cluster->store, position, file, error);

    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    return refuse_purged(request, position, error);
}

static enum status check_is_mariadb(const struct dump_request *request, struct error *error)
{
    struct cluster_report report;

    cluster_board_read(request->cluster->board, &report);
    if (report.facts.server_version[0] == '\0' || report.facts.is_mariadb) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_INVALID,
                     "A MariaDB replica cannot go on by GTID in the binlogs of cluster %s, "
                     "whose sources are MySQL servers",
                     request->cluster->name);
}

enum status dump_find_by_mariadb(struct dump *dump,
                                 const struct dump_request *request,
                                 struct error *error)
{
    struct mariadb_gtid_list position = {0};
    struct mariadb_gtid_list stored = {0};
    uint64_t file = request->begin_at.file;
    enum status status = check_is_mariadb(request, error);

    if (status != STATUS_OK) {
        return status;
    }
    status = mariadb_gtid_list_parse(&position, request->connect_state, error);
    if (status != STATUS_OK) {
        return error_wrap(error, "The replica's GTID position cannot be read");
    }
    binlog_files_mariadb_state(request->cluster->store, &stored);
    status = find_file(request, &position, &stored, &file, error);
    if (status == STATUS_OK) {
        struct dump_filter *filter =
            dump_filter_of_mariadb(&position, &stored, request->is_strict_gtid);

        status = dump_begin_filtered(dump, file, filter, error);
    }
    mariadb_gtid_list_release(&stored);
    mariadb_gtid_list_release(&position);
    return status;
}
