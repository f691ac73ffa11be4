/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/handshake.h"
#include "check.h"

enum { PROOF_MOST_BYTES = 255 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A response that is read can be written, and read again as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct handshake_response first = {0};
    struct handshake_response second = {0};
    struct buffer payload = {0};
    struct error error = {0};

    if (handshake_response_decode(&first, (struct bytes){data, size}, UINT32_MAX, &error) ==
            STATUS_OK &&
        !first.is_ssl_request && first.proof.size <= PROOF_MOST_BYTES) {
        handshake_response_encode(&payload, &first);
        CHECK_OK(handshake_response_decode(&second, buffer_bytes(&payload), UINT32_MAX, &error),
                 &error);
        CHECK(first.capabilities == second.capabilities);
        CHECK(bytes_equal(first.user, second.user));
        CHECK(bytes_equal(first.proof, second.proof));
    }
    buffer_release(&payload);
    return 0;
}
