/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/net/network.h"

#include <string.h>

#include "check.h"

static bool is_in(const char *address, const char *text)
{
    struct network network;
    struct error error;

    CHECK_OK(network_parse(&network, text, &error), &error);
    return network_contains(&network, address);
}

static void finds_ipv4_addresses_in_their_networks(void)
{
    CHECK(is_in("10.0.0.5", "10.0.0.5/32"));
    CHECK(is_in("10.0.0.5", "10.0.0.5"));
    CHECK(!is_in("10.0.0.6", "10.0.0.5/32"));
    CHECK(!is_in("10.0.0.6", "10.0.0.5"));
    CHECK(is_in("10.255.1.2", "10.0.0.0/8"));
    CHECK(!is_in("11.0.0.1", "10.0.0.0/8"));
    CHECK(is_in("192.168.1.129", "192.168.1.128/25"));
    CHECK(!is_in("192.168.1.127", "192.168.1.128/25"));
    CHECK(is_in("8.8.8.8", "0.0.0.0/0"));
}

static void finds_ipv6_addresses_in_their_networks(void)
{
    CHECK(is_in("2001:db8::1", "2001:db8::/32"));
    CHECK(!is_in("2001:db9::1", "2001:db8::/32"));
    CHECK(is_in("::1", "::1"));
    CHECK(is_in("2001:db8::7fff", "2001:db8::/113"));
    CHECK(!is_in("2001:db8::8000", "2001:db8::/113"));
    CHECK(is_in("fe80::1%eth0", "fe80::/10"));
}

static void takes_the_address_out_of_a_connections_name(void)
{
    CHECK(is_in("10.0.0.5:51200", "10.0.0.5/32"));
    CHECK(is_in("[2001:db8::1]:51200", "2001:db8::/32"));
    CHECK(is_in("[fe80::1%2]:51200", "fe80::/10"));
    CHECK(!is_in("unix", "0.0.0.0/0"));
    CHECK(!is_in("", "0.0.0.0/0"));
    CHECK(!is_in("[", "::/0"));
    CHECK(!is_in("[::1", "2001:db8::/32"));
}

static void treats_an_ipv4_address_in_ipv6_as_itself(void)
{
    CHECK(is_in("::ffff:10.0.0.5", "10.0.0.0/24"));
    CHECK(is_in("10.0.0.5", "::ffff:10.0.0.0/120"));
    CHECK(is_in("10.0.0.5", "::/0"));
    CHECK(!is_in("::1", "0.0.0.0/0"));
}

static void refuses_what_is_no_network(void)
{
    static const char *const wrong[] = {
        "",
        "/",
        "10.0.0",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/ 8",
        "10.0.0.0/8 ",
        "10.0.0.0/8x",
        "::/129",
        "host",
        "10.0.0.5/24",
        "2001:db8::1/32",
        "10.0.0.0/4294967304",
        "[::1]",
        "1.2.3.4:5",
        "10.0.0.256",
        "10.0.0.0/8/8",
        "10.0.0.0/00000008",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff",
    };

    for (size_t at = 0; at < sizeof(wrong) / sizeof(wrong[0]); at++) {
        struct network network;
        struct error error = {.status = STATUS_OK};

        CHECK(network_parse(&network, wrong[at], &error) == STATUS_INVALID);
        CHECK(error.status == STATUS_INVALID && strstr(error.message, "network") != NULL);
    }
}

int main(void)
{
    finds_ipv4_addresses_in_their_networks();
    finds_ipv6_addresses_in_their_networks();
    takes_the_address_out_of_a_connections_name();
    treats_an_ipv4_address_in_ipv6_as_itself();
    refuses_what_is_no_network();
    return 0;
}
