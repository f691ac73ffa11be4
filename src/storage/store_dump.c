/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same scan as recovery's, with a watcher that picks out what is shown. A
 * statement is shown behind its event, an epoch and an incident behind their
 * transaction: that is the order of their ends.
 */
#include "binrelay/storage/store_dump.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "binlog_scan.h"
#include "binrelay/base/memory.h"
#include "durable_mark.h"
#include "epoch_track.h"
#include "index_rules.h"
#include "store_listing.h"

enum { USEC_IN_SEC = 1000000 };

struct dump {
    const struct store_dump_options *options; /* borrowed */
    struct store_listing listing;             /* owned */
    struct binlog_position end;               /* up to where the files count */
    struct epoch_rules rules;
    struct epoch_track epochs;        /* owned */
    struct binlog_position epoch_end; /* of the last epoch; {0, 0}: none yet */
    struct file_follower follower;
    enum transaction_place place; /* in front of the event */
};

static void show(const struct dump *dump, struct store_entry *entry)
{
    const struct store_dump_options *options = dump->options;

    entry->log_name = dump->listing.log_name;
    if (entry->epoch.epoch >= options->from_epoch && entry->epoch.epoch <= options->to_epoch &&
        entry->at_usec >= options->since_usec && entry->at_usec <= options->until_usec) {
        options->on_entry(options->context, entry);
    }
}

static bool begins_with(struct bytes text, const char *word)
{
    size_t size = strlen(word);

    return text.size >= size && strncasecmp((const char *)text.data, word, size) == 0;
}

static bool is_ddl(struct bytes statement)
{
    static const char *const words[] = {"CREATE ", "ALTER ", "DROP ", "RENAME ", "TRUNCATE "};

    for (size_t at = 0; at < sizeof(words) / sizeof(words[0]); at++) {
        if (begins_with(statement, words[at])) {
            return true;
        }
    }
    return false;
}

/* What only begins or ends a transaction changes no table. */
static bool is_bracket(struct bytes statement)
{
    return bytes_equal_text(statement, "BEGIN") || bytes_equal_text(statement, "COMMIT") ||
           bytes_equal_text(statement, "ROLLBACK") || begins_with(statement, "XA ");
}

static struct store_entry entry_here(const struct dump *dump, enum store_entry_kind kind)
{
    return (struct store_entry){
        .kind = kind,
        .begin = {.file = dump->follower.file, .offset = dump->epochs.whole},
        .end = {.file = dump->follower.file, .offset = dump->follower.now.offset},
        .epoch = dump->epochs.now.last,
    };
}

static void show_query(struct dump *dump, struct bytes event, uint32_t size)
{
    struct binlog_event_header header = binlog_event_header_at(event.data);
    struct store_entry entry = entry_here(dump, STORE_ENTRY_STATEMENT);
    bool is_alone =
        dump->place != TRANSACTION_INSIDE && follower_place_is_whole(&dump->follower.now);
    struct binlog_query query = {0};
    struct bytes body = binlog_event_body(
        event, event.size == size ? dump->follower.format.checksum : BINLOG_CHECKSUM_NONE);
    struct error ignored;

    if (binlog_query_decode(&query, body, &ignored) != STATUS_OK) {
        return; /* cut before its statement: it has 70 KiB of other things */
    }
    entry.at_usec = (uint64_t)header.created_at_sec * USEC_IN_SEC;
    entry.database = query.database;
    entry.text = query.statement;
    entry.is_text_cut = event.size < size;
    if (header.type == BINLOG_MARIADB_QUERY_COMPRESSED) {
        entry.text = (struct bytes){0};
        entry.is_text_cut = true;
        if (is_alone) {
            show(dump, &entry);
        }
    } else if (is_alone ? !is_bracket(entry.text) : is_ddl(entry.text)) {
        show(dump, &entry);
    }
}

static void show_incident(struct dump *dump, struct bytes event, uint32_t size)
{
    struct binlog_event_header header = binlog_event_header_at(event.data);
    struct store_entry entry = entry_here(dump, STORE_ENTRY_INCIDENT);
    struct binlog_incident incident = {0};
    struct bytes body = {0};
    struct error ignored;

    if (event.size == size) {
        body = binlog_event_body(event, dump->follower.format.checksum);
    }
    if (binlog_incident_decode(&incident, body, &ignored) == STATUS_OK) {
        entry.incident = incident.kind;
        entry.text = incident.message;
    }
    entry.at_usec = (uint64_t)header.created_at_sec * USEC_IN_SEC;
    show(dump, &entry);
}

