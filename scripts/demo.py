# SPDX-License-Identifier: Apache-2.0
"""The demonstration that demo.sh runs: scenes on real servers, each of them checked as it is shown."""
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "system"))

from clients import Client  # noqa: E402
from compare import assert_same_data, assert_stored_files_identical, wait_stored  # noqa: E402
from fleet import Fleet  # noqa: E402
from load import Traffic  # noqa: E402
from servers import Farm  # noqa: E402
from waiting import wait_until  # noqa: E402

BEGAN = time.monotonic()


def say(text):
    print(f"\n[{time.monotonic() - BEGAN:4.0f} s] {text}", flush=True)


def show(command, output):
    print(f"  $ {command}")
    for line in output.rstrip().splitlines():
        print(f"    {line}")
    sys.stdout.flush()


def control(fleet, *arguments):
    done = fleet.relay.control(*arguments)
    show(f"binrelayctl {' '.join(arguments)}", done.stdout + done.stderr)


def assert_all_equal(fleet, prefix):
    for name, server in fleet.sources.items():
        for source, replica, channel in fleet.pairs():
            if source is server:
                assert_same_data(source, replica, f"{prefix}_{name}", channel=channel)
    print("  every replica has its source's checksums")


class DemoFleet(Fleet):
    """The topology of the tests, with heartbeats on east."""

    def cluster_configs(self):
        return [{**each, "epochs": "heartbeat"} if each["name"] == "east" else each
                for each in super().cluster_configs()]

    def more_config(self):
        return {"heartbeat": {"write_to_sources": True, "interval": "500ms"}}


# -- scenes

def rows_cross(fleet):
    """Rows written on the three sources arrive at all replicas, through one port"""
    for name, server in fleet.sources.items():
        server.run(f"CREATE DATABASE shop_{name}",
                   f"CREATE TABLE shop_{name}.orders (id INT PRIMARY KEY, what VARCHAR(40))",
                   f"INSERT INTO shop_{name}.orders VALUES (1, 'an order of {name}')")
    for source, replica, channel in fleet.pairs():
        name = next(name for name, server in fleet.sources.items() if server is source)
        assert_same_data(source, replica, f"shop_{name}", channel=channel)
        row = replica.query(f"SELECT * FROM shop_{name}.orders")[0]
        print(f"  {name:6} -> {replica.name:12} {replica.value('SELECT VERSION()'):32.32}  {row}")


def the_administrator_looks(fleet):
    """What the administrator sees"""
    control(fleet, "status")
    control(fleet, "sessions")
    control(fleet, "files", "east")


def the_endpoint_answers(fleet):
    """The endpoint answers the mysql client and mysqlbinlog as a source does"""
    client = Client(fleet.farm, fleet.endpoint("east"))
    for statement in ("SELECT @@server_id, @@server_uuid", "SHOW BINARY LOG STATUS"):
        show(f'mysql -e "{statement}"', client.mysql(statement)[0])
    done = client.binlog("--verbose", "--to-last-log", "binlog.000001")
    lines = [line for line in done.stdout.splitlines() if line.startswith("### ")]
    show("mysqlbinlog --read-from-remote-server --verbose binlog.000001 | grep '^###'",
         "\n".join(lines[:6]))


def epochs_advance(fleet):
    """Epochs: the relay advances a heartbeat row on east, and keeps an index of what each beat brought"""
    newest = wait_for_epochs(fleet, wait_for_epochs(fleet, 1) + 1)  # all orders so far are before it
    fleet.east.run("INSERT INTO shop_east.orders VALUES (100, 'behind a known epoch')")
    wait_for_epochs(fleet, newest + 2)
    client = Client(fleet.farm, fleet.endpoint("east"))
    statement = ("SELECT epoch, SUBSTRING_INDEX(File, '/', -1) AS File, Position, next_position "
                 "FROM mysql.ndb_binlog_index ORDER BY epoch DESC LIMIT 5")
    show(f'mysql -e "{statement}"', client.mysql(statement)[0])
    control(fleet, "locate", "east", "epoch", str(newest))
    done = client.binlog("--verbose", "--to-last-log", f"epoch.{newest}")
    assert "behind a known epoch" in done.stdout, done.stderr
    assert "an order of east" not in done.stdout
    print(f"  a stream that begins at epoch.{newest} has the order behind it, and none before it")


