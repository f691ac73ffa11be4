/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PROXY protocol, versions 1 and 2: what a proxy in front of us says about
 * the client, before the client's own first bytes.
 *
 * After haproxy's doc/proxy-protocol.txt (2020/03/05). Pure: bytes in, a struct
 * out. Whether a peer may send a header at all is the caller's to decide. A
 * MySQL client's first packet never looks like one: its fourth byte is the
 * packet number 1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"

/* Version 1 has at most 107 bytes. Version 2 may say up to 64 KiB, most of it in extensions
 * that we do not use: what is longer than this is refused. */
enum { PROXY_HEADER_BYTES_MAX = 4096 };

struct proxy_header {
    size_t size; /* bytes to consume */

    /* The proxy speaks for itself (health check), or does not know the client: the
     * connection keeps its own name. `source` is empty. */
    bool is_local;
    char source[64]; /* "10.0.0.7:51200", "[2001:db8::1]:51200" */
};

/*
 * Looks for a header at the very beginning of the input. STATUS_AGAIN: it may
 * become one with more bytes. STATUS_NOT_FOUND: these are the client's own
 * bytes. STATUS_INVALID: it begins as a header and is none: close. Only the
 * last one fills error.
 */
MUST_CHECK enum status proxy_header_find(struct bytes input,
                                         struct proxy_header *found,
                                         struct error *error);
