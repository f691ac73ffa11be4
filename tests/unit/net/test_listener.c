/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"
#include "temp_dir.h"

/* Takes what is accepted, and stops the loop when it has as many as it wants. */
struct host {
    struct loop *loop;
    int wanted;
    int accepted;
    char last_name[128];
};

static void on_accepted(void *context, int descriptor, const char *name)
{
    struct host *host = context;

    (void)snprintf(host->last_name, sizeof(host->last_name), "%s", name);
    CHECK((fcntl(descriptor, F_GETFL) & O_NONBLOCK) != 0);
    CHECK((fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
    (void)close(descriptor);
    if (++host->accepted == host->wanted) {
        loop_stop(host->loop);
    }
}

static struct host new_host(int wanted)
{
    struct host host = {.wanted = wanted};
    struct error error;

    CHECK_OK(loop_new(&host.loop, &error), &error);
    return host;
}

static int connect_to_port(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(descriptor >= 0);
    CHECK(connect(descriptor, (struct sockaddr *)&address, sizeof(address)) == 0);
    return descriptor;
}

static void accepts_with_the_peers_name(void)
{
    struct host host = new_host(3);
    struct listener *listener = NULL;
    struct sockaddr_in own = {.sin_family = AF_INET};
    socklen_t size = sizeof(own);
    char expected[64];
    int peers[3];
    struct error error;

    CHECK_OK(listener_open(&listener, host.loop, "127.0.0.1:0", &error), &error);
    CHECK(listener_port(listener) != 0);
    listener_start(listener, on_accepted, &host);
    for (int at = 0; at < 3; at++) {
        peers[at] = connect_to_port(listener_port(listener));
    }
    loop_run(host.loop);
    CHECK(getsockname(peers[2], (struct sockaddr *)&own, &size) == 0);
    (void)snprintf(expected, sizeof(expected), "127.0.0.1:%u", (unsigned)ntohs(own.sin_port));
    CHECK(strcmp(host.last_name, expected) == 0);
    for (int at = 0; at < 3; at++) {
        (void)close(peers[at]);
    }
    listener_free(listener);
    loop_free(host.loop);
}

static void refuses_an_address_that_is_taken_and_says_which(void)
{
    struct host host = new_host(1);
    struct listener *first = NULL;
    struct listener *second = NULL;
    struct error error;
    char address[64];

    CHECK_OK(listener_open(&first, host.loop, "127.0.0.1:0", &error), &error);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", (unsigned)listener_port(first));
    CHECK(listener_open(&second, host.loop, address, &error) == STATUS_SYSTEM);
    CHECK(error.os_code == EADDRINUSE && strstr(error.message, address) != NULL);
    listener_free(first);
    CHECK_OK(listener_open(&second, host.loop, address, &error), &error);
    listener_free(second);
    loop_free(host.loop);
}

static void refuses_what_is_no_address(void)
{
    static const char *const wrong[] = {
        "",      ":",           "127.0.0.1",       "127.0.0.1:", "::1:3306",
        "[::1]", "127.0.0.1:x", "127.0.0.1:65536", "1.2.3.4:-1", "999.1.1.1.1:1"};
    struct host host = new_host(1);

    for (size_t at = 0; at < sizeof(wrong) / sizeof(wrong[0]); at++) {
        struct listener *listener = NULL;
        struct error error;

        CHECK(listener_open(&listener, host.loop, wrong[at], &error) == STATUS_INVALID);
        CHECK(listener == NULL);
    }
    loop_free(host.loop);
}

static void listens_on_any_address(void)
{
    static const char *const any[] = {"0.0.0.0:0", "*:0", ":0", "localhost:0"};
    struct host host = new_host(1);

    for (size_t at = 0; at < sizeof(any) / sizeof(any[0]); at++) {
        struct listener *listener = NULL;
        struct error error;

        CHECK_OK(listener_open(&listener, host.loop, any[at], &error), &error);
        CHECK(listener_port(listener) != 0);
        listener_free(listener);
    }
    loop_free(host.loop);
}

static int connect_to_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);

    CHECK(descriptor >= 0 && strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path) + 1);
    CHECK(connect(descriptor, (struct sockaddr *)&address, sizeof(address)) == 0);
    return descriptor;
}

