/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/uuid.h"

#include <string.h>

#include "check.h"

/* The vectors are those of Python's uuid.uuid5() with our namespace. */
static void names_give_the_uuids_they_always_gave(void)
{
    char text[UUID_TEXT_BYTES];

    uuid_of_name("east", text);
    CHECK(strcmp(text, "7a3f938d-33b8-567b-8627-56dcd2ffe8cb") == 0);
    uuid_of_name("", text);
    CHECK(strcmp(text, "250182c0-45e9-5032-aac3-2fa57b1749c4") == 0);
}

static void prints_what_it_parsed_in_lower_case(void)
{
    uint8_t uuid[UUID_BYTES] = {0};
    char text[UUID_TEXT_BYTES];
    struct error error = {0};

    CHECK_OK(uuid_parse(uuid, bytes_of_text("3E11FA47-71CA-11e1-9E33-C80AA9429562"), &error),
             &error);
    CHECK(uuid[0] == 0x3E && uuid[15] == 0x62);
    uuid_print(uuid, text);
    CHECK(strcmp(text, "3e11fa47-71ca-11e1-9e33-c80aa9429562") == 0);
}

static void refuses_what_is_no_uuid(void)
{
    static const char *const texts[] = {
        "",
        "3E11FA47-71CA-11E1-9E33-C80AA942956",
        "3E11FA47-71CA-11E1-9E33-C80AA94295622",
        "3E11FA47071CA-11E1-9E33-C80AA9429562",
        "3E11FA4--71CA-11E1-9E33-C80AA9429562",
        "3E11FA47-71CA-11E1-9E33-C80AA942956g",
        "3E11FA4771CA11E19E33C80AA9429562----",
    };
    uint8_t uuid[UUID_BYTES] = {7};
    struct error error = {0};

    for (size_t at = 0; at < sizeof(texts) / sizeof(texts[0]); at++) {
        CHECK(uuid_parse(uuid, bytes_of_text(texts[at]), &error) == STATUS_INVALID);
    }
    CHECK(uuid[0] == 7); /* untouched */
}

int main(void)
{
    names_give_the_uuids_they_always_gave();
    prints_what_it_parsed_in_lower_case();
    refuses_what_is_no_uuid();
    return 0;
}
