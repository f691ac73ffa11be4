# SPDX-License-Identifier: Apache-2.0
"""The epoch index of three recorded NDB binlog servers, each pulled from a stock mysqld."""
import pymysql
import pymysql.cursors
import pytest

from binlog_text import transactions
from compare import wait_stored
from proxy import Proxy
from recording import LOST_BY_A_CRASH, SERVER_IDS, RecordedServer, recorded_index
from relay import account, cluster, source
from waiting import wait_until

VIRTUAL_ID = 199
EPOCHS = {"a1": 251, "a2": 251, "a3": 256}
INDEX = "SELECT * FROM mysql.ndb_binlog_index ORDER BY epoch"


def ndb_cluster(server, *sources, **more):
    return cluster("ndb", VIRTUAL_ID, *(sources or [source(server)]), epochs="ndb", on_gap="serve",
                   **more)


def ask(relay, statement, arguments=None):
    """Rows, as dictionaries, of a statement at the endpoint."""
    endpoint = relay.endpoint("repl")
    connection = pymysql.connect(host=endpoint.host, port=endpoint.port, user=endpoint.user,
                                 password=endpoint.password, ssl={"verify_mode": "none"},
                                 cursorclass=pymysql.cursors.DictCursor)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            return cursor.fetchall()
    finally:
        connection.close()


def index_of(relay):
    """{epoch: row} at the endpoint, file names without a directory."""
    rows = ask(relay, INDEX)
    assert [row["epoch"] for row in rows] == sorted(row["epoch"] for row in rows)
    return {row["epoch"]: {key: value.rpartition("/")[2] if "ile" in key else value
                           for key, value in row.items()} for row in rows}


@pytest.fixture(scope="module", params=["a1", "a2", "a3"])
def recorded(request, farm):
    server = farm.start(RecordedServer, f"index-{request.param}")
    server.create_relay_account()
    yield server
    farm.forget(server)


def wait_indexed(relay, server, seconds=60):
    """Waits until everything is stored and the last epoch of the recording is shown."""
    wait_stored(relay, "ndb", server)
    last = max(recorded_index(server.folder.name))
    wait_until(lambda: ask(relay, "SELECT MAX(epoch) AS last FROM mysql.ndb_binlog_index")[0]["last"]
               == last, f"epoch {last} to be indexed", seconds)


@pytest.fixture(scope="module", params=["upstream", "virtual"])
def identity(request):
    return request.param


@pytest.fixture
def relay(recorded, identity, new_relay):
    made = new_relay([ndb_cluster(recorded, identity=identity)], [account("repl", "ndb")]).start()
    wait_indexed(made, recorded)
    return made


def stored_files(relay, server):
    return [relay.stored("ndb", name) for name in server.recorded_files()]


def test_the_index_agrees_with_the_server_s_own_and_with_its_binlogs(farm, recorded, relay):
    name = recorded.folder.name
    theirs, ours = recorded_index(name), index_of(relay)
    assert len(ours) == EPOCHS[name]
    assert set(ours) - set(theirs) == ({LOST_BY_A_CRASH} if name == "a2" else set())
    assert not set(theirs) - set(ours)
    for epoch, row in theirs.items():
        mine = ours[epoch]
        for column in ("next_file", "next_position", "deletes", "schemaops", "gci"):
            assert mine[column] == row[column], f"{column} of epoch {epoch}"
        assert mine["inserts"] + mine["updates"] == row["inserts"] + row["updates"], epoch

    logged = transactions(farm, *stored_files(relay, recorded))
    found = {(each.epoch, file): each for file, within in logged.items() for each in within
             if each.epoch is not None}
    assert len(found) == len(ours)
    for (epoch, file), each in found.items():
        mine = ours[epoch]
        assert (mine["File"], mine["Position"]) == (file, each.begin), f"begin of epoch {epoch}"
        assert (mine["next_file"], mine["next_position"]) == (file, each.end), f"end of {epoch}"
        assert mine["inserts"] + mine["updates"] == each.count("INSERT", "UPDATE"), epoch
        assert mine["deletes"] == each.count("DELETE"), epoch


