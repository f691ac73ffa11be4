/* SPDX-License-Identifier: Apache-2.0 */
/* One cluster's appliers as the registry opens, saves and asks them. */
#pragma once

#include <pthread.h>

#include "applier_place.h"
#include "binrelay/registry/applier_registry.h"
#include "registry_internal.h"

/* Called before a member of a group is set to an epoch by hand, and with it all that were
 * above; on the registry's thread. A failure leaves everything as it is. Set at start. */
typedef enum status (*applier_set_epoch_fn)(void *context,
                                            const char *group,
                                            struct epoch_key applied,
                                            struct error *error);

struct applier_registry {
    struct registry *registry;  /* borrowed */
    char *cluster;              /* owned: its name */
    uint32_t server_id;         /* of the cluster */
    struct binlog_store *store; /* borrowed, as the next */
    struct cluster_board *board;
    bool shares_groups;
    pthread_mutex_t lock;       /* of what follows */
    struct applier_table table; /* the worker alone adds and removes */
    struct applier *saving;     /* the worker's: copies of what it is saving; owned */
    size_t saving_count;
    applier_reported_fn reported;
    void *reported_context; /* borrowed */
    applier_set_epoch_fn setting_epoch;
    void *setting_epoch_context; /* borrowed */
};

/* Loads them. */
MUST_CHECK enum status applier_registry_open(struct applier_registry **made,
                                             struct registry *registry,
                                             const struct registry_applied *cluster,
                                             struct error *error);

void applier_registry_on_set_epoch(struct applier_registry *appliers,
                                   applier_set_epoch_fn fn,
                                   void *context);

/* When the worker has ended. Accepts NULL. */
void applier_registry_close(struct applier_registry *appliers);

/* The worker's thread: takes copies of what has changed and says how many; writes them, in a
 * transaction; and how that ended: what was not saved is still to be. */
size_t applier_registry_collect(struct applier_registry *appliers);
MUST_CHECK enum status applier_registry_write(struct applier_registry *appliers,
                                              struct error *error);
void applier_registry_written(struct applier_registry *appliers, bool is_saved);

struct applier_time applier_registry_now(const struct applier_registry *appliers);
struct applier_scope applier_registry_scope(const struct applier_registry *appliers);

/* "applier 201 ..." as a numbered event. */
void applier_registry_tell(struct applier_registry *appliers,
                           const char *event,
                           const char *format,
                           ...) PRINTF_LIKE(3, 4);

/* A refused report is told, once for as long as the reason stays the same. */
void applier_registry_refuse(struct applier_registry *appliers,
                             uint32_t server_id,
                             enum report_way way,
                             enum report_fault fault,
                             const struct error *error);

/* Those of a group; *server_ids is the caller's. */
size_t applier_registry_members(struct applier_registry *appliers,
                                const char *group,
                                uint32_t **server_ids);
