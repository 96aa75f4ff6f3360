# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Connected mode against peers who mean it ill, or nothing at all.

What is random comes from a seed. After each test hosts talk to each other as
before, over connections too, and those of the peer that is none are gone.
"""

import json
import random
import re

import pytest

from tests.vm import inject, lab
from tests.vm.cmwire import (CONSUMER, DREP, DREQ, FIELDS, Ghost, MRA,
                             Message, MIDDLE, NO_RESOURCES, REJ, REP, REQ, RTU,
                             STALE, UC, introduction, make, seen)
from tests.vm.connmode import (connect, connections, counted, forget, set_mode,
                               set_uc)
from tests.vm.ifwire import Capture, cable_of
from tests.vm.iftools import restore_v6
from tests.vm.inject import grows
from tests.vm.lab import run, scaled, wait

SEED = 0x4755
# As the driver has them.
RECV_MAX = 4096
SRQ = lab.read("/sys/module/sib/parameters/srq") == "Y"
OWN_MAX = int(lab.read("/sys/module/ib_ipoib/parameters/max_nonsrq_conn_qp")) \
    if lab.DRIVER == "ours" else 128


@pytest.fixture(scope="module", autouse=True)
def no_errors(all_hosts):
    """What goes to nobody is an error of a switch's port."""
    yield
    run("ibqueryerrors", "--clear-errors", check=False)


@pytest.fixture
def source():
    """Random numbers; the seed is in the report of a failure."""
    print("seed", SEED)
    return random.Random(SEED)


def is_well(h1, h4):
    """Two hosts are connected, or will be, and nothing is lost."""
    connect(h1, h4)
    for a, b in ((h1, h4), (h4, h1)):
        assert a.ping(b.v4, 10, 8000) == a.ping(b.v6, 10, 8000) == 0


def strangers(host, *known):
    """Connections to a host from others than these."""
    qpns = {f"0x{k.address()[1:4].hex()}" for k in known}
    return [c for c in connections(host, "receive") if c["qpn"] not in qpns]


def restart(host):
    """Down and up: all connections end."""
    host.ip("link", "set", "ib0", "down")
    host.ip("link", "set", "ib0", "up")
    restore_v6(host)
    wait(host.carrier, 20, f"{host} has no carrier")


@pytest.fixture
def pair(calm):
    """h1 and h4, connected; well afterwards, and without strangers."""
    h1, h4 = calm[0], calm[3]
    for host in (h1, h4):
        set_mode(host, "connected")
    forget(h1, h4)
    connect(h1, h4)
    yield h1, h4
    is_well(h1, h4)
    # REPs are sent so often as their REQs have said, and no longer.
    wait(lambda: not strangers(h4, *calm), 40, "strangers stay")


@pytest.fixture
def ghost(pair):
    """Speaks to h4's CM, and is nowhere."""
    with inject.to_hca(pair[1], "sw2") as cable:
        yield Ghost(cable, inject.Place.of(pair[1]))


# --- requests

def strange_private(source):
    """Private data: random, cut, or good but for a part."""
    data = source.choice((
        source.randbytes(92), source.randbytes(8), b"", b"\xff" * 92,
        introduction(source.getrandbits(24), source.getrandbits(32)),
        introduction(source.getrandbits(24), source.randrange(3000)),
        introduction(source.getrandbits(24), 65524, source.getrandbits(8))))
    return data, len(data) >= 8 and \
        int.from_bytes(data[4:8], "big") >= 1284


def test_random_private_data(pair, ghost, source):
    """Accepted or refused as it deserves; never left without a word."""
    for _ in range(scaled(150)):
        data, good = strange_private(source)
        _, answer = ghost.connect(private=data, cm_retries=1,
                                  local_timeout=12)
        assert answer and answer.kind == (REP if good else REJ), data.hex()
        assert good or answer["reason"] == CONSUMER
        assert answer.private[:8] == introduction(ghost.target.qpn)


HARMLESS = {"local_timeout": 12, "cm_retries": 1}


def test_requests_with_random_fields(pair, ghost, source):
    """One to three fields each; who answers slowly is not waited for."""
    names = [n for n in FIELDS[REQ] if n not in HARMLESS]
    for _ in range(scaled(600)):
        chosen = source.sample(names, source.randint(1, 3))
        strange = {n: source.getrandbits(FIELDS[REQ][n][2]) for n in chosen}
        ghost.send(ghost.request(**HARMLESS | strange)[1])
    assert len(connections(pair[1], "receive")) <= RECV_MAX


