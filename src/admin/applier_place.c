/* SPDX-License-Identifier: Apache-2.0 */
#include "applier_place.h"

#include <stdlib.h>

#include "binrelay/storage/binlog_files.h"
#include "binrelay/storage/epoch_locate.h"

enum { MAGIC_BYTES = 4 };

static enum applier_place find_by_epoch(struct binlog_store *store,
                                        struct epoch_key applied,
                                        struct binlog_position *found)
{
    struct epoch_summary summary;
    struct error error;

    if (epoch_locate_after(store, applied, found, &error) == STATUS_OK) {
        return APPLIER_PLACE_HERE;
    }
    return epoch_index_summary(store, &summary, &error) == STATUS_OK &&
                   epoch_key_compare(applied, summary.first.key) < 0
               ? APPLIER_PLACE_GONE
               : APPLIER_PLACE_UNKNOWN;
}

static enum applier_place find_by_mysql(struct binlog_store *store,
                                        const char *text,
                                        uint64_t *file)
{
    struct gtid_set *set = NULL;
    struct gtid_set *missing = NULL;
    struct error error;
    enum status status = gtid_set_parse(&set, bytes_of_text(text), &error);
    enum applier_place place = APPLIER_PLACE_UNKNOWN;

    if (status == STATUS_OK) {
        status = binlog_files_find_by_gtids(store, set, file, &missing, &error);
        place = status == STATUS_OK ? APPLIER_PLACE_HERE : place;
        place = missing != NULL ? APPLIER_PLACE_GONE : place;
    }
    gtid_set_free(missing);
    gtid_set_free(set);
    return place;
}

static enum applier_place find_by_mariadb(struct binlog_store *store,
                                          const char *text,
                                          uint64_t *file)
{
    struct mariadb_gtid_list list = {0};
    struct error error;
    enum status status = mariadb_gtid_list_parse(&list, bytes_of_text(text), &error);
    enum applier_place place = APPLIER_PLACE_UNKNOWN;

    if (status == STATUS_OK) {
        status = binlog_files_find_by_mariadb(store, &list, file, &error);
        place = status == STATUS_OK ? APPLIER_PLACE_HERE : place;
        place = status == STATUS_NOT_FOUND ? APPLIER_PLACE_GONE : place;
    }
    mariadb_gtid_list_release(&list);
    return place;
}

static enum applier_place find_by_gtids(struct binlog_store *store,
                                        const char *text,
                                        struct binlog_position *found)
{
    struct binlog_file_facts newest;
    struct error error;
    uint64_t file = 0;
    enum applier_place place = APPLIER_PLACE_UNKNOWN;

    if (binlog_files_find(store, binlog_store_durable_end(store).file, &newest, &error) !=
        STATUS_OK) {
        return APPLIER_PLACE_UNKNOWN;
    }
    place = newest.is_mariadb ? find_by_mariadb(store, text, &file)
                              : find_by_mysql(store, text, &file);
    *found = (struct binlog_position){file, MAGIC_BYTES};
    return place;
}

static enum applier_place find_by_sent(struct binlog_store *store,
                                       struct binlog_position sent,
                                       struct binlog_position *found)
{
    struct binlog_file_facts *files = NULL;
    size_t count = binlog_files_list(store, &files);
    bool is_here = count > 0 && sent.file >= files[0].file;

    free(files);
    *found = sent;
    if (sent.file == 0 || count == 0) {
        return APPLIER_PLACE_UNKNOWN;
    }
    return is_here ? APPLIER_PLACE_HERE : APPLIER_PLACE_GONE;
}

enum applier_place applier_place_find(struct binlog_store *store,
                                      const struct applier_facts *facts,
                                      struct binlog_position *found)
{
    if (facts->applied.epoch != 0) {
        return find_by_epoch(store, facts->applied, found);
    }
    if (facts->applied_gtids != NULL) {
        return find_by_gtids(store, facts->applied_gtids, found);
    }
    return find_by_sent(store, facts->sent, found);
}
