# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Many connections to one host: children of the others are peers, too. What
they cost is printed.
"""

import contextlib
import time

import pytest

from tests.vm import lab
from tests.vm.connmode import calm_down, connections, set_mode
from tests.vm.lab import run, wait
from tests.vm.peers import Peers, free_memory

pytestmark = pytest.mark.ours

# Octets that an interface and its connections take.
NEEDS = 8 << 20

COUNTS = (9,) if lab.DEBUG else (
    60, pytest.param(501, marks=pytest.mark.long))


@pytest.fixture
def peers(hosts):
    """Makes them, of h1, h2 and h3; the target, h4, is in connected mode."""
    made = []
    set_mode(hosts[3], "connected")

    def make(count):
        made.append(Peers(hosts[:3], hosts[3], count))
        made[0].make()
        return made[0]

    yield make
    for one in made:
        one.end()
    calm_down(hosts)
    run("ibqueryerrors", "--clear-errors", check=False)


def round_of(echoes):
    """All ask at once and are answered; seconds."""
    start = time.monotonic()
    for echo in echoes:
        echo.ask()
    wait(lambda: all(echo.back() == echo.sent for echo in echoes), 60,
         "echoes are missing")
    return time.monotonic() - start


def settle(group, echoes, limit):
    """Until there is a connection each way with each of them.

    One kernel answers for all of them, in one thread: a REP may wait there for
    so long that the other end has given up. That connection is lost with the
    first packet on it, and made anew for the next.
    """
    def done():
        target, count = group.target, len(echoes)
        lacking = group.wanting()
        for echo in echoes:
            if (echo.host.number, echo.dev) in lacking:
                echo.ask()
        ours = [c for c in connections(target, "send") if c["state"] == "up"]
        return (not lacking and len(ours) >= count and
                len(connections(target, "receive")) >= count)

    wait(done, limit, "not all connect", 1)
    for echo in echoes:
        echo.forget()


@pytest.mark.parametrize("count", COUNTS)
def test_one_host_with_many_connections(h4, peers, count):
    """A connection each way with each of them, in bounded time; all go with
    their peers, and their memory with them."""
    if free_memory() < count * NEEDS:
        pytest.skip("wants lab/run --memory 6144")
    group = peers(count)
    with contextlib.ExitStack() as stack:
        echoes = [stack.enter_context(echo) for echo in group.echoes()]
        before, start = free_memory(), time.monotonic()
        for echo in echoes:
            echo.ask()
        settle(group, echoes, 60 + count)
        took = time.monotonic() - start
        used = before - free_memory()
        # They carry what is asked from now on.
        packets = h4.ethtool_stats()["conn_rx_packets"]
        round_of(echoes)
        assert h4.ethtool_stats()["conn_rx_packets"] - packets >= count
    assert not [c for c in connections(h4, "send") if c["state"] != "up"]
    start = time.monotonic()
    group.end()
    set_mode(h4, "datagram")
    wait(lambda: not connections(h4), 60, "connections stay")
    gone = time.monotonic() - start
    print(f"{count} peers: {2 * count} connections at h4 in {took:.1f} s "
          f"({2 * count / took:.0f} a second), {used / 4 / count / 1024:.0f} "
          f"KiB for each end of one, gone in {gone:.1f} s")
    assert gone < 30 * lab.SLOW
