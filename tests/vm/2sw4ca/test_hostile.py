# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Frames that nobody should send, to an HCA and to a switch.

Each kind is dropped and counted by name, and the fabric works afterwards.
What is sent comes in on h2's cable, as if sw1 or h2 had sent it.
"""

import re

import pytest

from tests.vm import inject, lab
from tests.vm.inject import grows
from tests.vm.lab import run

COUNT = 5


@pytest.fixture(scope="module", autouse=True)
def fabric_survives(all_hosts, opensm):
    """After all of it, OpenSM and all hosts find what they found before."""
    before = run("ibnetdiscover")
    yield
    for a in all_hosts:
        for b in all_hosts:
            if a is not b:
                a.reach(b, 30)
    run("ibqueryerrors", "--clear-errors", check=False)
    mark = opensm.size()
    opensm.sweep()
    assert opensm.errors(mark) == []
    stamp = re.compile(r"^# (Topology file|vendid|Initiated).*$", re.M)
    assert stamp.sub("", run("ibnetdiscover")) == stamp.sub("", before)
    assert len(re.findall(r"Active/\s+LinkUp", run("iblinkinfo"))) == 10


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


def counters():
    """What h2's HCA counts; the PMA's counters are in capitals."""
    pma = inject.pma_counters("sib2")
    return inject.hca_counters("sib2") | {k.upper(): v for k, v in pma.items()}


def switch_counters():
    return lab.switch_stats("sw1")


def good(places, **options):
    """A datagram from h1 that h2 would take."""
    payload = options.pop("payload", inject.encap(inject.IPV4, bytes(60)))
    return inject.datagram(places[0], places[1], payload, **options)


# --- the frame and its shim

def test_runts_of_every_length(cable, places):
    packet = good(places, payload=bytes(100))
    with grows(counters, rx_bad_frame=8, rx_runt=57, PORT_RCV_ERRORS=57):
        for length in range(65):
            frame = cable.frame(packet[:length - 8] if length > 8 else b"")
            cable.send_raw(frame[:14 + length])


def test_runts_of_every_length_to_a_switch(uplink, places):
    packet = good(places, payload=bytes(100))
    with grows(switch_counters, rx_bad_frame=8, rx_runt=57):
        for length in range(65):
            frame = uplink.frame(packet[:length - 8] if length > 8 else b"")
            uplink.send_raw(frame[:14 + length])


SHIMS = {
    "length beyond the frame": ({"length": 1000}, "rx_bad_frame"),
    "length one too large": ({"length": 97}, "rx_bad_frame"),
    "length too small for the packet": ({"length": 60}, "rx_runt"),
    "length 0": ({"length": 0}, "rx_runt"),
    "length 23": ({"length": 23}, "rx_runt"),
    "version 0": ({"version": 0}, "rx_bad_frame"),
    "version 2": ({"version": 2}, "rx_bad_frame"),
    "kind 3": ({"kind": 3}, "rx_bad_frame"),
    "kind 15": ({"kind": 15}, "rx_bad_frame"),
    "session 0": ({"session": 0}, "rx_stray"),
    "another session": ({"session": 0xDEADBEEF}, "rx_stray"),
    "another's MAC address": ({"dst": bytes.fromhex("020000000001")},
                              "rx_bad_frame"),
    "a VCRC that is none": ({"flags": inject.VCRC}, "rx_bad_vcrc"),
    "an ICRC that is none": ({"flags": inject.ICRC}, "rx_bad_icrc"),
    "a link message that is a packet": ({"kind": inject.LINK},
                                        "rx_bad_link_message"),
}


@pytest.mark.parametrize("what", SHIMS)
def test_a_bad_shim_is_counted(cable, places, what):
    options, counter = SHIMS[what]
    packet = good(places)
    assert len(packet) == 96
    with grows(counters, **{counter: COUNT}):
        cable.send(packet, COUNT, **options)


# A switch looks at the ICRC of what is for itself only.
@pytest.mark.parametrize("what", [k for k, v in SHIMS.items()
                                  if v[1] != "rx_bad_icrc"])
def test_a_bad_shim_is_counted_by_a_switch(uplink, places, what):
    options, counter = SHIMS[what]
    with grows(switch_counters, **{counter: COUNT}):
        uplink.send(good(places), COUNT, **options)


# --- headers

# What is wrong, and which counter tells.
HEADERS = {
    "LRH version": ({"lver": 1}, "rx_bad_version"),
    "raw packet, IPv6": ({"lnh": 1}, "rx_raw"),
    "raw packet, EtherType": ({"lnh": 0}, "rx_raw"),
    "PktLen 0": ({"words": 0}, "rx_bad_length"),
    "PktLen 5": ({"words": 5}, "rx_bad_length"),
    "PktLen without room for the DETH": ({"words": 7}, "rx_bad_length"),
    "PktLen one too large": ({"words": 25}, "rx_runt"),
    "PktLen as large as can be": ({"words": 0x7FF}, "rx_runt"),
    "BTH version": ({"tver": 3}, "rx_bad_version"),
    "unassigned opcode": ({"opcode": 0xFF}, "rx_bad_opcode"),
    "opcode of RC": ({"opcode": 0x04}, "rx_bad_transport"),
    "opcode of UC": ({"opcode": 0x24}, "rx_bad_transport"),
    "pad count beyond the payload": ({"payload": b"", "pad": 3},
                                     "rx_bad_length"),
    "another partition": ({"pkey": 0x9234}, "rx_bad_pkey"),
    "no partition": ({"pkey": 0x8000}, "rx_bad_pkey"),
    "another Q_Key": ({"qkey": 0x0B1C}, "rx_bad_qkey"),
    "virtual lane 15": ({"vl": 15}, "rx_bad_lane"),
    "GRH version": ({"grh": {"version": 4}}, "rx_bad_version"),
    "GRH next header": ({"grh": {"next_header": 17}}, "rx_bad_version"),
    "GRH length 0": ({"grh": True, "paylen": 0}, "rx_bad_length"),
    "GRH length too large": ({"grh": True, "paylen": 0xFFFF},
                             "rx_bad_length"),
    "GRH length too small": ({"grh": True, "paylen": 84}, "rx_bad_length"),
    "GRH announced, none there": ({"lnh": 3}, "rx_bad_version"),
    "GRH to another port": ({"grh": {"dgid": bytes(8) + b"\x01" * 8}},
                            "rx_bad_grh"),
    "GRH to a group, LID to one": ({"grh": {"dgid": b"\xff\x12" + bytes(14)}},
                                   "rx_bad_grh"),
    "GRH to nobody": ({"grh": {"dgid": bytes(16)}}, "rx_bad_grh"),
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_bad_header_is_counted(cable, places, what):
    options, counter = HEADERS[what]
    with grows(counters, **{counter: COUNT}):
        cable.send(good(places, **options), COUNT)


def test_a_bad_header_is_a_receive_error_of_the_port(cable, places):
    with grows(counters, rx_bad_length=COUNT, PORT_RCV_ERRORS=COUNT):
        cable.send(good(places, words=5), COUNT)


def to(place, **options):
    """A packet to a place of our choice."""
    fields = {"dlid": place.lid, "slid": 1, "dqpn": place.qpn,
              "payload": inject.encap(inject.IPV4, bytes(60))}
    return inject.ud(**(fields | options))


MGID = bytes.fromhex("ff12401bffff0000000000000abcdef1")
DESTINATIONS = {
    "unknown QPN": ({"dqpn": 0xABCDEF}, "rx_no_qp"),
    "multicast QPN, unicast LID": ({"dqpn": 0xFFFFFF}, "rx_no_qp"),
    "QP0 on lane 0": ({"dqpn": 0, "payload": bytes(256)}, "rx_bad_lane"),
    "QP0 with 255 octets": ({"dqpn": 0, "vl": 15, "payload": bytes(255)},
                            "rx_bad_mad_length"),
    "QP1 on lane 15": ({"dqpn": 1, "vl": 15, "payload": bytes(256)},
                       "rx_bad_lane"),
    "QP1 with 260 octets": ({"dqpn": 1, "qkey": inject.QKEY_GSI,
                             "payload": bytes(260)}, "rx_bad_mad_length"),
    "QP1 with another Q_Key": ({"dqpn": 1, "payload": bytes(256)},
                               "rx_bad_qkey"),
    "QP1 with another P_Key": ({"dqpn": 1, "qkey": inject.QKEY_GSI,
                                "pkey": 0x8123, "payload": bytes(256)},
                               "rx_bad_pkey"),
    "another LID": ({"dlid": 0x1234}, "rx_not_my_lid"),
    "LID 0": ({"dlid": 0}, "rx_not_my_lid"),
    "permissive LID on lane 0": ({"dlid": 0xFFFF}, "rx_not_my_lid"),
    "back to a group": ({"slid": 0xC000}, "rx_bad_slid"),
    "back to LID 0": ({"slid": 0}, "rx_bad_slid"),
    "back to the permissive LID": ({"slid": 0xFFFF}, "rx_bad_slid"),
    "multicast LID without a GRH": ({"dlid": 0xC000, "dqpn": 0xFFFFFF},
                                    "rx_bad_grh"),
    "a group that nobody attached": (
        {"dlid": 0xC000, "dqpn": 0xFFFFFF,
         "grh": {"sgid": bytes(16), "dgid": MGID}}, "rx_not_attached"),
    "a payload beyond the MTU": ({"payload": bytes(4120)}, "rx_too_long"),
}


@pytest.mark.parametrize("what", DESTINATIONS)
def test_a_wrong_destination_is_counted(cable, places, what):
    options, counter = DESTINATIONS[what]
    with grows(counters, **{counter: COUNT}):
        cable.send(to(places[1], **options), COUNT)


def violations(kind):
    """What the SM can read of h2's key violations."""
    out = run("smpquery", "-C", "sib1", "portinfo", lab.lid("sib2"), 1)
    return int(re.search(rf"{kind}Violations:\.+(\d+)", out)[1])


