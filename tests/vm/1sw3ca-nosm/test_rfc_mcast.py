# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Multicast: MGIDs, joins, what is sent to a group and who hears it.

RFC 4391 sections 4, 10 and 12, RFC 4392 sections 1.3 and 4.2. Numbers of rows
are those of the conformance table.

    lab/run --topology 1sw3ca-nosm -- tests/vm/run tests/vm/1sw3ca-nosm/test_rfc_mcast.py
"""

import itertools
import time

import pytest

from tests.sm import BROADCAST, drop, ipoib_mgid, refuse
from tests.sm.harness import managed, restart_link
from tests.sm.sarecords import JoinState, MCMemberRecord, SaStatus
from tests.vm import lab
from tests.vm.lab import wait
from tests.vm.netns import Member, packet_socket, send, send_until_heard
from tests.vm.wire import ARP, IPV4, Capture

LIMIT = 20 * lab.SLOW
GROUP = "239.1.2.3"
MGID = ipoib_mgid(GROUP)
SENDONLY = JoinState.SENDONLY_NON | JoinState.SENDONLY_FULL
# The bound of groups that an interface sends to without receiving them.
SENDONLY_MAX = 1024
COPIED = ("pkey", "qkey", "sl", "mtu", "hop_limit", "rate", "traffic_class",
          "flow_label")
ODD_GROUP = {"qkey": 0x00001234, "sl": 3, "mtu": 5, "rate": 2, "tclass": 0x5a,
             "flow_label": 0xabcde, "hop_limit": 7}


@pytest.fixture
def sm(sm):
    """The same, with nothing left of what was joined before."""
    return fresh(sm)


def fresh(sm):
    """Let the hosts leave all groups but those of the stack; forget that."""
    restart_link(*sm.hosts)
    sm.wait_joined()
    wait(lambda: MGID not in sm.sa.groups, 20, "the group stays")
    sm.wait_settled()
    sm.sa.clear_log()
    return sm


def member_requests(sm, method, host, mgid=MGID, since=0.0):
    """What a host has asked about a group, repetitions left out."""
    return sm.sa.requests(lambda asked: not asked.retry,
                          attr="MCMemberRecord", method=method,
                          lid=sm.lid(host), mgid=mgid, since=since)


def wait_member(sm, method, host, mgid=MGID, since=0.0):
    """The first request of a host about a group that has been granted."""
    return sm.sa.wait_for(lambda asked: asked.status == 0, LIMIT,
                          attr="MCMemberRecord", method=method,
                          lid=sm.lid(host), mgid=mgid, since=since)


def to_group(mgid=MGID):
    """Packets of the host to a group."""
    return lambda p: (p.is_ipoib and p.from_host and p.grh and
                      p.grh.dgid == mgid)


# MGIDs.


@pytest.mark.parametrize("address, mgid", [
    ("239.1.2.3", "ff12:401b:ffff:0:0:0:0f01:0203"),
    ("225.1.2.3", "ff12:401b:ffff:0:0:0:0101:0203"),
    ("239.255.255.250", "ff12:401b:ffff:0:0:0:0fff:fffa"),
    ("ff02::16", "ff12:601b:ffff::16"),
    ("ff05::1:3", "ff12:601b:ffff::1:3"),
    ("ff3e:40:2001:db8:1234:5678:9abc:def0",
     "ff12:601b:ffff:db8:1234:5678:9abc:def0"),
])
def test_ip_group_is_joined_at_its_mgid(sm, address, mgid):
    """Rows 3, 5, 6, 8, 9: the vectors of the RFC's rules."""
    h2 = sm.hosts[1]
    with Member(h2, address):
        # The stack itself may send to it, too.
        sm.sa.wait_for(lambda asked: asked.status == 0, LIMIT, lid=sm.lid(h2),
                       attr="MCMemberRecord", method="Set", mgid=mgid,
                       join_state=JoinState.FULL)


def test_limited_broadcast_goes_to_the_broadcast_group(sm):
    """Row 10."""
    check_broadcast(sm, "255.255.255.255")


def test_directed_broadcast_goes_to_the_broadcast_group(sm):
    """Row 22."""
    check_broadcast(sm, "198.51.100.255")


