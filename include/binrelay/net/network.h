/* SPDX-License-Identifier: Apache-2.0 */
/* A range of IP addresses, as lists of trusted peers name it: "10.0.0.0/8", "2001:db8::/32". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/error.h"

/* IPv4 lies in IPv6 at ::ffff:0:0/96, so that an address is the same however it came. */
struct network {
    uint8_t address[16];  /* bits behind the prefix are zero */
    unsigned prefix_bits; /* of 128 */
};

/* Without "/bits" it is that one address. STATUS_INVALID: not a network, or bits are set behind
 * the prefix, which is more often a slip than a wish. */
MUST_CHECK enum status network_parse(struct network *made,
                                     const char *text,
                                     struct error *error);

/* `address` is "10.0.0.7", "2001:db8::1", or either with a port as in a connection's name:
 * "10.0.0.7:51200", "[2001:db8::1]:51200". False for what is no address ("unix"). */
bool network_contains(const struct network *network, const char *address);
