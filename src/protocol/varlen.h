/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of MySQL's serialization library
 * (libs/mysql/serialization/variable_length_integers.h), 1 to 9 bytes. The low
 * bits of the first byte, up to the first zero, say in unary how many bytes
 * follow; the bits above them and then the other bytes are the number, lowest
 * first.
 *
 *   vvvvvvv0                              7 bits
 *   vvvvvv01 vvvvvvvv                    14 bits
 *   ...
 *   01111111 vvvvvvvv * 7                56 bits
 *   11111111 vvvvvvvv * 8                64 bits
 */
#pragma once

#include "binrelay/base/bytes.h"

uint64_t varlen_read(struct byte_reader *reader);
void varlen_add(struct buffer *output, uint64_t number);
