/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands: the one place that says which there are and what they take. */
#include <ctype.h>
#include <string.h>

#include "admin_internal.h"

/* clang-format off */
#define CLUSTER           {"cluster", PARAMETER_TEXT, true, true, NULL}
#define ANY_CLUSTER       {"cluster", PARAMETER_TEXT, true, false, NULL}
#define ID                {"id", PARAMETER_NUMBER, true, true, "server_id"}
#define GROUP             {"group", PARAMETER_TEXT, true, true, NULL}
#define IN_CLUSTER        {"cluster", PARAMETER_TEXT, false, false, NULL}
#define NONE              {NULL, PARAMETER_TEXT, false, false, NULL}

const struct admin_command admin_commands[] = {
    {"status",         {ANY_CLUSTER, NONE}, "One row per cluster: what it does and how far it is.",
     "status", COMMAND_READS, command_status},
    {"cluster list",   {NONE}, "The clusters and their states.", "cluster list", COMMAND_AT_ONCE, command_cluster_list},
    {"cluster show",   {CLUSTER, NONE}, "All that is known of one cluster.", "cluster show east",
     COMMAND_READS, command_cluster_show},
    {"cluster pause",  {CLUSTER, NONE}, "Stops pulling; serving goes on.", "cluster pause east",
     COMMAND_AT_ONCE, command_cluster_pause},
    {"cluster resume", {CLUSTER, NONE}, "Pulls again.", "cluster resume east", COMMAND_AT_ONCE, command_cluster_resume},
    {"files",          {ANY_CLUSTER, NONE}, "The stored binlog files, oldest first.", "files east",
     COMMAND_READS, command_files},
    {"locate",         {CLUSTER, {"by", PARAMETER_TEXT, true, true, NULL}, {"value", PARAMETER_WORD, true, true, NULL},
                        NONE},
     "Where to go on: behind an epoch (N, or N.INCARNATION), after-backup N, from a time, or with a gtid set.",
     "locate east epoch 4711", COMMAND_READS, command_locate},
    {"index show",     {CLUSTER, {"epoch", PARAMETER_WORD, true, true, NULL}, {"count", PARAMETER_NUMBER, false, false, NULL},
                        NONE},
     "The epoch index from an epoch on.", "index show east 4711 --count 5", COMMAND_READS, command_index_show},
    {"gaps",           {ANY_CLUSTER, NONE}, "Where epochs may be lost, by the source's own word.", "gaps east",
     COMMAND_READS, command_gaps},
    {"applier list",   {ANY_CLUSTER, NONE}, "Who applies a cluster's log, and how far each one is.", "applier list east",
     COMMAND_READS, command_applier_list},
    {"applier show",   {ID, NONE}, "All that is known of an applier, in every cluster that has it.", "applier show 201",
     COMMAND_READS, command_applier_show},
    {"applier add",    {CLUSTER, ID, {"group", PARAMETER_TEXT, false, false, NULL}, {"required", PARAMETER_FLAG, false, false, NULL},
                        {"expire_after", PARAMETER_TEXT, false, false, NULL}, NONE},
     "Makes an applier known, or changes it; what is not said stays as it is.",
     "applier add east 201 --group west --required", COMMAND_CHANGES, command_applier_add},
    {"applier forget", {CLUSTER, ID, NONE}, "Ends an applier's hold for good.", "applier forget east 201",
     COMMAND_CHANGES, command_applier_forget},
    {"applier set-epoch", {CLUSTER, ID, {"epoch", PARAMETER_WORD, true, true, NULL}, NONE},
     "Sets an applied epoch, lower than before too; 0 is none.", "applier set-epoch east 201 4711",
     COMMAND_CHANGES, command_applier_set_epoch},
    {"applier check",  {CLUSTER, ID, NONE}, "Whether it can go on from where it is, and where.", "applier check east 201",
     COMMAND_READS, command_applier_check},
    {"pin add",        {{"name", PARAMETER_WORD, true, true, NULL}, CLUSTER, {"epoch", PARAMETER_WORD, true, false, NULL},
                        {"gcp", PARAMETER_NUMBER, false, false, NULL}, {"ttl", PARAMETER_TEXT, false, false, NULL},
                        {"state", PARAMETER_TEXT, false, false, NULL}, NONE},
     "Keeps what is behind an epoch, or behind an NDB backup by its StopGCP.",
     "pin add backup-7 east --gcp 21544 --ttl 2d --state running", COMMAND_CHANGES, command_pin_add},
    {"pin remove",     {{"name", PARAMETER_WORD, true, true, NULL}, NONE}, "Ends a pin.", "pin remove backup-7",
     COMMAND_CHANGES, command_pin_remove},
    {"pin list",       {NONE}, "The pins, and what they hold.", "pin list", COMMAND_READS, command_pin_list},
    {"lease show",     {ANY_CLUSTER, NONE}, "Which member of each group has the stream, and who waits.", "lease show",
     COMMAND_READS, command_lease_show},
    {"lease grant",    {GROUP, ID, IN_CLUSTER, NONE},
     "Gives the stream to a member that waits, once all that was sent is applied; or lifts its fence.",
     "lease grant west 202", COMMAND_CHANGES, command_lease_grant},
    {"lease release",  {GROUP, {"id", PARAMETER_NUMBER, true, false, "server_id"}, IN_CLUSTER, NONE},
     "Has the holder give up its stream: the next one gets it once all that was sent is applied.",
     "lease release west 201", COMMAND_CHANGES, command_lease_release},
    {"lease fence",    {GROUP, ID, {"applied", PARAMETER_WORD, false, false, NULL}, IN_CLUSTER, NONE},
     "Passes a member over that surely applies nothing any more: what is behind the applied epoch goes to another.",
     "lease fence west 201 --applied 4711", COMMAND_CHANGES, command_lease_fence},
    {"purge",          {CLUSTER, {"to_epoch", PARAMETER_WORD, false, false, NULL}, {"to_file", PARAMETER_TEXT, false, false, NULL},
                        {"dry_run", PARAMETER_FLAG, false, false, NULL}, {"force", PARAMETER_FLAG, false, false, NULL}, NONE},
     "Removes whole files up to an applied epoch, or before a file; only what nobody needs, if not forced.",
     "purge east --to-epoch 4711 --dry-run", COMMAND_PURGES, command_purge},
    {"events",         {{"since", PARAMETER_WORD, false, false, NULL}, {"after", PARAMETER_NUMBER, false, false, NULL},
                        {"follow", PARAMETER_FLAG, false, false, NULL}, NONE},
     "What happened, oldest first: from a time on, or behind the event of a number.",
     "events --since 2026-11-20T12:00:00Z", COMMAND_READS, command_events},
    {"metrics",        {NONE}, "All metrics in Prometheus' text format.", "metrics", COMMAND_READS, command_metrics},
    {"sessions",       {NONE}, "Who is connected, and where their streams are.", "sessions",
     COMMAND_AT_ONCE, command_sessions},
    {"kill",           {{"session", PARAMETER_NUMBER, true, true, NULL}, NONE}, "Ends one connection.",
     "kill 17", COMMAND_AT_ONCE, command_kill},
    {"reload",         {NONE}, "Reads accounts, passwords and certificates again.", "reload",
     COMMAND_AT_ONCE, command_reload},
    {"log-level",      {{"level", PARAMETER_TEXT, true, true, NULL}, NONE},
     "Sets the log level: error, warning, info or debug.", "log-level debug",
     COMMAND_AT_ONCE, command_log_level},
    {"shutdown",       {NONE}, "Stops the relay cleanly.", "shutdown", COMMAND_AT_ONCE, command_shutdown},
    {"help",           {NONE}, "The commands with an example of each.", "help", COMMAND_AT_ONCE, command_help},
};
/* clang-format on */

