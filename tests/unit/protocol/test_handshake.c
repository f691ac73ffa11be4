/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/handshake.h"

#include <string.h>

#include "check.h"
#include "wire_bytes.h"

enum { OFFERED_ALL = -1 };

/* Captured from the servers; Debian's packages. */
static const char mysql_97[] = "0a392e372e342d32004700000002250e181f172c3e00ffffff0200ffdf1500"
                               "000000000000000000212244314d1a582f5f3f667400"
                               "63616368696e675f736861325f70617373776f726400";
static const char mariadb_118[] = "0a31312e382e362d4d6172696144422d302b646562313375312066726f6d"
                                  "2044656269616e00050000005b493b2b6641525700feff2d0200ff8115"
                                  "0000000000003d0000003e6f35573956244f433f556c00"
                                  "6d7973716c5f6e61746976655f70617373776f726400";
static const char mariadb_1011[] = "0a352e352e352d31302e31312e31392d4d6172696144422d302b646562"
                                   "3132753100410000004c6c5b605360655c00fef7080200ff8115000000"
                                   "0000001d0000007c7a724d663d3d5a2e747e3e00"
                                   "6d7973716c5f6e61746976655f70617373776f726400";

/* Captured from clients that were greeted with the first of them (without SSL), user sha,
 * password "secret word", database db1. */
static const char client_97[] =
    "8da2bf1900000001ff0000000000000000000000000000000000000000000000"
    "7368610020dff2dcf2cb87e6e670406bc3660460fc5cf9065b2e67dcb81fefd9664f781a436462310063616368"
    "696e675f736861325f70617373776f72640072045f706964053232353639095f706c6174666f726d067838365f"
    "3634035f6f73054c696e75780c5f636c69656e745f6e616d65086c69626d7973716c076f735f7573657204726f"
    "6f740f5f636c69656e745f76657273696f6e05392e372e340c70726f6772616d5f6e616d65056d7973716c";
static const char client_mariadb_1011[] =
    "8da2bf0000001000210000000000000000000000000000000000000000000000"
    "7368610020dff2dcf2cb87e6e670406bc3660460fc5cf9065b2e67dcb81fefd9664f781a436462310063616368"
    "696e675f736861325f70617373776f7264007f035f6f73054c696e75780c5f636c69656e745f6e616d650a6c69"
    "626d617269616462045f7069640532323537330f5f636c69656e745f76657273696f6e06332e332e3230095f70"
    "6c6174666f726d067838365f36340c70726f6772616d5f6e616d65056d7973716c0c5f7365727665725f686f73"
    "74093132372e302e302e31";

/* Greeted by MariaDB 11.8: LONG_PASSWORD is unset and the reserved bytes are not zero. */
static const char client_mariadb_118[] =
    "8ca2bf00000000012d000000000000000000000000000000000000001d000000"
    "73686100149e0ffb378c7efff3fe5ae54d0d574ce3225e9445646231006d7973716c5f6e61746976655f706173"
    "73776f7264007e035f6f73054c696e75780c5f636c69656e745f6e616d650a6c69626d617269616462045f7069"
    "640532323537320f5f636c69656e745f76657273696f6e05332e342e39095f706c6174666f726d067838365f36"
    "340c70726f6772616d5f6e616d65056d7973716c0c5f7365727665725f686f7374093132372e302e302e31";

static const uint32_t our_capabilities = CAPABILITY_LONG_PASSWORD | CAPABILITY_PROTOCOL_41 |
                                         CAPABILITY_SSL | CAPABILITY_SECURE_CONNECTION |
                                         CAPABILITY_PLUGIN_AUTH | CAPABILITY_CONNECT_WITH_DB;

