/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "purger_internal.h"

enum { MOST_NAMED = 3, FIRST_RETRY_USEC = 1000000, MOST_DOUBLINGS = 6 };

void purger_tell(struct purger *purger, const char *event, const char *format, ...)
{
    char text[PURGE_TEXT_BYTES];
    bool is_good = strcmp(event, "purge.done") == 0 || strcmp(event, "disk.ok") == 0;
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (is_good) {
        log_info("cluster %s: %s: %s", purger->options.cluster, event, text);
    } else {
        log_warning("cluster %s: %s: %s", purger->options.cluster, event, text);
    }
    if (purger->options.registry != NULL) {
        registry_add_event(purger->options.registry, purger->options.cluster, event, text);
    }
}

const char *purger_print_place(const struct purger *purger,
                               char text[PURGE_PLACE_BYTES],
                               struct binlog_position place)
{
    char name[BINLOG_NAME_BYTES];

    if (place.file == 0) {
        return "the beginning";
    }
    binlog_name_print(name, binlog_store_log_name(purger->options.store), place.file);
    (void)snprintf(text, PURGE_PLACE_BYTES, "%s:%" PRIu64, name, place.offset);
    return text;
}

/* Appends to a text of PURGE_TEXT_BYTES; what does not fit is cut. */
static void append(char *text, const char *format, ...) PRINTF_LIKE(2, 3);

static void append(char *text, const char *format, ...)
{
    size_t size = strlen(text);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text + size, PURGE_TEXT_BYTES - size, format, arguments);
    va_end(arguments);
}

const char *purger_print_holds(const struct purger *purger,
                               char text[PURGE_TEXT_BYTES],
                               const struct log_hold *holds,
                               size_t count)
{
    char place[PURGE_PLACE_BYTES];

    text[0] = '\0';
    for (size_t at = 0; at < count && at < MOST_NAMED; at++) {
        append(text, "%s%s from %s on (%s)", at == 0 ? "" : ", ", holds[at].who,
               purger_print_place(purger, place, holds[at].from), holds[at].why);
    }
    if (count > MOST_NAMED) {
        append(text, " and %zu more", count - MOST_NAMED);
    }
    return count == 0 ? "nobody" : text;
}

void purger_fail(struct purger *purger,
                 struct purge_retry *retry,
                 const char *event,
                 const struct error *error)
{
    unsigned doublings = retry->failures < MOST_DOUBLINGS ? retry->failures : MOST_DOUBLINGS;

    retry->failures++;
    retry->at_usec = clock_monotonic_usec(purger->options.clock) +
                     (UINT64_C(1) << doublings) * FIRST_RETRY_USEC;
    if (strcmp(retry->message, error->message) != 0) {
        (void)snprintf(retry->message, sizeof(retry->message), "%s", error->message);
        purger_tell(purger, event, "%s; it is tried again", error->message);
    }
}

void purger_succeed(struct purge_retry *retry)
{
    *retry = (struct purge_retry){0};
}

bool purger_may_try(const struct purger *purger, const struct purge_retry *retry)
{
    return retry->failures == 0 ||
           clock_monotonic_usec(purger->options.clock) >= retry->at_usec;
}
