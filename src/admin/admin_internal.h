/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the admin room share. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "binrelay/admin/admin.h"
#include "binrelay/base/bytes.h"

struct listener;
struct admin_client;

struct admin {
    struct admin_options options;   /* the clusters are copied; the rest as said there */
    struct admin_cluster *clusters; /* owned */
    struct listener *listener;      /* owned */
    struct admin_client *clients;   /* owned: a list */
    unsigned client_count;
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
};

enum { COMMAND_MOST_PARAMETERS = 4 };

struct admin_command {
    const char *name;                                             /* one word or two */
    struct command_parameter parameters[COMMAND_MOST_PARAMETERS]; /* ends with name == NULL */
    const char *help;
    const char *example;
    /* Fills *result with a new reference. The arguments are checked against the parameters. */
    enum status (*run)(struct admin *admin,
                       const json_t *arguments,
                       json_t **result,
                       struct error *error);
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

/* Answers one line: the reply without its newline, to be freed by the caller. */
char *admin_answer(struct admin *admin, struct bytes line);

const struct admin_cluster *admin_find_cluster(const struct admin *admin, const char *name);

/* The cluster that the arguments name, or NULL where they name none. STATUS_NOT_FOUND: there is
 * none of that name. */
MUST_CHECK enum status admin_named_cluster(const struct admin *admin,
                                           const json_t *arguments,
                                           const struct admin_cluster **found,
                                           struct error *error);

/* 4711, or JSON null for 0. A new reference. */
json_t *admin_epoch(uint64_t epoch);

/* "2026-11-20T12:00:00Z", or JSON null for 0. A new reference. */
json_t *admin_time(uint64_t wall_usec);

/* "binlog.000042:4711", or "" for nowhere. A new reference. */
json_t *admin_position(const struct binlog_store *store, struct binlog_position position);

/* The commands, by subject. */
enum status command_status(struct admin *admin,
                           const json_t *arguments,
                           json_t **result,
                           struct error *error);
enum status command_cluster_list(struct admin *admin,
                                 const json_t *arguments,
                                 json_t **result,
                                 struct error *error);
enum status command_cluster_show(struct admin *admin,
                                 const json_t *arguments,
                                 json_t **result,
                                 struct error *error);
enum status command_cluster_pause(struct admin *admin,
                                  const json_t *arguments,
                                  json_t **result,
                                  struct error *error);
enum status command_cluster_resume(struct admin *admin,
                                   const json_t *arguments,
                                   json_t **result,
                                   struct error *error);
enum status command_files(struct admin *admin,
                          const json_t *arguments,
                          json_t **result,
                          struct error *error);
enum status command_locate(struct admin *admin,
                           const json_t *arguments,
                           json_t **result,
                           struct error *error);
enum status command_index_show(struct admin *admin,
                               const json_t *arguments,
                               json_t **result,
                               struct error *error);
enum status command_gaps(struct admin *admin,
                         const json_t *arguments,
                         json_t **result,
                         struct error *error);
enum status command_sessions(struct admin *admin,
                             const json_t *arguments,
                             json_t **result,
                             struct error *error);
enum status command_kill(struct admin *admin,
                         const json_t *arguments,
                         json_t **result,
                         struct error *error);
enum status command_reload(struct admin *admin,
                           const json_t *arguments,
                           json_t **result,
                           struct error *error);
enum status command_log_level(struct admin *admin,
                              const json_t *arguments,
                              json_t **result,
                              struct error *error);
enum status command_shutdown(struct admin *admin,
                             const json_t *arguments,
                             json_t **result,
                             struct error *error);
enum status command_help(struct admin *admin,
                         const json_t *arguments,
                         json_t **result,
                         struct error *error);
