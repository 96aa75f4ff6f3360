# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What dropwatch would show: a reason for each packet that is dropped, nothing
for those that are sent; and that each drop is in the counters that users see.
"""

import contextlib
import os
import re
import signal
import socket

import pytest

from tests.vm.ifwire import packet_send, send_super_packet
from tests.vm.iftools import restore_v6
from tests.vm.lab import scaled, wait
from tests.vm.netns import PORT, inside, send
from tests.vm.tracing import Drops

pytestmark = pytest.mark.ours

STRANGER = "198.51.100.99"


@pytest.fixture
def drops():
    with Drops() as ring:
        yield ring


@contextlib.contextmanager
def stranger(host, number):
    """An address whose GID the SA does not know; each test has its own."""
    gid = socket.inet_pton(socket.AF_INET6, f"fe80::202:c903:78:{number}")
    lladdr = (bytes.fromhex("00000123") + gid).hex(":")
    host.ip("neigh", "replace", STRANGER, "lladdr", lladdr, "dev", "ib0",
            "nud", "permanent")
    try:
        yield
    finally:
        # It goes by itself when the interface is set down.
        host.ip("neigh", "flush", "to", STRANGER, "nud", "permanent", "dev",
                "ib0")


@contextlib.contextmanager
def dead_sm(opensm, host):
    """While nobody answers; the host's link is made anew before somebody
    does, so that he need not do what was asked for in between.

    It is stopped, not ended: for who has ended, ib_mad says at once that
    nobody is there.
    """
    for pid in opensm.pids():
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        host.ip("link", "set", "ib0", "down")
        opensm.stop(signal.SIGKILL)
        host.ip("link", "set", "ib0", "up")
        opensm.start()
        wait(host.carrier, 30, "no carrier")
        restore_v6(host)


def send_udp(host, address, count):
    with inside(host), \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(count):
            sock.sendto(b"x", (address, PORT))


def causes(host):
    """The counters of what was not sent, by cause."""
    return {name[len("tx_drop_"):]: value
            for name, value in host.ethtool_stats().items()
            if name.startswith("tx_drop_")}


@contextlib.contextmanager
def counted(host, drops, cause, reason, count):
    """What happens inside drops so many packets, for one cause. They are
    traced, and in the sums of ethtool, ip and sysfs alike."""
    def sums():
        return (host.ethtool_stats()["tx_dropped"],
                host.link()["stats64"]["tx"]["dropped"],
                int(host.sysfs("statistics/tx_dropped")))

    def grown():
        now = causes(host)
        return {n: now[n] - before[n] for n in now if now[n] > before[n]}
    before, sums_before = causes(host), sums()
    drops.set("trace", "")
    yield
    try:
        wait(lambda: grown().get(cause, 0) >= count, 10, cause)
    except AssertionError:
        pass
    assert grown() == {cause: count}
    assert [b - a for a, b in zip(sums_before, sums())] == [count] * 3
    assert drops.reasons() == [reason] * count


def test_traffic_drops_nothing(hosts, drops):
    """TCP, UDP, fragments, groups, and a queue that is always full."""
    h1, h4 = hosts[0], hosts[3]
    h1.reach(h4)
    drops.set("trace", "")
    before = [host.drops() for host in (h1, h4)]
    assert h1.ping(h4.v4, scaled(200), 8000) == 0
    assert h4.ping(h1.v6, scaled(200)) == 0
    # No more than may wait until the group is joined.
    send(h1, "239.7.9.1", *[b"x"] * scaled(60))
    send_udp(h1, h4.v4, scaled(1000))
    server = h4.popen("iperf3", "-s", "-1", "--forceflush")
    wait(lambda: h4.run("ss", "-Htln", "sport = :5201"), 10, "no server")
    h1.run("iperf3", "-c", h4.v4, "-n", f"{scaled(3300)}K")
    server.wait(20)
    server.stdout.close()
    assert drops.reasons() == []
    assert [host.drops() for host in (h1, h4)] == before


def test_down_and_up_drops_nothing_that_was_sent(h3, h4, drops):
    h3.reach(h4)
    wait(lambda: not h3.ping(h4.v4), 5, "h4 is not reached")
    drops.set("trace", "")
    before = h3.ethtool_stats()["tx_drop_flushed"]
    h3.ip("link", "set", "ib0", "down")
    flushed = h3.ethtool_stats()["tx_drop_flushed"] - before
    assert drops.reasons() == ["DEV_READY"] * flushed
    h3.ip("link", "set", "ib0", "up")
    wait(h3.carrier, 20, "no carrier")
    restore_v6(h3)


def test_an_unknown_type(h1, h2, drops):
    with counted(h1, drops, "type", "UNHANDLED_PROTO", 1):
        assert packet_send(h1, h2.address(), 0x1234, bytes(20)) == 0


def test_a_packet_that_is_too_long(h1, h4, drops):
    h1.reach(h4)
    with counted(h1, drops, "too_long", "PKT_TOO_BIG", 1):
        send_super_packet(h1, h4, 4000)


def test_a_path_that_the_sa_does_not_know(h1, drops):
    with stranger(h1, 1), counted(h1, drops, "path_failed", "NEIGH_FAILED", 3):
        send_udp(h1, STRANGER, 3)


def test_too_many_packets_for_a_path(h1, opensm, drops):
    with stranger(h1, 2), dead_sm(opensm, h1):
        with counted(h1, drops, "path_queue_full", "NEIGH_QUEUEFULL", 5):
            send_udp(h1, STRANGER, 128 + 5)


def test_too_many_packets_for_a_group(h1, opensm, drops):
    with dead_sm(opensm, h1):
        with counted(h1, drops, "mcast_queue_full", "NEIGH_QUEUEFULL", 5):
            send(h1, "239.7.9.2", *[b"x"] * (64 + 5))


def test_too_many_groups(h1, opensm, drops):
    """With a thousand under way, the next one is refused. That makes room
    where some have failed by now, so nobody knows how many are."""
    with dead_sm(opensm, h1):
        before = causes(h1)["mcast_limit"]

        def refused():
            return causes(h1)["mcast_limit"] - before

        with inside(h1), \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_IP, socket.IP_MULTICAST_IF,
                            socket.inet_aton(h1.v4))
            for n in range(3000):
                sock.sendto(b"x", (f"239.8.{n // 250}.{n % 250}", PORT))
                if n > 800 and n % 20 == 0 and refused():
                    break
        # Some were sent to already, before this test.
        assert 850 < n < 3000 - 1
        count = refused()
        assert 0 < count <= 20
        assert drops.reasons().count("NEIGH_CREATEFAIL") == count


def test_packets_that_wait_when_the_interface_is_set_down(h1, opensm, drops):
    with stranger(h1, 3), dead_sm(opensm, h1):
        send_udp(h1, STRANGER, 7)
        with counted(h1, drops, "flushed", "DEV_READY", 7):
            h1.ip("link", "set", "ib0", "down")


def test_drops_are_in_the_long_statistics_of_ip(h1, h2):
    packet_send(h1, h2.address(), 0x1234, bytes(20))
    out = h1.run("ip", "-s", "-s", "link", "show", "ib0")
    names, values = re.search(r"TX:\s+(.*)\n\s+([\d ]+)\n", out).groups()
    assert int(dict(zip(names.split(), values.split()))["dropped"]) == \
        int(h1.sysfs("statistics/tx_dropped")) > 0


def test_statistics_are_the_same_everywhere(hosts):
    """sysfs, ip and ethtool, once nothing is under way."""
    h1, h2 = hosts[:2]
    h1.reach(h2)

    def same():
        shown, stats = h1.ethtool_stats(), h1.link()["stats64"]
        return all(shown[f"{way}_{what}"] == stats[way][what] ==
                   int(h1.sysfs(f"statistics/{way}_{what}"))
                   for way in ("rx", "tx")
                   for what in ("packets", "bytes", "dropped")) and \
            shown["tx_errors"] == stats["tx"]["errors"] and \
            shown["multicast"] == stats["rx"]["multicast"]
    wait(same, 20, "they differ")
