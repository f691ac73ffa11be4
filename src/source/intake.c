/* SPDX-License-Identifier: Apache-2.0 */
#include "intake.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "intake_internal.h"

enum { FIRST_EVENT_OFFSET = BINLOG_MAGIC_BYTES };

void intake_begin(struct intake *intake)
{
    intake->mode = INTAKE_NAMING;
    /* The first artificial Rotate has the checksum that we asked for, whatever the file has
     * (Binlog_sender::init_checksum_alg). */
    intake->checksum = BINLOG_CHECKSUM_CRC32;
    intake->at = intake->tail.end;
    intake->upstream_file = intake->asked.file;
    memcpy(intake->base_name, intake->asked.base_name, sizeof(intake->base_name));
}

void intake_release(struct intake *intake)
{
    buffer_release(&intake->scratch);
    buffer_release(&intake->large.whole);
    epoch_identity_free(intake->identity);
    intake->identity = NULL;
}

void intake_print_upstream(const struct intake *intake, char name[BINLOG_NAME_BYTES])
{
    binlog_name_print(name, intake->base_name, intake->upstream_file);
}

enum pull_state store_fault_state(const struct error *error)
{
    return error->status == STATUS_FULL ? PULL_STORE_FULL : PULL_STORE_ERROR;
}

enum status intake_fail_store(struct intake *intake, struct error *error)
{
    if (error->status == STATUS_CORRUPT || error->status == STATUS_INVALID) {
        return intake_fail_bad(intake, 0, error, "%s", error->message);
    }
    intake->blame = store_fault_state(error);
    return error->status;
}

enum status intake_fail_bad(
    struct intake *intake, uint8_t type, struct error *error, const char *format, ...)
{
    char name[BINLOG_NAME_BYTES];
    char what[160];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    intake->blame = PULL_WAITING;
    intake->is_bad_event = true;
    intake_print_upstream(intake, name);
    return error_set(error, STATUS_CORRUPT, "bad event at %s:%" PRIu64 "%s%s: %s", name,
                     intake->at.offset, type == 0 ? "" : " ",
                     type == 0 ? "" : binlog_event_type_name(type), what);
}

enum status intake_fail_behind(struct intake *intake, struct error *error, const char *what)
{
    char theirs[BINLOG_NAME_BYTES];
    char ours[BINLOG_NAME_BYTES];

    intake_print_upstream(intake, theirs);
    binlog_name_print(ours, binlog_store_log_name(intake->store), intake->tail.end.file);
    intake->blame = PULL_SOURCE_BEHIND;
    return error_set(error, STATUS_DENIED,
                     "the source has not what is stored here: %s at its %s:%" PRIu64
                     ", stored is %s up to %" PRIu64 " (last event at %" PRIu64 ")",
                     what, theirs, intake->at.offset, ours, intake->tail.end.offset,
                     intake->tail.last_event_offset);
}

/* The name that the file behind the current one will have here. */
static void print_next_name(const struct intake *intake, char name[BINLOG_NAME_BYTES])
{
    binlog_name_print(name, binlog_store_log_name(intake->store), intake->at.file + 1);
}

void intake_advance(struct intake *intake,
                    const struct binlog_event_header *header,
                    uint64_t stored_size,
                    bool wants_ack)
{
    intake->upstream_offset = intake->at.offset + header->event_size;
    intake->at.offset += stored_size;
    intake->has_taken = true;
    intake->new_events++;
    intake->new_bytes += header->event_size;
    if (header->created_at_sec != 0) {
        intake->last_created_sec = header->created_at_sec;
    }
    if (wants_ack) {
        intake->ack = (struct intake_ack){
            .stored = intake->at,
            .upstream = {intake->upstream_file, intake->upstream_offset},
        };
    }
}

void intake_tell(struct intake *intake, struct cluster_report *numbers)
{
    if (intake->new_events == 0) {
        return;
    }
    numbers->received = intake->at;
    numbers->upstream.file = intake->upstream_file;
    numbers->upstream.offset = intake->upstream_offset;
    numbers->received_events += intake->new_events;
    numbers->received_bytes += intake->new_bytes;
    if (intake->last_created_sec != 0) {
        numbers->last_created_sec = intake->last_created_sec;
    }
    intake->new_events = 0;
    intake->new_bytes = 0;
}

