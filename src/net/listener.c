/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/net/listener.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "socket_address.h"

enum {
    BACKLOG = 1024, /* the kernel cuts it to net.core.somaxconn */
    ACCEPTS_PER_TURN = 64,
    PAUSE_USEC = 100 * 1000,
};

struct listener {
    struct loop *loop;        /* borrowed */
    int descriptor;           /* owned; -1: none */
    char *name;               /* owned; as it was asked for */
    uint16_t port;            /* 0: UNIX */
    char *path;               /* owned; NULL: not UNIX, or not bound yet */
    struct stat file;         /* what was bound at path */
    struct loop_watch *watch; /* owned; NULL: does not accept now */
    struct loop_timer *pause; /* owned; ends a pause */
    listener_fn fn;
    void *context; /* borrowed */
};

static struct listener *new_listener(struct loop *loop, const char *name)
{
    struct listener *listener = mem_zeroed(sizeof(*listener));

    listener->loop = loop;
    listener->descriptor = -1;
    listener->name = mem_text(name);
    return listener;
}

/* Splits "host:port", "[::1]:port", "*:port", ":port". The host is cut out in place; NULL: any.
 */
static enum status split_address(char *text,
                                 const char **host,
                                 const char **port,
                                 struct error *error)
{
    char *colon = strrchr(text, ':');
    size_t digits = colon == NULL ? 0 : strspn(colon + 1, "0123456789");

    if (digits == 0 || digits > 5 || colon[1 + digits] != '\0' ||
        strtoul(colon + 1, NULL, 10) > UINT16_MAX) {
        return error_set(error, STATUS_INVALID, "no port at the end: address:port is wanted");
    }
    *colon = '\0';
    *port = colon + 1;
    *host = text;
    if (text[0] == '[' && colon > text + 1 && colon[-1] == ']') {
        colon[-1] = '\0';
        *host = text + 1;
        return STATUS_OK;
    }
    if (strchr(text, ':') != NULL) {
        return error_set(error, STATUS_INVALID, "an IPv6 address stands in brackets");
    }
    if (text[0] == '\0' || strcmp(text, "*") == 0) {
        *host = NULL;
    }
    return STATUS_OK;
}

static void set_flag(int descriptor, int level, int option)
{
    const int on = 1;

    (void)setsockopt(descriptor, level, option, &on, sizeof(on));
}

static enum status listen_on(struct listener *listener,
                             const struct socket_address *address,
                             struct error *error)
{
    int family = address->storage.ss_family;
    struct socket_address bound = {.size = sizeof(bound.storage)};

    listener->descriptor = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->descriptor < 0) {
        return error_set_errno(error, "make a socket");
    }
    set_flag(listener->descriptor, SOL_SOCKET, SO_REUSEADDR);
    if (family == AF_INET6) {
        set_flag(listener->descriptor, IPPROTO_IPV6, IPV6_V6ONLY);
    }
    if (bind(listener->descriptor, (const struct sockaddr *)&address->storage, address->size) !=
            0 ||
        listen(listener->descriptor, BACKLOG) != 0 ||
        getsockname(listener->descriptor, (struct sockaddr *)&bound.storage, &bound.size) !=
            0) {
        return error_set_errno(error, "bind");
    }
    listener->port = socket_address_port(&bound);
    return STATUS_OK;
}

static enum status open_inet(struct listener *listener,
                             const char *address,
                             struct error *error)
{
    const struct addrinfo hints = {
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
        .ai_socktype = SOCK_STREAM,
    };
    autofree char *text = mem_text(address);
    const char *host = NULL;
    const char *port = NULL;
    struct addrinfo *found = NULL;
    struct socket_address first = {.size = 0};
    int code = 0;

    if (split_address(text, &host, &port, error) != STATUS_OK) {
        return error->status;
    }
    code = getaddrinfo(host == NULL ? "0.0.0.0" : host, port, &hints, &found);
    if (code != 0) {
        return error_set(error, STATUS_INVALID, "%s", gai_strerror(code));
    }
    memcpy(&first.storage, found->ai_addr, found->ai_addrlen);
    first.size = found->ai_addrlen;
    freeaddrinfo(found);
    return listen_on(listener, &first, error);
}

enum status listener_open(struct listener **made,
                          struct loop *loop,
                          const char *address,
                          struct error *error)
{
    struct listener *listener = new_listener(loop, address);

    if (open_inet(listener, address, error) != STATUS_OK) {
        listener_free(listener);
        return error_wrap(error, "listen on %s", address);
    }
    *made = listener;
    return STATUS_OK;
}

/* Removes a socket that nobody listens on. Whoever has the lock of data_dir is alone to do so.
 */
static enum status clear_path(const struct socket_address *address,
                              const char *path,
                              struct error *error)
{
    struct stat facts;
    int probe = -1;
    int code = 0;

