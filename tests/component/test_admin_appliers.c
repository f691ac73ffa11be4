/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about appliers by the admin socket. */
#include "admin_rig.h"

static void appliers_are_added_changed_and_forgotten(void)
{
    struct admin_rig rig;
    json_t *row = NULL;

    rig_open(&rig);
    row = rig_do(&rig, "applier add east 201 --group west --required");
    rig_check(row, "server_id", "201");
    rig_check(row, "group", "west");
    rig_check(row, "required", "yes");
    rig_check(row, "origin", "added");
    rig_check(row, "state", "absent");
    rig_check(row, "applied_epoch", "-");
    rig_check(row, "holds", "everything");
    json_decref(row);
    json_decref(rig_do(&rig, "applier add east 201 --group west --required")); /* again */
    row = rig_do(&rig, "{\"command\": \"applier add\", \"cluster\": \"east\", \"server_id\": "
                       "201, \"expire_after\": \"7d\"}");
    rig_check(row, "required", "yes"); /* what is not said stays */
    rig_check(row, "group", "west");
    rig_check(row, "expire_after", "7d");
    json_decref(row);
    row = rig_do(&rig, "{\"command\": \"applier add\", \"cluster\": \"east\", \"id\": 201, "
                       "\"required\": false}");
    rig_check(row, "required", "no");
    json_decref(row);
    row = rig_do(&rig, "applier list east");
    rig_check(row, "server_id", "201");
    json_decref(row);
    row = rig_do(&rig, "applier forget east 201");
    rig_check(row, "forgotten", "201");
    json_decref(row);
    rig_refuse(&rig, "applier forget east 201", "not_found", "201");
    row = rig_do(&rig, "applier list");
    CHECK(json_is_array(row) && json_array_size(row) == 0);
    json_decref(row);
    rig_close(&rig);
}

static void an_applied_epoch_is_set_by_hand(void)
{
    struct admin_rig rig;
    json_t *row = NULL;

    rig_open(&rig);
    json_decref(rig_do(&rig, "applier add east 201"));
    row = rig_do_with(&rig, "applier set-epoch east 201 %lu", rig_epoch(2, 2));
    rig_check_number(row, "applied_epoch", rig_epoch(2, 2));
    rig_check(row, "report_way", "admin");
    json_decref(row);
    row = rig_do_with(&rig, "applier set-epoch east 201 %lu", rig_epoch(1, 1)); /* back */
    rig_check_number(row, "applied_epoch", rig_epoch(1, 1));
    json_decref(row);
    rig_refuse_with(&rig, "invalid", "is above the newest", "applier set-epoch east 201 %lu",
                    rig_epoch(9, 1));
    rig_refuse_with(&rig, "not_found", "202", "applier set-epoch east 202 %lu",
                    rig_epoch(1, 1));
    row = rig_do_with(&rig, "applier set-epoch east 201 %d", 0);
    rig_check(row, "applied_epoch", "-");
    json_decref(row);
    rig_close(&rig);
}

static void lag_is_the_age_of_what_is_not_applied(void)
{
    struct admin_rig rig;
    json_t *row = NULL;

    rig_open(&rig);
    json_decref(rig_do(&rig, "applier add east 201"));
    row = rig_do(&rig, "applier list");
    rig_check(row, "lag_seconds", "-");
    rig_check(row, "sent", "-");
    json_decref(row);
    json_decref(rig_do_with(&rig, "applier set-epoch east 201 %lu",
                            rig_epoch(RIG_FILES, RIG_EPOCHS_OF_A_FILE)));
    row = rig_do(&rig, "applier list");
    rig_check(row, "lag_seconds", "0.0");
    json_decref(row);
    json_decref(rig_do_with(&rig, "applier set-epoch east 201 %lu", rig_epoch(1, 1)));
    row = rig_do(&rig, "applier list");
    CHECK(json_real_value(json_object_get(json_array_get(row, 0), "lag_seconds")) > 1000000);
    json_decref(row);
    rig_close(&rig);
}

