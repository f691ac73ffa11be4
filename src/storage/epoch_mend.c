/* SPDX-License-Identifier: Apache-2.0 */
#include "epoch_mend.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "binlog_scan.h"
#include "binrelay/base/checksum.h"
#include "binrelay/base/memory.h"
#include "epoch_track.h"
#include "epoch_writer.h"

enum {
    /* An index of so many records is read whole before it is believed. */
    SMALL_RECORDS = 4096,
    PAGE_RECORDS = 512,
    MOST_FORMAT_BYTES = 64 * 1024,
};

char *epoch_index_path(const char *binlog_path)
{
    return mem_format("%s.epochs", binlog_path);
}

static enum status read_format(const struct disk *disk,
                               int descriptor,
                               struct buffer *event,
                               struct error *error)
{
    uint8_t head[BINLOG_EVENT_HEADER_BYTES];
    uint32_t size = 0;
    size_t found = 0;
    enum status status =
        disk_read_all(disk, descriptor, head, sizeof(head), BINLOG_MAGIC_BYTES, &found, error);

    if (status != STATUS_OK) {
        return status;
    }
    size = found < sizeof(head) ? 0 : bytes_u32_at(head + BINLOG_EVENT_SIZE_AT);
    if (size < sizeof(head) || size > MOST_FORMAT_BYTES) {
        return error_set(error, STATUS_CORRUPT, "no format description");
    }
    status = disk_read_all(disk, descriptor, buffer_room(event, size), size, BINLOG_MAGIC_BYTES,
                           &found, error);
    event->size = found;
    return status == STATUS_OK && found < size
               ? error_set(error, STATUS_CORRUPT, "a format description that is cut short")
               : status;
}

enum status epoch_fingerprint(const struct disk *disk,
                              const char *binlog_path,
                              uint32_t *fingerprint,
                              struct error *error)
{
    struct buffer event = {0};
    int descriptor = disk_open(disk, binlog_path, O_RDONLY, 0);
    enum status status = STATUS_OK;

    if (descriptor < 0) {
        return error_set_errno(error, "open %s", binlog_path);
    }
    status = read_format(disk, descriptor, &event, error);
    (void)disk_close(disk, descriptor); /* was opened for reading */
    *fingerprint = checksum_crc32(0, event.data, event.size);
    buffer_release(&event);
    return status == STATUS_OK ? STATUS_OK : error_wrap(error, "%s", binlog_path);
}

/* ---- what is there ---- */

/* The index file as it is found. */
struct found_index {
    const struct epoch_mend *mend; /* borrowed */
    int descriptor;
    uint64_t slots;           /* places for records, the seal's included */
    struct epoch_record seal; /* kind SEAL if there is one */
};

static bool read_slots(const struct found_index *index,
                       uint64_t first,
                       size_t count,
                       uint8_t *bytes)
{
    struct error ignored;
    size_t size = 0;

    return disk_read_all(index->mend->disk, index->descriptor, bytes,
                         count * EPOCH_RECORD_BYTES, (off_t)epoch_record_offset(first), &size,
                         &ignored) == STATUS_OK &&
           size == count * EPOCH_RECORD_BYTES;
}

static bool read_slot(const struct found_index *index,
                      uint64_t slot,
                      struct epoch_record *record)
{
    uint8_t bytes[EPOCH_RECORD_BYTES];

    return read_slots(index, slot, 1, bytes) && epoch_record_decode(record, bytes);
}

/* How many bits of a server id count is learnt from the source: until then, 0, what the index
 * was made by is right. */
static bool rules_fit(const struct epoch_rules *left, const struct epoch_rules *right)
{
    return left->kind == right->kind && left->server_id == right->server_id &&
           (left->server_id_bits == right->server_id_bits || right->server_id_bits == 0) &&
           strcmp(left->database, right->database) == 0 &&
           strcmp(left->table, right->table) == 0;
}

