# SPDX-License-Identifier: Apache-2.0
"""Two clusters and five real replicas that report in every way there is: a file goes when the last of
them has applied it, and not before.

    east  ---> e1      tells the endpoint
          ---> west    writes a heartbeat row into its own binlog, which the relay pulls
          ---> e3      has an event of its own write the row, which the relay polls
    west  ---> w1      an administrator says it
          ---> w2      has mysql.ndb_apply_status, which the relay polls

After every step what is there is compared with what the replicas have applied, as they say
themselves, and with what the sources' own binlogs say of epochs and GTIDs.
"""
import os
import random
import subprocess
from pathlib import Path

import pytest

from appliers import (APPLIED, NEVER, History, applied_counter, applier_rows, file_names,
                      make_heartbeat_table, oldest_file, purge_all, report, reported_epochs,
                      required, stored_names, wait_oldest, wait_reported)
from compare import assert_same_data, wait_caught_up
from load import Traffic
from recording import APPLY_STATUS
from relay import Relay, account, cluster, source
from servers import MySql
from waiting import wait_until

EAST, WEST = 199, 299
STEPS = int(os.environ.get("BINRELAY_PURGE_STEPS", 12))
SEED = int(os.environ.get("BINRELAY_SEED", random.SystemRandom().randrange(1_000_000)))
REPORTING_EVENT = Path(__file__).resolve().parents[2] / "conf" / "heartbeat.sql"


class Applier:
    """A replica of one cluster. Subclasses know how its applied epoch reaches the relay."""

    def __init__(self, world, server, cluster_name, cluster_id):
        self.world = world
        self.server = server
        self.cluster = cluster_name
        self.cluster_id = cluster_id

    @property
    def server_id(self):
        return self.server.server_id

    @property
    def applied(self):
        return applied_counter(self.server, self.cluster_id)

    def stop_applying(self):
        self.server.run("STOP REPLICA SQL_THREAD")

    def apply(self):
        self.server.run("START REPLICA SQL_THREAD")

    def apply_past(self, epoch):
        self.apply()
        wait_until(lambda: self.applied > epoch,
                   lambda: f"{self.server.name} to apply past {epoch}; {self.applied}, "
                   f"{self.server.replica_status()}")

    def write_own_row(self):
        """The row of the heartbeat table that says what this server has applied, in its own binlog."""
        self.server.run(
            "INSERT INTO heartbeat.heartbeat (server_id, applied_epoch, source_cluster) VALUES "
            f"(@@server_id, {self.applied}, {self.cluster_id}) AS told ON DUPLICATE KEY UPDATE "
            "applied_epoch = told.applied_epoch, source_cluster = told.source_cluster")


class AtTheEndpoint(Applier):
    def tell(self):
        report(self.world.relay, self.server_id, self.applied)


class InAStream(Applier):
    def tell(self):
        self.write_own_row()


class ByAnEvent(Applier):
    """What conf/heartbeat.sql makes tells by itself, from the first time on."""

    has_event = False

    def tell(self):
        if not self.has_event:
            self.make_event()

    def make_event(self):
        self.has_event = True
        self.world.source_script(self.server, REPORTING_EVENT)


class ByHand(Applier):
    def tell(self):
        self.world.relay.command(f"applier set-epoch {self.cluster} {self.server_id} {self.applied}")


class InApplyStatus(Applier):
    def tell(self):
        self.server.run("SET SESSION sql_log_bin = 0",
                        "REPLACE INTO mysql.ndb_apply_status VALUES "
                        f"({self.cluster_id}, {self.applied}, '', 0, 0)")


