/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/registry/pin_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "registry_scene.h"

#define HOUR_USEC (3600 * UINT64_C(1000000))

static struct pin_facts make_pin(const struct scene *scene, const char *name, uint64_t epoch)
{
    struct pin_facts pin = {.cluster = "east",
                            .epoch = {1, epoch},
                            .from = {1, epoch * 10},
                            .created_usec = scene->wall_usec};

    (void)snprintf(pin.name, sizeof(pin.name), "%s", name);
    return pin;
}

static void put(struct scene *scene, const struct pin_facts *pin)
{
    struct error error;

    CHECK_OK(pin_table_put(registry_pins(scene->registry), pin, &error), &error);
}

static struct pin_facts find(struct scene *scene, const char *name)
{
    struct pin_facts found;
    struct error error;

    CHECK_OK(pin_table_find(registry_pins(scene->registry), name, &found, &error), &error);
    return found;
}

static size_t count_holds(struct scene *scene, const char *cluster)
{
    autofree struct log_hold *holds = NULL;
    size_t count = pin_table_holds(registry_pins(scene->registry), cluster, &holds);

    for (size_t at = 0; at < count; at++) {
        CHECK(!holds[at].is_applier && holds[at].server_id == 0);
        CHECK(at == 0 || binlog_position_compare(holds[at - 1].from, holds[at].from) <= 0);
    }
    return count;
}

static void holds_for_its_cluster_until_it_is_removed(void)
{
    autofree struct log_hold *holds = NULL;
    struct scene scene;
    struct pin_facts pin;
    struct error error;

    scene_open(&scene);
    pin = make_pin(&scene, "backup-7", 40);
    put(&scene, &pin);
    pin = make_pin(&scene, "a.copy", 20);
    pin.is_done = true;
    put(&scene, &pin);
    CHECK(pin_table_holds(registry_pins(scene.registry), "east", &holds) == 2);
    CHECK(strcmp(holds[0].who, "pin a.copy") == 0 && holds[0].epoch.epoch == 20);
    CHECK(strstr(holds[0].why, "done") != NULL && strstr(holds[1].why, "running") != NULL);
    CHECK(holds[1].from.file == 1 && holds[1].from.offset == 400);
    CHECK(count_holds(&scene, "east") == 2 && count_holds(&scene, "west") == 0);
    CHECK(scene_count_events(&scene, "pin.added", NULL) == 2);
    CHECK_OK(pin_table_remove(registry_pins(scene.registry), "a.copy", &error), &error);
    CHECK(pin_table_remove(registry_pins(scene.registry), "a.copy", &error) ==
          STATUS_NOT_FOUND);
    CHECK(pin_table_find(registry_pins(scene.registry), "a.copy", &pin, &error) ==
          STATUS_NOT_FOUND);
    CHECK(count_holds(&scene, "east") == 1);
    CHECK(scene_count_events(&scene, "pin.removed", NULL) == 1);
    scene_close(&scene);
}

static void is_as_it_was_after_a_restart(void)
{
    autofree struct pin_facts *list = NULL;
    struct scene scene;
    struct pin_facts pin;
    struct pin_facts found;

    scene_open(&scene);
    pin = make_pin(&scene, "b", UINT64_MAX);
    pin.epoch.incarnation = UINT32_MAX;
    pin.is_done = true;
    pin.expires_usec = scene.wall_usec + HOUR_USEC;
    put(&scene, &pin);
    pin = make_pin(&scene, "a", 10);
    put(&scene, &pin);
    scene_restart(&scene);
    CHECK(pin_table_list(registry_pins(scene.registry), &list) == 2);
    CHECK(strcmp(list[0].name, "a") == 0 && strcmp(list[1].name, "b") == 0);
    found = find(&scene, "b");
    CHECK(strcmp(found.cluster, "east") == 0 && found.epoch.epoch == UINT64_MAX);
    CHECK(found.epoch.incarnation == UINT32_MAX && found.is_done && !found.is_expired);
    CHECK(found.created_usec == scene.wall_usec);
    CHECK(found.expires_usec == scene.wall_usec + HOUR_USEC);
    CHECK(count_holds(&scene, "east") == 2);
    scene_close(&scene);
}

