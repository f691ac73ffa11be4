/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/binlog_control.h"

#include <string.h>

#include "binlog_file.h"

/* What servers sent to a dump that began at the end of their first file: MySQL 9.7.4 as server
 * 971 at 158, MariaDB 10.11.19 as server 1011 at 325. */
#define NAME "62696e6c6f672e303030303031"
static const char mysql_rotate[] =
    "0000000004cb0300002c0000000000000020009e00000000000000" NAME "d511fcc3";
static const char mysql_heartbeat[] = "000000001bcb030000240000009e000000000"
                                      "0" NAME "338fbf86";
static const char mysql_heartbeat_2[] = "0000000029cb0300002a0000009e00000000000"
                                        "10d" NAME "02019e00498d562b";
static const char mariadb_rotate[] = "0000000004f30300002c000000000000002000450100000000"
                                     "0000" NAME "600e8a6f";
static const char mariadb_heartbeat[] =
    "000000001bf303000024000000450100000000" NAME "f9865e27";

/* That MySQL's format description in its file, which was in use, and as it was sent. */
#define MYSQL_VERSION_AND_ZEROS                                                                \
    "0400392e372e342d32"                                                                       \
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000"     \
    "00"
#define MYSQL_LENGTHS                                                                          \
    "13000d0008000000000400040000006300041a08000000000000020000000a0a0a2a2a001234000a280000"   \
    "01"
static const char stored_format[] =
    "efe4006b0fcb0300007b0000007f0000000100" MYSQL_VERSION_AND_ZEROS "efe4006b" MYSQL_LENGTHS
    "fd97ca8a";
static const char sent_format[] =
    "efe4006b0fcb0300007b000000000000000000" MYSQL_VERSION_AND_ZEROS "00000000" MYSQL_LENGTHS
    "b8b101ee";

static struct buffer bytes_of_hex(const char *hex)
{
    struct buffer buffer = {0};

    for (; hex[0] != '\0'; hex += 2) {
        char digits[3] = {hex[0], hex[1], '\0'};

        buffer_add_number(&buffer, strtoul(digits, NULL, 16), 1);
    }
    return buffer;
}

static bool is_hex(struct buffer *buffer, const char *hex)
{
    struct buffer wanted = bytes_of_hex(hex);
    bool is_equal = bytes_equal(buffer_bytes(buffer), buffer_bytes(&wanted));

    buffer_release(&wanted);
    buffer_release(buffer);
    return is_equal;
}

static struct binlog_rotate place(uint64_t position)
{
    return (struct binlog_rotate){.position = position,
                                  .file_name = bytes_of_text("binlog.000001")};
}

static void reads_the_formats_of_all_servers(void)
{
    static const struct {
        const char *name;
        const char *version;
        enum binlog_checksum checksum;
        bool is_mariadb;
    } files[] = {
        {"mysql97-mixed.binlog", "9.7.4-2", BINLOG_CHECKSUM_CRC32, false},
        {"mysql97-nochecksum.binlog", "9.7.4-2", BINLOG_CHECKSUM_NONE, false},
        {"ndb/a1/binlog.000006", "9.7.4-cluster", BINLOG_CHECKSUM_CRC32, false},
        {"mariadb1011-mixed.binlog", "10.11.19-MariaDB-0+deb12u1-log", BINLOG_CHECKSUM_CRC32,
         true},
    };

    for (size_t at = 0; at < sizeof(files) / sizeof(files[0]); at++) {
        struct binlog_file file = binlog_file_open(files[at].name);

        CHECK(strcmp(file.format.server_version, files[at].version) == 0);
        CHECK(file.format.checksum == files[at].checksum);
        CHECK(file.format.is_mariadb == files[at].is_mariadb);
        CHECK(file.format.header_bytes == BINLOG_EVENT_HEADER_BYTES);
        CHECK(file.format.created_at_sec == 0 || file.format.created_at_sec > 1700000000);
        binlog_file_close(&file);
    }
}

/* Decodes the stored format with one byte changed, or cut. */
static enum status decode_changed(size_t at, uint8_t value, size_t size)
{
    struct buffer event = bytes_of_hex(stored_format);
    struct binlog_format format;
    struct error error;
    enum status status = STATUS_OK;

