/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay as a whole: makes every part, ties them together, and takes them
 * apart in the right order.
 */
#pragma once

#include "binrelay/base/error.h"
#include "config.h"

struct relay;

/* The configuration becomes the relay's on success; `path` is where a reload reads it again. */
MUST_CHECK enum status relay_new(struct relay **made,
                                 struct config *config,
                                 const char *path,
                                 struct error *error);

/* Runs until a signal or an administrator stops it. */
void relay_run(struct relay *relay);

/* Accepts NULL. */
void relay_free(struct relay *relay);
