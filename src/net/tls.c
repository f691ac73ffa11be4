/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "binrelay/base/memory.h"
#include "binrelay/net/shared.h"
#include "tls_internal.h"

enum { FINGERPRINT_BYTES = 32 };

struct tls {
    struct shared shared;
    SSL_CTX *settings; /* owned */
    enum tls_check check;
    bool checks_peers;
    bool has_certificate;
    bool is_self_signed;
    uint8_t fingerprint[FINGERPRINT_BYTES];
};

enum status tls_explain(const SSL *session, enum status otherwise, struct error *error)
{
    unsigned long code = ERR_peek_error();
    const char *reason = ERR_reason_error_string(code);
    long verdict = session == NULL ? X509_V_OK : SSL_get_verify_result(session);

    if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK) {
        (void)error_set(error, STATUS_DENIED, "certificate verify failed: %s",
                        X509_verify_cert_error_string(verdict));
    } else if (ERR_SYSTEM_ERROR(code)) {
        errno = ERR_GET_REASON(code);
        (void)error_set_errno(error, "TLS");
    } else {
        (void)error_set(error, otherwise, "TLS: %s", reason == NULL ? "failed" : reason);
    }
    ERR_clear_error();
    return error->status;
}

static void destroy(struct shared *shared)
{
    struct tls *tls = (struct tls *)shared;

    SSL_CTX_free(tls->settings);
    free(tls);
}

/* A daemon has nobody to ask: a key with a pass phrase is refused. */
static int give_no_phrase(char *phrase, int room, int is_writing, void *context)
{
    (void)is_writing;
    (void)context;
    if (room > 0) {
        phrase[0] = '\0';
    }
    return -1;
}

static struct tls *new_tls(const SSL_METHOD *method)
{
    static const uint8_t name[] = "binrelay";
    struct tls *tls = mem_zeroed(sizeof(*tls));
    SSL_CTX *settings = SSL_CTX_new(method);

    if (settings == NULL || SSL_CTX_set_min_proto_version(settings, TLS1_2_VERSION) != 1) {
        abort(); /* out of memory, or a library without TLS 1.2 */
    }
    shared_init(&tls->shared, destroy);
    tls->settings = settings;
    /*
     * MySQL's packets say themselves whether a stream is whole, and its clients
     * leave without a close_notify: the end of the stream is the end.
     */
    (void)SSL_CTX_set_options(settings, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                            SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET);
    (void)SSL_CTX_set_mode(settings, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                         SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                         SSL_MODE_RELEASE_BUFFERS);
    /* A resumed session has nobody's certificate checked; connections here live for days. */
    (void)SSL_CTX_set_session_cache_mode(settings, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_session_id_context(settings, name, sizeof(name) - 1);
    (void)SSL_CTX_set_num_tickets(settings, 0);
    SSL_CTX_set_default_passwd_cb(settings, give_no_phrase);
    SSL_CTX_set_read_ahead(settings, 1);
    return tls;
}

static enum status note_certificate(struct tls *tls, struct error *error)
{
    X509 *certificate = SSL_CTX_get0_certificate(tls->settings);
    unsigned size = 0;

