/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MariaDB by GTID: in each domain of the replica's position, leaves out what
 * is up to it (mariadb sql/sql_repl.cc, "skip GTID event groups").
 */
#include <inttypes.h>
#include <stdlib.h>

#include "binrelay/base/memory.h"
#include "binrelay/storage/binlog_files.h"
#include "dump_filter.h"

/* Where the replica stands in one domain. */
struct wanted {
    struct mariadb_gtid gtid;
    bool is_known; /* the store has it; else its domain was empty when the replica asked */
};

struct mariadb_rule {
    struct wanted *rest; /* owned: the domains of the position that are not reached yet */
    size_t rest_count;
    struct mariadb_gtid_list state; /* the binlog state where the scan is */
    struct binlog_store *store;     /* borrowed */
    bool is_strict;
    bool is_idle_here;
};

static bool same_gtid(const struct mariadb_gtid *left, const struct mariadb_gtid *right)
{
    return left->domain_id == right->domain_id && left->server_id == right->server_id &&
           left->sequence == right->sequence;
}

static void remove_at(struct mariadb_rule *rule, size_t at)
{
    for (size_t i = at; i + 1 < rule->rest_count; i++) {
        rule->rest[i] = rule->rest[i + 1];
    }
    rule->rest_count--;
}

/* A domain in which the replica stands before the file begins with the file. */
static void drop_reached(struct mariadb_rule *rule)
{
    for (size_t i = rule->rest_count; i > 0; i--) {
        if (mariadb_gtid_state_has(&rule->state, rule->rest[i - 1].gtid)) {
            remove_at(rule, i - 1);
        }
    }
}

/* True if nothing was logged in the domains that are left while the state went on to `after`.
 */
static bool is_quiet(const struct mariadb_rule *rule, const struct mariadb_gtid_list *after)
{
    for (size_t i = 0; i < rule->rest_count; i++) {
        uint32_t domain_id = rule->rest[i].gtid.domain_id;
        const struct mariadb_gtid *first = mariadb_gtid_list_domain(&rule->state, domain_id);
        const struct mariadb_gtid *last = mariadb_gtid_list_domain(after, domain_id);

        if (last != NULL && (first == NULL || !same_gtid(first, last))) {
            return false;
        }
    }
    return true;
}

/* The same of a finished file up to its end. */
static bool is_quiet_up_to_end(const struct mariadb_rule *rule, uint64_t file)
{
    struct mariadb_gtid_list after = {0};
    uint64_t next_file = dump_filter_next_file(rule->store, file);
    struct error ignored; /* purged meanwhile: then the file is scanned */
    bool found = next_file > 0 &&
                 binlog_files_mariadb_state_before(rule->store, next_file, &after, &ignored) ==
                     STATUS_OK &&
                 is_quiet(rule, &after);

    mariadb_gtid_list_release(&after);
    return found;
}

static enum status enter_file(void *object,
                              struct binlog_store *store,
                              uint64_t file,
                              bool is_finished,
                              struct error *error)
{
    struct mariadb_rule *rule = object;
    struct mariadb_gtid_list state = {0};
    enum status status = binlog_files_mariadb_state_before(store, file, &state, error);

    if (status != STATUS_OK) {
        return status;
    }
    mariadb_gtid_list_release(&rule->state);
    rule->state = state;
    rule->store = store;
    drop_reached(rule);

    rule->is_idle_here = is_finished && rule->rest_count > 0 && is_quiet_up_to_end(rule, file);
    return STATUS_OK;
}

/*
 * A domain that was empty here when the replica asked turns up: what it asked
 * for must be in it. The store knows by now.
 */
static enum status check_known(const struct mariadb_rule *rule,
                               struct wanted *wanted,
                               struct error *error)
{
    struct mariadb_gtid_list stored = {0};

    if (wanted->is_known) {
        return STATUS_OK;
    }
    binlog_files_mariadb_state(rule->store, &stored);
    wanted->is_known = mariadb_gtid_state_has(&stored, wanted->gtid);
    mariadb_gtid_list_release(&stored);
    if (wanted->is_known) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_INVALID,
                     "Error: connecting replica requested to start from GTID "
                     "%" PRIu32 "-%" PRIu32 "-%" PRIu64 ", which is not in the source's binlog",
                     wanted->gtid.domain_id, wanted->gtid.server_id, wanted->gtid.sequence);
}

