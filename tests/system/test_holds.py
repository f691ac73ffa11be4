# SPDX-License-Identifier: Apache-2.0
"""What holds the log, and what does not: appliers in all their states, pins, streams, hands.

The source's epochs are made by the tests, so that each file's need is known. Where a test says that
nothing goes it asks for a purge of all that nobody needs, and looks at what is left.
"""
import collections
import signal
import socket
import struct
import subprocess
import threading

import pymysql
import pytest

from appliers import (APPLIED, NEVER, Beats, applied_counter, applier_rows, endpoint_cursor, events,
                      file_names, make_heartbeat_table, oldest_file, purge_all, report,
                      reported_epochs, required, stored_names, wait_event, wait_oldest,
                      wait_reported)
from clients import Client
from compare import assert_replicates, wait_stored
from dump import NON_BLOCKING, Dump
from recording import RecordedServer, recorded_index
from relay import Refused, account, cluster, source
from servers import MySql
from waiting import wait_until

EAST, WEST = 77, 88
NAMES = {EAST: "east", WEST: "west"}
LARGE = 40_000_000  # more than the buffers of two sockets


@pytest.fixture(scope="module")
def beats(farm):
    """A source of six files, of three epochs each, and a seventh without any."""
    server = farm.start(MySql, "held")
    server.create_relay_account()
    made = Beats(server, EAST)
    made.write_files(6)
    yield made
    farm.forget(server)


def begin(new_relay, beats, appliers, **more):
    """A relay that has all that the source has. More keys go to the cluster."""
    name = NAMES[beats.cluster_id]
    relay = new_relay(
        [cluster(name, beats.cluster_id, source(beats.server), epochs="heartbeat",
                 appliers=appliers, **{"purge": APPLIED, **more})],
        [account("repl", name), account("report", name, rights=["report", "read"]),
         account("reader", name, rights=["read"]), account("boss", name, rights=["admin", "read"])],
        heartbeat={"interval": "100ms"})
    relay.start()
    wait_stored(relay, name, beats.server)
    return relay


@pytest.fixture
def make(beats, new_relay):
    """make(appliers, …): a relay of the source of small files."""
    return lambda appliers, **more: begin(new_relay, beats, appliers, **more)


