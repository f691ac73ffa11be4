# SPDX-License-Identifier: Apache-2.0
"""What the relay says to its sources in SQL: heartbeats, and FLUSH BINARY LOGS."""
import re

import pymysql
import pytest

from relay import account, cluster, source
from servers import MariaDb1011, MySql
from waiting import wait_until

HEARTBEAT = {"write_to_sources": True, "interval": "100ms"}
SERVER_ID = 199
FIELD_TABLE = """CREATE TABLE heartbeat.heartbeat (
    server_id INT UNSIGNED NOT NULL PRIMARY KEY,
    counter BIGINT UNSIGNED NOT NULL DEFAULT 0,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)"""
GRANTS = {"mysql": "REPLICATION SLAVE, REPLICATION CLIENT, SELECT",
          "mariadb": "REPLICATION SLAVE, BINLOG MONITOR, SELECT"}
WRITE = {"mysql": "INSERT, UPDATE, CREATE", "mariadb": "INSERT, UPDATE, CREATE, BINLOG ADMIN"}


def start_source(farm, kind, name, *options, grants=None):
    server = farm.start(kind, name, *options)
    server.create_account("relay", "relay-secret",
                          f"{GRANTS[kind.flavour]}, {grants or WRITE[kind.flavour]}")
    return server


def begin_relay(new_relay, server, *, heartbeat=None, tls=None, **more):
    entry = source(server, **({"tls": tls} if tls else {}))
    relay = new_relay([cluster("east", SERVER_ID, entry, epochs="heartbeat", **more)],
                      [account("repl", "east", plugin="mysql_native_password",
                               rights=["replicate", "read", "admin"])],
                      heartbeat={**HEARTBEAT, **(heartbeat or {})})
    return relay.start()


def counter(server, server_id=SERVER_ID):
    try:
        return server.value("SELECT counter FROM heartbeat.heartbeat WHERE server_id = %s",
                            (server_id,)) or 0
    except pymysql.MySQLError:  # there is no table yet
        return 0


def wait_advance(server, by=3):
    """Waits until the counter rose, and returns it."""
    begun = counter(server)
    wait_until(lambda: counter(server) >= begun + by,
               lambda: f"the counter to rise by {by}; it is {counter(server)} after {begun}")
    return counter(server)


def wait_log(relay, text):
    wait_until(lambda: text in relay.log.read_text(errors="replace"), f"the relay to log {text!r}")


def logged(relay, level, text):
    """The lines of a level that contain the text."""
    return [line for line in relay.log.read_text(errors="replace").splitlines()
            if text in line and re.search(rf"\b{level}\b", line)]


def wait_pulled(relay, server):
    """Waits until all that the source wrote up to now is durable at the relay."""
    end = server.position()
    wait_until(lambda: relay.durable("east") >= end,
               lambda: f"{end} to be durable: {relay.describe('east')}")


def endpoint_connection(relay):
    return pymysql.connect(host="127.0.0.1", port=relay.port, user="repl", password="repl-secret",
                           ssl={"check_hostname": False})


def epochs(relay):
    """The epochs in the relay's index, in their order."""
    with endpoint_connection(relay) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT epoch FROM mysql.ndb_binlog_index ORDER BY epoch")
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.parametrize("kind", [MySql, MariaDb1011])
def test_makes_the_table_and_advances_the_counter(farm, new_relay, kind):
    # MIXED is MariaDB's own default: a heartbeat must be a rows event all the same.
    options = ["--binlog-format=MIXED"] if kind is MariaDb1011 else []
    server = start_source(farm, kind, f"beats-{kind.flavour}", *options)
    relay = begin_relay(new_relay, server)
    first = wait_advance(server)
    columns = [row["Field"] for row in server.query("SHOW COLUMNS FROM heartbeat.heartbeat")]
    assert columns == ["server_id", "counter", "applied_epoch", "source_cluster", "updated_at"]
    wait_pulled(relay, server)
    stored = epochs(relay)
    assert stored == list(range(1, len(stored) + 1)) and len(stored) >= first
    file, _ = server.position()
    shown = server.query(f"SHOW BINLOG EVENTS IN '{file}'")
    assert not [row for row in shown if "INSERT INTO `heartbeat`" in row["Info"]
                and "Annotate" not in row["Event_type"]]
    # A restart of the relay goes on counting, and makes nothing again: that would be logged.
    assert relay.stop() == 0
    relay.start()
    assert wait_advance(server) > first
    shown = server.query(f"SHOW BINLOG EVENTS IN '{file}'")
    assert len([row for row in shown if "CREATE TABLE" in row["Info"].upper()]) == 1
    farm.forget(server)


