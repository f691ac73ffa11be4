/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/admin/admin.h"

#include <assert.h>
#include <string.h>

#include "admin_internal.h"
#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "binrelay/net/connection.h"
#include "binrelay/net/listener.h"

enum {
    CLIENTS_MOST = 64,
    LINE_MOST_BYTES = 64 * 1024,
    QUEUED_MOST_BYTES = 16 * 1024 * 1024, /* replies that a client does not read */
};

/* One connection to the socket. */
struct admin_client {
    struct admin *admin;           /* borrowed: it outlives its clients */
    struct connection *connection; /* owned */
    struct admin_client *next;
};

static void remove_client(struct admin_client *client)
{
    struct admin *admin = client->admin;
    struct admin_client **at = &admin->clients;

    while (*at != client) {
        at = &(*at)->next;
    }
    *at = client->next;
    admin->client_count--;
    connection_free(client->connection);
    free(client);
}

/* Answers the first line of the input. False if there is no whole one. */
static bool answer_line(struct admin_client *client)
{
    struct bytes input = connection_input(client->connection);
    const uint8_t *end = input.size == 0 ? NULL : memchr(input.data, '\n', input.size);
    struct bytes line = {.data = input.data};
    char *reply = NULL;

    if (end == NULL) {
        return false;
    }
    line.size = (size_t)(end - input.data);
    reply = admin_answer(client->admin, line);
    connection_consume(client->connection, line.size + 1);
    connection_send(client->connection, bytes_of_text(reply));
    connection_send(client->connection, bytes_of_text("\n"));
    free(reply);
    return true;
}

static void on_input(void *context)
{
    struct admin_client *client = context;

    while (answer_line(client)) {
        if (connection_queued(client->connection) > QUEUED_MOST_BYTES) {
            log_warning("admin: a client does not read its replies: closed");
            remove_client(client);
            return;
        }
    }
    if (connection_input(client->connection).size >= LINE_MOST_BYTES) {
        log_warning("admin: a line of over %d bytes: closed", LINE_MOST_BYTES);
        remove_client(client);
    }
}

static void on_closed(void *context, const struct error *why)
{
    (void)why;
    remove_client(context);
}

static void on_accept(void *context, int descriptor, const char *name)
{
    static const struct connection_handler handler = {.on_input = on_input,
                                                      .on_closed = on_closed};
    struct admin *admin = context;
    struct admin_client *client = mem_zeroed(sizeof(*client));

    client->admin = admin;
    client->next = admin->clients;
    admin->clients = client;
    admin->client_count++;
    client->connection = connection_new(admin->options.loop, descriptor, name, LINE_MOST_BYTES);
    connection_set_handler(client->connection, &handler, client);
    if (admin->client_count > CLIENTS_MOST) {
        log_warning("admin: more than %d clients: one is turned away", CLIENTS_MOST);
        remove_client(client);
    }
}

enum status admin_open(struct admin **made,
                       const struct admin_options *options,
                       struct error *error)
{
    struct admin *admin = mem_zeroed(sizeof(*admin));
    size_t bytes = options->cluster_count * sizeof(*options->clusters);
    enum status status = STATUS_OK;

    admin->options = *options;
    admin->clusters = mem_zeroed(bytes + 1);
    memcpy(admin->clusters, options->clusters, bytes);
    status = listener_open_unix(&admin->listener, options->loop, options->socket_path,
                                options->socket_mode, error);
    if (status != STATUS_OK) {
        admin_close(admin);
        return error_wrap(error, "admin.socket");
    }
    listener_start(admin->listener, on_accept, admin);
    *made = admin;
    return STATUS_OK;
}

void admin_close(struct admin *admin)
{
    if (admin == NULL) {
        return;
    }
    while (admin->clients != NULL) {
        remove_client(admin->clients);
    }
    listener_free(admin->listener);
    free(admin->clusters);
    free(admin);
}
