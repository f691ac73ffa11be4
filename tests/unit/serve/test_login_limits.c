/* SPDX-License-Identifier: Apache-2.0 */
#include "login_limits.h"

#include <string.h>

#include "check.h"

enum { SEC = 1000000 };

static const char peer[] = "10.0.0.7:51200";
static const char same[] = "10.0.0.7:9";
static const char other[] = "10.0.0.8:51200";

static void fail(struct login_limits *limits, const char *who, int times, uint64_t now_usec)
{
    for (int at = 0; at < times; at++) {
        login_limits_note_failure(limits, who, now_usec);
    }
}

static void refuses_after_many_failures_and_for_a_while(void)
{
    struct login_limits *limits = login_limits_new();
    const uint64_t now = UINT64_C(1000) * SEC;

    fail(limits, peer, LOGIN_FAILURES_MOST - 1, now);
    CHECK(!login_limits_refuse(limits, same, now));
    fail(limits, peer, 1, now);
    CHECK(login_limits_refuse(limits, same, now)); /* from any port */
    CHECK(!login_limits_refuse(limits, other, now));
    CHECK(login_limits_refuse(limits, peer, now + (LOGIN_REFUSED_SEC - 1) * SEC));
    CHECK(!login_limits_refuse(limits, peer, now + LOGIN_REFUSED_SEC * SEC));
    login_limits_free(limits);
}

static void forgets_after_a_success_and_with_time(void)
{
    struct login_limits *limits = login_limits_new();
    uint64_t now = UINT64_C(1000) * SEC;

    fail(limits, peer, LOGIN_FAILURES_MOST - 1, now);
    login_limits_note_success(limits, same);
    fail(limits, peer, LOGIN_FAILURES_MOST - 1, now);
    CHECK(!login_limits_refuse(limits, peer, now));
    now += UINT64_C(2) * LOGIN_FORGOTTEN_AFTER_SEC * SEC;
    fail(limits, peer, 1, now);
    CHECK(!login_limits_refuse(limits, peer, now));
    login_limits_free(limits);
}

/* Of fixed size: the table cannot grow, and the newest offenders stay in it. */
static void many_addresses_do_not_push_out_the_newest(void)
{
    struct login_limits *limits = login_limits_new();
    char name[64];

    for (unsigned at = 0; at < 50000; at++) {
        (void)snprintf(name, sizeof(name), "10.%u.%u.%u:1", at >> 16, at >> 8 & 0xFF,
                       at & 0xFF);
        login_limits_note_failure(limits, name, SEC + at);
    }
    fail(limits, peer, LOGIN_FAILURES_MOST, UINT64_C(2) * SEC);
    CHECK(login_limits_refuse(limits, peer, UINT64_C(2) * SEC));
    login_limits_free(limits);
}

static void takes_the_port_off(void)
{
    char host[PEER_HOST_BYTES];

    peer_host("10.0.0.7:51200", host);
    CHECK(strcmp(host, "10.0.0.7") == 0);
    peer_host("[2001:db8::1]:51200", host);
    CHECK(strcmp(host, "2001:db8::1") == 0);
    peer_host("unix", host);
    CHECK(strcmp(host, "unix") == 0);
}

int main(void)
{
    refuses_after_many_failures_and_for_a_while();
    forgets_after_a_success_and_with_time();
    many_addresses_do_not_push_out_the_newest();
    takes_the_port_off();
    return 0;
}
