/* SPDX-License-Identifier: Apache-2.0 */
#include "source_fault.h"

#include "check.h"

static enum pull_state state_of(unsigned code, const char *words, enum source_stage stage)
{
    return source_fault_state(code, bytes_of_text(words), stage);
}

static void tells_what_is_denied_from_what_is_wrong(void)
{
    CHECK(state_of(1045, "Access denied for user", SOURCE_STAGE_LOGIN) == PULL_DENIED);
    CHECK(state_of(1130, "Host is not allowed", SOURCE_STAGE_LOGIN) == PULL_DENIED);
    CHECK(state_of(1227, "you need REPLICATION SLAVE", SOURCE_STAGE_SETUP) == PULL_DENIED);
    CHECK(state_of(1381, "You are not using binary logging", SOURCE_STAGE_SETUP) ==
          PULL_MISCONFIGURED);
    CHECK(state_of(1040, "Too many connections", SOURCE_STAGE_LOGIN) == PULL_WAITING);
    CHECK(state_of(1053, "Server shutdown in progress", SOURCE_STAGE_STREAM) == PULL_WAITING);
}

/* The words as servers 9.7 and 10.11 sent them. */
static void reads_the_words_of_error_1236(void)
{
    CHECK(state_of(1236, "Could not find first log file name in binary log index file",
                   SOURCE_STAGE_PROVING) == PULL_SOURCE_PURGED);
    CHECK(state_of(1236,
                   "Cannot replicate because the source purged required binary logs. Replicate "
                   "the missing transactions from elsewhere",
                   SOURCE_STAGE_SETUP) == PULL_SOURCE_PURGED);
    CHECK(state_of(1236,
                   "Client requested source to start replication from position > file size",
                   SOURCE_STAGE_PROVING) == PULL_SOURCE_BEHIND);
    CHECK(state_of(1236,
                   "Client requested master to start replication from impossible position; the "
                   "first event 'mbin.000003' at 99999",
                   SOURCE_STAGE_PROVING) == PULL_SOURCE_BEHIND);
    CHECK(state_of(1236, "Replica has more GTIDs than the source has", SOURCE_STAGE_SETUP) ==
          PULL_MISCONFIGURED);
}

static void takes_unreadable_bytes_for_a_lost_tail_until_the_last_event_is_proven(void)
{
    const char *words = "bogus data in log event; the first event 'mbin.000003' at 130";

    CHECK(state_of(1236, words, SOURCE_STAGE_PROVING) == PULL_SOURCE_BEHIND);
    CHECK(state_of(1236, words, SOURCE_STAGE_STREAM) == PULL_WAITING);
    CHECK(state_of(1236, "", SOURCE_STAGE_PROVING) == PULL_WAITING);
}

int main(void)
{
    tells_what_is_denied_from_what_is_wrong();
    reads_the_words_of_error_1236();
    takes_unreadable_bytes_for_a_lost_tail_until_the_last_event_is_proven();
    return 0;
}
