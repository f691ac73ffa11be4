/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about epochs: where to go on, what the index has, and where epochs may be lost. */
#include <stdlib.h>
#include <string.h>

#include "admin_internal.h"
#include "binrelay/base/log.h"
#include "binrelay/protocol/binlog_control.h"
#include "binrelay/protocol/binlog_walk.h"
#include "binrelay/registry/catch_up.h"
#include "binrelay/storage/binlog_cursor.h"
#include "binrelay/storage/binlog_files.h"
#include "binrelay/storage/epoch_locate.h"

enum {
    SHOWN_COUNT = 20, /* of epochs, where no count is asked */
    SHOWN_MOST = 10000,
    INCIDENT_MOST_BYTES = 4096, /* of a transaction of a GTID and an incident */
};

/* ---- locate ---- */

static enum status refuse_value(const char *by, const char *value, struct error *error)
{
    return error_set(error, STATUS_INVALID, "locate %s: '%s' cannot be read", by,
                     log_safe(bytes_of_text(value)).text);
}

static enum status locate_epoch(const struct admin *admin,
                                const struct admin_cluster *cluster,
                                const char *value,
                                struct binlog_position *found,
                                struct error *error)
{
    struct epoch_key key;

    (void)admin;
    if (!epoch_key_parse(bytes_of_text(value), &key)) {
        return refuse_value("epoch", value, error);
    }
    return epoch_locate_after(cluster->store, key, found, error);
}

static enum status locate_backup(const struct admin *admin,
                                 const struct admin_cluster *cluster,
                                 const char *value,
                                 struct binlog_position *found,
                                 struct error *error)
{
    struct epoch_key key;

    (void)admin;
    if (!epoch_key_parse(bytes_of_text(value), &key) || key.incarnation != 0) {
        return refuse_value("after-backup", value, error);
    }
    return epoch_locate_after_backup(cluster->store, key.epoch, found, error);
}

static enum status locate_time(const struct admin *admin,
                               const struct admin_cluster *cluster,
                               const char *value,
                               struct binlog_position *found,
                               struct error *error)
{
    uint64_t usec = 0;

    if (!epoch_time_parse(bytes_of_text(value), &usec)) {
        return refuse_value("time", value, error);
    }
    return epoch_locate_time(cluster->store, usec, clock_wall_usec(admin->options.clock), found,
                             error);
}

/* A file from its beginning: a stream by GTID leaves out what the replica has. */
static enum status locate_gtids(const struct admin *admin,
                                const struct admin_cluster *cluster,
                                const char *value,
                                struct binlog_position *found,
                                struct error *error)
{
    (void)admin;
    return catch_up_by_gtids(cluster->store, value, found, error);
}

static const struct {
    const char *by;
    enum status (*locate)(const struct admin *admin,
                          const struct admin_cluster *cluster,
                          const char *value,
                          struct binlog_position *found,
                          struct error *error);
    bool wants_epochs;
} ways[] = {
    {"epoch", locate_epoch, true},
    {"after-backup", locate_backup, true},
    {"time", locate_time, true},
    {"gtid", locate_gtids, false},
};

/* By one of the ways. */
static enum status locate(const struct admin *admin,
                          const struct admin_cluster *cluster,
                          const json_t *arguments,
                          struct binlog_position *found,
                          struct error *error)
{
    const char *by = json_string_value(json_object_get(arguments, "by"));
    const char *value = json_string_value(json_object_get(arguments, "value"));
    bool has_epochs = epoch_index_rules(cluster->store).kind != EPOCH_KIND_NONE;

    for (size_t at = 0; at < sizeof(ways) / sizeof(ways[0]); at++) {
        if (strcmp(ways[at].by, by) != 0) {
            continue;
        }
        if (ways[at].wants_epochs && !has_epochs) {
            return error_set(error, STATUS_INVALID,
                             "cluster %s keeps no epochs (\"epochs\": \"none\")",
                             cluster->name);
        }
        return ways[at].locate(admin, cluster, value, found, error);
    }
    return error_set(error, STATUS_INVALID,
                     "locate by epoch, after-backup, time or gtid, not by '%s'",
                     log_safe(bytes_of_text(by)).text);
}

enum status command_locate(struct admin *admin,
                           const json_t *arguments,
                           json_t **result,
                           struct error *error)
{
    const struct admin_cluster *cluster = NULL;
    struct binlog_position found = {0};
    char name[BINLOG_NAME_BYTES];
    enum status status = admin_named_cluster(admin, arguments, &cluster, error);

