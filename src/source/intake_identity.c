/* SPDX-License-Identifier: Apache-2.0 */
/* Events whose epoch markers get the cluster's server id before they are stored. */
#include <inttypes.h>

#include "intake_internal.h"

enum status intake_change_identity(struct intake *intake,
                                   uint8_t type,
                                   struct bytes event,
                                   struct bytes *stored,
                                   struct error *error)
{
    enum status status =
        epoch_identity_event(intake->identity, event, intake->checksum, stored, error);

    if (LIKELY(status == STATUS_OK)) {
        return STATUS_OK;
    }
    if (status == STATUS_CORRUPT) {
        struct error why = *error; /* the message is written over */

        return intake_fail_bad(intake, type, error, "%s", why.message);
    }
    return intake_fail_identity(intake, error);
}

enum status intake_fail_identity(struct intake *intake, struct error *error)
{
    char name[BINLOG_NAME_BYTES];

    intake->blame = PULL_MISCONFIGURED;
    intake_print_upstream(intake, name);
    return error_wrap(error,
                      "identity \"virtual\" is not possible at %s:%" PRIu64
                      " (let the sources compress less, or use \"upstream\")",
                      name, intake->at.offset);
}

/* Compressed transactions may be packed in another way than they were then. */
enum status intake_compare_identity(struct intake *intake,
                                    struct bytes event,
                                    struct error *error)
{
    struct binlog_position where = intake->tail.end;
    struct buffer stored = {0};
    enum status status = STATUS_OK;

    where.offset = intake->tail.last_event_offset;
    status = binlog_store_read(intake->store, where, event.size, &stored, error);
    if (status != STATUS_OK) {
        intake->blame = PULL_STORE_ERROR;
    } else if (!epoch_identity_is_same(intake->identity, buffer_bytes(&stored), event,
                                       intake->checksum)) {
        status = intake_fail_behind(intake, error, "another event stands");
    }
    buffer_release(&stored);
    return status;
}

bool intake_wants_whole(const struct intake *intake, uint8_t type)
{
    return intake->identity != NULL && epoch_identity_needs_whole(type) &&
           intake->mode != INTAKE_SKIPPING;
}

enum status intake_check_whole(struct intake *intake,
                               const struct binlog_event_header *header,
                               struct error *error)
{
    if (header->event_size <= INTAKE_WHOLE_MOST_BYTES) {
        return STATUS_OK;
    }
    (void)error_set(error, STATUS_INVALID,
                    "a compressed transaction of %u bytes, and %d are the most",
                    header->event_size, INTAKE_WHOLE_MOST_BYTES);
    return intake_fail_identity(intake, error);
}
