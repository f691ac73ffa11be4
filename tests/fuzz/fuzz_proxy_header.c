/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "binrelay/net/network.h"
#include "binrelay/net/proxy_header.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct proxy_header header = {.size = 0};
    struct error error = {.status = STATUS_OK};
    enum status status = proxy_header_find((struct bytes){bytes, size}, &header, &error);

    if (status == STATUS_OK) {
        struct network any = {.prefix_bits = 0};

        CHECK(header.size > 0 && header.size <= size && header.size <= PROXY_HEADER_BYTES_MAX);
        CHECK(memchr(header.source, '\0', sizeof(header.source)) != NULL);
        CHECK(header.is_local || network_contains(&any, header.source));
        /* What comes behind does not change it, and without its last byte it is none. */
        CHECK(proxy_header_find((struct bytes){bytes, header.size}, &header, &error) ==
              STATUS_OK);
        CHECK(proxy_header_find((struct bytes){bytes, header.size - 1}, &header, &error) ==
              STATUS_AGAIN);
    }
    CHECK(status != STATUS_AGAIN || size < PROXY_HEADER_BYTES_MAX);
    return 0;
}
