# SPDX-License-Identifier: Apache-2.0
"""What administrators point at the endpoint: mysql, mysqladmin, mysqlbinlog, MariaDB's clients."""
import filecmp

import pymysql
import pytest

from clients import Client
from compare import closed_files, wait_stored
from dump import HEARTBEAT_EVENTS, NON_BLOCKING, ROTATE_EVENT, Dump, encode_gtids
from relay import account
from waiting import wait_until

UUID = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


@pytest.fixture(scope="module", autouse=True)
def history(quiet):
    """A few closed files with a few transactions on every source, all of them stored."""
    for name, server in quiet.sources.items():
        server.run(f"CREATE DATABASE clients_{name}",
                   f"CREATE TABLE clients_{name}.t (id INT PRIMARY KEY, v LONGTEXT)")
        for n in range(4):
            server.run(f"INSERT INTO clients_{name}.t VALUES ({n}, 'marker-{n}')",
                       "FLUSH BINARY LOGS")
        server.run(f"INSERT INTO clients_{name}.t VALUES (100, REPEAT('x', 17000000))")
        wait_stored(quiet.relay, name, server)


@pytest.fixture
def client(quiet):
    return Client(quiet.farm, quiet.endpoint("east"))


@pytest.fixture
def maria(quiet):
    return Client(quiet.farm, quiet.endpoint("south"))


# -- mysqlbinlog

def test_mysqlbinlog_raw_gives_the_source_s_files(quiet, client):
    inside, outside = client.scratch("raw")
    first = quiet.east.binary_logs()[0][0]
    done = client.binlog("--raw", f"--result-file={inside}/", "--to-last-log", first)
    assert done.returncode == 0, done.stderr
    for name in closed_files(quiet.east):
        assert filecmp.cmp(outside / name, quiet.east.data / name, shallow=False), name


def test_mysqlbinlog_stop_never_follows_the_source(quiet, client):
    inside, outside = client.scratch("follow")
    last = quiet.east.position()[0]
    process = client.begin_binlog("--raw", "--stop-never", f"--result-file={inside}/", last)
    try:
        for n in range(3):
            quiet.east.run(f"INSERT INTO clients_east.t VALUES (200 + {n}, 'follow')")
            quiet.east.rotate()
            closed = closed_files(quiet.east)[-1]
            wait_until(lambda: (outside / closed).exists() and
                       filecmp.cmp(outside / closed, quiet.east.data / closed, shallow=False),
                       f"mysqlbinlog to have {closed}")
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_mysqlbinlog_leaves_gtids_out(quiet, client):
    quiet.east.run("INSERT INTO clients_east.t VALUES (300, 'before-the-set')")
    before = quiet.east.gtids()
    quiet.east.run("INSERT INTO clients_east.t VALUES (301, 'after-the-set')")
    wait_stored(quiet.relay, "east", quiet.east)
    first = quiet.east.binary_logs()[0][0]
    done = client.binlog("--exclude-gtids", before, "--to-last-log", "--verbose", first)
    assert done.returncode == 0, done.stderr
    assert "after-the-set" in done.stdout
    assert "before-the-set" not in done.stdout


def test_mysqlbinlog_is_told_that_a_file_is_unknown(client):
    done = client.binlog("binlog.000777")
    assert done.returncode != 0
    assert "binlog.000777" in done.stderr or "Could not find" in done.stderr


def test_two_mysqlbinlogs_never_end_each_other(quiet):
    """They all say 1, or 0 where they do not wait for more."""
    file = quiet.east.position()[0]
    dumps = [Dump(quiet.endpoint("east"), server_id=1, heartbeat=0.2) for _ in range(2)]
    for dump in dumps:
        dump.start(file)
    for dump in dumps * 2:
        while dump.next().type not in HEARTBEAT_EVENTS:
            pass
    for dump in dumps:
        dump.close()
    for _ in range(2):
        assert read_all(quiet, file, server_id=0)


def test_mariadb_binlog_raw_gives_the_source_s_files(quiet, maria, tmp_path):
    first = quiet.south.binary_logs()[0][0]
    done = maria.mariadb_binlog("--raw", f"--result-file={tmp_path}/", "--to-last-log", first)
    assert done.returncode == 0, done.stderr
    stored = [name for name in closed_files(quiet.south)
              if filecmp.cmp(quiet.relay.stored("south", name), quiet.south.data / name, False)]
    assert stored
    for name in stored:
        assert filecmp.cmp(tmp_path / name, quiet.south.data / name, shallow=False), name


# -- mysql, mysqladmin, mariadb

