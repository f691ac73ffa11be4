/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk for crash tests: works on real files below a directory, and can fail,
 * cut short or die at its Nth operation, or lose power.
 *
 * It remembers what was not synced: for each file the writes and cuts since its
 * last sync, for each directory the names since its last sync. A power loss
 * takes them back, all or some, in pieces of sectors. After a failed sync the
 * writes it should have brought to disk are lost to it for ever, though the
 * file still reads as if they were there: so do real systems.
 *
 * Counted operations: making or emptying a file, writing, syncing, cutting,
 * renaming, removing, making a directory. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/disk.h"

enum { FAKE_DISK_SECTOR_BYTES = 512 };

enum fake_fault {
    FAKE_FAULT_EIO,         /* the operation fails and does nothing */
    FAKE_FAULT_FULL,        /* the same with ENOSPC */
    FAKE_FAULT_SHORT_WRITE, /* half is written, the rest finds the disk full; else as FULL */
    FAKE_FAULT_DEATH,       /* half is written, and from then on nothing happens any more */
    FAKE_FAULT_KILL,        /* half is written, and the test's own process is killed */
};

enum fake_loss {
    FAKE_LOSS_ALL,  /* nothing is left but what was synced */
    FAKE_LOSS_SOME, /* by chance, some sectors and names are left, as they were at some time */
};

struct fake_disk;

/* Files that are there when they are first used count as synced. */
struct fake_disk *fake_disk_new(void);

/* Accepts NULL. */
void fake_disk_free(struct fake_disk *fake);

const struct disk *fake_disk_calls(struct fake_disk *fake);

/* The operation with this number, the first being 1, meets the fault. 0: none. */
void fake_disk_fail_at(struct fake_disk *fake, uint64_t operation, enum fake_fault fault);

/* From now on, until it is called with false, what makes files or makes them longer fails. */
void fake_disk_set_full(struct fake_disk *fake, bool is_full);

/*
 * From now on the disk has so many blocks of 4 KiB left, beside what its files have: what makes
 * a file or makes it longer takes of them, what cuts or removes one gives back. UINT64_MAX: no
 * limit.
 */
void fake_disk_set_blocks(struct fake_disk *fake, uint64_t left);

/* For who writes to the same disk on other ways, on any thread. False, with errno ENOSPC: there
 * are not so many left. */
bool fake_disk_take_blocks(struct fake_disk *fake, uint64_t count);

/* What disk_space() finds from now on; all_bytes 0: what is so. */
void fake_disk_set_space(struct fake_disk *fake, uint64_t free_bytes, uint64_t all_bytes);

uint64_t fake_disk_operations(const struct fake_disk *fake);
bool fake_disk_is_dead(const struct fake_disk *fake);

/* The dead process is followed by another one; the machine went on, unsynced bytes and all. */
void fake_disk_revive(struct fake_disk *fake);

/* Leaves in the directory what a power loss would; the fake is only to be freed then. */
void fake_disk_lose_power(struct fake_disk *fake, enum fake_loss loss, unsigned seed);
