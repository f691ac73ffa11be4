# SPDX-License-Identifier: Apache-2.0
"""Three clusters through one endpoint: what the sources write is what the replicas have."""
import threading

import pytest

import load
from compare import assert_same_data, assert_stored_files_identical
from fleet import SERVER_IDS
from servers import MariaDb1011


@pytest.fixture(scope="module")
def everything(fleet):
    """One of everything, written to the three sources at the same time."""
    databases = {"east": "all_east", "west": "all_west", "south": "all_south"}
    failures = []

    def write(name):
        try:
            load.everything(fleet.sources[name], databases[name])
        except Exception as error:
            failures.append((name, error))

    writers = [threading.Thread(target=write, args=(name,)) for name in databases]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    return databases


def test_a_mysql_replica_by_file_and_position_has_what_its_source_has(fleet, everything):
    assert_same_data(fleet.east, fleet.by_position, everything["east"])


def test_a_mysql_replica_by_gtid_holds_two_channels_of_two_clusters(fleet, everything):
    assert_same_data(fleet.east, fleet.by_gtid, everything["east"], channel="east")
    assert_same_data(fleet.west, fleet.by_gtid, everything["west"], channel="west")


def test_a_mariadb_10_11_replica_by_gtid_has_what_its_source_has(fleet, everything):
    assert_same_data(fleet.south, fleet.maria_10, everything["south"])


def test_a_mariadb_11_8_replica_by_gtid_has_what_its_source_has(fleet, everything):
    assert_same_data(fleet.south, fleet.maria_11, everything["south"])


def test_a_mariadb_replica_by_file_and_position_has_what_its_source_has(farm, fleet, everything):
    replica = farm.start(MariaDb1011, "maria-by-position")
    replica.follow(fleet.endpoint("south"), file="binlog.000001")
    assert_same_data(fleet.south, replica, everything["south"])
    farm.forget(replica)


@pytest.mark.parametrize("cluster", ["east", "west", "south"])
def test_closed_stored_files_are_byte_for_byte_the_source_s(fleet, everything, cluster):
    names = assert_stored_files_identical(fleet.relay, cluster, fleet.sources[cluster])
    assert len(names) > 4


def test_file_and_position_mean_the_same_on_the_source_and_at_the_relay(fleet, everything):
    fleet.east.run("CREATE TABLE last_one (id INT PRIMARY KEY)", database=everything["east"])
    assert_same_data(fleet.east, fleet.by_position, everything["east"])
    status = fleet.by_position.replica_status()
    assert (status["file"], status["position"]) == fleet.east.position()
    assert status["applied"] == fleet.east.position()


def test_a_replica_sees_the_cluster_s_identity_and_not_the_source_s(fleet):
    east = fleet.by_position.replica_status()
    assert east["server_id"] == SERVER_IDS["east"]
    assert east["uuid"] != fleet.east.value("SELECT @@GLOBAL.server_uuid")
    by_gtid = [fleet.by_gtid.replica_status(channel) for channel in ("east", "west")]
    assert by_gtid[0]["uuid"] == east["uuid"] != by_gtid[1]["uuid"]
    assert [each["server_id"] for each in by_gtid] == [SERVER_IDS["east"], SERVER_IDS["west"]]
    assert fleet.maria_11.replica_status()["server_id"] == SERVER_IDS["south"]