static bool states_are_equal(const struct epoch_state *left, const struct epoch_state *right)
{
    return epoch_key_compare(left->last, right->last) == 0 &&
           left->latest_usec == right->latest_usec;
}

/* Reads the head. False if the index is not of this file by these rules. */
static bool has_right_head(const struct found_index *index, struct epoch_header *wanted)
{
    const struct epoch_mend *mend = index->mend;
    uint8_t bytes[EPOCH_HEADER_BYTES];
    struct epoch_header header;
    struct error ignored;
    size_t size = 0;

    if (disk_read_all(mend->disk, index->descriptor, bytes, sizeof(bytes), 0, &size,
                      &ignored) != STATUS_OK ||
        size < sizeof(bytes) || epoch_header_decode(&header, bytes, &ignored) != STATUS_OK ||
        header.file != wanted->file || header.fingerprint != wanted->fingerprint ||
        !rules_fit(&header.rules, &wanted->rules)) {
        return false;
    }
    wanted->rules.server_id_bits = header.rules.server_id_bits;
    if (mend->before_is != EPOCH_BEFORE_GIVEN) {
        wanted->before = header.before;
    }
    return states_are_equal(&header.before, &wanted->before);
}

/* True if the record may be the next one, and tells of what the binlog has. */
static bool is_behind(const struct found_index *index,
                      const struct epoch_facts *facts,
                      const struct epoch_record *record)
{
    int order = epoch_key_compare(record->key, facts->after.last);
    bool is_key_right = record->kind == EPOCH_RECORD_GAP ? order == 0 : order > 0;

    return record->kind != EPOCH_RECORD_SEAL && is_key_right &&
           record->latest_usec >= facts->after.latest_usec && record->start < record->end &&
           record->end <= index->mend->bytes &&
           (facts->records == 0 || record->start >= facts->covered);
}

/* Reads every record up to a slot. False at the first that is wrong: those in front of it are
 * right all the same. */
static bool read_all(const struct found_index *index, uint64_t end, struct epoch_facts *facts)
{
    autofree uint8_t *page = mem_raw((size_t)PAGE_RECORDS * EPOCH_RECORD_BYTES);

    for (uint64_t slot = 0; slot < end;) {
        size_t count = end - slot < PAGE_RECORDS ? (size_t)(end - slot) : PAGE_RECORDS;

        if (!read_slots(index, slot, count, page)) {
            return false;
        }
        for (size_t at = 0; at < count; at++, slot++) {
            struct epoch_record record;

            if (!epoch_record_decode(&record, page + at * EPOCH_RECORD_BYTES) ||
                !is_behind(index, facts, &record)) {
                return false;
            }
            epoch_facts_add(facts, &record);
            facts->covered = record.end;
        }
    }
    return true;
}

/* The same of a long index that was finished: its ends are read now and the rest when it is
 * used, unless it has gaps, which are kept in memory. */
static bool read_ends(const struct found_index *index, uint64_t end, struct epoch_facts *facts)
{
    struct epoch_facts found = *facts;
    struct epoch_record ends[2];

    if (index->seal.commit_usec > 0 || !read_slot(index, 0, &ends[0]) ||
        !read_slot(index, end - 1, &ends[1])) {
        return read_all(index, end, facts);
    }
    for (size_t at = 0; at < 2; at++) {
        if (ends[at].kind != EPOCH_RECORD_EPOCH || !is_behind(index, &found, &ends[at])) {
            return read_all(index, end, facts);
        }
        epoch_facts_add(&found, &ends[at]);
        found.covered = ends[at].end;
    }
    found.records = end;
    found.epochs = end;
    *facts = found;
    return true;
}

/* Finds a seal that fits, and how many records are in front of it, or without it. */
static uint64_t find_end(struct found_index *index, uint64_t bytes)
{
    uint64_t end = (bytes - EPOCH_HEADER_BYTES) / EPOCH_RECORD_BYTES;
    struct epoch_record seal;

    if (end == 0 || !read_slot(index, end - 1, &seal) || seal.kind != EPOCH_RECORD_SEAL) {
        return end;
    }
    if (index->mend->is_closed && seal.start == end - 1 && seal.end == index->mend->bytes &&
        bytes == epoch_record_offset(end)) {
        index->seal = seal;
    }
    return end - 1;
}

