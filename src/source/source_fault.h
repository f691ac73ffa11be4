/* SPDX-License-Identifier: Apache-2.0 */
/* What an error of a source means for the pull: which state says best what an administrator has
 * to look at. Pure. */
#pragma once

#include <stdbool.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"
#include "binrelay/registry/cluster_board.h"

/* Where the connection stood when the error came. */
enum source_stage {
    SOURCE_STAGE_LOGIN,   /* up to the OK of the login */
    SOURCE_STAGE_SETUP,   /* questions, registration, a search by GTIDs */
    SOURCE_STAGE_PROVING, /* the dump runs; the last stored event was not seen yet */
    SOURCE_STAGE_STREAM,
};

/* The state for an error packet: the code and the words of the server. */
enum pull_state source_fault_state(unsigned sql_code,
                                   struct bytes message,
                                   enum source_stage stage);
