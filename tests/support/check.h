/* SPDX-License-Identifier: Apache-2.0 */
/* The assertion of the tests in C: says where and what, then stops the test. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define CHECK(claim)                                                                           \
    do {                                                                                       \
        if (!(claim)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #claim);              \
            abort();                                                                           \
        }                                                                                      \
    } while (0)

/* The same for a call that fills a struct error: shows its message. */
#define CHECK_OK(call, error)                                                                  \
    do {                                                                                       \
        if ((call) != STATUS_OK) {                                                             \
            fprintf(stderr, "%s:%d: failed: %s: %s\n", __FILE__, __LINE__, #call,              \
                    (error)->message);                                                         \
            abort();                                                                           \
        }                                                                                      \
    } while (0)