/* Believes what proves right, which may be nothing. True if that is all there is to say. */
static bool believe(const struct epoch_mend *mend,
                    struct epoch_header *wanted,
                    struct epoch_facts *facts,
                    bool *has_head)
{
    autofree char *path = epoch_index_path(mend->path);
    struct found_index index = {.mend = mend,
                                .descriptor = disk_open(mend->disk, path, O_RDONLY, 0)};
    int64_t bytes = index.descriptor < 0 ? -1 : disk_file_bytes(index.descriptor);
    bool is_sealed = false;
    bool is_right = bytes >= EPOCH_HEADER_BYTES && has_right_head(&index, wanted);

    *has_head = is_right;
    epoch_facts_begin(facts, wanted->before);
    if (is_right) {
        uint64_t end = find_end(&index, (uint64_t)bytes);

        is_sealed = index.seal.kind == EPOCH_RECORD_SEAL;
        is_right = is_sealed && end > SMALL_RECORDS ? read_ends(&index, end, facts)
                                                    : read_all(&index, end, facts);
        is_right = is_right && index.seal.commit_usec == facts->gap_count &&
                   (is_sealed || (uint64_t)bytes == epoch_record_offset(end));
    }
    if (index.descriptor >= 0) {
        (void)disk_close(mend->disk, index.descriptor); /* was opened for reading */
    }
    if (is_right && is_sealed) {
        facts->covered = mend->bytes;
    }
    return is_right && is_sealed == mend->is_closed && facts->covered == mend->bytes;
}

/* ---- what is read again ---- */

struct rescan {
    struct epoch_track track;
    struct epoch_writer writer;
    struct epoch_facts *facts; /* borrowed */
    enum binlog_checksum checksum;
    uint64_t end;        /* of the event */
    enum status status;  /* of writing */
    struct error *error; /* borrowed */
};

static void on_event(void *context, uint64_t offset, struct bytes start, uint32_t size)
{
    struct rescan *rescan = context;

    rescan->end = offset + size;
    epoch_track_event(&rescan->track, start, size, rescan->checksum);
}

static void on_part(void *context, struct bytes part)
{
    struct rescan *rescan = context;

    epoch_track_part(&rescan->track, part);
}

static void on_end(void *context, bool is_whole)
{
    struct rescan *rescan = context;

    if (!is_whole) {
        return;
    }
    epoch_track_whole(&rescan->track, rescan->end);
    for (size_t at = 0; at < rescan->track.count; at++) {
        const struct epoch_record *record = &rescan->track.pending[at].record;

        if (rescan->status == STATUS_OK) {
            rescan->status = epoch_writer_put(&rescan->writer, record, rescan->error);
        }
        epoch_facts_add(rescan->facts, record);
    }
    epoch_track_drop(&rescan->track, rescan->track.count);
}

static enum status put_seal(const struct epoch_mend *mend,
                            const struct epoch_facts *facts,
                            struct epoch_writer *writer,
                            struct error *error)
{
    struct epoch_record seal = {.kind = EPOCH_RECORD_SEAL,
                                .start = facts->records,
                                .end = mend->bytes,
                                .commit_usec = facts->gap_count};

    return mend->is_closed ? epoch_writer_put(writer, &seal, error) : STATUS_OK;
}

/* Reads the binlog from where the facts end. */
static enum status scan_rest(const struct epoch_mend *mend,
                             struct rescan *rescan,
                             int descriptor,
                             struct error *error)
{
    struct buffer format = {0};
    struct pending_gtids gtids = {0};
    struct file_follower follower = {.file = mend->file, .runs = &gtids};
    struct binlog_scan_watcher watcher = {
        .on_event = on_event, .on_part = on_part, .on_end = on_end, .context = rescan};
    struct binlog_scan scan = {.disk = mend->disk,
                               .file = descriptor,
                               .bytes = mend->bytes,
                               .follower = &follower,
                               .watcher = &watcher};
    enum status status = read_format(mend->disk, descriptor, &format, error);

