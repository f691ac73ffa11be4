/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin socket: one request per line, one reply per line, JSON or words.
 *
 * Requests are read and answered on the control thread. A command that waits
 * runs on a thread of the socket's own; others read copies of state, or post to
 * the thread that is concerned: no command can hold up a pull, a stream or a
 * login. The requests of one client are answered in order.
 */
#pragma once

#include <stddef.h>

#include "binrelay/admin/purger.h"
#include "binrelay/base/clock.h"
#include "binrelay/base/error.h"
#include "binrelay/net/loop.h"
#include "binrelay/registry/applier_registry.h"
#include "binrelay/registry/cluster_board.h"
#include "binrelay/registry/lease_table.h"
#include "binrelay/registry/registry.h"
#include "binrelay/serve/endpoint.h"
#include "binrelay/source/puller.h"
#include "binrelay/storage/binlog_store.h"

/* One cluster, as commands name it. All borrowed for the socket's life. */
struct admin_cluster {
    const char *name;
    struct binlog_store *store;
    struct cluster_board *board;
    struct puller *puller;
    struct applier_registry *appliers; /* NULL: none are kept, as the next */
    struct purger *purger;
    struct lease_table *leases; /* NULL: its groups have no lease */
};

/* What only the program itself can do. */
struct admin_program {
    /* Reads the configuration again. The error says what is wrong with it. */
    enum status (*reload)(void *context, struct error *error);
    void (*shut_down)(void *context);
    void *context; /* borrowed */
};

struct admin_options {
    struct loop *loop; /* borrowed, as the rest */
    const struct clock *clock;
    const char *socket_path;
    unsigned socket_mode;
    const struct admin_cluster *clusters;
    size_t cluster_count;
    struct endpoint *endpoint;
    struct registry *registry; /* its numbered events */
    struct pin_table *pins;
    struct admin_program program;
};

struct admin;

MUST_CHECK enum status admin_open(struct admin **made,
                                  const struct admin_options *options,
                                  struct error *error);

/* Removes the socket, and waits for the commands that run: before all that they use. Replies on
 * their way are lost. Accepts NULL. */
void admin_close(struct admin *admin);
