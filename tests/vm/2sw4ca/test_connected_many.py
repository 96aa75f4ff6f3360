# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Many connections to one host: children of the others are peers, too. What
they cost is printed.
"""

import contextlib
import json
import re
import time

import pytest

from tests.vm import lab
from tests.vm.connmode import calm_down, connections, set_mode
from tests.vm.lab import run, wait
from tests.vm.many import Echo, batch, interfaces

pytestmark = pytest.mark.ours

SENDS = re.compile(r"^ +direction: +send\n(?: +.*\n)*? +state: +up$", re.M)

# Octets that an interface and its connections take.
NEEDS = 8 << 20

COUNTS = (9,) if lab.DEBUG else (
    60, pytest.param(501, marks=pytest.mark.long))


def free_memory():
    """Octets that nobody uses, once what is to be freed has been."""
    lab.write("/proc/sys/vm/drop_caches", "3")
    with open("/proc/meminfo", encoding="ascii") as file:
        found = dict(line.split(":") for line in file)
    return int(found["MemFree"].split()[0]) * 1024


def addresses(host):
    """Hardware addresses by name."""
    return {link["ifname"]: link["address"]
            for link in json.loads(host.ip("-j", "link", "show"))}


class Peers:
    """Children of some hosts in connected mode, one address each. They and
    the host that all talk to know each other without asking."""

    def __init__(self, hosts, target, count):
        self.hosts, self.target = hosts, target
        self.names = [f"k{i}" for i in range(count // len(hosts))]

    def v4(self, host, index):
        """The address of one of them."""
        return f"10.{host.number}.{index // 200}.{index % 200 + 1}"

    def make(self):
        """They are up, and there is no connection yet."""
        for host in self.hosts:
            host.run("sysctl", "-q", "net.ipv6.conf.default.disable_ipv6=1")
            batch(host, *(f"link add link ib0 name {name} type ipoib mode "
                          "connected" for name in self.names),
                  *(f"link set {name} up" for name in self.names))
        for host in self.hosts:
            for name in self.names:
                wait(lambda h=host, n=name: h.carrier(n), 120,
                     f"{name} of {host} has no carrier")
        to = self.target.address().hex(":")
        for host in self.hosts:
            for index, name in enumerate(self.names):
                batch(host,
                      f"address add {self.v4(host, index)}/32 dev {name}",
                      f"neigh add {self.target.v4} lladdr {to} dev {name} "
                      "nud permanent")
            known = addresses(host)
            batch(self.target, f"route add 10.{host.number}.0.0/16 dev ib0",
                  *(f"neigh add {self.v4(host, index)} lladdr {known[name]} "
                    "dev ib0 nud permanent"
                    for index, name in enumerate(self.names)))

    def echoes(self):
        """One that asks for each of them."""
        return [Echo(host, name, self.target.v4)
                for host in self.hosts for name in self.names]

    def wanting(self):
        """Those of them that have no connection to the target that is up."""
        return {(host.number, name) for host in self.hosts
                for name in self.names
                if not SENDS.search(lab.debugfs(host, "conn", name))}

    def end(self):
        """They are there no more."""
        for host in self.hosts:
            batch(host, *(f"link delete {name}"
                          for name in interfaces(host) - {"ib0"}))
            host.run("sysctl", "-q", "net.ipv6.conf.default.disable_ipv6=0")
            run("ip", "-n", self.target.name, "route", "delete",
                f"10.{host.number}.0.0/16", "dev", "ib0", check=False)
        self.target.ip("neigh", "flush", "dev", "ib0", "nud", "permanent")


@pytest.fixture
def peers(hosts):
    """Makes them, of h1, h2 and h3; the target, h4, is in connected mode."""
    made = []
    set_mode(hosts[3], "connected")

    def make(count):
        made.append(Peers(hosts[:3], hosts[3], count))
        made[0].make()
        return made[0]

    yield make
    for one in made:
        one.end()
    calm_down(hosts)
    run("ibqueryerrors", "--clear-errors", check=False)


def round_of(echoes):
    """All ask at once and are answered; seconds."""
    start = time.monotonic()
    for echo in echoes:
        echo.ask()
    wait(lambda: all(echo.back() == echo.sent for echo in echoes), 60,
         "echoes are missing")
    return time.monotonic() - start


def settle(group, echoes, limit):
    """Until there is a connection each way with each of them.

    One kernel answers for all of them, in one thread: a REP may wait there for
    so long that the other end has given up. That connection is lost with the
    first packet on it, and made anew for the next.
    """
    def done():
        target, count = group.target, len(echoes)
        lacking = group.wanting()
        for echo in echoes:
            if (echo.host.number, echo.dev) in lacking:
                echo.ask()
        ours = [c for c in connections(target, "send") if c["state"] == "up"]
        return (not lacking and len(ours) >= count and
                len(connections(target, "receive")) >= count)

    wait(done, limit, "not all connect", 1)
    for echo in echoes:
        echo.forget()


@pytest.mark.parametrize("count", COUNTS)
def test_one_host_with_many_connections(h4, peers, count):
    """A connection each way with each of them, in bounded time; all go with
    their peers, and their memory with them."""
    if free_memory() < count * NEEDS:
        pytest.skip("wants lab/run --memory 6144")
    group = peers(count)
    with contextlib.ExitStack() as stack:
        echoes = [stack.enter_context(echo) for echo in group.echoes()]
        before, start = free_memory(), time.monotonic()
        for echo in echoes:
            echo.ask()
        settle(group, echoes, 60 + count)
        took = time.monotonic() - start
        used = before - free_memory()
        # They carry what is asked from now on.
        packets = h4.ethtool_stats()["conn_rx_packets"]
        round_of(echoes)
        assert h4.ethtool_stats()["conn_rx_packets"] - packets >= count
    assert not [c for c in connections(h4, "send") if c["state"] != "up"]
    start = time.monotonic()
    group.end()
    set_mode(h4, "datagram")
    wait(lambda: not connections(h4), 60, "connections stay")
    gone = time.monotonic() - start
    print(f"{count} peers: {2 * count} connections at h4 in {took:.1f} s "
          f"({2 * count / took:.0f} a second), {used / 4 / count / 1024:.0f} "
          f"KiB for each end of one, gone in {gone:.1f} s")
    assert gone < 30 * lab.SLOW
