/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/auth.h"

#include <string.h>
#include <unistd.h>

#include "auth_rsa.h"
#include "check.h"
#include "temp_dir.h"
#include "wire_bytes.h"

#define OK_PACKET BYTES("\0\0\0\2\0\0\0")

/* Whoever takes part in one login, in one process. */
struct login {
    struct auth_secrets secrets;
    struct auth_server server;
    struct auth_client client;
    struct buffer to_client; /* owned */
    struct buffer to_server; /* owned */
    struct error client_error;
    struct error server_error;
};

static void begin(struct login *login, enum auth_plugin plugin, const char *password)
{
    *login = (struct login){
        .server = {.plugin = plugin, .is_secure = true},
        .client = {.plugin = plugin, .password = password, .is_secure = true},
    };
    login->secrets.passwords[0] = "current";
    login->secrets.passwords[1] = "before";
    login->server.secrets = &login->secrets;
    auth_challenge_make(login->server.challenge);
    memcpy(login->client.challenge, login->server.challenge, AUTH_CHALLENGE_BYTES);
}

static void end(struct login *login)
{
    auth_rsa_wipe(&login->to_client);
    auth_rsa_wipe(&login->to_server);
}

/* Gives the client what the server said, and then OK if it did; the client's status. */
static enum status deliver(struct login *login, enum status server_status)
{
    enum status status = STATUS_AGAIN;

    if (login->to_client.size > 0) {
        status = auth_client_next(&login->client, buffer_bytes(&login->to_client),
                                  &login->to_server, &login->client_error);
        CHECK(login->client.is_reply_due == (server_status == STATUS_AGAIN));
    }
    if (status == STATUS_AGAIN && server_status == STATUS_OK) {
        status = auth_client_next(&login->client, OK_PACKET, &login->to_server,
                                  &login->client_error);
    }
    return status;
}

/* Runs one login to its end; the server's status. The client must agree if it gets an OK. */
static enum status log_in(struct login *login)
{
    enum status status = STATUS_OK;

    auth_proof_add(&login->to_server, login->client.plugin, login->client.password,
                   login->client.challenge);
    status = auth_server_first(&login->server, buffer_bytes(&login->to_server),
                               &login->to_client, &login->server_error);
    for (int turn = 0; status == STATUS_AGAIN && turn < 3; turn++) {
        buffer_clear(&login->to_server);
        if (deliver(login, status) != STATUS_AGAIN) {
            return STATUS_AGAIN; /* the client gave up */
        }
        CHECK(login->client.is_reply_due);
        buffer_clear(&login->to_client);
        status = auth_server_next(&login->server, buffer_bytes(&login->to_server),
                                  &login->to_client, &login->server_error);
    }
    if (status == STATUS_OK) {
        CHECK_OK(deliver(login, status), &login->client_error);
    }
    return status;
}

/* What mysql 9.7 and mariadb 11.8 sent to these challenges for "secret word". */
static void proves_as_real_clients_do(void)
{
    struct buffer challenge = {0};
    struct buffer expected = {0};
    struct buffer proof = {0};

    (void)hex_bytes(&challenge, "02250e181f172c3e212244314d1a582f5f3f6674");
    auth_proof_add(&proof, AUTH_CACHING_SHA2, "secret word", challenge.data);
    CHECK(bytes_equal(
        buffer_bytes(&proof),
        hex_bytes(&expected,
                  "dff2dcf2cb87e6e670406bc3660460fc5cf9065b2e67dcb81fefd9664f781a43")));
    (void)hex_bytes(&challenge, "5b493b2b664152573e6f35573956244f433f556c");
    buffer_clear(&proof);
    auth_proof_add(&proof, AUTH_NATIVE, "secret word", challenge.data);
    CHECK(bytes_equal(buffer_bytes(&proof),
                      hex_bytes(&expected, "9e0ffb378c7efff3fe5ae54d0d574ce3225e9445")));
    buffer_clear(&proof);
    auth_proof_add(&proof, AUTH_NATIVE, "", challenge.data);
    auth_proof_add(&proof, AUTH_UNKNOWN, "secret word", challenge.data);
    CHECK(proof.size == 0);
    buffer_release(&proof);
    buffer_release(&expected);
    buffer_release(&challenge);
}

