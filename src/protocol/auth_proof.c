/* SPDX-License-Identifier: Apache-2.0 */
#include "auth_proof.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { SECRETS = 2 };

size_t auth_digest(uint8_t digest[AUTH_DIGEST_MOST_BYTES],
                   enum auth_plugin plugin,
                   struct bytes bytes)
{
    const EVP_MD *function = plugin == AUTH_NATIVE ? EVP_sha1() : EVP_sha256();
    unsigned size = 0;

    assert(plugin != AUTH_UNKNOWN);
    if (EVP_Digest(bytes.data, bytes.size, digest, &size, function, NULL) != 1) {
        abort(); /* as without memory */
    }
    return size;
}

/*
 *   mysql_native_password   SHA1(password) XOR SHA1(challenge, SHA1(SHA1(password)))
 *   caching_sha2_password   SHA256(password) XOR SHA256(SHA256(SHA256(password)), challenge)
 */
size_t auth_proof_make(uint8_t proof[AUTH_DIGEST_MOST_BYTES],
                       enum auth_plugin plugin,
                       const char *password,
                       const uint8_t challenge[AUTH_CHALLENGE_BYTES])
{
    uint8_t once[AUTH_DIGEST_MOST_BYTES];
    uint8_t twice[AUTH_DIGEST_MOST_BYTES];
    uint8_t mixed[AUTH_CHALLENGE_BYTES + AUTH_DIGEST_MOST_BYTES];
    size_t size = auth_digest(once, plugin, bytes_of_text(password));

    (void)auth_digest(twice, plugin, (struct bytes){once, size});
    if (plugin == AUTH_NATIVE) {
        memcpy(mixed, challenge, AUTH_CHALLENGE_BYTES);
        memcpy(mixed + AUTH_CHALLENGE_BYTES, twice, size);
    } else {
        memcpy(mixed, twice, size);
        memcpy(mixed + size, challenge, AUTH_CHALLENGE_BYTES);
    }
    (void)auth_digest(proof, plugin, (struct bytes){mixed, AUTH_CHALLENGE_BYTES + size});
    for (size_t at = 0; at < size; at++) {
        proof[at] ^= once[at];
    }
    OPENSSL_cleanse(once, sizeof(once));
    OPENSSL_cleanse(twice, sizeof(twice));
    OPENSSL_cleanse(mixed, sizeof(mixed));
    return size;
}

/* The password to compare with; *is_there is 0 if it only takes the time. */
static const char *secret_at(const struct auth_server *server, size_t at, unsigned *is_there)
{
    const char *password = server->secrets == NULL ? NULL : server->secrets->passwords[at];

    *is_there = password != NULL;
    return password == NULL ? "no such password" : password;
}

unsigned auth_proof_matches(const struct auth_server *server, struct bytes proof)
{
    uint8_t expected[AUTH_DIGEST_MOST_BYTES];
    unsigned matches = 0;

    for (size_t at = 0; at < SECRETS; at++) {
        unsigned is_there = 0;
        const char *password = secret_at(server, at, &is_there);
        size_t size = auth_proof_make(expected, server->plugin, password, server->challenge);

        /* An empty password is proved by the empty proof only, which others see to. */
        is_there &= password[0] != '\0';
        if (proof.size == size && CRYPTO_memcmp(proof.data, expected, size) == 0) {
            matches |= is_there << at;
        }
    }
    OPENSSL_cleanse(expected, sizeof(expected));
    return matches;
}

/* Compares digests, so that neither content nor size of a password shows in the time. */
unsigned auth_password_matches(const struct auth_server *server, struct bytes password)
{
    uint8_t given[AUTH_DIGEST_MOST_BYTES];
    uint8_t expected[AUTH_DIGEST_MOST_BYTES];
    size_t size = auth_digest(given, AUTH_CACHING_SHA2, password);
    unsigned matches = 0;

    for (size_t at = 0; at < SECRETS; at++) {
        unsigned is_there = 0;
        const char *secret = secret_at(server, at, &is_there);

        (void)auth_digest(expected, AUTH_CACHING_SHA2, bytes_of_text(secret));
        if (CRYPTO_memcmp(given, expected, size) == 0) {
            matches |= is_there << at;
        }
    }
    OPENSSL_cleanse(given, sizeof(given));
    OPENSSL_cleanse(expected, sizeof(expected));
    return matches;
}
