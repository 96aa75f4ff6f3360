# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What happens in the fabric, under traffic: SM, cables, ports, HCAs, LIDs."""

import re
import signal
import time

import pytest

from tests.vm import lab
from tests.vm.lab import run, wait
from tests.vm.pinger import (BACK_WITHIN, Pinger, outage_after, port_active,
                             wait_members)
from tests.vm.standby import standby

# The stock driver drops what it has no multicast group for while it joins
# again.
LOST_AT_RESTART = 10 if lab.DRIVER == "stock" else 0


@pytest.fixture(autouse=True)
def warm(hosts):
    """All hosts reach each other; what the test breaks counts no more."""
    for host in hosts[1:]:
        hosts[0].reach(host)
    yield
    run("ibqueryerrors", "--clear-errors", check=False)


def carrier_changes(host):
    return int(host.sysfs("carrier_changes"))


@pytest.mark.debug
@pytest.mark.parametrize("family", ("v4", "v6"))
def test_sm_restart_loses_nothing(hosts, opensm, family):
    h1, h4 = hosts[0], hosts[3]
    changes = [carrier_changes(h) for h in hosts]
    with Pinger(h1, getattr(h4, family)) as pinger:
        opensm.stop(signal.SIGKILL)
        opensm.start()
        wait_members()
    assert pinger.lost <= LOST_AT_RESTART
    assert [carrier_changes(h) for h in hosts] == changes
    for host in hosts[1:]:
        h1.reach(host)


def test_sm_failover_loses_nothing(hosts, opensm):
    h1, h4 = hosts[0], hosts[3]
    with standby(hosts[1], opensm) as second, Pinger(h1, h4.v4) as pinger:
        second.take_over()
        wait_members()
    assert pinger.lost <= LOST_AT_RESTART
    for host in hosts[1:]:
        h1.reach(host)


def test_sm_absence_is_not_felt_by_known_peers(hosts, opensm):
    h1, h4 = hosts[0], hosts[3]
    opensm.stop(signal.SIGKILL)
    try:
        assert h1.ping(h4.v4, 200) == 0
        assert h1.ping(h4.v6, 200) == 0
        assert all(h.carrier() for h in hosts)
    finally:
        opensm.start()


@pytest.mark.debug
def test_a_pulled_cable_is_noticed_and_healed(hosts):
    h1, h4 = hosts[0], hosts[3]
    with Pinger(h1, h4.v4) as pinger:
        run("ip", "link", "set", "sw2-h4", "down")
        wait(lambda: not h4.carrier(), 5, "h4 keeps its carrier")
        run("ip", "link", "set", "sw2-h4", "up")
        wait(lambda: port_active("sib4"), 20, "the SM does not act")
        done = time.time()
        wait(h4.carrier, 5, "h4 gets no carrier")
        wait(lambda: not h1.ping(h4.v4, limit=1), 10, "h4 is not back")
    assert outage_after(pinger, done) < BACK_WITHIN * lab.SLOW


def test_the_cable_between_the_switches(hosts):
    h1, h4 = hosts[0], hosts[3]
    with Pinger(h1, h4.v4) as pinger:
        run("ip", "link", "set", "sw1-sw2.0", "down")
        wait(lambda: "Active" not in run("ibstat", "sib4", check=False) or
             not port_active("sib4") or h1.ping(h4.v4, limit=1), 10,
             "the cut is not felt")
        run("ip", "link", "set", "sw1-sw2.0", "up")
        wait(lambda: not h1.ping(h4.v4, limit=1), 40, "h4 is not back")
    assert pinger.times
    for host in hosts[1:]:
        h1.reach(host, 20)


def test_a_port_that_the_sm_disables_and_enables(hosts):
    h1, h2 = hosts[0], hosts[1]
    lid = re.search(r'"sw1" .*? lid (\d+) ', run("ibswitches"))[1]
    with Pinger(h1, h2.v4) as pinger:
        run("ibportstate", "-C", "sib1", lid, 2, "disable")
        wait(lambda: not h2.carrier(), 5, "h2 keeps its carrier")
        run("ibportstate", "-C", "sib1", lid, 2, "enable")
        wait(lambda: port_active("sib2"), 20, "the SM does not act")
        done = time.time()
        wait(lambda: not h1.ping(h2.v4, limit=1), 10, "h2 is not back")
    assert outage_after(pinger, done) < BACK_WITHIN * lab.SLOW


