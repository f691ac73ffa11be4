/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of epochs. */
#include <inttypes.h>
#include <stdlib.h>

#include "applier_place.h"
#include "binrelay/storage/binlog_files.h"
#include "binrelay/storage/epoch_locate.h"

enum { GCP_SHIFT = 32 };

/* The first and the last epoch that are here. */
struct range {
    struct epoch_place first;
    struct epoch_place last;
};

static enum status find_range(struct binlog_store *store,
                              struct range *range,
                              struct error *error)
{
    const struct epoch_key least = {0};
    const struct epoch_key most = {.incarnation = UINT32_MAX, .epoch = UINT64_MAX};
    enum status status = epoch_index_at_or_after(store, least, &range->first, error);

    return status == STATUS_OK ? epoch_index_at_or_before(store, most, &range->last, error)
                               : status;
}

/* Of a restore (StopGCP << 32 | 0xFFFFFFFF): all of a global checkpoint, and no epoch itself.
 */
static bool is_pseudo(const struct applier_scope *scope, uint64_t epoch)
{
    return epoch_index_rules(scope->store).kind == EPOCH_KIND_NDB &&
           (uint32_t)epoch == UINT32_MAX;
}

/* What the index has of one incarnation around an epoch. */
struct fit {
    bool has_floor;
    bool is_covered; /* by a later one, or by the global checkpoint of the newest */
};

static struct fit fit_in(const struct applier_scope *scope, struct epoch_key key)
{
    struct fit fit = {0};
    struct epoch_place place;
    struct error ignored; /* what cannot be read proves nothing */

    if (epoch_index_at_or_before(scope->store, key, &place, &ignored) == STATUS_OK &&
        place.key.incarnation == key.incarnation) {
        fit.has_floor = true;
        fit.is_covered = place.key.epoch == key.epoch ||
                         (is_pseudo(scope, key.epoch) &&
                          place.key.epoch >> GCP_SHIFT >= key.epoch >> GCP_SHIFT);
    }
    if (!fit.is_covered &&
        epoch_index_at_or_after(scope->store, key, &place, &ignored) == STATUS_OK) {
        fit.is_covered = place.key.incarnation == key.incarnation;
    }
    return fit;
}

static enum report_fault refuse_above(const struct applier_scope *scope,
                                      uint32_t server_id,
                                      uint64_t epoch,
                                      uint64_t newest,
                                      struct error *error)
{
    (void)error_set(error, STATUS_INVALID,
                    "cluster %s, applier %" PRIu32 ": epoch %" PRIu64
                    " is above the newest durable one here, %" PRIu64,
                    scope->cluster, server_id, epoch, newest);
    return REPORT_ABOVE;
}

enum report_fault applier_refuse_below(const char *cluster,
                                       uint32_t server_id,
                                       uint64_t epoch,
                                       uint64_t before,
                                       struct error *error)
{
    (void)error_set(error, STATUS_INVALID,
                    "cluster %s, applier %" PRIu32 ": epoch %" PRIu64 " is below %" PRIu64
                    ", which it reported before; `applier set-epoch` takes it back",
                    cluster, server_id, epoch, before);
    return REPORT_BELOW;
}

/* From the lowest incarnation on that can be meant. */
static enum report_fault find_key(const struct applier_scope *scope,
                                  uint32_t server_id,
                                  struct epoch_key before,
                                  uint64_t epoch,
                                  const struct range *range,
                                  struct epoch_key *key,
                                  struct error *error)
{
    uint32_t first = range->first.key.incarnation;
    uint32_t last = range->last.key.incarnation;
    uint32_t from =
        before.epoch != 0 && before.incarnation > first ? before.incarnation : first;
    bool is_below = before.epoch != 0 && from > last;

    /* Said once more of an incarnation that is gone from here: it is not a later one's. */
    if (before.epoch == epoch && before.incarnation < first) {
        *key = before;
        return REPORT_GOOD;
    }
    for (uint32_t incarnation = from; incarnation <= last; incarnation++) {
        struct epoch_key tried = {.incarnation = incarnation, .epoch = epoch};
        struct fit fit;

        if (before.epoch != 0 && epoch_key_compare(tried, before) < 0) {
            is_below = true;
            continue;
        }
        fit = fit_in(scope, tried);
        /* What was before the first epoch here may have been of its incarnation. */
        if (fit.is_covered && (fit.has_floor || incarnation == first)) {
            *key = tried;
            return REPORT_GOOD;
        }
    }
    /* One that follows another begins at or below its end: what is in neither is above both. */
    return is_below && epoch <= range->last.key.epoch
               ? applier_refuse_below(scope->cluster, server_id, epoch, before.epoch, error)
               : refuse_above(scope, server_id, epoch, range->last.key.epoch, error);
}

