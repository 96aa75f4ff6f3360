# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What a user or a peer can make an interface keep in memory is bounded, and
setting it down does not wait for anybody.
"""

import contextlib
import signal
import socket
import struct
import time

import pytest

from tests.vm import inject, lab
from tests.vm.inject import encap
from tests.vm.lab import run, wait

pytestmark = pytest.mark.ours

# As docs/admin.md has them.
DESTINATIONS, GROUPS, WAITING = 16384, 1024, 8192
# An skb and its data, a destination, its path, a group; octets, generously.
PACKET, DESTINATION, GROUP = 2048, 1536, 2048


def memory_used():
    """Octets that the guest's kernel cannot give back by itself."""
    words = dict(line.split(":") for line in
                 lab.read("/proc/meminfo").splitlines())
    kept = ("Slab", "Percpu", "KernelStack")
    return sum(int(words[k].split()[0]) for k in kept) * 1024


@contextlib.contextmanager
def sender(host):
    """A packet socket on a host's ib0, which takes whole packets."""
    with inject.socket_of(host, socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind(("ib0", 0))
        yield sock


def groups_of(host):
    """How many groups an interface has."""
    return lab.debugfs(host, "mcg").count("GID:")


def to_random_groups(sock, count):
    """A packet each to so many IPv4 groups."""
    for number in range(count):
        low = struct.pack("!I", number * 2654435761 & 0x0fffffff)
        packet = inject.udp("198.51.100.1", socket.inet_ntoa(
            bytes((low[0] | 0xe0,)) + low[1:]), 9, b"x")
        send(sock, b"\0\xff\xff\xff" +
             bytes.fromhex("ff12401bffff000000000000") + low +
             encap(inject.IPV4, packet))


def to_random_hosts(sock, prefix, count):
    """A packet each to so many hosts that there are not."""
    packet = inject.udp("198.51.100.1", "198.51.100.200", 9, b"x")
    for number in range(count):
        send(sock, struct.pack("!I", number + 0x100000) + prefix +
             struct.pack("!Q", 0x5b00f000000000 + number) +
             encap(inject.IPV4, packet))


def send(sock, packet):
    """Send; that the device's queue is full is no failure."""
    with contextlib.suppress(OSError):
        sock.send(packet)


@pytest.fixture
def quiet(hosts):
    """What a test has filled is empty again afterwards."""
    yield
    for host in hosts[:2]:
        host.ip("link", "set", "ib0", "down")
        host.ip("link", "set", "ib0", "up")
        host.ip("address", "replace", f"{host.v6}/64", "dev", "ib0", "nodad")
    for host in hosts[:2]:
        wait(host.carrier, 30, f"{host} gets no carrier")
    hosts[0].reach(hosts[1], 30)
    run("ibqueryerrors", "--clear-errors", check=False)


@pytest.mark.parametrize("count", (
    20000, pytest.param(100000, marks=pytest.mark.long)))
def test_random_groups_and_hosts_fill_no_memory(hosts, quiet, count):
    """More than there may be of each."""
    h1, h2 = hosts[:2]
    count = lab.scaled(count)
    h1.reach(h2)
    before = memory_used()
    with sender(h1) as sock:
        to_random_groups(sock, count)
        to_random_hosts(sock, h1.address()[4:12], count)
        used = memory_used() - before
    bound = WAITING * PACKET + DESTINATIONS * DESTINATION + GROUPS * GROUP
    assert used < bound + (16 << 20), f"{used >> 20} MiB"
    # Besides those that it is only sent to it has those of the stack.
    assert groups_of(h1) <= GROUPS + 32
    # And whoever was there is there.
    assert h1.ping(h2.v4, 20) == 0


def test_a_full_table_has_room_for_a_true_peer(hosts, quiet):
    """A stranger sends from more addresses than there is room for."""
    h1, h2, h3, _ = hosts
    places = inject.Place.of(h1), inject.Place.of(h2)
    count = lab.scaled(DESTINATIONS + DESTINATIONS // 8)
    with inject.to_hca(h2, "sw1") as cable:
        for number in range(count):
            gid = places[0].gid[:8] + struct.pack("!Q", 0x5b00f100000000 +
                                                  number)
            hardware = struct.pack("!I", 0x100000 + number) + gid
            cable.send(inject.datagram(places[0], places[1], encap(
                inject.ARP, inject.arp(1, hardware, "198.51.100.222",
                                       bytes(20), h2.v4))))
        stats = h2.ethtool_stats()
        assert h2.ping(h1.v4, 20, limit=20) == 0
        h2.ip("neigh", "flush", "dev", "ib0")
        h2.reach(h3, 20)
    if count > DESTINATIONS:
        assert stats["path_evicted"] > 0
    assert h2.ping(h1.v4, 20) == 0


@contextlib.contextmanager
def slow_cable(host, switch):
    """A cable on which next to nothing goes out."""
    end = f"{host}-{switch}"
    run("tc", "qdisc", "add", "dev", end, "root", "tbf", "rate", "16kbit",
        "burst", "5000", "limit", "100000000")
    try:
        yield
    finally:
        run("tc", "qdisc", "del", "dev", end, "root")


def test_down_waits_for_nobody(hosts, opensm, quiet):
    """The SM is dead, so is a peer, and the queue is full of packets."""
    h1, h2 = hosts[:2]
    h1.reach(h2)
    to_h2 = h2.address()
    packet = to_h2 + encap(inject.IPV4, inject.udp(h1.v4, h2.v4, 9,
                                                   bytes(1000)))
    opensm.stop(signal.SIGKILL)
    try:
        with sender(h1) as sock, slow_cable(h1, "sw1"):
            to_random_groups(sock, 100)
            to_random_hosts(sock, to_h2[4:12], 100)
            sock.setblocking(False)
            wait(lambda: is_full(sock, packet), 20, "the queue is not full")
            start = time.monotonic()
            h1.ip("link", "set", "ib0", "down")
            took = time.monotonic() - start
    finally:
        opensm.start()
        h1.ip("link", "set", "ib0", "up")
    assert took < 1.0 * lab.SLOW, took


def is_full(sock, packet):
    """Send until the device takes no more."""
    try:
        for _ in range(1000):
            sock.send(packet)
    except OSError:
        return True
    return False