static void reads_the_greeting_of_mysql(void)
{
    struct buffer buffer = {0};
    struct greeting greeting = {0};
    struct error error = {0};

    CHECK_OK(greeting_decode(&greeting, hex_bytes(&buffer, mysql_97), &error), &error);
    CHECK(strcmp(greeting.version, "9.7.4-2") == 0 && !greeting.is_mariadb);
    CHECK(strcmp(greeting.plugin, "caching_sha2_password") == 0);
    CHECK(greeting.connection_id == 0x47 && greeting.character_set == 255);
    CHECK(greeting.capabilities == 0xDFFFFFFF && greeting.server_status == 2);
    CHECK(memcmp(greeting.challenge, "\x02\x25\x0e\x18\x1f\x17\x2c\x3e!\"D1M\x1aX/_?ft", 20) ==
          0);
    buffer_release(&buffer);
}

static void reads_the_greetings_of_mariadb(void)
{
    struct buffer buffer = {0};
    struct greeting greeting = {0};
    struct error error = {0};

    CHECK_OK(greeting_decode(&greeting, hex_bytes(&buffer, mariadb_118), &error), &error);
    CHECK(strcmp(greeting.version, "11.8.6-MariaDB-0+deb13u1 from Debian") == 0);
    CHECK(greeting.is_mariadb && !(greeting.capabilities & CAPABILITY_LONG_PASSWORD));
    CHECK(strcmp(greeting.plugin, "mysql_native_password") == 0);
    CHECK_OK(greeting_decode(&greeting, hex_bytes(&buffer, mariadb_1011), &error), &error);
    CHECK(strcmp(greeting.version, "10.11.19-MariaDB-0+deb12u1") == 0);
    CHECK(greeting.is_mariadb && greeting.connection_id == 0x41);
    CHECK(memcmp(greeting.challenge, "Ll[`S`e\\|zrMf==Z.t~>", 20) == 0);
    buffer_release(&buffer);
}

static struct greeting some_greeting(void)
{
    struct greeting greeting = {
        .version = "9.7.0-binrelay",
        .connection_id = 0x01020304,
        .capabilities = our_capabilities,
        .plugin = "caching_sha2_password",
        .server_status = 2,
        .character_set = 45,
    };

    memcpy(greeting.challenge, "abcdefghijklmnopqrst", AUTH_CHALLENGE_BYTES);
    return greeting;
}

static void reads_the_greeting_it_wrote(void)
{
    const struct greeting sent = some_greeting();
    struct greeting read = {0};
    struct buffer payload = {0};
    struct error error = {0};

    greeting_encode(&payload, &sent);
    CHECK_OK(greeting_decode(&read, buffer_bytes(&payload), &error), &error);
    CHECK(strcmp(read.version, sent.version) == 0 && strcmp(read.plugin, sent.plugin) == 0);
    CHECK(read.connection_id == sent.connection_id);
    CHECK(read.capabilities == sent.capabilities);
    CHECK(read.server_status == 2 && read.character_set == 45 && !read.is_mariadb);
    CHECK(memcmp(read.challenge, sent.challenge, AUTH_CHALLENGE_BYTES) == 0);
    /* Cut anywhere but in the plugin, whose zero is left out by some servers. */
    for (size_t size = 0; size < payload.size - sizeof("caching_sha2_password"); size++) {
        CHECK(greeting_decode(&read, (struct bytes){payload.data, size}, &error) ==
              STATUS_INVALID);
    }
    payload.size--;
    CHECK_OK(greeting_decode(&read, buffer_bytes(&payload), &error), &error);
    CHECK(strcmp(read.plugin, "caching_sha2_password") == 0);
    buffer_release(&payload);
}

static void encodes_the_greeting_as_mysqld_does(void)
{
    struct buffer captured = {0};
    struct buffer payload = {0};
    struct greeting greeting = {0};
    struct error error = {0};

    CHECK_OK(greeting_decode(&greeting, hex_bytes(&captured, mysql_97), &error), &error);
    greeting_encode(&payload, &greeting);
    CHECK(bytes_equal(buffer_bytes(&payload), buffer_bytes(&captured)));
    buffer_release(&payload);
    buffer_release(&captured);
}