    event.data[at] = value;
    event.size = size < event.size ? size : event.size;
    status = binlog_format_decode(&format, buffer_bytes(&event), &error);
    buffer_release(&event);
    return status;
}

static void refuses_formats_it_does_not_know(void)
{
    CHECK(decode_changed(0, 0, SIZE_MAX) == STATUS_OK);
    CHECK(decode_changed(BINLOG_EVENT_TYPE_AT, BINLOG_QUERY, SIZE_MAX) == STATUS_CORRUPT);
    CHECK(decode_changed(19, 3, SIZE_MAX) == STATUS_CORRUPT);  /* binlog version */
    CHECK(decode_changed(75, 27, SIZE_MAX) == STATUS_CORRUPT); /* header bytes */
    CHECK(decode_changed(118, 2, SIZE_MAX) == STATUS_CORRUPT); /* checksum algorithm */
    CHECK(decode_changed(0, 0, 75) == STATUS_CORRUPT);
    CHECK(decode_changed(0, 0, 80) == STATUS_CORRUPT); /* no room for algorithm and checksum */
    CHECK(decode_changed(0, 0, 0) == STATUS_CORRUPT);
}

static void finds_no_checksum_in_the_format_of_an_old_server(void)
{
    static const struct {
        const char *version;
        bool has_checksum;
    } servers[] = {
        {"5.6.0", false},          {"5.6.1", true},         {"5.5.62-log", false},
        {"5.2.14-MariaDB", false}, {"5.3.0-mariadb", true}, {"10.0.1-MariaDB", true},
        {"8.0.40-binrelay", true}, {"unknown", false},      {"9.x", false},
    };

    for (size_t at = 0; at < sizeof(servers) / sizeof(servers[0]); at++) {
        struct buffer event = bytes_of_hex(stored_format);
        struct binlog_format format;
        struct error error;

        memset(event.data + 21, 0, 50);
        memcpy(event.data + 21, servers[at].version, strlen(servers[at].version));
        CHECK_OK(binlog_format_decode(&format, buffer_bytes(&event), &error), &error);
        CHECK((format.checksum == BINLOG_CHECKSUM_CRC32) == servers[at].has_checksum);
        buffer_release(&event);
    }
}

static void makes_the_format_for_the_middle_of_a_file_as_the_server_does(void)
{
    struct buffer stored = bytes_of_hex(stored_format);
    struct buffer sent = {0};

    binlog_format_add_for_middle(&sent, buffer_bytes(&stored), BINLOG_CHECKSUM_CRC32);
    CHECK(is_hex(&sent, sent_format));
    buffer_release(&stored);
}

static void keeps_the_position_of_the_format_where_only_some_is_left_out(void)
{
    struct buffer stored = bytes_of_hex(stored_format);
    struct buffer sent = {0};
    struct binlog_format format;
    struct error error;

    binlog_format_add_for_rest(&sent, buffer_bytes(&stored), BINLOG_CHECKSUM_CRC32);
    CHECK_OK(binlog_format_decode(&format, buffer_bytes(&sent), &error), &error);
    CHECK(format.created_at_sec == 0);
    CHECK(binlog_event_header_at(sent.data).next_position ==
          binlog_event_header_at(stored.data).next_position);
    CHECK(binlog_event_header_at(sent.data).next_position != 0);
    CHECK(binlog_event_checksum_is_right(buffer_bytes(&sent)));
    buffer_release(&sent);
    buffer_release(&stored);
}

static void tells_the_replica_when_no_checksums_follow(void)
{
    struct buffer stored = bytes_of_hex(stored_format);
    struct buffer sent = {0};
    struct binlog_format format;
    struct error error;

    buffer_add_text(&sent, "in front");
    binlog_format_add_for_middle(&sent, buffer_bytes(&stored), BINLOG_CHECKSUM_NONE);
    CHECK(sent.size == 8 + stored.size);
    memmove(sent.data, sent.data + 8, stored.size);
    sent.size = stored.size;
    CHECK_OK(binlog_format_decode(&format, buffer_bytes(&sent), &error), &error);
    CHECK(format.checksum == BINLOG_CHECKSUM_NONE);
    CHECK(binlog_event_checksum_is_right(buffer_bytes(&sent)));
    buffer_release(&sent);
    buffer_release(&stored);
}

