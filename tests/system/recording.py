# SPDX-License-Identifier: Apache-2.0
"""The recorded NDB cluster of tests/data/ndb: stock servers that serve it, and what it says of itself."""
import shutil
from pathlib import Path

from servers import MySql

HOME = Path(__file__).resolve().parents[1] / "data" / "ndb"
SERVER_IDS = {"a1": 101, "a2": 102, "a3": 103}
LOST_BY_A_CRASH = 94489280525  # a2's stream has this epoch, its table has not
TABLE = """
CREATE TABLE IF NOT EXISTS mysql.ndb_binlog_index (
  Position BIGINT UNSIGNED NOT NULL, File VARCHAR(255) NOT NULL, epoch BIGINT UNSIGNED NOT NULL,
  inserts INT UNSIGNED NOT NULL, updates INT UNSIGNED NOT NULL, deletes INT UNSIGNED NOT NULL,
  schemaops INT UNSIGNED NOT NULL, orig_server_id INT UNSIGNED NOT NULL,
  orig_epoch BIGINT UNSIGNED NOT NULL, gci INT UNSIGNED NOT NULL,
  next_position BIGINT UNSIGNED NOT NULL, next_file VARCHAR(255) NOT NULL,
  PRIMARY KEY (epoch, orig_server_id, orig_epoch)) ENGINE=InnoDB CHARACTER SET latin1"""
COLUMNS = ("Position", "File", "epoch", "inserts", "updates", "deletes", "schemaops",
           "orig_server_id", "orig_epoch", "gci", "next_position", "next_file")
APPLY_STATUS = """
CREATE TABLE IF NOT EXISTS mysql.ndb_apply_status (
  server_id INT UNSIGNED NOT NULL PRIMARY KEY, epoch BIGINT UNSIGNED NOT NULL,
  log_name VARCHAR(255) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL,
  start_pos BIGINT UNSIGNED NOT NULL, end_pos BIGINT UNSIGNED NOT NULL) ENGINE=InnoDB"""

# The tables of the recording's first statements, which say ENGINE=NDB.
TABLES = (
    "CREATE DATABASE heartbeat", "CREATE DATABASE shop", "CREATE DATABASE audit",
    "CREATE TABLE heartbeat.heartbeat (server_id INT NOT NULL PRIMARY KEY, counter BIGINT UNSIGNED "
    "NOT NULL, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)",
    "CREATE TABLE shop.orders (id INT AUTO_INCREMENT PRIMARY KEY, customer INT NOT NULL, "
    "amount DECIMAL(10,2), note VARCHAR(200), KEY(customer))",
    "CREATE TABLE shop.stock (item INT PRIMARY KEY, qty INT NOT NULL)",
    "CREATE TABLE shop.docs (id INT PRIMARY KEY, body MEDIUMBLOB)",
    "CREATE TABLE shop.returned (id INT PRIMARY KEY, why VARCHAR(40))",
    "CREATE TABLE shop.tmp1 (id INT PRIMARY KEY)",
    "CREATE TABLE audit.log (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(100))",
)
APPLIER_OPTIONS = ("--replica-exec-mode=IDEMPOTENT", "--replica-skip-errors=1286,1007,1050",
                   "--gtid-mode=ON", "--enforce-gtid-consistency=ON")

# What each final-*.tsv is the output of.
FINAL = {
    "final-heartbeat.tsv": "SELECT server_id, counter, updated_at FROM heartbeat.heartbeat "
                           "ORDER BY server_id",
    "final-shop.orders.tsv": "SELECT id, customer, amount, note, region FROM shop.orders ORDER BY id",
    "final-shop.stock.tsv": "SELECT item, qty FROM shop.stock ORDER BY item",
    "final-shop.docs.tsv": "SELECT id, LENGTH(body), SHA2(body, 256) FROM shop.docs ORDER BY id",
}


class RecordedServer(MySql):
    """A stock mysqld with the binlogs of one of the recorded servers; it adds a file of its own."""

    def __init__(self, place, name, server_id, options=()):
        self.folder = HOME / name.rpartition("-")[2]
        self.has_index = False
        _, _, _, gtid_mode, _ = (self.folder / "server.tsv").read_text().split()
        super().__init__(place, name, SERVER_IDS[self.folder.name],
                         [f"--gtid-mode={gtid_mode}", f"--enforce-gtid-consistency={gtid_mode}",
                          *options])

    def _copy_template(self):
        super()._copy_template()
        uuid = (self.folder / "server.tsv").read_text().split()[0]
        (self.data / "auto.cnf").write_text(f"[auto]\nserver-uuid={uuid}\n")
        for file in self.folder.glob("binlog.*"):
            shutil.copy(file, self.data)

    def ready(self):
        super().ready()
        if not self.has_index:
            self._load_index()
            self.has_index = True
        return self

    def _load_index(self):
        """As the recorded server's own table was; nothing of this enters the binlog."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION sql_log_bin = 0")
                cursor.execute(TABLE)
                cursor.executemany(
                    f"INSERT INTO mysql.ndb_binlog_index ({', '.join(COLUMNS)}) "
                    f"VALUES ({', '.join(['%s'] * len(COLUMNS))})", tsv(self.folder / "ndb_binlog_index.tsv"))
                cursor.execute(APPLY_STATUS)
        finally:
            connection.close()

    def recorded_files(self):
        """The names of the recorded files, oldest first."""
        return (self.folder / "binlog.index").read_text().replace("./", "").split()


def tsv(path):
    return [line.split("\t") for line in path.read_text().splitlines()]


def recorded_index(name):
    """{epoch: row} of the recorded server's own mysql.ndb_binlog_index; columns by name."""
    rows = [dict(zip(COLUMNS, row)) for row in tsv(HOME / name / "ndb_binlog_index.tsv")]
    return {int(row["epoch"]): {key: value.rpartition("/")[2] if "ile" in key else int(value)
                                for key, value in row.items()} for row in rows}


def prepare_applier(server):
    """What an applier of the recording needs before it starts; outside its own binlog."""
    server.run("SET SESSION sql_log_bin = 0", APPLY_STATUS, *TABLES)


def assert_final_contents(server):
    """The tables hold what the cluster's held at the end of the recording."""
    for file, statement in FINAL.items():
        rows = [[str(value) for value in row.values()] for row in server.query(statement)]
        assert rows == tsv(HOME / file), f"{server.name} differs from {file}"
    counts = dict(line for line in tsv(HOME / "final-tables.tsv") if len(line[1]) < 6)
    for table, count in counts.items():
        assert server.value(f"SELECT COUNT(*) FROM {table}") == int(count), table
