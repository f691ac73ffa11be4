/* SPDX-License-Identifier: Apache-2.0 */
/* What intake.c (whole events), intake_large.c (events in parts) and intake_identity.c (events
 * that are rewritten) share. */
#pragma once

#include "closing_rotate.h"
#include "intake.h"

/* Set the blame and the message; return the status. type 0: none is known. */
enum status intake_fail_bad(struct intake *intake,
                            uint8_t type,
                            struct error *error,
                            const char *format,
                            ...) PRINTF_LIKE(4, 5);
enum status intake_fail_behind(struct intake *intake, struct error *error, const char *what);
enum status intake_fail_store(struct intake *intake, struct error *error);

/* That an event stands where the one before it ended. */
MUST_CHECK enum status intake_check_place(struct intake *intake,
                                          const struct binlog_event_header *header,
                                          struct error *error);

/* Passes an event that is stored. */
MUST_CHECK enum status intake_skip(struct intake *intake, uint32_t size, struct error *error);

/* Compares bytes with those of the last stored event, from `from` in it. */
MUST_CHECK enum status intake_compare(struct intake *intake,
                                      uint64_t from,
                                      struct bytes bytes,
                                      struct error *error);

/* Counts an event that was stored. */
void intake_advance(struct intake *intake,
                    const struct binlog_event_header *header,
                    uint64_t stored_size,
                    bool wants_ack);

MUST_CHECK enum status intake_take_part(struct intake *intake,
                                        const struct dump_item *item,
                                        struct error *error);

/* Takes an event of the file that is whole; its checksum is right. */
MUST_CHECK enum status intake_take_file_event(struct intake *intake,
                                              const struct binlog_event_header *header,
                                              const struct dump_item *item,
                                              struct error *error);

/* ---- with an identity ---- */

enum { INTAKE_WHOLE_MOST_BYTES = 256 * 1024 * 1024 }; /* of an event that must be given whole */

/* The event as it is stored. */
MUST_CHECK enum status intake_change_identity(struct intake *intake,
                                              uint8_t type,
                                              struct bytes event,
                                              struct bytes *stored,
                                              struct error *error);

/* The error says why an event cannot be rewritten: the pull stands until somebody acts. */
enum status intake_fail_identity(struct intake *intake, struct error *error);

/* Compares an event as it would be stored with the last one that is. */
MUST_CHECK enum status intake_compare_identity(struct intake *intake,
                                               struct bytes event,
                                               struct error *error);

/* True if an event that comes in parts is to be put together first. */
bool intake_wants_whole(const struct intake *intake, uint8_t type);
MUST_CHECK enum status intake_check_whole(struct intake *intake,
                                          const struct binlog_event_header *header,
                                          struct error *error);
