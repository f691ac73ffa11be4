/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about pins: named holds on an epoch. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin_internal.h"
#include "binrelay/registry/catch_up.h"
#include "binrelay/storage/epoch_locate.h"

/* The low half of the pseudo-epoch of an NDB backup, whose high half is its StopGCP. */
#define BACKUP_EPOCH_LOW UINT64_C(0xFFFFFFFF)

static const char backup_prefix[] = "backup-";

static bool is_of_backup(uint64_t epoch)
{
    return (epoch & BACKUP_EPOCH_LOW) == BACKUP_EPOCH_LOW;
}

static json_t *row_of(const struct admin *admin, const struct pin_facts *pin)
{
    const struct admin_cluster *cluster = admin_find_cluster(admin, pin->cluster);
    json_t *from =
        cluster == NULL ? json_string("") : admin_position(cluster->store, pin->from);
    json_t *gcp = is_of_backup(pin->epoch.epoch)
                      ? json_integer((json_int_t)(pin->epoch.epoch >> 32))
                      : json_null();

    return json_pack("{s:s,s:s,s:o,s:o,s:s,s:o,s:b,s:o,s:o}", "name", pin->name, "cluster",
                     pin->cluster, "epoch", admin_epoch(pin->epoch.epoch), "gcp", gcp, "state",
                     pin->is_done ? "done" : "running", "holds", from, "expired",
                     (int)pin->is_expired, "created_at", admin_time(pin->created_usec),
                     "expires_at", admin_time(pin->expires_usec));
}

static enum status need_pins(const struct admin *admin, struct error *error)
{
    return admin->options.pins != NULL
               ? STATUS_OK
               : error_set(error, STATUS_INVALID, "this relay keeps no pins");
}

/* ---- pin add ---- */

/* The number in backup-7 is the backup's id, which has 32 bits. */
static enum status check_backup_id(const char *name, struct error *error)
{
    const char *id = name + sizeof(backup_prefix) - 1;
    char *end = NULL;
    unsigned long long number = 0;

    if (strncmp(name, backup_prefix, sizeof(backup_prefix) - 1) != 0 || *id < '0' ||
        *id > '9') {
        return STATUS_OK; /* any other name */
    }
    number = strtoull(id, &end, 10);
    if (*end == '\0' && (number == 0 || number > UINT32_MAX)) {
        return error_set(error, STATUS_INVALID, "name: a backup's id is from 1 to %" PRIu32,
                         UINT32_MAX);
    }
    return STATUS_OK;
}

static enum status read_epoch(const json_t *arguments,
                              struct pin_facts *pin,
                              struct error *error)
{
    const json_t *gcp = json_object_get(arguments, "gcp");
    bool has_epoch = json_object_get(arguments, "epoch") != NULL;
    json_int_t number = json_integer_value(gcp);

    if (has_epoch == (gcp != NULL)) {
        return error_set(error, STATUS_INVALID,
                         has_epoch ? "pin add: an epoch and --gcp exclude each other"
                                   : "pin add: an epoch, or --gcp of a backup, is missing");
    }
    if (has_epoch) {
        enum status status = admin_argument_epoch(arguments, "epoch", &pin->epoch.epoch, error);

        if (status == STATUS_OK && pin->epoch.epoch == 0) {
            status = error_set(error, STATUS_INVALID, "pin add: there is no epoch 0");
        }
        return status;
    }
    if (number < 1 || number > UINT32_MAX) {
        return error_set(error, STATUS_INVALID, "gcp: a StopGCP is from 1 to %" PRIu32,
                         UINT32_MAX);
    }
    pin->epoch.epoch = (uint64_t)number << 32 | BACKUP_EPOCH_LOW;
    return STATUS_OK;
}

static enum status read_state(const json_t *arguments, bool *is_done, struct error *error)
{
    const char *state = json_string_value(json_object_get(arguments, "state"));

    if (state != NULL && strcmp(state, "running") != 0 && strcmp(state, "done") != 0) {
        return error_set(error, STATUS_INVALID, "state: it is running or done");
    }
    *is_done = state != NULL && strcmp(state, "done") == 0;
    return STATUS_OK;
}

static enum status read_times(const struct admin *admin,
                              const json_t *arguments,
                              struct pin_facts *pin,
                              struct error *error)
{
    uint64_t ttl = 0;
    enum status status = admin_argument_duration(arguments, "ttl", &ttl, error);

    pin->created_usec = clock_wall_usec(admin->options.clock);
    if (status == STATUS_OK && json_object_get(arguments, "ttl") != NULL) {
        if (ttl == 0) {
            return error_set(error, STATUS_INVALID, "ttl: it must be more than nothing");
        }
        pin->expires_usec = pin->created_usec + ttl;
    }
    return status;
}

static enum status read_pin(const struct admin *admin,
                            const json_t *arguments,
                            struct pin_facts *pin,
                            struct error *error)
{
    const char *name = "";
    enum status status = admin_argument_name(arguments, "name", &name, error);

    if (status == STATUS_OK) {
        status = check_backup_id(name, error);
    }
    if (status == STATUS_OK) {
        status = read_epoch(arguments, pin, error);
    }
    if (status == STATUS_OK) {
        status = read_state(arguments, &pin->is_done, error);
    }
    if (status == STATUS_OK) {
        status = read_times(admin, arguments, pin, error);
    }
    if (status == STATUS_OK) {
        memcpy(pin->name, name, strlen(name) + 1); /* it was checked to fit */
    }
    return status;
}

