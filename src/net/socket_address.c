/* SPDX-License-Identifier: Apache-2.0 */
#include "socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

/* A silent peer is asked after a minute, and given up a minute later. */
enum { KEEPALIVE_IDLE_SEC = 60, KEEPALIVE_PERIOD_SEC = 10, KEEPALIVE_PROBES = 6 };

static struct socket_name ipv6_name(const struct sockaddr_in6 *address)
{
    struct socket_name name = {""};
    char host[INET6_ADDRSTRLEN] = "?";
    bool is_mapped = IN6_IS_ADDR_V4MAPPED(&address->sin6_addr);
    unsigned port = ntohs(address->sin6_port);

    if (is_mapped) {
        (void)inet_ntop(AF_INET, &address->sin6_addr.s6_addr[12], host, sizeof(host));
        (void)snprintf(name.text, sizeof(name.text), "%s:%u", host, port);
        return name;
    }
    (void)inet_ntop(AF_INET6, &address->sin6_addr, host, sizeof(host));
    if (address->sin6_scope_id != 0) {
        (void)snprintf(name.text, sizeof(name.text), "[%s%%%u]:%u", host,
                       (unsigned)address->sin6_scope_id, port);
        return name;
    }
    (void)snprintf(name.text, sizeof(name.text), "[%s]:%u", host, port);
    return name;
}

struct socket_name socket_address_name(const struct socket_address *address)
{
    struct socket_name name = {"unix"};
    char host[INET_ADDRSTRLEN] = "?";

    if (address->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 ipv6;

        memcpy(&ipv6, &address->storage, sizeof(ipv6));
        return ipv6_name(&ipv6);
    }
    if (address->storage.ss_family == AF_INET) {
        struct sockaddr_in ipv4;

        memcpy(&ipv4, &address->storage, sizeof(ipv4));
        (void)inet_ntop(AF_INET, &ipv4.sin_addr, host, sizeof(host));
        (void)snprintf(name.text, sizeof(name.text), "%s:%u", host,
                       (unsigned)ntohs(ipv4.sin_port));
    }
    return name;
}

uint16_t socket_address_port(const struct socket_address *address)
{
    if (address->storage.ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    }
    if (address->storage.ss_family == AF_INET) {
        return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
    }
    return 0;
}

enum status socket_address_of_path(struct socket_address *made,
                                   const char *path,
                                   struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path)) {
        return error_set(error, STATUS_INVALID,
                         "the path of a UNIX socket has 1 to %zu characters: '%s'",
                         sizeof(address.sun_path) - 1, path);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    memset(made, 0, sizeof(*made));
    memcpy(&made->storage, &address, sizeof(address));
    made->size = sizeof(address);
    return STATUS_OK;
}

static void set_option(int descriptor, int level, int option, int value)
{
    /* Refused where it is not TCP, which is fine; else the connection only works less well. */
    (void)setsockopt(descriptor, level, option, &value, sizeof(value));
}

void socket_prepare_stream(int descriptor)
{
    set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_SEC);
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_PERIOD_SEC);
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}
