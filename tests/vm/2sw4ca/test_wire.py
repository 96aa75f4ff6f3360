# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""RFC 4391 on the wire: encapsulation, addresses and groups as captured.

Rows of the protocol digest that need no answers of our own from the SM: what
OpenSM says is in the capture, too.
"""

import json
import select
import socket
import struct

import pytest

from tests.vm import lab
from tests.vm.ifwire import (ARP, BROADCAST_GID, Capture, IPV4, IPV6,
                             LNH_BTH, LNH_GRH, McMember, QPN_MCAST, RARP,
                             TIPC, UD_SEND_ONLY, cable_of, flush_neighbours,
                             mgid_of, packet_send, send_super_packet)
from tests.vm.iftools import Log, restore_v6
from tests.vm.lab import run, wait

NS, NA, RS, REDIRECT = 135, 136, 133, 137


@pytest.fixture
def wire(h4):
    """The cable of h4; the SM's MADs come to it from outside."""
    with Capture(cable_of(h4)) as capture:
        yield capture


def qpn(host):
    """The QPN in a host's hardware address."""
    return int.from_bytes(host.address()[1:4], "big")


def mlid(mgid):
    """The MLID that the SM gave a group."""
    text = socket.inet_ntop(socket.AF_INET6, mgid)
    for block in run("saquery", "-g").split("dump:"):
        if text in block:
            return int(block.split("Mlid")[1].split("\n")[0].strip("."), 16)
    raise AssertionError(f"no group {text}")


def test_ip_goes_over_ud_in_send_only_packets(h1, h4, wire):
    assert h4.ping(h1.v4, 5, 1400) == 0 and h4.ping(h1.v6, 5, 1400) == 0
    assert {p.opcode for p in wire.take()} == {UD_SEND_ONLY}
    for source, to in ((h4.v4, h1.v4), (h4.v6, h1.v6)):
        # Neighbour solicitations have these addresses, too.
        assert len(wire.find(lambda p, s=source, t=to: p.is_ip(s, t) and
                             len(p.payload) > 1400, True)) == 5


@pytest.mark.parametrize("kind, provoke", (
    (IPV4, lambda h: h.ping("198.51.100.1")),
    (IPV6, lambda h: h.ping("2001:db8::1")),
    (ARP, lambda h: h.run("arping", "-c", 1, "-I", "ib0", "198.51.100.1")),
))
def test_each_packet_has_its_type_and_two_zero_octets(h4, wire, kind, provoke):
    provoke(h4)
    found = wire.find(lambda p: not p.is_mad and p.type == kind, True)
    assert found
    assert {p.header for p in found} == {struct.pack("!HH", kind, 0)}


@pytest.mark.parametrize("kind", (RARP, TIPC), ids=("rarp", "tipc"))
def test_other_types_have_the_same_framing(h1, h4, wire, kind):
    data = bytes(range(60))
    assert packet_send(h4, h1.address(), kind, data) == 0
    packet = wire.wait(lambda p: not p.is_mad and p.type == kind, hex(kind),
                       True)
    assert packet.payload == struct.pack("!HH", kind, 0) + data
    assert packet.dqpn == qpn(h1)


def test_an_unknown_type_is_dropped_and_counted(h1, h4, wire):
    before = h4.link()["stats64"]["tx"]["dropped"]
    assert packet_send(h4, h1.address(), 0x88b5, bytes(60)) == 0
    wait(lambda: h4.link()["stats64"]["tx"]["dropped"] == before + 1, 5,
         "the drop is not counted")
    assert h4.ping(h1.v4) == 0
    assert not wire.find(lambda p: not p.is_mad and p.type == 0x88b5)


def test_an_arp_request_to_the_octet(h1, h4, wire):
    flush_neighbours(h4)
    assert h4.ping(h1.v4) == 0
    request = wire.wait(lambda p: p.is_arp(1, h1.v4), "a request", True)
    assert request.payload == bytes.fromhex("08060000 00200800 1404 0001") + \
        h4.address() + socket.inet_aton(h4.v4) + bytes(20) + \
        socket.inet_aton(h1.v4)
    assert len(request.payload) == 60