def check_broadcast(sm, address):
    """A ping to a broadcast address has the DGID and MLID of the group."""
    h2 = sm.hosts[1]
    mlid = sm.sa.groups.find(BROADCAST).mlid
    with Capture(h2) as wire:
        h2.status("ping", "-b", "-q", "-c", 1, "-W", 1, "-I", "ib0", address)
        sent = wire.wait_for(lambda p: p.from_host and p.is_ipoib and
                             p.type == IPV4 and p.is_multicast)
    assert (sent.grh.dgid, sent.dlid) == (BROADCAST, mlid)


def test_arp_request_goes_to_the_broadcast_group(sm):
    """Rows 22, 32."""
    h1, h2, _ = sm.hosts
    mlid = sm.sa.groups.find(BROADCAST).mlid
    with Capture(h2) as wire:
        h2.ip("neigh", "flush", "dev", "ib0")
        h2.ping(h1.v4, limit=5)
        sent = wire.wait_for(lambda p: p.from_host and p.is_ipoib and
                             p.type == ARP and p.is_multicast)
    assert (sent.grh.dgid, sent.dlid) == (BROADCAST, mlid)


# What the group's record says of the packets.


@pytest.fixture
def odd_sm(sm_hosts):
    """A subnet whose broadcast group has a value of its own everywhere."""
    with managed(sm_hosts, sa_options={"broadcast": ODD_GROUP}) as run:
        yield fresh(run)


def test_multicast_has_the_headers_that_the_group_has(odd_sm):
    """Rows 15, 16, 32, 47: ARP, neighbour solicitation and other groups."""
    h1, h2, _ = odd_sm.hosts
    with Capture(h2) as wire:
        for family in ("-4", "-6"):
            h2.ip(family, "neigh", "flush", "dev", "ib0")
        h2.reach(h1, 20)
        send(h2, GROUP, b"x")
        wire.wait_for(to_group())
        sent = wire.packets(lambda p: p.is_ipoib and p.from_host)
    many = [p for p in sent if p.is_multicast]
    assert len({p.grh.dgid for p in many}) >= 3
    for packet in many:
        assert packet.sl == ODD_GROUP["sl"]
        assert (packet.grh.traffic_class, packet.grh.flow_label,
                packet.grh.hop_limit) == (0x5a, 0xabcde, 7)
        assert packet.grh.sgid == odd_sm.subnet.port(h2.hca).gid
    assert {p.qkey for p in sent} == {ODD_GROUP["qkey"]}


def test_created_group_is_like_the_broadcast_group(odd_sm):
    """Rows 69, 70: made by a receiver and by a sender."""
    h2 = odd_sm.hosts[1]
    other = ipoib_mgid("239.1.2.4")
    with Member(h2, GROUP):
        wait_member(odd_sm, "Set", h2)
        send(h2, "239.1.2.4", b"x")
        wait_member(odd_sm, "Set", h2, other)
        broadcast = odd_sm.sa.groups.find(BROADCAST).record
        for mgid in (MGID, other):
            made = odd_sm.sa.groups.find(mgid).record
            assert ({name: getattr(made, name) for name in COPIED} ==
                    {name: getattr(broadcast, name) for name in COPIED})


def test_after_a_new_broadcast_group_others_are_made_like_it(sm):
    """Rows 21, 69: all is lost at the SA, and comes back otherwise."""
    h2 = sm.hosts[1]
    groups = [f"239.1.3.{n}" for n in range(8)]
    members = [Member(h2, group) for group in groups]
    try:
        for group in groups:
            wait_member(sm, "Set", h2, ipoib_mgid(group))
        for group in sm.sa.groups:
            sm.sa.remove_group(group.mgid)
        sm.sa.add_group(BROADCAST, **ODD_GROUP)
        since = time.monotonic()
        sm.subnet.reregister()
        sm.wait_joined()
        for group in groups:
            wait_member(sm, "Set", h2, ipoib_mgid(group), since)
            made = sm.sa.groups.find(ipoib_mgid(group)).record
            assert (made.qkey, made.sl, made.hop_limit) == (0x1234, 3, 7)
    finally:
        for member in members:
            member.close()


def test_controlled_qkey_is_used(sm_hosts):
    """Rows 13, 77."""
    with managed(sm_hosts, sa_options={"broadcast":
                                       {"qkey": 0x80000b1b}}) as sm:
        h1, h2, _ = sm.hosts
        with Capture(h2) as wire:
            h1.reach(h2, 20)
            keys = {p.qkey for p in wire.packets(lambda p: p.is_ipoib)}
        assert keys == {0x80000b1b}