class World:
    def __init__(self, farm, directory):
        self.farm = farm
        servers = [farm.make(MySql, f"purge-{name}", "--max-binlog-size=8192")
                   for name in ("east", "west", "e1", "e3", "w1", "w2")]
        self.east, self.west, e1, e3, w1, w2 = servers
        farm.start_all(*servers)
        for server in servers:
            server.create_account("relay", "relay-secret",
                                  "REPLICATION SLAVE, REPLICATION CLIENT, SELECT, INSERT, UPDATE")
            make_heartbeat_table(server)
        w2.run("SET SESSION sql_log_bin = 0", APPLY_STATUS)
        self.servers = servers
        self.databases = []
        self.sources = {"east": self.east, "west": self.west}
        self.appliers = [AtTheEndpoint(self, e1, "east", EAST),
                         InAStream(self, self.west, "east", EAST), ByAnEvent(self, e3, "east", EAST),
                         ByHand(self, w1, "west", WEST), InApplyStatus(self, w2, "west", WEST)]
        self.histories = {"east": History(farm, self.east, EAST), "west": History(farm, self.west, WEST)}
        self.relay = Relay(directory, [self.cluster("east", EAST), self.cluster("west", WEST)],
                           [account("repl_east", "east"), account("repl_west", "west"),
                            account("report", "east", rights=["report", "read"])],
                           heartbeat={"write_to_sources": True, "interval": "100ms",
                                      "poll": [self.poll("east", e3), self.poll("west", w2)]})
        self.relay.start()
        for each in self.appliers:
            each.server.follow(self.relay.endpoint(f"repl_{each.cluster}"))

    def cluster(self, name, cluster_id):
        ids = [each.server_id for each in self.of(name)]
        return cluster(name, cluster_id, source(self.sources[name]), epochs="heartbeat",
                       appliers=required(*ids), purge=APPLIED)

    @staticmethod
    def poll(cluster_name, server):
        return {"cluster": cluster_name, "host": "127.0.0.1", "port": server.port, "user": "relay",
                "password": "relay-secret", "interval": "200ms"}

    def source_script(self, server, script):
        """Runs an SQL script as the mysql client does."""
        done = subprocess.run(
            server.place.command("/usr/bin/mysql", "--no-defaults", "--user=root",
                                 f"--socket={server.place.inside / server.name}.sock"),
            input=script.read_text(), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr

    def of(self, cluster_name):
        return [each for each in self.appliers if each.cluster == cluster_name]

    def remove(self):
        self.relay.remove()
        self.farm.forget(*self.servers)

    # -- what must be there

    def check(self, cluster_name, known):
        """Waits for what may go to be gone; `known` is what each applier has told, by server_id."""
        history = self.histories[cluster_name]
        needed = min(history.file_of(epoch) for epoch in known.values())
        self.check_nothing_needed_is_gone(cluster_name)
        wait_oldest(self.relay, cluster_name, needed)
        assert reported_epochs(self.relay, cluster_name) == known
        assert purge_all(self.relay, cluster_name)[0] == needed, "a purge by hand took what is needed"
        assert not self.relay.command("pin list")
        names = file_names(self.relay, cluster_name)
        assert names == [name for name in history.names() if needed <= name <= names[-1]]
        self.check_nothing_needed_is_gone(cluster_name)
        self.check_disk(cluster_name)

    def check_nothing_needed_is_gone(self, cluster_name):
        """By what the replicas say of themselves; true at any time, also while they apply."""
        oldest = oldest_file(self.relay, cluster_name)
        gone = self.histories[cluster_name].gtids_before(oldest)
        for each in self.of(cluster_name):
            assert each.server.has_applied(gone), \
                f"{each.server.name} lacks some of {gone}, which went before {oldest}"

    def check_disk(self, cluster_name):
        """A file is either listed and there, or neither."""
        def agrees():
            whole, orphans = stored_names(self.relay, cluster_name)
            return whole == file_names(self.relay, cluster_name) and not orphans
        wait_until(agrees, lambda: f"the directory to be {file_names(self.relay, cluster_name)}; "
                   f"it is {stored_names(self.relay, cluster_name)}")


@pytest.fixture(scope="module")
def world(farm, tmp_path_factory):
    made = World(farm, tmp_path_factory.mktemp("purge"))
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def traffic(world):
    """Changes of east while the test runs, in a database of its own."""
    world.databases.append(f"busy{len(world.databases)}")
    with Traffic(world.east, world.databases[-1], SEED, workers=1, pause=0.02) as made:
        yield made


def wait_files(server, count):
    """Waits until the source has written so many more files."""
    begun = len(server.binary_logs())
    wait_until(lambda: len(server.binary_logs()) >= begun + count, f"more files of {server.name}")


def test_each_way_of_reporting_counts_and_the_last_of_them_decides(world, traffic):
    known = {name: dict.fromkeys((each.server_id for each in world.of(name)), NEVER)
             for name in world.sources}
    for each in world.appliers:  # each stops at another place, some files behind the one before it
        wait_files(world.sources[each.cluster], 2)
        each.apply_past(NEVER)
        each.stop_applying()
    for name in world.sources:
        world.check(name, known[name])
    for each in reversed(world.appliers):  # the last to report is the one that is needed from furthest back
        each.tell()
        wait_reported(world.relay, each.cluster, each.server_id, each.applied)
        known[each.cluster][each.server_id] = each.applied
        world.check(each.cluster, known[each.cluster])
    for name in world.sources:
        assert oldest_file(world.relay, name) > world.histories[name].names()[0], f"nothing of {name} went"
    ways = [applier_rows(world.relay, each.cluster)[each.server_id]["report_way"] for each in world.appliers]
    assert ways == ["endpoint", "stream", "poll", "admin", "poll"]


def test_in_any_order_a_file_goes_when_the_last_has_applied_it(world, traffic):
    print(f"BINRELAY_SEED={SEED}")
    chance = random.Random(SEED)
    for each in world.appliers:
        each.stop_applying()
    known = {name: reported_epochs(world.relay, name) for name in world.sources}
    for step in range(STEPS):
        # Who is needed from furthest back gets its turn twice as often: then files go.
        back = min(world.appliers, key=lambda each: known[each.cluster][each.server_id])
        each = back if step % 2 else chance.choice(world.appliers)
        each.apply_past(known[each.cluster][each.server_id] + chance.randrange(20))
        if chance.random() < 0.3:
            world.check_nothing_needed_is_gone(each.cluster)  # while it applies and has not told
        each.stop_applying()
        each.tell()
        wait_reported(world.relay, each.cluster, each.server_id, each.applied)
        known[each.cluster][each.server_id] = each.applied
        world.check(each.cluster, known[each.cluster])


def test_replicas_that_apply_and_report_all_the_time_lose_nothing_when_the_relay_dies(world, traffic):
    for each in world.appliers:
        each.apply()
    begun = {name: oldest_file(world.relay, name) for name in world.sources}

    def all_moved():
        for each in world.appliers:
            each.tell()
        for name in world.sources:
            world.check_nothing_needed_is_gone(name)
        return all(oldest_file(world.relay, name) > file for name, file in begun.items())
    for end in (world.relay.kill, world.relay.stop, world.relay.kill):
        wait_until(all_moved, "files of both clusters to go")
        end()  # in the middle of whatever it does
        world.relay.start()
        for name in world.sources:
            world.relay.wait_state(name, "streaming")
        begun = {name: oldest_file(world.relay, name) for name in world.sources}
    wait_until(all_moved, "files of both clusters to go")
    for name in world.sources:
        world.check_disk(name)


def test_in_the_end_every_replica_has_all_and_the_relay_keeps_the_newest_file(world):
    for each in world.appliers:
        each.apply()
    for each in world.of("east"):
        assert_same_data(world.east, each.server, *world.databases)
    for each in world.of("west"):
        assert_same_data(world.west, each.server, *world.databases)
    for name, server in world.sources.items():
        server.rotate()
        for each in world.of(name):
            wait_caught_up(server, each.server)
        newest = server.binary_logs()[-1][0]

        def all_went(name=name, newest=newest):
            for each in world.of(name):
                each.tell()
            return oldest_file(world.relay, name) >= newest
        wait_until(all_went, lambda: f"only {newest} of {name} to be left; "
                   f"{file_names(world.relay, name)}, {applier_rows(world.relay, name)}")
        assert file_names(world.relay, name)[-1] == oldest_file(world.relay, name) \
            or server.binary_logs()[-1][0] > newest
        world.check_disk(name)
