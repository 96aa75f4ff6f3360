# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Transmit queues and rings: how many, how large, and what they count."""

import re

import pytest

from tests.vm.iftools import restore_v6
from tests.vm.ifwire import UD_SEND_ONLY, Capture, cable_of
from tests.vm.lab import run, wait
from tests.vm.queues import (MOST, ROOM, SENDER, USUAL, Queues, qpn, qpns,
                             send_flows)

pytestmark = pytest.mark.ours


# --- how many

def test_a_parent_has_a_queue_for_each_cpu(hosts):
    for host in hosts:
        queues = Queues(host)
        assert queues.ask("-l") == [{"RX": 1, "TX": MOST},
                                    {"RX": 1, "TX": USUAL}]
        assert queues.in_the_kernel() == USUAL


def test_a_child_has_one_queue_and_may_have_more(h1, h4, child):
    assert child.ask("-l") == [{"RX": 1, "TX": MOST}, {"RX": 1, "TX": 1}]
    child.set("-L", "tx", 4)
    child.set("-G", "tx", 512, "rx", 512)
    assert child.count == child.in_the_kernel() == 4
    assert child.rings == (512, 512)
    assert child.host.carrier("kid")
    h1.ip("address", "add", "203.0.113.1/24", "dev", "kid")
    h4.ip("address", "add", "203.0.113.4/24", "dev", "ib0")
    try:
        wait(lambda: not h1.ping("203.0.113.4", limit=1), 10,
             "the child does not reach h4")
        assert h1.ping("203.0.113.4", 50) == 0
    finally:
        h4.ip("address", "delete", "203.0.113.4/24", "dev", "ib0")


def test_places_for_queues_are_the_users_to_choose(h1):
    """ip link add ... numtxqueues."""
    h1.ip("link", "add", "link", "ib0", "name", "kid", "numtxqueues", 3,
          "type", "ipoib")
    try:
        kid = Queues(h1, "kid")
        assert kid.ask("-l") == [{"RX": 1, "TX": 3}, {"RX": 1, "TX": 1}]
        kid.set("-L", "tx", 3)
        kid.refuses("-L", "tx", 4)
    finally:
        h1.ip("link", "delete", "kid")


@pytest.mark.parametrize("what, count", (
    ("tx", 0), ("tx", MOST + 1), ("rx", 0), ("rx", 2), ("combined", 1),
    ("other", 1)))
def test_other_numbers_are_refused(q1, what, count):
    q1.refuses("-L", what, count)


def test_each_queue_has_a_qp_and_the_address_is_none_of_theirs(h1, q1):
    address = h1.address()
    for count in (1, MOST, 3, 5):
        q1.set("-L", "tx", count)
        assert q1.count == q1.in_the_kernel() == count
        assert len(qpns(h1)) == count + 1
        assert qpn(h1) in qpns(h1)
        assert h1.address() == address


def test_flows_use_several_queues_with_qpns_of_their_own(h1, h4, q1):
    h1.reach(h4)
    q1.set("-L", "tx", 8)
    before = h1.ethtool_stats()
    with Capture(cable_of(h1)) as wire:
        send_flows(h1, h4, 64, 1)
        found = wait(lambda: whole(64, wire.find(
            lambda p: p.opcode == UD_SEND_ONLY and
            p.payload.endswith(b"flow"), True)), 10, "64 packets")
    wait(lambda: h1.ethtool_stats()["tx_packets"] >=
         before["tx_packets"] + 64, 5, "they are not counted")
    after = h1.ethtool_stats()
    used = [n for n in range(MOST) if after[f"tx{n}_packets"] >
            before[f"tx{n}_packets"]]
    assert len(used) > 2 and max(used) < 8
    sources = {p.sqpn for p in found}
    assert sources <= qpns(h1) - {qpn(h1)} and len(sources) > 2


def whole(count, found):
    """What is found, once it is so much."""
    return len(found) >= count and found


# --- how large