/* What a MariaDB 11.8 server said to a client that knew "secret word". */
static void proves_a_certificate_as_mariadb_does(void)
{
    struct auth_secrets secrets = {{"other", "secret word"}};
    struct auth_server server = {.plugin = AUTH_NATIVE, .secrets = &secrets};
    struct buffer challenge = {0};
    struct buffer fingerprint = {0};
    struct buffer proof = {0};
    struct buffer text = {0};

    (void)hex_bytes(&challenge, "592c6b595a394e5c64613a3d60504f78322f355a");
    memcpy(server.challenge, challenge.data, AUTH_CHALLENGE_BYTES);
    (void)hex_bytes(&fingerprint,
                    "219a20e673f2f051d1077bb74f906ad0c4c67353aa2d246aaafb3f0efc2ad0ea");
    auth_proof_add(&proof, AUTH_NATIVE, "secret word", server.challenge);
    auth_certificate_proof_add(&text, &server, buffer_bytes(&proof),
                               buffer_bytes(&fingerprint));
    CHECK(
        bytes_equal(buffer_bytes(&text),
                    BYTES("\x01"
                          "15D72B94105C5CE957F951D524EBE5D475625E0687CF8B19014CDBDA8BDF979B")));
    buffer_clear(&text);
    proof.data[0] ^= 1;
    auth_certificate_proof_add(&text, &server, buffer_bytes(&proof),
                               buffer_bytes(&fingerprint));
    CHECK(text.size == 0); /* a client that did not prove itself learns nothing */
    buffer_release(&text);
    buffer_release(&proof);
    buffer_release(&fingerprint);
    buffer_release(&challenge);
}

static void names_and_finds_the_plugins(void)
{
    CHECK(auth_plugin_find(bytes_of_text("caching_sha2_password")) == AUTH_CACHING_SHA2);
    CHECK(auth_plugin_find(bytes_of_text("mysql_native_password")) == AUTH_NATIVE);
    CHECK(auth_plugin_find(bytes_of_text("mysql_clear_password")) == AUTH_UNKNOWN);
    CHECK(auth_plugin_find((struct bytes){0}) == AUTH_UNKNOWN);
    CHECK(auth_plugin_find(bytes_of_text(auth_plugin_name(AUTH_NATIVE))) == AUTH_NATIVE);
}

static void makes_challenges_that_clients_can_read(void)
{
    uint8_t first[AUTH_CHALLENGE_BYTES];
    uint8_t second[AUTH_CHALLENGE_BYTES];

    auth_challenge_make(first);
    for (int round = 0; round < 200; round++) {
        auth_challenge_make(second);
        CHECK(memchr(second, 0, sizeof(second)) == NULL);
        CHECK(memchr(second, '$', sizeof(second)) == NULL);
        CHECK(memcmp(first, second, sizeof(first)) != 0);
    }
}

static void accepts_either_password_and_no_other(void)
{
    static const enum auth_plugin plugins[] = {AUTH_CACHING_SHA2, AUTH_NATIVE};
    static const struct {
        const char *password;
        enum status expected;
    } cases[] = {
        {"current", STATUS_OK},      {"before", STATUS_OK},
        {"other", STATUS_DENIED},    {"", STATUS_DENIED},
        {"currentl", STATUS_DENIED}, {"no such password", STATUS_DENIED},
    };
    struct login login;

    for (size_t at = 0; at < 2; at++) {
        for (size_t of = 0; of < sizeof(cases) / sizeof(cases[0]); of++) {
            begin(&login, plugins[at], cases[of].password);
            CHECK(log_in(&login) == cases[of].expected);
            end(&login);
        }
        begin(&login, plugins[at], "current");
        login.secrets.passwords[0] = NULL;
        CHECK(log_in(&login) == STATUS_DENIED);
        end(&login);
        begin(&login, plugins[at], "before");
        login.secrets.passwords[0] = NULL;
        CHECK(log_in(&login) == STATUS_OK);
        end(&login);
    }
}

