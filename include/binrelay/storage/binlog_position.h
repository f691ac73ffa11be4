/* SPDX-License-Identifier: Apache-2.0 */
/* A place in a log: file number and byte offset. Ordered; a plain value. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"

enum {
    BINLOG_NAME_MOST_BYTES = 64, /* of the base name */
    BINLOG_NAME_BYTES = 64 + 24, /* "name.000001" with its zero */
};

struct binlog_position {
    uint64_t file; /* 1, 2, ...; 0: nowhere */
    uint64_t offset;
};

int binlog_position_compare(struct binlog_position left, struct binlog_position right);

/* "binlog.000042": six digits, more where the number has them. */
void binlog_name_print(char name[BINLOG_NAME_BYTES], const char *base_name, uint64_t file);

/*
 * Splits "binlog.000042". False if there is no number, or the name does not
 * match [A-Za-z0-9._-]{1,64}: no separators, no leading dot.
 */
bool binlog_name_split(struct bytes name,
                       char base_name[BINLOG_NAME_MOST_BYTES + 1],
                       uint64_t *file);
