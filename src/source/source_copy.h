/* SPDX-License-Identifier: Apache-2.0 */
/* A source's options as somebody keeps them who outlives the configuration. */
#pragma once

#include "binrelay/source/puller.h"

/* Copies every text. */
void source_copy_make(struct source_options *copy, const struct source_options *from);

/* Frees the texts of a copy, the password overwritten. */
void source_copy_release(struct source_options *copy);

/* Overwrites and frees. Accepts NULL. */
void source_copy_forget_secret(char *secret);
