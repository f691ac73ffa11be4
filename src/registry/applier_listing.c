/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a cluster's appliers: copies, worked out without the lock. */
#include <inttypes.h>
#include <string.h>

#include "applier_registry_internal.h"
#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"

enum { USEC_IN_SEC = 1000000 };

/* Copies of all; those whose time ran out are told, once. */
static size_t take_copies(struct applier_registry *appliers,
                          struct applier_time now,
                          struct applier **copies)
{
    size_t expired = 0;
    size_t count = 0;

    pthread_mutex_lock(&appliers->lock);
    count = appliers->table.count;
    autofree uint32_t *ids = mem_raw((count + 1) * sizeof(*ids));
    for (size_t at = 0; at < count; at++) {
        if (applier_note_expiry(&appliers->table.appliers[at], now)) {
            ids[expired++] = appliers->table.appliers[at].facts.server_id;
        }
    }
    *copies = applier_table_copy(&appliers->table);
    pthread_mutex_unlock(&appliers->lock);
    for (size_t at = 0; at < expired; at++) {
        log_warning("cluster %s: applier %" PRIu32
                    " was silent for longer than it may, and holds nothing any more",
                    appliers->cluster, ids[at]);
        applier_registry_tell(appliers, "applier.expired",
                              "applier %" PRIu32
                              " was silent for longer than it may, and holds nothing any more",
                              ids[at]);
    }
    if (expired > 0) {
        registry_save_soon(appliers->registry);
    }
    return count;
}

bool applier_registry_knows(struct applier_registry *appliers, uint32_t server_id)
{
    bool is_known = false;

    pthread_mutex_lock(&appliers->lock);
    is_known = applier_table_find(&appliers->table, server_id) != NULL;
    pthread_mutex_unlock(&appliers->lock);
    return is_known;
}

/* Takes the copy's text. */
static struct applier_facts facts_of(const struct applier_registry *appliers,
                                     const struct applier *copy,
                                     struct applier_time now)
{
    struct applier_facts facts = copy->facts;

    facts.state = applier_state_at(copy, now);
    facts.sent_epoch = applier_epoch_before(appliers->store, facts.sent);
    return facts;
}

enum status applier_registry_find(struct applier_registry *appliers,
                                  uint32_t server_id,
                                  struct applier_facts **facts,
                                  struct error *error)
{
    struct applier_time now = applier_registry_now(appliers);
    const struct applier *found = NULL;
    struct applier copy;

    pthread_mutex_lock(&appliers->lock);
    found = applier_table_find(&appliers->table, server_id);
    if (found != NULL) {
        copy = applier_copy(found);
    }
    pthread_mutex_unlock(&appliers->lock);
    if (found == NULL) {
        return error_set(error, STATUS_NOT_FOUND, "cluster %s does not know applier %" PRIu32,
                         appliers->cluster, server_id);
    }
    *facts = mem_raw(sizeof(**facts));
    **facts = facts_of(appliers, &copy, now);
    return STATUS_OK;
}

size_t applier_registry_list(struct applier_registry *appliers, struct applier_facts **facts)
{
    struct applier_time now = applier_registry_now(appliers);
    autofree struct applier *copies = NULL; /* their texts go to the facts */
    size_t count = take_copies(appliers, now, &copies);

    *facts = mem_raw((count + 1) * sizeof(**facts));
    for (size_t at = 0; at < count; at++) {
        (*facts)[at] = facts_of(appliers, &copies[at], now);
    }
    return count;
}

size_t applier_registry_holds(struct applier_registry *appliers, struct log_hold **holds)
{
    struct applier_time now = applier_registry_now(appliers);
    struct applier_scope scope = applier_registry_scope(appliers);
    struct applier *copies = NULL;
    size_t count = take_copies(appliers, now, &copies);
    size_t held = applier_holds(&scope, copies, count, appliers->shares_groups, now, holds);

    applier_copies_free(copies, count);
    return held;
}

struct epoch_key applier_registry_group_applied(struct applier_registry *appliers,
                                                const char *group)
{
    struct epoch_key highest;

    pthread_mutex_lock(&appliers->lock);
    highest = applier_highest_of_group(appliers->table.appliers, appliers->table.count, group);
    pthread_mutex_unlock(&appliers->lock);
    return highest;
}

size_t applier_registry_members(struct applier_registry *appliers,
                                const char *group,
                                uint32_t **server_ids)
{
    size_t count = 0;

    pthread_mutex_lock(&appliers->lock);
    *server_ids = mem_raw((appliers->table.count + 1) * sizeof(**server_ids));
    for (size_t at = 0; at < appliers->table.count; at++) {
        const struct applier_facts *facts = &appliers->table.appliers[at].facts;

        if (strcmp(facts->group, group) == 0) {
            (*server_ids)[count++] = facts->server_id;
        }
    }
    pthread_mutex_unlock(&appliers->lock);
    return count;
}
