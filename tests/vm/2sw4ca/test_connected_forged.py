# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Peers that are none: REQs of our making and what comes back, and answers of
our making to the REQs of a host. RFC 4755 sections 3, 5 and 6.
"""

import contextlib
import re
import time

import pytest

from tests.vm import inject, lab
from tests.vm.cmwire import (BAD_SERVICE, BAD_TRANSPORT, BY_RFC, CONSUMER,
                             DREP, DREQ, Ghost, Message, REJ, REP, REQ, RTU,
                             STALE, UC, USUAL, fresh, introduction, make, messages, seen,
                             sends, wait_for)
from tests.vm.connmode import (connect, connections, counted, forget, renew,
                               sending, set_mode, set_uc)
from tests.vm.ifwire import Capture, UD_SEND_ONLY, cable_of
from tests.vm.inject import grows
from tests.vm.lab import run, wait


@pytest.fixture(scope="module", autouse=True)
def no_errors(all_hosts):
    """What goes to nobody is an error of a switch's port."""
    yield
    run("ibqueryerrors", "--clear-errors", check=False)


@pytest.fixture
def ghost(h4):
    """Speaks to h4's CM, and is nowhere."""
    with inject.to_hca(h4, "sw2") as cable:
        ghost = Ghost(cable, inject.Place.of(h4))
        yield ghost
    wait(lambda: not of(h4, ghost), 20, "a connection to nobody stays")


def of(host, ghost):
    """The connections that a host receives on from a ghost."""
    return [c for c in connections(host, "receive")
            if c["qpn"] == f"0x{ghost.qpn:06x}"]


# --- REQs of our making

@pytest.mark.parametrize("block", (USUAL, BY_RFC), ids=hex)
def test_both_forms_of_the_service_id_are_listened_on(h4, ghost, block):
    with grows(h4.ethtool_stats, conn_accepted=1):
        fields, answer = ghost.connect(block)
        assert answer.kind == REP
    assert answer["qpn"] not in (0, 1, ghost.target.qpn)
    assert answer.private[:8] == introduction(ghost.target.qpn)
    assert fields["local_id"] == answer["remote_id"]
    assert len(of(h4, ghost)) == 1


OTHERS = {"octet 0": 0x11 << 56, "type": 0x10 << 56 | 1 << 48,
          "reserved": 0x10 << 56 | 1 << 24, "none": 0}


@pytest.mark.parametrize("what", OTHERS)
def test_no_other_service_id_is(h4, ghost, what):
    _, answer = ghost.connect(service=OTHERS[what] | ghost.target.qpn)
    assert (answer.kind, answer["reason"]) == (REJ, BAD_SERVICE)
    assert not of(h4, ghost)


def test_the_qpn_of_a_service_id_is_ours(h4, ghost):
    for block in (USUAL, BY_RFC):
        for wrong in (ghost.target.qpn ^ 1, 0, 0xffffff):
            _, answer = ghost.connect(service=block << 56 | wrong)
            assert (answer.kind, answer["reason"]) == (REJ, BAD_SERVICE)
    assert not of(h4, ghost)


@pytest.mark.parametrize("octet", (1, 0x80, 0xff), ids=hex)
def test_the_reserved_octet_of_private_data_is_ignored(h4, ghost, octet):
    _, answer = ghost.connect(
        private=introduction(ghost.qpn, reserved=octet))
    assert answer.kind == REP
    assert answer.private[0] == 0
    assert len(of(h4, ghost)) == 1


def test_what_follows_private_data_is_ignored(ghost):
    _, answer = ghost.connect(private=introduction(ghost.qpn) + b"\xff" * 84)
    assert answer.kind == REP


@pytest.mark.parametrize("mtu, taken", (
    (0, False), (3, False), (4, False), (100, False), (1283, False),
    (1284, True), (2048, True), (65524, True), (0x7fffffff, True),
    (0xffffffff, True)))
def test_a_peer_takes_at_least_what_ipv6_needs(h4, ghost, mtu, taken):
    with grows(h4.ethtool_stats, conn_accepted=int(taken),
               conn_refused=int(not taken)):
        _, answer = ghost.connect(private=introduction(ghost.qpn, mtu))
        assert answer.kind == (REP if taken else REJ)
    if not taken:
        assert answer["reason"] == CONSUMER


@pytest.mark.parametrize("how, reason", (
    ({"private": b""}, CONSUMER), ({"transport": UC}, BAD_TRANSPORT),
    ({"transport": 2}, BAD_TRANSPORT)))
