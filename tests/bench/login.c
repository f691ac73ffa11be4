/* SPDX-License-Identifier: Apache-2.0 */
#include "login.h"

#include <openssl/evp.h>
#include <string.h>

/* "Protocol::HandshakeV10" and "HandshakeResponse41" of MySQL's source documentation. */
enum {
    SCRAMBLE_BYTES = 20,
    SCRAMBLE_FIRST_BYTES = 8,
    GREETING_AFTER_FIRST_SCRAMBLE = 1 + 2 + 1 + 2 + 2 + 1 + 10,
    CLIENT_LONG_PASSWORD = 0x1,
    CLIENT_PROTOCOL_41 = 0x200,
    CLIENT_SECURE_CONNECTION = 0x8000,
    CLIENT_PLUGIN_AUTH = 0x80000,
    CHARSET_UTF8MB4 = 45,
    REPLY_OK = 0x00,
    REPLY_MORE = 0x01,
    REPLY_SWITCH = 0xfe,
    SHA2_FAST_OK = 3,
};

struct challenge {
    char plugin[64];
    uint8_t scramble[SCRAMBLE_BYTES];
};

static void digest_two(const EVP_MD *kind,
                       const uint8_t *one,
                       size_t one_size,
                       const uint8_t *two,
                       size_t two_size,
                       uint8_t *digest)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();

    if (hash == NULL || EVP_DigestInit_ex(hash, kind, NULL) != 1 ||
        EVP_DigestUpdate(hash, one, one_size) != 1 ||
        (two != NULL && EVP_DigestUpdate(hash, two, two_size) != 1) ||
        EVP_DigestFinal_ex(hash, digest, NULL) != 1) {
        give_up("a digest failed");
    }
    EVP_MD_CTX_free(hash);
}

/* Both plugins: H(password) xor H of the scramble and H(H(password)), in this or that order. */
static size_t answer(const struct challenge *challenge, const char *password, uint8_t *out)
{
    uint8_t first[EVP_MAX_MD_SIZE];
    uint8_t second[EVP_MAX_MD_SIZE];
    uint8_t mixed[EVP_MAX_MD_SIZE];
    int native = strcmp(challenge->plugin, "mysql_native_password") == 0;
    const EVP_MD *kind = native ? EVP_sha1() : EVP_sha256();
    size_t size = (size_t)EVP_MD_get_size(kind);

    if (password[0] == '\0') {
        return 0;
    }
    digest_two(kind, (const uint8_t *)password, strlen(password), NULL, 0, first);
    digest_two(kind, first, size, NULL, 0, second);
    if (native) {
        digest_two(kind, challenge->scramble, SCRAMBLE_BYTES, second, size, mixed);
    } else {
        digest_two(kind, second, size, challenge->scramble, SCRAMBLE_BYTES, mixed);
    }
    for (size_t i = 0; i < size; i++) {
        out[i] = first[i] ^ mixed[i];
    }
    return size;
}

static void read_greeting(const struct packet *greeting, struct challenge *challenge)
{
    const uint8_t *end = greeting->bytes + greeting->size;
    const uint8_t *version_end = memchr(greeting->bytes + 1, 0, greeting->size - 1);
    const uint8_t *next = version_end + 1 + 4;
    size_t rest = SCRAMBLE_BYTES - SCRAMBLE_FIRST_BYTES;

    if (version_end == NULL ||
        next + SCRAMBLE_FIRST_BYTES + GREETING_AFTER_FIRST_SCRAMBLE + rest + 1 > end) {
        give_up("a greeting of %zu bytes", greeting->size);
    }
    memcpy(challenge->scramble, next, SCRAMBLE_FIRST_BYTES);
    next += SCRAMBLE_FIRST_BYTES + GREETING_AFTER_FIRST_SCRAMBLE;
    memcpy(challenge->scramble + SCRAMBLE_FIRST_BYTES, next, rest);
    next += rest + 1;
    (void)snprintf(challenge->plugin, sizeof(challenge->plugin), "%.*s", (int)(end - next),
                   (const char *)next);
}

static void send_response(struct wire *wire,
                          const struct challenge *challenge,
                          const char *user,
                          const char *password)
{
    struct packet response = {.size = 0};
    uint8_t proof[EVP_MAX_MD_SIZE];
    uint8_t filler[23] = {0};
    size_t size = answer(challenge, password, proof);

    packet_add_number(&response,
                      CLIENT_LONG_PASSWORD | CLIENT_PROTOCOL_41 | CLIENT_SECURE_CONNECTION |
                          CLIENT_PLUGIN_AUTH,
                      4);
    packet_add_number(&response, 1 << 24, 4);
    packet_add_number(&response, CHARSET_UTF8MB4, 1);
    packet_add(&response, filler, sizeof(filler));
    packet_add(&response, user, strlen(user) + 1);
    packet_add_number(&response, size, 1);
    packet_add(&response, proof, size);
    packet_add(&response, challenge->plugin, strlen(challenge->plugin) + 1);
    wire_send(wire, &response);
}

static void follow_switch(struct wire *wire,
                          const struct packet *request,
                          struct challenge *challenge,
                          const char *password)
{
    const char *plugin = (const char *)request->bytes + 1;
    size_t size = strnlen(plugin, request->size - 1);
    struct packet proof = {.size = 0};

    if (1 + size + 1 + SCRAMBLE_BYTES > request->size) {
        give_up("an auth switch of %zu bytes", request->size);
    }
    (void)snprintf(challenge->plugin, sizeof(challenge->plugin), "%s", plugin);
    memcpy(challenge->scramble, plugin + size + 1, SCRAMBLE_BYTES);
    proof.size = answer(challenge, password, proof.bytes);
    wire_send(wire, &proof);
}

void login(struct wire *wire, const char *user, const char *password)
{
    struct challenge challenge = {.plugin = ""};
    struct packet packet;

    wire_receive(wire, &packet);
    packet_refuse_error(&packet, "connect");
    read_greeting(&packet, &challenge);
    send_response(wire, &challenge, user, password);
    for (;;) {
        wire_receive(wire, &packet);
        packet_refuse_error(&packet, "login");
        if (packet.size > 0 && packet.bytes[0] == REPLY_OK) {
            return;
        }
        if (packet.size > 1 && packet.bytes[0] == REPLY_SWITCH) {
            follow_switch(wire, &packet, &challenge, password);
        } else if (packet.size != 2 || packet.bytes[0] != REPLY_MORE ||
                   packet.bytes[1] != SHA2_FAST_OK) {
            give_up("the server wants a full login: let %s log in over TLS once before", user);
        }
    }
}
