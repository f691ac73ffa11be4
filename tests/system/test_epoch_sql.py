# SPDX-License-Identifier: Apache-2.0
"""What scripts and people ask of a binlog server about epochs, verbatim, from the mysql client."""
import subprocess

import pytest

from clients import Client
from recording import (APPLIER_OPTIONS, RecordedServer, assert_final_contents, prepare_applier,
                       recorded_index)
from relay import Relay, account, source
from servers import MySql
from test_epoch_replicas import applied_epoch, recorded_gtids, wait_applied
from test_epochs import VIRTUAL_ID, index_of, ndb_cluster, wait_indexed
from waiting import wait_until

APPLIER_ID = 201
UNKNOWN = 1  # an epoch that nobody has


@pytest.fixture(scope="module")
def a3(farm):
    server = farm.start(RecordedServer, "asked-a3")
    server.create_relay_account()
    yield server
    farm.forget(server)


@pytest.fixture(scope="module")
def relay(a3, tmp_path_factory):
    made = Relay(tmp_path_factory.mktemp("asked"),
                 [ndb_cluster(a3, identity="virtual", appliers=[{"server_id": APPLIER_ID}])],
                 [account("repl", "ndb", rights=["replicate", "read", "report"])])
    try:
        made.start()
        wait_indexed(made, a3)
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def index(relay):
    return index_of(relay)


@pytest.fixture(scope="module")
def epochs(index):
    return sorted(index)


@pytest.fixture
def mysql(farm, relay):
    """Runs a statement as scripts do, and returns what it printed, line by line, column by column."""
    client = Client(farm, relay.endpoint("repl"))

    def ask(statement, *arguments):
        done = client.run("mysql", *(arguments or ("-N", "-B")), "-e", statement)
        errors = [line for line in done.stderr.splitlines() if "[Warning]" not in line]
        assert done.returncode == 0 and not errors, f"{statement}: {errors}"
        return [line.split("\t") for line in done.stdout.splitlines()]
    return ask


@pytest.fixture
def refused(farm, relay):
    """The error that a statement gets."""
    client = Client(farm, relay.endpoint("repl"))

    def ask(statement):
        done = client.run("mysql", "-N", "-B", "-e", statement)
        assert done.returncode != 0, done.stdout
        return done.stderr
    return ask


def start_of(index, epoch):
    return [[index[epoch]["File"], str(index[epoch]["Position"])]]


def end_of(index, epoch):
    return [[index[epoch]["next_file"], str(index[epoch]["next_position"])]]


# -- the position queries Q1 to Q5 of the scripts in the field

FIRST_POSITION = """
SELECT
    IFNULL(
        (
            SELECT SUBSTRING_INDEX(File, '/', -1)
                FROM mysql.ndb_binlog_index
                WHERE epoch = (
                    SELECT MIN(epoch) FROM mysql.ndb_binlog_index
                )
        ),
        'binlog.000003'
    ) AS File,
    IFNULL(
        (
            SELECT Position
                FROM mysql.ndb_binlog_index
                WHERE epoch = (
                    SELECT MIN(epoch) FROM mysql.ndb_binlog_index
                )
        ),
        '4'
    ) AS Position
FROM dual;
"""
BEHIND = """
SELECT SUBSTRING_INDEX(next_file, '/', -1) as next_file, next_position
    FROM mysql.ndb_binlog_index
    WHERE epoch = {};
"""
RESTORES = """
SELECT COUNT(*)
    FROM mysql.ndb_apply_status
    WHERE server_id = 0;
"""
NEXT = """
SELECT SUBSTRING_INDEX(File, '/', -1), position
    FROM mysql.ndb_binlog_index
    WHERE epoch > {}
    ORDER BY epoch ASC
    LIMIT 1;
"""
BEFORE = """
SELECT SUBSTRING_INDEX(next_file, '/', -1),
            next_position
    FROM mysql.ndb_binlog_index
    WHERE epoch < {}
    ORDER BY epoch DESC
    LIMIT 1;
"""


def test_q1_is_where_the_first_epoch_begins(mysql, index, epochs):
    assert mysql(FIRST_POSITION) == start_of(index, epochs[0])


