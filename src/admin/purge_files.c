/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets files go, one after the other: who needs what is looked at again before
 * each one.
 */
#include <inttypes.h>
#include <stdio.h>

#include "binrelay/storage/binlog_purge.h"
#include "purger_internal.h"

enum { RANGE_BYTES = 2 * BINLOG_NAME_BYTES + 8 };

static void count_purged(struct purger *purger, const struct binlog_purged *purged)
{
    pthread_mutex_lock(&purger->lock);
    purger->purged_files += purged->files;
    purger->purged_bytes += purged->bytes;
    pthread_mutex_unlock(&purger->lock);
}

/* The reports by which the file may go must outlive it: after a crash an applier that is known
 * at an older place would seem to be lost. */
static enum status settle(struct purger *purger, struct error *error)
{
    return purger->options.registry == NULL ? STATUS_OK
                                            : registry_settle(purger->options.registry, error);
}

/* On a disk that is full the files that go make the room for it themselves. */
static enum status settle_before(struct purger *purger, uint64_t before, struct error *error)
{
    enum status status = settle(purger, error);
    struct error ignored; /* then it is full still */

    if (status == STATUS_FULL &&
        binlog_store_make_room(purger->options.store, before, &ignored) == STATUS_OK) {
        status = settle(purger, error);
    }
    return status;
}

/* The store keeps a file that nobody needs, and would keep it at the next try. */
static enum status refuse_unnumbered(const struct purger *purger,
                                     const struct purge_view *view,
                                     struct error *error)
{
    const char *log_name = binlog_store_log_name(purger->options.store);
    char name[BINLOG_NAME_BYTES];
    char next[BINLOG_NAME_BYTES];

    binlog_name_print(name, log_name, view->files[0].file);
    binlog_name_print(next, log_name, view->files[1].file);
    return error_set(error, STATUS_SYSTEM,
                     "%s stays: it cannot be read, and without it the epochs of %s cannot be "
                     "numbered",
                     name, next);
}

enum status purge_oldest(struct purger *purger,
                         const struct purge_view *view,
                         struct purge_round *round,
                         struct error *error)
{
    struct binlog_purged purged;
    uint64_t before = view->files[1].file;
    enum status status = settle_before(purger, before, error);

    if (status != STATUS_OK) {
        return status;
    }
    status = binlog_store_purge(purger->options.store, before, &purged, error);
    count_purged(purger, &purged);
    if (purged.files > 0) {
        round->first_file = round->files == 0 ? view->files[0].file : round->first_file;
        round->last_file = view->files[0].file;
        round->files += purged.files;
        round->bytes += purged.bytes;
    }
    purger->has_leftovers = status != STATUS_OK;
    if (status == STATUS_OK && purged.files == 0) {
        return refuse_unnumbered(purger, view, error);
    }
    if (status == STATUS_OK) {
        purger_succeed(&purger->purging);
    }
    return status;
}

bool purge_leftovers(struct purger *purger)
{
    struct binlog_purged purged;
    struct error error;

    if (!purger->has_leftovers) {
        return true;
    }
    if (binlog_store_purge(purger->options.store, 0, &purged, &error) != STATUS_OK) {
        purger_fail(purger, &purger->purging, "purge.failed", &error);
        return false;
    }
    purger->has_leftovers = false;
    return true;
}

/* "binlog.000001 to binlog.000003" */
static void print_range(const struct purger *purger,
                        const struct purge_round *round,
                        char text[RANGE_BYTES])
{
    const char *log_name = binlog_store_log_name(purger->options.store);
    char first[BINLOG_NAME_BYTES];
    char last[BINLOG_NAME_BYTES];

    binlog_name_print(first, log_name, round->first_file);
    binlog_name_print(last, log_name, round->last_file);
    (void)snprintf(text, RANGE_BYTES, "%s%s%s", first, round->files == 1 ? "" : " to ",
                   round->files == 1 ? "" : last);
}

void purge_round_tell(struct purger *purger,
                      const struct purge_round *round,
                      const char *event,
                      const char *how)
{
    struct purge_view view;
    char range[RANGE_BYTES];
    char place[PURGE_PLACE_BYTES];
    bool is_needed = false;

    if (round->files == 0) {
        return;
    }
    purge_view_take(&view, purger);
    is_needed = view.scene.hold_count > 0;
    print_range(purger, round, range);
    purger_tell(purger, event,
                "%" PRIu64 " %s, %" PRIu64 " bytes: %s%s; %zu stay, needed from %s on",
                round->files, round->files == 1 ? "file" : "files", round->bytes, range, how,
                view.scene.file_count,
                is_needed ? purger_print_place(purger, place, view.holds[0].from) : "nowhere");
    purge_view_release(&view);
}

/* ---- who needed them ---- */

/* A report that came since the holds were read counts: said again it gives the applier its
 * place back, if that stays. True: it is lost. */
static bool is_lost_still(struct purger *purger, const struct log_hold *hold)
{
    struct applier_registry *appliers = purger->options.appliers;
    struct applier_facts *facts = NULL;
    struct error ignored; /* it is lost then, until it reports once more */
    bool is_lost = true;

    if (applier_registry_find(appliers, hold->server_id, &facts, &ignored) != STATUS_OK) {
        return false; /* forgotten meanwhile: nobody is to be told */
    }
    if (epoch_key_compare(facts->applied, hold->epoch) > 0) {
        is_lost = applier_registry_report(appliers, hold->server_id, facts->applied.epoch,
                                          facts->way, &ignored) != STATUS_OK;
    }
    applier_facts_free(facts, 1);
    return is_lost;
}

/* Durable before anything of what it needs goes. */
static enum status lose(struct purger *purger,
                        const struct log_hold *hold,
                        const char *why,
                        struct error *error)
{
    enum status status =
        applier_registry_lose(purger->options.appliers, hold->server_id, error);

    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    if (status == STATUS_OK && is_lost_still(purger, hold)) {
        purge_tell_lost(purger, hold, why);
    }
    return status;
}

enum status purge_drop_holds(struct purger *purger,
                             const struct log_hold *holds,
                             size_t count,
                             uint64_t before,
                             const char *why,
                             struct error *error)
{
    const struct purger_links *links = &purger->options.links;
    enum status status = STATUS_OK;

    for (size_t at = 0; status == STATUS_OK && at < count; at++) {
        if (holds[at].is_applier) {
            status = lose(purger, &holds[at], why, error);
        }
    }
    for (size_t at = 0; status == STATUS_OK && at < count; at++) {
        if (!holds[at].is_applier) {
            purge_view_give_up(purger, &holds[at], before);
        }
        if (holds[at].server_id != 0 && links->end_streams != NULL) {
            links->end_streams(links->context, holds[at].server_id);
        }
    }
    return status;
}
