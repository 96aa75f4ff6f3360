# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What frames look like: encapsulation, addresses, ARP and ND.

RFC 4391 sections 2, 6, 7 and 9. Numbers of rows are those of the conformance
table.

    lab/run --topology 1sw3ca-nosm -- tests/vm/run tests/vm/1sw3ca-nosm/test_rfc_frames.py
"""

import contextlib
import ipaddress
import socket
import struct

import pytest

from tests.sm.harness import restart_link
from tests.vm import lab
from tests.vm.lab import wait
from tests.vm.netns import PORT, inside
from tests.vm.wire import ARP, IPV4, IPV6, RARP, UD_SEND_ONLY, Capture

TIPC = 0x88ca
ARP_REQUEST, ARP_REPLY = 1, 2
RS, NS, NA, REDIRECT = 133, 135, 136, 137
SOURCE_LLA, TARGET_LLA = 1, 2
IPV6_LEN = 40
# Where the options of an ND message begin, in ICMPv6.
OPTIONS_AT = {RS: 8, NS: 24, NA: 24, REDIRECT: 40}


def arp_fields(packet):
    """Operation, hardware and protocol addresses of an ARP packet."""
    fixed = struct.unpack_from("!HHBBH", packet.datagram)
    assert fixed[:4] == (32, 0x0800, 20, 4)
    assert len(packet.datagram) == 56
    return (fixed[4], packet.datagram[8:28], packet.datagram[28:32],
            packet.datagram[32:52], packet.datagram[52:56])


def forget(*hosts):
    """Let hosts resolve all addresses anew."""
    for host in hosts:
        for family in ("-4", "-6"):
            host.ip(family, "neigh", "flush", "dev", "ib0")


def is_arp(operation, from_host=True):
    """ARP packets of a kind."""
    return lambda p: (p.is_ipoib and p.type == ARP and
                      p.from_host == from_host and
                      arp_fields(p)[0] == operation)


def is_nd(kind, from_host=True):
    """ND messages of a kind."""
    return lambda p: (p.is_ipoib and p.type == IPV6 and
                      p.from_host == from_host and p.datagram[6] == 58 and
                      p.datagram[IPV6_LEN] == kind)


def options(packet):
    """The options of an ND message, whole, by type."""
    at = IPV6_LEN + OPTIONS_AT[packet.datagram[IPV6_LEN]]
    found = {}
    while at < len(packet.datagram):
        length = packet.datagram[at + 1] * 8
        found[packet.datagram[at]] = packet.datagram[at:at + length]
        at += length
    return found


def check_option(packet, kind, host):
    """Type, length 3, two zeros, the address."""
    assert options(packet)[kind] == bytes((kind, 3, 0, 0)) + host.address()


# Encapsulation.


def test_every_packet_is_an_encapsulated_datagram(sm):
    """Rows 1, 25, 26, 27, 48: IPv4, IPv6 and ARP in UD."""
    h1, h2, _ = sm.hosts
    with Capture(h2) as wire:
        forget(h2)
        h2.reach(h1)
        seen = wire.packets(lambda p: not p.is_mad)
    kinds = {IPV4: lambda d: d[0] >> 4 == 4, IPV6: lambda d: d[0] >> 4 == 6,
             ARP: lambda d: d[:2] == b"\x00\x20"}
    assert {p.type for p in seen} == set(kinds)
    for packet in seen:
        assert packet.opcode == UD_SEND_ONLY
        assert packet.reserved == 0
        assert packet.pkey == 0xffff
        assert kinds[packet.type](packet.datagram)


def send_raw(host, ethertype, payload, address):
    """Send by a packet socket, which gives all headers."""
    with inside(host), socket.socket(socket.AF_PACKET,
                                     socket.SOCK_RAW) as sock:
        sock.sendto(address + struct.pack("!HH", ethertype, 0) + payload,
                    ("ib0", ethertype))


@pytest.mark.parametrize("ethertype", (RARP, TIPC))
def test_other_types_have_the_same_header(sm, ethertype):
    """Rows 26, 29."""
    h1, h2, _ = sm.hosts
    h2.reach(h1)
    with Capture(h2) as wire:
        send_raw(h2, ethertype, b"anything", h1.address())
        sent = wire.wait_for(lambda p: p.is_ipoib and p.type == ethertype)
    assert sent.payload == struct.pack("!HH", ethertype, 0) + b"anything"


def test_no_packet_exceeds_the_link_mtu(sm):
    """Row 37."""
    h1, h2, _ = sm.hosts
    h2.reach(h1)
    address = h1.address()
    with Capture(h2) as wire:
        for size in (2045, 2048, 2060, 4092, 8000):
            with contextlib.suppress(OSError):
                send_raw(h2, IPV4, bytes(size), address)
        send_raw(h2, IPV4, bytes(2044), address)
        wire.wait_for(lambda p: p.is_ipoib and p.from_host and
                      len(p.payload) == 2048)
        h2.ping(h1.v4, 1, 8000)
        assert max(len(p.payload) for p in wire.packets()) == 2048


def test_multicast_has_a_grh_with_the_group(sm):
    """Row 32."""
    h1, h2, _ = sm.hosts
    with Capture(h2) as wire:
        forget(h2)
        h2.reach(h1)
        many = wire.packets(lambda p: p.is_ipoib and p.is_multicast)
    assert many
    for packet in many:
        assert packet.grh.next_header == 0x1b
        assert packet.grh.dgid.packed[0] == 0xff
        assert packet.dlid >= 0xc000


# Addresses.


def test_hardware_address_is_flags_qpn_gid(sm):
    """Rows 41, 42, 45."""
    for host in sm.hosts:
        address = host.address()
        gid0 = lab.read(f"/sys/class/infiniband/{host.hca}/ports/1/gids/0")
        assert len(address) == 20 and address[0] == 0x80
        assert address[4:] == ipaddress.IPv6Address(gid0).packed
        port = sm.subnet.port(host.hca)
        assert address[4:] == struct.pack("!QQ", port.info.gid_prefix,
                                          port.guid)


def test_unicast_goes_to_the_qpn_of_the_address(sm):
    """Rows 41, 44: IP and ARP replies."""
    h1, h2, _ = sm.hosts
    with Capture(h2) as wire:
        forget(h1, h2)
        h1.reach(h2)
        sent = wire.packets(lambda p: p.is_ipoib and p.from_host and
                            not p.is_multicast)
    number = int.from_bytes(h1.address()[1:4], "big")
    assert {p.type for p in sent} == {IPV4, IPV6, ARP}
    assert {p.dqpn for p in sent} == {number}


# ARP.


def test_arp_request_and_reply(sm):
    """Rows 3, 42, 44, 51, 52, 53: all fields, all of them big-endian."""
    h1, h2, _ = sm.hosts
    mine, its = (socket.inet_aton(host.v4) for host in (h2, h1))
    with Capture(h2) as wire:
        forget(h1, h2)
        h2.ping(h1.v4, limit=5)
        request = wire.wait_for(is_arp(ARP_REQUEST))
        reply = wire.wait_for(is_arp(ARP_REPLY, from_host=False))
    assert request.payload == (
        bytes.fromhex("08060000 00200800 1404 0001") + h2.address() + mine +
        bytes(20) + its)
    assert arp_fields(reply) == (ARP_REPLY, h1.address(), its, h2.address(),
                                 mine)
    assert reply.dqpn == int.from_bytes(h2.address()[1:4], "big")


def test_neighbours_are_revalidated_by_unicast(sm):
    """Row 57: a stale entry that is used is probed."""
    h1, h2, _ = sm.hosts
    h2.reach(h1)
    number = int.from_bytes(h1.address()[1:4], "big")
    names = {"base_reachable_time_ms": 30000, "delay_first_probe_time": 5}
    try:
        for name in names:
            h2.run("sysctl", "-qw", f"net.ipv4.neigh.ib0.{name}=1")
        forget(h2)
        with (Capture(h2) as wire, inside(h2),
              socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock):
            def probed():
                # To a closed port; only probes say that the peer is there.
                sock.sendto(b"x", (h1.v4, PORT))
                return wire.packets(lambda p: is_arp(ARP_REQUEST)(p) and
                                    p.dqpn == number)
            wait(probed, 30, "the entry is not probed")
    finally:
        for name, value in names.items():
            h2.run("sysctl", "-qw", f"net.ipv4.neigh.ib0.{name}={value}")


# Neighbour Discovery.


def test_link_layer_option_of_solicitation_and_advertisement(sm):
    """Rows 54, 55, 56."""
    h1, h2, _ = sm.hosts
    with Capture(h2) as wire:
        forget(h1, h2)
        assert not h2.ping(h1.v6, limit=5)
        check_option(wire.wait_for(is_nd(NS)), SOURCE_LLA, h2)
        check_option(wire.wait_for(is_nd(NA, from_host=False)), TARGET_LLA,
                     h1)


def test_link_layer_option_of_router_solicitation(sm):
    """Rows 54, 55, 56: sent when the link comes up."""
    h2 = sm.hosts[1]
    with Capture(h2) as wire:
        restart_link(h2)
        with_source = wire.wait_for(
            lambda p: is_nd(RS)(p) and p.datagram[8:24] != bytes(16), 20)
        check_option(with_source, SOURCE_LLA, h2)


def test_link_layer_option_of_redirect(sm):
    """Rows 54, 55, 56: from a router to a host on the same link."""
    h1, h2, h3 = sm.hosts
    h1.reach(h3)
    h1.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
    h2.ip("-6", "route", "add", f"{h3.v6}/128", "via", h1.v6)
    try:
        with Capture(h2) as wire:
            def redirected():
                h2.ping(h3.v6, limit=1)
                return wire.packets(is_nd(REDIRECT, from_host=False))
            redirect = wait(redirected, 20, "there is no redirect")[0]
        check_option(redirect, TARGET_LLA, h3)
    finally:
        h2.ip("-6", "route", "del", f"{h3.v6}/128", "via", h1.v6)
        h1.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=0")