def test_q1_is_its_own_literals_while_there_is_no_epoch(farm, quiet, new_relay):
    relay = new_relay([ndb_cluster(None, source(quiet.east))], [account("repl", "ndb")]).start()
    relay.wait_state("ndb", "streaming")
    done = Client(farm, relay.endpoint("repl")).run("mysql", "-N", "-B", "-e", FIRST_POSITION)
    assert done.stdout.split() == ["binlog.000003", "4"], done.stderr


def test_q2_is_behind_the_epoch_or_nothing(mysql, index, epochs):
    for epoch in epochs[::60]:
        assert mysql(BEHIND.format(epoch)) == end_of(index, epoch)
    assert mysql(BEHIND.format(UNKNOWN)) == []
    assert mysql(BEHIND.format(epochs[-1] + 1)) == []


def test_q2_has_a_row_for_an_epoch_that_was_empty_here(mysql, index, epochs):
    """Between two epochs without a gap lies nothing, so what is behind one is behind the other."""
    at = next(n for n in range(1, len(epochs)) if epochs[n] > epochs[n - 1] + 1)
    assert mysql(BEHIND.format(epochs[at] - 1)) == end_of(index, epochs[at - 1])


def test_q3_counts_the_source_cluster_s_restores(mysql, a3):
    assert mysql(RESTORES) == [["0"]]
    a3.run("SET SESSION sql_log_bin = 0",
           "INSERT INTO mysql.ndb_apply_status VALUES (0, 498216206335, '', 0, 0)")
    try:
        wait_until(lambda: mysql(RESTORES) == [["1"]], "the restore to be seen")
    finally:
        a3.run("SET SESSION sql_log_bin = 0", "DELETE FROM mysql.ndb_apply_status")


def test_q4_is_the_start_of_the_next_epoch_or_nothing(mysql, index, epochs):
    pseudo = (epochs[100] >> 32 << 32) | 0xFFFFFFFF
    behind = next(epoch for epoch in epochs if epoch > pseudo)
    assert mysql(NEXT.format(pseudo)) == start_of(index, behind)
    assert mysql(NEXT.format(epochs[0])) == start_of(index, epochs[1])
    assert mysql(NEXT.format(epochs[-1])) == []
    assert mysql(NEXT.format(UNKNOWN)) == [], "what was purged before the first epoch is unknown"


def test_q5_is_the_end_of_the_last_epoch_before(mysql, index, epochs):
    assert mysql(BEFORE.format((epochs[-1] >> 32 << 32) | 0xFFFFFFFF)) == end_of(index, epochs[-1])
    assert mysql(BEFORE.format(epochs[100])) == end_of(index, epochs[99])
    assert mysql(BEFORE.format(epochs[0])) == []


def test_an_inequality_does_not_jump_a_gap(farm, new_relay):
    server = farm.start(RecordedServer, "gap-a1")
    server.create_relay_account()
    relay = new_relay([ndb_cluster(server)], [account("repl", "ndb")]).start()
    wait_indexed(relay, server)
    index = index_of(relay)
    before = max(epoch for epoch in index if index[epoch]["File"] == "binlog.000003")
    client = Client(farm, relay.endpoint("repl"))
    for statement in (NEXT.format(before), NEXT.format(before + 1), BEHIND.format(before + 1)):
        done = client.run("mysql", "-N", "-B", "-e", statement)
        assert done.returncode == 0 and not done.stdout.strip(), statement + done.stdout + done.stderr
    done = client.run("mysql", "-N", "-B", "-e", BEHIND.format(before))
    assert [done.stdout.split()] == end_of(index, before)
    farm.forget(server)


# -- what the manual and its tests say, and what people paste

def test_the_fail_over_of_the_manual(mysql, relay, index, epochs):
    latest = epochs[120]
    statements = f"""
SET @latest := {latest};
SELECT @file:=SUBSTRING_INDEX(next_file, '/', -1), @pos:=next_position
    FROM mysql.ndb_binlog_index
    WHERE epoch = @latest;
SELECT CONCAT(@file, ':', @pos);
SELECT File, Position FROM mysql.ndb_binlog_index WHERE epoch > @latest ORDER BY epoch ASC LIMIT 1;
SELECT next_file, next_position FROM mysql.ndb_binlog_index WHERE epoch = @latest ORDER BY epoch ASC LIMIT 1;
SELECT next_file, next_position FROM mysql.ndb_binlog_index WHERE epoch <= @latest ORDER BY epoch DESC LIMIT 1;
"""
    rows = [[each.rpartition("/")[2] for each in row] for row in mysql(statements)]
    file, position = end_of(index, latest)[0]
    assert rows == [[file, position], [f"{file}:{position}"], *start_of(index, epochs[121]),
                    [file, position], [file, position]]


