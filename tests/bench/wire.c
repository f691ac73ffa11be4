/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ERROR_PACKET = 0xff, ERROR_TEXT_OFFSET = 9 };

void give_up(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)fputs("discard_replica: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void wire_connect(struct wire *wire, const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int yes = 1;

    if (getaddrinfo(host, port, &hints, &found) != 0) {
        give_up("no address for %s:%s", host, port);
    }
    wire->socket = socket(found->ai_family, SOCK_STREAM, 0);
    if (wire->socket < 0 || connect(wire->socket, found->ai_addr, found->ai_addrlen) != 0) {
        give_up("connect to %s:%s: %s", host, port, strerror(errno));
    }
    freeaddrinfo(found);
    (void)setsockopt(wire->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    wire->sequence = 0;
}

static void receive_exactly(const struct wire *wire, uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t got = recv(wire->socket, bytes, size, 0);

        if (got <= 0) {
            give_up("the server closed the connection");
        }
        bytes += got;
        size -= (size_t)got;
    }
}

void wire_receive(struct wire *wire, struct packet *packet)
{
    uint8_t header[PACKET_HEADER_BYTES];

    receive_exactly(wire, header, sizeof(header));
    packet->size = header[0] | (size_t)header[1] << 8 | (size_t)header[2] << 16;
    if (packet->size > sizeof(packet->bytes)) {
        give_up("a packet of %zu bytes before the stream", packet->size);
    }
    receive_exactly(wire, packet->bytes, packet->size);
    wire->sequence = (uint8_t)(header[3] + 1);
}

void wire_send(struct wire *wire, const struct packet *packet)
{
    uint8_t out[PACKET_HEADER_BYTES + PACKET_MAX_BYTES] = {
        (uint8_t)packet->size, (uint8_t)(packet->size >> 8), (uint8_t)(packet->size >> 16),
        wire->sequence++};
    size_t size = PACKET_HEADER_BYTES + packet->size;
    size_t sent = 0;

    memcpy(out + PACKET_HEADER_BYTES, packet->bytes, packet->size);
    while (sent < size) {
        ssize_t count = send(wire->socket, out + sent, size - sent, MSG_NOSIGNAL);

        if (count < 0) {
            give_up("send: %s", strerror(errno));
        }
        sent += (size_t)count;
    }
}

void wire_command(struct wire *wire, const struct packet *packet)
{
    wire->sequence = 0;
    wire_send(wire, packet);
}

void packet_add(struct packet *packet, const void *bytes, size_t size)
{
    if (size > sizeof(packet->bytes) - packet->size) {
        give_up("a packet that does not fit");
    }
    memcpy(packet->bytes + packet->size, bytes, size);
    packet->size += size;
}

void packet_add_number(struct packet *packet, uint64_t number, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(number >> (8 * i));
    }
    packet_add(packet, bytes, size);
}

void packet_refuse_error(const struct packet *packet, const char *doing)
{
    if (packet->size > ERROR_TEXT_OFFSET && packet->bytes[0] == ERROR_PACKET) {
        give_up("%s: error %u: %.*s", doing, packet->bytes[1] | packet->bytes[2] << 8,
                (int)(packet->size - ERROR_TEXT_OFFSET), packet->bytes + ERROR_TEXT_OFFSET);
    }
}
