/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files of a log may go: the files, what is needed of them, the settings
 * and the time go in, a number comes out. Pure.
 *
 * Always the oldest ones, without a hole. The newest file never goes.
 */
#pragma once

#include "binrelay/admin/purger.h"
#include "binrelay/storage/binlog_files.h"

/* What there is. All borrowed. */
struct purge_scene {
    const struct binlog_file_facts *files; /* oldest first */
    size_t file_count;
    const struct log_hold *holds; /* the oldest need first */
    size_t hold_count;
    const struct purge_settings *settings;
    uint64_t now_usec; /* wall clock */
};

/* Which of them are wanted away. */
struct purge_ask {
    size_t files;      /* the oldest so many */
    bool passes_age;   /* min_age and min_files do not count ... */
    bool passes_needs; /* ... and what is needed does not */
};

/* Why a file that was asked for stays. */
enum purge_stop {
    PURGE_STOP_NONE, /* all go */
    PURGE_STOP_NEEDED,
    PURGE_STOP_YOUNG,  /* min_age */
    PURGE_STOP_KEPT,   /* min_files */
    PURGE_STOP_NEWEST, /* the log goes on in it */
};

struct purge_plan {
    size_t files; /* the oldest so many may go */
    uint64_t bytes;
    enum purge_stop stop; /* why the next one stays */
};

struct purge_plan purge_plan_make(const struct purge_scene *scene, const struct purge_ask *ask);

/* True if all of the file is in front of the place. {0, 0} has nothing in front of it. */
bool purge_file_is_below(const struct binlog_file_facts *file, struct binlog_position place);

/* How many holds need a file: the first so many of the scene's. */
size_t purge_plan_needs(const struct purge_scene *scene, size_t file);

/* How many of the oldest files are in front of a file. */
size_t purge_count_before_file(const struct purge_scene *scene, uint64_t file);

/* How many of the oldest files were last written before a time. When is not known of files from
 * before an upgrade: they are old. */
size_t purge_count_before_time(const struct purge_scene *scene, uint64_t before_usec);
