/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients of the admin socket. The requests of one are answered in order: while
 * one of them runs on a worker, the next is not read.
 */
#pragma once

struct admin_client;

/* As listener_fn; the context is the struct admin. */
void admin_client_accept(void *admin, int descriptor, const char *name);

/* A command of it that runs goes on; nobody gets its reply. */
void admin_client_remove(struct admin_client *client);
