# SPDX-License-Identifier: Apache-2.0
"""Many replicas and slow ones: bounded memory, and nobody holds up another."""
import threading

import pytest

from compare import wait_stored
from dump import NON_BLOCKING, Dump
from relay import account, cluster, source
from servers import MySql

CLIENTS = 8
LIMIT_KB = 64 * 1024


def anonymous_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(next(line.split()[1] for line in status if line.startswith("RssAnon:")))


@pytest.fixture(scope="module")
def large(farm):
    """A source that has written more than a relay may hold in memory."""
    server = farm.start(MySql, "large")
    server.create_relay_account()
    server.run("CREATE DATABASE large", "CREATE TABLE large.t (id INT PRIMARY KEY, v LONGTEXT)")
    for n in range(12):
        server.run(f"INSERT INTO large.t VALUES ({n}, REPEAT('{n % 10}', 10000000))")
    yield server
    farm.forget(server)


@pytest.fixture
def relay(large, new_relay):
    made = new_relay([cluster("large", 55, source(large))], [account("repl", "large")]).start()
    wait_stored(made, "large", large)
    return made


def test_replicas_that_do_not_read_cost_little_and_hold_up_nobody(large, relay):
    first = large.binary_logs()[0][0]
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
    large.run("INSERT INTO large.t VALUES (100, 'still pulled')")
    wait_stored(relay, "large", large)
    for dump in [*stuck, reader]:
        dump.close()


def test_eight_replicas_at_once_get_the_same_bytes(large, relay):
    first = large.binary_logs()[0][0]
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
