# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""HCAs whose ports are in two subnets: two SMs, two prefixes, the same LIDs,
and nothing of one that is felt in the other.
"""

import signal

import pytest

from tests.vm import lab
from tests.vm.lab import wait
from tests.vm.pinger import Pinger
from tests.vm.twoports import (DEVS, PortSM, cable, changes, give_v6,
                               is_active, port_file, reach, reregister, v4,
                               wait_carriers)

PREFIXES = ("fe80000000000000", "fec0000000000002")


@pytest.fixture(scope="module")
def managers(all_hosts):
    """The SMs of both subnets."""
    return [PortSM(all_hosts[0]), PortSM(all_hosts[1], 2,
                                         f"0x{PREFIXES[1]}")]


def test_each_subnet_has_its_prefix(pair):
    """It is in the GIDs, and so in the addresses."""
    for host in pair:
        for port, dev in enumerate(DEVS):
            address = host.address(dev)[4:].hex()
            assert address.startswith(PREFIXES[port])
            assert address == port_file(host, port, "gids/0").replace(":", "")
            assert host.sysfs("dev_port", dev) == str(port)
            assert host.sysfs("dev_id", dev) == hex(port)


def test_a_lid_is_another_node_in_each_subnet(pair):
    """h1 has in the one what h2 has in the other; paths are not confused."""
    h1, h2 = pair
    assert lab.lid(h1.hca, 1) == lab.lid(h2.hca, 2)
    for port in (0, 1):
        reach(h1, h2, port)
        reach(h2, h1, port)
        assert h1.ping(v4(h2, port), 100) == 0


def test_what_is_sent_into_one_subnet_stays_there(pair):
    h1, h2 = pair
    for port in (0, 1):
        reach(h1, h2, port)
    for port, dev in enumerate(DEVS):
        other = DEVS[1 - port]
        before = h2.link(other)["stats64"]["rx"]["packets"]
        assert h1.ping(v4(h2, port), 100, options=("-I", dev)) == 0
        assert h2.link(other)["stats64"]["rx"]["packets"] < before + 20


@pytest.mark.debug
@pytest.mark.parametrize("which", (0, 1))
def test_an_sm_that_starts_again_is_not_felt_anywhere(pair, managers, which):
    h1, h2 = pair
    for port in (0, 1):
        reach(h1, h2, port)
    before = [changes(h, dev) for h in pair for dev in DEVS]
    with Pinger(h1, v4(h2, 0)) as first, Pinger(h1, v4(h2, 1)) as second:
        managers[which].stop(signal.SIGKILL)
        managers[which].start()
        for host in pair:
            reregister(host, which)
    assert first.lost == second.lost == 0
    assert [changes(h, dev) for h in pair for dev in DEVS] == before
    assert h2.address(DEVS[which])[4:12].hex() == PREFIXES[which]


def test_without_one_sm_the_other_subnet_works(pair, managers):
    """An interface of the orphaned subnet gets no carrier; its sister does."""
    h1, h2 = pair
    managers[1].stop(signal.SIGKILL)
    try:
        for dev in DEVS:
            h2.ip("link", "set", dev, "down")
            h2.ip("link", "set", dev, "up")
        wait(lambda: h2.carrier("ib0"), 20, "no carrier")
        assert not h2.carrier("ib1")
        assert h1.ping(v4(h2, 0), 50, limit=30) <= 1
    finally:
        managers[1].start()
    wait_carriers(h2)
    for port in (0, 1):
        give_v6(h2, port)
        reach(h1, h2, port)


@pytest.mark.parametrize("hurt", (0, 1))
def test_a_switch_that_is_off_takes_one_subnet_only(pair, hurt):
    h1, h2 = pair
    well, switch = 1 - hurt, ("sw1", "sw2")[hurt]
    ends = [cable(host, hurt, switch) for host in pair]
    before = changes(h2, DEVS[well])
    reach(h1, h2, well)
    with Pinger(h1, v4(h2, well)) as losses:
        for end in ends:
            lab.run("ip", "link", "set", end, "down")
        for host in pair:
            wait(lambda h=host: not h.carrier(DEVS[hurt]), 10,
                 "carrier stays")
        for end in ends:
            lab.run("ip", "link", "set", end, "up")
        for host in pair:
            wait(lambda h=host: is_active(h, hurt), 30,
                 "the SM does not act")
        wait_carriers(*pair)
    assert losses.lost == 0
    assert changes(h2, DEVS[well]) == before
    reach(h1, h2, hurt)


def test_children_are_in_the_subnet_of_their_parent(pair):
    h1, h2 = pair
    for host in pair:
        for port, dev in enumerate(DEVS):
            host.ip("link", "add", "link", dev, "name", f"{dev}c", "type",
                    "ipoib")
            host.ip("address", "add", f"10.9.{port}.{host.number}/24", "dev",
                    f"{dev}c")
            host.ip("link", "set", f"{dev}c", "up")
            assert host.address(f"{dev}c")[4:12].hex() == PREFIXES[port]
    for port in (0, 1):
        wait(lambda p=port: not h1.ping(f"10.9.{p}.2", limit=1), 20,
             f"the child of port {port} does not answer")
    assert {h2.sysfs("dev_port", f"{dev}c") for dev in DEVS} == {"0"}