    if (lstat(path, &facts) != 0) {
        return errno == ENOENT ? STATUS_OK : error_set_errno(error, "look at the path");
    }
    if (!S_ISSOCK(facts.st_mode)) {
        return error_set(error, STATUS_INVALID, "there is a file that is no socket");
    }
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0) {
        return error_set_errno(error, "make a socket");
    }
    if (connect(probe, (const struct sockaddr *)&address->storage, address->size) != 0) {
        code = errno;
    }
    (void)close(probe);
    if (code != ECONNREFUSED) {
        return error_set(error, STATUS_INVALID, "another process listens there");
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        return error_set_errno(error, "remove the dead socket");
    }
    return STATUS_OK;
}

static enum status open_unix(struct listener *listener,
                             const char *path,
                             unsigned mode,
                             struct error *error)
{
    struct socket_address address;

    if (socket_address_of_path(&address, path, error) != STATUS_OK ||
        clear_path(&address, path, error) != STATUS_OK) {
        return error->status;
    }
    listener->descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* The mode of the socket, less the umask, is the file's: at no moment is it open to more.
     */
    if (listener->descriptor < 0 || fchmod(listener->descriptor, (mode_t)mode) != 0 ||
        bind(listener->descriptor, (const struct sockaddr *)&address.storage, address.size) !=
            0) {
        return error_set_errno(error, "bind");
    }
    listener->path = mem_text(path);
    if (chmod(path, (mode_t)mode) != 0 || lstat(path, &listener->file) != 0 ||
        listen(listener->descriptor, BACKLOG) != 0) {
        return error_set_errno(error, "listen");
    }
    return STATUS_OK;
}

enum status listener_open_unix(struct listener **made,
                               struct loop *loop,
                               const char *path,
                               unsigned mode,
                               struct error *error)
{
    struct listener *listener = new_listener(loop, path);

    if (open_unix(listener, path, mode, error) != STATUS_OK) {
        listener_free(listener);
        return error_wrap(error, "listen on %s", path);
    }
    *made = listener;
    return STATUS_OK;
}

static void on_readable(void *context);

static void watch(struct listener *listener)
{
    if (listener->watch == NULL) {
        listener->watch =
            loop_watch_readable(listener->loop, listener->descriptor, on_readable, listener);
    }
}

static void unwatch(struct listener *listener)
{
    loop_watch_free(listener->watch);
    listener->watch = NULL;
}

static void on_pause_end(void *context)
{
    watch(context);
}

/* The connection that cannot be accepted stays readable: without a pause the loop would spin.
 */
static void pause_accepting(struct listener *listener, int code)
{
    char reason[128];

    log_warning("listener %s: cannot accept: %s; tries again", listener->name,
                strerror_r(code, reason, sizeof(reason)));
    unwatch(listener);
    loop_timer_set(listener->pause, PAUSE_USEC);
}

static bool is_out_of_something(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

static void on_readable(void *context)
{
    struct listener *listener = context;

    /* fn may stop the listener, which ends the loop; freeing it there is not allowed. */
    for (int accepted = 0; accepted < ACCEPTS_PER_TURN && listener->watch != NULL; accepted++) {
        struct socket_address peer = {.size = sizeof(peer.storage)};
        struct socket_name name;
        int descriptor = accept4(listener->descriptor, (struct sockaddr *)&peer.storage,
                                 &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (descriptor >= 0) {
            name = socket_address_name(&peer);
            listener->fn(listener->context, descriptor, name.text);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        }
        if (is_out_of_something(errno)) {
            pause_accepting(listener, errno);
            return;
        }
        /* Else it was this one connection, which is gone: ECONNABORTED and its like. */
    }
}

void listener_start(struct listener *listener, listener_fn fn, void *context)
{
    listener->fn = fn;
    listener->context = context;
    if (listener->pause == NULL) {
        listener->pause = loop_timer_new(listener->loop, on_pause_end, listener);
    }
    watch(listener);
}

void listener_stop(struct listener *listener)
{
    unwatch(listener);
    if (listener->pause != NULL) {
        loop_timer_clear(listener->pause);
    }
}

void listener_free(struct listener *listener)
{
    struct stat now;

    if (listener == NULL) {
        return;
    }
    unwatch(listener);
    loop_timer_free(listener->pause);
    if (listener->descriptor >= 0) {
        (void)close(listener->descriptor);
    }
    /* Another process may have put its own there since. */
    if (listener->path != NULL && lstat(listener->path, &now) == 0 &&
        now.st_ino == listener->file.st_ino && now.st_dev == listener->file.st_dev) {
        (void)unlink(listener->path);
    }
    free(listener->path);
    free(listener->name);
    free(listener);
}

uint16_t listener_port(const struct listener *listener)
{
    return listener->port;
}
