/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/auth.h"
#include "check.h"

enum {
    AS_CLIENT = 1,
    BY_NATIVE = 2,
    WITH_TLS = 4,
    WITHOUT_ACCOUNT = 8,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes next_payload(struct byte_reader *input)
{
    uint64_t size = byte_reader_number(input, 1);

    return byte_reader_take(input, size < input->left ? size : input->left);
}

static void be_client(unsigned how, struct byte_reader *input)
{
    struct auth_client client = {
        .plugin = how & BY_NATIVE ? AUTH_NATIVE : AUTH_CACHING_SHA2,
        .password = "secret",
        .is_secure = (how & WITH_TLS) != 0,
    };
    struct buffer reply = {0};
    struct error error = {0};
    enum status status = STATUS_AGAIN;

    while (input->left > 0 && status == STATUS_AGAIN) {
        buffer_clear(&reply);
        status = auth_client_next(&client, next_payload(input), &reply, &error);
    }
    buffer_release(&reply);
}

/* Nobody gets in who does not know the password, and no input does. */
static void be_server(unsigned how, struct byte_reader *input)
{
    static struct auth_rsa_key *key; /* made once: it takes long */
    const struct auth_secrets secrets = {{"a password of 30 random letters", NULL}};
    struct auth_server server = {
        .plugin = how & BY_NATIVE ? AUTH_NATIVE : AUTH_CACHING_SHA2,
        .secrets = how & WITHOUT_ACCOUNT ? NULL : &secrets,
        .challenge = "abcdefghijklmnopqrs",
        .is_secure = (how & WITH_TLS) != 0,
    };
    struct buffer reply = {0};
    struct error error = {0};
    enum status status = STATUS_OK;

    key = key == NULL ? auth_rsa_key_new() : key;
    server.rsa_key = key;
    status = auth_server_first(&server, next_payload(input), &reply, &error);
    while (input->left > 0 && status == STATUS_AGAIN) {
        buffer_clear(&reply);
        status = auth_server_next(&server, next_payload(input), &reply, &error);
    }
    CHECK(status != STATUS_OK);
    buffer_release(&reply);
}

/* One byte says who we are; then payloads of the other side, each behind a byte of size. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct byte_reader input = byte_reader_of((struct bytes){data, size});
    unsigned how = (unsigned)byte_reader_number(&input, 1);

    if (how & AS_CLIENT) {
        be_client(how, &input);
    } else {
        be_server(how, &input);
    }
    return 0;
}