def test_goes_on_after_the_source_was_away(farm, new_relay):
    server = start_source(farm, MySql, "beats-restart")
    relay = begin_relay(new_relay, server)
    wait_advance(server)
    server.stop()
    wait_log(relay, "cannot write heartbeats")
    server.start()
    wait_advance(server)
    wait_log(relay, "can write heartbeats again")
    relay.wait_state("east", "streaming")
    assert len(logged(relay, "warning", "cannot write heartbeats")) == 1
    farm.forget(server)


def test_needs_no_right_to_create_where_a_table_of_the_field_is(farm, new_relay):
    server = start_source(farm, MySql, "beats-field", grants="INSERT, UPDATE")
    server.run("CREATE DATABASE heartbeat", FIELD_TABLE,
               f"INSERT INTO heartbeat.heartbeat (server_id, counter) VALUES ({SERVER_ID}, 4711)")
    relay = begin_relay(new_relay, server)
    wait_until(lambda: counter(server) > 4713, "the counter to rise")
    columns = [row["Field"] for row in server.query("SHOW COLUMNS FROM heartbeat.heartbeat")]
    assert columns == ["server_id", "counter", "updated_at"]
    assert not logged(relay, "warning", "heartbeats")
    farm.forget(server)


def test_says_which_right_is_missing_and_goes_on_pulling(farm, new_relay):
    server = start_source(farm, MySql, "beats-poor", grants="INSERT, UPDATE")
    relay = begin_relay(new_relay, server)
    wait_log(relay, "cannot write heartbeats")
    assert "CREATE command denied" in logged(relay, "warning", "cannot write heartbeats")[0]
    relay.wait_state("east", "streaming")
    server.run("CREATE DATABASE heartbeat", FIELD_TABLE)
    wait_advance(server)
    wait_pulled(relay, server)
    farm.forget(server)


@pytest.mark.parametrize("kind", [MySql, MariaDb1011])
def test_waits_until_a_source_may_be_written_to(farm, new_relay, kind):
    server = start_source(farm, kind, f"beats-read-only-{kind.flavour}")
    relay = begin_relay(new_relay, server)
    wait_advance(server)
    server.run("SET GLOBAL read_only = ON")
    wait_log(relay, "cannot write heartbeats")
    assert "read-only" in logged(relay, "warning", "cannot write heartbeats")[0]
    relay.wait_state("east", "streaming")
    server.run("SET GLOBAL read_only = OFF")
    wait_advance(server)
    farm.forget(server)


def test_a_refused_password_is_told_once_and_a_reload_mends_it(farm, new_relay):
    server = start_source(farm, MySql, "beats-password")
    relay = begin_relay(new_relay, server)
    wait_advance(server)
    server.run("SET sql_log_bin = 0", "ALTER USER relay@'%' IDENTIFIED BY 'another'")
    server.stop()
    server.start()
    relay.wait_state("east", "denied")
    wait_log(relay, "Access denied for user 'relay'")
    relay.config["clusters"][0]["sources"][0]["password"] = "another"
    relay.write_config()
    relay.command("reload")
    wait_advance(server)
    relay.wait_state("east", "streaming")
    assert "another" not in relay.log.read_text()
    farm.forget(server)


def test_demands_tls_where_it_is_configured(farm, new_relay, self_signed):
    server = start_source(farm, MariaDb1011, "beats-tls", f"--ssl-cert={self_signed.cert}",
                          f"--ssl-key={self_signed.key}")
    relay = begin_relay(new_relay, server,
                        tls={"mode": "verify_identity", "ca": str(self_signed.cert)})
    wait_advance(server)
    relay.stop()
    for mode in ("required", "verify_ca"):
        relay.config["clusters"][0]["sources"][0]["tls"] = {"mode": mode,
                                                            "ca": str(self_signed.cert)}
        relay.start()
        wait_advance(server)
        relay.stop()
    server.stop()
    server.options = []
    server.start()
    before = counter(server)
    for mode in ("required", "verify_ca", "verify_identity"):
        relay.config["clusters"][0]["sources"][0]["tls"] = {"mode": mode,
                                                            "ca": str(self_signed.cert)}
        relay.log.unlink()
        relay.start()
        wait_log(relay, "cannot write heartbeats")
        told = logged(relay, "warning", "cannot write heartbeats")
        assert "offers no TLS" in told[0] or "SSL is required" in told[0]
        relay.stop()
    assert counter(server) == before
    farm.forget(server)


