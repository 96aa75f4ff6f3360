# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Connected mode of the stock driver: a consumer of RC, shared receive queues
and the connection manager that was written without knowledge of this HCA.
"""

import pytest

from tests.vm import lab
from tests.vm.lab import run, wait

CABLE = "sw1-sw2.0", "sw2-sw1.0"

if lab.DRIVER == "stock":
    @pytest.fixture
    def connected(hosts):
        """h1 and h4 in connected mode."""
        ends = hosts[0], hosts[3]
        for host in ends:
            assert host.sysfs_write("mode", "connected\n")[0] == 0
            host.ip("link", "set", "ib0", "mtu", 65520)
        ends[0].reach(ends[1])
        yield ends
        for host in ends:
            assert host.sysfs_write("mode", "datagram\n")[0] == 0
        for host in ends:
            wait(host.carrier, 20, f"{host} gets no carrier")

    def test_packets_of_64_kib_are_not_fragmented(connected):
        h1, h4 = connected
        before = int(h1.snmp("Ip")["FragCreates"])
        assert h1.ping(h4.v4, 200, 65492) == 0
        assert int(h1.snmp("Ip")["FragCreates"]) == before

    def test_all_sizes_pass_and_nothing_is_repeated(connected):
        h1, h4 = connected
        before = h1.hca_counters()
        for size in (16, 2000, 4092, 4097, 16384, 40000):
            assert h1.ping(h4.v4, 100, size) == 0
        assert h1.hca_counters()["tx_again"] == before["tx_again"]

    def test_a_host_in_datagram_mode_is_reached(connected, hosts):
        h1 = connected[0]
        h1.reach(hosts[1])
        assert h1.ping(hosts[1].v4, 50, 1900) == 0

    @pytest.fixture
    def server(connected):
        """iperf3 on h4, for one client."""
        server = connected[1].popen("iperf3", "-s", "-1")
        wait(lambda: connected[1].status("ss", "-Hltn", "sport = :5201")[1],
             10, "no server")
        yield server
        lab.stop(server)

    def test_tcp_runs_over_it(connected, server):
        h1, h4 = connected
        h1.run("iperf3", "-c", h4.v4, "-n", "20M")

    def test_what_a_cable_breaks_is_made_anew(connected):
        """This driver gives up a connection at the first loss."""
        h1, h4 = connected
        for dev in CABLE:
            run("tc", "qdisc", "add", "dev", dev, "root", "netem", "loss",
                "20%")
        try:
            assert h1.ping(h4.v4, 20, 20000, limit=5)
        finally:
            for dev in CABLE:
                run("tc", "qdisc", "del", "dev", dev, "root")
        h1.reach(h4, 30)
        assert h1.ping(h4.v4, 50, 20000) == 0

    def test_connections_end_under_traffic(connected, server):
        h1, h4 = connected
        client = h1.popen("iperf3", "-c", h4.v4, "-t", "60")
        mark = h4.hca_counters()
        wait(lambda: int(h4.sysfs("statistics/rx_bytes")) > 1 << 20, 20,
             "no traffic")
        for mode, mtu in (("datagram", 2044), ("connected", 65520)):
            assert h1.sysfs_write("mode", mode + "\n")[0] == 0
            wait(lambda m=mtu: h1.link()["mtu"] == m, 20, "another MTU")
            h1.reach(h4, 30)
        lab.stop(client)
        now = h4.hca_counters()
        assert now["rx_bad_request"] == mark["rx_bad_request"]
