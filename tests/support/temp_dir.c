/* SPDX-License-Identifier: Apache-2.0 */
#include "temp_dir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

char *temp_dir_make(void)
{
    const char *parent = getenv("TMPDIR");
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/binrelay-test.XXXXXX",
                   parent == NULL ? "/tmp" : parent);
    CHECK(mkdtemp(path) != NULL);
    return strdup(path);
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)facts;
    (void)kind;
    (void)walk;
    return remove(path);
}

void temp_dir_remove(char *path)
{
    if (path == NULL) {
        return;
    }
    CHECK(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
    free(path);
}
