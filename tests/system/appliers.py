# SPDX-License-Identifier: Apache-2.0
"""Appliers that report, sources whose epochs are known without asking the relay, and what must stay."""
import contextlib

import pymysql

from binlog_text import transactions
from waiting import wait_until

TABLE = """CREATE TABLE heartbeat.heartbeat (
  server_id INT UNSIGNED NOT NULL PRIMARY KEY,
  counter BIGINT UNSIGNED NOT NULL DEFAULT 0,
  applied_epoch BIGINT UNSIGNED NULL,
  source_cluster INT UNSIGNED NULL,
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)"""
NEVER = 0  # the epoch of an applier that has reported none
APPLIED = {"policy": "applied", "min_age": "0s", "min_files": 1}


def make_heartbeat_table(server):
    """Outside the binlog, so that each server of a topology has one before anything is replicated."""
    server.run("SET SESSION sql_log_bin = 0", "CREATE DATABASE heartbeat", TABLE)


def required(*server_ids, **more):
    """The `appliers` of a cluster's configuration."""
    return [{"server_id": server_id, "required": True, **more} for server_id in server_ids]


def applied_counter(server, cluster_id):
    """The last epoch of a heartbeat cluster that a replica of it has applied."""
    return server.value("SELECT counter FROM heartbeat.heartbeat WHERE server_id = %s",
                        (cluster_id,)) or NEVER


# -- the endpoint, as an applier's script uses it

@contextlib.contextmanager
def endpoint_cursor(relay, user="report"):
    endpoint = relay.endpoint(user)
    connection = pymysql.connect(host=endpoint.host, port=endpoint.port, user=endpoint.user,
                                 password=endpoint.password, ssl={"verify_mode": "none"},
                                 autocommit=True, cursorclass=pymysql.cursors.DictCursor)
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def report(relay, server_id, epoch, source_cluster=None, user="report"):
    """UPDATEs the applier's row of the heartbeat table at the endpoint."""
    with endpoint_cursor(relay, user) as cursor:
        cursor.execute("UPDATE heartbeat.heartbeat SET applied_epoch = %s, source_cluster = %s "
                       "WHERE server_id = %s", (epoch, source_cluster, server_id))


# -- what the relay says

def file_names(relay, cluster):
    return [row["name"] for row in relay.command(f"files {cluster}")]


def oldest_file(relay, cluster):
    """There is none while a relay that begins has not recovered its store."""
    return wait_until(lambda: file_names(relay, cluster), f"files of {cluster}")[0]


def applier_rows(relay, cluster):
    """{server_id: row of `applier list`} of a cluster."""
    return {row["server_id"]: row for row in relay.command("applier list")
            if row["cluster"] == cluster}


def reported_epochs(relay, cluster):
    """{server_id: the epoch that the relay believes it has applied}."""
    return {server_id: row["applied_epoch"] or NEVER
            for server_id, row in applier_rows(relay, cluster).items()}


def wait_reported(relay, cluster, server_id, epoch):
    """Waits until the relay has taken a report, whichever way it came."""
    wait_until(lambda: reported_epochs(relay, cluster).get(server_id) == epoch,
               lambda: f"{server_id} to be known at {epoch} of {cluster}; "
               f"{applier_rows(relay, cluster).get(server_id)}")


def events(relay, name, cluster=None):
    """The events of a name, oldest first."""
    return [row for row in relay.command("events")
            if row["event"] == name and cluster in (None, row["cluster"])]


def wait_event(relay, name, cluster, *texts):
    """Waits for an event with all of the texts in its message, and returns the newest such."""
    def found():
        told = [row for row in events(relay, name, cluster)
                if all(str(text) in row["text"] for text in texts)]
        return told[-1] if told else None
    return wait_until(found, lambda: f"{name} of {cluster} with {texts}; "
                      f"{relay.command('events')[-12:]}")


def wait_oldest(relay, cluster, file):
    """Waits until exactly the files in front of one are gone."""
    wait_until(lambda: oldest_file(relay, cluster) >= file,
               lambda: f"{file} to be the oldest of {cluster}; it is {oldest_file(relay, cluster)}; "
               f"{list(applier_rows(relay, cluster).values())}")
    assert oldest_file(relay, cluster) == file, f"{file} of {cluster} is needed, and it is gone"


