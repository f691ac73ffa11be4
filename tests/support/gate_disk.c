/* SPDX-License-Identifier: Apache-2.0 */
#include "gate_disk.h"

#include <errno.h>
#include <pthread.h>

#include "binrelay/base/memory.h"
#include "check.h"

struct gate_disk {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct disk calls;
    bool is_held;
    bool is_full;
    int waiting;
    int failing_syncs;
    int failing_writes;
};

static int sync_at_gate(void *context, int file)
{
    struct gate_disk *gate = context;
    bool fails = false;

    pthread_mutex_lock(&gate->lock);
    gate->waiting++;
    pthread_cond_broadcast(&gate->changed);
    while (gate->is_held) {
        pthread_cond_wait(&gate->changed, &gate->lock);
    }
    gate->waiting--;
    fails = gate->failing_syncs > 0;
    gate->failing_syncs -= fails;
    pthread_mutex_unlock(&gate->lock);
    if (fails) {
        errno = EIO;
        return -1;
    }
    return disk_sync(disk_system(), file);
}

static ssize_t write_at_gate(
    void *context, int file, const void *data, size_t size, off_t offset)
{
    struct gate_disk *gate = context;
    bool fails = false;
    bool is_full = false;

    pthread_mutex_lock(&gate->lock);
    is_full = gate->is_full;
    fails = gate->failing_writes > 0;
    gate->failing_writes -= fails;
    pthread_mutex_unlock(&gate->lock);
    if (is_full || fails) {
        errno = is_full ? ENOSPC : EIO;
        return -1;
    }
    return disk_system()->write_at(disk_system()->context, file, data, size, offset);
}

struct gate_disk *gate_disk_new(void)
{
    struct gate_disk *gate = mem_zeroed(sizeof(*gate));

    CHECK(pthread_mutex_init(&gate->lock, NULL) == 0);
    CHECK(pthread_cond_init(&gate->changed, NULL) == 0);
    gate->calls = *disk_system();
    gate->calls.sync = sync_at_gate;
    gate->calls.write_at = write_at_gate;
    gate->calls.context = gate; /* the system's own calls need none */
    return gate;
}

void gate_disk_free(struct gate_disk *gate)
{
    (void)pthread_mutex_destroy(&gate->lock);
    (void)pthread_cond_destroy(&gate->changed);
    free(gate);
}

const struct disk *gate_disk_calls(struct gate_disk *gate)
{
    return &gate->calls;
}

void gate_disk_hold_syncs(struct gate_disk *gate, bool is_held)
{
    pthread_mutex_lock(&gate->lock);
    gate->is_held = is_held;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

void gate_disk_await_sync(struct gate_disk *gate)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->waiting == 0) {
        pthread_cond_wait(&gate->changed, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}

void gate_disk_fail_syncs(struct gate_disk *gate, int count)
{
    pthread_mutex_lock(&gate->lock);
    gate->failing_syncs = count;
    pthread_mutex_unlock(&gate->lock);
}

void gate_disk_fail_writes(struct gate_disk *gate, int count)
{
    pthread_mutex_lock(&gate->lock);
    gate->failing_writes = count;
    pthread_mutex_unlock(&gate->lock);
}

void gate_disk_set_full(struct gate_disk *gate, bool is_full)
{
    pthread_mutex_lock(&gate->lock);
    gate->is_full = is_full;
    pthread_mutex_unlock(&gate->lock);
}