@pytest.mark.parametrize("wanted, got", (
    ((2, 128), (2, 128)), ((1, 1), (2, 128)), ((3, 129), (4, 256)),
    ((1000, 1000), (1024, 1024)), ((ROOM, 8192), (ROOM, 8192))))
def test_sizes_are_rounded_up_to_powers_of_two(h1, h4, q1, wanted, got):
    said = q1.set("-G", "rx", wanted[0], "tx", wanted[1])
    assert q1.rings == got
    assert ("rounded up" in said) == (wanted != got), said
    assert h1.ping(h4.v4, 20, 4000) == 0


def test_limits_of_rings_are_shown(q1):
    assert q1.ask("-g")[0] == {"RX": ROOM, "TX": 8192}


@pytest.mark.parametrize("what, size", (
    ("rx", 0), ("tx", 0), ("rx", ROOM + 1), ("tx", 8193), ("rx-mini", 1),
    ("rx-jumbo", 1)))
def test_other_sizes_are_refused(q1, what, size):
    q1.refuses("-G", what, size)


def test_what_cannot_be_had_leaves_the_rest_as_it_was(q1):
    """One of two sizes is too large."""
    q1.refuses("-G", "rx", 1024, "tx", 10000)
    q1.refuses("-G", "rx", 10000, "tx", 1024)


@pytest.fixture
def bursts(hosts):
    """What is sent to h1 comes all at once, 20 ms later."""
    run("tc", "qdisc", "add", "dev", "sw1-h1", "root", "netem", "delay",
        "20ms", "limit", 10000)
    yield
    run("tc", "qdisc", "delete", "dev", "sw1-h1", "root")


def test_fewer_buffers_are_posted_when_packets_have_come(h1, h4, q1, bursts):
    """As the HCA sees it: of a burst two fit, the others wait for buffers."""
    q1.set("-G", "rx", 2)
    assert h1.ping(h4.v4, 300) == 0
    parked = h1.hca_counters()["rx_parked"]
    # Whether one has to wait is for the processors to say: not each time.
    wait(lambda: h4.ping(h1.v4, 5, 30000) == 0 and
         h1.hca_counters()["rx_parked"] > parked, 30, "nothing waits")
    q1.set("-G", "rx", 256)
    parked = h1.hca_counters()["rx_parked"]
    assert h4.ping(h1.v4, 5, 30000) == 0
    assert h1.hca_counters()["rx_parked"] == parked


# --- down and up

def test_settings_of_an_interface_that_is_down_hold_when_it_is_up(h1, h4, q1):
    address = h1.address()
    h1.ip("link", "set", "ib0", "down")
    q1.set("-L", "tx", 5)
    q1.set("-G", "rx", 64, "tx", 256)
    assert (q1.rings, q1.count) == ((64, 256), 5)
    q1.set("-L", "tx", 2)
    h1.ip("link", "set", "ib0", "up")
    wait(h1.carrier, 20, "no carrier")
    restore_v6(h1)
    assert (q1.rings, q1.count) == ((64, 256), 2)
    assert h1.address() == address
    h1.reach(h4)
    assert h1.ping(h4.v4, 50, 4000) == 0


def test_settings_survive_down_and_up(h1, h4, q1):
    q1.set("-L", "tx", 6)
    q1.set("-G", "rx", 512, "tx", 512)
    for _ in range(3):
        h1.ip("link", "set", "ib0", "down")
        h1.ip("link", "set", "ib0", "up")
    wait(h1.carrier, 20, "no carrier")
    restore_v6(h1)
    assert (q1.rings, q1.count, q1.in_the_kernel()) == ((512, 512), 6, 6)
    h1.reach(h4)


