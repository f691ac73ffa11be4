# SPDX-License-Identifier: Apache-2.0
"""Real servers: MySQL 9.7 and MariaDB 11.8 in their roots, MariaDB 10.11 of the host.

Each server has its own data directory, copied from a template that is initialised once in a
run, its own port, which it keeps over restarts, and a UNIX socket for the tests themselves.
"""
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pymysql
import pymysql.cursors

from waiting import free_port, wait_until

ROOTS = Path(os.environ.get("BINRELAY_ROOTS", "/var/cache/binrelay-roots"))
MANY_RETRIES = 100000


class Place:
    """Where one run keeps its servers: a directory inside a root, or on the host."""

    def __init__(self, root, name):
        self.root = Path(os.path.realpath(root))
        assert (self.root / "usr/sbin").exists(), \
            f"no servers in {root}: scripts/test.sh makes the roots, BINRELAY_ROOTS names another place"
        self.inside = Path("/srv/binrelay") / name if self.root != Path("/") else Path("/var/tmp") / name
        self.outside = self.root / self.inside.relative_to("/")
        self.outside.mkdir(parents=True, exist_ok=True)

    def command(self, program, *arguments):
        """The command line that runs a program of this root."""
        chroot = ["chroot", str(self.root)] if self.root != Path("/") else []
        return [*chroot, program, *map(str, arguments)]

    def remove(self):
        shutil.rmtree(self.outside, ignore_errors=True)


class Server:
    """One server process. Subclasses know the dialect."""

    DAEMON = None
    version = None

    def __init__(self, place, name, server_id, options=()):
        self.place = place
        self.name = name
        self.server_id = server_id
        self.options = list(options)
        self.port = free_port()
        self.data = place.outside / name
        self.socket = place.outside / f"{name}.sock"
        self.log = place.outside / f"{name}.log"
        self.process = None
        self._copy_template()

    # -- life

    def _copy_template(self):
        template = self.place.outside / "template"
        if not template.exists():
            self._initialize(self.place.inside / "template", template)
        subprocess.run(["cp", "-a", "--sparse=always", template, self.data], check=True)

    def begin(self):
        """Starts the process without waiting for it, so that several may start at a time."""
        inside = self.place.inside
        arguments = [
            "--no-defaults", "--user=root", f"--datadir={inside / self.name}",
            f"--socket={inside / self.name}.sock", f"--pid-file={inside / self.name}.pid",
            f"--port={self.port}", "--bind-address=127.0.0.1", f"--server-id={self.server_id}",
            "--log-bin=binlog", "--relay-log=relay", "--skip-name-resolve",
            "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=2",
            "--max-allowed-packet=64M", "--net-read-timeout=120", "--net-write-timeout=120",
            *self.dialect_options(), *self.options,
        ]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.place.command(self.DAEMON, *arguments),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)

    def ready(self):
        """Waits until the server answers."""
        def answers():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended at its start:\n{self.log_tail()}")
            try:
                return self.query("SELECT 1")
            except pymysql.MySQLError:
                return None
        wait_until(answers, f"{self.name} to start")
        return self

    def start(self):
        self.begin()
        return self.ready()

    def kill(self):
        """As a power cut would end the process."""
        self._end(signal.SIGKILL)

    def stop(self):
        self._end(signal.SIGTERM)

    def _end(self, number):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(timeout=120)
        self.process = None

    def remove(self):
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    @property
    def pid(self):
        return self.process.pid

    def log_tail(self, lines=30):
        """The last errors of its log."""
        if not self.log.exists():
            return ""
        told = [line for line in self.log.read_text(errors="replace").splitlines()
                if "[ERROR]" in line]
        return "\n".join(told[-lines:])

    # -- SQL

    def connect(self, database=None, **options):
        return pymysql.connect(unix_socket=str(self.socket), user="root", database=database,
                               autocommit=True, charset="utf8mb4", read_timeout=300,
                               write_timeout=300, **options)

    def query(self, statement, arguments=None, database=None):
        """Runs one statement on a connection of its own; rows as dictionaries."""
        connection = self.connect(database, cursorclass=pymysql.cursors.DictCursor)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, arguments)
                return cursor.fetchall()
        finally:
            connection.close()

    def run(self, *statements, database=None):
        """Runs statements on one connection."""
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()

    def value(self, statement, arguments=None):
        rows = self.query(statement, arguments)
        return next(iter(rows[0].values())) if rows else None

    def create_account(self, user, password, grants):
        """An account that is not replicated: every cluster has one of the same name."""
        self.run("SET SESSION sql_log_bin = 0",
                 f"CREATE USER {user}@'%' IDENTIFIED BY '{password}'",
                 f"GRANT {grants} ON *.* TO {user}@'%'")

    def allow_heartbeats(self, user):
        self.run("SET SESSION sql_log_bin = 0", f"GRANT ALL ON heartbeat.* TO {user}@'%'")

    # -- binary logs

    def binary_logs(self):
        """[(name, bytes)], oldest first."""
        return [(row["Log_name"], int(row["File_size"])) for row in self.query("SHOW BINARY LOGS")]

    def position(self):
        """(file, offset) of the end of the binary log."""
        row = self.query(self.SHOW_LOG_STATUS)[0]
        return row["File"], int(row["Position"])

    def rotate(self):
        self.run("FLUSH BINARY LOGS")


