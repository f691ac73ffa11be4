/* SPDX-License-Identifier: Apache-2.0 */
#include "log_writer.h"

#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"

enum { CREATED_SEC = 1700000000, WRITE_ROWS = 30, ROWS_LEAST_BYTES = 10 };

struct log_writer log_writer_of(struct binlog_store *store, bool is_mariadb)
{
    return (struct log_writer){.store = store,
                               .is_mariadb = is_mariadb,
                               .checksum = BINLOG_CHECKSUM_CRC32,
                               .gtids = gtid_set_new()};
}

void log_writer_release(struct log_writer *writer)
{
    for (size_t i = 0; i < LOG_FILES_MOST; i++) {
        buffer_release(&writer->files[i].bytes);
        free(writer->files[i].boundaries);
    }
    gtid_set_free(writer->gtids);
    mariadb_gtid_list_release(&writer->state);
}

struct gtid gtid_of(uint8_t source, uint64_t number)
{
    struct gtid gtid = {.number = number};

    memset(gtid.source.uuid, source, sizeof(gtid.source.uuid));
    return gtid;
}

static void add_boundary(struct log_file *file)
{
    if (file->boundary_count == file->boundary_capacity) {
        file->boundaries =
            mem_grow(file->boundaries, &file->boundary_capacity, sizeof(*file->boundaries));
    }
    file->boundaries[file->boundary_count++] = file->bytes.size;
}

/* Adds a whole event to the store and to the image. */
static void add_event(struct log_writer *writer, struct buffer *event)
{
    struct log_file *file = &writer->files[writer->file];
    struct error error;

    CHECK_OK(binlog_store_append(writer->store, buffer_bytes(event), &error), &error);
    buffer_add_bytes(&file->bytes, buffer_bytes(event));
    add_boundary(file);
}

static void make_event(const struct log_writer *writer,
                       struct buffer *event,
                       uint8_t type,
                       struct bytes body)
{
    bool has_checksum =
        writer->checksum == BINLOG_CHECKSUM_CRC32 || type == BINLOG_FORMAT_DESCRIPTION;
    size_t size =
        BINLOG_EVENT_HEADER_BYTES + body.size + (has_checksum ? BINLOG_CHECKSUM_BYTES : 0);
    struct binlog_event_header header = {
        .created_at_sec = CREATED_SEC,
        .type = type,
        .server_id = LOG_SERVER_ID,
        .event_size = (uint32_t)size,
        .next_position = (uint32_t)(writer->files[writer->file].bytes.size + size),
    };

    binlog_event_header_encode(event, &header);
    buffer_add_bytes(event, body);
    if (has_checksum) {
        buffer_add_zeros(event, BINLOG_CHECKSUM_BYTES);
        bytes_put_u32(event->data + event->size - BINLOG_CHECKSUM_BYTES,
                      binlog_event_checksum(buffer_bytes(event)));
    }
}

void log_writer_event(struct log_writer *writer, uint8_t type, struct bytes body)
{
    struct buffer event = {0};

    make_event(writer, &event, type, body);
    add_event(writer, &event);
    buffer_release(&event);
}

static void add_format(struct log_writer *writer)
{
    enum { VERSION_BYTES = 50, LENGTHS = 42 };
    struct buffer body = {0};
    const char *version = writer->is_mariadb ? "10.11.14-MariaDB-log" : "9.7.0";

    buffer_add_number(&body, 4, 2);
    buffer_add_text(&body, version);
    buffer_add_zeros(&body, VERSION_BYTES - strlen(version));
    buffer_add_number(&body, CREATED_SEC, 4);
    buffer_add_number(&body, BINLOG_EVENT_HEADER_BYTES, 1);
    buffer_add_zeros(&body, LENGTHS);
    buffer_add_number(&body, (uint64_t)writer->checksum, 1);
    log_writer_event(writer, BINLOG_FORMAT_DESCRIPTION, buffer_bytes(&body));
    buffer_release(&body);
}

static void add_gtids_before(struct log_writer *writer)
{
    struct buffer body = {0};

    if (writer->is_mariadb) {
        mariadb_gtid_list_encode(&writer->state, &body);
        log_writer_event(writer, BINLOG_MARIADB_GTID_LIST, buffer_bytes(&body));
    } else {
        gtid_set_encode(writer->gtids, &body);
        log_writer_event(writer, BINLOG_PREVIOUS_GTIDS, buffer_bytes(&body));
    }
    buffer_release(&body);
}

void log_writer_begin_file(struct log_writer *writer, uint64_t file)
{
    struct error error;

    CHECK(file < LOG_FILES_MOST);
    CHECK_OK(binlog_store_begin_file(writer->store, "binlog", file, &error), &error);
    writer->file = file;
    buffer_add(&writer->files[file].bytes, BINLOG_MAGIC, BINLOG_MAGIC_BYTES);
    add_boundary(&writer->files[file]);
    add_format(writer);
    add_gtids_before(writer);
}

