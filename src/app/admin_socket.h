/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of the admin socket: one line there, one line back. Blocks. */
#pragma once

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"

MUST_CHECK enum status admin_socket_connect(int *made, const char *path, struct error *error);

/* The request ends with a newline, and so does what is added to the reply, which is empty
 * before. */
MUST_CHECK enum status admin_socket_ask(int descriptor,
                                        struct bytes request,
                                        struct buffer *reply,
                                        struct error *error);