def test_requests_that_are_wholly_random(pair, ghost, source):
    for _ in range(scaled(600)):
        mad = bytearray(make(REQ, tid=source.getrandbits(64)))
        mad[24:] = source.randbytes(232)
        # Some for somebody.
        if source.random() < 0.5:
            mad[32:40] = (0x10 << 56 | ghost.target.qpn).to_bytes(8, "big")
            mad[96:112] = ghost.target.gid
        ghost.send(bytes(mad))
    # Some REPs are sent for hours: that is what those REQs ask for.
    assert len(connections(pair[1], "receive")) <= RECV_MAX
    restart(pair[1])


# --- messages at the wrong time

@pytest.mark.debug
def test_random_messages_with_the_ids_of_a_connection(pair, ghost, source):
    """The ids are right, as somebody might guess them; the rest is random."""
    live = ghost.established()
    mine, yours = live.fields["local_id"], live.rep["local_id"]
    for _ in range(scaled(600)):
        kind = source.choice((MRA, REJ, REP, RTU, DREQ, DREP))
        fields = {n: source.getrandbits(w)
                  for n, (_, _, w) in FIELDS[kind].items()}
        fields |= {"local_id": source.choice((mine, yours, 0)),
                   "remote_id": source.choice((mine, yours, 0))}
        ghost.send(make(kind, source.randbytes(232), **fields))
    live.end(1)


@pytest.fixture
def record(pair):
    """All that h1 and h4 say until they are connected, and when they end: as
    h4 has heard it, and as it has said it."""
    h1, h4 = pair
    with Capture(cable_of(h4)) as wire:
        for host in (h1, h4):
            set_mode(host, "datagram")
        wait(lambda: not connections(h1) and not connections(h4), 10,
             "they do not end")
        for host in (h1, h4):
            set_mode(host, "connected")
        connect(h1, h4)
        heard = [m.mad for m in seen(wire, sent=False)]
        said = [m.mad for m in seen(wire, sent=True)]
    assert {Message.of(m).kind for m in heard + said} >= \
        {REQ, REP, RTU, DREQ}
    return heard, said


def test_messages_again_and_in_any_order(pair, record, source):
    """To both, while they talk to each other."""
    h1, h4 = pair
    heard, said = record
    places = inject.Place.of(h1), inject.Place.of(h4)
    child = h1.popen("ping", "-q", "-i", "0.01", "-s", 3000, "-w",
                     int(120 * lab.SLOW), h4.v4)
    with inject.to_hca(h4, "sw2") as to4, inject.to_hca(h1, "sw1") as to1:
        for _ in range(scaled(60)):
            source.shuffle(heard)
            source.shuffle(said)
            for a, b in zip(heard, said):
                to4.send(inject.gmp_packet(places[1].lid, places[0].lid, a))
                to1.send(inject.gmp_packet(places[0].lid, places[1].lid, b))
    wait(lambda: h1.ping(h4.v4, 3, 8000, limit=2) == 0, 20,
         "it does not recover")
    out = lab.stop(child)
    assert int(re.search(r"(\d+) received", out)[1]) > 0, out


@pytest.fixture
def known(pair):
    """A function that makes a message with all ids of h1's connection to h4,
    and the cable that it goes to h1 on."""
    h1, h4 = pair
    for host in (h1, h4):
        set_mode(host, "datagram")
    wait(lambda: not connections(h1) and not connections(h4), 10,
         "they do not end")
    with Capture(cable_of(h4)) as wire:
        for host in (h1, h4):
            set_mode(host, "connected")
        connect(h1, h4)
        request = seen(wire, REQ, False)[-1]
        answer = [a for a in seen(wire, REP, True)
                  if a["remote_id"] == request["local_id"]][0]
    with inject.to_hca(h1, "sw1") as cable:
        def send(kind, **fields):
            cable.send(inject.gmp_packet(
                lab.lid(h1.hca), lab.lid(h4.hca),
                make(kind, introduction(1), local_id=answer["local_id"],
                     remote_id=request["local_id"], **fields)))
        yield send, request, answer


@pytest.mark.parametrize("kind", (DREQ, REJ), ids=("DREQ", "REJ"))
def test_a_forged_end_is_a_new_beginning(pair, known, kind):
    """Who knows all ids can end a connection; a packet makes another."""
    h1, h4 = pair
    send, request, _ = known
    before = counted(h1, "conn_opened")[0]
    with grows(h1.ethtool_stats, conn_failures=1):
        if kind == DREQ:
            send(DREQ, qpn=request["qpn"])
        else:
            # As if our RTU, which is the answer to a REP, came too late.
            send(REJ, reason=STALE, rejected=1)
    h1.run("ping", "-c", 20, "-i", 0.02, "-W", 1, "-s", 3000, h4.v4)
    wait(lambda: not h1.ping(h4.v4, limit=1) and
         counted(h1, "conn_opened")[0] > before, 5, "no new connection")
    # It is back so soon that nobody is told of a smaller MTU.
    assert " mtu " not in h1.ip("route", "get", h4.v4)


