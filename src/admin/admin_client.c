/* SPDX-License-Identifier: Apache-2.0 */
#include "admin_client.h"

#include <string.h>

#include "admin_internal.h"
#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "binrelay/base/worker.h"
#include "binrelay/net/connection.h"

enum {
    CLIENTS_MOST = 64, /* and so the most commands that wait */
    LINE_MOST_BYTES = 64 * 1024,
    QUEUED_MOST_BYTES = 16 * 1024 * 1024, /* replies that a client does not read */
};

/* A command on its way to a worker and back. */
struct admin_job {
    struct message message; /* first: is turned back into the job */
    struct admin *admin;    /* borrowed: closing it waits for the workers */
    struct loop *loop;      /* borrowed, as the next */
    const struct admin_command *command;
    json_t *arguments;           /* owned */
    char *reply;                 /* owned; NULL: it did not run */
    struct admin_client *client; /* borrowed; NULL: it left. The loop's thread only */
};

/* One connection to the socket. */
struct admin_client {
    struct admin *admin;           /* borrowed: it outlives its clients */
    struct connection *connection; /* owned */
    struct admin_job *job;         /* borrowed: owns itself; NULL: none runs */
    struct admin_client *next;
};

void admin_client_remove(struct admin_client *client)
{
    struct admin *admin = client->admin;
    struct admin_client **at = &admin->clients;

    while (*at != client) {
        at = &(*at)->next;
    }
    *at = client->next;
    admin->client_count--;
    if (client->job != NULL) {
        client->job->client = NULL;
    }
    connection_free(client->connection);
    free(client);
}

static void send_reply(struct admin_client *client, const char *reply)
{
    connection_send(client->connection, bytes_of_text(reply));
    connection_send(client->connection, bytes_of_text("\n"));
}

static void answer_lines(struct admin_client *client);

/* The loop's thread. Also when the loop is freed: the admin may be gone then, the job is its
 * own. */
static void on_job_done(struct message *message)
{
    struct admin_job *job = (struct admin_job *)message;
    struct admin_client *client = job->client;

    if (client != NULL && job->reply != NULL) {
        client->job = NULL;
        send_reply(client, job->reply);
        connection_pause_input(client->connection, false);
        answer_lines(client);
    }
    json_decref(job->arguments);
    free(job->reply);
    free(job);
}

/* A worker's thread. */
static void run_job(struct message *message)
{
    struct admin_job *job = (struct admin_job *)message;

    if (!atomic_load(&job->admin->is_closing)) {
        job->reply = admin_run(job->admin, job->command, job->arguments);
    }
    job->message.run = on_job_done;
    loop_post(job->loop, &job->message);
}

/* Takes the arguments. What the client says meanwhile waits, its end too: one that has said all
 * it wants to say still gets the reply. */
static void start_job(struct admin_client *client,
                      const struct admin_command *command,
                      json_t *arguments)
{
    struct admin_job *job = mem_zeroed(sizeof(*job));

    *job = (struct admin_job){.message.run = run_job,
                              .admin = client->admin,
                              .loop = client->admin->options.loop,
                              .command = command,
                              .arguments = arguments,
                              .client = client};
    client->job = job;
    connection_pause_input(client->connection, true);
    worker_post(client->admin->workers[command->place], &job->message);
}

static void answer(struct admin_client *client, struct bytes line)
{
    const struct admin_command *command = NULL;
    json_t *arguments = NULL;
    struct error error = {0};
    enum status status = admin_request_parse(line, &command, &arguments, &error);

    if (status == STATUS_OK && command->place != COMMAND_AT_ONCE) {
        start_job(client, command, arguments);
        return;
    }
    autofree char *reply = status == STATUS_OK ? admin_run(client->admin, command, arguments)
                                               : admin_refuse(&error);

    send_reply(client, reply);
    json_decref(arguments);
}

/* Answers the first line of the input. False if there is no whole one. */
static bool answer_line(struct admin_client *client)
{
    struct bytes input = connection_input(client->connection);
    const uint8_t *end = input.size == 0 ? NULL : memchr(input.data, '\n', input.size);
    struct bytes line = {.data = input.data};

    if (end == NULL) {
        return false;
    }
    line.size = (size_t)(end - input.data);
    answer(client, line);
    connection_consume(client->connection, line.size + 1);
    return true;
}

/* All that are there, up to one that must wait. The client may be gone afterwards. */
static void answer_lines(struct admin_client *client)
{
    while (client->job == NULL && answer_line(client)) {
        if (connection_queued(client->connection) > QUEUED_MOST_BYTES) {
            log_warning("admin: a client does not read its replies: closed");
            admin_client_remove(client);
            return;
        }
    }
    if (client->job == NULL && connection_input(client->connection).size >= LINE_MOST_BYTES) {
        log_warning("admin: a line of over %d bytes: closed", LINE_MOST_BYTES);
        admin_client_remove(client);
    }
}

static void on_input(void *context)
{
    answer_lines(context);
}

static void on_closed(void *context, const struct error *why)
{
    (void)why;
    admin_client_remove(context);
}

void admin_client_accept(void *context, int descriptor, const char *name)
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
        admin_client_remove(client);
    }
}
