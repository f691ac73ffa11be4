# SPDX-License-Identifier: Apache-2.0
"""Binlog files as the servers' own mysqlbinlog reads them: whole transactions with their rows."""
import re
import shutil
from collections import namedtuple

from clients import run
from servers import MySql

Row = namedtuple("Row", "kind table values")  # values: texts, by column number from 1

AT = re.compile(r"^# at (\d+)$")
HEADER = re.compile(r"^#\d{6} +\d+:\d+:\d+ server id (\d+)  end_log_pos (\d+) .*?\t(\S+)")
ROW = re.compile(r"^### (INSERT INTO|UPDATE|DELETE FROM) `(\w+)`\.`(\w+)`")
VALUE = re.compile(r"^###   @(\d+)=(.*)")
GTIDS = ("GTID", "Anonymous_GTID")
NO_PART = ("Rotate", "Stop", "Start:")  # of a transaction
MARKER = "mysql.ndb_apply_status"


class Transaction:
    """From its GTID event on; rows out of compressed payloads too."""

    def __init__(self, begin):
        self.begin = begin
        self.end = begin  # of its last event; grows while it is read
        self.rows = []
        self.headers = []  # [kind, server_id] of each event, those in payloads too

    @property
    def marker(self):
        """The row that makes an NDB epoch of it, or None."""
        return next((row for row in self.rows if row.table == MARKER), None)

    @property
    def epoch(self):
        return int(self.marker.values[2]) if self.marker else None

    def count(self, *kinds):
        return sum(row.kind in kinds and row.table != MARKER for row in self.rows)


def transactions(farm, *files, flavour="mysql"):
    """{file name: [Transaction]}; mysqlbinlog must read every file without a complaint."""
    place = farm.place(MySql)
    outside = place.outside / "binlog-text"
    outside.mkdir(exist_ok=True)
    found = {}
    for file in files:
        if flavour == "mysql":
            shutil.copy(file, outside / file.name)
            program = place.command("/usr/bin/mysqlbinlog", "--no-defaults", "--verify-binlog-checksum")
            seen = place.inside / "binlog-text" / file.name
        else:
            program, seen = ["mariadb-binlog", "--no-defaults", "--verify-binlog-checksum"], file
        done = run([*program, "--base64-output=decode-rows", "--verbose", str(seen)])
        assert done.returncode == 0 and not done.stderr, f"mysqlbinlog {file}: {done.stderr}"
        found[file.name] = list(_parse(done.stdout.splitlines()))
    shutil.rmtree(outside)
    return found


def _parse(lines):
    made, at, row = None, 0, None
    for line in lines:
        if match := AT.match(line):
            at = int(match.group(1))
        elif match := HEADER.match(line):
            server_id, end, kind = int(match.group(1)), int(match.group(2)), match.group(3)
            if kind in GTIDS:
                if made:
                    yield made
                made = Transaction(at)
            if made and kind not in NO_PART:
                made.end = max(made.end, end)
                made.headers.append([kind.rstrip(":"), server_id])
        elif match := ROW.match(line):
            row = Row(match.group(1).split()[0], f"{match.group(2)}.{match.group(3)}", {})
            made.rows.append(row)
        elif match := VALUE.match(line):
            row.values[int(match.group(1))] = match.group(2).strip("'")
    if made:
        yield made
