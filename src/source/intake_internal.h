/* SPDX-License-Identifier: Apache-2.0 */
/* What intake.c (whole events) and intake_large.c (events in parts) share. */
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
