# SPDX-License-Identifier: Apache-2.0
"""The administrator's hand: the admin socket, binrelayctl, signals, the configuration."""
import json
import re
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pymysql
import pytest

from compare import wait_stored
from dump import HEARTBEAT_EVENTS, NON_BLOCKING, Dump
from relay import BINRELAYCTL, BINRELAYD, TREE, Refused, Relay, account, cluster, source
from waiting import wait_until


@pytest.fixture
def relay(quiet, new_relay):
    """A relay of its own for the quiet east and west."""
    return new_relay([cluster("east", 199, source(quiet.east)),
                      cluster("west", 299, source(quiet.west))],
                     [account("repl_east", "east"), account("repl_west", "west")]).start()


@pytest.fixture
def dump(quiet, relay):
    """A stream at the tail of east."""
    wait_stored(relay, "east", quiet.east)
    made = Dump(relay.endpoint("repl_east"), server_id=4711, heartbeat=0.2)
    made.register()
    made.start(quiet.east.position()[0])
    while made.next().type not in HEARTBEAT_EVENTS:
        pass
    yield made
    made.close()


def write(server, name):
    server.run(f"CREATE DATABASE IF NOT EXISTS admin_{name}", f"CREATE TABLE IF NOT EXISTS "
               f"admin_{name}.t (id INT PRIMARY KEY AUTO_INCREMENT)",
               f"INSERT INTO admin_{name}.t VALUES ()")


# -- commands

def test_status_has_a_row_for_each_cluster(quiet, relay):
    for name in ("east", "west"):
        write(quiet.sources[name], name)
        wait_stored(relay, name, quiet.sources[name])
        row = relay.wait_state(name, "streaming")
        assert row["source"] == f"127.0.0.1:{quiet.sources[name].port}"
        place = ":".join(map(str, quiet.sources[name].position()))
        wait_until(lambda: relay.status(name)["durable"] == place, f"{name} to be at {place}")
        assert relay.status(name)["received"] == place
    assert len(relay.command("status")) == 2


def test_files_lists_what_show_binary_logs_lists(quiet, relay):
    wait_stored(relay, "east", quiet.east)
    wait_stored(relay, "west", quiet.west)
    rows = relay.command("files east")
    assert [row["name"] for row in rows] == [name for name, _ in quiet.east.binary_logs()]
    assert [row["bytes"] for row in rows] == [size for _, size in quiet.east.binary_logs()]
    assert len(relay.command("files")) == len(rows) + len(quiet.west.binary_logs())


def test_sessions_lists_the_streams(relay, dump):
    row, = [each for each in relay.command("sessions") if each["user"] == "repl_east"]
    assert row["cluster"] == "east"
    assert "127.0.0.1" in str(row)


def test_kill_ends_one_session(relay, dump):
    other = Dump(relay.endpoint("repl_west"))
    session = next(each for each in relay.command("sessions") if each["user"] == "repl_east")
    relay.command(f"kill {session['id']}")
    with pytest.raises(pymysql.MySQLError):
        while dump.next():
            pass
    assert other.ask("SELECT @@server_id") == ((299,),)
    assert not [each for each in relay.command("sessions") if each["user"] == "repl_east"]
    other.close()


def test_pause_stops_the_pull_and_not_the_serving(quiet, relay):
    wait_stored(relay, "east", quiet.east)
    relay.command("cluster pause east")
    relay.wait_state("east", "paused")
    file, end = quiet.east.position()
    write(quiet.east, "east")
    made = Dump(relay.endpoint("repl_east"))
    made.start(file, flags=NON_BLOCKING)
    assert max(event.next_position for event in made.events()) == end
    made.close()
    assert relay.wait_state("west", "streaming")
    relay.command("cluster pause east")  # a client may repeat
    relay.command("cluster resume east")
    relay.wait_state("east", "streaming")
    relay.command("cluster resume east")
    wait_stored(relay, "east", quiet.east)


def test_json_requests_are_the_same_as_words(relay):
    reply = relay.ask('{"command": "files", "cluster": "east"}')
    assert reply["ok"] and [row["name"] for row in reply["result"]] == \
        [row["name"] for row in relay.command("files east")]
    assert relay.ask('{"command": "status"}')["ok"]


