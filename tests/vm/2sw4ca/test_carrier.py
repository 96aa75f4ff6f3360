# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Carrier is on exactly while the interface is up, its port is ACTIVE, its
P_Key is there and its broadcast group is joined; and what the fabric's events
do to it.
"""

import re
import signal
import time

import pytest

from tests.vm import lab
from tests.vm.ifwire import BROADCAST_GID, Capture, McMember, cable_of
from tests.vm.iftools import Log, TablePort, restore_v6
from tests.vm.lab import run, wait

# A partition without the flag "ipoib" has no broadcast group.
NO_GROUP = "Default=0x7fff,rate=3:ALL=full;\n"
REFUSED = (r"^ib0: multicast join failed for "
           r"ff12:401b:ffff:0000:0000:0000:ffff:ffff, status -22$")


class Switch:
    """The three things that carrier depends on, at h4."""

    def __init__(self, host, partitions):
        self.host, self.partitions = host, partitions
        self.port = TablePort(host.hca)
        self.ups = self.changes("up")

    def changes(self, way):
        """How often carrier has gone up or down."""
        return int(self.host.sysfs(f"carrier_{way}_count"))

    def port_active(self, wanted):
        """Plug the cable in or pull it."""
        run("ip", "link", "set", "sw2-h4", "up" if wanted else "down")
        wait(lambda: self.port.is_active == wanted, 20,
             "the port does not follow")

    def admin(self, wanted):
        """Set the interface up or down."""
        self.host.ip("link", "set", "ib0", "up" if wanted else "down")


@pytest.fixture
def switch(hosts, partitions):
    h4 = hosts[3]
    yield Switch(h4, partitions)
    run("ip", "link", "set", "sw2-h4", "up")
    h4.ip("link", "set", "ib0", "up")
    restore_v6(h4)


@pytest.fixture(autouse=True)
def forgive():
    """Links that a test took down on purpose are no errors."""
    yield
    run("ibqueryerrors", "--clear-errors", check=False)


def test_truth_table_with_a_broadcast_group(switch):
    """All ways through (up, ACTIVE) that change one thing at a time."""
    state = {"admin": True, "port_active": True}
    for what in ("admin", "port_active", "admin", "port_active",
                 "port_active", "admin", "port_active", "admin"):
        state[what] = not state[what]
        getattr(switch, what)(state[what])
        if all(state.values()):
            wait(switch.host.carrier, 20, f"{state}: no carrier")
        else:
            wait(lambda: not switch.host.carrier(), 5, f"{state}: carrier")
    # On only when both were: twice, at the third change of each.
    assert switch.changes("up") == switch.ups + 2


def test_truth_table_without_a_broadcast_group(switch, hosts):
    """Up and ACTIVE is not enough. What the SM refuses is logged."""
    switch.partitions(NO_GROUP)
    switch.admin(False)
    ups, log = switch.changes("up"), Log()
    switch.admin(True)
    line = log.wait(REFUSED)
    assert line in log.lines("", "-l", "warn")
    assert not switch.host.carrier()
    assert switch.host.sysfs("carrier") == "0"
    for what in ("port_active", "admin"):
        getattr(switch, what)(False)
        assert not switch.host.carrier()
        mark = Log()
        getattr(switch, what)(True)
        mark.wait(REFUSED, 20)
        assert not switch.host.carrier()
    assert switch.changes("up") == ups


def test_a_refused_group_is_tried_again_until_it_is_there(switch, hosts):
    """2 seconds after the first failure, then 4."""
    switch.partitions(NO_GROUP)
    switch.admin(False)
    seen = []

    def pauses():
        asked = [p for p, m in wire.joins(BROADCAST_GID)
                 if m.method == McMember.SET]
        seen.extend([time.monotonic()] * (len(asked) - len(seen)))
        # A new SM asks for everything anew, so there may be one more at
        # first.
        return [b - a for a, b in zip(seen, seen[1:]) if b - a > 0.5]
    with Capture(cable_of(switch.host)) as wire:
        switch.admin(True)
        first, second, *_ = wait(lambda: pauses()[1:] and pauses(), 20,
                                 "it is not tried again")
    assert 1.5 < first < 3 * lab.SLOW and 3.5 < second < 6 * lab.SLOW


def test_without_a_link_nothing_but_mads_is_sent(switch, hosts):
    """RFC 4391 section 5: no traffic before the broadcast group."""
    switch.partitions(NO_GROUP)
    switch.admin(False)
    log = Log()
    with Capture(cable_of(switch.host)) as wire:
        switch.admin(True)
        log.wait(REFUSED)
        switch.host.ping(hosts[0].v4, 2, limit=1)
        assert not wire.ipoib(True)


@pytest.fixture
def dead_sm(opensm):
    opensm.stop(signal.SIGKILL)
    yield opensm
    opensm.start()


def test_a_silent_sm_gives_no_carrier_and_no_complaint(switch, dead_sm):
    """The join goes out; when it has come to nothing that is not logged."""
    switch.admin(False)
    log = Log()
    with Capture(cable_of(switch.host)) as wire:
        switch.admin(True)
        wire.wait(lambda p: McMember.of(p), "a join", True)
        assert not switch.host.carrier()
        wire.packets.clear()
        wire.wait(lambda p: McMember.of(p), "a second one", True, 20)
    assert not switch.host.carrier()
    assert not log.lines("join failed")


def test_no_join_is_tried_while_the_port_is_not_active(switch):
    switch.admin(False)
    switch.port_active(False)
    with Capture(cable_of(switch.host)) as wire:
        switch.admin(True)
        assert "UP" in switch.host.link()["flags"]
        switch.port_active(True)
        wait(switch.host.carrier, 20, "no carrier")
        joins = wire.joins(BROADCAST_GID)
    # Had one been tried before, it would have come again.
    assert len([m for _, m in joins if m.method == McMember.SET]) == 1


def test_a_first_entry_of_zero_is_no_pkey(switch, pkeys):
    """Up succeeds all the same; carrier comes with a P_Key."""
    host = switch.host
    pkeys(host, 0, 0xffff)
    wait(lambda: not host.carrier(), 5, "carrier without a P_Key")
    switch.admin(False)
    assert host.sysfs("pkey") == "0x8000"
    log = Log()
    switch.admin(True)
    line = log.wait(r"^ib0: P_Key 0x8000 is Invalid")
    assert line in log.lines("", "-l", "warn")
    assert not host.carrier()
    pkeys(host, 0xffff)
    wait(host.carrier, 20, "no carrier")
    assert host.sysfs("pkey") == "0xffff"
    restore_v6(host)


def test_an_interface_is_born_on_a_port_without_a_pkey(spare, here):
    hca = spare()
    hca.add()
    hca.port.set_pkeys(0, 0x8005)
    name = hca.interface()
    run("ip", "link", "set", name, "up")
    assert "UP" in here.link(name)["flags"] and not here.carrier(name)
    hca.port.set_pkeys(0xffff)
    wait(lambda: here.carrier(name), 20, "no carrier")


def rejoined(host):
    """A rule for wait(): the SM has this member."""
    member = f"fe80::5b:ff:fe02:{host.number}"
    return lambda: re.search(
        rf"ff12:401b:ffff::ffff:ffff\s+Mlid\S+\s+PortGid\.+{member}",
        run("saquery", "--smkey", 1, "-m"))


def test_a_new_sm_changes_no_carrier(hosts, opensm):
    before = [h.sysfs("carrier_changes") for h in hosts]
    opensm.stop(signal.SIGKILL)
    opensm.start()
    for host in hosts:
        wait(rejoined(host), 20, f"{host} is no member")
    assert [h.sysfs("carrier_changes") for h in hosts] == before


def test_a_new_lid_takes_carrier_off_and_on(hosts, opensm):
    h4 = hosts[3]
    ups, downs = (int(h4.sysfs(f"carrier_{w}_count")) for w in ("up", "down"))
    others = [h.sysfs("carrier_changes") for h in hosts[:3]]
    old = lab.lid(h4.hca)
    opensm.stop()
    with open("/var/cache/opensm/guid2lid", "w", encoding="ascii") as file:
        for host in hosts:
            number = lab.lid(host.hca) if host is not h4 else 77
            file.write(f"{lab.port_guid(host.hca)} 0x{number:04x} "
                       f"0x{number:04x}\n\n")
    opensm.start("-x")
    wait(lambda: lab.lid(h4.hca) != old, 20, "the LID stays")
    wait(lambda: int(h4.sysfs("carrier_up_count")) > ups, 20, "no carrier")
    assert int(h4.sysfs("carrier_down_count")) > downs
    assert [h.sysfs("carrier_changes") for h in hosts[:3]] == others
    hosts[0].reach(h4, 60)


def test_a_table_that_changes_elsewhere_changes_nothing(hosts, pkeys):
    """Only slot 0 is a parent's."""
    h4 = hosts[3]
    before = h4.sysfs("carrier_changes")
    pkeys(h4, 0xffff, 0x8006)
    wait(lambda: TablePort(h4.hca).sysfs("pkeys/1") == "0x8006", 5,
         "the table stays")
    assert h4.ping(hosts[0].v4, 20) == 0
    assert h4.sysfs("carrier_changes") == before