def test_what_is_forged_too_late_or_wrong_ends_nothing(pair, known):
    """Refusals of the REQ that is answered; the end of another QP; answers
    once more."""
    h1, h4 = pair
    send, request, answer = known
    with grows(h1.ethtool_stats, conn_failures=0, conn_opened=0,
               tx_drop_conn_lost=0):
        send(DREQ, qpn=request["qpn"] ^ 1)
        for reason in (NO_RESOURCES, STALE, CONSUMER):
            send(REJ, reason=reason, rejected=0)
        send(REP, qpn=answer["qpn"], psn=answer["psn"])
        send(REP, qpn=answer["qpn"] ^ 1, psn=answer["psn"])
        send(DREP)
        send(RTU)
        assert h1.ping(h4.v4, 20, 3000) == 0


# --- messages on a connection

NONSENSE = {
    "no octet": (b"", "rx_drop_runt"), "one": (b"\x08", "rx_drop_runt"),
    "three": (b"\x08\0\0", "rx_drop_runt"),
    "a header alone": (b"\x08\0\0\0", "rx_drop_runt"),
    "a type of the kernel's own": (b"\0\4\0\0" + bytes(60), "rx_drop_type"),
    "the same, large": (b"\0\4\0\0" + bytes(9000), "rx_drop_type"),
}


@pytest.mark.parametrize("uc", (False, True), ids=("RC", "UC"))
def test_a_message_that_is_no_packet_is_counted(pair, ghost, uc):
    h4 = pair[1]
    set_uc(h4, uc)
    live = ghost.established(**{"transport": UC} if uc else {})
    for data, counter in NONSENSE.values():
        with grows(h4.ethtool_stats, **{counter: 5}):
            for _ in range(5):
                live.send(data)
    # It is used on.
    with inject.receiver(h4, 7072) as sink:
        live.send_udp("198.51.100.99", h4.v4, 7072, b"good")
        assert sink.recv(100) == b"good"
    assert live.end()


def test_random_messages_on_a_connection(pair, ghost, source):
    live = ghost.established()
    for _ in range(scaled(500)):
        kind = source.choice((0x0800, 0x86dd, 0x0806, source.getrandbits(16)))
        size = source.choice((0, 1, 20, 40, 300, 5000, 60000))
        live.send(inject.encap(kind, source.randbytes(source.randint(0, size)),
                               source.getrandbits(16)))
    with inject.receiver(pair[1], 7073) as sink:
        live.send_udp("198.51.100.99", pair[1].v4, 7073, b"good")
        assert sink.recv(100) == b"good"
    assert live.end()


def test_a_message_beyond_the_buffer_ends_the_connection(pair, ghost):
    """The HCA refuses it; nobody else notices."""
    h4 = pair[1]
    live = ghost.established()
    live.send(b"\x08\0\0\0" + bytes(70000))
    wait(lambda: not strangers(h4, *pair), 10, "it goes on")


def test_the_middle_of_a_message_without_its_beginning(pair, ghost):
    """The QP takes nothing more; its peer is told, and has to make another."""
    h4 = pair[1]
    live = ghost.established()
    with grows(h4.hca_counters, rx_bad_request=1):
        live.send_part(MIDDLE, bytes(2048))
    wait(lambda: not strangers(h4, *pair), 10, "it stays")
    with grows(h4.ethtool_stats, conn_rx_packets=0):
        live.send_udp("198.51.100.99", h4.v4, 7074, b"good")


# --- very many

def available():
    """Memory that the guest could have, MiB."""
    return int(re.search(r"MemAvailable:\s+(\d+)",
                         lab.read("/proc/meminfo"))[1]) // 1024


def flood(ghost, count, **fields):
    """So many REQs, each of another peer, as fast as they can be sent."""
    for number in range(count):
        ghost.send(ghost.request(private=introduction(0x800000 + number),
                                 **fields)[1])


def settled(value):
    """A value that has stayed the same for a while."""
    found = [None]

    def same():
        found.append(value())
        return found[-4:] == found[-1:] * 4
    wait(same, 120, "it goes on")
    return found[-1]