static void makes_rotates_and_heartbeats_as_servers_do(void)
{
    struct buffer output = {0};

    binlog_rotate_add_artificial(&output, 971, place(158), BINLOG_CHECKSUM_CRC32);
    CHECK(is_hex(&output, mysql_rotate));
    binlog_heartbeat_add(&output, 971, place(158), BINLOG_CHECKSUM_CRC32, false);
    CHECK(is_hex(&output, mysql_heartbeat));
    binlog_heartbeat_add(&output, 971, place(158), BINLOG_CHECKSUM_CRC32, true);
    CHECK(is_hex(&output, mysql_heartbeat_2));
    binlog_rotate_add_artificial(&output, 1011, place(325), BINLOG_CHECKSUM_CRC32);
    CHECK(is_hex(&output, mariadb_rotate));
    binlog_heartbeat_add(&output, 1011, place(325), BINLOG_CHECKSUM_CRC32, false);
    CHECK(is_hex(&output, mariadb_heartbeat));
}

static void leaves_the_checksum_out_where_none_is_asked_for(void)
{
    struct buffer output = {0};
    struct binlog_event_header header;
    struct binlog_rotate rotate;
    struct error error;

    binlog_rotate_add_artificial(&output, 1, place(4), BINLOG_CHECKSUM_NONE);
    header = binlog_event_header_at(output.data);
    CHECK(header.event_size == output.size && output.size == 19 + 8 + 13);
    CHECK(header.flags == BINLOG_FLAG_ARTIFICIAL);
    CHECK_OK(
        binlog_rotate_decode(
            &rotate, binlog_event_body(buffer_bytes(&output), BINLOG_CHECKSUM_NONE), &error),
        &error);
    CHECK(rotate.position == 4 && bytes_equal_text(rotate.file_name, "binlog.000001"));
    buffer_release(&output);
}

static void refuses_a_rotate_without_a_name(void)
{
    uint8_t body[8 + 513] = {0};
    struct binlog_rotate rotate;
    struct error error;

    for (size_t size = 0; size <= 8; size++) {
        CHECK(binlog_rotate_decode(&rotate, (struct bytes){body, size}, &error) ==
              STATUS_CORRUPT);
    }
    CHECK(binlog_rotate_decode(&rotate, (struct bytes){body, 8 + 512}, &error) == STATUS_OK);
    CHECK(binlog_rotate_decode(&rotate, (struct bytes){body, 8 + 513}, &error) ==
          STATUS_CORRUPT);
}

/* Makes a heartbeat and reads it again. */
static uint64_t position_over_the_wire(uint64_t position, bool is_version_2)
{
    struct buffer output = {0};
    struct binlog_rotate where;
    struct error error;

    binlog_heartbeat_add(&output, 1, place(position), BINLOG_CHECKSUM_CRC32, is_version_2);
    CHECK(binlog_event_checksum_is_right(buffer_bytes(&output)));
    CHECK_OK(binlog_heartbeat_decode(
                 &where, binlog_event_header_at(output.data),
                 binlog_event_body(buffer_bytes(&output), BINLOG_CHECKSUM_CRC32), &error),
             &error);
    CHECK(bytes_equal_text(where.file_name, "binlog.000001"));
    buffer_release(&output);
    return where.position;
}

static void reads_heartbeats_of_both_versions(void)
{
    static const uint64_t positions[] = {4, 250, 251, 0xFFFF, 0x10000, 0xFFFFFF, 0x1000000};

    for (size_t at = 0; at < sizeof(positions) / sizeof(positions[0]); at++) {
        CHECK(position_over_the_wire(positions[at], false) == positions[at]);
        CHECK(position_over_the_wire(positions[at], true) == positions[at]);
    }
    CHECK(position_over_the_wire(UINT64_C(0x123456789A), true) == UINT64_C(0x123456789A));
    CHECK(position_over_the_wire(UINT64_C(0x123456789A), false) == 0x3456789A);
}

