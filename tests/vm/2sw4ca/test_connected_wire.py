# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""RFC 4755 on the wire: what h1 and h4 say to each other until they are
connected, what goes over the connection, and how it ends.

The capture is of h4's cable: what h4 sends is ``sent``.
"""

import contextlib
import socket

import pytest

from tests.vm import inject, lab
from tests.vm.cmwire import (ACK, BY_RFC, DREQ, RC, RECEIVE_MTU, REJ, REP, REQ,
                             RTU, SENDS, Story, UC, USUAL, introduction,
                             messages, seen, sends, wait_for)
from tests.vm.connmode import (calm_down, connect, connections, counted,
                               forget, renew, sending, sends_to, set_mode,
                               set_uc)
from tests.vm.ifwire import (ARP, Capture, IPV4, IPV6, QPN_MCAST,
                             UD_SEND_ONLY, cable_of)
from tests.vm.iftools import restore_v6
from tests.vm.lab import wait

RC_FLAG, UC_FLAG = 0x80, 0x40
NS, NA = 135, 136


@pytest.fixture
def link(calm):
    """h1, h4 and their cable: in connected mode, not connected yet."""
    h1, h4 = calm[0], calm[3]
    for host in (h1, h4):
        set_mode(host, "connected")
    with Capture(cable_of(h4)) as wire:
        forget(h1, h4)
        yield h1, h4, wire


@pytest.fixture(scope="module")
def story(all_hosts):
    """h1, h4, and what was on the cable when each had connected to the other
    and sent ten packets of 9000 octets."""
    h1, h4 = all_hosts[0], all_hosts[3]
    for host in (h1, h4):
        set_mode(host, "connected")
    with Capture(cable_of(h4)) as wire:
        forget(h1, h4)
        connect(h1, h4)
        assert h1.ping(h4.v4, 5, 9000) == h1.ping(h4.v6, 5, 9000) == 0
        ended = Story(wire)
    calm_down(all_hosts)
    return h1, h4, ended


def qpn(host):
    """The QPN in a host's hardware address."""
    return int.from_bytes(host.address()[1:4], "big")


def both_ways(h1, h4):
    """Who asks, who is asked, and whether that is sent from h4's end."""
    return (h1, h4, False), (h4, h1, True)


def requests(wire, sent=None):
    """REQs of ours."""
    return seen(wire, REQ, sent)


# --- how a connection is made

def test_a_request_says_who_asks_whom(story):
    h1, h4, wire = story
    for asks, asked, sent in both_ways(h1, h4):
        request, = requests(wire, sent)
        assert request["service"] == USUAL << 56 | qpn(asked)
        assert request["transport"] == RC
        assert request["pkey"] == 0xffff
        assert (request["local_lid"], request["remote_lid"]) == \
            (lab.lid(asks.hca), lab.lid(asked.hca))
        assert request["local_gid"].to_bytes(16, "big") == asks.address()[4:]
        assert request["remote_gid"].to_bytes(16, "big") == asked.address()[4:]
        # No RDMA, so nothing to have under way.
        assert request["responder_resources"] == 0
        assert request["initiator_depth"] == request["qkey"] == 0


def test_a_service_id_is_of_deployed_form_and_has_no_reserved_bit(story):
    h1, h4, wire = story
    for _, asked, sent in both_ways(h1, h4):
        service = requests(wire, sent)[0]["service"].to_bytes(8, "big")
        assert service[0] == USUAL != BY_RFC
        assert service[1:5] == bytes(4)
        assert service[5:] == asked.address()[1:4]


@pytest.mark.parametrize("kind", (REQ, REP, RTU), ids=("REQ", "REP", "RTU"))
def test_private_data_is_ud_qpn_and_receive_mtu(story, kind):
    h1, h4, wire = story
    for speaker, _, sent in both_ways(h1, h4):
        found = seen(wire, kind, sent)
        assert found
        for message in found:
            assert message.private == introduction(
                qpn(speaker), RECEIVE_MTU).ljust(len(message.private), b"\0")


def test_the_answer_names_a_connected_qp(story):
    h1, h4, wire = story
    for asks, asked, sent in both_ways(h1, h4):
        request, = requests(wire, sent)
        answer, = seen(wire, REP, not sent)
        assert answer["remote_id"] == request["local_id"]
        assert answer["qpn"] not in (qpn(asks), qpn(asked))
        assert answer["responder_resources"] == 0
        assert sends(wire, answer["qpn"], sent)


