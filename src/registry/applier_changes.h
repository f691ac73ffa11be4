/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes that are durable before anybody is told. On the worker each is made
 * to a copy, the copies are written in one transaction, and only then is it
 * made to what is in memory, which may have had reports since: those are kept.
 */
#pragma once

#include "applier_registry_internal.h"

enum applier_change_kind {
    CHANGE_SETTING,  /* of the configuration, or an administrator */
    CHANGE_UNLIST,   /* not in the configuration any more */
    CHANGE_REGISTER, /* a replica registered itself */
    CHANGE_EPOCH,
    CHANGE_LOSE,
    CHANGE_FORGET,
};

struct applier_change {
    uint32_t server_id;
    enum applier_change_kind kind;
    enum applier_origin origin;            /* SETTING, REGISTER */
    const struct applier_setting *setting; /* SETTING; borrowed */
    bool drops_report;                     /* SETTING: what it reported was of another target */
    struct epoch_key key;                  /* EPOCH */
    bool is_new;                           /* found out when it is made */
};

struct applier_changes {
    struct applier_registry *appliers;
    struct applier_change *changes; /* owned */
    size_t count;
    size_t capacity;
};

void applier_changes_add(struct applier_changes *changes, struct applier_change change);

/* The worker's thread: makes all of them durable, then visible, or none. STATUS_FULL:
 * APPLIER_MOST are known. Which applier is new is_new says. */
MUST_CHECK enum status applier_changes_commit(struct applier_changes *changes,
                                              struct error *error);

/* The worker's thread: gives them rows in the heartbeat table, where they have none. The
 * field's scripts UPDATE: without a row they would report nothing. */
void applier_changes_add_rows(struct applier_registry *appliers,
                              const uint32_t *server_ids,
                              size_t count);

/* The worker's thread: takes the row away of one that was forgotten, unless another cluster
 * knows it. What it said is not the next one's of that id, and the rows have a limit. */
void applier_changes_remove_row(struct applier_registry *appliers, uint32_t server_id);