/* ---- files ---- */

static enum status begin_file(struct intake *intake,
                              const char *base_name,
                              uint64_t upstream_file,
                              struct error *error)
{
    uint64_t file =
        intake->tail.is_empty && intake->at.file == 0 ? upstream_file : intake->at.file + 1;
    const char *log_name = binlog_store_log_name(intake->store);
    int64_t shift = (int64_t)(file - upstream_file);

    if (log_name[0] == '\0') {
        log_name = intake->log_name != NULL ? intake->log_name : base_name;
    }
    if (shift != intake->shift) {
        intake->wanted_shift = shift;
        return STATUS_AGAIN;
    }
    if (binlog_store_begin_file(intake->store, log_name, file, error) != STATUS_OK) {
        return intake_fail_store(intake, error);
    }
    (void)snprintf(intake->base_name, sizeof(intake->base_name), "%s", base_name);
    intake->upstream_file = upstream_file;
    intake->at = (struct binlog_position){file, FIRST_EVENT_OFFSET};
    intake->mode = INTAKE_TAKING;
    if (intake->identity != NULL) {
        epoch_identity_reset(intake->identity);
    }
    return STATUS_OK;
}

static void resume_file(struct intake *intake)
{
    intake->at = (struct binlog_position){intake->tail.end.file, intake->asked.offset};
    if (intake->tail.last_event_offset == 0) {
        intake->mode = INTAKE_TAKING; /* only the magic is stored */
    } else if (intake->at.offset < intake->tail.last_event_offset) {
        intake->mode = INTAKE_SKIPPING;
    } else {
        intake->mode = INTAKE_COMPARING;
    }
}

static enum status take_first_name(struct intake *intake,
                                   const char *base_name,
                                   uint64_t file,
                                   uint64_t position,
                                   struct error *error)
{
    bool is_asked = file == intake->asked.file && position == intake->asked.offset &&
                    strcmp(base_name, intake->asked.base_name) == 0;

    if (!is_asked) {
        return intake_fail_bad(intake, BINLOG_ROTATE, error,
                               "the source begins at %s.%06" PRIu64 ":%" PRIu64
                               " and was asked for position %" PRIu64,
                               base_name, file, position, intake->asked.offset);
    }
    if (intake->asked.is_new_file) {
        return begin_file(intake, base_name, file, error);
    }
    resume_file(intake);
    return STATUS_OK;
}

static enum status take_artificial_rotate(struct intake *intake,
                                          struct bytes event,
                                          struct error *error)
{
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    struct binlog_rotate rotate;
    uint64_t file = 0;
    bool is_same = false;

    if (binlog_rotate_decode(&rotate, binlog_event_body(event, intake->checksum), error) !=
        STATUS_OK) {
        return intake_fail_bad(intake, BINLOG_ROTATE, error, "%s", error->message);
    }
    if (!binlog_name_split(rotate.file_name, base_name, &file)) {
        intake->blame = PULL_MISCONFIGURED;
        return error_set(error, STATUS_INVALID, "the source's file name \"%s\" is not accepted",
                         log_safe(rotate.file_name).text);
    }
    if (intake->mode == INTAKE_NAMING) {
        return take_first_name(intake, base_name, file, rotate.position, error);
    }
    is_same = file == intake->upstream_file && strcmp(base_name, intake->base_name) == 0;
    if (is_same && rotate.position == intake->at.offset) {
        return STATUS_OK;
    }
    if (intake->mode != INTAKE_TAKING) {
        return intake_fail_behind(intake, error, "the file ended");
    }
    if (is_same || rotate.position != FIRST_EVENT_OFFSET) {
        return intake_fail_bad(intake, BINLOG_ROTATE, error, "it jumps to %s:%" PRIu64,
                               log_safe(rotate.file_name).text, rotate.position);
    }
    return begin_file(intake, base_name, file, error);
}

/* ---- events ---- */

/* The event as it goes to the store. */
static enum status event_to_store(struct intake *intake,
                                  uint8_t type,
                                  struct bytes event,
                                  struct bytes *stored,
                                  struct error *error)
{
    char next_name[BINLOG_NAME_BYTES];

