/* SPDX-License-Identifier: Apache-2.0 */
/* The system's disk with a gate before it: syncs can be held, or fail; writes can find it full.
 * Any thread. */
#pragma once

#include <stdbool.h>

#include "binrelay/base/disk.h"

struct gate_disk;

struct gate_disk *gate_disk_new(void);
void gate_disk_free(struct gate_disk *gate);
const struct disk *gate_disk_calls(struct gate_disk *gate);

/* While true, a sync waits. */
void gate_disk_hold_syncs(struct gate_disk *gate, bool is_held);

/* Waits until a sync waits at the gate. */
void gate_disk_await_sync(struct gate_disk *gate);

/* The next `count` syncs, or writes, fail with EIO. */
void gate_disk_fail_syncs(struct gate_disk *gate, int count);
void gate_disk_fail_writes(struct gate_disk *gate, int count);

/* While true, writes find the disk full. */
void gate_disk_set_full(struct gate_disk *gate, bool is_full);
