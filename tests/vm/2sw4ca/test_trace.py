# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Trace events of the driver: each is caused, and read."""

import os
import re
import signal
import socket

import pytest

from tests.vm import inject, lab
from tests.vm.cmwire import CONSUMER, Ghost
from tests.vm.connmode import sends_to, set_mode
from tests.vm.ifwire import BROADCAST_GID, mgid_of
from tests.vm.iftools import restore_v6
from tests.vm.lab import run, wait
from tests.vm.netns import Member, inside, send
from tests.vm.tracing import TRACEFS, Trace

pytestmark = pytest.mark.ours

EVENTS = {f"ipoib_{name}" for name in (
    "path_lookup", "path_answer", "path_doubt", "path_expire", "neigh_create",
    "neigh_delete", "mcast_join", "mcast_joined", "mcast_leave", "conn_state",
    "conn_accept", "conn_end", "conn_refuse", "queue_stop", "queue_wake",
    "event")}


@pytest.fixture
def trace():
    with Trace("ipoib") as ring:
        yield ring


def shown(gid):
    """A GID as the kernel prints it."""
    return ":".join(re.findall("....", gid.hex()))


def of(host):
    """How each line about a host's interface begins."""
    return f"^ib0 {host.hca}/1: "


def down_and_up(host):
    host.ip("link", "set", "ib0", "down")
    host.ip("link", "set", "ib0", "up")
    wait(host.carrier, 20, "no carrier")
    restore_v6(host)


def test_the_events_that_there_are():
    found = {n for n in os.listdir(f"{TRACEFS}/events/ipoib")
             if n not in ("enable", "filter")}
    assert found == EVENTS


def test_they_are_off_at_first():
    assert lab.read(f"{TRACEFS}/events/ipoib/enable") == "0"


def test_the_way_to_a_peer_is_looked_up_and_answered(h3, h4, trace):
    down_and_up(h4)
    h4.reach(h3)
    gid = shown(h3.address()[4:])
    qpn = int.from_bytes(h3.address()[1:4], "big")
    trace.wait("ipoib_path_lookup", of(h4) + f"gid {gid}$")
    line = trace.wait("ipoib_path_answer", of(h4) + f"gid {gid} status 0 ")
    assert line.endswith(f" dlid 0x{lab.lid(h3.hca):04x} sl 0 rate 7")
    trace.wait("ipoib_neigh_create", of(h4) + f"qpn 0x{qpn:06x} gid {gid}$")


def test_a_path_that_the_sa_refuses(h4, trace):
    gid = "fe80:0000:0000:0000:0202:c903:0077:0001"
    lladdr = "00:00:01:23:" + ":".join(
        re.findall("..", socket.inet_pton(socket.AF_INET6, gid).hex()))
    h4.ip("neigh", "replace", "198.51.100.99", "lladdr", lladdr, "dev", "ib0",
          "nud", "permanent")
    try:
        h4.ping("198.51.100.99", limit=1)
        trace.wait("ipoib_path_answer", of(h4) + f"gid {gid} status -22 ")
    finally:
        h4.ip("neigh", "del", "198.51.100.99", "dev", "ib0")


def test_paths_and_destinations_end_with_the_link(h3, h4, trace):
    h4.reach(h3)
    down_and_up(h4)
    gid = shown(h3.address()[4:])
    trace.wait("ipoib_path_expire", of(h4) + f"gid {gid}$")
    trace.wait("ipoib_neigh_delete", of(h4) + f"qpn 0x\\w+ gid {gid}$")


def test_a_group_is_joined_and_left(h4, trace):
    mgid = shown(mgid_of("239.7.8.1"))
    with Member(h4, "239.7.8.1"):
        assert trace.wait("ipoib_mcast_join", of(h4) + f"mgid {mgid}") \
            .endswith(" join_state 1")
        line = trace.wait("ipoib_mcast_joined", of(h4) + f"mgid {mgid}")
        assert re.search(r" status 0 mlid 0xc[0-9a-f]{3}$", line)
        assert not trace.lines("ipoib_mcast_leave", mgid)
    trace.wait("ipoib_mcast_leave", of(h4) + f"mgid {mgid}$")


def test_a_group_that_is_only_sent_to(h4, trace):
    mgid = shown(mgid_of("239.7.8.2"))
    send(h4, "239.7.8.2", b"hello")
    assert trace.wait("ipoib_mcast_join", of(h4) + f"mgid {mgid}") \
        .endswith(" join_state 8")
    trace.wait("ipoib_mcast_joined", of(h4) + f"mgid {mgid} status 0 ")
    trace.wait("ipoib_neigh_create", of(h4) + f"qpn 0xffffff gid {mgid}$")


