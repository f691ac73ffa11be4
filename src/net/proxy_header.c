/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/net/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "socket_address.h"

enum {
    V1_BYTES_MAX = 107, /* with CR LF */
    V2_FIXED_BYTES = 16,
    V2_VERSION = 0x20, /* high half of byte 12; the low half is the command */
    V2_COMMAND_LOCAL = 0,
    V2_COMMAND_PROXY = 1,
    V2_STREAM = 1, /* low half of byte 13; the high half is the family */
    V2_FAMILY_IPV4 = 1,
    V2_FAMILY_IPV6 = 2,
    V2_IPV4_BYTES = 12,
    V2_IPV6_BYTES = 36,
};

static const char v1_signature[] = "PROXY ";
static const uint8_t v2_signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                         0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

static bool begins_with(struct bytes input, const void *signature, size_t size)
{
    return memcmp(input.data, signature, input.size < size ? input.size : size) == 0;
}

static void set_source(struct proxy_header *header, const struct socket_address *source)
{
    struct socket_name name = socket_address_name(source);

    (void)snprintf(header->source, sizeof(header->source), "%.63s", name.text);
}

static void set_source_ipv4(struct proxy_header *header, struct in_addr host, uint16_t port)
{
    struct socket_address source = {.size = sizeof(struct sockaddr_in)};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = host, .sin_port = port};

    memcpy(&source.storage, &address, sizeof(address));
    set_source(header, &source);
}

static void set_source_ipv6(struct proxy_header *header, struct in6_addr host, uint16_t port)
{
    struct socket_address source = {.size = sizeof(struct sockaddr_in6)};
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_addr = host, .sin6_port = port};

    memcpy(&source.storage, &address, sizeof(address));
    set_source(header, &source);
}

/* A number from 0 to 65535 without leading zeros. */
static bool parse_port(const char *text, uint16_t *port)
{
    size_t digits = strspn(text, "0123456789");
    unsigned number = 0;

    if (digits == 0 || digits > 5 || text[digits] != '\0' || (digits > 1 && text[0] == '0')) {
        return false;
    }
    for (; *text != '\0'; text++) {
        number = number * 10 + (unsigned)(*text - '0');
    }
    *port = htons((uint16_t)number);
    return number <= UINT16_MAX;
}

/* "TCP4 10.0.0.7 10.0.0.1 51200 3306": the words between "PROXY " and CR LF. */
static bool parse_v1_words(char *line, struct proxy_header *header)
{
    char *words[5] = {NULL};
    struct in_addr ipv4[2];
    struct in6_addr ipv6[2];
    uint16_t ports[2];

    for (int at = 0; at < 5; at++) {
        words[at] = strsep(&line, " ");
        if (words[at] == NULL) {
            return false;
        }
    }
    if (line != NULL || !parse_port(words[3], &ports[0]) || !parse_port(words[4], &ports[1])) {
        return false;
    }
    if (strcmp(words[0], "TCP4") == 0 && inet_pton(AF_INET, words[1], &ipv4[0]) == 1 &&
        inet_pton(AF_INET, words[2], &ipv4[1]) == 1) {
        set_source_ipv4(header, ipv4[0], ports[0]);
        return true;
    }
    if (strcmp(words[0], "TCP6") == 0 && inet_pton(AF_INET6, words[1], &ipv6[0]) == 1 &&
        inet_pton(AF_INET6, words[2], &ipv6[1]) == 1) {
        set_source_ipv6(header, ipv6[0], ports[0]);
        return true;
    }
    return false;
}

static enum status find_v1(struct bytes input, struct proxy_header *found, struct error *error)
{
    struct proxy_header header = {0};
    size_t limit = input.size < V1_BYTES_MAX ? input.size : V1_BYTES_MAX;
    const uint8_t *end = memmem(input.data, limit, "\r\n", 2);
    char line[V1_BYTES_MAX + 1] = "";
    size_t size = 0;

