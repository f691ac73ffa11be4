/* SPDX-License-Identifier: Apache-2.0 */
/* Logins at a real endpoint, over loopback. */
#include "endpoint_rig.h"

static int try_login(const struct rig *rig,
                     const struct login *login,
                     struct sql_client *client)
{
    *client = client_dial(rig_port(rig, 0), "127.0.0.2");
    client_greet(client);
    return client_login(client, login);
}

/* Logs in, and out again. */
static int login_code(const struct rig *rig, struct login login)
{
    struct sql_client client;
    int code = try_login(rig, &login, &client);

    client_close(&client);
    return code;
}

static void lets_in_by_both_plugins(struct rig *rig)
{
    CHECK(login_code(rig, (struct login){"repl", "secret", NULL, AUTH_CACHING_SHA2, false}) ==
          0);
    CHECK(login_code(rig, (struct login){"repl", "secret", NULL, AUTH_CACHING_SHA2, true}) ==
          0);
    CHECK(login_code(rig, (struct login){"maria", "secret", NULL, AUTH_NATIVE, false}) == 0);
    CHECK(login_code(rig, (struct login){"maria", "secret", NULL, AUTH_NATIVE, true}) == 0);
    CHECK(login_code(rig, (struct login){"maria", "secret", NULL, AUTH_CACHING_SHA2, false}) ==
          0);
    CHECK(login_code(rig, (struct login){"repl", "secret", NULL, AUTH_NATIVE, false}) == 0);
    CHECK(login_code(rig, (struct login){"many", "older", NULL, AUTH_CACHING_SHA2, false}) ==
          0);
    CHECK(login_code(rig, (struct login){"many", "older", "mysql", AUTH_NATIVE, true}) == 0);
}

static void keeps_out_who_does_not_know_the_password(struct rig *rig)
{
    CHECK(login_code(rig, (struct login){"repl", "wrong", NULL, AUTH_CACHING_SHA2, true}) ==
          1045);
    CHECK(login_code(rig, (struct login){"nobody", "wrong", NULL, AUTH_CACHING_SHA2, true}) ==
          1045);
    CHECK(login_code(rig, (struct login){"maria", "wrong", NULL, AUTH_NATIVE, false}) == 1045);
    CHECK(login_code(rig, (struct login){"repl", "", NULL, AUTH_CACHING_SHA2, false}) == 1045);
    CHECK(login_code(rig, (struct login){"", "", NULL, AUTH_NATIVE, false}) == 1045);
    CHECK(login_code(rig, (struct login){"repl", "secret", "nowhere", AUTH_CACHING_SHA2,
                                         false}) == 1049);
}

static void asks_the_account_for_tls(struct rig *rig)
{
    CHECK(login_code(rig, (struct login){"reader", "secret", NULL, AUTH_CACHING_SHA2, false}) ==
          1045);
    CHECK(login_code(rig, (struct login){"reader", "secret", NULL, AUTH_CACHING_SHA2, true}) ==
          0);
    CHECK(login_code(rig, (struct login){"holder", "secret", NULL, AUTH_CACHING_SHA2, true}) ==
          1045); /* without a certificate */
}

static void chooses_the_cluster_by_the_login_name(struct rig *rig)
{
    struct sql_client client = rig_login(rig, "many+west");

    CHECK(client_query(&client, "SELECT @@server_id") == 0 && client_got(&client, "299"));
    client_close(&client);
    client = rig_login(rig, "many+east");
    CHECK(client_query(&client, "SELECT @@server_id") == 0 && client_got(&client, "199"));
    client_close(&client);
    client = rig_login(rig, "many");
    CHECK(client_query(&client, "SHOW BINARY LOGS") == 1046);
    client_close(&client);
    CHECK(login_code(rig, (struct login){"many+south", "secret", NULL, AUTH_CACHING_SHA2,
                                         false}) == 1044);
    CHECK(login_code(rig, (struct login){"repl+west", "secret", NULL, AUTH_CACHING_SHA2,
                                         false}) == 1044);
    CHECK(login_code(rig, (struct login){"nobody+east", "secret", NULL, AUTH_CACHING_SHA2,
                                         true}) == 1045);
}

static int login_at(const struct rig *rig,
                    size_t listener,
                    const char *user,
                    const char *version)
{
    const struct login login = {.user = user, .password = "secret"};
    struct sql_client client = client_dial(rig_port(rig, listener), "127.0.0.2");
    int code = 0;

    client_greet(&client);
    CHECK(strcmp(client.greeting.version, version) == 0);
    code = client_login(&client, &login);
    if (code == 0) {
        CHECK(client_query(&client, "SELECT @@server_id") == 0);
    }
    client_close(&client);
    return code;
}

