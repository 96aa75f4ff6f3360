# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Cables with room for more than a packet carry connections in bundles."""

import pytest

from tests.vm import inject, lab, verbtest
from tests.vm.inject import grows
from tests.vm.lab import run, scaled
from tests.vm.verbtest import is_whole

BUNDLE = 2
WIDE, NARROW = 40000, 4230
CABLES = ("h1-sw1", "sw1-h1"), ("sw1-sw2.0", "sw2-sw1.0"), \
    ("sw2-h4", "h4-sw2")


@pytest.fixture(scope="module", autouse=True)
def consumer(all_hosts):
    verbtest.load()
    yield
    verbtest.unload()


@pytest.fixture
def pool(hosts):
    """Endpoints; what is left of them is closed at the end."""
    pool = verbtest.Pool()
    yield pool
    pool.close()


def set_mtu(cable, mtu):
    for end in cable:
        run("ip", "link", "set", end, "mtu", mtu)


@pytest.fixture
def wide():
    """All cables from h1 to h4 have room."""
    for cable in CABLES:
        set_mtu(cable, WIDE)
    yield
    for cable in CABLES:
        set_mtu(cable, NARROW)


def frames(dev):
    return int(lab.read(f"/sys/class/net/{dev}/statistics/tx_packets"))


def packets(host):
    return inject.pma_counters(host.hca)["port_rcv_packets"]


def carry(pool, h1, h4, count, **options):
    """Packets that h4 got for a stream, frames on each cable to it."""
    a, b = pool.pair(h1, h4, **options)
    before = packets(h4), [frames(cable[0]) for cable in CABLES]
    result = a.stream(b, count=count, whole=1)
    assert is_whole(result, count)
    return packets(h4) - before[0], \
        [frames(c[0]) - n for c, n in zip(CABLES, before[1])]


@pytest.mark.debug
@pytest.mark.parametrize("kind", ("rc", "uc"))
def test_a_long_message_is_few_frames_on_every_cable(h1, h4, pool, wide,
                                                     kind):
    count = scaled(100)
    # 64 KiB and a little: seventeen packets.
    got, on = carry(pool, h1, h4, count, type=kind, size=65540, depth=16)
    assert got >= 17 * count
    assert all(n < got / 4 for n in on), f"{got} packets in {on} frames"


@pytest.mark.debug
def test_a_narrow_cable_gets_packet_by_packet(h1, h4, pool, wide):
    set_mtu(CABLES[1], NARROW)
    count = scaled(100)
    got, on = carry(pool, h1, h4, count, size=65540, depth=16)
    assert on[0] < got / 4
    # Only the short last one of a message may have company.
    assert all(n >= got * 16 // 17 for n in on[1:])


@pytest.mark.parametrize("end", (0, 1))
def test_the_narrower_end_of_a_cable_counts(h1, h4, pool, end):
    """A veth drops what is too long for its peer and says nothing."""
    for cable in CABLES:
        run("ip", "link", "set", cable[end], "mtu", WIDE)
    try:
        count = scaled(50)
        got, on = carry(pool, h1, h4, count, size=65540, depth=16)
        assert all(n >= got * 16 // 17 for n in on)
        for cable in CABLES:
            run("ip", "link", "set", cable[1 - end], "mtu", WIDE)
        got, on = carry(pool, h1, h4, count, size=65540, depth=16)
        assert all(n < got / 4 for n in on), f"{got} packets in {on} frames"
    finally:
        for cable in CABLES:
            set_mtu(cable, NARROW)


def test_usual_cables_have_room_for_one_full_packet(h1, h4, pool):
    got, on = carry(pool, h1, h4, scaled(50), size=65540, depth=16)
    # Only the short last one of a message may have company.
    assert all(n >= got * 16 // 17 for n in on)


def test_short_messages_share_a_frame(h1, h4, pool, wide):
    a, b = pool.pair(h1, h4, srq=1)
    b.recv(20)
    a.send()
    assert a.statuses() == [0]
    before = frames(CABLES[0][0])
    # Those that are posted while there is no token or credit go together.
    result = a.stream(b, count=2000, min=8, max=64)
    assert is_whole(result, 2000)
    assert frames(CABLES[0][0]) - before < 2000


@pytest.mark.debug
def test_lost_bundles_come_again(h1, h4, pool, wide):
    for dev in ("sw1-sw2.0", "sw2-sw1.0"):
        run("tc", "qdisc", "add", "dev", dev, "root", "netem", "loss", "3%",
            "duplicate", "3%")
    try:
        count = scaled(100)
        a, b = pool.pair(h1, h4, connect={"timeout": 8})
        result = a.stream(b, count=count, min=1, both=1)
        assert is_whole(result, count) and is_whole(result, count, "a")
    finally:
        for dev in ("sw1-sw2.0", "sw2-sw1.0"):
            run("tc", "qdisc", "del", "dev", dev, "root")


def test_an_hca_sends_bundles_to_itself(h1, pool, wide):
    a, b = pool.pair(h1, h1)
    assert is_whole(a.stream(b, count=scaled(100), min=1), scaled(100))


# Frames that nobody should send.

@pytest.fixture
def cable(h2):
    with inject.to_hca(h2, "sw1") as cable:
        yield cable


def datagrams(h2, *dlids, **options):
    return b"".join(inject.ud(dlid, lab.lid(h2.hca) + 1, 0x40, b"x" * 8,
                              **options) for dlid in dlids)


STRANGE = {
    "to two": lambda lid: ((lid, lid + 1), {}),
    "to a group": lambda lid: ((0xC001, 0xC001), {}),
    "on the lane of management": lambda lid: ((lid, lid), {"vl": 15}),
    "of none": lambda lid: ((), {}),
}


@pytest.mark.parametrize("what", STRANGE)
def test_what_is_no_bundle_is_counted(h2, cable, what):
    dlids, options = STRANGE[what](lab.lid(h2.hca))
    with grows(h2.hca_counters, rx_bad_frame=1):
        cable.send(datagrams(h2, *dlids, **options), kind=BUNDLE,
                   session=cable.session)


def test_a_bundle_that_is_cut_is_counted(h2, cable):
    lid = lab.lid(h2.hca)
    with grows(h2.hca_counters, rx_bad_frame=1):
        cable.send(datagrams(h2, lid, lid)[:-4], kind=BUNDLE,
                   session=cable.session)


def test_a_bundle_of_another_session_is_counted(h2, cable):
    lid = lab.lid(h2.hca)
    with grows(h2.hca_counters, rx_stray=1):
        cable.send(datagrams(h2, lid, lid), kind=BUNDLE,
                   session=cable.session ^ 1)


def test_each_packet_of_a_bundle_is_looked_at(h2, cable):
    lid = lab.lid(h2.hca)
    qpn = int.from_bytes(h2.address()[1:4], "big")
    with grows(h2.hca_counters, rx_no_qp=2, rx_bad_qkey=1):
        cable.send(datagrams(h2, lid, lid) +
                   inject.ud(lid, lid + 1, qpn, b"x" * 8, qkey=0x1234),
                   kind=BUNDLE, session=cable.session)
