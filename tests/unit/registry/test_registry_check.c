/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/registry/registry_check.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binrelay/base/disk.h"
#include "binrelay/base/memory.h"
#include "binrelay/registry/registry.h"
#include "check.h"
#include "temp_dir.h"

static struct registry *open_registry(const char *directory)
{
    struct registry *registry = NULL;
    struct error error;

    CHECK_OK(registry_open(&registry, directory, clock_system(), &error), &error);
    return registry;
}

static void put(const char *directory, off_t offset, const char *text)
{
    autofree char *path = mem_format("%s/control.db", directory);
    int file = disk_open(disk_system(), path, O_WRONLY | O_CREAT, 0600);
    struct error error;

    CHECK(file >= 0);
    CHECK_OK(disk_write_all(disk_system(), file, text, strlen(text), offset, &error), &error);
    CHECK(disk_close(disk_system(), file) == 0);
}

static bool is_there(const char *directory, const char *name)
{
    autofree char *path = mem_format("%s/%s", directory, name);

    return access(path, F_OK) == 0;
}

static void finds_nothing_in_one_that_is_right_and_makes_nothing(void)
{
    char *directory = temp_dir_make();
    struct error error;

    CHECK(registry_check(directory, &error) == STATUS_NOT_FOUND);
    CHECK(!is_there(directory, "control.db"));
    registry_close(open_registry(directory));
    CHECK_OK(registry_check(directory, &error), &error);
    CHECK(!is_there(directory, "control.db-wal") && !is_there(directory, "control.db-shm"));
    temp_dir_remove(directory);
}

static void looks_beside_a_registry_that_writes(void)
{
    char *directory = temp_dir_make();
    struct registry *registry = open_registry(directory);
    struct error error;

    for (int at = 0; at < 20; at++) {
        registry_add_event(registry, "east", "source.connected", "hello");
        CHECK_OK(registry_check(directory, &error), &error);
    }
    registry_close(registry);
    CHECK_OK(registry_check(directory, &error), &error);
    temp_dir_remove(directory);
}

static void finds_damage(void)
{
    char *directory = temp_dir_make();
    struct error error;

    put(directory, 0, "this is no database, but a text that somebody left here");
    CHECK(registry_check(directory, &error) == STATUS_CORRUPT);
    temp_dir_remove(directory);

    directory = temp_dir_make();
    registry_close(open_registry(directory));
    put(directory, 4096, "\x0d\xff\xff\xff\xff\xff\xff\xff");
    CHECK(registry_check(directory, &error) == STATUS_CORRUPT);
    temp_dir_remove(directory);
}

static void finds_another_programs_database(void)
{
    char *directory = temp_dir_make();
    autofree char *path = mem_format("%s/control.db", directory);
    int file = disk_open(disk_system(), path, O_WRONLY | O_CREAT, 0600);
    struct error error;

    CHECK(file >= 0 && disk_close(disk_system(), file) == 0); /* an empty one is sound */
    CHECK(registry_check(directory, &error) == STATUS_CORRUPT);
    temp_dir_remove(directory);
}

/* Byte 60 of a database is the beginning of its user_version. */
static void finds_a_newer_schema(void)
{
    char *directory = temp_dir_make();
    struct error error;

    registry_close(open_registry(directory));
    put(directory, 60, "\x01");
    CHECK(registry_check(directory, &error) == STATUS_INVALID);
    temp_dir_remove(directory);
}

int main(void)
{
    finds_a_newer_schema();
    finds_nothing_in_one_that_is_right_and_makes_nothing();
    looks_beside_a_registry_that_writes();
    finds_damage();
    finds_another_programs_database();
    return 0;
}
