/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of `binrelayctl store`, one file each. binrelayctl_store.c reads
 * the command line for all of them.
 */
#pragma once

#include <stdint.h>

#include "binrelay/protocol/epoch.h"
#include "store_place.h"

struct store_command_line {
    const struct store_place *place; /* borrowed */
    bool is_json;
    struct epoch_rules rules; /* kind NONE: not said */
    uint64_t from_epoch;
    uint64_t to_epoch; /* the last that is wanted */
    uint64_t since_usec;
    uint64_t until_usec;
};

/* Each prints its results to stdout and says in *is_clean whether they are good. */
MUST_CHECK enum status store_tool_verify(const struct store_command_line *line,
                                         bool *is_clean,
                                         struct error *error);
MUST_CHECK enum status store_tool_dump(const struct store_command_line *line,
                                       bool *is_clean,
                                       struct error *error);
MUST_CHECK enum status store_tool_reindex(const struct store_command_line *line,
                                          bool *is_clean,
                                          struct error *error);
