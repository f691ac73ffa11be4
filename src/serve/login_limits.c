/* SPDX-License-Identifier: Apache-2.0 */
#include "login_limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/checksum.h"
#include "binrelay/base/memory.h"

enum { ROWS = 512, PLACES = 8 };

struct offender {
    char host[PEER_HOST_BYTES];
    unsigned failures; /* 0: a free place */
    uint64_t last_usec;
};

struct login_limits {
    struct offender rows[ROWS][PLACES];
};

struct login_limits *login_limits_new(void)
{
    return mem_zeroed(sizeof(struct login_limits));
}

void login_limits_free(struct login_limits *limits)
{
    free(limits);
}

void peer_host(const char *peer, char host[PEER_HOST_BYTES])
{
    const char *colon = strrchr(peer, ':');
    size_t size = colon == NULL ? strlen(peer) : (size_t)(colon - peer);

    if (size >= 2 && peer[0] == '[' && peer[size - 1] == ']') {
        peer++;
        size -= 2;
    }
    (void)snprintf(host, PEER_HOST_BYTES, "%.*s", (int)size, peer);
}

static size_t row_of(const char *host)
{
    return checksum_crc32(0, host, strlen(host)) % ROWS;
}

/* Returns the address's place, or NULL. */
static struct offender *find(struct login_limits *limits, const char *host)
{
    struct offender *row = limits->rows[row_of(host)];

    for (size_t at = 0; at < PLACES; at++) {
        if (row[at].failures > 0 && strcmp(row[at].host, host) == 0) {
            return &row[at];
        }
    }
    return NULL;
}

static struct offender *find_place(struct login_limits *limits, const char *host)
{
    struct offender *row = limits->rows[row_of(host)];
    struct offender *oldest = &row[0];

    for (size_t at = 1; at < PLACES; at++) {
        if (row[at].last_usec < oldest->last_usec) {
            oldest = &row[at];
        }
    }
    *oldest = (struct offender){0};
    (void)snprintf(oldest->host, sizeof(oldest->host), "%s", host);
    return oldest;
}

bool login_limits_refuse(struct login_limits *limits, const char *peer, uint64_t now_usec)
{
    char host[PEER_HOST_BYTES];
    const struct offender *offender = NULL;

    peer_host(peer, host);
    offender = find(limits, host);
    return offender != NULL && offender->failures >= LOGIN_FAILURES_MOST &&
           now_usec - offender->last_usec < LOGIN_REFUSED_SEC * UINT64_C(1000000);
}

void login_limits_note_failure(struct login_limits *limits, const char *peer, uint64_t now_usec)
{
    char host[PEER_HOST_BYTES];
    struct offender *offender = NULL;

    peer_host(peer, host);
    offender = find(limits, host);
    if (offender == NULL) {
        offender = find_place(limits, host);
    }
    if (now_usec - offender->last_usec > LOGIN_FORGOTTEN_AFTER_SEC * UINT64_C(1000000)) {
        offender->failures = 0;
    }
    offender->failures++;
    offender->last_usec = now_usec;
}

void login_limits_note_success(struct login_limits *limits, const char *peer)
{
    char host[PEER_HOST_BYTES];
    struct offender *offender = NULL;

    peer_host(peer, host);
    offender = find(limits, host);
    if (offender != NULL) {
        *offender = (struct offender){0};
    }
}