def test_the_newest_position_in_two_variables(mysql, index, epochs):
    assert mysql("SELECT @file:=SUBSTRING_INDEX(next_file,'/',-1), @pos:=next_position "
                 "FROM mysql.ndb_binlog_index ORDER BY epoch DESC LIMIT 1") == end_of(index, epochs[-1])


def test_the_form_of_the_server_s_own_tests(mysql, index, epochs):
    assert mysql("""SELECT SUBSTRING_INDEX(REPLACE(next_file,'\\\\\\\\','/'),'/',-1) AS File
        FROM mysql.ndb_binlog_index WHERE epoch = """ + str(epochs[7])) == [end_of(index, epochs[7])[0][:1]]
    assert mysql("SELECT count(1) FROM mysql.ndb_binlog_index") == [["256"]]
    assert mysql("SELECT COUNT(*) > 0, epoch >> 32, epoch & 4294967295 FROM mysql.ndb_binlog_index "
                 f"WHERE epoch = {epochs[9]}") == [["1", str(epochs[9] >> 32),
                                                   str(epochs[9] & 0xFFFFFFFF)]]
    assert mysql("SELECT @latest:=MAX(epoch) FROM mysql.ndb_apply_status "
                 "WHERE server_id NOT IN (1, 2, 3)") == [["NULL"]]


def test_the_whole_table_is_what_the_server_has(mysql, epochs):
    rows = mysql("USE mysql; SELECT * FROM ndb_binlog_index")
    theirs = recorded_index("a3")
    assert [int(row[2]) for row in rows] == epochs
    assert all(len(row) == 12 for row in rows)
    assert {int(row[2]): int(row[10]) for row in rows} == \
        {epoch: row["next_position"] for epoch, row in theirs.items()}
    header = mysql("SELECT * FROM mysql.ndb_binlog_index LIMIT 1", "-B")[0]
    assert header == ["Position", "File", "epoch", "inserts", "updates", "deletes", "schemaops",
                      "orig_server_id", "orig_epoch", "gci", "next_position", "next_file"]


@pytest.mark.parametrize("statement, expected", [
    ("SELECT 1", "1"),
    ("SELECT DATABASE()", "NULL"),
    ("USE mysql; SELECT DATABASE()", "mysql"),
    ("SELECT @@GLOBAL.SERVER_ID", str(VIRTUAL_ID)),
    ("SELECT IFNULL(NULL, 'x'), REPLACE('a/b', '/', '.'), CONCAT('a', 1)", "x\ta.b\ta1"),
    ("SELECT CAST('12' AS UNSIGNED) + 1 FROM dual", "13"),
    ("SELECT 18446744073709551615, 9223372036854775808", "18446744073709551615\t9223372036854775808"),
    ("SELECT 'A' = 'a', '1' = 1, \"double\" = 'double'", "1\t1\t1"),
    ("SELECT UNIX_TIMESTAMP() - UNIX_TIMESTAMP(NOW())", "0"),
    ("# a comment\nSELECT /* another */ 2 -- and one more", "2"),
    ("SELECT COUNT(*) FROM mysql.ndb_binlog_index WHERE epoch IN (SELECT MAX(epoch) FROM "
     "mysql.ndb_binlog_index) OR epoch IS NULL", "1"),
    ("SELECT `epoch` FROM `mysql`.`ndb_binlog_index` WHERE `epoch` <> 5 AND epoch < 0", ""),
])
def test_small_statements(mysql, statement, expected):
    assert "\n".join("\t".join(row) for row in mysql(statement)) == expected


def test_the_statements_of_administrators(mysql):
    for statement in ("SHOW MASTER STATUS", "SHOW BINARY LOG STATUS"):
        assert mysql(statement)[0][0] == "binlog.000004"
    assert [row[0] for row in mysql("SHOW BINARY LOGS")] == [f"binlog.00000{n}" for n in range(1, 5)]
    for statement in ("SHOW REPLICAS", "SHOW SLAVE HOSTS", "SHOW WARNINGS"):
        mysql(statement)


