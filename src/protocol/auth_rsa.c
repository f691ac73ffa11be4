/* SPDX-License-Identifier: Apache-2.0 */
#include "auth_rsa.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "binrelay/base/memory.h"

enum { KEY_BITS = 2048 };

struct auth_rsa_key {
    EVP_PKEY *pair;            /* owned */
    struct buffer public_text; /* owned */
};

static bool write_public(EVP_PKEY *pair, struct buffer *text)
{
    BIO *memory = BIO_new(BIO_s_mem());
    bool is_written = memory != NULL && PEM_write_bio_PUBKEY(memory, pair) == 1;

    if (is_written) {
        char *data = NULL;
        long size = BIO_get_mem_data(memory, &data);

        buffer_add(text, data, (size_t)size);
    }
    (void)BIO_free(memory);
    return is_written;
}

struct auth_rsa_key *auth_rsa_key_new(void)
{
    struct auth_rsa_key *key = mem_zeroed(sizeof(*key));

    key->pair = EVP_RSA_gen(KEY_BITS);
    if (key->pair == NULL || !write_public(key->pair, &key->public_text)) {
        ERR_clear_error();
        auth_rsa_key_free(key);
        return NULL;
    }
    return key;
}

void auth_rsa_key_free(struct auth_rsa_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pair);
        buffer_release(&key->public_text);
        free(key);
    }
}

struct bytes auth_rsa_public_text(const struct auth_rsa_key *key)
{
    return buffer_bytes(&key->public_text);
}

void auth_rsa_wipe(struct buffer *secret)
{
    if (secret->data != NULL) {
        OPENSSL_cleanse(secret->data, secret->capacity);
    }
    buffer_release(secret);
}

static void mix(struct buffer *password, const uint8_t challenge[AUTH_CHALLENGE_BYTES])
{
    for (size_t at = 0; at < password->size; at++) {
        password->data[at] ^= challenge[at % AUTH_CHALLENGE_BYTES];
    }
}

typedef int (*begin_fn)(EVP_PKEY_CTX *context);
typedef int (*transform_fn)(
    EVP_PKEY_CTX *context, uint8_t *out, size_t *out_size, const uint8_t *in, size_t in_size);

/* Adds what became of the bytes. The errors of OpenSSL end here: whoever uses TLS next on this
 * thread must not find them. */
static bool transform(
    EVP_PKEY *key, begin_fn begin, transform_fn run, struct bytes in, struct buffer *out)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    size_t size = 0;
    bool is_done = context != NULL && begin(context) > 0 &&
                   EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
                   run(context, NULL, &size, in.data, in.size) > 0;

    if (is_done) {
        uint8_t *room = buffer_room(out, size);

        is_done = run(context, room, &size, in.data, in.size) > 0;
        out->size += is_done ? size : 0;
    }
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return is_done;
}

bool auth_rsa_decrypt(const struct auth_rsa_key *key,
                      const uint8_t challenge[AUTH_CHALLENGE_BYTES],
                      struct bytes encrypted,
                      struct buffer *password)
{
    buffer_clear(password);
    if (!transform(key->pair, EVP_PKEY_decrypt_init, EVP_PKEY_decrypt, encrypted, password)) {
        return false;
    }
    mix(password, challenge);
    if (password->size == 0 || password->data[password->size - 1] != '\0') {
        return false;
    }
    password->size--;
    return true;
}

static EVP_PKEY *read_public(const char *path)
{
    BIO *file = BIO_new_file(path, "r");
    EVP_PKEY *key = file == NULL ? NULL : PEM_read_bio_PUBKEY(file, NULL, NULL, NULL);

    (void)BIO_free(file);
    if (key != NULL && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    ERR_clear_error();
    return key;
}

enum status auth_rsa_encrypt(struct buffer *output,
                             const char *key_path,
                             const char *password,
                             const uint8_t challenge[AUTH_CHALLENGE_BYTES],
                             struct error *error)
{
    EVP_PKEY *key = read_public(key_path);
    struct buffer mixed = {0};
    bool is_done = false;

    if (key == NULL) {
        return error_set(error, STATUS_INVALID, "%s: no RSA public key (PEM) to be read there",
                         key_path);
    }
    buffer_add_text_zero(&mixed, password);
    mix(&mixed, challenge);
    is_done =
        transform(key, EVP_PKEY_encrypt_init, EVP_PKEY_encrypt, buffer_bytes(&mixed), output);
    auth_rsa_wipe(&mixed);
    EVP_PKEY_free(key);
    if (!is_done) {
        return error_set(error, STATUS_INVALID,
                         "%s: the password is too long to be encrypted with this key",
                         key_path);
    }
    return STATUS_OK;
}