@pytest.mark.parametrize("statement", [
    "SHOW BINARY LOGS", "show  binary logs ;", "SHOW /* a comment */ BINARY LOGS",
    "SHOW MASTER LOGS", "-- a comment\nSHOW BINARY LOGS",
])
def test_the_client_lists_the_binary_logs(quiet, client, statement):
    wait_stored(quiet.relay, "east", quiet.east)
    output, errors = client.mysql(statement)
    assert not errors
    header, *rows = [line.split("\t") for line in output.splitlines()]
    assert header[:2] == ["Log_name", "File_size"]
    assert [(row[0], int(row[1])) for row in rows] == quiet.east.binary_logs()


@pytest.mark.parametrize("statement", ["SHOW BINARY LOG STATUS", "SHOW MASTER STATUS",
                                       "show master  status"])
def test_the_client_sees_the_end_of_the_log_with_its_gtids(quiet, client, statement):
    wait_stored(quiet.relay, "east", quiet.east)
    output, errors = client.mysql(statement)
    assert not errors
    header, row = [line.split("\t") for line in output.splitlines()]
    assert header == ["File", "Position", "Binlog_Do_DB", "Binlog_Ignore_DB", "Executed_Gtid_Set"]
    assert (row[0], int(row[1])) == quiet.east.position()
    gtids = row[4].replace("\\n", "")
    assert quiet.east.value("SELECT GTID_SUBSET(%s, @@GLOBAL.gtid_executed) AND "
                            "GTID_SUBSET(@@GLOBAL.gtid_executed, %s)", (gtids, gtids)) == 1


@pytest.mark.parametrize("statement, value", [
    ("SELECT @@server_id", "199"), ("select @@GLOBAL.SERVER_ID", "199"),
    ("SELECT @@global.server_id AS id", "199"), ("SELECT @@GLOBAL.GTID_MODE", "ON"),
    ("SELECT 1", "1"), ("SELECT @@version_comment LIMIT 1", None),
    ("SELECT VERSION()", None), ("SELECT UNIX_TIMESTAMP()", None),
    ("SET @a = 5, @b := 'x'; SELECT @a", "5"),
    ("SHOW VARIABLES LIKE 'SERVER_ID'", "server_id\t199"),
])
def test_the_client_asks_for_variables(client, statement, value):
    output, errors = client.mysql(statement, "--skip-column-names")
    assert not errors
    assert output.strip()
    if value is not None:
        assert output.strip().lower() == value.lower()


def test_an_unknown_statement_gets_an_error_and_the_connection_stays(client):
    output, errors = client.mysql("FROBNICATE; SELECT nothing FROM nowhere; DROP DATABASE x; "
                                  "SELECT @@server_id", "--skip-column-names")
    assert output.strip() == "199"
    assert len(errors) == 3
    assert all(error.startswith("ERROR") for error in errors)


def test_an_unknown_command_gets_an_error_and_the_connection_stays(quiet):
    dump = Dump(quiet.endpoint("east"))
    for command in (0x05, 0x16, 0x1B, 0x7F):  # create database, prepare, set option, none at all
        with pytest.raises(pymysql.MySQLError):
            dump.connection._execute_command(command, b"x")
            dump.connection._read_packet()
    assert dump.ask("SELECT @@server_id") == ((199,),)
    dump.close()


def test_mysqladmin_pings(client):
    done = client.run("mysqladmin", "ping")
    assert done.returncode == 0
    assert "mysqld is alive" in done.stdout


def test_mysqladmin_asks_for_the_status(client):
    done = client.run("mysqladmin", "status")
    assert done.returncode == 0, done.stderr
    assert "Uptime" in done.stdout


@pytest.mark.parametrize("user", ["repl_east", "nobody"])
def test_a_wrong_password_is_refused_without_a_hint(client, user):
    client.endpoint.user = user
    done = client.run("mysql", "-e", "SELECT 1", password="wrong")
    assert done.returncode != 0
    assert f"Access denied for user '{user}'@" in done.stderr


def test_the_mariadb_client_verifies_the_self_made_certificate(maria):
    done = maria.mariadb("SELECT @@server_id; SHOW MASTER STATUS; SHOW BINARY LOGS")
    assert done.returncode == 0, done.stderr
    assert "399" in done.stdout and "binlog.000001" in done.stdout


# -- dumps

def read_all(quiet, *start, server_id=4242):
    dump = Dump(quiet.endpoint("east"), server_id=server_id)
    try:
        dump.start(*start, flags=NON_BLOCKING)
        return list(dump.events())
    finally:
        dump.close()


def test_a_non_blocking_dump_ends_at_the_end(quiet):
    wait_stored(quiet.relay, "east", quiet.east)
    events = read_all(quiet, quiet.east.binary_logs()[0][0])
    rotates = [event.rotate[0] for event in events if event.type == ROTATE_EVENT]
    assert rotates[-1] == quiet.east.position()[0]
    assert events[-1].next_position in (quiet.east.position()[1], 0)


