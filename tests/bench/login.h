/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A login without TLS: mysql_native_password, or caching_sha2_password by its fast path, which
 * needs the server to know the password from an earlier login of the account over TLS.
 */
#pragma once

#include "wire.h"

/* Reads the greeting and logs in. Gives up when refused. */
void login(struct wire *wire, const char *user, const char *password);
