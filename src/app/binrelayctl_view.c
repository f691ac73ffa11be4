/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelayctl_view.h"

#include <string.h>

#include "binrelay/base/memory.h"
#include "table.h"

/* ---- cells ---- */

char *view_seconds(double seconds)
{
    if (seconds < 10) {
        return mem_format("%.1f s", seconds);
    }
    if (seconds < 120) {
        return mem_format("%.0f s", seconds);
    }
    if (seconds < 7200) {
        return mem_format("%.0f min", seconds / 60);
    }
    return seconds < 172800 ? mem_format("%.1f h", seconds / 3600)
                            : mem_format("%.1f d", seconds / 86400);
}

char *view_bytes(double bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;

    if (bytes < 1024) {
        return mem_format("%.0f B", bytes);
    }
    for (bytes /= 1024; bytes >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++) {
        bytes /= 1024;
    }
    return mem_format("%.1f %s", bytes, units[unit]);
}

static char *seconds_cell(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);

    return json_is_number(value) ? view_seconds(json_number_value(value)) : mem_text("-");
}

static char *bytes_cell(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);

    return json_is_number(value) ? view_bytes(json_number_value(value)) : mem_text("-");
}

static char *hours_cell(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);

    return json_is_number(value) ? view_seconds(json_number_value(value) * 3600)
                                 : mem_text("-");
}

/* "" says nothing in a table. */
static char *filled_cell(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    const char *text = json_string_value(value);

    return text != NULL && *text == '\0' ? mem_text("-") : table_text(value);
}

/* "required, lost" */
static char *marks_cell(const json_t *row, const char *key)
{
    bool is_required = json_is_true(json_object_get(row, "required"));
    bool is_lost = json_is_true(json_object_get(row, "lost"));
    autofree char *state = table_text(json_object_get(row, key));

    return mem_format("%s%s%s", state, is_required ? ", required" : "",
                      is_lost ? ", lost" : "");
}

/* What it applied: its epoch, or for want of one its GTIDs. */
static char *applied_cell(const json_t *row, const char *key)
{
    const json_t *epoch = json_object_get(row, key);

    return table_text(json_is_null(epoch) ? json_object_get(row, "applied_gtids") : epoch);
}

/* "3.0 s ago by poll" */
static char *report_cell(const json_t *row, const char *key)
{
    const json_t *age = json_object_get(row, key);
    autofree char *way = table_text(json_object_get(row, "report_way"));
    autofree char *since = NULL;

    if (!json_is_number(age)) {
        return mem_text("never");
    }
    since = view_seconds(json_number_value(age));
    return mem_format("%s ago by %s", since, way);
}

static char *pinned_cell(const json_t *row, const char *key)
{
    const json_t *gcp = json_object_get(row, "gcp");

    return json_is_integer(gcp)
               ? mem_format("gcp %" JSON_INTEGER_FORMAT, json_integer_value(gcp))
               : table_text(json_object_get(row, key));
}

/* "201, 202" */
static char *list_cell(const json_t *row, const char *key)
{
    const json_t *list = json_object_get(row, key);
    char *text = mem_text(json_array_size(list) == 0 ? "-" : "");

    for (size_t at = 0; at < json_array_size(list); at++) {
        autofree char *item = table_text(json_array_get(list, at));
        autofree char *before = text;

        text = mem_format("%s%s%s", before, at == 0 ? "" : ", ", item);
    }
    return text;
}

static char *expiry_cell(const json_t *row, const char *key)
{
    const json_t *at = json_object_get(row, key);

    if (json_is_true(json_object_get(row, "expired"))) {
        return mem_text("expired");
    }
    return json_is_null(at) ? mem_text("never") : table_text(at);
}

/* ---- tables ---- */

static const struct table_column status_columns[] = {
    {"CLUSTER", "cluster", NULL, false},
    {"STATE", "state", NULL, false},
    {"SOURCE", "source", filled_cell, false},
    {"DURABLE", "durable", filled_cell, false},
    {"EPOCH", "epoch_durable", NULL, true},
    {"LAG", "last_commit_age_seconds", seconds_cell, true},
    {"STREAMS", "streams", NULL, true},
    {"STORE", "store_bytes", bytes_cell, true},
    {"LIMIT", "store_limit_bytes", bytes_cell, true},
    {"LEFT", "hours_left", hours_cell, true},
    {"LOW-WATER", "epoch_low_water", NULL, true},
    {"HELD BY", "held_by", NULL, false},
    {"REASON", "reason", filled_cell, false},
    {NULL, NULL, NULL, false},
};

static const struct table_column applier_columns[] = {
    {"CLUSTER", "cluster", NULL, false},
    {"ID", "server_id", NULL, true},
    {"GROUP", "group", filled_cell, false},
    {"STATE", "state", marks_cell, false},
    {"APPLIED", "applied_epoch", applied_cell, true},
    {"LAG", "lag_seconds", seconds_cell, true},
    {"REPORT", "report_age_seconds", report_cell, false},
    {"HOLDS FROM", "holds", NULL, false},
    {NULL, NULL, NULL, false},
};

static const struct table_column pin_columns[] = {
    {"NAME", "name", NULL, false},
    {"CLUSTER", "cluster", NULL, false},
    {"EPOCH", "epoch", pinned_cell, true},
    {"STATE", "state", NULL, false},
    {"HOLDS FROM", "holds", NULL, false},
    {"EXPIRES", "expires_at", expiry_cell, false},
    {NULL, NULL, NULL, false},
};

