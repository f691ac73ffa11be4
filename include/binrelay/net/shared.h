/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and files that several output queues send, counted. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Embed it or allocate it; the last unref calls destroy(shared). Begins with one reference. */
struct shared {
    _Atomic unsigned count;
    void (*destroy)(struct shared *shared);
};

void shared_init(struct shared *shared, void (*destroy)(struct shared *shared));
struct shared *shared_ref(struct shared *shared);
void shared_unref(struct shared *shared);

/* An open file for connection_send_file(). The last unref closes the descriptor. */
struct shared_file {
    struct shared shared;
    int descriptor; /* owned */
};

struct shared_file *shared_file_new(int descriptor);
