# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Frames of our own making on a cable: built here, sent, and listened to.

A cable is a pair of veth ends, NEAR and FAR. What is sent on NEAR arrives at
FAR, be it an HCA's or a switch's, as if the node at NEAR had sent it. A frame
is an Ethernet header, the shim of sib/core/shim.h, and a packet from its LRH
to its ICRC.
"""

import contextlib
import ctypes
import dataclasses
import os
import random
import socket
import struct
import time
import zlib

from tests.vm import lab
from tests.vm.lab import run

ETHERTYPE = 0x88B5
ETH_P_ALL = 3
PACKET_OUTGOING = 4
CLONE_NEWNET = 0x40000000

PACKET, LINK = 0, 1
HELLO, BYE = 1, 2
ICRC, VCRC = 1, 2

QKEY = 0x0B1B
QKEY_GSI = 0x80010000
PKEY = 0xFFFF
PERMISSIVE = 0xFFFF
UD_SEND = 0x64

IPV4, ARP, IPV6 = 0x0800, 0x0806, 0x86DD


# --- packets

def grh_bytes(sgid, dgid, paylen, *, version=6, next_header=0x1B, tclass=0,
              flow=0, hops=0):
    """A global route header."""
    word = version << 28 | tclass << 20 | flow
    return struct.pack("!IHBB", word, paylen, next_header, hops) + sgid + dgid


def ud(dlid, slid, dqpn, payload, *, sqpn=0, qkey=QKEY, pkey=PKEY, grh=None,
       vl=0, sl=0, lver=0, lnh=None, words=None, opcode=UD_SEND, tver=0,
       pad=None, psn=0, paylen=None):
    """A UD packet, LRH to ICRC, the ICRC being zero.

    grh: the arguments of grh_bytes() but paylen; None for no GRH. What is
    wrong with a packet on purpose is said by the other arguments.
    """
    fill = -len(payload) % 4
    pad = fill if pad is None else pad
    body = struct.pack("!BBHIIII", opcode, pad << 4 | tver, pkey, dqpn, psn,
                       qkey, sqpn) + payload + bytes(fill) + bytes(4)
    if grh is not None:
        size = len(body) if paylen is None else paylen
        body = grh_bytes(paylen=size, **grh) + body
    if lnh is None:
        lnh = 3 if grh is not None else 2
    if words is None:
        words = (8 + len(body)) // 4
    return struct.pack("!BBHHH", vl << 4 | lver, sl << 4 | lnh, dlid, words,
                       slid) + body


def with_icrc(packet):
    """The packet with its ICRC filled in (IBTA volume 1, section 7.8.1)."""
    head, bth = bytearray(packet[:-4]), 8
    if packet[1] & 3 == 3:
        bth = 48
        head[:8] = b"\xff" * 8
        head[8] |= 0x0F
        head[9:12] = b"\xff" * 3
        head[15] = 0xFF
    else:
        head[0] |= 0xF0
    head[bth + 4] = 0xFF
    return packet[:-4] + struct.pack("<I", zlib.crc32(bytes(head)))


def with_vcrc(packet):
    """The packet with a VCRC behind it (section 7.8.2)."""
    crc = 0xFFFF
    for octet in packet:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0xD008 if crc & 1 else 0)
    return packet + struct.pack("<H", crc ^ 0xFFFF)


def encap(kind, data, reserved=0):
    """An IPoIB payload: RFC 4391, section 6."""
    return struct.pack("!HH", kind, reserved) + data


def checksum(data):
    """The Internet's."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ipv4(src, dst, protocol, data):
    """An IPv4 packet."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(data), 1, 0, 64,
                       protocol, 0, socket.inet_aton(src),
                       socket.inet_aton(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + data


def udp(src, dst, port, data):
    """An IPv4 UDP datagram; without a checksum, which IPv4 allows."""
    return ipv4(src, dst, 17,
                struct.pack("!HHHH", port, port, 8 + len(data), 0) + data)


def echo_request(src, dst, ident):
    """An ICMP echo request."""
    data = struct.pack("!BBHHH", 8, 0, 0, ident, 1) + bytes(16)
    data = data[:2] + struct.pack("!H", checksum(data)) + data[4:]
    return ipv4(src, dst, 1, data)


def arp(operation, sender_hw, sender, target_hw, target, *, hrd=32, pro=IPV4,
        hln=20, pln=4):
    """An ARP packet for IPv4 over InfiniBand: RFC 4391, section 9.2."""
    return struct.pack("!HHBBH", hrd, pro, hln, pln, operation) + \
        sender_hw + socket.inet_aton(sender) + target_hw + \
        socket.inet_aton(target)


def neighbour_message(kind, src, dst, target, options):
    """A Neighbour Solicitation (135) or Advertisement (136)."""
    src, dst, target = (socket.inet_pton(socket.AF_INET6, a)
                        for a in (src, dst, target))
    flags = 0x60000000 if kind == 136 else 0
    body = struct.pack("!BBHI", kind, 0, 0, flags) + target + options
    pseudo = src + dst + struct.pack("!II", len(body), 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    return struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + src + dst + body


def smp(method, attribute, modifier=0, *, data=b"", klass=1, tid=0x5EED,
        hop_ptr=0, hop_cnt=0, status=0, mkey=0, dr_slid=PERMISSIVE,
        dr_dlid=PERMISSIVE, path=b"", back=b""):
    """The 256 octets of an SMP."""
    head = struct.pack("!BBBBHBBQHHIQHH", 1, klass, 1, method, status, hop_ptr,
                       hop_cnt, tid, attribute, 0, modifier, mkey, dr_slid,
                       dr_dlid)
    return head + bytes(28) + data[:64].ljust(64, b"\0") + \
        path[:64].ljust(64, b"\0") + back[:64].ljust(64, b"\0")


def smp_packet(dlid, slid, mad):
    """An SMP on its way: QP0 to QP0 on VL15."""
    return ud(dlid, slid, 0, mad, sqpn=0, qkey=0, vl=15)


def gmp_packet(dlid, slid, mad, **options):
    """A MAD from QP1 to QP1."""
    return ud(dlid, slid, 1, mad, **({"sqpn": 1, "qkey": QKEY_GSI} | options))


# --- who is who

@dataclasses.dataclass(frozen=True)
class Place:
    """Where a host's ib0 is."""

    host: lab.Host
    lid: int
    qpn: int
    gid: bytes
    hardware: bytes

    @classmethod
    def of(cls, host):
        """What there is to know of a host's ib0."""
        address = host.address()
        return cls(host, lab.lid(host.hca),
                   int.from_bytes(address[1:4], "big"), address[4:], address)


