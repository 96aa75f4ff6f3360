# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What is on a cable: a capture, and the headers of what it has seen.

A cable is a pair of netdevs in this namespace. Frames have EtherType 0x88B5,
a shim of 8 octets (sib/core/shim.h) and then an InfiniBand packet from its
LRH on. IBTA volume 1, chapters 7 to 9; RFC 4391 section 6.

    with Capture(host) as wire:
        host.ping(other.v4)
        arp = wire.wait_for(lambda p: p.is_ipoib and p.type == ARP)
        assert arp.from_host and arp.grh.dgid == BROADCAST
"""

from __future__ import annotations

import dataclasses
import glob
import os
import socket
import struct
from collections.abc import Callable

from tests.sm.layout import Gid
from tests.sm.mad import MgmtClass, SaHeader
from tests.sm.sarecords import RECORDS, Record
from tests.vm import lab

ETHERTYPE = 0x88b5
IPV4, ARP, RARP, IPV6 = 0x0800, 0x0806, 0x8035, 0x86dd
UD_SEND_ONLY = 0x64
MULTICAST_QPN = 0xffffff

_ETH_P_ALL = 3
_PACKET_OUTGOING = 4
_SO_RCVBUFFORCE = 33
_FRAME_MAX = 65536
_ETH_LEN, _SHIM_LEN, _LRH_LEN, _GRH_LEN, _BTH_LEN, _DETH_LEN = \
    14, 8, 8, 40, 12, 8
_ICRC_LEN = 4
_LNH_GRH = 3


class Malformed(ValueError):
    """A frame that is no InfiniBand packet."""


@dataclasses.dataclass(frozen=True)
class Grh:
    """A global route header."""

    traffic_class: int
    flow_label: int
    next_header: int
    hop_limit: int
    sgid: Gid
    dgid: Gid


@dataclasses.dataclass(frozen=True)
class Packet:
    """A packet. ``payload`` is what follows the DETH, or the BTH, without
    padding and ICRC; ``qkey`` and ``sqpn`` are None unless it is a datagram.
    """

    from_host: bool
    vl: int
    sl: int
    dlid: int
    slid: int
    grh: Grh | None
    opcode: int
    pkey: int
    dqpn: int
    qkey: int | None
    sqpn: int | None
    payload: bytes

    @property
    def is_mad(self) -> bool:
        """Is it for QP0 or QP1?"""
        return self.dqpn < 2

    @property
    def is_ipoib(self) -> bool:
        """Is it a datagram between other queue pairs?"""
        return not self.is_mad and self.opcode == UD_SEND_ONLY

    @property
    def is_multicast(self) -> bool:
        """Is it for a group?"""
        return self.dqpn == MULTICAST_QPN

    @property
    def type(self) -> int:
        """Type of the encapsulation header."""
        return int.from_bytes(self.payload[:2], "big")

    @property
    def reserved(self) -> int:
        """The rest of the encapsulation header."""
        return int.from_bytes(self.payload[2:4], "big")

    @property
    def datagram(self) -> bytes:
        """What the encapsulation header stands before."""
        return self.payload[4:]

    def sa(self, record: type[Record] | None = None) -> SaHeader | None:
        """The header, if it is an SA MAD (about a record)."""
        if not self.is_mad or self.payload[1] != MgmtClass.SUBN_ADM:
            return None
        header = SaHeader.decode(self.payload)
        return (header if record is None or header.attr_id == record.ID
                else None)

    @property
    def record(self) -> Record:
        """The record of an SA MAD; KeyError for an unknown one."""
        kind = RECORDS[SaHeader.decode(self.payload).attr_id]
        return kind.decode(self.payload[SaHeader.SIZE:])


def _grh(raw: bytes) -> Grh:
    word, _, next_header, hop_limit = struct.unpack_from("!IHBB", raw)
    return Grh(word >> 20 & 0xff, word & 0xfffff, next_header, hop_limit,
               Gid(raw[8:24]), Gid(raw[24:40]))


def decode(frame: bytes, from_host: bool) -> Packet | None:
    """The packet of an Ethernet frame; None for a link message.

    Malformed if the lengths do not add up.
    """
    shim = frame[_ETH_LEN:_ETH_LEN + _SHIM_LEN]
    if len(shim) < _SHIM_LEN or shim[0] & 0xf:
        return None
    raw = frame[_ETH_LEN + _SHIM_LEN:]
    first, dlid, words, slid = struct.unpack_from("!4H", raw)
    end = (words & 0x7ff) * 4
    at = _LRH_LEN
    grh = None
    if first & 3 == _LNH_GRH:
        grh = _grh(raw[at:])
        at += _GRH_LEN
    bth = struct.unpack_from("!BBHII", raw, at)
    at += _BTH_LEN
    qkey = sqpn = None
    if bth[0] & 0xe0 == UD_SEND_ONLY & 0xe0:
        qkey, sqpn = struct.unpack_from("!II", raw, at)
        at += _DETH_LEN
    pad = bth[1] >> 4 & 3
    if not at <= end - _ICRC_LEN - pad <= len(raw):
        raise Malformed(frame.hex())
    return Packet(from_host, first >> 12, first >> 4 & 0xf, dlid, slid, grh,
                  bth[0], bth[2], bth[3] & 0xffffff, qkey,
                  None if sqpn is None else sqpn & 0xffffff,
                  raw[at:end - _ICRC_LEN - pad])


def cable_of(host: lab.Host) -> str:
    """The far end of a host's cable; LookupError without one."""
    found = glob.glob(f"/sys/class/net/*-{host.name}")
    if len(found) != 1:
        raise LookupError(f"cables to {host}: {found}")
    return os.path.basename(found[0])


class Capture:
    """All packets on a host's cable, in their order. A context manager.

    They wait in the socket, whose buffer is large, until they are asked for.
    """

    def __init__(self, host: lab.Host) -> None:
        """Begin."""
        self._seen: list[Packet] = []
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 64 << 20)
        self._socket.setblocking(False)
        # What is sent is seen by those only who want all protocols.
        self._socket.bind((cable_of(host), _ETH_P_ALL))

    def __enter__(self) -> Capture:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def packets(self, where: Callable[[Packet], object] = bool,
                ) -> list[Packet]:
        """What has been seen so far, or those of it that ... are."""
        self._drain()
        return [packet for packet in self._seen if where(packet)]

    def wait_for(self, where: Callable[[Packet], object], limit: float = 10,
                 what: str = "no such packet on the cable") -> Packet:
        """The first packet that ... is; it may have come already."""
        return lab.wait(lambda: self.packets(where), limit, what)[0]

    def clear(self) -> None:
        """Forget what has been seen so far."""
        self._drain()
        self._seen.clear()

    def _drain(self) -> None:
        while True:
            try:
                frame, source = self._socket.recvfrom(_FRAME_MAX)
            except BlockingIOError:
                return
            if source[1] != ETHERTYPE:
                continue
            # The far end sends what the host receives.
            packet = decode(frame, source[2] != _PACKET_OUTGOING)
            if packet:
                self._seen.append(packet)
