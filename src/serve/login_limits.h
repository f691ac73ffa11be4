/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who failed to log in too often: an address with many failures in a row is
 * refused for a while. Of fixed size; where it is full, the address that failed
 * longest ago is forgotten. Belongs to the control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    LOGIN_FAILURES_MOST = 20,       /* in a row, then the address is refused */
    LOGIN_FORGOTTEN_AFTER_SEC = 60, /* without a failure */
    LOGIN_REFUSED_SEC = 30,         /* from the last failure */
};

struct login_limits;

struct login_limits *login_limits_new(void);

/* Accepts NULL. */
void login_limits_free(struct login_limits *limits);

/* `peer` is a connection's name; its port does not count. Times are monotonic. */
bool login_limits_refuse(struct login_limits *limits, const char *peer, uint64_t now_usec);
void login_limits_note_failure(struct login_limits *limits,
                               const char *peer,
                               uint64_t now_usec);
void login_limits_note_success(struct login_limits *limits, const char *peer);

/* Copies "10.0.0.7" of "10.0.0.7:51200", "2001:db8::1" of "[2001:db8::1]:51200". */
enum { PEER_HOST_BYTES = 64 };
void peer_host(const char *peer, char host[PEER_HOST_BYTES]);