@pytest.mark.parametrize("kind, options", (("Pkey", {"pkey": 0x9234}),
                                           ("Qkey", {"qkey": 99})))
def test_a_wrong_key_is_seen_by_the_sm_and_gets_no_answer(cable, places, kind,
                                                          options):
    before = violations(kind)
    request = inject.encap(inject.IPV4, inject.echo_request(
        places[0].host.v4, places[1].host.v4, 0x1234))
    # With the right keys there is an answer: the request itself is good.
    for keys, answered in (({}, True), (options, False)):
        packet = inject.datagram(places[0], places[1], request, **keys)
        answer = cable.ask(packet, lambda f: f.payload[24:26] == b"\0\0" and
                           f.payload[28:30] == b"\x12\x34",
                           limit=5 if answered else 1)
        assert bool(answer) == answered, keys
    assert violations(kind) == before + 1


def test_counters_of_rdma_and_of_sysfs_agree(cable, places, all_hosts):
    cable.send(good(places, lver=7))
    found = all_hosts[1].hca_counters()
    now = inject.hca_counters("sib2")
    assert found["rx_bad_version"] > 0
    assert {k: found[k] for k in ("rx_runt", "rx_bad_version", "rx_raw")} == \
        {k: now[k] for k in ("rx_runt", "rx_bad_version", "rx_raw")}


