# SPDX-License-Identifier: Apache-2.0
"""Reports that come from servers: polled, or in the stream of their own cluster, and what conf/
has for them; and the purge of a source whose log is here."""
import re

import pytest

from appliers import applied_counter, applier_rows, events, reported_epochs
from relay import TREE, account, cluster, source
from servers import MariaDb118, MySql
from waiting import wait_until

EAST, WEST = 199, 198
BEATS = {"write_to_sources": True, "interval": "100ms"}
WRITE = {"mysql": "INSERT, UPDATE, CREATE", "mariadb": "INSERT, UPDATE, CREATE, BINLOG ADMIN"}
PURGE = {"mysql": "BINLOG_ADMIN", "mariadb": "BINLOG ADMIN"}


def poll(server, name="east", **more):
    return {"cluster": name, "host": "127.0.0.1", "port": server.port, "user": "relay",
            "password": "relay-secret", "interval": "200ms", **more}


def start_servers(farm, kind, name, *options):
    """A source whose heartbeats the relay writes, and a server that will follow the relay."""
    made = [farm.make(kind, f"{name}-{kind.flavour}-{each}", *options)
            for each in ("source", "replica")]
    farm.start_all(*made)
    for server in made:
        server.create_relay_account()
        server.run("SET SESSION sql_log_bin = 0",
                   f"GRANT {WRITE[kind.flavour]} ON *.* TO relay@'%'")
    return made


def wait_told(relay, event, *texts):
    """Waits for an event of east that says all of the texts."""
    wait_until(lambda: any(all(text in str(row) for text in texts)
                           for row in events(relay, event, "east")),
               lambda: f"{event} with {texts}; {relay.command('events')[-8:]}")


def run_script(server, *, is_logged=False):
    """conf/heartbeat.sql, as the mysql client would run it."""
    text = re.sub(r"--.*", "", (TREE / "conf" / "heartbeat.sql").read_text())
    server.run(f"SET SESSION sql_log_bin = {int(is_logged)}",
               *(statement for statement in text.split(";") if statement.strip()))


def begin_relay(new_relay, clusters, **heartbeat):
    names = [each["name"] for each in clusters]
    return new_relay(clusters, [account("repl", *names[:1], plugin="mysql_native_password")],
                     heartbeat={**BEATS, **heartbeat}).start()


def followed(relay, replica):
    """The replica has applied the heartbeats of the source."""
    relay.wait_state("east", "streaming")
    replica.follow(relay.endpoint("repl"))

    def applied():
        try:
            return applied_counter(replica, EAST) > 3
        except Exception:  # pylint: disable=broad-except  # the table has not come yet
            return False
    wait_until(applied, lambda: f"heartbeats to be applied: {replica.replica_status()}")


def wait_rising(relay, name, server_id, way, server):
    """The relay hears of a later epoch, again and again, and of none that was not applied."""
    for _ in range(3):
        before = reported_epochs(relay, name).get(server_id, 0)
        wait_until(lambda: reported_epochs(relay, name).get(server_id, 0) > before,
                   lambda: f"a report behind {before}: {applier_rows(relay, name)}")
        assert reported_epochs(relay, name)[server_id] <= applied_counter(server, EAST)
    assert applier_rows(relay, name)[server_id]["report_way"] == way


@pytest.mark.parametrize("kind", [MySql, MariaDb118])
def test_the_event_of_the_script_reports_what_was_applied(farm, new_relay, kind):
    origin, replica = start_servers(farm, kind, "event", "--event-scheduler=ON")
    relay = begin_relay(new_relay,
                        [cluster("east", EAST, source(origin), epochs="heartbeat",
                                 appliers=[{"server_id": replica.server_id, "required": True}])],
                        poll=[poll(replica)])
    followed(relay, replica)
    assert reported_epochs(relay, "east")[replica.server_id] == 0
    run_script(replica)
    run_script(replica)  # again does no harm

    def row():
        rows = replica.query("SELECT * FROM heartbeat.heartbeat WHERE server_id = %s",
                             (replica.server_id,))
        return rows[0] if rows else None
    first = wait_until(row, "the event to write a row")
    assert first["source_cluster"] == EAST and 0 < first["applied_epoch"]
    wait_until(lambda: row()["applied_epoch"] > first["applied_epoch"], "the row to move")
    assert row()["counter"] > first["counter"] - 1
    wait_rising(relay, "east", replica.server_id, "poll", replica)
    assert not events(relay, "report.refused", "east")
    farm.forget(origin, replica)


@pytest.mark.parametrize("kind", [MySql, MariaDb118])
def test_the_events_of_a_source_do_not_stand_in_the_way_of_its_replicas(farm, new_relay, kind):
    """An event that is replicated is disabled, and would keep the script from making the right one."""
    origin, replica = start_servers(farm, kind, "both", "--event-scheduler=ON")
    run_script(origin, is_logged=True)
    relay = begin_relay(new_relay,
                        [cluster("east", EAST, source(origin), epochs="heartbeat",
                                 appliers=[{"server_id": replica.server_id, "required": True}])],
                        poll=[poll(replica)])
    followed(relay, replica)
    assert not replica.query("SELECT EVENT_NAME FROM information_schema.EVENTS")
    run_script(replica)
    wait_rising(relay, "east", replica.server_id, "poll", replica)
    farm.forget(origin, replica)


