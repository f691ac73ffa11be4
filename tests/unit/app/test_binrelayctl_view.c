/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelayctl_view.h"

#include <string.h>

#include "check.h"

/* What is printed for a command's result, to be freed. */
static char *printed(const char *command, const char *result)
{
    char *text = NULL;
    size_t size = 0;
    FILE *output = open_memstream(&text, &size);
    json_t *parsed = json_loads(result, JSON_DECODE_ANY, NULL);

    CHECK(output != NULL && parsed != NULL);
    view_print(output, command, parsed);
    CHECK(fclose(output) == 0);
    json_decref(parsed);
    return text;
}

static void check_printed(const char *command, const char *result, const char *wanted)
{
    char *text = printed(command, result);

    if (strcmp(text, wanted) != 0) {
        (void)fprintf(stderr, "printed:\n%s\nwanted:\n%s\n", text, wanted);
    }
    CHECK(strcmp(text, wanted) == 0);
    free(text);
}

static void appliers_are_readable_at_a_glance(void)
{
    check_printed(
        "applier list east \n",
        "[{\"cluster\": \"east\", \"server_id\": 201, \"group\": \"west\", \"state\": \"live\","
        "\"required\": true, \"applied_epoch\": 94489280525, \"lag_seconds\": 3.25,"
        "\"report_age_seconds\": 61.5, \"report_way\": \"poll\", \"holds\": "
        "\"binlog.000002:4\"},"
        "{\"cluster\": \"east\", \"server_id\": 7, \"group\": \"\", \"state\": \"absent\","
        "\"required\": false, \"lost\": true, \"applied_epoch\": null, \"applied_gtids\": null,"
        "\"lag_seconds\": null, \"report_age_seconds\": null, \"report_way\": null,"
        "\"holds\": null}]",
        "CLUSTER   ID  GROUP  STATE               APPLIED    LAG  REPORT            HOLDS "
        "FROM\n"
        "east     201  west   live, required  94489280525  3.2 s  62 s ago by poll  "
        "binlog.000002:4\n"
        "east       7  -      absent, lost              -      -  never             -\n");
    check_printed("applier list\n", "[]", "none\n");
}

static void decimals_are_as_they_were_meant(void)
{
    char *text = printed("applier show 201", "[{\"lag_seconds\": 0.1, \"age\": 265.3}]");

    CHECK(strstr(text, "0.1\n") != NULL && strstr(text, "265.3\n") != NULL);
    free(text);
}

static void an_applier_without_epochs_shows_its_gtids(void)
{
    char *text = printed("applier list", "[{\"applied_epoch\": null, \"applied_gtids\": "
                                         "\"0-1-17\"}]");

    CHECK(strstr(text, "0-1-17") != NULL);
    free(text);
}

static void a_check_is_answered_with_yes_or_no(void)
{
    check_printed("applier check east 201",
                  "{\"server_id\": 201, \"can_catch_up\": true, \"position\": "
                  "\"binlog.000002:4711\"}",
                  "yes: applier 201 goes on at binlog.000002:4711\n");
    check_printed("applier check east 201",
                  "{\"server_id\": 201, \"can_catch_up\": false, \"reason\": \"epoch 4 is not "
                  "here\", \"oldest_epoch\": 17}",
                  "no: epoch 4 is not here (oldest epoch here: 17)\n");
}

static void a_purge_names_who_loses_and_who_blocks(void)
{
    check_printed("purge east --force",
                  "{\"files\": 1, \"bytes\": 1536, \"first\": \"binlog.000004\", \"dry_run\": "
                  "false, \"losers\": [{\"who\": \"applier 201\", \"why\": \"never reported\", "
                  "\"from\": \"everything\"}], \"blockers\": []}",
                  "purged 1 file, 1.5 KiB; the oldest left is binlog.000004\n"
                  "\n"
                  "these lost what they needed:\n"
                  "WHO          NEEDS FROM  WHY\n"
                  "applier 201  everything  never reported\n");
    check_printed(
        "purge east --dry-run",
        "{\"files\": 3, \"bytes\": 0, \"first\": \"\", \"dry_run\": true, \"losers\": "
        "[], \"blockers\": []}",
        "would purge 3 files, 0 B; the oldest left is -\n");
}