static void gives_the_words_of_a_server_that_refuses_to_greet(void)
{
    struct greeting greeting = {0};
    struct error error = {0};

    CHECK(greeting_decode(&greeting,
                          BYTES("\xFF\x6A\x04Host 'x' is not allowed to connect to this MySQL "
                                "server"),
                          &error) == STATUS_DENIED);
    CHECK(error.sql_code == 1130);
    CHECK(strncmp(error.message, "Host 'x' is not allowed", 23) == 0);
}

static void refuses_other_protocols(void)
{
    struct greeting greeting = {0};
    struct error error = {0};
    struct buffer payload = {0};
    struct greeting old = some_greeting();

    CHECK(greeting_decode(&greeting, BYTES("SSH-2.0-OpenSSH_9.2"), &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "is it a MySQL server?") != NULL);
    CHECK(greeting_decode(&greeting, (struct bytes){0}, &error) == STATUS_INVALID);
    old.capabilities &= ~(uint32_t)CAPABILITY_PROTOCOL_41;
    greeting_encode(&payload, &old);
    CHECK(greeting_decode(&greeting, buffer_bytes(&payload), &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "before MySQL 4.1") != NULL);
    buffer_release(&payload);
}

static void makes_the_version_of_a_server_safe(void)
{
    struct greeting hostile = some_greeting();
    struct greeting read = {0};
    struct buffer payload = {0};
    struct error error = {0};

    memset(hostile.version, '\n', sizeof(hostile.version) - 1);
    greeting_encode(&payload, &hostile);
    CHECK_OK(greeting_decode(&read, buffer_bytes(&payload), &error), &error);
    CHECK(strlen(read.version) == sizeof(read.version) - 1);
    CHECK(strncmp(read.version, "\\x0A\\x0A", 8) == 0);
    buffer_release(&payload);
}

static void reads_the_responses_of_clients(void)
{
    static const char *const captured[] = {client_97, client_mariadb_1011, client_mariadb_118};
    struct handshake_response response = {0};
    struct buffer buffer = {0};
    struct error error = {0};

    for (size_t at = 0; at < 3; at++) {
        bool is_native = at == 2;

        CHECK_OK(handshake_response_decode(&response, hex_bytes(&buffer, captured[at]),
                                           (uint32_t)OFFERED_ALL, &error),
                 &error);
        CHECK(!response.is_ssl_request);
        CHECK(bytes_equal(response.user, bytes_of_text("sha")));
        CHECK(response.proof.size == (is_native ? 20 : 32));
        CHECK(response.proof.data[0] == (is_native ? 0x9E : 0xDF));
        CHECK(bytes_equal(response.database, bytes_of_text("db1")));
        CHECK(bytes_equal(response.plugin, bytes_of_text(is_native ? "mysql_native_password"
                                                                   : "caching_sha2_password")));
    }
    buffer_release(&buffer);
}

/* A client may set bits that were not offered, and then leaves out what belongs to them. */
static void reads_no_fields_that_were_not_offered(void)
{
    struct handshake_response sent = {
        .capabilities = our_capabilities & ~(uint32_t)CAPABILITY_CONNECT_WITH_DB,
        .user = bytes_of_text("u"),
        .proof = bytes_of_text("proof"),
        .plugin = bytes_of_text("p"),
    };
    struct handshake_response read = {0};
    struct buffer payload = {0};
    struct error error = {0};

    handshake_response_encode(&payload, &sent);
    payload.data[0] |= CAPABILITY_CONNECT_WITH_DB;
    CHECK_OK(
        handshake_response_decode(&read, buffer_bytes(&payload), sent.capabilities, &error),
        &error);
    CHECK(read.capabilities == sent.capabilities && read.database.size == 0);
    CHECK(bytes_equal(read.plugin, sent.plugin));
    buffer_release(&payload);
}

