# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that misbehaves on demand: cuts, refuses, stalls, delays, cuts or refuses after N bytes."""
import socket
import threading

from waiting import free_port

CHUNK = 256 * 1024


class Proxy:
    """Listens on a port of its own and passes everything to 127.0.0.1:target."""

    def __init__(self, target):
        self.target = target
        self.port = free_port()
        self.accepted = 0
        self._lock = threading.Lock()
        self._pairs = set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._refusing = False
        self._delay = 0.0
        self._left = None  # bytes from the target that still pass before everything is cut
        self._refuses_then = False
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()

    # -- misbehaviour

    def cut(self):
        """Ends all connections at once, as a reset would."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            _end(*pair)

    def refuse(self):
        """Ends all connections and every new one, until mend()."""
        self._refusing = True
        self.cut()

    def stall(self):
        """Keeps the connections and moves no more bytes, until mend()."""
        self._flowing.clear()

    def delay(self, seconds):
        """Holds each chunk back for so long."""
        self._delay = seconds

    def cut_after(self, count):
        """Lets count more bytes from the target pass, then cuts, once."""
        with self._lock:
            self._left = count

    def refuse_after(self, count):
        """Lets count more bytes from the target pass, then refuses, until mend()."""
        with self._lock:
            self._left = count
            self._refuses_then = True

    @property
    def is_refusing(self):
        return self._refusing

    def mend(self):
        with self._lock:
            self._left = None
            self._refuses_then = False
        self._refusing = False
        self._delay = 0.0
        self._flowing.set()

    def close(self):
        self.refuse()
        self._flowing.set()
        self._listener.close()

    # -- the work

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self._refusing:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            pair = (client, server)
            with self._lock:
                self._pairs.add(pair)
            for end in pair:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._pump, args=(client, server, pair, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, pair, True), daemon=True).start()

    def _pump(self, giver, taker, pair, counted):
        buffer = bytearray(CHUNK)
        view = memoryview(buffer)
        pause = threading.Event()
        try:
            while True:
                count = giver.recv_into(buffer)
                if count == 0:
                    break
                if self._delay:
                    pause.wait(self._delay)
                self._flowing.wait()
                allowed = self._take(count) if counted else count
                taker.sendall(view[:allowed])
                if allowed < count:
                    self.cut()
                    break
        except OSError:
            pass  # either end went away, which is what this proxy is for
        with self._lock:
            self._pairs.discard(pair)
        _end(*pair)

    def _take(self, count):
        with self._lock:
            if self._left is None:
                return count
            allowed = min(count, self._left)
            self._refusing = self._refusing or (allowed < count and self._refuses_then)
            self._left = None if allowed < count else self._left - allowed
            return allowed


def _end(*sockets):
    for each in sockets:
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # not connected any more
        each.close()
