/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/result.h"

#include <string.h>

#include "binrelay/protocol/handshake.h"
#include "binrelay/protocol/packet.h"
#include "check.h"
#include "wire_bytes.h"

enum { LIMIT = 1 << 20 };

static const struct result_column columns[] = {
    {.name = "File", .type = RESULT_VAR_STRING},
    {.name = "Position", .type = RESULT_LONGLONG, .is_unsigned = true},
};

/* The next payload of a writer's output. */
static struct bytes next_payload(struct bytes *output)
{
    struct packet packet = {0};
    struct error error = {0};

    CHECK_OK(packet_find(&packet, *output, LIMIT, &error), &error);
    output->data += packet.taken;
    output->size -= packet.taken;
    return packet.payload;
}

static void writes_ok_as_the_manual_draws_it(void)
{
    struct buffer output = {0};
    struct result_writer writer = {.output = &output, .sequence = 1, .server_status = 2};

    result_add_ok(&writer, 0, (struct bytes){0});
    CHECK(bytes_equal(buffer_bytes(&output), BYTES("\7\0\0\1\0\0\0\2\0\0\0")));
    CHECK(writer.sequence == 2);
    buffer_clear(&output);
    result_add_ok(&writer, 300, bytes_of_text("hi"));
    CHECK(bytes_equal(buffer_bytes(&output), BYTES("\14\0\0\2\0\xFC\x2C\1\0\2\0\0\0\2hi")));
    CHECK(result_is_ok((struct bytes){output.data + 4, output.size - 4}));
    buffer_release(&output);
}

static void writes_errors_that_it_reads(void)
{
    struct buffer output = {0};
    struct result_writer writer = {.output = &output, .sequence = 7};
    struct result_error found = {0};
    struct error error = {0};
    struct bytes left;
    struct bytes payload;

    result_add_error(&writer, 1236, "HY000", "no such file");
    left = buffer_bytes(&output);
    payload = next_payload(&left);
    CHECK(result_is_error(payload) && !result_is_ok(payload) && !result_is_eof(payload));
    CHECK_OK(result_error_decode(&found, payload, &error), &error);
    CHECK(found.code == 1236 && strcmp(found.state, "HY000") == 0);
    CHECK(bytes_equal(found.message, bytes_of_text("no such file")));
    buffer_release(&output);
}

static void denies_with_the_words_of_the_server_made_safe(void)
{
    struct error error = {0};

    CHECK(result_error_deny(BYTES("\xFF\x15\x04#28000bad \x1B[31m"), &error) == STATUS_DENIED);
    CHECK(error.sql_code == 1045 && strcmp(error.message, "bad \\x1B[31m") == 0);
    CHECK(result_error_deny(BYTES("\xFF\x10\x04Too many connections"), &error) ==
          STATUS_DENIED);
    CHECK(error.sql_code == 1040 && strcmp(error.message, "Too many connections") == 0);
    CHECK(result_error_deny(BYTES("\xFF\x10\x04"), &error) == STATUS_DENIED);
    CHECK(strcmp(error.message, "error 1040, without a text") == 0);
    CHECK(result_error_deny(BYTES("\xFF\x10"), &error) == STATUS_INVALID);
    CHECK(result_error_deny(BYTES("\0\x10\0"), &error) == STATUS_INVALID);
}

/* What mysqld 8.0 sends for SELECT 1, but for the flags of the column. */
static void writes_columns_as_the_manual_draws_them(void)
{
    const struct result_column one = {.name = "1", .type = RESULT_LONGLONG};
    struct buffer output = {0};
    struct result_writer writer = {.output = &output, .sequence = 1, .server_status = 2};
    struct bytes left;

    result_begin(&writer, &one, 1);
    left = buffer_bytes(&output);
    CHECK(bytes_equal(next_payload(&left), BYTES("\1")));
    CHECK(bytes_equal(next_payload(&left), BYTES("\3def\0\0\0\1"
                                                 "1\0\x0C\x3F\0\x14\0\0\0\x08\x80\0\0\0\0")));
    CHECK(bytes_equal(next_payload(&left), BYTES("\xFE\0\0\2\0")));
    CHECK(left.size == 0);
    buffer_release(&output);
}

/* Writes two rows, one of them with NULL and an empty text. */
static void write_set(struct result_writer *writer)
{
    const struct bytes first[] = {bytes_of_text("binlog.000001"), bytes_of_text("4")};
    const struct bytes second[] = {bytes_of_text(""), {0}};

    result_begin(writer, columns, 2);
    result_add_row(writer, first, 2);
    result_add_row(writer, second, 2);
    result_end(writer);
}

static void reads_the_set_it_wrote(void)
{
    struct buffer output = {0};
    struct result_writer writer = {.output = &output, .sequence = 1, .server_status = 2};
    struct result_set set = {0};
    struct error error = {0};
    enum status status = STATUS_AGAIN;
    struct bytes left;

    write_set(&writer);
    left = buffer_bytes(&output);
    while (status == STATUS_AGAIN) {
        status = result_set_next(&set, next_payload(&left), LIMIT, &error);
    }
    CHECK_OK(status, &error);
    CHECK(left.size == 0 && result_set_rows(&set) == 2);
    CHECK(bytes_equal(result_set_value(&set, 0, 0), bytes_of_text("binlog.000001")));
    CHECK(bytes_equal(result_set_value(&set, 0, 1), bytes_of_text("4")));
    CHECK(result_set_value(&set, 1, 0).data != NULL);
    CHECK(result_set_value(&set, 1, 0).size == 0);
    CHECK(result_set_value(&set, 1, 1).data == NULL);
    CHECK(result_set_value(&set, 2, 0).data == NULL);
    CHECK(result_set_value(&set, 0, 2).data == NULL);
    result_set_release(&set);
    result_set_release(&set);
    buffer_release(&output);
}

