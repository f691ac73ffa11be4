/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of the two plugins: proofs of a password, and how they are compared. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/protocol/auth.h"

enum {
    AUTH_DIGEST_MOST_BYTES = 32,

    /* Packets of caching_sha2_password: first the header of AuthMoreData, then one of these. */
    AUTH_MORE_DATA = 0x01,
    AUTH_FAST_OK = 0x03,
    AUTH_FULL = 0x04,
    AUTH_KEY_REQUEST = 0x02, /* the client's, alone in its packet */
};

/* Fills the proof of a password that is not empty, and returns its size: 20 or 32 bytes. */
size_t auth_proof_make(uint8_t proof[AUTH_DIGEST_MOST_BYTES],
                       enum auth_plugin plugin,
                       const char *password,
                       const uint8_t challenge[AUTH_CHALLENGE_BYTES]);

/*
 * Which of the server's passwords it is that a client knows, as a bit for each;
 * 0 if none. Takes the same time whatever the account has, and if there is none.
 */
unsigned auth_proof_matches(const struct auth_server *server, struct bytes proof);
unsigned auth_password_matches(const struct auth_server *server, struct bytes password);

/* Digests some bytes by the plugin's function, and returns the digest's size. */
size_t auth_digest(uint8_t digest[AUTH_DIGEST_MOST_BYTES],
                   enum auth_plugin plugin,
                   struct bytes bytes);
