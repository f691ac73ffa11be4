/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <stdio.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "temp_dir.h"

/* A configuration with one cluster: its own options, how many sources, and more. */
static struct config *read_config(const char *cluster, int sources, const char *more)
{
    static const char source[] = "{\"host\": \"h\", \"user\": \"u\"}";
    char *directory = temp_dir_make();
    autofree char *path = mem_format("%s/config.json", directory);
    FILE *file = fopen(path, "w");
    struct option_faults faults = {0};
    struct config *config = NULL;
    struct error error;

    CHECK(file != NULL);
    CHECK(fprintf(file,
                  "{%s \"clusters\": [{\"name\": \"east\", \"server_id\": 199, %s"
                  " \"sources\": [%s%s%s]}]}",
                  more, cluster, source, sources > 1 ? ", " : "",
                  sources > 1 ? source : "") > 0);
    CHECK(fclose(file) == 0);
    CHECK_OK(config_read(&config, path, &faults, &error), &error);
    temp_dir_remove(directory);
    return config;
}

static void check_identity(const char *options, int sources, uint32_t marker, bool upstream)
{
    struct config *config = read_config(options, sources, "");
    const struct config_cluster *cluster = config_cluster_at(config, 0);

    CHECK(settings_marker_id(cluster) == marker);
    CHECK(settings_presents_upstream(cluster) == upstream);
    config_free(config);
}

static void marks_epochs_only_where_the_identity_is_virtual(void)
{
    check_identity("", 1, 0, false);
    check_identity("\"identity\": \"upstream\",", 1, 0, true);
    check_identity("\"identity\": \"virtual\",", 1, 0, false); /* there are no markers */
    check_identity("\"epochs\": \"heartbeat\",", 2, 0, false);
    check_identity("\"epochs\": \"ndb\",", 1, 0, true);
    check_identity("\"epochs\": \"ndb\",", 2, 199, false);
    check_identity("\"epochs\": \"ndb\", \"identity\": \"virtual\",", 1, 199, false);
    check_identity("\"epochs\": \"ndb\", \"identity\": \"upstream\",", 2, 0, true);
}

/* An index is made anew when its rules change: only what counts for the kind stands in them. */
static void says_how_epochs_are_known(void)
{
    static const struct {
        const char *options;
        struct epoch_rules rules;
    } cases[] = {
        {"", {.kind = EPOCH_KIND_NONE}},
        {"\"epochs\": \"none\",", {.kind = EPOCH_KIND_NONE}},
        {"\"epochs\": \"ndb\",", {.kind = EPOCH_KIND_NDB, .server_id_bits = 9}},
        {"\"epochs\": \"heartbeat\",",
         {.kind = EPOCH_KIND_HEARTBEAT, .server_id = 199, .database = "beats", .table = "of"}},
    };

    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        struct config *config =
            read_config(cases[at].options, 1, "\"heartbeat\": {\"table\": \"beats.of\"},");
        struct epoch_rules rules = settings_epochs(config, config_cluster_at(config, 0), 9);

        CHECK(rules.kind == cases[at].rules.kind);
        CHECK(rules.server_id == cases[at].rules.server_id);
        CHECK(rules.server_id_bits == cases[at].rules.server_id_bits);
        CHECK(strcmp(rules.database, cases[at].rules.database) == 0);
        CHECK(strcmp(rules.table, cases[at].rules.table) == 0);
        config_free(config);
    }
}

/* A relay that has nobody who says what was applied starts, and purges nothing by itself. */
static void without_epochs_purges_by_hand_unless_a_poll_tells_gtids(void)
{
    struct config *config = read_config("\"appliers\": [{\"server_id\": 201}],", 1, "");

    CHECK(strcmp(config_cluster_at(config, 0)->purge.policy, "manual") == 0);
    config_free(config);
    config = read_config("\"purge\": {\"policy\": \"applied\"},", 1,
                         "\"heartbeat\": {\"poll\": [{\"cluster\": \"east\","
                         " \"host\": \"h\", \"user\": \"u\"}]},");
    CHECK(strcmp(config_cluster_at(config, 0)->purge.policy, "applied") == 0);
    config_free(config);
}

static void polls_with_the_options_of_a_source(void)
{
    struct config *config =
        read_config("", 1,
                    "\"heartbeat\": {\"poll\": [{\"cluster\": \"east\", \"host\": \"10.2.0.9\","
                    " \"port\": 3307, \"user\": \"u\", \"password\": \"p\","
                    " \"public_key\": \"k\", \"interval\": \"500ms\","
                    " \"tls\": {\"mode\": \"verify_ca\", \"ca\": \"c\"}}]},");
    const struct config_poll *poll = config_poll_at(config, 0);
    struct source_options server = settings_source(&poll->server);

    CHECK(strcmp(server.host, "10.2.0.9") == 0 && server.port == 3307);
    CHECK(strcmp(server.user, "u") == 0 && strcmp(server.password, "p") == 0);
    CHECK(server.tls_mode == SOURCE_TLS_VERIFY_CA && strcmp(server.tls_ca, "c") == 0);
    CHECK(strcmp(server.public_key, "k") == 0 && poll->interval_usec == 500000);
    config_free(config);
}

static void lists_only_what_this_version_does_not_do(void)
{
    struct config *config =
        read_config("\"epochs\": \"ndb\", \"start\": {\"epoch\": 7},"
                    "\"appliers\": [{\"server_id\": 201}],",
                    1,
                    "\"heartbeat\": {\"write_to_sources\": true, \"poll\": [{\"cluster\":"
                    " \"east\", \"host\": \"h\", \"user\": \"u\"}]},");
    struct buffer lines = {0};

    config_list_unused(config, &lines);
    buffer_add_number(&lines, 0, 1);
    CHECK(strstr((const char *)lines.data, "epochs") == NULL);
    CHECK(strstr((const char *)lines.data, "start") == NULL);
    CHECK(strstr((const char *)lines.data, "heartbeat") == NULL);
    CHECK(strstr((const char *)lines.data, "appliers") == NULL);
    CHECK(strstr((const char *)lines.data, "purge") == NULL);
    buffer_release(&lines);
    config_free(config);
}

int main(void)
{
    marks_epochs_only_where_the_identity_is_virtual();
    says_how_epochs_are_known();
    without_epochs_purges_by_hand_unless_a_poll_tells_gtids();
    polls_with_the_options_of_a_source();
    lists_only_what_this_version_does_not_do();
    return 0;
}
