# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Queues are changed while each allocation on the way fails in turn: either
all is changed or nothing. Failing them is for the debug kernel alone.
"""

import array
import contextlib
import errno
import fcntl
import os
import re
import socket
import struct

import pytest

from tests.vm import lab
from tests.vm.lab import run
from tests.vm.netns import inside

pytestmark = pytest.mark.ours

SIOCETHTOOL = 0x8946
GET_RINGS, SET_RINGS, GET_CHANNELS, SET_CHANNELS = 0x10, 0x11, 0x3c, 0x3d
DEBUGFS = "/sys/kernel/debug"
NTH = "/proc/thread-self/fail-nth"
# More than there are allocations on any way.
MANY = 400


class Ethtool:
    """ethtool's ioctl, in this thread: whose allocations are to fail."""

    def __init__(self, host, dev="ib0"):
        self.host = host
        self.dev = dev.encode()

    def call(self, command, words):
        """Words behind the command; those that come back."""
        value = array.array("I", [command, *words])
        request = struct.pack("16sQ16x", self.dev, value.buffer_info()[0])
        with inside(self.host), socket.socket() as sock:
            self.ioctl(sock, request)
        return list(value[1:])

    def ioctl(self, sock, request):
        """The call itself."""
        fcntl.ioctl(sock, SIOCETHTOOL, request)

    @property
    def rings(self):
        """RX and TX."""
        words = self.call(GET_RINGS, [0] * 8)
        return words[4], words[7]

    def set_rings(self, rx, tx):
        """-G"""
        self.call(SET_RINGS, [0, 0, 0, 0, rx, 0, 0, tx])

    @property
    def count(self):
        """Of transmit queues."""
        return self.call(GET_CHANNELS, [0] * 8)[5]

    def set_count(self, count):
        """-L"""
        self.call(SET_CHANNELS, [0, 0, 0, 0, 1, count, 0, 0])


class Failing(Ethtool):
    """The n-th allocation fails."""

    def __init__(self, host, nth):
        super().__init__(host)
        self.nth = nth
        self.hit = False

    def ioctl(self, sock, request):
        file = os.open(NTH, os.O_RDWR)
        try:
            os.write(file, str(self.nth).encode())
            try:
                super().ioctl(sock, request)
            finally:
                self.hit = not int(os.pread(file, 20, 0))
                os.write(file, b"0")
        finally:
            os.close(file)


@pytest.fixture(autouse=True)
def faults():
    """Any allocation may fail, and nothing is said about it."""
    if not lab.DEBUG:
        yield
        return
    for kind in ("failslab", "fail_page_alloc"):
        lab.write(f"{DEBUGFS}/{kind}/ignore-gfp-wait", "N")
        lab.write(f"{DEBUGFS}/{kind}/verbose", "0")
    lab.write(f"{DEBUGFS}/fail_page_alloc/min-order", "0")
    yield
    for kind in ("failslab", "fail_page_alloc"):
        lab.write(f"{DEBUGFS}/{kind}/ignore-gfp-wait", "Y")


def qps(host):
    """QPs that IPoIB has on a host's HCA."""
    out = run("rdma", "resource", "show", "qp", "link", f"{host.hca}/1")
    return len(re.findall(r"\[ib_ipoib\]", out))


def each_in_turn(host, change, back, look):
    """Do something, again and again, each time with another allocation that
    fails; how many times it failed. look() is what may change."""
    failed = 0
    for nth in range(1, MANY if lab.DEBUG else 2):
        before = look()
        ethtool = Failing(host, nth) if lab.DEBUG else Ethtool(host)
        try:
            change(ethtool)
            assert look() != before
            back()
        except OSError as error:
            assert error.errno in (errno.ENOMEM, errno.EAGAIN)
            failed += 1
        assert look() == before, f"allocation {nth}"
        if not lab.DEBUG or not ethtool.hit:
            return failed
    raise AssertionError("there is no end of allocations")


@contextlib.contextmanager
def as_it_was(host):
    """Two queues, the usual rings, and traffic, before and after."""
    ethtool = Ethtool(host)
    usual = ethtool.count
    ethtool.set_count(2)
    address = host.address()
    yield ethtool
    assert host.address() == address and host.carrier()
    assert qps(host) == 3
    ethtool.set_count(usual)


def test_more_queues_or_none_more(h1, h4):
    with as_it_was(h1) as ethtool:
        failed = each_in_turn(
            h1, lambda e: e.set_count(4), lambda: ethtool.set_count(2),
            lambda: (ethtool.count, qps(h1)))
        assert h1.ping(h4.v4, 20, 4000) == 0
    assert failed > 10 or not lab.DEBUG


def test_other_rings_or_the_same(h1, h4):
    with as_it_was(h1) as ethtool:
        failed = each_in_turn(
            h1, lambda e: e.set_rings(512, 256),
            lambda: ethtool.set_rings(256, 128),
            lambda: (ethtool.rings, qps(h1)))
        assert h1.ping(h4.v4, 20, 4000) == 0
    assert failed > 5 or not lab.DEBUG


def test_fewer_queues_need_nothing(h1, h4):
    """Whatever fails on the way, it succeeds."""
    with as_it_was(h1) as ethtool:
        ethtool.set_count(4)
        failed = each_in_turn(
            h1, lambda e: e.set_count(2), lambda: ethtool.set_count(4),
            lambda: (ethtool.count, qps(h1)))
        assert failed == 0
        ethtool.set_count(2)
        assert h1.ping(h4.v4, 20, 4000) == 0
