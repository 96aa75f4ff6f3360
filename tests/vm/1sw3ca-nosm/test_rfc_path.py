# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Unicast: what is asked about a peer, and what the answer is good for.

RFC 4391 section 9.1. Numbers of rows are those of the conformance table.

    lab/run --topology 1sw3ca-nosm -- tests/vm/run tests/vm/1sw3ca-nosm/test_rfc_path.py
"""

import re
import socket

import pytest

from tests.sm import alter, drop, refuse
from tests.sm.harness import restart_link
from tests.sm.sarecords import PathRecord, SaStatus
from tests.vm import lab
from tests.vm.lab import wait
from tests.vm.netns import PORT, inside, send
from tests.vm.pinger import Pinger
from tests.vm.wire import IPV4, Capture

# Packets that wait for a path, for each destination.
QUEUE = 128


@pytest.fixture
def sm(sm):
    """A subnet whose hosts know no path and no peer yet."""
    restart_link(*sm.hosts)
    sm.wait_joined()
    for host in sm.hosts:
        for family in ("-4", "-6"):
            host.ip(family, "neigh", "flush", "dev", "ib0")
    sm.sa.clear_log()
    return sm


def gid(sm, host):
    """GID 0 of a host."""
    return sm.subnet.port(host.hca).gid


def qpn(host):
    """The QPN in a host's hardware address."""
    return int.from_bytes(host.address()[1:4], "big")


def to_peer(peer):
    """Unicast of the host to a peer's QPN."""
    number = qpn(peer)
    return lambda p: p.is_ipoib and p.from_host and p.dqpn == number


def queries(sm, host, peer):
    """A description of a host's questions about a peer."""
    return {"attr": "PathRecord", "lid": sm.lid(host), "dgid": gid(sm, peer)}


def know(host, peer):
    """The address of a peer needs no resolution."""
    host.ip("neigh", "replace", peer.v4, "lladdr", peer.address().hex(":"),
            "nud", "permanent", "dev", "ib0")


def send_udp(host, peer, messages):
    """Datagrams to a peer, as fast as it goes."""
    with inside(host), \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for message in messages:
            sock.sendto(message, (peer.v4, PORT))


def test_path_is_asked_for_before_the_first_unicast(sm):
    """Row 46."""
    _, h2, h3 = sm.hosts
    with Capture(h2) as wire:
        h2.ping(h3.v4, limit=5)
        wire.wait_for(to_peer(h3))
        seen = wire.packets()
    first = next(n for n, p in enumerate(seen) if to_peer(h3)(p))
    asked, answered = (
        next(n for n, p in enumerate(seen) if p.sa(PathRecord) and
             p.from_host == way and p.record.dgid == gid(sm, h3))
        for way in (True, False))
    assert asked < answered < first
    assert seen[answered].record.dlid == seen[first].dlid == sm.lid(h3)
    query = sm.sa.requests(**queries(sm, h2, h3))[0]
    assert query.components == {"dgid", "sgid", "pkey", "numb_path",
                                "traffic_class"}
    assert query.record.sgid == gid(sm, h2)


def test_dlid_is_what_the_sa_says(sm):
    """Row 46: be it the LID of somebody else."""
    h1, h2, h3 = sm.hosts
    with (sm.sa.rule(alter(dlid=sm.lid(h1)), **queries(sm, h2, h3)),
          Capture(h2) as wire):
        h2.ping(h3.v4, limit=1)
        assert wire.wait_for(to_peer(h3)).dlid == sm.lid(h1)


def test_sl_and_rate_come_from_the_path(sm):
    """Row 49: also that of a single peer."""
    h1, h2, h3 = sm.hosts
    with (sm.sa.rule(alter(sl=5, rate=2), **queries(sm, h2, h3)),
          Capture(h2) as wire):
        h2.reach(h3)
        h2.reach(h1)
        assert {p.sl for p in wire.packets(to_peer(h3))} == {5}
        assert {p.sl for p in wire.packets(to_peer(h1))} == {0}
    shown = [block for block in lab.debugfs(h2, "path").split("GID: ")
             if "complete:    yes" in block]
    by_lid = {int(re.search(r"DLID: +0x(\w+)", block)[1], 16): block
              for block in shown}
    assert re.search(r"SL: +5\n +rate: +2\.500 Gb/sec", by_lid[sm.lid(h3)])
    assert re.search(r"SL: +0\n +rate: +40\.0 Gb/sec", by_lid[sm.lid(h1)])


def test_grh_of_unicast_is_what_the_path_needs(sm):
    """Row 46: none in a subnet, one to somewhere behind a router."""
    h1, h2, h3 = sm.hosts
    values = {"hop_limit": 64, "tclass": 0x21, "flow_label": 0x12345}
    with (sm.sa.rule(alter(**values), **queries(sm, h2, h3)),
          Capture(h2) as wire):
        h2.reach(h3)
        h2.reach(h1)
        near, far = (wire.packets(to_peer(peer)) for peer in (h1, h3))
    assert near and not any(p.grh for p in near)
    for packet in far:
        assert (packet.grh.hop_limit, packet.grh.traffic_class,
                packet.grh.flow_label) == (64, 0x21, 0x12345)
        assert (packet.grh.sgid, packet.grh.dgid) == (gid(sm, h2),
                                                      gid(sm, h3))