/* greeting_decode() takes MariaDB's "5.5.5-" off. */
static void greets_as_its_clusters_are(struct rig *rig)
{
    CHECK(login_at(rig, 0, "many+east", "10.11.19-MariaDB") == 0);
    CHECK(login_at(rig, 1, "repl", "10.11.19-MariaDB") == 0); /* not known yet */
    test_cluster_connect(&rig->clusters[EAST], "8.4.3", "ON", false);
    test_cluster_connect(&rig->clusters[WEST], "10.6.21-MariaDB-log", "", true);
    CHECK(login_at(rig, 0, "many+east", "10.11.19-MariaDB") == 0);
    CHECK(login_at(rig, 1, "repl", "8.4.3") == 0);
    CHECK(login_at(rig, 1, "many", "8.4.3") == 0);     /* one is left to choose */
    CHECK(login_at(rig, 1, "maria", "8.4.3") == 1044); /* none is */
    CHECK(login_at(rig, 2, "maria", "10.6.21-MariaDB-log") == 0);
}

static void refuses_an_address_that_guesses(struct rig *rig)
{
    struct login login = {"maria", "guess", NULL, AUTH_NATIVE, false};
    struct sql_client client;
    int guesses = 0;

    for (; guesses < 100; guesses++) {
        client = client_dial(rig_port(rig, 0), "127.0.0.9");
        CHECK(client_next(&client));
        if (client_error(&client) == 1129) {
            client_close(&client);
            break;
        }
        CHECK(greeting_decode(&client.greeting, client.payload, &client.error) == STATUS_OK);
        CHECK(client_login(&client, &login) == 1045);
        client_close(&client);
    }
    CHECK(guesses > 5 && guesses < 100);
    client = rig_login(rig, "repl"); /* others are not refused */
    client_close(&client);
}

/* Answers the greeting with a proof; returns the error number, or 0 if the server goes on. */
static int begin_login(struct sql_client *client, struct bytes proof)
{
    const struct handshake_response response = {
        .capabilities = client->greeting.capabilities &
                        ~(uint32_t)(CAPABILITY_SSL | CAPABILITY_CONNECT_WITH_DB),
        .character_set = 45,
        .user = bytes_of_text("repl"),
        .proof = proof,
        .plugin = bytes_of_text(auth_plugin_name(AUTH_CACHING_SHA2)),
    };
    struct buffer payload = {0};

    handshake_response_encode(&payload, &response);
    client_send(client, buffer_bytes(&payload));
    buffer_release(&payload);
    CHECK(client_next(client));
    if (client->payload.data[0] == 0xFE) { /* an auth switch: the same proof again */
        client_send(client, proof);
        CHECK(client_next(client));
    }
    return client_error(client);
}

/* Who leaves once the server has shown that the proof is wrong has guessed all the same; so has
 * who shows the password only after a proof of one byte. */
static void counts_guesses_that_are_not_carried_through(struct rig *rig)
{
    static const uint8_t bytes[32] = {1};
    int guesses = 0;

    for (; guesses < 100; guesses++) {
        struct sql_client client = client_dial(rig_port(rig, 0), "127.0.0.10");

        CHECK(client_next(&client));
        if (client_error(&client) == 1129) {
            client_close(&client);
            break;
        }
        CHECK(greeting_decode(&client.greeting, client.payload, &client.error) == STATUS_OK);
        CHECK(begin_login(&client, (struct bytes){bytes, guesses % 2 == 0 ? 32 : 1}) == 0);
        client_close(&client);
    }
    CHECK(guesses > 5 && guesses < 100);
}

static void without_a_password_nobody_is_refused_for_it(struct rig *rig)
{
    struct login login = {"maria", "", NULL, AUTH_NATIVE, false};

    for (int probes = 0; probes < 50; probes++) {
        CHECK(login_code(rig, login) == 1045);
    }
}

static void refuses_plain_logins_where_tls_is_required(void)
{
    struct rig rig = {.settings = {.tls_mode = ENDPOINT_TLS_REQUIRED}};

    rig_open(&rig);
    CHECK(login_code(&rig, (struct login){"repl", "secret", NULL, AUTH_CACHING_SHA2, false}) ==
          3159);
    CHECK(login_code(&rig, (struct login){"repl", "secret", NULL, AUTH_CACHING_SHA2, true}) ==
          0);
    rig_close(&rig);
}

int main(void)
{
    struct rig rig = {0};

    rig_open(&rig);
    lets_in_by_both_plugins(&rig);
    keeps_out_who_does_not_know_the_password(&rig);
    asks_the_account_for_tls(&rig);
    chooses_the_cluster_by_the_login_name(&rig);
    greets_as_its_clusters_are(&rig);
    refuses_an_address_that_guesses(&rig);
    counts_guesses_that_are_not_carried_through(&rig);
    without_a_password_nobody_is_refused_for_it(&rig);
    rig_close(&rig);
    refuses_plain_logins_where_tls_is_required();
    return 0;
}