static void an_equal_call_changes_nothing_and_another_replaces(void)
{
    struct scene scene;
    struct pin_facts pin;
    uint64_t made_usec = 0;

    scene_open(&scene);
    pin = make_pin(&scene, "backup-7", 40);
    made_usec = pin.created_usec;
    put(&scene, &pin);
    scene_pass(&scene, 60);
    pin.created_usec = scene.wall_usec;
    put(&scene, &pin);
    CHECK(scene_count_events(&scene, "pin.added", NULL) == 1);
    CHECK(find(&scene, "backup-7").created_usec == made_usec);
    pin.is_done = true; /* the backup it was made for is complete */
    put(&scene, &pin);
    CHECK(find(&scene, "backup-7").is_done);
    CHECK(find(&scene, "backup-7").created_usec == made_usec);
    pin = make_pin(&scene, "backup-7", 50);
    put(&scene, &pin);
    CHECK(find(&scene, "backup-7").epoch.epoch == 50 && !find(&scene, "backup-7").is_done);
    CHECK(find(&scene, "backup-7").created_usec == scene.wall_usec);
    CHECK(count_holds(&scene, "east") == 1);
    CHECK(scene_count_events(&scene, "pin.added", NULL) == 3);
    scene_close(&scene);
}

static void expires_once(void)
{
    struct scene scene;
    struct pin_facts pin;
    char text[1024];

    scene_open(&scene);
    pin = make_pin(&scene, "backup-7", 40);
    pin.expires_usec = scene.wall_usec + HOUR_USEC;
    put(&scene, &pin);
    scene_pass(&scene, 3599);
    CHECK(count_holds(&scene, "east") == 1 && !find(&scene, "backup-7").is_expired);
    scene_pass(&scene, 1);
    CHECK(find(&scene, "backup-7").is_expired && count_holds(&scene, "east") == 0);
    CHECK(count_holds(&scene, "east") == 0);
    CHECK(scene_count_events(&scene, "pin.expired", text) == 1);
    CHECK(strstr(text, "backup-7") != NULL && strstr(text, "still running") != NULL);
    scene_restart(&scene);
    CHECK(find(&scene, "backup-7").is_expired && count_holds(&scene, "east") == 0);
    CHECK(scene_count_events(&scene, "pin.expired", NULL) == 1);
    pin.expires_usec = scene.wall_usec + HOUR_USEC; /* once more */
    put(&scene, &pin);
    CHECK(!find(&scene, "backup-7").is_expired && count_holds(&scene, "east") == 1);
    scene_pass(&scene, 3600);
    CHECK(count_holds(&scene, "east") == 0);
    CHECK(scene_count_events(&scene, "pin.expired", NULL) == 2);
    scene_close(&scene);
}

static bool is_named(struct scene *scene, const char *name)
{
    struct pin_facts pin = make_pin(scene, "x", 10);
    struct error error;
    enum status status = STATUS_OK;

    memset(pin.name, 0, sizeof(pin.name));
    memcpy(pin.name, name, strnlen(name, sizeof(pin.name)));
    status = pin_table_put(registry_pins(scene->registry), &pin, &error);
    CHECK(status == STATUS_OK || status == STATUS_INVALID);
    return status == STATUS_OK;
}

static void takes_only_names_of_its_form(void)
{
    char name[PIN_NAME_BYTES + 1] = "";
    struct scene scene;

    scene_open(&scene);
    memset(name, 'n', PIN_NAME_BYTES);
    CHECK(!is_named(&scene, name));
    name[PIN_NAME_BYTES - 1] = '\0';
    CHECK(is_named(&scene, name) && is_named(&scene, "A-z_0.9"));
    CHECK(!is_named(&scene, "") && !is_named(&scene, "a b") && !is_named(&scene, "a/b"));
    CHECK(!is_named(&scene, "a'b") && !is_named(&scene, "\xc3\xa4"));
    scene_close(&scene);
}

static void a_name_is_of_one_cluster(void)
{
    struct scene scene;
    struct pin_facts pin;
    struct error error;

    scene_open(&scene);
    pin = make_pin(&scene, "backup-7", 40);
    put(&scene, &pin);
    (void)snprintf(pin.cluster, sizeof(pin.cluster), "west");
    CHECK(pin_table_put(registry_pins(scene.registry), &pin, &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "east") != NULL);
    CHECK(count_holds(&scene, "east") == 1 && count_holds(&scene, "west") == 0);
    scene_close(&scene);
}

/* Each is a transaction: as many as make the test tell something, not all that may be. */
static void pins_of_many_names_are_found(void)
{
    char name[PIN_NAME_BYTES];
    struct scene scene;

    scene_open(&scene);
    for (unsigned at = 0; at < 100; at++) {
        (void)snprintf(name, sizeof(name), "pin-%u", at * 37 % 100);

        struct pin_facts pin = make_pin(&scene, name, at + 1);

        put(&scene, &pin);
    }
    for (unsigned at = 0; at < 100; at++) {
        (void)snprintf(name, sizeof(name), "pin-%u", at * 37 % 100);
        CHECK(find(&scene, name).epoch.epoch == at + 1);
    }
    CHECK(count_holds(&scene, "east") == 100);
    scene_close(&scene);
}