def test_a_stored_file_differs_from_the_source_s_in_the_markers_only(farm, recorded, identity, relay):
    expected = VIRTUAL_ID if identity == "virtual" else SERVER_IDS[recorded.folder.name]
    mine = transactions(farm, *stored_files(relay, recorded))
    theirs = transactions(farm, *[recorded.data / name for name in recorded.recorded_files()])
    markers = 0
    for name, logged in theirs.items():
        stored, original = relay.stored("ndb", name), recorded.data / name
        assert stored.stat().st_size == original.stat().st_size
        if identity == "upstream" or not any(each.marker for each in logged):
            assert stored.read_bytes() == original.read_bytes()
        assert [(each.begin, each.end) for each in mine[name]] == \
            [(each.begin, each.end) for each in logged]
        for ours, other in zip(mine[name], logged, strict=True):
            assert other.marker or ours.headers == other.headers
            for row, original_row in zip(ours.rows, other.rows, strict=True):
                if original_row is not other.marker:
                    assert row == original_row
                    continue
                markers += 1
                assert row.values == {**original_row.values, 1: str(expected)}
                headers = [list(each) for each in other.headers]
                # The marker is the first rows event.
                next(each for each in headers if each[0] == "Write_rows")[1] = expected
                assert ours.headers == headers
    assert markers == EPOCHS[recorded.folder.name]


def test_the_cluster_s_identity_is_the_markers(recorded, identity, relay):
    expected = VIRTUAL_ID if identity == "virtual" else SERVER_IDS[recorded.folder.name]
    assert ask(relay, "SELECT @@GLOBAL.SERVER_ID AS id")[0]["id"] == expected


def test_gaps_are_the_incidents_behind_the_first_epoch(recorded, relay):
    """Every log begins with one; that is none."""
    gaps = relay.command("gaps ndb")
    assert len(gaps) == (0 if recorded.folder.name == "a3" else 1)


def test_locate_finds_what_the_index_shows(recorded, relay):
    index = index_of(relay)
    epochs = sorted(index)
    for epoch in epochs[::50] + epochs[-1:]:
        found = relay.command(f"locate ndb epoch {epoch}")
        assert found["file"] == index[epoch]["next_file"]
        assert found["position"] == index[epoch]["next_position"]


# -- the index is derived: whatever happens to its files, the answers stay

def damage_flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


def damage_cut(path):
    path.write_bytes(path.read_bytes()[:path.stat().st_size * 2 // 3])


def damage_remove(path):
    path.unlink()


def damage_swap(path):
    other = next(each for each in path.parent.glob("*.epochs")
                 if each != path and each.read_bytes() != path.read_bytes())
    path.write_bytes(other.read_bytes())


def damage_grow(path):
    path.write_bytes(path.read_bytes() + path.read_bytes()[-200:])


DAMAGES = [damage_flip, damage_cut, damage_remove, damage_swap, damage_grow]


@pytest.fixture(scope="module")
def a1(farm):
    server = farm.start(RecordedServer, "derived-a1")
    server.create_relay_account()
    yield server
    farm.forget(server)


def largest_index(relay):
    files = sorted((relay.data / "ndb").glob("*.epochs"), key=lambda path: path.stat().st_size)
    assert files, "the store has no epoch index"
    return files[-1]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
def test_index_files_damaged_while_stopped_are_made_anew(a1, new_relay, damage):
    relay = new_relay([ndb_cluster(a1)], [account("repl", "ndb")]).start()
    wait_indexed(relay, a1)
    before = ask(relay, INDEX)
    relay.stop()
    file = largest_index(relay)
    damage(file)
    relay.start()
    wait_indexed(relay, a1)
    assert ask(relay, INDEX) == before
    relay.stop()
    done = relay.control("store", "verify", str(relay.data / "ndb"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_killed_again_and_again_while_it_pulls_the_index_is_the_same(a1, new_relay):
    whole = new_relay([ndb_cluster(a1)], [account("repl", "ndb")]).start()
    wait_indexed(whole, a1)
    proxy = Proxy(a1.port)
    try:
        relay = new_relay([ndb_cluster(a1, source(a1, proxy.port))], [account("repl", "ndb")])
        for count in (20_000, 15_000, 60_000, 300_000, 500_000):
            proxy.refuse_after(count)
            relay.begin()
            wait_until(lambda: proxy.is_refusing, "the connection to be cut")
            relay.kill()
            proxy.mend()
        relay.start()
        wait_indexed(relay, a1)
        assert ask(relay, INDEX) == ask(whole, INDEX)
    finally:
        proxy.close()
