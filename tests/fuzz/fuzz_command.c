/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/command.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_register(struct bytes body)
{
    struct command_register command = {0};
    struct buffer payload = {0};
    struct error error = {0};

    if (command_register_decode(&command, body, &error) == STATUS_OK) {
        command_register_encode(&payload, &command);
        CHECK(payload.size <= body.size + 1);
    }
    buffer_release(&payload);
}

/* A dump is written as it was read, but for what follows it. */
static void check_dump(enum command_code code, struct bytes body)
{
    struct command_dump command = {0};
    struct buffer payload = {0};
    struct error error = {0};

    if (command_dump_decode(&command, code, body, &error) == STATUS_OK &&
        command.is_by_gtid == (code == COMMAND_BINLOG_DUMP_GTID)) {
        command_dump_encode(&payload, &command);
        CHECK(payload.data[0] == code && payload.size <= body.size + 1);
        CHECK(bytes_equal((struct bytes){payload.data + 1, payload.size - 1},
                          (struct bytes){body.data, payload.size - 1}));
    }
    buffer_release(&payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes body;

    if (size == 0) {
        return 0;
    }
    body = (struct bytes){data + 1, size - 1};
    switch (data[0]) {
    case COMMAND_REGISTER_REPLICA:
        check_register(body);
        break;
    case COMMAND_BINLOG_DUMP:
    case COMMAND_BINLOG_DUMP_GTID:
        check_dump(data[0], body);
        break;
    default:
        break;
    }
    return 0;
}
