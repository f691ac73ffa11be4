/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate that the relay makes itself at its first start. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#include "binrelay/base/disk.h"
#include "binrelay/base/memory.h"
#include "binrelay/net/tls.h"
#include "tls_internal.h"

enum {
    KEY_BITS = 2048, /* RSA: every client of the last twenty years accepts it */
    SERIAL_BYTES = 16,
    DAY_SEC = 24 * 60 * 60,
    LIFE_DAYS = 3650,
    COMMON_NAME_MAX = 64, /* X.520, ub-common-name */
};

static bool add_extension(X509 *certificate, int kind, const char *value)
{
    X509V3_CTX place;
    X509_EXTENSION *extension = NULL;
    bool is_added = false;

    X509V3_set_ctx_nodb(&place);
    X509V3_set_ctx(&place, certificate, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &place, kind, value);
    is_added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_added;
}

/*
 * Clients that verify are given this certificate as their CA, so it must be
 * allowed to sign one: itself.
 */
static bool add_extensions(X509 *certificate, const char *host)
{
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);
    autofree char *names = mem_format("%s:%s", address == NULL ? "DNS" : "IP", host);

    ASN1_OCTET_STRING_free(address);
    return add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add_extension(certificate, NID_key_usage,
                         "critical,digitalSignature,keyEncipherment,keyCertSign") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth,clientAuth") &&
           add_extension(certificate, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, NID_subject_alt_name, names);
}

static bool set_serial(X509 *certificate)
{
    uint8_t bytes[SERIAL_BYTES];
    BIGNUM *number = NULL;
    bool is_set = false;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        return false;
    }
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive and of full length */
    number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    is_set = number != NULL &&
             BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return is_set;
}

static bool set_name(X509 *certificate, const char *common_name)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    char cut[COMMON_NAME_MAX + 1] = "";

    (void)strncpy(cut, common_name, COMMON_NAME_MAX); /* the whole one is in the alt names */
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)cut, -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1;
}

static bool fill(X509 *certificate, EVP_PKEY *key, const char *common_name)
{
    /* From yesterday: the clocks of clients differ. */
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_SEC) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(certificate), LIFE_DAYS, 0, NULL) != NULL &&
           set_name(certificate, common_name) && X509_set_pubkey(certificate, key) == 1 &&
           add_extensions(certificate, common_name) &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

static enum status write_pem(BIO *pem, const char *path, struct error *error)
{
    char *data = NULL;
    long size = BIO_get_mem_data(pem, &data);

    return disk_replace_file(disk_system(), path, data, (size_t)size, error);
}

/*
 * The key first: the certificate's name appears last, and without it the pair
 * does not count. A key that a crash left alone is written over.
 */
static enum status write_pair(X509 *certificate,
                              EVP_PKEY *key,
                              const char *certificate_path,
                              const char *key_path,
                              struct error *error)
{
    BIO *key_pem = BIO_new(BIO_s_secmem());
    BIO *certificate_pem = BIO_new(BIO_s_mem());
    enum status status = STATUS_OK;

    if (key_pem == NULL || certificate_pem == NULL ||
        PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_X509(certificate_pem, certificate) != 1) {
        status = tls_explain(NULL, STATUS_SYSTEM, error);
    }
    if (status == STATUS_OK) {
        status = write_pem(key_pem, key_path, error);
    }
    if (status == STATUS_OK) {
        status = write_pem(certificate_pem, certificate_path, error);
    }
    BIO_free(key_pem);
    BIO_free(certificate_pem);
    return status;
}

enum status tls_make_self_signed(const char *certificate_path,
                                 const char *key_path,
                                 const char *common_name,
                                 struct error *error)
{
    X509 *certificate = NULL;
    EVP_PKEY *key = NULL;
    enum status status = STATUS_OK;

    if (access(certificate_path, F_OK) == 0) {
        return STATUS_OK;
    }
    if (errno != ENOENT) {
        return error_set_errno(error, "look for %s", certificate_path);
    }
    ERR_clear_error();
    certificate = X509_new();
    key = EVP_RSA_gen(KEY_BITS);
    if (certificate == NULL || key == NULL || !fill(certificate, key, common_name)) {
        (void)tls_explain(NULL, STATUS_SYSTEM, error);
        status = error_wrap(error, "make a certificate for %s", common_name);
    } else {
        status = write_pair(certificate, key, certificate_path, key_path, error);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    return status;
}
