# SPDX-License-Identifier: Apache-2.0
"""Whether a replica has what its source has, and the relay's store what the source's binlogs have."""
import filecmp

from waiting import wait_until

CATCH_UP = 300.0
FLAGS_OFFSET = 4 + 17  # of the format description, behind the file's magic
IN_USE = 0x01


def assert_replicates(replica, channel=""):
    """The receiver lives, or tries again by itself, and nothing stopped the applier."""
    status = replica.replica_status(channel)
    assert status["io"] != "No", f"{replica.name}: receiver stopped: {status['io_error']}"
    assert status["sql"] != "No", f"{replica.name}: applier stopped: {status['sql_error']}"
    return status


def wait_caught_up(source, replica, channel="", seconds=CATCH_UP):
    """Waits until the replica has applied everything that the source has logged by now."""
    gtids = source.gtids()

    def caught_up():
        assert_replicates(replica, channel)
        return replica.has_applied(gtids)
    wait_until(caught_up, lambda: f"{replica.name} to apply {gtids} of {source.name}; it has "
               f"{replica.gtids()}, {replica.replica_status(channel)}", seconds, pause=0.1)


def checksums(server, database):
    """{table: checksum} of a database."""
    tables = [row["name"] for row in server.query(
        "SELECT table_name AS name FROM information_schema.tables "
        "WHERE table_schema = %s AND table_type = 'BASE TABLE' ORDER BY table_name", (database,))]
    if not tables:
        return {}
    names = ", ".join(f"`{database}`.`{table}`" for table in tables)
    return {row["Table"]: row["Checksum"] for row in server.query(f"CHECKSUM TABLE {names}")}


def objects(server, database):
    """What a database holds beside tables: views, routines, triggers, sequences with their next value."""
    found = {(row["table_type"], row["name"]) for row in server.query(
        "SELECT table_type AS table_type, table_name AS name FROM information_schema.tables "
        "WHERE table_schema = %s", (database,))}
    found |= {("TRIGGER", row["name"]) for row in server.query(
        "SELECT trigger_name AS name FROM information_schema.triggers "
        "WHERE trigger_schema = %s", (database,))}
    found |= {("ROUTINE", row["name"]) for row in server.query(
        "SELECT routine_name AS name FROM information_schema.routines "
        "WHERE routine_schema = %s", (database,))}
    return found


def assert_same_data(source, replica, *databases, channel=""):
    """Waits for the replica and compares every table of the databases."""
    wait_caught_up(source, replica, channel)
    for database in databases:
        expected = checksums(source, database)
        assert expected, f"{source.name} has no tables in {database}"
        assert None not in expected.values()
        assert checksums(replica, database) == expected, f"{replica.name} differs in {database}"
        assert objects(replica, database) == objects(source, database)


def closed_files(source):
    """The names of the source's binlogs that will not grow any more."""
    return [name for name, _ in source.binary_logs()[:-1]]


def wait_stored(relay, cluster, source):
    """Waits until the relay's store has everything that the source has logged by now."""
    wait_until(lambda: relay.durable(cluster) >= source.position(),
               lambda: f"the store of {cluster} to reach {source.position()}; "
               f"{relay.describe(cluster)}", CATCH_UP)


def assert_stored_files_identical(relay, cluster, source):
    """Every closed binlog of the source that the relay holds is byte for byte the source's."""
    source.rotate()
    wait_stored(relay, cluster, source)
    names = [name for name in closed_files(source) if relay.stored(cluster, name).exists()]
    assert names, f"the store of {cluster} holds no closed file of {source.name}"
    for name in names:
        mine, theirs = relay.stored(cluster, name), source.data / name
        same = filecmp.cmp(mine, theirs, shallow=False) or _same_but_in_use(mine, theirs)
        assert same, f"{mine} ({mine.stat().st_size} bytes) differs from {theirs} " \
                     f"({theirs.stat().st_size} bytes) at {first_difference(mine, theirs)}"
    return names


def _same_but_in_use(mine, theirs):
    """MariaDB leaves the in-use flag in a file that a crash ended; a dump clears it."""
    expected = bytearray(theirs.read_bytes())
    if not expected[FLAGS_OFFSET] & IN_USE:
        return False
    expected[FLAGS_OFFSET] &= ~IN_USE
    return mine.read_bytes() == expected


def first_difference(one, other):
    with open(one, "rb") as left, open(other, "rb") as right:
        offset = 0
        while True:
            a, b = left.read(1 << 20), right.read(1 << 20)
            if a != b:
                return offset + next((i for i, (x, y) in enumerate(zip(a, b)) if x != y),
                                     min(len(a), len(b)))
            if not a:
                return None
            offset += len(a)
