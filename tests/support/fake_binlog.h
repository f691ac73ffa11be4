/* SPDX-License-Identifier: Apache-2.0 */
/* Makes binlog files as a MySQL 8.0 server writes them, event by event. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/protocol/binlog_event.h"

enum { FAKE_BINLOG_SERVER_ID = 101, FAKE_BINLOG_CREATED_SEC = 1700000000 };

/* Zeroed, with checksum set, is ready for fake_binlog_begin(). */
struct fake_binlog {
    struct buffer bytes; /* owned: the file so far */
    enum binlog_checksum checksum;
    uint64_t next_gtid; /* number of the next transaction */
};

/* The magic, a format description, and previous GTIDs (none). Begins at GTID 1 if none is set.
 */
void fake_binlog_begin(struct fake_binlog *binlog);
void fake_binlog_release(struct fake_binlog *binlog);

/* Adds any event at the end; returns its offset. */
uint64_t fake_binlog_add(struct fake_binlog *binlog, uint8_t type, struct bytes body);

/* GTID, BEGIN, one rows event with a body of so many bytes, XID. Returns the offset of the
 * GTID.
 */
uint64_t fake_binlog_add_transaction(struct fake_binlog *binlog, size_t row_bytes);
void fake_binlog_add_rotate(struct fake_binlog *binlog, const char *next_name);
void fake_binlog_add_stop(struct fake_binlog *binlog);

/* The event at an offset, as long as its header says. Borrowed. */
struct bytes fake_binlog_event(const struct fake_binlog *binlog, uint64_t offset);

/* Adds an event that is in no file. */
void fake_binlog_add_artificial(struct buffer *output,
                                uint8_t type,
                                uint32_t position,
                                struct bytes body,
                                enum binlog_checksum checksum);
