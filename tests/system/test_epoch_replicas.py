# SPDX-License-Identifier: Apache-2.0
"""Replicas that begin at an epoch: of the recorded NDB cluster, and of a source with heartbeats."""
import threading

import pymysql
import pytest

from binlog_text import transactions
from compare import assert_replicates, wait_stored
from dump import NON_BLOCKING, Dump
from proxy import Proxy
from recording import (APPLIER_OPTIONS, RecordedServer, assert_final_contents, prepare_applier,
                       recorded_index)
from relay import account, cluster, source
from servers import MariaDb1011, MySql
from test_epochs import VIRTUAL_ID, ask, index_of, ndb_cluster, wait_indexed
from waiting import wait_until

HEARTBEAT_ID = 77
BEATS = {"write_to_sources": True, "interval": "100ms"}


@pytest.fixture(scope="module")
def a3(farm):
    server = farm.start(RecordedServer, "applied-a3")
    server.create_relay_account()
    yield server
    farm.forget(server)


@pytest.fixture
def applier(farm):
    server = farm.start(MySql, "ndb-applier", *APPLIER_OPTIONS)
    prepare_applier(server)
    yield server
    farm.forget(server)


def recorded_gtids(server):
    """All but the incident's, which is not served: it stands before the first epoch."""
    return server.gtids().replace(":1-", ":2-")


def wait_applied(replica, gtids):
    def applied():
        assert_replicates(replica)
        return replica.has_applied(gtids)
    wait_until(applied, lambda: f"{gtids} to be applied; {replica.replica_status()}")


@pytest.mark.parametrize("identity, server_id", [("virtual", VIRTUAL_ID), ("upstream", 103)])
def test_a_replica_fed_from_the_recording_ends_with_its_contents(a3, applier, new_relay, identity,
                                                                 server_id):
    relay = new_relay([ndb_cluster(a3, identity=identity)], [account("repl", "ndb")]).start()
    applier.follow(relay.endpoint("repl"), file="first")
    wait_applied(applier, recorded_gtids(a3))
    assert_final_contents(applier)
    assert applier.replica_status()["server_id"] == server_id
    rows = applier.query("SELECT server_id, epoch FROM mysql.ndb_apply_status")
    assert rows == [{"server_id": server_id, "epoch": max(recorded_index("a3"))}]


def test_a_replica_stopped_anywhere_goes_on_behind_its_applied_epoch(a3, applier, new_relay):
    """As the applier of an NDB cluster does: its file and position are lost each time."""
    relay = new_relay([ndb_cluster(a3, identity="virtual")], [account("repl", "ndb")]).start()
    wait_indexed(relay, a3)
    proxy = Proxy(relay.port)
    file, last = "first", 0
    try:
        for count in (20_000, 20_000, 30_000):
            proxy.refuse_after(count)
            applier.follow(relay.endpoint("repl", proxy.port), file=file)
            wait_until(lambda: proxy.is_refusing, "the stream to be cut")
            wait_until(lambda last=last: applied_epoch(applier) > last, "an epoch to be applied")
            applier.run("STOP REPLICA", "RESET REPLICA ALL")
            proxy.mend()
            last = applied_epoch(applier)
            file = f"epoch.{last}"
        assert last < max(recorded_index("a3")), "it was never stopped before the end"
        applier.follow(relay.endpoint("repl", proxy.port), file=file)
        wait_until(lambda: applied_epoch(applier) == max(recorded_index("a3")), "the last epoch")
        wait_applied(applier, recorded_gtids(a3))
        assert_final_contents(applier)
    finally:
        proxy.close()


def applied_epoch(server):
    return int(server.value("SELECT IFNULL(MAX(epoch), 0) FROM mysql.ndb_apply_status"))


# -- names

def rotate_of(relay, name):
    """(file, position) of the first Rotate that answers a file name."""
    dump = Dump(relay.endpoint("repl"))
    try:
        dump.start(name, flags=NON_BLOCKING)
        return dump.next().rotate
    finally:
        dump.close()


def refusal_of(relay, name):
    with pytest.raises(pymysql.MySQLError) as refusal:
        rotate_of(relay, name)
    assert refusal.value.args[0] == 1236, refusal.value
    return refusal.value.args[1]


@pytest.fixture(scope="module")
def a1(farm):
    server = farm.start(RecordedServer, "names-a1")
    server.create_relay_account()
    yield server
    farm.forget(server)


@pytest.fixture
def a1_relay(a1, new_relay):
    relay = new_relay([ndb_cluster(a1)], [account("repl", "ndb")]).start()
    wait_indexed(relay, a1)
    return relay


def gap_of(index):
    """(the last epoch before a1's gap, the first behind it)."""
    last = max(epoch for epoch in index if index[epoch]["File"] == "binlog.000003")
    return last, min(epoch for epoch in index if epoch > last)


