# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The driver as IPOIB_DEBUG_DATA=y builds it:

    IPOIB_DEBUG_DATA=y lab/run -- tests/vm/run tests/vm/builds
"""

import re

import pytest

from tests.vm.connmode import calm_down, connect, set_mode
from tests.vm.iftools import Log
from tests.vm.lab import write

PARAMETERS = "/sys/module/ib_ipoib/parameters"


@pytest.fixture
def pair(hosts):
    """Two hosts that know each other, silent and in datagram mode after."""
    hosts[0].reach(hosts[1])
    yield hosts[:2]
    for name in ("data_debug_level", "cm_data_debug_level"):
        write(f"{PARAMETERS}/{name}", "0")
    calm_down(hosts)


def said(a, b, words):
    """Lines of the log while a packet of a known size goes and comes."""
    log = Log()
    assert a.ping(b.v4, 1, 777) == 0
    return [line for line in log.lines("", "-l", "debug")
            if re.search(words, line)]


def test_packets_are_shown_while_it_is_asked_for(pair):
    h1, h2 = pair
    assert not said(h1, h2, "[rt]x .* octets")
    write(f"{PARAMETERS}/data_debug_level", "1")
    shown = said(h1, h2, r"ib0: [rt]x \d+ octets")
    # Each of two has sent one and received one.
    assert len(shown) >= 4, shown
    write(f"{PARAMETERS}/data_debug_level", "0")
    assert not said(h1, h2, "[rt]x .* octets")


def test_packets_of_connections_have_a_level_of_their_own(pair):
    h1, h2 = pair
    for host in pair:
        set_mode(host, "connected")
    connect(h1, h2)
    write(f"{PARAMETERS}/cm_data_debug_level", "1")
    shown = said(h1, h2, r"ib0: (tx|rx) \d+ octets")
    assert sum("on qpn" in line for line in shown) >= 2, shown
    assert sum(" rx " in line for line in shown) >= 2, shown
    write(f"{PARAMETERS}/cm_data_debug_level", "0")
    assert not said(h1, h2, "[rt]x .* octets on qpn")