static void an_unknown_account_is_told_the_same(void)
{
    static const enum auth_plugin plugins[] = {AUTH_CACHING_SHA2, AUTH_NATIVE};
    struct login known;
    struct login unknown;

    for (size_t at = 0; at < 2; at++) {
        begin(&known, plugins[at], "wrong");
        begin(&unknown, plugins[at], "no such password"); /* what the time is spent on */
        unknown.server.secrets = NULL;
        CHECK(log_in(&known) == STATUS_DENIED && log_in(&unknown) == STATUS_DENIED);
        CHECK(strcmp(known.server_error.message, "Access denied") == 0);
        CHECK(strcmp(unknown.server_error.message, "Access denied") == 0);
        CHECK(known.server.step == unknown.server.step);
        CHECK(bytes_equal(buffer_bytes(&known.to_client), buffer_bytes(&unknown.to_client)));
        end(&known);
        end(&unknown);
    }
}

static void an_empty_password_takes_the_empty_proof_only(void)
{
    static const enum auth_plugin plugins[] = {AUTH_CACHING_SHA2, AUTH_NATIVE};
    struct login login;

    for (size_t at = 0; at < 2; at++) {
        begin(&login, plugins[at], "");
        login.secrets.passwords[0] = "";
        CHECK(log_in(&login) == STATUS_OK);
        CHECK(login.to_client.size == 0); /* OK follows at once, as from mysqld */
        end(&login);
        begin(&login, plugins[at], "");
        login.secrets.passwords[0] = "";
        CHECK_OK(auth_server_first(&login.server, BYTES("\0"), &login.to_client,
                                   &login.server_error),
                 &login.server_error);
        end(&login);
    }
}

static void the_fast_proof_is_answered_so_that_ok_may_follow(void)
{
    struct login login;

    begin(&login, AUTH_CACHING_SHA2, "current");
    CHECK(log_in(&login) == STATUS_OK);
    CHECK(bytes_equal(buffer_bytes(&login.to_client), BYTES("\1\3")));
    end(&login);
}

/* A client that proves something else, but knows the password. */
static void full_authentication_over_tls(void)
{
    struct login login;

    begin(&login, AUTH_CACHING_SHA2, "current");
    login.client.challenge[0] ^= 1;
    CHECK(log_in(&login) == STATUS_OK);
    CHECK(login.to_client.size == 0);
    CHECK(bytes_equal(buffer_bytes(&login.to_server), BYTES("current\0")));
    end(&login);
    begin(&login, AUTH_CACHING_SHA2, "current");
    CHECK(auth_server_first(&login.server, BYTES("short"), &login.to_client,
                            &login.server_error) == STATUS_AGAIN);
    CHECK(bytes_equal(buffer_bytes(&login.to_client), BYTES("\1\4")));
    CHECK(auth_server_next(&login.server, BYTES("current"), &login.to_client,
                           &login.server_error) == STATUS_DENIED); /* without its zero */
    end(&login);
}

/* Writes the server's public key where a client may have it pinned. */
static void pin(const struct auth_rsa_key *key, char *path)
{
    struct bytes text = auth_rsa_public_text(key);
    int file = mkstemp(path);

    CHECK(file >= 0 && write(file, text.data, text.size) == (ssize_t)text.size);
    CHECK(close(file) == 0);
}

static void full_authentication_by_a_pinned_key(const struct auth_rsa_key *key)
{
    char path[] = "/tmp/binrelay-key-XXXXXX";
    struct login login;

    pin(key, path);
    begin(&login, AUTH_CACHING_SHA2, "wrong");
    login.client.pinned_key_path = path;
    login.client.is_secure = login.server.is_secure = false;
    login.server.rsa_key = key;
    CHECK(log_in(&login) == STATUS_DENIED);
    CHECK(login.to_server.size == 256);
    end(&login);
    begin(&login, AUTH_CACHING_SHA2, "before");
    login.client.pinned_key_path = path;
    login.client.is_secure = login.server.is_secure = false;
    login.server.rsa_key = key;
    auth_proof_add(&login.to_server, AUTH_NATIVE, "before", login.server.challenge);
    CHECK(auth_server_first(&login.server, buffer_bytes(&login.to_server), &login.to_client,
                            &login.server_error) == STATUS_AGAIN);
    buffer_clear(&login.to_server);
    CHECK(auth_client_next(&login.client, buffer_bytes(&login.to_client), &login.to_server,
                           &login.client_error) == STATUS_AGAIN);
    CHECK_OK(auth_server_next(&login.server, buffer_bytes(&login.to_server), &login.to_client,
                              &login.server_error),
             &login.server_error);
    end(&login);
    CHECK(unlink(path) == 0);
}