const size_t admin_command_count = sizeof(admin_commands) / sizeof(admin_commands[0]);

const struct admin_command *admin_command_find(const char *name)
{
    for (size_t at = 0; at < admin_command_count; at++) {
        if (strcmp(admin_commands[at].name, name) == 0) {
            return &admin_commands[at];
        }
    }
    return NULL;
}

/* "CLUSTER", "--to-epoch TO_EPOCH", "--force": as people type it. */
static void add_parameter(struct buffer *usage, const struct command_parameter *parameter)
{
    if (!parameter->is_positional) {
        buffer_add_text(usage, "--");
        for (const char *at = parameter->name; *at != '\0'; at++) {
            buffer_add(usage, *at == '_' ? "-" : at, 1);
        }
    }
    if (parameter->kind == PARAMETER_FLAG) {
        return;
    }
    buffer_add_text(usage, parameter->is_positional ? "" : " ");
    for (const char *at = parameter->name; *at != '\0'; at++) {
        char letter = (char)toupper((unsigned char)*at);

        buffer_add(usage, &letter, 1);
    }
}

/* "purge CLUSTER [--to-epoch TO_EPOCH]", from the parameters. */
static void add_usage(struct buffer *usage, const struct admin_command *command)
{
    buffer_add_text(usage, command->name);
    for (const struct command_parameter *parameter = command->parameters;
         parameter->name != NULL; parameter++) {
        buffer_add_text(usage, parameter->is_required ? " " : " [");
        add_parameter(usage, parameter);
        buffer_add_text(usage, parameter->is_required ? "" : "]");
    }
}

enum status command_help(struct admin *admin,
                         const json_t *arguments,
                         json_t **result,
                         struct error *error)
{
    json_t *list = json_array();

    (void)admin;
    (void)arguments;
    (void)error;
    for (size_t at = 0; at < admin_command_count; at++) {
        struct buffer usage = {0};

        add_usage(&usage, &admin_commands[at]);
        json_array_append_new(list, json_pack("{s:s%,s:s,s:s}", "usage", usage.data, usage.size,
                                              "does", admin_commands[at].help, "example",
                                              admin_commands[at].example));
        buffer_release(&usage);
    }
    *result = list;
    return STATUS_OK;
}
