# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What tests of connected mode have in common: the control, and what is seen
of connections."""

import re

from tests.vm import lab
from tests.vm.lab import wait

UC_FLAG = "unreliable-connections"


def set_mode(host, mode):
    """Connected or datagram."""
    host.ip("link", "set", "ib0", "type", "ipoib", "mode", mode)


def set_uc(host, on):
    """Announce unreliable connections, or do not."""
    host.run("ethtool", "--set-priv-flags", "ib0", UC_FLAG,
             "on" if on else "off")


def forget(*hosts):
    """Neighbours are asked for again, and tell what they accept."""
    for host in hosts:
        host.ip("neigh", "flush", "dev", "ib0")


def connections(host, direction=None):
    """What debugfs shows of connections: a list of dictionaries."""
    found = [dict(re.findall(r"^\s*(\w+):\s+(\S+)", block, re.M))
             for block in lab.debugfs(host, "conn").split("\n\n") if block]
    return [c for c in found if direction in (None, c["direction"])]


def sending(host):
    """The connections that are up and sent on."""
    return [c for c in connections(host, "send") if c["state"] == "up"]


def sends_to(host, other):
    """Is there a connection that a host sends to another on?"""
    return any(c["qpn"] == f"0x{other.address()[1:4].hex()}"
               for c in sending(host))


def connect(a, b):
    """Wait until each has a connection to the other."""
    for here, there in ((a, b), (b, a)):
        wait(lambda h=here, t=there: not h.ping(t.v4, limit=1) and
             sends_to(h, t), 10, f"{here} has no connection")


def counted(host, *names):
    """Some counters of ethtool -S."""
    stats = host.ethtool_stats()
    return [stats[name] for name in names]


def renew(host, switch):
    """Give a host another HCA on the same cable, and with it a new QPN."""
    lab.run("rdma", "link", "delete", host.hca, timeout=60)
    lab.run("rdma", "link", "add", host.hca, "type", "sib", "netdev",
            f"{host.name}-{switch}")
    name = lab.interface_of(host.hca)
    lab.run("ip", "link", "set", name, "netns", host.name, "name", "ib0")
    host.ip("address", "add", f"{host.v4}/24", "dev", "ib0")
    host.ip("address", "add", f"{host.v6}/64", "dev", "ib0", "nodad")
    host.ip("link", "set", "ib0", "up")
    wait(host.carrier, 20, f"{host} has no carrier")


def calm_down(hosts):
    """All in datagram mode, without connections."""
    for host in hosts:
        link = host.link()
        if link["linkinfo"]["info_data"]["mode"] != "datagram":
            set_mode(host, "datagram")
        if int(link["address"][:2], 16) & 0x40:
            set_uc(host, False)
        lab.run("ip", "-n", host.name, "-batch", "-",
                text="route flush cache\nneigh flush dev ib0\n")
    for host in hosts:
        wait(lambda h=host: not connections(h, "send"), 10,
             f"{host} is connected")
        assert host.link()["mtu"] == 2044
    for other in hosts[1:]:
        hosts[0].reach(other)
