# SPDX-License-Identifier: Apache-2.0
"""Two replicas of one group: one has the stream, and each epoch is applied by one of them, once."""
import os
import signal
import threading

import pymysql
import pytest

from appliers import TABLE, endpoint_cursor, events, wait_event
from proxy import Proxy
from relay import Refused, account, cluster, source
from servers import MySql
from waiting import wait_until

EAST = 199
TTL_SECONDS = 3
REPORT_SECONDS = 0.3
SETTLED_SECONDS = 60


class Source:
    """Each transaction is an epoch: a row, and the counter of the heartbeat table."""

    def __init__(self, server):
        self.server = server
        self.epoch = 0
        self._stop = threading.Event()
        self._thread = None

    def beat(self):
        self.epoch += 1
        self.server.run("BEGIN", f"INSERT INTO pulse.t VALUES ({self.epoch}, REPEAT('x', 500))",
                        f"UPDATE heartbeat.heartbeat SET counter = {self.epoch} "
                        f"WHERE server_id = {EAST}", "COMMIT")

    def start_beating(self):
        def run():
            while not self._stop.wait(0.02):
                self.beat()
        self._stop.clear()
        self._thread = threading.Thread(target=run)
        self._thread.start()

    def stop_beating(self):
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None
        return self.epoch


class Member:
    """A replica behind a proxy of its own, and the script that reports for it."""

    def __init__(self, relay, server, *, by_gtid):
        self.relay = relay
        self.server = server
        self.proxy = Proxy(relay.port)
        self.by_gtid = by_gtid
        self._stop = threading.Event()
        self._reporter = threading.Thread(target=self._report)
        self._reporter.start()

    @property
    def id(self):
        return self.server.server_id

    def follow(self, file="first"):
        place = {} if self.by_gtid else {"file": file}
        self.server.follow(self.relay.endpoint("repl", self.proxy.port), **place)

    def applied(self):
        """The epoch it has applied last, as its own script asks: not for long."""
        connection = pymysql.connect(unix_socket=str(self.server.socket), user="root",
                                     connect_timeout=1, read_timeout=1)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT counter FROM heartbeat.heartbeat WHERE server_id = %s",
                               (EAST,))
                return cursor.fetchone()[0]
        finally:
            connection.close()

    def _report(self):
        while not self._stop.wait(REPORT_SECONDS):
            try:
                epoch = self.applied()
                if epoch > 0:
                    with endpoint_cursor(self.relay) as cursor:
                        cursor.execute("UPDATE heartbeat.heartbeat SET applied_epoch = %s "
                                       "WHERE server_id = %s", (epoch, self.id))
            except (pymysql.MySQLError, OSError):
                pass  # one of the two is away, which is what these tests are about

    def epochs(self):
        return {row["epoch"] for row in self.server.query("SELECT epoch FROM pulse.t")}

    def close(self):
        self._stop.set()
        self._reporter.join()
        self.proxy.close()


def prepare(server):
    server.run("SET SESSION sql_log_bin = 0", "CREATE DATABASE heartbeat", TABLE,
               f"INSERT INTO heartbeat.heartbeat (server_id) VALUES ({EAST})",
               "CREATE DATABASE pulse", "CREATE TABLE pulse.t (epoch INT PRIMARY KEY, v TEXT)")


