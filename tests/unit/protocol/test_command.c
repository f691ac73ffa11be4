/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/command.h"

#include <string.h>

#include "check.h"
#include "wire_bytes.h"

static struct bytes behind_code(const struct buffer *payload)
{
    return (struct bytes){payload->data + 1, payload->size - 1};
}

/* The layout of the manual's COM_REGISTER_SLAVE. */
static void reads_a_registration(void)
{
    const struct bytes body = BYTES("\x65\0\0\0"
                                    "\2db\4repl\0"
                                    "\xEA\x0C\0\0\0\0\7\0\0\0");
    struct command_register command = {0};
    struct error error = {0};
    struct buffer payload = {0};

    CHECK_OK(command_register_decode(&command, body, &error), &error);
    CHECK(command.server_id == 101 && command.port == 3306 && command.source_id == 7);
    CHECK(bytes_equal(command.host, bytes_of_text("db")));
    CHECK(bytes_equal(command.user, bytes_of_text("repl")));
    CHECK(command.password.size == 0);
    command_register_encode(&payload, &command);
    CHECK(payload.data[0] == COMMAND_REGISTER_REPLICA);
    CHECK(bytes_equal(behind_code(&payload), body));
    for (size_t size = 0; size < body.size; size++) {
        CHECK(command_register_decode(&command, (struct bytes){body.data, size}, &error) ==
              STATUS_INVALID);
    }
    buffer_release(&payload);
}

static void reads_a_dump_by_position(void)
{
    const struct bytes body = BYTES("\4\0\0\0\3\0\x65\0\0\0binlog.000001");
    struct command_dump command = {0};
    struct error error = {0};
    struct buffer payload = {0};

    CHECK_OK(command_dump_decode(&command, COMMAND_BINLOG_DUMP, body, &error), &error);
    CHECK(command.position == 4 && command.server_id == 101);
    CHECK(command.flags == (DUMP_NON_BLOCK | DUMP_HEARTBEAT_V2));
    CHECK(bytes_equal(command.file_name, bytes_of_text("binlog.000001")));
    CHECK(!command.is_by_gtid && command.gtid_set.size == 0);
    command_dump_encode(&payload, &command);
    CHECK(payload.data[0] == COMMAND_BINLOG_DUMP);
    CHECK(bytes_equal(behind_code(&payload), body));
    CHECK_OK(command_dump_decode(&command, COMMAND_BINLOG_DUMP, (struct bytes){body.data, 10},
                                 &error),
             &error);
    CHECK(command.file_name.size == 0);
    CHECK(command_dump_decode(&command, COMMAND_BINLOG_DUMP, (struct bytes){body.data, 9},
                              &error) == STATUS_INVALID);
    buffer_release(&payload);
}

static void reads_a_dump_by_gtid(void)
{
    const struct bytes body = BYTES("\4\0\x65\0\0\0"
                                    "\0\0\0\0"
                                    "\4\0\0\0\1\0\0\0"
                                    "\x08\0\0\0\0\0\0\0\0\0\0\0");
    struct command_dump command = {0};
    struct error error = {0};
    struct buffer payload = {0};

    CHECK_OK(command_dump_decode(&command, COMMAND_BINLOG_DUMP_GTID, body, &error), &error);
    CHECK(command.flags == DUMP_THROUGH_GTID && command.server_id == 101);
    CHECK(command.file_name.size == 0 && command.position == 0x100000004);
    CHECK(command.is_by_gtid && bytes_equal(command.gtid_set, BYTES("\0\0\0\0\0\0\0\0")));
    command_dump_encode(&payload, &command);
    CHECK(payload.data[0] == COMMAND_BINLOG_DUMP_GTID);
    CHECK(bytes_equal(behind_code(&payload), body));
    for (size_t size = 0; size < body.size; size++) {
        enum status expected = size == 18 ? STATUS_OK : STATUS_INVALID;

        CHECK(command_dump_decode(&command, COMMAND_BINLOG_DUMP_GTID,
                                  (struct bytes){body.data, size}, &error) == expected);
        CHECK(size != 18 || !command.is_by_gtid); /* the set may be left out */
    }
    buffer_release(&payload);
}

/* As servers do: to them it is text that ends in zero. */
static void reads_a_file_name_up_to_its_first_zero(void)
{
    struct command_dump command = {0};
    struct error error = {0};

    CHECK_OK(command_dump_decode(&command, COMMAND_BINLOG_DUMP_GTID,
                                 BYTES("\4\0\x65\0\0\0"
                                       "\3\0\0\0\0\0\0"
                                       "\4\0\0\0\0\0\0\0"
                                       "\x08\0\0\0\0\0\0\0\0\0\0\0"),
                                 &error),
             &error);
    CHECK(command.file_name.size == 0 && command.position == 4);
    CHECK(command.is_by_gtid && command.gtid_set.size == 8);
    CHECK_OK(command_dump_decode(&command, COMMAND_BINLOG_DUMP,
                                 BYTES("\4\0\0\0\0\0\x65\0\0\0binlog.000001\0x"), &error),
             &error);
    CHECK(bytes_equal(command.file_name, bytes_of_text("binlog.000001")));
}

static void refuses_sizes_that_lie_and_long_names(void)
{
    uint8_t body[10 + 513] = {0};
    struct command_dump command = {0};
    struct error error = {0};

    CHECK(command_dump_decode(&command, COMMAND_BINLOG_DUMP_GTID,
                              BYTES("\4\0\x65\0\0\0\xFF\xFF\xFF\xFF"
                                    "a\4\0\0\0\0\0\0\0"),
                              &error) == STATUS_INVALID);
    CHECK(command_dump_decode(&command, COMMAND_BINLOG_DUMP_GTID,
                              BYTES("\4\0\x65\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\xFF\xFF\xFF\xFF"),
                              &error) == STATUS_INVALID);
    CHECK_OK(command_dump_decode(&command, COMMAND_BINLOG_DUMP,
                                 (struct bytes){body, sizeof(body) - 1}, &error),
             &error);
    CHECK(command_dump_decode(&command, COMMAND_BINLOG_DUMP, (struct bytes){body, sizeof(body)},
                              &error) == STATUS_INVALID);
}

static void acknowledges_as_a_replica_does(void)
{
    struct buffer payload = {0};

    semisync_reply_encode(&payload, 0x1234, "binlog.000002");
    CHECK(bytes_equal(buffer_bytes(&payload), BYTES("\xEF\x34\x12\0\0\0\0\0\0binlog.000002")));
    buffer_release(&payload);
}

int main(void)
{
    reads_a_registration();
    reads_a_dump_by_position();
    reads_a_dump_by_gtid();
    reads_a_file_name_up_to_its_first_zero();
    refuses_sizes_that_lie_and_long_names();
    acknowledges_as_a_replica_does();
    return 0;
}