def test_an_epoch_s_name_is_its_end(a1_relay):
    index = index_of(a1_relay)
    for epoch in sorted(index)[::25]:
        assert rotate_of(a1_relay, f"epoch.{epoch}") == \
            (index[epoch]["next_file"], index[epoch]["next_position"])


def test_an_epoch_in_the_gap_is_refused_and_the_epochs_around_are_named(a1_relay):
    before, after = gap_of(index_of(a1_relay))
    assert after - before > 1
    text = refusal_of(a1_relay, f"epoch.{before + 1}")
    assert str(before) in text and str(after) in text


def test_epochs_outside_the_index_are_refused_and_it_is_named(a1_relay):
    index = index_of(a1_relay)
    assert str(min(index)) in refusal_of(a1_relay, f"epoch.{min(index) - 1}")
    for name in ("epoch.", "epoch.x", "epoch.-1", "epoch.99999999999999999999999", "epoch.0",
                 "time.", "time.never", "after-backup."):
        assert refusal_of(a1_relay, name)


def test_an_epoch_above_the_newest_may_come_yet(a1_relay):
    """No 1236, which would stop a replica for good."""
    newest = max(index_of(a1_relay))
    with pytest.raises(pymysql.MySQLError) as refusal:
        rotate_of(a1_relay, f"epoch.{newest + 1}")
    assert refusal.value.args[0] != 1236 and str(newest) in refusal.value.args[1]


def test_a_backup_goes_on_at_the_first_epoch_behind_its_gci(a1_relay):
    index = index_of(a1_relay)
    epochs = sorted(index)
    for at in (20, 200):
        gci = epochs[at] >> 32
        behind = next(epoch for epoch in epochs if epoch >> 32 > gci)
        pseudo = (gci << 32) | 0xFFFFFFFF
        file, position = rotate_of(a1_relay, f"after-backup.{pseudo}")
        assert (file, position) in ((index[behind]["File"], index[behind]["Position"]),
                                    (index[epochs[epochs.index(behind) - 1]]["next_file"],
                                     index[epochs[epochs.index(behind) - 1]]["next_position"]))


def test_a_time_is_the_first_epoch_that_was_committed_then(a1_relay):
    index = index_of(a1_relay)
    first = index[min(index)]
    assert rotate_of(a1_relay, "time.2026-11-20T22:09:47Z") == (first["File"], first["Position"])
    later = rotate_of(a1_relay, "time.2026-11-20T22:10:36Z")
    assert later > rotate_of(a1_relay, "time.2026-11-20T22:10:13.5Z")
    assert later in {(row["File"], row["Position"]) for row in index.values()}


# -- heartbeats: epochs of servers that have none

@pytest.fixture(scope="module", params=[MySql, MariaDb1011], ids=["mysql", "mariadb"])
def beating(request, farm):
    """A plain source, whose log is written by nobody but the test and the relay."""
    options = ["--binlog-rows-query-log-events=ON"] if request.param is MySql else []
    server = farm.start(request.param, f"beating-{request.param.flavour}", *options)
    server.create_relay_account()
    server.run("CREATE DATABASE pulse", "CREATE TABLE pulse.t (id INT PRIMARY KEY)")
    yield server
    farm.forget(server)


@pytest.fixture
def beaten(beating, new_relay):
    plugin = "mysql_native_password" if beating.flavour == "mariadb" else "caching_sha2_password"
    relay = new_relay([cluster("pulse", HEARTBEAT_ID, source(beating), epochs="heartbeat")],
                      [account("repl", "pulse", plugin=plugin)], heartbeat=BEATS).start()
    wait_until(lambda: newest_epoch(relay), "the first epoch")
    return relay


def newest_epoch(relay):
    return int(ask(relay, "SELECT IFNULL(MAX(epoch), 0) AS epoch FROM mysql.ndb_binlog_index")[0]["epoch"])


def test_heartbeats_advance_and_are_indexed(beating, beaten):
    first = newest_epoch(beaten)
    wait_until(lambda: newest_epoch(beaten) >= first + 10, "ten more epochs")
    epochs = sorted(index_of(beaten))
    assert epochs == list(range(epochs[0], epochs[0] + len(epochs))), "the counter jumps"
    row, = beating.query("SELECT * FROM heartbeat.heartbeat")
    assert row["server_id"] == HEARTBEAT_ID and row["counter"] >= epochs[-1]


def test_heartbeats_go_on_from_where_they_were_over_a_restart(beating, beaten):
    before = index_of(beaten)
    beaten.kill()
    beaten.start()
    wait_until(lambda: newest_epoch(beaten) >= max(before) + 3, "new epochs after the restart")
    after = index_of(beaten)
    assert {epoch: after[epoch] for epoch in before} == before


