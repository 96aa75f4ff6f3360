# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What IPoIB makes of datagrams that no IPoIB driver of ours would send.

They come in on h2's cable as if h1 had sent them. Rows of RFC 4391's checklist
are named where a test shows one.
"""

import contextlib
import errno
import re
import socket
import struct

import pytest

from tests.vm import inject, lab
from tests.vm.inject import encap, grows
from tests.vm.lab import run, wait

PORT = 5599


@pytest.fixture(scope="module")
def places(all_hosts):
    all_hosts[0].reach(all_hosts[1])
    yield [inject.Place.of(h) for h in all_hosts]
    for a in all_hosts:
        for b in all_hosts:
            if a is not b:
                a.reach(b, 30)


@pytest.fixture
def cable(all_hosts):
    """Towards the HCA of h2."""
    with inject.to_hca(all_hosts[1], "sw1") as cable:
        yield cable


@pytest.fixture
def sink(all_hosts):
    """A UDP socket on h2."""
    with inject.receiver(all_hosts[1], PORT) as sock:
        yield sock


def message(places, text, reserved=0):
    """A UDP message from h1 to h2, as IPoIB carries it."""
    packet = inject.udp(places[0].host.v4, places[1].host.v4, PORT, text)
    return encap(inject.IPV4, packet, reserved)


GARBAGE = {"tclass": 0xA5, "flow": 0xBEEF5, "hops": 0x5A,
           "sgid": bytes(range(16))}


@pytest.mark.parametrize("what, options, reserved", (
    ("row 31: without a GRH", {}, 0),
    ("row 30: with a GRH", {"grh": True}, 0),
    ("row 132: with garbage in the GRH", {"grh": GARBAGE}, 0),
    ("row 28: reserved field not zero", {}, 0xFFFF),
    ("row 28: the same with a GRH", {"grh": True}, 0xFFFF)))
def test_a_strange_but_good_datagram_is_delivered(cable, places, sink, what,
                                                  options, reserved):
    text = what.encode()
    cable.send(inject.datagram(places[0], places[1],
                               message(places, text, reserved), **options))
    assert sink.recv(2048) == text
    assert inject.silent(sink)


@pytest.mark.parametrize("grh", (False, True, GARBAGE),
                         ids=("no GRH", "GRH", "garbage in the GRH"))
def test_an_echo_request_is_answered(cable, places, grh):
    """Rows 30, 31 and 132."""
    request = encap(inject.IPV4, inject.echo_request(
        places[0].host.v4, places[1].host.v4, 0x3031))
    answer = cable.ask(inject.datagram(places[0], places[1], request, grh=grh),
                       lambda f: f.payload[24:26] == b"\0\0" and
                       f.payload[28:30] == b"\x30\x31", limit=5)
    assert answer
    dlid, = struct.unpack_from("!H", answer.packet, 2)
    assert dlid == places[0].lid


def test_payloads_shorter_than_their_header_are_dropped(cable, places, h2):
    """Row 33."""
    dropped = h2.link()["stats64"]["rx"]["dropped"]
    with grows(h2.ethtool_stats, rx_drop_runt=8, rx_dropped=8):
        for length in range(4):
            for grh in (False, True):
                cable.send(inject.datagram(places[0], places[1],
                                           b"\x08\x00\xff\xff"[:length],
                                           grh=grh))
    assert h2.link()["stats64"]["rx"]["dropped"] == dropped + 8
    assert h2.ping(places[0].host.v4) == 0


def test_what_pretends_to_be_our_own_is_an_echo(cable, places, h2):
    own = places[1]
    with grows(h2.ethtool_stats, rx_echoes=3):
        cable.send(inject.datagram(own, own, message(places, b"echo"),
                                   grh=True), 3)


def test_unknown_types_are_taken_and_lead_nowhere(cable, places, h2):
    before = h2.ethtool_stats()["rx_packets"]
    for kind in (0x0600, 0x1234, 0xFFFF):
        cable.send(inject.datagram(places[0], places[1],
                                   encap(kind, bytes(30))))
    wait(lambda: h2.ethtool_stats()["rx_packets"] >= before + 3, 5,
         "they are not counted")
    assert h2.ping(places[0].host.v4) == 0


@pytest.mark.ours
def test_what_is_no_ethertype_is_dropped(cable, places, h2):
    """The kernel's own protocol numbers below 0x600 are no peer's to use."""
    with inject.socket_of(h2, socket.AF_PACKET, socket.SOCK_DGRAM,
                          socket.htons(inject.ETH_P_ALL)) as sock:
        sock.bind(("ib0", inject.ETH_P_ALL))
        with grows(h2.ethtool_stats, rx_drop_type=5, rx_dropped=5):
            for kind in (0x0000, 0x0001, 0x0004, 0x00F6, 0x05FF):
                cable.send(inject.datagram(places[0], places[1],
                                           encap(kind, b"\xc3" * 30)))
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                assert b"\xc3" * 30 not in sock.recv(4096)
    assert h2.ping(places[0].host.v4) == 0


def test_no_packet_beyond_the_mtu_leaves(h1, places):
    """Row 37."""
    mtu = h1.link()["mtu"]
    to_h2 = places[1].hardware
    with inject.to_switch(h1, "sw1") as cable, \
            inject.socket_of(h1, socket.AF_PACKET, socket.SOCK_RAW,
                             0) as sock, cable.listen() as tap:
        sock.bind(("ib0", 0))
        for size in (mtu + 1, mtu + 40, 4096, 9000):
            with pytest.raises(OSError) as error:
                sock.send(to_h2 + encap(inject.IPV4, bytes(size)))
            assert error.value.errno == errno.EMSGSIZE
        sock.send(to_h2 + encap(inject.IPV4, b"\xa5" * mtu))
        sizes = []
        for frame in cable.frames(tap, 10):
            if frame.outgoing and frame.kind == inject.PACKET:
                sizes.append(len(frame.payload))
                if frame.payload[4:8] == b"\xa5" * 4:
                    break
        assert max(sizes) == mtu + 4


# --- groups

def group_lids():
    """MLIDs by MGID, as the SA has them."""
    return {m[1]: int(m[2], 16) for m in re.finditer(
        r"MGID\.+(\S+)\s+Mlid\.+(0x\w+)", run("saquery", "-g"))}


def mgid_bytes(text):
    return socket.inet_pton(socket.AF_INET6, text)


def to_group(places, group, mgid, mlid, text=b"group"):
    """A UDP message from h1 to an IPv4 group."""
    packet = inject.udp(places[0].host.v4, group, PORT, text)
    return inject.ud(mlid, places[0].lid, 0xFFFFFF,
                     encap(inject.IPV4, packet), sqpn=places[0].qpn,
                     grh={"sgid": places[0].gid, "dgid": mgid_bytes(mgid)})


def member_of(sock, host, group):
    """Make a socket a member of an IPv4 group on ib0."""
    index = int(host.sysfs("ifindex"))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                    struct.pack("4s4si", socket.inet_aton(group), bytes(4),
                                index))


def test_a_sender_does_not_hear_the_group(cable, places, h2, sink):
    """Row 62: send-only membership attaches no QP."""
    group, mgid = "239.77.1.2", "ff12:401b:ffff::f4d:102"
    h2.run("ping", "-c", 1, "-w", 1, "-I", "ib0", group, check=False)
    mlid = wait(lambda: group_lids().get(mgid), 10, "no send-only join")
    packet = to_group(places, group, mgid, mlid)
    with grows(lambda: inject.hca_counters("sib2"), rx_not_attached=3):
        cable.send(packet, 3)
    assert inject.silent(sink)
    # The very same is heard by a member.
    sink.settimeout(5 * lab.SLOW)
    member_of(sink, h2, group)

    def heard():
        cable.send(packet)
        sink.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            return sink.recv(2048) == b"group"
    wait(heard, 10, "a member hears nothing")


def test_the_group_is_told_by_the_gid_in_the_grh(cable, places, h2):
    """Row 84: same LID, same payload; the GID alone makes the difference."""
    lids = group_lids()
    broadcast = "ff12:401b:ffff::ffff:ffff"
    kinds = {broadcast: 1, "ff12:401b:ffff::1": 2}
    with inject.socket_of(h2, socket.AF_PACKET, socket.SOCK_DGRAM,
                          socket.htons(inject.IPV4)) as sock:
        sock.bind(("ib0", inject.IPV4))
        sock.settimeout(5 * lab.SLOW)
        for mgid, kind in kinds.items():
            text = b"mark " + mgid.encode()
            cable.send(to_group(places, "224.0.0.1", mgid, lids[mgid], text))
            assert packet_type(sock, text) == kind, mgid
        text = b"mark unicast"
        cable.send(inject.datagram(places[0], places[1],
                                   message(places, text), grh=True))
        assert packet_type(sock, text) == 0
    # The LID of one group and the GID of another go together nowhere.
    with grows(lambda: inject.hca_counters("sib2"), rx_not_attached=2):
        cable.send(to_group(places, "224.0.0.1", broadcast,
                            lids["ff12:401b:ffff::1"] + 0x100), 2)


def packet_type(sock, text):
    """The type that the stack was told of the packet with a text."""
    while True:
        data, address = sock.recvfrom(4096)
        if text in data:
            return address[2]


# --- address resolution

def neighbours(host):
    """Neighbours whose hardware address is known, by IP address."""
    lines = run("ip", "-n", host.name, "neigh", "show", "dev", "ib0")
    return dict(re.findall(r"^(\S+) lladdr (\S+)", lines, re.M))


def colons(address):
    return ":".join(f"{octet:02x}" for octet in address)


def test_the_flags_of_an_address_are_not_looked_at(cable, places, h2):
    """Row 43: octet 0 is 0xFF, and the neighbour is used over UD."""
    h1 = places[0].host
    strange = b"\xff" + places[0].hardware[1:]
    run("ip", "-n", "h2", "neigh", "flush", "dev", "ib0")
    cable.send(inject.datagram(places[0], places[1], encap(
        inject.ARP, inject.arp(1, strange, h1.v4, bytes(20), h2.v4))))
    wait(lambda: neighbours(h2).get(h1.v4) == colons(strange), 5,
         "the address is not learned")
    assert h2.ping(h1.v4, 20) == 0
    run("ip", "-n", "h2", "neigh", "flush", "dev", "ib0")
    h2.reach(h1)


FAKE = "198.51.100.{}"


@pytest.mark.debug
def test_arp_with_wrong_lengths_teaches_nothing(cable, places, h2):
    fakes = iter(range(100, 250))

    def send(length=None, **options):
        body = inject.arp(options.pop("operation", 1), places[0].hardware,
                          FAKE.format(next(fakes)), bytes(20), h2.v4,
                          **options)
        cable.send(inject.datagram(places[0], places[1],
                                   encap(inject.ARP, body[:length])))
    before = neighbours(h2)
    for length in range(56):
        send(length)
    for hln in (0, 6, 19, 21, 255):
        send(hln=hln)
    for pln in (0, 3, 5, 16, 255):
        send(pln=pln)
    for hrd in (0, 1, 0xFFFF):
        send(hrd=hrd)
    send(pro=inject.IPV6)
    for operation in (0, 3, 0xFFFF):
        send(operation=operation)
    good = next(fakes)
    fakes = iter([good])
    send()
    # The one good one shows that the others were of the right form.
    wait(lambda: FAKE.format(good) in neighbours(h2), 5, "nothing is learned")
    new = set(neighbours(h2)) - set(before)
    assert new == {FAKE.format(good)}
    run("ip", "-n", "h2", "neigh", "del", FAKE.format(good), "dev", "ib0")


def source_option(hardware, length=3, kind=1):
    """A link-layer address option: RFC 4391, section 9.3."""
    return struct.pack("!BBH", kind, length, 0) + hardware


@pytest.mark.debug
def test_nd_with_wrong_lengths_teaches_nothing(cable, places, h2):
    fakes = iter(range(0x100, 0x200))

    def send(options, cut=None, kind=135):
        src = f"2001:db8::{next(fakes):x}"
        body = inject.neighbour_message(kind, src, h2.v6, h2.v6, options)
        cable.send(inject.datagram(places[0], places[1],
                                   encap(inject.IPV6, body[:cut]), grh=True))
        return src
    hardware = places[0].hardware
    before = neighbours(h2)
    for length in (0, 1, 2, 4, 31, 255):
        send(source_option(hardware, length))
    for size in range(0, 24, 8):
        send(source_option(hardware)[:size] if size else b"")
    for cut in range(1, 88, 3):
        send(source_option(hardware), cut)
    send(source_option(hardware, 3, 2), kind=136)
    good = send(source_option(hardware))
    wait(lambda: good in neighbours(h2), 5, "nothing is learned")
    assert set(neighbours(h2)) - set(before) == {good}
    run("ip", "-n", "h2", "neigh", "del", good, "dev", "ib0")


@pytest.mark.ours
def test_no_peer_has_us_join_a_group(cable, places, h2):
    """A sender names a group's address for his own, in ARP and in ND."""
    h1 = places[0].host
    mgid = "ff12:401b:ffff::f4d:203"
    hardware = b"\0\xff\xff\xff" + mgid_bytes(mgid)
    fakes = FAKE.format(251), "2001:db8::251"
    request = inject.arp(1, hardware, fakes[0], bytes(20), h2.v4)
    solicitation = inject.neighbour_message(135, fakes[1], h2.v6, h2.v6,
                                            source_option(hardware))
    try:
        with grows(h2.ethtool_stats, mcast_joins=0, tx_drop_no_group=2):
            for kind, body in ((inject.ARP, request),
                               (inject.IPV6, solicitation)):
                cable.send(inject.datagram(places[0], places[1],
                                           encap(kind, body), grh=True))
        assert mgid not in group_lids()
        # The same by a packet of our own to such a neighbour.
        with grows(h2.ethtool_stats, mcast_joins=0, tx_drop_no_group=1):
            h2.run("ping", "-c", 1, "-w", 1, fakes[0], check=False)
    finally:
        for fake in fakes:
            h2.status("ip", "neigh", "del", fake, "dev", "ib0")
    assert h2.ping(h1.v4) == 0


def test_a_thousand_false_senders_do_not_starve_the_true_one(cable, places,
                                                             h2):
    """Each has an address of its own, which leads nowhere."""
    h1 = places[0].host
    for number in range(1000):
        gid = places[0].gid[:8] + struct.pack("!Q", 0x5B00F000000000 + number)
        hardware = struct.pack("!I", 0x100000 + number) + gid
        request = inject.arp(1, hardware, FAKE.format(number % 200 + 50),
                             bytes(20), h2.v4)
        cable.send(inject.datagram(places[0], places[1],
                                   encap(inject.ARP, request)))
    assert h2.ping(h1.v4, 20, limit=20) == 0
    run("ip", "-n", "h2", "neigh", "flush", "dev", "ib0")
    h2.reach(h1)
