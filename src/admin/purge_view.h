/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is at one moment: the files, what is needed of them, the settings.
 *
 * The files are listed first and the holds are read after them. A hold that
 * comes later is of a stream that looks for its first file later still, or of
 * one whose file is open already: see purger.h.
 */
#pragma once

#include "purge_plan.h"

struct purger;

struct purge_view {
    struct binlog_file_facts *files; /* owned, as the next */
    struct log_hold *holds;
    struct purge_settings settings;
    uint64_t bytes;           /* of all files */
    bool has_appliers;        /* somebody is known; else nothing goes by itself */
    struct purge_scene scene; /* borrows all of the above */
};

void purge_view_take(struct purge_view *view, struct purger *purger);
void purge_view_release(struct purge_view *view);

/* Streams that were passed by force, or with their applier: what they needed in front of a file
 * is gone, and they hold it no more, though they may take a while to end. */
struct given_up {
    char who[128]; /* of the hold */
    uint64_t before;
};

/* The stream of this hold needs nothing in front of the file any more. */
void purge_view_give_up(struct purger *purger, const struct log_hold *hold, uint64_t before);