def test_neighbour_discovery_works_after_the_pkey_came_back(hosts, pkeys):
    """Groups that the stack registered before carry the old P_Key."""
    h1, h4 = hosts[0], hosts[3]
    pkeys(h4, 0x8005)
    wait(lambda: not h4.carrier(), 5, "carrier without a group")
    pkeys(h4, 0xffff)
    wait(h4.carrier, 20, "no carrier")
    h1.ip("neigh", "flush", "dev", "ib0")
    h1.reach(h4)


PARTITION_5 = ("Default=0x7fff,ipoib,rate=3:ALL=full;\n"
               "Five=0x0005,ipoib,rate=3:ALL=full;\n")


@pytest.mark.stock_differs("it ignores addresses that were registered under "
                           "the old P_Key")
def test_groups_of_the_stack_follow_the_pkey(hosts, partitions):
    """Two hosts in another partition reach each other, IPv6 too."""
    partitions(PARTITION_5)
    h3, h4 = hosts[2:]
    tables = {}
    for host in (h3, h4):
        port = TablePort(host.hca)
        tables[host] = [int(port.sysfs(f"pkeys/{i}"), 16) for i in range(4)]
    try:
        for host in (h3, h4):
            TablePort(host.hca).set_pkeys(0x8005, 0xffff)
        for host in (h3, h4):
            wait(lambda h=host: h.sysfs("pkey") == "0x8005" and h.carrier(),
                 30, f"{host} has no carrier")
        h3.ip("neigh", "flush", "dev", "ib0")
        h3.reach(h4, 20)
    finally:
        for host in (h3, h4):
            TablePort(host.hca).set_pkeys(*tables[host])


def test_down_takes_carrier_off_and_the_group_is_left(switch, hosts):
    with Capture(cable_of(switch.host)) as wire:
        switch.admin(False)
        left = wait(lambda: [m for _, m in wire.joins(BROADCAST_GID)
                             if m.method == McMember.DELETE], 5, "no leave")
        assert left[0].join_state == 1
    switch.admin(True)
    wait(switch.host.carrier, 20, "no carrier")
