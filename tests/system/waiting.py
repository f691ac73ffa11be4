# SPDX-License-Identifier: Apache-2.0
"""Waiting for conditions: every test waits for what it needs, none for a length of time."""
import os
import socket
import time

DEADLINE = float(os.environ.get("BINRELAY_DEADLINE", 120))


def wait_until(found, what, seconds=DEADLINE, pause=0.05):
    """Calls found() until it returns something true, and returns that.

    `what` says what is awaited; it may be a function, so that it can tell how far things got.
    """
    end = time.monotonic() + seconds
    while True:
        result = found()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s for {what() if callable(what) else what}")
        time.sleep(pause)


def _ports():
    """Ports below the kernel's own range, so that no outgoing connection takes one meanwhile.

    Each run begins elsewhere: one that runs beside it may not have bound yet what it was given.
    """
    first, count = 20000, 12000
    begin = os.getpid() * 97 % count
    while True:
        for step in range(count):
            port = first + (begin + step) % count
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            yield port


_free_ports = _ports()


def free_port():
    """A port that nothing uses and that this run has not given away before."""
    return next(_free_ports)
