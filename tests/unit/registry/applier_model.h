/* SPDX-License-Identifier: Apache-2.0 */
/* What appliers must hold, by lists that are looked through from end to end. */
#pragma once

#include "registry_scene.h"

enum { MODEL_IDS = 8 };

struct model_epoch {
    struct epoch_key key;
    struct binlog_position end;
};

struct model_applier {
    bool is_known;
    bool is_registered; /* by itself */
    bool is_required;
    bool is_grouped;
    uint64_t expire_sec; /* 0: never */
    bool is_seen;
    bool is_expired;
    uint64_t sign_sec;
    bool is_lost;
    unsigned streams;
    struct binlog_position sent;
    struct binlog_position regained;
    struct epoch_key applied;
};

struct model {
    struct scene scene;
    unsigned seed;
    struct model_epoch *epochs; /* owned */
    size_t count;
    struct epoch_key newest;
    uint64_t first_file;
    uint64_t now_sec;
    struct model_applier appliers[MODEL_IDS];
};

/* The first epoch that is here. */
size_t model_first_here(const struct model *model);

/* Behind the last epoch that is not behind the key, of those that are here. */
struct binlog_position model_place_of(const struct model *model, struct epoch_key key);

/* What follows the key is here: also where what was purged ended with it. */
bool model_is_place(const struct model *model, struct epoch_key key);

/* The incarnation that a report of the applier means. False: none can be meant. */
bool model_find_meant(const struct model *model,
                      const struct model_applier *applier,
                      uint64_t epoch,
                      struct epoch_key *meant);

/* The highest that a member of the group reported. */
struct epoch_key model_group_applied(const struct model *model);

/* False: it holds nothing. */
bool model_must_hold(const struct model *model,
                     const struct model_applier *applier,
                     struct binlog_position *from);
