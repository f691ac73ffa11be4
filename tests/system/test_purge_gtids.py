# SPDX-License-Identifier: Apache-2.0
"""Clusters without epochs: what a replica has executed, by its GTIDs, decides what may go."""
import subprocess

import pytest

from appliers import (APPLIED, applier_rows, file_names, oldest_file, purge_all, required,
                      wait_oldest)
from compare import assert_same_data, wait_caught_up, wait_stored
from relay import BINRELAYD, account, cluster, source
from servers import MariaDb1011, MySql
from waiting import wait_until

EAST = 77
LISTED = {"mysql": "Previous_gtids", "mariadb": "Gtid_list"}  # the event that says what was before
STOP = {"mysql": "STOP REPLICA SQL_THREAD", "mariadb": "STOP SLAVE SQL_THREAD"}
START = {"mysql": "START REPLICA SQL_THREAD", "mariadb": "START SLAVE SQL_THREAD"}


def poll(server):
    return {"cluster": "east", "host": "127.0.0.1", "port": server.port, "user": "relay",
            "password": "relay-secret", "interval": "200ms"}


class Pair:
    """A source and a replica that polls are asked of."""

    def __init__(self, farm, kind):
        self.source, self.replica = (farm.make(kind, f"gtids-{kind.flavour}-{name}")
                                     for name in ("source", "replica"))
        farm.start_all(self.source, self.replica)
        for server in self.source, self.replica:
            server.create_relay_account()
        self.source.run("CREATE DATABASE plain", "CREATE TABLE plain.t (id INT PRIMARY KEY)")
        self.rows = 0

    def write_files(self, count):
        for _ in range(count):
            for _ in range(3):
                self.rows += 1
                self.source.run(f"INSERT INTO plain.t VALUES ({self.rows})")
            self.source.rotate()

    def needed(self):
        """The newest file before which the replica lacks nothing, as the source wrote it there."""
        return max(name for name, _ in self.source.binary_logs()
                   if self.replica.has_applied(self.before(name)))

    def before(self, file):
        rows = self.source.query(f"SHOW BINLOG EVENTS IN '{file}' LIMIT 3")
        return next(row["Info"] for row in rows if row["Event_type"] == LISTED[self.source.flavour])


@pytest.fixture(scope="module", params=[MySql, MariaDb1011], ids=["mysql", "mariadb"])
def pair(request, farm):
    made = Pair(farm, request.param)
    yield made
    farm.forget(made.source, made.replica)


def test_files_go_when_the_replica_has_executed_them(pair, new_relay):
    relay = new_relay([cluster("east", EAST, source(pair.source), purge=APPLIED,
                               appliers=required(pair.replica.server_id))],
                      [account("repl", "east", plugin="mysql_native_password")],
                      heartbeat={"poll": [poll(pair.replica)]}).start()
    pair.write_files(3)
    wait_stored(relay, "east", pair.source)
    pair.replica.follow(relay.endpoint("repl"))
    wait_caught_up(pair.source, pair.replica)
    for stop_within in (0, 2):  # at the end of a file, and inside one
        for _ in range(stop_within):
            pair.rows += 1
            pair.source.run(f"INSERT INTO plain.t VALUES ({pair.rows})")
        wait_caught_up(pair.source, pair.replica)
        pair.replica.run(STOP[pair.replica.flavour])
        pair.write_files(4)
        wait_stored(relay, "east", pair.source)
        needed = pair.needed()
        wait_oldest(relay, "east", needed)
        assert purge_all(relay, "east")[0] == needed
        assert file_names(relay, "east")[-1] > needed
        relay.kill()
        relay.start()
        assert purge_all(relay, "east")[0] == needed
        pair.replica.run(START[pair.replica.flavour])
    wait_caught_up(pair.source, pair.replica)
    newest = pair.source.binary_logs()[-1][0]
    wait_until(lambda: oldest_file(relay, "east") == newest, "all but the newest to go")
    assert_same_data(pair.source, pair.replica, "plain")
    row = applier_rows(relay, "east")[pair.replica.server_id]
    assert row["report_way"] == "poll" and row["state"] == "live"


def test_without_epochs_and_without_a_poll_nothing_can_be_purged_and_that_is_a_fault(pair, new_relay):
    relay = new_relay([cluster("east", EAST, source(pair.source), purge=APPLIED,
                               appliers=required(201))], [account("repl", "east")])
    done = subprocess.run([BINRELAYD, "--check-config", "--config", relay.write_config()],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "policy" in done.stdout + done.stderr
    relay.config["heartbeat"] = {"poll": [poll(pair.replica)]}
    done = subprocess.run([BINRELAYD, "--check-config", "--config", relay.write_config()],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
