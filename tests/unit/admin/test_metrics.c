/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics.h"

#include <stdio.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "metrics_text.h"
#include "test_data.h"

/* "east" has appliers and is purged, "west" has nothing. */
static void fill(struct metrics_cluster clusters[2])
{
    struct metrics_cluster *east = &clusters[0];
    struct log_hold *holds = mem_zeroed(4 * sizeof(*holds));

    *east = (struct metrics_cluster){.name = "east", .epoch_durable = 94489280530};
    clusters[1] = (struct metrics_cluster){.name = "west"};
    east->oldest_file = 3;
    east->newest_file = 9;
    east->report.received_epoch = UINT64_MAX;
    east->has_purge = true;
    east->purge.low_water_epoch = 94489280525;
    east->purge.purged_files = 2;
    east->purge.hours_left = 12.5;
    holds[0] = (struct log_hold){
        .who = "applier 201 (group \"we\\st\")", .server_id = 201, .is_applier = true};
    holds[1] = (struct log_hold){.who = "session 12", .from = {.file = 7, .offset = 4}};
    holds[2] = (struct log_hold){.who = "session 13", .from = {.file = 8, .offset = 4}};
    holds[3] = (struct log_hold){.who = "pin backup-7", .from = {.file = 9, .offset = 4}};
    east->purge.holds = holds;
    east->purge.hold_count = 4;
    east->appliers = mem_zeroed(3 * sizeof(*east->appliers));
    east->applier_count = 3;
    east->appliers[0] = (struct metrics_applier){.server_id = 201,
                                                 .epoch_applied = 94489280525,
                                                 .has_lag = true,
                                                 .lag_seconds = 3.25,
                                                 .has_place = true,
                                                 .can_catch_up = true};
    east->appliers[1] = (struct metrics_applier){.server_id = UINT32_MAX, .has_place = true};
    east->appliers[2] = (struct metrics_applier){.server_id = 5};
    clusters[1].purge.hours_left = -1;
}

static char *print_all(void)
{
    struct metrics_cluster clusters[2];
    struct buffer text = {0};

    fill(clusters);
    metrics_print(&text, clusters, 2);
    buffer_add_text_zero(&text, "");
    metrics_cluster_release(&clusters[0]);
    metrics_cluster_release(&clusters[1]);
    return (char *)text.data;
}

static void has_the_samples(void)
{
    static const char *const lines[] = {
        "binrelay_epoch_received{cluster=\"east\"} 18446744073709551615",
        "binrelay_epoch_received{cluster=\"west\"} 0",
        "binrelay_epoch_durable{cluster=\"east\"} 94489280530",
        "binrelay_epoch_low_water{cluster=\"east\"} 94489280525",
        "binrelay_applier_epoch_applied{cluster=\"east\",server_id=\"201\"} 94489280525",
        "binrelay_applier_epoch_applied{cluster=\"east\",server_id=\"4294967295\"} 0",
        "binrelay_applier_lag_seconds{cluster=\"east\",server_id=\"201\"} 3.250",
        "binrelay_applier_can_catch_up{cluster=\"east\",server_id=\"201\"} 1",
        "binrelay_applier_can_catch_up{cluster=\"east\",server_id=\"4294967295\"} 0",
        ("binrelay_purge_blocked_by{cluster=\"east\",server_id=\"201\",holder=\"applier 201 "
         "(group \\\"we\\\\st\\\")\"} 6"),
        "binrelay_purge_blocked_by{cluster=\"east\",holder=\"session\"} 2",
        "binrelay_purge_blocked_by{cluster=\"east\",holder=\"pin backup-7\"} 0",
        "binrelay_purged_files_total{cluster=\"east\"} 2",
        "binrelay_store_hours_left{cluster=\"east\"} 12.500",
        "binrelay_sessions{cluster=\"west\"} 0",
    };
    char *text = print_all();

    for (size_t at = 0; at < sizeof(lines) / sizeof(lines[0]); at++) {
        autofree char *line = mem_format("\n%s\n", lines[at]);

        if (strstr(text, line) == NULL) {
            (void)fprintf(stderr, "missing: %s\nin:\n%s", lines[at], text);
        }
        CHECK(strstr(text, line) != NULL);
    }
    free(text);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

static void leaves_out_what_is_not_known(void)
{
    char *text = print_all();

    CHECK(count_of(text, "\nbinrelay_applier_lag_seconds{") == 1);
    CHECK(count_of(text, "\nbinrelay_applier_can_catch_up{") == 2);
    CHECK(count_of(text, "\nbinrelay_epoch_low_water{") == 1);
    CHECK(count_of(text, "\nbinrelay_store_hours_left{") == 1);
    CHECK(count_of(text, "holder=\"session\"") == 1);
    free(text);
}

/* Every line is a comment of a known form, or a sample of the family that was opened last. */
static void is_in_the_format(void)
{
    char *text = print_all();
    char *rest = NULL;
    char family[100] = "";

    CHECK(text[strlen(text) - 1] == '\n');
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            char *type = strtok_r(NULL, "\n", &rest);
            char kind[20] = "";

            CHECK(sscanf(line, "# HELP %99s", family) == 1);
            CHECK(type != NULL && strncmp(type, "# TYPE ", 7) == 0);
            CHECK(strncmp(type + 7, family, strlen(family)) == 0);
            CHECK(sscanf(type + 7 + strlen(family), " %19s", kind) == 1);
            CHECK(strcmp(kind, "gauge") == 0 || strcmp(kind, "counter") == 0);
            /* Prometheus' rule: counters, and only they, end in _total. */
            CHECK((strcmp(kind, "counter") == 0) == (strstr(family, "_total") != NULL));
            continue;
        }
        CHECK(strncmp(line, family, strlen(family)) == 0 && line[strlen(family)] == '{');
    }
    free(text);
}

/* The rows of docs/metrics.md and what is exported are the same, types too. */
static void is_what_the_document_lists(void)
{
    char *text = print_all();
    autofree char *path = test_data_path("../../docs/metrics.md");
    FILE *document = fopen(path, "r");
    char line[1000];
    size_t listed = 0;

    CHECK(document != NULL);
    while (fgets(line, sizeof(line), document) != NULL) {
        char name[100] = "";
        char kind[20] = "";

        if (sscanf(line, "| `%99[a-z_]` | %19[a-z] |", name, kind) == 2) {
            autofree char *head = mem_format("# TYPE %s %s\n", name, kind);

            if (strstr(text, head) == NULL) {
                (void)fprintf(stderr, "docs/metrics.md lists what there is not: %s", head);
            }
            CHECK(strstr(text, head) != NULL);
            listed++;
        }
    }
    (void)fclose(document);
    CHECK(listed == count_of(text, "# TYPE "));
    free(text);
}

static void labels_are_escaped(void)
{
    const struct metrics_label labels[] = {
        {"cluster", "a\"b\\c\nd\te"}, {"server_id", NULL}, {NULL, NULL}};
    const struct metrics_label none[] = {{"cluster", NULL}, {NULL, NULL}};
    struct buffer text = {0};

    metrics_text_number(&text, "x", labels, 7);
    metrics_text_real(&text, "y", none, 0.5);
    buffer_add_text_zero(&text, "");
    CHECK(strcmp((const char *)text.data, "x{cluster=\"a\\\"b\\\\c\\nd\te\"} 7\ny 0.500\n") ==
          0);
    buffer_release(&text);
}

int main(void)
{
    has_the_samples();
    leaves_out_what_is_not_known();
    is_in_the_format();
    is_what_the_document_lists();
    labels_are_escaped();
    return 0;
}
