/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of GTIDs: sets of MySQL, positions of MariaDB. */
#include <inttypes.h>
#include <string.h>

#include "applier_place.h"
#include "binrelay/base/memory.h"
#include "binrelay/protocol/uuid.h"
#include "binrelay/storage/binlog_files.h"

enum { UUID_CHARACTERS = UUID_TEXT_BYTES - 1 };

/* What a text says, or what a store has: one of the two. */
struct executed {
    struct gtid_set *set;              /* owned; NULL: a position */
    struct mariadb_gtid_list position; /* owned; of a store its state */
};

static void release(struct executed *executed)
{
    gtid_set_free(executed->set);
    mariadb_gtid_list_release(&executed->position);
}

/* "" is both, and taken for a set. */
static bool parse(struct bytes text, struct executed *parsed)
{
    struct error ignored; /* who calls says that it is neither */

    *parsed = (struct executed){0};
    return gtid_set_parse(&parsed->set, text, &ignored) == STATUS_OK ||
           mariadb_gtid_list_parse(&parsed->position, text, &ignored) == STATUS_OK;
}

static bool is_blank(struct bytes text)
{
    struct executed parsed;
    bool is = parse(text, &parsed) && parsed.set != NULL && gtid_set_is_empty(parsed.set);

    release(&parsed);
    return is;
}

static char *print(const struct executed *executed)
{
    struct buffer printed = {0};
    char *text = NULL;

    if (executed->set != NULL) {
        gtid_set_print(executed->set, &printed);
    } else {
        mariadb_gtid_list_print(&executed->position, &printed);
    }
    buffer_add_zeros(&printed, 1);
    text = mem_text((const char *)printed.data);
    buffer_release(&printed);
    return text;
}

/* True if a line of the printed set begins with a UUID of which `extra` has something. */
static bool has_of_line(const struct gtid_set *extra, struct bytes line)
{
    uint8_t uuid[UUID_BYTES];
    struct gtid_set *of_uuid = NULL;
    struct error ignored; /* what is no UUID is the interval of the one before */
    bool has = false;

    if (line.size < UUID_CHARACTERS) {
        return false;
    }
    line.size = UUID_CHARACTERS;
    if (uuid_parse(uuid, line, &ignored) != STATUS_OK) {
        return false;
    }
    of_uuid = gtid_set_copy(extra);
    gtid_set_keep_uuid(of_uuid, uuid);
    has = !gtid_set_is_empty(of_uuid);
    gtid_set_free(of_uuid);
    return has;
}

/* Of UUIDs that are not stored here an applier may have anything: its own, another channel's.
 */
static bool has_never_stored(const struct gtid_set *set, const struct gtid_set *stored)
{
    struct gtid_set *extra = gtid_set_copy(set);
    struct buffer printed = {0};
    bool has = false;

    gtid_set_subtract(extra, stored);
    if (!gtid_set_is_empty(extra)) {
        gtid_set_print(stored, &printed);
    }
    struct byte_reader reader = byte_reader_of(buffer_bytes(&printed));

    while (!has && reader.left > 0) {
        has = has_of_line(extra, (struct bytes){.data = reader.next, .size = reader.left});
        while (reader.left > 0 && byte_reader_number(&reader, 1) != '\n') {
        }
    }
    buffer_release(&printed);
    gtid_set_free(extra);
    return has;
}

/* A GTID of a domain that is stored here must be stored too: what it stands for is not known
 * else. */
static bool is_unknown_here(const struct mariadb_gtid_list *position,
                            const struct mariadb_gtid_list *state)
{
    for (size_t at = 0; at < position->count; at++) {
        if (mariadb_gtid_list_domain(state, position->items[at].domain_id) != NULL &&
            !mariadb_gtid_state_has(state, position->items[at])) {
            return true;
        }
    }
    return false;
}

/* The last of a domain must not go back; of another server it may have any number. */
static bool is_position_below(const struct mariadb_gtid_list *position,
                              const struct mariadb_gtid_list *before)
{
    for (size_t at = 0; at < before->count; at++) {
        const struct mariadb_gtid *then = &before->items[at];
        const struct mariadb_gtid *now = mariadb_gtid_list_domain(position, then->domain_id);

        if (now == NULL ||
            (now->server_id == then->server_id && now->sequence < then->sequence)) {
            return true;
        }
    }
    return false;
}

