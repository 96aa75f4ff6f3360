# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Each event of the fabric, at a parent and a child that are up or down.

What is up keeps its carrier, gets it back or loses it; what is down stays so,
joins nothing, and has the port's P_Keys and LID when it is set up later.

    lab/run --topology 1sw3ca-nosm -- tests/vm/run tests/vm/1sw3ca-nosm/test_events_table.py
"""

import re
import time
from typing import NamedTuple

import pytest

from tests.sm import ipoib_mgid
from tests.sm.harness import managed
from tests.vm import lab
from tests.vm.iftools import Log
from tests.vm.lab import wait

OWN, OTHER, DEFAULT = 0x8001, 0x8002, 0xffff
TABLE = [DEFAULT, OWN, OTHER]
DEBUG_LEVEL = "/sys/module/ib_ipoib/parameters/debug_level"
# What becomes of carrier.
SAME, AGAIN, OFF = "same", "again", "off"


def pkeys(*values):
    """An event: the SM writes a port's P_Key table."""
    return lambda sm, host: sm.subnet.set_pkeys(host.hca, values)


class Event(NamedTuple):
    """What happens, and what becomes of the two."""

    happen: object
    parent: str
    child: str
    # Does ib_core tell its clients?
    told: bool = True
    pkey: int = DEFAULT


EVENTS = {
    "re-registration": Event(
        lambda sm, host: sm.subnet.reregister(host.hca), SAME, SAME),
    "port down and up": Event(
        lambda sm, host: sm.subnet.bounce(host.hca), AGAIN, AGAIN),
    "another LID": Event(
        lambda sm, host: sm.subnet.set_lid(
            host.hca, 140 - sm.lid(host), reregister=False), AGAIN, AGAIN),
    "the child's P_Key moves": Event(
        pkeys(DEFAULT, 0, OTHER, OWN), SAME, AGAIN),
    "the child's P_Key goes": Event(pkeys(DEFAULT, 0, OTHER), SAME, OFF),
    "the parent's P_Key changes": Event(
        pkeys(OTHER, OWN, DEFAULT), AGAIN, SAME, pkey=OTHER),
    "the parent's P_Key goes": Event(
        pkeys(0, OWN, DEFAULT), OFF, SAME, pkey=0x8000),
    "another P_Key changes": Event(
        pkeys(DEFAULT, OWN, 0x8003, 0x8004), SAME, SAME),
    "one more GUID": Event(
        lambda sm, host: sm.subnet.set_guid(host.hca, 1, 0x025b00fffe02aaaa),
        SAME, SAME, told=False),
    "another SL of the SM": Event(
        lambda sm, host: sm.subnet.set_port_info(host.hca, master_sm_sl=1),
        SAME, SAME),
}


@pytest.fixture(scope="module")
def table(sm_hosts):
    """A subnet with three partitions; h2 and h3 have a child each."""
    with managed(sm_hosts) as sm:
        for pkey in (OWN, OTHER):
            sm.sa.add_group(ipoib_mgid("255.255.255.255", pkey=pkey),
                            pkey=pkey)
        for host in sm.hosts[1:]:
            sm.subnet.set_pkeys(host.hca, TABLE)
            host.ip("link", "add", "link", "ib0", "name", child(host), "type",
                    "ipoib", "pkey", f"{OWN:#x}")
            host.ip("address", "add", f"{child_v4(host)}/24", "dev",
                    child(host))
            host.ip("link", "set", child(host), "up")
        lab.write(DEBUG_LEVEL, "1")
        yield sm
        lab.write(DEBUG_LEVEL, "0")
        for host in sm.hosts[1:]:
            host.ip("link", "delete", child(host))
            sm.subnet.set_pkeys(host.hca, [DEFAULT])
        sm.wait_joined()


def child(host):
    """The name says whose it is, for the log."""
    return f"child{host.number}"


def child_v4(host):
    return f"192.0.2.{host.number}"


def set_state(host, parent, child_is_up):
    """A parent takes its children along, so the child comes last."""
    host.ip("link", "set", "ib0", "up" if parent else "down")
    host.ip("link", "set", child(host), "up" if child_is_up else "down")


def works(host, peer, dev):
    """Does the interface reach its peer, without a loss once it does?"""
    target = peer.v4 if dev == "ib0" else child_v4(peer)
    wait(lambda: not host.ping(target, limit=1), 20, f"{dev} is silent")
    assert host.ping(target, 10) == 0


