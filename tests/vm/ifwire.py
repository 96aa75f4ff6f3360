# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What goes over a cable: InfiniBand packets, captured and taken apart.

A cable is a pair of netdevs that carries IB packets, from the LRH on, behind
an Ethernet header and a shim of 8 octets. Header layouts are IBTA's; those of
IPoIB are RFC 4391's, sections 6 and 9.
"""

import socket
import struct

from tests.vm import lab

ETHERTYPE = 0x88b5
ETH_P_ALL = 3
SHIM = struct.Struct("!BBHI")
LRH = struct.Struct("!HHHH")
GRH = struct.Struct("!IHBB16s16s")
BTH = struct.Struct("!III")
DETH = struct.Struct("!II")
ICRC_LEN = 4

UD_SEND_ONLY = 0x64
QPN_MCAST = 0xffffff
LNH_BTH, LNH_GRH = 2, 3
PACKET_OUTGOING = 4
SO_RCVBUFFORCE = 33

IPV4, ARP, RARP, IPV6, TIPC = 0x0800, 0x0806, 0x8035, 0x86dd, 0x88ca

BROADCAST_GID = bytes.fromhex("ff12401bffff000000000000ffffffff")


class Packet:
    """One InfiniBand packet; ``sent`` is seen from the cable's own end."""

    def __init__(self, octets, sent):
        self.sent = sent
        self.dgid = self.sgid = None
        word, self.dlid, length, self.slid = LRH.unpack_from(octets)
        self.vl, self.sl, self.lnh = word >> 12, word >> 4 & 15, word & 3
        self.octets = octets[:(length & 0x7ff) * 4]
        at = LRH.size
        if self.lnh == LNH_GRH:
            word, _, self.next_header, self.hop_limit, self.sgid, self.dgid = \
                GRH.unpack_from(octets, at)
            self.tclass, self.flow_label = word >> 20 & 0xff, word & 0xfffff
            at += GRH.size
        word, self.dqpn, psn = BTH.unpack_from(octets, at)
        self.opcode, self.pkey, pad = word >> 24, word & 0xffff, word >> 20 & 3
        self.dqpn &= 0xffffff
        self.psn = psn & 0xffffff
        at += BTH.size
        if self.opcode == UD_SEND_ONLY:
            self.qkey, self.sqpn = DETH.unpack_from(octets, at)
            at += DETH.size
        self.payload = self.octets[at:len(self.octets) - ICRC_LEN - pad]

    @property
    def is_mad(self):
        """To QP0 or QP1?"""
        return self.dqpn < 2

    @property
    def header(self):
        """The encapsulation header, 4 octets."""
        return self.payload[:4]

    @property
    def type(self):
        """Type of the encapsulation header."""
        return int.from_bytes(self.payload[:2], "big")

    @property
    def data(self):
        """What follows the encapsulation header."""
        return self.payload[4:]

    @property
    def icmp6(self):
        """Type of an ICMPv6 message, None if it is none; no options."""
        if self.is_mad or self.type != IPV6:
            return None
        # MLD has a hop-by-hop header of 8 octets.
        if self.data[6] == 0:
            return self.data[48] if self.data[40] == 58 else None
        return self.data[40] if self.data[6] == 58 else None

    def is_ip(self, src=None, dst=None):
        """IPv4 or IPv6 between these addresses?"""
        if self.is_mad or self.type not in (IPV4, IPV6):
            return False
        family, at, size = (socket.AF_INET, 12, 4) if self.type == IPV4 \
            else (socket.AF_INET6, 8, 16)
        found = [socket.inet_ntop(family, self.data[i:i + size])
                 for i in (at, at + size)]
        return (src or found[0], dst or found[1]) == tuple(found)

    def is_arp(self, operation=None, target=None):
        """ARP, this operation, for this IPv4 address?"""
        if self.is_mad or self.type != ARP:
            return False
        return ((operation is None or
                 int.from_bytes(self.data[6:8], "big") == operation) and
                (target is None or
                 socket.inet_ntoa(self.data[52:56]) == target))

    def __repr__(self):
        gid = f" dgid {self.dgid.hex()}" if self.dgid else ""
        return (f"<{'>' if self.sent else '<'} {self.slid:#x}->{self.dlid:#x}"
                f"{gid} op {self.opcode:#x} qp {self.dqpn:#x} "
                f"{self.payload[:64].hex()}>")


class McMember:
    """SubnAdmSet, SubnAdmDelete or an answer, of an MCMemberRecord."""

    SET, DELETE, GET_RESP, DELETE_RESP = 0x02, 0x15, 0x81, 0x95

    def __init__(self, mad):
        self.method = mad[3]
        self.status = int.from_bytes(mad[4:6], "big") & 0x7fff
        self.tid = mad[8:16]
        record = mad[56:108]
        self.mgid = record[:16]
        self.mlid = int.from_bytes(record[36:38], "big")
        self.pkey = int.from_bytes(record[40:42], "big")
        self.join_state = record[48] & 15

    @classmethod
    def of(cls, packet):
        """Of a packet, None if it carries something else."""
        mad = packet.payload
        if (packet.dqpn == 1 and mad[1] == 3 and
                int.from_bytes(mad[16:18], "big") == 0x38):
            return cls(mad)
        return None