def wait_for_epochs(fleet, least):
    """Waits until the newest epoch of east is that high, and returns it."""
    client = Client(fleet.farm, fleet.endpoint("east"))

    def newest():
        shown = client.mysql("SELECT IFNULL(MAX(epoch), 0) FROM mysql.ndb_binlog_index", "-N")[0]
        return int(shown) if shown.strip() and int(shown) >= least else None
    return wait_until(newest, f"epoch {least}")


def the_relay_dies(fleet):
    """The relay is killed with signal 9, five times, while the sources are written to"""
    traffic = [Traffic(server, f"storm_{name}", seed=1) for name, server in fleet.sources.items()]
    for each in traffic:
        each.__enter__()
    try:
        for turn in range(5):
            time.sleep(0.5)
            fleet.relay.kill()
            fleet.relay.start()
            print(f"  killed and started, {turn + 1} of 5; "
                  f"{sum(each.commits for each in traffic)} commits so far", flush=True)
    finally:
        for each in traffic:
            each.__exit__()
    assert_all_equal(fleet, "storm")


def a_source_dies(fleet):
    """A source is killed and comes back; its replicas notice nothing but a pause"""
    fleet.east.kill()
    fleet.relay.wait_state("east", "connecting", "waiting")
    control(fleet, "status")
    fleet.east.start()
    fleet.relay.wait_state("east", "streaming")
    fleet.east.run("INSERT INTO shop_east.orders VALUES (2, 'after the restart')")
    assert_all_equal(fleet, "shop")


def the_network_is_cut(fleet):
    """The network is cut on both sides of the relay"""
    for proxy in fleet.proxies():
        proxy.refuse()
    for name, server in fleet.sources.items():
        server.run(f"INSERT INTO shop_{name}.orders VALUES (3, 'while the network was away')")
    for proxy in fleet.proxies():
        proxy.mend()
    assert_all_equal(fleet, "shop")


def a_cluster_is_paused(fleet):
    """The pull of one cluster is paused; serving does not stop"""
    wait_stored(fleet.relay, "east", fleet.east)
    control(fleet, "cluster", "pause", "east")
    control(fleet, "status")
    control(fleet, "cluster", "resume", "east")
    wait_until(lambda: fleet.relay.status("east")["state"] == "streaming", "the pull to go on")


def the_store_is_the_source_s(fleet):
    """The stored files are byte for byte the sources'"""
    for name, server in fleet.sources.items():
        files = assert_stored_files_identical(fleet.relay, name, server)
        show(f"cmp {name}/{files[-1]} and the {len(files) - 1} files before it", "equal")


SCENES = [rows_cross, the_administrator_looks, the_endpoint_answers, epochs_advance, the_relay_dies,
          a_source_dies, the_network_is_cut, a_cluster_is_paused, the_store_is_the_source_s]


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    farm = Farm(f"demo-{int(time.time())}")
    fleet = None
    with tempfile.TemporaryDirectory(prefix="binrelay-demo-") as directory:
        try:
            say("starting two MySQL sources, a MariaDB source, the relay and four replicas")
            fleet = DemoFleet(farm, directory)
            for scene in SCENES:
                say(scene.__doc__)
                scene(fleet)
            say("done; everything is removed again")
        except (AssertionError, subprocess.SubprocessError, OSError) as error:
            say(f"this went wrong: {error}")
            if fleet is not None:
                print(fleet.relay.log_tail())
            return 1
        finally:
            if fleet is not None:
                fleet.remove()
            farm.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