# --- what a switch forwards

def switch_port_counter(name, port=2):
    """A PMA counter of a port of sw1."""
    lid = int(re.search(r'"sw1" .*? lid (\d+) ', run("ibswitches"))[1])
    return int(re.search(rf"{name}:\.+(\d+)",
                         run("perfquery", "-C", "sib1", lid, port))[1])


@pytest.mark.parametrize("what, dlid", (
    ("an unknown LID", 0x3000), ("LID 0", 0), ("a permissive LID", 0xFFFF),
    ("the sender himself", None)))
def test_what_has_no_way_is_a_relay_error(uplink, places, what, dlid):
    dlid = places[1].lid if dlid is None else dlid
    before = switch_port_counter("PortRcvSwitchRelayErrors")
    uplink.send(to(places[0], dlid=dlid), COUNT)
    assert switch_port_counter("PortRcvSwitchRelayErrors") == before + COUNT


@pytest.fixture
def wide_cable():
    """A cable that carries more than an IB packet may have."""
    ends = ("h2-sw1", "sw1-h2")
    mtu = lab.read(f"/sys/class/net/{ends[0]}/mtu")
    for end in ends:
        run("ip", "link", "set", end, "mtu", 9000)
    yield
    for end in ends:
        run("ip", "link", "set", end, "mtu", mtu)


def test_a_packet_beyond_the_next_mtu_is_discarded(wide_cable, uplink, places):
    before = switch_port_counter("PortXmitDiscards", 1)
    uplink.send(to(places[0], payload=bytes(8000)), COUNT)
    assert switch_port_counter("PortXmitDiscards", 1) == before + COUNT


def test_a_packet_beyond_the_mtu_is_not_taken_by_an_hca(wide_cable, cable,
                                                        places):
    with grows(counters, rx_too_long=COUNT):
        cable.send(to(places[1], payload=bytes(8000)), COUNT)


def test_a_group_that_has_no_tree_is_no_error(uplink, places):
    before = switch_port_counter("PortRcvSwitchRelayErrors")
    route = {"sgid": places[1].gid, "dgid": MGID}
    for dlid in (0xC3FF, 0xFFFE):
        uplink.send(to(places[0], dlid=dlid, dqpn=0xFFFFFF, grh=route), COUNT)
    assert switch_port_counter("PortRcvSwitchRelayErrors") == before