@pytest.mark.parametrize("line", [
    "", " ", "frobnicate", "status more than it takes", "cluster", "cluster pause",
    "cluster pause nowhere", "cluster resume nowhere", "cluster frobnicate east", "files nowhere",
    "kill", "kill 99999999", "kill east", "kill -1", "kill 99999999999999999999999", "log-level",
    "log-level loud", "sessions everywhere now", "{", "{}", "[]", '{"command": 5}',
    '{"command": "kill"}', '{"command": "kill", "session": {"a": []}}',
    '{"command": "files", "cluster": 7}', '{"command": "files"', '{"command": "nothing"}',
    "applier", "applier add east", "applier add east 0", "applier add east 4294967296",
    "applier show 4711", "applier forget east 4711", "applier check east 4711",
    "applier set-epoch east 4711 1", "pin add", "pin add x east", "pin add x east 5 --gcp 5",
    "pin add ../x east 5", "pin remove x", "purge", "purge nowhere", "purge east --force",
    "purge east --to-file binlog.999999", "purge east --to-epoch -1", "events --since soon",
    "x" * 5000, "status\0status", "\x1b[2J", "{" * 3000,
])
def test_bad_input_is_refused_with_one_line(quiet, line):
    reply = quiet.relay.ask(line)
    assert reply["ok"] is False
    assert reply["error"]["code"] and reply["error"]["message"]
    assert quiet.relay.command("status")


def test_a_request_without_end_is_cut_off(relay):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(relay.socket))
        try:
            for _ in range(200):
                connection.sendall(b"x" * 65536)
            while connection.recv(65536):
                pass
        except (ConnectionError, TimeoutError):
            pass
    assert relay.command("status")


def test_several_requests_on_one_connection_are_answered_in_order(relay):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(relay.socket))
        connection.sendall(b"status\nfrobnicate\nfiles east\nstat")
        connection.sendall(b"us\n")
        with connection.makefile("rb") as replies:
            answers = [json.loads(replies.readline()) for _ in range(4)]
    assert [answer["ok"] for answer in answers] == [True, False, True, True]


def test_the_log_level_changes_at_once(relay):
    relay.command("log-level error")
    relay.command("cluster pause east")
    relay.command("cluster resume east")
    relay.wait_state("east", "streaming")
    quiet = relay.log.stat().st_size
    relay.command("log-level debug")
    relay.command("cluster pause east")
    relay.command("cluster resume east")
    relay.wait_state("east", "streaming")
    wait_until(lambda: relay.log.stat().st_size > quiet, "the log to tell more")


def test_shutdown_ends_it_in_order(relay, dump):
    relay.command("shutdown")
    assert relay.process.wait(timeout=30) == 0
    with pytest.raises(pymysql.MySQLError):
        while dump.next():
            pass


# -- binrelayctl

def test_binrelayctl_prints_tables_for_people(quiet, relay):
    relay.wait_state("east", "streaming")
    wait_stored(relay, "east", quiet.east)
    done = relay.control("status")
    assert done.returncode == 0
    assert "east" in done.stdout and "west" in done.stdout and "streaming" in done.stdout
    assert "binlog.000001" in relay.control("files", "east").stdout
    assert relay.control("cluster", "pause", "east").returncode == 0
    assert "paused" in relay.control("status").stdout
    assert relay.control("cluster", "resume", "east").returncode == 0


def test_binrelayctl_prints_the_result_as_json(quiet, relay):
    wait_stored(relay, "east", quiet.east)
    done = relay.control("--json", "status")
    assert [row["cluster"] for row in json.loads(done.stdout)] == ["east", "west"]
    assert json.loads(relay.control("--json", "files", "east").stdout) == relay.command("files east")


@pytest.mark.parametrize("arguments, code", [
    (["cluster", "pause", "nowhere"], 1), (["kill", "99999999"], 1), ([], 2), (["--frobnicate"], 2),
])
def test_binrelayctl_says_in_one_line_why_not(relay, arguments, code):
    done = relay.control(*arguments)
    assert done.returncode == code
    assert done.stderr.strip()
    if code == 1:
        assert len(done.stderr.strip().splitlines()) == 1