def test_an_arp_reply_to_the_octet(h1, h4, wire):
    flush_neighbours(h1)
    assert h1.ping(h4.v4) == 0
    reply = wire.wait(lambda p: p.is_arp(2, h1.v4), "a reply", True)
    assert reply.payload == bytes.fromhex("08060000 00200800 1404 0002") + \
        h4.address() + socket.inet_aton(h4.v4) + \
        h1.address() + socket.inet_aton(h1.v4)


def test_an_arp_reply_goes_to_the_qpn_of_the_requester(h1, h4, wire):
    flush_neighbours(h1)
    assert h1.ping(h4.v4) == 0
    reply = wire.wait(lambda p: p.is_arp(2, h1.v4), "a reply", True)
    assert (reply.dqpn, reply.dlid) == (qpn(h1), lab.lid(h1.hca))


def test_unicast_goes_to_the_qpn_and_lid_of_the_peer(hosts, wire):
    h4 = hosts[3]
    for host in hosts[:3]:
        assert h4.ping(host.v4) == 0 and h4.ping(host.v6) == 0
    for host in hosts[:3]:
        for mine, theirs in ((h4.v4, host.v4), (h4.v6, host.v6)):
            found = wire.find(lambda p: p.is_ip(mine, theirs), True)
            assert {(p.dqpn, p.dlid) for p in found} == \
                {(qpn(host), lab.lid(host.hca))}


def test_unicast_on_one_subnet_needs_no_grh(h1, h4, wire):
    assert h4.ping(h1.v4) == 0
    assert {p.lnh for p in wire.find(lambda p: p.is_ip(h4.v4, h1.v4),
                                     True)} == {LNH_BTH}


