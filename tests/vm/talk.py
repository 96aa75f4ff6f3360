#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Programs that tests run on hosts to talk to each other, here or in another
guest.

    talk.py listen tcp|udp PORT         tell what comes: octets and SHA-256
    talk.py tell tcp|udp ADDRESS PORT OCTETS SEED
    talk.py join GROUP PORT COUNT       tell the first that come to an IP group
    talk.py cast GROUP PORT WORD        send a word to an IP group

What listens prints "ready" when it can be sent to. What was sent is a function of the
seed: expected() tells its hash.
"""

import hashlib
import random
import signal
import socket
import struct
import sys


PIECE = 1 << 20


def payload(octets, seed):
    """In pieces; the same for the same seed."""
    source = random.Random(int(seed))
    for left in range(int(octets), 0, -PIECE):
        yield source.randbytes(min(left, PIECE))


def told(pieces):
    """Their length together and their hash."""
    octets, digest = 0, hashlib.sha256()
    for piece in pieces:
        octets += len(piece)
        digest.update(piece)
    return f"{octets} {digest.hexdigest()}"


def expected(octets, seed):
    """What the listener prints when that has come whole."""
    return told(payload(octets, seed))


def say(*words):
    """Now, not when a buffer is full."""
    print(*words, flush=True)


def listen(kind, port):
    """One datagram or one stream, of either family."""
    if kind == "udp":
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", int(port)))
        say("ready")
        say(told([sock.recv(1 << 16)]))
        return
    with socket.create_server(("::", int(port)), family=socket.AF_INET6,
                              dualstack_ipv6=True) as server:
        say("ready")
        sock, _ = server.accept()
        say(told(iter(lambda: sock.recv(1 << 16), b"")))


def tell(kind, address, port, octets, seed):
    """A stream, or a datagram."""
    if kind == "tcp":
        with socket.create_connection((address, int(port)), 60) as sock:
            sock.settimeout(None)
            for piece in payload(octets, seed):
                sock.sendall(piece)
        return
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"".join(payload(octets, seed)), (address, int(port)))


def family_of(group):
    """Of an address."""
    return socket.AF_INET6 if ":" in group else socket.AF_INET


def join(group, port, count):
    """Print so many messages."""
    sock = socket.socket(family_of(group), socket.SOCK_DGRAM)
    index = socket.if_nametoindex("ib0")
    raw = socket.inet_pton(family_of(group), group)
    if ":" in group:
        sock.bind((group, int(port), 0, index))
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                        raw + struct.pack("@I", index))
    else:
        sock.bind((group, int(port)))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        struct.pack("4s4si", raw, bytes(4), index))
    say("ready")
    for _ in range(int(count)):
        say(sock.recv(1 << 16).decode())


def cast(group, port, word):
    """One message; not a member."""
    with socket.socket(family_of(group), socket.SOCK_DGRAM) as sock:
        index = socket.if_nametoindex("ib0")
        if ":" in group:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF,
                            index)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                            struct.pack("4s4si", bytes(4), bytes(4), index))
        sock.sendto(word.encode(), (group, int(port)))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    {"listen": listen, "tell": tell, "join": join,
     "cast": cast}[sys.argv[1]](*sys.argv[2:])