@pytest.fixture(scope="module")
def large(farm):
    """A source whose first file is larger than what sockets hold."""
    server = farm.start(MySql, "held-large")
    server.create_relay_account()
    made = Beats(server, WEST)
    made.write_file(4, LARGE // 4)
    made.write_files(3)
    yield made
    farm.forget(server)


@pytest.fixture
def large_relay(large, new_relay):
    return begin(new_relay, large, required(201))


def assert_all_there(relay, beats):
    name = NAMES[beats.cluster_id]
    assert purge_all(relay, name) == beats.files()
    assert stored_names(relay, name) == (beats.files(), [])


def assert_held_from(relay, beats, file):
    """All in front of the file goes, and nothing else."""
    name = NAMES[beats.cluster_id]
    wait_oldest(relay, name, file)
    assert purge_all(relay, name) == [each for each in beats.files() if each >= file]


def apply_all(relay, beats, *server_ids):
    """They report the newest epoch: nothing but what is tested holds anything."""
    wait_stored(relay, NAMES[beats.cluster_id], beats.server)
    for server_id in server_ids:
        report(relay, server_id, beats.epoch)


# -- appliers

def test_a_required_applier_that_never_reported_holds_everything(beats, make):
    relay = make(required(201, 202))
    assert_all_there(relay, beats)
    apply_all(relay, beats, 201)
    assert_all_there(relay, beats)
    assert "202" in relay.status("east")["held_by"]
    report(relay, 202, 7)
    assert_held_from(relay, beats, beats.file_of(7))
    report(relay, 202, 8)  # more follows in its file
    assert_held_from(relay, beats, beats.file_of(7))
    report(relay, 202, 9)
    assert beats.last_of(beats.file_of(7)) == 9
    assert_held_from(relay, beats, beats.file_of(10))


def test_one_that_is_not_required_holds_from_its_first_report_on(beats, make):
    relay = make([{"server_id": 201}, *required(202)])
    report(relay, 201, 4)
    apply_all(relay, beats, 202)
    assert_held_from(relay, beats, beats.file_of(4))
    relay.command("applier add east 203")
    report(relay, 201, 10)
    assert_held_from(relay, beats, beats.file_of(10))


def test_a_replica_that_is_switched_off_for_a_while_holds_and_goes_on_where_it_was(farm, beats, make):
    replica = farm.make(MySql, "switched-off")
    relay = make(required(201, replica.server_id))
    replica.start()
    make_heartbeat_table(replica)
    replica.follow(relay.endpoint("repl"))
    wait_until(lambda: applied_counter(replica, EAST) == beats.epoch, "the replica to have all")
    report(relay, replica.server_id, beats.epoch)
    last = beats.epoch
    replica.stop()
    beats.write_files(3)
    apply_all(relay, beats, 201)
    assert_held_from(relay, beats, beats.file_of(last))
    relay.kill()
    relay.start()
    assert_held_from(relay, beats, beats.file_of(last))
    replica.start()
    wait_until(lambda: applied_counter(replica, EAST) == beats.epoch,
               lambda: f"the replica to go on; {assert_replicates(replica)}")
    report(relay, replica.server_id, beats.epoch)
    assert_held_from(relay, beats, beats.file_of(beats.epoch))
    farm.forget(replica)


def test_one_that_is_forgotten_holds_nothing_any_more(beats, make):
    relay = make(required(201))
    relay.command("applier add east 205 --group far --required")
    row = applier_rows(relay, "east")[205]
    assert (row["group"], row["required"], row["origin"]) == ("far", True, "added")
    apply_all(relay, beats, 201)
    assert_all_there(relay, beats)
    relay.command("applier forget east 205")
    assert_held_from(relay, beats, beats.file_of(beats.epoch))
    assert 205 not in applier_rows(relay, "east")
    with pytest.raises(Refused):
        relay.command("applier forget east 205")


def test_one_that_the_configuration_lists_is_not_forgotten(beats, make):
    relay = make(required(201))
    with pytest.raises(Refused, match="configuration"):
        relay.command("applier forget east 201")
    assert_all_there(relay, beats)


def test_one_that_was_silent_for_longer_than_it_may_is_expired(beats, make):
    relay = make(required(201) + required(202, expire_after="2s"))
    apply_all(relay, beats, 201)
    report(relay, 202, 1)
    assert_held_from(relay, beats, beats.file_of(beats.epoch))
    assert applier_rows(relay, "east")[202]["state"] == "expired"
    assert applier_rows(relay, "east")[201]["state"] == "live"


def test_a_replica_that_registers_itself_holds_what_it_did_not_get(large, large_relay):
    dump = Dump(large_relay.endpoint("repl"), server_id=950)
    dump.register()
    row = wait_until(lambda: applier_rows(large_relay, "west").get(950), "the registered applier")
    assert row["origin"] == "registered" and not row["required"]
    apply_all(large_relay, large, 201)
    assert_all_there(large_relay, large)  # it has no stream yet
    dump.start(large.files()[0])
    for _ in range(12):
        dump.next()
    dump.close()
    wait_until(lambda: not large_relay.command("sessions"), "the session to end")
    assert_all_there(large_relay, large)
    assert applier_rows(large_relay, "west")[950]["expire_after"] == "1d"
    large_relay.kill()
    large_relay.start()
    apply_all(large_relay, large, 201)
    assert_all_there(large_relay, large)
    large_relay.command("applier forget west 950")
    assert_held_from(large_relay, large, large.file_of(large.epoch))


def test_a_replica_that_registered_itself_and_is_named_then_holds_for_good(large, large_relay):
    dump = Dump(large_relay.endpoint("repl"), server_id=953)
    dump.register()
    dump.start(large.files()[0])
    for _ in range(12):
        dump.next()
    large_relay.command("applier add west 953")
    row = applier_rows(large_relay, "west")[953]
    assert (row["origin"], row["expire_after"]) == ("added", None)
    dump.close()
    wait_until(lambda: not large_relay.command("sessions"), "the session to end")
    apply_all(large_relay, large, 201)
    assert_all_there(large_relay, large)
    large_relay.command("applier forget west 953")
    assert_held_from(large_relay, large, large.file_of(large.epoch))


def test_one_that_goes_back_by_an_administrator_s_word_holds_again(beats, make):
    relay = make(required(201, 202), purge={**APPLIED, "policy": "manual"})
    apply_all(relay, beats, 201, 202)
    relay.command("applier set-epoch east 202 5")
    assert_held_from_by_hand(relay, beats, beats.file_of(5))
    relay.command("applier set-epoch east 202 8")
    assert_held_from_by_hand(relay, beats, beats.file_of(8))
    with pytest.raises(Refused):
        relay.command("applier set-epoch east 202 5")  # that is not here any more
    with pytest.raises(Refused):
        relay.command(f"applier set-epoch east 202 {beats.epoch + 1000}")
    assert reported_epochs(relay, "east")[202] == 8


def assert_held_from_by_hand(relay, beats, file):
    """Policy "manual": nothing goes until somebody says so, and then the same as ever."""
    assert purge_all(relay, "east") == [name for name in beats.files() if name >= file]


# -- wrong reports

def wrong_reports(newest):
    """What it says, and the assignments of the UPDATE that does so."""
    return {
        "0": "applied_epoch = 0",
        "too high": f"applied_epoch = {newest + 1}",
        "the highest there is": "applied_epoch = 18446744073709551615",
        "backwards": "applied_epoch = 3",
        "of no cluster": f"applied_epoch = {newest}, source_cluster = 4711",
        "not a number": "applied_epoch = 'many'",
        "negative": "applied_epoch = -1",
        "a fraction": f"applied_epoch = '{newest}.5x'",
        "more than a number holds": "applied_epoch = 18446744073709551616",
    }


def test_wrong_reports_change_nothing_and_are_told(beats, make):
    relay = make(required(201))
    report(relay, 201, 7, EAST)
    assert_held_from(relay, beats, beats.file_of(7))
    for what, assignments in wrong_reports(beats.epoch).items():
        told = len(events(relay, "report.refused"))
        refused = None
        with endpoint_cursor(relay) as cursor:
            try:
                cursor.execute(f"UPDATE heartbeat.heartbeat SET {assignments} WHERE server_id = 201")
            except pymysql.MySQLError as error:
                refused = error
        assert refused or len(events(relay, "report.refused")) > told, what
        assert reported_epochs(relay, "east") == {201: 7}, what
        assert purge_all(relay, "east")[0] == beats.file_of(7), what
    report(relay, 201, 8, EAST)  # it may go on
    wait_reported(relay, "east", 201, 8)


@pytest.mark.parametrize("user", ["repl", "reader"])
def test_an_account_without_the_right_reports_nothing(beats, make, user):
    relay = make(required(201))
    for statement in (f"UPDATE heartbeat.heartbeat SET applied_epoch = {beats.epoch}",
                      "INSERT INTO heartbeat.heartbeat (server_id, applied_epoch) "
                      f"VALUES (201, {beats.epoch}) ON DUPLICATE KEY UPDATE "
                      "applied_epoch = VALUES(applied_epoch)"):
        with endpoint_cursor(relay, user) as cursor, pytest.raises(pymysql.MySQLError) as refused:
            cursor.execute(statement)
        assert refused.value.args[0] == 1142
    assert reported_epochs(relay, "east") == {201: NEVER}
    assert_all_there(relay, beats)


def test_wrong_reports_in_a_stream_change_nothing_and_are_told(beats, make):
    """Rows that somebody wrote on the source: right for 211, else not."""
    relay = make(required(211, 212))
    report(relay, 212, 7)
    rows = [(211, 6, EAST), (212, 0, EAST), (212, 10 ** 9, EAST), (212, 3, EAST), (212, 8, 4711),
            (999, 8, EAST)]
    for server_id, epoch, cluster_id in rows:
        beats.server.run("REPLACE INTO heartbeat.heartbeat (server_id, applied_epoch, source_cluster)"
                         f" VALUES ({server_id}, {epoch}, {cluster_id})")
    wait_reported(relay, "east", 211, 6)
    for text in (10 ** 9, "below 7"):
        wait_event(relay, "report.refused", "east", 212, text)
    assert reported_epochs(relay, "east") == {211: 6, 212: 7}
    assert_held_from(relay, beats, beats.file_of(6))


def test_a_report_counts_for_the_cluster_that_it_names(beats, large, new_relay):
    """201 applies east, 301 west, 401 both."""
    relay = new_relay([cluster("east", EAST, source(beats.server), epochs="heartbeat",
                               appliers=required(201, 401), purge=APPLIED),
                       cluster("west", WEST, source(large.server), epochs="heartbeat",
                               appliers=required(301, 401), purge=APPLIED)],
                      [account("report", "east", "west", rights=["report", "read"]),
                       account("report_west", "west", rights=["report", "read"])])
    relay.start()
    wait_stored(relay, "east", beats.server)
    wait_stored(relay, "west", large.server)

    def tell(server_id, epoch, source_cluster, user="report+east"):
        with pymysql.connect(host="127.0.0.1", port=relay.port, user=user,
                             password=f"{user.partition('+')[0]}-secret",
                             ssl={"verify_mode": "none"}) as connection, \
                connection.cursor() as cursor:
            cursor.execute("UPDATE heartbeat.heartbeat SET applied_epoch = %s, source_cluster = %s "
                           "WHERE server_id = %s", (epoch, source_cluster, server_id))

    def told_wrong(*arguments):
        before = len(events(relay, "report.refused"))
        try:
            tell(*arguments)
        except pymysql.MySQLError:
            return True
        return len(events(relay, "report.refused")) > before

    assert told_wrong(201, 5, WEST)
    assert told_wrong(301, 5, EAST)
    assert told_wrong(401, 5, None)  # of which of them?
    assert told_wrong(201, 5, EAST, "report_west")  # an account of west only
    assert reported_epochs(relay, "east") == {201: NEVER, 401: NEVER}
    assert reported_epochs(relay, "west") == {301: NEVER, 401: NEVER}
    tell(201, 5, None)
    tell(301, 6, None)
    tell(401, 7, EAST)
    tell(401, 8, WEST)
    wait_reported(relay, "west", 401, 8)
    assert reported_epochs(relay, "east") == {201: 5, 401: 7}
    assert reported_epochs(relay, "west") == {301: 6, 401: 8}
    assert_held_from(relay, beats, beats.file_of(5))
    wait_oldest(relay, "west", large.file_of(6))


# -- pins

def test_a_pin_holds_until_it_is_removed(beats, make):
    relay = make(required(201))
    relay.command("pin add nightly east 4")
    apply_all(relay, beats, 201)
    assert_held_from(relay, beats, beats.file_of(4))
    row, = relay.command("pin list")
    assert (row["name"], row["cluster"], row["epoch"]) == ("nightly", "east", 4)
    relay.kill()
    relay.start()
    assert relay.command("pin list") == [row]
    assert_held_from(relay, beats, beats.file_of(4))
    assert "nightly" in relay.status("east")["held_by"]
    for wrong in ("pin add other east 1", "pin add other nowhere 4", "pin add a/b east 4",
                  f"pin add other east {beats.epoch + 1000}", "pin remove other"):
        with pytest.raises(Refused):
            relay.command(wrong)
    relay.command("pin remove nightly")
    assert_held_from(relay, beats, beats.file_of(beats.epoch))
    assert relay.command("pin list") == []


def test_a_pin_with_a_time_to_live_ends_by_itself(beats, make):
    relay = make(required(201))
    relay.command("pin add short east 4 --ttl 3s")
    relay.command("pin add long east 10 --ttl 1h")
    apply_all(relay, beats, 201)
    assert_held_from(relay, beats, beats.file_of(10))


def test_a_backup_s_pin_is_named_by_its_id_and_placed_by_its_gcp(farm, new_relay):
    server = farm.start(RecordedServer, "pinned-a1")
    server.create_relay_account()
    relay = new_relay([cluster("ndb", 199, source(server), epochs="ndb", on_gap="serve",
                               appliers=required(201), purge=APPLIED)],
                      [account("report", "ndb", rights=["report", "read"])]).start()
    wait_stored(relay, "ndb", server)
    index = recorded_index("a1")
    files = sorted({row["File"] for row in index.values()})
    at = min(epoch for epoch in index if index[epoch]["File"] == files[-1])
    gcp = at >> 32
    relay.command(f"pin add backup-7 ndb --gcp {gcp}")
    row, = relay.command("pin list")
    assert row["name"] == "backup-7" and row["epoch"] >> 32 == gcp
    report(relay, 201, max(index))
    place = relay.command(f"locate ndb after-backup {gcp << 32 | 0xFFFFFFFF}")
    wait_oldest(relay, "ndb", place["file"])
    assert purge_all(relay, "ndb")[0] == place["file"]
    for wrong in ("pin add backup-4294967296 ndb --gcp 5", "pin add backup-8 ndb --gcp x"):
        with pytest.raises(Refused):
            relay.command(wrong)
    relay.command("pin remove backup-7")
    wait_oldest(relay, "ndb", index[max(index)]["File"])
    farm.forget(server)


# -- streams

def test_a_reader_that_stands_in_the_middle_of_the_oldest_file_holds_it(large, large_relay):
    first = large.files()[0]
    dump = Dump(large_relay.endpoint("repl"), server_id=950)
    dump.start(first, flags=NON_BLOCKING)
    size = sum(dump.next().size for _ in range(12))
    apply_all(large_relay, large, 201)
    assert_all_there(large_relay, large)
    assert "session" in large_relay.status("west")["held_by"]
    size += sum(event.size for event in dump.events())  # it reads on, and all is there
    assert size > LARGE
    dump.close()
    assert_held_from(large_relay, large, large.file_of(large.epoch))


def test_a_reader_that_is_cut_off_holds_nothing_any_more(large, large_relay):
    dump = Dump(large_relay.endpoint("repl"), server_id=951)
    dump.start(large.files()[0])
    dump.next()
    apply_all(large_relay, large, 201)
    assert_all_there(large_relay, large)
    dump.connection._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    dump.close()  # a reset, as of a machine that was switched off and on
    assert_held_from(large_relay, large, large.file_of(large.epoch))


def test_a_stream_that_ended_holds_for_min_age(large, new_relay):
    relay = begin(new_relay, large, required(201), purge={**APPLIED, "min_age": "1h"})
    dump = Dump(relay.endpoint("repl"), server_id=952)
    dump.start(large.files()[0])
    dump.next()
    dump.close()
    wait_until(lambda: not relay.command("sessions"), "the session to end")
    apply_all(relay, large, 201)
    assert_all_there(relay, large)
    assert "session" in relay.status("west")["held_by"]


def test_a_mysqlbinlog_that_is_stopped_holds_what_it_reads(farm, large, large_relay):
    program = Client(farm, large_relay.endpoint("repl")).begin_binlog(
        "--stop-never", large.files()[0], stdout=subprocess.PIPE)
    try:
        program.stdout.read(100_000)
        program.send_signal(signal.SIGSTOP)
        apply_all(large_relay, large, 201)
        assert_all_there(large_relay, large)
        program.send_signal(signal.SIGCONT)
        reader = threading.Thread(target=lambda: collections.deque(program.stdout, maxlen=1))
        reader.start()
        assert_held_from(large_relay, large, large.file_of(large.epoch))
    finally:
        program.kill()
        reader.join()
        program.wait()


# -- restart and reload

def kept_facts(relay):
    """What is known of appliers and pins but for their ages."""
    keys = ("server_id", "group", "origin", "required", "applied_epoch", "report_way")
    return ([{key: row[key] for key in keys} for row in applier_rows(relay, "east").values()],
            relay.command("pin list"))


def test_a_restart_keeps_every_hold(beats, make):
    relay = make([{"server_id": 201, "group": "far", "required": True}, *required(202)])
    relay.command("applier add east 203 --required")
    for server_id, epoch in (201, 10), (202, 8), (203, 5):
        report(relay, server_id, epoch)
        wait_reported(relay, "east", server_id, epoch)
    relay.command("pin add kept east 7")
    assert_held_from(relay, beats, beats.file_of(5))
    before = kept_facts(relay)
    for end in (relay.stop, relay.stop):
        end()
        relay.start()
        assert kept_facts(relay) == before
        assert_held_from(relay, beats, beats.file_of(5))
    relay.kill()  # what was reported last may be lost, and then more is held
    relay.start()
    assert_held_from(relay, beats, beats.file_of(5))
    report(relay, 203, beats.epoch)
    assert_held_from(relay, beats, beats.file_of(7))


def test_a_reload_that_names_an_applier_and_lets_files_go_lets_none_go_that_it_needs(beats, make):
    relay = make(required(201), purge={**APPLIED, "policy": "manual"})
    report(relay, 201, beats.epoch)
    config = relay.config["clusters"][0]
    config["appliers"] = required(201, 204)
    config["purge"] = APPLIED
    relay.write_config()
    relay.command("reload")
    wait_until(lambda: 204 in applier_rows(relay, "east"), "the new applier")
    assert_all_there(relay, beats)
    report(relay, 204, 8)
    assert_held_from(relay, beats, beats.file_of(8))


def test_a_reload_adds_holds_and_takes_none_away(beats, make):
    relay = make(required(201, 202))
    report(relay, 201, 4)
    report(relay, 202, beats.epoch)
    assert_held_from(relay, beats, beats.file_of(4))
    config = relay.config["clusters"][0]
    config["appliers"] = required(202, 204)
    relay.write_config()
    relay.command("reload")
    wait_until(lambda: 204 in applier_rows(relay, "east"), "the new applier")
    rows = applier_rows(relay, "east")
    assert rows[204]["origin"] == "configured" and rows[201]["origin"] == "added"
    report(relay, 202, beats.epoch)
    assert_held_from(relay, beats, beats.file_of(4))
    relay.command("applier forget east 201")  # it is listed no more
    assert_held_from(relay, beats, beats.file_of(4))  # 204 never reported
    report(relay, 204, 8)
    assert_held_from(relay, beats, beats.file_of(8))
    config["purge"] = {**APPLIED, "min_files": 3}
    relay.write_config()
    relay.command("reload")
    report(relay, 204, beats.epoch)
    assert_held_from(relay, beats, beats.files()[-3])


# -- by hand

def test_a_dry_run_says_what_would_go_and_removes_nothing(beats, make):
    relay = make(required(201), purge={**APPLIED, "policy": "manual"})
    report(relay, 201, 10)
    told = relay.command("purge east --dry-run")
    assert (told["files"], told["first"]) == (
        beats.files().index(beats.file_of(10)), beats.file_of(10))
    assert file_names(relay, "east") == beats.files()
    told = relay.command(f"purge east --to-file {beats.files()[1]} --dry-run")
    assert told["files"] == 1
    assert file_names(relay, "east") == beats.files()


def test_a_purge_past_what_is_needed_is_refused_and_names_who_needs_it(beats, make):
    relay = make(required(201, 202), purge={**APPLIED, "policy": "manual"})
    report(relay, 201, 7)
    report(relay, 202, beats.epoch)
    for request in (f"--to-epoch {beats.epoch}", f"--to-file {beats.files()[-1]}"):
        with pytest.raises(Refused, match="201"):
            relay.command(f"purge east {request}")
        assert file_names(relay, "east") == beats.files()
    relay.command(f"purge east --to-file {beats.file_of(7)}")
    assert oldest_file(relay, "east") == beats.file_of(7)
    wait_event(relay, "purge.done", "east")


def test_a_forced_purge_names_who_loses_what_and_that_replica_is_told(farm, beats, make):
    relay = make(required(201), purge={**APPLIED, "policy": "manual"})
    by_epoch, by_gtid = farm.make(MySql, "loser-epoch", "--replica-exec-mode=IDEMPOTENT"), \
        farm.make(MySql, "loser-gtid")
    losers = [by_epoch, by_gtid]
    farm.start_all(*losers)
    for each in losers:
        relay.command(f"applier add east {each.server_id} --required")
        report(relay, each.server_id, 5)
    apply_all(relay, beats, 201)
    target = beats.files()[4]
    told = relay.command(f"purge east --to-file {target} --dry-run --force")
    assert {str(each.server_id) in str(told) for each in losers} == {True} and "201" not in str(told["losers"])
    assert file_names(relay, "east") == beats.files()
    told = relay.command(f"purge east --to-file {target} --force")
    assert {str(each.server_id) in str(told["losers"]) for each in losers} == {True}
    assert file_names(relay, "east") == [name for name in beats.files() if name >= target]
    oldest = min(epoch for epoch, file in beats.places.items() if file >= target)
    for each in losers:
        wait_event(relay, "applier.lost", "east", each.server_id)
        told = relay.command(f"applier check east {each.server_id}")
        assert told["can_catch_up"] is False and str(oldest) in str(told)
    by_epoch.follow(relay.endpoint("repl"), file="epoch.5")
    by_gtid.follow(relay.endpoint("repl"))
    for each in losers:
        status = wait_until(lambda each=each: stopped_receiver(each), f"{each.name} to be refused")
        assert status["io_errno"] == 13114 and "1236" in status["io_error"]
        assert str(oldest) in status["io_error"]
    assert relay.command("applier check east 201")["can_catch_up"] is True
    farm.forget(*losers)


def stopped_receiver(replica):
    status = replica.replica_status()
    return status if status["io"] == "No" and status["io_errno"] else None


# -- PURGE BINARY LOGS at the endpoint

def purge_statement(relay, statement, user="boss"):
    with endpoint_cursor(relay, user) as cursor:
        cursor.execute(statement)


def test_purge_binary_logs_at_the_endpoint_keeps_the_same_rules(beats, make):
    relay = make(required(201), purge={**APPLIED, "policy": "manual"})
    report(relay, 201, 7)
    needed = beats.file_of(7)
    for user in ("repl", "report", "reader"):
        with pytest.raises(pymysql.MySQLError) as refused:
            purge_statement(relay, f"PURGE BINARY LOGS TO '{beats.files()[1]}'", user)
        assert refused.value.args[0] in (1142, 1227)
    with pytest.raises(pymysql.MySQLError) as refused:
        purge_statement(relay, f"PURGE BINARY LOGS TO '{beats.files()[-1]}'")
    assert "201" in refused.value.args[1]
    with pytest.raises(pymysql.MySQLError) as refused:
        purge_statement(relay, "PURGE BINARY LOGS TO 'binlog.999999'")
    assert refused.value.args[0] == 1373
    with pytest.raises(pymysql.MySQLError):
        purge_statement(relay, "PURGE BINARY LOGS BEFORE '2099-01-01 00:00:00'")
    assert file_names(relay, "east") == beats.files()
    purge_statement(relay, "PURGE BINARY LOGS BEFORE '2001-01-01 00:00:00'")
    assert file_names(relay, "east") == beats.files()
    purge_statement(relay, f"PURGE MASTER LOGS TO '{beats.files()[1]}'")
    assert oldest_file(relay, "east") == beats.files()[1]
    purge_statement(relay, f"PURGE BINARY LOGS TO '{needed}'")
    assert oldest_file(relay, "east") == needed
    with endpoint_cursor(relay, "reader") as cursor:
        cursor.execute("SHOW BINARY LOGS")
        assert [row["Log_name"] for row in cursor.fetchall()] == \
            [name for name in beats.files() if name >= needed]


# -- the source's own files

def test_the_source_s_own_files_go_when_they_are_durable_here_but_for_a_margin(farm, new_relay):
    server = farm.start(MySql, "purged-source")
    server.create_account("relay", "relay-secret",
                          "REPLICATION SLAVE, REPLICATION CLIENT, SELECT, BINLOG_ADMIN")
    beats = Beats(server, EAST)
    beats.write_files(8)
    before = beats.files()
    relay = new_relay([cluster("east", EAST, source(server), epochs="heartbeat",
                               appliers=required(201), purge={**APPLIED, "source_purge": True})],
                      [account("repl", "east")]).start()
    wait_until(lambda: len(beats.files()) < len(before), "files of the source to go", 180)
    wait_stored(relay, "east", server)
    left = beats.files()
    assert left == before[-len(left):] and len(left) >= 2, "a margin and the newest stay"
    assert file_names(relay, "east") == before  # 201 needs them here
    relay.wait_state("east", "streaming")
    relay.kill()
    gone_meanwhile = beats.write_files(2)
    assert gone_meanwhile == beats.epoch
    relay.start()  # what it has not pulled was not purged
    wait_stored(relay, "east", server)
    assert file_names(relay, "east")[0] == before[0]
    assert file_names(relay, "east")[-1] == beats.files()[-1]
    farm.forget(server)