/* Where what is behind the epoch begins: all of it must be here. */
static enum status find_place(const struct admin_cluster *cluster,
                              const json_t *arguments,
                              struct pin_facts *pin,
                              struct error *error)
{
    bool is_backup = json_object_get(arguments, "gcp") != NULL;
    enum epoch_kind kind = epoch_index_rules(cluster->store).kind;
    struct error why = {0};
    enum status status = STATUS_OK;
    uint64_t oldest = 0;

    if (kind == EPOCH_KIND_NONE || (is_backup && kind != EPOCH_KIND_NDB)) {
        return error_set(error, STATUS_INVALID, "cluster %s keeps no epochs%s", cluster->name,
                         is_backup ? " of an NDB cluster" : "");
    }
    status = is_backup
                 ? epoch_locate_after_backup(cluster->store, pin->epoch.epoch, &pin->from, &why)
                 : epoch_locate_after(cluster->store, pin->epoch, &pin->from, &why);
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    *error = why;
    oldest = catch_up_oldest_epoch(cluster->store);
    return oldest == 0 ? status
                       : error_set(error, status, "%.300s; the oldest epoch here is %" PRIu64,
                                   why.message, oldest);
}

/* The pin is not to be after all: the one of its name that was there before is again. */
static enum status take_back(const struct admin *admin,
                             const struct pin_facts *pin,
                             const struct pin_facts *before,
                             struct error *error)
{
    struct error why;
    enum status status = before == NULL ? pin_table_remove(admin->options.pins, pin->name, &why)
                                        : pin_table_put(admin->options.pins, before, &why);

    return status == STATUS_OK ? error->status
                               : error_wrap(error, "pin %s stays, and holds less", pin->name);
}

/* A purge that had read the pins before this one was among them may have taken what it is to
 * hold. Once that one is through, what is here stays. */
static enum status put_pin(const struct admin *admin,
                           const struct admin_cluster *cluster,
                           const json_t *arguments,
                           const struct pin_facts *before,
                           struct pin_facts *pin,
                           struct error *error)
{
    enum status status = pin_table_put(admin->options.pins, pin, error);

    if (status != STATUS_OK || cluster->purger == NULL) {
        return status;
    }
    admin_await_purge(cluster);
    status = find_place(cluster, arguments, pin, error);
    return status == STATUS_OK ? STATUS_OK : take_back(admin, pin, before, error);
}

static enum status add_pin(const struct admin *admin,
                           const struct admin_cluster *cluster,
                           const json_t *arguments,
                           struct pin_facts *pin,
                           struct error *error)
{
    struct pin_facts before;
    bool has_before = false;
    enum status status = find_place(cluster, arguments, pin, error);

    if (status != STATUS_OK) {
        return status;
    }
    has_before = pin_table_find(admin->options.pins, pin->name, &before, error) == STATUS_OK;
    if (has_before && strcmp(before.cluster, pin->cluster) == 0 &&
        epoch_key_compare(before.epoch, pin->epoch) == 0) {
        pin->created_usec = before.created_usec; /* the same pin, said again */
    }
    return put_pin(admin, cluster, arguments, has_before ? &before : NULL, pin, error);
}

enum status command_pin_add(struct admin *admin,
                            const json_t *arguments,
                            json_t **result,
                            struct error *error)
{
    const struct admin_cluster *cluster = NULL;
    struct pin_facts pin = {0};
    enum status status = need_pins(admin, error);

    if (status == STATUS_OK) {
        status = admin_named_cluster(admin, arguments, &cluster, error);
    }
    if (status == STATUS_OK) {
        status = read_pin(admin, arguments, &pin, error);
    }
    if (status == STATUS_OK) {
        (void)snprintf(pin.cluster, sizeof(pin.cluster), "%s", cluster->name);
        status = add_pin(admin, cluster, arguments, &pin, error);
    }
    if (status == STATUS_OK) {
        *result = row_of(admin, &pin);
    }
    return status;
}

/* ---- pin remove, pin list ---- */

enum status command_pin_remove(struct admin *admin,
                               const json_t *arguments,
                               json_t **result,
                               struct error *error)
{
    const char *name = NULL;
    const struct admin_cluster *cluster = NULL;
    struct pin_facts pin;
    enum status status = need_pins(admin, error);

    if (status == STATUS_OK) {
        status = admin_argument_name(arguments, "name", &name, error);
    }
    if (status == STATUS_OK) {
        status = pin_table_find(admin->options.pins, name, &pin, error);
    }
    if (status == STATUS_OK) {
        status = pin_table_remove(admin->options.pins, name, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    cluster = admin_find_cluster(admin, pin.cluster);
    if (cluster != NULL && cluster->purger != NULL) {
        purger_poke(cluster->purger);
    }
    *result = json_pack("{s:s,s:s}", "removed", name, "cluster", pin.cluster);
    return STATUS_OK;
}

enum status command_pin_list(struct admin *admin,
                             const json_t *arguments,
                             json_t **result,
                             struct error *error)
{
    struct pin_facts *pins = NULL;
    size_t count = 0;
    enum status status = need_pins(admin, error);

    (void)arguments;
    if (status != STATUS_OK) {
        return status;
    }
    count = pin_table_list(admin->options.pins, &pins);
    *result = json_array();
    for (size_t at = 0; at < count; at++) {
        (void)json_array_append_new(*result, row_of(admin, &pins[at]));
    }
    free(pins);
    return STATUS_OK;
}