def test_a_refusal_says_who_refuses(ghost, how, reason):
    """RFC 4755 section 3.2: each message of the setup does, the REJ too."""
    _, answer = ghost.connect(**how)
    assert (answer.kind, answer["reason"]) == (REJ, reason)
    assert answer.private[:8] == introduction(ghost.target.qpn)


def test_unreliable_ones_are_accepted_by_who_announces_them(calm, h4, ghost):
    set_uc(h4, True)
    _, answer = ghost.connect(transport=UC)
    assert answer.kind == REP
    assert [c["transport"] for c in of(h4, ghost)] == ["UC"]


def test_a_second_connection_takes_the_place_of_the_first(h4, ghost):
    first = ghost.established()
    with ghost.cable.listen() as tap:
        second = ghost.established()
        said = [Message.of(f.payload) for f in ghost.cable.frames(tap, 2)
                if not f.outgoing]
    ended = [m for m in said if m and m.kind == DREQ and
             m["remote_id"] == first.fields["local_id"]]
    assert ended and ended[0]["qpn"] == first.fields["qpn"]
    assert len(of(h4, ghost)) == 1
    with inject.receiver(h4, 7070) as sink:
        second.send_udp("198.51.100.99", h4.v4, 7070, b"second")
        assert sink.recv(100) == b"second"
    assert second.end().kind == DREP


def test_the_same_request_again_is_no_second_one(h4, ghost):
    fields, mad = ghost.request()
    with grows(h4.ethtool_stats, conn_accepted=1, conn_refused=0):
        assert ghost.ask(mad, fields["local_id"], (REP,))
        ghost.send(mad, 20)
        wait(lambda: of(h4, ghost), 5, "no connection")
    assert len(of(h4, ghost)) == 1


def test_the_same_qp_in_another_request_is_stale(h4, ghost):
    """The CM's own rule: who asks so has forgotten the first."""
    first = ghost.established()
    _, answer = ghost.connect(qpn=first.fields["qpn"])
    assert (answer.kind, answer["reason"]) == (REJ, STALE)
    wait(lambda: not of(h4, ghost), 15, "the stale one stays")


def test_datagram_mode_accepts_and_receives(h4, ghost):
    assert h4.sysfs("mode") == "datagram"
    connection = ghost.established()
    with inject.receiver(h4, 7071) as sink, \
            grows(h4.ethtool_stats, conn_rx_packets=3):
        for size in (10, 3000, 60000):
            data = bytes(size)
            connection.send_udp("198.51.100.99", h4.v4, 7071, data)
            assert sink.recv(65536) == data
    assert connection.end().kind == DREP
    wait(lambda: not of(h4, ghost), 5, "it does not end")


def test_who_is_gone_before_he_is_ready_is_forgotten(h4, ghost):
    """A REP that nobody answers: given up after the tries of the REQ."""
    with grows(h4.ethtool_stats, conn_accepted=1):
        _, answer = ghost.connect(cm_retries=1, local_timeout=14)
        assert answer.kind == REP
    wait(lambda: not of(h4, ghost), 10, "it is waited for")


# --- answers of our making

class Impostor:
    """Has h2's GID and a QPN that h2 has not; h1 knows him by an address."""

    V4 = "198.51.100.77"
    V6 = "2001:db8::77"

    def __init__(self, h1, h2, cable, wire):
        self.h1, self.wire = h1, wire
        there = inject.Place.of(h2)
        self.qpn, self.rc_qpn = fresh(), fresh()
        self.ghost = Ghost(cable, inject.Place.of(h1), there.lid, there.gid,
                           self.qpn)
        hw = bytes([0x80]) + self.qpn.to_bytes(3, "big") + there.gid
        for target in (self.V4, self.V6):
            h1.ip("neigh", "replace", target, "lladdr", hw.hex(":"), "dev",
                  "ib0", "nud", "permanent")

    def forget(self):
        """h1 knows him no more."""
        for target in (self.V4, self.V6):
            self.h1.ip("neigh", "del", target, "dev", "ib0")

    def ping(self, size=56, target=V4, count=1):
        """Have h1 send to him, who does not answer."""
        return self.h1.run("ping", "-c", count, "-i", 0.2, "-W", 1, "-s", size,
                           target, check=False)

    def asked(self):
        """The last REQ that he has got; h1 sends until there is one."""
        def look():
            found = [r for r in seen(self.wire, REQ, True)
                     if r["service"] & 0xffffff == self.qpn]
            if not found:
                self.ping()
            return found
        return wait(look, 20, "h1 does not ask")[-1]

    def accept(self, mtu=65524, private=None, **fields):
        """A REP; what h1 says to it, RTU or REJ."""
        request = self.asked()
        mine = fresh()
        fields = {"local_id": mine, "remote_id": request["local_id"],
                  "qpn": self.rc_qpn, "psn": 100, "rnr_retries": 6,
                  "ca_guid": 0xDEAD} | fields
        if private is None:
            private = introduction(self.qpn, mtu)
        return self.ghost.ask(make(REP, private, **fields), mine, (RTU, REJ))

    def state(self):
        """Of the connection to him, None without one."""
        return next((c["state"] for c in connections(self.h1, "send")
                     if c["qpn"] == f"0x{self.qpn:06x}"), None)

    def got(self):
        """Packets on the connection to him."""
        return sends(self.wire, self.rc_qpn, True)


