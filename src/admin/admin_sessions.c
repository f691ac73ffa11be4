/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about connections and about the program itself. */
#include "admin_internal.h"
#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "binrelay/serve/endpoint_sessions.h"

static json_t *row_of(const struct admin *admin, const struct session_facts *facts)
{
    const struct admin_cluster *cluster = admin_find_cluster(admin, facts->cluster);
    json_t *position =
        cluster == NULL ? json_string("") : admin_position(cluster->store, facts->position);

    return json_pack("{s:I,s:s,s:s,s:s,s:s,s:I,s:s,s:o,s:I,s:I,s:o,s:b,s:b}", "id",
                     (json_int_t)facts->id, "user", facts->user, "peer", facts->peer, "cluster",
                     facts->cluster, "state", facts->state, "server_id",
                     (json_int_t)facts->server_id, "replica_uuid", facts->replica_uuid,
                     "position", position, "sent_bytes", (json_int_t)facts->sent_bytes,
                     "queued_bytes", (json_int_t)facts->queued_bytes, "since",
                     admin_time(facts->started_usec), "tls", (int)facts->is_secure, "gtid",
                     (int)facts->is_by_gtid);
}

enum status command_sessions(struct admin *admin,
                             const json_t *arguments,
                             json_t **result,
                             struct error *error)
{
    struct session_facts *facts = NULL;
    size_t count = endpoint_sessions(admin->options.endpoint, &facts);

    (void)arguments;
    (void)error;
    *result = json_array();
    for (size_t at = 0; at < count; at++) {
        json_t *row = row_of(admin, &facts[at]);

        /* A user's name that is no UTF-8 cannot be packed: such a row is not shown. */
        if (row != NULL) {
            (void)json_array_append_new(*result, row);
        }
    }
    free(facts);
    return STATUS_OK;
}

enum status command_kill(struct admin *admin,
                         const json_t *arguments,
                         json_t **result,
                         struct error *error)
{
    json_int_t session = json_integer_value(json_object_get(arguments, "session"));
    enum status status = endpoint_kill(admin->options.endpoint, (uint64_t)session, error);

    if (status == STATUS_OK) {
        *result = json_pack("{s:I}", "killed", session);
    }
    return status;
}

enum status command_reload(struct admin *admin,
                           const json_t *arguments,
                           json_t **result,
                           struct error *error)
{
    enum status status = admin->options.program.reload(admin->options.program.context, error);

    (void)arguments;
    if (status == STATUS_OK) {
        *result = json_pack("{s:b}", "reloaded", 1);
    }
    return status;
}

enum status command_log_level(struct admin *admin,
                              const json_t *arguments,
                              json_t **result,
                              struct error *error)
{
    const char *name = json_string_value(json_object_get(arguments, "level"));
    enum log_level level = LOG_INFO;

    (void)admin;
    if (!log_level_find(name, &level)) {
        return error_set(error, STATUS_INVALID,
                         "there is no level %s: it is error, warning, info or debug",
                         log_safe(bytes_of_text(name)).text);
    }
    log_set_level(level);
    *result = json_pack("{s:s}", "level", log_level_name(level));
    return STATUS_OK;
}

enum status command_shutdown(struct admin *admin,
                             const json_t *arguments,
                             json_t **result,
                             struct error *error)
{
    (void)arguments;
    (void)error;
    admin->options.program.shut_down(admin->options.program.context);
    *result = json_pack("{s:b}", "stopping", 1);
    return STATUS_OK;
}