def set_up(host):
    """Give a host its interface, as the lab does."""
    name = lab.interface_of(host.hca)
    run("ip", "link", "set", name, "netns", host.name, "name", "ib0")
    host.ip("address", "add", f"{host.v4}/24", "dev", "ib0")
    host.ip("address", "add", f"{host.v6}/64", "dev", "ib0", "nodad")
    host.ip("link", "set", "ib0", "up")


@pytest.mark.debug
@pytest.mark.stock_differs("a peer of the stock driver does not announce "
                           "itself, so its new QPN is found much later")
@pytest.mark.parametrize("family", ("v4", "v6"))
def test_an_hca_added_again_is_reached_with_its_new_qpn(hosts, family):
    h1, h4 = hosts[0], hosts[3]
    before = h4.address()
    with Pinger(h1, getattr(h4, family)) as pinger:
        run("rdma", "link", "delete", "sib4", timeout=60)
        run("rdma", "link", "add", "sib4", "type", "sib", "netdev", "h4-sw2")
        set_up(h4)
        wait(h4.carrier, 20, "h4 gets no carrier")
        up = time.time()
        wait(lambda: not h1.ping(getattr(h4, family), limit=1), 20,
             "h4 is not back")
    after = h4.address()
    assert before[4:] == after[4:] and before[1:4] != after[1:4]
    assert outage_after(pinger, up) < BACK_WITHIN * lab.SLOW


def renumber(opensm, lids):
    """Restart OpenSM with LIDs of our choice."""
    opensm.stop()
    with open("/var/cache/opensm/guid2lid", "w", encoding="ascii") as file:
        for guid, lid in lids.items():
            file.write(f"{guid} 0x{lid:04x} 0x{lid:04x}\n\n")
    opensm.start("-x")


@pytest.mark.stock_differs("it keeps the old path until its neighbour entry "
                           "expires")
def test_renumbered_lids(hosts, opensm):
    h1, h4 = hosts[0], hosts[3]
    guids = {f"0x005b00fffe02000{h.number}": 20 + h.number for h in hosts}
    guids |= {"0x005b00fffe010001": 30, "0x005b00fffe010002": 31}
    with Pinger(h1, h4.v4) as pinger:
        renumber(opensm, guids)
        done = time.time()
        assert lab.lid("sib4") == 24
        wait(lambda: not h1.ping(h4.v4, limit=1), 20, "h4 is not back")
    assert outage_after(pinger, done) < BACK_WITHIN * lab.SLOW
    for host in hosts[1:]:
        h1.reach(host)


@pytest.mark.stock_differs("it keeps the old path until its neighbour entry "
                           "expires")
def test_one_renumbered_lid_of_a_peer(hosts, opensm):
    """Nothing tells the others; the peer's own announcement must do."""
    h1, h4 = hosts[0], hosts[3]
    guids = {f"0x005b00fffe02000{h.number}": lab.lid(h.hca) for h in hosts}
    guids["0x005b00fffe020004"] = 44
    with Pinger(h1, h4.v4) as pinger:
        renumber(opensm, guids)
        done = time.time()
        assert lab.lid("sib4") == 44
        wait(lambda: not h1.ping(h4.v4, limit=1), 20, "h4 is not back")
    assert outage_after(pinger, done) < BACK_WITHIN * lab.SLOW


@pytest.mark.debug
def test_interface_down_and_up_under_traffic(hosts):
    h1, h4 = hosts[0], hosts[3]
    with Pinger(h1, h4.v4):
        for _ in range(3):
            h4.ip("link", "set", "ib0", "down")
            h4.ip("link", "set", "ib0", "up")
            wait(h4.carrier, 10, "h4 gets no carrier")
        # IPv6 addresses go with the interface; IPv4 ones stay.
        h4.ip("address", "replace", f"{h4.v6}/64", "dev", "ib0", "nodad")
        wait(lambda: not h1.ping(h4.v4, limit=1), 20, "h4 is not back")


def test_down_with_a_dead_sm_takes_less_than_a_second(hosts, opensm):
    h4 = hosts[3]
    opensm.stop(signal.SIGKILL)
    try:
        start = time.monotonic()
        h4.ip("link", "set", "ib0", "down")
        took = time.monotonic() - start
        assert took < 1.0 * lab.SLOW, took
    finally:
        opensm.start()
        h4.ip("link", "set", "ib0", "up")
        h4.ip("address", "replace", f"{h4.v6}/64", "dev", "ib0", "nodad")
