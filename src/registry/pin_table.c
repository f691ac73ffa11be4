/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pins stand in memory, ordered, under a lock; the worker alone adds and
 * removes them, and only what it has committed. That one has expired is noticed
 * by who asks for holds, and saved soon: it is told once.
 */
#include "binrelay/registry/pin_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "pin_rows.h"
#include "pin_table_internal.h"
#include "registry_job.h"

struct pin_table {
    struct registry *registry; /* borrowed */
    pthread_mutex_t lock;      /* of what follows */
    struct pin_facts *pins;    /* owned; ordered by name; is_expired: it was told */
    size_t count;
    size_t capacity;
    bool is_changed;          /* an expiry is to be saved */
    struct pin_facts *saving; /* the worker's: what it is saving; owned */
    size_t saving_count;
};

/* ---- in memory ---- */

/* The place of the first pin that is not before the name. */
static size_t find_place(const struct pin_table *pins, const char *name)
{
    size_t low = 0;
    size_t high = pins->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(pins->pins[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct pin_facts *find(const struct pin_table *pins, const char *name)
{
    size_t place = find_place(pins, name);

    return place < pins->count && strcmp(pins->pins[place].name, name) == 0 ? &pins->pins[place]
                                                                            : NULL;
}

static void insert(struct pin_table *pins, const struct pin_facts *pin)
{
    size_t place = find_place(pins, pin->name);

    if (place == pins->count || strcmp(pins->pins[place].name, pin->name) != 0) {
        if (pins->count == pins->capacity) {
            pins->pins = mem_grow(pins->pins, &pins->capacity, sizeof(*pins->pins));
        }
        memmove(pins->pins + place + 1, pins->pins + place,
                (pins->count - place) * sizeof(*pins->pins));
        pins->count++;
    }
    pins->pins[place] = *pin;
}

static bool has_expired(const struct pin_facts *pin, uint64_t now_usec)
{
    return pin->is_expired || (pin->expires_usec != 0 && pin->expires_usec <= now_usec);
}

/* ---- saving that one has expired ---- */

size_t pin_table_collect(struct pin_table *pins)
{
    size_t capacity = 0;

    pins->saving_count = 0;
    pthread_mutex_lock(&pins->lock);
    for (size_t at = 0; pins->is_changed && at < pins->count; at++) {
        if (pins->pins[at].is_expired) {
            if (pins->saving_count == capacity) {
                pins->saving = mem_grow(pins->saving, &capacity, sizeof(*pins->saving));
            }
            pins->saving[pins->saving_count++] = pins->pins[at];
        }
    }
    pins->is_changed = false;
    pthread_mutex_unlock(&pins->lock);
    return pins->saving_count;
}

enum status pin_table_write(struct pin_table *pins, struct error *error)
{
    enum status status = STATUS_OK;

    for (size_t at = 0; status == STATUS_OK && at < pins->saving_count; at++) {
        status = pin_rows_put(pins->registry->database, &pins->saving[at], error);
    }
    return status;
}

void pin_table_written(struct pin_table *pins, bool is_saved)
{
    pthread_mutex_lock(&pins->lock);
    pins->is_changed = pins->is_changed || (!is_saved && pins->saving_count > 0);
    pthread_mutex_unlock(&pins->lock);
    free(pins->saving);
    pins->saving = NULL;
    pins->saving_count = 0;
}

/* ---- changing ---- */

static enum status check_pin(const struct pin_facts *pin, struct error *error)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-";
    size_t size = strnlen(pin->name, sizeof(pin->name));

    if (size == 0 || size == sizeof(pin->name) || strspn(pin->name, letters) != size) {
        return error_set(error, STATUS_INVALID,
                         "a pin's name has 1 to %d of the characters A-Z a-z 0-9 . _ -",
                         PIN_NAME_BYTES - 1);
    }
    return STATUS_OK;
}

/* A copy, as others may note meanwhile that it has expired. False: there is none. */
static bool copy_of(struct pin_table *pins, const char *name, struct pin_facts *copy)
{
    const struct pin_facts *pin = NULL;

    pthread_mutex_lock(&pins->lock);
    pin = find(pins, name);
    if (pin != NULL) {
        *copy = *pin;
    }
    pthread_mutex_unlock(&pins->lock);
    return pin != NULL;
}

/* Whether it is the same but for when it was made. */
static bool is_same(const struct pin_facts *left, const struct pin_facts *right)
{
    return strcmp(left->cluster, right->cluster) == 0 &&
           epoch_key_compare(left->epoch, right->epoch) == 0 &&
           binlog_position_compare(left->from, right->from) == 0 &&
           left->is_done == right->is_done && left->is_expired == right->is_expired &&
           left->expires_usec == right->expires_usec;
}

struct pin_request {
    struct pin_table *pins;
    const struct pin_facts *pin; /* borrowed from who waits, as the next */
    const char *name;
};

/* The name of the one that expired first. False: none did. */
static bool find_expired(struct pin_table *pins, char name[PIN_NAME_BYTES])
{
    uint64_t now_usec = clock_wall_usec(pins->registry->clock);
    const struct pin_facts *found = NULL;

    pthread_mutex_lock(&pins->lock);
    for (size_t at = 0; at < pins->count; at++) {
        const struct pin_facts *pin = &pins->pins[at];

        if (has_expired(pin, now_usec) &&
            (found == NULL || pin->expires_usec < found->expires_usec)) {
            found = pin;
        }
    }
    if (found != NULL) {
        (void)snprintf(name, PIN_NAME_BYTES, "%s", found->name);
    }
    pthread_mutex_unlock(&pins->lock);
    return found != NULL;
}

/* Writes the pin; and if the table is full, removes the one that expired first. */
static enum status write_pin(struct pin_table *pins,
                             const struct pin_facts *pin,
                             const char *replaced,
                             struct error *error)
{
    struct sqlite3 *database = pins->registry->database;
    enum status status = database_begin(database, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (replaced != NULL) {
        status = pin_rows_remove(database, replaced, error);
    }
    if (status == STATUS_OK) {
        status = pin_rows_put(database, pin, error);
    }
    return database_end(database, status, error);
}

static void remove_place(struct pin_table *pins, struct pin_facts *found)
{
    pins->count--;
    memmove(found, found + 1, (size_t)(pins->pins + pins->count - found) * sizeof(*found));
}

static enum status save_pin(struct pin_table *pins,
                            const struct pin_facts *pin,
                            bool is_new,
                            struct error *error)
{
    char replaced[PIN_NAME_BYTES] = "";
    enum status status = STATUS_OK;

    if (is_new && pins->count >= PIN_MOST && !find_expired(pins, replaced)) {
        return error_set(error, STATUS_FULL, "there are %d pins: remove some of them",
                         PIN_MOST);
    }
    status = write_pin(pins, pin, replaced[0] == '\0' ? NULL : replaced, error);
    if (status != STATUS_OK) {
        log_error("pin %s is not saved: %s", pin->name, error->message);
        return status;
    }
    pthread_mutex_lock(&pins->lock);
    if (replaced[0] != '\0') {
        remove_place(pins, find(pins, replaced));
    }
    insert(pins, pin);
    pthread_mutex_unlock(&pins->lock);
    return STATUS_OK;
}

static enum status put(void *context, struct error *error)
{
    const struct pin_request *request = context;
    struct pin_table *pins = request->pins;
    struct pin_facts pin = *request->pin;
    struct pin_facts before;
    bool is_known = copy_of(pins, pin.name, &before);
    enum status status = STATUS_OK;

    pin.is_expired = false;
    if (is_known && strcmp(before.cluster, pin.cluster) != 0) {
        return error_set(error, STATUS_INVALID,
                         "pin %s is of cluster %s: remove it there first", pin.name,
                         before.cluster);
    }
    if (is_known && is_same(&before, &pin)) {
        return STATUS_OK;
    }
    if (is_known && epoch_key_compare(before.epoch, pin.epoch) == 0) {
        pin.created_usec = before.created_usec;
    }
    status = save_pin(pins, &pin, !is_known, error);
    if (status != STATUS_OK) {
        return status;
    }

    autofree char *text = mem_format("pin %s on epoch %" PRIu64 ", %s%s", pin.name,
                                     pin.epoch.epoch, pin.is_done ? "done" : "running",
                                     pin.expires_usec == 0 ? "" : ", for a time");

    registry_add_event(pins->registry, pin.cluster, "pin.added", text);
    return STATUS_OK;
}

enum status pin_table_put(struct pin_table *pins,
                          const struct pin_facts *pin,
                          struct error *error)
{
    struct pin_request request = {.pins = pins, .pin = pin};
    enum status status = check_pin(pin, error);

    return status == STATUS_OK ? registry_job_run(pins->registry->worker, put, &request, error)
                               : status;
}

static enum status fail_unknown(const char *name, struct error *error)
{
    return error_set(error, STATUS_NOT_FOUND, "there is no pin %s", name);
}

static enum status remove_one(void *context, struct error *error)
{
    const struct pin_request *request = context;
    struct pin_table *pins = request->pins;
    enum status status = STATUS_OK;
    struct pin_facts pin;

    if (!copy_of(pins, request->name, &pin)) {
        return fail_unknown(request->name, error);
    }
    status = pin_rows_remove(pins->registry->database, pin.name, error);
    if (status != STATUS_OK) {
        log_error("pin %s is not removed: %s", pin.name, error->message);
        return status;
    }
    pthread_mutex_lock(&pins->lock);
    remove_place(pins, find(pins, request->name));
    pthread_mutex_unlock(&pins->lock);

    autofree char *text = mem_format("pin %s on epoch %" PRIu64, pin.name, pin.epoch.epoch);

    registry_add_event(pins->registry, pin.cluster, "pin.removed", text);
    return STATUS_OK;
}

enum status pin_table_remove(struct pin_table *pins, const char *name, struct error *error)
{
    struct pin_request request = {.pins = pins, .name = name};

    return registry_job_run(pins->registry->worker, remove_one, &request, error);
}

/* ---- reading ---- */

enum status pin_table_find(struct pin_table *pins,
                           const char *name,
                           struct pin_facts *found,
                           struct error *error)
{
    if (!copy_of(pins, name, found)) {
        return fail_unknown(name, error);
    }
    found->is_expired = has_expired(found, clock_wall_usec(pins->registry->clock));
    return STATUS_OK;
}

static void tell_expired(struct pin_table *pins, const struct pin_facts *pin)
{
    autofree char *text =
        mem_format("pin %s on epoch %" PRIu64 ", %s, holds nothing any more", pin->name,
                   pin->epoch.epoch, pin->is_done ? "done" : "still running");

    if (!pin->is_done) {
        log_warning("cluster %s: %s", pin->cluster, text);
    }
    registry_add_event(pins->registry, pin->cluster, "pin.expired", text);
}

size_t pin_table_list(struct pin_table *table, struct pin_facts **pins)
{
    uint64_t now_usec = clock_wall_usec(table->registry->clock);
    size_t count = 0;

    pthread_mutex_lock(&table->lock);
    count = table->count;
    *pins = mem_raw((count + 1) * sizeof(**pins));
    for (size_t at = 0; at < count; at++) {
        (*pins)[at] = table->pins[at];
        (*pins)[at].is_expired = has_expired(&table->pins[at], now_usec);
    }
    pthread_mutex_unlock(&table->lock);
    return count;
}

/* Copies of those that expired and were not told yet: now they are. */
static size_t take_expired(struct pin_table *table,
                           uint64_t now_usec,
                           struct pin_facts **expired)
{
    size_t capacity = 0;
    size_t count = 0;

    *expired = NULL;
    pthread_mutex_lock(&table->lock);
    for (size_t at = 0; at < table->count; at++) {
        struct pin_facts *pin = &table->pins[at];

        if (!pin->is_expired && has_expired(pin, now_usec)) {
            if (count == capacity) {
                *expired = mem_grow(*expired, &capacity, sizeof(**expired));
            }
            pin->is_expired = true;
            table->is_changed = true;
            (*expired)[count++] = *pin;
        }
    }
    pthread_mutex_unlock(&table->lock);
    return count;
}

static void note_expired(struct pin_table *table, uint64_t now_usec)
{
    autofree struct pin_facts *expired = NULL;
    size_t count = take_expired(table, now_usec, &expired);

    for (size_t at = 0; at < count; at++) {
        tell_expired(table, &expired[at]);
    }
    if (count > 0) {
        registry_save_soon(table->registry);
    }
}

size_t pin_table_holds(struct pin_table *table, const char *cluster, struct log_hold **holds)
{
    autofree struct pin_facts *pins = NULL;
    struct log_hold *found = NULL;
    size_t count = 0;
    size_t held = 0;

    note_expired(table, clock_wall_usec(table->registry->clock));
    count = pin_table_list(table, &pins);
    found = mem_zeroed((count + 1) * sizeof(*found));
    for (size_t at = 0; at < count; at++) {
        const struct pin_facts *pin = &pins[at];
        struct log_hold *hold = &found[held];

        if (pin->is_expired || strcmp(pin->cluster, cluster) != 0) {
            continue;
        }
        hold->from = pin->from;
        hold->epoch = pin->epoch;
        (void)snprintf(hold->who, sizeof(hold->who), "pin %s", pin->name);
        (void)snprintf(hold->why, sizeof(hold->why),
                       "holds what is behind epoch %" PRIu64 ", %s", pin->epoch.epoch,
                       pin->is_done ? "done" : "running");
        held++;
    }
    log_holds_sort(found, held);
    *holds = found;
    return held;
}

/* ---- life ---- */

static void insert_loaded(void *context, const struct pin_facts *pin)
{
    insert(context, pin);
}

enum status pin_table_open(struct pin_table **made,
                           struct registry *registry,
                           struct error *error)
{
    struct pin_table *pins = mem_zeroed(sizeof(*pins));
    enum status status = STATUS_OK;

    (void)pthread_mutex_init(&pins->lock, NULL); /* cannot fail for a default mutex */
    pins->registry = registry;
    status = pin_rows_load(registry->database, insert_loaded, pins, error);
    if (status != STATUS_OK) {
        pin_table_close(pins);
        return status;
    }
    *made = pins;
    return STATUS_OK;
}

void pin_table_close(struct pin_table *pins)
{
    if (pins == NULL) {
        return;
    }
    (void)pthread_mutex_destroy(&pins->lock);
    free(pins->saving);
    free(pins->pins);
    free(pins);
}