static void pins_say_when_they_end(void)
{
    check_printed(
        "pin list",
        "[{\"name\": \"backup-7\", \"cluster\": \"east\", \"epoch\": 92534, \"gcp\": 21544,"
        "\"state\": \"done\", \"holds\": \"binlog.000001:4\", \"expired\": true,"
        "\"expires_at\": \"2026-11-20T12:00:00Z\"},"
        "{\"name\": \"x\", \"cluster\": \"east\", \"epoch\": 9, \"gcp\": null, \"state\": "
        "\"running\", \"holds\": \"binlog.000001:4\", \"expired\": false, \"expires_at\": "
        "null}]",
        "NAME      CLUSTER      EPOCH  STATE    HOLDS FROM       EXPIRES\n"
        "backup-7  east     gcp 21544  done     binlog.000001:4  expired\n"
        "x         east             9  running  binlog.000001:4  never\n");
}

static void leases_name_who_has_waits_and_is_fenced(void)
{
    check_printed(
        "lease show\n",
        "[{\"cluster\": \"east\", \"group\": \"far\", \"state\": \"held\", "
        "\"holder\": 201, \"expires_in_seconds\": 29.5, \"applied_epoch\": 40, "
        "\"sent\": \"binlog.000002:77\", \"waiting\": [202, 203], \"fenced\": [], "
        "\"reason\": \"\"}]",
        "CLUSTER  GROUP  STATE  HOLDER  EXPIRES IN  APPLIED  SENT              WAITING"
        "   FENCED  REASON\n"
        "east     far    held      201        30 s       40  binlog.000002:77  202, 203"
        "  -       -\n");
}

static void metrics_are_printed_as_they_are(void)
{
    check_printed("metrics \n", "\"# TYPE a gauge\\na{b=\\\"c\\\"} 1\\n\"",
                  "# TYPE a gauge\na{b=\"c\"} 1\n");
}

static void control_characters_stay_off_the_terminal(void)
{
    char *text = printed("pin list", "[{\"name\": \"\\u001b[2J\", \"cluster\": null}]");

    CHECK(strchr(text, 0x1b) == NULL);
    free(text);
}

static void quantities_are_short(void)
{
    static const struct {
        double value;
        const char *seconds;
        const char *bytes;
    } cases[] = {
        {0, "0.0 s", "0 B"},
        {9.5, "9.5 s", "10 B"},
        {90, "90 s", "90 B"},
        {600, "10 min", "600 B"},
        {7200, "2.0 h", "7.0 KiB"},
        {172800, "2.0 d", "168.8 KiB"},
        {1073741824, "12427.6 d", "1.0 GiB"},
    };

    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        char *seconds = view_seconds(cases[at].value);
        char *bytes = view_bytes(cases[at].value);

        CHECK(strcmp(seconds, cases[at].seconds) == 0);
        CHECK(strcmp(bytes, cases[at].bytes) == 0);
        free(seconds);
        free(bytes);
    }
}

static void help_has_a_paragraph_for_each_command(void)
{
    check_printed("help\n",
                  "[{\"usage\": \"kill SESSION\", \"does\": \"Ends one connection.\", "
                  "\"example\": \"kill 17\"}]",
                  "kill SESSION\n    Ends one connection.\n    as in: kill 17\n");
}

/* Commands without a view of their own, and results that are not as expected. */
static void anything_is_printed(void)
{
    static const char *const results[] = {"null", "5",   "\"x\"", "[]",
                                          "{}",   "[5]", "[{}]",  "[[]]"};
    static const char *const commands[] = {"status",        "applier list", "applier show",
                                           "applier check", "pin list",     "purge",
                                           "metrics",       "cluster list", "statuses"};

    for (size_t at = 0; at < sizeof(results) / sizeof(results[0]); at++) {
        for (size_t command = 0; command < sizeof(commands) / sizeof(commands[0]); command++) {
            free(printed(commands[command], results[at]));
        }
    }
}

int main(void)
{
    appliers_are_readable_at_a_glance();
    decimals_are_as_they_were_meant();
    an_applier_without_epochs_shows_its_gtids();
    a_check_is_answered_with_yes_or_no();
    a_purge_names_who_loses_and_who_blocks();
    pins_say_when_they_end();
    leases_name_who_has_waits_and_is_fenced();
    metrics_are_printed_as_they_are();
    control_characters_stay_off_the_terminal();
    quantities_are_short();
    help_has_a_paragraph_for_each_command();
    anything_is_printed();
    return 0;
}
