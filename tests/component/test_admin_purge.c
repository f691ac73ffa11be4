/* SPDX-License-Identifier: Apache-2.0 */
/* Pins, purges, and what is told of them by the admin socket: status, events, metrics. */
#include "admin_rig.h"
#include "binrelay/storage/binlog_files.h"
#include "binrelay/storage/binlog_purge.h"

static size_t file_count(const struct admin_rig *rig)
{
    struct binlog_file_facts *files = NULL;
    size_t count = binlog_files_list(rig->clusters[RIG_EAST].store, &files);

    free(files);
    return count;
}

/* ---- pins ---- */

static void pins_are_kept_until_they_are_removed(void)
{
    struct admin_rig rig;
    json_t *row = NULL;
    json_t *again = NULL;

    rig_open(&rig);
    row = rig_do_with(&rig, "pin add export east %lu --ttl 2d", rig_epoch(1, 2));
    rig_check_number(row, "epoch", rig_epoch(1, 2));
    rig_check(row, "state", "running");
    rig_check(row, "gcp", "-");
    rig_check(row, "expired", "no");
    again = rig_do_with(&rig, "pin add export east %lu --ttl 2d --state done", rig_epoch(1, 2));
    rig_check(again, "state", "done");
    CHECK(json_equal(json_object_get(row, "created_at"), json_object_get(again, "created_at")));
    CHECK(json_equal(json_object_get(row, "holds"), json_object_get(again, "holds")));
    json_decref(again);
    json_decref(row);
    row = rig_do(&rig, "pin list");
    rig_check(row, "name", "export");
    rig_check(row, "cluster", "east");
    json_decref(row);
    json_decref(rig_do(&rig, "pin remove export"));
    rig_refuse(&rig, "pin remove export", "not_found", "export");
    rig_close(&rig);
}

static void a_backup_is_pinned_by_its_stop_gcp(void)
{
    struct admin_rig rig;
    json_t *row = NULL;

    rig_open(&rig);
    row = rig_do_with(&rig, "pin add backup-7 east --gcp %d", 201);
    rig_check(row, "gcp", "201");
    rig_check_number(row, "epoch", UINT64_C(201) << 32 | 0xFFFFFFFF);
    json_decref(row);
    row = rig_do(&rig, "locate east after-backup 867583393791"); /* the same */
    json_decref(row);
    row = rig_do_with(&rig, "pin add backup-8 east --gcp %d", 99999); /* behind all: the end */
    json_decref(row);
    rig_refuse(&rig, "pin add backup-9 east 5 --gcp 7", "invalid", "exclude each other");
    rig_refuse(&rig, "pin add backup-9 east", "invalid", "is missing");
    rig_refuse(&rig, "pin add backup-4294967296 east --gcp 7", "invalid", "backup's id");
    rig_refuse(&rig, "pin add backup-0 east --gcp 7", "invalid", "backup's id");
    rig_refuse(&rig, "pin add backup-9 east --gcp 0", "invalid", "StopGCP");
    rig_refuse(&rig, "pin add backup-9 east --gcp 4294967296", "invalid", "StopGCP");
    rig_close(&rig);
}

static void a_pin_needs_that_all_behind_it_is_here(void)
{
    struct admin_rig rig;
    char oldest[80];

    rig_open(&rig);
    json_decref(rig_do(&rig, "purge east --to-file binlog.000003"));
    (void)snprintf(oldest, sizeof(oldest), "the oldest epoch here is %llu",
                   (unsigned long long)rig_epoch(3, 1));
    rig_refuse_with(&rig, "not_found", oldest, "pin add late east %lu", rig_epoch(1, 1));
    rig_refuse_with(&rig, "not_found", oldest, "pin add late east --gcp %d", 101);
    rig_refuse_with(&rig, "again", oldest, "pin add late east %lu", rig_epoch(9, 1));
    json_decref(rig_do_with(&rig, "pin add late east %lu", rig_epoch(3, 1)));
    rig_close(&rig);
}

/* What is asked for holds only once a purge that did not know of it has taken files 1 and 2. */
static json_t *ask_too_late(struct admin_rig *rig, const char *line)
{
    struct binlog_purged purged;
    struct error error;
    int client = rig_connect(rig);
    json_t *reply = NULL;

    rig_close_gate(rig);
    rig_send(client, line);
    rig_wait(&rig->at_gate);
    CHECK_OK(binlog_store_purge(rig->clusters[RIG_EAST].store, 3, &purged, &error), &error);
    rig_open_gate(rig);
    reply = rig_read(client);
    CHECK(close(client) == 0);
    return reply;
}