    if (certificate == NULL ||
        X509_digest(certificate, EVP_sha256(), tls->fingerprint, &size) != 1) {
        return tls_explain(NULL, STATUS_SYSTEM, error);
    }
    tls->has_certificate = true;
    tls->is_self_signed = X509_self_signed(certificate, 1) == 1;
    return STATUS_OK;
}

static enum status load_certificate(struct tls *tls,
                                    struct tls_files files,
                                    struct error *error)
{
    if (files.certificate == NULL || files.key == NULL) {
        return error_set(error, STATUS_INVALID, "TLS: a certificate and its key go together");
    }
    if (SSL_CTX_use_certificate_chain_file(tls->settings, files.certificate) != 1) {
        (void)tls_explain(NULL, STATUS_INVALID, error);
        return error_wrap(error, "read certificate %s", files.certificate);
    }
    if (SSL_CTX_use_PrivateKey_file(tls->settings, files.key, SSL_FILETYPE_PEM) != 1) {
        (void)tls_explain(NULL, STATUS_INVALID, error);
        return error_wrap(error, "read key %s", files.key);
    }
    return note_certificate(tls, error);
}

static enum status load_ca(struct tls *tls, const char *path, struct error *error)
{
    if (SSL_CTX_load_verify_file(tls->settings, path) != 1) {
        (void)tls_explain(NULL, STATUS_INVALID, error);
        return error_wrap(error, "read CA %s", path);
    }
    return STATUS_OK;
}

static enum status load_server(struct tls *tls, struct tls_files files, struct error *error)
{
    if (load_certificate(tls, files, error) != STATUS_OK) {
        return error->status;
    }
    if (files.ca == NULL) {
        return STATUS_OK;
    }
    if (load_ca(tls, files.ca, error) != STATUS_OK) {
        return error->status;
    }
    /* Named to clients, so that they know which of theirs to show. */
    SSL_CTX_set_client_CA_list(tls->settings, SSL_load_client_CA_file(files.ca));
    SSL_CTX_set_verify(tls->settings, SSL_VERIFY_PEER, NULL);
    tls->checks_peers = true;
    return STATUS_OK;
}

static enum status load_client(struct tls *tls, struct tls_files files, struct error *error)
{
    if ((files.certificate != NULL || files.key != NULL) &&
        load_certificate(tls, files, error) != STATUS_OK) {
        return error->status;
    }
    if (tls->check == TLS_CHECK_NOTHING) {
        return STATUS_OK;
    }
    SSL_CTX_set_verify(tls->settings, SSL_VERIFY_PEER, NULL);
    tls->checks_peers = true;
    if (files.ca != NULL) {
        return load_ca(tls, files.ca, error);
    }
    if (SSL_CTX_set_default_verify_paths(tls->settings) != 1) {
        return tls_explain(NULL, STATUS_SYSTEM, error);
    }
    return STATUS_OK;
}

enum status tls_new_server(struct tls **made, struct tls_files files, struct error *error)
{
    struct tls *tls = new_tls(TLS_server_method());
    enum status status = STATUS_OK;

    ERR_clear_error();
    status = load_server(tls, files, error);
    if (status != STATUS_OK) {
        tls_unref(tls);
        return status;
    }
    *made = tls;
    return STATUS_OK;
}

enum status tls_new_client(struct tls **made,
                           struct tls_files files,
                           enum tls_check check,
                           struct error *error)
{
    struct tls *tls = new_tls(TLS_client_method());
    enum status status = STATUS_OK;

    ERR_clear_error();
    tls->check = check;
    status = load_client(tls, files, error);
    if (status != STATUS_OK) {
        tls_unref(tls);
        return status;
    }
    *made = tls;
    return STATUS_OK;
}

struct tls *tls_ref(struct tls *tls)
{
    (void)shared_ref(&tls->shared);
    return tls;
}

void tls_unref(struct tls *tls)
{
    if (tls != NULL) {
        shared_unref(&tls->shared);
    }
}

struct bytes tls_fingerprint(const struct tls *tls)
{
    struct bytes none = {NULL, 0};

    return tls->has_certificate ? (struct bytes){tls->fingerprint, FINGERPRINT_BYTES} : none;
}

bool tls_is_self_signed(const struct tls *tls)
{
    return tls->is_self_signed;
}

bool tls_checks_peers(const struct tls *tls)
{
    return tls->checks_peers;
}

/* An address is compared with the certificate's addresses, a name with its names. */
static void expect_host(SSL *session, const char *host, bool is_checked)
{
    X509_VERIFY_PARAM *expected = SSL_get0_param(session);
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);
    bool is_address = address != NULL;

    ASN1_OCTET_STRING_free(address);
    ERR_clear_error(); /* that it is no address is no failure */
    if (!is_address) {
        /* Names longer than SNI can carry are only not sent. */
        (void)SSL_set_tlsext_host_name(session, host);
        ERR_clear_error();
    }
    if (!is_checked) {
        return;
    }
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if ((is_address ? X509_VERIFY_PARAM_set1_ip_asc(expected, host)
                    : X509_VERIFY_PARAM_set1_host(expected, host, 0)) != 1) {
        abort(); /* out of memory; to go on would be to check nothing */
    }
}

SSL *tls_session(struct tls *tls, const char *host)
{
    SSL *session = SSL_new(tls->settings);

    if (session == NULL) {
        abort(); /* out of memory */
    }
    if (host != NULL) {
        expect_host(session, host, tls->check == TLS_CHECK_IDENTITY);
    }
    return session;
}
