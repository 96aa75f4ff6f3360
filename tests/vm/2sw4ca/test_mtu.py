# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Link, group and admin MTU in datagram mode.

The group's MTU is OpenSM's to give: 2048 octets unless its partitions say
otherwise. The ports here could do 4096.
"""

import re
import threading

import pytest

from tests.vm import lab
from tests.vm.iftools import monitor, restore_v6
from tests.vm.lab import wait

LINK, GROUP = 4092, 2044


@pytest.fixture
def h4(hosts):
    """With the MTU that it had."""
    yield hosts[3]
    hosts[3].run("ip", "link", "set", "ib0", "mtu", LINK)
    hosts[3].run("ip", "link", "set", "ib0", "mtu", GROUP)


def mtu(host):
    return host.link()["mtu"]


def set_mtu(host, value):
    """Exit status and what ip said."""
    return host.status("ip", "link", "set", "ib0", "mtu", value)


def test_the_mtu_is_that_of_the_group_by_default(hosts):
    assert {mtu(h) for h in hosts} == {GROUP}


def test_a_packet_of_2044_octets_goes_through_whole(hosts):
    h1, h4 = hosts[0], hosts[3]
    for target, overhead in ((h4.v4, 28), (h4.v6, 48)):
        assert h1.ping(target, 5, GROUP - overhead, ("-M", "do")) == 0
        out = h1.run("ping", "-c", 1, "-W", 1, "-M", "do", "-s",
                     GROUP - overhead + 1, target, check=False)
        assert "100% packet loss" in out and \
            ("mtu: 2044" in out or "mtu=2044" in out or "too long" in out)


def test_up_to_the_group_the_mtu_is_what_was_asked_for(h4):
    for value in (72, 73, 576, 1280, 2043, 2044):
        assert set_mtu(h4, value) == (0, "")
        assert mtu(h4) == value


def test_above_the_group_the_mtu_is_the_groups(h4):
    for value in (2045, 4091, 4092):
        assert set_mtu(h4, value) == (0, "")
        assert mtu(h4) == GROUP


def test_what_no_port_can_do_is_refused(h4):
    assert set_mtu(h4, 1000) == (0, "")
    for value in (0, 1, 67, 68, 71, 4093, 65520):
        code, out = set_mtu(h4, value)
        assert code and "Invalid argument" in out, value
        assert mtu(h4) == 1000


def test_more_than_the_maximum_is_refused_by_the_core(h4):
    code, out = set_mtu(h4, 65521)
    assert code and "greater than device maximum" in out


def down_and_up(*hosts):
    """Join anew."""
    for host in hosts:
        host.ip("link", "set", "ib0", "down")
    for host in hosts:
        host.ip("link", "set", "ib0", "up")
    for host in hosts:
        wait(host.carrier, 20, f"{host} has no carrier")


def test_a_smaller_wish_survives_a_join(h4):
    set_mtu(h4, 1500)
    down_and_up(h4)
    assert mtu(h4) == 1500
    restore_v6(h4)


def test_an_mtu_is_set_while_the_interface_is_down(h4):
    h4.ip("link", "set", "ib0", "down")
    assert set_mtu(h4, 1400) == (0, "")
    assert mtu(h4) == 1400
    h4.ip("link", "set", "ib0", "up")
    wait(h4.carrier, 20, "no carrier")
    assert mtu(h4) == 1400
    restore_v6(h4)


def test_a_small_mtu_makes_fragments_that_arrive(hosts, h4):
    set_mtu(h4, 1300)
    assert h4.ping(hosts[0].v4, 5, 8000) == 0
    assert h4.ping(hosts[0].v6, 5, 8000) == 0


def restart_with(partitions, code):
    """OpenSM with a broadcast group of this MTU code."""
    partitions(f"Default=0x7fff,ipoib,mtu={code},rate=3:ALL=full;\n")


def test_the_mtu_follows_the_group(hosts, partitions):
    """Who had all that the old group allowed has all that the new one does;
    a smaller wish stays; a larger one is fulfilled as far as can be."""
    h1, h2, h3, h4 = hosts
    set_mtu(h2, 1500)
    set_mtu(h3, 4000)
    try:
        for code, wanted in ((5, [4092, 1500, 4000, 4092]),
                             (3, [1020, 1020, 1020, 1020]),
                             (4, [2044, 1500, 2044, 2044])):
            restart_with(partitions, code)
            down_and_up(*hosts)
            assert [mtu(h) for h in hosts] == wanted
            # All of the larger MTU is usable.
            size = wanted[0] - 28
            wait(lambda s=size: h1.ping(h4.v4, 1, s, ("-M", "do"),
                                        limit=1) == 0, 10, "no ping")
    finally:
        for host in hosts:
            set_mtu(host, LINK)
            set_mtu(host, GROUP)
            restore_v6(host)


def until(child, pattern, limit=20):
    """What a command says up to a line that is like the pattern."""
    out = ""
    alarm = threading.Timer(limit * lab.SLOW, child.kill)
    alarm.start()
    for line in child.stdout:
        out += line
        if re.search(pattern, line):
            break
    alarm.cancel()
    return out


def test_a_new_group_mtu_and_then_carrier_are_announced(spare, here):
    """A notification of the smaller MTU comes before that of the carrier."""
    name = spare().add()
    child = monitor("link", options=("-o",))
    try:
        assert lab.read(f"/sys/class/net/{name}/mtu") == str(LINK)
        lab.run("ip", "link", "set", name, "up")
        wait(lambda: here.carrier(name), 20, "no carrier")
        out = until(child, rf" {name}: .*LOWER_UP")
    finally:
        lab.stop(child)
    seen = [(int(re.search(r" mtu (\d+) ", line)[1]), "LOWER_UP" in line)
            for line in out.splitlines() if f" {name}: " in line]
    changed = [x for n, x in enumerate(seen) if n == 0 or x != seen[n - 1]]
    assert changed[-2:] == [(GROUP, False), (GROUP, True)], out
