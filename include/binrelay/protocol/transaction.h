/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where transactions begin and end in a stream of events, MySQL's and
 * MariaDB's, with and without GTIDs (server: sql/rpl_trx_boundary_parser.cc).
 *
 * Feed each event once, in order. Small and plain: copy it to remember a place.
 */
#pragma once

#include <stdbool.h>

#include "binrelay/base/bytes.h"
#include "binrelay/protocol/binlog_event.h"

enum transaction_place {
    TRANSACTION_OUTSIDE,   /* between transactions: what came so far is whole */
    TRANSACTION_ANNOUNCED, /* behind a GTID, before the first statement */
    TRANSACTION_INSIDE,
    TRANSACTION_STANDALONE, /* MariaDB FL_STANDALONE: ends with its one statement */
};

struct transaction_tracker {
    enum transaction_place place;
};

/*
 * Follows one event. The body may be cut to its first bytes (4 KiB and more is
 * always enough but for Query events with very long status variables, where
 * 70 KiB is). Returns true if the stream is between transactions after it.
 */
bool transaction_tracker_follow(struct transaction_tracker *tracker,
                                uint8_t type,
                                struct bytes body);
