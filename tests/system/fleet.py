# SPDX-License-Identifier: Apache-2.0
"""The topology of the README: three source clusters, one relay, four replicas.

Every connection to and from the relay goes through a proxy, so that a test can cut it.
"""
from proxy import Proxy
from relay import Relay, account, cluster, source
from servers import MariaDb1011, MariaDb118, MySql

SERVER_IDS = {"east": 199, "west": 299, "south": 399}


class Fleet:
    """east and west are MySQL, south is MariaDB."""

    def __init__(self, farm, directory):
        self.farm = farm
        self.east = farm.make(MySql, "east")
        self.west = farm.make(MySql, "west")
        self.south = farm.make(MariaDb1011, "south")
        self.by_position = farm.make(MySql, "by-position")
        self.by_gtid = farm.make(MySql, "by-gtid")
        self.maria_10 = farm.make(MariaDb1011, "maria-10")
        self.maria_11 = farm.make(MariaDb118, "maria-11")
        self.sources = {"east": self.east, "west": self.west, "south": self.south}
        farm.start_all(*self.sources.values(), self.by_position, self.by_gtid, self.maria_10,
                       self.maria_11)
        for server in self.sources.values():
            server.create_relay_account()

        self.upstream = {name: Proxy(server.port) for name, server in self.sources.items()}
        self.relay = Relay(directory, [
            cluster(name, SERVER_IDS[name], source(server, self.upstream[name].port))
            for name, server in self.sources.items()
        ], [
            account("repl_east", "east"),
            account("repl_west", "west"),
            account("repl_south", "south", plugin="mysql_native_password"),
        ]).start()
        self.downstream = Proxy(self.relay.port)
        self._point_replicas()

    def endpoint(self, cluster_name):
        return self.relay.endpoint(f"repl_{cluster_name}", self.downstream.port)

    def _point_replicas(self):
        self.by_position.follow(self.endpoint("east"), file="binlog.000001")
        self.by_gtid.follow(self.endpoint("east"), channel="east")
        self.by_gtid.follow(self.endpoint("west"), channel="west")
        self.maria_10.follow(self.endpoint("south"))
        self.maria_11.follow(self.endpoint("south"))

    def pairs(self):
        """(source, replica, channel) of everything that replicates."""
        return [(self.east, self.by_position, ""), (self.east, self.by_gtid, "east"),
                (self.west, self.by_gtid, "west"), (self.south, self.maria_10, ""),
                (self.south, self.maria_11, "")]

    def proxies(self):
        return [*self.upstream.values(), self.downstream]

    def remove(self):
        self.relay.remove()
        for proxy in self.proxies():
            proxy.close()
