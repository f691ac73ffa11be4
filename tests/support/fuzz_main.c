/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target once over every file of the directories that are named. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    long size = 0;

    CHECK(file != NULL);
    CHECK(fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0);
    rewind(file);
    bytes = malloc((size_t)size + 1); /* exact for the sanitizer but for the empty file */
    CHECK(bytes != NULL && fread(bytes, 1, (size_t)size, file) == (size_t)size);
    (void)LLVMFuzzerTestOneInput(bytes, (size_t)size);
    free(bytes);
    (void)fclose(file);
}

static int run_directory(const char *path)
{
    DIR *directory = opendir(path);
    int count = 0;

    CHECK(directory != NULL);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char name[4096];

        if (entry->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        run_file(name);
        count++;
    }
    (void)closedir(directory);
    return count;
}

int main(int count, char **arguments)
{
    int inputs = 0;

    for (int at = 1; at < count; at++) {
        inputs += run_directory(arguments[at]);
    }
    CHECK(inputs > 0); /* an empty corpus would test nothing */
    return 0;
}
