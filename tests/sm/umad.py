# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The kernel's umad interface: MADs in and out of /dev/infiniband/umadN.

One Umad is one open file with any number of agents and one thread that
receives for all of them. Layouts and ioctls are those of
rdma/ib_user_mad.h; the kernel's documentation is
Documentation/infiniband/user_mad.rst.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import errno
import fcntl
import itertools
import os
import select
import struct
import threading
from collections.abc import Callable, Iterable

from tests.sm.layout import Gid
from tests.sm.mad import MadHeader, RESPONSE

SYSFS = "/sys/class/infiniband_mad"
DEVICES = "/dev/infiniband"

# id, status, timeout_ms, retries, length; the rest is big-endian but for the
# P_Key index.
_NATIVE = struct.Struct("=5I")
_ADDRESS = struct.Struct("!IIH6B16sI")
_PKEY_INDEX = struct.Struct("=H6x")
HEADER_SIZE = _NATIVE.size + _ADDRESS.size + _PKEY_INDEX.size

# struct ib_user_mad_reg_req: id, method mask, QPN, class, version, OUI, RMPP
# version; padded to a multiple of 4 octets.
_REG_REQ = struct.Struct("=I16sBBB3sBx")
_ID = struct.Struct("=I")


def _ioctl(direction: int, number: int, size: int) -> int:
    """The number of an RDMA ioctl, whose magic is 0x1b."""
    return direction << 30 | size << 16 | 0x1b << 8 | number


REGISTER_AGENT = _ioctl(3, 1, _REG_REQ.size)
UNREGISTER_AGENT = _ioctl(3, 2, _ID.size)
ENABLE_PKEY = _ioctl(0, 3, 0)

# Room for what RMPP may put together.
_READ_SIZE = HEADER_SIZE + (1 << 16)
# How much longer than the kernel's own timeout an answer is waited for, in
# seconds: SMPs that this node answers itself have none.
_GRACE = 5.0


class MadTimeout(TimeoutError):
    """A request had no answer after all its retries."""


