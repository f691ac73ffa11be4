#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""binrelay beside mysqld 9.7, on the same binlogs, in one run. docs/bench.md says what is measured.

Needs the servers' roots, as scripts/test.sh makes them, and a build. No TLS anywhere.
"""
import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

import pymysql  # noqa: E402

from relay import BUILD, Relay, account, cluster, source  # noqa: E402
from servers import Farm, MySql  # noqa: E402
from waiting import wait_until  # noqa: E402

DISCARD = BUILD / "bench" / "discard_replica"
TICKS = os.sysconf("SC_CLK_TCK")
USER, PASSWORD = "bench", "bench-secret"
SERVER_ID = 77  # of the cluster at the relay, whose heartbeat row carries the epochs
ROWS_PER_EPOCH = 1000
SOURCE_OPTIONS = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=512M",
                  "--innodb-doublewrite=OFF"]


BEGAN = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - BEGAN:6.1f} s] {text}", file=sys.stderr, flush=True)


# -- the machine's own accounts

def cpu_seconds(pid):
    """utime + stime of the whole process."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def anonymous_mb(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(next(line.split()[1] for line in status if line.startswith("RssAnon:"))) / 1024


class Peak:
    """The largest anonymous resident memory of a process while this is open."""

    def __init__(self, pid):
        self.pid = pid
        self.megabytes = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self):
        while not self._done.wait(0.02):
            self.megabytes = max(self.megabytes, anonymous_mb(self.pid))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()


# -- the data

def fill_small(server, megabytes):
    """Transactions of one small row: some 300 bytes each in the binlog, and now and then an epoch."""
    server.run("CREATE DATABASE heartbeat", "CREATE TABLE heartbeat.heartbeat (server_id INT UNSIGNED "
               "NOT NULL PRIMARY KEY, counter BIGINT UNSIGNED NOT NULL DEFAULT 0, updated_at TIMESTAMP "
               "NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP) ENGINE=InnoDB",
               f"INSERT INTO heartbeat.heartbeat (server_id) VALUES ({SERVER_ID})")
    server.run("CREATE DATABASE bench", "CREATE TABLE bench.small (id BIGINT PRIMARY KEY AUTO_INCREMENT, "
               "a INT, b VARCHAR(30)) ENGINE=InnoDB",
               "CREATE PROCEDURE bench.fill(n INT) BEGIN DECLARE i INT DEFAULT 0; WHILE i < n DO "
               "INSERT INTO bench.small (a, b) VALUES (i, 'a small row'); "
               f"IF i % {ROWS_PER_EPOCH} = 0 THEN UPDATE heartbeat.heartbeat SET counter = counter + 1 "
               f"WHERE server_id = {SERVER_ID}; END IF; SET i = i + 1; END WHILE; END")
    while logged(server) < megabytes * 1e6:
        in_parallel(2, lambda: server.run("CALL bench.fill(25000)"))


def fill_large(server, megabytes):
    """Transactions of one row of 100 KB."""
    server.run("CREATE DATABASE bench", "CREATE TABLE bench.large (id BIGINT PRIMARY KEY AUTO_INCREMENT, "
               "v MEDIUMBLOB) ENGINE=InnoDB",
               "CREATE PROCEDURE bench.fill(n INT) BEGIN DECLARE i INT DEFAULT 0; WHILE i < n DO "
               "INSERT INTO bench.large (v) VALUES (REPEAT(CHAR(65 + i % 26), 100000)); "
               "SET i = i + 1; END WHILE; END")
    while logged(server) < megabytes * 1e6:
        server.run("CALL bench.fill(500)", "TRUNCATE TABLE bench.large")


def in_parallel(count, work):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def logged(server):
    return sum(size for _, size in server.binary_logs())


def prepare(server):
    """The accounts, outside the binlog, each known to the server's cache of passwords."""
    server.create_relay_account()
    server.create_account(USER, PASSWORD, "REPLICATION SLAVE, REPLICATION CLIENT")
    let_log_in(server.port, "relay", "relay-secret")
    let_log_in(server.port, USER, PASSWORD)


