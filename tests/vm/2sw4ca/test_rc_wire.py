# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What a reliable connection makes of single packets, and answers to them.

The packets are made here and come in on a host's cable as if its peer had sent
them; the peer, which knows nothing of them, is as it was.
"""

import struct

import pytest

from tests.vm import inject, lab, verbtest
from tests.vm.inject import grows
from tests.vm.lab import run, wait
from tests.vm.verbtest import (BAD_RESP, ERR, FLUSHED, INIT, QP_REQ_ERR,
                               REM_ACCESS, REM_INV_REQ, REM_OP, RTS, SUCCESS)

PSN = 100
FIRST, LAST, ONLY = 0x00, 0x02, 0x04
ACK = 0x11
NAK_SEQUENCE, NAK_INVALID = 0x60, 0x61
CREDITS = 0x1F


@pytest.fixture(scope="module", autouse=True)
def consumer(all_hosts):
    verbtest.load()
    yield
    verbtest.unload()
    run("ibqueryerrors", "--clear-errors", check=False)


@pytest.fixture
def pool(hosts):
    """Endpoints; what is left of them is closed at the end."""
    pool = verbtest.Pool()
    yield pool
    pool.close()


@pytest.fixture
def ends(h1, h4, pool):
    """A connection from h1 to h4, of which nothing was sent yet."""
    return pool.pair(h1, h4, connect={"psn": PSN, "timeout": 0})


class Peer:
    """Speaks on a cable to a QP of one end, as the other end would."""

    def __init__(self, cable, host, peer, qpn):
        self.cable, self.qpn = cable, qpn
        self.lids = lab.lid(host.hca), lab.lid(peer.hca)

    def packet(self, opcode, psn, ext=b"", data=b"", *, ack=True, slid=None,
               pkey=0xffff, vl=0):
        """A packet of a connection, LRH to ICRC."""
        pad = -len(data) % 4
        body = struct.pack("!BBHII", opcode, 0x40 | pad << 4, pkey, self.qpn,
                           ack << 31 | psn) + ext + data + bytes(pad + 4)
        return struct.pack("!BBHHH", vl << 4, 2, self.lids[0],
                           (8 + len(body)) // 4, slid or self.lids[1]) + body

    def send(self, *args, **options):
        self.cable.send(self.packet(*args, **options))

    def ask(self, *args, limit=3, **options):
        """Send one; the syndrome and the PSN that come back, or None."""
        frame = self.cable.ask(
            self.packet(*args, **options),
            lambda f: len(f.packet) == 28 and f.packet[8] == ACK, limit)
        if not frame:
            return None
        packet = frame.packet
        # The count of messages stands behind the syndrome.
        return (packet[20], int.from_bytes(packet[17:20], "big"))


@pytest.fixture
def to_h4(h1, h4, ends):
    """A voice that h4's end takes for h1's."""
    with inject.to_hca(h4, "sw2") as cable:
        yield Peer(cable, h4, h1, ends[1].info()["qpn"])


@pytest.fixture
def to_h1(h1, h4, ends, pool):
    """A voice that h1's end takes for h4's, which is gone without a word."""
    pool.close(ends[1])
    with inject.to_hca(h1, "sw1") as cable:
        yield Peer(cable, h1, h4, ends[0].info()["qpn"])


REFUSED = {
    "write": (0x0A, bytes(16), b"x" * 64),
    "write with immediate": (0x0B, bytes(20), b""),
    "read": (0x0C, bytes(16), b""),
    "compare and swap": (0x13, bytes(28), b""),
    "fetch and add": (0x14, bytes(28), b""),
    "send with invalidate": (0x17, bytes(4), b"x" * 8),
    "a last packet without a first": (LAST, b"", b"x" * 8),
    "a first packet that is not full": (FIRST, b"", b"x" * 512),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_request_that_cannot_be_is_refused(ends, to_h4, what):
    b = ends[1]
    opcode, ext, data = REFUSED[what]
    b.recv()
    assert to_h4.ask(opcode, PSN, ext, data) == (NAK_INVALID, PSN)
    assert b.statuses() == [FLUSHED]
    info = b.info()
    assert info["state"] == ERR and info["events"] >> QP_REQ_ERR & 1


def test_a_request_that_comes_again_is_acknowledged_again(ends, to_h4, h4):
    b = ends[1]
    b.recv(2)
    with grows(h4.hca_counters, rx_duplicate=1):
        for _ in range(2):
            syndrome, psn = to_h4.ask(ONLY, PSN, b"", b"x" * 8)
            assert syndrome <= CREDITS and psn == PSN
    assert b.statuses(2, ms=500) == [SUCCESS]


def test_a_gap_is_reported_once_until_it_is_filled(ends, to_h4, h4):
    b = ends[1]
    b.recv(4)
    with grows(h4.hca_counters, rx_gap=3):
        assert to_h4.ask(ONLY, PSN + 1, b"", b"x") == (NAK_SEQUENCE, PSN)
        assert to_h4.ask(ONLY, PSN + 2, b"", b"x", limit=0.5) is None
        assert to_h4.ask(ONLY, PSN, b"", b"x")[1] == PSN
        assert to_h4.ask(ONLY, PSN + 2, b"", b"x") == (NAK_SEQUENCE, PSN + 1)
    assert b.statuses(2, ms=500) == [SUCCESS]


def test_acknowledgments_cover_what_came_before(ends, to_h4):
    b = ends[1]
    b.recv(3)
    to_h4.send(ONLY, PSN, b"", b"x", ack=False)
    to_h4.send(ONLY, PSN + 1, b"", b"x", ack=False)
    syndrome, psn = to_h4.ask(ONLY, PSN + 2, b"", b"x")
    assert syndrome <= CREDITS and psn == PSN + 2
    assert b.statuses(3) == [SUCCESS] * 3


STRANGE = {
    "rx_bad_path": {"slid": 0xBEEF},
    "rx_bad_pkey": {"pkey": 0x9234},
    "rx_bad_lane": {"vl": 15},
}


@pytest.mark.parametrize("counter", STRANGE)
def test_what_is_not_from_the_peer_is_not_heard(ends, to_h4, h4, counter):
    b = ends[1]
    b.recv()
    with grows(h4.hca_counters, **{counter: 1}):
        to_h4.send(ONLY, PSN, b"", b"x", **STRANGE[counter])
    assert not b.poll(ms=1)
    assert to_h4.ask(ONLY, PSN, b"", b"x")[1] == PSN
    assert b.statuses() == [SUCCESS]


def wait_until_sent(end, count):
    """So many packets have left; an answer that is early is not heard."""
    wait(lambda: end.info()["sq_psn"] == PSN + count, 5, "not sent")


def aeth(syndrome, msn=0):
    return struct.pack("!I", syndrome << 24 | msn)


VERDICTS = {0x61: REM_INV_REQ, 0x62: REM_ACCESS, 0x63: REM_OP, 0x64: BAD_RESP,
            0x40: BAD_RESP}


@pytest.mark.parametrize("syndrome", VERDICTS)
def test_what_a_response_means_to_a_sender(ends, to_h1, syndrome):
    a = ends[0]
    # The first waits for an answer: nobody has given credits yet.
    a.send(3)
    wait_until_sent(a, 1)
    to_h1.send(ACK, PSN, aeth(CREDITS, 1))
    assert a.statuses() == [SUCCESS]
    wait_until_sent(a, 3)
    to_h1.send(ACK, PSN + 1, aeth(syndrome, 1))
    assert a.statuses(2) == [VERDICTS[syndrome], FLUSHED]
    assert a.info()["state"] == ERR


def test_a_response_to_what_was_never_sent_is_not_heard(ends, to_h1):
    a = ends[0]
    a.send(2)
    wait_until_sent(a, 1)
    for psn in (PSN + 1, PSN + 1000, PSN - 1):
        to_h1.send(ACK, psn, aeth(0x61))
    assert not a.poll(ms=200)
    # Once and for all: an answer that comes again says nothing new.
    to_h1.send(ACK, PSN, aeth(CREDITS, 1))
    wait_until_sent(a, 2)
    to_h1.send(ACK, PSN, aeth(CREDITS, 1))
    to_h1.send(ACK, PSN + 1, aeth(CREDITS, 2))
    assert a.statuses(2) == [SUCCESS] * 2
    assert a.info()["state"] == RTS


def test_a_packet_for_another_state_is_not_heard(ends, to_h4, h4):
    b = ends[1]
    b.state(verbtest.RESET)
    b.state(INIT)
    b.recv()
    with grows(h4.hca_counters, rx_qp_state=1):
        to_h4.send(ONLY, PSN, b"", b"x")
    assert not b.poll(ms=1)


def test_credits_are_those_of_the_receive_queue(ends, to_h4):
    b = ends[1]
    b.recv(9)
    # Eight are left: code 6 says so.
    assert to_h4.ask(ONLY, PSN, b"", b"x") == (6, PSN)
    assert b.statuses() == [SUCCESS]
