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

/* What is known of several clusters together. */
struct versions {
    char lowest[GREETING_VERSION_BYTES]; /* "": none is known */
    size_t known;
    size_t mariadb; /* of those known */
};

static void note_version(struct versions *versions, const struct served_cluster *cluster)
{
    struct cluster_report report;

    cluster_board_read(cluster->board, &report);
    if (report.facts.server_version[0] == '\0') {
        return;
    }
    versions->known++;
    versions->mariadb += report.facts.is_mariadb ? 1 : 0;
    if (versions->lowest[0] == '\0' ||
        greeting_version_compare(report.facts.server_version, versions->lowest) < 0) {
        (void)snprintf(versions->lowest, sizeof(versions->lowest), "%s",
                       report.facts.server_version);
    }
}

void greeting_version_choose(const char *configured,
                             const struct served_cluster *clusters,
                             size_t count,
                             char version[GREETING_VERSION_BYTES])
{
    struct versions versions = {0};
    bool is_one_kind = false;

    if (configured != NULL && strcmp(configured, "auto") != 0) {
        (void)snprintf(version, GREETING_VERSION_BYTES, "%s", configured);
        return;
    }
    for (size_t at = 0; at < count; at++) {
        note_version(&versions, &clusters[at]);
    }
    is_one_kind =
        versions.known == count && (versions.mariadb == 0 || versions.mariadb == count);
    if (count == 0 || !is_one_kind) {
        (void)snprintf(version, GREETING_VERSION_BYTES, "%s", GREETING_VERSION_OF_ALL);
        return;
    }
    (void)snprintf(version, GREETING_VERSION_BYTES, "%s%.50s",
                   versions.mariadb > 0 ? "5.5.5-" : "", versions.lowest);
}
