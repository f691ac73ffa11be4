/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes the bytes as a purge record, as they are and with their checksum made
 * right, and writes and reads again what was found.
 */
#include <stdlib.h>
#include <string.h>

#include "../../src/storage/purge_record.h"
#include "binrelay/base/checksum.h"
#include "binrelay/base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void decode(struct bytes bytes)
{
    struct purge_record found = {0};
    struct purge_record again = {0};
    struct buffer written = {0};
    struct error error;

    if (purge_record_decode(&found, bytes, &error) != STATUS_OK) {
        return;
    }
    purge_record_encode(&written, &found);
    if (purge_record_decode(&again, buffer_bytes(&written), &error) != STATUS_OK ||
        again.first != found.first || !gtid_set_equals(again.held.set, found.held.set) ||
        !gtid_set_equals(again.left_out, found.left_out) || again.epochs != found.epochs ||
        memcmp(&again.state, &found.state, sizeof(found.state)) != 0 ||
        memcmp(&again.end, &found.end, sizeof(found.end)) != 0) {
        abort();
    }
    purge_record_release(&found);
    purge_record_release(&again);
    buffer_release(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct buffer mended = {0};

    decode((struct bytes){.data = bytes, .size = size});
    if (size >= 4) {
        buffer_add(&mended, bytes, size);
        bytes_put_u32(mended.data + size - 4, checksum_crc32(0, bytes, size - 4));
        decode(buffer_bytes(&mended));
        buffer_release(&mended);
    }
    return 0;
}