# -- heartbeat rows

def beats(mysql):
    return dict((row[0], row[1:]) for row in mysql(
        "SELECT server_id, counter, applied_epoch, source_cluster FROM heartbeat.heartbeat"))


def test_an_applier_reports_with_an_update(mysql, epochs):
    counter = int(beats(mysql)[str(APPLIER_ID)][0])
    mysql(f"UPDATE heartbeat.heartbeat SET counter=counter+1, applied_epoch={epochs[5]} "
          f"WHERE server_id={APPLIER_ID}")
    assert beats(mysql)[str(APPLIER_ID)] == [str(counter + 1), str(epochs[5]), "NULL"]
    mysql(f"\nUPDATE heartbeat.heartbeat SET counter = counter + 1 WHERE server_id={APPLIER_ID};\n")
    assert beats(mysql)[str(APPLIER_ID)] == [str(counter + 2), str(epochs[5]), "NULL"]


def test_an_applier_reports_with_an_insert_or_a_replace(mysql, epochs):
    mysql(f"INSERT INTO heartbeat.heartbeat (server_id, counter) VALUES ({APPLIER_ID}, 1) "
          "ON DUPLICATE KEY UPDATE counter = 500")
    assert beats(mysql)[str(APPLIER_ID)][0] == "500"
    mysql(f"REPLACE INTO heartbeat.heartbeat (server_id, counter, applied_epoch) "
          f"VALUES ({APPLIER_ID}, 9, {epochs[6]})")
    assert beats(mysql)[str(APPLIER_ID)] == ["9", str(epochs[6]), "NULL"]


def test_heartbeats_have_an_age(mysql):
    mysql(f"UPDATE heartbeat.heartbeat SET counter = counter + 1 WHERE server_id={APPLIER_ID}")
    rows = dict(mysql("SELECT server_id, TIMESTAMPDIFF(SECOND, updated_at, NOW()) "
                      "AS seconds_since_update FROM heartbeat.heartbeat"))
    assert 0 <= int(rows[str(APPLIER_ID)]) < 60


def test_reports_outlive_the_relay(mysql, relay, epochs):
    mysql(f"UPDATE heartbeat.heartbeat SET counter = 7000, applied_epoch={epochs[7]} "
          f"WHERE server_id={APPLIER_ID}")
    relay.kill()
    relay.start()
    assert beats(mysql)[str(APPLIER_ID)] == ["7000", str(epochs[7]), "NULL"]


@pytest.mark.parametrize("statement", [
    "DELETE FROM mysql.ndb_binlog_index", "UPDATE mysql.ndb_binlog_index SET epoch = 1",
    "INSERT INTO mysql.ndb_apply_status VALUES (1, 1, '', 0, 0)", "DROP TABLE heartbeat.heartbeat",
    "CREATE TABLE heartbeat.other (id INT)", "ATTACH DATABASE '/tmp/x' AS y",
    "PRAGMA writable_schema = 1", "SELECT load_extension('x')", "SELECT * FROM sqlite_master",
    "SELECT * FROM mysql.user", "SELECT * FROM nowhere", "SELECT FROM", "SELECT 'open",
    "SELECT 1 INTO OUTFILE '/tmp/x'", "SELECT LOAD_FILE('/etc/passwd')",
])
def test_nothing_else_is_written_and_nothing_else_is_read(refused, statement):
    assert "ERROR" in refused(statement)


def test_a_statement_that_never_ends_ends(refused, mysql):
    """A cross join of the index with itself, four times over."""
    joined = ", ".join(f"mysql.ndb_binlog_index t{n}" for n in range(5))
    assert "ERROR" in refused(f"SELECT SUM(t0.epoch * t4.Position) FROM {joined}")
    assert mysql("SELECT 1") == [["1"]]


# -- the start script of an applier

