# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What an interface does not do too often, and what not just once.

Joins and leaves under a storm of events, leaves of many groups, and telling
the peers of a new place.

    lab/run --topology 1sw3ca-nosm -- tests/vm/run tests/vm/1sw3ca-nosm/test_rfc_pace.py
"""

import socket
import struct
import time

import pytest

from tests.sm import BROADCAST
from tests.sm.harness import give_ipv6, replug
from tests.vm import inject, lab
from tests.vm.lab import wait
from tests.vm.wire import ARP, Capture

pytestmark = pytest.mark.ours

CABLE_MTU = 4096 + 134


@pytest.mark.debug
def test_a_storm_of_reregistrations_makes_no_storm_of_joins(sm):
    """Each group at once, and after 0.25, 0.5, 1, 2 and 4 seconds. What ib_core
    sends again by itself, the interface does not count."""
    h1, h2, _ = sm.hosts
    sm.wait_settled(h2)
    groups = lab.debugfs(h2, "mcg").count("GID: ")
    changes = h2.sysfs("carrier_changes")
    before = h2.ethtool_stats()["mcast_joins"]
    since = time.monotonic()
    for _ in range(60):
        sm.subnet.reregister(h2.hca)
    lasted = time.monotonic() - since
    wait(lambda: h2.ethtool_stats()["mcast_joins"] > before, 20,
         "nothing is joined again")
    sm.wait_settled(h2)
    count = h2.ethtool_stats()["mcast_joins"] - before
    assert count <= groups * (6 + lasted / 4), \
        f"{count} joins of {groups} groups in {lasted:.1f} s"
    # It was a member all the time.
    assert h2.sysfs("carrier_changes") == changes
    h1.reach(h2)


@pytest.mark.debug
def test_a_storm_of_lids_makes_no_storm_of_joins(sm):
    """At once, and after 0.1, 0.2, 0.4, ... 3.2 seconds. What ib_core sends
    again by itself comes on top, once for each."""
    h1, h2, _ = sm.hosts
    sm.wait_settled(h2)
    # The last one is that of the beginning.
    lids = [70 + number for number in range(29)] + [sm.lid(h2)]
    gid = sm.subnet.port(h2.hca).gid
    since = time.monotonic()
    for lid in lids:
        sm.subnet.set_lid(h2.hca, lid, reregister=False)
    lasted = time.monotonic() - since
    sm.wait_joined(h2)
    sm.wait_settled(h2)
    count = len(sm.sa.requests(
        lambda asked: not asked.retry and asked.record.port_gid == gid,
        attr="MCMemberRecord", method="Set", mgid=BROADCAST, since=since))
    assert 1 <= count <= 2 * (8 + lasted / 3.2), f"{count} joins in {lasted:.1f} s"
    h1.reach(h2, 20)


def groups(count):
    """So many IPv4 groups: last octets of the MGID, and the address."""
    for number in range(1, count + 1):
        low = struct.pack("!I", 0x0f300000 + number)
        yield low, socket.inet_ntoa(bytes((low[0] | 0xe0,)) + low[1:])


def send_to_groups(host, count):
    """A packet to each of so many groups."""
    with inject.socket_of(host, socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind(("ib0", 0))
        for low, address in groups(count):
            sock.send(b"\0\xff\xff\xff" +
                      bytes.fromhex("ff12401bffff000000000000") + low +
                      inject.encap(inject.IPV4, inject.udp(
                          host.v4, address, 9, b"x")))


def mgid_of(low):
    """The MGID of one of these groups."""
    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(
        "ff12401bffff000000000000") + low)


def members_among(sm, host, count):
    """How many of these groups a host is in, as the SA has it."""
    mgids = [mgid_of(low) for low, _ in groups(count)]
    return sum(sm.lid(host) in sm.sa.members(mgid) for mgid in mgids
               if sm.sa.groups.find(mgid))


def leaves(tap, count, limit):
    """When each of so many leaves was on the cable, by the kernel's clock."""
    times = []
    tap.settimeout(0.2)
    deadline = time.monotonic() + limit * lab.SLOW
    while len(times) < count:
        assert time.monotonic() < deadline, f"{len(times)} leaves of {count}"
        try:
            raw, ancillary, _, address = tap.recvmsg(65536, 64)
        except TimeoutError:
            continue
        frame = inject.Frame.parse(raw, address[2])
        if frame and frame.outgoing and is_leave(frame):
            seconds, nanoseconds = struct.unpack("@qq", ancillary[0][2][:16])
            times.append(seconds + nanoseconds / 1e9)
    return times


def is_leave(frame):
    """Is it a Delete(MCMemberRecord)?"""
    mad = frame.payload
    return len(mad) >= 256 and mad[1] == 3 and mad[3] == 0x15 and \
        mad[16:18] == b"\0\x38"


SO_TIMESTAMPNS = 35


def test_many_groups_are_left_at_a_pace(sm):
    """32 in 50 ms, and nobody waits for it."""
    h2 = sm.hosts[1]
    count = 150
    sm.wait_settled(h2)
    send_to_groups(h2, count)
    wait(lambda: members_among(sm, h2, count) == count, 60,
         "h2 does not join them")
    with inject.to_switch(h2, "sw1") as cable, cable.listen() as tap:
        tap.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        start = time.monotonic()
        h2.ip("link", "set", "ib0", "down")
        took = time.monotonic() - start
        try:
            times = leaves(tap, count, 30)
        finally:
            h2.ip("link", "set", "ib0", "up")
            give_ipv6(h2)
    sm.wait_joined(h2)
    # 150 leaves one after the other would take ten times as long.
    assert took < 2.0 * lab.SLOW
    most = max(sum(t <= other < t + 0.04 for other in times) for t in times)
    # The end of one burst, the begin of the next, and the broadcast group.
    assert most <= 2 * 32 + 1, f"{most} leaves within 40 ms"
    wait(lambda: not members_among(sm, h2, count), 20, "not all are left")


@pytest.mark.debug
def test_a_new_place_is_heard_of_though_the_switches_learn_late(sm):
    """An HCA is removed and added again: its LID is the same, its QPN not.

    The SM answers joins; the switches learn of them when the first
    announcement has been made, and lost.
    """
    h1, _, h3 = sm.hosts
    h1.reach(h3)
    before = h3.address()
    sm.subnet.resweep_on_trap = True
    with sm.sa.late_switches(), Capture(h3) as wire:
        sm.subnet.clear_multicast(sm.sa.groups.find(BROADCAST).mlid)
        replug(h3, CABLE_MTU)
        wait(lambda: sm.subnet.find(h3.hca), 20, "the SM does not find h3")
        wait(h3.carrier, 20, "h3 gets no carrier")
        wire.wait_for(lambda p: p.is_ipoib and p.from_host and
                      p.type == ARP and p.is_multicast)
    assert h3.address()[1:4] != before[1:4]
    start = time.monotonic()
    wait(lambda: h1.status("ping", "-q", "-c", 1, "-W", "0.2", h3.v4)[0] == 0,
         30, "h1 does not hear of the new QPN")
    # Two seconds at most between announcements, and one between questions.
    assert time.monotonic() - start < 3.5 * lab.SLOW
    h1.reach(h3)
