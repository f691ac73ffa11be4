/* SPDX-License-Identifier: Apache-2.0 */
/* A set that can be read survives both of its forms. */
#include <assert.h>

#include "binrelay/protocol/gtid_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct gtid_set *set = NULL;
    struct gtid_set *again = NULL;
    struct buffer form = {0};
    struct error error;

    if (gtid_set_parse(&set, (struct bytes){.data = bytes, .size = size}, &error) !=
        STATUS_OK) {
        return 0;
    }
    gtid_set_print(set, &form);
    assert(gtid_set_parse(&again, buffer_bytes(&form), &error) == STATUS_OK);
    assert(gtid_set_equals(set, again));
    gtid_set_free(again);
    buffer_clear(&form);
    gtid_set_encode(set, &form);
    assert(gtid_set_decode(&again, buffer_bytes(&form), &error) == STATUS_OK);
    assert(gtid_set_equals(set, again) && gtid_set_contains(set, again));
    gtid_set_free(again);
    gtid_set_free(set);
    buffer_release(&form);
    return 0;
}
