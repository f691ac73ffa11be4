/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator's hand: sends one command to the admin socket and prints
 * the reply. What begins with "store" is done here, and asks no relay.
 */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin_socket.h"
#include "binrelay/app/programs.h"
#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"
#include "binrelay/base/log.h"
#include "binrelayctl_events.h"
#include "binrelayctl_store.h"
#include "binrelayctl_view.h"
#include "table.h"
#include "version.h"

struct command_line {
    const char *socket_path;
    bool is_json;
    bool is_version;
    bool is_help;
};

static const char usage[] = "usage: binrelayctl [--socket PATH] [--json] COMMAND ...\n"
                            "       binrelayctl [--json] store COMMAND DIR ...\n"
                            "       binrelayctl --version | --help\n"
                            "\n"
                            "  --socket PATH  the relay's admin socket\n"
                            "                 (default /run/binrelay/admin.sock)\n"
                            "  --json         print the result as JSON instead of a table\n"
                            "\n"
                            "  binrelayctl help   lists the commands of the running relay\n"
                            "  binrelayctl store  lists those for a store without its relay\n";

static bool parse_command_line(struct command_line *line, int count, char **arguments)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };

    /* "+": options behind the command are the command's. */
    for (int found = 0; found != -1;) {
        found = getopt_long(count, arguments, "+s:j", options, NULL);
        switch (found) {
        case 's':
            line->socket_path = optarg;
            break;
        case 'j':
            line->is_json = true;
            break;
        case 'v':
            line->is_version = true;
            break;
        case 'h':
            line->is_help = true;
            break;
        case -1:
            break;
        default:
            return false;
        }
    }
    return line->is_version || line->is_help || optind < count;
}

/* Puts the words into one line. False if one of them cannot be a word of it, which is said. */
static bool make_request(struct buffer *request, int count, char **arguments)
{
    for (int at = optind; at < count; at++) {
        if (arguments[at][0] == '\0' || strpbrk(arguments[at], " \t\r\n") != NULL) {
            (void)fprintf(stderr,
                          "binrelayctl: '%s' is no word of a command: it is empty, or has a "
                          "blank in it\n",
                          log_safe(bytes_of_text(arguments[at])).text);
            return false;
        }
        if (strcmp(arguments[at], "--json") != 0) { /* allowed behind the command, too */
            buffer_add_text(request, arguments[at]);
            buffer_add_text(request, " ");
        }
    }
    buffer_add_text(request, "\n");
    return true;
}

static int print_reply(const char *command, struct bytes reply, bool is_json)
{
    json_t *root = json_loadb((const char *)reply.data, reply.size, 0, NULL);
    const json_t *fault = json_object_get(root, "error");
    const char *code = json_string_value(json_object_get(fault, "code"));
    const char *message = json_string_value(json_object_get(fault, "message"));
    int exit_code = EXIT_FAILED;

    if (json_is_true(json_object_get(root, "ok"))) {
        const json_t *result = json_object_get(root, "result");

        if (is_json) {
            (void)json_dumpf(result, stdout, JSON_ENCODE_ANY | JSON_INDENT(2) | TABLE_REALS);
            (void)fputc('\n', stdout);
        } else {
            view_print(stdout, command, result);
        }
        exit_code = EXIT_DONE;
    } else {
        (void)fprintf(stderr, "binrelayctl: %s\n", message == NULL ? "not a reply" : message);
        exit_code = code != NULL && strcmp(code, "usage") == 0 ? EXIT_USAGE : EXIT_FAILED;
    }
    json_decref(root);
    return exit_code;
}

static int run(const struct command_line *line, const char *command, struct bytes request)
{
    struct buffer reply = {0};
    struct error error;
    int descriptor = -1;
    int exit_code = EXIT_FAILED;
    enum status status = admin_socket_connect(&descriptor, line->socket_path, &error);

    if (status == STATUS_OK) {
        status = admin_socket_ask(descriptor, request, &reply, &error);
        (void)close(descriptor); /* the reply is here, or will not come */
    }
    if (status == STATUS_OK) {
        exit_code = print_reply(command, buffer_bytes(&reply), line->is_json);
    } else {
        (void)fprintf(stderr, "binrelayctl: %s\n", error.message);
    }
    buffer_release(&reply);
    return exit_code;
}

int program_binrelayctl(int count, char **arguments)
{
    struct command_line line = {.socket_path = "/run/binrelay/admin.sock"};
    struct buffer request = {0};
    int exit_code = EXIT_USAGE;

    if (!parse_command_line(&line, count, arguments)) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (line.is_version || line.is_help) {
        (void)fputs(line.is_help ? usage : "binrelayctl " BINRELAY_VERSION "\n", stdout);
        return EXIT_DONE;
    }
    if (strcmp(arguments[optind], "store") == 0) {
        return binrelayctl_store(count - optind, arguments + optind, line.is_json);
    }
    for (int at = optind; at < count; at++) {
        line.is_json = line.is_json || strcmp(arguments[at], "--json") == 0;
    }
    if (!make_request(&request, count, arguments)) {
        exit_code = EXIT_USAGE; /* it was said */
    } else if (strcmp(arguments[optind], "events") == 0) {
        exit_code = binrelayctl_events(line.socket_path, buffer_bytes(&request), line.is_json);
    } else {
        buffer_add_number(&request, 0, 1); /* the words are a text, too */
        exit_code = run(&line, (const char *)request.data,
                        (struct bytes){.data = request.data, .size = request.size - 1});
    }
    buffer_release(&request);
    return exit_code;
}