void log_writer_rotate(struct log_writer *writer)
{
    struct buffer body = {0};
    char name[BINLOG_NAME_BYTES];

    binlog_name_print(name, "binlog", writer->file + 1);
    buffer_add_number(&body, BINLOG_MAGIC_BYTES, 8);
    buffer_add_text(&body, name);
    log_writer_event(writer, BINLOG_ROTATE, buffer_bytes(&body));
    buffer_release(&body);
}

void log_writer_next_file(struct log_writer *writer)
{
    if (writer->file > 0) {
        log_writer_rotate(writer);
    }
    log_writer_begin_file(writer, writer->file + 1);
}

static void add_query(struct log_writer *writer, const char *statement)
{
    struct buffer body = {0};

    buffer_add_zeros(&body, 8); /* thread, execution time */
    buffer_add_number(&body, 4, 1);
    buffer_add_zeros(&body, 4); /* error code, no status variables */
    buffer_add_text_zero(&body, "shop");
    buffer_add_text(&body, statement);
    log_writer_event(writer, BINLOG_QUERY, buffer_bytes(&body));
    buffer_release(&body);
}

static void add_rows(struct log_writer *writer, unsigned rows, uint32_t row_bytes)
{
    struct buffer body = {0};

    for (unsigned row = 0; row < rows; row++) {
        buffer_clear(&body);
        buffer_add_zeros(&body, ROWS_LEAST_BYTES);
        while (body.size < row_bytes) {
            buffer_add_number(&body, body.size * 2654435761U + row + writer->file,
                              row_bytes - body.size < 8 ? 1 : 8);
        }
        log_writer_event(writer, WRITE_ROWS, buffer_bytes(&body));
    }
    buffer_release(&body);
}

static void add_table_map(struct log_writer *writer)
{
    static const uint8_t body[40] = {7};

    log_writer_event(writer, BINLOG_TABLE_MAP,
                     (struct bytes){.data = body, .size = sizeof(body)});
}

static void add_xid(struct log_writer *writer)
{
    static const uint8_t body[8] = {9};

    log_writer_event(writer, BINLOG_XID, (struct bytes){.data = body, .size = sizeof(body)});
}

void log_writer_transaction(struct log_writer *writer,
                            uint8_t source,
                            uint64_t number,
                            unsigned rows,
                            uint32_t row_bytes)
{
    struct gtid gtid = gtid_of(source, number);
    struct buffer body = {0};

    buffer_add_number(&body, 1, 1); /* flags */
    buffer_add(&body, gtid.source.uuid, sizeof(gtid.source.uuid));
    buffer_add_number(&body, number, 8);
    buffer_add_number(&body, 2, 1); /* logical timestamps follow */
    buffer_add_number(&body, number - 1, 8);
    buffer_add_number(&body, number, 8);
    log_writer_event(writer, BINLOG_GTID, buffer_bytes(&body));
    gtid_set_add(writer->gtids, &gtid);
    add_query(writer, "BEGIN");
    add_table_map(writer);
    add_rows(writer, rows, row_bytes);
    add_xid(writer);
    buffer_release(&body);
}

static void add_mariadb_gtid(struct log_writer *writer, struct mariadb_gtid gtid, uint8_t flags)
{
    enum { PADDING = 6 };
    struct buffer body = {0};
    struct buffer event = {0};

    buffer_add_number(&body, gtid.sequence, 8);
    buffer_add_number(&body, gtid.domain_id, 4);
    buffer_add_number(&body, flags, 1);
    buffer_add_zeros(&body, PADDING);
    make_event(writer, &event, BINLOG_MARIADB_GTID, buffer_bytes(&body));
    /* The server id stands in the header. */
    bytes_put_u32(event.data + BINLOG_EVENT_SERVER_ID_AT, gtid.server_id);
    if (writer->checksum == BINLOG_CHECKSUM_CRC32) {
        bytes_put_u32(event.data + event.size - BINLOG_CHECKSUM_BYTES,
                      binlog_event_checksum(buffer_bytes(&event)));
    }
    add_event(writer, &event);
    mariadb_gtid_state_update(&writer->state, gtid);
    buffer_release(&event);
    buffer_release(&body);
}

void log_writer_mariadb_group(struct log_writer *writer,
                              struct mariadb_gtid gtid,
                              unsigned rows,
                              uint32_t row_bytes)
{
    add_mariadb_gtid(writer, gtid, MARIADB_GTID_TRANSACTIONAL);
    add_table_map(writer);
    add_rows(writer, rows, row_bytes);
    add_xid(writer);
}

void log_writer_mariadb_statement(struct log_writer *writer, struct mariadb_gtid gtid)
{
    add_mariadb_gtid(writer, gtid, MARIADB_GTID_STANDALONE | MARIADB_GTID_DDL);
    add_query(writer, "CREATE TABLE t (a INT)");
}

void log_writer_publish(struct log_writer *writer)
{
    struct error error;

    CHECK_OK(binlog_store_write(writer->store, &error), &error);
    CHECK_OK(binlog_store_sync(writer->store, &error), &error);
}
