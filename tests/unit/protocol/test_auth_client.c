/* SPDX-License-Identifier: Apache-2.0 */
/* What a client does with the packets of a server that is not ours, or not well-meaning. */
#include <string.h>

#include "binrelay/protocol/auth.h"
#include "check.h"
#include "wire_bytes.h"

#define CHALLENGE "abcdefghijklmnopqrst"

static struct auth_client client_of(enum auth_plugin plugin, const char *password)
{
    struct auth_client client = {.plugin = plugin, .password = password, .is_secure = true};

    memcpy(client.challenge, "01234567890123456789", AUTH_CHALLENGE_BYTES);
    return client;
}

static void sends_no_password_in_the_clear(void)
{
    struct auth_client client = client_of(AUTH_CACHING_SHA2, "secret");
    struct buffer reply = {0};
    struct error error = {0};

    client.is_secure = false;
    CHECK(auth_client_next(&client, BYTES("\1\4"), &reply, &error) == STATUS_DENIED);
    CHECK(strstr(error.message, "TLS") != NULL);
    CHECK(strstr(error.message, "\"public_key\"") != NULL);
    client.pinned_key_path = "/dev/null";
    CHECK(auth_client_next(&client, BYTES("\1\4"), &reply, &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "/dev/null") != NULL);
    CHECK(reply.size == 0 && !client.is_reply_due);
}

static void sends_the_password_over_tls(void)
{
    struct auth_client client = client_of(AUTH_CACHING_SHA2, "secret");
    struct buffer reply = {0};
    struct error error = {0};

    CHECK(auth_client_next(&client, BYTES("\1\4"), &reply, &error) == STATUS_AGAIN);
    CHECK(client.is_reply_due && bytes_equal(buffer_bytes(&reply), BYTES("secret\0")));
    CHECK_OK(auth_client_next(&client, BYTES("\0\0\0\2\0\0\0"), &reply, &error), &error);
    buffer_release(&reply);
}

static void follows_a_switch_to_either_plugin(void)
{
    static const enum auth_plugin plugins[] = {AUTH_CACHING_SHA2, AUTH_NATIVE};

    for (size_t at = 0; at < 2; at++) {
        struct auth_client client = client_of(plugins[1 - at], "secret");
        struct buffer payload = {0};
        struct buffer expected = {0};
        struct buffer reply = {0};
        struct error error = {0};

        auth_switch_encode(&payload, auth_plugin_name(plugins[at]), (const uint8_t *)CHALLENGE);
        CHECK(auth_client_next(&client, buffer_bytes(&payload), &reply, &error) ==
              STATUS_AGAIN);
        auth_proof_add(&expected, plugins[at], "secret", (const uint8_t *)CHALLENGE);
        CHECK(client.is_reply_due && client.plugin == plugins[at]);
        CHECK(memcmp(client.challenge, CHALLENGE, AUTH_CHALLENGE_BYTES) == 0);
        CHECK(bytes_equal(buffer_bytes(&reply), buffer_bytes(&expected)));
        buffer_release(&reply);
        buffer_release(&expected);
        buffer_release(&payload);
    }
}

static void replies_to_a_switch_without_a_password_and_only_once(void)
{
    struct auth_client client = client_of(AUTH_CACHING_SHA2, "");
    struct buffer payload = {0};
    struct buffer reply = {0};
    struct error error = {0};

    auth_switch_encode(&payload, "mysql_native_password", (const uint8_t *)CHALLENGE);
    CHECK(auth_client_next(&client, buffer_bytes(&payload), &reply, &error) == STATUS_AGAIN);
    CHECK(client.is_reply_due && reply.size == 0); /* a packet of no bytes */
    CHECK(auth_client_next(&client, buffer_bytes(&payload), &reply, &error) == STATUS_INVALID);
    buffer_release(&payload);
}

static void refuses_other_plugins(void)
{
    const struct {
        struct bytes payload;
        enum status expected;
        const char *words;
    } cases[] = {
        {BYTES("\xFEmysql_clear_password\0"), STATUS_DENIED, "'mysql_clear_password'"},
        {BYTES("\xFEmysql_old_password\0" CHALLENGE), STATUS_DENIED, "'mysql_old_password'"},
        {BYTES("\xFE"), STATUS_DENIED, "before MySQL 4.1"},
        {BYTES("\xFEmysql_native_password"), STATUS_INVALID, "broken"},
        {BYTES("\xFEmysql_native_password\0short"), STATUS_INVALID, "challenge"},
    };

    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        struct auth_client client = client_of(AUTH_NATIVE, "secret");
        struct buffer reply = {0};
        struct error error = {0};

        CHECK(auth_client_next(&client, cases[at].payload, &reply, &error) ==
              cases[at].expected);
        CHECK(strstr(error.message, cases[at].words) != NULL);
        CHECK(reply.size == 0 && !client.is_reply_due);
    }
}

static void gives_the_words_of_the_server(void)
{
    struct auth_client client = client_of(AUTH_CACHING_SHA2, "secret");
    struct buffer reply = {0};
    struct error error = {0};

    CHECK(auth_client_next(&client, BYTES("\xFF\x15\x04#28000Access denied for 'u'@'h'"),
                           &reply, &error) == STATUS_DENIED);
    CHECK(error.sql_code == 1045);
    CHECK(strcmp(error.message, "Access denied for 'u'@'h'") == 0);
}

static void refuses_answers_out_of_place(void)
{
    const struct bytes payloads[] = {
        {0}, BYTES("\0"), BYTES("\1"), BYTES("\1\5"), BYTES("\1\3x"), BYTES("\2x"), BYTES("x")};
    struct auth_client client = client_of(AUTH_CACHING_SHA2, "secret");
    struct buffer reply = {0};
    struct error error = {0};

    for (size_t at = 0; at < sizeof(payloads) / sizeof(payloads[0]); at++) {
        CHECK(auth_client_next(&client, payloads[at], &reply, &error) == STATUS_INVALID);
    }
    CHECK(auth_client_next(&client, BYTES("\1\3"), &reply, &error) == STATUS_AGAIN);
    CHECK(!client.is_reply_due); /* OK follows by itself */
    CHECK(auth_client_next(&client, BYTES("\1\4"), &reply, &error) == STATUS_INVALID);
    client = client_of(AUTH_NATIVE, "secret"); /* which knows no full authentication */
    CHECK(auth_client_next(&client, BYTES("\1\4"), &reply, &error) == STATUS_INVALID);
    CHECK(reply.size == 0);
}

int main(void)
{
    sends_no_password_in_the_clear();
    sends_the_password_over_tls();
    follows_a_switch_to_either_plugin();
    replies_to_a_switch_without_a_password_and_only_once();
    refuses_other_plugins();
    gives_the_words_of_the_server();
    refuses_answers_out_of_place();
    return 0;
}
