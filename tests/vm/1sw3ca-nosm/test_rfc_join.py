# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Forming the link: the broadcast group, what its join asks and binds.

RFC 4391 sections 3 to 5 and 7, RFC 4392 section 4. Numbers of rows are those
of the conformance table.

    lab/run --topology 1sw3ca-nosm -- tests/vm/run tests/vm/1sw3ca-nosm/test_rfc_join.py
"""

import time

import pytest

from tests.sm import BROADCAST, alter, drop, ipoib_mgid, refuse
from tests.sm.harness import give_ipv6, managed, replug, restart_link
from tests.sm.sarecords import JoinState
from tests.vm import lab
from tests.vm.lab import wait
from tests.vm.wire import Capture

LIMIT = 20 * lab.SLOW
JOIN = {"mgid", "port_gid", "pkey", "join_state"}
CABLE_OVERHEAD = 134


def joins(sm, host, since):
    """Joins that a host has asked for, without repetitions."""
    return sm.sa.requests(lambda asked: not asked.retry, attr="MCMemberRecord", method="Set",
                          lid=sm.lid(host), since=since)


def broadcast_of(host):
    """The 20 octets of the broadcast address of ib0."""
    return bytes.fromhex(host.link()["broadcast"].replace(":", ""))


def mgid_octets(requests):
    """The MGIDs of joins, as octets."""
    return [asked.record.mgid.packed for asked in requests]


def cannot_reach(one, other):
    """A ping is lost, or cannot even be sent."""
    return one.status("ping", "-q", "-c", 2, "-i", "0.2", "-W", 1,
                      other.v4)[0] != 0


# Before and without the group.


def test_broadcast_group_is_joined_first_and_as_full_member(sm):
    """Rows 4, 20, 24."""
    h2 = sm.hosts[1]
    sm.wait_settled(h2)
    since = time.monotonic()
    restart_link(h2)
    sm.wait_joined(h2)
    all_hosts = ipoib_mgid("224.0.0.1")
    later = sm.sa.wait_for(attr="MCMemberRecord", method="Set",
                           lid=sm.lid(h2), mgid=all_hosts, since=since,
                           timeout=LIMIT)
    first = joins(sm, h2, since)[0]
    assert first.record.mgid == BROADCAST
    assert first.record.join_state == JoinState.FULL
    # Not enough for an SA to make the group.
    assert first.components == JOIN
    assert later.time > first.answered
    octets = mgid_octets(joins(sm, h2, since))
    assert len(octets) >= 3
    assert all(mgid[0] == 0xff and mgid[1] >> 4 == 1 for mgid in octets)


def test_without_a_broadcast_group_there_is_no_link(sm_hosts):
    """Rows 19, 24, 82."""
    h1, h2, _ = sm_hosts
    with (managed(sm_hosts, bring_up=False,
                  sa_options={"broadcast": False}) as sm,
          Capture(h2) as wire):
        sm.subnet.bring_up()
        sm.sa.wait_for_many(2, attr="MCMemberRecord", method="Set",
                            mgid=BROADCAST, lid=sm.lid(h2), timeout=LIMIT)
        for host in sm_hosts:
            wait(lambda h=host: not h.carrier(), 10, f"{host} has carrier")
            assert host.sysfs("carrier") == "0"
        wire.clear()
        assert cannot_reach(h1, h2) and cannot_reach(h2, h1)
        assert not wire.packets(lambda p: p.is_ipoib)
        assert BROADCAST not in sm.sa.groups
        sm.sa.add_group(BROADCAST)
        sm.wait_joined(limit=40)
        h1.reach(h2)


def test_who_is_refused_is_not_on_the_link_until_he_is_let_in(sm):
    """Rows 19, 82."""
    h1, h2, h3 = sm.hosts
    with (Capture(h2) as wire,
          sm.sa.rule(refuse(), attr="MCMemberRecord", method="Set",
                     mgid=BROADCAST, lid=sm.lid(h2)) as rule):
        restart_link(h2)
        wait(lambda: rule.hits >= 2, 20, "h2 gives up")
        assert h2.sysfs("carrier") == "0"
        wire.clear()
        assert cannot_reach(h2, h1)
        assert not wire.packets(lambda p: p.is_ipoib and p.from_host)
        h1.reach(h3)
    sm.wait_joined(h2)
    h1.reach(h2)


def test_failed_joins_are_spaced_by_2_to_16_seconds_and_broadcast_is_alone(sm):
    """Row 131: refused or unanswered, and nothing else is joined before."""
    _, h2, h3 = sm.hosts
    since = downed(sm, h2, h3)
    with (sm.sa.rule(refuse(), attr="MCMemberRecord", lid=sm.lid(h2)),
          sm.sa.rule(drop(), attr="MCMemberRecord", lid=sm.lid(h3))):
        for host in (h2, h3):
            host.ip("link", "set", "ib0", "up")
            give_ipv6(host)

        def asked_by(host):
            return since_restarts([asked for asked in sm.sa.requests(
                attr="MCMemberRecord", method="Set", lid=sm.lid(host),
                since=since) if not asked.retry])

        wait(lambda: len(asked_by(h2)) >= 6, 80, "h2 gives up")
        refused, dropped = asked_by(h2)[:6], asked_by(h3)
    times = [asked.time for asked in refused]
    check_gaps([b - a for a, b in zip(times, times[1:])], [2, 4, 8, 16, 16])
    gaps = [b.time - a.time for a, b in zip(dropped, dropped[1:])]
    assert gaps and min(gaps) >= 2 - 0.1, gaps
    assert {asked.record.mgid for asked in refused} == {BROADCAST}


def downed(sm, *hosts):
    """The time since when links are down, and ask for nothing any more."""
    sm.wait_settled(*hosts)
    for host in hosts:
        host.ip("link", "set", "ib0", "down")
    return time.monotonic()


def since_restarts(asked):
    """Joins but those before an event of the bring-up that came late had the
    link started anew, or ib_core send again what it had under way: they follow
    each other within a second, and are few, for they are paced."""
    gaps = [b.time - a.time for a, b in zip(asked, asked[1:])]
    first = next((n for n, gap in enumerate(gaps) if gap > 1), len(gaps))
    assert first <= 6, gaps
    return asked[first:]


def check_gaps(gaps, nominal):
    """Not sooner than said, and not much later."""
    assert len(gaps) == len(nominal)
    for gap, least in zip(gaps, nominal):
        assert least - 0.1 <= gap <= least + 1.5 * lab.SLOW, gaps


# What the group says.


@pytest.fixture
def ipv6_again(sm_hosts):
    """A test may make the MTU too small for IPv6."""
    yield
    with managed(sm_hosts):
        for host in sm_hosts:
            wait(lambda h=host: h.link()["mtu"] == 2044, 20,
                 f"the MTU of {host} does not come back")
            give_ipv6(host)


@pytest.mark.parametrize("code, mtu", [(3, 1020), (4, 2044), (5, 4092)])
def test_ip_mtu_is_that_of_the_group_less_4(sm_hosts, ipv6_again, code, mtu):
    """Rows 34, 35, 36."""
    with managed(sm_hosts, sa_options={"broadcast": {"mtu": code}}) as sm:
        h1, h2, _ = sm.hosts
        for host in (h1, h2):
            wait(lambda h=host: h.link()["mtu"] == mtu, 10,
                 f"{host} has another MTU than {mtu}")
        h1.ping(h2.v4, limit=5)
        assert not h1.ping(h2.v4, 3, mtu - 28, ("-M", "do"))
        status, said = h1.status("ping", "-c", 1, "-M", "do", "-s", mtu - 27,
                                 h2.v4)
        assert status and f"mtu={mtu}" in said.replace(" ", "")
        # A ceiling, not just a default.
        h1.ip("link", "set", "ib0", "mtu", 4092)
        assert h1.link()["mtu"] == mtu
        h1.ip("link", "set", "ib0", "mtu", mtu)


def test_an_sa_refuses_who_cannot_carry_the_group(sm_hosts):
    """Row 14: links of 2048 octets, a group of 4096."""
    with managed(sm_hosts, bring_up=False, mtu=4,
                 sa_options={"broadcast": {"mtu": 5}}) as sm:
        sm.subnet.bring_up()
        asked = sm.sa.wait_for_many(
            2, lambda asked: asked.status is not None, LIMIT,
            attr="MCMemberRecord", mgid=BROADCAST, lid=sm.lid(sm_hosts[2]))
        assert all(join.status for join in asked)
        for host in sm_hosts:
            wait(lambda h=host: not h.carrier(), 10, f"{host} has carrier")


def test_a_port_of_2048_does_not_go_on_a_link_of_4096(sm):
    """Row 14: even if an SA lets it join."""
    h3 = sm.hosts[2]
    lid = sm.lid(h3)
    sm.subnet.resweep_on_trap = True
    try:
        with sm.sa.rule(alter(mtu=5), mgid=BROADCAST, lid=lid):
            since = time.monotonic()
            replug(h3, 2048 + CABLE_OVERHEAD)
            sm.sa.wait_for_many(
                2, lambda asked: asked.status == 0, LIMIT, since=since,
                attr="MCMemberRecord", method="Set", lid=lid, mgid=BROADCAST)
            assert h3.sysfs("carrier") == "0"
            assert h3.link()["mtu"] == 2044
        sm.wait_joined(h3)
    finally:
        replug(h3, 4096 + CABLE_OVERHEAD)
    wait(lambda: sm.subnet.find(h3.hca), 20, "the SM does not find h3")
    sm.wait_joined(h3)


def test_what_the_join_returns_binds_the_interface(sm):
    """Rows 21, 47: another MTU and Q_Key after a restart of the link."""
    h1, h2, _ = sm.hosts
    sm.sa.remove_group(BROADCAST)
    sm.sa.add_group(BROADCAST, mtu=5, qkey=0x00c0ffee)
    restart_link(*sm.hosts)
    sm.wait_joined()
    for host in (h1, h2):
        wait(lambda h=host: h.link()["mtu"] == 4092, 10,
             f"the MTU of {host} does not follow")
    with Capture(h2) as wire:
        h1.reach(h2)
        keys = {p.qkey for p in wire.packets(lambda p: p.is_ipoib)}
    assert keys == {0x00c0ffee}


def test_peers_need_the_same_qkey(sm):
    """Row 2."""
    h1, h2, h3 = sm.hosts
    with sm.sa.rule(alter(qkey=0x0b1c), mgid=BROADCAST, lid=sm.lid(h2)):
        restart_link(h2)
        sm.wait_joined(h2)
        with Capture(h2) as wire:
            h1.ip("neigh", "flush", "dev", "ib0")
            assert cannot_reach(h1, h2)
            asked = wire.packets(lambda p: p.is_ipoib and not p.from_host)
            replied = wire.packets(lambda p: p.is_ipoib and p.from_host and
                                   not p.is_multicast)
        assert asked and not replied
        h1.reach(h3)
    restart_link(h2)
    sm.wait_joined(h2)
    h1.reach(h2)


# The scope.


def test_scope_is_2_by_default(sm):
    """Row 17."""
    for host in sm.hosts:
        assert broadcast_of(host)[5] == 0x12
    assert {mgid[1] for mgid in mgid_octets(
        sm.sa.requests(attr="MCMemberRecord", method="Set"))} == {0x12}


def test_scope_follows_the_broadcast_address(sm):
    """Rows 11, 18: site-local, set by an administrator."""
    h2 = sm.hosts[1]
    sm.sa.add_group(ipoib_mgid("255.255.255.255", scope=5))
    since = downed(sm, h2)
    try:
        set_scope(h2, 5)
        wait(h2.carrier, 20, "h2 has no carrier")
        sm.sa.wait_for(attr="MCMemberRecord", method="Set", since=since,
                       mgid=ipoib_mgid("224.0.0.1", scope=5), timeout=LIMIT)
        sm.sa.wait_for(attr="MCMemberRecord", method="Set", since=since,
                       mgid=ipoib_mgid("ff02::1", scope=5), timeout=LIMIT)
        assert {mgid[1] for mgid in
                mgid_octets(joins(sm, h2, since))} == {0x15}
    finally:
        set_scope(h2, 2)
    sm.wait_joined(h2)


def set_scope(host, scope):
    """Change the scope in the broadcast address of an interface."""
    address = bytearray(broadcast_of(host))
    address[5] = 0x10 | scope
    host.ip("link", "set", "ib0", "down")
    host.ip("link", "set", "ib0", "broadcast", address.hex(":"))
    host.ip("link", "set", "ib0", "up")
    give_ipv6(host)


# The P_Key.


def move(sm, host, pkey):
    """Put a host into another partition, with a way to the SA left."""
    sm.subnet.set_pkeys(host.hca, [pkey, 0x7fff])


def test_without_a_pkey_nothing_is_joined(sm):
    """Row 23."""
    h1, _, h3 = sm.hosts
    sm.wait_settled(h3)
    move(sm, h3, 0)
    wait(lambda: not h3.carrier(), 10, "h3 keeps its carrier")
    since = time.monotonic()
    sm.subnet.reregister(h3.hca)
    h3.ip("link", "set", "ib0", "down")
    h3.ip("link", "set", "ib0", "up")
    assert cannot_reach(h3, h1) and h3.sysfs("carrier") == "0"
    assert not joins(sm, h3, since)
    sm.subnet.set_pkeys(h3.hca, [0xffff])
    sm.wait_joined(h3)
    give_ipv6(h3)
    h1.reach(h3)


def test_another_pkey_at_index_0_is_another_link(sm):
    """Rows 7, 138: broadcast address, carrier, and all joins are new."""
    h1, h2, h3 = sm.hosts
    group = ipoib_mgid("255.255.255.255", pkey=0x8001)
    sm.sa.add_group(group, pkey=0x8001)
    sm.wait_settled(h2)
    changes = int(h2.sysfs("carrier_changes"))
    since = time.monotonic()
    for host in (h2, h3):
        move(sm, host, 0x8001)
    sm.wait_joined(h2, h3, mgid=group)
    for host in (h2, h3):
        assert broadcast_of(host)[8:10] == b"\x80\x01"
    assert int(h2.sysfs("carrier_changes")) >= changes + 2
    for address in ("224.0.0.1", "ff02::1"):
        sm.sa.wait_for(attr="MCMemberRecord", method="Set", lid=sm.lid(h2),
                       mgid=ipoib_mgid(address, pkey=0x8001), since=since,
                       timeout=LIMIT)
    assert {mgid[4:6] for mgid in
            mgid_octets(joins(sm, h2, since))} == {b"\x80\x01"}
    with Capture(h2) as wire:
        h2.reach(h3, 20)
        assert {p.pkey for p in wire.packets(
            lambda p: p.is_ipoib and p.from_host)} == {0x8001}


def test_peers_need_the_same_partition(sm):
    """Row 2."""
    h1, h2, _ = sm.hosts
    group = ipoib_mgid("255.255.255.255", pkey=0x8001)
    sm.sa.add_group(group, pkey=0x8001)
    move(sm, h2, 0x8001)
    sm.wait_joined(h2, mgid=group)
    with Capture(h2) as wire:
        assert cannot_reach(h1, h2) and cannot_reach(h2, h1)
        assert not wire.packets(lambda p: p.is_ipoib and p.from_host and
                                p.dlid == sm.lid(h1))
    sm.subnet.set_pkeys(h2.hca, [0xffff])
    sm.wait_joined(h2)
    h1.reach(h2)


def test_limited_members_talk_with_full_ones_only(sm):
    """Rows 12, 79: the broadcast address has the full P_Key all the same."""
    h1, h2, h3 = sm.hosts
    for host in (h2, h3):
        sm.subnet.set_pkeys(host.hca, [0x7fff])
        restart_link(host)
    sm.wait_joined(h2, h3)
    for host in (h2, h3):
        assert broadcast_of(host)[8:10] == b"\xff\xff"
        h1.reach(host)
        host.reach(h1)
    with Capture(h2) as wire:
        assert cannot_reach(h2, h3) and cannot_reach(h3, h2)
        sent = wire.packets(lambda p: p.is_ipoib and p.from_host)
    assert {p.pkey for p in sent} == {0x7fff}
    # A full member and a limited one, the other way round.
    sm.subnet.set_pkeys(h2.hca, [0xffff])
    sm.wait_joined(h2)
    h2.reach(h3, 20)
