/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options as data: one table per section says what may stand there, of which
 * kind, within which limits, and what holds when nothing is said. Reading,
 * --check-config and --print-config all follow the tables.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"

enum option_kind {
    OPTION_TEXT,     /* char *, owned */
    OPTION_SECRET,   /* the same, never printed */
    OPTION_NUMBER,   /* uint64_t within least and most */
    OPTION_DURATION, /* uint64_t microseconds, within least and most */
    OPTION_SIZE,     /* uint64_t bytes */
    OPTION_PERCENT,  /* uint64_t, "80%" */
    OPTION_BOOL,     /* bool */
    OPTION_CHOICE,   /* uint64_t: the place of the word in `words` */
    OPTION_SECTION,  /* a struct, in place, by `section` */
    OPTION_CHOSEN, /* the same, which means something by being there: no defaults without it */
    OPTION_SECTIONS, /* struct option_list of structs by `section` */
    OPTION_TEXTS,    /* struct option_list of char * */
    OPTION_JSON,     /* json_t *, owned: read further by the owner of the table */
};

struct config_option;

/* What a JSON object may hold, and the struct it is read into. */
struct option_section {
    const struct config_option *options; /* ends with name == NULL */
    size_t size;                         /* of the struct */
};

struct config_option {
    const char *name;
    enum option_kind kind;
    size_t offset; /* in the section's struct */
    const char
        *fallback;  /* what holds when nothing is said, as it is written; NULL: 0, "", empty */
    uint64_t least; /* for numbers, durations; a list's least count */
    uint64_t most;  /* 0: no limit */
    const char *words; /* OPTION_CHOICE: "off|optional|required" */
    const struct option_section *section;
    bool is_required;
};

struct option_list {
    void *items; /* owned */
    size_t count;
};

/* Gathers every fault as a line "$.clusters[0].server_id: is missing". */
struct option_faults {
    struct buffer lines; /* owned: lines that end with a newline */
    size_t count;
};

void option_fault(struct option_faults *faults, const char *path, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Fills the zeroed struct from the object. Goes on after a fault to find the others. */
void option_read(const struct option_section *section,
                 void *target,
                 const json_t *object,
                 const char *path,
                 struct option_faults *faults);

/* The effective options as JSON: a new reference. Secrets are left out. */
json_t *option_print(const struct option_section *section, const void *source);

/* Frees what the struct owns, not the struct. */
void option_release(const struct option_section *section, void *target);
