/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/auth.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "auth_proof.h"

static const char *const names[] = {
    [AUTH_CACHING_SHA2] = "caching_sha2_password",
    [AUTH_NATIVE] = "mysql_native_password",
    [AUTH_UNKNOWN] = "",
};

enum auth_plugin auth_plugin_find(struct bytes name)
{
    if (bytes_equal(name, bytes_of_text(names[AUTH_CACHING_SHA2]))) {
        return AUTH_CACHING_SHA2;
    }
    if (bytes_equal(name, bytes_of_text(names[AUTH_NATIVE]))) {
        return AUTH_NATIVE;
    }
    return AUTH_UNKNOWN;
}

const char *auth_plugin_name(enum auth_plugin plugin)
{
    return names[plugin];
}

/* Servers send seven-bit characters: clients have treated the challenge as text. */
static bool may_stand_in_a_challenge(uint8_t byte)
{
    return byte != 0 && byte != '$' && byte < 0x80;
}

void auth_challenge_make(uint8_t challenge[AUTH_CHALLENGE_BYTES])
{
    uint8_t random[2 * AUTH_CHALLENGE_BYTES];
    size_t made = 0;

    while (made < AUTH_CHALLENGE_BYTES) {
        if (RAND_bytes(random, sizeof(random)) != 1) {
            abort(); /* a challenge that can be guessed would let anyone in */
        }
        for (size_t at = 0; at < sizeof(random) && made < AUTH_CHALLENGE_BYTES; at++) {
            random[at] &= 0x7F;
            if (may_stand_in_a_challenge(random[at])) {
                challenge[made++] = random[at];
            }
        }
    }
}

void auth_proof_add(struct buffer *output,
                    enum auth_plugin plugin,
                    const char *password,
                    const uint8_t challenge[AUTH_CHALLENGE_BYTES])
{
    uint8_t proof[AUTH_DIGEST_MOST_BYTES];

    if (plugin != AUTH_UNKNOWN && password[0] != '\0') {
        buffer_add(output, proof, auth_proof_make(proof, plugin, password, challenge));
    }
}

/*
 * Info of the OK packet (client: plugins/auth/my_auth.c of Connector/C):
 *    1  0x01
 *   64  SHA256(SHA1(SHA1(password)), challenge, fingerprint), hexadecimal, upper case
 */
void auth_certificate_proof_add(struct buffer *output,
                                const struct auth_server *server,
                                struct bytes client_proof,
                                struct bytes fingerprint)
{
    unsigned matches = auth_proof_matches(server, client_proof);
    const char *password = NULL;
    uint8_t digest[AUTH_DIGEST_MOST_BYTES];
    struct buffer hashed = {0};
    size_t size = 0;

    if (server->plugin != AUTH_NATIVE || matches == 0) {
        return;
    }
    password = server->secrets->passwords[matches & 1 ? 0 : 1];
    size = auth_digest(digest, AUTH_NATIVE, bytes_of_text(password));
    size = auth_digest(digest, AUTH_NATIVE, (struct bytes){digest, size});
    buffer_add(&hashed, digest, size);
    buffer_add(&hashed, server->challenge, AUTH_CHALLENGE_BYTES);
    buffer_add_bytes(&hashed, fingerprint);
    size = auth_digest(digest, AUTH_CACHING_SHA2, buffer_bytes(&hashed));
    buffer_add_number(output, 0x01, 1);
    for (size_t at = 0; at < size; at++) {
        buffer_add_format(output, "%02X", digest[at]);
    }
    OPENSSL_cleanse(hashed.data, hashed.size);
    buffer_release(&hashed);
}
