/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS settings of one side: certificate, key, trusted CAs. Version 1.2 and up.
 *
 * A struct tls may be used by connections of several threads; it is counted,
 * so a reload makes a new one and connections keep theirs.
 */
#pragma once

#include <stdbool.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"

struct tls;

/* Paths of PEM files; NULL where there is none. */
struct tls_files {
    const char *certificate;
    const char *key;
    const char *ca;
};

enum tls_check {
    TLS_CHECK_NOTHING,  /* "required", "preferred": encrypted, not verified */
    TLS_CHECK_CA,       /* "verify_ca": the chain ends in the CA (the system's if none given) */
    TLS_CHECK_IDENTITY, /* "verify_identity": and the certificate names the host */
};

/* For the endpoint. With a CA, client certificates are asked for and, if sent, verified. */
MUST_CHECK enum status tls_new_server(struct tls **made,
                                      struct tls_files files,
                                      struct error *error);

MUST_CHECK enum status tls_new_client(struct tls **made,
                                      struct tls_files files,
                                      enum tls_check check,
                                      struct error *error);

struct tls *tls_ref(struct tls *tls);
void tls_unref(struct tls *tls);

/*
 * Makes a self-signed certificate with its key (both PEM, mode 0600) where no
 * certificate is; leaves one that is there alone. Written so that a crash
 * leaves a pair that fits or none.
 */
MUST_CHECK enum status tls_make_self_signed(const char *certificate_path,
                                            const char *key_path,
                                            const char *common_name,
                                            struct error *error);

/* SHA-256 of the server certificate in DER form (32 bytes, borrowed): MariaDB's proof needs it
 * (MDEV-31855). */
struct bytes tls_fingerprint(const struct tls *tls);

/* True if the server certificate is self-signed. */
bool tls_is_self_signed(const struct tls *tls);
