/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_event_text.h"

#include <inttypes.h>

#include "binrelay/protocol/binlog_control.h"
#include "binrelay/protocol/gtid_set.h"
#include "binrelay/protocol/mariadb_gtid.h"

enum { STATEMENT_SHOWN_BYTES = 1024, TABLE_ID_BYTES = 6, ROWS_STATEMENT_END = 1 };

const char *sql_event_type_name(uint8_t type)
{
    switch (type) {
    case BINLOG_FORMAT_DESCRIPTION:
        return "Format_desc";
    case BINLOG_ANONYMOUS_GTID:
        return "Anonymous_Gtid";
    case BINLOG_XA_PREPARE:
        return "XA_prepare";
    default:
        return binlog_event_type_name(type);
    }
}

typedef void (*text_fn)(struct buffer *output,
                        const struct binlog_event_header *header,
                        struct bytes event,
                        struct bytes body);

static void format_text(struct buffer *output,
                        const struct binlog_event_header *header,
                        struct bytes event,
                        struct bytes body)
{
    struct binlog_format format;
    struct error error;

    (void)header;
    (void)body;
    if (binlog_format_decode(&format, event, &error) == STATUS_OK) {
        buffer_add_format(output, "Server ver: %s, Binlog ver: 4", format.server_version);
    }
}

static void rotate_text(struct buffer *output,
                        const struct binlog_event_header *header,
                        struct bytes event,
                        struct bytes body)
{
    struct binlog_rotate rotate;
    struct error error;

    (void)header;
    (void)event;
    if (binlog_rotate_decode(&rotate, body, &error) == STATUS_OK) {
        buffer_add_bytes(output, rotate.file_name);
        buffer_add_format(output, ";pos=%" PRIu64, rotate.position);
    }
}

static void query_text(struct buffer *output,
                       const struct binlog_event_header *header,
                       struct bytes event,
                       struct bytes body)
{
    struct binlog_query query;
    struct error error;

    (void)header;
    (void)event;
    if (binlog_query_decode(&query, body, &error) != STATUS_OK) {
        return;
    }
    if (query.database.size > 0) {
        buffer_add_text(output, "use `");
        buffer_add_bytes(output, query.database);
        buffer_add_text(output, "`; ");
    }
    if (query.statement.size > STATEMENT_SHOWN_BYTES) {
        query.statement.size = STATEMENT_SHOWN_BYTES;
    }
    buffer_add_bytes(output, query.statement);
}

static void xid_text(struct buffer *output,
                     const struct binlog_event_header *header,
                     struct bytes event,
                     struct bytes body)
{
    struct byte_reader reader = byte_reader_of(body);

    (void)header;
    (void)event;
    buffer_add_format(output, "COMMIT /* xid=%" PRIu64 " */", byte_reader_number(&reader, 8));
}

static void gtid_text(struct buffer *output,
                      const struct binlog_event_header *header,
                      struct bytes event,
                      struct bytes body)
{
    char text[GTID_TEXT_BYTES] = "ANONYMOUS";
    struct error error;
    struct gtid gtid;

    (void)event;
    if (header->type != BINLOG_ANONYMOUS_GTID) {
        if (gtid_decode_event(&gtid, header->type, body, &error) != STATUS_OK) {
            return;
        }
        gtid_print(&gtid, text);
    }
    buffer_add_format(output, "SET @@SESSION.GTID_NEXT= '%s'", text);
}

static void previous_gtids_text(struct buffer *output,
                                const struct binlog_event_header *header,
                                struct bytes event,
                                struct bytes body)
{
    struct gtid_set *set = NULL;
    struct error error;

    (void)header;
    (void)event;
    if (gtid_set_decode(&set, body, &error) == STATUS_OK) {
        gtid_set_print(set, output);
        gtid_set_free(set);
    }
}

static void mariadb_gtid_text(struct buffer *output,
                              const struct binlog_event_header *header,
                              struct bytes event,
                              struct bytes body)
{
    struct mariadb_gtid gtid;
    struct error error;
    uint8_t flags = 0;

    (void)event;
    if (mariadb_gtid_decode_event(&gtid, &flags, header->server_id, body, &error) ==
        STATUS_OK) {
        buffer_add_format(output, "%sGTID %u-%u-%" PRIu64,
                          (flags & MARIADB_GTID_STANDALONE) != 0 ? "" : "BEGIN ",
                          gtid.domain_id, gtid.server_id, gtid.sequence);
    }
}

