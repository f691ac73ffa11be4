/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of appliers, pins and events show. On agent threads, which may wait. */
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/registry/applier_registry.h"
#include "binrelay/registry/catch_up.h"
#include "binrelay/registry/pin_table.h"
#include "binrelay/registry/registry.h"
#include "sql_tables.h"

enum { EVENTS_OF_A_PAGE = 5000 };

/* The low half of the pseudo-epoch of an NDB backup, whose high half is its StopGCP. */
#define BACKUP_EPOCH_LOW UINT64_C(0xFFFFFFFF)

/* ---- appliers ---- */

/* What one applier holds; NULL: nothing, or its group does. */
static const struct log_hold *hold_of(const struct log_hold *holds, size_t count, uint32_t id)
{
    for (size_t at = 0; at < count; at++) {
        if (holds[at].server_id == id) {
            return &holds[at];
        }
    }
    return NULL;
}

static void add_hold(struct sql_rows *rows,
                     const struct served_cluster *cluster,
                     const struct log_hold *hold)
{
    if (hold == NULL) {
        sql_rows_add(rows, sql_null());
        sql_rows_add(rows, sql_null());
        return;
    }
    if (hold->from.file == 0) {
        sql_rows_add_text(rows, "everything");
    } else {
        sql_rows_add_position(rows, cluster, hold->from);
    }
    sql_rows_add_text(rows, hold->why);
}

static void add_text_if(struct sql_rows *rows, const char *text)
{
    if (text != NULL) {
        sql_rows_add_text(rows, text);
    } else {
        sql_rows_add(rows, sql_null());
    }
}

static void add_report(struct sql_rows *rows,
                       const struct served_cluster *cluster,
                       const struct applier_facts *applier)
{
    struct applier_facts member = catch_up_member(cluster->appliers, applier);
    double lag = 0;
    bool has_lag =
        catch_up_lag(cluster->store, &member, clock_wall_usec(rows->session->clock), &lag);

    sql_rows_add_if(rows, applier->applied.epoch != 0, applier->applied.epoch);
    add_text_if(rows, applier->applied_gtids);
    sql_rows_add_if(rows, has_lag, (uint64_t)lag);
    sql_rows_add_time(rows, applier->reported_usec);
    add_text_if(rows, applier->reported_usec == 0 ? NULL : report_way_name(applier->way));
}

static void add_applier(struct sql_rows *rows,
                        const struct served_cluster *cluster,
                        const struct applier_facts *applier,
                        const struct log_hold *hold)
{
    sql_rows_add_text(rows, cluster->name);
    sql_rows_add_number(rows, applier->server_id);
    sql_rows_add_text(rows, applier->group);
    sql_rows_add_text(rows, applier_state_name(applier->state));
    sql_rows_add_number(rows, applier->is_required ? 1 : 0);
    sql_rows_add_text(rows, applier_origin_name(applier->origin));
    add_report(rows, cluster, applier);
    add_hold(rows, cluster, hold);
    sql_rows_add_number(rows, applier->is_lost ? 1 : 0);
    sql_rows_add_number(rows, applier->streams);
    sql_rows_add_position(rows, cluster, applier->sent);
    sql_rows_add_if(rows, applier->sent_epoch.epoch != 0, applier->sent_epoch.epoch);
    sql_rows_add_time(rows, applier->seen_usec);
    sql_rows_add_if(rows, applier->expire_after_usec != 0,
                    applier->expire_after_usec / 1000000);
}

void sql_fill_appliers(struct sql_rows *rows)
{
    const struct served_cluster *cluster = NULL;
    size_t next = 0;

    while ((cluster = sql_rows_next_cluster(rows, &next)) != NULL) {
        struct applier_facts *appliers = NULL;
        struct log_hold *holds = NULL;
        size_t count = 0;
        size_t hold_count = 0;

        if (cluster->appliers == NULL) {
            continue;
        }
        count = applier_registry_list(cluster->appliers, &appliers);
        hold_count = applier_registry_holds(cluster->appliers, &holds);
        for (size_t at = 0; at < count; at++) {
            add_applier(rows, cluster, &appliers[at],
                        hold_of(holds, hold_count, appliers[at].server_id));
        }
        free(holds);
        applier_facts_free(appliers, count);
    }
}

