# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A bond over two HCAs of one host: who is active fails, under traffic. What a
bond of one looks like is in test_stack.py.
"""

import contextlib
import json
import socket
import threading

import pytest

from tests.vm import lab
from tests.vm.iftools import restore_v6
from tests.vm.lab import run, wait
from tests.vm.netns import Member, inside, send_until_heard
from tests.vm.rdmacm import Id

CABLE = {"ib0": "sw2-h4", "ib1": "sw2-h9"}
OPTIONS = ("miimon", "50")


@pytest.fixture
def second(h4, spare):
    """A second HCA of h4, whose interface is ib1."""
    hca = spare()
    name = hca.add()
    run("ip", "link", "set", name, "netns", h4.name, "name", "ib1")
    return hca


class Bond:
    """bond0 of a host, over interfaces; it has the host's addresses."""

    def __init__(self, host, slaves, options=OPTIONS):
        self.host = host
        host.ip("link", "add", "bond0", "type", "bond", "mode",
                "active-backup", *options)
        for dev in slaves:
            host.ip("link", "set", dev, "down")
            host.ip("link", "set", dev, "master", "bond0")
        host.ip("address", "flush", "dev", "ib0")
        host.ip("address", "add", f"{host.v4}/24", "dev", "bond0")
        host.ip("address", "add", f"{host.v6}/64", "dev", "bond0", "nodad")
        host.ip("link", "set", "bond0", "up")
        wait(lambda: self.active() and not self.silent(), 30,
             "the bond does not work")

    def undo(self):
        """The host has its own interface again."""
        self.host.run("ip", "link", "del", "bond0", check=False)
        self.host.ip("address", "replace", f"{self.host.v4}/24", "dev", "ib0")
        self.host.ip("link", "set", "ib0", "up")
        restore_v6(self.host)

    def silent(self):
        """Does the host reach no other?"""
        return self.host.ping("198.51.100.1", limit=1)

    def is_up(self, dev):
        """Does the bond think so of a slave?"""
        slave = self.host.link(dev).get("linkinfo", {}).get(
            "info_slave_data", {})
        return slave.get("mii_status") == "UP"

    def active(self):
        """The slave that is used."""
        return self.host.link("bond0")["linkinfo"]["info_data"].get(
            "active_slave")

    def use(self, dev):
        """Make a slave the active one."""
        self.host.ip("link", "set", "bond0", "type", "bond", "active_slave",
                     dev)
        assert self.active() == dev


@pytest.fixture
def bond(hosts, h4, second):
    """bond0 over ib0 and ib1; ib0 is active."""
    made = Bond(h4, ("ib0", "ib1"))
    try:
        for dev in ("ib0", "ib1"):
            wait(lambda d=dev: made.is_up(d), 30, f"{dev} is not up")
        made.use("ib0")
        hosts[0].reach(h4)
        yield made
    finally:
        for cable in CABLE.values():
            run("ip", "link", "set", cable, "up")
        made.undo()


@contextlib.contextmanager
def pulled(cable):
    """A cable is pulled, and plugged in again."""
    run("ip", "link", "set", cable, "down")
    try:
        yield
    finally:
        run("ip", "link", "set", cable, "up")


def neighbour(host, address):
    """The hardware address by which a host knows another."""
    known = json.loads(host.ip("-j", "neigh", "show", address, "dev", "ib0"))
    return known[0].get("lladdr") if known else None


def test_it_fails_over_and_is_followed(h1, h4, bond):
    """Peers learn the address of the other slave, for it announces itself."""
    for was, now in (("ib0", "ib1"), ("ib1", "ib0")):
        with pulled(CABLE[was]):
            wait(lambda n=now: bond.active() == n, 5, f"not over to {now}")
            address = h4.link(now)["address"]
            assert h4.link("bond0")["address"] == address
            for own in (h4.v4, h4.v6):
                wait(lambda o=own: not h1.ping(o, limit=1), 5,
                     f"{own} is silent after the change to {now}")
                assert neighbour(h1, own) == address
            assert h1.ping(h4.v4, 50) == 0
        wait(lambda w=was: bond.is_up(w), 30, f"{was} does not come back")


