# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Messages of the communication manager, taken apart and made; and peers that
are none.

A message is a MAD of class 7 from QP1 to QP1: 24 octets of header, then fields
as IBTA volume 1 has them in chapter 12, then private data.
"""

import dataclasses
import itertools
import random
import struct

from tests.vm import inject, lab
from tests.vm.ifwire import Capture, IPV4

CLASS, VERSION, SEND = 7, 2, 3
HEADER, MAD = 24, 256
REQ, MRA, REJ, REP, RTU, DREQ, DREP = range(0x10, 0x17)
RC, UC = 0, 1

NO_RESOURCES, BAD_SERVICE, BAD_TRANSPORT, STALE, CONSUMER = 3, 8, 9, 10, 28
USUAL, BY_RFC = 0x10, 0x01
RECEIVE_MTU = 65524

# Where private data begins, and its length.
PRIVATE = {REQ: (140, 92), MRA: (10, 222), REJ: (84, 148), REP: (36, 196),
           RTU: (8, 224), DREQ: (12, 220), DREP: (8, 224)}
# Octet behind the header, bit in it from the left, width in bits.
_IDS = {"local_id": (0, 0, 32), "remote_id": (4, 0, 32)}
FIELDS = {
    REQ: {
        "local_id": (0, 0, 32), "service": (8, 0, 64),
        "ca_guid": (16, 0, 64), "qkey": (28, 0, 32), "qpn": (32, 0, 24),
        "responder_resources": (35, 0, 8), "initiator_depth": (39, 0, 8),
        "remote_timeout": (43, 0, 5), "transport": (43, 5, 2),
        "flow_control": (43, 7, 1), "psn": (44, 0, 24),
        "local_timeout": (47, 0, 5), "retries": (47, 5, 3),
        "pkey": (48, 0, 16), "path_mtu": (50, 0, 4),
        "rnr_retries": (50, 5, 3), "cm_retries": (51, 0, 4),
        "srq": (51, 4, 1), "local_lid": (52, 0, 16),
        "remote_lid": (54, 0, 16), "local_gid": (56, 0, 128),
        "remote_gid": (72, 0, 128), "flow_label": (88, 0, 20),
        "rate": (91, 2, 6), "tclass": (92, 0, 8), "hop_limit": (93, 0, 8),
        "sl": (94, 0, 4), "subnet_local": (94, 4, 1),
        "ack_timeout": (95, 0, 5)},
    MRA: _IDS | {"mraed": (8, 0, 2), "timeout": (9, 0, 5)},
    REJ: _IDS | {"rejected": (8, 0, 2), "info_length": (9, 0, 7),
                 "reason": (10, 0, 16)},
    REP: _IDS | {
        "qkey": (8, 0, 32), "qpn": (12, 0, 24), "psn": (20, 0, 24),
        "responder_resources": (24, 0, 8), "initiator_depth": (25, 0, 8),
        "ack_delay": (26, 0, 5), "flow_control": (26, 7, 1),
        "rnr_retries": (27, 0, 3), "srq": (27, 3, 1),
        "ca_guid": (28, 0, 64)},
    RTU: _IDS,
    DREQ: _IDS | {"qpn": (8, 0, 24)},
    DREP: _IDS,
}

# BTH opcodes of RC; UC's are larger by 0x20.
FIRST, MIDDLE, LAST, ONLY, ACK = 0x00, 0x01, 0x02, 0x04, 0x11
SENDS = {FIRST, MIDDLE, LAST, ONLY, 0x20, 0x21, 0x22, 0x24}
STARTS = {FIRST, ONLY, 0x20, 0x24}
IB_MTU = 2048


class Message:
    """A message of the CM; its fields are found by their names."""

    def __init__(self, mad):
        self.kind = int.from_bytes(mad[16:18], "big")
        self.mad = bytes(mad[:MAD])
        self._body = int.from_bytes(self.mad[HEADER:], "big")

    @classmethod
    def of(cls, mad):
        """What a MAD is; None if it is of another class, or cut."""
        if len(mad) < MAD or mad[1] != CLASS or mad[3] != SEND:
            return None
        message = cls(mad)
        return message if message.kind in FIELDS else None

    def __getitem__(self, name):
        octet, bit, width = FIELDS[self.kind][name]
        at = (MAD - HEADER) * 8 - octet * 8 - bit - width
        return self._body >> at & (1 << width) - 1

    @property
    def private(self):
        """Its private data, all of it."""
        at, size = PRIVATE[self.kind]
        return self.mad[HEADER + at:HEADER + at + size]

    def __repr__(self):
        fields = " ".join(f"{name}={self[name]:#x}"
                          for name in FIELDS[self.kind])
        return f"<{self.kind:#x} {fields} {self.private[:8].hex()}>"


def make(kind, private=b"", tid=0x5EED, **fields):
    """The 256 octets of a message; what is not said is zero."""
    body = 0
    for name, value in fields.items():
        octet, bit, width = FIELDS[kind][name]
        body |= (value & (1 << width) - 1) << \
            (MAD - HEADER) * 8 - octet * 8 - bit - width
    at, size = PRIVATE[kind]
    octets = bytearray(body.to_bytes(MAD - HEADER, "big"))
    octets[at:at + size] = private[:size].ljust(size, b"\0")
    return struct.pack("!BBBBHHQHHI", 1, CLASS, VERSION, SEND, 0, 0, tid, kind,
                       0, 0) + bytes(octets)


def introduction(qpn, mtu=RECEIVE_MTU, reserved=0):
    """Private data of RFC 4755 section 6."""
    return struct.pack("!II", reserved << 24 | qpn, mtu)


class Story:
    """A capture that is over."""

    def __init__(self, wire):
        self.packets = list(wire.take())

    def take(self):
        """All packets."""
        return self.packets

    find = Capture.find


def seen(wire, kind=None, sent=None):
    """Messages in a capture, in their order; none twice because its sender
    was in doubt."""
    found = {}
    for packet in wire.take():
        if packet.dqpn == 1 and sent in (None, packet.sent):
            message = Message.of(packet.payload)
            if message and kind in (None, message.kind):
                found.setdefault((packet.sent, message.mad), message)
    return list(found.values())


def wait_for(wire, kind, what, sent=None, where=bool, limit=10):
    """The first such message; it may have come already."""
    return lab.wait(lambda: [m for m in seen(wire, kind, sent) if where(m)],
                    limit, f"not on the cable: {what}")[0]


def sends(wire, qpn, sent=None):
    """What a connected QP is sent, each packet once."""
    found = {}
    for packet in wire.take():
        if packet.dqpn == qpn and packet.opcode in SENDS and \
                sent in (None, packet.sent):
            found.setdefault(packet.psn, packet)
    return list(found.values())


def messages(packets):
    """What packets of a connection, in their order, carry."""
    found = []
    for packet in packets:
        if packet.opcode in STARTS:
            found.append(b"")
        found[-1] += packet.payload
    return found


# --- peers that are none

# Nobody has this LID, and nobody this prefix.
NOWHERE = 0x2F00
GHOST_GID = bytes.fromhex("fe80000000000000 02dead00beef0001")
_fresh = itertools.count(random.randrange(1 << 20))


def fresh():
    """A number of 24 bits that was none before."""
    return 0x100 + next(_fresh) * 7 & 0xffffff


@dataclasses.dataclass(frozen=True)
class Ghost:
    """Speaks to a host's CM as a peer would: target is the host's Place."""

    cable: inject.Cable
    target: inject.Place
    lid: int = NOWHERE
    gid: bytes = GHOST_GID
    qpn: int = 0xABCDE

    def send(self, mad, count=1):
        """A MAD to the host's QP1."""
        self.cable.send(inject.gmp_packet(self.target.lid, self.lid, mad),
                        count)

    def ask(self, mad, local_id, kinds, limit=5):
        """Send one; the first message of these kinds that is for local_id,
        or None."""
        def matches(frame):
            message = Message.of(frame.payload)
            return message and message.kind in kinds and \
                message["remote_id"] == local_id
        frame = self.cable.ask(
            inject.gmp_packet(self.target.lid, self.lid, mad), matches, limit)
        return frame and Message.of(frame.payload)

    def request(self, block=USUAL, private=None, **fields):
        """A REQ that is good but for what is said otherwise; its fields come
        first."""
        fields = {
            "local_id": fresh(), "service": block << 56 | self.target.qpn,
            "ca_guid": int.from_bytes(self.gid[8:], "big"), "qpn": fresh(),
            "remote_timeout": 17, "local_timeout": 17, "psn": 7, "retries": 7,
            "pkey": 0xffff, "path_mtu": 4, "rnr_retries": 6, "cm_retries": 3,
            "srq": 1, "local_lid": self.lid, "remote_lid": self.target.lid,
            "local_gid": int.from_bytes(self.gid, "big"),
            "remote_gid": int.from_bytes(self.target.gid, "big"), "rate": 3,
            "subnet_local": 1, "ack_timeout": 14} | fields
        if private is None:
            private = introduction(self.qpn)
        return fields, make(REQ, private, fields["local_id"], **fields)

    def connect(self, *args, limit=5, **fields):
        """Send a REQ; what it said, and the REP or REJ, or None."""
        fields, mad = self.request(*args, **fields)
        return fields, self.ask(mad, fields["local_id"], (REP, REJ), limit)

    def established(self, **fields):
        """A connection that the host receives on."""
        fields, rep = self.connect(**fields)
        assert rep and rep.kind == REP, rep
        self.send(make(RTU, introduction(self.qpn),
                       local_id=fields["local_id"],
                       remote_id=rep["local_id"]))
        return Connection(self, fields, rep)


