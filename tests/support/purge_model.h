/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must still be there, said by a model that knows nothing of how the
 * purger comes to it. The test does to it what it does to the rig.
 */
#pragma once

#include "purge_rig.h"

enum {
    MODEL_APPLIERS = 12,
    MODEL_FIRST_APPLIER = 201,
    MODEL_FIRST_REGISTERED = 209, /* from here on they register themselves */
    MODEL_PINS = 4,
};

struct model_applier {
    bool is_known;
    bool is_registered; /* by itself */
    bool is_required;
    bool is_seen;
    bool is_lost;
    bool is_expired; /* until the next sign of life */
    uint64_t expire_after_usec;
    uint64_t sign_usec;
    uint64_t applied;
    struct binlog_position sent;
    unsigned streams;
};

struct model_pin {
    bool is_there;
    bool is_expired;
    uint64_t epoch;
    uint64_t expires_usec;
};

struct model {
    struct purge_rig *rig; /* borrowed */
    uint64_t random;
    uint64_t first; /* the oldest file */
    struct model_applier appliers[MODEL_APPLIERS];
    struct model_pin pins[MODEL_PINS];
    uint64_t given_before[RIG_MOST_STREAMS]; /* streams of nobody: what force took from them */
    unsigned long purged;
    unsigned long forced;
    unsigned long denied;
};

/* Any number from low to high. */
uint64_t model_between(struct model *model, uint64_t low, uint64_t high);

uint64_t model_now(const struct model *model);
uint32_t model_id(size_t applier);

/* Whether it holds anything, and from where on. */
bool model_applier_hold(const struct model *model,
                        const struct model_applier *applier,
                        struct binlog_position *from);
bool model_pin_hold(const struct model *model, size_t at, struct binlog_position *from);
bool model_stream_hold(const struct model *model, size_t at);

/* True if who goes on from the place needs the file. */
bool model_needs(const struct model *model, struct binlog_position place, uint64_t file);

/* True if anybody does. */
bool model_is_needed(const struct model *model, uint64_t file);
bool model_knows_somebody(const struct model *model);

/* The first file that stays, of those in front of a number. */
uint64_t model_expect_first(const struct model *model, uint64_t before);

/* What ran out by now has, until somebody gives a sign. */
void model_note_expiry(struct model *model);

/* All in front of the file went. */
void model_advance(struct model *model, uint64_t first);

/* The list and the directory are as the model says. */
void model_check_files(struct model *model);