class Group:
    """A source, a relay with leases, and two replicas of the group west."""

    def __init__(self, farm, new_relay, *, by_gtid):
        self.farm = farm
        options = ["--replica-exec-mode=IDEMPOTENT", "--innodb-flush-log-at-trx-commit=1",
                   "--sync-binlog=1", "--relay-log-recovery=ON"]
        servers = [farm.make(MySql, f"lease-{name}", *options)
                   for name in ("source", "one", "other")]
        farm.start_all(*servers)
        for server in servers:
            prepare(server)
        servers[0].create_relay_account()
        self.servers = servers
        self.source = Source(servers[0])
        ids = [server.server_id for server in servers[1:]]
        self.relay = new_relay(
            [cluster("east", EAST, source(servers[0]), epochs="heartbeat",
                     lease={"ttl": f"{TTL_SECONDS}s"},
                     appliers=[{"server_id": each, "group": "west"} for each in ids])],
            [account("repl", "east"), account("report", "east", rights=["report", "read"])])
        self.relay.start()
        self.members = [Member(self.relay, server, by_gtid=by_gtid) for server in servers[1:]]

    def lease(self):
        return self.relay.command("lease show")[0]

    def wait_lease(self, what, **wanted):
        def is_so():
            shown = self.lease()
            return shown if all(shown[key] == value for key, value in wanted.items()) else None
        return wait_until(is_so, lambda: f"{what}: {wanted}; {self.lease()}; "
                          f"{self.relay.command('events')[-8:]}", SETTLED_SECONDS)

    def begin(self):
        """The first member has the stream, and the second is held."""
        holder, standby = self.members
        self.source.beat()
        wait_until(lambda: self.relay.command("index show east 1 --count 1"),
                   "the first epoch to be durable")
        holder.follow()
        self.wait_lease("the first to hold", holder=holder.id, state="held")
        standby.follow()
        self.wait_lease("the second to wait", waiting=[standby.id])
        return holder, standby

    def wait_applied(self, epoch, *members):
        for member in members:
            status = member.server.replica_status()
            assert not status["sql_errno"] and status["io_errno"] != 13114, status
        wait_until(lambda: max(member.applied() for member in members) == epoch,
                   lambda: f"epoch {epoch} to be applied; "
                   f"{[member.server.replica_status() for member in members]}; {self.lease()}",
                   SETTLED_SECONDS)

    def check_union(self):
        one, other = (member.epochs() for member in self.members)
        assert not one & other, f"applied by both: {sorted(one & other)[:20]}"
        missing = set(range(1, self.source.epoch + 1)) - one - other
        assert not missing, f"applied by none: {sorted(missing)[:20]}"
        return len(one), len(other)

    def beat_until_applied(self, member, more=50):
        """Traffic, until a member has applied some of it."""
        begun = member.applied()
        self.source.start_beating()
        wait_until(lambda: member.applied() > begun + more,
                   lambda: f"{member.id} to apply; {member.server.replica_status()}; "
                   f"{self.lease()}", SETTLED_SECONDS)

    def finish(self, *members):
        """No more traffic: all is applied, by one of the two."""
        self.wait_applied(self.source.stop_beating(), *(members or self.members))
        return self.check_union()

    def fence(self, member):
        """As a careful administrator: it applies nothing any more, and what it has is known."""
        member.server.run("STOP REPLICA", "RESET REPLICA ALL")
        applied = member.applied()
        self.relay.command(f"lease fence west {member.id} --applied {applied}")
        return applied

    def close(self):
        self.source.stop_beating()
        for member in self.members:
            member.close()
        self.relay.stop()
        self.farm.forget(*self.servers)


@pytest.fixture(params=[False, True], ids=["by position", "by GTID"])
def group(request, farm, new_relay):
    made = Group(farm, new_relay, by_gtid=request.param)
    yield made
    made.close()


def test_a_held_replica_is_quiet_and_gets_the_stream_when_the_holder_dies(group):
    holder, standby = group.begin()
    group.beat_until_applied(holder)
    assert standby.applied() == 0
    last = group.source.stop_beating()
    group.wait_applied(last, holder)
    group.wait_lease("all to be reported", applied_epoch=last)
    accepted = standby.proxy.accepted
    holder.server.kill()
    group.wait_lease("the second to hold", holder=standby.id, state="held", start_epoch=last)
    assert standby.proxy.accepted == accepted, "it was held on one connection all the time"
    group.beat_until_applied(standby)
    # The first comes back, and waits.
    holder.server.start()
    group.wait_lease("the first to wait", waiting=[holder.id], holder=standby.id)
    group.finish(standby)


