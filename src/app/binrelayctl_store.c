/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelayctl_store.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "store_tool.h"

/* Which options a command takes. */
enum {
    TAKES_JSON = 1,
    TAKES_RANGE = 2,
    TAKES_RULES = 4,
};

static const struct store_command {
    const char *name;
    const char *arguments;
    const char *says;
    enum status (*run)(const struct store_command_line *line,
                       bool *is_clean,
                       struct error *error);
    unsigned takes;
} commands[] = {
    {"verify", "DIR [--json]", "read every byte and tell what is not as it was written",
     store_tool_verify, TAKES_JSON},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_usage(FILE *output)
{
    (void)fputs("usage: binrelayctl store COMMAND DIR ...\n\n", output);
    for (size_t at = 0; at < COMMANDS; at++) {
        (void)fprintf(output, "  store %s %s\n      %s\n", commands[at].name,
                      commands[at].arguments, commands[at].says);
    }
    (void)fputs("\nDIR is a data_dir, or the directory of one cluster in it.\n", output);
}

static const struct store_command *find_command(const char *name)
{
    for (size_t at = 0; at < COMMANDS; at++) {
        if (strcmp(commands[at].name, name) == 0) {
            return &commands[at];
        }
    }
    return NULL;
}

/* Options come behind the command, in front of the directory or behind it. */
static bool parse(struct store_command_line *line,
                  const struct store_command *command,
                  int count,
                  char **arguments)
{
    static const struct {
        struct option option;
        unsigned takes;
    } known[] = {
        {{"json", no_argument, NULL, 'j'}, TAKES_JSON},
    };
    struct option options[sizeof(known) / sizeof(known[0]) + 1] = {0};
    size_t taken = 0;

    for (size_t at = 0; at < sizeof(known) / sizeof(known[0]); at++) {
        if ((known[at].takes & command->takes) != 0) {
            options[taken++] = known[at].option;
        }
    }
    optind = 0; /* the options in front of the command were read with the same getopt */
    for (int found = 0; found != -1;) {
        found = getopt_long(count, arguments, "", options, NULL);
        switch (found) {
        case 'j':
            line->is_json = true;
            break;
        case -1:
            break;
        default:
            return false;
        }
    }
    return optind + 1 == count;
}

static int run(const struct store_command *command,
               struct store_command_line *line,
               const char *directory)
{
    struct store_place place = {0};
    struct error error = {0};
    bool is_clean = false;
    enum status status = store_place_find(&place, directory, &error);

    if (status == STATUS_OK) {
        line->place = &place;
        status = command->run(line, &is_clean, &error);
    }
    if (status == STATUS_OK && fflush(stdout) != 0) {
        status = error_set_errno(&error, "write the result");
    }
    store_place_release(&place);
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "binrelayctl: %s\n", error.message);
        return EXIT_FAILED;
    }
    return is_clean ? EXIT_DONE : EXIT_FAILED;
}

int binrelayctl_store(int count, char **arguments, bool is_json)
{
    const struct store_command *command = count < 2 ? NULL : find_command(arguments[1]);
    struct store_command_line line = {
        .is_json = is_json, .to_epoch = UINT64_MAX, .until_usec = UINT64_MAX};

    if (command == NULL) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (!parse(&line, command, count - 1, arguments + 1)) {
        (void)fprintf(stderr, "usage: binrelayctl store %s %s\n", command->name,
                      command->arguments);
        return EXIT_USAGE;
    }
    return run(command, &line, arguments[1 + optind]);
}
