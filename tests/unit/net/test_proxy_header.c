/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/net/proxy_header.h"

#include <string.h>

#include "check.h"

static const uint8_t signature[] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                    0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

/* What the parser says of each proper beginning must be "wait". */
static void check_waits_for_the_rest(struct bytes whole)
{
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *part = malloc(size + 1);
        struct proxy_header header;
        struct error error;

        CHECK(part != NULL);
        memcpy(part, whole.data, size);
        CHECK(proxy_header_find((struct bytes){part, size}, &header, &error) == STATUS_AGAIN);
        free(part);
    }
}

static struct proxy_header find(struct bytes whole, const char *behind)
{
    struct buffer input = {0};
    struct proxy_header header;
    struct error error;

    check_waits_for_the_rest(whole);
    buffer_add_bytes(&input, whole);
    buffer_add_text(&input, behind);
    CHECK_OK(proxy_header_find(buffer_bytes(&input), &header, &error), &error);
    CHECK(header.size == whole.size);
    buffer_release(&input);
    return header;
}

static struct proxy_header find_text(const char *line)
{
    return find(bytes_of_text(line), "the client's own bytes\r\n");
}

static void reads_version_1(void)
{
    struct proxy_header header = find_text("PROXY TCP4 10.0.0.7 10.0.0.1 51200 3306\r\n");

    CHECK(!header.is_local && strcmp(header.source, "10.0.0.7:51200") == 0);
    header = find_text("PROXY TCP6 2001:db8::7 2001:db8::1 0 65535\r\n");
    CHECK(!header.is_local && strcmp(header.source, "[2001:db8::7]:0") == 0);
    header = find_text("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n");
    CHECK(strcmp(header.source, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535") == 0);
    header = find_text("PROXY UNKNOWN\r\n");
    CHECK(header.is_local && header.source[0] == '\0');
    header = find_text("PROXY UNKNOWN ffff::1 ffff::2 1 2 and whatever\r\n");
    CHECK(header.is_local);
}

static enum status find_status(struct bytes input)
{
    struct proxy_header header = {.size = 77};
    struct error error = {.status = STATUS_OK};
    uint8_t *exact = malloc(input.size + 1);
    enum status status = STATUS_OK;

    CHECK(exact != NULL);
    memcpy(exact, input.data, input.size);
    status = proxy_header_find((struct bytes){exact, input.size}, &header, &error);
    CHECK(status == STATUS_OK || header.size == 77); /* untouched on failure */
    CHECK((status == STATUS_INVALID) == (error.status == STATUS_INVALID));
    free(exact);
    return status;
}

static void refuses_a_broken_version_1(void)
{
    static const char endless[] =
        "PROXY TCP4 10.0.0.7 10.0.0.1 51200 3306 and so on for more than a hundred and seven "
        "bytes without an end of line";
    static const char *const wrong[] = {
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 10.0.0.7 10.0.0.1 51200\r\n",
        "PROXY TCP4 10.0.0.7 10.0.0.1 51200 3306 1\r\n",
        "PROXY TCP4 10.0.0.7 10.0.0.1 51200 3306 \r\n",
        "PROXY TCP4  10.0.0.7 10.0.0.1 51200 3306\r\n",
        "PROXY TCP4 10.0.0.7 10.0.0.1 051200 3306\r\n",
        "PROXY TCP4 10.0.0.7 10.0.0.1 65536 3306\r\n",
        "PROXY TCP4 10.0.0.7 10.0.0.1 99999 3306\r\n",
        "PROXY TCP4 10.0.0.7 10.0.0.1 -1 3306\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 10.0.0.7 10.0.0.1 1 2\r\n",
        "PROXY TCP5 10.0.0.7 10.0.0.1 1 2\r\n",
        "PROXY tcp4 10.0.0.7 10.0.0.1 1 2\r\n",
        "PROXY UNKNOWNS\r\n",
    };
    static const uint8_t zero_inside[] = "PROXY TCP4 10.0.0.7\0 10.0.0.1 51200 3306\r\n";

    for (size_t at = 0; at < sizeof(wrong) / sizeof(wrong[0]); at++) {
        CHECK(find_status(bytes_of_text(wrong[at])) == STATUS_INVALID);
    }
    CHECK(find_status(bytes_of_text(endless)) == STATUS_INVALID);
    CHECK(find_status((struct bytes){zero_inside, sizeof(zero_inside) - 1}) == STATUS_INVALID);
}

static void build_v2(struct buffer *header, unsigned command, unsigned protocol, size_t size)
{
    buffer_add(header, signature, sizeof(signature));
    buffer_add_number(header, command, 1);
    buffer_add_number(header, protocol, 1);
    buffer_add_number(header, size >> 8, 1);
    buffer_add_number(header, size & 0xff, 1);
}

static const uint8_t ipv4_block[12] = {10, 0, 0, 7, 10, 0, 0, 1, 0xc8, 0x00, 0x0c, 0xea};

static void reads_version_2(void)
{
    struct buffer whole = {0};
    struct proxy_header header;

    build_v2(&whole, 0x21, 0x11, sizeof(ipv4_block));
    buffer_add(&whole, ipv4_block, sizeof(ipv4_block));
    header = find(buffer_bytes(&whole), "rest");
    CHECK(!header.is_local && strcmp(header.source, "10.0.0.7:51200") == 0);

    buffer_clear(&whole);
    build_v2(&whole, 0x21, 0x21, 36);
    buffer_add_zeros(&whole, 15);
    buffer_add_number(&whole, 7, 1);
    buffer_add_zeros(&whole, 16);
    buffer_add_number(&whole, 0x00c8, 2);
    buffer_add_number(&whole, 0xea0c, 2);
    header = find(buffer_bytes(&whole), "rest");
    CHECK(!header.is_local && strcmp(header.source, "[::7]:51200") == 0);
    buffer_release(&whole);
}

static void skips_the_extensions_of_version_2(void)
{
    struct buffer whole = {0};
    struct proxy_header header;

    build_v2(&whole, 0x21, 0x11, sizeof(ipv4_block) + 3 + 5 + 3);
    buffer_add(&whole, ipv4_block, sizeof(ipv4_block));
    buffer_add(&whole, "\x02\x00\x05hello\x04\x00\x00", 11);
    header = find(buffer_bytes(&whole), "rest");
    CHECK(strcmp(header.source, "10.0.0.7:51200") == 0);
    buffer_release(&whole);
}

static void takes_no_source_from_a_proxy_that_speaks_for_itself(void)
{
    /* LOCAL; UNSPEC; a UNIX socket; a datagram. */
    static const uint8_t kinds[][2] = {
        {0x20, 0x00}, {0x20, 0x11}, {0x21, 0x00}, {0x21, 0x31}, {0x21, 0x12}};

    for (size_t at = 0; at < sizeof(kinds) / sizeof(kinds[0]); at++) {
        struct buffer whole = {0};
        struct proxy_header header;

        build_v2(&whole, kinds[at][0], kinds[at][1], 7);
        buffer_add_zeros(&whole, 7);
        header = find(buffer_bytes(&whole), "rest");
        CHECK(header.is_local && header.source[0] == '\0');
        buffer_release(&whole);
    }
}

static enum status v2_status(unsigned command, unsigned protocol, size_t size, size_t there)
{
    struct buffer whole = {0};
    enum status status = STATUS_OK;

    build_v2(&whole, command, protocol, size);
    buffer_add_zeros(&whole, there);
    status = find_status(buffer_bytes(&whole));
    buffer_release(&whole);
    return status;
}

static void refuses_a_broken_version_2(void)
{
    CHECK(v2_status(0x31, 0x11, 12, 12) == STATUS_INVALID); /* version 3 */
    CHECK(v2_status(0x22, 0x11, 12, 12) == STATUS_INVALID); /* a command there is not */
    CHECK(v2_status(0x21, 0x11, 11, 11) == STATUS_INVALID); /* addresses cut short */
    CHECK(v2_status(0x21, 0x21, 35, 35) == STATUS_INVALID);
    CHECK(v2_status(0x21, 0x11, 13, 13) == STATUS_INVALID); /* an extension cut short */
    CHECK(v2_status(0x21, 0x11, PROXY_HEADER_BYTES_MAX - 15, 0) == STATUS_INVALID); /* long */
    CHECK(v2_status(0x21, 0x11, 65535, 0) == STATUS_INVALID);
    CHECK(v2_status(0x21, 0x11, PROXY_HEADER_BYTES_MAX - 16, 100) == STATUS_AGAIN);
}

static void leaves_a_clients_own_bytes_alone(void)
{
    static const uint8_t login[] = {0x50, 0x52, 0x4f, 0x01, 0x00}; /* length as "PRO" */
    static const uint8_t broken[] = {0x0d, 0x0a, 0x0d, 0x01};

    CHECK(find_status((struct bytes){login, 3}) == STATUS_AGAIN);
    CHECK(find_status((struct bytes){login, sizeof(login)}) == STATUS_NOT_FOUND);
    CHECK(find_status((struct bytes){broken, sizeof(broken)}) == STATUS_NOT_FOUND);
    CHECK(find_status(bytes_of_text("GET / HTTP/1.1\r\n")) == STATUS_NOT_FOUND);
    CHECK(find_status(bytes_of_text("PROXI TCP4")) == STATUS_NOT_FOUND);
}

int main(void)
{
    reads_version_1();
    refuses_a_broken_version_1();
    reads_version_2();
    skips_the_extensions_of_version_2();
    takes_no_source_from_a_proxy_that_speaks_for_itself();
    refuses_a_broken_version_2();
    leaves_a_clients_own_bytes_alone();
    return 0;
}
