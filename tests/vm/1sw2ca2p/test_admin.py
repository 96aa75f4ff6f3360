# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What docs/admin.md tells to type on a host with two ports."""

import pytest

from tests import pages
from tests.vm.lab import wait
from tests.vm.twoports import DEVS, give_v6, v4, wait_carriers

pytestmark = [pytest.mark.long, pytest.mark.ours]
PAGE = "docs/admin.md"


def typed(host, heading, number=0):
    """A host's shell reads a block."""
    return host.run("bash", "-euc", pages.blocks(PAGE, heading)[number])


def test_two_ports_are_told_apart(pair):
    port, first, second = typed(pair[0], "Two ports").split()
    assert port == "1" and first == second


@pytest.fixture
def bonds(pair):
    """Bonds of both hosts are away afterwards."""
    yield pair
    for host in pair:
        host.run("ip", "link", "delete", "bond0", check=False)
        for port, dev in enumerate(DEVS):
            host.ip("address", "replace", f"{v4(host, port)}/24", "dev", dev)
            host.ip("link", "set", dev, "up")
            give_v6(host, port)
    wait_carriers(*pair)


@pytest.mark.parametrize("heading, number", (("Two ports", 1),
                                             ("Two ports as one", 0)))
def test_a_bond(bonds, heading, number):
    h1, h2 = bonds
    for dev in DEVS:
        h1.ip("address", "flush", "dev", dev)
    typed(h1, heading, number)
    if number:
        h1.ip("address", "add", "198.51.100.4/24", "dev", "bond0")
    wait(lambda: h1.link("bond0")["operstate"] == "UP", 20, "no carrier")
    h2.ip("neigh", "flush", "dev", "ib0")
    wait(lambda: not h2.ping("198.51.100.4", limit=1), 20, "no answer")
    assert h2.ping("198.51.100.4", 10) == 0
    h1.ip("link", "delete", "bond0")