static void a_check_says_where_an_applier_goes_on_or_why_not(void)
{
    struct admin_rig rig;
    json_t *row = NULL;

    rig_open(&rig);
    json_decref(rig_do(&rig, "applier add east 201"));
    row = rig_do(&rig, "applier check east 201"); /* it never said: all is here */
    rig_check(row, "can_catch_up", "yes");
    rig_check(row, "position", "binlog.000001:4");
    json_decref(row);
    json_decref(rig_do_with(&rig, "applier set-epoch east 201 %lu", rig_epoch(1, 1)));
    row = rig_do(&rig, "applier check east 201");
    rig_check(row, "can_catch_up", "yes");
    rig_check(row, "reason", "-");
    json_decref(row);
    json_decref(rig_do(&rig, "purge east --to-file binlog.000003 --force"));
    row = rig_do(&rig, "applier check east 201");
    rig_check(row, "can_catch_up", "no");
    rig_check(row, "position", "-");
    rig_check_number(row, "oldest_epoch", rig_epoch(3, 1));
    CHECK(json_string_length(json_object_get(row, "reason")) > 0);
    json_decref(row);
    json_decref(rig_do(&rig, "applier add east 202"));
    row = rig_do(&rig, "applier check east 202");
    rig_check(row, "can_catch_up", "no");
    json_decref(row);
    row = rig_do(&rig, "applier show 201");
    rig_check(row, "can_catch_up", "no");
    rig_check(row, "lost", "yes");
    rig_check(row, "cluster", "east");
    json_decref(row);
    rig_close(&rig);
}

static void bad_words_about_appliers_are_refused(void)
{
    static const struct {
        const char *line;
        const char *code;
        const char *part;
    } cases[] = {
        {"applier add", "usage", "cluster is missing"},
        {"applier add east", "usage", "id is missing"},
        {"applier add east x", "usage", "must be a number"},
        {"applier add east 0", "invalid", "from 1 to 4294967295"},
        {"applier add east 4294967296", "invalid", "from 1 to 4294967295"},
        {"applier add east 201 202", "usage", "what is '202'"},
        {"applier add east 201 --group", "usage", "wants a value"},
        {"applier add east 201 --group a/b", "invalid", "is not a name"},
        {"applier add east 201 --expire-after soon", "invalid", "not a duration"},
        {"applier add east 201 --expire-after -1s", "invalid", "not a duration"},
        {"applier add nowhere 201", "not_found", "there is no cluster nowhere"},
        {"applier add west 201", "invalid", "keeps no appliers"},
        {"applier list nowhere", "not_found", "there is no cluster"},
        {"applier show", "usage", "id is missing"},
        {"applier show 999", "not_found", "no cluster has an applier 999"},
        {"applier show 0", "invalid", "from 1"},
        {"applier forget east 999", "not_found", "999"},
        {"applier check east 999", "not_found", "999"},
        {"applier check east", "usage", "id is missing"},
        {"applier set-epoch east 201", "usage", "epoch is missing"},
        {"applier set-epoch east 201 x", "invalid", "is not an epoch"},
        {"applier set-epoch east 201 5.1", "invalid", "is not an epoch"},
        {"applier set-epoch east 201 99999999999999999999", "invalid", "is not an epoch"},
        {"{\"command\": \"applier add\", \"cluster\": \"east\", \"id\": 201, \"server_id\": 7}",
         "usage", "there is no argument server_id"},
        {"{\"command\": \"applier add\", \"cluster\": \"east\", \"id\": \"201\"}", "usage",
         "must be a number"},
        {"{\"command\": \"applier add\", \"cluster\": \"east\", \"id\": 201, \"group\": 5}",
         "usage", "must be a text"},
        {"{\"command\": \"applier add\", \"cluster\": \"east\", \"id\": 201, \"group\": "
         "\"\\u0000\"}",
         "usage", ""},
    };
    struct admin_rig rig;

    rig_open(&rig);
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        rig_refuse(&rig, cases[at].line, cases[at].code, cases[at].part);
    }
    rig_close(&rig);
}

int main(void)
{
    appliers_are_added_changed_and_forgotten();
    an_applied_epoch_is_set_by_hand();
    lag_is_the_age_of_what_is_not_applied();
    a_check_says_where_an_applier_goes_on_or_why_not();
    bad_words_about_appliers_are_refused();
    return 0;
}
