/* SPDX-License-Identifier: Apache-2.0 */
/* The numbered events: what happened, for people and for scripts that follow. */
#include <stdlib.h>
#include <string.h>

#include "admin_internal.h"
#include "binrelay/base/log.h"
#include "binrelay/storage/epoch_locate.h"

enum { EVENTS_MOST = 2000 }; /* of one reply; who wants more asks behind its last */

/* A number, or a time. */
static enum status read_since(const json_t *arguments,
                              uint64_t *after,
                              uint64_t *since_usec,
                              struct error *error)
{
    const char *text = json_string_value(json_object_get(arguments, "since"));
    struct epoch_key number; /* the same digits: "17" */

    if (text == NULL || epoch_time_parse(bytes_of_text(text), since_usec)) {
        return STATUS_OK;
    }
    if (text[strspn(text, "0123456789")] == '\0' &&
        epoch_key_parse(bytes_of_text(text), &number)) {
        *after = number.epoch;
        return STATUS_OK;
    }
    return error_set(error, STATUS_INVALID,
                     "since: '%s' is neither a time, such as 2026-11-20T12:00:00Z, nor the "
                     "number of an event",
                     log_safe(bytes_of_text(text)).text);
}

static json_t *row_of(const struct registry_event *event)
{
    json_t *text = json_string(event->message);

    return json_pack("{s:I,s:o,s:s,s:s,s:o}", "id", (json_int_t)event->id, "at",
                     admin_time(event->at_usec), "cluster", event->cluster, "event",
                     event->event, "text",
                     text != NULL ? text : json_string("(what it says is no UTF-8)"));
}

/* --follow is the client's: it asks again, behind the last one that it got. */
enum status command_events(struct admin *admin,
                           const json_t *arguments,
                           json_t **result,
                           struct error *error)
{
    const json_t *behind = json_object_get(arguments, "after");
    uint64_t after = behind == NULL ? 0 : (uint64_t)json_integer_value(behind);
    uint64_t since_usec = 0;
    uint64_t since_number = 0;
    struct registry_event *events = NULL;
    size_t count = 0;
    enum status status = read_since(arguments, &since_number, &since_usec, error);

    if (status == STATUS_OK && admin->options.registry == NULL) {
        status = error_set(error, STATUS_INVALID, "this relay keeps no events");
    }
    after = after > since_number ? after : since_number;
    if (status == STATUS_OK) {
        status = registry_list_events(admin->options.registry, after, since_usec, EVENTS_MOST,
                                      &events, &count, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    *result = json_array();
    for (size_t at = 0; at < count; at++) {
        (void)json_array_append_new(*result, row_of(&events[at]));
    }
    free(events);
    return STATUS_OK;
}
