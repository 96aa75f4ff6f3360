# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Management packets and link messages that make no sense, and LIDs that loop.

They come in on h2's cable, as if h2 had sent them to sw1, or sw1 to h2.
"""

import contextlib
import itertools
import random
import re
import struct

import pytest

from tests.vm import inject, lab
from tests.vm.inject import grows
from tests.vm.lab import run, scaled, wait

SEED = 20240229
GET, SET, TRAP, REPRESS, GET_RESP = 1, 2, 5, 7, 0x81
NODE_INFO, SWITCH_INFO, PORT_INFO, PKEYS = 0x11, 0x12, 0x15, 0x16
SL2VL, VLARB, LFT, MFT = 0x17, 0x18, 0x19, 0x1B
DR = 0x81


@pytest.fixture(scope="module", autouse=True)
def healed(all_hosts, opensm):
    """OpenSM, started again, makes of it what it was."""
    before = len(run("ibnetdiscover").splitlines())
    yield
    opensm.stop()
    opensm.start()
    for a in all_hosts:
        for b in all_hosts:
            if a is not b:
                a.reach(b, 30)
    assert len(run("ibnetdiscover").splitlines()) == before
    assert len(re.findall(r"Active/\s+LinkUp", run("iblinkinfo"))) == 10
    run("ibqueryerrors", "--clear-errors", check=False)


@pytest.fixture(scope="module")
def places(all_hosts):
    all_hosts[0].reach(all_hosts[1])
    return [inject.Place.of(h) for h in all_hosts]


@pytest.fixture
def cable(all_hosts):
    """Towards the HCA of h2."""
    with inject.to_hca(all_hosts[1], "sw1") as cable:
        yield cable


@pytest.fixture
def uplink(all_hosts):
    """Towards the port of sw1 where h2 is."""
    with inject.to_switch(all_hosts[1], "sw1") as cable:
        yield cable


def switch_lid(name="sw1"):
    return int(re.search(rf'"{name}" .*? lid (\d+) ', run("ibswitches"))[1])


def node_info(uplink, **options):
    """Ask sw1 for its NodeInfo; the SMP that comes back, or None."""
    mad = inject.smp(GET, NODE_INFO, klass=DR, hop_ptr=1, hop_cnt=1,
                     path=b"\0\1", tid=random.getrandbits(60), **options)
    frame = uplink.ask(inject.smp_packet(0xFFFF, 0xFFFF, mad),
                       lambda f: f.payload[8:16] == mad[8:16])
    return frame and frame.payload


# --- random management datagrams

def randoms(seed):
    """A generator of our own, whose seed is in the report of a failure."""
    print("seed", seed)
    return random.Random(seed)


def is_order(mad):
    """Would an SMP change something, and rightly so?"""
    return mad[1] in (1, DR) and mad[3] == SET


def random_mads(source, count, classes):
    """MADs with random bodies, all sorts of classes and methods."""
    for _ in range(count):
        mad = bytearray(source.randbytes(256))
        if source.random() < 0.75:
            mad[:4] = (1, source.choice(classes), 1,
                       source.choice((GET, TRAP, REPRESS, GET_RESP, 3, 0x15,
                                      0, 0x92, 0xFF)))
        if not is_order(mad):
            yield bytes(mad)


@pytest.mark.debug
def test_random_smps_do_no_harm(cable, uplink, places):
    source = randoms(SEED)
    for way, lid in ((cable, places[1].lid), (uplink, switch_lid())):
        for mad in random_mads(source, scaled(1000), (1, DR)):
            dlid = source.choice((lid, 0xFFFF))
            slid = source.choice((places[0].lid, 0xFFFF, 0, 0xC000))
            way.send(inject.smp_packet(dlid, slid, mad))
    assert node_info(uplink)
    assert places[1].host.ping(places[0].host.v4) == 0


def test_random_gmps_do_no_harm(cable, places):
    source = randoms(SEED + 1)
    with grows(lambda: inject.hca_counters("sib2"), rx_bad_lane=1):
        for mad in random_mads(source, scaled(1000),
                               (3, 4, 6, 7, 8, 9, 0x0A, 0x32, 0x81)):
            cable.send(inject.gmp_packet(places[1].lid, places[0].lid, mad))
        cable.send(inject.gmp_packet(places[1].lid, places[0].lid, bytes(256),
                                     vl=15))
    assert re.search(r"PortXmitPkts", run("perfquery", "-C", "sib1",
                                          places[1].lid, 1))


GMPS = {
    "random": {"mad": bytes(range(256))},
    "class SubnAdm": {"mad": bytes([1, 3, 2, GET]) + bytes(252)},
    "class Perf, a response": {"mad": bytes([1, 4, 1, GET_RESP]) + bytes(252)},
    "255 octets": {"mad": bytes([1, 4, 1, GET]) + bytes(251)},
    "260 octets": {"mad": bytes([1, 4, 1, GET]) + bytes(256)},
    "another Q_Key": {"mad": bytes([1, 4, 1, GET]) + bytes(252), "qkey": 1},
}


@pytest.mark.parametrize("what", GMPS)
def test_a_gmp_that_a_switch_does_not_answer_is_counted(uplink, places, what):
    options = dict(GMPS[what])
    mad = options.pop("mad")
    with grows(lambda: lab.switch_stats("sw1"), gmp_discarded=3):
        uplink.send(inject.gmp_packet(switch_lid(), places[1].lid, mad,
                                      **options), 3)


# --- answers that would go astray

ASTRAY = {"a group": 0xC000, "the last group": 0xFFFE, "LID 0": 0,
          "the permissive LID": 0xFFFF}
COUNTERS_OF_ALL = bytes([1, 4, 1, GET]) + bytes(12) + b"\0\1" + bytes(238)


@pytest.fixture
def members(all_hosts):
    """A function: which groups have been sent MADs by the switch?

    h1 is in the broadcast group, whose LID is 0xC000.
    """
    with inject.to_hca(all_hosts[0], "sw1") as cable, cable.listen() as tap:
        def groups():
            heard = {f.packet[2:4] for f in cable.frames(tap, 0.2)
                     if f.outgoing and f.kind == inject.PACKET and
                     len(f.payload) == 256 and f.packet[2] >= 0xC0}
            return heard - {b"\xff\xff"}
        yield groups


@pytest.mark.parametrize("source", ASTRAY)
def test_a_switch_answers_to_no_group(uplink, places, members, source):
    slid = ASTRAY[source]
    with grows(lambda: lab.switch_stats("sw1"), smp_discarded=3,
               gmp_discarded=3):
        uplink.send(inject.smp_packet(switch_lid(), slid,
                                      inject.smp(GET, NODE_INFO)), 3)
        uplink.send(inject.gmp_packet(switch_lid(), slid, COUNTERS_OF_ALL), 3)
    assert run_get(uplink, switch_lid(), NODE_INFO)
    assert not members()


@pytest.mark.parametrize("source", ("a group", "the last group", "LID 0"))
def test_an_hca_hears_nobody_that_cannot_be_answered(cable, places, members,
                                                     source):
    slid = ASTRAY[source]
    with grows(lambda: inject.hca_counters("sib2"), rx_bad_slid=6):
        cable.send(inject.smp_packet(places[1].lid, slid,
                                     inject.smp(GET, NODE_INFO)), 3)
        cable.send(inject.gmp_packet(places[1].lid, slid, COUNTERS_OF_ALL), 3)
    assert re.search("LocalPort", run("smpquery", "-C", "sib1", "nodeinfo",
                                      places[1].lid))
    assert not members()


# --- directed routes

EDGES = (0, 1, 2, 3, 62, 63, 64, 65, 127, 128, 254, 255)


def test_bad_hop_pointers_and_counts(cable, uplink, places):
    """Every pair of the edges, both ways of the route."""
    source = randoms(SEED + 2)
    sure = 0
    before = lab.switch_stats("sw1")["smp_discarded"]
    for ptr, count, back in itertools.product(EDGES, EDGES, (0, 0x8000)):
        mad = inject.smp(GET, NODE_INFO, klass=DR, hop_ptr=ptr, hop_cnt=count,
                         status=back, path=source.randbytes(64),
                         back=source.randbytes(64))
        sure += count >= 64
        for way in (cable, uplink):
            way.send(inject.smp_packet(0xFFFF, 0xFFFF, mad))
    wait(lambda: lab.switch_stats("sw1")["smp_discarded"] >= before + sure, 5,
         "what cannot be routed is not counted")
    assert node_info(uplink)
    assert places[1].host.ping(places[0].host.v4) == 0


WAYLESS = {
    "a port that it does not have": {"klass": DR, "hop_ptr": 1, "hop_cnt": 2,
                                     "path": b"\0\1\x25"},
    "a port that is down": {"klass": DR, "hop_ptr": 1, "hop_cnt": 2,
                            "path": b"\0\1\x24"},
    "too many hops": {"klass": DR, "hop_ptr": 1, "hop_cnt": 64},
    "a route that has passed its end": {"klass": DR, "hop_ptr": 5,
                                        "hop_cnt": 2},
    "a class that is none": {"klass": 0x55},
    "by LID, to nobody": {},
    "a route that goes on to a group": {"klass": DR, "dr_dlid": 0xC000},
    "a route that comes from a group": {"klass": DR, "dr_slid": 0xC000},
    "a route that goes on to LID 0": {"klass": DR, "dr_dlid": 0},
}


@pytest.mark.parametrize("what", WAYLESS)
def test_an_smp_without_a_way_is_counted(uplink, what):
    mad = inject.smp(GET, NODE_INFO, **WAYLESS[what])
    with grows(lambda: lab.switch_stats("sw1"), smp_discarded=3):
        uplink.send(inject.smp_packet(0xFFFF, 0xFFFF, mad), 3)


def trunk_port():
    """The port of sw1 that leads to sw2, and the one of sw2 back."""
    out = run("iblinkinfo")
    ports = re.search(r"^Switch: \S+ sw1:\n((?:\s.*\n)*)", out, re.M)
    assert ports, out
    row = re.search(r"(\d+)\[  \] ==\(.*?==>\s+\d+\s+(\d+)\[  \] \"sw2\"",
                    ports[1])
    assert row, out
    return int(row[1]), int(row[2])


def test_the_longest_route_goes_to_and_fro_and_comes_back(uplink):
    there, back = trunk_port()
    path = bytes([0, 1] + [there, back] * 31)
    mad = inject.smp(GET, NODE_INFO, klass=DR, hop_ptr=1, hop_cnt=63,
                     path=path, tid=0x1063)
    frame = uplink.ask(inject.smp_packet(0xFFFF, 0xFFFF, mad),
                       lambda f: f.payload[8:16] == mad[8:16])
    assert frame and frame.payload[3] == GET_RESP


def test_a_route_through_port_0_again_and_again(uplink):
    mad = inject.smp(GET, NODE_INFO, klass=DR, hop_ptr=1, hop_cnt=63,
                     path=b"\0\1", tid=0x1064)
    frame = uplink.ask(inject.smp_packet(0xFFFF, 0xFFFF, mad),
                       lambda f: f.payload[8:16] == mad[8:16])
    assert frame and frame.payload[3] == GET_RESP


# --- orders that nobody should give; M_Key is 0, so they are obeyed

def order(way, lid, attribute, modifier=0, data=b"", limit=1):
    """Set an attribute; the SMP that answers, or None."""
    mad = inject.smp(SET, attribute, modifier, data=data,
                     tid=random.getrandbits(60))
    frame = way.ask(inject.smp_packet(lid, 1 if way.far.startswith("h") else
                                      lab.lid("sib2"), mad),
                    lambda f: f.payload[8:16] == mad[8:16], limit)
    return frame and frame.payload


TABLES = ((SWITCH_INFO, 1), (PKEYS, 1), (SL2VL, 0xFFFF), (VLARB, 0x40024),
          (LFT, 768), (MFT, 128), (0x14, 0), (0x02, 4), (0x30, 4), (0xFF90, 4))


def test_random_tables_of_a_switch(uplink, places, opensm):
    source = randoms(SEED + 3)
    lid = switch_lid()
    for attribute, top in TABLES:
        for _ in range(scaled(50)):
            mad = inject.smp(SET, attribute, source.randint(0, top),
                             data=source.randbytes(64))
            uplink.send(inject.smp_packet(lid, places[1].lid, mad))
    assert node_info(uplink)
    opensm.stop()
    opensm.start()
    places[0].host.reach(places[1].host, 30)


def test_random_tables_of_an_hca(cable, places, opensm):
    source = randoms(SEED + 4)
    for attribute, top in TABLES:
        for _ in range(scaled(50)):
            mad = inject.smp(SET, attribute, source.randint(0, top),
                             data=source.randbytes(64))
            cable.send(inject.smp_packet(places[1].lid, 1, mad))
    # Alias GUIDs are nobody's to take back.
    for _ in range(2):
        cable.send(inject.smp_packet(places[1].lid, 1,
                                     inject.smp(SET, 0x14, 0)))
    opensm.stop()
    opensm.start()
    places[0].host.reach(places[1].host, 30)


def harmless_port_info(source):
    """A random PortInfo, but no M_Key and no port that stays disabled."""
    data = bytearray(source.randbytes(64))
    data[:8] = bytes(8)
    data[33] &= 0x0F
    data[34] &= 0x3F
    return bytes(data)


@pytest.mark.debug
def test_random_port_infos(cable, uplink, places, opensm):
    """Links fall and rise, LIDs change: OpenSM puts it right."""
    source = randoms(SEED + 5)
    for _ in range(8):
        for way, lid, port in ((cable, lab.lid("sib2"), 1),
                               (uplink, switch_lid(), 2),
                               (uplink, switch_lid(), 0)):
            mad = inject.smp(SET, PORT_INFO, port,
                             data=harmless_port_info(source))
            way.send(inject.smp_packet(lid, places[0].lid, mad))
        # Who does not hear the new session sends strays for once.
        with contextlib.suppress(AssertionError):
            cable.learn(2)
            uplink.learn(2)
    opensm.stop()
    opensm.start()
    wait(lambda: "ACTIVE" in lab.read(
        "/sys/class/infiniband/sib2/ports/1/state"), 20, "no active port")
    places[0].host.reach(places[1].host, 30)


# --- link messages

def test_strange_link_messages_are_counted_and_change_nothing(cable, places):
    hello = bytearray(struct.pack("!BBBBIIBBHQQQ", inject.HELLO, 1, 5, 1,
                                  0x5151, cable.session, 2, 4, 0, 1, 2, 0))
    assert len(hello) == 40
    downs = inject.pma_counters("sib2")["link_downed"]

    def variant(at, value):
        copy = bytearray(hello)
        copy[at] = value
        return bytes(copy)
    stranger = bytes.fromhex("02feedbeef01")
    with grows(lambda: inject.hca_counters("sib2"), rx_bad_link_message=46):
        for length in range(40):
            cable.send(bytes(hello[:length]), kind=inject.LINK)
        for at, value in ((0, 0), (0, 3), (0, 255), (2, 0), (2, 6), (2, 255)):
            cable.send(variant(at, value), kind=inject.LINK)
    with grows(lambda: inject.hca_counters("sib2"), rx_stray=2):
        cable.send(bytes(hello), kind=inject.LINK, src=stranger)
        cable.send(variant(0, inject.BYE), kind=inject.LINK)
    assert inject.pma_counters("sib2")["link_downed"] == downs
    assert places[1].host.ping(places[0].host.v4) == 0


def sniff_hello(cable):
    """A hello that near has sent."""
    with cable.listen() as tap:
        for frame in cable.frames(tap, 10):
            if frame.outgoing and frame.kind == inject.LINK:
                return frame
    raise AssertionError("no hello")


def is_back(places):
    """The link has been trained again, and carries."""
    wait(lambda: "ACTIVE" in lab.read(
        "/sys/class/infiniband/sib2/ports/1/state"), 20, "no active port")
    places[0].host.reach(places[1].host, 20)


def test_a_hello_sent_again_changes_nothing(cable, places):
    hello = sniff_hello(cable)
    downs = inject.pma_counters("sib2")["link_downed"]
    cable.send_raw(hello.raw, 100)
    assert places[1].host.ping(places[0].host.v4, 20) == 0
    assert inject.pma_counters("sib2")["link_downed"] == downs


def retrain(end):
    run("ip", "link", "set", end, "down")
    run("ip", "link", "set", end, "up")


def test_hellos_of_a_former_life_do_not_keep_the_link_down(cable, places):
    hello = sniff_hello(cable)
    retrain(cable.near)
    is_back(places)
    cable.send_raw(hello.raw, 20)
    is_back(places)


def test_forged_hellos_and_byes_cost_a_training_and_no_more(cable, places):
    real = sniff_hello(cable)
    bye = bytes([inject.BYE]) + real.packet[1:]
    downs = inject.pma_counters("sib2")["link_downed"]
    cable.send(bye, kind=inject.LINK)
    wait(lambda: inject.pma_counters("sib2")["link_downed"] > downs, 5,
         "a BYE is not obeyed")
    is_back(places)
    source = randoms(SEED + 6)
    for _ in range(50):
        forged = bytearray(real.packet)
        forged[4:8] = source.randbytes(4)
        cable.send(bytes(forged), kind=inject.LINK)
    is_back(places)


# --- LIDs that loop

@pytest.fixture
def ring(all_hosts):
    """A second cable between the switches."""
    run("ip", "-batch", "-", text="""
        link add ring1 mtu 4230 type veth peer name ring2 mtu 4230
        link set ring1 master sw1
        link set ring2 master sw2
        link set ring1 up
        link set ring2 up
    """)
    links = r"Active/\s+LinkUp"
    wait(lambda: len(re.findall(links, run("iblinkinfo"))) == 12, 30,
         "the second link does not come up")
    yield
    run("ip", "link", "delete", "ring1")
    wait(lambda: len(re.findall(links, run("iblinkinfo"))) == 10, 30,
         "the second link does not go")


def loop_lid(uplink, lid):
    """Let a LID go round: out of sw1 by one cable, back by the other."""
    out = run("ibnetdiscover")
    ends = {}
    for name in ("sw1", "sw2"):
        other = "sw2" if name == "sw1" else "sw1"
        block = next(b for b in out.split("\n\n") if re.search(
            rf'^Switch.*# "{name}"', b, re.M))
        ends[name] = {int(a): int(b) for a, b in re.findall(
            rf'^\[(\d+)\].*?\[(\d+)\].*# "{other}"', block, re.M)}
    (first, arrives), (second, returns) = sorted(ends["sw1"].items())
    assert ends["sw2"] == {arrives: first, returns: second}
    for name, port in (("sw1", first), ("sw2", returns)):
        target = switch_lid(name)
        info = bytearray(run_get(uplink, target, SWITCH_INFO))
        info[6:8] = struct.pack("!H", lid)
        info[11] &= 0xFB
        assert order(uplink, target, SWITCH_INFO, 0, bytes(info))
        block = bytearray(run_get(uplink, target, LFT, lid // 64))
        block[lid % 64] = port
        assert order(uplink, target, LFT, lid // 64, bytes(block))
    return first


def run_get(way, lid, attribute, modifier=0):
    """The data of an attribute, by LID."""
    mad = inject.smp(GET, attribute, modifier, tid=random.getrandbits(60))
    frame = way.ask(inject.smp_packet(lid, lab.lid("sib2"), mad),
                    lambda f: f.payload[8:16] == mad[8:16])
    assert frame, hex(attribute)
    return frame.payload[64:128]


def test_a_packet_that_goes_round_hurts_nobody_else(uplink, places, ring,
                                                    opensm):
    """As real switches do, ours forward it until a table says otherwise."""
    h1, h2, _, h4 = (p.host for p in places)
    port = loop_lid(uplink, 60)

    def rounds():
        out = run("perfquery", "-C", "sib1", "-x", switch_lid(), port)
        return int(re.search(r"PortXmitPkts:\.+(\d+)", out)[1])
    before = rounds()
    uplink.send(inject.ud(60, places[1].lid, 99, bytes(64)), 3)
    wait(lambda: rounds() > before + 1000, 10, "it does not go round")
    assert h1.ping(h2.v4, 20, limit=20) == 0
    assert h1.ping(h4.v4, 20, limit=20) == 0
    opensm.stop()
    opensm.start()
    # OpenSM has made the tables anew; LID 60 leads nowhere.
    wait(lambda: -rounds() + rounds() < 500, 10, "it goes round for ever")
    h1.reach(h4, 30)