/* The first group of a domain at or behind where the replica stands: the domain is reached. */
static enum status reach(struct mariadb_rule *rule,
                         size_t at,
                         const struct mariadb_gtid *met,
                         struct error *error)
{
    struct mariadb_gtid wanted = rule->rest[at].gtid;

    if (rule->is_strict && met->sequence > wanted.sequence) {
        return error_set(error, STATUS_INVALID,
                         "The binlog on the source is missing the GTID "
                         "%" PRIu32 "-%" PRIu32 "-%" PRIu64
                         " requested by the replica (even though both a prior and a "
                         "subsequent sequence number does exist), and GTID strict mode is "
                         "enabled",
                         wanted.domain_id, wanted.server_id, wanted.sequence);
    }
    remove_at(rule, at);
    return STATUS_OK;
}

static enum status decide(void *object,
                          struct binlog_event_header header,
                          struct bytes body,
                          bool *is_left_out,
                          struct error *error)
{
    struct mariadb_rule *rule = object;
    struct mariadb_gtid met;
    uint8_t flags = 0;
    enum status status = mariadb_gtid_decode_event(&met, &flags, header.server_id, body, error);

    if (status != STATUS_OK) {
        return status;
    }
    mariadb_gtid_state_update(&rule->state, met);
    *is_left_out = false;
    for (size_t i = 0; i < rule->rest_count; i++) {
        struct wanted *wanted = &rule->rest[i];

        if (wanted->gtid.domain_id != met.domain_id) {
            continue;
        }
        status = check_known(rule, wanted, error);
        if (status != STATUS_OK) {
            return status;
        }
        bool is_same_server = met.server_id == wanted->gtid.server_id;

        *is_left_out = !is_same_server || met.sequence <= wanted->gtid.sequence;
        if (is_same_server && met.sequence >= wanted->gtid.sequence) {
            return reach(rule, i, &met, error);
        }
        return STATUS_OK;
    }
    return STATUS_OK;
}

static enum filter_need need(const void *object)
{
    const struct mariadb_rule *rule = object;

    if (rule->rest_count == 0) {
        return FILTER_DONE;
    }
    return rule->is_idle_here ? FILTER_IDLE_HERE : FILTER_NEEDED;
}

static void free_rule(void *object)
{
    struct mariadb_rule *rule = object;

    free(rule->rest);
    mariadb_gtid_list_release(&rule->state);
    free(rule);
}

static bool begins_group(uint8_t event_type)
{
    return event_type == BINLOG_MARIADB_GTID;
}

/* What mariadbd writes between groups. */
static bool ends_group(uint8_t event_type)
{
    switch (event_type) {
    case BINLOG_ROTATE:
    case BINLOG_STOP:
    case BINLOG_FORMAT_DESCRIPTION:
    case BINLOG_INCIDENT:
    case BINLOG_MARIADB_CHECKPOINT:
    case BINLOG_MARIADB_GTID_LIST:
    case BINLOG_MARIADB_START_ENCRYPTION:
        return true;
    default:
        return false;
    }
}

struct dump_filter *dump_filter_of_mariadb(const struct mariadb_gtid_list *position,
                                           const struct mariadb_gtid_list *stored,
                                           bool is_strict)
{
    static const struct filter_rule filter_rule = {
        .enter_file = enter_file,
        .decide = decide,
        .need = need,
        .free = free_rule,
        .begins_group = begins_group,
        .ends_group = ends_group,
    };
    struct mariadb_rule *rule = mem_zeroed(sizeof(*rule));

    rule->rest = mem_zeroed((position->count + 1) * sizeof(*rule->rest));
    rule->rest_count = position->count;
    for (size_t i = 0; i < position->count; i++) {
        rule->rest[i].gtid = position->items[i];
        rule->rest[i].is_known = mariadb_gtid_state_has(stored, position->items[i]);
    }
    rule->is_strict = is_strict;
    return dump_filter_new(&filter_rule, rule);
}

const struct mariadb_gtid_list *dump_filter_mariadb_state(const struct dump_filter *filter)
{
    const struct mariadb_rule *rule = dump_filter_object(filter);

    return &rule->state;
}
