/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "../../src/admin/admin_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct admin_command *command = NULL;
    json_t *arguments = NULL;
    struct error error;

    if (admin_request_parse((struct bytes){bytes, size}, &command, &arguments, &error) ==
        STATUS_OK) {
        assert(command != NULL && json_is_object(arguments));
        json_decref(arguments);
    }
    return 0;
}