UDP_BROADCAST = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"ib0")
s.sendto(b"hello", (sys.argv[1], 9))
"""


@pytest.mark.parametrize("target", ("255.255.255.255", "198.51.100.255"))
def test_ip_broadcasts_go_to_the_broadcast_group(h4, wire, target):
    h4.run("python3", "-c", UDP_BROADCAST, target)
    packet = wire.wait(lambda p: p.is_ip(h4.v4, target), target, True)
    assert packet.dgid == BROADCAST_GID
    assert (packet.dlid, packet.dqpn) == (mlid(BROADCAST_GID), QPN_MCAST)


def test_an_arp_request_goes_to_the_broadcast_group(h1, h4, wire):
    flush_neighbours(h4)
    assert h4.ping(h1.v4) == 0
    request = wire.wait(lambda p: p.is_arp(1, h1.v4), "a request", True)
    assert request.lnh == LNH_GRH and request.dgid == BROADCAST_GID
    assert (request.dlid, request.dqpn) == (mlid(BROADCAST_GID), QPN_MCAST)
    assert request.sgid == h4.address()[4:]
    assert request.next_header == 0x1b


def test_all_broadcasts_reach_the_other_hosts(hosts):
    for host in hosts[1:]:
        host.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_broadcasts=0")
    try:
        out = hosts[0].run("ping", "-b", "-c", 3, "-i", "0.2",
                           "198.51.100.255", check=False)
        for host in hosts[1:]:
            assert f"bytes from {host.v4}" in out
    finally:
        for host in hosts[1:]:
            host.run("sysctl", "-qw",
                     "net.ipv4.icmp_echo_ignore_broadcasts=1")


def test_every_multicast_has_a_grh_with_its_group(h1, h4, wire):
    flush_neighbours(h4)
    h4.ping(h1.v6)
    h4.ping("224.0.0.1", options=("-I", "ib0"), limit=1)
    h4.ping("ff02::1%ib0", limit=1)
    found = wire.find(lambda p: not p.is_mad and p.dqpn == QPN_MCAST, True)
    groups = {p.dgid for p in found}
    assert {mgid_of("224.0.0.1"), mgid_of("ff02::1"),
            mgid_of("ff02::1:ff00:1")} <= groups
    assert {p.lnh for p in found} == {LNH_GRH}
    assert all(p.dlid >= 0xc000 for p in found)


def test_one_qkey_and_pkey_for_all_traffic(hosts, wire):
    h4 = hosts[3]
    flush_neighbours(h4)
    for host in hosts[:3]:
        host.reach(h4)
        h4.reach(host)
    found = wire.ipoib()
    assert {(p.qkey, p.pkey) for p in found} == {(0xb1b, 0xffff)}


def options(packet):
    """Neighbour Discovery options of a packet, by their type."""
    skip = {NS: 24, NA: 24, RS: 8, REDIRECT: 40}[packet.icmp6]
    rest, found = packet.data[40 + skip:], {}
    while rest:
        found[rest[0]] = rest[:rest[1] * 8]
        rest = rest[rest[1] * 8:]
    return found


def test_neighbour_discovery_carries_padded_addresses(h1, h4, wire):
    flush_neighbours(h4)
    assert h4.ping(h1.v6) == 0
    solicit = wire.wait(lambda p: p.icmp6 == NS, "a solicitation", True)
    assert options(solicit) == {1: b"\1\3\0\0" + h4.address()}
    advert = wire.wait(lambda p: p.icmp6 == NA, "an advertisement", False)
    assert options(advert) == {2: b"\2\3\0\0" + h1.address()}


def test_a_router_solicitation_carries_the_address_of_its_sender(h4, wire):
    h4.ip("link", "set", "ib0", "down")
    h4.run("sysctl", "-qw", "net.ipv6.conf.ib0.router_solicitation_delay=0")
    h4.ip("link", "set", "ib0", "up")
    restore_v6(h4)
    solicit = wire.wait(lambda p: p.icmp6 == RS and options(p),
                        "a router solicitation", True, 20)
    assert options(solicit) == {1: b"\1\3\0\0" + h4.address()}


def test_a_redirect_carries_the_address_of_the_better_router(hosts):
    h1, h2, h3 = hosts[:3]
    far = "2001:db8:ffff::1"
    h1.reach(h2)
    assert h2.ping(f"{link_local(h3)}%ib0") == 0
    h2.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
    try:
        h3.ip("address", "add", f"{far}/128", "dev", "lo")
        h2.ip("route", "add", far, "via", link_local(h3), "dev", "ib0")
        h1.ip("route", "add", far, "via", link_local(h2), "dev", "ib0")
        with Capture(cable_of(h2)) as capture:
            h1.ping(far, 2, limit=5)
            redirect = capture.wait(lambda p: p.icmp6 == REDIRECT,
                                    "a redirect", True)
        assert options(redirect)[2] == b"\2\3\0\0" + h3.address()
    finally:
        h2.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=0")
        h3.ip("address", "del", f"{far}/128", "dev", "lo")
        for host in (h1, h2):
            host.ip("-6", "route", "del", far)


def link_local(host):
    """A host's link-local address."""
    return next(a["local"] for a in json.loads(
        host.run("ip", "-j", "-6", "address", "show", "dev", "ib0"))[0]
        ["addr_info"] if a["scope"] == "link")


ROUTER = """
import socket, struct, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
index = socket.if_nametoindex("ib0")
ra = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 30, 0, 0)
s.sendto(ra + b"\\1\\3\\0\\0" + bytes.fromhex(sys.argv[1]),
         ("ff02::1", 0, 0, index))
"""


def test_a_router_advertisement_teaches_the_address_of_the_router(h2, h4):
    router = link_local(h2)
    flush_neighbours(h4)
    h2.run("python3", "-c", ROUTER, h2.address().hex())
    try:
        entry = wait(lambda: h4.run("ip", "-6", "neigh", "show", router),
                     5, "nothing was learnt")
        assert entry.split()[4] == h2.link()["address"] and "router" in entry
    finally:
        h4.ip("-6", "route", "flush", "proto", "ra")


def test_a_stale_neighbour_is_asked_again_at_its_own_address(h1, h4, wire):
    assert h4.ping(h1.v4) == 0
    wire.take().clear()
    h4.ip("neigh", "change", h1.v4, "dev", "ib0", "lladdr",
          h1.link()["address"], "nud", "stale")
    h4.run("sysctl", "-qw", "net.ipv4.neigh.ib0.delay_first_probe_time=0")
    try:
        assert h4.ping(h1.v4) == 0
        probe = wire.wait(lambda p: p.is_arp(1, h1.v4), "a probe", True)
        assert (probe.dqpn, probe.dlid) == (qpn(h1), lab.lid(h1.hca))
        wait(lambda: "REACHABLE" in h4.run("ip", "neigh", "show", h1.v4), 5,
             "the neighbour is not confirmed")
    finally:
        h4.run("sysctl", "-qw",
               "net.ipv4.neigh.ib0.delay_first_probe_time=5")