def datagram(src, dst, payload, grh=False, **options):
    """An IPoIB unicast from one Place to another."""
    if grh:
        route = {"sgid": src.gid, "dgid": dst.gid}
        options["grh"] = route | (grh if isinstance(grh, dict) else {})
    return ud(dst.lid, src.lid, dst.qpn, payload,
              **({"sqpn": src.qpn} | options))


# --- cables

@dataclasses.dataclass(frozen=True)
class Frame:
    """A frame that was on a cable."""

    outgoing: bool
    kind: int
    session: int
    packet: bytes
    raw: bytes

    @classmethod
    def parse(cls, raw, pkttype=0):
        """From its octets; None if it is none of ours."""
        if len(raw) < 22 or raw[12:14] != b"\x88\xb5" or raw[14] >> 4 != 1:
            return None
        size, session = struct.unpack("!HI", raw[16:22])
        return cls(pkttype == PACKET_OUTGOING, raw[14] & 15, session,
                   raw[22:22 + size], raw)

    @property
    def header_length(self):
        """Octets before the payload of a datagram."""
        return 68 if self.packet[1] & 3 == 3 else 28

    @property
    def payload(self):
        """What a datagram carries, padding included."""
        return self.packet[self.header_length:-4]


class Cable:
    """One direction of a cable: we send on near, and far receives."""

    def __init__(self, near, far):
        self.near, self.far = near, far
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.bind((near, 0))
        self.mac = {end: bytes.fromhex(
            lab.read(f"/sys/class/net/{end}/address").replace(":", ""))
            for end in (near, far)}
        self.session = 0

    def __enter__(self):
        self.learn()
        return self

    def __exit__(self, *unused):
        self.socket.close()

    @contextlib.contextmanager
    def listen(self):
        """A socket that hears all frames of near, both ways."""
        # Deaf until it is bound, lest it hear what is on other cables.
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as tap:
            tap.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
            tap.bind((self.near, ETH_P_ALL))
            yield tap

    def frames(self, tap, limit):
        """What a tap hears, until limit seconds have passed."""
        deadline = time.monotonic() + limit * lab.SLOW
        while (left := deadline - time.monotonic()) > 0:
            tap.settimeout(left)
            try:
                raw, address = tap.recvfrom(65536)
            except TimeoutError:
                return
            frame = Frame.parse(raw, address[2])
            if frame:
                yield frame

    def learn(self, limit=10):
        """Find out which session far expects, from what passes by."""
        with self.listen() as tap:
            for frame in self.frames(tap, limit):
                if frame.outgoing and frame.kind == PACKET:
                    self.session = frame.session
                    return
                # A hello names its sender's session, and echoes ours.
                if not frame.outgoing and frame.kind == LINK and \
                        frame.packet[0] == HELLO:
                    self.session = struct.unpack_from("!I", frame.packet, 4)[0]
                    return
        raise AssertionError(f"nothing is heard on {self.near}")

    def frame(self, packet, *, kind=PACKET, flags=0, length=None, version=1,
              session=None, dst=None, src=None):
        """An Ethernet frame around a packet."""
        if session is None:
            session = self.session if kind == PACKET else 0
        shim = struct.pack("!BBHI", version << 4 | kind, flags,
                           len(packet) if length is None else length, session)
        return (dst or self.mac[self.far]) + (src or self.mac[self.near]) + \
            struct.pack("!H", ETHERTYPE) + shim + packet

    def send(self, packet, count=1, **options):
        """Send a packet, so many times."""
        self.send_raw(self.frame(packet, **options), count)

    def send_raw(self, frame, count=1):
        """Send a frame as it is."""
        for _ in range(count):
            self.socket.send(frame)

    def ask(self, packet, matches, limit=3):
        """Send a packet; the first answer from far that matches, or None."""
        with self.listen() as tap:
            self.send(packet)
            for frame in self.frames(tap, limit):
                if not frame.outgoing and frame.kind == PACKET and \
                        matches(frame):
                    return frame
        return None


