/* SPDX-License-Identifier: Apache-2.0 */
#include "index_rules.h"

#include <errno.h>
#include <fcntl.h>

#include "binrelay/base/memory.h"

char *index_path(const char *directory, const struct store_listing *listing, size_t at)
{
    char name[BINLOG_NAME_BYTES];

    binlog_name_print(name, listing->log_name, listing->files[at]);
    return mem_format("%s/%s.epochs", directory, name);
}

enum status index_read_head(const struct disk *disk,
                            const char *path,
                            struct epoch_header *head,
                            struct error *error)
{
    uint8_t bytes[EPOCH_HEADER_BYTES];
    int file = disk_open(disk, path, O_RDONLY, 0);
    enum status status = STATUS_OK;
    size_t size = 0;

    if (file < 0) {
        status = error_set_errno(error, "open %s", path);
        return error->os_code == ENOENT ? STATUS_NOT_FOUND : status;
    }
    status = disk_read_all(disk, file, bytes, sizeof(bytes), 0, &size, error);
    (void)disk_close(disk, file); /* was read */
    if (status == STATUS_OK && size < sizeof(bytes)) {
        return error_set(error, STATUS_CORRUPT, "an epoch index whose head is cut short");
    }
    return status == STATUS_OK ? epoch_header_decode(head, bytes, error) : status;
}

enum status index_rules_find(const struct disk *disk,
                             const char *directory,
                             const struct store_listing *listing,
                             struct epoch_rules *found,
                             struct error *error)
{
    for (size_t at = listing->count; at > 0; at--) {
        autofree char *path = index_path(directory, listing, at - 1);
        struct epoch_header head;
        enum status status = index_read_head(disk, path, &head, error);

        if (status == STATUS_OK) {
            *found = head.rules;
            return STATUS_OK;
        }
        if (status == STATUS_SYSTEM) {
            return status;
        }
    }
    return error_set(error, STATUS_NOT_FOUND, "%s: no epoch index says what an epoch is",
                     directory);
}
