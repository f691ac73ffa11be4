/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDs as MySQL prints them: 36 characters, lower case. Pure. */
#pragma once

#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"

enum { UUID_BYTES = 16, UUID_TEXT_BYTES = 37 };

/* Name-based (RFC 4122, version 5, in a namespace of our own): the same name gives the same
 * UUID. */
void uuid_of_name(const char *name, char text[UUID_TEXT_BYTES]);

/* Reads 36 characters of any case, dashes in their places. STATUS_INVALID otherwise. */
MUST_CHECK enum status uuid_parse(uint8_t uuid[UUID_BYTES],
                                  struct bytes text,
                                  struct error *error);
void uuid_print(const uint8_t uuid[UUID_BYTES], char text[UUID_TEXT_BYTES]);
