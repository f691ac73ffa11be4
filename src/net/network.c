/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/net/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { ADDRESS_BITS = 128, MAPPED_BITS = 96 };

static const uint8_t mapped[MAPPED_BITS / 8] = {[10] = 0xff, [11] = 0xff};

static bool parse_address(uint8_t address[16], const char *text, bool *is_ipv4)
{
    if (inet_pton(AF_INET, text, address + sizeof(mapped)) == 1) {
        memcpy(address, mapped, sizeof(mapped));
        *is_ipv4 = true;
        return true;
    }
    *is_ipv4 = false;
    return inet_pton(AF_INET6, text, address) == 1;
}

/* Only digits, at most three: no sign, space or overflow. */
static bool parse_bits(const char *text, unsigned *bits)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 3 || text[digits] != '\0') {
        return false;
    }
    *bits = 0;
    for (; *text != '\0'; text++) {
        *bits = *bits * 10 + (unsigned)(*text - '0');
    }
    return true;
}

static bool bit_at(const uint8_t address[16], unsigned bit)
{
    return (address[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

static enum status check_prefix(const struct network *network,
                                const char *text,
                                struct error *error)
{
    for (unsigned bit = network->prefix_bits; bit < ADDRESS_BITS; bit++) {
        if (bit_at(network->address, bit)) {
            return error_set(error, STATUS_INVALID,
                             "network '%s': the address has bits set behind the prefix", text);
        }
    }
    return STATUS_OK;
}

enum status network_parse(struct network *made, const char *text, struct error *error)
{
    struct network parsed = {.prefix_bits = ADDRESS_BITS};
    char address[INET6_ADDRSTRLEN] = "";
    const char *slash = strchrnul(text, '/');
    size_t size = (size_t)(slash - text);
    bool is_ipv4 = false;

    if (size < sizeof(address)) {
        memcpy(address, text, size);
    }
    if (!parse_address(parsed.address, address, &is_ipv4)) {
        return error_set(error, STATUS_INVALID, "network '%.64s': not an IP address", text);
    }
    if (*slash != '\0') {
        unsigned limit = is_ipv4 ? ADDRESS_BITS - MAPPED_BITS : ADDRESS_BITS;
        unsigned bits = 0;

        if (!parse_bits(slash + 1, &bits) || bits > limit) {
            return error_set(error, STATUS_INVALID,
                             "network '%.64s': the prefix is a number from 0 to %u", text,
                             limit);
        }
        parsed.prefix_bits = is_ipv4 ? bits + MAPPED_BITS : bits;
    }
    if (check_prefix(&parsed, text, error) != STATUS_OK) {
        return error->status;
    }
    *made = parsed;
    return STATUS_OK;
}

/* Cuts the port, the brackets and the scope off. */
static bool bare_address(char bare[INET6_ADDRSTRLEN], const char *text)
{
    const char *colon = strchr(text, ':');
    size_t size = strlen(text);

    if (text[0] == '[') {
        text++;
        size = strcspn(text, "]");
    } else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        size = (size_t)(colon - text); /* with two colons it is IPv6 without a port */
    }
    if (memchr(text, '%', size) != NULL) {
        size = strcspn(text, "%");
    }
    if (size >= INET6_ADDRSTRLEN) {
        return false;
    }
    memcpy(bare, text, size);
    bare[size] = '\0';
    return true;
}

bool network_contains(const struct network *network, const char *address)
{
    char bare[INET6_ADDRSTRLEN];
    uint8_t parsed[16];
    unsigned whole = network->prefix_bits / 8;
    bool is_ipv4 = false;

    if (!bare_address(bare, address) || !parse_address(parsed, bare, &is_ipv4) ||
        memcmp(parsed, network->address, whole) != 0) {
        return false;
    }
    for (unsigned bit = whole * 8; bit < network->prefix_bits; bit++) {
        if (bit_at(parsed, bit) != bit_at(network->address, bit)) {
            return false;
        }
    }
    return true;
}