static const struct table_column lease_columns[] = {
    {"CLUSTER", "cluster", NULL, false},
    {"GROUP", "group", NULL, false},
    {"STATE", "state", NULL, false},
    {"HOLDER", "holder", NULL, true},
    {"EXPIRES IN", "expires_in_seconds", seconds_cell, true},
    {"APPLIED", "applied_epoch", NULL, true},
    {"SENT", "sent", NULL, false},
    {"WAITING", "waiting", list_cell, false},
    {"FENCED", "fenced", list_cell, false},
    {"REASON", "reason", filled_cell, false},
    {NULL, NULL, NULL, false},
};

static const struct table_column hold_columns[] = {
    {"WHO", "who", NULL, false},
    {"NEEDS FROM", "from", NULL, false},
    {"WHY", "why", NULL, false},
    {NULL, NULL, NULL, false},
};

static const struct table_column event_columns[] = {
    {"NUMBER", "id", NULL, true},
    {"AT", "at", NULL, false},
    {"CLUSTER", "cluster", filled_cell, false},
    {"EVENT", "event", NULL, false},
    {"TEXT", "text", NULL, false},
    {NULL, NULL, NULL, false},
};

static void print_table(FILE *output, const json_t *rows, const struct table_column *columns)
{
    if (json_array_size(rows) == 0) {
        (void)fputs("none\n", output);
    } else {
        table_print_columns(output, rows, columns, true);
    }
}

void view_print_events(FILE *output, const json_t *events, bool has_head)
{
    if (json_array_size(events) > 0) {
        table_print_columns(output, events, event_columns, has_head);
    }
}

static void view_status(FILE *output, const json_t *result)
{
    print_table(output, result, status_columns);
}

static void view_appliers(FILE *output, const json_t *result)
{
    print_table(output, result, applier_columns);
}

static void view_pins(FILE *output, const json_t *result)
{
    print_table(output, result, pin_columns);
}

static void view_leases(FILE *output, const json_t *result)
{
    print_table(output, result, lease_columns);
}

/* ---- sentences ---- */

/* Objects as lines, one below the other. */
static void view_each(FILE *output, const json_t *result)
{
    for (size_t at = 0; at < json_array_size(result); at++) {
        (void)fputs(at == 0 ? "" : "\n", output);
        table_print(output, json_array_get(result, at));
    }
}

static void view_check(FILE *output, const json_t *result)
{
    autofree char *id = table_text(json_object_get(result, "server_id"));
    autofree char *place = table_text(json_object_get(result, "position"));
    autofree char *reason = table_text(json_object_get(result, "reason"));
    autofree char *oldest = table_text(json_object_get(result, "oldest_epoch"));

    if (json_is_true(json_object_get(result, "can_catch_up"))) {
        (void)fprintf(output, "yes: applier %s goes on at %s\n", id, place);
    } else {
        (void)fprintf(output, "no: %s (oldest epoch here: %s)\n", reason, oldest);
    }
}

static void print_holds(FILE *output, const json_t *holds, const char *title)
{
    if (json_array_size(holds) > 0) {
        (void)fprintf(output, "\n%s\n", title);
        table_print_columns(output, holds, hold_columns, true);
    }
}

static void view_purge(FILE *output, const json_t *result)
{
    const json_t *count = json_object_get(result, "files");
    autofree char *files = table_text(count);
    autofree char *bytes = bytes_cell(result, "bytes");
    autofree char *first = filled_cell(result, "first");
    bool is_dry_run = json_is_true(json_object_get(result, "dry_run"));

    (void)fprintf(output, "%s %s file%s, %s; the oldest left is %s\n",
                  is_dry_run ? "would purge" : "purged", files,
                  json_integer_value(count) == 1 ? "" : "s", bytes, first);
    print_holds(output, json_object_get(result, "losers"),
                is_dry_run ? "these would lose what they need:"
                           : "these lost what they needed:");
    print_holds(output, json_object_get(result, "blockers"), "these keep the files that stay:");
}

static void view_help(FILE *output, const json_t *result)
{
    for (size_t at = 0; at < json_array_size(result); at++) {
        const json_t *row = json_array_get(result, at);
        autofree char *usage = table_text(json_object_get(row, "usage"));
        autofree char *does = table_text(json_object_get(row, "does"));
        autofree char *example = table_text(json_object_get(row, "example"));

        (void)fprintf(output, "%s\n    %s\n    as in: %s\n", usage, does, example);
    }
}

/* As it is: others read it. */
static void view_text(FILE *output, const json_t *result)
{
    const char *text = json_string_value(result);

    (void)fputs(text == NULL ? "" : text, output);
}

/* ---- all ---- */

static const struct {
    const char *command;
    void (*print)(FILE *output, const json_t *result);
} views[] = {
    {"status", view_status},       {"applier list", view_appliers}, {"applier show", view_each},
    {"applier check", view_check}, {"pin list", view_pins},         {"purge", view_purge},
    {"lease show", view_leases},   {"metrics", view_text},          {"help", view_help},
};

/* True if the request begins with the words. */
static bool begins_with(const char *request, const char *words)
{
    size_t size = strlen(words);

    return strncmp(request, words, size) == 0 &&
           (request[size] == ' ' || request[size] == '\n' || request[size] == '\0');
}

void view_print(FILE *output, const char *command, const json_t *result)
{
    for (size_t at = 0; at < sizeof(views) / sizeof(views[0]); at++) {
        if (begins_with(command, views[at].command)) {
            views[at].print(output, result);
            return;
        }
    }
    table_print(output, result);
}
