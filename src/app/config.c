/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "binrelay/base/disk.h"
#include "binrelay/base/memory.h"

enum { SECRET_MOST_BYTES = 4096 };

/* "0.0.0.0:3306" is short for {"address": "0.0.0.0:3306"}. */
static void read_listen(struct config_endpoint *endpoint, struct option_faults *faults)
{
    static const char path[] = "$.endpoint.listen";
    const json_t *list = endpoint->listen_json;
    struct config_listen *items = NULL;

    if (!json_is_array(list) || json_array_size(list) == 0) {
        option_fault(faults, path, "must be a list with at least one address");
        return;
    }
    items = mem_zeroed(json_array_size(list) * sizeof(*items));
    endpoint->listen = (struct option_list){items, json_array_size(list)};
    for (size_t at = 0; at < endpoint->listen.count; at++) {
        autofree char *where = mem_format("%s[%zu]", path, at);
        const json_t *item = json_array_get(list, at);

        if (json_is_string(item)) {
            items[at].address = mem_text(json_string_value(item));
        } else {
            option_read(&config_listen_section, &items[at], item, where, faults);
        }
        if (items[at].version == NULL && endpoint->version != NULL) {
            items[at].version = mem_text(endpoint->version);
        }
    }
}

static void read_start(struct config_cluster *cluster,
                       const char *path,
                       struct option_faults *faults)
{
    autofree char *where = mem_format("%s.start", path);
    const char *word = json_string_value(cluster->start_json);
    const struct config_start *start = &cluster->start;

    if (word != NULL) {
        cluster->is_start_last = strcmp(word, "last") == 0;
        if (!cluster->is_start_last && strcmp(word, "first") != 0) {
            option_fault(faults, where, "must be \"first\", \"last\" or an object");
        }
        return;
    }
    option_read(&config_start_section, &cluster->start, cluster->start_json, where, faults);
    if ((start->file != NULL) + (start->epoch != 0) + (start->gtid_set != NULL) != 1) {
        option_fault(faults, where, "must name one of file, epoch and gtid_set");
    }
    if ((start->position != 0) != (start->file != NULL)) {
        option_fault(faults, where, "file and position go together");
    }
}

/* Reads a secret's file: its first line, without the newline. */
static enum status read_secret(char **secret, const char *path, struct error *error)
{
    char text[SECRET_MOST_BYTES + 1] = "";
    size_t size = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    enum status status = STATUS_OK;

    if (file < 0) {
        return error_set_errno(error, "cannot read %s", path);
    }
    status = disk_read_all(disk_system(), file, text, sizeof(text), 0, &size, error);
    (void)close(file); /* was only read */
    if (status == STATUS_OK && size > SECRET_MOST_BYTES) {
        status = error_set(error, STATUS_INVALID, "%s holds more than %d bytes", path,
                           SECRET_MOST_BYTES);
    }
    if (status == STATUS_OK) {
        text[size] = '\0';
        text[strcspn(text, "\r\n")] = '\0';
        free(*secret);
        *secret = mem_text(text);
    }
    explicit_bzero(text, sizeof(text));
    return status;
}

static void fetch_secret(char **secret,
                         const char *file,
                         const char *path,
                         const char *name,
                         struct option_faults *faults)
{
    struct error error;
    autofree char *where = mem_format("%s.%s_file", path, name);

    if (file == NULL) {
        return;
    }
    if (*secret != NULL) {
        option_fault(faults, where, "give either %s or %s_file", name, name);
    } else if (read_secret(secret, file, &error) != STATUS_OK) {
        option_fault(faults, where, "%s", error.message);
    }
}

static void fetch_secrets(struct config *config, struct option_faults *faults)
{
    for (size_t at = 0; at < config->accounts.count; at++) {
        struct config_account *account = config_account_at(config, at);
        autofree char *path = mem_format("$.accounts[%zu]", at);

        fetch_secret(&account->password, account->password_file, path, "password", faults);
        fetch_secret(&account->old_password, account->old_password_file, path, "old_password",
                     faults);
    }
    for (size_t at = 0; at < config->clusters.count; at++) {
        const struct config_cluster *cluster = config_cluster_at(config, at);

        for (size_t number = 0; number < cluster->sources.count; number++) {
            struct config_source *source = config_source_at(cluster, number);
            autofree char *path = mem_format("$.clusters[%zu].sources[%zu]", at, number);

            fetch_secret(&source->password, source->password_file, path, "password", faults);
        }
    }
    for (size_t at = 0; at < config->heartbeat.polls.count; at++) {
        struct config_source *server = &config_poll_at(config, at)->server;
        autofree char *path = mem_format("$.heartbeat.poll[%zu]", at);

        fetch_secret(&server->password, server->password_file, path, "password", faults);
    }
}

static json_t *load_json(const char *path, struct error *error)
{
    json_error_t fault;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &fault);

    if (root == NULL) {
        (void)error_set(error, STATUS_INVALID, "%s: line %d, column %d: %s", path, fault.line,
                        fault.column, fault.text);
    }
    return root;
}

enum status config_read(struct config **made,
                        const char *path,
                        struct option_faults *faults,
                        struct error *error)
{
    struct config *config = NULL;
    json_t *root = load_json(path, error);

    if (root == NULL) {
        return STATUS_INVALID;
    }
    config = mem_zeroed(sizeof(*config));
    option_read(&config_section, config, root, "$", faults);
    json_decref(root);
    if (config->endpoint.listen_json != NULL) {
        read_listen(&config->endpoint, faults);
    }
    for (size_t at = 0; at < config->clusters.count; at++) {
        autofree char *where = mem_format("$.clusters[%zu]", at);

        if (config_cluster_at(config, at)->start_json != NULL) {
            read_start(config_cluster_at(config, at), where, faults);
        }
    }
    fetch_secrets(config, faults);
    config_check(config, faults);
    if (faults->count > 0) {
        config_free(config);
        return error_set(error, STATUS_INVALID, "%s has %zu fault%s", path, faults->count,
                         faults->count == 1 ? "" : "s");
    }
    *made = config;
    return STATUS_OK;
}

void config_free(struct config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t at = 0; at < config->endpoint.listen.count; at++) {
        option_release(&config_listen_section, config_listen_at(config, at));
    }
    free(config->endpoint.listen.items);
    for (size_t at = 0; at < config->clusters.count; at++) {
        option_release(&config_start_section, &config_cluster_at(config, at)->start);
    }
    option_release(&config_section, config);
    free(config);
}

char *config_print(const struct config *config)
{
    json_t *printed = option_print(&config_section, config);
    char *text = json_dumps(printed, JSON_INDENT(2));

    json_decref(printed);
    if (text == NULL) {
        abort(); /* want of memory */
    }
    return text;
}
