/* SPDX-License-Identifier: Apache-2.0 */
/* What the values of arguments must be, beyond their kinds. */
#include <inttypes.h>
#include <string.h>

#include "admin_internal.h"
#include "binrelay/base/log.h"
#include "binrelay/base/quantity.h"
#include "binrelay/storage/epoch_locate.h"

static enum status refuse(const char *name,
                          const char *value,
                          const char *wanted,
                          struct error *error)
{
    return error_set(error, STATUS_INVALID, "%s: '%s' is not %s", name,
                     log_safe(bytes_of_text(value)).text, wanted);
}

static const char *text_of(const json_t *arguments, const char *name)
{
    return json_string_value(json_object_get(arguments, name));
}

enum status admin_argument_epoch(const json_t *arguments,
                                 const char *name,
                                 uint64_t *found,
                                 struct error *error)
{
    const char *value = text_of(arguments, name);
    struct epoch_key key;

    if (value == NULL) {
        return STATUS_OK;
    }
    /* Which incarnation it is of is found where it is looked up. */
    if (!epoch_key_parse(bytes_of_text(value), &key) || key.incarnation != 0) {
        return refuse(name, value, "an epoch", error);
    }
    *found = key.epoch;
    return STATUS_OK;
}

enum status admin_argument_server_id(const json_t *arguments,
                                     uint32_t *found,
                                     struct error *error)
{
    json_int_t id = json_integer_value(json_object_get(arguments, "id"));

    if (id < 1 || id > UINT32_MAX) {
        return error_set(error, STATUS_INVALID, "id: a server_id is from 1 to %" PRIu32,
                         UINT32_MAX);
    }
    *found = (uint32_t)id;
    return STATUS_OK;
}

enum status admin_argument_duration(const json_t *arguments,
                                    const char *name,
                                    uint64_t *usec,
                                    struct error *error)
{
    const char *value = text_of(arguments, name);

    if (value != NULL && !duration_parse(usec, value)) {
        return refuse(name, value, "a duration, such as 30s, 12h or 7d", error);
    }
    return STATUS_OK;
}

enum status admin_argument_name(const json_t *arguments,
                                const char *name,
                                const char **found,
                                struct error *error)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *value = text_of(arguments, name);

    if (value == NULL) {
        return STATUS_OK;
    }
    if (*value == '\0' || strlen(value) > NAME_MOST_BYTES ||
        value[strspn(value, allowed)] != '\0') {
        return refuse(name, value, "a name: up to 64 letters, digits, '.', '_' and '-'", error);
    }
    *found = value;
    return STATUS_OK;
}
