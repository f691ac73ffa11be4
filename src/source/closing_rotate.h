/* SPDX-License-Identifier: Apache-2.0 */
/* The Rotate at the end of a file names the next file, which here may have another name or
 * number than at the source. Pure. */
#pragma once

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"
#include "binrelay/protocol/binlog_event.h"

/*
 * Gives the event as it is stored: itself if it names `next_name`, else a copy
 * in `made` with that name, the position behind it and a checksum made new.
 * STATUS_CORRUPT if it is no Rotate.
 */
MUST_CHECK enum status closing_rotate_rename(struct bytes event,
                                             enum binlog_checksum checksum,
                                             const char *next_name,
                                             struct buffer *made,
                                             struct bytes *stored,
                                             struct error *error);