static void listens_on_a_path_with_its_mode_and_removes_it(void)
{
    struct host host = new_host(1);
    char *directory = temp_dir_make();
    char path[256];
    struct listener *listener = NULL;
    struct stat facts;
    struct error error;
    int peer = -1;

    (void)snprintf(path, sizeof(path), "%s/admin.sock", directory);
    CHECK_OK(listener_open_unix(&listener, host.loop, path, 0660, &error), &error);
    CHECK(stat(path, &facts) == 0 && S_ISSOCK(facts.st_mode));
    CHECK((facts.st_mode & 07777) == 0660);
    listener_start(listener, on_accepted, &host);
    peer = connect_to_path(path);
    loop_run(host.loop);
    CHECK(strcmp(host.last_name, "unix") == 0 && listener_port(listener) == 0);
    (void)close(peer);
    listener_free(listener);
    CHECK(stat(path, &facts) != 0 && errno == ENOENT);
    loop_free(host.loop);
    temp_dir_remove(directory);
}

static void replaces_a_dead_socket_but_not_a_live_one_or_a_file(void)
{
    struct host host = new_host(1);
    char *directory = temp_dir_make();
    char path[256];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct listener *live = NULL;
    struct listener *other = NULL;
    struct error error;
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    int file = -1;

    (void)snprintf(path, sizeof(path), "%s/s", directory);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
    CHECK(bind(dead, (struct sockaddr *)&address, sizeof(address)) == 0);
    (void)close(dead); /* as a crash leaves it */
    CHECK_OK(listener_open_unix(&live, host.loop, path, 0600, &error), &error);
    CHECK(listener_open_unix(&other, host.loop, path, 0600, &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "another process") != NULL);
    listener_free(live);

    file = open(path, O_CREAT | O_WRONLY, 0600);
    CHECK(file >= 0);
    (void)close(file);
    CHECK(listener_open_unix(&other, host.loop, path, 0600, &error) == STATUS_INVALID);
    CHECK(access(path, F_OK) == 0); /* and left it there */
    loop_free(host.loop);
    temp_dir_remove(directory);
}

static void on_full_end(void *context)
{
    struct rlimit *usual = context;

    CHECK(setrlimit(RLIMIT_NOFILE, usual) == 0);
}

static void goes_on_after_it_was_out_of_descriptors(void)
{
    struct host host = new_host(1);
    struct listener *listener = NULL;
    struct rlimit usual;
    struct rlimit none;
    struct loop_timer *relief = loop_timer_new(host.loop, on_full_end, &usual);
    struct error error;
    int peer = -1;
    uint64_t turns = 0;

    CHECK_OK(listener_open(&listener, host.loop, "127.0.0.1:0", &error), &error);
    listener_start(listener, on_accepted, &host);
    peer = connect_to_port(listener_port(listener));
    CHECK(getrlimit(RLIMIT_NOFILE, &usual) == 0);
    none = usual;
    none.rlim_cur = 1; /* below what is open: nothing new can be opened */
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    loop_timer_set(relief, 250 * 1000);
    loop_run(host.loop);
    turns = loop_turns(host.loop);
    CHECK(host.accepted == 1);
    CHECK(turns < 20); /* it waited, it did not spin */
    (void)close(peer);
    loop_timer_free(relief);
    listener_free(listener);
    loop_free(host.loop);
}

static void stop_loop(void *context)
{
    loop_stop(context);
}

static void accepts_nothing_while_it_is_stopped(void)
{
    struct host host = new_host(1);
    struct listener *listener = NULL;
    struct error error;
    int peer = -1;

    CHECK_OK(listener_open(&listener, host.loop, "127.0.0.1:0", &error), &error);
    listener_start(listener, on_accepted, &host);
    peer = connect_to_port(listener_port(listener));
    listener_stop(listener);
    loop_defer(host.loop, stop_loop, host.loop);
    loop_run(host.loop);
    CHECK(host.accepted == 0);
    listener_start(listener, on_accepted, &host);
    loop_run(host.loop);
    CHECK(host.accepted == 1);
    (void)close(peer);
    listener_free(listener);
    loop_free(host.loop);
}

int main(void)
{
    accepts_with_the_peers_name();
    refuses_an_address_that_is_taken_and_says_which();
    refuses_what_is_no_address();
    listens_on_any_address();
    listens_on_a_path_with_its_mode_and_removes_it();
    replaces_a_dead_socket_but_not_a_live_one_or_a_file();
    goes_on_after_it_was_out_of_descriptors();
    accepts_nothing_while_it_is_stopped();
    return 0;
}