@pytest.mark.debug
def test_a_flood_of_requests_passes(pair, ghost):
    """Of peers that say nothing more: what they were given they lose."""
    h1, h4 = pair
    before = available()
    child = h1.popen("ping", "-q", "-i", "0.05", "-s", 1400, "-w",
                     int(300 * lab.SLOW), h4.v4)
    try:
        start = counted(h4, "conn_accepted", "conn_refused")
        flood(ghost, scaled(2000), local_timeout=14, cm_retries=1)
        now = settled(lambda: counted(h4, "conn_accepted", "conn_refused"))
        assert now[0] > start[0]
        wait(lambda: not strangers(h4, *pair), 60, "strangers stay")
    finally:
        out = lab.stop(child)
    print(start, now, out)
    assert int(re.search(r"(\d+) received", out)[1]) > 0, out
    wait(lambda: available() > before - 64, 20, "memory is gone")


def test_a_flood_of_one_peer_has_one_place(pair, ghost):
    """Each of his takes the place of the one before."""
    h4 = pair[1]
    for _ in range(10):
        for _ in range(scaled(100)):
            ghost.send(ghost.request(local_timeout=14, cm_retries=1)[1])
        assert len(strangers(h4, *pair)) <= 1
    settled(lambda: counted(h4, "conn_accepted", "conn_refused"))
    assert len(strangers(h4, *pair)) <= 1


@pytest.fixture
def patient(pair, ghost):
    """Whose REPs are to be repeated for hours; h4's interface ends them."""
    yield {"local_timeout": 30, "cm_retries": 15}
    restart(pair[1])


def is_full(h1, h4, ghost, bound, **fields):
    """At the bound: others are refused, and are served with datagrams."""
    flood(ghost, bound + 200, **fields)
    wait(lambda: counted(h4, "conn_refused")[0] > 0, 60, "nobody is refused")
    settled(lambda: counted(h4, "conn_accepted", "conn_refused"))
    while len(connections(h4, "receive")) < bound:
        # Some of a flood are lost before the CM has seen them.
        before = counted(h4, "conn_accepted")
        flood(ghost, 20, **fields)
        wait(lambda b=before: counted(h4, "conn_accepted") != b, 10,
             "it is not full, and takes no more")
    assert len(connections(h4, "receive")) == bound
    _, answer = ghost.connect(**fields)
    assert (answer.kind, answer["reason"]) == (REJ, NO_RESOURCES)
    assert answer.private[:8] == introduction(ghost.target.qpn)
    assert h1.ping(h4.v4, 10, 1400) == h4.ping(h1.v6, 10, 1400) == 0


def test_unreliable_connections_are_bounded(pair, ghost, patient):
    """Each has buffers of its own, 2 MiB."""
    h1, h4 = pair
    set_uc(h4, True)
    before = available()
    flood(ghost, 2 * OWN_MAX, transport=UC, **patient)
    wait(lambda: counted(h4, "conn_refused")[0] > 0, 60, "nobody is refused")
    settled(lambda: counted(h4, "conn_accepted", "conn_refused"))
    own = [c for c in strangers(h4, *pair) if c["transport"] == "UC"]
    assert 0 < len(own) <= OWN_MAX
    assert available() > before - OWN_MAX * 2 - 128
    assert h1.ping(h4.v4, 10, 1400) == 0


@pytest.mark.long
def test_reliable_connections_are_bounded(pair, ghost, patient):
    h1, h4 = pair
    before = available()
    bound = RECV_MAX if SRQ else OWN_MAX
    is_full(h1, h4, ghost, bound, **patient)
    assert available() > before - 512
    restart(h4)
    assert not strangers(h4, *pair)
    wait(lambda: available() > before - 64, 60, "memory is gone")


def objects(host):
    """Verbs objects of a host's HCA."""
    found = json.loads(run("rdma", "-j", "resource", "show", host.hca))[0]
    return {k: found[k] for k in ("qp", "cq", "pd", "srq", "cm_id")
            if k in found}


def test_nothing_stays_of_those_who_were_refused(calm):
    """Neither QPs nor queues, with nobody connected."""
    h4 = calm[3]
    wait(lambda: not connections(h4), 10, "h4 is connected")
    idle = objects(h4)
    with inject.to_hca(h4, "sw2") as cable:
        ghost = Ghost(cable, inject.Place.of(h4))
        for number in range(scaled(300)):
            ghost.send(ghost.request(private=introduction(number, 4))[1])
            ghost.send(ghost.request(transport=UC)[1])
        _, answer = ghost.connect(private=b"")
        assert answer.kind == REJ
        wait(lambda: objects(h4) == idle, 5, "something stays")
        live = ghost.established()
        assert objects(h4) != idle
        assert live.end()
        wait(lambda: objects(h4) == idle, 5, "something stays")
