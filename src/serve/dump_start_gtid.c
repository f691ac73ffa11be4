/* SPDX-License-Identifier: Apache-2.0 */
/* COM_BINLOG_DUMP_GTID: is the replica's set one that this log can go on from, and where. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/protocol/uuid.h"
#include "binrelay/storage/binlog_files.h"
#include "dump_internal.h"

enum {
    SET_TEXT_BYTES = 300, /* of a set in an error's message */
    UUID_CHARACTERS = UUID_TEXT_BYTES - 1,
};

struct set_text {
    char text[SET_TEXT_BYTES];
};

/* The set in one line, cut where it is long. */
static struct set_text text_of(const struct gtid_set *set)
{
    struct set_text shown = {{0}};
    struct buffer printed = {0};
    size_t size = 0;

    gtid_set_print(set, &printed);
    for (size_t i = 0; i < printed.size && size < sizeof(shown.text) - 4; i++) {
        if (printed.data[i] != '\n') {
            shown.text[size++] = (char)printed.data[i];
        }
    }
    if (size == sizeof(shown.text) - 4) {
        memcpy(shown.text + size, "...", 4);
    }
    buffer_release(&printed);
    return shown;
}

static enum status check_gtid_mode(const struct dump_request *request, struct error *error)
{
    struct cluster_report report;

    cluster_board_read(request->cluster->board, &report);
    if (report.facts.is_mariadb) {
        return error_set(error, STATUS_INVALID,
                         "The replication sender thread cannot start in AUTO_POSITION mode: "
                         "the sources of cluster %s are MariaDB servers",
                         request->cluster->name);
    }
    if (strcmp(report.facts.gtid_mode, "OFF") == 0) {
        return error_set(error, STATUS_INVALID,
                         "The replication sender thread cannot start in AUTO_POSITION mode: "
                         "the source of cluster %s has GTID_MODE = OFF instead of ON",
                         request->cluster->name);
    }
    return STATUS_OK;
}

/* Adds to `found` what `extra` has of one UUID, given as text. */
static void add_of_uuid(struct gtid_set *found, const struct gtid_set *extra, struct bytes text)
{
    uint8_t uuid[UUID_BYTES];
    struct error ignored; /* what is no UUID is the interval of the one before */

    if (text.size < UUID_CHARACTERS) {
        return;
    }
    text.size = UUID_CHARACTERS;
    if (uuid_parse(uuid, text, &ignored) != STATUS_OK) {
        return;
    }
    struct gtid_set *of_uuid = gtid_set_copy(extra);

    gtid_set_keep_uuid(of_uuid, uuid);
    gtid_set_add_set(found, of_uuid);
    gtid_set_free(of_uuid);
}

/*
 * What the set has of UUIDs whose GTIDs are stored here, and was never stored
 * here. Of other UUIDs a replica may have anything: its own, another channel's.
 */
static struct gtid_set *find_never_stored(const struct gtid_set *set,
                                          const struct gtid_set *stored)
{
    struct gtid_set *found = gtid_set_new();
    struct gtid_set *extra = gtid_set_copy(set);
    struct buffer printed = {0};

    gtid_set_subtract(extra, stored);
    if (!gtid_set_is_empty(extra)) {
        gtid_set_print(stored, &printed);
    }
    struct byte_reader reader = byte_reader_of(buffer_bytes(&printed));

    while (reader.left > 0) {
        struct bytes line = {.data = reader.next, .size = reader.left};

        add_of_uuid(found, extra, line);
        while (reader.left > 0 && byte_reader_number(&reader, 1) != '\n') {
        }
    }
    buffer_release(&printed);
    gtid_set_free(extra);
    return found;
}

static enum status check_never_stored(const struct dump_request *request,
                                      const struct gtid_set *set,
                                      struct error *error)
{
    struct gtid_set *stored = binlog_files_gtids(request->cluster->store);
    struct gtid_set *never_stored = find_never_stored(set, stored);
    enum status status = STATUS_OK;

    if (!gtid_set_is_empty(never_stored)) {
        status = dump_refuse_for_now(
            request, error,
            "Replica has more GTIDs than cluster %s ever stored: %s. If it comes from another "
            "binlog server of the cluster, let it go on by epoch, with "
            "SOURCE_AUTO_POSITION=0 and SOURCE_LOG_FILE='epoch.N'",
            request->cluster->name, text_of(never_stored).text);
    }
    gtid_set_free(never_stored);
    gtid_set_free(stored);
    return status;
}

static enum status find_file(const struct dump_request *request,
                             const struct gtid_set *set,
                             uint64_t *file,
                             struct error *error)
{
    struct gtid_set *missing = NULL;
    enum status status =
        binlog_files_find_by_gtids(request->cluster->store, set, file, &missing, error);

    if (status == STATUS_NOT_FOUND) {
        status = error_set(error, STATUS_INVALID,
                           "Cannot replicate because the source purged required binary logs. "
                           "The missing transactions are '%.150s'; in cluster %s %s",
                           missing != NULL ? text_of(missing).text : "", request->cluster->name,
                           dump_oldest(request).text);
    }
    gtid_set_free(missing);
    return status;
}

/* A file and position with a set: mysqlbinlog --exclude-gtids begins there and leaves out. */
static enum status begin_at_position(struct dump *dump,
                                     const struct dump_request *request,
                                     struct gtid_set *set,
                                     struct error *error)
{
    uint64_t next_file = 0;

    dump->filter = dump_filter_of_gtids(set);
    enum status status = dump_find_by_file(dump, request, error);

    if (status != STATUS_OK) {
        return status;
    }
    return dump_filter_enter_file(dump->filter, dump->cluster->store, dump->position.file,
                                  binlog_cursor_is_finished(dump->cursor, &next_file), error);
}

static enum status begin_at_set(struct dump *dump,
                                const struct dump_request *request,
                                struct gtid_set *set,
                                struct error *error)
{
    uint64_t file = request->begin_at.file;
    enum status status = check_never_stored(request, set, error);

    if (status == STATUS_OK && file == 0) {
        status = find_file(request, set, &file, error);
    }
    if (status != STATUS_OK) {
        gtid_set_free(set);
        return status;
    }
    return dump_begin_filtered(dump, file, dump_filter_of_gtids(set), error);
}

enum status dump_find_by_gtids(struct dump *dump,
                               const struct dump_request *request,
                               struct error *error)
{
    struct gtid_set *set = NULL;
    enum status status = check_gtid_mode(request, error);

    if (status != STATUS_OK) {
        return status;
    }
    status = gtid_set_decode(&set, request->command.gtid_set, error);
    if (status != STATUS_OK) {
        return error_wrap(error, "The replica's GTID set cannot be read");
    }
    if (request->command.file_name.size > 0) {
        return begin_at_position(dump, request, set, error);
    }
    return begin_at_set(dump, request, set, error);
}