static void on_event(void *context, uint64_t offset, struct bytes start, uint32_t size)
{
    struct dump *dump = context;

    (void)offset; /* the follower has it */
    epoch_track_event(&dump->epochs, start, size, dump->follower.format.checksum);
    switch (start.data[BINLOG_EVENT_TYPE_AT]) {
    case BINLOG_QUERY:
    case BINLOG_MARIADB_QUERY_COMPRESSED:
        show_query(dump, start, size);
        break;
    case BINLOG_INCIDENT:
        show_incident(dump, start, size);
        break;
    default:
        break;
    }
    dump->place = dump->follower.now.tracker.place;
}

static void on_part(void *context, struct bytes part)
{
    struct dump *dump = context;

    epoch_track_part(&dump->epochs, part);
}

static void show_epoch(struct dump *dump, const struct epoch_record *record)
{
    struct store_entry entry = entry_here(dump, STORE_ENTRY_EPOCH);

    entry.begin.offset = record->start;
    /* A heartbeat ends what began behind the one before. */
    if (dump->rules.kind == EPOCH_KIND_HEARTBEAT && dump->epoch_end.file != 0) {
        entry.begin = dump->epoch_end;
    }
    entry.at_usec = record->commit_usec;
    entry.place = (struct epoch_place){
        .key = record->key,
        .begin = entry.begin,
        .end = entry.end,
        .commit_usec = record->commit_usec,
        .latest_usec = record->latest_usec,
        .inserts = record->inserts,
        .updates = record->updates,
        .deletes = record->deletes,
        .schema_ops = record->schema_ops,
        .origin = record->origin,
        .is_count_partial = record->is_count_partial,
    };
    dump->epoch_end = entry.end;
    show(dump, &entry);
}

static void on_end(void *context, bool is_whole)
{
    struct dump *dump = context;

    if (!is_whole) {
        return;
    }
    epoch_track_whole(&dump->epochs, dump->follower.now.offset);
    for (size_t at = 0; at < dump->epochs.count; at++) {
        if (dump->epochs.pending[at].record.kind == EPOCH_RECORD_EPOCH) {
            show_epoch(dump, &dump->epochs.pending[at].record);
        }
    }
    epoch_track_drop(&dump->epochs, dump->epochs.count);
}

static enum status scan_file(struct dump *dump,
                             uint64_t file,
                             int descriptor,
                             struct error *error)
{
    const struct binlog_scan_watcher watcher = {
        .on_event = on_event, .on_part = on_part, .on_end = on_end, .context = dump};
    struct pending_gtids gtids = {0};
    struct binlog_scan scan = {
        .disk = dump->options->disk,
        .file = descriptor,
        .follower = &dump->follower,
        .watcher = &watcher,
    };
    int64_t bytes = disk_file_bytes(descriptor);
    enum status status = STATUS_OK;

    if (bytes < 0) {
        return error_set_errno(error, "look at the file");
    }
    scan.bytes = (uint64_t)bytes;
    if (file == dump->end.file && dump->end.offset < scan.bytes) {
        scan.bytes = dump->end.offset;
    }
    dump->follower = (struct file_follower){.file = file, .runs = &gtids};
    dump->place = TRANSACTION_OUTSIDE;
    file_follower_begin(&dump->follower);
    epoch_track_begin_file(&dump->epochs, file, BINLOG_MAGIC_BYTES);
    status = binlog_scan_run(&scan, error);
    if (status == STATUS_OK && !scan.is_complete) {
        *error = scan.why;
        status = error->status = STATUS_CORRUPT;
    }
    binlog_scan_release(&scan);
    pending_gtids_release(&gtids);
    return status;
}

static enum status dump_file(struct dump *dump, uint64_t file, struct error *error)
{
    const struct disk *disk = dump->options->disk;
    char name[BINLOG_NAME_BYTES];
    autofree char *path = NULL;
    enum status status = STATUS_OK;
    int descriptor = -1;