MULTICAST_SENDER = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
index = socket.if_nametoindex("ib0")
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
             struct.pack("4s4si", b"\\0" * 4, b"\\0" * 4, index))
s.sendto(b"hello", (sys.argv[1], 5555))
"""

MULTICAST_RECEIVER = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 5555))
index = socket.if_nametoindex("ib0")
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
             struct.pack("4s4si", socket.inet_aton(sys.argv[1]), b"\\0" * 4,
                         index))
print("ready", flush=True)
s.settimeout(30)
print(s.recv(100), flush=True)
"""


def join_of(wire, mgid):
    """The request to join and the SM's answer, with their packets."""
    def both():
        seen = [(p, m) for p, m in wire.joins(mgid)
                if m.method in (McMember.SET, McMember.GET_RESP)]
        answers = [x for x in seen if x[1].method == McMember.GET_RESP and
                   not x[1].status]
        return answers and (seen[0], answers[0])
    return wait(both, 10, f"no join of {mgid.hex()}")


def test_who_only_sends_joins_so_before_it_sends(h4, wire):
    group = "239.7.7.1"
    mgid = mgid_of(group)
    send_to(h4, group)
    (asked, request), (_, answer) = join_of(wire, mgid)
    packet = wire.wait(lambda p: p.dgid == mgid, "the packet", True)
    assert asked.sent and request.method == McMember.SET
    # Send-only, or send-only full member where the SA knows of it.
    assert request.join_state in (4, 8)
    packets = wire.take()
    assert packets.index(asked) < packets.index(packet)
    assert packet.dlid == answer.mlid >= 0xc000


def test_a_member_of_an_ip_group_is_a_full_member_of_its_mgid(h3, h4, wire):
    group = "239.7.7.2"
    mgid = mgid_of(group)
    receiver = h4.popen("python3", "-c", MULTICAST_RECEIVER, group)
    try:
        assert receiver.stdout.readline() == "ready\n"
        (_, request), (_, answer) = join_of(wire, mgid)
        assert request.join_state == 1
        # The QP is attached: what another host sends arrives.
        wait(lambda: send_to(h3, group) and heard(receiver), 20,
             "the group is not heard")
        assert receiver.stdout.readline() == "b'hello'\n"
        assert wire.find(lambda p: p.dgid == mgid, False)[0].dlid == \
            answer.mlid
    finally:
        lab.stop(receiver)


def send_to(host, group):
    """One datagram to a group."""
    host.run("python3", "-c", MULTICAST_SENDER, group)
    return True


def heard(child):
    """Has a child something to say?"""
    return select.select([child.stdout], [], [], 0)[0]


def test_a_limited_member_has_full_membership_in_its_addresses(h4, pkeys):
    broadcast = h4.link()["broadcast"]
    pkeys(h4, 0x7fff)
    wait(h4.carrier, 20, "no carrier")
    assert h4.link()["broadcast"] == broadcast
    assert h4.sysfs("pkey") == "0xffff"


def test_no_packet_is_longer_than_the_link_allows(h1, h4, wire):
    mtu = h4.link()["mtu"]
    assert packet_send(h4, h1.address(), IPV4, bytes(mtu + 1)) == 90
    assert packet_send(h4, h1.address(), IPV4, bytes(mtu)) == 0
    before = h4.link()["stats64"]["tx"]["dropped"]
    log = Log()
    for size in (1000, 4000):
        send_super_packet(h4, h1, size)
    # 6000 octets in segments of 4000 are two packets; one fits.
    wait(lambda: h4.link()["stats64"]["tx"]["dropped"] > before, 5,
         "the drop is not counted")
    log.wait(r"^ib0: packet len \d+ \(> \d+\) too long to send, dropping")
    assert h4.ping(h1.v4) == 0
    sizes = [len(p.payload) for p in wire.ipoib(True)]
    assert max(sizes) == mtu + 4 and sizes.count(1044) == 6
