/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/registry/registry.h"

#include <stdio.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "temp_dir.h"

static struct registry *open_registry(const char *directory)
{
    struct registry *registry = NULL;
    struct error error;

    CHECK_OK(registry_open(&registry, directory, clock_system(), &error), &error);
    return registry;
}

static void knows_a_cluster_after_a_restart(void)
{
    char *directory = temp_dir_make();
    struct registry *registry = open_registry(directory);
    struct registry_cluster saved = {
        .first_visible = {.file = 7, .offset = UINT64_C(1) << 33},
        .upstream_shift = -3,
        .shift_from_file = 9,
        .previous_shift = -2,
        .identity = 4000000199U,
        .facts = {.server_version = "9.7.0",
                  .server_id = 4294967295U,
                  .gtid_mode = "ON",
                  .server_id_bits = 7},
    };
    struct registry_cluster found;
    struct error error;

    CHECK(registry_load_cluster(registry, "east", &found, &error) == STATUS_NOT_FOUND);
    registry_save_cluster(registry, "east", &saved, NULL);
    registry_close(registry);

    registry = open_registry(directory);
    CHECK_OK(registry_load_cluster(registry, "east", &found, &error), &error);
    CHECK(found.first_visible.file == 7 && found.first_visible.offset == UINT64_C(1) << 33);
    CHECK(found.upstream_shift == -3);
    CHECK(strcmp(found.facts.server_version, "9.7.0") == 0);
    CHECK(found.facts.server_id == 4294967295U && strcmp(found.facts.gtid_mode, "ON") == 0);
    CHECK(found.shift_from_file == 9 && found.previous_shift == -2);
    CHECK(found.identity == 4000000199U && found.facts.server_id_bits == 7);
    CHECK(registry_load_cluster(registry, "west", &found, &error) == STATUS_NOT_FOUND);
    registry_close(registry);
    temp_dir_remove(directory);
}

static void deliver_to_mailbox(void *where, struct message *message)
{
    mailbox_post(where, message);
}

static void on_reply(struct message *message)
{
    struct registry_reply *reply = (struct registry_reply *)message;

    CHECK(reply->status == STATUS_OK);
    reply->where = NULL; /* what the test looks at */
}

static void says_when_a_write_is_durable(void)
{
    char *directory = temp_dir_make();
    struct registry *registry = open_registry(directory);
    struct registry_cluster cluster = {0};
    struct registry_reply reply = {.message.run = on_reply, .deliver = deliver_to_mailbox};
    struct mailbox *mailbox = NULL;
    struct error error;

    CHECK_OK(mailbox_new(&mailbox, &error), &error);
    reply.where = mailbox;
    registry_save_cluster(registry, "east", &cluster, &reply);
    mailbox_wait(mailbox);
    CHECK(mailbox_run(mailbox) == 1 && reply.where == NULL);
    mailbox_free(mailbox);
    registry_close(registry);
    temp_dir_remove(directory);
}

static void refuses_what_is_no_database(void)
{
    char *directory = temp_dir_make();
    autofree char *path = mem_format("%s/control.db", directory);
    FILE *file = fopen(path, "w");
    struct registry *registry = NULL;
    struct error error;

    CHECK(file != NULL);
    for (int line = 0; line < 500; line++) {
        CHECK(fputs("this is no database\n", file) >= 0);
    }
    CHECK(fclose(file) == 0);
    CHECK(registry_open(&registry, directory, clock_system(), &error) == STATUS_CORRUPT ||
          error.status == STATUS_SYSTEM);
    CHECK(strstr(error.message, "database") != NULL);
    temp_dir_remove(directory);
}

static void keeps_text_that_looks_like_sql(void)
{
    char *directory = temp_dir_make();
    struct registry *registry = open_registry(directory);
    struct registry_cluster cluster = {
        .facts = {.server_version = "'); DROP TABLE cluster; --"}};
    struct registry_cluster found;
    struct error error;

    registry_add_event(registry, "east", "event.bad", "'); DROP TABLE event; --");
    registry_save_cluster(registry, "ea'st", &cluster, NULL);
    registry_close(registry);
    registry = open_registry(directory);
    CHECK_OK(registry_load_cluster(registry, "ea'st", &found, &error), &error);
    CHECK(strcmp(found.facts.server_version, cluster.facts.server_version) == 0);
    registry_close(registry);
    temp_dir_remove(directory);
}

int main(void)
{
    knows_a_cluster_after_a_restart();
    says_when_a_write_is_durable();
    refuses_what_is_no_database();
    keeps_text_that_looks_like_sql();
    return 0;
}
