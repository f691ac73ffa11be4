/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelayctl_store.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/bytes.h"
#include "binrelay/storage/epoch_locate.h"
#include "store_tool.h"

/* Which options a command takes. */
enum {
    TAKES_JSON = 1,
    TAKES_RANGE = 2,
    TAKES_RULES = 4,
};

static const struct store_command {
    const char *name;
    enum status (*run)(const struct store_command_line *line,
                       bool *is_clean,
                       struct error *error);
    unsigned takes;
    const char *usage;
} commands[] = {
    {"verify", store_tool_verify, TAKES_JSON,
     "verify DIR [--json]\n"
     "      read every byte and tell what is not as it was written\n"},
    {"dump", store_tool_dump, TAKES_JSON | TAKES_RANGE | TAKES_RULES,
     "dump DIR [--from-epoch N] [--to-epoch N] [--since T] [--until T] [--json] [RULES]\n"
     "      show epochs, DDL and incidents; with --json one object a line\n"},
    {"reindex", store_tool_reindex, TAKES_JSON | TAKES_RULES,
     "reindex DIR [--json] [RULES]\n"
     "      make all epoch indexes anew; not while a relay runs on DIR\n"},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

enum option_name {
    OPTION_JSON = 1,
    OPTION_FROM_EPOCH,
    OPTION_TO_EPOCH,
    OPTION_SINCE,
    OPTION_UNTIL,
    OPTION_EPOCHS,
    OPTION_SERVER_ID,
    OPTION_SERVER_ID_BITS,
    OPTION_TABLE,
};

static const struct {
    struct option option;
    unsigned takes;
} known[] = {
    {{"json", no_argument, NULL, OPTION_JSON}, TAKES_JSON},
    {{"from-epoch", required_argument, NULL, OPTION_FROM_EPOCH}, TAKES_RANGE},
    {{"to-epoch", required_argument, NULL, OPTION_TO_EPOCH}, TAKES_RANGE},
    {{"since", required_argument, NULL, OPTION_SINCE}, TAKES_RANGE},
    {{"until", required_argument, NULL, OPTION_UNTIL}, TAKES_RANGE},
    {{"epochs", required_argument, NULL, OPTION_EPOCHS}, TAKES_RULES},
    {{"server-id", required_argument, NULL, OPTION_SERVER_ID}, TAKES_RULES},
    {{"server-id-bits", required_argument, NULL, OPTION_SERVER_ID_BITS}, TAKES_RULES},
    {{"table", required_argument, NULL, OPTION_TABLE}, TAKES_RULES},
};

static const char more_usage[] = "\n"
                                 "DIR is a data_dir, or the directory of one cluster in it.\n"
                                 "T is a time as 2026-11-20T12:00:00Z.\n"
                                 "RULES say what an epoch is, where no index does:\n"
                                 "  --epochs ndb [--server-id-bits B]\n"
                                 "  --epochs heartbeat --server-id N --table DATABASE.TABLE\n";

static void print_usage(FILE *output)
{
    (void)fputs("usage: binrelayctl store COMMAND DIR ...\n\n", output);
    for (size_t at = 0; at < COMMANDS; at++) {
        (void)fprintf(output, "  store %s", commands[at].usage);
    }
    (void)fputs(more_usage, output);
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

/* A whole number of digits, at most `most`. */
static bool read_number(const char *text, uint64_t most, uint64_t *number)
{
    char *end = NULL;
    unsigned long long value = 0;

    if (*text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    value = strtoull(text, &end, 10);
    if (*end != '\0' || errno != 0 || value > most) {
        return false;
    }
    *number = value;
    return true;
}

static bool read_kind(const char *text, struct epoch_rules *rules)
{
    if (strcmp(text, "ndb") == 0) {
        rules->kind = EPOCH_KIND_NDB;
    } else if (strcmp(text, "heartbeat") == 0) {
        rules->kind = EPOCH_KIND_HEARTBEAT;
    } else {
        return false;
    }
    return true;
}

/* "database.table", as the configuration has it. */
static bool read_table(const char *text, struct epoch_rules *rules)
{
    const char *dot = strchr(text, '.');
    size_t size = dot == NULL ? 0 : (size_t)(dot - text);

    if (size == 0 || size >= sizeof(rules->database) || dot[1] == '\0' ||
        strlen(dot + 1) >= sizeof(rules->table)) {
        return false;
    }
    memcpy(rules->database, text, size);
    rules->database[size] = '\0';
    memcpy(rules->table, dot + 1, strlen(dot + 1) + 1);
    return true;
}

/* Takes one option with its value. False if the value is none. */
static bool take_option(struct store_command_line *line, int option, const char *value)
{
    uint64_t number = 0;

    switch (option) {
    case OPTION_JSON:
        line->is_json = true;
        return true;
    case OPTION_FROM_EPOCH:
        return read_number(value, UINT64_MAX, &line->from_epoch);
    case OPTION_TO_EPOCH:
        return read_number(value, UINT64_MAX, &line->to_epoch);
    case OPTION_SINCE:
        return epoch_time_parse(bytes_of_text(value), &line->since_usec);
    case OPTION_UNTIL:
        return epoch_time_parse(bytes_of_text(value), &line->until_usec);
    case OPTION_EPOCHS:
        return read_kind(value, &line->rules);
    case OPTION_SERVER_ID:
        if (!read_number(value, UINT32_MAX, &number)) {
            return false;
        }
        line->rules.server_id = (uint32_t)number;
        return true;
    case OPTION_SERVER_ID_BITS:
        if (!read_number(value, 32, &number) || number < 7) {
            return false;
        }
        line->rules.server_id_bits = (uint8_t)number;
        return true;
    case OPTION_TABLE:
        return read_table(value, &line->rules);
    default:
        return false;
    }
}

/* What belongs together is said together. */
static bool are_rules_whole(const struct epoch_rules *rules)
{
    bool is_heartbeat = rules->kind == EPOCH_KIND_HEARTBEAT;
    bool has_table = rules->table[0] != '\0';

    return is_heartbeat == (rules->server_id != 0) && is_heartbeat == has_table &&
           (rules->kind == EPOCH_KIND_NDB || rules->server_id_bits == 0);
}

/* Options come behind the command, in front of the directory or behind it. */
static bool parse(struct store_command_line *line,
                  const struct store_command *command,
                  int count,
                  char **arguments)
{
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
        if (found == '?') {
            return false;
        }
        if (found != -1 && !take_option(line, found, optarg)) {
            (void)fprintf(stderr, "binrelayctl: %s is no value for this option\n", optarg);
            return false;
        }
    }
    if (!are_rules_whole(&line->rules)) {
        (void)fputs("binrelayctl: the options that say what an epoch is do not fit together\n",
                    stderr);
        return false;
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

    for (int at = 1; at < count; at++) {
        if (strcmp(arguments[at], "--help") == 0) {
            print_usage(stdout);
            return EXIT_DONE;
        }
    }
    if (command == NULL) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (!parse(&line, command, count - 1, arguments + 1)) {
        (void)fprintf(stderr, "usage: binrelayctl store %s", command->usage);
        return EXIT_USAGE;
    }
    return run(command, &line, arguments[1 + optind]);
}
