/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said before it is too late: who keeps the log while the disk fills,
 * who will not find its place any more when the next file goes, and who does
 * not find it now.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/registry/catch_up.h"
#include "binrelay/storage/epoch_index.h"
#include "purger_internal.h"

/* ---- told once ---- */

static int compare_ids(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;

    return (a > b) - (a < b);
}

static bool was_told(const struct told *told, uint32_t server_id)
{
    return told->count > 0 && bsearch(&server_id, told->server_ids, told->count,
                                      sizeof(server_id), compare_ids) != NULL;
}

/* Those it is true of now, by server_id; of who is not among them it can be told again. */
static void replace_told(struct told *told, uint32_t *server_ids, size_t count)
{
    free(told->server_ids);
    *told = (struct told){.server_ids = server_ids, .count = count};
}

/* "applier 201 (group west)" */
struct applier_text {
    char text[APPLIER_GROUP_BYTES + 40];
};

static struct applier_text text_of(const struct applier_facts *facts)
{
    bool has_group = facts->group[0] != '\0';
    struct applier_text shown;

    (void)snprintf(shown.text, sizeof(shown.text), "applier %" PRIu32 "%s%s%s",
                   facts->server_id, has_group ? " (group " : "", facts->group,
                   has_group ? ")" : "");
    return shown;
}

/* ---- stranding ---- */

static bool may_expire(const struct applier_facts *facts)
{
    return facts->expire_after_usec != 0 && facts->streams == 0 && facts->state != APPLIER_LIVE;
}

static int compare_with_id(const void *server_id, const void *facts)
{
    return compare_ids(server_id, &((const struct applier_facts *)facts)->server_id);
}

/* Of the registry's list, which is ordered. */
static const struct applier_facts *find(const struct applier_facts *facts,
                                        size_t count,
                                        uint32_t server_id)
{
    return count == 0 ? NULL
                      : bsearch(&server_id, facts, count, sizeof(*facts), compare_with_id);
}

/* True if the oldest file goes as soon as those expire who are silent. */
static bool waits_for_silent_only(const struct purge_view *view,
                                  const struct applier_facts *facts,
                                  size_t count)
{
    size_t needs = purge_plan_needs(&view->scene, 0);

    for (size_t at = 0; at < needs; at++) {
        const struct applier_facts *holder =
            view->holds[at].is_applier ? find(facts, count, view->holds[at].server_id) : NULL;

        if (holder == NULL || !may_expire(holder)) {
            return false;
        }
    }
    return true;
}

/* Of who never said anything nobody knows a place that could go. */
static bool has_place(const struct applier_facts *facts)
{
    return facts->applied.epoch != 0 || facts->applied_gtids != NULL || facts->sent.file != 0;
}

static bool would_strand(struct purger *purger,
                         const struct purge_view *view,
                         const struct applier_facts *facts)
{
    struct catch_up catch_up;

    if (facts->is_lost || !has_place(facts) ||
        (facts->state != APPLIER_EXPIRED && !may_expire(facts))) {
        return false;
    }
    catch_up = catch_up_of(purger->options.store, facts);
    return catch_up.is_possible && !purge_file_is_below(&view->files[0], catch_up.from);
}

static void tell_stranding(struct purger *purger,
                           const struct purge_view *view,
                           const struct applier_facts *facts)
{
    char name[BINLOG_NAME_BYTES];

    binlog_name_print(name, binlog_store_log_name(purger->options.store), view->files[0].file);
    purger_tell(purger, "applier.stranding",
                "%s, %s, cannot catch up any more when %s goes, which %s", text_of(facts).text,
                applier_state_name(facts->state), name,
                facts->state == APPLIER_EXPIRED ? "nobody needs"
                                                : "nobody needs but who is silent and expires");
}

void purge_warn_of_stranding(struct purger *purger, const struct purge_view *view)
{
    struct applier_facts *facts = NULL;
    uint32_t *server_ids = NULL;
    size_t count = 0;
    size_t found = 0;
    bool is_next = false;

    if (view->scene.file_count < 2) {
        return;
    }
    count = applier_registry_list(purger->options.appliers, &facts);
    is_next = waits_for_silent_only(view, facts, count);
    server_ids = mem_zeroed((count + 1) * sizeof(*server_ids));
    for (size_t at = 0; at < count; at++) {
        bool is_told = was_told(&purger->stranding, facts[at].server_id);

        if ((is_next || is_told) && would_strand(purger, view, &facts[at])) {
            server_ids[found++] = facts[at].server_id;
            if (!is_told) {
                tell_stranding(purger, view, &facts[at]);
            }
        }
    }
    replace_told(&purger->stranding, server_ids, found);
    applier_facts_free(facts, count);
}

