/* SPDX-License-Identifier: Apache-2.0 */
#include "epoch_search.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#include "binrelay/base/memory.h"
#include "epoch_mend.h"

enum {
    PAGE_RECORDS = 512,
    NEAR_RECORDS = 32, /* so few are read at once: the end of a search by halves */
};

enum status epoch_search_open(struct epoch_search *search,
                              struct epoch_handles *handles,
                              const struct store_file *file,
                              uint64_t records,
                              struct error *error)
{
    *search =
        (struct epoch_search){.handles = handles, .file = file->number, .records = records};
    search->descriptor = epoch_handles_take(handles, file->number);
    if (search->descriptor < 0) {
        autofree char *path = epoch_index_path(file->path);

        search->descriptor = disk_open(handles->disk, path, O_RDONLY, 0);
        if (search->descriptor < 0) {
            (void)error_set_errno(error, "open %s", path);
            error->status = STATUS_CORRUPT;
            return STATUS_CORRUPT;
        }
    }
    return STATUS_OK;
}

void epoch_search_drop(struct epoch_search *search)
{
    if (search->handles != NULL && search->descriptor >= 0) {
        (void)disk_close(search->handles->disk, search->descriptor); /* was for reading */
    }
    free(search->page);
    *search = (struct epoch_search){0};
}

void epoch_search_close(struct epoch_search *search)
{
    if (search->handles != NULL && search->descriptor >= 0) {
        epoch_handles_keep(search->handles, search->file, search->descriptor);
        search->descriptor = -1;
    }
    epoch_search_drop(search);
}

static enum status fill_page(struct epoch_search *search,
                             uint64_t first,
                             size_t count,
                             struct error *error)
{
    size_t size = 0;

    if (search->page == NULL) {
        search->page = mem_raw((size_t)PAGE_RECORDS * EPOCH_RECORD_BYTES);
    }
    search->page_count = 0;
    if (disk_read_all(search->handles->disk, search->descriptor, search->page,
                      count * EPOCH_RECORD_BYTES, (off_t)epoch_record_offset(first), &size,
                      error) != STATUS_OK ||
        size < count * EPOCH_RECORD_BYTES) {
        return error_set(error, STATUS_CORRUPT, "an epoch index that is cut short");
    }
    search->page_first = first;
    search->page_count = count;
    return STATUS_OK;
}

/* The page that a record is read with: forwards or backwards from the one before, or a short
 * one. */
static enum status show(struct epoch_search *search, uint64_t number, struct error *error)
{
    uint64_t first = number;
    uint64_t count = NEAR_RECORDS;

    if (search->page_count > 0 && number == search->page_first + search->page_count) {
        count = PAGE_RECORDS;
    } else if (search->page_count > 0 && number + 1 == search->page_first) {
        count = PAGE_RECORDS;
        first = number + 1 < PAGE_RECORDS ? 0 : number + 1 - PAGE_RECORDS;
    }
    if (count > search->records - first) {
        count = search->records - first;
    }
    return fill_page(search, first, (size_t)count, error);
}

enum status epoch_search_read(struct epoch_search *search,
                              uint64_t number,
                              struct epoch_record *record,
                              struct error *error)
{
    bool is_shown =
        number >= search->page_first && number - search->page_first < search->page_count;

    if (number >= search->records) {
        return error_set(error, STATUS_CORRUPT, "an epoch index has no record %" PRIu64,
                         number);
    }
    if (!is_shown && show(search, number, error) != STATUS_OK) {
        return error->status;
    }
    if (!epoch_record_decode(record, search->page +
                                         (number - search->page_first) * EPOCH_RECORD_BYTES) ||
        record->kind == EPOCH_RECORD_SEAL) {
        return error_set(error, STATUS_CORRUPT,
                         "an epoch index whose record %" PRIu64 " is damaged", number);
    }
    return STATUS_OK;
}

enum status epoch_search_first(struct epoch_search *search,
                               epoch_test_fn test,
                               const void *context,
                               uint64_t *number,
                               struct error *error)
{
    uint64_t low = 0;
    uint64_t high = search->records;

    while (low < high) { /* false below low, true from high on */
        uint64_t middle = low + (high - low) / 2;
        struct epoch_record record;

        if (epoch_search_read(search, middle, &record, error) != STATUS_OK) {
            return error->status;
        }
        if (test(&record, context)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    *number = low;
    return STATUS_OK;
}