static bool is_below(const struct executed *executed, const char *before)
{
    struct executed then;
    bool is = false;

    if (before == NULL || !parse(bytes_of_text(before), &then)) {
        return false;
    }
    if (then.set != NULL && executed->set != NULL) {
        is = !gtid_set_contains(executed->set, then.set);
    } else if (then.set == NULL && executed->set == NULL) {
        is = is_position_below(&executed->position, &then.position);
    }
    release(&then);
    return is;
}

static enum report_fault refuse(const struct applier_scope *scope,
                                uint32_t server_id,
                                enum report_fault fault,
                                const char *why,
                                struct error *error)
{
    (void)error_set(error, STATUS_INVALID, "cluster %s, applier %" PRIu32 ": %s",
                    scope->cluster, server_id, why);
    return fault;
}

static enum report_fault check_against_store(const struct applier_scope *scope,
                                             uint32_t server_id,
                                             const struct executed *executed,
                                             struct error *error)
{
    struct executed stored = {0};
    bool is_stored = false;
    bool is_never = false;

    if (executed->set != NULL) {
        stored.set = binlog_files_gtids(scope->store);
        is_stored = !gtid_set_is_empty(stored.set);
        is_never = has_never_stored(executed->set, stored.set);
    } else {
        binlog_files_mariadb_state(scope->store, &stored.position);
        is_stored = stored.position.count > 0;
        is_never = is_unknown_here(&executed->position, &stored.position);
    }
    release(&stored);
    if (!is_stored) {
        return refuse(scope, server_id, REPORT_NOTHING,
                      "no transaction with such GTIDs is stored here", error);
    }
    if (is_never) {
        return refuse(scope, server_id, REPORT_ABOVE,
                      "it has executed GTIDs of this cluster that are not durable here", error);
    }
    return REPORT_GOOD;
}

enum report_fault applier_check_gtids(const struct applier_scope *scope,
                                      uint32_t server_id,
                                      const char *before,
                                      struct bytes executed,
                                      char **normal,
                                      struct error *error)
{
    struct executed parsed = {0};
    enum report_fault fault = REPORT_GOOD;

    if (executed.size > APPLIER_GTIDS_MOST_BYTES || !parse(executed, &parsed)) {
        return refuse(scope, server_id, REPORT_UNREADABLE,
                      "neither a GTID set nor a MariaDB position", error);
    }
    /* Nothing is nothing in both kinds. */
    if (!is_blank(executed)) {
        fault = check_against_store(scope, server_id, &parsed, error);
    }
    if (fault == REPORT_GOOD && is_below(&parsed, before)) {
        fault = refuse(scope, server_id, REPORT_BELOW,
                       "it lacks GTIDs that it reported before; `applier set-epoch ID 0` takes "
                       "them back",
                       error);
    }
    if (fault == REPORT_GOOD) {
        *normal = print(&parsed);
    }
    release(&parsed);
    return fault;
}

static enum status find_file(struct binlog_store *store,
                             const struct executed *executed,
                             uint64_t *file)
{
    struct gtid_set *missing = NULL;
    struct error ignored; /* what is not known holds more */
    enum status status = STATUS_OK;

    if (executed->set == NULL) {
        return binlog_files_find_by_mariadb(store, &executed->position, file, &ignored);
    }
    status = binlog_files_find_by_gtids(store, executed->set, file, &missing, &ignored);
    gtid_set_free(missing);
    return status;
}

bool applier_place_of_gtids(struct binlog_store *store,
                            const char *gtids,
                            struct binlog_position *place)
{
    struct executed parsed = {0};
    bool is_found = false;

    *place = (struct binlog_position){0};
    if (!is_blank(bytes_of_text(gtids)) && parse(bytes_of_text(gtids), &parsed)) {
        is_found = find_file(store, &parsed, &place->file) == STATUS_OK;
        *place = is_found ? (struct binlog_position){place->file, BINLOG_MAGIC_BYTES}
                          : (struct binlog_position){0};
    }
    release(&parsed);
    return is_found;
}
