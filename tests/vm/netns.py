# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Sockets of this process in a host's network namespace.

A socket stays in the namespace that it was made in, so no other process is
needed to send and to receive there.
"""

import contextlib
import ctypes
import os
import socket
import struct

from tests.vm import lab

PORT = 5555
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def _enter(path):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _LIBC.setns(fd, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns to {path}")
    finally:
        os.close(fd)


@contextlib.contextmanager
def inside(host):
    """This thread is in a host's namespace for a while."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(f"/run/netns/{host.name}")
        try:
            yield
        finally:
            _enter(f"/proc/self/fd/{home}")
    finally:
        os.close(home)


def _family(group):
    return socket.AF_INET6 if ":" in group else socket.AF_INET


def _membership(group, index):
    """What IP_ADD_MEMBERSHIP or IPV6_JOIN_GROUP takes."""
    raw = socket.inet_pton(_family(group), group)
    return (raw + struct.pack("@I", index) if ":" in group
            else struct.pack("4s4si", raw, bytes(4), index))


class Member:
    """A socket that is a member of an IP group. A context manager."""

    def __init__(self, host, group, dev="ib0"):
        """Join."""
        with inside(host):
            self._socket = socket.socket(_family(group), socket.SOCK_DGRAM)
            index = socket.if_nametoindex(dev)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setblocking(False)
        self._socket.bind((group, PORT, 0, index) if ":" in group
                          else (group, PORT))
        level, option = (
            (socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP) if ":" in group
            else (socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP))
        self._socket.setsockopt(level, option, _membership(group, index))
        self._heard = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Leave."""
        self._socket.close()

    def heard(self):
        """All that has come so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._heard.append(self._socket.recv(65536))
        return self._heard


def send(host, group, *messages, dev="ib0", hops=8):
    """Send datagrams to an IP group without being a member."""
    with inside(host), \
            socket.socket(_family(group), socket.SOCK_DGRAM) as sock:
        index = socket.if_nametoindex(dev)
        if ":" in group:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF,
                            index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS,
                            hops)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                            struct.pack("4s4si", bytes(4), bytes(4), index))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, hops)
        for message in messages:
            sock.sendto(message, (group, PORT))


def send_until_heard(host, group, member, message, limit=20):
    """Send to a group, again and again, until a member has heard it."""
    def look():
        send(host, group, message)
        return message in member.heard()

    lab.wait(look, limit, f"{message!r} to {group} is not heard")


def packet_socket(host, ethertype, dev="ib0"):
    """A socket that sees what an interface receives; the caller closes it."""
    with inside(host):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                             socket.htons(ethertype))
    sock.setblocking(False)
    sock.bind((dev, ethertype))
    return sock
