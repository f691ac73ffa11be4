/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <string.h>

#include "check.h"

static const struct served_cluster clusters[] = {{.name = "east"}, {.name = "west"}};
static const char *const west[] = {"west"};

static struct settings *make(const struct account_options *accounts, size_t count)
{
    static const char *const networks[] = {"10.0.0.0/8", "2001:db8::1"};
    const struct endpoint_settings wanted = {
        .accounts = accounts, .account_count = count, .proxies = networks, .proxy_count = 2};
    struct settings *settings = NULL;
    struct error error;

    CHECK_OK(settings_new(&settings, &wanted, clusters, 2, &error), &error);
    return settings;
}

static const struct account *find(const struct settings *settings,
                                  const char *login,
                                  const char *expected_cluster)
{
    struct bytes cluster;
    const struct account *account =
        settings_find_account(settings, bytes_of_text(login), &cluster);

    CHECK(bytes_equal(cluster, bytes_of_text(expected_cluster)));
    return account;
}

static void finds_accounts_with_and_without_a_cluster(void)
{
    const struct account_options accounts[] = {
        {.user = "repl", .password = "a", .clusters = west, .cluster_count = 1},
        {.user = "a+b", .password = "b"},
    };
    struct settings *settings = make(accounts, 2);

    CHECK(find(settings, "repl", "") == &settings->accounts[0]);
    CHECK(find(settings, "repl+west", "west") == &settings->accounts[0]);
    CHECK(find(settings, "repl+", "") == &settings->accounts[0]);
    CHECK(find(settings, "a+b", "") == &settings->accounts[1]); /* a name may hold a plus */
    CHECK(find(settings, "a+b+east", "east") == &settings->accounts[1]);
    CHECK(find(settings, "REPL", "") == NULL);
    CHECK(find(settings, "nobody+east", "east") == NULL);
    CHECK(find(settings, "", "") == NULL);
    CHECK(settings->accounts[0].cluster_count == 1 && settings->accounts[0].clusters[0] == 1);
    CHECK(settings->accounts[1].cluster_count == 2); /* it names none: all */
    CHECK(settings->max_connections == 1000);
    settings_unref(settings);
}

static void trusts_the_proxies_it_is_told(void)
{
    struct settings *settings = make(NULL, 0);

    CHECK(settings_trusts_proxy(settings, "10.1.2.3:5000"));
    CHECK(settings_trusts_proxy(settings, "[2001:db8::1]:5000"));
    CHECK(!settings_trusts_proxy(settings, "11.1.2.3:5000"));
    settings_unref(settings);
}

static void knows_who_logs_in_the_old_way(void)
{
    const struct account_options accounts[] = {
        {.user = "repl", .password = "a"},
        {.user = "maria",
         .password = "b",
         .is_native = true,
         .clusters = west,
         .cluster_count = 1},
    };
    struct settings *settings = make(accounts, 2);

    CHECK(settings_has_native_account(settings, 0, 2));
    CHECK(settings_has_native_account(settings, 1, 1));
    CHECK(!settings_has_native_account(settings, 0, 1));
    settings_unref(settings);
}

static void refuses_what_cannot_be_meant(void)
{
    const struct account_options twins[] = {{.user = "a"}, {.user = "a"}};
    struct endpoint_settings wanted = {.accounts = twins, .account_count = 2};
    struct settings *settings = NULL;
    struct error error;

    CHECK(settings_new(&settings, &wanted, clusters, 2, &error) == STATUS_INVALID);
    wanted.account_count = 1;
    wanted.tls_mode = ENDPOINT_TLS_OPTIONAL; /* without a certificate */
    CHECK(settings_new(&settings, &wanted, clusters, 2, &error) == STATUS_INVALID);
    CHECK(settings == NULL);
}

int main(void)
{
    finds_accounts_with_and_without_a_cluster();
    trusts_the_proxies_it_is_told();
    knows_who_logs_in_the_old_way();
    refuses_what_cannot_be_meant();
    return 0;
}