class Connection:
    """One that a host has accepted from a ghost."""

    def __init__(self, ghost, fields, rep):
        self.ghost, self.fields, self.rep = ghost, fields, rep
        self.psn = rep["psn"]
        self.base = 0x20 if fields.get("transport") == UC else 0

    def _packet(self, opcode, data):
        pad = -len(data) % 4
        body = struct.pack("!BBHII", self.base + opcode, 0x40 | pad << 4,
                           0xffff, self.rep["qpn"], 1 << 31 | self.psn) + \
            data + bytes(pad + 4)
        self.psn = self.psn + 1 & 0xffffff
        return struct.pack("!BBHHH", 0, 2, self.ghost.target.lid,
                           (8 + len(body)) // 4, self.ghost.lid) + body

    def send_part(self, opcode, data):
        """One packet of a message."""
        self.ghost.cable.send(self._packet(opcode, data))

    def send(self, data):
        """A message, in as many packets as it takes."""
        parts = [data[i:i + IB_MTU]
                 for i in range(0, len(data), IB_MTU)] or [b""]
        for number, part in enumerate(parts):
            opcode = ONLY if len(parts) == 1 else FIRST if not number else \
                LAST if number == len(parts) - 1 else MIDDLE
            self.send_part(opcode, part)

    def send_udp(self, src, dst, port, data):
        """An IPv4 datagram, as IPoIB has it."""
        self.send(inject.encap(IPV4, inject.udp(src, dst, port, data)))

    def end(self, limit=5):
        """Take it down, as a peer would; the DREP, or None."""
        mine = self.fields["local_id"]
        return self.ghost.ask(
            make(DREQ, tid=mine, local_id=mine, remote_id=self.rep["local_id"],
                 qpn=self.rep["qpn"]), mine, (DREP,), limit)
