# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""An interface's queues and rings: what ethtool says of them, what they are
made of, and packets to fill them.
"""

import os
import re
import socket

from tests.vm.lab import run
from tests.vm.netns import inside

MOST = 16
ROOM = 2048
USUAL = min(os.cpu_count(), 8)


class Queues:
    """What ethtool has to say of an interface's queues, and does to them."""

    def __init__(self, host, dev="ib0"):
        self.host = host
        self.dev = dev

    def ask(self, option):
        """-l or -g: what can be, and what is, by name."""
        out = self.host.run("ethtool", option, self.dev)
        return [dict((name, int(value)) for name, value in re.findall(
            r"^(\w+):\s+(\d+)$", half, re.M))
            for half in out.split("Current hardware settings")]

    @property
    def rings(self):
        """RX and TX."""
        now = self.ask("-g")[1]
        return now["RX"], now["TX"]

    @property
    def count(self):
        """Of transmit queues."""
        return self.ask("-l")[1]["TX"]

    def set(self, option, *what):
        """-L or -G; what ethtool said."""
        return self.host.run("ethtool", option, self.dev, *what)

    def refuses(self, option, *what):
        """And nothing is changed."""
        before = self.rings, self.count
        code, out = self.host.status("ethtool", option, self.dev, *what)
        assert code, f"ethtool {option} {what} is accepted"
        assert (self.rings, self.count) == before
        return out

    def in_the_kernel(self):
        """Transmit queues that the stack has."""
        names = self.host.run("ls",
                              f"/sys/class/net/{self.dev}/queues").split()
        return sum(name.startswith("tx-") for name in names)

    def usual(self):
        """As they are at first."""
        self.host.run("sh", "-c", f"for q in /sys/class/net/{self.dev}/queues/"
                      "tx-*; do echo 0 >$q/byte_queue_limits/limit_min; done")
        self.host.status("ethtool", "-L", self.dev, "tx", USUAL)
        self.host.status("ethtool", "-G", self.dev, "rx", 256, "tx", 128)


def qpns(host):
    """Of all QPs that IPoIB has on a host's HCA."""
    out = run("rdma", "resource", "show", "qp", "link", f"{host.hca}/1")
    return {int(n) for n in re.findall(r"lqpn (\d+) .*\[ib_ipoib\]", out)}


def qpn(host):
    """The one in the address."""
    return int.from_bytes(host.address()[1:4], "big")


def send_flows(host, other, flows, each):
    """Datagrams from so many ports; all of them end in "flow"."""
    with inside(host):
        socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                 for _ in range(flows)]
    try:
        for _ in range(each):
            for sock in socks:
                sock.sendto(b"flow", (other.v4, 9))
    finally:
        for sock in socks:
            sock.close()


# Numbered datagrams of several flows: how many different ones come.
RECEIVER = """
import socket, struct, sys
flows, each = int(sys.argv[1]), int(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
s.bind(("", 5555))
print("ready", flush=True)
seen = set()
s.settimeout(20)
try:
    while len(seen) < flows * each:
        seen.add(s.recv(4096)[:8])
except TimeoutError:
    pass
print("seen", len(seen), "of", flows * each, flush=True)
"""

SENDER = """
import socket, struct, sys
target, flows, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
         for _ in range(flows)]
for i in range(each):
    for n, s in enumerate(socks):
        s.sendto(struct.pack("!II", n, i) + bytes(1400), (target, 5555))
"""
