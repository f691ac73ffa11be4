# SPDX-License-Identifier: Apache-2.0
"""One binrelayd: its configuration, its life, and its admin socket."""
import atexit
import json
import os
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from servers import Endpoint
from waiting import free_port, wait_until

TREE = Path(__file__).resolve().parents[2]
BUILD = TREE / os.environ.get("BINRELAY_BUILD", "build")
BINRELAYD = BUILD / "bin" / "binrelayd"
BINRELAYCTL = BUILD / "bin" / "binrelayctl"


class Refused(AssertionError):
    """The relay answered an admin command with an error."""

    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.code = error.get("code")
        self.message = error.get("message")


def source(server, port=None, **more):
    """The `sources` entry for a server, directly or through a proxy's port."""
    return {"host": "127.0.0.1", "port": port or server.port, "user": "relay",
            "password": "relay-secret", "tls": {"mode": "preferred"}, **more}


def cluster(name, server_id, *sources, **more):
    return {"name": name, "server_id": server_id, "epochs": "none", "start": "first",
            "sources": list(sources), "connect_retry": "200ms", "heartbeat_period": "500ms",
            "read_timeout": "3s", "purge": {"policy": "manual"}, **more}


def account(user, *clusters, password=None, plugin="caching_sha2_password", **more):
    return {"user": user, "password": password or f"{user}-secret", "plugin": plugin,
            "rights": ["replicate", "read"], "clusters": list(clusters), **more}


class Relay:
    """A relay on a free port with a data directory and an admin socket of its own."""

    def __init__(self, directory, clusters, accounts, **more):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.data = self.directory / "data"
        self.log = self.directory / "relay.log"
        self.config_file = self.directory / "relay.json"
        # A UNIX socket's path may have 107 bytes, which a test's own directory often exceeds.
        self._socket_directory = tempfile.TemporaryDirectory(prefix="binrelay-")
        self.socket = Path(self._socket_directory.name) / "admin.sock"
        self.environment = {}  # beside this process's own
        self.process = None
        atexit.register(self.remove)  # whatever fails before somebody else can end it
        self.config = {
            "data_dir": str(self.data),
            "relay_id": f"relay-{self.port}",
            "endpoint": {"listen": [f"127.0.0.1:{self.port}"]},
            "accounts": accounts,
            "clusters": clusters,
            "admin": {"socket": str(self.socket)},
            "log": {"level": "debug", "format": "text"},
            **more,
        }

    # -- life

    def write_config(self):
        self.config_file.write_text(json.dumps(self.config, indent=2))
        return self.config_file

    def begin(self):
        self.write_config()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([BINRELAYD, "--config", self.config_file],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **self.environment},
                                            start_new_session=True)

    def start(self):
        """Starts it and waits until the admin socket answers."""
        self.begin()

        def answers():
            assert self.process.poll() is None, \
                f"binrelayd ended at its start with {self.process.returncode}:\n{self.log_tail()}"
            try:
                return self.command("status") is not None
            except OSError:
                return False
        wait_until(answers, "the relay to answer on its admin socket", 30)
        return self

    def kill(self):
        self.end(signal.SIGKILL)

    def stop(self):
        """Ends it in order and returns its exit code."""
        return self.end(signal.SIGTERM)

    def end(self, number):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self.process = None
        return code

    def signal(self, number):
        self.process.send_signal(number)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def remove(self):
        self.kill()
        self._socket_directory.cleanup()
        atexit.unregister(self.remove)

    @property
    def pid(self):
        return self.process.pid

    def log_tail(self, lines=60):
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    # -- what it offers

    def endpoint(self, user, port=None):
        """Where and as whom a replica connects."""
        password = next(each["password"] for each in self.config["accounts"]
                        if each["user"] == user)
        return Endpoint("127.0.0.1", port or self.port, user, password)

    def stored(self, cluster_name, file):
        return self.data / cluster_name / file

    # -- the admin socket

    def ask(self, line):
        """Sends one request line and returns the reply as it came."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(30)
            connection.connect(str(self.socket))
            connection.sendall(line.encode() + b"\n")
            with connection.makefile("rb") as replies:
                reply = replies.readline()
        if not reply:
            raise ConnectionError("the relay closed the admin connection without a reply")
        return json.loads(reply)

    def command(self, line):
        """The result of a command in words, or Refused."""
        reply = self.ask(line)
        if not reply["ok"]:
            raise Refused(reply["error"])
        return reply["result"]

    def control(self, *arguments, socket_path=None):
        """Runs binrelayctl."""
        return subprocess.run([BINRELAYCTL, "--socket", socket_path or self.socket, *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)

    def status(self, cluster_name):
        return next(row for row in self.command("status") if row["cluster"] == cluster_name)

    def durable(self, cluster_name):
        """(file, offset) up to which the cluster is stored, durable and served."""
        file, _, offset = (self.status(cluster_name)["durable"] or ":0").rpartition(":")
        return file, int(offset)

    def describe(self, cluster_name):
        try:
            return self.status(cluster_name)
        except (OSError, AssertionError) as error:
            return f"no status: {error}"

    def wait_state(self, cluster_name, *states, reason="", seconds=60):
        """Waits for one of the states, with a reason that contains the text, and returns the row."""
        def reached():
            row = self.status(cluster_name)
            right = row["state"] in states and reason.lower() in (row["reason"] or "").lower()
            return row if right else None
        return wait_until(reached, lambda: f"{cluster_name} to be {' or '.join(states)} "
                          f"({reason}); it is {self.describe(cluster_name)}", seconds)