def test_the_packets_of_a_dump_are_the_source_s_own(quiet):
    """Event by event, as the source itself sends them; only what is made up may differ."""
    wait_stored(quiet.relay, "east", quiet.east)
    first = quiet.east.binary_logs()[0][0]
    direct = Dump(quiet.endpoint("east").at(quiet.east.port).as_user("relay", "relay-secret"))
    direct.start(first, flags=NON_BLOCKING)
    theirs = [event.data for event in direct.events() if event.next_position]
    direct.close()
    mine = [event.data for event in read_all(quiet, first) if event.next_position]
    assert mine == theirs


def test_heartbeats_come_at_the_replica_s_period_and_name_the_end(quiet):
    wait_stored(quiet.relay, "east", quiet.east)
    file, position = quiet.east.position()
    dump = Dump(quiet.endpoint("east"), heartbeat=0.1)
    dump.start(file)
    beats = []
    while len(beats) < 5:
        event = dump.next()
        if event.type in HEARTBEAT_EVENTS:
            beats.append(event)
    dump.close()
    assert all(file.encode() in beat.data for beat in beats)
    assert all(beat.next_position == position for beat in beats)


@pytest.mark.parametrize("file, position, text", [
    ("binlog.999999", 4, "binlog.999999"), ("nonsense", 4, "nonsense"), ("../control.db", 4, ""),
    ("binlog.000001", 5, "position"), ("binlog.000001", 0x7FFFFFFF, "position"),
])
def test_what_never_heals_is_error_1236_with_a_text_that_helps(quiet, file, position, text):
    with pytest.raises(pymysql.MySQLError) as refusal:
        read_all(quiet, file, position)
    assert refusal.value.args[0] == 1236
    assert text in refusal.value.args[1]


def test_a_position_that_splits_an_event_is_error_1236(quiet):
    events = read_all(quiet, "binlog.000001")
    inside = next(event for event in events if event.next_position > 300).next_position - 7
    with pytest.raises(pymysql.MySQLError) as refusal:
        read_all(quiet, "binlog.000001", inside)
    assert refusal.value.args[0] == 1236


def test_every_event_boundary_is_a_position_one_may_ask_for(quiet):
    events = read_all(quiet, "binlog.000001")
    end = next(n for n, event in enumerate(events) if event.type == ROTATE_EVENT and n > 1)
    file = events[:end + 1]  # its own closing Rotate included
    for n, event in enumerate(file[:-1]):
        if event.next_position == 0:
            continue  # made up
        expected = [each.data for each in file[n + 1:]]
        rest = [each.data for each in read_all(quiet, "binlog.000001", event.next_position)
                if each.next_position > event.next_position]
        assert rest[:len(expected)] == expected, event.next_position


def test_gtids_that_the_relay_never_stored_are_refused(quiet):
    uuid = quiet.east.value("SELECT @@GLOBAL.server_uuid")
    dump = Dump(quiet.endpoint("east"))
    dump.start_gtid(encode_gtids(f"{uuid}:1-99000000"), NON_BLOCKING)
    with pytest.raises(pymysql.MySQLError) as refusal:
        list(dump.events())
    assert refusal.value.args[0] == 1236
    assert uuid in refusal.value.args[1]


def test_a_second_dump_of_the_same_replica_ends_the_first(quiet):
    file = quiet.east.position()[0]
    first = Dump(quiet.endpoint("east"), uuid=UUID, heartbeat=0.2)
    first.register()
    first.start(file)
    assert first.next().rotate[0] == file
    second = Dump(quiet.endpoint("east"), uuid=UUID, heartbeat=0.2)
    second.register()
    second.start(file)
    with pytest.raises(pymysql.MySQLError) as ended:
        while first.next():
            pass
    assert ended.value.args[0] in (1236, 2013)
    while second.next().type not in HEARTBEAT_EVENTS:
        pass
    first.close()
    second.close()


def test_the_same_replica_may_dump_from_each_cluster(quiet):
    dumps = []
    for cluster in ("east", "west"):
        dump = Dump(quiet.endpoint(cluster), uuid=UUID, heartbeat=0.2)
        dump.register()
        dump.start(quiet.sources[cluster].position()[0])
        dumps.append(dump)
    for dump in dumps * 2:
        while dump.next().type not in HEARTBEAT_EVENTS:
            pass
    for dump in dumps:
        dump.close()


def test_an_account_without_the_right_may_not_dump(quiet, new_relay):
    relay = new_relay(quiet.cluster_configs(),
                      [account("repl_east", "east", rights=["read"])]).start()
    dump = Dump(relay.endpoint("repl_east"))
    with pytest.raises(pymysql.MySQLError) as refusal:
        dump.start(quiet.east.position()[0])
        dump.next()
    assert refusal.value.args[0] in (1044, 1045, 1142, 1227)
    dump.close()