def to_hca(host, switch):
    """Towards a host's HCA."""
    return Cable(f"{switch}-{host.name}", f"{host.name}-{switch}")


def to_switch(host, switch):
    """Towards the port of a switch where a host is plugged in."""
    return Cable(f"{host.name}-{switch}", f"{switch}-{host.name}")


# --- real traffic

def assortment(hosts):
    """A little of everything that there is on a fabric."""
    h1, h2, h3, _ = hosts
    run("ip", "-n", "h2", "neigh", "flush", "dev", "ib0")
    for a, b in ((h1, h2), (h2, h3)):
        a.ping(b.v4, 5)
        a.ping(b.v6, 5)
        a.ping(b.v4, 1, 1900)
    lid = lab.lid(h2.hca)
    for what in ("nodeinfo", "nodedesc", "portinfo", "pkeys", "guidinfo"):
        run("smpquery", "-C", "sib1", what, lid)
        run("smpquery", "-C", "sib2", "-D", what, "0,1")
    run("smpquery", "-C", "sib2", "-D", "nodeinfo", "0,1,1")
    for hca in ("sib1", "sib2"):
        run("perfquery", "-C", hca, lid, 1)
        run("perfquery", "-C", hca, "-x", lab.lid(h1.hca), 1)
    run("sminfo", "-C", "sib2")
    # A group that it has not joined for somebody else: the SA is asked.
    group = f"239.3.{random.randrange(250)}.{random.randrange(1, 250)}"
    h2.run("ping", "-c", 1, "-w", 1, "-I", "ib0", group, check=False)


# --- counters and sockets

def hca_counters(hca):
    """All private counters of port 1, from sysfs."""
    base = f"/sys/class/infiniband/{hca}/ports/1/hw_counters"
    return {name: int(lab.read(f"{base}/{name}"))
            for name in os.listdir(base) if name != "lifespan"}


def pma_counters(hca):
    """All PMA counters of port 1, from sysfs."""
    base = f"/sys/class/infiniband/{hca}/ports/1/counters"
    return {name: int(lab.read(f"{base}/{name}")) for name in os.listdir(base)}


@contextlib.contextmanager
def grows(counters, limit=5, **expected):
    """What happens inside lets each named counter grow by exactly so much."""
    before = counters()
    yield
    grown = {}

    def done():
        now = counters()
        grown.update({k: now[k] - before[k] for k in expected})
        return all(grown[k] >= v for k, v in expected.items())
    try:
        lab.wait(done, limit, "counters do not grow")
    except AssertionError:
        pass
    now = counters()
    others = {k: v - before[k] for k, v in now.items() if v != before[k]}
    assert grown == expected, f"grown: {others}"


@contextlib.contextmanager
def inside(host):
    """Be in a host's namespace, without starting anything there."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(file):
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    with open("/proc/thread-self/ns/net", "rb") as home, \
            open(f"/run/netns/{host.name}", "rb") as away:
        enter(away)
        try:
            yield
        finally:
            enter(home)


def socket_of(host, *arguments):
    """A socket in a host's namespace."""
    with inside(host):
        return socket.socket(*arguments)


def receiver(host, port):
    """A UDP socket on a host that gives up after a while."""
    sock = socket_of(host, socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", port))
    sock.settimeout(5 * lab.SLOW)
    return sock


def silent(sock):
    """Has nothing more come to a socket?"""
    sock.setblocking(False)
    try:
        sock.recv(65536)
    except BlockingIOError:
        return True
    return False
