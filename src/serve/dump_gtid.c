/* SPDX-License-Identifier: Apache-2.0 */
/* MySQL's auto-position: leaves out transactions whose GTID is in the replica's set. */
#include <inttypes.h>
#include <stdlib.h>

#include "binrelay/base/memory.h"
#include "binrelay/storage/binlog_files.h"
#include "dump_filter.h"

struct gtid_rule {
    struct gtid_set *rest; /* owned: of the replica's set, what may still come */
    uint64_t left_here;    /* of it, what is in this file and was not met yet */
    bool is_open;          /* some of it is stored nowhere yet: it may come at any time */
    bool is_finished;      /* nothing is added to this file any more */
};

/* What is stored up to the end of a finished file. NULL if there is no later file any more. */
static struct gtid_set *gtids_up_to_end(struct binlog_store *store, uint64_t file)
{
    uint64_t next_file = dump_filter_next_file(store, file);

    return next_file == 0 ? NULL : binlog_files_gtids_before(store, next_file);
}

static enum status enter_file(void *object,
                              struct binlog_store *store,
                              uint64_t file,
                              bool is_finished,
                              struct error *error)
{
    struct gtid_rule *rule = object;
    struct gtid_set *before = binlog_files_gtids_before(store, file);

    if (before == NULL) {
        return error_set(error, STATUS_NOT_FOUND, "file %" PRIu64 " is not there", file);
    }
    gtid_set_subtract(rule->rest, before);
    gtid_set_free(before);

    struct gtid_set *here = is_finished ? gtids_up_to_end(store, file) : NULL;

    rule->is_finished = here != NULL;
    if (here == NULL) {
        here = binlog_files_gtids(store);
    }
    struct gtid_set *later = gtid_set_copy(rule->rest);

    gtid_set_subtract(later, here);
    gtid_set_intersect(here, rule->rest);
    rule->left_here = gtid_set_count(here);
    rule->is_open = !gtid_set_is_empty(later);
    gtid_set_free(later);
    gtid_set_free(here);
    return STATUS_OK;
}

static enum status decide(void *object,
                          struct binlog_event_header header,
                          struct bytes body,
                          bool *is_left_out,
                          struct error *error)
{
    struct gtid_rule *rule = object;
    struct gtid gtid;

    if (header.type == BINLOG_ANONYMOUS_GTID) {
        return error_set(error, STATUS_INVALID,
                         "Cannot replicate anonymous transaction when AUTO_POSITION = 1");
    }
    enum status status = gtid_decode_event(&gtid, header.type, body, error);

    if (status != STATUS_OK) {
        return status;
    }
    *is_left_out = gtid_set_has(rule->rest, &gtid);
    if (*is_left_out && rule->left_here > 0) {
        rule->left_here--;
    }
    return STATUS_OK;
}

static enum filter_need need(const void *object)
{
    const struct gtid_rule *rule = object;

    if (rule->left_here > 0 || (rule->is_open && !rule->is_finished)) {
        return FILTER_NEEDED;
    }
    return rule->is_open ? FILTER_IDLE_HERE : FILTER_DONE;
}

static void free_rule(void *object)
{
    struct gtid_rule *rule = object;

    gtid_set_free(rule->rest);
    free(rule);
}

static bool begins_group(uint8_t event_type)
{
    return event_type == BINLOG_GTID || event_type == BINLOG_GTID_TAGGED ||
           event_type == BINLOG_ANONYMOUS_GTID;
}

/* As mysqld: all that follows a GTID goes with it, up to the file's closing Rotate. */
static bool ends_group(uint8_t event_type)
{
    return event_type == BINLOG_ROTATE;
}

struct dump_filter *dump_filter_of_gtids(struct gtid_set *set)
{
    static const struct filter_rule filter_rule = {
        .enter_file = enter_file,
        .decide = decide,
        .need = need,
        .free = free_rule,
        .begins_group = begins_group,
        .ends_group = ends_group,
    };
    struct gtid_rule *rule = mem_zeroed(sizeof(*rule));

    rule->rest = set;
    return dump_filter_new(&filter_rule, rule);
}

/* ---- no set ---- */

static enum status enter_any_file(void *object,
                                  struct binlog_store *store,
                                  uint64_t file,
                                  bool is_finished,
                                  struct error *error)
{
    (void)object;
    (void)store;
    (void)file;
    (void)is_finished;
    (void)error;
    return STATUS_OK;
}

static enum status keep(void *object,
                        struct binlog_event_header header,
                        struct bytes body,
                        bool *is_left_out,
                        struct error *error)
{
    (void)object;
    (void)header;
    (void)body;
    (void)error;
    *is_left_out = false;
    return STATUS_OK;
}

static enum filter_need need_nothing(const void *object)
{
    (void)object;
    return FILTER_DONE;
}

static void free_nothing(void *object)
{
    (void)object;
}

struct dump_filter *dump_filter_of_nothing(void)
{
    static const struct filter_rule filter_rule = {
        .enter_file = enter_any_file,
        .decide = keep,
        .need = need_nothing,
        .free = free_nothing,
        .begins_group = begins_group,
        .ends_group = ends_group,
    };

    return dump_filter_new(&filter_rule, NULL);
}
