/* SPDX-License-Identifier: Apache-2.0 */
#include "epoch_scan.h"

void epoch_scan_init(struct epoch_scan *scan, const struct epoch_rules *rules)
{
    *scan = (struct epoch_scan){.rules = *rules, .reader = epoch_reader_new(rules)};
}

void epoch_scan_release(struct epoch_scan *scan)
{
    epoch_reader_free(scan->reader);
    *scan = (struct epoch_scan){0};
}

void epoch_scan_begin_file(struct epoch_scan *scan)
{
    epoch_reader_reset(scan->reader);
    scan->end = (struct binlog_position){0};
}

void epoch_scan_event(struct epoch_scan *scan,
                      const struct file_follower *follower,
                      uint64_t offset,
                      struct bytes start,
                      uint32_t size)
{
    uint32_t body_size = size - BINLOG_EVENT_HEADER_BYTES;

    if (scan->end.file != follower->file || scan->end.offset == offset) {
        scan->begin = (struct binlog_position){.file = follower->file, .offset = offset};
        scan->end = scan->begin;
    }
    if (!epoch_reader_wants(scan->reader, start.data[BINLOG_EVENT_TYPE_AT])) {
        return;
    }
    if (follower->format.checksum == BINLOG_CHECKSUM_CRC32) {
        body_size -= BINLOG_CHECKSUM_BYTES;
    }
    epoch_reader_begin_event(scan->reader, binlog_event_header_at(start.data), body_size);
    epoch_scan_part(scan, (struct bytes){.data = start.data + BINLOG_EVENT_HEADER_BYTES,
                                         .size = start.size - BINLOG_EVENT_HEADER_BYTES});
}

void epoch_scan_part(struct epoch_scan *scan, struct bytes part)
{
    epoch_reader_add(scan->reader, part);
}

/* An epoch that does not rise belongs to a cluster that was started anew. */
static struct epoch_key next_key(struct epoch_key last, uint64_t epoch)
{
    struct epoch_key key = {.incarnation = last.incarnation, .epoch = epoch};

    if (last.incarnation == 0 || epoch <= last.epoch) {
        key.incarnation++;
    }
    return key;
}

bool epoch_scan_end(struct epoch_scan *scan, const struct file_follower *follower)
{
    struct epoch_place *last = &scan->last;
    const struct epoch_transaction *found = &scan->found;
    struct binlog_position begin = scan->begin;

    scan->end =
        (struct binlog_position){.file = follower->file, .offset = follower->now.offset};
    epoch_reader_end_transaction(scan->reader, &scan->found);
    if (!found->has_marker) {
        return false;
    }
    if (scan->rules.kind == EPOCH_KIND_HEARTBEAT && last->key.incarnation > 0) {
        begin = last->end;
    }
    *last = (struct epoch_place){
        .key = next_key(last->key, found->epoch),
        .begin = begin,
        .end = scan->end,
        .commit_usec = found->commit_usec,
        .latest_usec =
            found->commit_usec > last->latest_usec ? found->commit_usec : last->latest_usec,
        .inserts = found->inserts,
        .updates = found->updates,
        .deletes = found->deletes,
        .schema_ops = found->schema_ops,
        .origin = found->origin,
        .is_count_partial = found->is_count_partial,
    };
    return true;
}
