# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""MTU in datagram mode: every group MTU after every other one, with every kind
of wish, at parents and children.

The MTU is the smaller of what is wanted and what the group allows. Who wanted
just what the old group allowed follows the new one; any other wish is kept.

    lab/run --topology 1sw3ca-nosm -- tests/vm/run tests/vm/1sw3ca-nosm/test_mtu_table.py
"""

import contextlib
import itertools

import pytest

from tests.sm import BROADCAST
from tests.sm.harness import down_and_up, give_ipv6, managed
from tests.vm.lab import wait
from tests.vm.many import batch, interfaces

LINK = 4092
MTU = {3: 1020, 4: 2044, 5: 4092}
SMALLEST = 72
# None has no wish; the others have one below, at and above every group's.
WISHES = (None, SMALLEST, 1000, 1020, 1021, 2044, 2045, 4091, LINK)
REJOIN = {
    "re-registration": lambda sm, host: sm.subnet.reregister(host.hca),
    "port down and up": lambda sm, host: sm.subnet.bounce(host.hca),
    "down and up": lambda sm, host: down_and_up(host),
}


@pytest.fixture(scope="module")
def subnet(sm_hosts):
    with managed(sm_hosts) as sm:
        yield sm
        for host in sm.hosts:
            give_ipv6(host)


def set_group(sm, code):
    """All groups are gone but a new broadcast group."""
    for group in list(sm.sa.groups):
        # The last member may leave meanwhile, and the group is gone.
        with contextlib.suppress(LookupError):
            sm.sa.remove_group(group.mgid)
    sm.sa.add_group(BROADCAST, mtu=code)


def names():
    """A child for each wish."""
    return [f"c{wish or 0}" for wish in WISHES]


def mtus(host):
    return [host.link(dev)["mtu"] for dev in names()]


@pytest.fixture
def children(subnet):
    """A function that makes h2's children, on the P_Key of their parent."""
    h2 = subnet.hosts[1]

    def make():
        batch(h2, *(f"link add link ib0 name {dev} type ipoib"
                    for dev in names()),
              *(f"link set {dev} up" for dev in names()))
    yield make
    batch(h2, *(f"link delete {dev}" for dev in interfaces(h2) - {"ib0"}),
          f"link set ib0 mtu {LINK}")


class Expected:
    """What an interface's MTU must be, by what was wanted of it."""

    def __init__(self, wish, group):
        self.wish, self.group = wish or group, group

    def under(self, group):
        """The MTU after the broadcast group was joined with another one."""
        if self.wish == self.group:
            self.wish = group
        self.group = group
        return min(self.wish, group)


def wish_at(host, dev, wish, group):
    """Say what is wanted, even if it is what there is."""
    if wish:
        host.ip("link", "set", dev, "mtu", 576 if wish != 576 else 577)
        host.ip("link", "set", dev, "mtu", wish)
        assert host.link(dev)["mtu"] == min(wish, group)


@pytest.mark.ours
@pytest.mark.parametrize("how, old, new", [
    (list(REJOIN)[n % 3], old, new)
    for n, (old, new) in enumerate(itertools.product(MTU, MTU))] + [
    ("re-registration", 3, 5), ("down and up", 4, 5), ("re-registration", 5,
                                                       4)])
def test_children_with_every_wish_follow_or_keep_it(subnet, children, how, old,
                                                    new):
    h2 = subnet.hosts[1]
    set_group(subnet, old)
    down_and_up(h2)
    subnet.wait_joined(h2)
    children()
    wait(lambda: mtus(h2) == [MTU[old]] * len(WISHES), 20,
         "not all have the MTU of the group")
    for dev, wish in zip(names(), WISHES):
        wish_at(h2, dev, wish, MTU[old])
    rules = [Expected(wish, MTU[old]) for wish in WISHES]
    # What was wanted once is granted as soon as a group allows it.
    for code in (new, 5):
        set_group(subnet, code)
        REJOIN[how](subnet, h2)
        wanted = [rule.under(MTU[code]) for rule in rules]
        wait(lambda w=wanted: mtus(h2) == w, 20, f"the MTUs are not {wanted}")


@pytest.mark.ours
@pytest.mark.parametrize("how, wish", zip(itertools.cycle(REJOIN), WISHES))
def test_a_parent_follows_or_keeps_its_wish(subnet, how, wish):
    h2 = subnet.hosts[1]
    set_group(subnet, 4)
    down_and_up(h2)
    subnet.wait_joined(h2)
    wish_at(h2, "ib0", wish or MTU[4], MTU[4])
    rule = Expected(wish, MTU[4])
    for code in (5, 3, 4):
        set_group(subnet, code)
        REJOIN[how](subnet, h2)
        # The MTU may be right already; how often it joins again is paced.
        subnet.wait_settled(h2)
        expected = rule.under(MTU[code])
        wait(lambda e=expected: h2.link()["mtu"] == e, 20,
             f"the MTU is not {expected} in the group of {MTU[code]}")
