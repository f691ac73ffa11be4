/* SPDX-License-Identifier: Apache-2.0 */
/* The files command. */
#include "admin_internal.h"
#include "binrelay/base/memory.h"
#include "binrelay/storage/binlog_files.h"
#include "binrelay/storage/epoch_index.h"

/* The GTIDs or, of MariaDB, the position before a file, as text. A new reference. */
static json_t *gtids_before(struct binlog_store *store, const struct binlog_file_facts *facts)
{
    struct buffer text = {0};
    json_t *printed = NULL;

    if (facts->is_mariadb) {
        struct mariadb_gtid_list state = {0};
        struct error error;

        if (binlog_files_mariadb_state_before(store, facts->file, &state, &error) ==
            STATUS_OK) {
            mariadb_gtid_list_print(&state, &text);
        }
        mariadb_gtid_list_release(&state);
    } else {
        struct gtid_set *set = binlog_files_gtids_before(store, facts->file);

        if (set != NULL) {
            gtid_set_print(set, &text);
        }
        gtid_set_free(set);
    }
    printed =
        text.size == 0 ? json_string("") : json_stringn((const char *)text.data, text.size);
    buffer_release(&text);
    return printed;
}

/* Both 0 where there is none. */
static void epochs_of(struct binlog_store *store,
                      uint64_t file,
                      uint64_t *first,
                      uint64_t *last)
{
    struct epoch_summary summary;
    struct error error;
    bool has_epochs = epoch_index_file_summary(store, file, &summary, &error) == STATUS_OK;

    *first = has_epochs ? summary.first.key.epoch : 0;
    *last = has_epochs ? summary.last.key.epoch : 0;
}

static void add_rows(json_t *rows,
                     const struct admin *admin,
                     const struct admin_cluster *cluster)
{
    struct binlog_file_facts *facts = NULL;
    size_t count = binlog_files_list(cluster->store, &facts);

    (void)admin;
    for (size_t at = 0; at < count; at++) {
        char name[BINLOG_NAME_BYTES];
        uint64_t first = (uint64_t)facts[at].first_created_sec * 1000000;
        uint64_t last = (uint64_t)facts[at].last_created_sec * 1000000;
        uint64_t first_epoch = 0;
        uint64_t last_epoch = 0;

        binlog_name_print(name, binlog_store_log_name(cluster->store), facts[at].file);
        epochs_of(cluster->store, facts[at].file, &first_epoch, &last_epoch);
        (void)json_array_append_new(
            rows,
            json_pack("{s:s,s:s,s:I,s:o,s:o,s:o,s:o,s:s,s:s,s:o}", "cluster", cluster->name,
                      "name", name, "bytes", (json_int_t)facts[at].bytes, "first_epoch",
                      admin_epoch(first_epoch), "last_epoch", admin_epoch(last_epoch),
                      "first_event", admin_time(first), "last_event", admin_time(last),
                      "written_by", facts[at].server_version, "checksum",
                      facts[at].checksum == BINLOG_CHECKSUM_CRC32 ? "CRC32" : "NONE",
                      "gtids_before", gtids_before(cluster->store, &facts[at])));
    }
    free(facts);
}

enum status command_files(struct admin *admin,
                          const json_t *arguments,
                          json_t **result,
                          struct error *error)
{
    return admin_list(admin, arguments, add_rows, result, error);
}