def test_reqs_that_cross_make_a_connection_each_way(link):
    """As with deployed peers: nobody compares addresses, nobody refuses."""
    h1, h4, wire = link
    connect(h1, h4)
    assert not seen(wire, REJ)
    for _, _, sent in both_ways(h1, h4):
        assert len(requests(wire, sent)) == len(seen(wire, REP, sent)) == 1
    for here, there in ((h1, h4), (h4, h1)):
        assert sends_to(here, there)
        assert [c["direction"] for c in connections(here)
                if c["qpn"] == f"0x{qpn(there):06x}"] == ["send", "receive"]


def test_unreliable_connections_are_asked_for_as_such(link):
    h1, h4, wire = link
    for host in (h1, h4):
        set_uc(host, True)
    forget(h1, h4)
    connect(h1, h4)
    for sent in (False, True):
        assert UC in {r["transport"] for r in requests(wire, sent)}
    assert {c["transport"] for c in sending(h1) + sending(h4)} == {"UC"}


def test_retries_are_few_and_short(story):
    """RFC 4755 section 7.1: short against TCP's timers."""
    h1, h4, wire = story
    for request in requests(wire):
        # 4.096 us times two to the 17th is half a second. A host with whom
        # many connect at once takes longer to come to the RTU.
        assert request["remote_timeout"] == 17
        assert request["local_timeout"] == 19
        assert request["cm_retries"] == 7
        assert request["retries"] == 7 and request["rnr_retries"] == 6


def test_one_connection_serves_all_addresses_of_a_peer(link):
    h1, h4, wire = link
    more = "198.51.100.104/24", "198.51.100.105/24", "2001:db8::104/64"
    for address in more:
        h4.ip("address", "add", address, "dev", "ib0",
              *(("nodad",) if ":" in address else ()))
    with contextlib.ExitStack() as undo:
        for address in more:
            undo.callback(h4.ip, "address", "del", address, "dev", "ib0")
        connect(h1, h4)
        before = counted(h1, "conn_tx_packets")[0]
        for target in more:
            assert h1.ping(target.split("/")[0], 5, 4000) == 0
        assert counted(h1, "conn_tx_packets")[0] >= before + 15
    assert len(requests(wire, False)) == 1
    assert len(sending(h1)) == 1


# --- what addresses say

def told(wire, host):
    """Hardware addresses in what a host says of itself, by packet: those of
    ARP, and of Neighbour Discovery."""
    arp = [(p, p.data[8:28]) for p in wire.find(
        lambda p: p.opcode == UD_SEND_ONLY and p.is_arp(), True)]
    nd = [(p, p.data[64 + 4:64 + 24]) for p in wire.find(
        lambda p: p.opcode == UD_SEND_ONLY and p.icmp6 in (NS, NA) and
        len(p.data) >= 64 + 24, True)]
    assert arp and nd, host
    return arp + nd


@pytest.mark.parametrize("uc", (False, True), ids=("RC", "UC"))
def test_flags_and_qpn_of_addresses_that_are_told(link, uc):
    """The reserved bits are zero, and the QPN is that of datagrams, whatever
    else there is."""
    h1, h4, wire = link
    set_uc(h4, uc)
    connect(h1, h4)
    start = len(wire.take())
    h1.ip("neigh", "flush", "dev", "ib0", "nud", "all")
    h4.ip("neigh", "flush", "dev", "ib0", "nud", "all")
    assert h1.ping(h4.v4) == h1.ping(h4.v6) == 0
    assert sends_to(h1, h4)
    # The answer to that comes to h4's address.
    h4.run("arping", "-c", 1, "-I", "ib0", h1.v4)
    del wire.packets[:start]
    for _, address in told(wire, h4):
        assert address[0] == RC_FLAG | (UC_FLAG if uc else 0)
        assert address == h4.address()
    # Where its datagrams come, be there connected QPs or not.
    assert {p.dqpn for p in wire.find(
        lambda p: p.opcode == UD_SEND_ONLY and not p.is_mad and
        p.dqpn != QPN_MCAST, False)} == {int.from_bytes(address[1:4], "big")}