class Capture:
    """All IB packets on a cable's end while it is open, in their order."""

    def __init__(self, cable):
        # Deaf until it is bound, lest it hear what is on other cables.
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.socket.bind((cable, ETH_P_ALL))
        self.socket.setblocking(False)
        self.packets = []

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    def take(self):
        """Take in what has come; all packets up to now."""
        while True:
            try:
                frame, (_, proto, kind, *_) = self.socket.recvfrom(1 << 16)
            except BlockingIOError:
                return self.packets
            # Link messages have kind 1; they are the fabric's own.
            if proto != ETHERTYPE or frame[14] & 15 == 1:
                continue
            length = SHIM.unpack_from(frame, 14)[2]
            octets = frame[14 + SHIM.size:][:length]
            # A bundle, of kind 2, is one packet behind the other.
            while octets:
                packet = Packet(octets, kind == PACKET_OUTGOING)
                self.packets.append(packet)
                octets = octets[len(packet.octets):] if frame[14] & 2 else b""

    def find(self, rule, sent=None):
        """Packets that a rule holds for, up to now."""
        return [p for p in self.take()
                if (sent is None or p.sent == sent) and rule(p)]

    def wait(self, rule, what, sent=None, limit=5):
        """The first such packet."""
        return lab.wait(lambda: self.find(rule, sent), limit,
                        f"not on the cable: {what}")[0]

    def ipoib(self, sent=None):
        """Everything but MADs."""
        return self.find(lambda p: not p.is_mad, sent)

    def joins(self, mgid=None):
        """Messages on memberships, of one group or all: pairs of the packet
        and what it says."""
        return [(p, m) for p in self.take() for m in (McMember.of(p),)
                if m and mgid in (None, m.mgid)]


def cable_of(host):
    """The end of a host's cable that its HCA is on."""
    return f"{host}-sw{(host.number + 1) // 2}"


def mgid_of(group):
    """The MGID of an IP multicast group in the default partition, RFC 4391
    section 4."""
    if ":" in group:
        return bytes.fromhex("ff12601bffff") + \
            socket.inet_pton(socket.AF_INET6, group)[6:]
    low = int.from_bytes(socket.inet_aton(group), "big") & 0x0fffffff
    return bytes.fromhex("ff12401bffff") + low.to_bytes(10, "big")


# Sends from a packet socket: argv is the address in hex, the protocol, and the
# payload in hex. With "raw" for the address the payload has its own header.
# Python's own socket takes 8 octets of an address at most. Prints errno, 0 if
# the packet was taken.
PACKET_SENDER = """
import ctypes, socket, struct, sys
to, proto, data = sys.argv[1], int(sys.argv[2], 0), bytes.fromhex(sys.argv[3])
kind = socket.SOCK_RAW if to == "raw" else socket.SOCK_DGRAM
s = socket.socket(socket.AF_PACKET, kind, 0)
to = b"" if to == "raw" else bytes.fromhex(to)
name = struct.pack("=HHiHBB", socket.AF_PACKET, socket.htons(proto),
                   socket.if_nametoindex("ib0"), 32, 0, len(to)) + to
libc = ctypes.CDLL(None, use_errno=True)
sent = libc.sendto(s.fileno(), data, len(data), 0, name, max(len(name), 20))
print(0 if sent == len(data) else ctypes.get_errno())
"""


def packet_send(host, to, proto, data):
    """Send through a packet socket; errno, 0 if it was taken."""
    return int(host.run("python3", "-c", PACKET_SENDER,
                        to if isinstance(to, str) else to.hex(), proto,
                        data.hex()))


VNET_SENDER = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
s.setsockopt(263, 15, 1)  # PACKET_VNET_HDR
s.bind(("ib0", 0x0800))
s.send(bytes.fromhex(sys.stdin.read()))
"""


def send_super_packet(host, peer, segment):
    """Send a TCP packet of 6000 octets to be cut into segments of a given
    size, as a virtual machine would give it to us."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 6040, 1, 0, 64, 6, 0,
                     socket.inet_aton(host.v4), socket.inet_aton(peer.v4))
    tcp = struct.pack("!HHIIBBHHH", 9, 9, 0, 0, 5 << 4, 0x10, 100, 0, 0)
    # Needs a checksum; TCP over IPv4; headers; segment; where the sum goes.
    vnet = struct.pack("<BBHHHH", 1, 1, 64, segment, 44, 16)
    frame = vnet + peer.address() + b"\x08\0\0\0" + ip + tcp + bytes(6000)
    host.run("python3", "-c", VNET_SENDER, text=frame.hex())


def flush_neighbours(host):
    """Forget all addresses that were resolved."""
    host.ip("neigh", "flush", "dev", "ib0", "nud", "all")