def whole(sm):
    """Everything is up, has carrier and reaches its peer."""
    h2, h3 = sm.hosts[1:]
    for dev in ("ib0", child(h2)):
        h2.ip("link", "set", dev, "up")
        wait(lambda d=dev: h2.carrier(d), 20, f"{dev} has no carrier")
        works(h2, h3, dev)


def joined(sm, host, pkey, since):
    """The groups of a P_Key that a host has asked for."""
    return [asked for asked in sm.sa.requests(
        since=since, lid=sm.lid(host), attr="MCMemberRecord", method="Set")
        if asked.record.mgid.packed[4:6] == pkey.to_bytes(2, "big")]


class Watched:
    """An interface before and after an event."""

    def __init__(self, host, dev, is_up, expected):
        self.host, self.dev = host, dev
        self.is_up, self.expected = is_up, expected
        self.changes = self.count()

    def count(self):
        """How often carrier has changed."""
        return int(self.host.sysfs("carrier_changes", self.dev))

    def check(self):
        """Is it as was expected?"""
        more = {SAME: 0, AGAIN: 2, OFF: 1}[self.expected] if self.is_up else 0
        carrier = self.is_up and self.expected != OFF
        wait(lambda: self.count() >= self.changes + more and
             self.host.carrier(self.dev) == carrier, 20,
             f"{self.dev}: carrier is not as expected: {self.expected}")
        assert (self.count() - self.changes) % 2 == more % 2
        if more < 2:
            assert self.count() == self.changes + more


@pytest.mark.ours
@pytest.mark.parametrize("parent_is_up, child_is_up", (
    pytest.param(True, True, id="both up", marks=pytest.mark.debug),
    pytest.param(True, False, id="parent up", marks=pytest.mark.long),
    pytest.param(False, True, id="child up"),
    pytest.param(False, False, id="both down", marks=pytest.mark.long)))
@pytest.mark.parametrize("name", EVENTS)
def test_event(table, name, parent_is_up, child_is_up):
    sm, event = table, EVENTS[name]
    h2, h3 = sm.hosts[1:]
    whole(sm)
    sm.wait_settled(h2)
    set_state(h2, parent_is_up, child_is_up)
    both = (Watched(h2, "ib0", parent_is_up, event.parent),
            Watched(h2, child(h2), child_is_up, event.child))
    for one in both:
        wait(lambda o=one: h2.carrier(o.dev) == o.is_up, 20, "not settled")
        one.changes = one.count()
    since, log = time.monotonic(), Log()
    event.happen(sm, h2)
    try:
        if event.told:
            for one in both:
                log.wait(rf"^{one.dev}: events 0x", 20)
        for one in both:
            one.check()
        assert h2.sysfs("pkey") == f"0x{event.pkey:04x}"
        assert h2.address()[4:] == h2.address(child(h2))[4:]
        for one, pkey in zip(both, (DEFAULT, OWN)):
            assert one.is_up or not joined(sm, h2, pkey, since)
        for one in both:
            h2.ip("link", "set", one.dev, "up")
            wait(lambda o=one: h2.carrier(o.dev) == (o.expected != OFF), 20,
                 f"{one.dev}: carrier is not as expected when it is up")
            if h2.carrier(one.dev) and (one.dev != "ib0" or
                                        event.pkey == DEFAULT):
                works(h2, h3, one.dev)
    finally:
        sm.subnet.set_pkeys(h2.hca, TABLE)
        sm.subnet.set_port_info(h2.hca, master_sm_sl=0)
        sm.subnet.set_guid(h2.hca, 1, 0)
    whole(sm)


@pytest.mark.ours
def test_a_parent_without_a_pkey_leaves_its_children_alone(table):
    """Setting it up does not set them up then."""
    sm = table
    h2 = sm.hosts[1]
    whole(sm)
    sm.subnet.set_pkeys(h2.hca, [0, OWN, DEFAULT])
    try:
        wait(lambda: not h2.carrier(), 10, "carrier without a P_Key")
        set_state(h2, False, False)
        h2.ip("link", "set", "ib0", "up")
        assert "UP" in h2.link()["flags"]
        assert "UP" not in h2.link(child(h2))["flags"]
        h2.ip("link", "set", child(h2), "up")
        wait(lambda: h2.carrier(child(h2)), 20, "no carrier")
        works(h2, sm.hosts[2], child(h2))
        assert re.fullmatch("0x8000", h2.sysfs("pkey"))
    finally:
        sm.subnet.set_pkeys(h2.hca, TABLE)
    whole(sm)
