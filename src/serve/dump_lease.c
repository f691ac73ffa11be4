/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A replica that waits for the lease of its group. Its receiver takes
 * heartbeats only of the file that the last Rotate named, and of no place before
 * its own (sql/rpl_replica.cc, queue_event, HEARTBEAT_LOG_EVENT): so it is
 * given a place first. The stream begins with another Rotate.
 */
#include "dump_internal.h"

/* By GTID a place means nothing: the beginning of a file that is there. */
static enum status open_any_file(struct dump *dump,
                                 const struct dump_request *request,
                                 struct error *error)
{
    struct bytes format;
    uint64_t file = request->begin_at.file != 0
                        ? request->begin_at.file
                        : binlog_store_durable_end(request->cluster->store).file;
    enum status status = dump_open_file(dump, file, error);

    if (status == STATUS_OK) {
        status = binlog_cursor_format(dump->cursor, &format, error);
    }
    if (status == STATUS_OK) { /* not the beginning of a stream: nothing is reset */
        dump->position.offset = BINLOG_MAGIC_BYTES + format.size;
        dump->told = dump->position;
    }
    return status;
}

static enum status find_place(struct dump *dump,
                              const struct dump_request *request,
                              struct error *error)
{
    enum status status = dump_check_request(request, error);

    if (status != STATUS_OK) {
        return status;
    }
    return dump_goes_by_gtid(request) ? open_any_file(dump, request, error)
                                      : dump_find_by_file(dump, request, error);
}

enum status dump_hold(struct dump **made,
                      const struct dump_request *request,
                      const struct dump_handler *handler,
                      void *context,
                      uint16_t *code,
                      struct error *error)
{
    struct dump *dump = dump_new(request, handler, context);
    enum status status = find_place(dump, request, error);

    dump->is_held = true;
    if (status == STATUS_OK) {
        status = dump_send_file_begin(dump, error);
    }
    if (status != STATUS_OK) {
        *code = dump_error_code(status);
        dump_free(dump);
        return status;
    }
    dump->has_sent = false;
    connection_flush(dump->connection);
    if (dump->heartbeat_usec > 0) {
        loop_timer_set(dump->heartbeat_timer, dump->heartbeat_usec);
    }
    *made = dump;
    return STATUS_OK;
}

enum status dump_find_asked(const struct dump_request *request,
                            struct binlog_position *found,
                            uint16_t *code,
                            struct error *error)
{
    static const struct dump_handler nobody;
    struct dump *dump = dump_new(request, &nobody, NULL);
    enum status status = dump_check_request(request, error);

    if (status == STATUS_OK) {
        status = dump_find_by_file(dump, request, error);
    }
    if (status == STATUS_OK) {
        *found = dump->position;
    } else {
        *code = dump_error_code(status);
    }
    dump_free(dump);
    return status;
}
