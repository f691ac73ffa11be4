# SPDX-License-Identifier: Apache-2.0
"""A store on a small disk, with live traffic and an applier that does not go on: what is needed stays,
the pull stops and goes on by itself, replicas are served all the time.
"""
import contextlib
import os
import pathlib
import subprocess
import threading

import pymysql
import pytest

from appliers import (APPLIED, Beats, applied_counter, applier_rows, events, file_names,
                      oldest_file, make_heartbeat_table, report, required, stored_names, wait_event)
from compare import assert_replicates, assert_same_data, wait_caught_up
from dump import NON_BLOCKING, Dump
from relay import account, cluster, source
from servers import Endpoint, MySql
from waiting import wait_until

EAST = 77
DISK = 48 << 20
PAYLOAD = 250_000
PER_FILE = 16  # epochs: some 4 MB
SILENT = 299  # an applier of which nothing is heard any more
LAG = 30  # epochs that a replica may be behind before the traffic waits for it


@pytest.fixture
def small_disk(tmp_path):
    directory = tmp_path / "disk"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", directory], check=True)
    yield directory
    subprocess.run(["umount", "--lazy", directory], check=True)


class Trio:
    """A source and two replicas of it, for all tests of this file."""

    def __init__(self, farm):
        servers = [farm.make(MySql, f"disk-{name}") for name in ("source", "quick", "slow")]
        farm.start_all(*servers)
        self.source, self.quick, self.slow = servers
        self.source.create_relay_account()
        for replica in self.quick, self.slow:
            make_heartbeat_table(replica)
        self.beats = Beats(self.source, EAST)
        self.servers = servers

    def applied(self, replica):
        return applied_counter(replica, EAST)

    def catch_up(self):
        """From the source itself: a relay that begins with the newest file has nothing from before."""
        direct = Endpoint("127.0.0.1", self.source.port, "relay", "relay-secret")
        for replica in self.quick, self.slow:
            replica.run("STOP REPLICA", "RESET REPLICA ALL")
            replica.follow(direct)
        for replica in self.quick, self.slow:
            wait_caught_up(self.source, replica)
            replica.run("STOP REPLICA", "RESET REPLICA ALL")


@pytest.fixture(scope="module")
def trio(farm):
    made = Trio(farm)
    yield made
    farm.forget(*made.servers)


@pytest.fixture
def make(trio, new_relay, small_disk):
    """make(appliers, …): a relay with its store on the small disk, followed by both replicas.

    It begins with a new file: what earlier tests wrote would not fit.
    """
    def begin(appliers, **purge):
        trio.source.rotate()
        trio.catch_up()
        relay = new_relay([cluster("east", EAST, source(trio.source), epochs="heartbeat",
                                   start="last", appliers=appliers, purge={**APPLIED, **purge})],
                          [account("repl", "east"),
                           account("report", "east", rights=["report", "read"])],
                          heartbeat={"interval": "100ms"}, data_dir=str(small_disk / "data"),
                          store={"soft_limit": "50%", "hard_limit": "80%"})
        relay.data = small_disk / "data"
        relay.start()
        relay.wait_state("east", "streaming")
        for replica in trio.quick, trio.slow:
            replica.follow(relay.endpoint("repl"))
        first = trio.beats.beat()
        for replica in trio.quick, trio.slow:
            wait_applied(trio, replica, first)
        return relay
    return begin


def wait_applied(trio, replica, epoch):
    def applied():
        assert_replicates(replica)
        return trio.applied(replica) >= epoch
    wait_until(applied, lambda: f"{replica.name} to apply {epoch}; it has {trio.applied(replica)}")


class Background:
    """Does something again and again in a thread until the end."""

    def __init__(self):
        self._ending = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            while not self._ending.is_set():
                self.once()
                self._ending.wait(0.05)
        except Exception as error:  # kept for the test's own thread, which raises it
            self._failure = error

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def is_dead(self):
        return self._failure is not None


class Writing(Background):
    """Epochs with large rows, in files of some MB; waits for replicas that must keep up."""

    def __init__(self, trio, *keeping_up):
        super().__init__()
        self.trio = trio
        self.keeping_up = keeping_up
        self.written = 0

    def once(self):
        beats = self.trio.beats
        if all(self.trio.applied(replica) + LAG > beats.epoch for replica in self.keeping_up):
            beats.beat(PAYLOAD)
            self.written += 1
            if self.written % PER_FILE == 0:
                self.trio.source.rotate()

    def wait_written(self, more):
        goal = self.written + more
        wait_until(lambda: self.is_dead() or self.written >= goal, "the traffic to go on", pause=0.02)


class Reporting(Background):
    """Tells the endpoint all the time what replicas have applied."""

    def __init__(self, trio, relay, *replicas):
        super().__init__()
        self.trio = trio
        self.relay = relay
        self.replicas = replicas

    def once(self):
        for replica in self.replicas:
            try:
                report(self.relay, replica.server_id, self.trio.applied(replica))
            except pymysql.OperationalError:  # the relay is being restarted
                pass


def assert_nothing_needed_is_gone(relay, trio, epoch):
    assert oldest_file(relay, "east") <= trio.beats.file_of(epoch)
    whole, orphans = stored_names(relay, "east")
    assert whole == file_names(relay, "east") and not orphans