static void reads_mariadbs_heartbeat_past_4_gib(void)
{
    struct binlog_event_header header = {.type = BINLOG_HEARTBEAT, .next_position = UINT32_MAX};
    struct buffer body = {0};
    struct binlog_rotate where;
    struct error error;

    buffer_add_number(&body, UINT64_C(0x100000004), 8);
    buffer_add_text(&body, "binlog.000001");
    CHECK_OK(binlog_heartbeat_decode(&where, header, buffer_bytes(&body), &error), &error);
    CHECK(where.position == UINT64_C(0x100000004));
    CHECK(bytes_equal_text(where.file_name, "binlog.000001"));
    buffer_release(&body);
}

static void refuses_a_broken_heartbeat(void)
{
    static const char *const bodies[] = {"",           "00",       "01",          "010d",
                                         "0105626976", "02019e00", "010362697602"};
    struct binlog_event_header header = {.type = BINLOG_HEARTBEAT_V2};
    struct binlog_rotate where;
    struct error error;

    for (size_t at = 0; at < sizeof(bodies) / sizeof(bodies[0]); at++) {
        struct buffer body = bytes_of_hex(bodies[at]);
        enum status status =
            binlog_heartbeat_decode(&where, header, buffer_bytes(&body), &error);

        CHECK(status == STATUS_CORRUPT);
        buffer_release(&body);
    }
    header.type = BINLOG_HEARTBEAT;
    CHECK(binlog_heartbeat_decode(&where, header, (struct bytes){0}, &error) == STATUS_CORRUPT);
}

static void reads_database_and_statement_of_a_query(void)
{
    struct binlog_file file = binlog_file_open("mysql97-mixed.binlog");
    struct binlog_file_event event;
    struct binlog_query query;
    struct error error;

    CHECK(binlog_file_find(&file, BINLOG_QUERY, &event));
    CHECK_OK(binlog_query_decode(&query, event.body, &error), &error);
    CHECK(bytes_equal_text(query.database, "shop"));
    CHECK(bytes_equal_text(query.statement, "create database shop"));
    CHECK(binlog_query_decode(&query, (struct bytes){event.body.data, event.body.size - 4},
                              &error) == STATUS_OK);
    CHECK(bytes_equal_text(query.statement, "create database "));
    for (size_t size = 0; size < event.body.size - strlen("create database shop"); size++) {
        CHECK(binlog_query_decode(&query, (struct bytes){event.body.data, size}, &error) ==
              STATUS_CORRUPT);
    }
    binlog_file_close(&file);
}

static void reads_the_incident_of_a_cluster(void)
{
    struct binlog_file file = binlog_file_open("ndb/a1/binlog.000002");
    struct binlog_file_event event;
    struct binlog_incident incident;
    struct error error;

    CHECK(binlog_file_find(&file, BINLOG_INCIDENT, &event));
    CHECK_OK(binlog_incident_decode(&incident, event.body, &error), &error);
    CHECK(incident.kind == 1 && bytes_equal_text(incident.message, "mysqld startup"));
    for (size_t size = 0; size < 2 + 1 + strlen("mysqld startup"); size++) {
        CHECK(binlog_incident_decode(&incident, (struct bytes){event.body.data, size},
                                     &error) == STATUS_CORRUPT);
    }
    binlog_file_close(&file);
}

int main(void)
{
    reads_the_formats_of_all_servers();
    refuses_formats_it_does_not_know();
    finds_no_checksum_in_the_format_of_an_old_server();
    makes_the_format_for_the_middle_of_a_file_as_the_server_does();
    keeps_the_position_of_the_format_where_only_some_is_left_out();
    tells_the_replica_when_no_checksums_follow();
    makes_rotates_and_heartbeats_as_servers_do();
    leaves_the_checksum_out_where_none_is_asked_for();
    refuses_a_rotate_without_a_name();
    reads_heartbeats_of_both_versions();
    reads_mariadbs_heartbeat_past_4_gib();
    refuses_a_broken_heartbeat();
    reads_database_and_statement_of_a_query();
    reads_the_incident_of_a_cluster();
    return 0;
}
