/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets on a blocking socket, for the few that come before a stream. Any failure ends the
 * program: a bench that goes on after a fault measures nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { PACKET_HEADER_BYTES = 4, PACKET_MAX_BYTES = 64 * 1024 };

/* One payload, as it came or as it will go. */
struct packet {
    uint8_t bytes[PACKET_MAX_BYTES];
    size_t size;
};

struct wire {
    int socket;       /* owned */
    uint8_t sequence; /* of the next packet */
};

/* Prints "discard_replica: …" and exits with 1. */
_Noreturn void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));

void wire_connect(struct wire *wire, const char *host, const char *port);
void wire_receive(struct wire *wire, struct packet *packet);
void wire_send(struct wire *wire, const struct packet *packet);

/* Sends a command as the first packet of a new exchange. */
void wire_command(struct wire *wire, const struct packet *packet);

void packet_add(struct packet *packet, const void *bytes, size_t size);
void packet_add_number(struct packet *packet, uint64_t number, size_t size);

/* Gives up with the server's own words if this is an error packet. */
void packet_refuse_error(const struct packet *packet, const char *doing);
