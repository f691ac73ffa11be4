/* SPDX-License-Identifier: Apache-2.0 */
#include "epoch_maker.h"

#include <string.h>

enum {
    WRITE_ROWS = 30,
    UPDATE_ROWS = 31,
    TYPE_LONG = 3,
    TYPE_LONGLONG = 8,
    TYPE_VARCHAR = 15,
    TYPE_TIMESTAMP2 = 17,
    NULLABLE_REPORT_COLUMNS = 0x0C, /* applied_epoch and source_cluster */
    GTID_BODY_BYTES = 42,
    TABLE_MARKER = 100,
    TABLE_USERS = 101,
};

static void add_event(struct binlog_maker *maker, uint8_t type, struct buffer *body)
{
    uint32_t now = maker->created_at_sec;

    (void)binlog_maker_add(maker, type, buffer_bytes(body));
    maker->created_at_sec = now; /* one second for the whole transaction */
    buffer_release(body);
}

static uint64_t begin(struct binlog_maker *maker)
{
    uint64_t start = maker->file.size;
    uint32_t now = maker->created_at_sec;
    struct buffer gtid = {0};

    buffer_add_zeros(&gtid, GTID_BODY_BYTES);
    add_event(maker, BINLOG_ANONYMOUS_GTID, &gtid);
    (void)binlog_maker_query(maker, "BEGIN");
    maker->created_at_sec = now;
    return start;
}

static const uint8_t status_types[] = {TYPE_LONG, TYPE_LONGLONG, TYPE_VARCHAR, TYPE_LONGLONG,
                                       TYPE_LONGLONG};

/* Of up to eight columns; a bit for each that is nullable. */
static void add_table_with(struct binlog_maker *maker,
                           uint64_t id,
                           const char *database,
                           const char *name,
                           struct bytes types,
                           uint8_t nullable)
{
    struct buffer body = {0};

    buffer_add_number(&body, id, 6);
    buffer_add_number(&body, 1, 2);
    buffer_add_number(&body, strlen(database), 1);
    buffer_add_text_zero(&body, database);
    buffer_add_number(&body, strlen(name), 1);
    buffer_add_text_zero(&body, name);
    buffer_add_number(&body, types.size, 1);
    buffer_add_bytes(&body, types);
    if (memchr(types.data, TYPE_VARCHAR, types.size) != NULL) {
        buffer_add_number(&body, 2, 1); /* bytes of metadata: the longest text */
        buffer_add_number(&body, 255, 2);
    } else if (memchr(types.data, TYPE_TIMESTAMP2, types.size) != NULL) {
        buffer_add_number(&body, 1, 1);
        buffer_add_number(&body, 0, 1); /* no fraction of a second */
    } else {
        buffer_add_number(&body, 0, 1);
    }
    buffer_add_number(&body, nullable, 1);
    add_event(maker, BINLOG_TABLE_MAP, &body);
}

static void add_table(struct binlog_maker *maker,
                      uint64_t id,
                      const char *database,
                      const char *name,
                      struct bytes types)
{
    add_table_with(maker, id, database, name, types, 0);
}

static void begin_rows(struct buffer *body, uint64_t id, size_t columns, bool is_update)
{
    buffer_add_number(body, id, 6);
    buffer_add_number(body, 0, 2); /* more may follow */
    buffer_add_number(body, 2, 2); /* no extra data */
    buffer_add_number(body, columns, 1);
    for (int images = is_update ? 2 : 1; images > 0; images--) {
        buffer_add_number(body, 0xff, 1); /* all columns */
    }
}

uint64_t epoch_maker_ndb(struct binlog_maker *maker, uint64_t epoch, unsigned rows)
{
    static const uint8_t users[] = {TYPE_LONG};
    uint64_t start = begin(maker);
    struct buffer body = {0};

    add_table(maker, TABLE_MARKER, "mysql", "ndb_apply_status",
              (struct bytes){.data = status_types, .size = sizeof(status_types)});
    add_table(maker, TABLE_USERS, "shop", "users",
              (struct bytes){.data = users, .size = sizeof(users)});
    begin_rows(&body, TABLE_MARKER, sizeof(status_types), false);
    buffer_add_number(&body, 0, 1); /* no NULL */
    buffer_add_number(&body, maker->server_id, 4);
    buffer_add_number(&body, epoch, 8);
    buffer_add_number(&body, 0, 1); /* log_name */
    buffer_add_zeros(&body, 16);
    add_event(maker, WRITE_ROWS, &body);
    if (rows > 0) {
        begin_rows(&body, TABLE_USERS, sizeof(users), false);
        for (unsigned row = 0; row < rows; row++) {
            buffer_add_number(&body, 0, 1);
            buffer_add_number(&body, row, 4);
        }
        add_event(maker, WRITE_ROWS, &body);
    }
    (void)binlog_maker_xid(maker);
    maker->created_at_sec--;
    return start;
}

