/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one file of a store, up to the durable end. Belongs to one thread.
 * The file cannot go away while a cursor has it open.
 */
#pragma once

#include "binrelay/storage/binlog_store.h"

struct binlog_cursor;

/* STATUS_NOT_FOUND: no such file. */
MUST_CHECK enum status binlog_cursor_open(struct binlog_cursor **made,
                                          struct binlog_store *store,
                                          uint64_t file,
                                          struct error *error);
void binlog_cursor_close(struct binlog_cursor *cursor);

/* Bytes of the file that may be read now: its size, or the durable end in it. */
uint64_t binlog_cursor_readable(const struct binlog_cursor *cursor);

/* True if the log goes on in a later file; *next is its number. */
bool binlog_cursor_is_finished(const struct binlog_cursor *cursor, uint64_t *next);

/*
 * Reads up to size bytes at offset, not past what may be read; *found is how
 * many. STATUS_CORRUPT: the file became shorter than what was stored.
 */
MUST_CHECK enum status binlog_cursor_read(struct binlog_cursor *cursor,
                                          uint64_t offset,
                                          void *data,
                                          size_t size,
                                          size_t *found,
                                          struct error *error);

/* The whole format description event of the file, as stored. Borrowed from the cursor. */
MUST_CHECK enum status binlog_cursor_format(struct binlog_cursor *cursor,
                                            struct bytes *event,
                                            struct error *error);

/*
 * STATUS_OK if an event begins at offset, or the readable part ends there;
 * STATUS_INVALID with the reason otherwise. Reads one event, not the file; in a
 * file of MariaDB 11.4 and up without checksums, where an event may not say
 * where it is, up to a thousand headers.
 */
MUST_CHECK enum status binlog_cursor_check_boundary(struct binlog_cursor *cursor,
                                                    uint64_t offset,
                                                    struct error *error);

/* A new descriptor of the file, which the caller closes: for sendfile. -1 with errno. */
int binlog_cursor_descriptor(const struct binlog_cursor *cursor);
