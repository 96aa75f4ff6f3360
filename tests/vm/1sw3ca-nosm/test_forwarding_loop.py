# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Forwarding tables that lead a packet in a circle do not keep it."""

import pytest

from tests.sm.mad import PortState
from tests.vm import lab
from tests.vm.lab import run, status, wait

ENDS = "loop-a", "loop-b"
NOBODY = 0x30


@pytest.fixture
def circle(sm):
    """A cable from the switch to itself; its ends, as the SM knows them."""
    run("ip", "link", "add", ENDS[0], "mtu", "4230", "type", "veth",
        "peer", "name", ENDS[1], "mtu", "4230")
    for end in ENDS:
        run("ip", "link", "set", end, "up", "master", "sw1")
    try:
        yield wait(lambda: ends_of(sm.subnet), 20, "the cable is not up")
    finally:
        run("ip", "link", "delete", ENDS[0])


def ends_of(subnet):
    subnet.sweep()
    with subnet.lock:
        return [port for port in subnet.fabric.ports()
                if port.peer and port.peer.node is port.node and
                port.info.port_state == PortState.ACTIVE]


def too_old():
    return sum(count for name, count in lab.switch_stats("sw1").items()
               if name.endswith("tx_too_old"))


@pytest.mark.debug
def test_a_packet_in_a_circle_is_given_up(sm, circle):
    """Either end leads to the other, and so on."""
    before = too_old()

    def given_up():
        # A sweep because of the new link would take the route away.
        sm.subnet.set_route(NOBODY, circle[0])
        status("perfquery", "-t", "100", str(NOBODY), "1")
        return too_old() > before
    wait(given_up, 20, "it goes on")
    # Those who are meant to be reached are.
    sm.hosts[0].reach(sm.hosts[1])
