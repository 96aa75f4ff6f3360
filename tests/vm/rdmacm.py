# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""RDMA CM as a program sees it: /dev/infiniband/rdma_cm, opened in a host's
network namespace. Everything but data: that needs queue pairs of user space.
"""

import collections
import ctypes
import os
import select
import socket
import struct

from tests.vm import lab
from tests.vm.netns import inside

# rdma_user_cm.h
(_CREATE_ID, _DESTROY_ID, _, _RESOLVE_IP, _RESOLVE_ROUTE, _, _CONNECT, _LISTEN,
 _ACCEPT) = range(9)
_GET_EVENT, _QUERY, _BIND, _JOIN = 12, 19, 20, 22
_QUERY_GID = 2

# Port spaces, each with the kind of queue pair that it is used with.
TCP, UDP, IPOIB = 0x0106, 0x0111, 0x0002
_QP_TYPE = {TCP: 2, UDP: 4, IPOIB: 4}

# rdma_cm.h
EVENTS = ("ADDR_RESOLVED", "ADDR_ERROR", "ROUTE_RESOLVED", "ROUTE_ERROR",
          "CONNECT_REQUEST", "CONNECT_RESPONSE", "CONNECT_ERROR",
          "UNREACHABLE", "REJECTED", "ESTABLISHED", "DISCONNECTED",
          "DEVICE_REMOVAL", "MULTICAST_JOIN", "MULTICAST_ERROR",
          "ADDR_CHANGE", "TIMEWAIT_EXIT")

Event = collections.namedtuple("Event", "name status id qpn qkey data dlid gid")
Found = collections.namedtuple("Found", "guid port pkey sgid dgid")


def sockaddr(address, port=0, scope=0):
    """A struct sockaddr_in or sockaddr_in6."""
    if ":" in address:
        return struct.pack("=H", socket.AF_INET6) + \
            struct.pack("!HI", port, 0) + \
            socket.inet_pton(socket.AF_INET6, address) + \
            struct.pack("=I", scope)
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + \
        socket.inet_aton(address) + bytes(8)


def _storage(address, port=0, size=128, scope=0):
    return sockaddr(address, port, scope).ljust(size, b"\0")


def _parameters(qpn, qkey, data):
    """A struct rdma_ucm_conn_param."""
    return struct.pack("=II256s8B", qpn, qkey, data, len(data), 0, 1, 1, 0, 7,
                       7, 1)


class Id:
    """One end of a conversation. A context manager."""

    def __init__(self, host, port_space=UDP):
        """HOST is whoever has a name that `ip netns` knows."""
        self.host, self.port_space, self.number = host, port_space, None
        with inside(host):
            self._fd = os.open("/dev/infiniband/rdma_cm",
                               os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            answer = ctypes.create_string_buffer(4)
            # The first word is a name for it, other than 0.
            self._tell(_CREATE_ID, struct.pack(
                "=QQHB5x", 7, ctypes.addressof(answer), port_space,
                _QP_TYPE[port_space]), 4)
        self.number, = struct.unpack("=I", answer.raw)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Forget everything, those that were accepted too."""
        os.close(self._fd)

    def _tell(self, number, data, answer=0):
        os.write(self._fd, struct.pack("=IHH", number, len(data), answer) +
                 data)

    def _ask(self, number, size, data=b""):
        """A request that begins with the place of its answer."""
        answer = ctypes.create_string_buffer(size)
        self._tell(number, struct.pack("=Q", ctypes.addressof(answer)) + data,
                   size)
        return answer.raw

    def event(self, limit=20):
        """The next event."""
        assert select.select([self._fd], [], [], limit * lab.SLOW)[0], \
            f"{self.host}: no event within {limit} s"
        raw = self._ask(_GET_EVENT, 336)
        number, event, status, qpn, qkey = struct.unpack_from("=IIiII", raw, 8)
        # A datagram's has the way to the other end before the data.
        at = 28 if self.port_space == TCP else 60
        return Event(EVENTS[event], status, number, qpn, qkey,
                     raw[at:at + 256].rstrip(b"\0"),
                     struct.unpack_from("=H", raw, 52)[0], raw[28:44])

    def expect(self, name, limit=20):
        """The next event, which must be this one, without an error."""
        event = self.event(limit)
        assert (event.name, event.status) == (name, 0), event
        return event

    def bind(self, address, port=0, scope=0):
        """Have an address of one's own."""
        raw = _storage(address, port, scope=scope)
        self._tell(_BIND, struct.pack("=IHH", self.number,
                                      28 if ":" in address else 16, 0) + raw)
        return self

    def listen(self, address, port, scope=0):
        """Wait for requests."""
        self.bind(address, port, scope)
        self._tell(_LISTEN, struct.pack("=II", self.number, 8))
        return self

    def resolve(self, address, port=0, source=None, scope=0, route=True):
        """Find out the way to an address."""
        own = _storage(source, 0, 28, scope) if source else bytes(28)
        self._tell(_RESOLVE_IP, own + _storage(address, port, 28, scope) +
                   struct.pack("=II", self.number, 5000))
        self.expect("ADDR_RESOLVED")
        if route:
            self._tell(_RESOLVE_ROUTE, struct.pack("=II", self.number, 5000))
            self.expect("ROUTE_RESOLVED")
        return self

    def found(self, number=None):
        """What is known of the two ends, by what the interface says."""
        raw = self._ask(_QUERY, 280, struct.pack(
            "=II", self.number if number is None else number, _QUERY_GID))
        return Found(raw[:8], raw[8], struct.unpack_from("!H", raw, 10)[0],
                     raw[24:40], raw[152:168])

    def connect(self, qpn=0x123456, data=b"hello"):
        """Send a request."""
        self._tell(_CONNECT, _parameters(qpn, 0, data) +
                   struct.pack("=IIQ", self.number, 0, 0))
        return self

    def accept(self, number, qpn=0x654321, qkey=0, data=b"welcome"):
        """Answer one that came."""
        self._tell(_ACCEPT, struct.pack("=Q", 8) +
                   _parameters(qpn, qkey, data) +
                   struct.pack("=IIQ", number, 0, 0))

    def join(self, group):
        """Join an IP group; the event that tells of it."""
        self._ask(_JOIN, 4, struct.pack("=QIHH", 9, self.number, 28 if ":" in
                                        group else 16, 0) + _storage(group))
        return self.expect("MULTICAST_JOIN")