static void ends_with_an_ok_packet_for_deprecate_eof(void)
{
    struct buffer output = {0};
    struct result_writer writer = {
        .output = &output, .capabilities = CAPABILITY_DEPRECATE_EOF, .server_status = 2};
    struct bytes left;

    write_set(&writer);
    left = buffer_bytes(&output);
    for (int payload = 0; payload < 3 + 2; payload++) {
        CHECK(!result_is_eof(next_payload(&left)));
    }
    CHECK(bytes_equal(next_payload(&left), BYTES("\xFE\0\0\2\0\0\0")));
    CHECK(left.size == 0 && writer.sequence == 6);
    buffer_release(&output);
}

static void splits_rows_over_16_mib(void)
{
    size_t size = 17 << 20;
    struct bytes value = {calloc(1, size), size};
    struct buffer output = {0};
    struct result_writer writer = {.output = &output};

    CHECK(value.data != NULL);
    result_add_row(&writer, &value, 1);
    CHECK(writer.sequence == 2);
    CHECK((bytes_u32_at(output.data) & 0xFFFFFF) == PACKET_MOST_BYTES);
    CHECK(output.size == 2 * PACKET_HEADER_BYTES + 9 + size);
    free((void *)value.data);
    buffer_release(&output);
}

/* Feeds payloads up to the first that is not AGAIN, and gives its status. */
static enum status feed(const struct bytes *payloads, size_t count, struct error *error)
{
    struct result_set set = {0};
    enum status status = STATUS_AGAIN;

    for (size_t at = 0; at < count && status == STATUS_AGAIN; at++) {
        status = result_set_next(&set, payloads[at], 100, error);
    }
    result_set_release(&set);
    return status;
}

#define FEED(...)                                                                              \
    feed((const struct bytes[]){__VA_ARGS__},                                                  \
         sizeof((const struct bytes[]){__VA_ARGS__}) / sizeof(struct bytes), &error)

static void refuses_what_breaks_the_format(void)
{
    const struct bytes eof = BYTES("\xFE\0\0\2\0");
    struct error error = {0};

    CHECK(FEED(BYTES("")) == STATUS_INVALID);
    CHECK(FEED(BYTES("\xFB/etc/passwd")) == STATUS_INVALID);
    CHECK(strstr(error.message, "LOCAL") != NULL);
    CHECK(FEED(BYTES("\1\1")) == STATUS_INVALID);
    CHECK(FEED(BYTES("\xFC\1\x10")) == STATUS_INVALID); /* 4097 columns */
    CHECK(FEED(BYTES("\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")) == STATUS_INVALID);
    CHECK(FEED(eof) == STATUS_INVALID);
    CHECK(FEED(BYTES("\1"), eof) == STATUS_INVALID);
    CHECK(FEED(BYTES("\1"), BYTES("\3def"), BYTES("\3def")) == STATUS_INVALID);
    CHECK(FEED(BYTES("\1"), BYTES("\3def"), eof, BYTES("")) == STATUS_INVALID);
    CHECK(FEED(BYTES("\1"), BYTES("\3def"), eof, BYTES("\5four")) == STATUS_INVALID);
    CHECK(FEED(BYTES("\1"), BYTES("\3def"), eof, BYTES("\1a\1b")) == STATUS_INVALID);
    CHECK(FEED(BYTES("\2"), BYTES("\3def"), BYTES("\3def"), eof, BYTES("\1a")) ==
          STATUS_INVALID);
}

static void takes_ok_for_an_empty_set_and_errors_anywhere(void)
{
    const struct bytes failure = BYTES("\xFF\x28\x04#42000syntax");
    const struct bytes eof = BYTES("\xFE\0\0\2\0");
    struct error error = {0};

    CHECK(FEED(BYTES("\0\0\0\2\0\0\0")) == STATUS_OK);
    CHECK(FEED(failure) == STATUS_DENIED && error.sql_code == 1064);
    CHECK(FEED(BYTES("\1"), failure) == STATUS_DENIED);
    CHECK(FEED(BYTES("\1"), BYTES("\3def"), eof, failure) == STATUS_DENIED);
    CHECK(FEED(BYTES("\1"), BYTES("\3def"), eof, BYTES("\1a"), failure) == STATUS_DENIED);
}

static void stops_at_the_limit(void)
{
    const struct bytes eof = BYTES("\xFE\0\0\2\0");
    uint8_t row[80] = {79};
    struct bytes long_row = {row, sizeof(row)};
    struct error error = {0};

    CHECK(FEED(BYTES("\1"), BYTES("\3def"), eof, long_row) == STATUS_AGAIN);
    CHECK(FEED(BYTES("\1"), BYTES("\3def"), eof, long_row, long_row) == STATUS_FULL);
}

int main(void)
{
    writes_ok_as_the_manual_draws_it();
    writes_errors_that_it_reads();
    denies_with_the_words_of_the_server_made_safe();
    writes_columns_as_the_manual_draws_them();
    reads_the_set_it_wrote();
    ends_with_an_ok_packet_for_deprecate_eof();
    splits_rows_over_16_mib();
    refuses_what_breaks_the_format();
    takes_ok_for_an_empty_set_and_errors_anywhere();
    stops_at_the_limit();
    return 0;
}
