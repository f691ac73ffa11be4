# SPDX-License-Identifier: Apache-2.0
"""binrelayctl store: a store without its relay, or beside one. Most of it needs no servers."""
import json
import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from compare import wait_stored
from relay import BINRELAYCTL, Relay, account, cluster, source
from waiting import free_port

DATA = Path(__file__).parent.parent / "data"
FAULT = re.compile(r"^(?P<file>[^: ]+):(?P<offset>\d+) (?P<kind>[a-z]+): .")
A1_FILES = 6
A1_EPOCHS = 251


def store(command, directory, *arguments):
    return subprocess.run([BINRELAYCTL, "store", command, *arguments, directory],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          check=False)


def faults(done):
    """The (file, kind) of each line that tells of a fault."""
    found = [FAULT.match(line) for line in done.stdout.splitlines()]
    return {(each["file"], each["kind"]) for each in found if each}


def relay_of_nobody(directory, **more):
    """A relay of one cluster whose source is not there."""
    nowhere = SimpleNamespace(port=free_port())
    return Relay(directory, [cluster("east", 199, source(nowhere), **more)],
                 [account("repl_east", "east")])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The data_dir of a relay that has the recording a1, and runs no more."""
    made = relay_of_nobody(tmp_path_factory.mktemp("recorded"), epochs="ndb")
    made.start().stop()
    east = made.data / "east"
    (east / "durable").unlink()  # what reads back right is taken
    for file in sorted((DATA / "ndb/a1").glob("binlog.0*")):
        shutil.copy(file, east)
        clear_in_use(east / file.name)
    made.start().stop()
    yield made
    made.remove()


def clear_in_use(path):
    """As a dump does: the flag says that a server has the file open."""
    content = bytearray(path.read_bytes())
    content[4 + 17] &= 0xfe
    path.write_bytes(content)


@pytest.fixture
def data(recorded, tmp_path):
    """A copy of it that may be damaged."""
    return shutil.copytree(recorded.data, tmp_path / "data", ignore=shutil.ignore_patterns("*.sock"))


def damage(path, offset, value=0x40):
    content = bytearray(path.read_bytes())
    content[offset] ^= value
    path.write_bytes(content)


def snapshot(directory):
    return {path.relative_to(directory): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in directory.rglob("*") if path.is_file()}


# -- verify

def test_a_store_that_is_right_has_no_fault_and_is_not_changed(data):
    before = snapshot(data)
    for directory in (data, data / "east"):
        done = store("verify", directory)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"east: {A1_FILES} files," in done.stdout
        assert f" {A1_EPOCHS} epochs, 0 faults" in done.stdout
    assert snapshot(data) == before


def test_verify_speaks_json(data):
    damage(data / "east/binlog.000003", 700)
    done = store("verify", data, "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert [each["cluster"] for each in told["clusters"]] == ["east"]
    assert told["clusters"][0]["durable_end"]["file"] == A1_FILES
    assert {(each["file"], each["kind"]) for each in told["faults"]} >= \
        {("east/binlog.000003", "checksum")}
    assert told["fault_count"] >= len(told["faults"]) > 0


@pytest.mark.parametrize("name, offset, kind", [
    ("east/binlog.000001", 0, "magic"), ("east/binlog.000003", 700, "checksum"),
    ("east/binlog.000005", 4 + 9, "boundary"), ("east/durable", 3, "mark"),
    ("east/binlog.000002.gtids", 20, "sidecar"), ("east/binlog.000005.epochs", 5000, "index"),
    ("FORMAT", 3, "format"),
    ("control.db", 0, "control"),
])
def test_a_damaged_byte_is_told_with_file_and_kind(data, name, offset, kind):
    damage(data / name, offset)
    done = store("verify", data)
    assert done.returncode == 1 and done.stderr == ""
    assert (name, kind) in faults(done), done.stdout


@pytest.mark.parametrize("name, fault", [
    ("FORMAT", ("FORMAT", "format")), ("control.db", ("control.db", "control")),
    ("east/durable", ("east/durable", "mark")),
    ("east/binlog.000004", ("east/binlog.000005", "numbering")),
    ("east/binlog.000006", ("east/durable", "mark")),
    ("east/binlog.000001.gtids", ("east/binlog.000001.gtids", "sidecar")),
    ("east/binlog.000003.epochs", ("east/binlog.000003.epochs", "index")),
])
def test_a_missing_file_is_told(data, name, fault):
    (data / name).unlink()
    done = store("verify", data)
    assert done.returncode == 1
    assert fault in faults(done), done.stdout


def test_a_file_of_another_log_is_told(data):
    (data / "east/other.000001").write_bytes(b"")
    assert ("east/.", "numbering") in faults(store("verify", data))


def mark_record(file, offset):
    record = struct.pack("<8sIIQQQ", b"BRDURABL", 1, 1, 2 ** 40, file, offset)
    return record + struct.pack("<I", zlib.crc32(record))


def test_what_is_behind_the_mark_is_said_and_is_no_fault(data):
    size, = struct.unpack_from("<I", (data / "east/binlog.000005").read_bytes(), 4 + 9)
    mark = bytearray((data / "east/durable").read_bytes())
    mark[:44] = mark_record(5, 4 + size)  # behind the format description
    (data / "east/durable").write_bytes(mark)
    damage(data / "east/binlog.000005", 1000)
    (data / "east/binlog.000005.gtids").unlink()
    (data / "east/binlog.000005.epochs").unlink()
    done = store("verify", data / "east")
    assert "behind the durable end" in done.stdout
    assert done.returncode == 0, done.stdout


# -- dump

def entries(directory, *arguments):
    done = store("dump", directory, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_dump_shows_what_the_server_had_in_its_index(data):
    epochs = [each for each in entries(data) if each["kind"] == "epoch"]
    columns = ["Position", "File", "epoch", "inserts", "updates", "deletes", "schemaops",
               "orig_server_id", "orig_epoch", "gci", "next_position", "next_file"]
    theirs = [dict(zip(columns, line.split("\t"))) for line in
              (DATA / "ndb/a1/ndb_binlog_index.tsv").read_text().splitlines()]
    assert len(epochs) == A1_EPOCHS
    assert [(each["epoch"], each["end_file"], each["end_position"], each["deletes"],
             each["inserts"] + each["updates"]) for each in epochs] == \
        [(int(row["epoch"]), Path(row["next_file"]).name, int(row["next_position"]),
          int(row["deletes"]), int(row["inserts"]) + int(row["updates"])) for row in theirs]


def test_dump_cuts_out_a_range_of_epochs_or_of_time(data):
    every = entries(data)
    epochs = [each for each in every if each["kind"] == "epoch"]
    first, last = epochs[10], epochs[20]
    part = entries(data, "--from-epoch", str(first["epoch"]), "--to-epoch",
                   str(last["epoch"]))
    assert [each for each in part if each["kind"] == "epoch"] == epochs[10:21]
    assert part == [each for each in every if first["epoch"] <= each["epoch"] <= last["epoch"]]
    since = entries(data, "--since", first["time"])
    assert since == [each for each in every if each["time"] >= first["time"]]
    until = entries(data, "--until", first["time"])
    assert until == [each for each in every if each["time"] <= first["time"]]


def test_dump_shows_statements_and_incidents(data):
    every = entries(data / "east")
    statements = [each["statement"] for each in every if each["kind"] == "statement"]
    assert any(each.startswith("CREATE TABLE shop.orders") for each in statements)
    assert not any(each in ("BEGIN", "COMMIT") for each in statements)
    incidents = [each for each in every if each["kind"] == "incident"]
    assert [each["is_gap"] for each in incidents] == [False, True]
    text = store("dump", data).stdout.splitlines()
    assert len(text) == len(every) and text[0].startswith("east/binlog.000002:")


def test_dump_says_where_it_could_not_go_on(data):
    damage(data / "east/binlog.000005", 5000)
    done = store("dump", data)
    assert done.returncode == 1 and done.stdout
    assert "binlog.000005" in done.stderr and len(done.stderr.splitlines()) == 1


def test_dump_needs_no_index_where_it_is_told_what_an_epoch_is(data):
    every = entries(data)
    for index in (data / "east").glob("*.epochs"):
        index.unlink()
    assert entries(data, "--epochs", "ndb") == every
    assert not [each for each in entries(data) if each["kind"] == "epoch"]


# -- reindex

def indexes(data):
    return {path.name: path.read_bytes() for path in (data / "east").glob("*.epochs")}


def test_reindex_makes_the_same_indexes_anew(data):
    right = indexes(data)
    assert len(right) == A1_FILES
    damage(data / "east/binlog.000005.epochs", 5000)
    (data / "east/binlog.000003.epochs").unlink()
    done = store("reindex", data)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"east: {A1_EPOCHS} epochs in {A1_FILES} files\n"
    assert indexes(data) == right
    for index in (data / "east").glob("*.epochs"):
        index.unlink()
    done = store("reindex", data)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    done = store("reindex", data / "east", "--epochs", "ndb", "--json")
    assert json.loads(done.stdout) == {"cluster": "east", "files": A1_FILES, "epochs": A1_EPOCHS}
    assert indexes(data) == right
    assert store("verify", data).returncode == 0


def test_reindex_is_refused_while_a_relay_runs_and_the_others_are_not(recorded):
    recorded.start()
    try:
        for directory in (recorded.data, recorded.data / "east"):
            done = store("reindex", directory)
            assert done.returncode == 1 and "in use" in done.stderr, done.stderr
            assert store("verify", directory).returncode == 0
            assert store("dump", directory).returncode == 0
    finally:
        recorded.stop()


# -- the command line

@pytest.mark.parametrize("arguments", [
    [], ["frobnicate", "/tmp"], ["verify"], ["verify", "/tmp", "/tmp"], ["verify", "--from-epoch",
    "1", "/tmp"], ["dump", "/tmp", "--since", "yesterday"], ["dump", "/tmp", "--from-epoch", "-1"],
    ["dump", "/tmp", "--epochs", "none"], ["dump", "/tmp", "--epochs", "heartbeat"],
    ["dump", "/tmp", "--epochs", "ndb", "--table", "a.b"], ["dump", "/tmp", "--table", "nodot"],
    ["dump", "/tmp", "--epochs", "ndb", "--server-id-bits", "33"],
])
def test_a_wrong_command_line_is_told_with_the_usage(arguments):
    done = subprocess.run([BINRELAYCTL, "store", *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "usage: binrelayctl store" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [["--help"], ["verify", "--help"], ["dump", "--help"]])
def test_help_is_asked_for_anywhere(arguments):
    done = subprocess.run([BINRELAYCTL, "store", *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stderr == ""
    for command in ("verify", "dump", "reindex"):
        assert f"store {command} DIR" in done.stdout


def test_what_is_no_store_is_refused(tmp_path):
    for directory in (tmp_path, tmp_path / "nothing"):
        done = store("verify", directory)
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1


# -- beside a relay

def test_verify_beside_a_relay_that_pulls_finds_nothing(quiet, new_relay):
    """MySQL and MariaDB, files that close and epochs that come while it is looked at."""
    for server in quiet.sources.values():
        server.run("CREATE DATABASE IF NOT EXISTS heartbeat",
                   "CREATE TABLE IF NOT EXISTS heartbeat.heartbeat (server_id INT PRIMARY KEY, "
                   "counter BIGINT UNSIGNED NOT NULL, updated_at TIMESTAMP)")
    ids = {"east": 199, "west": 299, "south": 399}
    relay = new_relay([cluster(name, ids[name], source(server), epochs="heartbeat")
                       for name, server in quiet.sources.items()],
                      [account("repl_east", "east")]).start()
    for turn in range(20):
        for name, server in quiet.sources.items():
            server.run(*[f"REPLACE INTO heartbeat.heartbeat VALUES ({ids[name]}, "
                         f"{turn * 20 + each + 1}, NOW())" for each in range(20)],
                       *(["FLUSH BINARY LOGS"] if turn % 5 == 0 else []))
        done = store("verify", relay.data)
        assert done.returncode == 0, done.stdout + done.stderr
    for name, server in quiet.sources.items():
        wait_stored(relay, name, server)
    relay.stop()
    done = store("verify", relay.data, "--json")
    assert done.returncode == 0, done.stdout
    assert {(each["cluster"], each["epochs"], each["unindexed_epochs"])
            for each in json.loads(done.stdout)["clusters"]} == {(name, 400, 0) for name in ids}
    assert [each["epoch"] for each in entries(relay.data / "south") if each["kind"] == "epoch"] == \
        list(range(1, 401))