SCRIPT = """
set -eu
applied_epoch() { mysqlLocal -NBe "SELECT IFNULL(MAX(epoch),0) FROM mysql.ndb_apply_status WHERE server_id = $SOURCE_VIRTUAL_ID"; }
turns=$TURNS
sleep() { [ $((turns--)) -gt 0 ] && command sleep 0.2; }
mysqlLocal() { command $LOCAL "$@"; }
mysql() { [ "$1 $2" = "-h relay" ]; shift 2; command $RELAY "$@"; }

EPOCH=$(mysqlLocal -NBe "SELECT IFNULL(MAX(epoch),0) FROM mysql.ndb_apply_status WHERE server_id = $SOURCE_VIRTUAL_ID")
BACKUP=$(mysqlLocal -NBe "SELECT IFNULL(MAX(epoch),0) FROM mysql.ndb_apply_status WHERE server_id = 0")
if   [ $EPOCH  -gt 0 ]; then FILE=epoch.$EPOCH            # exact: after this applied epoch
elif [ $BACKUP -gt 0 ]; then FILE=after-backup.$BACKUP    # pseudo-epoch of ndb_restore --restore-epoch
else FILE=first; fi
mysqlLocal -e "STOP REPLICA; CHANGE REPLICATION SOURCE TO SOURCE_HOST='$RELAY_HOST', SOURCE_PORT=$RELAY_PORT,
  SOURCE_USER='repl', SOURCE_PASSWORD='repl-secret', SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=1000,
  SOURCE_LOG_FILE='$FILE', SOURCE_LOG_POS=4, SOURCE_SSL=1, IGNORE_SERVER_IDS=($OWN_IDS); START REPLICA"
echo "$FILE"
while sleep 5; do   # the report that drives purging; to the relay or to the source cluster's table
  mysql -h relay -e "UPDATE heartbeat.heartbeat SET counter=counter+1, applied_epoch=$(applied_epoch) WHERE server_id=$SERVER_ID"
done
"""


def start_script(farm, relay, applier, turns):
    """Runs the script for an applier and returns the name that it chose."""
    place = farm.place(MySql)
    client = Client(farm, relay.endpoint("repl"))
    local = place.command("/usr/bin/mysql", "--no-defaults", "--user=root",
                          f"--socket={place.inside / applier.name}.sock")
    remote = place.command("/usr/bin/mysql", *client._arguments(None))
    done = subprocess.run(["bash", "-c", SCRIPT], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=120, check=False, env={
                              "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LOCAL": " ".join(local),
                              "RELAY": " ".join(remote), "RELAY_HOST": "127.0.0.1",
                              "RELAY_PORT": str(relay.port), "TURNS": str(turns),
                              "SOURCE_VIRTUAL_ID": str(VIRTUAL_ID), "OWN_IDS": "201,202",
                              "SERVER_ID": str(APPLIER_ID)})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split()[0]


@pytest.fixture
def applier(farm):
    # IGNORE_SERVER_IDS is refused with gtid_mode=ON.
    server = farm.start(MySql, "scripted", *APPLIER_OPTIONS, "--gtid-mode=ON_PERMISSIVE")
    prepare_applier(server)
    yield server
    farm.forget(server)


def test_the_start_script_follows_from_the_first_epoch_and_goes_on_at_the_last(farm, relay, a3, mysql,
                                                                               applier, epochs):
    assert start_script(farm, relay, applier, 0) == "first"
    wait_applied(applier, recorded_gtids(a3))
    assert_final_contents(applier)
    applier.run("STOP REPLICA", "RESET REPLICA ALL")
    counter = int(beats(mysql)[str(APPLIER_ID)][0])
    assert start_script(farm, relay, applier, 3) == f"epoch.{epochs[-1]}"
    assert applied_epoch(applier) == epochs[-1]
    assert beats(mysql)[str(APPLIER_ID)] == [str(counter + 3), str(epochs[-1]), "NULL"]
    assert applier.replica_status()["io"] == "Yes"


def test_the_start_script_goes_on_behind_a_restored_backup(farm, relay, a3, applier, epochs):
    pseudo = (epochs[0] >> 32 << 32) | 0xFFFFFFFF
    applier.run("SET SESSION sql_log_bin = 0",
                f"INSERT INTO mysql.ndb_apply_status VALUES (0, {pseudo}, '', 0, 0)")
    assert start_script(farm, relay, applier, 0) == f"after-backup.{pseudo}"
    wait_until(lambda: applied_epoch_of(applier, VIRTUAL_ID) == epochs[-1], "the last epoch")


def applied_epoch_of(server, server_id):
    return int(server.value("SELECT IFNULL(MAX(epoch), 0) FROM mysql.ndb_apply_status "
                            f"WHERE server_id = {server_id}"))
