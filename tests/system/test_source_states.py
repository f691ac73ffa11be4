# SPDX-License-Identifier: Apache-2.0
"""A source in a wrong state: `status` says what and why, and the pull goes on when it is mended."""
import shutil
import subprocess

import pytest

from compare import assert_same_data, assert_stored_files_identical, wait_stored
from dump import NON_BLOCKING, Dump
from relay import account, cluster, source
from servers import Endpoint, MariaDb1011, MySql
from waiting import wait_until

NOT_STREAMING = ("connecting", "waiting", "denied", "misconfigured")


@pytest.fixture(scope="module")
def spare(farm):
    """A MySQL source that tests may mistreat; each leaves it running and whole."""
    server = farm.start(MySql, "spare")
    server.create_relay_account()
    server.run("CREATE DATABASE spare", "CREATE TABLE spare.t (id INT PRIMARY KEY AUTO_INCREMENT, "
               "v LONGTEXT)", "INSERT INTO spare.t (v) VALUES ('first')")
    yield server
    farm.forget(server)


@pytest.fixture
def spare_relay(new_relay, spare):
    """A relay of the spare source; changes of its source entry or cluster are keywords."""
    def make(entry=None, **more):
        return new_relay([cluster("spare", 77, source(spare, **(entry or {})), **more)],
                         [account("repl", "spare")])
    return make


def insert(server, count=1):
    for _ in range(count):
        server.run("INSERT INTO spare.t (v) VALUES ('more')")


def assert_goes_on(relay, server):
    relay.wait_state("spare", "streaming")
    insert(server)
    assert_stored_files_identical(relay, "spare", server)


def test_a_wrong_password_is_named_and_mended_at_the_source(spare, spare_relay):
    relay = spare_relay(entry={"password": "not-yet"}).start()
    relay.wait_state("spare", "denied", reason="access denied")
    spare.run("SET SESSION sql_log_bin = 0", "ALTER USER relay@'%' IDENTIFIED BY 'not-yet'")
    try:
        assert_goes_on(relay, spare)
    finally:
        spare.run("SET SESSION sql_log_bin = 0", "ALTER USER relay@'%' IDENTIFIED BY 'relay-secret'")


def test_a_password_file_is_read_again_on_reload(spare, spare_relay, tmp_path):
    file = tmp_path / "password"
    file.write_text("wrong\n")
    entry = {"password_file": str(file)}
    relay = spare_relay()
    relay.config["clusters"][0]["sources"][0].update(entry)
    del relay.config["clusters"][0]["sources"][0]["password"]
    relay.start()
    relay.wait_state("spare", "denied")
    file.write_text("relay-secret\n")
    relay.command("reload")
    assert_goes_on(relay, spare)


def test_an_account_without_the_replication_right_is_named(spare, spare_relay):
    spare.create_account("poor", "poor-secret", "SELECT")
    relay = spare_relay(entry={"user": "poor", "password": "poor-secret"}).start()
    relay.wait_state("spare", *NOT_STREAMING, reason="replication")
    spare.run("SET SESSION sql_log_bin = 0", "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO poor@'%'")
    assert_goes_on(relay, spare)


def test_a_stopped_source_is_waited_for(spare, spare_relay):
    spare.stop()
    relay = spare_relay().start()
    relay.wait_state("spare", "connecting", "waiting", reason=str(spare.port))
    spare.start()
    assert_goes_on(relay, spare)


