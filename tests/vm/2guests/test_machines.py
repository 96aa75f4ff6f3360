# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Two machines on an Ethernet link: what docs/fabric.md tells to type is typed
in two guests whose fabric was taken down.
"""

import re

import pytest

from tests.vm import far, lab
from tests.vm.lab import wait

pytestmark = pytest.mark.long
GUESTS = lab.run, far.run
ADDRESSES = "198.51.100.1", "198.51.100.2"


def typed(guest, name):
    """Type a block of the document in a guest."""
    text = re.search(rf"^```sh {name}\n(.*?)^```", lab.read("docs/fabric.md"),
                     re.M | re.S)
    return guest("sh", "-euc", text[1])


def each(*argv):
    """A command in both guests."""
    for guest in GUESTS:
        guest(*argv)


@pytest.fixture
def machines(all_hosts):
    """Without a fabric and without drivers, with a NIC that is eth1."""
    each("lab/fabric", "down")
    each("modprobe", "-r", "sib_verbtest", "ib_ipoib", "sib")
    for guest, name in zip(GUESTS, ("sw1-sw2.0", "sw2-sw1.0")):
        guest("ip", "link", "set", name, "down")
        guest("ip", "link", "set", name, "mtu", 1500)
        guest("ip", "link", "set", name, "name", "eth1")
    yield GUESTS
    stop_opensm()
    each("lab/fabric", "down")
    for guest in GUESTS:
        guest("lab/fabric", "up", "2guests", "--limit", 0)
    for host in all_hosts:
        wait(host.carrier, 60, f"{host} has no carrier")


def stop_opensm():
    """It runs on the first machine."""
    lab.run("pkill", "-x", "opensm", check=False)
    wait(lambda: not lab.run("pgrep", "-x", "opensm", check=False), 20,
         "OpenSM does not end")


def reached():
    """Each pings the other's ib0."""
    return all("1 received" in guest(
        "ping", "-c", 1, "-W", 1, "-I", "ib0", address, check=False)
        for guest, address in zip(GUESTS, reversed(ADDRESSES)))


def test_two_machines_are_joined_as_the_document_says(machines):
    first, second = machines
    for guest in machines:
        typed(guest, "both")
    typed(first, "first")
    typed(second, "second")
    wait(reached, 30, "they do not reach each other")
    assert links(first) == 1
    for guest in machines:
        typed(guest, "switch")
    stop_opensm()
    typed(first, "first")
    typed(second, "second")
    wait(reached, 30, "they do not reach each other")
    assert links(first) == 5


def links(guest):
    """How many there are in the subnet."""
    shown = guest("iblinkinfo", "-l")
    return len({frozenset(re.findall("0x[0-9a-f]{16}", line))
                for line in shown.splitlines() if "LinkUp" in line})
