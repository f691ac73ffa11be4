/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses text or binary form; a list that can be read survives its form. */
#include <assert.h>

#include "binrelay/protocol/mariadb_gtid.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_same(const struct mariadb_gtid_list *list,
                       const struct mariadb_gtid_list *again)
{
    assert(list->count == again->count);
    for (size_t at = 0; at < list->count; at++) {
        assert(list->items[at].domain_id == again->items[at].domain_id);
        assert(list->items[at].server_id == again->items[at].server_id);
        assert(list->items[at].sequence == again->items[at].sequence);
    }
}

static void check_state(struct mariadb_gtid_list *state)
{
    struct mariadb_gtid_list position = {0};

    mariadb_gtid_state_position(state, &position);
    assert(position.count <= state->count);
    for (size_t at = 0; at < position.count; at++) {
        const struct mariadb_gtid *last =
            mariadb_gtid_list_domain(state, position.items[at].domain_id);

        assert(last != NULL && last->sequence == position.items[at].sequence);
    }
    if (state->count > 0) {
        struct mariadb_gtid first = state->items[0];
        size_t count = state->count;

        mariadb_gtid_state_update(state, first);
        assert(state->count == count && mariadb_gtid_state_has(state, first));
        assert(mariadb_gtid_list_domain(state, first.domain_id)->server_id == first.server_id);
    }
    mariadb_gtid_list_release(&position);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct mariadb_gtid_list list = {0};
    struct mariadb_gtid_list again = {0};
    struct buffer form = {0};
    struct error error;
    struct bytes rest;

    if (size == 0) {
        return 0;
    }
    rest = (struct bytes){.data = bytes + 1, .size = size - 1};
    if (bytes[0] % 2 == 0) {
        if (mariadb_gtid_list_parse(&list, rest, &error) == STATUS_OK) {
            mariadb_gtid_list_print(&list, &form);
            assert(mariadb_gtid_list_parse(&again, buffer_bytes(&form), &error) == STATUS_OK);
            check_same(&list, &again);
        }
    } else if (mariadb_gtid_list_decode(&list, rest, &error) == STATUS_OK) {
        mariadb_gtid_list_encode(&list, &form);
        assert(mariadb_gtid_list_decode(&again, buffer_bytes(&form), &error) == STATUS_OK);
        check_same(&list, &again);
    }
    check_state(&list);
    buffer_release(&form);
    mariadb_gtid_list_release(&again);
    mariadb_gtid_list_release(&list);
    return 0;
}