    if (end == NULL) {
        return limit < V1_BYTES_MAX
                   ? STATUS_AGAIN
                   : error_set(error, STATUS_INVALID,
                               "PROXY header: no end of line in %d bytes", V1_BYTES_MAX);
    }
    size = (size_t)(end - input.data);
    header.size = size + 2;
    size -= sizeof(v1_signature) - 1;
    memcpy(line, input.data + sizeof(v1_signature) - 1, size);
    if (strncmp(line, "UNKNOWN", 7) == 0 && (line[7] == '\0' || line[7] == ' ')) {
        header.is_local = true; /* what follows the word is to be ignored */
    } else if (memchr(line, '\0', size) != NULL || !parse_v1_words(line, &header)) {
        return error_set(error, STATUS_INVALID, "PROXY header: not as version 1 has it");
    }
    *found = header;
    return STATUS_OK;
}

/* The extensions are not used; that they fill the header exactly shows that it is sound. */
static bool are_extensions_whole(struct byte_reader reader)
{
    while (reader.left > 0) {
        byte_reader_skip(&reader, 1);
        byte_reader_skip(&reader, byte_reader_big_endian(&reader, 2));
        if (reader.overran) {
            return false;
        }
    }
    return true;
}

/* What the address block says, for a proxied stream. */
static bool decode_v2(unsigned family, struct byte_reader *reader, struct proxy_header *header)
{
    struct in_addr ipv4;
    struct in6_addr ipv6;
    struct bytes block =
        byte_reader_take(reader, family == V2_FAMILY_IPV4 ? V2_IPV4_BYTES : V2_IPV6_BYTES);
    uint16_t port = 0; /* stays in network order */

    if (reader->overran) {
        return false;
    }
    if (family == V2_FAMILY_IPV4) {
        memcpy(&ipv4, block.data, sizeof(ipv4));
        memcpy(&port, block.data + 8, sizeof(port));
        set_source_ipv4(header, ipv4, port);
        return true;
    }
    memcpy(&ipv6, block.data, sizeof(ipv6));
    memcpy(&port, block.data + 32, sizeof(port));
    set_source_ipv6(header, ipv6, port);
    return true;
}

static enum status find_v2(struct bytes input, struct proxy_header *found, struct error *error)
{
    struct byte_reader reader = byte_reader_of(input);
    struct proxy_header header = {0};
    unsigned command = 0;
    unsigned protocol = 0;
    bool is_ip = false;

    byte_reader_skip(&reader, sizeof(v2_signature));
    command = (unsigned)byte_reader_number(&reader, 1);
    protocol = (unsigned)byte_reader_number(&reader, 1);
    header.size = V2_FIXED_BYTES + (size_t)byte_reader_big_endian(&reader, 2);
    if (reader.overran) {
        return STATUS_AGAIN;
    }
    if (command != (V2_VERSION | V2_COMMAND_LOCAL) &&
        command != (V2_VERSION | V2_COMMAND_PROXY)) {
        return error_set(error, STATUS_INVALID, "PROXY header: version and command 0x%02x",
                         command);
    }
    if (header.size > PROXY_HEADER_BYTES_MAX) {
        return error_set(error, STATUS_INVALID, "PROXY header: %zu bytes, the limit is %d",
                         header.size, PROXY_HEADER_BYTES_MAX);
    }
    if (input.size < header.size) {
        return STATUS_AGAIN;
    }
    reader.left = header.size - V2_FIXED_BYTES;
    is_ip = (protocol & 0x0f) == V2_STREAM &&
            (protocol >> 4 == V2_FAMILY_IPV4 || protocol >> 4 == V2_FAMILY_IPV6);
    header.is_local = command == (V2_VERSION | V2_COMMAND_LOCAL) || !is_ip;
    if (!header.is_local &&
        (!decode_v2(protocol >> 4, &reader, &header) || !are_extensions_whole(reader))) {
        return error_set(error, STATUS_INVALID, "PROXY header: it is cut short");
    }
    *found = header;
    return STATUS_OK;
}

enum status proxy_header_find(struct bytes input,
                              struct proxy_header *found,
                              struct error *error)
{
    if (input.size == 0) {
        return STATUS_AGAIN;
    }
    if (begins_with(input, v2_signature, sizeof(v2_signature))) {
        return input.size < sizeof(v2_signature) ? STATUS_AGAIN : find_v2(input, found, error);
    }
    if (begins_with(input, v1_signature, sizeof(v1_signature) - 1)) {
        return input.size < sizeof(v1_signature) - 1 ? STATUS_AGAIN
                                                     : find_v1(input, found, error);
    }
    return STATUS_NOT_FOUND;
}
