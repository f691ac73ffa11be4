/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32 as MySQL's binlog_checksum=CRC32 and the store's own records use it (IEEE 802.3). */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Goes on from a checksum of the bytes before; start with 0. */
uint32_t checksum_crc32(uint32_t before, const void *data, size_t size);
