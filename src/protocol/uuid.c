/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/uuid.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/log.h"

enum { SHA1_BYTES = 20, TEXT_SIZE = UUID_TEXT_BYTES - 1 };

/*
 * c70f05f0-a5a3-4f6d-856b-0e2955e8682a, drawn at random once. The server uuids
 * that replicas keep come from it, so it never changes.
 */
static const uint8_t namespace[UUID_BYTES] = {0xC7, 0x0F, 0x05, 0xF0, 0xA5, 0xA3, 0x4F, 0x6D,
                                              0x85, 0x6B, 0x0E, 0x29, 0x55, 0xE8, 0x68, 0x2A};

/* RFC 4122, 4.3: the first 16 bytes of SHA-1(namespace, name), with version and variant in
 * them. */
void uuid_of_name(const char *name, char text[UUID_TEXT_BYTES])
{
    struct buffer hashed = {0};
    uint8_t digest[SHA1_BYTES];

    buffer_add(&hashed, namespace, sizeof(namespace));
    buffer_add_text(&hashed, name);
    if (EVP_Digest(hashed.data, hashed.size, digest, NULL, EVP_sha1(), NULL) != 1) {
        abort(); /* as without memory */
    }
    buffer_release(&hashed);
    digest[6] = (uint8_t)((digest[6] & 0x0F) | 0x50);
    digest[8] = (uint8_t)((digest[8] & 0x3F) | 0x80);
    uuid_print(digest, text);
}

static bool is_dash_at(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

static int hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

enum status uuid_parse(uint8_t uuid[UUID_BYTES], struct bytes text, struct error *error)
{
    uint8_t read[UUID_BYTES] = {0};
    size_t digits = 0;
    bool is_good = text.size == TEXT_SIZE;

    for (size_t at = 0; is_good && at < TEXT_SIZE; at++) {
        int value = hex_value(text.data[at]);

        if (is_dash_at(at)) {
            is_good = text.data[at] == '-';
        } else if (value < 0) {
            is_good = false;
        } else {
            read[digits / 2] = (uint8_t)(read[digits / 2] << 4 | value);
            digits++;
        }
    }
    if (!is_good) {
        return error_set(error, STATUS_INVALID, "no UUID: '%s'", log_safe(text).text);
    }
    memcpy(uuid, read, UUID_BYTES);
    return STATUS_OK;
}

void uuid_print(const uint8_t uuid[UUID_BYTES], char text[UUID_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    size_t used = 0;

    for (size_t at = 0; at < UUID_BYTES; at++) {
        if (is_dash_at(used)) {
            text[used++] = '-';
        }
        text[used++] = digits[uuid[at] >> 4];
        text[used++] = digits[uuid[at] & 0x0F];
    }
    text[used] = '\0';
}
