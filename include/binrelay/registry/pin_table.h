/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named holds on an epoch: for a backup, an export, a restore to come. Names
 * are unique over all clusters; durable in control.db. Any thread; what
 * changes something waits until it is durable.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/error.h"
#include "binrelay/registry/applier.h"

enum { PIN_NAME_BYTES = 65, PIN_CLUSTER_BYTES = 65, PIN_MOST = 10000 };

struct pin_table; /* the registry's */

struct pin_facts {
    char name[PIN_NAME_BYTES]; /* the key: [A-Za-z0-9._-], 1 to 64 of them */
    char cluster[PIN_CLUSTER_BYTES];
    struct epoch_key epoch;      /* what is behind it stays */
    struct binlog_position from; /* that is behind here */
    bool is_done;                /* what it was made for is complete, as somebody said */
    bool is_expired;             /* holds nothing any more */
    uint64_t created_usec;       /* wall clock, as the next */
    uint64_t expires_usec;       /* 0: never */
};

/* Adds a pin, or replaces the one of its name: an equal call again changes nothing. The caller
 * has found `from`, with all behind it here. STATUS_FULL: PIN_MOST are there. */
MUST_CHECK enum status pin_table_put(struct pin_table *pins,
                                     const struct pin_facts *pin,
                                     struct error *error);

/* STATUS_NOT_FOUND: there is none of that name. */
MUST_CHECK enum status pin_table_remove(struct pin_table *pins,
                                        const char *name,
                                        struct error *error);
MUST_CHECK enum status pin_table_find(struct pin_table *pins,
                                      const char *name,
                                      struct pin_facts *found,
                                      struct error *error);

/* Ordered by name; *pins is the caller's to free. */
size_t pin_table_list(struct pin_table *table, struct pin_facts **pins);

/* What the pins of a cluster hold, expired ones not; *holds is the caller's to free. */
size_t pin_table_holds(struct pin_table *table, const char *cluster, struct log_hold **holds);