@pytest.mark.parametrize("kind", [MySql, MariaDb118])
def test_a_row_in_the_stream_of_the_appliers_own_cluster_reports(farm, new_relay, kind):
    origin, replica = start_servers(farm, kind, "stream", "--event-scheduler=ON")
    relay = begin_relay(new_relay,
                        [cluster("east", EAST, source(origin), epochs="heartbeat",
                                 appliers=[{"server_id": replica.server_id, "group": "west"}]),
                         cluster("west", WEST, source(replica))])
    followed(relay, replica)
    run_script(replica)
    wait_rising(relay, "east", replica.server_id, "stream", replica)
    assert not applier_rows(relay, "west")
    farm.forget(origin, replica)


def test_says_when_a_polled_server_goes_and_comes_back(farm, new_relay):
    origin, replica = start_servers(farm, MySql, "away", "--event-scheduler=ON")
    relay = begin_relay(new_relay,
                        [cluster("east", EAST, source(origin), epochs="heartbeat",
                                 appliers=[{"server_id": replica.server_id}])],
                        poll=[poll(replica)])
    wait_told(relay, "poll.failed", "neither heartbeat.heartbeat nor")
    followed(relay, replica)
    wait_told(relay, "poll.ok")
    run_script(replica)
    wait_rising(relay, "east", replica.server_id, "poll", replica)
    replica.stop()
    wait_until(lambda: len(events(relay, "poll.failed", "east")) == 2, "the poll to fail")
    replica.start()
    wait_until(lambda: len(events(relay, "poll.ok", "east")) == 2, "the poll to go on")
    # What is the matter is said once, however many rounds it lasts.
    assert len(events(relay, "poll.failed", "east")) == 2
    wait_rising(relay, "east", replica.server_id, "poll", replica)
    farm.forget(origin, replica)


def test_a_replica_of_ndb_tells_by_its_apply_status_table(farm, new_relay):
    """A plain server that has the table as an applier of NDB keeps it."""
    origin, replica = start_servers(farm, MySql, "status")
    relay = begin_relay(new_relay,
                        [cluster("east", EAST, source(origin), epochs="heartbeat",
                                 appliers=[{"server_id": replica.server_id}])],
                        poll=[poll(replica)])
    followed(relay, replica)
    replica.run("SET SESSION sql_log_bin = 0",
                "CREATE TABLE mysql.ndb_apply_status (server_id INT UNSIGNED NOT NULL PRIMARY KEY,"
                " epoch BIGINT UNSIGNED NOT NULL, log_name VARCHAR(255) NOT NULL DEFAULT '',"
                " start_pos BIGINT UNSIGNED NOT NULL DEFAULT 0,"
                " end_pos BIGINT UNSIGNED NOT NULL DEFAULT 0)",
                f"INSERT INTO mysql.ndb_apply_status (server_id, epoch) VALUES ({EAST}, 2), (7, 1)")
    wait_until(lambda: reported_epochs(relay, "east").get(replica.server_id) == 2,
               lambda: f"the epoch of the table: {applier_rows(relay, 'east')}")
    replica.run(f"REPLACE INTO mysql.ndb_apply_status (server_id, epoch) VALUES ({EAST}, 3)")
    wait_until(lambda: reported_epochs(relay, "east").get(replica.server_id) == 3, "the next one")
    farm.forget(origin, replica)


@pytest.mark.parametrize("kind", [MySql, MariaDb118])
def test_purges_the_source_of_what_is_here(farm, new_relay, kind):
    origin = farm.start(kind, f"purged-{kind.flavour}")
    origin.create_relay_account()
    origin.run("SET SESSION sql_log_bin = 0",
               f"GRANT {WRITE[kind.flavour]}, {PURGE[kind.flavour]} ON *.* TO relay@'%'",
               "SET SESSION sql_log_bin = 1", "CREATE DATABASE plain",
               "CREATE TABLE plain.t (id INT PRIMARY KEY)")
    for number in range(8):
        origin.run(f"INSERT INTO plain.t VALUES ({number})")
        origin.rotate()
    first = origin.binary_logs()[0][0]
    relay = begin_relay(new_relay,
                        [cluster("east", EAST, source(origin), epochs="heartbeat",
                                 purge={"policy": "applied", "source_purge": True})])
    wait_until(lambda: origin.binary_logs()[0][0] > first,
               lambda: f"the source to be purged: {relay.command('events')[-5:]}")
    stored = {row["name"] for row in relay.command("files east")}
    assert first in stored  # only the source's own are gone
    assert relay.status("east")["state"] == "streaming"
    farm.forget(origin)
