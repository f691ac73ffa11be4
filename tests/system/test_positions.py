# SPDX-License-Identifier: Apache-2.0
"""Places by name, for real replicas: each epoch is one row, beaten by the test itself."""
import time
from datetime import datetime, timedelta, timezone

import pytest

from compare import assert_replicates, wait_stored
from relay import Refused, account, cluster, source
from servers import MariaDb1011, MySql
from waiting import wait_until

ID = 66
ROWS = 8
REFUSED = {"mysql": {1236, 13114}, "mariadb": {1236}}


class Beaten:
    """A source whose row n is followed by the marker of epoch n; the same for its replicas."""

    def __init__(self, server):
        self.server = server
        self.rows = 0
        self.times = {}

    def beat(self):
        self.rows += 1
        self.server.run(f"INSERT INTO beaten.t VALUES ({self.rows})",
                        f"UPDATE heartbeat.heartbeat SET counter = {self.rows}"
                        f" WHERE server_id = {ID}")
        return self.rows


def prepare(server):
    server.run("CREATE DATABASE beaten", "CREATE TABLE beaten.t (id INT PRIMARY KEY)",
               "CREATE DATABASE heartbeat",
               "CREATE TABLE heartbeat.heartbeat (server_id INT NOT NULL PRIMARY KEY,"
               " counter BIGINT UNSIGNED NOT NULL, updated_at TIMESTAMP NULL)",
               f"INSERT INTO heartbeat.heartbeat (server_id, counter) VALUES ({ID}, 0)")


@pytest.fixture(scope="module", params=[MySql, MariaDb1011], ids=["mysql", "mariadb"])
def beaten(request, farm):
    """Epochs 1 to 8 in two files, with a pause behind the fourth."""
    server = farm.start(request.param, f"beaten-{request.param.flavour}")
    server.create_relay_account()
    prepare(server)
    server.rotate()  # so that the first epoch is not in the log's first file
    made = Beaten(server)
    for _ in range(ROWS):
        made.beat()
        if made.rows == 4:
            time.sleep(2.1)  # commit times of MariaDB are seconds
            made.times[4] = datetime.now(timezone.utc)
            time.sleep(1.1)
            server.rotate()
    yield made
    farm.forget(server)


@pytest.fixture
def relay(beaten, new_relay):
    plugin = "mysql_native_password" if beaten.server.flavour == "mariadb" else "caching_sha2_password"
    made = new_relay([cluster("beaten", ID, source(beaten.server), epochs="heartbeat")],
                     [account("repl", "beaten", plugin=plugin)]).start()
    wait_stored(made, "beaten", beaten.server)
    wait_until(lambda: made.status("beaten")["epoch_durable"] == beaten.rows, "the newest epoch")
    return made


@pytest.fixture
def replica(farm, beaten):
    """Has the tables and no rows: what it gets is what was behind its place."""
    options = {"mysql": ["--replica-exec-mode=IDEMPOTENT", "--replica-skip-errors=1007,1050"],
               "mariadb": ["--slave-exec-mode=IDEMPOTENT", "--slave-skip-errors=1007,1050",
                           "--gtid-strict-mode=OFF"]}[beaten.server.flavour]
    server = farm.make(type(beaten.server), f"positions-{beaten.server.flavour}", *options)
    server.start()
    prepare(server)
    yield server
    farm.forget(server)


def ids(server):
    return {row["id"] for row in server.query("SELECT id FROM beaten.t")}


def wait_row(replica, row):
    def arrived():
        assert_replicates(replica)
        return row in ids(replica)
    wait_until(arrived, lambda: f"row {row}; {replica.replica_status()}")


def wait_place(replica, place):
    wait_until(lambda: (replica.replica_status()["file"], replica.replica_status()["position"])
               == (place["file"], place["position"]),
               lambda: f"{place}; {replica.replica_status()}")


def test_a_replica_at_an_epoch_gets_the_rows_behind_it(beaten, relay, replica):
    replica.follow(relay.endpoint("repl"), file="epoch.3")
    wait_row(replica, beaten.rows)
    assert ids(replica) == set(range(4, beaten.rows + 1))
    assert replica.replica_status()["file"].startswith("binlog.")


