# SPDX-License-Identifier: Apache-2.0
"""The command line clients of MySQL 9.7 and MariaDB, pointed at an endpoint."""
import os
import subprocess

from servers import MariaDb118, MySql


class Client:
    """Runs mysql, mysqladmin and mysqlbinlog of the MySQL root, or MariaDB's, as one account."""

    def __init__(self, farm, endpoint):
        self.place = farm.place(MySql)
        self.mariadb_place = farm.place(MariaDb118)
        self.endpoint = endpoint

    def _arguments(self, password):
        return ["--no-defaults", "--protocol=TCP", f"--host={self.endpoint.host}",
                f"--port={self.endpoint.port}", f"--user={self.endpoint.user}",
                f"--password={password or self.endpoint.password}"]

    def run(self, program, *arguments, password=None):
        command = self.place.command(f"/usr/bin/{program}", *self._arguments(password), *arguments)
        return run(command)

    def mysql(self, statements, *arguments):
        """The output of the mysql client, which goes on after errors, and its errors."""
        done = self.run("mysql", "--batch", "-e", statements, *arguments, "--force")
        errors = [line for line in done.stderr.splitlines() if "[Warning]" not in line]
        return done.stdout, errors

    def binlog(self, *arguments):
        return self.run("mysqlbinlog", "--read-from-remote-server", *arguments)

    def begin_binlog(self, *arguments, stdout=subprocess.DEVNULL):
        """Starts a mysqlbinlog that does not end by itself."""
        command = self.place.command("/usr/bin/mysqlbinlog", *self._arguments(None),
                                     "--read-from-remote-server", *arguments)
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout,
                                stderr=subprocess.DEVNULL, start_new_session=True)

    def mariadb(self, statements, *arguments):
        """MariaDB 11.8's client, which verifies the server's certificate."""
        return run(self.mariadb_place.command("/usr/bin/mariadb", *self._arguments(None),
                                              "--batch", "-e", statements, *arguments))

    def mariadb_binlog(self, *arguments):
        """MariaDB 10.11's, of the host."""
        return run(["mariadb-binlog", *self._arguments(None), "--read-from-remote-server",
                    *map(str, arguments)])

    def scratch(self, name):
        """A directory that the MySQL root's programs can write: (as they see it, as we do)."""
        outside = self.place.outside / name
        os.makedirs(outside, exist_ok=True)
        return self.place.inside / name, outside


def run(command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=120, check=False)
