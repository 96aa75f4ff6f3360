# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""DHCP over IPoIB (RFC 4390): dnsmasq serves on h1, and Debian's clients ask on
h4: an address by IPv4 and by IPv6, renewed and released.
"""

import os
import re

import pytest

from tests.vm import lab
from tests.vm.daemons import Room
from tests.vm.iftools import restore_v6
from tests.vm.lab import wait

LEASED4, LEASED6 = r"192\.0\.2\.\d+", r"2001:db8:2::[0-9a-f]+"


class Server:
    """dnsmasq on a host, in a network of its own."""

    def __init__(self, host, room):
        self.log = "/run/lab/dnsmasq.log"
        self.mark = self.size()
        host.ip("address", "replace", "192.0.2.1/24", "dev", "ib0")
        host.ip("address", "replace", "2001:db8:2::1/64", "dev", "ib0",
                "nodad")
        room.start("/usr/sbin/dnsmasq", "--keep-in-foreground", "--port=0",
                   "--enable-ra", "--conf-file=/dev/null",
                   "--log-facility=-", "--log-dhcp",
                   "--interface=ib0", "--bind-interfaces", "--user=root",
                   "--dhcp-leasefile=/run/dnsmasq.leases", "--pid-file=",
                   "--dhcp-range=192.0.2.100,192.0.2.150,255.255.255.0,120",
                   "--dhcp-range=2001:db8:2::100,2001:db8:2::150,64,120")
        wait(lambda: "IP range 192.0.2.100" in self.said(), 20,
             "dnsmasq does not start")

    def size(self):
        """How long its log is."""
        return os.path.getsize(self.log) if os.path.exists(self.log) else 0

    def said(self):
        """What it has logged."""
        with open(self.log, encoding="utf-8") as file:
            file.seek(self.mark)
            return file.read()


@pytest.fixture
def server(h1):
    """A function that starts the server on h1."""
    with Room(h1) as room:
        yield lambda: Server(h1, room)
    h1.ip("address", "del", "192.0.2.1/24", "dev", "ib0")
    h1.ip("address", "del", "2001:db8:2::1/64", "dev", "ib0")


@pytest.fixture
def client(h4):
    """Where a client lives on h4, which is as it was afterwards."""
    with Room(h4) as room:
        yield room
    h4.run("ip", "address", "flush", "dev", "ib0")
    h4.ip("address", "replace", f"{h4.v4}/24", "dev", "ib0")
    h4.ip("link", "set", "ib0", "down")
    h4.ip("link", "set", "ib0", "up")
    restore_v6(h4)


def address(host, pattern):
    """The address of ib0 that looks so, or None."""
    found = re.search(rf"inet6? ({pattern})/",
                      host.ip("address", "show", "dev", "ib0"))
    return found and found[1]


def wait_for_address(host, pattern, limit=40):
    """Wait for one."""
    return wait(lambda: address(host, pattern), limit,
                f"{host} has no address like {pattern}")


NETWORK = """
[Match]
Name=ib0
[Network]
DHCP={family}
[DHCPv4]
UseDNS=no
[DHCPv6]
UseDNS=no
"""


def networkd(room, family):
    """systemd-networkd with DHCP on ib0."""
    room.start_udev()
    room.write("/run/systemd/network/ib0.network",
               NETWORK.format(family=family))
    room.run("chmod", "-R", "a+rX", "/run/systemd")
    room.start("/lib/systemd/systemd-networkd",
               env={"SYSTEMD_LOG_LEVEL": "debug"})


def test_networkd_gets_an_address(server, client, h1, h4):
    served = server()
    networkd(client, "ipv4")
    leased = wait_for_address(h4, LEASED4)
    assert h1.ping(leased) == 0
    for what in ("DHCPDISCOVER", "DHCPOFFER", "DHCPREQUEST", "DHCPACK"):
        assert what in served.said()


def test_networkd_gets_an_address_by_ipv6(server, client, h1, h4):
    served = server()
    networkd(client, "ipv6")
    leased = wait_for_address(h4, LEASED6)
    wait(lambda: not h1.ping(leased, limit=1), 10, "h4 is silent")
    assert "DHCPREPLY" in served.said()


def test_networkmanager_gets_an_address(server, client, h1, h4):
    served = server()
    client.start_networkmanager()
    client.run("nmcli", "-w", 60 * lab.SLOW, "connection", "add", "type",
               "infiniband", "con-name", "port", "ifname", "ib0",
               "autoconnect", "no", "ipv6.method", "ignore",
               "infiniband.transport-mode", "datagram")
    client.run("nmcli", "-w", 60 * lab.SLOW, "connection", "up", "port")
    assert h1.ping(address(h4, LEASED4)) == 0
    assert "DHCPACK" in served.said()


def test_what_goes_over_the_wire(server, client, h1, h4):
    """RFC 4390: no hardware address, a client identifier, and answers by
    broadcast, for the server cannot send to an address that it is not
    told."""
    capture = h1.popen("tcpdump", "-i", "ib0", "-n", "-U", "--immediate-mode",
                       "-w", "/run/lab/dhcp.pcap",
                       "udp port 67 or udp port 68")
    for line in capture.stdout:
        if "listening on" in line:
            break
    server()
    networkd(client, "ipv4")
    wait_for_address(h4, LEASED4)
    lab.stop(capture)
    out = h1.run("tshark", "-r", "/run/lab/dhcp.pcap", "-T", "fields", "-e",
                 "dhcp.type", "-e", "dhcp.hw.type", "-e", "dhcp.hw.len", "-e",
                 "dhcp.flags.bc", "-e", "ip.dst", "-e",
                 "dhcp.option.type")
    rows = [line.split("\t") for line in out.splitlines() if "\t" in line]
    requests = [r for r in rows if r[0] == "1"]
    answers = [r for r in rows if r[0] == "2"]
    assert len(requests) >= 2 and len(answers) >= 2
    for row in requests:
        assert row[1:4] == ["0x20", "0", "1"]
        assert "61" in row[5].split(",")
    for row in answers:
        assert row[4] == "255.255.255.255"