static void refuse_late_pin(struct admin_rig *rig, const char *name)
{
    char line[100];
    json_t *reply = NULL;

    (void)snprintf(line, sizeof(line), "pin add %s east %llu --ttl 1h\n", name,
                   (unsigned long long)rig_epoch(1, 1));
    reply = ask_too_late(rig, line);
    CHECK(!json_is_true(json_object_get(reply, "ok")));
    json_decref(reply);
}

static void a_pin_that_comes_too_late_is_not_put(void)
{
    struct admin_rig rig;
    json_t *row = NULL;

    rig_open(&rig);
    refuse_late_pin(&rig, "late");
    row = rig_do(&rig, "pin list");
    CHECK(json_array_size(row) == 0);
    json_decref(row);
    rig_close(&rig);
}

static void one_that_was_there_stays_as_it_was(void)
{
    struct admin_rig rig;
    json_t *before = NULL;
    json_t *row = NULL;

    rig_open(&rig);
    json_decref(rig_do_with(&rig, "pin add export east %lu --state done", rig_epoch(3, 1)));
    before = rig_do(&rig, "pin list");
    refuse_late_pin(&rig, "export");
    row = rig_do(&rig, "pin list");
    CHECK(json_equal(row, before));
    json_decref(row);
    json_decref(before);
    rig_close(&rig);
}

static void an_applier_that_is_set_back_too_late_is_shown_so(void)
{
    struct admin_rig rig;
    char line[100];
    json_t *reply = NULL;

    rig_open(&rig);
    json_decref(rig_do(&rig, "applier add east 201"));
    json_decref(rig_do_with(&rig, "applier set-epoch east 201 %lu", rig_epoch(3, 1)));
    (void)snprintf(line, sizeof(line), "applier set-epoch east 201 %llu\n",
                   (unsigned long long)rig_epoch(1, 1));
    reply = ask_too_late(&rig, line);
    rig_check(json_object_get(reply, "result"), "can_catch_up", "no");
    json_decref(reply);
    rig_close(&rig);
}

static void bad_words_about_pins_are_refused(void)
{
    static const struct {
        const char *line;
        const char *code;
        const char *part;
    } cases[] = {
        {"pin add", "usage", "name is missing"},
        {"pin add x", "usage", "cluster is missing"},
        {"pin add x nowhere 5", "not_found", "there is no cluster"},
        {"pin add x west 5", "invalid", "keeps no epochs"},
        {"pin add x/y east 5", "invalid", "is not a name"},
        {"pin add x east 0", "invalid", "no epoch 0"},
        {"pin add x east five", "invalid", "is not an epoch"},
        {"pin add x east 5 --ttl", "usage", "wants a value"},
        {"pin add x east 5 --ttl 0s", "invalid", "more than nothing"},
        {"pin add x east 5 --ttl long", "invalid", "not a duration"},
        {"pin add x east 5 --state asleep", "invalid", "running or done"},
        {"pin add x east --gcp many", "usage", "must be a number"},
        {"pin remove", "usage", "name is missing"},
        {"pin remove nothing", "not_found", "nothing"},
        {"pin list all", "usage", "what is 'all'"},
    };
    struct admin_rig rig;

    rig_open(&rig);
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        rig_refuse(&rig, cases[at].line, cases[at].code, cases[at].part);
    }
    rig_close(&rig);
}

/* ---- purge ---- */

static void a_purge_says_what_it_would_do_and_does_it(void)
{
    struct admin_rig rig;
    json_t *row = NULL;

    rig_open(&rig);
    row = rig_do_with(&rig, "purge east --to-epoch %lu --dry-run", rig_epoch(3, 1));
    rig_check(row, "files", "2");
    rig_check(row, "dry_run", "yes");
    CHECK(file_count(&rig) == RIG_FILES);
    json_decref(row);
    row = rig_do_with(&rig, "purge east --to-epoch %lu", rig_epoch(3, 1));
    rig_check(row, "files", "2");
    rig_check(row, "first", "binlog.000003");
    CHECK(file_count(&rig) == RIG_FILES - 2);
    json_decref(row);
    row = rig_do_with(&rig, "purge east --to-epoch %lu", rig_epoch(3, 1)); /* again */
    rig_check(row, "files", "0");
    json_decref(row);
    row = rig_do(&rig, "{\"command\": \"purge\", \"cluster\": \"east\", \"to_file\": "
                       "\"binlog.000001\", \"dry_run\": true}");
    rig_check(row, "files", "0");
    json_decref(row);
    rig_close(&rig);
}