class MySql(Server):
    """MySQL 9.7."""

    DAEMON = "/usr/sbin/mysqld"
    SHOW_LOG_STATUS = "SHOW BINARY LOG STATUS"
    flavour = "mysql"

    def _initialize(self, inside, outside):
        done = subprocess.run(
            self.place.command(self.DAEMON, "--no-defaults", "--initialize-insecure", "--user=root",
                               f"--datadir={inside}", "--disable-log-bin", "--secure-file-priv=",
                               "--innodb-redo-log-capacity=8M"),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"mysqld --initialize: {done.stderr}")
        (outside / "auto.cnf").unlink()  # each copy makes a server_uuid of its own

    def dialect_options(self):
        return ["--secure-file-priv=", "--mysqlx=OFF", "--performance-schema=OFF",
                "--innodb-redo-log-capacity=512M", "--sync-binlog=0", "--sync-relay-log=0",
                "--replica-net-timeout=10", "--cte-max-recursion-depth=1000000"]

    def create_relay_account(self, user="relay", password="relay-secret"):
        self.create_account(user, password, "REPLICATION SLAVE, REPLICATION CLIENT, SELECT")
        self.allow_heartbeats(user)

    def follow(self, endpoint, *, file=None, position=4, channel="", start=True, more=""):
        """Points this replica at an endpoint: by GTID, or from a file and position."""
        place = (f"SOURCE_LOG_FILE='{file}', SOURCE_LOG_POS={position}, SOURCE_AUTO_POSITION=0"
                 if file else "SOURCE_AUTO_POSITION=1")
        self.run(f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='{endpoint.host}', "
                 f"SOURCE_PORT={endpoint.port}, SOURCE_USER='{endpoint.user}', "
                 f"SOURCE_PASSWORD='{endpoint.password}', SOURCE_CONNECT_RETRY=1, "
                 f"SOURCE_RETRY_COUNT={MANY_RETRIES}, SOURCE_HEARTBEAT_PERIOD=1, "
                 f"{'' if 'SOURCE_SSL' in more else 'SOURCE_SSL=1, '}"
                 f"{more}{', ' if more else ''}{place} FOR CHANNEL '{channel}'")
        if start:
            self.run(f"START REPLICA FOR CHANNEL '{channel}'")

    def replica_status(self, channel=""):
        rows = [row for row in self.query("SHOW REPLICA STATUS") if row["Channel_Name"] == channel]
        if not rows:
            return None
        row = rows[0]
        return {"io": row["Replica_IO_Running"], "sql": row["Replica_SQL_Running"],
                "io_errno": row["Last_IO_Errno"], "io_error": row["Last_IO_Error"],
                "sql_errno": row["Last_SQL_Errno"], "sql_error": row["Last_SQL_Error"],
                "file": row["Source_Log_File"], "position": row["Read_Source_Log_Pos"],
                "applied": (row["Relay_Source_Log_File"], row["Exec_Source_Log_Pos"]),
                "uuid": row["Source_UUID"], "server_id": row["Source_Server_Id"]}

    def stop_replica(self, channel=""):
        self.run(f"STOP REPLICA FOR CHANNEL '{channel}'")

    def start_replica(self, channel=""):
        self.run(f"START REPLICA FOR CHANNEL '{channel}'")

    def gtids(self):
        return self.value("SELECT @@GLOBAL.gtid_executed").replace("\n", "")

    def has_applied(self, gtids):
        return self.value("SELECT GTID_SUBSET(%s, @@GLOBAL.gtid_executed)", (gtids,)) == 1