def test_a_server_that_is_no_mysql_is_refused(spare_relay):
    nonsense = subprocess.Popen(
        ["/usr/bin/python3", "-c",
         "import socket\ns = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)\n"
         "while True:\n c, _ = s.accept(); c.sendall(b'SSH-2.0-nonsense\\r\\n' * 50); c.close()"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        port = int(nonsense.stdout.readline())
        relay = spare_relay(entry={"port": port}).start()
        row = relay.wait_state("spare", *NOT_STREAMING)
        assert row["reason"] or row["state"] == "connecting"
        assert relay.is_running()
    finally:
        nonsense.kill()
        nonsense.wait()


def test_the_source_s_own_server_id_is_refused_for_the_cluster(spare, new_relay):
    relay = new_relay([cluster("spare", spare.server_id, source(spare))],
                      [account("repl", "spare")]).start()
    relay.wait_state("spare", *NOT_STREAMING, reason=str(spare.server_id))
    spare.run(f"SET GLOBAL server_id = {spare.server_id + 5000}")
    try:
        relay.wait_state("spare", "streaming")
    finally:
        spare.run(f"SET GLOBAL server_id = {spare.server_id}")


def test_a_source_without_binary_log_is_named(farm, new_relay):
    server = farm.start(MySql, "unlogged", "--skip-log-bin")
    server.create_relay_account()
    relay = new_relay([cluster("spare", 77, source(server))], [account("repl", "spare")]).start()
    relay.wait_state("spare", *NOT_STREAMING, "source_purged", reason="log")
    server.stop()
    server.options.clear()
    server.start()
    relay.wait_state("spare", "streaming")
    farm.forget(server)


def test_a_source_that_purged_what_is_needed_is_named_and_serving_goes_on(spare, spare_relay):
    relay = spare_relay().start()
    relay.wait_state("spare", "streaming")
    insert(spare)
    wait_stored(relay, "spare", spare)
    needed, end = spare.position()
    relay.stop()
    spare.rotate()
    insert(spare)
    spare.rotate()
    spare.run(f"PURGE BINARY LOGS TO '{spare.position()[0]}'")
    relay.start()
    row = relay.wait_state("spare", "source_purged", reason=needed)
    assert row["durable"].startswith(f"{needed}:")
    dump = Dump(relay.endpoint("repl"))
    dump.start(needed, flags=NON_BLOCKING)
    assert max(event.next_position for event in dump.events()) >= end
    dump.close()


def test_a_source_that_lost_its_tail_is_noticed_and_nothing_is_cut(spare, spare_relay):
    insert(spare)
    spare.stop()
    older = spare.place.outside / "spare-older"
    shutil.copytree(spare.data, older)
    spare.start()
    relay = spare_relay(start="last").start()
    insert(spare, 5)
    wait_stored(relay, "spare", spare)
    file, end = spare.position()
    stored = relay.stored("spare", file).read_bytes()
    spare.kill()
    shutil.rmtree(spare.data)
    older.rename(spare.data)
    spare.start()
    insert(spare)
    relay.wait_state("spare", "source_behind", reason=file)
    assert relay.stored("spare", file).read_bytes()[:end] == stored[:end]
    assert relay.status("spare")["durable"] == f"{file}:{end}"


def test_a_source_whose_binlogs_were_reset_is_noticed_and_nothing_is_cut(farm, new_relay):
    server = farm.start(MySql, "reset")
    server.create_relay_account()
    server.run("CREATE DATABASE spare", "CREATE TABLE spare.t (id INT PRIMARY KEY AUTO_INCREMENT, "
               "v LONGTEXT)")
    relay = new_relay([cluster("spare", 77, source(server))], [account("repl", "spare")]).start()
    insert(server, 5)
    wait_stored(relay, "spare", server)
    file, end = server.position()
    stored = relay.stored("spare", file).read_bytes()
    relay.stop()  # a connection that is open hears nothing of a reset
    server.run("RESET BINARY LOGS AND GTIDS")
    insert(server, 20)
    relay.start()
    row = relay.wait_state("spare", "source_behind", "source_purged")
    assert row["reason"]
    assert relay.stored("spare", file).read_bytes() == stored
    assert row["durable"] == f"{file}:{end}"
    farm.forget(server)


def test_binlogs_without_checksums_are_stored_and_served(farm, new_relay):
    """With, without and with again, in one stream."""
    server, replica = farm.make(MySql, "unchecked"), farm.make(MySql, "unchecked-replica")
    farm.start_all(server, replica)
    server.create_relay_account()
    relay = new_relay([cluster("spare", 77, source(server))], [account("repl", "spare")]).start()
    replica.follow(relay.endpoint("repl"), file="binlog.000001")
    server.run("CREATE DATABASE spare", "CREATE TABLE spare.t (id INT PRIMARY KEY, v LONGTEXT)")
    for n, checksum in enumerate(["NONE", "CRC32", "NONE"]):
        server.run(f"SET GLOBAL binlog_checksum = '{checksum}'",
                   f"INSERT INTO spare.t VALUES ({3 * n}, '{checksum}')",
                   f"INSERT INTO spare.t VALUES ({3 * n + 1}, REPEAT('large', 4000000))",
                   f"UPDATE spare.t SET v = CONCAT(v, '{n}') WHERE id % 3 = 0")
    assert_same_data(server, replica, "spare")
    relay.kill()
    relay.start()
    server.run("INSERT INTO spare.t VALUES (100, 'after a restart')")
    assert_same_data(server, replica, "spare")
    assert_stored_files_identical(relay, "spare", server)
    farm.forget(server, replica)


def test_a_source_with_semi_sync_is_acknowledged(farm, new_relay):
    server, replica = farm.make(MySql, "semi"), farm.make(MySql, "semi-replica")
    farm.start_all(server, replica)
    server.create_relay_account()
    server.run("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'",
               "SET GLOBAL rpl_semi_sync_source_timeout = 60000",
               "SET GLOBAL rpl_semi_sync_source_enabled = ON")
    replica.run("INSTALL PLUGIN rpl_semi_sync_replica SONAME 'semisync_replica.so'",
                "SET GLOBAL rpl_semi_sync_replica_enabled = ON")
    relay = new_relay([cluster("spare", 77, source(server), semi_sync=True)],
                      [account("repl", "spare")]).start()
    relay.wait_state("spare", "streaming")

    def counter(name):
        return int(server.query(f"SHOW STATUS LIKE 'Rpl_semi_sync_source_{name}'")[0]["Value"])
    wait_until(lambda: counter("clients") == 1, "the relay to be a semi-sync replica")
    acknowledged = counter("yes_tx")
    server.run("CREATE DATABASE spare", "CREATE TABLE spare.t (id INT PRIMARY KEY)",
               *[f"INSERT INTO spare.t VALUES ({n})" for n in range(50)])
    assert counter("yes_tx") == acknowledged + 52
    assert counter("no_tx") == 0
    # What was acknowledged is on the relay's disk, whatever becomes of the relay.
    file, end = server.position()
    relay.kill()
    assert relay.stored("spare", file).stat().st_size >= end
    relay.start()
    wait_until(lambda: counter("clients") == 1, "the relay to be a semi-sync replica again")
    # Replicas that ask for it are told that this endpoint does not have it, and go on without.
    replica.follow(relay.endpoint("repl"))
    assert_same_data(server, replica, "spare")
    farm.forget(server, replica)


def test_a_mariadb_source_with_semi_sync_is_acknowledged(farm, new_relay):
    server = farm.start(MariaDb1011, "semi-maria")
    server.create_relay_account()
    server.run("SET GLOBAL rpl_semi_sync_master_timeout = 60000",
               "SET GLOBAL rpl_semi_sync_master_enabled = ON")
    relay = new_relay([cluster("spare", 77, source(server), semi_sync=True)],
                      [account("repl", "spare")]).start()
    relay.wait_state("spare", "streaming")

    def counter(name):
        return int(server.query(f"SHOW STATUS LIKE 'Rpl_semi_sync_master_{name}'")[0]["Value"])
    wait_until(lambda: counter("clients") == 1, "the relay to be a semi-sync replica")
    acknowledged = counter("yes_tx")
    server.run("CREATE DATABASE spare", "CREATE TABLE spare.t (id INT PRIMARY KEY)",
               *[f"INSERT INTO spare.t VALUES ({n})" for n in range(20)])
    assert counter("yes_tx") == acknowledged + 22
    assert counter("no_tx") == 0
    farm.forget(server)


# -- TLS towards the source

def test_the_source_s_certificate_is_verified_by_its_ca(spare, spare_relay):
    ca = str(spare.data / "ca.pem")
    relay = spare_relay(entry={"tls": {"mode": "verify_ca", "ca": ca}}).start()
    assert_goes_on(relay, spare)


def test_a_source_with_another_name_or_ca_is_refused(spare, spare_relay, self_signed):
    ca = str(spare.data / "ca.pem")
    relay = spare_relay(entry={"tls": {"mode": "verify_identity", "ca": ca}}).start()
    relay.wait_state("spare", *NOT_STREAMING, reason="certificate")
    relay = spare_relay(entry={"tls": {"mode": "verify_ca", "ca": str(self_signed.cert)}}).start()
    relay.wait_state("spare", *NOT_STREAMING, reason="certificate")


def test_a_source_with_the_right_name_is_accepted(farm, new_relay, self_signed):
    place = farm.place(MySql)
    for name in ("cert", "key"):
        (place.outside / f"named-{name}.pem").write_bytes(getattr(self_signed, name).read_bytes())
    server = farm.start(MySql, "named", f"--ssl-cert={place.inside}/named-cert.pem",
                        f"--ssl-key={place.inside}/named-key.pem")
    server.create_relay_account()
    tls = {"mode": "verify_identity", "ca": str(self_signed.cert)}
    relay = new_relay([cluster("spare", 77, source(server, tls=tls))],
                      [account("repl", "spare")]).start()
    relay.wait_state("spare", "streaming")
    farm.forget(server)


def test_a_password_does_not_travel_without_tls(farm, new_relay):
    server = farm.start(MySql, "bare")
    server.create_relay_account()
    relay = new_relay([cluster("spare", 77, source(server, tls={"mode": "off"}))],
                      [account("repl", "spare")]).start()
    relay.wait_state("spare", *NOT_STREAMING, reason="tls")
    # Once the server knows the password, a proof is enough, and that may travel.
    Dump(Endpoint("127.0.0.1", server.port, "relay", "relay-secret")).close()
    relay.wait_state("spare", "streaming")
    farm.forget(server)


def test_a_password_travels_to_a_pinned_key_without_tls(farm, new_relay):
    server = farm.start(MySql, "pinned")
    server.create_relay_account()
    key = str(server.data / "public_key.pem")
    relay = new_relay([cluster("spare", 77, source(server, tls={"mode": "off"}, public_key=key))],
                      [account("repl", "spare")]).start()
    relay.wait_state("spare", "streaming")
    farm.forget(server)


def test_a_source_without_tls_is_refused_where_tls_is_required(farm, new_relay):
    server = farm.start(MariaDb1011, "plain")
    server.create_relay_account()
    relay = new_relay([cluster("spare", 77, source(server, tls={"mode": "required"}))],
                      [account("repl", "spare")]).start()
    relay.wait_state("spare", *NOT_STREAMING, reason="tls")
    farm.forget(server)