class Writer:
    """Rows 1, 2, 3 … from two connections, as fast as they go."""

    def __init__(self, server, first):
        self.server = server
        self.numbers = iter(range(first, first + 1_000_000))
        self.last = 0
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._write) for _ in range(2)]

    def _write(self):
        connection = self.server.connect()
        with connection.cursor() as cursor:
            while not self._ending.wait(0.002):
                self.last = next(self.numbers)
                cursor.execute(f"INSERT INTO pulse.t VALUES ({self.last})")
        connection.close()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        for thread in self._threads:
            thread.join()


def ids(server):
    return {row["id"] for row in server.query("SELECT id FROM pulse.t")}


def test_a_replica_started_at_an_epoch_gets_exactly_what_follows_it(farm, beating, beaten, replica):
    start = newest_epoch(beaten)
    with Writer(beating, 1 + max(ids(beating), default=0)):
        wait_until(lambda: newest_epoch(beaten) >= start + 6, "epochs among the rows")
        chosen = newest_epoch(beaten)
        wait_until(lambda: newest_epoch(beaten) >= chosen + 6, "epochs behind the chosen one")
    wait_stored(beaten, "pulse", beating)
    before, behind = split_at(farm, beating, index_of(beaten)[chosen])
    assert before and behind, "the chosen epoch does not stand among the rows"

    replica.follow(beaten.endpoint("repl"), file=f"epoch.{chosen}")

    def arrived():
        assert_replicates(replica)
        return ids(replica) >= behind
    wait_until(arrived, lambda: f"the rows behind epoch {chosen}; {replica.replica_status()}")
    assert ids(replica) == behind
    assert replica.replica_status()["file"].startswith("binlog.")


def test_a_replica_may_stop_and_start_before_and_behind_the_first_event(beating, beaten, replica):
    beaten.command("cluster pause pulse")  # so that nothing follows the newest epoch
    beaten.wait_state("pulse", "paused")
    chosen = newest_epoch(beaten)
    replica.follow(beaten.endpoint("repl"), file=f"epoch.{chosen}")
    place = index_of(beaten)[chosen]
    for _ in range(2):
        wait_until(lambda: replica.replica_status()["file"] == place["next_file"],
                   lambda: f"the real name; {replica.replica_status()}")
        assert replica.replica_status()["position"] == place["next_position"]
        replica.stop_replica()
        replica.start_replica()
    beaten.command("cluster resume pulse")
    for _ in range(2):
        row = write_one(beating)
        wait_until(lambda row=row: row in ids(replica),
                   lambda: f"a row behind epoch {chosen}; {replica.replica_status()}")
        replica.stop_replica()
        replica.start_replica()
    assert_replicates(replica)


def test_a_replica_asks_by_name_until_it_was_answered(beating, beaten, replica):
    chosen = newest_epoch(beaten)
    beaten.stop()
    replica.follow(beaten.endpoint("repl"), file=f"epoch.{chosen}")
    for _ in range(2):
        wait_until(lambda: replica.replica_status()["io"] == "Connecting", "a try to connect")
        assert replica.replica_status()["file"] == f"epoch.{chosen}"
        replica.stop_replica()
        replica.start_replica()
    beaten.start()
    row = write_one(beating)
    wait_until(lambda: row in ids(replica), lambda: f"row {row}; {replica.replica_status()}")
    assert replica.replica_status()["file"].startswith("binlog.")


@pytest.fixture
def replica(farm, beating, beaten):
    """An empty one that has the tables; from before the replicated heartbeats on."""
    server = farm.make(type(beating), f"behind-{beating.flavour}", *lenient(beating))
    server.start()
    server.run("CREATE DATABASE pulse", "CREATE TABLE pulse.t (id INT PRIMARY KEY)",
               "CREATE DATABASE heartbeat", "USE heartbeat",
               beating.query("SHOW CREATE TABLE heartbeat.heartbeat")[0]["Create Table"])
    yield server
    farm.forget(server)


def write_one(server):
    """Writes one more row and returns its number."""
    row = 1 + max(ids(server), default=0)
    server.run(f"INSERT INTO pulse.t VALUES ({row})")
    return row


def lenient(server):
    """The heartbeat row is not there when its first UPDATE arrives."""
    if server.flavour == "mysql":
        return ["--replica-exec-mode=IDEMPOTENT"]
    return ["--slave-exec-mode=IDEMPOTENT", "--gtid-strict-mode=OFF"]


def split_at(farm, server, place):
    """The ids that mysqlbinlog sees before and behind the end of an epoch."""
    before, behind = set(), set()
    end = (place["next_file"], int(place["next_position"]))
    files = [server.data / name for name, _ in server.binary_logs()]
    for file, logged in transactions(farm, *files, flavour=server.flavour).items():
        for each in logged:
            mine = {int(row.values[1]) for row in each.rows if row.table == "pulse.t"}
            (before if (file, each.begin) < end else behind).update(mine)
    return before, behind
