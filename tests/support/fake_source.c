/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "binrelay/base/memory.h"
#include "check.h"

enum { PUMP_BYTES = 256 * 1024, READ_BYTES = 64 * 1024 };

struct fake_source {
    pthread_mutex_t lock; /* of the script and the flags */
    struct fake_script script;
    bool is_stopping;
    bool hangs_up;
    pthread_t thread;
    int listener;
    int wake; /* an eventfd: the script or a flag changed */
    uint16_t port;
};

struct client {
    int socket;
    struct fake_session session;
    struct buffer input;
    struct buffer output;
    uint64_t dump_bytes; /* sent of the dump */
};

static void wake(struct fake_source *source)
{
    const uint64_t one = 1;

    CHECK(write(source->wake, &one, sizeof(one)) == (ssize_t)sizeof(one));
}

static void calm(struct fake_source *source)
{
    uint64_t count = 0;

    (void)!read(source->wake, &count, sizeof(count)); /* nothing there is fine */
}

/* False if the connection is to be ended. */
static bool send_output(struct fake_source *source, struct client *client)
{
    bool was_dumping = client->session.dump.is_on;
    uint64_t cut_after = source->script.cut_after;
    size_t size = client->output.size;
    bool is_cut = false;

    if (was_dumping && cut_after > 0 && client->dump_bytes + size >= cut_after) {
        size = (size_t)(cut_after - client->dump_bytes);
        source->script.cut_after = 0;
        is_cut = true;
    }
    pthread_mutex_unlock(&source->lock);
    for (size_t sent = 0; sent < size;) {
        ssize_t count =
            send(client->socket, client->output.data + sent, size - sent, MSG_NOSIGNAL);

        if (count <= 0) {
            is_cut = true;
            break;
        }
        sent += (size_t)count;
    }
    pthread_mutex_lock(&source->lock);
    client->dump_bytes += was_dumping ? size : 0;
    buffer_clear(&client->output);
    return !is_cut;
}

/* False if the peer left. */
static bool read_input(struct client *client)
{
    uint8_t *room = buffer_room(&client->input, READ_BYTES);
    ssize_t count = recv(client->socket, room, READ_BYTES, MSG_DONTWAIT);

    if (count > 0) {
        client->input.size += (size_t)count;
        return true;
    }
    return count < 0 && (errno == EAGAIN || errno == EINTR);
}

static void take_input(struct client *client)
{
    size_t taken =
        fake_session_take(&client->session, buffer_bytes(&client->input), &client->output);

    memmove(client->input.data, client->input.data + taken, client->input.size - taken);
    client->input.size -= taken;
}

/* Sends all that the session has to say. */
static bool talk(struct fake_source *source, struct client *client)
{
    do {
        fake_session_pump(&client->session, &client->output, PUMP_BYTES);
        if (client->output.size == 0) {
            return !client->session.is_over;
        }
    } while (send_output(source, client) && !source->hangs_up);
    return false;
}

/* Under the lock. */
static void serve(struct fake_source *source, struct client *client)
{
    fake_session_begin(&client->session, &source->script, &client->output);
    while (!source->hangs_up && talk(source, client)) {
        struct pollfd watched[] = {{.fd = client->socket, .events = POLLIN},
                                   {.fd = source->wake, .events = POLLIN}};
        int wait_msec = (int)(client->session.heartbeat_usec / 1000) + 1;
        int count = 0;

        pthread_mutex_unlock(&source->lock);
        count = poll(watched, 2, wait_msec);
        pthread_mutex_lock(&source->lock);
        calm(source);
        if (count == 0) {
            fake_session_heartbeat(&client->session, &client->output);
        }
        if (watched[0].revents != 0) {
            if (!read_input(client)) {
                break;
            }
            take_input(client);
        }
    }
}

static void *run(void *context)
{
    struct fake_source *source = context;

    pthread_mutex_lock(&source->lock);
    while (!source->is_stopping) {
        struct pollfd watched[] = {{.fd = source->listener, .events = POLLIN},
                                   {.fd = source->wake, .events = POLLIN}};
        struct client client = {.socket = -1};

        source->hangs_up = false;
        pthread_mutex_unlock(&source->lock);
        (void)poll(watched, 2, -1);
        client.socket = watched[0].revents != 0 ? accept(source->listener, NULL, NULL) : -1;
        pthread_mutex_lock(&source->lock);
        calm(source);
        if (client.socket >= 0) {
            serve(source, &client);
            fake_session_release(&client.session);
            (void)close(client.socket);
        }
        buffer_release(&client.input);
        buffer_release(&client.output);
    }
    pthread_mutex_unlock(&source->lock);
    return NULL;
}

struct fake_source *fake_source_start(struct fake_script script)
{
    struct fake_source *source = mem_zeroed(sizeof(*source));
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    source->script = script;
    source->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    source->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(source->wake >= 0 && source->listener >= 0);
    CHECK(bind(source->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(source->listener, 16) == 0);
    CHECK(getsockname(source->listener, (struct sockaddr *)&address, &size) == 0);
    source->port = ntohs(address.sin_port);
    CHECK(pthread_mutex_init(&source->lock, NULL) == 0);
    CHECK(pthread_create(&source->thread, NULL, run, source) == 0);
    return source;
}

void fake_source_stop(struct fake_source *source)
{
    pthread_mutex_lock(&source->lock);
    source->is_stopping = true;
    source->hangs_up = true;
    pthread_mutex_unlock(&source->lock);
    wake(source);
    CHECK(pthread_join(source->thread, NULL) == 0);
    (void)close(source->listener);
    (void)close(source->wake);
    (void)pthread_mutex_destroy(&source->lock);
    fake_script_release(&source->script);
    free(source);
}

uint16_t fake_source_port(const struct fake_source *source)
{
    return source->port;
}

struct fake_script *fake_source_lock(struct fake_source *source)
{
    pthread_mutex_lock(&source->lock);
    return &source->script;
}

void fake_source_unlock(struct fake_source *source)
{
    pthread_mutex_unlock(&source->lock);
    wake(source);
}

void fake_source_disconnect(struct fake_source *source)
{
    pthread_mutex_lock(&source->lock);
    source->hangs_up = true;
    pthread_mutex_unlock(&source->lock);
    wake(source);
}