def let_log_in(port, user, password):
    """Over TLS: afterwards caching_sha2_password takes its fast path, which needs none."""
    pymysql.connect(host="127.0.0.1", port=port, user=user, password=password,
                    ssl={"verify_mode": "none"}).close()


# -- measuring

def dump(port, clients):
    done = subprocess.run([DISCARD, f"--port={port}", f"--user={USER}", f"--password={PASSWORD}",
                           f"--clients={clients}"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def serve(port, pid, clients):
    """One run of N discarding clients against the process: MB/s, CPU seconds per GB, peak memory.

    Short dumps are repeated until a gigabyte has passed: CPU time is counted in hundredths.
    """
    before, count, seconds = cpu_seconds(pid), 0, 0.0
    with Peak(pid) as peak:
        while count < 1e9:
            result = dump(port, clients)
            count += result["bytes"]
            seconds += result["seconds"]
    return {"mb_per_s": count / 1e6 / seconds,
            "cpu_s_per_gb": (cpu_seconds(pid) - before) / (count / 1e9),
            "rss_anon_mb": peak.megabytes, "packets": result["packets"], "bytes": result["bytes"]}


def new_relay(server, directory, epochs):
    relay = Relay(directory, [cluster("bench", SERVER_ID, source(server, tls={"mode": "off"}),
                                      epochs=epochs)],
                  [account(USER, "bench", password=PASSWORD)])
    relay.config["log"]["level"] = "info"
    return relay


def pull_by_relay(server, directory, epochs="none"):
    """A new relay takes in everything that the source has."""
    size = logged(server)
    file, end = server.position()
    relay = new_relay(server, directory, epochs)
    make_keys(relay)
    began = time.monotonic()
    relay.begin()
    try:
        last = relay.stored("bench", file)
        wait_until(lambda: last.exists() and last.stat().st_size >= end, "the relay", 600, 0.002)
        wait_until(lambda: durable(relay) == f"{file}:{end}", "the relay", 60, 0.002)
        seconds = time.monotonic() - began
        return {"mb_per_s": size / 1e6 / seconds, "cpu_s_per_gb": cpu_seconds(relay.pid) / (size / 1e9),
                "rss_anon_mb": anonymous_mb(relay.pid)}
    finally:
        relay.remove()


def make_keys(relay):
    """A first start makes certificate and keys, which is not what is measured here."""
    port = relay.config["clusters"][0]["sources"][0]["port"]
    relay.config["clusters"][0]["sources"][0]["port"] = 1  # where nobody listens
    relay.start()
    relay.stop()
    relay.config["clusters"][0]["sources"][0]["port"] = port


def durable(relay):
    try:
        return relay.status("bench")["durable"]
    except OSError:
        return None


def pull_by_mysqld(server, replica):
    """The replica's receiver thread alone takes in everything that the source has."""
    size = logged(server)
    end = server.position()
    replica.run("STOP REPLICA", "RESET REPLICA ALL",
                f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={server.port}, "
                "SOURCE_USER='relay', SOURCE_PASSWORD='relay-secret', SOURCE_SSL=0, "
                "GET_SOURCE_PUBLIC_KEY=1, SOURCE_LOG_FILE='binlog.000001', SOURCE_LOG_POS=4, "
                "SOURCE_AUTO_POSITION=0")
    before, began = cpu_seconds(replica.pid), time.monotonic()
    replica.run("START REPLICA IO_THREAD")

    def received():
        status = replica.replica_status()
        assert status["io"] != "No" or not status["io_errno"], status
        return (status["file"], status["position"]) == end
    wait_until(received, "the receiver", 600, 0.02)
    seconds = time.monotonic() - began
    cpu = cpu_seconds(replica.pid) - before
    replica.run("STOP REPLICA", "RESET REPLICA ALL")
    return {"mb_per_s": size / 1e6 / seconds, "cpu_s_per_gb": cpu / (size / 1e9),
            "rss_anon_mb": anonymous_mb(replica.pid)}


def delays(server, relay_port, commits):
    """Microseconds from the begin of an INSERT to its commit's arrival at a client: direct, relayed."""
    server.run("CREATE TABLE IF NOT EXISTS bench.ping (id BIGINT PRIMARY KEY AUTO_INCREMENT)")
    file, position = server.position()
    clients = [subprocess.Popen([DISCARD, f"--port={port}", f"--user={USER}",
                                 f"--password={PASSWORD}", f"--file={file}",
                                 f"--position={position}", f"--server-id={910000 + n}", "--follow",
                                 "--stamp"], stdout=subprocess.PIPE, text=True)
               for n, port in enumerate((server.port, relay_port))]
    connection = server.connect("bench")
    started = []
    try:
        with connection.cursor() as cursor:
            for _ in range(commits):
                started.append(time.clock_gettime_ns(time.CLOCK_MONOTONIC))
                cursor.execute("INSERT INTO ping VALUES ()")
                time.sleep(0.004)
        arrived = [[int(client.stdout.readline()) for _ in started] for client in clients]
    finally:
        for client in clients:
            client.kill()
            client.wait()
        connection.close()
    return [[(end - begin) / 1000 for begin, end in zip(started, ends)] for ends in arrived]


# -- the table

def median_of(runs, key):
    return statistics.median(run[key] for run in runs)


def show(title, theirs, ours, names=("mysqld", "binrelay")):
    """Medians of alternating runs, and the median of the ratios pair by pair."""
    print(f"\n{title} ({len(ours)} alternating runs)")
    for name, runs in zip(names, (theirs, ours)):
        speeds = [run["mb_per_s"] for run in runs]
        print(f"  {name:10} {median_of(runs, 'mb_per_s'):8.1f} MB/s [{min(speeds):.0f}-{max(speeds):.0f}]"
              f"  {median_of(runs, 'cpu_s_per_gb'):7.3f} CPU s/GB"
              f"  {max(run['rss_anon_mb'] for run in runs):7.1f} MB RssAnon")
    ratios = {key: statistics.median(mine[key] / other[key] if other[key] else float("nan")
                                     for mine, other in zip(ours, theirs))
              for key in ("mb_per_s", "cpu_s_per_gb")}
    print(f"  {names[1]} / {names[0]}: speed {ratios['mb_per_s']:.2f}, "
          f"CPU per GB {ratios['cpu_s_per_gb']:.3f}", flush=True)
    return {names[0]: theirs, names[1]: ours, "ratios": ratios}


def alternate(rounds, theirs, ours):
    runs = [(theirs(), ours()) for _ in range(rounds)]
    return [pair[0] for pair in runs], [pair[1] for pair in runs]


def show_delays(direct, relayed):
    print(f"\ncommit to arrival, {len(direct)} single INSERTs 4 ms apart, both clients at once")
    for name, values in ("direct", direct), ("relayed", relayed):
        ordered = sorted(values)
        print(f"  {name:9} median {statistics.median(values):7.0f} us   "
              f"95 % {ordered[len(ordered) * 95 // 100]:7.0f} us   max {ordered[-1]:7.0f} us")
    extra = statistics.median(ours - theirs for theirs, ours in zip(direct, relayed))
    print(f"  the relay adds, commit by commit: median {extra:.0f} us", flush=True)
    return {"direct_us": statistics.median(direct), "relayed_us": statistics.median(relayed),
            "added_us": extra}


# -- the whole

def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small-mb", type=int, default=400, help="binlog of small transactions")
    parser.add_argument("--large-mb", type=int, default=1000, help="binlog of 100 KB rows")
    parser.add_argument("--rounds", type=int, default=5, help="alternating runs of each measurement")
    parser.add_argument("--many", type=int, default=8, help="clients of the second serving run")
    parser.add_argument("--commits", type=int, default=500, help="commits for the delay")
    parser.add_argument("--no-epochs", dest="epochs", action="store_false",
                        help="do not compare pulling and serving with epochs on and off")
    parser.add_argument("--only-epochs", action="store_true", help="compare nothing else")
    parser.add_argument("--json", type=Path, help="also write every figure there")
    return parser.parse_args()


def main():
    options = arguments()
    farm = Farm(f"bench-{os.getpid()}")
    scratch = tempfile.TemporaryDirectory(prefix="bench-", dir=farm.place(MySql).outside)
    try:
        measure(options, farm, Path(scratch.name))
    finally:
        scratch.cleanup()
        farm.remove()


def measure(options, farm, scratch):
    servers = {"small": farm.make(MySql, "small", *SOURCE_OPTIONS),
               "large": farm.make(MySql, "large", *SOURCE_OPTIONS)}
    replica = farm.make(MySql, "replica", "--skip-log-bin", "--sync-relay-log=10000")
    farm.start_all(*servers.values(), replica)
    say(f"writing {options.small_mb} MB of small transactions and {options.large_mb} MB of large rows")
    fill_small(servers["small"], options.small_mb)
    fill_large(servers["large"], options.large_mb)
    for server in servers.values():
        prepare(server)

    results = {}
    if not options.only_epochs:
        results.update(measure_pulling(options, servers, replica, scratch))
    replica.kill()
    if not options.only_epochs:
        for name, server in servers.items():
            with serving(server, scratch / f"serve-{name}") as relay:
                results.update(measure_serving(options, name, server, relay))
    if options.epochs:
        for name, server in servers.items():
            results.update(measure_epochs(options, name, server, scratch))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


@contextlib.contextmanager
def serving(server, directory, epochs="none"):
    """A relay that has everything and knows its account."""
    relay = new_relay(server, directory, epochs)
    relay.start()
    try:
        place = ":".join(map(str, server.position()))
        wait_until(lambda: durable(relay) == place, "the relay to have everything", 600)
        let_log_in(relay.port, USER, PASSWORD)
        yield relay
    finally:
        relay.remove()


def measure_pulling(options, servers, replica, scratch):
    results = {}
    for name, server in servers.items():
        say(f"pulling {name}")
        pairs = alternate(options.rounds, lambda: pull_by_mysqld(server, replica),
                          lambda: pull_by_relay(server, scratch / f"pull-{time.monotonic_ns()}"))
        results[f"pull_{name}"] = show(f"pulling {name}", *pairs)
        remove_pulls(scratch)
    return results


def remove_pulls(scratch):
    for directory in scratch.glob("pull-*"):
        shutil.rmtree(directory)


def measure_epochs(options, name, server, scratch):
    """The relay beside itself: the same binlogs with the look-out for markers and without."""
    say(f"epochs: {name}")
    names = ("epochs off", "epochs on")

    def pull(epochs):
        made = pull_by_relay(server, scratch / f"pull-{time.monotonic_ns()}", epochs)
        remove_pulls(scratch)
        return made
    pairs = alternate(options.rounds, lambda: pull("none"), lambda: pull("heartbeat"))
    results = {f"epochs_pull_{name}": show(f"pulling {name}, epochs", *pairs, names)}
    with serving(server, scratch / f"off-{name}") as plain, \
            serving(server, scratch / f"on-{name}", "heartbeat") as indexed:
        pairs = alternate(options.rounds, lambda: serve(plain.port, plain.pid, 1),
                          lambda: serve(indexed.port, indexed.pid, 1))
    results[f"epochs_serve_{name}"] = show(f"serving {name} to 1, epochs", *pairs, names)
    return results


def measure_serving(options, name, server, relay):
    results = {}
    for clients in (1, options.many):
        say(f"serving {name} to {clients}")
        pairs = alternate(options.rounds, lambda: serve(server.port, server.pid, clients),
                          lambda: serve(relay.port, relay.pid, clients))
        results[f"serve_{name}_{clients}"] = show(f"serving {name} to {clients}", *pairs)
    if name == "small":
        say("commit to arrival")
        results["delay"] = show_delays(*delays(server, relay.port, options.commits))
    return results


if __name__ == "__main__":
    main()