def test_binrelayctl_lists_appliers_and_pins_for_people(quiet, relay):
    wait_stored(relay, "east", quiet.east)
    assert relay.control("applier", "add", "east", "4242", "--group", "far", "--required").returncode == 0
    heading, row = relay.control("applier", "list", "east").stdout.splitlines()
    assert heading.split()[:4] == ["CLUSTER", "ID", "GROUP", "STATE"]
    assert row.split() == ["east", "4242", "far", "absent,", "required", "-", "-", "never", "everything"]
    assert relay.control("applier", "check", "east", "4242").stdout.startswith("yes: applier 4242")
    assert relay.control("pin", "list").stdout == "none\n"
    assert "# TYPE binrelay_store_bytes gauge" in relay.control("metrics").stdout.splitlines()
    assert relay.control("applier", "forget", "east", "4242").returncode == 0
    assert relay.control("applier", "list", "east").stdout == "none\n"


def test_binrelayctl_follows_the_events(relay):
    relay.command("applier add east 4242")
    with subprocess.Popen([BINRELAYCTL, "--socket", relay.socket, "--json", "events", "--follow"],
                          stdout=subprocess.PIPE, text=True) as following:
        def told(event, text):
            for line in following.stdout:
                row = json.loads(line)
                if row["event"] == event and text in row["text"]:
                    return row
            return None
        first = told("applier.added", "4242")
        relay.command("applier forget east 4242")
        second = told("applier.forgotten", "4242")
        following.terminate()
    assert first["id"] < second["id"]
    rows = json.loads(relay.control("--json", "events", "--since", str(first["id"])).stdout)
    assert rows == [row for row in relay.command("events") if row["id"] > first["id"]]
    assert relay.control("events", "--since", "2200-01-01T00:00:00Z").stdout == "none\n"
    assert relay.control("events", "--since", "soon").returncode == 1


def test_binrelayctl_says_that_nobody_listens(relay, tmp_path):
    done = relay.control("status", socket_path=tmp_path / "nothing.sock")
    assert done.returncode == 1
    assert "nothing.sock" in done.stderr


# -- signals and reload

def test_sigterm_ends_it_in_order_and_nothing_is_lost(quiet, relay, dump):
    write(quiet.east, "east")
    assert relay.stop() == 0
    with pytest.raises(pymysql.MySQLError):
        while dump.next():
            pass
    relay.start()
    wait_stored(relay, "east", quiet.east)


@pytest.mark.parametrize("how", ["signal", "command"])
def test_reload_takes_new_passwords_and_accounts(quiet, relay, how):
    stays = Dump(relay.endpoint("repl_east"))
    old = relay.endpoint("repl_east")
    relay.config["accounts"][0]["password"] = "quite-another"
    relay.config["accounts"].append(account("newcomer", "west"))
    relay.config["accounts"].pop(1)
    relay.write_config()
    if how == "signal":
        relay.signal(signal.SIGHUP)
    else:
        relay.command("reload")

    def taken():
        try:
            Dump(relay.endpoint("newcomer")).close()
            return True
        except pymysql.MySQLError:
            return False
    wait_until(taken, "the new account")
    Dump(relay.endpoint("repl_east")).close()
    for gone in old, old.as_user("repl_west", "repl_west-secret"):
        with pytest.raises(pymysql.MySQLError) as refusal:
            Dump(gone)
        assert refusal.value.args[0] == 1045
    assert stays.ask("SELECT @@server_id") == ((199,),)
    stays.close()


def test_a_reload_of_a_broken_configuration_changes_nothing(relay):
    relay.config_file.write_text('{"data_dir": ')
    with pytest.raises(Refused):
        relay.command("reload")
    relay.signal(signal.SIGHUP)
    Dump(relay.endpoint("repl_east")).close()
    assert relay.command("status")


@pytest.mark.parametrize("word, shown", [("2026-11-20 12:00:00",) * 2, ("", ""),
                                         ("28\nshutdown", r"28\x0Ashutdown")])
def test_a_word_with_a_blank_is_refused_by_name(relay, word, shown):
    done = relay.control("events", "--since", word)
    assert done.returncode == 2 and f"'{shown}' is no word of a command" in done.stderr
    assert relay.command("status")