uint64_t epoch_maker_heartbeat(struct binlog_maker *maker, uint32_t server_id, uint64_t counter)
{
    static const uint8_t types[] = {TYPE_LONG, TYPE_LONGLONG};
    uint64_t start = begin(maker);
    struct buffer body = {0};

    add_table(maker, TABLE_MARKER, "heartbeat", "heartbeat",
              (struct bytes){.data = types, .size = sizeof(types)});
    begin_rows(&body, TABLE_MARKER, sizeof(types), true);
    for (uint64_t image = 0; image < 2; image++) {
        buffer_add_number(&body, 0, 1);
        buffer_add_number(&body, server_id, 4);
        buffer_add_number(&body, counter - 1 + image, 8);
    }
    add_event(maker, UPDATE_ROWS, &body);
    (void)binlog_maker_xid(maker);
    maker->created_at_sec--;
    return start;
}

uint64_t epoch_maker_report(struct binlog_maker *maker,
                            uint32_t server_id,
                            uint64_t applied_epoch,
                            uint32_t source_cluster)
{
    static const uint8_t types[] = {TYPE_LONG, TYPE_LONGLONG, TYPE_LONGLONG, TYPE_LONG,
                                    TYPE_TIMESTAMP2};
    uint64_t start = begin(maker);
    struct buffer body = {0};

    add_table_with(maker, TABLE_MARKER, "heartbeat", "heartbeat",
                   (struct bytes){.data = types, .size = sizeof(types)},
                   NULLABLE_REPORT_COLUMNS);
    begin_rows(&body, TABLE_MARKER, sizeof(types), false);
    buffer_add_number(&body, 0, 1);
    buffer_add_number(&body, server_id, 4);
    buffer_add_number(&body, 1, 8);
    buffer_add_number(&body, applied_epoch, 8);
    buffer_add_number(&body, source_cluster, 4);
    buffer_add_number(&body, maker->created_at_sec, 4);
    add_event(maker, WRITE_ROWS, &body);
    (void)binlog_maker_xid(maker);
    maker->created_at_sec--;
    return start;
}

uint64_t epoch_maker_applied(struct binlog_maker *maker, uint32_t origin, uint64_t epoch)
{
    uint64_t start = begin(maker);
    struct buffer body = {0};

    add_table(maker, TABLE_MARKER, "mysql", "ndb_apply_status",
              (struct bytes){.data = status_types, .size = sizeof(status_types)});
    begin_rows(&body, TABLE_MARKER, sizeof(status_types), false);
    buffer_add_number(&body, 0, 1);
    buffer_add_number(&body, origin, 4);
    buffer_add_number(&body, epoch, 8);
    buffer_add_number(&body, 0, 1); /* log_name */
    buffer_add_zeros(&body, 16);
    add_event(maker, WRITE_ROWS, &body);
    (void)binlog_maker_xid(maker);
    maker->created_at_sec--;
    return start;
}

uint64_t epoch_maker_other(struct binlog_maker *maker)
{
    static const uint8_t types[] = {TYPE_LONG};
    uint64_t start = begin(maker);
    struct buffer body = {0};

    add_table(maker, TABLE_USERS, "shop", "users",
              (struct bytes){.data = types, .size = sizeof(types)});
    begin_rows(&body, TABLE_USERS, sizeof(types), false);
    buffer_add_number(&body, 0, 1);
    buffer_add_number(&body, 1, 4);
    add_event(maker, WRITE_ROWS, &body);
    (void)binlog_maker_xid(maker);
    maker->created_at_sec--;
    return start;
}

uint64_t epoch_maker_incident(struct binlog_maker *maker)
{
    uint64_t start = maker->file.size;
    struct buffer body = {0};

    buffer_add_zeros(&body, GTID_BODY_BYTES);
    add_event(maker, BINLOG_ANONYMOUS_GTID, &body);
    buffer_add_number(&body, 1, 2); /* LOST_EVENTS */
    buffer_add_number(&body, 4, 1);
    buffer_add_text(&body, "lost");
    add_event(maker, BINLOG_INCIDENT, &body);
    return start;
}