# From the shim on: version 1 and a packet; UD; to QP1; class 7.
MUTE = ("match", "u8", "0x10", "0xff", "at", 0, "match", "u8", "0x64", "0xff",
        "at", 16, "match", "u32", "0x00000001", "0x00ffffff", "at", 20,
        "match", "u8", "0x07", "0xff", "at", 37)


@pytest.fixture
def impostor(calm):
    """One; what h2's CM says to the fabric is not heard meanwhile."""
    h1, h2 = calm[:2]
    set_mode(h1, "connected")
    with contextlib.ExitStack() as undo:
        run("tc", "qdisc", "add", "dev", "sw1-h2", "ingress")
        undo.callback(run, "tc", "qdisc", "del", "dev", "sw1-h2", "ingress")
        run("tc", "filter", "add", "dev", "sw1-h2", "parent", "ffff:",
            "protocol", "all", "u32", *MUTE, "action", "drop")
        cable = undo.enter_context(inject.to_hca(h1, "sw1"))
        wire = undo.enter_context(Capture(cable_of(h1)))
        impostor = Impostor(h1, h2, cable, wire)
        undo.callback(impostor.forget)
        yield impostor
        h1.ip("route", "flush", "cache")


def test_an_answer_is_answered_with_who_we_are(h1, impostor):
    ready = impostor.accept()
    assert ready.kind == RTU
    assert ready.private[:8] == introduction(impostor.ghost.target.qpn)
    wait(lambda: impostor.state() == "up", 5, "the connection is not used")


def test_the_reserved_octet_of_an_answer_is_ignored(impostor):
    private = introduction(impostor.qpn, reserved=0xff) + b"\xff" * 188
    assert impostor.accept(private=private).kind == RTU


@pytest.mark.parametrize("private", (b"", introduction(1, 4),
                                     introduction(1, 100),
                                     introduction(1, 1283)),
                         ids=("none", "4", "100", "1283"))
def test_a_peer_who_takes_too_little_is_left_to_datagrams(h1, impostor,
                                                          private):
    refusal = impostor.accept(private=private)
    assert (refusal.kind, refusal["reason"]) == (REJ, CONSUMER)
    assert refusal.private[:8] == introduction(impostor.ghost.target.qpn)
    wait(lambda: impostor.state() is None, 5, "the connection stays")
    impostor.ping(1400)
    impostor.ping(1400, impostor.V6)
    assert impostor.wire.find(lambda p: p.dqpn == impostor.qpn and
                              p.opcode == UD_SEND_ONLY and
                              len(p.payload) > 1400, True)
    assert not impostor.got()


def test_what_a_connection_does_not_take_has_ud(h1, impostor):
    """1300 octets are enough for IPv6, and less than a datagram carries."""
    assert impostor.accept(1300 + 4).kind == RTU
    wait(lambda: impostor.state() == "up", 5, "the connection is not used")
    said = impostor.ping(8000)
    wait(lambda: "mtu 2044" in h1.ip("route", "get", impostor.V4), 5, said)
    impostor.ping(1400)
    impostor.ping(1000)
    assert all(len(m) <= 1304 for m in messages(impostor.got()))
    assert impostor.wire.find(lambda p: p.dqpn == impostor.qpn and
                              p.opcode == UD_SEND_ONLY and
                              len(p.payload) > 1400, True)


def test_a_refusal_leaves_the_peer_alone_for_longer_and_longer(h1, impostor):
    """0.1, 1, 2 and 4 seconds, give or take the packet that asks again."""
    times = []
    child = h1.popen("ping", "-q", "-i", 0.05, "-w", int(30 * lab.SLOW),
                     impostor.V4)
    try:
        for number in range(4):
            wait(lambda n=number: len(seen(impostor.wire, REQ, True)) > n,
                 20, "h1 does not ask again")
            times.append(time.monotonic())
            request = seen(impostor.wire, REQ, True)[-1]
            impostor.ghost.send(make(
                REJ, introduction(impostor.qpn), local_id=fresh(),
                remote_id=request["local_id"], reason=CONSUMER))
    finally:
        lab.stop(child)
    waits = [b - a for a, b in zip(times, times[1:])]
    for waited, least in zip(waits, (0.1, 1, 2)):
        assert waited >= least * 0.9, waits
    if not lab.DEBUG:
        assert sum(waits) < 10, waits