def test_a_refused_reload_says_all_faults_in_one_line(relay):
    relay.config["clusters"][0]["purge"]["min_age"] = "soon"
    relay.config["clusters"][0]["appliers"] = [{"server_id": 0}]
    relay.write_config()
    with pytest.raises(Refused) as refused:
        relay.command("reload")
    assert "has 2 faults: $.clusters[0].appliers[0].server_id: must be" in refused.value.message
    assert "; $.clusters[0].purge.min_age: must be a duration" in refused.value.message
    assert "\\x0A" not in refused.value.message and "\n" not in refused.value.message


def test_a_reload_with_other_clusters_changes_nothing(relay):
    relay.config["clusters"][0]["server_id"] += 1
    relay.write_config()
    with pytest.raises(Refused, match="restart"):
        relay.command("reload")
    Dump(relay.endpoint("repl_east")).close()
    assert relay.command("status")


def test_a_reload_with_a_poll_for_another_cluster_changes_nothing(quiet, new_relay):
    poll = {"cluster": "east", "host": "127.0.0.1", "port": 9, "user": "relay",
            "password": "relay-secret"}
    relay = new_relay([cluster("east", 199, source(quiet.east)),
                       cluster("west", 299, source(quiet.west))],
                      [account("repl_east", "east")], heartbeat={"poll": [poll]}).start()
    relay.command("reload")
    poll["cluster"] = "west"
    relay.write_config()
    with pytest.raises(Refused, match="restart"):
        relay.command("reload")
    assert relay.command("status")


# -- systemd and the log

def test_systemd_is_told_that_it_is_ready_alive_and_stopping(relay):
    relay.stop()
    with tempfile.TemporaryDirectory() as directory, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        path = f"{directory}/notify"
        systemd.bind(path)
        systemd.settimeout(30)
        relay.environment = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"}
        relay.begin()

        def wait_for(message):
            while message not in systemd.recv(65536).decode():
                pass
        wait_for("READY=1")
        Dump(relay.endpoint("repl_east")).close()  # ready means that it serves
        wait_for("WATCHDOG=1")
        wait_for("WATCHDOG=1")
        wait_for("STATUS=")
        relay.signal(signal.SIGTERM)
        wait_for("STOPPING=1")
        assert relay.process.wait(30) == 0


def test_the_log_may_be_json(relay):
    relay.stop()
    relay.log.unlink()
    relay.config["log"] = {"level": "debug", "format": "json"}
    relay.start()
    relay.wait_state("east", "streaming")
    relay.stop()
    lines = relay.log.read_text().splitlines()
    assert lines and all(isinstance(json.loads(line), dict) for line in lines)


def test_no_secret_is_in_the_log(relay):
    relay.wait_state("east", "streaming")
    Dump(relay.endpoint("repl_east")).close()
    relay.stop()
    text = relay.log.read_text()
    assert text and "repl_east-secret" not in text and "relay-secret" not in text


# -- the configuration and the command line