class Stream:
    """TCP from one host to another, by threads, until it is ended."""

    BLOCK = bytes(range(256)) * 16

    def __init__(self, host, other):
        with inside(other):
            listener = socket.create_server((other.v4, 5001))
        with inside(host):
            self._out = socket.create_connection((other.v4, 5001), 20)
        self._in, _ = listener.accept()
        listener.close()
        self.received, self._sent, self._end = 0, 0, False
        self._threads = [threading.Thread(target=t)
                         for t in (self._send, self._receive)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.wait_for_more()
        return self

    def __exit__(self, *_):
        self._end = True
        for thread in self._threads:
            thread.join(60 * lab.SLOW)
        self._in.close()
        assert self.received == self._sent

    def _send(self):
        with self._out:
            while not self._end:
                self._out.sendall(self.BLOCK)
                self._sent += len(self.BLOCK)

    def _receive(self):
        while True:
            block = self._in.recv(1 << 16)
            if not block:
                return
            self.received += len(block)

    def wait_for_more(self, limit=20):
        """Until something has come since now."""
        before = self.received
        wait(lambda: self.received > before + len(self.BLOCK), limit,
             "the stream stands")


def test_a_stream_goes_on(h1, h4, bond):
    with Stream(h1, h4) as stream:
        for was, now in (("ib0", "ib1"), ("ib1", "ib0")):
            with pulled(CABLE[was]):
                wait(lambda n=now: bond.active() == n, 5,
                     f"not over to {now}")
                stream.wait_for_more()
            wait(lambda w=was: bond.is_up(w), 30, f"{was} is not back")


def test_groups_are_joined_by_who_is_active(h1, h4, bond):
    with Member(h4, "239.1.1.1", "bond0") as member:
        send_until_heard(h1, "239.1.1.1", member, b"before")
        with pulled(CABLE["ib0"]):
            wait(lambda: bond.active() == "ib1", 5, "not over to ib1")
            send_until_heard(h1, "239.1.1.1", member, b"after")


def test_an_hca_that_is_removed(h1, h4, second, bond):
    """Its interface leaves the bond, and the other takes over."""
    bond.use("ib1")
    with Stream(h1, h4) as stream:
        second.delete()
        wait(lambda: bond.active() == "ib0", 10, "not over to ib0")
        stream.wait_for_more()
    h1.reach(h4)


def test_the_connection_manager_is_told(h1, h4, second, bond):
    """Who listens on the bond hears of the change, and is found by the other
    HCA."""
    with Id(h4) as service:
        service.listen(h4.v4, 7471)
        with pulled(CABLE["ib0"]):
            service.expect("ADDR_CHANGE")
            wait(lambda: not h1.ping(h4.v4, limit=1), 10, "h4 is silent")
    with Id(h4) as service, Id(h1) as caller:
        wait(lambda: bond.is_up("ib0"), 30, "ib0 is not back")
        assert bond.active() == "ib1"
        service.listen(h4.v4, 7471)
        found = caller.resolve(h4.v4, 7471).found()
        assert found.dgid == h4.address("ib1")[4:]
        caller.connect()
        request = service.expect("CONNECT_REQUEST")
        assert service.found(request.id).sgid == found.dgid


def test_arp_watches_as_well(h1, h4, second):
    """Instead of the carrier."""
    made = Bond(h4, ("ib0", "ib1"),
                ("arp_interval", "100", "arp_ip_target", h1.v4))
    try:
        was = made.active()
        with pulled(CABLE[was]):
            wait(lambda: made.active() not in (was, None), 10,
                 "not over to the other")
            wait(lambda: not h1.ping(h4.v4, limit=1), 10, "h4 is silent")
    finally:
        for cable in CABLE.values():
            run("ip", "link", "set", cable, "up")
        made.undo()


def test_children_are_bonded_as_well(h1, h4, second):
    """Those of two ports, in the partition of both."""
    for dev, parent in (("c0", "ib0"), ("c1", "ib1")):
        h4.ip("link", "set", parent, "up")
        h4.ip("link", "add", "link", parent, "name", dev, "type", "ipoib")
    made = Bond(h4, ("c0", "c1"))
    try:
        wait(lambda: made.is_up("c1"), 30, "c1 is not up")
        made.use("c0")
        h1.reach(h4)
        h4.ip("link", "delete", "c0")
        wait(lambda: made.active() == "c1", 10, "not over to c1")
        wait(lambda: not h1.ping(h4.v4, limit=1), 10, "h4 is silent")
        assert neighbour(h1, h4.v4) == h4.link("c1")["address"]
    finally:
        made.undo()
        h4.run("ip", "link", "delete", "c0", check=False)