def test_a_holder_that_is_cut_off_keeps_what_it_was_sent_until_it_is_fenced(group):
    holder, standby = group.begin()
    group.beat_until_applied(holder)
    holder.proxy.stall()  # what is sent from now on never arrives
    wait_event(group.relay, "lease.expired", "east", holder.id)
    waiting = wait_event(group.relay, "lease.waiting", "east", f"lease fence west {holder.id}")
    assert f"applier {holder.id} was sent up to" in waiting["text"]
    shown = group.lease()
    assert (shown["state"], shown["holder"], shown["waiting"]) == ("over", holder.id, [standby.id])
    assert shown["reason"] and standby.applied() == 0
    with pytest.raises(Refused, match="lease fence"):
        group.relay.command(f"lease grant west {standby.id}")
    applied = group.fence(holder)
    group.wait_lease("the second to hold", holder=standby.id, start_epoch=applied,
                     fenced=[holder.id])
    holder.proxy.mend()
    holder.follow()
    wait_until(lambda: "is fenced" in holder.server.log_tail(),
               lambda: f"the fenced one to be told; {holder.server.log_tail()}")
    # Its fence is lifted, and it begins anew behind what the group has applied.
    holder.server.run("STOP REPLICA", "RESET REPLICA ALL")
    group.relay.command(f"lease grant west {holder.id}")
    holder.follow(file=f"epoch.{group.lease()['applied_epoch']}")
    group.wait_lease("the first to wait", holder=standby.id, waiting=[holder.id])
    group.finish(standby)


def test_a_holder_that_stands_still_goes_on_with_what_is_its_own(group):
    holder, standby = group.begin()
    group.beat_until_applied(holder)
    os.kill(holder.server.pid, signal.SIGSTOP)
    wait_event(group.relay, "lease.expired", "east", holder.id)
    wait_event(group.relay, "lease.waiting", "east", holder.id)
    assert standby.applied() == 0
    os.kill(holder.server.pid, signal.SIGCONT)
    # It applies what was in its buffers: then it returns, or all is reported and the other follows.
    wait_until(lambda: group.lease()["state"] == "held", lambda: f"a holder; {group.lease()}",
               SETTLED_SECONDS)
    group.finish()


def test_the_stream_is_handed_over_under_traffic_by_hand(group):
    holder, standby = group.begin()
    group.beat_until_applied(holder)
    for _ in range(2):
        group.relay.command(f"lease release west {holder.id}")
        group.wait_lease("the other to hold", holder=standby.id, state="held")
        begun = standby.applied()
        wait_until(lambda: standby.applied() > begun + 50, "the other to apply")
        group.wait_lease("the first to wait", waiting=[holder.id])
        holder, standby = standby, holder
    assert len(events(group.relay, "lease.released", "east")) == 2
    group.finish()


def test_a_relay_that_is_killed_gives_the_stream_to_nobody_else(group):
    holder, standby = group.begin()
    group.beat_until_applied(holder)
    number = group.lease()["grant"]
    group.relay.kill()
    group.relay.start()
    shown = group.wait_lease("the first to hold again", holder=holder.id, state="held",
                             waiting=[standby.id])
    assert shown["grant"] > number
    begun = holder.applied()
    wait_until(lambda: holder.applied() > begun + 50, "the first to apply")
    # Both die at once: what the holder had is not known, and nobody follows before it is back.
    holder.server.kill()
    group.relay.kill()
    group.relay.start()
    wait_event(group.relay, "lease.waiting", "east", holder.id)
    group.wait_lease("nobody", state="over", holder=holder.id, waiting=[standby.id])
    holder.server.start()
    group.wait_lease("the first to hold", holder=holder.id, state="held")
    assert standby.applied() == 0
    group.finish()
