/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File names that stand for a place of the epoch index: "epoch.N" and
 * "epoch.N.INCARNATION" behind an applied epoch, "after-backup.N" behind a
 * restored backup, "time.2026-11-20T12:00:00Z". The first Rotate tells the
 * real file and position, which the replica keeps and asks for from then on.
 */
#include <inttypes.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/storage/epoch_locate.h"
#include "dump_internal.h"

/* An applier may be so far ahead of a relay that pulls well: it came from another one. Global
 * checkpoints of NDB, two seconds each by default, or heartbeats. */
enum { AHEAD_MOST = 60, GCI_SHIFT = 32 };

/* One kind of name: the text behind its prefix becomes a place. */
struct lookup {
    const char *prefix;
    enum status (*find)(const struct dump_request *request,
                        struct bytes rest,
                        struct binlog_position *found,
                        struct error *error);
};

static enum status refuse_name(const struct dump_request *request, struct error *error)
{
    return error_set(
        error, STATUS_INVALID,
        "'%s' cannot be looked up: epoch.N, epoch.N.INCARNATION, after-backup.N and "
        "time.2026-11-20T12:00:00Z can, with N a number",
        log_safe(request->command.file_name).text);
}

/*
 * The epoch is above the newest: it may be about to come. One that is far
 * above is another cluster's, once this relay has caught up. *why says so.
 */
static enum status refuse_above(const struct dump_request *request,
                                uint64_t epoch,
                                struct error *why)
{
    const struct epoch_key most = {.incarnation = UINT32_MAX, .epoch = UINT64_MAX};
    struct binlog_store *store = request->cluster->store;
    bool is_ndb = epoch_index_rules(store).kind == EPOCH_KIND_NDB;
    struct epoch_place newest;
    struct error error;
    enum status status = epoch_index_at_or_before(store, most, &newest, &error);

    if (status != STATUS_OK || epoch <= newest.key.epoch) {
        return STATUS_AGAIN;
    }
    uint64_t ahead = is_ndb ? (epoch >> GCI_SHIFT) - (newest.key.epoch >> GCI_SHIFT)
                            : epoch - newest.key.epoch;

    if (ahead <= AHEAD_MOST) {
        return STATUS_AGAIN;
    }
    error = *why;
    return dump_refuse_for_now(request, why, "%s", error.message);
}

static enum status find_epoch(const struct dump_request *request,
                              struct bytes rest,
                              struct binlog_position *found,
                              struct error *error)
{
    struct epoch_key key;

    if (!epoch_key_parse(rest, &key)) {
        return refuse_name(request, error);
    }
    enum status status = epoch_locate_after(request->cluster->store, key, found, error);

    return status == STATUS_AGAIN ? refuse_above(request, key.epoch, error) : status;
}

static enum status find_backup(const struct dump_request *request,
                               struct bytes rest,
                               struct binlog_position *found,
                               struct error *error)
{
    struct epoch_key key;

    if (!epoch_key_parse(rest, &key) || key.incarnation != 0) {
        return refuse_name(request, error);
    }
    return epoch_locate_after_backup(request->cluster->store, key.epoch, found, error);
}

static enum status find_time(const struct dump_request *request,
                             struct bytes rest,
                             struct binlog_position *found,
                             struct error *error)
{
    uint64_t usec = 0;

    if (!epoch_time_parse(rest, &usec)) {
        return refuse_name(request, error);
    }
    return epoch_locate_time(request->cluster->store, usec, clock_wall_usec(request->clock),
                             found, error);
}

static const struct lookup lookups[] = {
    {"epoch.", find_epoch},
    {"after-backup.", find_backup},
    {"time.", find_time},
};

static const struct lookup *lookup_of(const struct dump_request *request)
{
    struct bytes name = request->command.file_name;

    for (size_t at = 0; at < sizeof(lookups) / sizeof(lookups[0]); at++) {
        size_t size = strlen(lookups[at].prefix);

        if (name.size > size && memcmp(name.data, lookups[at].prefix, size) == 0) {
            return &lookups[at];
        }
    }
    return NULL;
}

bool dump_asks_for_lookup(const struct dump_request *request)
{
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    uint64_t file = 0;

    if (lookup_of(request) == NULL) {
        return false;
    }
    /* A log that is called "epoch" has files of such names. */
    return !binlog_name_split(request->command.file_name, base_name, &file) ||
           strcmp(base_name, binlog_store_log_name(request->cluster->store)) != 0;
}

bool dump_awaits_first_epoch(const struct dump_request *request)
{
    struct binlog_store *store = request->cluster->store;
    struct epoch_summary summary;
    struct error ignored;

    return epoch_index_rules(store).kind == EPOCH_KIND_NDB &&
           epoch_index_summary(store, &summary, &ignored) == STATUS_NOT_FOUND;
}

enum status dump_look_up(const struct dump_request *request,
                         struct binlog_position *found,
                         struct error *error)
{
    struct binlog_store *store = request->cluster->store;
    const struct lookup *lookup = lookup_of(request);
    struct bytes rest = request->command.file_name;
    size_t prefix_size = strlen(lookup->prefix);

    if (epoch_index_rules(store).kind == EPOCH_KIND_NONE) {
        return error_set(error, STATUS_INVALID,
                         "Cluster %s keeps no epochs (\"epochs\": \"none\"), so '%s' cannot be "
                         "looked up: a stream begins at a file and position, at 'first' or "
                         "'last', or by GTID",
                         request->cluster->name, log_safe(request->command.file_name).text);
    }
    rest.data += prefix_size;
    rest.size -= prefix_size;

    return lookup->find(request, rest, found, error);
}