def test_a_replica_at_the_newest_epoch_waits_there_over_restarts(beaten, relay, replica):
    """It holds the real place from the first Rotate on, before and behind the first event."""
    newest = beaten.rows
    replica.follow(relay.endpoint("repl"), file=f"epoch.{newest}")
    wait_place(replica, relay.command(f"locate beaten epoch {newest}"))
    replica.stop_replica()
    replica.start_replica()
    wait_row(replica, beaten.beat())
    replica.stop_replica()
    row = beaten.beat()
    replica.start_replica()
    wait_row(replica, row)
    assert ids(replica) == {newest + 1, newest + 2}


def test_a_replica_from_a_time_gets_the_rows_since(beaten, relay, replica):
    moment = beaten.times[4].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    replica.follow(relay.endpoint("repl"), file=f"time.{moment}")
    wait_row(replica, beaten.rows)
    assert ids(replica) == set(range(5, beaten.rows + 1))


def test_first_and_last_are_places(beaten, relay, replica):
    replica.follow(relay.endpoint("repl"), file="last")
    wait_row(replica, beaten.rows)
    assert ids(replica) == set(range(5, beaten.rows + 1))
    replica.stop_replica()
    replica.follow(relay.endpoint("repl"), file="first")
    wait_row(replica, 1)
    wait_until(lambda: len(ids(replica)) == beaten.rows, "all rows")


def refused(name, *texts):
    def check(beaten, relay, replica):
        replica.follow(relay.endpoint("repl"), file=name)
        wait_until(lambda: replica.replica_status()["io"] == "No",
                   lambda: f"a refusal; {replica.replica_status()}")
        status = replica.replica_status()
        assert status["io_errno"] in REFUSED[replica.flavour]
        for text in texts:
            assert text in status["io_error"], status["io_error"]
        assert not ids(replica)
    return check


test_an_epoch_that_is_older_is_refused = refused("epoch.0", "older than the first one here, 1")
test_a_name_that_is_none_is_refused = refused("epoch.1.x", "cannot be looked up")
test_an_incarnation_that_is_not_here_is_refused = refused("epoch.2.9", "no incarnation 9")
test_a_time_to_come_is_refused = refused(
    f"time.{datetime.now(timezone.utc) + timedelta(days=400):%Y-%m-%dT%H:%M:%SZ}", "still to come")


def test_a_faraway_epoch_is_refused_once_the_relay_has_caught_up(beaten, relay, replica):
    wait_until(lambda: relay.command("locate beaten epoch 1"), "the index")
    refused("epoch.4711000", "above the newest one here", str(beaten.rows))(beaten, relay, replica)


def test_the_admin_commands_know_the_same(beaten, relay):
    rows = relay.command("index show beaten 1 --count 4")
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    for row in rows:
        place = relay.command(f"locate beaten epoch {row['epoch']}")
        assert row["end"] == f"{place['file']}:{place['position']}"
    assert relay.command("gaps beaten") == []
    files = {row["name"]: (row["first_epoch"], row["last_epoch"])
             for row in relay.command("files beaten")}
    assert files["binlog.000002"] == (1, 4) and files["binlog.000003"] == (5, beaten.rows)
    status = relay.status("beaten")
    assert status["epoch_received"] == status["epoch_durable"] == beaten.rows
    moment = beaten.times[4].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert relay.command(f"locate beaten time {moment}") == relay.command("locate beaten epoch 4")
    gtid = relay.command(f"locate beaten gtid {beaten.server.gtids().replace(' ', '')}")
    assert (gtid["file"], gtid["position"]) == ("binlog.000003", 4)
    for words, text in (("epoch 0", "older"), ("epoch x", "cannot be read"),
                        ("time yesterday", "cannot be read"), ("nonsense 1", "not by")):
        with pytest.raises(Refused, match=text):
            relay.command(f"locate beaten {words}")
