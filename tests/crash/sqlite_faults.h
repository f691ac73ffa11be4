/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What SQLite writes, behind a seam: its Unix file layer lets system calls be
 * replaced (sqlite3.h, xSetSystemCall). Each write, cut or removal is counted,
 * and one of them is the last thing that the process does, half done, or fails.
 * Set up before a database is opened; the counter is the process's.
 */
#pragma once

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

struct sqlite_faults {
    atomic_ullong operations;
    unsigned long long fault_at; /* 0: none */
    bool is_kill;                /* else EIO */
};

/* The calls have no context. */
static struct sqlite_faults sqlite_faults;

static inline bool sqlite_meets_fault(void)
{
    return atomic_fetch_add(&sqlite_faults.operations, 1) + 1 == sqlite_faults.fault_at;
}

static inline void sqlite_end_process(void)
{
    while (kill(getpid(), SIGKILL) == 0) {
        (void)pause();
    }
}

static ssize_t sqlite_faulty_pwrite(int file, const void *data, size_t size, off_t offset)
{
    if (!sqlite_meets_fault()) {
        return pwrite(file, data, size, offset);
    }
    if (sqlite_faults.is_kill) {
        (void)!pwrite(file, data, size / 2, offset);
        sqlite_end_process();
    }
    errno = EIO;
    return -1;
}

static int sqlite_faulty_truncate(int file, off_t size)
{
    if (!sqlite_meets_fault()) {
        return ftruncate(file, size);
    }
    if (sqlite_faults.is_kill) {
        sqlite_end_process();
    }
    errno = EIO;
    return -1;
}

static int sqlite_faulty_unlink(const char *path)
{
    if (!sqlite_meets_fault()) {
        return unlink(path);
    }
    if (sqlite_faults.is_kill) {
        sqlite_end_process();
    }
    errno = EIO;
    return -1;
}

static inline void sqlite_replace(const char *name, sqlite3_syscall_ptr call)
{
    sqlite3_vfs *files = sqlite3_vfs_find(NULL);

    CHECK(files != NULL && files->iVersion >= 3);
    if (files->xGetSystemCall(files, name) !=
        NULL) { /* which of them it uses it was built to */
        CHECK(files->xSetSystemCall(files, name, call) == SQLITE_OK);
    }
}

static inline void sqlite_faults_set_up(unsigned long long fault_at, bool is_kill)
{
    sqlite_faults.fault_at = fault_at;
    sqlite_faults.is_kill = is_kill;
    sqlite_replace("pwrite", (sqlite3_syscall_ptr)sqlite_faulty_pwrite);
    sqlite_replace("pwrite64", (sqlite3_syscall_ptr)sqlite_faulty_pwrite);
    sqlite_replace("ftruncate", (sqlite3_syscall_ptr)sqlite_faulty_truncate);
    sqlite_replace("unlink", (sqlite3_syscall_ptr)sqlite_faulty_unlink);
}