def test_addresses_are_resolved_with_datagrams(link):
    """Even the answer to a question that came over a connection."""
    h1, h4, wire = link
    connect(h1, h4)
    start = len(wire.take())
    for host in (h1, h4):
        host.ip("neigh", "flush", "dev", "ib0", "nud", "all")
    assert h1.ping(h4.v4) == h1.ping(h4.v6) == 0
    del wire.packets[:start]
    told(wire, h4)
    for packet in wire.find(lambda p: p.opcode in SENDS):
        assert packet.type in (IPV4, IPV6)
        assert packet.icmp6 not in (NS, NA)


@pytest.fixture
def address_of_h4(link):
    """A function: h1 takes h4's addresses to have this octet of flags."""
    h1, h4, _ = link

    def set_flags(octet):
        hw = (bytes([octet]) + h4.address()[1:]).hex(":")
        for target in (h4.v4, h4.v6):
            h1.ip("neigh", "replace", target, "lladdr", hw, "dev", "ib0",
                  "nud", "permanent")
    yield set_flags
    for target in (h4.v4, h4.v6):
        h1.ip("neigh", "del", target, "dev", "ib0")


@pytest.mark.parametrize("octet, connects", (
    (RC_FLAG, True), (RC_FLAG | 0x3f, True), (0x3f, False), (0, False),
    (UC_FLAG, False)))
def test_reserved_flags_mean_nothing(link, address_of_h4, octet, connects):
    h1, h4, wire = link
    address_of_h4(octet)
    assert h1.ping(h4.v4, 3, 1400) == 0
    if connects:
        wait(lambda: sends_to(h1, h4), 5, "no connection")
    assert h1.ping(h4.v4, 5, 1400) == h1.ping(h4.v6, 5, 1400) == 0
    assert bool(requests(wire, False)) == connects


def test_an_arp_packet_with_reserved_flags_is_as_good(link):
    """On the wire, as a peer of tomorrow may send it."""
    h1, h4, wire = link
    me, you = inject.Place.of(h4), inject.Place.of(h1)
    strange = bytes([RC_FLAG | 0x3f]) + me.hardware[1:]
    with inject.to_hca(h1, "sw1") as cable:
        cable.send(inject.datagram(me, you, inject.encap(ARP, inject.arp(
            1, strange, h4.v4, bytes(20), h1.v4))))
    wait(lambda: strange.hex(":") in h1.ip("neigh", "show", h4.v4), 5,
         "it is not believed")
    assert h1.ping(h4.v4, 3, 1400) == 0
    wait_for(wire, REQ, "a request of h1", False)


def test_who_may_connect_need_not(calm):
    """Both accept connections; in datagram mode nobody asks for one."""
    h1, h4 = calm[0], calm[3]
    forget(h1, h4)
    with Capture(cable_of(h4)) as wire:
        assert h1.ping(h4.v4, 5, 1400) == h4.ping(h1.v6, 5, 1400) == 0
        assert h1.address()[0] == h4.address()[0] == RC_FLAG
        assert not seen(wire)
        assert {p.opcode for p in wire.ipoib()} == {UD_SEND_ONLY}


# --- what goes over it

def carried(wire, sent):
    """Messages on the connection that one end has asked for."""
    request = requests(wire, sent)[-1]
    answer = [a for a in seen(wire, REP, not sent)
              if a["remote_id"] == request["local_id"]][0]
    return messages(sends(wire, answer["qpn"], sent))


def test_a_message_is_a_header_and_a_packet(story):
    h1, h4, wire = story
    for sent in (False, True):
        found = carried(wire, sent)
        assert len([m for m in found if len(m) > 9000]) == 10
        for message in found:
            kind = int.from_bytes(message[:2], "big")
            assert message[2:4] == b"\0\0"
            assert kind in (IPV4, IPV6)
            length = 40 + int.from_bytes(message[8:10], "big") \
                if kind == IPV6 else int.from_bytes(message[6:8], "big")
            assert len(message) == 4 + length


SIZES = [*range(1, 300), *range(1900, 2100, 7), *range(4000, 4200, 7),
         *range(300, 65492, 1511), 65491, 65492]


