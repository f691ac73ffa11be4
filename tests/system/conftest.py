# SPDX-License-Identifier: Apache-2.0
"""What the tests share: the servers of the run, and what is printed of them when a test fails."""
import os
import signal
import subprocess
import sys
from collections import namedtuple

import pytest

import servers as servers_module
from fleet import Clusters, Fleet
from relay import Relay

_relays = []


def pytest_configure(config):
    # A run that is told to end still has to end its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for each in _relays:
            report.sections.append((f"log of the relay in {each.directory}", each.log_tail()))
        farm = item.funcargs.get("farm")
        for server in farm.servers if farm else []:
            report.sections.append((f"log of {server.name}", server.log_tail(12)))


@pytest.fixture(scope="session")
def farm():
    made = servers_module.Farm(f"run-{os.getpid()}")
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="session")
def fleet(farm, tmp_path_factory):
    made = Fleet(farm, tmp_path_factory.mktemp("fleet"))
    _relays.append(made.relay)
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="session")
def quiet(farm, tmp_path_factory):
    """Three sources with a short history and a relay of them, for tests that need no replicas."""
    made = Clusters(farm, tmp_path_factory.mktemp("quiet"), "quiet-")
    made.relay.start()
    _relays.append(made.relay)
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def new_relay(tmp_path):
    """Makes relays that end with the test: new_relay(clusters, accounts, …) is not yet started."""
    made = []

    def make(clusters, accounts, **more):
        fresh = Relay(tmp_path / f"relay-{len(made)}", clusters, accounts, **more)
        made.append(fresh)
        _relays.append(fresh)
        return fresh
    yield make
    for each in made:
        each.remove()
        _relays.remove(each)


Certificate = namedtuple("Certificate", "cert key")


@pytest.fixture(scope="session")
def make_certificate():
    """Makes a certificate for 127.0.0.1 that is its own authority: cert.pem and key.pem."""
    def make(directory):
        made = Certificate(directory / "cert.pem", directory / "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=relay.test", "-addext",
                        "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", made.key,
                        "-out", made.cert], check=True, capture_output=True)
        return made
    return make


@pytest.fixture(scope="session")
def self_signed(make_certificate, tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))
