/* SPDX-License-Identifier: Apache-2.0 */
#include "auth_rsa.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#include "binrelay/base/disk.h"
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

/* Takes the pair, which may be NULL. */
static struct auth_rsa_key *key_of(EVP_PKEY *pair)
{
    struct auth_rsa_key *key = mem_zeroed(sizeof(*key));

    key->pair = pair;
    if (key->pair == NULL || !write_public(key->pair, &key->public_text)) {
        ERR_clear_error();
        auth_rsa_key_free(key);
        return NULL;
    }
    return key;
}

struct auth_rsa_key *auth_rsa_key_new(void)
{
    return key_of(EVP_RSA_gen(KEY_BITS));
}

static enum status save_pair(const struct auth_rsa_key *key,
                             const char *path,
                             struct error *error)
{
    BIO *memory = BIO_new(BIO_s_secmem());
    enum status status = STATUS_OK;
    char *text = NULL;
    long size = 0;

    if (memory == NULL ||
        PEM_write_bio_PrivateKey(memory, key->pair, NULL, NULL, 0, NULL, NULL) != 1) {
        status = error_set(error, STATUS_SYSTEM, "%s: the key cannot be written as PEM", path);
    } else {
        size = BIO_get_mem_data(memory, &text);
        status = disk_replace_file(disk_system(), path, text, (size_t)size, error);
    }
    (void)BIO_free(memory);
    ERR_clear_error();
    return status;
}

static enum status make_and_save(struct auth_rsa_key **made,
                                 const char *path,
                                 struct error *error)
{
    struct auth_rsa_key *key = auth_rsa_key_new();
    enum status status = STATUS_OK;

    if (key == NULL) {
        return error_set(error, STATUS_SYSTEM, "an RSA key cannot be made");
    }
    status = save_pair(key, path, error);
    if (status != STATUS_OK) {
        auth_rsa_key_free(key);
        return status;
    }
    *made = key;
    return STATUS_OK;
}

enum status auth_rsa_key_keep(struct auth_rsa_key **made, const char *path, struct error *error)
{
    FILE *file = fopen(path, "re");
    EVP_PKEY *pair = NULL;
    struct auth_rsa_key *key = NULL;

    if (file == NULL && errno == ENOENT) {
        return make_and_save(made, path, error);
    }
    if (file == NULL) {
        return error_set_errno(error, "read %s", path);
    }
    pair = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    (void)fclose(file); /* was only read */
    if (pair != NULL && !EVP_PKEY_is_a(pair, "RSA")) {
        EVP_PKEY_free(pair);
        pair = NULL;
    }
    key = key_of(pair);
    if (key == NULL) {
        return error_set(error, STATUS_CORRUPT,
                         "%s holds no RSA private key: remove it, and a new one is made", path);
    }
    *made = key;
    return STATUS_OK;
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
