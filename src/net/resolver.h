/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses, without blocking the loop.
 *
 * Numeric addresses are decoded at once; /etc/hosts and "localhost" need no
 * nameserver; the rest is asked by libevent's evdns. Both files are read anew
 * when a question comes and none is open, so that a change of nameservers is
 * seen without a restart. Other sources of nsswitch.conf are not asked.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/error.h"
#include "loop_internal.h"
#include "socket_address.h"

enum { RESOLVED_ADDRESSES_MAX = 16 };

struct resolver;
struct resolution;

/* Called from the loop, never from within resolver_start(). On failure `count` is 0. */
typedef void (*resolved_fn)(void *context,
                            const struct socket_address *addresses,
                            size_t count,
                            const struct error *error);

struct resolver *resolver_new(struct loop *loop);

/* When all resolutions were cancelled or answered. Accepts NULL. */
void resolver_free(struct resolver *resolver);

/* Begins to look for a host; the answer frees the resolution. The caller sets a time limit. */
struct resolution *resolver_start(
    struct resolver *resolver, const char *host, uint16_t port, resolved_fn fn, void *context);

/* The answer will not be told. */
void resolution_cancel(struct resolution *resolution);
