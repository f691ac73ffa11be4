/* SPDX-License-Identifier: Apache-2.0 */
/* What SHOW BINLOG EVENTS says of an event, as the servers do (Log_event::pack_info). Pure. */
#pragma once

#include "binrelay/protocol/binlog_event.h"

/* The type by the name that SHOW BINLOG EVENTS has always had for it. */
const char *sql_event_type_name(uint8_t type);

/*
 * Adds the text. `event` is the whole event, or its beginning if it is long:
 * the text is then cut, or empty where the beginning says nothing.
 */
void sql_event_text_add(struct buffer *output,
                        const struct binlog_event_header *header,
                        struct bytes event,
                        enum binlog_checksum checksum);