static void what_is_needed_stays_and_the_refusal_names_who_needs_it(void)
{
    struct admin_rig rig;
    json_t *row = NULL;

    rig_open(&rig);
    json_decref(rig_do(&rig, "applier add east 201 --required"));
    json_decref(rig_do_with(&rig, "applier set-epoch east 201 %lu", rig_epoch(1, 2)));
    json_decref(rig_do_with(&rig, "pin add export east %lu", rig_epoch(2, 1)));
    rig_refuse(&rig, "purge east --to-file binlog.000003", "denied", "applier 201");
    rig_refuse(&rig, "purge east --to-file binlog.000003", "denied", "export");
    row = rig_do(&rig, "purge east");
    rig_check(row, "files", "1");
    rig_check(json_array_get(json_object_get(row, "blockers"), 0), "server_id", "201");
    json_decref(row);
    row = rig_do(&rig, "purge east --to-file binlog.000003 --force --dry-run");
    CHECK(json_array_size(json_object_get(row, "losers")) == 2);
    CHECK(file_count(&rig) == RIG_FILES - 1);
    json_decref(row);
    json_decref(rig_do(&rig, "purge east --to-file binlog.000003 --force"));
    CHECK(file_count(&rig) == 2);
    rig_close(&rig);
}

static void bad_words_about_purges_are_refused(void)
{
    static const struct {
        const char *line;
        const char *code;
        const char *part;
    } cases[] = {
        {"purge", "usage", "cluster is missing"},
        {"purge nowhere", "not_found", "there is no cluster"},
        {"purge west", "invalid", "is not purged"},
        {"purge east --force", "invalid", "how far to go"},
        {"purge east --to-epoch 0", "invalid", "no epoch 0"},
        {"purge east --to-epoch x", "invalid", "is not an epoch"},
        {"purge east --to-epoch", "usage", "wants a value"},
        {"purge east --to-epoch 5 --to-file binlog.000001", "invalid", "exclude each other"},
        {"purge east --to-file ../binlog.000001", "invalid", "is no file"},
        {"purge east --to-file other.000001", "invalid", "is no file"},
        {"purge east --to-file binlog", "invalid", "is no file"},
        {"purge east --to-file binlog.000000", "invalid", "is no file"},
        {"purge east --to-file binlog.000099", "not_found", "no file binlog.000099"},
        {"purge east now", "usage", "what is 'now'"},
        {"{\"command\": \"purge\", \"cluster\": \"east\", \"dry_run\": \"yes\"}", "usage",
         "true or false"},
    };
    struct admin_rig rig;

    rig_open(&rig);
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        rig_refuse(&rig, cases[at].line, cases[at].code, cases[at].part);
    }
    CHECK(file_count(&rig) == RIG_FILES);
    rig_close(&rig);
}

/* ---- status, events, metrics ---- */

static void status_says_who_holds_the_log(void)
{
    struct admin_rig rig;
    json_t *row = NULL;

    rig_open(&rig);
    json_decref(rig_do(&rig, "applier add east 201 --required"));
    json_decref(rig_do_with(&rig, "applier set-epoch east 201 %lu", rig_epoch(2, 1)));
    row = rig_do(&rig, "status east");
    rig_check_number(row, "epoch_low_water", rig_epoch(2, 1));
    rig_check(row, "held_by", "applier 201");
    rig_check_number(row, "store_limit_bytes", UINT64_C(1) << 30);
    json_decref(row);
    row = rig_do(&rig, "cluster show east");
    rig_check_number(row, "epoch_low_water", rig_epoch(2, 1));
    json_decref(row);
    row = rig_do(&rig, "status west");
    rig_check(row, "epoch_low_water", "-");
    rig_check(row, "held_by", "-");
    rig_check(row, "hours_left", "-");
    json_decref(row);
    rig_close(&rig);
}

