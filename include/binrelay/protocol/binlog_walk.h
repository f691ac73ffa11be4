/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goes from event to event over bytes in memory: a file's image behind its
 * magic, or a part of it that begins with an event. Checks the frame of each
 * event, not its checksum. Pure; plain, so copy it to remember a place.
 */
#pragma once

#include "binrelay/protocol/binlog_event.h"

struct binlog_walk {
    struct bytes left; /* borrowed; begins where the next event does */
};

struct binlog_walk binlog_walk_of(struct bytes bytes);

/*
 * Takes the next event, whole. STATUS_AGAIN, with error untouched: no whole
 * event is left, and the walk stays where it is. STATUS_CORRUPT: no event
 * begins here.
 */
MUST_CHECK enum status binlog_walk_next(struct binlog_walk *walk,
                                        struct bytes *event,
                                        struct error *error);
