/* SPDX-License-Identifier: Apache-2.0 */
/* SHOW BINLOG EVENTS [IN 'file'] [FROM position] [LIMIT [offset,] count]. */
#include <inttypes.h>
#include <stdlib.h>

#include "binrelay/base/memory.h"
#include "binrelay/storage/binlog_cursor.h"
#include "binrelay/storage/binlog_files.h"
#include "sql_errors.h"
#include "sql_event_text.h"
#include "sql_select.h"
#include "sql_show.h"

/* One statement may not read without end, nor answer without end (S8). */
enum {
    MOST_EVENTS = 1000000,
    MOST_ROWS = 10000,
    DEFAULT_ROWS = 1000,
    WINDOW_BYTES = 64 * 1024,
};

struct request {
    uint64_t file;
    uint64_t offset;
    struct sql_limit limit;
};

struct walk {
    struct sql_statement *statement; /* borrowed */
    struct binlog_cursor *cursor;    /* owned */
    char name[BINLOG_NAME_BYTES];
    enum binlog_checksum checksum;
    uint8_t *window;        /* owned */
    uint64_t window_offset; /* of its first byte in the file */
    size_t window_bytes;
};

static enum status not_found(struct error *error)
{
    return sql_error_set(error, SQL_ERROR_BINLOG_EVENTS,
                         "Error when executing command SHOW BINLOG EVENTS: Could not find "
                         "target log");
}

static enum status read_file_name(struct sql_statement *statement,
                                  struct request *request,
                                  struct error *error)
{
    struct binlog_store *store = statement->session->cluster->store;
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    struct buffer text = {0};
    struct bytes name;

    if (statement->reader.token.kind != SQL_STRING) {
        return sql_statement_bad(statement, error);
    }
    sql_token_add_text(&statement->reader.token, &text);
    name = sql_text_take(&statement->memory, &text).text;
    sql_reader_next(&statement->reader);
    if (!binlog_name_split(name, base_name, &request->file) ||
        !bytes_equal(bytes_of_text(base_name), bytes_of_text(binlog_store_log_name(store)))) {
        return not_found(error);
    }
    return STATUS_OK;
}

static enum status read_request(struct sql_statement *statement,
                                struct request *request,
                                struct error *error)
{
    struct sql_reader *reader = &statement->reader;

    if (sql_reader_accept_word(reader, "in") &&
        read_file_name(statement, request, error) != STATUS_OK) {
        return error->status;
    }
    if (sql_reader_accept_word(reader, "from")) {
        if (reader->token.kind != SQL_NUMBER ||
            !sql_text_to_number(reader->token.text, &request->offset)) {
            return sql_statement_bad(statement, error);
        }
        sql_reader_next(reader);
    }
    if (sql_limit_read(statement, &request->limit, error) != STATUS_OK) {
        return error->status;
    }
    if (request->limit.count > MOST_ROWS) {
        request->limit.count = MOST_ROWS;
    }
    return sql_statement_end(statement, error);
}

/* A file that is not named is the first one. */
static uint64_t first_file(struct binlog_store *store)
{
    struct binlog_file_facts *files = NULL;
    size_t count = binlog_files_list(store, &files);
    uint64_t file = count == 0 ? 0 : files[0].file;

    free(files);
    return file;
}

static enum status open_walk(struct walk *walk,
                             const struct request *request,
                             struct error *error)
{
    struct binlog_store *store = walk->statement->session->cluster->store;
    struct binlog_file_facts facts;
    enum status status = binlog_files_find(store, request->file, &facts, error);

    if (status == STATUS_OK) {
        status = binlog_cursor_open(&walk->cursor, store, request->file, error);
    }
    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? not_found(error) : status;
    }
    binlog_name_print(walk->name, binlog_store_log_name(store), request->file);
    walk->checksum = facts.checksum;
    walk->window = mem_raw(WINDOW_BYTES);
    if (binlog_cursor_check_boundary(walk->cursor, request->offset, error) != STATUS_OK) {
        return sql_error_set(error, SQL_ERROR_BINLOG_EVENTS,
                             "Error when executing command SHOW BINLOG EVENTS: no event of %s "
                             "begins at %" PRIu64,
                             walk->name, request->offset);
    }
    return STATUS_OK;
}

/* What the window holds from the offset on; empty if that is elsewhere. */
static struct bytes look(const struct walk *walk, uint64_t offset)
{
    uint64_t skipped = offset - walk->window_offset;

