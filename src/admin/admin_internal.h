/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the admin room share. */
#pragma once

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "binrelay/admin/admin.h"
#include "binrelay/base/bytes.h"
#include "binrelay/registry/applier.h"

struct listener;
struct worker;
struct admin_client;

/* Where a command runs. */
enum command_place {
    COMMAND_AT_ONCE, /* on the control thread: it never waits */
    COMMAND_READS,   /* waits for the disk or for locks, and not for long */
    COMMAND_CHANGES, /* waits until something is durable */
    COMMAND_PURGES,  /* waits until files are gone, which may take long */
    COMMAND_PLACES,
};

struct admin {
    struct admin_options options;   /* the clusters are copied; the rest as said there */
    struct admin_cluster *clusters; /* owned */
    struct listener *listener;      /* owned */
    struct admin_client *clients;   /* owned: a list */
    unsigned client_count;
    /* Owned; none for COMMAND_AT_ONCE. Several, so that no status and no pin waits behind a
     * purge. */
    struct worker *workers[COMMAND_PLACES];
    atomic_bool is_closing; /* what still waits is not begun any more */
};

enum parameter_kind {
    PARAMETER_TEXT,
    PARAMETER_WORD,   /* a text, or in JSON a number as well: always a text in the end */
    PARAMETER_NUMBER, /* 0 to 2^63 - 1 */
    PARAMETER_FLAG,   /* --name, or "name": true */
};

struct command_parameter {
    const char *name; /* as in JSON; in words --name-with-dashes, or by place */
    enum parameter_kind kind;
    bool is_positional;
    bool is_required;
    const char *alias; /* another name of it, or NULL */
};

enum { COMMAND_MOST_PARAMETERS = 8 };

/*
 * Fills *result with a new reference. The arguments are checked against the
 * parameters. Other threads run commands at the same time: what is in struct
 * admin beside clients and workers does not change while it is open.
 */
typedef enum status command_fn(struct admin *admin,
                               const json_t *arguments,
                               json_t **result,
                               struct error *error);

struct admin_command {
    const char *name;                                             /* one word or two */
    struct command_parameter parameters[COMMAND_MOST_PARAMETERS]; /* ends with name == NULL */
    const char *help;
    const char *example;
    enum command_place place;
    command_fn *run;
};

extern const struct admin_command admin_commands[];
extern const size_t admin_command_count;

/* Finds a command by its whole name. NULL if there is none. */
const struct admin_command *admin_command_find(const char *name);

/*
 * Turns a line of either form into its command and a new reference to its
 * arguments, checked. STATUS_INVALID says what is wrong with it.
 */
MUST_CHECK enum status admin_request_parse(struct bytes line,
                                           const struct admin_command **command,
                                           json_t **arguments,
                                           struct error *error);

/* Runs a command in its place and words the reply: a line without its newline, the caller's. */
char *admin_run(struct admin *admin,
                const struct admin_command *command,
                const json_t *arguments);

/* The reply to a line that is no request. The caller's. */
char *admin_refuse(const struct error *error);

const struct admin_cluster *admin_find_cluster(const struct admin *admin, const char *name);

/* The cluster that the arguments name, or NULL where they name none. STATUS_NOT_FOUND: there is
 * none of that name. */
MUST_CHECK enum status admin_named_cluster(const struct admin *admin,
                                           const json_t *arguments,
                                           const struct admin_cluster **found,
                                           struct error *error);

/* Adds what there is of one cluster to an array. */
typedef void admin_add_rows(json_t *rows,
                            const struct admin *admin,
                            const struct admin_cluster *cluster);

/* The rows of the cluster that the arguments name, or of all: a new reference. As
 * admin_named_cluster(). */
MUST_CHECK enum status admin_list(const struct admin *admin,
                                  const json_t *arguments,
                                  admin_add_rows *add,
                                  json_t **result,
                                  struct error *error);

/* 4711, or JSON null for 0; a text where JSON has no such number. A new reference. */
json_t *admin_epoch(uint64_t epoch);

/* "2026-11-20T12:00:00Z", or JSON null for 0. A new reference. */
json_t *admin_time(uint64_t wall_usec);

/* "binlog.000042:4711", or "" for nowhere. A new reference. */
json_t *admin_position(const struct binlog_store *store, struct binlog_position position);

/* Lists of holds, as `purge` and others show them. A new reference. */
json_t *admin_holds(const struct binlog_store *store,
                    const struct log_hold *holds,
                    size_t count);

/* Returns when a purge that runs, and may not know of a new hold, is through: one more, of
 * nothing, waits for it. */
void admin_await_purge(const struct admin_cluster *cluster);

/* ---- values of arguments; one that is absent leaves *found as it is ---- */

enum { NAME_MOST_BYTES = 64 };

/* STATUS_INVALID: it is something else. */
MUST_CHECK enum status admin_argument_epoch(const json_t *arguments,
                                            const char *name,
                                            uint64_t *found,
                                            struct error *error);
MUST_CHECK enum status admin_argument_duration(const json_t *arguments,
                                               const char *name,
                                               uint64_t *usec,
                                               struct error *error);

/* Of a pin or a group. Borrowed from the arguments. */
MUST_CHECK enum status admin_argument_name(const json_t *arguments,
                                           const char *name,
                                           const char **found,
                                           struct error *error);

/* "id", which is there. */
MUST_CHECK enum status admin_argument_server_id(const json_t *arguments,
                                                uint32_t *found,
                                                struct error *error);

/* The commands, by subject. */
command_fn command_status;
command_fn command_cluster_list;
command_fn command_cluster_show;
command_fn command_cluster_pause;
command_fn command_cluster_resume;
command_fn command_files;
command_fn command_locate;
command_fn command_index_show;
command_fn command_gaps;
command_fn command_applier_list;
command_fn command_applier_show;
command_fn command_applier_add;
command_fn command_applier_forget;
command_fn command_applier_set_epoch;
command_fn command_applier_check;
command_fn command_pin_add;
command_fn command_pin_remove;
command_fn command_pin_list;
command_fn command_lease_show;
command_fn command_lease_grant;
command_fn command_lease_release;
command_fn command_lease_fence;
command_fn command_purge;
command_fn command_events;
command_fn command_metrics;
command_fn command_sessions;
command_fn command_kill;
command_fn command_reload;
command_fn command_log_level;
command_fn command_shutdown;
command_fn command_help;
