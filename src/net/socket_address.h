/* SPDX-License-Identifier: Apache-2.0 */
/* A socket's address and how it is written: "10.0.0.7:51200", "[2001:db8::1]:3306". */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "binrelay/base/error.h"

struct socket_address {
    struct sockaddr_storage storage;
    socklen_t size;
};

struct socket_name {
    char text[128];
};

/* An IPv4 address in IPv6's clothes (::ffff:10.0.0.7) is written as the IPv4 address. */
struct socket_name socket_address_name(const struct socket_address *address);

uint16_t socket_address_port(const struct socket_address *address);

/* Of a UNIX socket. */
MUST_CHECK enum status socket_address_of_path(struct socket_address *made,
                                              const char *path,
                                              struct error *error);

/* Small packets go out at once, and a dead peer is found within some minutes. Does nothing to
 * a UNIX socket. */
void socket_prepare_stream(int descriptor);
