/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin socket: one request per line, one reply per line, JSON or words.
 *
 * Everything here runs on the control thread and only reads copies of state,
 * or posts to the thread that is concerned: no command can hold up a pull or a
 * stream.
 */
#pragma once

#include <stddef.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/error.h"
#include "binrelay/net/loop.h"
#include "binrelay/registry/cluster_board.h"
#include "binrelay/serve/endpoint.h"
#include "binrelay/source/puller.h"
#include "binrelay/storage/binlog_store.h"

/* One cluster, as commands name it. All borrowed for the socket's life. */
struct admin_cluster {
    const char *name;
    struct binlog_store *store;
    struct cluster_board *board;
    struct puller *puller;
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
    struct admin_program program;
};

struct admin;

MUST_CHECK enum status admin_open(struct admin **made,
                                  const struct admin_options *options,
                                  struct error *error);

/* Removes the socket. Replies on their way are lost. Accepts NULL. */
void admin_close(struct admin *admin);
