/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "registry_scene.h"

static size_t list(struct scene *scene,
                   uint64_t after_id,
                   uint64_t since_usec,
                   size_t most,
                   struct registry_event **events)
{
    struct error error;
    size_t count = 0;

    CHECK_OK(registry_list_events(scene->registry, after_id, since_usec, most, events, &count,
                                  &error),
             &error);
    return count;
}

/* True if it is those from the first number to the last; 0: if it is none. */
static bool lists(struct scene *scene,
                  uint64_t after_id,
                  uint64_t since_usec,
                  size_t most,
                  uint64_t first,
                  uint64_t last)
{
    autofree struct registry_event *events = NULL;
    size_t count = list(scene, after_id, since_usec, most, &events);

    for (size_t at = 1; at < count; at++) {
        CHECK(events[at].id > events[at - 1].id);
    }
    return first == 0 ? count == 0
                      : count == last - first + 1 && events[0].id == first &&
                            events[count - 1].id == last;
}

static void lists_what_is_behind_a_number_and_a_time(void)
{
    autofree struct registry_event *events = NULL;
    struct scene scene;
    uint64_t start_usec = 0;

    scene_open(&scene);
    start_usec = scene.wall_usec;
    for (int at = 0; at < 5; at++) {
        registry_add_event(scene.registry, "east", "source.connected", "10.1.0.5:3306");
        scene_pass(&scene, 10);
    }
    CHECK(lists(&scene, 0, 0, 100, 1, 5) && lists(&scene, 2, 0, 100, 3, 5));
    CHECK(lists(&scene, 0, 0, 2, 1, 2) && lists(&scene, 2, 0, 2, 3, 4));
    CHECK(lists(&scene, 0, start_usec + 20000000, 100, 3, 5));
    CHECK(lists(&scene, 0, start_usec + 20000001, 100, 4, 5));
    CHECK(lists(&scene, 5, 0, 100, 0, 0) && lists(&scene, 0, 0, 0, 0, 0));
    CHECK(lists(&scene, UINT64_MAX, 0, SIZE_MAX, 0, 0));
    CHECK(lists(&scene, 0, UINT64_MAX, SIZE_MAX, 0, 0));
    CHECK(list(&scene, 0, 0, 1, &events) == 1);
    CHECK(events[0].at_usec == start_usec && strcmp(events[0].cluster, "east") == 0);
    CHECK(strcmp(events[0].event, "source.connected") == 0);
    CHECK(strcmp(events[0].message, "10.1.0.5:3306") == 0);
    scene_restart(&scene);
    registry_add_event(scene.registry, "", "relay.started", "");
    CHECK(lists(&scene, 0, 0, 100, 1, 6));
    scene_close(&scene);
}

static void cuts_what_is_longer_than_its_field(void)
{
    autofree struct registry_event *events = NULL;
    autofree char *text = mem_raw(5000);
    struct scene scene;

    scene_open(&scene);
    memset(text, 'x', 4999);
    text[4999] = '\0';
    registry_add_event(scene.registry, text, text, text);
    CHECK(list(&scene, 0, 0, 9, &events) == 1);
    CHECK(strlen(events[0].cluster) == sizeof(events[0].cluster) - 1);
    CHECK(strlen(events[0].event) == sizeof(events[0].event) - 1);
    CHECK(strlen(events[0].message) == sizeof(events[0].message) - 1);
    scene_close(&scene);
}

/* Whoever causes them faster than they can be written must not fill memory. */
static void drops_what_comes_faster_than_it_is_written(void)
{
    struct scene scene;
    size_t count = 0;

    if (getenv("TMPDIR") == NULL &&
        access("/dev/shm", W_OK) == 0) { /* what syncs ten thousand times */
        CHECK(setenv("TMPDIR", "/dev/shm", 1) == 0);
    }
    scene_open(&scene);
    for (int at = 0; at < 4 * APPLIER_MOST; at++) {
        registry_add_event(scene.registry, "east", "report.refused", "");
    }
    count = scene_count_events(&scene, "report.refused", NULL);
    CHECK(count >= APPLIER_MOST && count < 4 * APPLIER_MOST);
    registry_add_event(scene.registry, "east", "source.connected", "");
    CHECK(scene_count_events(&scene, "source.connected", NULL) == 1);
    scene_close(&scene);
}

int main(void)
{
    lists_what_is_behind_a_number_and_a_time();
    cuts_what_is_longer_than_its_field();
    drops_what_comes_faster_than_it_is_written();
    return 0;
}