def test_an_unknown_authority_is_refused(farm, new_relay, self_signed, make_certificate, tmp_path):
    server = start_source(farm, MariaDb1011, "beats-stranger", f"--ssl-cert={self_signed.cert}",
                          f"--ssl-key={self_signed.key}")
    other = make_certificate(tmp_path)
    relay = begin_relay(new_relay, server, tls={"mode": "verify_ca", "ca": str(other.cert)})
    wait_log(relay, "cannot write heartbeats")
    assert "self-signed" in logged(relay, "warning", "cannot write heartbeats")[0] \
        or "verif" in logged(relay, "warning", "cannot write heartbeats")[0]
    assert counter(server) == 0
    farm.forget(server)


def test_sends_no_password_without_tls_but_to_a_pinned_key(farm, new_relay, tmp_path):
    """A fresh server has no cached proof of the account: it asks for the password itself."""
    server = start_source(farm, MySql, "beats-plain")
    server.run("FLUSH PRIVILEGES")  # forgets cached proofs
    relay = begin_relay(new_relay, server, tls={"mode": "off"})
    wait_log(relay, "neither TLS nor a public_key")
    assert counter(server) == 0
    relay.stop()
    rows = server.query("SHOW STATUS LIKE 'Caching_sha2_password_rsa_public_key'")
    pinned = tmp_path / "source.pem"
    pinned.write_text(rows[0]["Value"])
    relay.config["clusters"][0]["sources"][0]["public_key"] = str(pinned)
    relay.start()
    wait_advance(server)
    farm.forget(server)


def test_a_flush_at_the_endpoint_rotates_the_source(farm, new_relay):
    server = start_source(farm, MySql, "beats-flush", grants="RELOAD")
    relay = begin_relay(new_relay, server, heartbeat={"write_to_sources": False})
    relay.wait_state("east", "streaming")
    before, _ = server.position()
    with endpoint_connection(relay) as connection, connection.cursor() as cursor:
        cursor.execute("FLUSH BINARY LOGS")
        after, _ = server.position()
        assert after > before
        wait_pulled(relay, server)
        server.run("SET sql_log_bin = 0", "REVOKE RELOAD ON *.* FROM relay@'%'")
        with pytest.raises(pymysql.MySQLError) as refused:
            cursor.execute("FLUSH BINARY LOGS")
        assert refused.value.args[0] == 1227 and "source 127.0.0.1" in refused.value.args[1]
        server.stop()
        with pytest.raises(pymysql.MySQLError) as refused:
            cursor.execute("FLUSH BINARY LOGS")
        assert refused.value.args[0] == 1105
        cursor.execute("SELECT 1")
    farm.forget(server)


def test_the_apply_status_of_the_source_is_seen_at_the_endpoint(farm, new_relay):
    server = start_source(farm, MySql, "apply-status")
    relay = new_relay([cluster("east", SERVER_ID, source(server), epochs="ndb")],
                      [account("repl", "east", plugin="mysql_native_password")],
                      heartbeat={"interval": "100ms"}).start()
    relay.wait_state("east", "streaming")

    def rows():
        with endpoint_connection(relay) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT server_id, epoch, log_name, start_pos, end_pos"
                           " FROM mysql.ndb_apply_status ORDER BY server_id")
            return list(cursor.fetchall())

    assert rows() == []  # a server without the table is no fault
    server.run("SET SESSION sql_log_bin = 0",
               """CREATE TABLE mysql.ndb_apply_status (
                  server_id INT UNSIGNED NOT NULL PRIMARY KEY, epoch BIGINT UNSIGNED NOT NULL,
                  log_name VARCHAR(255) BINARY NOT NULL, start_pos BIGINT UNSIGNED NOT NULL,
                  end_pos BIGINT UNSIGNED NOT NULL)""",
               "INSERT INTO mysql.ndb_apply_status VALUES (7, 4711, 'binlog.000003', 4, 99),"
               " (4294967295, 18446744073709551615, '', 0, 0)")
    wanted = [(7, 4711, "binlog.000003", 4, 99), (4294967295, 18446744073709551615, "", 0, 0)]
    wait_until(lambda: rows() == wanted, lambda: f"{wanted} to be shown; it is {rows()}")
    assert not logged(relay, "warning", "ndb_apply_status")
    farm.forget(server)
