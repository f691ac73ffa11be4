/* SPDX-License-Identifier: Apache-2.0 */
#include "greeting_version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 3 };

/* Reads one number of "8.0.40" and steps over the dot behind it. */
static unsigned long next_number(const char **text)
{
    char *end = NULL;
    unsigned long number = 0;

    if (**text < '0' || **text > '9') {
        return 0;
    }
    number = strtoul(*text, &end, 10);
    *text = *end == '.' ? end + 1 : end;
    return number;
}

int greeting_version_compare(const char *left, const char *right)
{
    for (int at = 0; at < NUMBERS; at++) {
        unsigned long one = next_number(&left);
        unsigned long other = next_number(&right);

        if (one != other) {
            return one < other ? -1 : 1;
        }
    }
    return 0;
}

void greeting_version_choose(const char *configured,
                             const struct served_cluster *clusters,
                             size_t count,
                             char version[GREETING_VERSION_BYTES])
{
    char lowest[GREETING_VERSION_BYTES] = "";
    size_t known = 0;
    size_t mariadb = 0;

    for (size_t at = 0; at < count; at++) {
        struct cluster_report report;

        cluster_board_read(clusters[at].board, &report);
        if (report.facts.server_version[0] == '\0') {
            continue;
        }
        known++;
        mariadb += report.facts.is_mariadb ? 1 : 0;
        if (lowest[0] == '\0' ||
            greeting_version_compare(report.facts.server_version, lowest) < 0) {
            (void)snprintf(lowest, sizeof(lowest), "%s", report.facts.server_version);
        }
    }
    if (configured != NULL && strcmp(configured, "auto") != 0) {
        (void)snprintf(version, GREETING_VERSION_BYTES, "%s", configured);
    } else if (known == 0 || known < count || (mariadb > 0 && mariadb < count)) {
        (void)snprintf(version, GREETING_VERSION_BYTES, "%s", GREETING_VERSION_OF_ALL);
    } else {
        (void)snprintf(version, GREETING_VERSION_BYTES, "%s%.50s", mariadb > 0 ? "5.5.5-" : "",
                       lowest);
    }
}
