/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an epoch, a backup or a time to the place where an applier goes on. A
 * place is given only where nothing can be missing between what the applier
 * has and what follows there (S5); every refusal names the epochs. Any thread.
 */
#pragma once

#include "binrelay/storage/epoch_index.h"

/*
 * Behind an applied epoch: its end if it is here, or the end of the one before
 * where the next is here too and no gap lies between. incarnation 0: the only
 * one that covers it. STATUS_NOT_FOUND: not covered, with the text for error 1236.
 */
MUST_CHECK enum status epoch_locate_after(struct binlog_store *store,
                                          struct epoch_key key,
                                          struct binlog_position *found,
                                          struct error *error);

/* Behind a restored backup, by its pseudo-epoch (StopGCP << 32 | 0xFFFFFFFF). */
MUST_CHECK enum status epoch_locate_after_backup(struct binlog_store *store,
                                                 uint64_t pseudo_epoch,
                                                 struct binlog_position *found,
                                                 struct error *error);

/* Where the first epoch begins whose running maximum of commit times reaches the time. */
MUST_CHECK enum status epoch_locate_time(struct binlog_store *store,
                                         uint64_t usec,
                                         uint64_t now_usec,
                                         struct binlog_position *found,
                                         struct error *error);

/* "2026-11-20T12:00:00Z", with fractions or an offset too; wall clock. False: no time. */
bool epoch_time_parse(struct bytes text, uint64_t *usec);
