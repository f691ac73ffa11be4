/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes the bytes as a GTID sidecar, as they are and with their checksum
 * made right, and writes and reads again what was found.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/storage/gtid_sidecar.h"
#include "binrelay/base/checksum.h"
#include "binrelay/base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void decode(struct bytes bytes)
{
    struct gtid_sidecar found = {0};
    struct gtid_sidecar again = {0};
    struct buffer written = {0};
    struct error error;

    if (gtid_sidecar_decode(&found, bytes, &error) != STATUS_OK) {
        assert(found.before.set == NULL && found.added.set == NULL);
        return;
    }
    gtid_sidecar_encode(&written, &found.facts, &found.before, &found.added);
    if (gtid_sidecar_decode(&again, buffer_bytes(&written), &error) != STATUS_OK) {
        abort();
    }
    assert(again.facts.bytes == found.facts.bytes);
    assert(gtid_set_equals(again.before.set, found.before.set));
    assert(gtid_set_equals(again.added.set, found.added.set));
    assert(again.added.state.count == found.added.state.count);
    gtid_sidecar_release(&found);
    gtid_sidecar_release(&again);
    buffer_release(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    autofree uint8_t *copy = mem_raw(size + 1);

    decode((struct bytes){.data = bytes, .size = size});
    if (size >= 4) {
        memcpy(copy, bytes, size);
        bytes_put_u32(copy + size - 4, checksum_crc32(0, copy, size - 4));
        decode((struct bytes){.data = copy, .size = size});
    }
    return 0;
}