/* ---- lost ---- */

void purge_tell_lost(struct purger *purger, const struct log_hold *hold, const char *why)
{
    struct told *told = &purger->lost;
    uint32_t *server_ids = NULL;
    char text[PURGE_TEXT_BYTES];

    if (was_told(told, hold->server_id)) {
        return;
    }
    purger_tell(purger, "applier.lost", "%s loses its place: what it needs is purged %s",
                purger_print_holds(purger, text, hold, 1), why);
    server_ids = mem_zeroed((told->count + 1) * sizeof(*server_ids));
    if (told->count > 0) {
        memcpy(server_ids, told->server_ids, told->count * sizeof(*server_ids));
    }
    server_ids[told->count] = hold->server_id;
    qsort(server_ids, told->count + 1, sizeof(*server_ids), compare_ids);
    replace_told(told, server_ids, told->count + 1);
}

/* Before the first file, and not only behind a gap or ahead of the log. */
static bool is_gone(struct purger *purger, const struct applier_facts *facts)
{
    struct epoch_summary summary;
    struct error ignored;

    if (!has_place(facts) || catch_up_of(purger->options.store, facts).is_possible) {
        return false;
    }
    return facts->applied.epoch == 0 ||
           (epoch_index_summary(purger->options.store, &summary, &ignored) == STATUS_OK &&
            epoch_key_compare(facts->applied, summary.first.key) < 0);
}

static void tell_lost(struct purger *purger,
                      const struct purge_view *view,
                      const struct applier_facts *facts)
{
    char name[BINLOG_NAME_BYTES];
    char at[64] = "";

    binlog_name_print(name, binlog_store_log_name(purger->options.store), view->files[0].file);
    if (facts->applied.epoch != 0) {
        (void)snprintf(at, sizeof(at), " behind epoch %" PRIu64, facts->applied.epoch);
    }
    purger_tell(purger, "applier.lost",
                "%s cannot catch up: what it needs%s is not here any more, the log begins with "
                "%s",
                text_of(facts).text, at, name);
}

/* Of those that were dropped it was told then. */
static void warn_of_lost(struct purger *purger, const struct purge_view *view)
{
    struct applier_facts *facts = NULL;
    size_t count = applier_registry_list(purger->options.appliers, &facts);
    uint32_t *server_ids = mem_zeroed((count + 1) * sizeof(*server_ids));
    size_t found = 0;

    for (size_t at = 0; at < count; at++) {
        if (facts[at].is_lost || is_gone(purger, &facts[at])) {
            server_ids[found++] = facts[at].server_id;
            if (!facts[at].is_lost && !was_told(&purger->lost, facts[at].server_id)) {
                tell_lost(purger, view, &facts[at]);
            }
        }
    }
    replace_told(&purger->lost, server_ids, found);
    applier_facts_free(facts, count);
}

/* ---- blocked ---- */

static void warn_of_block(struct purger *purger, const struct purge_view *view)
{
    char holders[PURGE_TEXT_BYTES];
    char name[BINLOG_NAME_BYTES];
    size_t needs = view->scene.file_count > 1 ? purge_plan_needs(&view->scene, 0) : 0;
    bool is_above_soft = false;

    pthread_mutex_lock(&purger->lock);
    is_above_soft = purger->marks.is_above_soft;
    pthread_mutex_unlock(&purger->lock);
    if (!is_above_soft || !view->settings.is_automatic || needs == 0) {
        purger->blocked_by[0] = '\0';
        return;
    }
    if (strcmp(purger->blocked_by, view->holds[0].who) == 0) {
        return;
    }
    (void)snprintf(purger->blocked_by, sizeof(purger->blocked_by), "%s", view->holds[0].who);
    binlog_name_print(name, binlog_store_log_name(purger->options.store), view->files[0].file);
    purger_tell(purger, "purge.blocked", "%s is needed by %s", name,
                purger_print_holds(purger, holders, view->holds, needs));
}

void purge_warn(struct purger *purger, const struct purge_view *view)
{
    if (view->scene.file_count == 0) {
        return;
    }
    warn_of_block(purger, view);
    if (view->settings.is_automatic) {
        purge_warn_of_stranding(purger, view);
    }
    warn_of_lost(purger, view);
}
