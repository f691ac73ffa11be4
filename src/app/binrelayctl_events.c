/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelayctl_events.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin_socket.h"
#include "binrelay/base/memory.h"
#include "binrelayctl_store.h"
#include "binrelayctl_view.h"

enum { FOLLOW_NANOSECONDS = 500000000 };

/* The questions of one run. */
struct event_reader {
    int descriptor; /* owned */
    char *words;    /* owned: the command without its newline */
    uint64_t last;  /* number of the last event that was shown */
    bool is_json;
    bool is_following;
    bool has_shown;   /* the heading stands already */
    json_t *gathered; /* owned: of all parts, for one JSON list */
};

/* Takes the list out of a reply. A refusal is said, and *exit_code is set. */
static json_t *read_reply(struct bytes reply, int *exit_code)
{
    json_t *root = json_loadb((const char *)reply.data, reply.size, 0, NULL);
    const json_t *fault = json_object_get(root, "error");
    const char *code = json_string_value(json_object_get(fault, "code"));
    const char *message = json_string_value(json_object_get(fault, "message"));
    json_t *events = json_incref(json_object_get(root, "result"));

    if (events == NULL) {
        (void)fprintf(stderr, "binrelayctl: %s\n", message == NULL ? "not a reply" : message);
        *exit_code = code != NULL && strcmp(code, "usage") == 0 ? EXIT_USAGE : EXIT_FAILED;
    }
    json_decref(root);
    return events;
}

/* The next part; NULL: it failed, which was said. The caller's reference. */
static json_t *ask(struct event_reader *reader, int *exit_code)
{
    struct buffer request = {0};
    struct buffer reply = {0};
    json_t *events = NULL;
    struct error error;

    buffer_add_text(&request, reader->words);
    if (reader->last > 0) {
        buffer_add_format(&request, " --after %" PRIu64, reader->last);
    }
    buffer_add_text(&request, "\n");
    if (admin_socket_ask(reader->descriptor, buffer_bytes(&request), &reply, &error) ==
        STATUS_OK) {
        events = read_reply(buffer_bytes(&reply), exit_code);
    } else {
        (void)fprintf(stderr, "binrelayctl: %s\n", error.message);
        *exit_code = EXIT_FAILED;
    }
    buffer_release(&request);
    buffer_release(&reply);
    return events;
}

/* What follows is one JSON object a line; what ends is one list. */
static void show(struct event_reader *reader, json_t *events)
{
    if (!reader->is_json) {
        view_print_events(stdout, events, !reader->has_shown);
    } else if (!reader->is_following) {
        (void)json_array_extend(reader->gathered, events); /* fails only for want of memory */
    } else {
        for (size_t at = 0; at < json_array_size(events); at++) {
            (void)json_dumpf(json_array_get(events, at), stdout, JSON_COMPACT);
            (void)fputc('\n', stdout);
        }
    }
    reader->has_shown = reader->has_shown || json_array_size(events) > 0;
    (void)fflush(stdout); /* who reads a pipe is to see it now */
}

static void finish(const struct event_reader *reader)
{
    if (reader->is_json && !reader->is_following) {
        (void)json_dumpf(reader->gathered, stdout, JSON_INDENT(2));
        (void)fputc('\n', stdout);
    } else if (!reader->is_json && !reader->has_shown) {
        (void)fputs("none\n", stdout);
    }
}

/* Until there are no more; or until the reader of our output, or the relay, goes. */
static int read_all(struct event_reader *reader)
{
    const struct timespec pause = {.tv_nsec = FOLLOW_NANOSECONDS};
    int exit_code = EXIT_DONE;

    for (;;) {
        json_t *events = ask(reader, &exit_code);
        size_t count = json_array_size(events);

        if (events == NULL) {
            return exit_code;
        }
        if (count > 0) {
            const json_t *last = json_array_get(events, count - 1);

            reader->last = (uint64_t)json_integer_value(json_object_get(last, "id"));
            show(reader, events);
        }
        json_decref(events);
        if (ferror(stdout)) {
            return EXIT_FAILED;
        }
        if (count == 0 && !reader->is_following) {
            finish(reader);
            return EXIT_DONE;
        }
        if (count == 0) {
            (void)nanosleep(&pause, NULL); /* a signal that ends us ends it */
        }
    }
}

int binrelayctl_events(const char *socket_path, struct bytes request, bool is_json)
{
    struct event_reader reader = {.descriptor = -1, .is_json = is_json};
    struct error error;
    int exit_code = EXIT_FAILED;

    reader.words = mem_format("%.*s", (int)(request.size - 1), (const char *)request.data);
    reader.is_following = strstr(reader.words, "--follow") != NULL;
    reader.gathered = json_array();
    if (admin_socket_connect(&reader.descriptor, socket_path, &error) == STATUS_OK) {
        exit_code = read_all(&reader);
        (void)close(reader.descriptor); /* nothing is under way */
    } else {
        (void)fprintf(stderr, "binrelayctl: %s\n", error.message);
    }
    json_decref(reader.gathered);
    free(reader.words);
    return exit_code;
}