/* ---- pins and events ---- */

static bool is_served(const struct sql_world *world, const char *name)
{
    for (size_t at = 0; at < world->cluster_count; at++) {
        if (strcmp(world->clusters[at].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* *found is the cluster, or NULL: what is of none that is served is for administrators. */
static bool may_see(const struct sql_rows *rows,
                    const char *name,
                    const struct served_cluster **found)
{
    const struct served_cluster *cluster = NULL;
    size_t next = 0;

    *found = NULL;
    while ((cluster = sql_rows_next_cluster(rows, &next)) != NULL) {
        if (strcmp(cluster->name, name) == 0) {
            *found = cluster;
            return true;
        }
    }
    return (rows->session->rights & RIGHT_ADMIN) != 0 && !is_served(rows->session->world, name);
}

static void add_pin(struct sql_rows *rows,
                    const struct served_cluster *cluster,
                    const struct pin_facts *pin)
{
    bool is_of_backup = (pin->epoch.epoch & BACKUP_EPOCH_LOW) == BACKUP_EPOCH_LOW;

    sql_rows_add_text(rows, pin->name);
    sql_rows_add_text(rows, pin->cluster);
    sql_rows_add_number(rows, pin->epoch.epoch);
    sql_rows_add_if(rows, is_of_backup, pin->epoch.epoch >> 32);
    sql_rows_add_text(rows, pin->is_done ? "done" : "running");
    if (cluster != NULL) {
        sql_rows_add_position(rows, cluster, pin->from);
    } else {
        sql_rows_add_text(rows, "");
    }
    sql_rows_add_number(rows, pin->is_expired ? 1 : 0);
    sql_rows_add_time(rows, pin->created_usec);
    sql_rows_add_time(rows, pin->expires_usec);
}

void sql_fill_pins(struct sql_rows *rows)
{
    const struct sql_world *world = rows->session->world;
    struct pin_facts *pins = NULL;
    size_t count = 0;

    if (world == NULL || world->pins == NULL) {
        return;
    }
    count = pin_table_list(world->pins, &pins);
    for (size_t at = 0; at < count; at++) {
        const struct served_cluster *cluster = NULL;

        if (may_see(rows, pins[at].cluster, &cluster)) {
            add_pin(rows, cluster, &pins[at]);
        }
    }
    free(pins);
}

static void add_events(struct sql_rows *rows, const struct registry_event *events, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        const struct served_cluster *cluster = NULL;

        if (may_see(rows, events[at].cluster, &cluster)) {
            sql_rows_add_number(rows, events[at].id);
            sql_rows_add_time(rows, events[at].at_usec);
            sql_rows_add_text(rows, events[at].cluster);
            sql_rows_add_text(rows, events[at].event);
            sql_rows_add_text(rows, events[at].message);
        }
    }
}

/* The last page and the one before it: all of them could be more than a statement may hold. */
void sql_fill_events(struct sql_rows *rows)
{
    const struct sql_world *world = rows->session->world;
    struct registry_event *before = NULL;
    struct registry_event *page = NULL;
    size_t before_count = 0;
    size_t count = EVENTS_OF_A_PAGE;
    uint64_t last = 0;
    struct error error; /* a table that cannot be read now is shown as far as it was */

    if (world == NULL || world->registry == NULL) {
        return;
    }
    while (count == EVENTS_OF_A_PAGE) {
        free(before);
        before = page;
        before_count = page == NULL ? 0 : count;
        page = NULL;
        count = 0;
        if (registry_list_events(world->registry, last, 0, EVENTS_OF_A_PAGE, &page, &count,
                                 &error) != STATUS_OK) {
            break;
        }
        last = count == 0 ? last : page[count - 1].id;
    }
    add_events(rows, before, before_count);
    add_events(rows, page, count);
    free(before);
    free(page);
}
