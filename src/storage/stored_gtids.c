/* SPDX-License-Identifier: Apache-2.0 */
#include "stored_gtids.h"

#include <stddef.h>

void stored_gtids_init(struct stored_gtids *gtids)
{
    *gtids = (struct stored_gtids){.set = gtid_set_new()};
}

void stored_gtids_release(struct stored_gtids *gtids)
{
    gtid_set_free(gtids->set);
    mariadb_gtid_list_release(&gtids->state);
    *gtids = (struct stored_gtids){0};
}

void stored_gtids_add(struct stored_gtids *gtids, const struct stored_gtids *added)
{
    gtid_set_add_set(gtids->set, added->set);
    for (size_t at = 0; at < added->state.count; at++) {
        mariadb_gtid_state_update(&gtids->state, added->state.items[at]);
    }
}

void stored_gtids_copy(struct stored_gtids *gtids, const struct stored_gtids *from)
{
    stored_gtids_release(gtids);
    stored_gtids_init(gtids);
    stored_gtids_add(gtids, from);
}
