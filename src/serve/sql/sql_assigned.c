/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_assigned.h"

#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "sql_errors.h"

struct sql_assignment {
    enum sql_scope scope;
    char name[SQL_ASSIGNED_NAME_MOST_BYTES + 1];
    struct sql_value value;
    uint8_t *bytes; /* owned: what the value points to */
};

void sql_assigned_release(struct sql_assigned *assigned)
{
    for (size_t at = 0; at < assigned->count; at++) {
        free(assigned->items[at].bytes);
    }
    free(assigned->items);
    *assigned = (struct sql_assigned){0};
}

static struct sql_assignment *find(const struct sql_assigned *assigned,
                                   enum sql_scope scope,
                                   struct bytes name)
{
    for (size_t at = 0; at < assigned->count; at++) {
        struct sql_assignment *item = &assigned->items[at];

        if (item->scope == scope && bytes_equal_text(name, item->name)) {
            return item;
        }
    }
    return NULL;
}

static struct sql_assignment *add(struct sql_assigned *assigned,
                                  enum sql_scope scope,
                                  struct bytes name)
{
    struct sql_assignment *item = NULL;

    if (assigned->count == assigned->capacity) {
        assigned->items =
            mem_grow(assigned->items, &assigned->capacity, sizeof(*assigned->items));
    }
    item = &assigned->items[assigned->count++];
    *item = (struct sql_assignment){.scope = scope};
    memcpy(item->name, name.data, name.size);
    return item;
}

static void put_value(struct sql_assignment *item, struct sql_value value)
{
    uint8_t *copy = NULL;

    if (value.kind != SQL_NULL) {
        copy = mem_raw(value.text.size + 1);
        memcpy(copy, value.text.data, value.text.size);
        copy[value.text.size] = 0;
    }
    free(item->bytes);
    item->bytes = copy;
    item->value.kind = value.kind;
    item->value.text = (struct bytes){.data = copy, .size = value.text.size};
}

enum status sql_assigned_set(struct sql_assigned *assigned,
                             enum sql_scope scope,
                             struct bytes name,
                             struct sql_value value,
                             struct error *error)
{
    struct sql_assignment *item = find(assigned, scope, name);
    size_t old_bytes = item == NULL ? 0 : item->value.text.size;

    if (name.size == 0 || name.size > SQL_ASSIGNED_NAME_MOST_BYTES ||
        memchr(name.data, 0, name.size) != NULL) {
        return sql_error_set(error, SQL_ERROR_SYNTAX, "a variable's name has 1 to %d bytes",
                             SQL_ASSIGNED_NAME_MOST_BYTES);
    }
    if (value.text.size > SQL_ASSIGNED_MOST_BYTES - (assigned->bytes - old_bytes) ||
        (item == NULL && assigned->count == SQL_ASSIGNED_MOST)) {
        return sql_error_set(error, SQL_ERROR_GENERAL,
                             "a session keeps up to %d variables of %d bytes in all",
                             SQL_ASSIGNED_MOST, SQL_ASSIGNED_MOST_BYTES);
    }
    if (item == NULL) {
        item = add(assigned, scope, name);
    }
    assigned->bytes = assigned->bytes - old_bytes + value.text.size;
    put_value(item, value);
    return STATUS_OK;
}

void sql_assigned_remove(struct sql_assigned *assigned, enum sql_scope scope, struct bytes name)
{
    struct sql_assignment *item = find(assigned, scope, name);

    if (item == NULL) {
        return;
    }
    assigned->bytes -= item->value.text.size;
    free(item->bytes);
    *item = assigned->items[--assigned->count];
}

const struct sql_value *sql_assigned_find(const struct sql_assigned *assigned,
                                          enum sql_scope scope,
                                          struct bytes name)
{
    const struct sql_assignment *item = find(assigned, scope, name);

    return item == NULL ? NULL : &item->value;
}

const struct sql_value *sql_assigned_find_either(const struct sql_assigned *assigned,
                                                 const char *name,
                                                 const char *old_name)
{
    const struct sql_value *found =
        sql_assigned_find(assigned, SQL_SCOPE_USER, bytes_of_text(name));

    return found != NULL ? found
                         : sql_assigned_find(assigned, SQL_SCOPE_USER, bytes_of_text(old_name));
}
