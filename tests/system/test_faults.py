# SPDX-License-Identifier: Apache-2.0
"""Everything that dies or is cut under load comes back without a hand."""
import os
import random
import time

import pytest

from compare import assert_replicates, assert_same_data, assert_stored_files_identical
from load import Traffic
from waiting import wait_until

SEED = int(os.environ.get("BINRELAY_SEED", random.SystemRandom().randrange(1_000_000)))
RELAY_KILLS = int(os.environ.get("BINRELAY_RELAY_KILLS", 20))


@pytest.fixture
def chance(request):
    """Random numbers of this test; the seed is printed, and BINRELAY_SEED repeats it."""
    print(f"BINRELAY_SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")


class Storm:
    """Traffic on all three sources, and the comparison of everything after it."""

    def __init__(self, fleet, name, seed):
        self.fleet = fleet
        self.databases = {cluster: f"{name}_{cluster}" for cluster in fleet.sources}
        self.traffic = [Traffic(fleet.sources[cluster], database, seed)
                        for cluster, database in self.databases.items()]

    def __enter__(self):
        for each in self.traffic:
            each.__enter__()
        return self

    def __exit__(self, *failure):
        for each in self.traffic:
            each.__exit__(*failure)

    def rage(self, more=20):
        """Waits until every source has committed some more."""
        goals = [each.commits + more for each in self.traffic]
        wait_until(lambda: all(each.is_dead() or each.commits >= goal
                               for each, goal in zip(self.traffic, goals)), "the traffic to go on")

    def assert_all_equal(self):
        for name, server in self.fleet.sources.items():
            for source, replica, channel in self.fleet.pairs():
                if source is server:
                    assert_same_data(source, replica, self.databases[name], channel=channel)
            assert_stored_files_identical(self.fleet.relay, name, server)


def assert_nobody_needs_a_hand(fleet):
    for _, replica, channel in fleet.pairs():
        assert_replicates(replica, channel)


def test_the_relay_killed_twenty_times_under_load(fleet, chance):
    with Storm(fleet, "relay_kills", SEED) as storm:
        for _ in range(RELAY_KILLS):
            time.sleep(chance.uniform(0.05, 1.2))  # the moment of death is what is random here
            fleet.relay.kill()
            fleet.relay.start()
            assert_nobody_needs_a_hand(fleet)
        storm.rage()
    storm.assert_all_equal()


def test_the_relay_killed_while_it_takes_in_a_large_transaction(fleet, chance):
    fleet.east.run("CREATE DATABASE large", "CREATE TABLE large.t (id INT PRIMARY KEY, v LONGTEXT)")
    for n in range(3):
        fleet.east.run(f"INSERT INTO large.t WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT "
                       f"i + 1 FROM n WHERE i < 3000) SELECT {n} * 3000 + i, REPEAT('v', 20000) FROM n")
        time.sleep(chance.uniform(0, 0.2))
        fleet.relay.kill()
        fleet.relay.start()
    for replica, channel in (fleet.by_position, ""), (fleet.by_gtid, "east"):
        assert_same_data(fleet.east, replica, "large", channel=channel)
    assert_stored_files_identical(fleet.relay, "east", fleet.east)


@pytest.mark.parametrize("cluster", ["east", "south"])
def test_a_source_killed_or_stopped_and_restarted_under_load(fleet, chance, cluster):
    source = fleet.sources[cluster]
    with Storm(fleet, f"{cluster}_kills", SEED) as storm:
        for end in (source.kill, source.stop, source.kill):
            time.sleep(chance.uniform(0.1, 0.8))
            end()
            try:
                fleet.relay.wait_state(cluster, "connecting", "waiting")
                assert_nobody_needs_a_hand(fleet)
            finally:
                source.start()
            storm.rage()
        fleet.relay.wait_state(cluster, "streaming")
    storm.assert_all_equal()


def test_the_network_cut_on_both_sides_under_load(fleet, chance):
    with Storm(fleet, "cuts", SEED) as storm:
        for _ in range(12):
            proxy = chance.choice(fleet.proxies())
            fault = chance.choice(["cut", "cut_after", "refuse", "stall"])
            time.sleep(chance.uniform(0.05, 0.4))
            if fault == "cut_after":
                proxy.cut_after(chance.randrange(100_000))
            else:
                getattr(proxy, fault)()
            time.sleep(chance.uniform(0.05, 0.6))
            proxy.mend()
            assert_nobody_needs_a_hand(fleet)
        storm.rage()
    storm.assert_all_equal()


def test_a_source_that_falls_silent_is_found_dead_by_its_heartbeats(fleet):
    fleet.relay.wait_state("east", "streaming")
    accepted = fleet.upstream["east"].accepted
    fleet.upstream["east"].stall()
    fleet.relay.wait_state("east", "connecting", "waiting", seconds=30)
    fleet.upstream["east"].mend()
    fleet.relay.wait_state("east", "streaming")
    assert fleet.upstream["east"].accepted > accepted


def test_an_idle_connection_is_kept_alive_by_heartbeats(fleet):
    fleet.relay.wait_state("west", "streaming")
    accepted = fleet.upstream["west"].accepted
    time.sleep(5)  # longer than read_timeout
    assert fleet.relay.status("west")["state"] == "streaming"
    assert fleet.upstream["west"].accepted == accepted


def test_a_source_that_is_away_stops_no_other_cluster(fleet):
    fleet.west.kill()
    try:
        fleet.relay.wait_state("west", "connecting", "waiting")
        fleet.east.run("CREATE DATABASE IF NOT EXISTS alone",
                       "CREATE TABLE alone.t (id INT PRIMARY KEY)", "INSERT INTO alone.t VALUES (1)")
        assert_same_data(fleet.east, fleet.by_position, "alone")
        assert_same_data(fleet.east, fleet.by_gtid, "alone", channel="east")
    finally:
        fleet.west.start()
    fleet.relay.wait_state("west", "streaming")


def test_replicas_whose_sessions_are_killed_come_back(fleet):
    fleet.east.run("CREATE DATABASE killed", "CREATE TABLE killed.t (id INT PRIMARY KEY)")
    assert_same_data(fleet.east, fleet.by_position, "killed")
    for session in fleet.relay.command("sessions"):
        fleet.relay.command(f"kill {session['id']}")
    fleet.east.run("INSERT INTO killed.t VALUES (1)")
    assert_same_data(fleet.east, fleet.by_position, "killed")
    assert_same_data(fleet.east, fleet.by_gtid, "killed", channel="east")
