/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/admin/admin.h"

#include <string.h>

#include "admin_client.h"
#include "admin_internal.h"
#include "binrelay/base/memory.h"
#include "binrelay/base/worker.h"
#include "binrelay/net/listener.h"

static enum status start_workers(struct admin *admin, struct error *error)
{
    static const char *const names[COMMAND_PLACES] = {
        [COMMAND_READS] = "admin-read",
        [COMMAND_CHANGES] = "admin-change",
        [COMMAND_PURGES] = "admin-purge",
    };
    enum status status = STATUS_OK;

    for (size_t at = 0; at < COMMAND_PLACES && status == STATUS_OK; at++) {
        if (names[at] != NULL) {
            status = worker_start(&admin->workers[at], names[at], error);
        }
    }
    return status;
}

enum status admin_open(struct admin **made,
                       const struct admin_options *options,
                       struct error *error)
{
    struct admin *admin = mem_zeroed(sizeof(*admin));
    size_t bytes = options->cluster_count * sizeof(*options->clusters);
    enum status status = STATUS_OK;

    admin->options = *options;
    admin->clusters = mem_zeroed(bytes + 1);
    memcpy(admin->clusters, options->clusters, bytes);
    atomic_init(&admin->is_closing, false);
    status = start_workers(admin, error);
    if (status == STATUS_OK) {
        status = listener_open_unix(&admin->listener, options->loop, options->socket_path,
                                    options->socket_mode, error);
    }
    if (status != STATUS_OK) {
        admin_close(admin);
        return error_wrap(error, "admin.socket");
    }
    listener_start(admin->listener, admin_client_accept, admin);
    *made = admin;
    return STATUS_OK;
}

void admin_close(struct admin *admin)
{
    if (admin == NULL) {
        return;
    }
    atomic_store(&admin->is_closing, true);
    while (admin->clients != NULL) {
        admin_client_remove(admin->clients);
    }
    listener_free(admin->listener);
    for (size_t at = 0; at < COMMAND_PLACES; at++) {
        worker_stop(admin->workers[at]);
    }
    free(admin->clusters);
    free(admin);
}
