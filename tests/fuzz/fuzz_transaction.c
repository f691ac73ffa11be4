/* SPDX-License-Identifier: Apache-2.0 */
/* Follows the events of a file; whatever came before, a format description leaves it outside.
 */
#include <assert.h>

#include "binrelay/protocol/binlog_walk.h"
#include "binrelay/protocol/transaction.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct binlog_walk walk = binlog_walk_of((struct bytes){.data = bytes, .size = size});
    struct transaction_tracker tracker = {0};
    struct bytes event;
    struct error error;

    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        uint8_t type = binlog_event_header_at(event.data).type;
        bool is_outside = transaction_tracker_follow(
            &tracker, type, binlog_event_body(event, BINLOG_CHECKSUM_CRC32));

        assert(is_outside == (tracker.place == TRANSACTION_OUTSIDE));
        assert(tracker.place <= TRANSACTION_STANDALONE);
    }
    assert(transaction_tracker_follow(&tracker, BINLOG_FORMAT_DESCRIPTION, (struct bytes){0}));
    return 0;
}