static void reads_the_responses_it_wrote(void)
{
    static const uint32_t forms[] = {
        CAPABILITY_PLUGIN_AUTH_LENENC | CAPABILITY_CONNECT_ATTRIBUTES,
        CAPABILITY_SECURE_CONNECTION,
        0,
    };
    struct handshake_response read = {0};
    struct buffer payload = {0};
    struct error error = {0};

    for (size_t at = 0; at < 3; at++) {
        const struct handshake_response sent = {
            .capabilities = CAPABILITY_PROTOCOL_41 | CAPABILITY_PLUGIN_AUTH |
                            CAPABILITY_CONNECT_WITH_DB | forms[at],
            .most_packet_bytes = 1 << 24,
            .character_set = 45,
            .user = bytes_of_text("repl"),
            .proof = bytes_of_text("01234567890123456789"),
            .database = bytes_of_text("d"),
            .plugin = bytes_of_text("mysql_native_password"),
        };

        buffer_clear(&payload);
        handshake_response_encode(&payload, &sent);
        CHECK_OK(handshake_response_decode(&read, buffer_bytes(&payload), (uint32_t)OFFERED_ALL,
                                           &error),
                 &error);
        CHECK(read.capabilities == sent.capabilities && read.character_set == 45);
        CHECK(read.most_packet_bytes == 1 << 24);
        CHECK(bytes_equal(read.user, sent.user) && bytes_equal(read.proof, sent.proof));
        CHECK(bytes_equal(read.database, sent.database));
        CHECK(bytes_equal(read.plugin, sent.plugin));
    }
    buffer_release(&payload);
}

static void knows_an_ssl_request(void)
{
    const struct handshake_response sent = {.capabilities = our_capabilities,
                                            .character_set = 45};
    struct handshake_response read = {0};
    struct buffer payload = {0};
    struct error error = {0};

    handshake_ssl_request_encode(&payload, &sent);
    CHECK(payload.size == 32);
    CHECK_OK(handshake_response_decode(&read, buffer_bytes(&payload), our_capabilities, &error),
             &error);
    CHECK(read.is_ssl_request && read.user.size == 0);
    CHECK(handshake_response_decode(&read, buffer_bytes(&payload),
                                    our_capabilities & ~(uint32_t)CAPABILITY_SSL,
                                    &error) == STATUS_INVALID); /* not offered */
    buffer_release(&payload);
}

static void refuses_broken_responses(void)
{
    struct handshake_response read = {0};
    struct buffer payload = {0};
    struct error error = {0};
    struct bytes whole = hex_bytes(&payload, client_97);

    for (size_t size = 0; size < 32 + 4 + 33; size++) {
        CHECK(handshake_response_decode(&read, (struct bytes){whole.data, size},
                                        our_capabilities, &error) == STATUS_INVALID);
    }
    payload.data[32 + 4] = 0xFF; /* size of the proof */
    CHECK(handshake_response_decode(&read, whole, our_capabilities, &error) == STATUS_INVALID);
    CHECK(handshake_response_decode(&read, whole, (uint32_t)OFFERED_ALL, &error) ==
          STATUS_INVALID);
    payload.data[1] &= 0xFD;
    CHECK(handshake_response_decode(&read, whole, our_capabilities, &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "before MySQL 4.1") != NULL);
    buffer_release(&payload);
}

static void writes_the_switch_of_the_manual(void)
{
    struct buffer payload = {0};

    auth_switch_encode(&payload, "mysql_native_password",
                       (const uint8_t *)"abcdefghijklmnopqrst");
    CHECK(bytes_equal(buffer_bytes(&payload),
                      BYTES("\xFEmysql_native_password\0abcdefghijklmnopqrst\0")));
    buffer_release(&payload);
}

int main(void)
{
    reads_the_greeting_of_mysql();
    reads_the_greetings_of_mariadb();
    reads_the_greeting_it_wrote();
    encodes_the_greeting_as_mysqld_does();
    gives_the_words_of_a_server_that_refuses_to_greet();
    refuses_other_protocols();
    makes_the_version_of_a_server_safe();
    reads_the_responses_of_clients();
    reads_no_fields_that_were_not_offered();
    reads_the_responses_it_wrote();
    knows_an_ssl_request();
    refuses_broken_responses();
    writes_the_switch_of_the_manual();
    return 0;
}
