#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Writes the seeds of every fuzzer: seeds.py DIR makes DIR/FUZZER/SEED.

A seed is a good input, or one that is wrong in one way, in the form that the
head of the fuzzer's source describes. Mutations of these go further than
mutations of nothing: a random octet string is seldom a packet.
"""

import pathlib
import struct
import sys

OUI = 0x0002C90300001000
EVENTS = {"carrier on": 0, "carrier off": 1, "disable": 2, "enable": 3,
          "retrain": 4, "tick": 5, "silence": 6, "unplug": 7}


def be(octets, *values):
    return b"".join(value.to_bytes(octets, "big") for value in values)


# Packets.

def lrh(length, grh=False, vl=0, sl=0, dlid=4, slid=3):
    return struct.pack(">BBHHH", vl << 4, sl << 4 | (3 if grh else 2),
                       dlid, length // 4, slid)


def grh(length, dgid):
    return struct.pack(">IHBB", 6 << 28 | 0x12345, length, 0x1B, 64) + \
        be(8, 0xFE80 << 48, OUI) + dgid


def bth(opcode, pad, dqpn, pkey=0xFFFF):
    return struct.pack(">BBHII", opcode, 0x40 | pad << 4, pkey, dqpn, 7)


UNICAST_GID = be(8, 0xFE80 << 48, OUI + 1)
BROADCAST_GID = bytes.fromhex("ff12401bffff000000000000ffffffff")
EXT = {0x00: 0, 0x04: 0, 0x05: 4, 0x06: 16, 0x0B: 20, 0x0C: 16, 0x0D: 4,
       0x11: 4, 0x12: 12, 0x13: 28, 0x17: 4, 0x24: 0, 0x2B: 20, 0x64: 8,
       0x65: 12}
EMPTY = {0x0C, 0x11, 0x12, 0x13}


def packet(opcode=0x64, payload=64, dgid=None, vl=0, dlid=4, dqpn=0x48,
           qkey=0x0B1B, pkey=0xFFFF):
    pad = -payload % 4
    rest = 12 + EXT[opcode] + payload + pad + 4
    length = 8 + (40 if dgid else 0) + rest
    ext = be(4, qkey, 0x49) + bytes(4)
    return lrh(length, bool(dgid), vl, dlid=dlid) + \
        (grh(rest, dgid) if dgid else b"") + bth(opcode, pad, dqpn, pkey) + \
        (ext if opcode >= 0x64 else bytes(28))[:EXT[opcode]] + \
        bytes(payload + pad + 4)


def packets():
    for opcode in EXT:
        payload = 0 if opcode in EMPTY else 61
        yield f"op{opcode:02x}", packet(opcode, payload)
        yield f"op{opcode:02x}-grh", packet(opcode, payload, UNICAST_GID)
    yield "smp", packet(payload=256, vl=15, dlid=0xFFFF, dqpn=0, qkey=0)
    yield "gmp", packet(payload=256, dqpn=1, qkey=0x80010000)
    yield "broadcast", packet(dgid=BROADCAST_GID, dlid=0xC000, dqpn=0xFFFFFF)
    yield "permissive", packet(payload=256, dlid=0xFFFF)
    yield "mtu-2048", packet(payload=2048)


def hdr():
    for name, octets in packets():
        yield name, bytes([8]) + be(2, 0) + octets
    good = packet(dgid=UNICAST_GID)
    yield "padded", bytes(1) + be(2, 40) + good
    yield "cut", bytes(3) + good[:-4]
    yield "raw", bytes(3) + b"\x00\x00" + good[2:]
    yield "version", bytes(3) + b"\x01" + good[1:]


def icrc():
    for name, octets in packets():
        yield name, bytes([name.endswith("grh")]) + be(2, 9) + octets


def ud():
    for name, octets in packets():
        for kind, qkey in enumerate((0, 0x80010000, 0x0B1B)):
            keys = be(2, 0x8001, 0xFFFF)
            yield f"{name}-qp{kind}", bytes([kind, 2]) + be(4, qkey) + keys + \
                octets


# Management datagrams.

def smp(method, attr, mod=0, data=b"", hops=(1,), ptr=None, mkey=0, dr=True):
    path = bytes([0, *hops]).ljust(64, b"\0")
    head = struct.pack(">BBBBHBBQHHIQHH", 1, 0x81 if dr else 1, 1, method, 0,
                       len(hops) + 1 if ptr is None else ptr, len(hops), 77,
                       attr, 0, mod, mkey, 0xFFFF, 0xFFFF)
    return head + bytes(28) + data.ljust(64, b"\0") + path + path


def smp_seeds():
    # Switch 0, port 1 to switch 1, port 2; and so on round.
    cables = bytes([4] + [x for sw in range(4)
                          for x in (sw, 0, (sw + 1) % 4, 1)])
    for name, hops in {"none": (), "one": (1,), "three": (1, 1, 1),
                       "port-0": (1, 0, 1), "63": (1,) * 63}.items():
        for ptr in (0, 1, len(hops), len(hops) + 1):
            yield f"{name}-{ptr}", cables + bytes(2) + \
                smp(1, 0x11, hops=hops, ptr=ptr)
    back = bytearray(smp(0x81, 0x11, hops=(1, 1)))
    back[4] = 0x80
    yield "reply", cables + bytes([2, 2]) + back


CA, CA_3_PORTS, SWITCH = b"\0", bytes([2, 2, 69, 19]), bytes([1, 5, 31, 0])
PORT_INFO, LFT = 4, 6
SET, GET = 3, 1
LINK_UP = bytes([0, 0, 7])


def step(ingress, how, attr, mod=0, data=b"", key=b""):
    return bytes([1, ingress << 1, how]) + key + bytes([attr]) + \
        be(4, mod) + data


def patches(*pairs):
    return bytes([len(pairs)]) + bytes(x for pair in pairs for x in pair)


LIDS = ((16, 0), (17, 9), (18, 0), (19, 1))


def sma():
    for kind, node in (("ca", CA), ("ca3", CA_3_PORTS), ("switch", SWITCH)):
        for attr in range(10):
            block = bytes(range(64)) if attr != PORT_INFO else patches(*LIDS)
            yield f"{kind}-{attr}", node + step(1, GET, attr) + \
                step(1, SET, attr, 0, block) + step(1, GET, attr)
        yield f"{kind}-up", node + LINK_UP + \
            step(0, SET, PORT_INFO, 1, patches(*LIDS)) + \
            step(0, SET, PORT_INFO, 1, patches(*LIDS, (32, 3))) + \
            step(0, SET, PORT_INFO, 1, patches(*LIDS, (32, 4)))
        yield f"{kind}-lmc", node + \
            step(0, SET, PORT_INFO, 0, patches(*LIDS)) + \
            step(0, SET, PORT_INFO, 0, patches(*LIDS, (34, 3)))
        yield f"{kind}-both-states", node + LINK_UP + \
            step(0, SET, PORT_INFO, 1, patches(*LIDS, (32, 3), (33, 0x22)))
        yield f"{kind}-disable", node + LINK_UP + \
            step(0, SET, PORT_INFO, 1, patches((32, 1), (33, 0x32)))
        yield f"{kind}-mkey", node + \
            step(0, SET, PORT_INFO, 0, patches(*LIDS, (7, 5), (34, 0x80))) + \
            step(0, SET | 4, PORT_INFO, 0, patches(*LIDS), be(8, 6)) + \
            step(0, GET | 4, 1, key=be(8, 6))
        for method in (1, 2, 3, 5, 6, 7, 0x81):
            for attr in (0x02, 0x20):
                yield f"{kind}-method-{method}-{attr}", node + \
                    bytes([1, 2, 0]) + smp(method, attr, dr=False)
        for sm in range(3):
            yield f"{kind}-sm-{sm}", node + bytes([2, sm]) + step(1, GET, 8)
        yield f"{kind}-raw", node + bytes([1, 2, 0]) + smp(1, 0x15, 1)
    for top in (0xBFFF, 0xC000):
        yield f"lft-{top:x}", SWITCH + \
            step(0, SET, 2, 0, bytes(6) + be(2, top) + bytes(56))
    yield "lft-top", SWITCH + step(0, SET, LFT, 767, bytes(64)) + \
        step(0, SET, LFT, 768, bytes(64))
    yield "mft-last", SWITCH + step(0, SET, 7, 127, b"\xff" * 64) + \
        step(0, SET, 7, 127 | 1 << 28, b"\xff" * 64)


def pma():
    node = bytes([1, 4])
    count = b"".join(bytes([0, 1, counter, 3]) + be(4, 1 << 20)
                     for counter in range(21))
    for how in range(16):
        mad = bytes([1, 16 | how, 1, 0xFF, 0xFF, 1])
        yield f"how-{how}", node + count[:48] + mad + count[48:96] + mad
    for method in (1, 2, 3, 5, 7, 0x81):
        raw = bytes([1, 4, 1, method]) + bytes(13) + b"\x12" + bytes(46) + \
            bytes([0, 255, 255, 255]) + bytes(188)
        yield f"raw-{method}", node + count[:32] + bytes([1, 0]) + raw


def trap():
    head = bytes([1]) + be(2, 9) + be(8, 77)
    request = smp(2, 0x15, hops=tuple(range(1, 41)), mkey=5)
    yield "bad-key", bytes([0]) + head + bytes([1, 1]) + \
        grh(0, UNICAST_GID) + UNICAST_GID + bytes(range(1, 30))
    yield "bad-mkey", bytes([1]) + head + be(2, 9) + request
    yield "bad-mkey-30", bytes([1]) + head + be(2, 9) + \
        smp(2, 0x15, hops=tuple(range(1, 31)))
    yield "change", bytes([2]) + head + be(2, 9, 1) + be(4, 0x2000848)
    yield "link", bytes([3]) + head + be(2, 9)


def fwd():
    ports = bytes([5]) + bytes([0x33] * 4 + [0x31, 0x12])
    lids = be(2, 9) + bytes([1]) + be(2, 0x100)
    lft = bytes([3]) + b"".join(be(2, lid) + bytes([port]) for lid, port in
                                ((4, 2), (5, 5), (0x101, 3)))
    mft = bytes([2]) + be(2, 0) + be(8, 0x7F) + be(2, 0xFFF) + be(8, 3)
    sent = b"".join(bytes([1, vl]) + be(2, length, dlid)
                    for vl, length in ((0, 280), (15, 280), (0, 2172), (0, 2176))
                    for dlid in (0, 4, 5, 9, 10, 0x101, 0xC000, 0xCFFF, 0xD000,
                                 0xFFFE, 0xFFFF))
    yield "switch", ports + lids + lft + mft + sent


# The cable.

def hello(kind=1, session=5, echo=0):
    return struct.pack(">BBBBIIBBxxQQ", kind, 1, 4, 1, session, echo, 1, 7,
                       99, OUI) + bytes(8)


def shim():
    mtu = be(2, 4222)
    for name, message in {"hello": hello(), "bye": hello(2, 5, 6),
                          "no-session": hello(1, 0)}.items():
        frame = struct.pack(">BBHI", 0x11, 0, len(message), 0) + message
        yield name, mtu + frame
        yield name + "-padded", mtu + frame + bytes(20)
        yield name + "-cut", mtu + frame[:-1]
    octets = packet()
    yield "packet", be(2, 1500) + \
        struct.pack(">BBHI", 0x10, 3, len(octets), 5) + octets
    bundle = octets + packet(0x04, 5) + packet(0x00, 256)
    yield "bundle", be(2, 9000) + \
        struct.pack(">BBHI", 0x12, 0, len(bundle), 5) + bundle


def lsm():
    def on(*names):
        return bytes(EVENTS[name] for name in names)

    def heard(how, kind=1):
        return bytes([8, how | 1]) + hello(kind)

    up = on("carrier on") + heard(0) + heard(2)
    yield "up", up
    yield "bye", up + heard(6, 2)
    yield "new-session", up + heard(0)[:-30] + bytes(30)
    yield "third", up + heard(2 | 8)
    for name in EVENTS:
        yield "up-" + name.replace(" ", "-"), up + on(name) + heard(2)
    yield "config-silence", on("carrier on") + heard(0) + on("silence")


# IPoIB.

HW = bytes.fromhex("80000048") + UNICAST_GID
BROADCAST = bytes.fromhex("00ffffff") + BROADCAST_GID


def datagrams():
    arp = be(2, 32, 0x800) + bytes([20, 4]) + be(2, 1) + HW + be(4, 1) + \
        bytes(20) + be(4, 2)
    yield "arp", 0x0806, arp
    yield "arp-cut", 0x0806, arp[:-1]
    for kind in (132, 133, 137, 138):
        nd = bytes([0x60, 0, 0, 0, 0, 24, 58, 255]) + bytes(32) + \
            bytes([kind]) + bytes(23)
        yield f"nd-{kind}", 0x86DD, nd
        yield f"nd-{kind}-cut", 0x86DD, nd[:40]
    yield "ipv4", 0x0800, bytes(20)


def encap():
    for name, kind, data in datagrams():
        for flags in range(4):
            for where, gid in (("us", UNICAST_GID), ("all", BROADCAST_GID)):
                yield f"{name}-{flags}-{where}", bytes([flags]) + HW + \
                    be(2, 0xFFFF) + grh(28, gid) + be(2, kind, 0) + data


def hwaddr():
    tail = be(4, 0x48) + be(2, 0x8001)
    group = BROADCAST[:16] + be(4, 0xE0000001)
    yield "broadcast", BROADCAST + BROADCAST + tail
    yield "group", group + BROADCAST + tail
    yield "ipv6", group[:6] + b"\x60" + group[7:] + BROADCAST + tail
    yield "change", HW + HW[:19] + b"\x77" + tail
    yield "zero", HW + HW[:12] + bytes(8) + tail


def mcast_fsm():
    for name, events in {"join": (6, 0, 1), "refused": (6, 0, 2, 0, 1),
                         "reset": (0, 1, 4, 0, 3, 0, 1), "stop": (0, 1, 5),
                         "late": (0, 5, 1, 2, 3)}.items():
        yield name, bytes(events)


def path_fsm():
    for name, events in {"ask": (0, 2), "refused": (0, 3, 0, 1, 2),
                         "refresh": (0, 2, 5, 1, 4, 1, 2),
                         "drop": (0, 6, 2, 0, 2, 5, 1, 6)}.items():
        yield name, bytes(events)


def conn_fsm():
    for name, events in {"up": (0, 1), "refused": (0, 2), "lost": (0, 1, 3),
                         "closed": (0, 1, 4), "early": (3, 1, 0, 4),
                         "late": (0, 2, 1, 2, 3, 4, 0)}.items():
        yield name, bytes(events)


# Lengths of private data, of what can be read of a packet, a request's pages.

def cm():
    own = be(4, 0x208, 65524)
    tail = bytes([0x80, 0xC0]) + be(4, 16, 4096, 3)
    for name, data in {"usual": own, "reserved": b"\xff" + own[1:],
                       "all": be(4, 0x208, 0xFFFFFFFF), "cut": own[:7],
                       "header-alone": be(4, 0x208, 4), "req": own.ljust(92),
                       "rep": own.ljust(196)}.items():
        yield name, be(4, 0x208, 65524) + tail + be(2, 0x800) + \
            bytes([len(data)]) + data
    for name, kind, data in datagrams():
        yield name, be(4, 0x80000208, 4) + tail + be(2, kind) + \
            bytes([8]) + own + data[:48]


def ring():
    for wanted in (0, 1, 128, 8192, 0x7FFFFFFF, 0xFFFFFFFF):
        yield f"{wanted:x}", be(4, wanted, 0xFFFFFFF0) + bytes([9, 5] * 20)


def mtu():
    most = be(2, 65520)
    switch = b"\xff"
    yield "groups", bytes([4]) + most + \
        bytes([3 | code << 2 for code in range(8)])
    yield "wishes", bytes([3]) + most + b"".join(
        b"\0" + be(2, octets) for octets in (71, 72, 2044, 2045)) + \
        bytes([3 | 3 << 2, 3 | 4 << 2])
    yield "modes", bytes([4]) + most + switch + b"".join(
        b"\0" + be(2, octets) for octets in (0, 71, 9000, 65520, 65521)) + \
        bytes([3 | 3 << 2]) + switch + switch + switch
    yield "little", bytes([4]) + most + switch + b"\0" + be(2, 40) + switch


# A connection: seed, and what happens to each packet; see fuzz_rc.c.

def rc():
    for name, how in {"well": 0, "lost": 1, "twice": 2, "late": 3,
                      "unready": 4}.items():
        yield name, be(4, 0xFFFFF0, 1) + bytes([how, 0, 0] * 60)


# IP as an HCA and large receive look at it.

def ip_packet(proto, options=0, data=100, v6=False, at=0):
    """Headers and data, from the IP header on; no checksums."""
    hlen = (20 if proto == 6 else 8) + options
    if proto == 6:
        rest = struct.pack(">HHIIBBHHH", 9, 10, 1 + at, 2, hlen // 4 << 4,
                           0x10, 500, 0, 0)
        rest += bytes([1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 6])[:options]
    else:
        rest = struct.pack(">HHHH", 9, 10, hlen + data, 0)
    if v6:
        head = struct.pack(">IHBB", 6 << 28, hlen + data, proto, 64) + bytes(32)
    else:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + hlen + data, 1, 0x4000,
                           64, proto, 0) + bytes([192, 0, 2, 1, 192, 0, 2, 2])
    return head + rest


def inet():
    for v6 in (False, True):
        kind = be(2, 0x86DD if v6 else 0x0800) + bytes(2)
        for proto in (6, 17):
            yield f"sums-{proto}-{v6}", be(4, 0) + kind + \
                ip_packet(proto, v6=v6) + bytes(range(100))
        for options in (0, 12):
            yield f"cut-{options}-{v6}", be(2, 9000, 1460) + kind + \
                ip_packet(6, options, 9000, v6)


def lro():
    def packets(*sizes, options=12):
        at = 0
        for size in sizes:
            head = ip_packet(6, options, size, at=at)
            yield be(2, len(head) + size) + head.ljust(52, b"\0")
            at += size
    yield "three", b"".join(packets(100, 100, 50))
    yield "plain", b"".join(packets(100, 100, options=0))
    yield "full", b"".join(packets(*[20000] * 4))


SEEDS = {"smp": smp_seeds, "hdr": hdr, "icrc": icrc, "ud": ud, "sma": sma,
         "pma": pma, "trap": trap, "fwd": fwd, "shim": shim, "lsm": lsm,
         "encap": encap, "hwaddr": hwaddr, "mcast_fsm": mcast_fsm,
         "path_fsm": path_fsm, "conn_fsm": conn_fsm, "cm": cm, "ring": ring,
         "mtu": mtu, "rc": rc, "inet": inet, "lro": lro}


def main():
    top = pathlib.Path(sys.argv[1])
    here = pathlib.Path(__file__).parent
    fuzzers = {path.stem.removeprefix("fuzz_")
               for path in here.glob("fuzz_*.c")}
    if fuzzers != set(SEEDS):
        sys.exit(f"seeds.py: not both a fuzzer and seeds: "
                 f"{fuzzers ^ set(SEEDS)}")
    for fuzzer, seeds in SEEDS.items():
        (top / fuzzer).mkdir(parents=True, exist_ok=True)
        for name, octets in seeds():
            (top / fuzzer / name).write_bytes(octets)


if __name__ == "__main__":
    main()