    binlog_name_print(name, dump->listing.log_name, file);
    path = mem_format("%s/%s", dump->options->directory, name);
    descriptor = disk_open(disk, path, O_RDONLY, 0);
    if (descriptor < 0) {
        /* A relay may have removed it since the directory was read. */
        return errno == ENOENT ? STATUS_OK : error_set_errno(error, "open %s", path);
    }
    status = scan_file(dump, file, descriptor, error);
    (void)disk_close(disk, descriptor); /* was read */
    return status == STATUS_OK ? STATUS_OK : error_wrap(error, "%s", name);
}

static void on_mark_fault(void *context, uint64_t offset, const char *message)
{
    (void)context; /* what counts is whether any record can be read */
    (void)offset;
    (void)message;
}

/* Up to where the files count; without a mark to their ends. */
static enum status find_end(struct dump *dump, struct error *error)
{
    autofree char *path = mem_format("%s/durable", dump->options->directory);
    struct durable_claim claim = {0};
    enum status status =
        durable_mark_check(dump->options->disk, path, on_mark_fault, NULL, &claim, error);

    dump->end = claim.end;
    if (status == STATUS_NOT_FOUND || status == STATUS_CORRUPT) {
        dump->end = (struct binlog_position){.file = UINT64_MAX, .offset = UINT64_MAX};
        return STATUS_OK;
    }
    return status;
}

/* What the index of a file, made by the same rules, says of the files in front of it. */
static bool state_before(const struct dump *dump, size_t at, struct epoch_state *state)
{
    const struct store_dump_options *options = dump->options;
    autofree char *path = NULL;
    struct epoch_header head;
    struct error ignored;

    if (at >= dump->listing.count) {
        return false;
    }
    path = index_path(options->directory, &dump->listing, at);
    if (index_read_head(options->disk, path, &head, &ignored) != STATUS_OK ||
        head.file != dump->listing.files[at] || head.rules.kind != dump->rules.kind ||
        head.rules.server_id_bits != dump->rules.server_id_bits) {
        return false;
    }
    *state = head.before;
    return true;
}

/*
 * Passes over a file if the indexes say that all its epochs, and what stands
 * behind each of them, are out of the range. Not with heartbeats, whose first
 * epoch of a file begins in a file before.
 */
static bool pass_over(struct dump *dump, size_t at)
{
    const struct store_dump_options *options = dump->options;
    struct epoch_state before;
    struct epoch_state after;

    if (dump->rules.kind != EPOCH_KIND_NDB || !state_before(dump, at, &before) ||
        !state_before(dump, at + 1, &after)) {
        return false;
    }
    /* Within one incarnation epochs rise; in front of the first stands epoch 0. */
    if (before.last.incarnation != after.last.incarnation &&
        (before.last.incarnation != 0 || after.last.incarnation != 1)) {
        return false;
    }
    if (after.last.epoch >= options->from_epoch && before.last.epoch <= options->to_epoch) {
        return false;
    }
    epoch_track_restart(&dump->epochs, after);
    return true;
}

static enum status find_rules(struct dump *dump, struct error *error)
{
    const struct store_dump_options *options = dump->options;
    enum status status = STATUS_OK;

    if (options->rules != NULL) {
        dump->rules = *options->rules;
    } else {
        status = index_rules_find(options->disk, options->directory, &dump->listing,
                                  &dump->rules, error);
    }
    epoch_track_init(&dump->epochs, &dump->rules);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status store_dump(const struct store_dump_options *options, struct error *error)
{
    struct dump dump = {.options = options};
    enum status status = find_end(&dump, error); /* first, so that its file is listed */

    if (status == STATUS_OK) {
        status = store_listing_read(&dump.listing, options->directory, NULL, error);
    }
    if (status == STATUS_OK) {
        status = find_rules(&dump, error);
    }
    for (size_t at = 0; status == STATUS_OK && at < dump.listing.count; at++) {
        if (dump.listing.files[at] <= dump.end.file && !pass_over(&dump, at)) {
            status = dump_file(&dump, dump.listing.files[at], error);
        }
    }
    epoch_track_release(&dump.epochs);
    store_listing_release(&dump.listing);
    return status;
}
