/* SPDX-License-Identifier: Apache-2.0 */
#include "test_data.h"

#include <stdio.h>
#include <stdlib.h>

#include "binrelay/base/memory.h"
#include "check.h"

char *test_data_path(const char *name)
{
    return mem_format("%s/%s", TEST_DATA_DIR, name);
}

struct buffer test_data_read(const char *name)
{
    autofree char *path = test_data_path(name);
    FILE *file = fopen(path, "rb");
    struct buffer buffer = {0};
    size_t read = 0;

    CHECK(file != NULL);
    do {
        read = fread(buffer_room(&buffer, BUFSIZ), 1, BUFSIZ, file);
        buffer.size += read;
    } while (read > 0);
    CHECK(ferror(file) == 0);
    (void)fclose(file);
    return buffer;
}