def test_opensm_defaults_work(sm):
    """Row 130: Q_Key 0x0b1b, HopLimit 0."""
    h1, h2, h3 = sm.hosts
    record = sm.sa.groups.find(BROADCAST).record
    assert (record.qkey, record.hop_limit) == (0x0b1b, 0)
    with Capture(h2) as wire, Member(h2, GROUP) as member:
        wait_member(sm, "Set", h2)
        send_until_heard(h3, GROUP, member, b"all is well")
        h1.reach(h2)
        seen = wire.packets(lambda p: p.is_ipoib)
    assert {p.qkey for p in seen} == {0x0b1b}
    assert {p.grh.hop_limit for p in seen if p.is_multicast} == {0}


# Sending.


def test_sender_joins_first_and_uses_the_mlid_of_the_answer(sm):
    """Rows 59, 60."""
    h2 = sm.hosts[1]
    sm.sa.add_group(MGID, mlid=0xc123)
    with Capture(h2) as wire:
        send(h2, GROUP, b"x")
        wire.wait_for(to_group())
        seen = wire.packets()
    first = next(n for n, p in enumerate(seen) if to_group()(p))
    answer = next(n for n, p in enumerate(seen)
                  if not p.from_host and p.sa(MCMemberRecord) and
                  p.record.mgid == MGID)
    assert answer < first
    assert seen[answer].record.mlid == seen[first].dlid == 0xc123


@pytest.mark.parametrize("able, state", [
    (True, JoinState.SENDONLY_FULL), (False, JoinState.SENDONLY_NON)])
def test_who_only_sends_joins_to_send_only(sm_hosts, able, state):
    """Rows 61, 137: as the SA's ClassPortInfo says it can be done."""
    with managed(sm_hosts, sa_options={"sendonly_full_member": able}) as sm:
        h2 = fresh(sm).hosts[1]
        sm.sa.add_group(MGID)
        with Capture(h2) as wire:
            h2.status("ping", "-q", "-c", 1, "-W", 1, "-I", "ib0", GROUP)
            wire.wait_for(to_group())
        assert {asked.record.join_state
                for asked in member_requests(sm, "Set", h2)} == {state}
        assert sm.sa.members(MGID) == {sm.lid(h2): state}


def test_who_only_sends_hears_nothing(sm):
    """Row 62: even if the switches bring him the group's packets."""
    _, h2, h3 = sm.hosts
    send(h2, GROUP, b"x")
    wait_member(sm, "Set", h2)
    send(h3, GROUP, b"x")
    wait_member(sm, "Set", h3)
    ports = [sm.subnet.port(host.hca).gid for host in (h2, h3)]
    sm.subnet.set_multicast(sm.sa.groups.find(MGID).mlid, ports)
    with Capture(h2) as wire, packet_socket(h2, IPV4) as heard:
        send(h3, GROUP, b"for members only")
        came = wire.wait_for(lambda p: not p.from_host and p.grh and
                             p.grh.dgid == MGID)
        assert came.datagram.endswith(b"for members only")
        # What comes after it has come after it.
        h3.reach(h2)
        datagrams = list(received(heard))
    assert datagrams
    assert not any(b"for members only" in octets for octets in datagrams)


def received(sock):
    """All that waits in a socket."""
    while True:
        try:
            yield sock.recv(65536)
        except BlockingIOError:
            return


@pytest.mark.ours
def test_without_a_group_nothing_is_sent(sm_hosts):
    """Row 64: an SA that does not let a sender make one."""
    with managed(sm_hosts,
                 sa_options={"sendonly_full_member": False}) as sm:
        h2 = fresh(sm).hosts[1]
        before = h2.ethtool_stats()["tx_drop_mcast_failed"]
        with Capture(h2) as wire:
            send(h2, GROUP, b"1", b"2", b"3")
            sm.sa.wait_for_many(
                2, lambda asked: asked.status and not asked.retry, LIMIT,
                attr="MCMemberRecord", method="Set", lid=sm.lid(h2),
                mgid=MGID, join_state=JoinState.SENDONLY_NON)
            # The stack's own reports are dropped, too.
            wait(lambda: h2.ethtool_stats()["tx_drop_mcast_failed"] >=
                 before + 3, 10, "the packets are not dropped")
            assert not wire.packets(to_group())
        assert len(member_requests(sm, "Set", h2)) == 2
        # And the next packet is a new attempt.
        sm.sa.add_group(MGID)
        with Capture(h2) as wire:
            send(h2, GROUP, b"4")
            assert wire.wait_for(to_group()).datagram.endswith(b"4")


