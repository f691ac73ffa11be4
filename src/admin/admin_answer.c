/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a command and words its reply. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin_internal.h"

const struct admin_cluster *admin_find_cluster(const struct admin *admin, const char *name)
{
    for (size_t at = 0; at < admin->options.cluster_count; at++) {
        if (strcmp(admin->clusters[at].name, name) == 0) {
            return &admin->clusters[at];
        }
    }
    return NULL;
}

enum status admin_named_cluster(const struct admin *admin,
                                const json_t *arguments,
                                const struct admin_cluster **found,
                                struct error *error)
{
    const char *name = json_string_value(json_object_get(arguments, "cluster"));

    *found = name == NULL ? NULL : admin_find_cluster(admin, name);
    if (name != NULL && *found == NULL) {
        return error_set(error, STATUS_NOT_FOUND,
                         "there is no cluster %s; cluster list names them", name);
    }
    return STATUS_OK;
}

enum status admin_list(const struct admin *admin,
                       const json_t *arguments,
                       admin_add_rows *add,
                       json_t **result,
                       struct error *error)
{
    const struct admin_cluster *only = NULL;
    enum status status = admin_named_cluster(admin, arguments, &only, error);

    if (status != STATUS_OK) {
        return status;
    }
    *result = json_array();
    for (size_t at = 0; at < admin->options.cluster_count; at++) {
        if (only == NULL || only == &admin->clusters[at]) {
            add(*result, admin, &admin->clusters[at]);
        }
    }
    return STATUS_OK;
}

json_t *admin_epoch(uint64_t epoch)
{
    if (epoch > INT64_MAX) {
        return json_sprintf("%" PRIu64, epoch);
    }
    return epoch == 0 ? json_null() : json_integer((json_int_t)epoch);
}

json_t *admin_time(uint64_t wall_usec)
{
    time_t seconds = (time_t)(wall_usec / 1000000);
    struct tm parts;
    char text[32];

    if (wall_usec == 0 || gmtime_r(&seconds, &parts) == NULL) {
        return json_null();
    }
    (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_string(text);
}

json_t *admin_position(const struct binlog_store *store, struct binlog_position position)
{
    char name[BINLOG_NAME_BYTES];

    if (position.file == 0) {
        return json_string("");
    }
    binlog_name_print(name, binlog_store_log_name(store), position.file);
    return json_sprintf("%s:%llu", name, (unsigned long long)position.offset);
}

/* One reason why a part of the log stays. */
static json_t *hold_row(const struct binlog_store *store, const struct log_hold *hold)
{
    json_t *from =
        hold->from.file == 0 ? json_string("everything") : admin_position(store, hold->from);
    json_t *id = hold->server_id == 0 ? json_null() : json_integer(hold->server_id);

    return json_pack("{s:s,s:s,s:o,s:o,s:o}", "who", hold->who, "why", hold->why, "from", from,
                     "epoch", admin_epoch(hold->epoch.epoch), "server_id", id);
}

json_t *admin_holds(const struct binlog_store *store,
                    const struct log_hold *holds,
                    size_t count)
{
    json_t *rows = json_array();

    for (size_t at = 0; at < count; at++) {
        (void)json_array_append_new(rows, hold_row(store, &holds[at]));
    }
    return rows;
}

/* A long message is cut, and may be so in the middle of a letter. */
static json_t *message_of(const struct error *error)
{
    size_t size = strlen(error->message);
    json_t *message = NULL;

    for (size_t cut = 0; message == NULL && cut < 4 && cut <= size; cut++) {
        message = json_stringn(error->message, size - cut);
    }
    return message != NULL ? message : json_string("(what it says is no UTF-8)");
}

/* A request that cannot be read has the code "usage"; else the status names it. */
static json_t *reply_of_error(const struct error *error, bool is_usage)
{
    char code[32];

    (void)snprintf(code, sizeof(code), "%s", is_usage ? "usage" : status_name(error->status));
    for (char *at = code; *at != '\0'; at++) {
        *at = *at == ' ' ? '_' : *at;
    }
    return json_pack("{s:b,s:{s:s,s:o}}", "ok", 0, "error", "code", code, "message",
                     message_of(error));
}

/* What a double keeps of decimals: 0.1 is to be read as 0.1, not as 0.10000000000000001. */
enum { DIGITS_OF_REALS = 15 };

/* The reply as a line; takes the reference. */
static char *print_reply(json_t *reply)
{
    char *text = NULL;

    if (reply == NULL) {
        reply = json_pack("{s:b,s:{s:s,s:s}}", "ok", 0, "error", "code", "system", "message",
                          "the reply cannot be written as JSON");
    }
    text = json_dumps(reply, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS_OF_REALS));
    json_decref(reply);
    if (text == NULL) {
        abort(); /* want of memory: what was packed can be printed */
    }
    return text;
}

char *admin_refuse(const struct error *error)
{
    return print_reply(reply_of_error(error, true));
}

char *admin_run(struct admin *admin,
                const struct admin_command *command,
                const json_t *arguments)
{
    json_t *result = NULL;
    struct error error = {0};
    enum status status = command->run(admin, arguments, &result, &error);

    return print_reply(status == STATUS_OK ? json_pack("{s:b,s:o}", "ok", 1, "result", result)
                                           : reply_of_error(&error, false));
}
