/* SPDX-License-Identifier: Apache-2.0 */
/* A format description that is taken can be sent on, and is then taken as well. */
#include <assert.h>
#include <string.h>

#include "binrelay/protocol/binlog_control.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct bytes event = {.data = bytes, .size = size};
    struct binlog_format format;
    struct binlog_format sent_format;
    struct buffer sent = {0};
    struct error error;

    if (binlog_format_decode(&format, event, &error) != STATUS_OK) {
        return 0;
    }
    binlog_format_add_for_middle(&sent, event, format.checksum);
    assert(sent.size == size);
    assert(binlog_format_decode(&sent_format, buffer_bytes(&sent), &error) == STATUS_OK);
    assert(sent_format.checksum == format.checksum && sent_format.created_at_sec == 0);
    assert(strcmp(sent_format.server_version, format.server_version) == 0);
    assert(format.checksum == BINLOG_CHECKSUM_NONE ||
           binlog_event_checksum_is_right(buffer_bytes(&sent)));
    buffer_release(&sent);
    return 0;
}
