# SPDX-License-Identifier: Apache-2.0
"""The workloads: one of everything that a binlog can hold, and endless random traffic.

Each piece of `everything` is a function of (server, database) that leaves something behind which
CHECKSUM TABLE can compare.
"""
import random
import threading

import pymysql

BULK_ROWS = 200_000
HUGE_BYTES = 20 * 1024 * 1024

MANY_TYPES = """CREATE TABLE types (
  id INT PRIMARY KEY AUTO_INCREMENT, small TINYINT, big BIGINT UNSIGNED, amount DECIMAL(30, 10),
  ratio DOUBLE, single FLOAT, flags BIT(13), day DATE, moment DATETIME(6),
  stamp TIMESTAMP(3) NULL, hour TIME(6), y YEAR, word CHAR(10), text_ VARCHAR(600), note TEXT,
  bytes VARBINARY(300), blob_ MEDIUMBLOB, kind ENUM('a', 'b', 'c'), kinds SET('x', 'y', 'z'),
  doc JSON, place POINT, twice INT GENERATED ALWAYS AS (small * 2) VIRTUAL,
  KEY (word), KEY (day)) ENGINE=InnoDB"""


def begin_database(server, database):
    server.run(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")


# -- pieces for both dialects

def types(server, database):
    server.run(MANY_TYPES, *[
        "INSERT INTO types (small, big, amount, ratio, single, flags, day, moment, stamp, hour, y, "
        "word, text_, note, bytes, blob_, kind, kinds, doc, place) VALUES "
        f"({n - 50}, {n} * 1234567890123, {n} / 7, PI() * {n}, 1.5 * {n}, {n}, "
        f"'2026-01-01' + INTERVAL {n} DAY, '2026-01-01 00:00:00.123456' + INTERVAL {n} HOUR, NOW(3), "
        f"SEC_TO_TIME({n} * 61.5), 2000 + {n}, 'w{n}', REPEAT('ü', {n} * 2), NULL, "
        f"UNHEX(SHA2({n}, 256)), REPEAT(UNHEX(SHA2({n}, 256)), {n} * 40), ELT({n % 3 + 1}, 'a', 'b', 'c'), "
        f"'x,z', '{{\"n\": {n}, \"list\": [1, 2, {n}]}}', ST_GeomFromText('POINT({n} 1)'))"
        for n in range(1, 101)],
        "UPDATE types SET note = REPEAT('long ', id * 100) WHERE id % 2",
        "UPDATE types SET id = id + 1000 WHERE id % 10 = 0",
        "DELETE FROM types WHERE id % 7 = 0", database=database)


def ddl(server, database):
    server.run(
        "CREATE TABLE changing (a INT PRIMARY KEY, b VARCHAR(20)) ENGINE=InnoDB",
        "INSERT INTO changing VALUES (1, 'one'), (2, 'two'), (3, 'three')",
        "ALTER TABLE changing ADD COLUMN c DATETIME DEFAULT '2026-01-01', ADD INDEX by_b (b)",
        "ALTER TABLE changing MODIFY b VARCHAR(300) NOT NULL, ALGORITHM=COPY",
        "UPDATE changing SET c = NOW(), b = CONCAT(b, b)",
        "CREATE TABLE wiped LIKE changing", "INSERT INTO wiped SELECT * FROM changing",
        "TRUNCATE TABLE wiped", "INSERT INTO wiped (a, b) VALUES (9, 'nine')",
        "RENAME TABLE wiped TO kept", "CREATE TABLE dropped (a INT)", "DROP TABLE dropped",
        "CREATE VIEW seen AS SELECT a, b FROM changing",
        "CREATE TRIGGER doubled BEFORE INSERT ON kept FOR EACH ROW SET NEW.b = CONCAT(NEW.b, '!')",
        "CREATE PROCEDURE add_rows(n INT) BEGIN DECLARE i INT DEFAULT 0; WHILE i < n DO "
        "INSERT INTO kept (a, b) VALUES (100 + i, UUID()); SET i = i + 1; END WHILE; END",
        "CALL add_rows(20)",
        "CREATE TABLE parted (id INT PRIMARY KEY, v INT) PARTITION BY HASH(id) PARTITIONS 4",
        "INSERT INTO parted VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)",
        f"CREATE DATABASE passing_{database}", f"DROP DATABASE passing_{database}",
        f"CREATE USER {database}@'%' IDENTIFIED BY 'x'", f"GRANT SELECT ON *.* TO {database}@'%'",
        f"DROP USER {database}@'%'", database=database)


def create_as_select(server, database):
    server.run("CREATE TABLE origin (id INT PRIMARY KEY, v VARCHAR(40)) ENGINE=InnoDB",
               "INSERT INTO origin VALUES (1, 'a'), (2, 'b'), (3, 'c')",
               "CREATE TABLE selected ENGINE=InnoDB AS SELECT id, CONCAT(v, v) AS w FROM origin",
               database=database)


def huge_row(server, database):
    server.run("CREATE TABLE huge (id INT PRIMARY KEY, body LONGBLOB) ENGINE=InnoDB",
               f"INSERT INTO huge VALUES (1, REPEAT('0123456789abcdef', {HUGE_BYTES // 16}))",
               "UPDATE huge SET id = 2",  # both images: over 40 MB in one event
               f"INSERT INTO huge VALUES (3, RANDOM_BYTES(1000)), "
               f"(4, REPEAT('x', {16 * 1024 * 1024 - 100}))", database=database)


def savepoints(server, database):
    server.run("CREATE TABLE saved (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
               "BEGIN", "INSERT INTO saved VALUES (1, 1)", "SAVEPOINT one",
               "INSERT INTO saved VALUES (2, 2)", "ROLLBACK TO SAVEPOINT one",
               "INSERT INTO saved VALUES (3, 3)", "SAVEPOINT two", "RELEASE SAVEPOINT two", "COMMIT",
               "BEGIN", "INSERT INTO saved VALUES (4, 4)", "ROLLBACK", database=database)


def statements(server, database):
    """Statement format: user variables, random numbers, insert ids, temporary tables, loaded files."""
    file = server.place.inside / f"{server.name}-{database}.txt"
    server.run("SET SESSION binlog_format = 'STATEMENT'", "SET timestamp = 1767225600",
               "CREATE TABLE stated (id INT PRIMARY KEY AUTO_INCREMENT, v DOUBLE, w VARCHAR(80), "
               "t DATETIME) ENGINE=InnoDB",
               "SET @v := 'it''s a \\\\ variable'",
               "INSERT INTO stated (v, w, t) VALUES (RAND(), @v, NOW())",
               "INSERT INTO stated (v, w) SELECT RAND(), LAST_INSERT_ID() FROM stated",
               "SET SESSION sql_mode = 'ANSI_QUOTES'",
               "INSERT INTO \"stated\" (w) VALUES ('ansi')",
               "CREATE TEMPORARY TABLE passing (id INT PRIMARY KEY, w VARCHAR(80)) ENGINE=InnoDB",
               "INSERT INTO passing VALUES (1, 'through'), (2, 'a temporary table')",
               "INSERT INTO stated (w) SELECT w FROM passing ORDER BY id",
               "DROP TEMPORARY TABLE passing",
               f"SELECT id + 1000, v, w, t FROM stated ORDER BY id INTO OUTFILE '{file}'",
               f"LOAD DATA INFILE '{file}' INTO TABLE stated", database=database)


def not_transactional(server, database):
    server.run("CREATE TABLE plain (id INT PRIMARY KEY, v VARCHAR(50)) ENGINE=MyISAM",
               "INSERT INTO plain VALUES (1, 'a'), (2, 'b'), (3, 'c')",
               "UPDATE plain SET v = CONCAT(v, v)", "DELETE FROM plain WHERE id = 2",
               database=database)


def prepared(server, database):
    """XA: in two phases, in one, rolled back, and committed from another session."""
    def xid(number):
        return f"'{database}-{number}'"

    server.run("CREATE TABLE xa (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
               f"XA START {xid(1)}", "INSERT INTO xa VALUES (1, 1)", f"XA END {xid(1)}",
               f"XA PREPARE {xid(1)}", f"XA COMMIT {xid(1)}",
               f"XA START {xid(2)}", "INSERT INTO xa VALUES (2, 2)", f"XA END {xid(2)}",
               f"XA COMMIT {xid(2)} ONE PHASE",
               f"XA START {xid(3)}", "INSERT INTO xa VALUES (3, 3)", f"XA END {xid(3)}",
               f"XA PREPARE {xid(3)}", f"XA ROLLBACK {xid(3)}",
               f"XA START {xid(4)}", "INSERT INTO xa VALUES (4, 4)",
               "UPDATE xa SET v = v + 1 WHERE id = 4", f"XA END {xid(4)}", f"XA PREPARE {xid(4)}",
               database=database)
    server.run("INSERT INTO xa VALUES (5, 5)", f"XA COMMIT {xid(4)}",
               "INSERT INTO xa VALUES (6, 6)", database=database)


def rotations(server, _database):
    server.rotate()
    server.rotate()


# -- MySQL

def mysql_bulk(server, database):
    server.run("CREATE TABLE bulk (id INT PRIMARY KEY, v VARCHAR(90), n INT) ENGINE=InnoDB",
               "INSERT INTO bulk WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL "
               f"SELECT n + 1 FROM numbers WHERE n < {BULK_ROWS}) "
               "SELECT n, CONCAT('row ', n, SHA2(n, 256)), n % 17 FROM numbers",
               "UPDATE bulk SET v = 'changed' WHERE n = 3", "DELETE FROM bulk WHERE n = 5",
               database=database)


def mysql_compressed(server, database):
    server.run("SET SESSION binlog_transaction_compression = ON",
               "CREATE TABLE packed (id INT PRIMARY KEY AUTO_INCREMENT, v LONGTEXT) ENGINE=InnoDB",
               *[f"INSERT INTO packed (v) VALUES (REPEAT('pack{n} ', {n} * 50))"
                 for n in range(1, 60)],
               "BEGIN", *[f"INSERT INTO packed (v) VALUES (REPEAT('{n} times ', 2000))"
                          for n in range(200)],
               "UPDATE packed SET v = CONCAT(v, 'more') WHERE id % 3 = 0", "COMMIT",
               f"INSERT INTO packed (v) VALUES (REPEAT('z', {HUGE_BYTES}))", database=database)


def mysql_session_modes(server, database):
    """Tagged GTIDs, partial JSON, minimal row images, the statement beside its rows."""
    server.run("CREATE TABLE modes (id INT PRIMARY KEY, doc JSON, v VARCHAR(80)) ENGINE=InnoDB",
               "INSERT INTO modes VALUES (1, '{\"a\": 1, \"text\": \"0123456789\"}', 'x'), "
               "(2, '{\"a\": 2, \"text\": \"0123456789\"}', 'y')",
               "SET SESSION binlog_row_value_options = 'PARTIAL_JSON'",
               "UPDATE modes SET doc = JSON_SET(doc, '$.a', 99)",
               "SET SESSION binlog_row_image = 'MINIMAL'", "UPDATE modes SET v = 'minimal'",
               "SET SESSION binlog_rows_query_log_events = ON", "UPDATE modes SET v = 'query'",
               "SET gtid_next = 'AUTOMATIC:blue'", "INSERT INTO modes VALUES (3, '{}', 'blue')",
               "SET gtid_next = 'AUTOMATIC:green'", "INSERT INTO modes VALUES (4, '{}', 'green')",
               "SET gtid_next = 'AUTOMATIC'", "DELETE FROM modes WHERE id = 2", database=database)


# -- MariaDB

def mariadb_bulk(server, database):
    server.run("CREATE TABLE bulk (id INT PRIMARY KEY, v VARCHAR(90), n INT) ENGINE=InnoDB",
               f"INSERT INTO bulk SELECT seq, CONCAT('row ', seq, SHA2(seq, 256)), seq % 17 "
               f"FROM seq_1_to_{BULK_ROWS}",
               "UPDATE bulk SET v = 'changed' WHERE n = 3", "DELETE FROM bulk WHERE n = 5",
               database=database)


def mariadb_compressed(server, database):
    server.run("SET GLOBAL log_bin_compress = ON")
    server.run("CREATE TABLE packed (id INT PRIMARY KEY AUTO_INCREMENT, v LONGTEXT) ENGINE=InnoDB",
               *[f"INSERT INTO packed (v) VALUES (REPEAT('pack{n} ', {n} * 50))"
                 for n in range(1, 60)],
               "UPDATE packed SET v = CONCAT(v, 'more') WHERE id % 3 = 0",
               "DELETE FROM packed WHERE id % 5 = 0", database=database)
    server.run("SET GLOBAL log_bin_compress = OFF")


def mariadb_sequences(server, database):
    server.run("CREATE SEQUENCE numbers START WITH 100 INCREMENT BY 5 CACHE 3",
               "CREATE TABLE numbered (id INT PRIMARY KEY DEFAULT NEXTVAL(numbers), v INT)",
               *[f"INSERT INTO numbered (v) VALUES ({n})" for n in range(20)],
               "SELECT SETVAL(numbers, 5000)", "ALTER SEQUENCE numbers INCREMENT BY 7",
               *[f"INSERT INTO numbered (v) VALUES ({n})" for n in range(10)], database=database)


def mariadb_domains(server, database):
    server.run("CREATE TABLE domains (id INT PRIMARY KEY, v INT) ENGINE=InnoDB", database=database)
    for domain in (0, 7, 2, 7, 0):
        server.run(f"SET SESSION gtid_domain_id = {domain}",
                   f"INSERT INTO domains SELECT COUNT(*) + 1, {domain} FROM domains",
                   database=database)


PIECES = {
    "mysql": (types, ddl, create_as_select, mysql_session_modes, rotations, prepared, savepoints,
              statements, huge_row, rotations, mysql_compressed, not_transactional, mysql_bulk),
    "mariadb": (types, ddl, create_as_select, mariadb_sequences, rotations, prepared, savepoints,
                statements, huge_row, rotations, mariadb_compressed, not_transactional,
                mariadb_domains, mariadb_bulk),
}


def everything(server, database):
    """One of everything that this server can write into its binlog."""
    begin_database(server, database)
    for piece in PIECES[server.flavour]:
        piece(server, database)


class Traffic:
    """Random changes from several connections until stopped, over every loss of the server."""

    def __init__(self, server, database, seed, workers=2, pause=0.004):
        self.server = server
        self.database = database
        self.pause = pause
        self.commits = 0
        self._stopping = threading.Event()
        self._failure = None
        begin_database(server, database)
        self._threads = [threading.Thread(target=self._work, args=(n, random.Random(seed * 100 + n)))
                         for n in range(workers)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def is_dead(self):
        return self._failure is not None

    def __exit__(self, *_):
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        if self._failure is not None:
            raise self._failure

    def _work(self, worker, randomness):
        table = f"traffic{worker}"
        try:
            self.server.run(f"CREATE TABLE {table} (id INT PRIMARY KEY AUTO_INCREMENT, n INT, "
                            "v LONGTEXT, KEY (n)) ENGINE=InnoDB", database=self.database)
            while not self._stopping.is_set():
                self._connection(table, randomness)
        except Exception as error:  # kept for the test's own thread, which raises it
            self._failure = error

    def _connection(self, table, randomness):
        """Works on one connection until it breaks or the end comes."""
        try:
            connection = self.server.connect(self.database)
        except pymysql.OperationalError:
            self._stopping.wait(0.1)
            return
        try:
            with connection.cursor() as cursor:
                while not self._stopping.is_set():
                    for statement in self._change(table, randomness):
                        cursor.execute(statement)
                    self.commits += 1
                    self._stopping.wait(self.pause)
        except (pymysql.OperationalError, pymysql.InterfaceError) as error:
            if isinstance(error, pymysql.OperationalError) and error.args[0] not in (
                    1053, 1077, 1205, 2003, 2006, 2013, 2014):
                raise
        finally:
            connection._force_close()

    def _change(self, table, randomness):
        n = randomness.randrange(1000)
        kind = randomness.random()
        if kind < 0.45:
            return [f"INSERT INTO {table} (n, v) VALUES ({n}, REPEAT('v{n}', {n % 50}))"]
        if kind < 0.65:
            return [f"UPDATE {table} SET n = n + 1, v = CONCAT('{n}', LEFT(v, 100)) "
                    f"WHERE n BETWEEN {n} AND {n + 20}"]
        if kind < 0.75:
            return [f"DELETE FROM {table} WHERE n = {n}"]
        if kind < 0.90:
            rows = ", ".join(f"({n + i}, 'many')" for i in range(randomness.randrange(2, 60)))
            return ["BEGIN", f"INSERT INTO {table} (n, v) VALUES {rows}",
                    f"UPDATE {table} SET v = 'in one' WHERE n = {n}", "COMMIT"]
        if kind < 0.97:
            return [f"INSERT INTO {table} (n, v) VALUES ({n}, REPEAT('long', {n * 60}))"]
        if kind < 0.985 and self.server.flavour == "mysql":
            return ["SET SESSION binlog_transaction_compression = ON",
                    f"INSERT INTO {table} (n, v) VALUES ({n}, REPEAT('pack', {n * 30}))",
                    "SET SESSION binlog_transaction_compression = OFF"]
        if kind < 0.995:
            # A server that was killed in between may have left it.
            return [f"DROP TABLE IF EXISTS {table}_side",
                    f"CREATE TABLE {table}_side AS SELECT n FROM {table} LIMIT 3",
                    f"DROP TABLE {table}_side"]
        return ["FLUSH BINARY LOGS"]