def test_a_group_is_asked_for_once(sm):
    """Row 65: a thousand packets, one join."""
    h2 = sm.hosts[1]
    with Capture(h2) as wire:
        send(h2, GROUP, b"first")
        wire.wait_for(to_group())
        for count in range(10):
            send(h2, GROUP, *[b"more"] * 100)
            wait(lambda n=count: len(wire.packets(to_group())) ==
                 1 + 100 * (n + 1), 20, "packets are lost")
    assert len(member_requests(sm, "Set", h2)) == 1
    assert not sm.sa.requests(attr="MCMemberRecord", method="Get",
                              lid=sm.lid(h2))


# Receiving.


def test_joining_an_ip_group_is_a_full_join_and_leaving_a_leave(sm):
    """Rows 68, 71, 80: what is left is what was joined."""
    _, h2, h3 = sm.hosts
    with Member(h2, GROUP) as member:
        join = wait_member(sm, "Set", h2)
        assert join.record.join_state == JoinState.FULL
        send_until_heard(h3, GROUP, member, b"hello")
    leave = wait_member(sm, "Delete", h2)
    assert leave.record.join_state == JoinState.FULL
    assert leave.record.port_gid == sm.subnet.port(h2.hca).gid


def test_a_sender_that_begins_to_listen_is_a_full_member(sm):
    """Rows 68, 80: only the send-only bit is left."""
    _, h2, h3 = sm.hosts
    send(h2, GROUP, b"x")
    first = wait_member(sm, "Set", h2)
    assert first.record.join_state & SENDONLY
    with Member(h2, GROUP) as member:
        left = wait_member(sm, "Delete", h2)
        assert left.record.join_state == first.record.join_state
        send_until_heard(h3, GROUP, member, b"hello")
        assert sm.sa.members(MGID)[sm.lid(h2)] == JoinState.FULL


def test_all_multicast_does_not_keep_a_group_alive(sm):
    """Row 74: when the last member leaves, the SM may delete the group."""
    h1, h2, h3 = sm.hosts
    h3.ip("link", "set", "ib0", "allmulticast", "on")
    try:
        with Member(h2, GROUP):
            wait_member(sm, "Set", h2)
            assert sm.lid(h3) not in sm.sa.members(MGID)
        wait_member(sm, "Delete", h2)
        wait(lambda: MGID not in sm.sa.groups, 10, "the group stays")
        h1.reach(h3)
    finally:
        h3.ip("link", "set", "ib0", "allmulticast", "off")


# Failure.


def test_failed_join_is_logged_a_bounded_number_of_times(sm):
    """Row 75: with MGID and status."""
    h2 = sm.hosts[1]
    before = len(complaints())
    with (sm.sa.rule(refuse(SaStatus.REQ_DENIED), attr="MCMemberRecord",
                     mgid=MGID) as rule, Member(h2, GROUP)):
        wait(lambda: rule.hits >= 3, 20, "the join is not tried again")
    said = complaints()[before:]
    assert 1 <= len(said) <= 4
    assert all("status -" in line for line in said)


def complaints():
    """Kernel messages about the group, with its MGID."""
    mgid = MGID.exploded
    return [line for line in lab.run("dmesg").splitlines()
            if "multicast join failed" in line and mgid in line]


def test_one_refused_group_holds_up_no_other(sm):
    """Row 140: and it is tried again."""
    _, h2, h3 = sm.hosts
    groups = ["239.1.2.1", GROUP, "239.1.2.5"]
    members = {}
    try:
        with sm.sa.rule(refuse(), attr="MCMemberRecord", mgid=MGID):
            members = {group: Member(h2, group) for group in groups}
            for group in (groups[0], groups[2]):
                wait_member(sm, "Set", h2, ipoib_mgid(group))
                send_until_heard(h3, group, members[group], b"hello")
        send_until_heard(h3, GROUP, members[GROUP], b"hello")
    finally:
        for member in members.values():
            member.close()


