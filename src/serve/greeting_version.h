/* SPDX-License-Identifier: Apache-2.0 */
/* The version that a listener greets with, before the login names a cluster. */
#pragma once

#include "binrelay/serve/endpoint.h"

/*
 * Where clusters of both kinds are behind one listener, or a cluster's kind is
 * not known yet: replicas of MySQL 9.7 and of MariaDB accepted it when tried.
 * "5.5.5-" in front is how MariaDB says that what follows is
 * its version.
 */
#define GREETING_VERSION_OF_ALL "5.5.5-10.11.19-MariaDB"

enum { GREETING_VERSION_BYTES = 64 };

/*
 * The configured version, or, with NULL or "auto": the lowest of the clusters'
 * if they are all of one kind.
 */
void greeting_version_choose(const char *configured,
                             const struct served_cluster *clusters,
                             size_t count,
                             char version[GREETING_VERSION_BYTES]);

/* -1, 0 or 1 by the numbers in front: "8.0.40-log" is below "8.4.0". */
int greeting_version_compare(const char *left, const char *right);