def test_pkey_is_never_what_an_answer_says(sm):
    """Row 48: though the port has that P_Key, too."""
    _, h2, h3 = sm.hosts
    for host in (h2, h3):
        sm.subnet.set_pkeys(host.hca, [0xffff, 0x8001])
    restart_link(h2)
    with (sm.sa.rule(alter(pkey=0x8001), attr="PathRecord"),
          Capture(h2) as wire):
        sm.wait_joined(h2)
        h2.reach(h3)
        send(h2, "239.1.2.3", b"x")
        wire.wait_for(lambda p: p.is_multicast and p.from_host and
                      p.datagram.endswith(b"x"))
        sent = wire.packets(lambda p: p.is_ipoib and p.from_host)
    assert any(not p.is_multicast for p in sent)
    assert {p.pkey for p in sent} == {0xffff}


@pytest.mark.ours
@pytest.mark.parametrize("status", (SaStatus.NO_RECORDS,
                                    SaStatus.NO_RESOURCES))
def test_refused_path_is_no_dead_neighbour(sm, status):
    """Row 50: it is asked for again, and traffic recovers."""
    _, h2, h3 = sm.hosts
    know(h2, h3)
    before = h2.ethtool_stats()["tx_drop_path_failed"]
    with sm.sa.rule(refuse(status), times=2, **queries(sm, h2, h3)) as rule:
        wait(lambda: not h2.ping(h3.v4, limit=1), 20, "h3 stays unreachable")
        assert rule.hits == 2
    assert h2.ethtool_stats()["tx_drop_path_failed"] > before


@pytest.mark.ours
def test_a_path_that_works_bears_two_refusals(sm):
    """An SM that has just begun does not know everybody yet: nothing is
    lost."""
    _, h2, h3 = sm.hosts
    h2.reach(h3)
    asked = queries(sm, h2, h3)
    before = h2.ethtool_stats()["path_queries"]
    with Pinger(h2, h3.v4) as pinger:
        with sm.sa.rule(refuse(SaStatus.NO_RECORDS), times=2, **asked) as rule:
            sm.subnet.reregister(h2.hca)
            wait(lambda: rule.hits == 2, 20, "it is not asked again")
        wait(lambda: h2.ethtool_stats()["path_queries"] > before + 2, 20,
             "it is not asked a third time")
    assert pinger.lost == 0
    assert h2.ping(h3.v4, 50) == 0


@pytest.mark.ours
def test_a_path_that_is_refused_for_good_is_used_no_more(sm):
    """And again, when there is one."""
    _, h2, h3 = sm.hosts
    h2.reach(h3)
    before = h2.ethtool_stats()["tx_drop_path_failed"]
    with sm.sa.rule(refuse(SaStatus.NO_RECORDS), **queries(sm, h2, h3)):
        sm.subnet.reregister(h2.hca)
        wait(lambda: h2.ping(h3.v4, limit=1) and
             h2.ethtool_stats()["tx_drop_path_failed"] > before, 20,
             "the path is used")
    wait(lambda: not h2.ping(h3.v4, limit=1), 20, "h3 stays unreachable")


@pytest.mark.ours
def test_unanswered_path_is_no_dead_neighbour(sm):
    """Row 50: likewise."""
    _, h2, h3 = sm.hosts
    know(h2, h3)
    before = h2.ethtool_stats()["path_failures"]
    with sm.sa.rule(drop(), **queries(sm, h2, h3)):
        h2.ping(h3.v4, limit=1)
        wait(lambda: h2.ethtool_stats()["path_failures"] > before, 20,
             "the path does not fail")
    wait(lambda: not h2.ping(h3.v4, limit=1), 20, "h3 stays unreachable")


@pytest.mark.ours
def test_what_waits_for_a_path_is_bounded_and_counted(sm):
    """Row 50: no packet is lost silently, and those that wait arrive."""
    _, h2, h3 = sm.hosts
    know(h2, h3)
    before = h2.ethtool_stats()["tx_drop_path_queue_full"]
    with Capture(h3) as wire:
        with sm.sa.rule(drop(), **queries(sm, h2, h3)) as rule:
            send_udp(h2, h3, [b"%04d" % n for n in range(1000)])
            wait(lambda: rule.hits, 10, "the path is not asked for")
            lost = h2.ethtool_stats()["tx_drop_path_queue_full"] - before
            assert lost == 1000 - QUEUE

        def waited():
            return wire.packets(lambda p: not p.from_host and p.is_ipoib and
                                p.type == IPV4 and p.dqpn == qpn_of_h3)

        qpn_of_h3 = qpn(h3)
        wait(lambda: len(waited()) >= QUEUE, 20, "those that wait are lost")
        # In their order.
        assert [int(p.datagram[-4:]) for p in waited()] == list(range(QUEUE))


def test_one_unanswered_path_holds_up_no_other(sm):
    """Row 50."""
    h1, h2, h3 = sm.hosts
    with sm.sa.rule(drop(), **queries(sm, h2, h3)) as rule:
        know(h2, h3)
        h2.ping(h3.v4, limit=1)
        wait(lambda: rule.hits, 10, "the path is not asked for")
        h2.reach(h1)
