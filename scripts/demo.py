# SPDX-License-Identifier: Apache-2.0
"""The demonstration that demo.sh runs: scenes on real servers, each of them checked as it is shown."""
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "system"))

from appliers import applied_counter, file_names, wait_oldest  # noqa: E402
from clients import Client  # noqa: E402
from compare import assert_same_data, assert_stored_files_identical, wait_stored  # noqa: E402
from fleet import SERVER_IDS, Fleet  # noqa: E402
from load import Traffic  # noqa: E402
from relay import account  # noqa: E402
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
    """The topology of the tests, with heartbeats on east, and binlogs of east that stay for a day."""

    def cluster_configs(self):
        purge = {"policy": "applied", "min_age": "1d"}
        return [{**each, "epochs": "heartbeat", "purge": purge} if each["name"] == "east" else each
                for each in super().cluster_configs()]

    def account_configs(self):
        return [*super().account_configs(),
                account("report_east", "east", rights=["report", "read"])]

    def relay_file_of(self, epoch):
        """The file in which an epoch ends."""
        return self.relay.command(f"locate east epoch {epoch}")["file"]

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


def binlogs_go_when_applied(fleet):
    """A binlog goes when the last applier has said, in the heartbeat table, that it has applied it"""
    replicas = (fleet.by_position, fleet.by_gtid)
    for replica in replicas:
        fleet.relay.command(f"applier add east {replica.server_id} --required")
        show(f"binrelayctl applier add east {replica.server_id} --required", "")
    fleet.relay.config["clusters"][0]["purge"]["min_age"] = "0s"
    fleet.relay.write_config()
    control(fleet, "reload")
    for _ in range(3):
        wait_for_epochs(fleet, wait_for_epochs(fleet, 1) + 1)
        fleet.east.rotate()
    newest = fleet.east.position()[0]
    wait_until(lambda: file_names(fleet.relay, "east")[-1] >= newest, f"{newest} to be stored")
    before = file_names(fleet.relay, "east")
    control(fleet, "purge", "east")
    assert file_names(fleet.relay, "east") == before
    print("  nobody has reported, so nothing goes")

    epoch = tell_applied(fleet, fleet.by_gtid)
    control(fleet, "purge", "east")
    assert file_names(fleet.relay, "east") == before
    print(f"  {fleet.by_gtid.name} has applied epoch {epoch}; "
          f"{fleet.by_position.name} has not said so yet, and nothing goes")

    epochs = (epoch, tell_applied(fleet, fleet.by_position))
    wait_oldest(fleet.relay, "east", min(map(fleet.relay_file_of, epochs)))
    assert len(file_names(fleet.relay, "east")) < len(before)
    control(fleet, "applier", "list")
    control(fleet, "files", "east")
    print(f"  both have: of {len(before)} files the older ones are gone")


def tell_applied(fleet, replica):
    """The replica's last epoch, as its own copy of the table has it, written at the endpoint."""
    epoch = applied_counter(replica, SERVER_IDS["east"])
    statement = (f"UPDATE heartbeat.heartbeat SET applied_epoch = {epoch}, "
                 f"source_cluster = {SERVER_IDS['east']} WHERE server_id = {replica.server_id}")
    output, errors = Client(fleet.farm, fleet.relay.endpoint("report_east")).mysql(statement)
    show(f'mysql -e "{statement}"', output)
    assert not errors, errors
    return epoch


SCENES = [rows_cross, the_administrator_looks, the_endpoint_answers, epochs_advance, the_relay_dies,
          a_source_dies, the_network_is_cut, a_cluster_is_paused, binlogs_go_when_applied,
          the_store_is_the_source_s]


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
            say("this went wrong:")
            traceback.print_exception(error)
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