    if (status == STATUS_OK) {
        status = locate(admin, cluster, arguments, &found, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    binlog_name_print(name, binlog_store_log_name(cluster->store), found.file);
    *result = json_pack("{s:s,s:s,s:I}", "cluster", cluster->name, "file", name, "position",
                        (json_int_t)found.offset);
    return STATUS_OK;
}

/* ---- index show ---- */

/* An epoch without its incarnation is of the newest. */
static void choose_incarnation(struct binlog_store *store, struct epoch_key *key)
{
    const struct epoch_key most = {.incarnation = UINT32_MAX, .epoch = UINT64_MAX};
    struct epoch_place newest;
    struct error error;

    if (key->incarnation == 0 &&
        epoch_index_at_or_before(store, most, &newest, &error) == STATUS_OK) {
        key->incarnation = newest.key.incarnation;
    }
}

static json_t *row_of(const struct binlog_store *store, const struct epoch_place *place)
{
    return json_pack(
        "{s:I,s:I,s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:b}", "epoch", (json_int_t)place->key.epoch,
        "incarnation", (json_int_t)place->key.incarnation, "begin",
        admin_position(store, place->begin), "end", admin_position(store, place->end),
        "committed", admin_time(place->commit_usec), "inserts", (json_int_t)place->inserts,
        "updates", (json_int_t)place->updates, "deletes", (json_int_t)place->deletes,
        "schema_ops", (json_int_t)place->schema_ops, "origin", (json_int_t)place->origin,
        "counts_are_partial", place->is_count_partial);
}

/* Adds rows until the count or the end is reached. */
static enum status add_epochs(struct binlog_store *store,
                              struct epoch_key from,
                              uint64_t count,
                              json_t *rows,
                              struct error *error)
{
    struct epoch_cursor *cursor = epoch_cursor_open(store, false);
    struct epoch_place place;
    enum status status = epoch_cursor_seek(cursor, from, error);

    for (uint64_t shown = 0; status == STATUS_OK && shown < count; shown++) {
        status = epoch_cursor_next(cursor, &place, error);
        if (status == STATUS_OK) {
            (void)json_array_append_new(rows, row_of(store, &place));
        }
    }
    epoch_cursor_close(cursor);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status command_index_show(struct admin *admin,
                               const json_t *arguments,
                               json_t **result,
                               struct error *error)
{
    const json_t *asked = json_object_get(arguments, "count");
    const char *epoch = json_string_value(json_object_get(arguments, "epoch"));
    uint64_t count = asked == NULL ? SHOWN_COUNT : (uint64_t)json_integer_value(asked);
    const struct admin_cluster *cluster = NULL;
    struct epoch_key from;
    json_t *rows = NULL;
    enum status status = admin_named_cluster(admin, arguments, &cluster, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (!epoch_key_parse(bytes_of_text(epoch), &from)) {
        return refuse_value("epoch", epoch, error);
    }
    if (count > SHOWN_MOST) {
        return error_set(error, STATUS_INVALID, "index show: at most %d epochs", SHOWN_MOST);
    }
    choose_incarnation(cluster->store, &from);
    rows = json_array();
    status = add_epochs(cluster->store, from, count, rows, error);
    if (status != STATUS_OK) {
        json_decref(rows);
        return status;
    }
    *result = rows;
    return STATUS_OK;
}

/* ---- gaps ---- */

/* Finds the incident in a transaction's bytes. False: there is none. */
static bool find_incident(struct bytes events,
                          enum binlog_checksum checksum,
                          struct binlog_incident *found)
{
    struct binlog_walk walk = binlog_walk_of(events);
    struct bytes event;
    struct error error;

    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        if (binlog_event_header_at(event.data).type == BINLOG_INCIDENT) {
            return binlog_incident_decode(found, binlog_event_body(event, checksum), &error) ==
                   STATUS_OK;
        }
    }
    return false;
}

/* What the source said of the gap, from the binlog itself; null if it cannot be read. */
static json_t *message_of(struct binlog_store *store, const struct epoch_gap *gap)
{
    uint8_t bytes[INCIDENT_MOST_BYTES];
    uint64_t size = gap->end.offset - gap->incident.offset;
    struct binlog_cursor *cursor = NULL;
    struct binlog_file_facts facts;
    struct binlog_incident incident;
    json_t *message = NULL;
    size_t got = 0;
    struct error error;

    if (gap->end.file != gap->incident.file || size > sizeof(bytes) ||
        binlog_files_find(store, gap->incident.file, &facts, &error) != STATUS_OK ||
        binlog_cursor_open(&cursor, store, gap->incident.file, &error) != STATUS_OK) {
        return json_null();
    }
    if (binlog_cursor_read(cursor, gap->incident.offset, bytes, (size_t)size, &got, &error) ==
            STATUS_OK &&
        find_incident((struct bytes){.data = bytes, .size = got}, facts.checksum, &incident)) {
        message = json_stringn((const char *)incident.message.data, incident.message.size);
    }
    binlog_cursor_close(cursor);
    return message != NULL ? message : json_null(); /* not UTF-8 is not shown */
}

static void add_gaps(json_t *rows,
                     const struct admin *admin,
                     const struct admin_cluster *cluster)
{
    struct epoch_gap *gaps = NULL;
    size_t count = epoch_index_gaps(cluster->store, &gaps);

    (void)admin;
    for (size_t at = 0; at < count; at++) {
        (void)json_array_append_new(
            rows, json_pack("{s:s,s:o,s:o,s:I,s:o,s:o,s:o}", "cluster", cluster->name, "before",
                            admin_epoch(gaps[at].before.epoch), "after",
                            admin_epoch(gaps[at].after.epoch), "incarnation",
                            (json_int_t)gaps[at].before.incarnation, "incident",
                            admin_position(cluster->store, gaps[at].incident), "end",
                            admin_position(cluster->store, gaps[at].end), "message",
                            message_of(cluster->store, &gaps[at])));
    }
    free(gaps);
}

enum status command_gaps(struct admin *admin,
                         const json_t *arguments,
                         json_t **result,
                         struct error *error)
{
    return admin_list(admin, arguments, add_gaps, result, error);
}