@pytest.mark.parametrize("uc", (False, True), ids=("RC", "UC"))
def test_packets_of_every_size_are_taken(link, uc):
    """What the receiver announces is the most, not the least."""
    h1, h4, _ = link
    for host in (h1, h4):
        set_uc(host, uc)
    forget(h1, h4)
    connect(h1, h4)
    before = counted(h4, "conn_rx_packets")[0]
    sizes = SIZES[::20] if lab.DEBUG else SIZES
    with inject.socket_of(h1, socket.AF_INET, socket.SOCK_DGRAM) as sender, \
            inject.receiver(h4, 7777) as sink:
        for size in sizes:
            data = bytes(i & 255 for i in range(size))
            sender.sendto(data, (h4.v4, 7777))
            assert sink.recv(65536) == data
    assert counted(h4, "conn_rx_packets")[0] >= before + len(sizes)


@pytest.fixture
def narrow(calm):
    """h1, and h4 with an HCA that takes 16 KiB in one message."""
    h1, h4 = calm[0], calm[3]
    parameter = "/sys/module/sib/parameters/recv_sge"
    usual = lab.read(parameter)
    lab.write(parameter, "4")
    renew(h4, "sw2")
    lab.write(parameter, usual)
    for host in (h1, h4):
        set_mode(host, "connected")
    with Capture(cable_of(h4)) as wire:
        yield h1, h4, wire
    h1.ip("route", "flush", "cache")
    renew(h4, "sw2")


def test_a_peer_gets_no_more_than_it_takes(narrow):
    h1, h4, wire = narrow
    connect(h1, h4)
    mtu = h4.link()["mtu"]
    assert 15000 < mtu < 16384
    assert seen(wire, REP, True)[-1].private[:8] == \
        introduction(qpn(h4), mtu + 4)
    # The first are lost: their sender is told how large they may be.
    h1.ping(h4.v4, 1, 40000, limit=1)
    h1.ping(h4.v6, 1, 40000, limit=1)
    for target in (h4.v4, h4.v6):
        wait(lambda t=target: f"mtu {mtu}" in h1.ip("route", "get", t), 5,
             "the route has no MTU")
        assert h1.ping(target, 5, 40000) == 0
    assert mtu - 8 <= max(map(len, carried(wire, False))) <= mtu + 4


# --- how it ends

def test_it_ends_with_the_interface(link):
    h1, h4, wire = link
    connect(h1, h4)
    h4.ip("link", "set", "ib0", "down")
    try:
        for message in seen(wire, REP):
            wait_for(wire, DREQ, "the end of a connection", True,
                     lambda m, a=message: m["qpn"] == a["qpn"] or
                     m["local_id"] == a["local_id"])
        wait(lambda: not connections(h1), 10, "h1 still has one")
    finally:
        h4.ip("link", "set", "ib0", "up")
        restore_v6(h4)
    wait(h4.carrier, 20, "no carrier")


def test_it_ends_with_the_mode(link):
    h1, h4, wire = link
    connect(h1, h4)
    answer, = seen(wire, REP, True)
    set_mode(h1, "datagram")
    end = wait_for(wire, DREQ, "the end of a connection", False)
    assert end["qpn"] == answer["qpn"]
    wait(lambda: not connections(h4, "receive"), 5, "h4 still receives")
    assert sends_to(h4, h1)


@pytest.mark.long
def test_it_ends_when_it_is_not_used(link):
    """With the destination, which is forgotten after two minutes."""
    h1, h4, wire = link
    set_mode(h4, "datagram")
    wait(lambda: not h1.ping(h4.v4, limit=1) and sends_to(h1, h4), 10,
         "no connection")
    # The stack's own probes would keep it.
    h1.ip("neigh", "flush", "dev", "ib0", "nud", "all")
    h4.ip("neigh", "flush", "dev", "ib0", "nud", "all")
    wait_for(wire, DREQ, "the end of a connection", False, limit=240)
    assert not sending(h1)


def test_acknowledgements_are_all_that_comes_back(story):
    """A connection carries packets one way."""
    h1, h4, wire = story
    for _, _, sent in both_ways(h1, h4):
        request, = requests(wire, sent)
        back = wire.find(lambda p, q=request["qpn"]: p.dqpn == q, not sent)
        assert back and {p.opcode for p in back} == {ACK}
