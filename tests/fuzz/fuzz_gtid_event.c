/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte is the event's type, the rest its body. A GTID that is taken can be printed,
 * read again and kept. */
#include <assert.h>
#include <string.h>

#include "binrelay/protocol/gtid_set.h"
#include "binrelay/protocol/mariadb_gtid.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct mariadb_gtid mariadb_gtid;
    struct gtid_set *set = NULL;
    struct gtid gtid;
    struct bytes body;
    struct error error;
    uint8_t flags = 0;
    char text[GTID_TEXT_BYTES];

    if (size == 0) {
        return 0;
    }
    body = (struct bytes){.data = bytes + 1, .size = size - 1};
    if (mariadb_gtid_decode_event(&mariadb_gtid, &flags, 1, body, &error) == STATUS_OK) {
        assert(mariadb_gtid.server_id == 1);
    }
    if (gtid_decode_event(&gtid, bytes[0], body, &error) != STATUS_OK) {
        return 0;
    }
    gtid_print(&gtid, text);
    assert(gtid_set_parse(&set, bytes_of_text(text), &error) == STATUS_OK);
    assert(gtid_set_has(set, &gtid) && gtid_set_count(set) == 1);
    gtid_set_add(set, &gtid);
    assert(gtid_set_count(set) == 1);
    gtid_set_free(set);
    return 0;
}