class UmadClosed(OSError):
    """The device was closed, or has gone, while something waited for it."""


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a MAD goes, or where it came from.

    ``gid``, ``gid_index``, ``hop_limit``, ``traffic_class`` and
    ``flow_label`` count only with ``grh_present``.
    """

    lid: int
    qpn: int = 0
    qkey: int = 0
    sl: int = 0
    path_bits: int = 0
    grh_present: int = 0
    gid_index: int = 0
    hop_limit: int = 0
    traffic_class: int = 0
    gid: Gid = Gid(0)
    flow_label: int = 0
    pkey_index: int = 0

    def encode(self) -> bytes:
        """The part of struct ib_user_mad_hdr that is an address."""
        return _ADDRESS.pack(
            self.qpn, self.qkey, self.lid, self.sl, self.path_bits,
            self.grh_present, self.gid_index, self.hop_limit,
            self.traffic_class, self.gid.packed, self.flow_label
        ) + _PKEY_INDEX.pack(self.pkey_index)

    @classmethod
    def decode(cls, octets: bytes) -> Address:
        """The reverse of encode()."""
        (qpn, qkey, lid, sl, path_bits, grh_present, gid_index, hop_limit,
         traffic_class, gid, flow_label) = _ADDRESS.unpack_from(octets)
        pkey_index, = _PKEY_INDEX.unpack_from(octets, _ADDRESS.size)
        return cls(lid, qpn, qkey, sl, path_bits, grh_present, gid_index,
                   hop_limit, traffic_class, Gid(gid), flow_label, pkey_index)


Handler = Callable[[bytes, Address], None]


def find_device(kind: str, hca: str, port: int = 1) -> str:
    """The path of the umad or issm device of an HCA's port.

    ``kind`` is "umad" or "issm"; LookupError if there is none.
    """
    for name in sorted(os.listdir(SYSFS)):
        path = os.path.join(SYSFS, name)
        if not name.startswith("umad"):
            continue
        if (_read(path, "ibdev") == hca and
                int(_read(path, "port")) == port):
            return os.path.join(DEVICES, name.replace("umad", kind))
    raise LookupError(f"{hca} port {port} has no {kind} device")


def _read(*path: str) -> str:
    with open(os.path.join(*path), encoding="ascii") as file:
        return file.read().strip()


class Agent:
    """A registration with a Umad; made by Umad.register()."""

    def __init__(self, umad: Umad, number: int, handler: Handler | None):
        self.umad = umad
        self.number = number
        self.handler = handler

    def send(self, mad: bytes, address: Address) -> None:
        """Send a MAD that no answer is waited for: a response, say.

        OSError if the kernel refuses it.
        """
        self.umad.write(self.number, mad, address, 0, 0)

    def call(self, mad: bytes, address: Address, timeout_ms: int = 1000,
             retries: int = 3) -> bytes:
        """Send a request and return the answer to it.

        The kernel sends it again every ``timeout_ms``, ``retries`` times.
        The high half of the transaction ID is the kernel's, the low half
        must be unique among what is under way: see Umad.next_tid().
        Errors: MadTimeout, UmadClosed, OSError.
        """
        return self.umad.call(self.number, mad, address, timeout_ms, retries)


class Umad:
    """An open umad device. Also a context manager that closes it."""

    def __init__(self, hca: str, port: int = 1) -> None:
        """OSError if it cannot be opened, LookupError if there is none."""
        self.hca, self.port = hca, port
        self.failures: list[BaseException] = []
        self._agents: dict[int, Agent] = {}
        self._waiting: dict[tuple[int, int], concurrent.futures.Future] = {}
        self._lock = threading.Lock()
        self._tids = itertools.count(1)
        self._fd = os.open(find_device("umad", hca, port),
                           os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._closing = False
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        fcntl.ioctl(self._fd, ENABLE_PKEY)
        self._thread = threading.Thread(target=self._receive, daemon=True,
                                        name=f"umad {hca}:{port}")
        self._thread.start()

    def __enter__(self) -> Umad:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def next_tid(self) -> int:
        """A transaction ID that nothing else of this file uses."""
        return next(self._tids) & 0xffffffff

    def register(self, qpn: int, mgmt_class: int, class_version: int,
                 methods: Iterable[int] = (), handler: Handler | None = None,
                 rmpp: bool = False) -> Agent:
        """Become an agent of a management class on QP0 or QP1.

        Requests of the given methods go to ``handler(mad, address)``, which
        runs in the receiver thread and so must not wait for an answer of
        the same Umad. ``rmpp`` lets the kernel cut long answers into
        segments. OSError (EINVAL) if somebody else has one of the methods.
        """
        mask = 0
        for method in methods:
            mask |= 1 << method
        request = bytearray(_REG_REQ.pack(
            0, mask.to_bytes(16, "little"), qpn, mgmt_class, class_version,
            b"", int(rmpp)))
        with self._lock:
            fcntl.ioctl(self._fd, REGISTER_AGENT, request)
            number, = _ID.unpack_from(request)
            agent = Agent(self, number, handler)
            self._agents[number] = agent
        return agent

    def unregister(self, agent: Agent) -> None:
        """Undo register(). OSError (EINVAL) if it was undone already."""
        with self._lock:
            del self._agents[agent.number]
        fcntl.ioctl(self._fd, UNREGISTER_AGENT, _ID.pack(agent.number))

    def write(self, agent: int, mad: bytes, address: Address, timeout_ms: int,
              retries: int) -> None:
        """Hand a MAD to the kernel. OSError if it refuses."""
        header = _NATIVE.pack(agent, 0, timeout_ms, retries, 0)
        os.write(self._fd, header + address.encode() + mad)

    def call(self, agent: int, mad: bytes, address: Address, timeout_ms: int,
             retries: int) -> bytes:
        """See Agent.call()."""
        key = agent, MadHeader.decode(mad).tid & 0xffffffff
        answer: concurrent.futures.Future = concurrent.futures.Future()
        with self._lock:
            if self._closing:
                raise UmadClosed(f"umad of {self.hca} is closed")
            if key in self._waiting:
                raise ValueError(f"transaction {key[1]} is under way")
            self._waiting[key] = answer
        try:
            self.write(agent, mad, address, timeout_ms, retries)
            return answer.result(timeout_ms * (retries + 1) / 1000 + _GRACE)
        except concurrent.futures.TimeoutError:
            raise MadTimeout("no answer") from None
        finally:
            with self._lock:
                del self._waiting[key]

    def close(self) -> None:
        """Stop the thread and close the device; harmless if done twice.

        Raises what a handler has raised, so that it is not lost.
        """
        with self._lock:
            if self._closing:
                return
            self._closing = True
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        os.close(self._fd)
        os.close(self._wake)
        self._fail_all(UmadClosed(f"umad of {self.hca} was closed"))
        if self.failures:
            raise RuntimeError(f"umad of {self.hca}: a handler failed"
                               ) from self.failures[0]

    def _fail_all(self, error: OSError) -> None:
        with self._lock:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(error)

    def _receive(self) -> None:
        """The thread: until it is woken or the device has gone."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if self._wake in ready:
                return
            try:
                octets = os.read(self._fd, _READ_SIZE)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EINTR):
                    continue
                self._fail_all(UmadClosed(f"umad of {self.hca}: {error}"))
                return
            self._dispatch(octets)

    def _dispatch(self, octets: bytes) -> None:
        """One MAD: to whoever waits for it, or to its agent's handler."""
        number, status, *_ = _NATIVE.unpack_from(octets)
        mad = octets[HEADER_SIZE:]
        header = MadHeader.decode(mad)
        with self._lock:
            agent = self._agents.get(number)
            answer = self._waiting.get((number, header.tid & 0xffffffff))
        if status:
            if answer and not answer.done():
                answer.set_exception(MadTimeout("no answer"))
        elif header.method & RESPONSE:
            if answer and not answer.done():
                answer.set_result(mad)
        elif agent and agent.handler:
            address = Address.decode(octets[_NATIVE.size:HEADER_SIZE])
            self._handle(agent.handler, mad, address)

    def _handle(self, handler: Handler, mad: bytes, address: Address) -> None:
        """A handler that fails does not take the thread with it."""
        try:
            handler(mad, address)
        except Exception as error:  # pylint: disable=broad-except
            self.failures.append(error)
