/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of binrelayd. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/app/programs.h"
#include "binrelay/base/log.h"
#include "config.h"
#include "log_output.h"
#include "relay.h"
#include "version.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum action { ACTION_RUN, ACTION_CHECK, ACTION_PRINT, ACTION_VERSION, ACTION_HELP };

struct command_line {
    enum action action;
    const char *config_path;
};

static const char usage[] =
    "usage: binrelayd --config FILE [--check-config | --print-config]\n"
    "       binrelayd --version | --help\n"
    "\n"
    "  --config FILE    the configuration\n"
    "  --check-config   report every fault in it, and end\n"
    "  --print-config   print it with its defaults, without secrets, and end\n";

static bool parse_command_line(struct command_line *line, int count, char **arguments)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'f'}, {"check-config", no_argument, NULL, 'c'},
        {"print-config", no_argument, NULL, 'p'}, {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };

    for (int found = 0; found != -1;) {
        found = getopt_long(count, arguments, "f:", options, NULL);
        switch (found) {
        case 'f':
            line->config_path = optarg;
            break;
        case 'c':
            line->action = ACTION_CHECK;
            break;
        case 'p':
            line->action = ACTION_PRINT;
            break;
        case 'v':
            line->action = ACTION_VERSION;
            break;
        case 'h':
            line->action = ACTION_HELP;
            break;
        case -1:
            break;
        default:
            return false;
        }
    }
    return optind == count;
}

static void print_faults(const struct option_faults *faults)
{
    if (faults->lines.size > 0) {
        (void)fwrite(faults->lines.data, 1, faults->lines.size, stderr);
    }
}

static void warn_of_unused(const struct config *config)
{
    struct buffer lines = {0};
    char *rest = NULL;

    config_list_unused(config, &lines);
    buffer_add_number(&lines, 0, 1);
    for (char *line = strtok_r((char *)lines.data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        log_warning("configuration: %s: accepted, but this version does not act on it yet",
                    line);
    }
    buffer_release(&lines);
}

static int run(struct config *config, const char *path)
{
    struct relay *relay = NULL;
    struct error error;

    log_output_set((unsigned)config->log.format, (unsigned)config->log.level);
    warn_of_unused(config);
    if (relay_new(&relay, config, path, &error) != STATUS_OK) {
        log_error("relay: cannot start: %s", error.message);
        config_free(config);
        return EXIT_FAILED;
    }
    relay_run(relay);
    relay_free(relay);
    log_info("relay: stopped");
    return EXIT_DONE;
}

static int act_on_config(const struct command_line *line)
{
    struct option_faults faults = {0};
    struct config *config = NULL;
    struct error error;
    enum status status = config_read(&config, line->config_path, &faults, &error);
    char *text = NULL;

    print_faults(&faults);
    buffer_release(&faults.lines);
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "binrelayd: %s\n", error.message);
        return EXIT_FAILED;
    }
    if (line->action == ACTION_RUN) {
        return run(config, line->config_path);
    }
    if (line->action == ACTION_PRINT) {
        text = config_print(config);
        (void)puts(text);
        free(text);
    }
    config_free(config);
    return EXIT_DONE;
}

int program_binrelayd(int count, char **arguments)
{
    struct command_line line = {0};

    if (!parse_command_line(&line, count, arguments)) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (line.action == ACTION_VERSION) {
        (void)puts("binrelayd " BINRELAY_VERSION);
        return EXIT_DONE;
    }
    if (line.action == ACTION_HELP) {
        (void)fputs(usage, stdout);
        return EXIT_DONE;
    }
    if (line.config_path == NULL) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    return act_on_config(&line);
}
