# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A hundred thousand mutants of real frames, from a fixed seed.

Half of them go to h2's HCA, half to the switch port where h2 is. Every one is
counted, nothing crashes, and the network works afterwards.
"""

import random

import pytest

from tests.vm import inject, lab
from tests.vm.lab import run, wait

SEED = 0x51B5EED
FRAMES = 100_000


@pytest.fixture(scope="module", autouse=True)
def survives(all_hosts, opensm):
    """Whatever was learned wrongly is unlearned by itself."""
    yield
    for a in all_hosts:
        for b in all_hosts:
            if a is not b:
                a.reach(b, 60)
    mark = opensm.size()
    opensm.sweep()
    assert opensm.errors(mark) == []
    out = run("ibnetdiscover")
    assert out.count("Switch\t") == 2 and out.count("Ca\t") == 4
    assert run("iblinkinfo").count("LinkUp") == 10
    run("ibqueryerrors", "--clear-errors", check=False)


def sniff(hosts, cable):
    """Real packets in one direction of a cable, each kind once or twice."""
    with cable.listen() as tap:
        inject.assortment(hosts)
        found = {}
        for frame in cable.frames(tap, 1):
            if frame.outgoing and frame.kind == inject.PACKET:
                key = frame.packet[8:9] + frame.packet[28:34] + \
                    bytes([len(frame.packet) & 255])
                found.setdefault(key, frame.raw)
    assert len(found) >= 8, found
    return list(found.values())


def is_order(frame):
    """Would it change tables of an SMA or of the SA, and rightly so?

    Who gives such orders is an SM or a host, no matter how it came to it.
    """
    mad = 22 + (68 if len(frame) > 23 and frame[23] & 3 == 3 else 28)
    if len(frame) < mad + 4:
        return False
    klass, method = frame[mad + 1], frame[mad + 3]
    return klass in (1, 3, 0x81) and method in (2, 0x15)


def flip(source, frame, others):
    """Some bits, anywhere behind the Ethernet header."""
    for _ in range(source.randint(1, 6)):
        frame[source.randrange(14, len(frame))] ^= 1 << source.getrandbits(3)


def flip_headers(source, frame, others):
    """Some bits of the headers, where they matter most."""
    top = min(len(frame), 90)
    for _ in range(source.randint(1, 3)):
        frame[source.randrange(22, top)] ^= 1 << source.getrandbits(3)


def extremes(source, frame, others):
    """Octets that are all ones or all zeros."""
    for _ in range(source.randint(1, 4)):
        frame[source.randrange(14, len(frame))] = source.choice((0, 255))


def truncate(source, frame, others):
    """An end that is missing; the shim knows of it every other time."""
    del frame[source.randint(14, len(frame)):]
    if len(frame) >= 22 and source.getrandbits(1):
        frame[16:18] = (len(frame) - 22).to_bytes(2, "big")


def splice(source, frame, others):
    """The head of one packet and the tail of another."""
    other = source.choice(others)
    cut = source.randint(22, min(len(frame), len(other)))
    frame[cut:] = other[cut:]
    if source.getrandbits(1):
        frame[16:18] = (len(frame) - 22).to_bytes(2, "big")


def copy_field(source, frame, others):
    """A field of another packet, at the same place."""
    other = source.choice(others)
    at = source.randrange(22, min(len(frame), len(other)))
    size = source.choice((1, 2, 3, 4, 8, 16))
    piece = other[at:at + size][:len(frame) - at]
    frame[at:at + len(piece)] = piece


WAYS = (flip, flip, flip_headers, extremes, truncate, splice, copy_field)


def mutants(source, corpus, count):
    """So many mutants of a corpus."""
    while count:
        frame = bytearray(source.choice(corpus))
        source.choice(WAYS)(source, frame, corpus)
        if source.getrandbits(2) == 0 and len(frame) > 30:
            source.choice(WAYS)(source, frame, corpus)
        if len(frame) >= 14 and not is_order(frame):
            count -= 1
            yield bytes(frame)


# What a port counts before it takes a packet in; the rest it counts as
# received.
AT_THE_DOOR = ("rx_bad_frame", "rx_stray", "rx_bad_link_message",
               "rx_bad_vcrc", "rx_bad_icrc", "rx_runt", "rx_bad_length",
               "rx_bad_version", "rx_raw", "rx_no_memory")


def arrivals(device):
    """What has come to one end of a cable."""
    base = f"/sys/class/net/{device}/statistics"
    return int(lab.read(f"{base}/rx_packets"))


def test_mutants_to_an_hca(all_hosts):
    def seen():
        private = inject.hca_counters("sib2")
        return sum(private[k] for k in AT_THE_DOOR) + \
            inject.pma_counters("sib2")["port_rcv_packets"]
    with inject.to_hca(all_hosts[1], "sw1") as cable:
        shoot(all_hosts, cable, seen, SEED)


def test_mutants_to_a_switch(all_hosts):
    lid = int(run("ibswitches").split('"sw1"')[1].split("lid ")[1].split()[0])

    def seen():
        stats = lab.switch_stats("sw1")
        out = run("perfquery", "-C", "sib1", "-x", lid, 2)
        packets = out.split("PortRcvPkts:")[1].split()[0].strip(".")
        return sum(stats[k] for k in AT_THE_DOOR) + int(packets)
    with inject.to_switch(all_hosts[1], "sw1") as cable:
        shoot(all_hosts, cable, seen, SEED + 1)


def shoot(hosts, cable, seen, seed):
    """Half of the mutants, and nobody may be missing."""
    print("seed", seed)
    corpus = sniff(hosts, cable)
    cable.learn()
    session = cable.session.to_bytes(4, "big")
    assert all(f[18:22] == session for f in corpus)
    count = lab.scaled(FRAMES // 2)
    before, arrived = seen(), arrivals(cable.far)
    for frame in mutants(random.Random(seed), corpus, count):
        cable.socket.send(frame)
    assert arrivals(cable.far) - arrived >= count, "the cable lost some"
    wait(lambda: seen() - before >= count, 10, "some are not counted")
    hosts[0].reach(hosts[1], 60)
