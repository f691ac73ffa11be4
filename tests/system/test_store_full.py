# SPDX-License-Identifier: Apache-2.0
"""A full disk stops the pull of a cluster, not the serving, and nobody has to mend more than the disk."""
import subprocess

import pytest

from compare import assert_same_data, assert_stored_files_identical
from dump import NON_BLOCKING, Dump
from relay import account, cluster, source
from servers import MySql

SMALL, LARGE = "48m", "400m"


@pytest.fixture
def small_disk(tmp_path):
    directory = tmp_path / "disk"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", directory], check=True)
    yield directory
    subprocess.run(["umount", "--lazy", directory], check=True)


def test_the_pull_stops_on_a_full_disk_and_goes_on_by_itself(farm, new_relay, small_disk):
    server, replica = farm.make(MySql, "much"), farm.make(MySql, "much-replica")
    farm.start_all(server, replica)
    server.create_relay_account()
    relay = new_relay([cluster("much", 55, source(server))], [account("repl", "much")],
                      data_dir=str(small_disk / "data"))
    relay.data = small_disk / "data"
    relay.start()
    replica.follow(relay.endpoint("repl"))
    server.run("CREATE DATABASE much", "CREATE TABLE much.t (id INT PRIMARY KEY, v LONGTEXT)",
               "INSERT INTO much.t VALUES (0, 'before')")
    assert_same_data(server, replica, "much")

    for n in range(1, 31):
        server.run(f"INSERT INTO much.t VALUES ({n}, REPEAT('{n % 10}', 3000000))")
    row = relay.wait_state("much", "store_full")
    file, end = row["durable"].rsplit(":", 1)
    dump = Dump(relay.endpoint("repl"))  # whole transactions up to the durable end are served
    dump.start("binlog.000001", flags=NON_BLOCKING)
    served = max(event.next_position for event in dump.events())
    dump.close()
    assert (file, served) == ("binlog.000001", int(end))
    assert relay.command("sessions")

    subprocess.run(["mount", "-o", f"remount,size={LARGE}", small_disk], check=True)
    relay.wait_state("much", "streaming")
    assert_same_data(server, replica, "much")
    assert_stored_files_identical(relay, "much", server)
    relay.remove()
    farm.forget(server, replica)
