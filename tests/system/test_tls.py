# SPDX-License-Identifier: Apache-2.0
"""How replicas log in: with and without TLS, by each plugin, by each server's own rules."""
import pymysql
import pytest

from clients import Client
from compare import assert_same_data
from dump import Dump
from relay import account
from servers import MariaDb1011, MariaDb118, MySql
from waiting import wait_until


@pytest.fixture(scope="module")
def newcomers(farm):
    """Replicas that each test points anew."""
    servers = [farm.make(MySql, "new-mysql"), farm.make(MariaDb1011, "new-maria-10"),
               farm.make(MariaDb118, "new-maria-11")]
    farm.start_all(*servers)
    yield dict(zip(("mysql", "maria_10", "maria_11"), servers))
    farm.forget(*servers)


@pytest.fixture(scope="module", autouse=True)
def history(quiet):
    for name in ("east", "south"):
        quiet.sources[name].run(f"CREATE DATABASE tls_{name}",
                                f"CREATE TABLE tls_{name}.t (id INT PRIMARY KEY)",
                                f"INSERT INTO tls_{name}.t VALUES (1), (2), (3)")


@pytest.fixture
def endpoint_with(quiet, new_relay):
    """A relay of the quiet sources with this TLS configuration and these accounts."""
    def make(tls, *accounts):
        relay = new_relay(quiet.cluster_configs(), list(accounts) or quiet.account_configs())
        if tls is not None:
            relay.config["endpoint"]["tls"] = tls
        return relay.start()
    return make


def assert_follows(quiet, cluster, replica, endpoint, more=""):
    replica.run("STOP REPLICA" if replica.flavour == "mysql" else "STOP ALL SLAVES")
    replica.run("RESET REPLICA ALL" if replica.flavour == "mysql" else "RESET SLAVE ALL")
    quiet.sources[cluster].run(f"REPLACE INTO tls_{cluster}.t VALUES (4)")
    replica.follow(endpoint, more=more)
    assert_same_data(quiet.sources[cluster], replica, f"tls_{cluster}")


def test_the_self_made_certificate_suits_a_mysql_replica(quiet, newcomers, endpoint_with):
    relay = endpoint_with(None)
    assert_follows(quiet, "east", newcomers["mysql"], relay.endpoint("repl_east"), "SOURCE_SSL=1")


def test_the_self_made_certificate_survives_a_restart(endpoint_with):
    relay = endpoint_with(None)
    before = peer_certificate(relay)
    relay.kill()
    relay.start()
    assert peer_certificate(relay) == before


def peer_certificate(relay):
    dump = Dump(relay.endpoint("repl_east"))
    certificate = dump.connection._sock.getpeercert(binary_form=True)
    dump.close()
    return certificate


def test_a_mysql_replica_gets_the_public_key_where_there_is_no_tls(quiet, newcomers, endpoint_with):
    relay = endpoint_with({"mode": "off"})
    assert_follows(quiet, "east", newcomers["mysql"], relay.endpoint("repl_east"),
                   "SOURCE_SSL=0, GET_SOURCE_PUBLIC_KEY=1")


def test_a_mysql_replica_verifies_a_certificate_of_our_own(quiet, newcomers, endpoint_with,
                                                           self_signed):
    place = newcomers["mysql"].place
    (place.outside / "relay-ca.pem").write_bytes(self_signed.cert.read_bytes())
    relay = endpoint_with({"mode": "required", "cert": str(self_signed.cert),
                           "key": str(self_signed.key)})
    assert_follows(quiet, "east", newcomers["mysql"], relay.endpoint("repl_east"),
                   f"SOURCE_SSL=1, SOURCE_SSL_CA='{place.inside}/relay-ca.pem', "
                   "SOURCE_SSL_VERIFY_SERVER_CERT=1")


def test_a_reload_takes_the_new_certificate(endpoint_with, self_signed, make_certificate, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(self_signed.cert.read_bytes())
    key.write_bytes(self_signed.key.read_bytes())
    relay = endpoint_with({"mode": "optional", "cert": str(cert), "key": str(key)})
    before = peer_certificate(relay)
    make_certificate(tmp_path)
    relay.command("reload")
    wait_until(lambda: peer_certificate(relay) != before, "the new certificate")


def test_a_mariadb_10_11_replica_logs_in_without_and_with_tls(quiet, newcomers, endpoint_with):
    relay = endpoint_with(None)
    for more in ("MASTER_SSL=0", "MASTER_SSL=1"):
        assert_follows(quiet, "south", newcomers["maria_10"], relay.endpoint("repl_south"), more)


def test_a_mariadb_11_8_replica_verifies_the_self_made_certificate(quiet, newcomers, endpoint_with):
    relay = endpoint_with(None)
    assert_follows(quiet, "south", newcomers["maria_11"], relay.endpoint("repl_south"),
                   "MASTER_SSL=1, MASTER_SSL_VERIFY_SERVER_CERT=1")


def test_a_mariadb_11_8_replica_logs_in_without_tls(quiet, newcomers, endpoint_with):
    relay = endpoint_with({"mode": "off"})
    assert_follows(quiet, "south", newcomers["maria_11"], relay.endpoint("repl_south"),
                   "MASTER_SSL=0, MASTER_SSL_VERIFY_SERVER_CERT=0")


@pytest.mark.parametrize("plugin", ["caching_sha2_password", "mysql_native_password"])
@pytest.mark.parametrize("tls", [True, False])
def test_both_plugins_with_and_without_tls(endpoint_with, quiet, plugin, tls):
    relay = endpoint_with(None, account("someone", "east", plugin=plugin))
    client = Client(quiet.farm, relay.endpoint("someone"))
    mode = ["--ssl-mode=REQUIRED"] if tls else ["--ssl-mode=DISABLED", "--get-server-public-key"]
    if plugin == "mysql_native_password" and not _mysql_has_native(client):
        done = client.mariadb("SELECT @@server_id",
                              *([] if tls else ["--skip-ssl"]))  # MySQL 9 has no such client plugin
    else:
        done = client.run("mysql", *mode, "-e", "SELECT @@server_id")
    assert done.returncode == 0, done.stderr
    assert "199" in done.stdout


def _mysql_has_native(client):
    return "mysql_native_password" not in client.run("mysql", "--ssl-mode=REQUIRED",
                                                     "-e", "SELECT 1").stderr


@pytest.mark.parametrize("where", ["endpoint", "account"])
def test_a_login_without_tls_is_refused_where_tls_is_required(endpoint_with, where):
    relay = endpoint_with({"mode": "required"} if where == "endpoint" else None,
                          account("someone", "east", plugin="mysql_native_password",
                                  tls="required" if where == "account" else "optional"))
    with pytest.raises(pymysql.MySQLError):
        Dump(relay.endpoint("someone"), tls=False)
    Dump(relay.endpoint("someone"), tls=True).close()


def test_an_account_of_several_clusters_names_one_in_its_login(quiet, endpoint_with):
    relay = endpoint_with(None, account("both", "east", "south"))
    for cluster, server_id in ("east", 199), ("south", 399):
        endpoint = relay.endpoint("both")
        dump = Dump(endpoint.as_user(f"both+{cluster}", endpoint.password))
        assert dump.ask("SELECT @@server_id") == ((server_id,),)
        dump.close()
    with pytest.raises(pymysql.MySQLError) as refusal:
        Dump(endpoint.as_user("both+west", endpoint.password))
    assert refusal.value.args[0] in (1044, 1045)
