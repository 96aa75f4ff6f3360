# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Checksums: a cable that has them drops what they do not fit.

Cables inside one kernel do without, unless sib's parameter crc says otherwise
when they train. So h2's cable is trained again; to have it so everywhere, run
any test with lab/run --sib "crc=1".
"""

import pytest

from tests.vm import inject, lab
from tests.vm.inject import grows
from tests.vm.lab import run, wait

CRC = "/sys/module/sib/parameters/crc"
BOTH = {"flags": inject.ICRC | inject.VCRC}


def retrain(host):
    """Take a cable down and up."""
    for way in ("down", "up"):
        run("ip", "link", "set", "h2-sw1", way)
    wait(lambda: "ACTIVE" in lab.read(
        "/sys/class/infiniband/sib2/ports/1/state"), 20, "no active port")
    wait(host.carrier, 20, "no carrier")


@pytest.fixture(scope="module", autouse=True)
def checked(all_hosts):
    """h2's cable has checksums."""
    before = lab.read(CRC)
    lab.write(CRC, "Y")
    try:
        retrain(all_hosts[1])
        all_hosts[0].reach(all_hosts[1], 20)
        yield
    finally:
        lab.write(CRC, before)
        retrain(all_hosts[1])
    for host in all_hosts[1:]:
        all_hosts[0].reach(host, 20)
    run("ibqueryerrors", "--clear-errors", check=False)


@pytest.fixture(scope="module")
def places(all_hosts):
    return [inject.Place.of(h) for h in all_hosts]


@pytest.fixture
def cable(all_hosts):
    with inject.to_hca(all_hosts[1], "sw1") as cable:
        yield cable


def counters():
    pma = inject.pma_counters("sib2")
    return inject.hca_counters("sib2") | {k.upper(): v for k, v in pma.items()}


def message(places, text=b"checked", **options):
    packet = inject.udp(places[0].host.v4, places[1].host.v4, 5599, text)
    return inject.datagram(places[0], places[1],
                           inject.encap(inject.IPV4, packet), **options)


def test_every_packet_of_a_checked_cable_has_both_sums_right(cable, places):
    """Ours is the judge: zlib's CRC-32, and a VCRC bit by bit."""
    h2 = places[1].host
    seen = 0
    with cable.listen() as tap:
        h2.ping(places[0].host.v4, 5)
        h2.ping(places[2].host.v6, 5)
        h2.ping(places[0].host.v4, 1, 1900)
        run("smpquery", "-C", "sib1", "nodeinfo", places[1].lid)
        run("perfquery", "-C", "sib1", places[1].lid, 1)
        for frame in cable.frames(tap, 1):
            if frame.kind == inject.PACKET:
                assert frame.raw[15] & 3 == BOTH["flags"]
                # The switches that it has passed.
                assert frame.raw[15] >> 2 <= 2
                packet = frame.packet[:-2]
                assert packet == inject.with_icrc(packet)
                assert frame.packet == inject.with_vcrc(packet)
                seen += 1
    assert seen > 20


@pytest.mark.parametrize("grh", (False, True))
def test_right_sums_are_taken(cable, places, grh):
    with inject.receiver(places[1].host, 5599) as sock:
        packet = inject.with_icrc(message(places, grh=grh))
        cable.send(inject.with_vcrc(packet), **BOTH)
        assert sock.recv(2048) == b"checked"


def bits_of(packet):
    """The packet with one bit flipped, somewhere different each time."""
    for at in range(8, len(packet), 7):
        wrong = bytearray(packet)
        wrong[at] ^= 1 << at % 8
        yield bytes(wrong)


def test_a_wrong_icrc_is_dropped_and_counted(cable, places):
    packet = inject.with_icrc(message(places))
    last = packet[:-1] + bytes([packet[-1] ^ 0x80])
    with grows(counters, rx_bad_icrc=5):
        cable.send(inject.with_vcrc(last), 5, **BOTH)


def test_what_the_icrc_does_not_cover_may_change_on_the_way(cable, places):
    """Virtual lane and congestion octet; with a GRH the whole LRH, too."""
    with inject.receiver(places[1].host, 5599) as sock:
        for grh in (False, True):
            packet = bytearray(inject.with_icrc(message(places, grh=grh)))
            packet[0] |= 0x30
            packet[52 if grh else 12] = 0xC0
            if grh:
                packet[1] |= 0x50
                packet[9:12] = b"\x5a\xa5\x5a"
                packet[15] = 3
            cable.send(inject.with_vcrc(bytes(packet)), **BOTH)
            assert sock.recv(2048) == b"checked"


def test_a_wrong_vcrc_is_dropped_and_counted(cable, places):
    """As is any single bit that changed between the ends of the cable."""
    frame = inject.with_vcrc(inject.with_icrc(message(places)))
    wrong = list(bits_of(frame))
    with grows(counters, rx_bad_vcrc=len(wrong), SYMBOL_ERROR=len(wrong)):
        for packet in wrong:
            cable.send(packet, **BOTH)


def test_missing_sums_are_not_accepted(cable, places):
    packet = message(places)
    with grows(counters, rx_bad_vcrc=2, rx_bad_icrc=2):
        cable.send(packet, 2)
        cable.send(inject.with_vcrc(packet), 2, flags=inject.VCRC)


def test_a_switch_checks_the_vcrc_and_what_is_for_itself(all_hosts, places):
    lid = int(run("ibswitches").split('"sw1"')[1].split("lid ")[1].split()[0])
    mad = bytes([1, 4, 1, 1]) + bytes(252)
    packet = inject.gmp_packet(lid, places[1].lid, mad)
    with inject.to_switch(all_hosts[1], "sw1") as uplink, \
            grows(lambda: lab.switch_stats("sw1"), rx_bad_vcrc=3,
                  rx_bad_icrc=3):
        uplink.send(inject.with_icrc(packet) + b"\0\0", 3, **BOTH)
        uplink.send(inject.with_vcrc(packet[:-4] + b"\1\2\3\4"), 3, **BOTH)


def test_traffic_is_not_lost_on_a_checked_cable(places):
    h2 = places[1].host
    before = inject.hca_counters("sib2")
    assert h2.ping(places[2].host.v4, lab.scaled(1000), 8192, limit=120) == 0
    now = inject.hca_counters("sib2")
    for counter in ("rx_bad_icrc", "rx_bad_vcrc", "rx_no_memory"):
        assert now[counter] == before[counter]
