/* SPDX-License-Identifier: Apache-2.0 */
#include "closing_rotate.h"

#include <string.h>

#include "binrelay/protocol/binlog_control.h"

enum status closing_rotate_rename(struct bytes event,
                                  enum binlog_checksum checksum,
                                  const char *next_name,
                                  struct buffer *made,
                                  struct bytes *stored,
                                  struct error *error)
{
    struct binlog_event_header header;
    struct binlog_rotate rotate;

    if (binlog_event_header_decode(&header, event, error) != STATUS_OK ||
        binlog_rotate_decode(&rotate, binlog_event_body(event, checksum), error) != STATUS_OK) {
        return error->status;
    }
    if (bytes_equal(rotate.file_name, bytes_of_text(next_name))) {
        *stored = event;
        return STATUS_OK;
    }
    header.next_position -= header.event_size; /* where it begins, modulo 2^32 */
    header.event_size -= (uint32_t)rotate.file_name.size;
    header.event_size += (uint32_t)strlen(next_name);
    header.next_position += header.event_size;

    buffer_clear(made);
    binlog_event_header_encode(made, &header);
    buffer_add_number(made, rotate.position, 8);
    buffer_add_text(made, next_name);
    if (checksum == BINLOG_CHECKSUM_CRC32) {
        buffer_add_zeros(made, BINLOG_CHECKSUM_BYTES);
        bytes_put_u32(made->data + made->size - BINLOG_CHECKSUM_BYTES,
                      binlog_event_checksum(buffer_bytes(made)));
    }
    *stored = buffer_bytes(made);
    return STATUS_OK;
}
