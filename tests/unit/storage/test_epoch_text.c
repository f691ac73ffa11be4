/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "binrelay/storage/epoch_locate.h"
#include "check.h"

static void reads_what_people_write(void)
{
    static const struct {
        const char *text;
        uint64_t usec;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-02 00:00:01", UINT64_C(86401000000)},
        {"2026-11-20T12:00:00Z", UINT64_C(1795176000000000)},
        {"2026-11-20 12:00:00", UINT64_C(1795176000000000)},
        {"2026-11-20T12:00:00", UINT64_C(1795176000000000)},
        {"2026-11-20T13:00:00+01:00", UINT64_C(1795176000000000)},
        {"2026-11-20T13:00:00+0100", UINT64_C(1795176000000000)},
        {"2026-11-20T06:30:00-05:30", UINT64_C(1795176000000000)},
        {"2026-11-20T12:00:00.5Z", UINT64_C(1795176000500000)},
        {"2026-11-20T12:00:00.123456789Z", UINT64_C(1795176000123456)},
        {"2026-11-20 13:00:00.000001+01:00", UINT64_C(1795176000000001)},
        {"2024-02-29T23:59:59Z", UINT64_C(1709251199000000)},
        {"2024-03-01T00:00:00Z", UINT64_C(1709251200000000)},
        {"2000-02-29T00:00:00Z", UINT64_C(951782400000000)},
        {"9999-12-31T23:59:59Z", UINT64_C(253402300799000000)},
    };

    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        uint64_t usec = 0;

        if (!epoch_time_parse(bytes_of_text(cases[at].text), &usec) || usec != cases[at].usec) {
            fprintf(stderr, "%s: %" PRIu64 "\n", cases[at].text, usec);
            abort();
        }
    }
}

static void refuses_what_is_no_time(void)
{
    static const char *const cases[] = {
        "",
        "now",
        "2026-11-20",
        "2026-11-20T12:00",
        "2026-11-20T12:00:00Zoo",
        "2026-11-20T12:00:00.Z",
        "2026-11-20T12:00:00.12345678901234567890Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T12:60:00Z",
        "2026-11-20T12:00:61Z",
        "2026-13-20T12:00:00Z",
        "2026-00-20T12:00:00Z",
        "2026-11-31T12:00:00Z",
        "2026-02-29T12:00:00Z",
        "1900-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "1970-01-01T00:00:00+01:00",
        "2026-11-20T12:00:00+1:00",
        "2026-11-20T12:00:00+25:00",
        "+026-11-20T12:00:00Z",
        " 2026-11-20T12:00:00Z",
        "2026-11-20x12:00:00Z",
    };

    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        uint64_t usec = 0;

        if (epoch_time_parse(bytes_of_text(cases[at]), &usec)) {
            fprintf(stderr, "%s was taken: %" PRIu64 "\n", cases[at], usec);
            abort();
        }
    }
}

static void reads_epochs_with_and_without_an_incarnation(void)
{
    static const char *const wrong[] = {"",
                                        ".",
                                        "x",
                                        "1.",
                                        "1.0",
                                        "1.x",
                                        ".1",
                                        "1.1.1",
                                        "-1",
                                        "18446744073709551616",
                                        "1.4294967296"};
    struct epoch_key key;

    CHECK(epoch_key_parse(bytes_of_text("18446744073709551615"), &key));
    CHECK(key.epoch == UINT64_MAX && key.incarnation == 0);
    CHECK(epoch_key_parse(bytes_of_text("4711.4294967295"), &key));
    CHECK(key.epoch == 4711 && key.incarnation == UINT32_MAX);
    for (size_t at = 0; at < sizeof(wrong) / sizeof(wrong[0]); at++) {
        CHECK(!epoch_key_parse(bytes_of_text(wrong[at]), &key));
    }
}

int main(void)
{
    reads_epochs_with_and_without_an_incarnation();
    reads_what_people_write();
    refuses_what_is_no_time();
    return 0;
}