static void events_are_told_from_a_number_or_a_time_on(void)
{
    struct admin_rig rig;
    json_t *all = NULL;
    json_t *rest = NULL;
    char line[100];
    size_t count = 0;

    rig_open(&rig);
    for (int at = 1; at <= 3; at++) {
        (void)snprintf(line, sizeof(line), "applier add east %d", at);
        json_decref(rig_do(&rig, line));
    }
    all = rig_do(&rig, "events");
    count = json_array_size(all);
    CHECK(count >= 3);
    rig_check(json_array_get(all, 0), "cluster", "east");
    rig_check(json_array_get(all, 0), "event", "applier.added");
    (void)snprintf(line, sizeof(line), "events --since %lld",
                   json_integer_value(json_object_get(json_array_get(all, 0), "id")));
    rest = rig_do(&rig, line);
    CHECK(json_array_size(rest) == count - 1);
    CHECK(json_equal(json_array_get(rest, 0), json_array_get(all, 1)));
    json_decref(rest);
    rest = rig_do(&rig, "events --since 2020-01-01T00:00:00Z --after 1");
    CHECK(json_array_size(rest) == count - 1);
    json_decref(rest);
    rest = rig_do(&rig, "events --since 2200-01-01T00:00:00Z");
    CHECK(json_array_size(rest) == 0);
    json_decref(rest);
    json_decref(all);
    rig_refuse(&rig, "events --since yesterday", "invalid", "neither a time");
    rig_refuse(&rig, "events --since -1", "invalid", "neither a time");
    rig_refuse(&rig, "events --after x", "usage", "must be a number");
    rig_refuse(&rig, "events 5", "usage", "what is '5'");
    rig_close(&rig);
}

static void check_sample(const char *text, const char *line)
{
    if (strstr(text, line) == NULL) {
        (void)fprintf(stderr, "missing: %s\nin:\n%s", line, text);
    }
    CHECK(strstr(text, line) != NULL);
}

static void metrics_measure_the_clusters(void)
{
    struct admin_rig rig;
    json_t *result = NULL;
    const char *text = NULL;
    char line[200];

    rig_open(&rig);
    json_decref(rig_do(&rig, "applier add east 201 --required"));
    json_decref(rig_do_with(&rig, "applier set-epoch east 201 %lu", rig_epoch(2, 1)));
    json_decref(rig_do(&rig, "purge east"));
    result = rig_do(&rig, "metrics");
    text = json_string_value(result);
    CHECK(text != NULL);
    (void)snprintf(line, sizeof(line),
                   "binrelay_applier_epoch_applied{cluster=\"east\",server_id=\"201\"} %llu\n",
                   (unsigned long long)rig_epoch(2, 1));
    check_sample(text, line);
    (void)snprintf(line, sizeof(line), "binrelay_epoch_durable{cluster=\"east\"} %llu\n",
                   (unsigned long long)rig_epoch(RIG_FILES, RIG_EPOCHS_OF_A_FILE));
    check_sample(text, line);
    check_sample(text, "binrelay_applier_can_catch_up{cluster=\"east\",server_id=\"201\"} 1\n");
    check_sample(text, "binrelay_purged_files_total{cluster=\"east\"} 1\n");
    check_sample(text, "binrelay_purge_blocked_by{cluster=\"east\",server_id=\"201\","
                       "holder=\"applier 201\"} 2\n");
    check_sample(text, "binrelay_epoch_durable{cluster=\"west\"} 0\n");
    check_sample(text, "binrelay_sessions{cluster=\"west\"} 0\n");
    json_decref(result);
    rig_close(&rig);
}

int main(void)
{
    pins_are_kept_until_they_are_removed();
    a_backup_is_pinned_by_its_stop_gcp();
    a_pin_needs_that_all_behind_it_is_here();
    a_pin_that_comes_too_late_is_not_put();
    one_that_was_there_stays_as_it_was();
    an_applier_that_is_set_back_too_late_is_shown_so();
    bad_words_about_pins_are_refused();
    a_purge_says_what_it_would_do_and_does_it();
    what_is_needed_stays_and_the_refusal_names_who_needs_it();
    bad_words_about_purges_are_refused();
    status_says_who_holds_the_log();
    events_are_told_from_a_number_or_a_time_on();
    metrics_measure_the_clusters();
    return 0;
}
