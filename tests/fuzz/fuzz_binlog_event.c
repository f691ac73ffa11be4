/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over a file's events and decodes each body in every way. */
#include <assert.h>

#include "binrelay/protocol/binlog_control.h"
#include "binrelay/protocol/binlog_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void decode(struct bytes event, enum binlog_checksum checksum)
{
    struct binlog_event_header header = binlog_event_header_at(event.data);
    struct bytes body = binlog_event_body(event, checksum);
    struct binlog_rotate rotate;
    struct binlog_query query;
    struct binlog_incident incident;
    struct error error;

    assert(body.size <= event.size - BINLOG_EVENT_HEADER_BYTES);
    if (binlog_rotate_decode(&rotate, body, &error) == STATUS_OK) {
        assert(rotate.file_name.size <= body.size);
    }
    if (binlog_heartbeat_decode(&rotate, header, body, &error) == STATUS_OK) {
        assert(rotate.file_name.size <= body.size);
    }
    if (binlog_query_decode(&query, body, &error) == STATUS_OK) {
        assert(query.database.size + query.statement.size <= body.size);
    }
    if (binlog_incident_decode(&incident, body, &error) == STATUS_OK) {
        assert(incident.message.size <= body.size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct binlog_walk walk = binlog_walk_of((struct bytes){.data = bytes, .size = size});
    struct bytes event;
    struct error error;

    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        assert(event.size >= BINLOG_EVENT_HEADER_BYTES);
        (void)binlog_event_checksum_is_right(event);
        decode(event, BINLOG_CHECKSUM_CRC32);
        decode(event, BINLOG_CHECKSUM_NONE);
    }
    return 0;
}