def purge_all(relay, cluster):
    """Has the relay purge all that nobody needs, now: what is there afterwards is held."""
    oldest_file(relay, cluster)
    relay.command(f"purge {cluster}")
    return file_names(relay, cluster)


def stored_names(relay, cluster, log_name="binlog"):
    """The binlog files that are on the disk, and those that only a file of theirs says of."""
    there = {path.name for path in (relay.data / cluster).glob(f"{log_name}.*")}
    whole = sorted(name for name in there if name.count(".") == 1 and name[-6:].isdigit())
    orphans = sorted(name for name in there if name.count(".") > 1
                     and ".".join(name.split(".")[:2]) not in whole)
    return whole, orphans


# -- sources

class Beats:
    """A source whose epochs the test makes one by one: it knows which file each is in."""

    DATABASE = "pulse"

    def __init__(self, server, cluster_id):
        self.server = server
        self.cluster_id = cluster_id
        self.epoch = NEVER
        self.places = {}  # epoch: the file that it ends in
        make_heartbeat_table(server)
        server.run(f"CREATE DATABASE {self.DATABASE}",
                   f"CREATE TABLE {self.DATABASE}.t (id INT PRIMARY KEY AUTO_INCREMENT, "
                   "epoch INT, v LONGTEXT)",
                   f"INSERT INTO heartbeat.heartbeat (server_id) VALUES ({cluster_id})")

    def beat(self, payload=10):
        """A row and an epoch behind it. Returns the epoch."""
        self.epoch += 1
        self.server.run(
            f"INSERT INTO {self.DATABASE}.t (epoch, v) VALUES ({self.epoch}, "
            f"REPEAT('{self.epoch % 10}', {payload}))",
            f"UPDATE heartbeat.heartbeat SET counter = {self.epoch} "
            f"WHERE server_id = {self.cluster_id}")
        self.places[self.epoch] = self.server.position()[0]
        return self.epoch

    def write_file(self, epochs=3, payload=10):
        """Epochs up to the end of a file. Returns the last of them."""
        for _ in range(epochs):
            self.beat(payload)
        self.server.rotate()
        return self.epoch

    def write_files(self, count, epochs=3, payload=10):
        for _ in range(count):
            self.write_file(epochs, payload)
        return self.epoch

    def file_of(self, epoch):
        """The oldest file that who has applied the epoch still needs: behind the last one of a file
        the next file, unless it is the newest epoch of all."""
        file = self.places[epoch]
        is_behind = epoch == self.last_of(file) and epoch != self.epoch
        return self.places[epoch + 1] if is_behind else file

    def last_of(self, file):
        return max(epoch for epoch, name in self.places.items() if name == file)

    def files(self):
        return [name for name, _ in self.server.binary_logs()]


class History:
    """Which epochs a source wrote into which file, as mysqlbinlog reads it in the source's own files."""

    def __init__(self, farm, server, cluster_id):
        self.farm = farm
        self.server = server
        self.cluster_id = cluster_id
        self._closed = {}  # name: the epochs of a file that does not grow any more
        self._ends = {}  # name: the epoch behind which nothing follows there, or none

    def _read(self):
        closed = self.names()[:-1]
        fresh = [name for name in closed if name not in self._closed]
        found = transactions(self.farm, *[self.server.data / name for name in fresh])
        for name, logged in found.items():
            self._closed[name] = [epoch for each in logged for epoch in self._epochs(each)]
            self._ends[name] = self._epochs(logged[-1]) if logged else []
        return self.names()[-1]

    def _epochs(self, transaction):
        return [int(row.values[2]) for row in transaction.rows
                if row.table == "heartbeat.heartbeat" and int(row.values[1]) == self.cluster_id]

    def names(self):
        return [name for name, _ in self.server.binary_logs()]

    def file_of(self, epoch):
        """The oldest file that who has applied the epoch still needs."""
        if epoch == NEVER:
            return self.names()[0]
        newest = self._read()
        file = next((name for name, epochs in self._closed.items() if epoch in epochs), newest)
        if epoch not in self._ends.get(file, []):
            return file
        names = self.names()  # the last one of its file: heartbeats go on, so it is not the newest
        return names[names.index(file) + 1]

    def gtids_before(self, file):
        """The transactions of all files in front of one, as the source itself wrote it there."""
        rows = self.server.query(f"SHOW BINLOG EVENTS IN '{file}' LIMIT 2")
        return next(row["Info"] for row in rows if row["Event_type"] == "Previous_gtids")