    *stored = event;
    if (LIKELY(type != BINLOG_ROTATE)) {
        return LIKELY(intake->identity == NULL)
                   ? STATUS_OK
                   : intake_change_identity(intake, type, event, stored, error);
    }
    print_next_name(intake, next_name);
    if (closing_rotate_rename(event, intake->checksum, next_name, &intake->scratch, stored,
                              error) != STATUS_OK) {
        return intake_fail_bad(intake, type, error, "%s", error->message);
    }
    return STATUS_OK;
}

static enum status compare_event(struct intake *intake,
                                 const struct binlog_event_header *header,
                                 struct bytes event,
                                 struct error *error)
{
    struct bytes stored;
    enum status status = event_to_store(intake, header->type, event, &stored, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (stored.size != intake->tail.end.offset - intake->tail.last_event_offset) {
        return intake_fail_behind(intake, error, "another event stands");
    }
    status = intake->identity == NULL ? intake_compare(intake, 0, stored, error)
                                      : intake_compare_identity(intake, stored, error);
    if (status == STATUS_OK) {
        intake->at = intake->tail.end;
        intake->mode = INTAKE_TAKING;
    }
    return status;
}

static enum status store_event(struct intake *intake,
                               const struct binlog_event_header *header,
                               const struct dump_item *item,
                               struct error *error)
{
    struct bytes stored;
    enum status status = event_to_store(intake, header->type, item->bytes, &stored, error);

    if (UNLIKELY(status != STATUS_OK)) {
        return status;
    }
    if (UNLIKELY(binlog_store_append(intake->store, stored, error) != STATUS_OK)) {
        return intake_fail_store(intake, error);
    }
    intake_advance(intake, header, stored.size, item->wants_ack);
    return STATUS_OK;
}

enum status intake_check_place(struct intake *intake,
                               const struct binlog_event_header *header,
                               struct error *error)
{
    /* MariaDB 11.4 and up leave the position 0 inside transactions. */
    if (UNLIKELY((uint32_t)(intake->at.offset + header->event_size) != header->next_position &&
                 (header->next_position != 0 || !intake->is_mariadb))) {
        return intake_fail_bad(intake, header->type, error,
                               "it has %u bytes and says that it ends at %u",
                               header->event_size, header->next_position);
    }
    if (UNLIKELY(intake->at.offset == FIRST_EVENT_OFFSET &&
                 header->type != BINLOG_FORMAT_DESCRIPTION)) {
        return intake_fail_bad(intake, header->type, error,
                               "a file begins with its format description");
    }
    return STATUS_OK;
}

enum status intake_skip(struct intake *intake, uint32_t size, struct error *error)
{
    intake->at.offset += size;
    if (intake->at.offset > intake->tail.last_event_offset) {
        return intake_fail_behind(intake, error,
                                  "no event begins where the last one stored does");
    }
    if (intake->at.offset == intake->tail.last_event_offset) {
        intake->mode = INTAKE_COMPARING;
    }
    return STATUS_OK;
}

enum status intake_take_file_event(struct intake *intake,
                                   const struct binlog_event_header *header,
                                   const struct dump_item *item,
                                   struct error *error)
{
    enum status status = intake_check_place(intake, header, error);

    if (UNLIKELY(status != STATUS_OK)) {
        return status;
    }
    switch (intake->mode) {
    case INTAKE_TAKING:
        return store_event(intake, header, item, error);
    case INTAKE_COMPARING:
        return compare_event(intake, header, item->bytes, error);
    case INTAKE_SKIPPING:
        return intake_skip(intake, header->event_size, error);
    case INTAKE_NAMING:
        break;
    }
    return intake_fail_bad(intake, header->type, error, "it comes before its file has a name");
}

static enum status take_format(struct intake *intake,
                               const struct binlog_event_header *header,
                               const struct dump_item *item,
                               struct error *error)
{
    struct binlog_format format;

