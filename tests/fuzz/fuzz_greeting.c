/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "binrelay/protocol/handshake.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A greeting that is read can be written, and read again as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct greeting first = {0};
    struct greeting second = {0};
    struct buffer payload = {0};
    struct error error = {0};

    if (greeting_decode(&first, (struct bytes){data, size}, &error) == STATUS_OK) {
        CHECK(memchr(first.version, 0, sizeof(first.version)) != NULL);
        CHECK(memchr(first.plugin, 0, sizeof(first.plugin)) != NULL);
        first.capabilities |= CAPABILITY_PLUGIN_AUTH;
        greeting_encode(&payload, &first);
        CHECK_OK(greeting_decode(&second, buffer_bytes(&payload), &error), &error);
        CHECK(first.capabilities == second.capabilities);
        CHECK(first.connection_id == second.connection_id);
        CHECK(memcmp(first.challenge, second.challenge, AUTH_CHALLENGE_BYTES) == 0);
    }
    buffer_release(&payload);
    return 0;
}