/* What clients do that have no pinned key: they ask for one. */
static void full_authentication_by_a_key_that_is_asked_for(const struct auth_rsa_key *key)
{
    char path[] = "/tmp/binrelay-key-XXXXXX";
    struct buffer encrypted = {0};
    struct login login;

    begin(&login, AUTH_CACHING_SHA2, "current");
    login.server.is_secure = false;
    login.server.rsa_key = key;
    CHECK(auth_server_first(&login.server, BYTES("?"), &login.to_client, &login.server_error) ==
          STATUS_AGAIN);
    buffer_clear(&login.to_client);
    CHECK(auth_server_next(&login.server, BYTES("\2"), &login.to_client, &login.server_error) ==
          STATUS_AGAIN);
    CHECK(login.to_client.data[0] == 1);
    CHECK(strncmp((const char *)login.to_client.data + 1, "-----BEGIN PUBLIC KEY-----", 26) ==
          0);
    pin(key, path);
    CHECK_OK(auth_rsa_encrypt(&encrypted, path, "current", login.server.challenge,
                              &login.client_error),
             &login.client_error);
    CHECK_OK(auth_server_next(&login.server, buffer_bytes(&encrypted), &login.to_client,
                              &login.server_error),
             &login.server_error);
    CHECK(unlink(path) == 0);
    buffer_release(&encrypted);
    end(&login);
}

static void refuses_what_is_no_encrypted_password(const struct auth_rsa_key *key)
{
    uint8_t noise[256];
    const struct bytes payloads[] = {
        {0}, BYTES("\3"), BYTES("current\0"), {noise, sizeof(noise)}};
    struct login login;

    memset(noise, 0x5A, sizeof(noise));
    for (size_t at = 0; at < sizeof(payloads) / sizeof(payloads[0]); at++) {
        begin(&login, AUTH_CACHING_SHA2, "current");
        login.server.is_secure = false;
        login.server.rsa_key = key;
        CHECK(auth_server_first(&login.server, BYTES("?"), &login.to_client,
                                &login.server_error) == STATUS_AGAIN);
        CHECK(auth_server_next(&login.server, payloads[at], &login.to_client,
                               &login.server_error) == STATUS_DENIED);
        end(&login);
    }
    begin(&login, AUTH_CACHING_SHA2, "current");
    login.server.is_secure = false; /* and no key: the password has no way to come */
    CHECK(auth_server_first(&login.server, BYTES("?"), &login.to_client, &login.server_error) ==
          STATUS_DENIED);
    end(&login);
}

/* Clients pin the public key: it must be the same after a restart. */
static void keeps_a_key_in_its_file(void)
{
    char *directory = temp_dir_make();
    char path[512];
    struct auth_rsa_key *made = NULL;
    struct auth_rsa_key *found = NULL;
    struct error error;
    FILE *file = NULL;

    (void)snprintf(path, sizeof(path), "%s/private-key.pem", directory);
    CHECK_OK(auth_rsa_key_keep(&made, path, &error), &error);
    CHECK_OK(auth_rsa_key_keep(&found, path, &error), &error);
    CHECK(bytes_equal(auth_rsa_public_text(made), auth_rsa_public_text(found)));
    auth_rsa_key_free(made);
    auth_rsa_key_free(found);
    file = fopen(path, "w");
    CHECK(file != NULL && fputs("no key\n", file) >= 0 && fclose(file) == 0);
    CHECK(auth_rsa_key_keep(&found, path, &error) == STATUS_CORRUPT);
    temp_dir_remove(directory);
}

int main(void)
{
    struct auth_rsa_key *key = auth_rsa_key_new();

    CHECK(key != NULL);
    keeps_a_key_in_its_file();
    proves_as_real_clients_do();
    proves_a_certificate_as_mariadb_does();
    names_and_finds_the_plugins();
    makes_challenges_that_clients_can_read();
    accepts_either_password_and_no_other();
    an_unknown_account_is_told_the_same();
    an_empty_password_takes_the_empty_proof_only();
    the_fast_proof_is_answered_so_that_ok_may_follow();
    full_authentication_over_tls();
    full_authentication_by_a_pinned_key(key);
    full_authentication_by_a_key_that_is_asked_for(key);
    refuses_what_is_no_encrypted_password(key);
    auth_rsa_key_free(key);
    auth_rsa_key_free(NULL);
    return 0;
}