static void mariadb_list_text(struct buffer *output,
                              const struct binlog_event_header *header,
                              struct bytes event,
                              struct bytes body)
{
    struct mariadb_gtid_list list = {0};
    struct error error;

    (void)header;
    (void)event;
    if (mariadb_gtid_list_decode(&list, body, &error) == STATUS_OK) {
        buffer_add_text(output, "[");
        mariadb_gtid_list_print(&list, output);
        buffer_add_text(output, "]");
        mariadb_gtid_list_release(&list);
    }
}

static void table_map_text(struct buffer *output,
                           const struct binlog_event_header *header,
                           struct bytes event,
                           struct bytes body)
{
    struct byte_reader reader = byte_reader_of(body);
    uint64_t table_id = byte_reader_number(&reader, TABLE_ID_BYTES);
    struct bytes database;
    struct bytes table;

    (void)header;
    (void)event;
    byte_reader_skip(&reader, 2);
    database = byte_reader_take(&reader, byte_reader_number(&reader, 1));
    byte_reader_skip(&reader, 1); /* each name ends with a zero */
    table = byte_reader_take(&reader, byte_reader_number(&reader, 1));
    if (!reader.overran) {
        buffer_add_format(output, "table_id: %" PRIu64 " (%.*s.%.*s)", table_id,
                          (int)database.size, (const char *)database.data, (int)table.size,
                          (const char *)table.data);
    }
}

static void rows_text(struct buffer *output,
                      const struct binlog_event_header *header,
                      struct bytes event,
                      struct bytes body)
{
    struct byte_reader reader = byte_reader_of(body);
    uint64_t table_id = byte_reader_number(&reader, TABLE_ID_BYTES);
    uint64_t flags = byte_reader_number(&reader, 2);

    (void)header;
    (void)event;
    buffer_add_format(output, "table_id: %" PRIu64 "%s", table_id,
                      (flags & ROWS_STATEMENT_END) != 0 ? " flags: STMT_END_F" : "");
}

static void incident_text(struct buffer *output,
                          const struct binlog_event_header *header,
                          struct bytes event,
                          struct bytes body)
{
    struct binlog_incident incident;
    struct error error;

    (void)header;
    (void)event;
    if (binlog_incident_decode(&incident, body, &error) == STATUS_OK) {
        buffer_add_format(output, "#%u (%s)", incident.kind,
                          incident.kind == 1 ? "LOST_EVENTS" : "unknown");
    }
}

static const struct {
    uint8_t first; /* types from here */
    uint8_t last;  /* to here */
    text_fn add;
} rows[] = {
    /* clang-format off */
    {BINLOG_QUERY,              BINLOG_QUERY,              query_text},
    {BINLOG_ROTATE,             BINLOG_ROTATE,             rotate_text},
    {BINLOG_FORMAT_DESCRIPTION, BINLOG_FORMAT_DESCRIPTION, format_text},
    {BINLOG_XID,                BINLOG_XID,                xid_text},
    {BINLOG_TABLE_MAP,          BINLOG_TABLE_MAP,          table_map_text},
    {23,                        25,                        rows_text}, /* version 1 */
    {BINLOG_INCIDENT,           BINLOG_INCIDENT,           incident_text},
    {30,                        32,                        rows_text}, /* version 2 */
    {BINLOG_GTID,               BINLOG_ANONYMOUS_GTID,     gtid_text},
    {BINLOG_PREVIOUS_GTIDS,     BINLOG_PREVIOUS_GTIDS,     previous_gtids_text},
    {39,                        39,                        rows_text}, /* partial updates */
    {BINLOG_GTID_TAGGED,        BINLOG_GTID_TAGGED,        gtid_text},
    {BINLOG_MARIADB_GTID,       BINLOG_MARIADB_GTID,       mariadb_gtid_text},
    {BINLOG_MARIADB_GTID_LIST,  BINLOG_MARIADB_GTID_LIST,  mariadb_list_text},
    /* clang-format on */
};

void sql_event_text_add(struct buffer *output,
                        const struct binlog_event_header *header,
                        struct bytes event,
                        enum binlog_checksum checksum)
{
    struct bytes body = {.data = event.data + BINLOG_EVENT_HEADER_BYTES,
                         .size = event.size - BINLOG_EVENT_HEADER_BYTES};

    if (event.size == header->event_size) {
        body = binlog_event_body(event, checksum);
    }
    for (size_t at = 0; at < sizeof(rows) / sizeof(rows[0]); at++) {
        if (header->type >= rows[at].first && header->type <= rows[at].last) {
            rows[at].add(output, header, event, body);
            return;
        }
    }
}
