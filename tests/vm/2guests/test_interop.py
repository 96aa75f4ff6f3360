# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Two drivers on one subnet, each in a kernel of its own, on either end of a
cable between two guests: what one sends, the other understands, whatever mode
each is in, of whichever family, and whoever says the first word.
"""

import re

import pytest

from tests.vm import far, lab
from tests.vm.interop import (CONNECTED, FAMILIES, MODES, PORT, SIZES, TALK,
                              begin, cases, driver, heard, meet,
                              peers_connected, qpn)
from tests.vm.lab import wait

COUNT = 10
WORDS = 5
TCP_OCTETS, UDP_OCTETS = 4000000, 65500


def check_mtus(ends, modes):
    """The bound of a datagram is the group's, whoever it is."""
    for host, mode in zip(ends, modes):
        assert (host.link()["mtu"] == CONNECTED) == (mode == "connected")


def check_connections(ends, modes):
    """A host of our driver has a connection exactly if it is in connected
    mode: the other accepts them in either."""
    for host, peer, mode in zip(ends, reversed(ends), modes):
        if driver(host) == "ours":
            assert (qpn(peer) in peers_connected(host)) == \
                (mode == "connected"), host


@pytest.mark.parametrize("here,there,first,family", cases(
    [("datagram", "datagram", "here", "v4"),
     ("datagram", "connected", "there", "v6"),
     ("connected", "datagram", "here", "v6"),
     ("connected", "connected", "there", "v4")],
    MODES, MODES, ("here", "there"), FAMILIES))
def test_packets_of_all_sizes_pass(ends, here, there, first, family):
    modes = here, there
    begin(ends, modes)
    a, b = ends if first == "here" else reversed(ends)
    meet(a, b, family)
    check_mtus(ends, modes)
    lost = a.drops(), b.drops()
    for one, other in ((a, b), (b, a)):
        for size in SIZES:
            assert one.ping(getattr(other, family), COUNT, size) == 0, \
                (one, size)
        assert heard(one, other, "udp", family, UDP_OCTETS), one
    check_connections(ends, modes)
    assert (a.drops(), b.drops()) == lost


@pytest.mark.parametrize("here,there", cases(
    [("connected", "connected")], MODES, MODES))
def test_a_stream_of_tcp_is_what_was_sent(ends, here, there):
    begin(ends, (here, there))
    for (one, other), family in zip((ends, ends[::-1]), FAMILIES):
        meet(one, other, family)
        assert heard(one, other, "tcp", family, TCP_OCTETS), (one, family)


@pytest.mark.parametrize("group,here,there", cases(
    [("233.252.0.7", "datagram", "connected"),
     ("ff15::7", "connected", "datagram")],
    ("233.252.0.7", "ff15::7"), MODES, MODES))
def test_who_joins_a_group_hears_it(ends, here, there, group):
    begin(ends, (here, there))
    for one, other in (ends, ends[::-1]):
        words = cast_until_heard(one, other, group)
        # The first may have been sent before the group was joined; none is
        # missing from then on.
        assert words == list(range(words[0], words[0] + WORDS)), (one, words)


def cast_until_heard(one, other, group):
    """Numbers to a group, until a member has heard WORDS of them; these."""
    member = other.popen("python3", TALK, "join", group, PORT, WORDS)
    sent = iter(range(1000))

    def enough():
        one.run("python3", TALK, "cast", group, PORT, next(sent))
        return member.poll() is not None
    try:
        wait(enough, 60, f"{other} does not hear {one}")
    finally:
        said = lab.stop(member)
    return [int(word) for word in said.split()[1:]]


# The MTU of a cable is 134 octets more than that of InfiniBand on it.
CABLE = (lab.run, "sw1-sw2.0"), (far.run, "sw2-sw1.0")
CABLE_MTU, NARROW = 4230, 2182


def cable_mtu(octets):
    """Both ends, and the link has been trained anew."""
    for run, dev in CABLE:
        run("ip", "link", "set", dev, "mtu", octets)


def link_mtu():
    """What the port of h1's switch to the other guest works with."""
    said = lab.run("smpquery", "-D", "portinfo", "0,1", 3, check=False)
    return re.findall(r"^LinkState:\.*(\w+)$|^NeighborMTU:\.*(\d+)$", said,
                      re.M)


@pytest.fixture
def narrow(hosts, ends):
    """The cable between the guests carries 2048 octets."""
    cable_mtu(NARROW)
    yield ends
    cable_mtu(CABLE_MTU)
    wait(lambda: link_mtu() == [("Active", ""), ("", "4096")], 30,
         "the link is not what it was")
    hosts[0].reach(hosts[3], 30)


@pytest.mark.long
@pytest.mark.parametrize("mode", MODES)
def test_a_cable_of_2048_octets_carries_all_sizes(narrow, mode):
    a, b = narrow
    wait(lambda: link_mtu() == [("Active", ""), ("", "2048")], 30,
         "the link is not narrow")
    begin(narrow, (mode, mode))
    meet(a, b, "v4", 30)
    for size in SIZES:
        assert a.ping(b.v4, COUNT, size) == 0, size