def binrelayd(*arguments):
    return subprocess.run([BINRELAYD, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False)


@pytest.fixture
def config(tmp_path, quiet):
    unstarted = Relay(tmp_path / "config", [cluster("east", 199, source(quiet.east))],
                      [account("repl_east", "east")])
    yield unstarted
    unstarted.remove()


@pytest.mark.parametrize("sample", sorted((TREE / "conf").glob("*.json")), ids=lambda path: path.stem)
def test_a_sample_configuration_passes_the_check(sample, self_signed, tmp_path):
    text = sample.read_text().replace("/etc/binrelay", str(tmp_path))
    for file in set(re.findall(rf"{tmp_path}/[\w.]+\.password", text)):
        Path(file).write_text("a password\n")
    (tmp_path / "relay.crt").write_bytes(self_signed.cert.read_bytes())
    (tmp_path / "relay.key").write_bytes(self_signed.key.read_bytes())
    (tmp_path / "relay.json").write_text(text)
    done = binrelayd("--config", tmp_path / "relay.json", "--check-config")
    assert done.returncode == 0, done.stderr


def test_a_good_configuration_passes_the_check(config):
    done = binrelayd("--config", config.write_config(), "--check-config")
    assert done.returncode == 0, done.stderr


def test_the_effective_configuration_is_json_with_defaults_and_without_secrets(config):
    done = binrelayd("--config", config.write_config(), "--print-config")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["clusters"][0]["name"] == "east"
    assert printed["clusters"][0]["purge"]["policy"] == "manual"
    assert printed["endpoint"]["max_connections"] == 1000
    assert "repl_east-secret" not in done.stdout and "relay-secret" not in done.stdout


def _set(*path_and_value):
    *path, value = path_and_value

    def change(config):
        for key in path[:-1]:
            config = config[key]
        config[path[-1]] = value
    return change


@pytest.mark.parametrize("change, names", [
    (_set("frobnicate", 1), ["frobnicate"]),
    (_set("clusters", 0, "sauces", []), ["clusters", "sauces"]),
    (_set("clusters", 0, "server_id", "many"), ["clusters", "server_id"]),
    (_set("clusters", 0, "server_id", 0), ["clusters", "server_id"]),
    (_set("clusters", 0, "name", "../east"), ["clusters", "name"]),
    (_set("clusters", 0, "sources", []), ["clusters", "sources"]),
    (_set("clusters", 0, "sources", 0, "port", 99999), ["sources", "port"]),
    (_set("clusters", 0, "sources", 0, "tls", {"mode": "perhaps"}), ["tls", "mode"]),
    (_set("clusters", 0, "start", {"position": 4}), ["start"]),
    (_set("clusters", 0, "read_timeout", "soon"), ["read_timeout"]),
    (_set("clusters", 0, "epochs", "sometimes"), ["epochs"]),
    (_set("accounts", 0, "clusters", ["nowhere"]), ["accounts", "nowhere"]),
    (_set("accounts", 0, "plugin", "none"), ["accounts", "plugin"]),
    (_set("accounts", 0, "rights", ["everything"]), ["accounts", "rights"]),
    (_set("accounts", 0, "password_file", "/nonexistent/secret"), ["accounts"]),
    (_set("endpoint", "listen", ["here"]), ["endpoint", "listen"]),
    (_set("endpoint", "tls", {"cert": "/nonexistent.pem", "key": "/nonexistent.pem"}), ["tls"]),
    (_set("data_dir", ""), ["data_dir"]),
    (_set("clusters", []), ["clusters"]),
])
def test_each_fault_of_the_configuration_is_named_by_its_path(config, change, names):
    change(config.config)
    done = binrelayd("--config", config.write_config(), "--check-config")
    assert done.returncode == 1
    for name in names:
        assert name in done.stderr + done.stdout


def test_every_fault_is_reported_and_not_only_the_first(config):
    _set("frobnicate", 1)(config.config)
    _set("clusters", 0, "server_id", 0)(config.config)
    _set("accounts", 0, "plugin", "none")(config.config)
    done = binrelayd("--config", config.write_config(), "--check-config")
    for name in ("frobnicate", "server_id", "plugin"):
        assert name in done.stderr + done.stdout


def test_the_command_line(config, tmp_path):
    assert binrelayd("--version").returncode == 0
    assert "binrelay" in binrelayd("--version").stdout
    assert binrelayd("--frobnicate").returncode == 2
    assert binrelayd().returncode == 2
    missing = binrelayd("--config", tmp_path / "missing.json")
    assert missing.returncode == 1
    assert "missing.json" in missing.stderr


def test_a_second_relay_on_the_same_store_is_refused(relay):
    second = dict(relay.config, admin={"socket": f"{relay.socket}2"},
                  endpoint={"listen": ["127.0.0.1:0"]})
    file = relay.directory / "second.json"
    file.write_text(json.dumps(second))
    done = binrelayd("--config", file)
    assert done.returncode == 1
    assert str(relay.data) in done.stderr
    assert relay.command("status")


def test_a_port_that_is_taken_is_named(relay, config):
    config.config["endpoint"]["listen"] = [f"127.0.0.1:{relay.port}"]
    done = binrelayd("--config", config.write_config())
    assert done.returncode == 1
    assert str(relay.port) in done.stderr


def test_a_store_of_a_newer_version_is_refused(relay):
    relay.stop()
    format_file = relay.data / "FORMAT"
    text = format_file.read_text()
    newer = "".join("9" if character.isdigit() and n == _first_digit(text) else character
                    for n, character in enumerate(text))
    assert newer != text
    format_file.write_text(newer)
    done = binrelayd("--config", relay.config_file)
    assert done.returncode == 1
    assert "9" in done.stderr
    format_file.write_text(text)
    relay.start()


def _first_digit(text):
    return next(n for n, character in enumerate(text) if character.isdigit())
