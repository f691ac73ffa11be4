# SPDX-License-Identifier: Apache-2.0
"""Where a new store begins."""
import pymysql
import pytest

from compare import assert_stored_files_identical, wait_stored
from dump import GTID_EVENTS, NON_BLOCKING, ROTATE_EVENT, Dump
from relay import account, cluster, source
from servers import MariaDb1011, MySql


@pytest.fixture(scope="module", params=[MySql, MariaDb1011], ids=["mysql", "mariadb"])
def aged(request, farm):
    """A source with five files of three transactions each; (server, the GTIDs after each file)."""
    server = farm.start(request.param, f"aged-{request.param.flavour}")
    server.create_relay_account()
    server.run("CREATE DATABASE aged", "CREATE TABLE aged.t (id INT PRIMARY KEY)")
    gtids = []
    for file in range(5):
        server.run(*[f"INSERT INTO aged.t VALUES ({10 * file + n})" for n in range(3)])
        gtids.append(server.gtids())
        server.rotate()
    yield server, gtids
    farm.forget(server)


@pytest.fixture
def started(new_relay, aged):
    """Starts a relay of the aged source at a place and waits until it has everything."""
    def make(start):
        server = aged[0]
        relay = new_relay([cluster("aged", 55, source(server), start=start)],
                          [account("repl", "aged")]).start()
        wait_stored(relay, "aged", server)
        return relay
    return make


def stored_names(relay):
    return [row["name"] for row in relay.command("files aged")]


def dump_from(relay, file, position=4):
    dump = Dump(relay.endpoint("repl"))
    dump.start(file, position, NON_BLOCKING)
    events = list(dump.events())
    dump.close()
    return events


def test_first_is_the_source_s_oldest_file(aged, started):
    relay = started("first")
    assert stored_names(relay) == [name for name, _ in aged[0].binary_logs()]
    assert_stored_files_identical(relay, "aged", aged[0])


def test_last_is_the_source_s_newest_file_from_its_beginning(aged, started):
    relay = started("last")
    newest = aged[0].position()[0]
    assert stored_names(relay) == [newest]
    assert dump_from(relay, newest)[0].rotate == (newest, 4)
    names = assert_stored_files_identical(relay, "aged", aged[0])
    assert names == [newest]


def test_a_position_in_a_file_stores_the_whole_file(aged, started):
    server = aged[0]
    boundary = [row["End_log_pos"] for row in
                server.query("SHOW BINLOG EVENTS IN 'binlog.000003'")][-2]
    relay = started({"file": "binlog.000003", "position": boundary})
    assert stored_names(relay)[0] == "binlog.000003"
    assert "binlog.000003" in assert_stored_files_identical(relay, "aged", server)
    assert any(event.type == ROTATE_EVENT and event.rotate[0] == "binlog.000004"
               for event in dump_from(relay, "binlog.000003", boundary))


def test_a_gtid_set_finds_its_file(aged, started):
    server, gtids = aged
    relay = started({"gtid_set": gtids[2]})
    names = stored_names(relay)
    assert names[0] in ("binlog.000003", "binlog.000004")  # the set ends where 3 ends
    assert names[-1] == server.position()[0]
    assert_stored_files_identical(relay, "aged", server)


def dump_by_gtid(endpoint, server, gtids):
    dump = Dump(endpoint)
    try:
        dump.start_from(server, gtids, NON_BLOCKING)
        return list(dump.events())
    finally:
        dump.close()


def test_a_gtid_replica_goes_on_where_the_store_begins(aged, started):
    server, gtids = aged
    relay = started({"gtid_set": gtids[2]})
    events = dump_by_gtid(relay.endpoint("repl"), server, gtids[2])
    assert sum(event.type in GTID_EVENTS for event in events) == 6