def wait_room_given_back(relay):
    """A file that went takes room for as long as somebody has it open."""
    def kept():
        links = []
        for each in pathlib.Path(f"/proc/{relay.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                links.append(os.readlink(each))
        return [link for link in links if link.startswith(str(relay.data)) and link.endswith("(deleted)")]

    wait_until(lambda: not kept(), lambda: f"files that went to be closed: {kept()}")


def test_the_pull_stops_at_the_hard_mark_and_goes_on_when_the_applier_does(trio, make):
    relay = make(required(trio.quick.server_id, trio.slow.server_id))
    trio.slow.run("STOP REPLICA SQL_THREAD")
    held = trio.applied(trio.slow)
    report(relay, trio.slow.server_id, held)
    with Reporting(trio, relay, trio.quick):
        with Writing(trio) as traffic:
            wait_event(relay, "disk.soft", "east", trio.slow.server_id)
            row = relay.wait_state("east", "store_full", seconds=180)
            assert str(trio.slow.server_id) in row["reason"]
            wait_event(relay, "disk.hard", "east", trio.slow.server_id)
            # More than the disk holds: it was not taken, and all that was taken is served.
            traffic.wait_written(DISK // PAYLOAD // 3)
            assert relay.status("east")["state"] == "store_full"
            wait_applied(trio, trio.quick, relay.status("east")["epoch_durable"])
            assert relay.status("east")["epoch_durable"] < trio.beats.epoch
            assert_nothing_needed_is_gone(relay, trio, held)

            relay.kill()
            relay.start()
            row = relay.wait_state("east", "store_full")
            assert_nothing_needed_is_gone(relay, trio, held)
        assert applier_rows(relay, "east")[trio.slow.server_id]["applied_epoch"] == held
        trio.slow.run("START REPLICA SQL_THREAD")
        with Reporting(trio, relay, trio.slow):
            for replica in trio.quick, trio.slow:
                wait_caught_up(trio.source, replica)
            relay.wait_state("east", "streaming")
    assert_same_data(trio.source, trio.quick, Beats.DATABASE)
    assert_same_data(trio.source, trio.slow, Beats.DATABASE)
    assert not events(relay, "applier.lost")


def test_a_limit_of_bytes_stops_the_pull_as_the_disk_does(trio, make):
    relay = make(required(trio.quick.server_id, SILENT), max_bytes="20M")
    held = trio.beats.epoch
    report(relay, SILENT, held)
    with Reporting(trio, relay, trio.quick), Writing(trio, trio.quick):
        row = relay.wait_state("east", "store_full", seconds=180)
        assert str(SILENT) in row["reason"]
        assert_nothing_needed_is_gone(relay, trio, held)
        assert used_bytes(relay) <= 20_000_000
        relay.command(f"applier set-epoch east {SILENT} {relay.status('east')['epoch_durable']}")
        wait_until(lambda: relay.status("east")["epoch_durable"] > trio.beats.epoch - LAG,
                   "the pull to go on")
    wait_caught_up(trio.source, trio.quick)
    wait_caught_up(trio.source, trio.slow)


def used_bytes(relay):
    return sum(path.stat().st_size for path in (relay.data / "east").glob("binlog.*"))


def test_appliers_are_dropped_where_the_configuration_says_so(trio, make):
    relay = make(required(trio.quick.server_id, SILENT), on_limit="drop_appliers")
    held = trio.beats.epoch
    report(relay, SILENT, held)
    begun = oldest_file(relay, "east")
    with Reporting(trio, relay, trio.quick, trio.slow), Writing(trio, trio.quick, trio.slow) as traffic:
        wait_event(relay, "applier.lost", "east", SILENT)
        traffic.wait_written(3 * PER_FILE)
        wait_until(lambda: oldest_file(relay, "east") > begun, "files to go")
    for replica in trio.quick, trio.slow:
        assert_same_data(trio.source, replica, Beats.DATABASE)
    wait_room_given_back(relay)
    assert relay.wait_state("east", "streaming")
    lost, = events(relay, "applier.lost")  # nobody else lost anything
    assert str(SILENT) in lost["text"]
    assert applier_rows(relay, "east")[SILENT]["state"] == "expired"
    dump = Dump(relay.endpoint("repl"), server_id=SILENT)
    with pytest.raises(pymysql.MySQLError) as refused:
        dump.start(f"epoch.{held}", flags=NON_BLOCKING)
        dump.next()
    assert refused.value.args[0] == 1236
    oldest = min(epoch for epoch, file in trio.beats.places.items()
                 if file >= oldest_file(relay, "east"))
    assert str(oldest) in refused.value.args[1]
    dump.close()


def test_a_disk_that_others_fill_stops_the_pull_until_there_is_room(trio, make, small_disk):
    relay = make(required(trio.quick.server_id, trio.slow.server_id), policy="manual")
    trio.slow.run("STOP REPLICA")
    report(relay, trio.quick.server_id, trio.applied(trio.quick))
    filler = small_disk / "filler"
    with Writing(trio) as traffic:
        traffic.wait_written(10)
        fill(filler)
        relay.wait_state("east", "store_full")
        traffic.wait_written(20)
        wait_applied(trio, trio.quick, relay.status("east")["epoch_durable"])
        trio.slow.run("START REPLICA")  # a new stream, while there is no room
        wait_applied(trio, trio.slow, relay.status("east")["epoch_durable"])
        assert relay.status("east")["state"] == "store_full"
        filler.unlink()
        relay.wait_state("east", "streaming")
    for replica in trio.quick, trio.slow:
        assert_same_data(trio.source, replica, Beats.DATABASE)


def fill(path):
    """Takes every byte that is left."""
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                pass
    assert os.statvfs(path).f_bavail < 16
