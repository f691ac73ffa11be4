/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/net/tls.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "temp_dir.h"

struct pair {
    char *directory;
    char certificate[256];
    char key[256];
};

static struct pair new_pair(void)
{
    struct pair pair = {.directory = temp_dir_make()};

    (void)snprintf(pair.certificate, sizeof(pair.certificate), "%s/cert.pem", pair.directory);
    (void)snprintf(pair.key, sizeof(pair.key), "%s/key.pem", pair.directory);
    return pair;
}

static void make(const struct pair *pair, const char *name)
{
    struct error error;

    CHECK_OK(tls_make_self_signed(pair->certificate, pair->key, name, &error), &error);
}

static X509 *read_certificate(const char *path)
{
    FILE *file = fopen(path, "r");
    X509 *certificate = NULL;

    CHECK(file != NULL);
    certificate = PEM_read_X509(file, NULL, NULL, NULL);
    CHECK(certificate != NULL);
    (void)fclose(file);
    return certificate;
}

static void makes_a_certificate_that_names_the_host(void)
{
    struct pair pair = new_pair();
    X509 *certificate = NULL;
    struct stat facts;

    make(&pair, "relay-a.example");
    certificate = read_certificate(pair.certificate);
    CHECK(X509_check_host(certificate, "relay-a.example", 0, 0, NULL) == 1);
    CHECK(X509_check_host(certificate, "relay-b.example", 0, 0, NULL) == 0);
    CHECK(X509_self_signed(certificate, 1) == 1);
    CHECK(X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0);
    CHECK(X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0);
    CHECK(X509_get_version(certificate) == X509_VERSION_3);
    CHECK(stat(pair.certificate, &facts) == 0 && (facts.st_mode & 0777) == 0600);
    CHECK(stat(pair.key, &facts) == 0 && (facts.st_mode & 0777) == 0600);
    X509_free(certificate);
    temp_dir_remove(pair.directory);
}

static void makes_a_certificate_for_an_address_and_for_a_long_name(void)
{
    char name[101] = "";
    struct pair first = new_pair();
    struct pair second = new_pair();
    X509 *certificate = NULL;

    make(&first, "10.0.0.7");
    certificate = read_certificate(first.certificate);
    CHECK(X509_check_ip_asc(certificate, "10.0.0.7", 0) == 1);
    X509_free(certificate);

    memset(name, 'a', 50);
    memset(name + 50, 'b', 50);
    name[50] = '.';
    make(&second, name);
    certificate = read_certificate(second.certificate);
    CHECK(X509_check_host(certificate, name, 0, 0, NULL) == 1);
    X509_free(certificate);
    temp_dir_remove(first.directory);
    temp_dir_remove(second.directory);
}

static void leaves_a_certificate_that_is_there_alone(void)
{
    struct pair pair = new_pair();
    X509 *before = NULL;
    X509 *after = NULL;

    make(&pair, "relay-a");
    before = read_certificate(pair.certificate);
    make(&pair, "relay-a");
    after = read_certificate(pair.certificate);
    CHECK(X509_cmp(before, after) == 0);
    X509_free(before);
    X509_free(after);
    temp_dir_remove(pair.directory);
}

static struct tls_files files_of(const struct pair *pair)
{
    return (struct tls_files){.certificate = pair->certificate, .key = pair->key};
}

static void makes_a_new_pair_where_a_crash_left_only_the_key(void)
{
    struct pair pair = new_pair();
    struct tls *tls = NULL;
    struct error error;

    make(&pair, "relay-a");
    CHECK(unlink(pair.certificate) == 0);
    make(&pair, "relay-a");
    CHECK_OK(tls_new_server(&tls, files_of(&pair), &error), &error);
    tls_unref(tls);
    temp_dir_remove(pair.directory);
}

static void says_where_a_pair_cannot_be_written(void)
{
    struct pair pair = new_pair();
    struct error error;

    (void)snprintf(pair.key, sizeof(pair.key), "%s/none/key.pem", pair.directory);
    CHECK(tls_make_self_signed(pair.certificate, pair.key, "relay-a", &error) == STATUS_SYSTEM);
    CHECK(strstr(error.message, "none/key.pem") != NULL);
    CHECK(access(pair.certificate, F_OK) != 0);
    temp_dir_remove(pair.directory);
}

static void knows_the_fingerprint_of_its_certificate(void)
{
    struct pair pair = new_pair();
    struct tls *tls = NULL;
    struct tls *client = NULL;
    struct error error;
    X509 *certificate = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    make(&pair, "relay-a");
    CHECK_OK(tls_new_server(&tls, files_of(&pair), &error), &error);
    certificate = read_certificate(pair.certificate);
    CHECK(X509_digest(certificate, EVP_sha256(), digest, &size) == 1 && size == 32);
    CHECK(bytes_equal(tls_fingerprint(tls), (struct bytes){digest, size}));
    CHECK(tls_is_self_signed(tls));
    CHECK_OK(tls_new_client(&client, (struct tls_files){0}, TLS_CHECK_NOTHING, &error), &error);
    CHECK(tls_fingerprint(client).size == 0 && !tls_is_self_signed(client));
    tls_unref(client);
    tls_unref(tls_ref(tls));
    tls_unref(tls);
    tls_unref(NULL);
    X509_free(certificate);
    temp_dir_remove(pair.directory);
}

static void check_refused(struct tls_files files, enum status wanted, const char *word)
{
    struct tls *tls = NULL;
    struct error error;

    CHECK(tls_new_server(&tls, files, &error) == wanted);
    CHECK(tls == NULL && strstr(error.message, word) != NULL);
}

static void refuses_files_that_do_not_fit_or_are_not_there(void)
{
    struct pair pair = new_pair();
    struct pair other = new_pair();
    struct tls *tls = NULL;
    struct error error;
    struct tls_files files = {0};

    make(&pair, "relay-a");
    make(&other, "relay-b");
    check_refused((struct tls_files){.certificate = pair.certificate}, STATUS_INVALID, "key");
    files = files_of(&pair);
    files.key = other.key;
    check_refused(files, STATUS_INVALID, "mismatch");
    files.key = "/nonexistent/key.pem";
    check_refused(files, STATUS_SYSTEM, "/nonexistent/key.pem");
    files = files_of(&pair);
    files.certificate = pair.key;
    check_refused(files, STATUS_INVALID, pair.key);
    files = files_of(&pair);
    files.ca = pair.key;
    check_refused(files, STATUS_INVALID, "CA");
    files = (struct tls_files){.ca = "/nonexistent/ca.pem"};
    CHECK(tls_new_client(&tls, files, TLS_CHECK_CA, &error) != STATUS_OK && tls == NULL);
    temp_dir_remove(pair.directory);
    temp_dir_remove(other.directory);
}

int main(void)
{
    makes_a_certificate_that_names_the_host();
    makes_a_certificate_for_an_address_and_for_a_long_name();
    leaves_a_certificate_that_is_there_alone();
    makes_a_new_pair_where_a_crash_left_only_the_key();
    says_where_a_pair_cannot_be_written();
    knows_the_fingerprint_of_its_certificate();
    refuses_files_that_do_not_fit_or_are_not_there();
    return 0;
}