def test_settings_can_be_changed_without_a_link(h1, h4, q1):
    """Up, but nothing is plugged in."""
    run("ip", "link", "set", "sw1-h1", "nomaster")
    try:
        wait(lambda: not h1.carrier(), 10, "h1 keeps its carrier")
        q1.set("-L", "tx", 7)
        q1.set("-G", "rx", 1024, "tx", 1024)
        assert (q1.rings, q1.count) == ((1024, 1024), 7)
    finally:
        run("ip", "link", "set", "sw1-h1", "master", "sw1")
    wait(h1.carrier, 20, "no carrier")
    h1.reach(h4, 30)
    run("ibqueryerrors", "--clear-errors", check=False)


# --- counters

FIRST = ["rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "tx_errors",
         "rx_dropped", "tx_dropped", "multicast"]


def names(host, dev="ib0"):
    """Of the counters of ethtool -S, in order."""
    return re.findall(r"^\s+(\w+):", host.run("ethtool", "-S", dev), re.M)


def test_the_first_eight_counters_are_those_that_monitoring_knows(h1, child):
    for dev in ("ib0", "kid"):
        assert names(h1, dev)[:8] == FIRST
        assert len(set(names(h1, dev))) == len(names(h1, dev))


def test_the_list_of_counters_does_not_change_with_the_queues(h1, q1):
    before = names(h1)
    for queue in range(MOST):
        assert {f"tx{queue}_packets", f"tx{queue}_bytes",
                f"tx{queue}_stopped"} <= set(before)
    for count in (1, MOST, 4):
        q1.set("-L", "tx", count)
        assert names(h1) == before


def quiet(look):
    """What look() gives when nothing happened meanwhile."""
    def twice():
        first = look()
        return first == look() and first
    return wait(twice, 20, "there is always something")


def test_queues_add_up_to_what_ip_shows(h1, h4, q1):
    """Also those that there are no longer; no counter goes back."""
    h1.reach(h4)
    last = h1.ethtool_stats()
    for count in (4, 1, 8, 2):
        q1.set("-L", "tx", count)
        send_flows(h1, h4, 32, 4)
        assert h1.ping(h4.v4, 20, 3000) == 0

        def look():
            stats = h1.link()["stats64"]
            return h1.ethtool_stats(), stats["rx"], stats["tx"]
        found, received, sent = quiet(look)
        for what in ("packets", "bytes"):
            assert sum(found[f"tx{n}_{what}"] for n in range(MOST)) == \
                found[f"tx_{what}"] == sent[what]
            assert found[f"rx0_{what}"] == found[f"rx_{what}"] == \
                received[what]
        assert found["multicast"] == received["multicast"]
        for name in ("tx_errors", "tx_dropped"):
            assert found[name] == sent[name[3:]]
        assert found["rx_dropped"] == received["dropped"]
        assert all(found[name] >= last[name] for name in last)
        last = found


def test_ip_shows_all_kinds_of_errors(h1):
    out = h1.run("ip", "-s", "-s", "link", "show", "ib0")
    for heading in ("RX errors:", "TX errors:"):
        line = out[out.index(heading):].splitlines()[1]
        assert re.fullmatch(r"[\s\d]+", line), out


def test_a_full_ring_is_counted_where_it_was_full(h1, h4, q1):
    """The cable is slow, and byte limits are out of the way: what does not
    fit into the ring waits in front of it."""
    h1.reach(h4)
    q1.set("-L", "tx", 2)
    h1.run("sh", "-c", "for q in /sys/class/net/ib0/queues/tx-*; do "
           "echo 100000000 >$q/byte_queue_limits/limit_min; done")
    before, dropped = h1.ethtool_stats(), h1.drops()
    run("tc", "qdisc", "add", "dev", cable_of(h1), "root", "netem", "delay",
        "20ms", "limit", 10000)
    try:
        h1.run("python3", "-c", SENDER, h4.v4, 32, 100)
    finally:
        run("tc", "qdisc", "delete", "dev", cable_of(h1), "root")
    after = h1.ethtool_stats()
    grown = {n: after[n] - before[n] for n in after}
    assert grown["tx_queue_stopped"] > 0 and h1.drops() == dropped
    assert grown["tx_queue_stopped"] == \
        sum(grown[f"tx{n}_stopped"] for n in range(MOST))
