# SPDX-License-Identifier: Apache-2.0
"""The topology of the README: three source clusters, one relay, and in a fleet four replicas."""
from proxy import Proxy
from relay import Relay, account, cluster, source
from servers import MariaDb1011, MariaDb118, MySql

SERVER_IDS = {"east": 199, "west": 299, "south": 399}


class Clusters:
    """A relay of three sources: east and west are MySQL, south is MariaDB."""

    def __init__(self, farm, directory, prefix=""):
        self.farm = farm
        self.east = farm.make(MySql, f"{prefix}east")
        self.west = farm.make(MySql, f"{prefix}west")
        self.south = farm.make(MariaDb1011, f"{prefix}south")
        self.sources = {"east": self.east, "west": self.west, "south": self.south}
        farm.start_all(*self.sources.values())
        for server in self.sources.values():
            server.create_relay_account()
        self.relay = Relay(directory, self.cluster_configs(), self.account_configs(),
                           **self.more_config())

    def source_port(self, name):
        return self.sources[name].port

    def cluster_configs(self):
        return [cluster(name, SERVER_IDS[name], source(server, self.source_port(name)))
                for name, server in self.sources.items()]

    def account_configs(self):
        return [account("repl_east", "east"), account("repl_west", "west"),
                account("repl_south", "south", plugin="mysql_native_password")]

    def more_config(self):
        return {}

    def endpoint(self, name):
        return self.relay.endpoint(f"repl_{name}")

    def remove(self):
        self.relay.remove()


class Fleet(Clusters):
    """With replicas, and with proxies between all of them and the relay, so that a test can cut."""

    def __init__(self, farm, directory):
        self.upstream = {}
        super().__init__(farm, directory)
        self.relay.start()
        self.downstream = Proxy(self.relay.port)
        self.by_position = farm.make(MySql, "by-position")
        self.by_gtid = farm.make(MySql, "by-gtid")
        self.maria_10 = farm.make(MariaDb1011, "maria-10")
        self.maria_11 = farm.make(MariaDb118, "maria-11")
        farm.start_all(self.by_position, self.by_gtid, self.maria_10, self.maria_11)
        self.by_position.follow(self.endpoint("east"), file="binlog.000001")
        self.by_gtid.follow(self.endpoint("east"), channel="east")
        self.by_gtid.follow(self.endpoint("west"), channel="west")
        self.maria_10.follow(self.endpoint("south"))
        self.maria_11.follow(self.endpoint("south"))

    def source_port(self, name):
        if name not in self.upstream:
            self.upstream[name] = Proxy(self.sources[name].port)
        return self.upstream[name].port

    def endpoint(self, name):
        return super().endpoint(name).at(self.downstream.port)

    def pairs(self):
        """(source, replica, channel) of everything that replicates."""
        return [(self.east, self.by_position, ""), (self.east, self.by_gtid, "east"),
                (self.west, self.by_gtid, "west"), (self.south, self.maria_10, ""),
                (self.south, self.maria_11, "")]

    def proxies(self):
        return [*self.upstream.values(), self.downstream]

    def remove(self):
        super().remove()
        for proxy in self.proxies():
            proxy.close()
