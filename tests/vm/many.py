# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Many interfaces at once: made and deleted in batches, both ways, and sockets
that ask for echoes through each of them.
"""

import os
import socket
import struct

from tests.vm.iftools import write_all
from tests.vm.lab import run, wait
from tests.vm.netns import inside

ECHO, ECHO_REPLY = 8, 0


def batch(host, *lines):
    """Have ip(8) do many things on a host; all must succeed."""
    run("ip", "-n", host.name, "-batch", "-", text="\n".join(lines) + "\n",
        timeout=600)


def batch_add(host, links, parent="ib0"):
    """Make children by rtnetlink: pairs of a name and a P_Key."""
    batch(host, *(f"link add link {parent} name {name} type ipoib pkey "
                  f"{pkey:#06x}" for name, pkey in links))


def file_name(pkey, parent="ib0"):
    """The name of the child that create_child makes."""
    return f"{parent}.{pkey:04x}"


def _write(host, file, pkeys):
    done = write_all(host, [(file, f"{pkey:#06x}\n") for pkey in pkeys])
    assert [count for count, _ in done] == [7] * len(done), done


def file_add(host, pkeys):
    """Make children by create_child; their names."""
    _write(host, "create_child", pkeys)
    return [file_name(pkey) for pkey in pkeys]


def file_delete(host, pkeys):
    """Delete children by delete_child; they go a little later."""
    _write(host, "delete_child", pkeys)


def interfaces(host):
    """Names of the interfaces of a host but lo."""
    with inside(host):
        return {name for _, name in socket.if_nameindex()} - {"lo"}


def wait_gone(host, names, limit=30):
    """Until none of these interfaces is there."""
    wait(lambda: not interfaces(host) & set(names), limit,
         f"interfaces of {host} stay")


class Echo:
    """Asks for echoes through one interface. A context manager."""

    def __init__(self, host, dev, target, size=400):
        with inside(host):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM,
                                         socket.IPPROTO_ICMP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                                dev.encode())
        self._socket.setblocking(False)
        self.host, self.dev, self._target = host, dev, target
        self._body = os.urandom(size)
        self.sent, self._back = 0, set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """No more."""
        self._socket.close()

    def ask(self):
        """Ask once more."""
        self._socket.sendto(struct.pack("!BBHHH", ECHO, 0, 0, 0, self.sent) +
                            self._body, (self._target, 0))
        self.sent += 1

    def forget(self):
        """What was asked so far may stay away."""
        self.back()
        self._back = set(range(self.sent))

    def back(self):
        """How many answers there are, each for another question, and each
        with what was sent."""
        try:
            while True:
                answer = self._socket.recv(65536)
                kind, number = answer[0], int.from_bytes(answer[6:8], "big")
                assert kind == ECHO_REPLY and answer[8:] == self._body
                self._back.add(number)
        except BlockingIOError:
            return len(self._back)