def test_gtids_before_the_store_are_refused_and_named(aged, started):
    server, gtids = aged
    relay = started("last")
    with pytest.raises(pymysql.MySQLError) as refusal:
        dump_by_gtid(relay.endpoint("repl"), server, gtids[0])
    assert refusal.value.args[0] == 1236
    missing = gtids[-1].rpartition(":")[0] if server.flavour == "mysql" else gtids[0]
    assert missing in refusal.value.args[1]


def test_a_file_that_the_source_does_not_have_is_named(aged, new_relay):
    relay = new_relay([cluster("aged", 55, source(aged[0]),
                               start={"file": "binlog.000099", "position": 4})],
                      [account("repl", "aged")]).start()
    row = relay.wait_state("aged", "source_purged", "misconfigured", "source_behind", "waiting",
                           reason="binlog.000099")
    assert row["state"] != "streaming"


def test_the_start_is_only_for_a_new_store(aged, started):
    """A store that holds something goes on where it ends, whatever the configuration says."""
    relay = started("first")
    before = stored_names(relay)
    relay.stop()
    relay.config["clusters"][0]["start"] = "last"
    relay.start()
    aged[0].run("CREATE TABLE IF NOT EXISTS aged.more (id INT)")
    wait_stored(relay, "aged", aged[0])
    assert stored_names(relay)[:len(before)] == before


BINLOG_INDEX = """CREATE TABLE IF NOT EXISTS mysql.ndb_binlog_index (
    Position BIGINT UNSIGNED NOT NULL, File VARCHAR(255) NOT NULL, epoch BIGINT UNSIGNED NOT NULL,
    inserts INT UNSIGNED NOT NULL, updates INT UNSIGNED NOT NULL, deletes INT UNSIGNED NOT NULL,
    schemaops INT UNSIGNED NOT NULL, orig_server_id INT UNSIGNED NOT NULL,
    orig_epoch BIGINT UNSIGNED NOT NULL, gci INT UNSIGNED NOT NULL,
    next_position BIGINT UNSIGNED NOT NULL, next_file VARCHAR(255) NOT NULL,
    PRIMARY KEY (epoch, orig_server_id, orig_epoch))"""
EPOCH = 94489280525


def test_an_epoch_is_looked_up_at_the_source(farm, new_relay):
    server = farm.start(MySql, "epoch-start")
    server.create_relay_account()
    server.run("CREATE DATABASE aged", "CREATE TABLE aged.t (id INT PRIMARY KEY)",
               "FLUSH BINARY LOGS", "INSERT INTO aged.t VALUES (1)", "INSERT INTO aged.t VALUES (2)")
    file, _ = server.position()
    behind_first = next(row["End_log_pos"] for row in server.query(f"SHOW BINLOG EVENTS IN '{file}'")
                        if row["Event_type"] == "Xid")
    server.run("SET SESSION sql_log_bin = 0", BINLOG_INDEX,
               f"""INSERT INTO mysql.ndb_binlog_index VALUES
                   (4, './{file}', {EPOCH}, 1, 0, 0, 0, 0, 0, 1, {behind_first}, './{file}')""")

    def start_behind(epoch):
        return new_relay([cluster("aged", 55, source(server), epochs="ndb", start={"epoch": epoch})],
                         [account("repl", "aged")]).start()

    relay = start_behind(EPOCH)
    wait_stored(relay, "aged", server)
    assert stored_names(relay) == [file]
    assert_stored_files_identical(relay, "aged", server)
    first = [event for event in dump_from(relay, "first") if event.type in GTID_EVENTS][0]
    assert first.next_position - first.size == behind_first
    stranger = start_behind(EPOCH + 1)
    stranger.wait_state("aged", "misconfigured", reason=f"has no epoch {EPOCH + 1}")
    server.run("SET SESSION sql_log_bin = 0", "DROP TABLE mysql.ndb_binlog_index")
    without = start_behind(EPOCH)
    without.wait_state("aged", "misconfigured", reason="ndb_binlog_index")
    farm.forget(server)