def test_a_join_that_is_refused(h4, partitions, trace):
    mgid = shown(BROADCAST_GID)
    partitions("Default=0x7fff,rate=3:ALL=full;\n")
    h4.ip("link", "set", "ib0", "down")
    h4.ip("link", "set", "ib0", "up")
    trace.wait("ipoib_mcast_joined", of(h4) + f"mgid {mgid} status -22 ")
    restore_v6(h4)


def test_a_connection_comes_and_goes(calm, h1, h4, trace):
    def about(host, rest):
        hw = host.address()
        return f"gid {shown(hw[4:])} qpn 0x{hw[1:4].hex()} RC{rest}$"
    set_mode(h1, "connected")
    wait(lambda: not h1.ping(h4.v4, limit=1) and sends_to(h1, h4), 10,
         "no connection")
    set_mode(h1, "datagram")
    for step in ("ask: wanted -> asking", "ready: asking -> up",
                 "close: up -> dead"):
        trace.wait("ipoib_conn_state", of(h1) + about(h4, f" {step}"))
    for event in ("accept", "end"):
        trace.wait(f"ipoib_conn_{event}", of(h4) + about(h1, ""))
    assert not trace.lines("ipoib_conn_refuse")


def test_a_request_is_refused(h4, trace):
    with inject.to_hca(h4, "sw2") as cable:
        ghost = Ghost(cable, inject.Place.of(h4))
        ghost.connect(private=b"")
        trace.wait("ipoib_conn_refuse",
                   of(h4) + f"gid [0-9a-f:]+ reason {CONSUMER}$")
    run("ibqueryerrors", "--clear-errors", check=False)


def test_events_of_the_port(h4, trace):
    run("ip", "link", "set", "sw2-h4", "down")
    try:
        trace.wait("ipoib_event", of(h4) + "(.*\\|)?port_error")
        wait(lambda: not h4.carrier(), 10, "the carrier stays")
    finally:
        run("ip", "link", "set", "sw2-h4", "up")
    trace.wait("ipoib_event", of(h4) + "(.*\\|)?port_active", 20)
    wait(h4.carrier, 20, "no carrier")


def test_paths_are_in_doubt_when_an_sm_comes_back(h3, h4, opensm, trace):
    h4.reach(h3)
    opensm.stop(signal.SIGKILL)
    opensm.start()
    trace.wait("ipoib_event", of(h4) + "(.*\\|)?reregister", 20)
    trace.wait("ipoib_path_doubt",
               of(h4) + f"gid {shown(h3.address()[4:])}$")


@pytest.fixture
def slow_cable(h1, h2):
    """h1's packets stay on the cable for a while, and no byte queue limit
    stops its queue before the ring is full."""
    limits = "/sys/class/net/ib0/queues/tx-*/byte_queue_limits"
    every = f"for file in {limits}/limit_min; do echo %d >$file; done"
    h1.reach(h2)
    h1.run("sh", "-c", every % 1000000)
    run("tc", "qdisc", "replace", "dev", "h1-sw1", "root", "netem", "delay",
        "300ms", "limit", "10000")
    yield
    run("tc", "qdisc", "del", "dev", "h1-sw1", "root")
    h1.run("sh", "-c", every % 0)


def test_a_queue_stops_when_its_ring_is_full_and_wakes(h1, h2, slow_cable,
                                                       trace):
    count = 4 * 128
    before = h1.ethtool_stats()["tx_queue_stopped"]
    with inside(h1), \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(count):
            sock.sendto(b"x", (h2.v4, 9))
    line = trace.wait("ipoib_queue_stop", of(h1) + "queue [0-9]+ ")
    queue = re.search(r"queue (\d+)", line).group(1)
    head, tail = map(int, re.search(r"tx_head (\d+) tx_tail (\d+)$",
                                    line).groups())
    assert head - tail == 128
    trace.wait("ipoib_queue_wake", of(h1) + f"queue {queue} tx_head")
    assert h1.ethtool_stats()["tx_queue_stopped"] - before == \
        len(trace.lines("ipoib_queue_stop"))


def test_nothing_is_traced_while_they_are_off(h3, h4):
    with Trace() as ring:
        down_and_up(h4)
        h4.reach(h3)
        assert not ring.lines()


def test_the_example_of_the_manual(h4):
    """As docs/admin.md has it."""
    def tracefs(*script):
        return run("sh", "-c", "cd /sys/kernel/tracing && " + " && ".join(
            script))
    tracefs("echo 1 > events/ipoib/enable")
    try:
        down_and_up(h4)
        wait(lambda: "ipoib_mcast_joined: ib0 sib4/1: mgid " in
             tracefs("cat trace"), 5, "it is not in the trace")
    finally:
        tracefs("echo 0 > events/ipoib/enable", "echo > trace")
    assert "ipoib_" not in tracefs("cat trace")