    if (offset < walk->window_offset || skipped >= walk->window_bytes) {
        return (struct bytes){.data = walk->window};
    }
    return (struct bytes){.data = walk->window + skipped,
                          .size = walk->window_bytes - (size_t)skipped};
}

static bool holds_event(struct bytes seen)
{
    return seen.size >= BINLOG_EVENT_HEADER_BYTES &&
           binlog_event_header_at(seen.data).event_size <= seen.size;
}

static enum status move_window(struct walk *walk, uint64_t offset, struct error *error)
{
    walk->window_offset = offset;
    walk->window_bytes = 0;
    return binlog_cursor_read(walk->cursor, offset, walk->window, WINDOW_BYTES,
                              &walk->window_bytes, error);
}

/* Finds what can be seen of the event at offset, which is readable. */
static enum status find_event(struct walk *walk,
                              uint64_t offset,
                              struct binlog_event_header *header,
                              struct bytes *event,
                              struct error *error)
{
    *event = look(walk, offset);
    if (!holds_event(*event)) {
        if (move_window(walk, offset, error) != STATUS_OK) {
            return error->status;
        }
        *event = look(walk, offset);
    }
    if (binlog_event_header_decode(header, *event, error) != STATUS_OK) {
        return error->status;
    }
    if (event->size > header->event_size) {
        event->size = header->event_size;
    }
    return STATUS_OK;
}

static void add_event(const struct walk *walk,
                      uint64_t offset,
                      const struct binlog_event_header *header,
                      struct bytes event)
{
    struct sql_memory memory = {0}; /* of this row alone */
    struct buffer info = {0};
    struct bytes row[6];

    sql_event_text_add(&info, header, event, walk->checksum);
    row[0] = bytes_of_text(walk->name);
    row[1] = sql_number(&memory, offset).text;
    row[2] = bytes_of_text(sql_event_type_name(header->type));
    row[3] = sql_number(&memory, header->server_id).text;
    row[4] = sql_number(&memory, offset + header->event_size).text;
    row[5] = sql_text_take(&memory, &info).text;
    result_add_row(walk->statement->writer, row, 6);
    sql_memory_release(&memory);
}

static enum status walk_events(struct walk *walk,
                               const struct request *request,
                               struct error *error)
{
    uint64_t offset = request->offset;
    uint64_t rows = 0;

    for (uint64_t seen = 0; rows < request->limit.count; seen++) {
        struct binlog_event_header header = {0};
        struct bytes event = {0};

        if (offset >= binlog_cursor_readable(walk->cursor)) {
            return STATUS_OK;
        }
        if (find_event(walk, offset, &header, &event, error) != STATUS_OK) {
            return error->status;
        }
        if (seen == MOST_EVENTS) {
            return sql_error_set(error, SQL_ERROR_BINLOG_EVENTS,
                                 "Error when executing command SHOW BINLOG EVENTS: more than "
                                 "%d events to pass over; use FROM",
                                 MOST_EVENTS);
        }
        if (seen >= request->limit.offset) {
            add_event(walk, offset, &header, event);
            rows++;
        }
        offset += header.event_size;
    }
    return STATUS_OK;
}

enum status sql_show_events(struct sql_statement *statement,
                            unsigned flags,
                            struct error *error)
{
    static const struct result_column columns[] = {
        {.name = "Log_name", .type = RESULT_VAR_STRING},
        {.name = "Pos", .type = RESULT_LONGLONG, .is_unsigned = true},
        {.name = "Event_type", .type = RESULT_VAR_STRING},
        {.name = "Server_id", .type = RESULT_LONG, .is_unsigned = true},
        {.name = "End_log_pos", .type = RESULT_LONGLONG, .is_unsigned = true},
        {.name = "Info", .type = RESULT_VAR_STRING},
    };
    struct request request = {.offset = BINLOG_MAGIC_BYTES, .limit.count = DEFAULT_ROWS};
    struct walk walk = {.statement = statement};
    enum status status = STATUS_OK;

    (void)flags;
    if (sql_session_need_cluster(statement->session, error) != STATUS_OK ||
        read_request(statement, &request, error) != STATUS_OK) {
        return error->status;
    }
    if (request.file == 0) {
        request.file = first_file(statement->session->cluster->store);
    }
    result_begin(statement->writer, columns, 6);
    if (request.file != 0) {
        status = open_walk(&walk, &request, error);
        if (status == STATUS_OK) {
            status = walk_events(&walk, &request, error);
        }
        binlog_cursor_close(walk.cursor);
        free(walk.window);
    }
    result_end(statement->writer);
    return status;
}