enum report_fault applier_check_epoch(const struct applier_scope *scope,
                                      uint32_t server_id,
                                      struct epoch_key before,
                                      uint64_t epoch,
                                      struct epoch_key *key,
                                      struct error *error)
{
    struct range range;
    enum status status = STATUS_OK;

    if (epoch == 0) {
        (void)error_set(error, STATUS_INVALID, "cluster %s, applier %" PRIu32 ": 0 is no epoch",
                        scope->cluster, server_id);
        return REPORT_ZERO;
    }
    status = find_range(scope->store, &range, error);
    if (status == STATUS_OK) {
        return find_key(scope, server_id, before, epoch, &range, key, error);
    }
    if (status == STATUS_NOT_FOUND) {
        (void)error_set(error, STATUS_INVALID, "no epoch is stored here yet");
    }
    error->status = STATUS_INVALID;
    (void)error_wrap(error, "cluster %s, applier %" PRIu32 ": epoch %" PRIu64, scope->cluster,
                     server_id, epoch);
    return REPORT_NOTHING;
}

/* Behind a restore one goes on where its global checkpoint ends, be that still to come. */
static bool can_go_on(const struct applier_scope *scope, struct epoch_key key)
{
    struct binlog_position ignored;
    struct error error; /* the caller says why */

    if (epoch_locate_after(scope->store, key, &ignored, &error) == STATUS_OK) {
        return true;
    }
    return is_pseudo(scope, key.epoch) && fit_in(scope, key).is_covered &&
           epoch_locate_after_backup(scope->store, key.epoch, &ignored, &error) == STATUS_OK;
}

enum status applier_find_epoch(const struct applier_scope *scope,
                               uint64_t epoch,
                               struct epoch_key *key,
                               struct error *error)
{
    struct binlog_position ignored;
    struct range range;
    enum status status = find_range(scope->store, &range, error);

    *key = (struct epoch_key){.epoch = epoch};
    if (status == STATUS_OK) {
        for (uint32_t back = 0;
             back <= range.last.key.incarnation - range.first.key.incarnation; back++) {
            key->incarnation = range.last.key.incarnation - back;
            if (can_go_on(scope, *key)) {
                return STATUS_OK;
            }
        }
        /* Why not, as if no incarnation had been named. */
        key->incarnation = 0;
        (void)!epoch_locate_after(scope->store, *key, &ignored, error);
    }
    error->status = STATUS_INVALID;
    return error_wrap(error, "cluster %s", scope->cluster);
}

/* Where all begins that is here. */
static struct binlog_position find_beginning(struct binlog_store *store)
{
    struct binlog_position beginning = {0};
    struct binlog_file_facts *facts = NULL;

    if (binlog_files_list(store, &facts) > 0) {
        beginning = (struct binlog_position){.file = facts[0].file, BINLOG_MAGIC_BYTES};
    }
    free(facts);
    return beginning;
}

bool applier_place_of_epoch(struct binlog_store *store,
                            struct epoch_key applied,
                            struct binlog_position *place)
{
    struct epoch_place before;
    struct error ignored; /* what is not known holds more */

    if (epoch_locate_after(store, applied, place, &ignored) == STATUS_OK) {
        return true;
    }
    if (epoch_index_at_or_before(store, applied, &before, &ignored) == STATUS_OK) {
        *place = before.end;
        return true;
    }
    *place = find_beginning(store);
    return false;
}

struct epoch_key applier_epoch_before(struct binlog_store *store, struct binlog_position place)
{
    struct epoch_place found;
    struct range range;
    struct error ignored; /* it is only shown */

    if (place.file == 0 || find_range(store, &range, &ignored) != STATUS_OK) {
        return (struct epoch_key){0};
    }
    if (binlog_position_compare(range.last.end, place) <= 0) {
        return range.last.key;
    }
    if (epoch_index_by_position(store, place, &found, &ignored) != STATUS_OK ||
        epoch_key_compare(found.key, range.first.key) <= 0) {
        return (struct epoch_key){0};
    }
    if (found.key.epoch > 0) {
        found.key.epoch--;
    } else {
        found.key.incarnation--;
        found.key.epoch = UINT64_MAX;
    }
    return epoch_index_at_or_before(store, found.key, &found, &ignored) == STATUS_OK
               ? found.key
               : (struct epoch_key){0};
}

bool applier_is_origin(struct binlog_store *store, uint32_t origin)
{
    struct range range;
    struct error ignored; /* without epochs there is no marker */

    return find_range(store, &range, &ignored) == STATUS_OK &&
           (range.first.origin == origin || range.last.origin == origin);
}