def test_a_req_that_crosses_ours_is_accepted(h1, impostor):
    """Whoever has the larger address: connections are one-way."""
    impostor.asked()
    assert impostor.state() == "asking"
    for qpn in (1, impostor.qpn, 0xfffffe):
        _, answer = impostor.ghost.connect(private=introduction(qpn))
        assert answer.kind == REP
    assert impostor.accept().kind == RTU
    wait(lambda: impostor.state() == "up", 5, "ours does not come")
    _, answer = impostor.ghost.connect()
    assert answer.kind == REP
    assert impostor.state() == "up"


def test_silence_is_given_up_soon(impostor):
    """Eight REQs, each waited for as long as the path may take, and half a
    second; then UD."""
    impostor.asked()
    wait(lambda: impostor.state() is None, 30, "h1 waits for ever")
    frames = impostor.wire.find(lambda p: p.dqpn == 1, True)
    found = [Message.of(p.payload) for p in frames]
    assert len([m for m in found if m and m.kind == REQ]) == 8


def test_a_peer_who_acknowledges_nothing_is_given_up_soon(h1, impostor):
    """RFC 4755 section 7.1: well before TCP has lost patience."""
    assert impostor.accept().kind == RTU
    wait(lambda: impostor.state() == "up", 5, "the connection is not used")
    before = counted(h1, "tx_drop_conn_lost", "conn_failures")
    begin = time.monotonic()
    impostor.ping()
    wait(lambda: impostor.state() is None, 5, "h1 goes on")
    took = time.monotonic() - begin
    assert lab.DEBUG or took < 4, took
    after = counted(h1, "tx_drop_conn_lost", "conn_failures")
    assert after[0] > before[0] and after[1] == before[1] + 1


# --- false flags

@pytest.fixture
def without(calm):
    """h1 in connected mode, and h4, whose HCA has no connections but whose
    address is said to have them."""
    h1, h4 = calm[0], calm[3]
    parameter = "/sys/module/sib/parameters/rc"
    lab.write(parameter, "N")
    renew(h4, "sw2")
    lab.write(parameter, "Y")
    assert h4.address()[0] == 0
    set_mode(h1, "connected")
    false = bytes([0x80]) + h4.address()[1:]
    for target in (h4.v4, h4.v6):
        h1.ip("neigh", "replace", target, "lladdr", false.hex(":"), "dev",
              "ib0", "nud", "permanent")
    yield h1, h4
    for target in (h4.v4, h4.v6):
        h1.ip("neigh", "del", target, "dev", "ib0")
    h1.ip("route", "flush", "cache")
    renew(h4, "sw2")


def test_a_false_flag_costs_a_request_now_and_then(without):
    h1, h4 = without
    with Capture(cable_of(h4)) as wire:
        assert h1.ping(h4.v4, 20, 1400) == h1.ping(h4.v6, 20, 1400) == 0
        request = wait_for(wire, REQ, "a request", False)
        refusal = wait_for(wire, REJ, "its refusal", True)
        assert refusal["remote_id"] == request["local_id"]
    # Larger ones wait for the connection that is not to be, no longer.
    said = h1.run("ping", "-c", 4, "-i", 0.5, "-W", 1, "-M", "do", "-s", 8000,
                  h4.v4, check=False)
    assert re.search(r"mtu[ =:]+2044", said), said
    assert h1.ping(h4.v4, 10, 8000) == 0
    assert not sending(h1)


def test_a_false_qpn_harms_nobody_else(impostor, calm):
    """Packets to it go nowhere; those to others go on meanwhile."""
    h1, _, h3, _ = calm
    set_mode(h3, "connected")
    forget(h1, h3)
    child = h1.popen("ping", "-q", "-i", 0.05, "-s", 3000, "-w",
                     int(20 * lab.SLOW), impostor.V4)
    try:
        connect(h1, h3)
        assert h1.ping(h3.v4, 50, 3000) == h3.ping(h1.v6, 50, 3000) == 0
    finally:
        lab.stop(child)
    assert seen(impostor.wire, REQ, True)[0]["service"] & 0xffffff in \
        (impostor.qpn, int.from_bytes(h3.address()[1:4], "big"))
