# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rtnetlink without ip(8), which would not send what the kernel must refuse.

rtnetlink(7), linux/netlink.h, linux/rtnetlink.h, linux/if_link.h.
"""

import socket
import struct

from tests.vm.netns import inside

NEWLINK, GETLINK = 16, 18
REQUEST, ACK, CREATE, EXCL = 1, 4, 0x400, 0x200
ERROR = 2
NETLINK_ROUTE, SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 0, 270, 10, 11
CAPPED, ACK_TLVS = 0x100, 0x200
ERRMSG = 1

ADDRESS, IFNAME, MTU, LINK, LINKINFO = 1, 3, 4, 5, 18
NUM_TX_QUEUES, NUM_RX_QUEUES = 31, 32
INFO_KIND, INFO_DATA = 1, 2
PKEY, MODE, UMCAST = 1, 2, 3


def attr(kind, value):
    """One attribute: octets as they are, a string, or other ones nested."""
    if isinstance(value, str):
        value = value.encode() + b"\0"
    if isinstance(value, (list, tuple)):
        value = b"".join(value)
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + bytes(-length % 4)


def u16(kind, value):
    """A number of 16 bits."""
    return attr(kind, struct.pack("=H", value))


def u32(kind, value):
    """A number of 32 bits."""
    return attr(kind, struct.pack("=I", value))


def info(*data):
    """The attributes of a link of our kind."""
    return attr(LINKINFO, [attr(INFO_KIND, "ipoib"), attr(INFO_DATA, data)])


def attributes(octets):
    """Attributes by their number."""
    found = {}
    while len(octets) >= 4:
        length, kind = struct.unpack_from("=HH", octets)
        found[kind & 0x3fff] = octets[4:length]
        octets = octets[(length + 3) & ~3:]
    return found


class Rtnl:
    """A routing socket of a host. A context manager."""

    def __init__(self, host):
        with inside(host):
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                         NETLINK_ROUTE)
        for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK):
            self._socket.setsockopt(SOL_NETLINK, option, 1)
        self._number = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def _ask(self, kind, flags, index, attrs):
        body = struct.pack("=BxHiII", 0, 0, index, 0, 0) + b"".join(attrs)
        self._number += 1
        self._socket.send(struct.pack("=IHHII", 16 + len(body), kind,
                                      flags | REQUEST, self._number, 0) + body)
        return self._socket.recv(1 << 16)

    def new(self, *attrs, index=0):
        """Make a link, or change the one of an index: errno and message."""
        flags = ACK if index else ACK | CREATE | EXCL
        answer = self._ask(NEWLINK, flags, index, attrs)
        _, kind, flags, number, _ = struct.unpack_from("=IHHII", answer)
        assert (kind, number) == (ERROR, self._number)
        error, = struct.unpack_from("=i", answer, 16)
        said = b""
        if flags & ACK_TLVS:
            begin = 36 if flags & CAPPED or not error else \
                20 + struct.unpack_from("=I", answer, 20)[0]
            said = attributes(answer[begin:]).get(ERRMSG, b"")
        return -error, said.rstrip(b"\0").decode()

    def data(self, name):
        """The attributes of our kind that a link is shown with."""
        answer = self._ask(GETLINK, 0, 0, [attr(IFNAME, name)])
        link = attributes(answer[32:])
        shown = attributes(link[LINKINFO])
        assert shown[INFO_KIND].rstrip(b"\0") == b"ipoib"
        return {kind: struct.unpack("=H", value)[0]
                for kind, value in attributes(shown[INFO_DATA]).items()}
