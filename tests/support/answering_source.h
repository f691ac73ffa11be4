/* SPDX-License-Identifier: Apache-2.0 */
/* A server behind a port of 127.0.0.1 that answers statements as it was told. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "binrelay/source/puller.h"
#include "fake_source.h"

enum { ANSWERS_MOST = 8, ANSWERED_MOST = 64, ANSWERED_BYTES = 512 };

/* What one statement is answered with. */
struct answer {
    const char *begins; /* what the statement begins with */
    unsigned code;      /* an error */
    const char *const *values;
    size_t columns; /* 0: an OK packet */
    size_t rows;
    bool is_silent;
    bool asks_for_file; /* LOAD DATA LOCAL, which nobody said */
};

/* What no answer is for is answered with OK. */
struct answering_source {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct answer answers[ANSWERS_MOST];
    size_t answer_count;
    char seen[ANSWERED_MOST][ANSWERED_BYTES]; /* without the settings of a session */
    size_t seen_count;
    struct fake_source *source;    /* owned */
    struct source_options options; /* how to reach it: account relay, password secret */
};

void answering_source_open(struct answering_source *source);
void answering_source_close(struct answering_source *source);

/* From now on; what was seen is forgotten. */
void answering_source_set(struct answering_source *source,
                          const struct answer *answers,
                          size_t count);

/* Waits for a statement that begins so, for the `times`th time; returns its number. */
size_t answering_source_await(struct answering_source *source, const char *begin, int times);