def test_one_unanswered_group_holds_up_no_other(sm):
    """Row 140."""
    _, h2, h3 = sm.hosts
    with sm.sa.rule(drop(), attr="MCMemberRecord", mgid=MGID) as rule:
        with Member(h2, GROUP) as member:
            wait(lambda: rule.hits, 10, "the group is not joined")
            with Member(h2, "239.1.2.9") as other:
                send_until_heard(h3, "239.1.2.9", other, b"hello")
            rule.remove()
            send_until_heard(h3, GROUP, member, b"hello", 40)


def test_group_with_another_qkey_does_not_change_the_link(sm_hosts):
    """Row 47: the broadcast group's Q_Key is that of all packets."""
    with managed(sm_hosts, sa_options={"sendonly_full_member": False}) as sm:
        h2 = fresh(sm).hosts[1]
        sm.sa.add_group(MGID, qkey=0x4711)
        with Capture(h2) as wire:
            send(h2, GROUP, b"x")
            assert wire.wait_for(to_group()).qkey == 0x0b1b
        assert sm.sa.members(MGID)


# How long a membership lasts.


def test_cached_mlid_is_dropped_with_the_group(sm):
    """Row 81: made again with another MLID, and everybody told."""
    h2 = sm.hosts[1]
    send(h2, GROUP, b"x")
    old = wait_member(sm, "Set", h2).answer.mlid
    since = time.monotonic()
    new = sm.sa.recreate_group(MGID).mlid
    assert new != old
    sm.subnet.reregister()
    wait_member(sm, "Set", h2, since=since)
    with Capture(h2) as wire:
        def changed():
            send(h2, GROUP, b"y")
            return wire.packets(lambda p: to_group()(p) and p.dlid == new)
        wait(changed, 10, "the MLID does not change")
        wire.clear()
        send(h2, GROUP, b"z")
        assert wire.wait_for(to_group()).dlid == new


@pytest.mark.ours
def test_send_only_memberships_are_bounded_and_idle_ones_left(sm):
    """Row 86: when there are too many, those idle for seconds go."""
    h2 = sm.hosts[1]
    since = time.monotonic()
    send(h2, GROUP, b"x")
    state = wait_member(sm, "Set", h2).record.join_state
    numbers = itertools.count()

    def pressed():
        for number in itertools.islice(numbers, 64):
            send(h2, f"239.2.{number >> 8}.{number & 255}", b"x")
        return member_requests(sm, "Delete", h2)

    # That they are refused costs the SA little, and they count all the same.
    with sm.sa.rule(refuse(), is_in_239_2, attr="MCMemberRecord"):
        left = wait(pressed, 120, "no idle group is left")
        assert next(numbers) >= SENDONLY_MAX
        assert left[0].record.join_state == state
        check_kept(sm, h2, since)
        restart_link(h2)
        wait(h2.carrier, 60, "h2 has no carrier")


def is_in_239_2(asked):
    """Is a request about a group of 239.2.0.0/16?"""
    return int(asked.record.mgid) >> 16 & 0xffff == 0x0f02


@pytest.mark.long
def test_idle_send_only_membership_is_left_and_others_kept(sm):
    """Rows 85, 86: after five minutes."""
    h2 = sm.hosts[1]
    since = time.monotonic()
    send(h2, GROUP, b"x")
    state = wait_member(sm, "Set", h2).record.join_state
    left = sm.sa.wait_for(attr="MCMemberRecord", method="Delete",
                          mgid=MGID, lid=sm.lid(h2), timeout=420)
    assert left.record.join_state == state
    assert left.time - since >= 290
    check_kept(sm, h2, since)


def check_kept(sm, host, since):
    """Nobody has left the broadcast and the all-hosts groups."""
    for mgid in (BROADCAST, ipoib_mgid("224.0.0.1"), ipoib_mgid("ff02::1")):
        assert not member_requests(sm, "Delete", host, mgid, since)
        assert sm.sa.members(mgid)[sm.lid(host)] == JoinState.FULL


def test_idle_broadcast_and_all_hosts_groups_are_kept(sm):
    """Row 85: while the link is up, with nothing sent to them."""
    h2 = sm.hosts[1]
    restart_link(h2)
    sm.wait_joined(h2)
    wait_member(sm, "Set", h2, ipoib_mgid("ff02::1"))
    since = time.monotonic()
    with Member(h2, GROUP):
        wait_member(sm, "Set", h2)
    wait_member(sm, "Delete", h2)
    check_kept(sm, h2, since)
