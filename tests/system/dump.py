# SPDX-License-Identifier: Apache-2.0
"""A dump client of a few lines: sees every packet as it came, and checks the packet numbers."""
import re
import struct

import pymysql

COM_REGISTER_SLAVE = 0x15
COM_BINLOG_DUMP = 0x12
COM_BINLOG_DUMP_GTID = 0x1E
NON_BLOCKING = 0x01
THROUGH_GTID = 0x04

ROTATE_EVENT = 4
FORMAT_DESCRIPTION_EVENT = 15
HEARTBEAT_EVENTS = (27, 41)
GTID_EVENTS = (33, 42, 162)  # MySQL's, tagged, MariaDB's
FILE_NAME = re.compile(rb"[A-Za-z0-9._-]+?\.\d{6}")
HEADER = struct.Struct("<IBIIIH")


class Event:
    """One event as the server sent it."""

    def __init__(self, data):
        self.data = data
        (self.created, self.type, self.server_id, self.size, self.next_position,
         self.flags) = HEADER.unpack_from(data)

    @property
    def rotate(self):
        """(file, position) of a Rotate, which may end with a checksum."""
        position, = struct.unpack_from("<Q", self.data, HEADER.size)
        return FILE_NAME.match(self.data[HEADER.size + 8:]).group().decode(), position


class Dump:
    """A connection that registers as a replica and reads a stream."""

    def __init__(self, endpoint, *, server_id=4242, uuid=None, heartbeat=None, checksum="NONE",
                 tls=True, timeout=60):
        self.connection = pymysql.connect(
            host=endpoint.host, port=endpoint.port, user=endpoint.user,
            password=endpoint.password, read_timeout=timeout, write_timeout=timeout,
            ssl={"verify_mode": "none"} if tls else None)
        self.server_id = server_id
        self.ask(f"SET @master_binlog_checksum='{checksum}', @source_binlog_checksum='{checksum}'")
        if uuid:
            self.ask(f"SET @slave_uuid='{uuid}', @replica_uuid='{uuid}'")
        if heartbeat:
            nanoseconds = int(heartbeat * 1e9)
            self.ask(f"SET @master_heartbeat_period={nanoseconds}, "
                     f"@source_heartbeat_period={nanoseconds}")

    def ask(self, statement):
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def register(self):
        body = struct.pack("<I", self.server_id) + b"\0\0\0" + struct.pack("<HII", 0, 0, 0)
        self.connection._execute_command(COM_REGISTER_SLAVE, body)
        self.connection._read_packet()

    def start(self, file, position=4, flags=0):
        """COM_BINLOG_DUMP."""
        body = struct.pack("<IHI", position, flags, self.server_id) + file.encode()
        self.connection._execute_command(COM_BINLOG_DUMP, body)

    def start_gtid(self, encoded_set, flags=0):
        """COM_BINLOG_DUMP_GTID with an encoded set, from the beginning."""
        body = struct.pack("<HII", flags | THROUGH_GTID, self.server_id, 0)
        body += struct.pack("<QI", 4, len(encoded_set)) + encoded_set
        self.connection._execute_command(COM_BINLOG_DUMP_GTID, body)

    def start_from(self, server, gtids, flags=0):
        """By GTID, as replicas of this kind of server ask for it."""
        if server.flavour == "mysql":
            self.start_gtid(encode_gtids(gtids), flags)
        else:
            self.ask("SET @mariadb_slave_capability = 4")
            self.ask(f"SET @slave_connect_state = '{gtids}'")
            self.start("", 4, flags)

    def next(self):
        """The next event, or None at the end of a non-blocking dump. Raises on an error packet."""
        packet = self.connection._read_packet()
        if packet.is_eof_packet():
            return None
        data = packet.get_all_data()
        assert data[0] == 0, f"a packet of the stream begins with {data[0]:#x}"
        return Event(data[1:])

    def events(self):
        while (event := self.next()) is not None:
            yield event

    def close(self):
        self.connection._force_close()


def encode_gtids(text):
    """'uuid:1-5:7, uuid:…' (no tags) in the form of COM_BINLOG_DUMP_GTID."""
    sets = [part.strip() for part in text.replace("\n", "").split(",") if part.strip()]
    body = struct.pack("<Q", len(sets))
    for each in sets:
        uuid, *intervals = each.split(":")
        body += bytes.fromhex(uuid.replace("-", "")) + struct.pack("<Q", len(intervals))
        for interval in intervals:
            first, _, last = interval.partition("-")
            body += struct.pack("<QQ", int(first), int(last or first) + 1)
    return body
