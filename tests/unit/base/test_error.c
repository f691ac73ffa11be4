/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/error.h"

#include <errno.h>
#include <string.h>

#include "check.h"

static void tells_the_way_it_came(void)
{
    struct error error;

    errno = EIO;
    CHECK(error_set_errno(&error, "write %d bytes", 19) == STATUS_SYSTEM);
    CHECK(error_wrap(&error, "file %06d", 42) == STATUS_SYSTEM);
    CHECK(strcmp(error.message, "file 000042: write 19 bytes: Input/output error") == 0);
    CHECK(error.os_code == EIO);
}

static void tells_a_full_disk_from_a_broken_one(void)
{
    struct error error;

    errno = ENOSPC;
    CHECK(error_set_errno(&error, "write") == STATUS_FULL);
}

int main(void)
{
    tells_the_way_it_came();
    tells_a_full_disk_from_a_broken_one();
    return 0;
}