/* Written by hand, as ten thousand transactions would take long. */
static void takes_no_more_than_it_may_but_for_those_that_expired(void)
{
    struct scene scene;
    struct pin_facts pin;
    struct error error;

    scene_open(&scene);
    scene_stop(&scene);
    scene_sql(&scene,
              "WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n"
              " WHERE n < 10000) INSERT INTO pin SELECT 'p' || n, 'east', 1, 10, 1, 4, 0,"
              " 0, 1, CASE n WHEN 7 THEN 5 WHEN 8 THEN 4 ELSE 0 END FROM n");
    scene_start(&scene);
    CHECK(count_holds(&scene, "east") == PIN_MOST - 2);
    pin = make_pin(&scene, "p9", 20); /* it has its place */
    put(&scene, &pin);
    pin = make_pin(&scene, "new", 20);
    put(&scene, &pin);
    CHECK(pin_table_find(registry_pins(scene.registry), "p8", &pin, &error) ==
          STATUS_NOT_FOUND);
    CHECK(find(&scene, "p7").is_expired);
    pin = make_pin(&scene, "newer", 20);
    put(&scene, &pin);
    pin = make_pin(&scene, "newest", 20);
    CHECK(pin_table_put(registry_pins(scene.registry), &pin, &error) == STATUS_FULL);
    scene_restart(&scene);
    CHECK(count_holds(&scene, "east") == PIN_MOST);
    scene_close(&scene);
}

struct asking {
    struct scene *scene;
    atomic_bool is_over;
};

static void *ask_for_holds(void *context)
{
    struct asking *asking = context;

    while (!atomic_load(&asking->is_over)) {
        asking->scene->wall_usec += HOUR_USEC;
        (void)count_holds(asking->scene, "east");
    }
    return NULL;
}

/* The thread sanitizer looks at this one: the purger asks while an administrator changes. */
static void may_expire_while_it_is_replaced(void)
{
    struct scene scene;
    struct asking asking = {.scene = &scene};
    pthread_t thread;

    scene_open(&scene);
    CHECK(pthread_create(&thread, NULL, ask_for_holds, &asking) == 0);
    for (int round = 0; round < 50; round++) {
        struct pin_facts pin = make_pin(&scene, "backup-7", 10);
        struct error error;

        pin.expires_usec = pin.created_usec + HOUR_USEC;
        put(&scene, &pin);
        put(&scene, &pin);
        if (round % 10 == 9) {
            CHECK_OK(pin_table_remove(registry_pins(scene.registry), "backup-7", &error),
                     &error);
        }
    }
    atomic_store(&asking.is_over, true);
    CHECK(pthread_join(thread, NULL) == 0);
    scene_close(&scene);
}

static void what_cannot_be_saved_did_not_happen(void)
{
    struct scene scene;
    struct pin_facts pin;
    struct error error;

    scene_open(&scene);
    pin = make_pin(&scene, "backup-7", 40);
    put(&scene, &pin);
    scene_sql(&scene, "CREATE TRIGGER no_put BEFORE INSERT ON pin"
                      " BEGIN SELECT RAISE(ABORT, 'not now'); END;"
                      "CREATE TRIGGER no_remove BEFORE DELETE ON pin"
                      " BEGIN SELECT RAISE(ABORT, 'not now'); END");
    CHECK(pin_table_remove(registry_pins(scene.registry), "backup-7", &error) == STATUS_SYSTEM);
    pin = make_pin(&scene, "backup-7", 50);
    CHECK(pin_table_put(registry_pins(scene.registry), &pin, &error) == STATUS_SYSTEM);
    pin = make_pin(&scene, "backup-8", 50);
    CHECK(pin_table_put(registry_pins(scene.registry), &pin, &error) == STATUS_SYSTEM);
    CHECK(count_holds(&scene, "east") == 1 && find(&scene, "backup-7").epoch.epoch == 40);
    CHECK(scene_count_events(&scene, "pin.removed", NULL) == 0);
    scene_close(&scene);
}

int main(void)
{
    takes_no_more_than_it_may_but_for_those_that_expired();
    may_expire_while_it_is_replaced();
    what_cannot_be_saved_did_not_happen();
    holds_for_its_cluster_until_it_is_removed();
    is_as_it_was_after_a_restart();
    an_equal_call_changes_nothing_and_another_replaces();
    expires_once();
    takes_only_names_of_its_form();
    a_name_is_of_one_cluster();
    pins_of_many_names_are_found();
    return 0;
}
