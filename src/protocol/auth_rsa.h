/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A password on its way without TLS: XORed with the challenge (again and again,
 * its terminating zero too), then RSA with OAEP padding over SHA-1, as
 * caching_sha2_password has it.
 */
#pragma once

#include <stdbool.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"
#include "binrelay/protocol/auth.h"

/* The public half as PEM; borrowed from the key. */
struct bytes auth_rsa_public_text(const struct auth_rsa_key *key);

/* Fills `password` (cleared first) without its zero; false if this is no such password. The
 * caller wipes it by auth_rsa_wipe(). */
bool auth_rsa_decrypt(const struct auth_rsa_key *key,
                      const uint8_t challenge[AUTH_CHALLENGE_BYTES],
                      struct bytes encrypted,
                      struct buffer *password);

/* Adds the password, encrypted with the public key in a PEM file. STATUS_INVALID: no such file,
 * no RSA key in it, or the password is too long for it. */
MUST_CHECK enum status auth_rsa_encrypt(struct buffer *output,
                                        const char *key_path,
                                        const char *password,
                                        const uint8_t challenge[AUTH_CHALLENGE_BYTES],
                                        struct error *error);

/* Overwrites and releases. */
void auth_rsa_wipe(struct buffer *secret);
