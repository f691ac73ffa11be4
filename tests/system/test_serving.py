# SPDX-License-Identifier: Apache-2.0
"""Many replicas and slow ones: bounded memory, and nobody holds up another."""
import threading

import pytest

from compare import wait_stored
from dump import NON_BLOCKING, Dump
from relay import account, cluster, source

CLIENTS = 8
LIMIT_KB = 64 * 1024


def anonymous_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(next(line.split()[1] for line in status if line.startswith("RssAnon:")))


@pytest.fixture
def relay(fleet, new_relay):
    """A relay of east, which has written some hundred megabytes."""
    fleet.east.run("CREATE DATABASE IF NOT EXISTS serving", "DROP TABLE IF EXISTS serving.t",
                   "CREATE TABLE serving.t (id INT PRIMARY KEY, v LONGTEXT)")
    for n in range(12):
        fleet.east.run(f"INSERT INTO serving.t VALUES ({n}, REPEAT('{n % 10}', 10000000))")
    made = new_relay([cluster("east", 199, source(fleet.east))], [account("repl", "east")]).start()
    wait_stored(made, "east", fleet.east)
    return made


def test_replicas_that_do_not_read_cost_little_and_hold_up_nobody(fleet, relay):
    first = fleet.east.binary_logs()[0][0]
    stuck = []
    for n in range(CLIENTS):
        dump = Dump(relay.endpoint("repl"), server_id=900 + n)
        dump.start(first)
        dump.next()
        stuck.append(dump)
    reader = Dump(relay.endpoint("repl"), server_id=950)
    reader.start(first, flags=NON_BLOCKING)
    assert sum(event.size for event in reader.events()) > 120_000_000
    assert anonymous_kb(relay.pid) < LIMIT_KB
    fleet.east.run("INSERT INTO serving.t VALUES (100, 'still pulled')")
    wait_stored(relay, "east", fleet.east)
    for dump in [*stuck, reader]:
        dump.close()


def test_eight_replicas_at_once_get_the_same_bytes(fleet, relay):
    first = fleet.east.binary_logs()[0][0]
    sums, failures = [], []

    def read(server_id):
        try:
            dump = Dump(relay.endpoint("repl"), server_id=server_id)
            dump.start(first, flags=NON_BLOCKING)
            digest = 0
            for event in dump.events():
                if event.next_position:
                    digest = hash((digest, event.data))
            sums.append(digest)
            dump.close()
        except Exception as error:
            failures.append(error)

    readers = [threading.Thread(target=read, args=(970 + n,)) for n in range(CLIENTS)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert not failures
    assert len(sums) == CLIENTS and len(set(sums)) == 1
    assert anonymous_kb(relay.pid) < LIMIT_KB