    if (binlog_format_decode(&format, item->bytes, error) != STATUS_OK) {
        return intake_fail_bad(intake, header->type, error, "%s", error->message);
    }
    /* With NONE, old servers change the event for a dump and leave its checksum as it was. */
    if (format.checksum == BINLOG_CHECKSUM_CRC32 &&
        !binlog_event_checksum_is_right(item->bytes)) {
        return intake_fail_bad(intake, header->type, error, "its checksum is wrong");
    }
    if (intake->mode == INTAKE_NAMING) {
        return intake_fail_bad(intake, header->type, error,
                               "it comes before its file has a name");
    }
    intake->checksum = format.checksum;
    intake->is_mariadb = format.is_mariadb;
    if (header->next_position == 0 && intake->at.offset != FIRST_EVENT_OFFSET) {
        return STATUS_OK; /* only says how to read what follows */
    }
    return intake_take_file_event(intake, header, item, error);
}

/* At its end the source says where it stands. */
static enum status take_heartbeat(struct intake *intake,
                                  const struct binlog_event_header *header,
                                  struct bytes event,
                                  struct error *error)
{
    struct binlog_rotate where;

    if (binlog_heartbeat_decode(&where, *header, binlog_event_body(event, intake->checksum),
                                error) != STATUS_OK) {
        return intake_fail_bad(intake, header->type, error, "%s", error->message);
    }
    if (intake->mode == INTAKE_SKIPPING || intake->mode == INTAKE_COMPARING) {
        return intake_fail_behind(intake, error, "the log ends");
    }
    if (intake->mode == INTAKE_TAKING &&
        (uint32_t)where.position != (uint32_t)intake->at.offset) {
        log_warning("cluster %s: a heartbeat says %s:%" PRIu64 ", received is up to %" PRIu64,
                    intake->cluster, log_safe(where.file_name).text, where.position,
                    intake->at.offset);
    }
    return STATUS_OK;
}

static bool is_plain(const struct binlog_event_header *header)
{
    switch (header->type) {
    case BINLOG_ROTATE:
    case BINLOG_FORMAT_DESCRIPTION:
    case BINLOG_HEARTBEAT:
    case BINLOG_HEARTBEAT_V2:
        return false;
    default:
        return (header->flags & BINLOG_FLAG_ARTIFICIAL) == 0;
    }
}

static enum status take_control(struct intake *intake,
                                const struct binlog_event_header *header,
                                const struct dump_item *item,
                                struct error *error)
{
    bool is_artificial = (header->flags & BINLOG_FLAG_ARTIFICIAL) != 0 ||
                         (header->next_position == 0 && header->created_at_sec == 0);

    switch (header->type) {
    case BINLOG_ROTATE:
        return is_artificial ? take_artificial_rotate(intake, item->bytes, error)
                             : intake_take_file_event(intake, header, item, error);
    case BINLOG_HEARTBEAT:
    case BINLOG_HEARTBEAT_V2:
        return take_heartbeat(intake, header, item->bytes, error);
    default:
        return STATUS_OK; /* MariaDB's artificial Gtid_list: in no file */
    }
}

static enum status take_event(struct intake *intake,
                              const struct dump_item *item,
                              struct error *error)
{
    struct binlog_event_header header = binlog_event_header_at(item->bytes.data);

    if (UNLIKELY(header.event_size != item->bytes.size)) {
        return intake_fail_bad(intake, header.type, error,
                               "it says it has %u bytes and comes with %zu", header.event_size,
                               item->bytes.size);
    }
    if (header.type == BINLOG_FORMAT_DESCRIPTION) {
        return take_format(intake, &header, item, error);
    }
    if (LIKELY(intake->checksum == BINLOG_CHECKSUM_CRC32)) {
        if (UNLIKELY(header.event_size < BINLOG_EVENT_HEADER_BYTES + BINLOG_CHECKSUM_BYTES ||
                     !binlog_event_checksum_is_right(item->bytes))) {
            return intake_fail_bad(intake, header.type, error, "its checksum is wrong");
        }
    }
    if (LIKELY(is_plain(&header))) {
        return intake_take_file_event(intake, &header, item, error);
    }
    return take_control(intake, &header, item, error);
}

enum status intake_take(struct intake *intake,
                        const struct dump_item *item,
                        struct error *error)
{
    return LIKELY(item->kind == DUMP_EVENT) ? take_event(intake, item, error)
                                            : intake_take_part(intake, item, error);
}