    file_follower_begin(&follower);
    if (status == STATUS_OK) {
        status = binlog_format_decode(&follower.format, buffer_bytes(&format), error);
    }
    rescan->checksum = follower.format.checksum;
    if (rescan->facts->covered > BINLOG_MAGIC_BYTES) {
        follower.now.offset = rescan->facts->covered;
    }
    epoch_track_begin_file(&rescan->track, mend->file, follower.now.offset);
    epoch_track_restart(&rescan->track, rescan->facts->after);
    if (status == STATUS_OK) {
        status = binlog_scan_run(&scan, error);
        binlog_scan_release(&scan);
    }
    if (status == STATUS_OK && !scan.is_complete) {
        status = error_set(error, STATUS_CORRUPT, "%s", scan.why.message);
    }
    pending_gtids_release(&gtids);
    buffer_release(&format);
    return status;
}

static enum status rescan_from(const struct epoch_mend *mend,
                               const struct epoch_header *header,
                               struct epoch_facts *facts,
                               struct error *error)
{
    autofree char *path = epoch_index_path(mend->path);
    struct rescan rescan = {.facts = facts, .error = error};
    int descriptor = disk_open(mend->disk, mend->path, O_RDONLY, 0);
    enum status status = STATUS_OK;

    facts->is_complete = false;
    if (descriptor < 0) {
        return error_set_errno(error, "open %s", mend->path);
    }
    epoch_track_init(&rescan.track, &header->rules);
    /* Nothing is believed: what is there is compared. Else it is gone on with. */
    rescan.status = facts->records == 0
                        ? epoch_writer_open(&rescan.writer, mend->disk, path, header, error)
                        : epoch_writer_open_at(&rescan.writer, mend->disk, path, header,
                                               facts->records, error);
    /* What the log comes to must be known though the index cannot be written. */
    status = scan_rest(mend, &rescan, descriptor, error);
    facts->is_complete = status == STATUS_OK;
    if (status == STATUS_OK) {
        status = rescan.status;
    }
    if (status == STATUS_OK) {
        status = put_seal(mend, facts, &rescan.writer, error);
    }
    if (status == STATUS_OK) {
        status = epoch_writer_finish(&rescan.writer, error);
    }
    epoch_writer_close(&rescan.writer);
    epoch_track_release(&rescan.track);
    (void)disk_close(mend->disk, descriptor); /* was opened for reading */
    return status;
}

enum status epoch_mend_run(const struct epoch_mend *mend,
                           struct epoch_facts *facts,
                           struct error *error)
{
    struct epoch_header header = {
        .file = mend->file, .rules = *mend->rules, .before = mend->before};
    enum status status = epoch_fingerprint(mend->disk, mend->path, &header.fingerprint, error);
    bool has_head = false;
    bool is_right = false;

    epoch_facts_begin(facts, header.before);
    facts->is_complete = false;
    if (status == STATUS_OK && !mend->is_suspect) {
        is_right = believe(mend, &header, facts, &has_head);
    }
    facts->is_before_known = has_head || mend->before_is != EPOCH_BEFORE_UNKNOWN;
    if (status == STATUS_OK && !facts->is_before_known) {
        facts->is_complete = false;
        status = error_set(error, STATUS_SYSTEM,
                           "which epochs came before is not known while they cannot be read");
    }
    if (status == STATUS_OK && !is_right) {
        status = rescan_from(mend, &header, facts, error);
    }
    facts->covered = mend->bytes;
    facts->server_id_bits = header.rules.server_id_bits;
    facts->is_known = status == STATUS_OK;
    return status;
}
