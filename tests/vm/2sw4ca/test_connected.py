# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Connected mode: RFC 4755 as users see it, and the control over it.

Connections are one-way: each side sends on the one that it has asked for.
"""

import json
import re

import pytest

from tests.vm import lab
from tests.vm.connmode import (UC_FLAG, connect, connections, counted, forget,
                               renew, sending, set_mode, set_uc)
from tests.vm.lab import wait

CONNECTED, DATAGRAM = 65520, 2044
SIZES = (511, 1025, 2044, 8192, 32768, 65492)
RC, UC = 0x80, 0x40


# --- the control

def test_the_mode_in_sysfs_and_netlink(calm):
    h1 = calm[0]
    for mode, mtu in (("connected", CONNECTED), ("datagram", DATAGRAM)) * 2:
        assert h1.sysfs_write("mode", mode) == (0, "")
        assert h1.sysfs("mode") == mode
        assert h1.link()["mtu"] == mtu
        assert h1.link()["linkinfo"]["info_data"]["mode"] == mode
    for mode, mtu in (("connected", CONNECTED), ("datagram", DATAGRAM)):
        h1.ip("link", "set", "ib0", "type", "ipoib", "mode", mode)
        assert h1.sysfs("mode") == mode and h1.link()["mtu"] == mtu


def test_the_carrier_stays_on_while_the_mode_changes(calm):
    h1 = calm[0]
    before = h1.sysfs("carrier_changes")
    set_mode(h1, "connected")
    set_mode(h1, "datagram")
    assert h1.sysfs("carrier_changes") == before


def test_mtus_in_connected_mode(calm):
    h1 = calm[0]
    set_mode(h1, "connected")
    for value, good in ((CONNECTED, True), (CONNECTED + 1, False),
                        (1500, True), (9000, True)):
        code, _ = h1.status("ip", "link", "set", "ib0", "mtu", value)
        assert (code == 0) == good, value
    assert h1.link()["mtu"] == 9000
    set_mode(h1, "datagram")
    assert h1.link()["mtu"] == DATAGRAM
    set_mode(h1, "connected")
    h1.ip("link", "set", "ib0", "mtu", 1500)
    set_mode(h1, "datagram")
    assert h1.link()["mtu"] == 1500
    h1.ip("link", "set", "ib0", "mtu", DATAGRAM)


def test_the_address_tells_what_is_accepted(calm):
    h1, h2 = calm[:2]
    rest = h1.address()[1:]
    set_uc(h1, True)
    assert h1.address() == bytes([RC | UC]) + rest
    h2.reach(h1)
    told = json.loads(h2.run("ip", "-j", "neigh", "show", h1.v4))[0]["lladdr"]
    assert bytes.fromhex(told.replace(":", ""))[0] == RC | UC
    assert f"{UC_FLAG}: on" in h1.run("ethtool", "--show-priv-flags", "ib0")
    set_uc(h1, False)
    assert h1.address() == bytes([RC]) + rest


# --- traffic

@pytest.mark.debug
def test_packets_of_any_size(connected):
    h1, h4 = connected[0], connected[3]
    connect(h1, h4)
    lost = h1.drops(), h4.drops()
    before = counted(h1, "conn_tx_packets", "conn_rx_packets")
    count = lab.scaled(30)
    for size in SIZES:
        for target in (h4.v4, h4.v6):
            assert h1.ping(target, count, size) == 0, (size, target)
    after = counted(h1, "conn_tx_packets", "conn_rx_packets")
    for was, now in zip(before, after):
        assert now - was >= 2 * count * len(SIZES)
    assert (h1.drops(), h4.drops()) == lost


def test_a_packet_of_64_kib_goes_whole(connected):
    h1, h4 = connected[0], connected[3]
    connect(h1, h4)
    assert h1.ping(h4.v4, 10, CONNECTED - 28, ("-M", "do")) == 0
    assert h1.ping(h4.v6, 10, CONNECTED - 48, ("-M", "do")) == 0


def test_tcp_in_connected_mode(connected):
    h1, h4 = connected[0], connected[3]
    connect(h1, h4)
    lost = h1.drops(), h4.drops()
    server = h4.popen("iperf3", "-s", "-1")
    wait(lambda: ":5201" in h4.run("ss", "-lnt"), 10, "no server")
    done = json.loads(h1.run("iperf3", "-c", h4.v4, "-t", 3, "-J"))
    lab.stop(server)
    assert done["end"]["sum_sent"]["retransmits"] == 0
    assert (h1.drops(), h4.drops()) == lost


def test_which_transport(calm):
    """Unreliable ones are between those who both announce them."""
    h1, h2, h3, _ = calm
    for host in (h1, h2, h3):
        set_mode(host, "connected")
    set_uc(h1, True)
    set_uc(h2, True)
    forget(h1, h2, h3)
    for a, b, transport in ((h1, h2, "UC"), (h1, h3, "RC"), (h2, h3, "RC")):
        connect(a, b)
        for here, there in ((a, b), (b, a)):
            assert {c["transport"] for c in sending(here)
                    if c["qpn"] == f"0x{there.address()[1:4].hex()}"} == \
                {transport}


def test_who_sends_datagrams_is_sent_to_on_a_connection(calm):
    """The flags tell what is accepted, not the mode."""
    h1, h2 = calm[:2]
    set_mode(h1, "connected")
    assert h1.ping(h2.v4, 5, 65492) == 0
    assert sending(h1) and not connections(h2, "send")
    assert [c["direction"] for c in connections(h2)] == ["receive"]


def test_multicast_and_address_resolution_are_datagrams(connected):
    h1, h2 = connected[:2]
    connect(h1, h2)
    before = counted(h1, "conn_tx_packets", "tx_drop_too_big")
    out = h1.run("ping", "-q", "-I", "ib0", "-c", 5, "-i", 0.2, "-s", 1000,
                 "224.0.0.1", check=False)
    assert "5 packets transmitted" in out
    assert h1.run("arping", "-c", 3, "-I", "ib0", h2.v4).count("reply") == 3
    assert counted(h1, "conn_tx_packets", "tx_drop_too_big") == before
    h1.run("ping", "-q", "-I", "ib0", "-c", 3, "-i", 0.2, "-s", 8000,
           "224.0.0.1", check=False)
    assert counted(h1, "tx_drop_too_big")[0] == before[1] + 3


@pytest.fixture
def without_connections(calm):
    """h1 in connected mode, and h2, whom it thinks to accept none."""
    h1, h2 = calm[:2]
    set_mode(h1, "connected")
    address = bytes([0]) + h2.address()[1:]
    for target in (h2.v4, h2.v6):
        h1.ip("neigh", "replace", target, "lladdr", address.hex(":"), "dev",
              "ib0", "nud", "permanent")
    yield h1, h2
    for target in (h2.v4, h2.v6):
        h1.ip("neigh", "del", target, "dev", "ib0")


def test_a_peer_without_connections_has_a_path_mtu(without_connections):
    h1, h2 = without_connections
    said = h1.run("ping", "-c", 4, "-i", 0.2, "-W", 1, "-M", "do", "-s", 8000,
                  h2.v4, check=False)
    assert "100% packet loss" in said
    assert re.search(r"mtu[ =:]+2044", said), said
    # Who may not cut IPv6 packets is the router, not the sender.
    h1.ping(h2.v6, 1, 8000, limit=1)
    for target in (h2.v4, h2.v6):
        wait(lambda t=target: "mtu 2044" in h1.ip("route", "get", t), 5,
             "the route has no MTU")
        assert h1.ping(target, 5, 8000) == 0
    assert not sending(h1)


def test_tcp_goes_on_at_the_path_mtu(without_connections):
    h1, h2 = without_connections
    server = h2.popen("iperf3", "-s", "-1")
    wait(lambda: ":5201" in h2.run("ss", "-lnt"), 10, "no server")
    done = json.loads(h1.run("iperf3", "-c", h2.v4, "-n", "4M", "-J"))
    lab.stop(server)
    assert done["end"]["sum_received"]["bytes"] >= 3 << 20


# --- beginning and end

def test_nothing_is_paid_before_the_first_connection_nor_after(calm):
    h1, h2 = calm[:2]

    def objects(host):
        found = lab.run("rdma", "-j", "resource", "show", host.hca)
        return {k: v for k, v in json.loads(found)[0].items()
                if k in ("qp", "cq", "pd", "srq")}

    idle = objects(h1), objects(h2)
    set_mode(h1, "connected")
    assert (objects(h1), objects(h2)) == idle
    assert h1.ping(h2.v4, 5, 65492) == 0
    wait(lambda: sending(h1), 5, "no connection")
    assert objects(h1) != idle[0] and objects(h2) != idle[1]
    set_mode(h1, "datagram")
    wait(lambda: (objects(h1), objects(h2)) == idle, 5, "something stays")


@pytest.mark.debug
def test_the_mode_changes_under_traffic(connected):
    h1, h2 = connected[:2]
    connect(h1, h2)
    child = h1.popen("ping", "-q", "-i", "0.01", "-s", 1400, "-w",
                     int(30 * lab.SLOW), h2.v4)
    for _ in range(4):
        for mode in ("datagram", "connected"):
            set_mode(h1, mode)
            set_mode(h2, mode)
            wait(lambda m=mode: (len(sending(h1)) == 1) == (m == "connected"),
                 10, f"{mode} does not come")
    out = lab.stop(child)
    sent, received = map(int, re.search(
        r"(\d+) packets transmitted, (\d+) received", out).groups())
    # What is on a connection that is taken down may be lost.
    assert sent - received <= 16, out


def test_a_peer_that_was_down_is_found_again(connected):
    h1, h2 = connected[:2]
    connect(h1, h2)
    h2.ip("link", "set", "ib0", "down")
    h2.ip("link", "set", "ib0", "up")
    h2.ip("address", "replace", f"{h2.v6}/64", "dev", "ib0", "nodad")
    wait(h2.carrier, 20, "no carrier")
    wait(lambda: h1.ping(h2.v4, limit=1) == 0, 2, "it is not found")
    connect(h1, h2)
    assert h1.ping(h2.v4, 10, 8000) == 0


def test_a_peer_with_a_new_qpn_is_found_again(connected):
    h1, h4 = connected[0], connected[3]
    connect(h1, h4)
    old = h4.address()
    renew(h4, "sw2")
    set_mode(h4, "connected")
    wait(h4.carrier, 20, "no carrier")
    assert h4.address()[1:] != old[1:]
    wait(lambda: h1.ping(h4.v4, limit=1) == 0, 2, "it is not found")
    connect(h1, h4)
    assert h1.ping(h4.v4, 5, 65492) == 0


def test_a_dead_peer_is_given_up_and_served_when_he_is_back(connected):
    """His cable is pulled: packets on the connection fail, then go over UD."""
    h1, h2 = connected[:2]
    connect(h1, h2)
    lab.run("ip", "link", "set", "sw1-h2", "nomaster")
    wait(lambda: not h2.carrier(), 10, "h2 has carrier")
    h1.ping(h2.v4, 3, limit=2)
    lab.run("ip", "link", "set", "sw1-h2", "master", "sw1")
    wait(h2.carrier, 20, "h2 has no carrier")
    wait(lambda: h1.ping(h2.v4, limit=1) == 0, 10, "it is not found")
    connect(h1, h2)
    assert h1.ping(h2.v4, 5, 65492) == 0
