/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/bytes.h"

#include <string.h>

#include "check.h"

static void reads_what_it_wrote(void)
{
    const uint64_t numbers[] = {0,       0xFA,     0xFB,      0xFFFF,
                                0x10000, 0xFFFFFF, 0x1000000, UINT64_MAX};
    struct buffer buffer = {0};
    struct byte_reader reader;

    for (size_t at = 0; at < sizeof(numbers) / sizeof(numbers[0]); at++) {
        buffer_add_lenenc(&buffer, numbers[at]);
        buffer_add_number(&buffer, numbers[at], 8);
    }
    buffer_add_lenenc_bytes(&buffer, bytes_of_text("text"));
    buffer_add_text_zero(&buffer, "zero");
    reader = byte_reader_of(buffer_bytes(&buffer));
    for (size_t at = 0; at < sizeof(numbers) / sizeof(numbers[0]); at++) {
        CHECK(byte_reader_lenenc(&reader) == numbers[at]);
        CHECK(byte_reader_number(&reader, 8) == numbers[at]);
    }
    CHECK(bytes_equal(byte_reader_lenenc_bytes(&reader), bytes_of_text("text")));
    CHECK(bytes_equal(byte_reader_until_zero(&reader), bytes_of_text("zero")));
    CHECK(!reader.overran && reader.left == 0);
    buffer_release(&buffer);
}

static void notices_reading_past_the_end(void)
{
    struct byte_reader reader = byte_reader_of(bytes_of_text("abc"));

    CHECK(byte_reader_number(&reader, 4) == 0);
    CHECK(reader.overran);
    reader = byte_reader_of(bytes_of_text("abc"));
    CHECK(byte_reader_until_zero(&reader).size == 0 && reader.overran);
    reader = byte_reader_of(
        (struct bytes){(const uint8_t *)"\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9});
    CHECK(byte_reader_lenenc_bytes(&reader).size == 0 && reader.overran);
}

static void takes_null_and_errors_for_no_number(void)
{
    struct byte_reader reader = byte_reader_of((struct bytes){(const uint8_t *)"\xFB", 1});

    CHECK(byte_reader_lenenc(&reader) == 0 && reader.overran);
}

static void formats_behind_what_is_there(void)
{
    struct buffer buffer = {0};

    buffer_add_text(&buffer, "a=");
    buffer_add_format(&buffer, "%d,%s", 42, "b");
    CHECK(bytes_equal(buffer_bytes(&buffer), bytes_of_text("a=42,b")));
    buffer_release(&buffer);
}

int main(void)
{
    reads_what_it_wrote();
    notices_reading_past_the_end();
    takes_null_and_errors_for_no_number();
    formats_behind_what_is_there();
    return 0;
}
