/* SPDX-License-Identifier: Apache-2.0 */
#include "greeting_version.h"

#include <string.h>

#include "check.h"

static struct served_cluster clusters[2];

static void set(size_t number, const char *version, bool is_mariadb)
{
    struct source_facts facts = {.is_mariadb = is_mariadb};

    (void)snprintf(facts.server_version, sizeof(facts.server_version), "%s", version);
    cluster_board_set_facts(clusters[number].board, &facts);
}

static bool is_chosen(const char *configured, size_t count, const char *expected)
{
    char version[GREETING_VERSION_BYTES];

    greeting_version_choose(configured, clusters, count, version);
    return strcmp(version, expected) == 0;
}

static void compares_by_numbers(void)
{
    CHECK(greeting_version_compare("8.0.9", "8.0.40") < 0);
    CHECK(greeting_version_compare("10.11.14-MariaDB", "9.7.0") > 0);
    CHECK(greeting_version_compare("8.4.0-log", "8.4.0") == 0);
    CHECK(greeting_version_compare("8.4", "8.4.0") == 0);
    CHECK(greeting_version_compare("", "5.7.1") < 0);
    CHECK(greeting_version_compare("x", "y") == 0);
}

static void chooses_what_all_can_take(void)
{
    CHECK(is_chosen(NULL, 2, GREETING_VERSION_OF_ALL)); /* nobody is known yet */
    set(0, "9.7.4", false);
    CHECK(is_chosen("auto", 1, "9.7.4"));
    CHECK(is_chosen("auto", 2, GREETING_VERSION_OF_ALL)); /* one is not */
    set(1, "8.0.40-log", false);
    CHECK(is_chosen("auto", 2, "8.0.40-log"));
    CHECK(is_chosen("8.0.11", 2, "8.0.11"));
    set(1, "11.8.6-MariaDB", true);
    CHECK(is_chosen("auto", 2, GREETING_VERSION_OF_ALL));
    set(0, "10.6.21-MariaDB", true);
    CHECK(is_chosen(NULL, 2, "5.5.5-10.6.21-MariaDB"));
}

int main(void)
{
    clusters[0].board = cluster_board_new();
    clusters[1].board = cluster_board_new();
    compares_by_numbers();
    chooses_what_all_can_take();
    cluster_board_free(clusters[0].board);
    cluster_board_free(clusters[1].board);
    return 0;
}