class MariaDb(Server):
    """What the two MariaDB servers share."""

    DAEMON = "/usr/sbin/mariadbd"
    SHOW_LOG_STATUS = "SHOW MASTER STATUS"
    flavour = "mariadb"

    def _initialize(self, inside, _outside):
        done = subprocess.run(
            self.place.command("/usr/bin/mariadb-install-db", "--no-defaults", "--force",
                               "--user=root", f"--datadir={inside}", "--skip-test-db",
                               "--auth-root-authentication-method=normal",
                               "--innodb-log-file-size=8M"),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"mariadb-install-db: {done.stdout}{done.stderr}")

    def dialect_options(self):
        return ["--secure-file-priv=", "--sync-binlog=0", "--binlog-format=ROW",
                "--innodb-log-file-size=256M", "--slave-net-timeout=10",
                f"--master-retry-count={MANY_RETRIES}", "--gtid-strict-mode=ON",
                "--binlog-checksum=CRC32", "--max-recursive-iterations=1000000"]

    def create_relay_account(self, user="relay", password="relay-secret"):
        self.create_account(user, password, "REPLICATION SLAVE, BINLOG MONITOR, SELECT")
        self.allow_heartbeats(user)

    def follow(self, endpoint, *, file=None, position=4, channel="", start=True, more=""):
        name = f"'{channel}' " if channel else ""
        place = (f"MASTER_LOG_FILE='{file}', MASTER_LOG_POS={position}, MASTER_USE_GTID=no"
                 if file else "MASTER_USE_GTID=slave_pos")
        self.run(f"CHANGE MASTER {name}TO MASTER_HOST='{endpoint.host}', "
                 f"MASTER_PORT={endpoint.port}, MASTER_USER='{endpoint.user}', "
                 f"MASTER_PASSWORD='{endpoint.password}', MASTER_CONNECT_RETRY=1, "
                 f"MASTER_HEARTBEAT_PERIOD=1, {more}{', ' if more else ''}{place}")
        if start:
            self.start_replica(channel)

    def replica_status(self, channel=""):
        rows = [row for row in self.query("SHOW ALL SLAVES STATUS")
                if row["Connection_name"] == channel]
        if not rows:
            return None
        row = rows[0]
        return {"io": row["Slave_IO_Running"], "sql": row["Slave_SQL_Running"],
                "io_errno": row["Last_IO_Errno"], "io_error": row["Last_IO_Error"],
                "sql_errno": row["Last_SQL_Errno"], "sql_error": row["Last_SQL_Error"],
                "file": row["Master_Log_File"], "position": row["Read_Master_Log_Pos"],
                "applied": (row["Relay_Master_Log_File"], row["Exec_Master_Log_Pos"]),
                "uuid": None, "server_id": row["Master_Server_Id"]}

    def stop_replica(self, channel=""):
        self.run(f"STOP SLAVE '{channel}'")

    def start_replica(self, channel=""):
        self.run(f"START SLAVE '{channel}'")

    def gtids(self):
        return self.value("SELECT @@GLOBAL.gtid_binlog_pos")

    def has_applied(self, gtids):
        """Whether this replica's position is at or past each domain's of gtids."""
        mine = by_domain(self.value("SELECT @@GLOBAL.gtid_slave_pos"))
        return all(mine.get(domain, 0) >= sequence for domain, sequence in by_domain(gtids).items())


class MariaDb1011(MariaDb):
    """The host's own."""


class MariaDb118(MariaDb):
    """Debian 13's, in its root."""


def by_domain(gtids):
    """'0-1-5,2-7-9' as {0: 5, 2: 9}."""
    return {int(domain): int(sequence)
            for domain, sequence in re.findall(r"(\d+)-\d+-(\d+)", gtids or "")}


class Endpoint:
    """Where a replica connects, and as whom."""

    def __init__(self, host, port, user, password):
        self.host = host
        self.port = port
        self.user = user
        self.password = password

    def at(self, port):
        return Endpoint(self.host, port, self.user, self.password)

    def as_user(self, user, password):
        return Endpoint(self.host, self.port, user, password)


class Farm:
    """Makes the servers of one run and removes them all at its end."""

    def __init__(self, run):
        self.run = run
        self.servers = []
        self.places = {}
        self.next_server_id = 1001

    def place(self, kind):
        roots = {MySql: ROOTS / "mysql", MariaDb118: ROOTS / "mariadb", MariaDb1011: Path("/")}
        root = next(roots[each] for each in kind.__mro__ if each in roots)
        if root not in self.places:
            self.places[root] = Place(root, self.run)
        return self.places[root]

    def make(self, kind, name, *options):
        """A server that is not started yet."""
        server = kind(self.place(kind), name, self.next_server_id, options)
        self.next_server_id += 1
        self.servers.append(server)
        return server

    def start(self, kind, name, *options):
        return self.make(kind, name, *options).start()

    def start_all(self, *servers):
        for server in servers:
            server.begin()
        for server in servers:
            server.ready()

    def forget(self, *servers):
        for server in servers:
            server.remove()
            self.servers.remove(server)

    def remove(self):
        for server in self.servers:
            server.remove()
        for place in self.places.values():
            place.remove()
