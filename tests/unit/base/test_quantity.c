/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/quantity.h"

#include <string.h>

#include "check.h"

static void reads_durations_and_sizes(void)
{
    uint64_t found = 0;

    CHECK(duration_parse(&found, "500ms") && found == 500000);
    CHECK(duration_parse(&found, "2d") && found == UINT64_C(172800000000));
    CHECK(duration_parse(&found, "0s") && found == 0);
    CHECK(size_parse(&found, "512M") && found == UINT64_C(512) << 20);
    CHECK(size_parse(&found, "4096") && found == 4096);
}

static void refuses_what_is_no_quantity(void)
{
    static const char *const bad[] = {"",
                                      "s",
                                      "10",
                                      "-1s",
                                      "1.5s",
                                      "10 s",
                                      "1sec",
                                      "99999999999999999999s",
                                      "9223372036854775807d"};
    uint64_t found = 7;

    for (size_t at = 0; at < sizeof(bad) / sizeof(bad[0]); at++) {
        CHECK(!duration_parse(&found, bad[at]));
    }
    CHECK(!size_parse(&found, "1X") && !size_parse(&found, "9223372036854775807T"));
    CHECK(found == 7);
}

static void prints_what_parses_back(void)
{
    static const uint64_t durations[] = {0, 1, 1500, 1000000, 90000000, UINT64_C(86400000000)};

    for (size_t at = 0; at < sizeof(durations) / sizeof(durations[0]); at++) {
        char text[QUANTITY_TEXT_BYTES];
        uint64_t found = 1;

        duration_print(text, durations[at]);
        CHECK(duration_parse(&found, text) && found == durations[at]);
        size_print(text, durations[at]);
        CHECK(size_parse(&found, text) && found == durations[at]);
    }
}

int main(void)
{
    reads_durations_and_sizes();
    refuses_what_is_no_quantity();
    prints_what_parses_back();
    return 0;
}
