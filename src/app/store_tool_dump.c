/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "binrelay/base/memory.h"
#include "binrelay/storage/store_dump.h"
#include "store_tool.h"

enum { USEC_IN_SEC = 1000000, TIME_TEXT_BYTES = 40 };

static const char *const kind_words[STORE_ENTRY_COUNT] = {
    [STORE_ENTRY_EPOCH] = "epoch",
    [STORE_ENTRY_STATEMENT] = "statement",
    [STORE_ENTRY_INCIDENT] = "incident",
};

/* "2026-11-20T12:00:00.123456Z" */
static void print_time(char text[TIME_TEXT_BYTES], uint64_t usec)
{
    time_t seconds = (time_t)(usec / USEC_IN_SEC);
    struct tm parts;
    size_t used = 0;

    if (gmtime_r(&seconds, &parts) != NULL) {
        used = strftime(text, TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    }
    (void)snprintf(text + used, TIME_TEXT_BYTES - used, used == 0 ? "-" : ".%06uZ",
                   (unsigned)(usec % USEC_IN_SEC));
}

/* Any bytes, on one line and harmless to a terminal. */
static void put_text(struct bytes text)
{
    for (size_t at = 0; at < text.size; at++) {
        uint8_t byte = text.data[at];

        if (byte == '\n') {
            (void)fputs("\\n", stdout);
        } else if (byte < ' ' || byte > '~') {
            (void)printf("\\x%02x", byte);
        } else {
            (void)putchar(byte);
        }
    }
}

static void put_epoch(const struct store_entry *entry, const char *end_name)
{
    const struct epoch_place *place = &entry->place;

    (void)printf("%" PRIu64 " (%" PRIu64 "/%" PRIu64 ")", place->key.epoch,
                 place->key.epoch >> 32, place->key.epoch & UINT32_MAX);
    if (place->key.incarnation > 1) {
        (void)printf(" incarnation %" PRIu32, place->key.incarnation);
    }
    (void)printf(" to %s:%" PRIu64 ", %" PRIu32 " inserts, %" PRIu32 " updates, %" PRIu32
                 " deletes, %" PRIu32 " schema operations%s, from server %" PRIu32 "\n",
                 end_name, place->end.offset, place->inserts, place->updates, place->deletes,
                 place->schema_ops, place->is_count_partial ? " at least" : "", place->origin);
}

static void put_incident(const struct store_entry *entry)
{
    (void)printf("%u%s: ", entry->incident, entry->incident == 1 ? " (LOST_EVENTS)" : "");
    put_text(entry->text);
    if (entry->epoch.incarnation == 0) {
        (void)puts("; before the first epoch");
    } else {
        (void)printf("; a gap behind epoch %" PRIu64 "\n", entry->epoch.epoch);
    }
}

static void show_text(void *context, const struct store_entry *entry)
{
    char begin_name[BINLOG_NAME_BYTES];
    char end_name[BINLOG_NAME_BYTES];
    char time_text[TIME_TEXT_BYTES];
    const char *prefix = context;

    binlog_name_print(begin_name, entry->log_name, entry->begin.file);
    binlog_name_print(end_name, entry->log_name, entry->end.file);
    print_time(time_text, entry->at_usec);
    (void)printf("%s%s:%" PRIu64 " %s %s ", prefix, begin_name, entry->begin.offset, time_text,
                 kind_words[entry->kind]);
    if (entry->kind == STORE_ENTRY_EPOCH) {
        put_epoch(entry, end_name);
    } else if (entry->kind == STORE_ENTRY_INCIDENT) {
        put_incident(entry);
    } else {
        put_text(entry->database);
        (void)fputs(": ", stdout);
        put_text(entry->text);
        (void)puts(entry->is_text_cut ? "..." : "");
    }
}

/* JSON holds UTF-8 only: of other text what is not ASCII becomes "?". */
static json_t *json_of(struct bytes text, bool *is_exact)
{
    json_t *value = json_stringn((const char *)text.data, text.size);
    autofree char *copy = NULL;

    if (value != NULL || text.size == 0) {
        return value == NULL ? json_string("") : value;
    }
    *is_exact = false;
    copy = mem_raw(text.size);
    for (size_t at = 0; at < text.size; at++) {
        copy[at] = text.data[at] < 0x80 ? (char)text.data[at] : '?';
    }
    return json_stringn(copy, text.size);
}

static void add_details(json_t *object, const struct store_entry *entry)
{
    const struct epoch_place *place = &entry->place;
    bool is_exact = !entry->is_text_cut;
    json_t *more = NULL;

    if (entry->kind == STORE_ENTRY_EPOCH) {
        more = json_pack("{s:I, s:I, s:I, s:I, s:I, s:b}", "inserts",
                         (json_int_t)place->inserts, "updates", (json_int_t)place->updates,
                         "deletes", (json_int_t)place->deletes, "schema_ops",
                         (json_int_t)place->schema_ops, "origin", (json_int_t)place->origin,
                         "is_count_partial", place->is_count_partial);
    } else if (entry->kind == STORE_ENTRY_INCIDENT) {
        more =
            json_pack("{s:i, s:o, s:b}", "number", (int)entry->incident, "message",
                      json_of(entry->text, &is_exact), "is_gap", entry->epoch.incarnation > 0);
    } else {
        json_t *database = json_of(entry->database, &is_exact);
        json_t *statement = json_of(entry->text, &is_exact);

        more = json_pack("{s:o, s:o, s:b}", "database", database, "statement", statement,
                         "is_exact", is_exact);
    }
    (void)json_object_update(object, more);
    json_decref(more);
}

static void show_json(void *context, const struct store_entry *entry)
{
    char begin_name[BINLOG_NAME_BYTES];
    char end_name[BINLOG_NAME_BYTES];
    char time_text[TIME_TEXT_BYTES];
    const char *cluster = context;
    json_t *object = NULL;

    binlog_name_print(begin_name, entry->log_name, entry->begin.file);
    binlog_name_print(end_name, entry->log_name, entry->end.file);
    print_time(time_text, entry->at_usec);
    object = json_pack("{s:s, s:s, s:s, s:I, s:s, s:I, s:s, s:I, s:I}", "cluster", cluster,
                       "kind", kind_words[entry->kind], "file", begin_name, "position",
                       (json_int_t)entry->begin.offset, "end_file", end_name, "end_position",
                       (json_int_t)entry->end.offset, "time", time_text, "incarnation",
                       (json_int_t)entry->epoch.incarnation, "epoch",
                       (json_int_t)entry->epoch.epoch);
    add_details(object, entry);
    (void)json_dumpf(object, stdout, JSON_COMPACT);
    (void)fputc('\n', stdout);
    json_decref(object);
}

enum status store_tool_dump(const struct store_command_line *line,
                            bool *is_clean,
                            struct error *error)
{
    const struct store_place *place = line->place;
    enum status status = STATUS_OK;

    for (size_t at = 0; at < place->count && status == STATUS_OK; at++) {
        const struct placed_cluster *cluster = &place->clusters[at];
        autofree char *prefix =
            place->data_dir == NULL ? mem_text("") : mem_format("%s/", cluster->name);

        status = store_dump(
            &(struct store_dump_options){
                .disk = disk_system(),
                .directory = cluster->path,
                .rules = line->rules.kind == EPOCH_KIND_NONE ? NULL : &line->rules,
                .from_epoch = line->from_epoch,
                .to_epoch = line->to_epoch,
                .since_usec = line->since_usec,
                .until_usec = line->until_usec,
                .on_entry = line->is_json ? show_json : show_text,
                .context = line->is_json ? cluster->name : prefix,
            },
            error);
        if (status != STATUS_OK) {
            (void)error_wrap(error, "%s", cluster->path);
        }
    }
    *is_clean = status == STATUS_OK;
    return status;
}
