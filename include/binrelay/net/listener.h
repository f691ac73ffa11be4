/* SPDX-License-Identifier: Apache-2.0 */
/* Accepts connections on one address. Belongs to its loop. */
#pragma once

#include <stdint.h>

#include "binrelay/base/error.h"
#include "binrelay/net/loop.h"

struct listener;

/* The descriptor is the callee's; `name` is "address:port" (borrowed for the call), or "unix".
 * The callee may stop the listener, but not free it. */
typedef void (*listener_fn)(void *context, int descriptor, const char *name);

/*
 * Listens on "0.0.0.0:3306", "[::]:3306", "*:3306" (IPv4) or "host:port". Port 0: the kernel
 * chooses. "[::]" is IPv6 only, so that both may stand in one list. A host that is a name may
 * block for its look-up: at start only.
 */
MUST_CHECK enum status listener_open(struct listener **made,
                                     struct loop *loop,
                                     const char *address,
                                     struct error *error);

/* Listens on a UNIX socket: replaces a dead one there, refuses to replace a live one. */
MUST_CHECK enum status listener_open_unix(struct listener **made,
                                          struct loop *loop,
                                          const char *path,
                                          unsigned mode,
                                          struct error *error);

/* Begins to accept. Out of descriptors it waits a little and goes on. */
void listener_start(struct listener *listener, listener_fn fn, void *context);
void listener_stop(struct listener *listener);

/* Accepts NULL. Removes a UNIX socket's file. */
void listener_free(struct listener *listener);

uint16_t listener_port(const struct listener *listener);
