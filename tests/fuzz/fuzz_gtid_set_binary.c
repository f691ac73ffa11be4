/* SPDX-License-Identifier: Apache-2.0 */
/* A set that can be decoded survives both of its forms, and set algebra holds for its halves.
 */
#include <assert.h>

#include "binrelay/protocol/gtid_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* (a - b) + (a * b) is a, and a - b has nothing of b. */
static void check_algebra(const struct gtid_set *set, const struct gtid_set *other)
{
    struct gtid_set *rest = gtid_set_copy(set);
    struct gtid_set *shared = gtid_set_copy(set);
    struct gtid_set *empty = NULL;

    gtid_set_subtract(rest, other);
    gtid_set_intersect(shared, other);
    assert(gtid_set_contains(set, rest) && gtid_set_contains(other, shared));
    empty = gtid_set_copy(rest);
    gtid_set_intersect(empty, other);
    assert(gtid_set_is_empty(empty));
    gtid_set_add_set(rest, shared);
    assert(gtid_set_equals(rest, set));
    gtid_set_free(empty);
    gtid_set_free(shared);
    gtid_set_free(rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char other_text[] = "00000000-0000-0000-0000-000000000000:2-4:9-300:a:1-70000,"
                                     "260119a8-e542-11f1-9bb3-02fc00000001:1:3:5-7:night:2";
    struct gtid_set *set = NULL;
    struct gtid_set *again = NULL;
    struct gtid_set *other = NULL;
    struct buffer form = {0};
    struct error error;

    if (gtid_set_decode(&set, (struct bytes){.data = bytes, .size = size}, &error) !=
        STATUS_OK) {
        return 0;
    }
    gtid_set_encode(set, &form);
    assert(gtid_set_decode(&again, buffer_bytes(&form), &error) == STATUS_OK);
    assert(gtid_set_equals(set, again));
    gtid_set_free(again);
    buffer_clear(&form);
    gtid_set_print(set, &form);
    assert(gtid_set_parse(&again, buffer_bytes(&form), &error) == STATUS_OK);
    assert(gtid_set_equals(set, again));
    gtid_set_free(again);
    assert(gtid_set_parse(&other, bytes_of_text(other_text), &error) == STATUS_OK);
    check_algebra(set, other);
    check_algebra(other, set);
    gtid_set_free(other);
    gtid_set_free(set);
    buffer_release(&form);
    return 0;
}
