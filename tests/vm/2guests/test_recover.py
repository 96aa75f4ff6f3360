# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What changes at one end of a cable between two guests, the other end, of
another driver, gets over: modes under traffic, and a driver that was unloaded
and comes back with another QPN.
"""

import re

import pytest

from tests.vm import far, lab
from tests.vm.interop import (MODES, begin, cases, driver, meet, qpn,
                              reload_driver, set_mode)
from tests.vm.lab import wait

RECOVERY = 2
"""Seconds until both reach each other again."""
SILENT = 60
"""The same where nobody was told: until the kernel asks a neighbour again."""


def reaches(one, other, size=56, limit=RECOVERY):
    """Are pings of both families answered, the first within so many seconds?"""
    pings = [one.popen("ping", "-q", "-i", 0.1, "-c", 1, "-s", size, "-w",
                       limit * lab.SLOW, target)
             for target in (other.v4, other.v6)]
    for ping in pings:
        wait(lambda p=ping: p.poll() is not None, limit + 20, "ping runs on")
    return all(" 0 received" not in lab.stop(ping) for ping in pings)


def uptime(guest):
    """Seconds of a guest's clock."""
    return float(guest("cat", "/proc/uptime").split()[0])


def test_seconds_are_the_same_in_both_guests(ends):
    """Or nothing that is measured in them means anything."""
    start = uptime(lab.run), uptime(far.run)
    wait(lambda: uptime(lab.run) > start[0] + 3, 30, "time stands still")
    here, there = uptime(lab.run) - start[0], uptime(far.run) - start[1]
    assert 0.7 < here / there < 1.4, (here, there)


@pytest.mark.parametrize("side", (
    "here", pytest.param("there", marks=pytest.mark.long)))
def test_the_mode_changes_under_traffic(ends, side):
    begin(ends, ("connected", "connected"))
    meet(*ends, "v4")
    one, other = ends if side == "here" else ends[::-1]
    pings = [a.popen("ping", "-q", "-i", "0.02", "-s", 1400, "-w",
                     120 * lab.SLOW, b.v4) for a, b in (ends, ends[::-1])]
    try:
        for mode in MODES * 2:
            set_mode(one, mode)
            assert reaches(one, other, 1400), mode
            assert reaches(other, one, 1400), mode
    finally:
        said = [lab.stop(ping) for ping in pings]
    for out in said:
        sent, received = map(int, re.search(
            r"(\d+) packets transmitted, (\d+) received", out).groups())
        # What is on a connection that is taken down may be lost.
        assert received > sent / 2, said


@pytest.mark.parametrize("side,speaker,mode", cases(
    [("here", "who stayed", "connected"),
     ("there", "who comes back", "connected")],
    ("here", "there"), ("who comes back", "who stayed"), MODES))
def test_a_driver_that_comes_back_is_found(ends, hosts, side, speaker, mode):
    """Ours says that it has another QPN. The stock driver does not, and is
    found at its first word, or when the kernel of who speaks to it has given
    up to hear from the old one."""
    begin(ends, (mode, mode))
    meet(*ends, "v4")
    meet(*ends, "v6")
    gone, stays = ends if side == "here" else ends[::-1]
    old = qpn(gone)
    reload_driver([h for h in hosts if type(h) is type(gone)])
    set_mode(gone, mode)
    wait(gone.carrier, 20, "no carrier")
    assert qpn(gone) != old
    one, other = (stays, gone) if speaker == "who stayed" else (gone, stays)
    silent = driver(gone) == "stock" and one is stays
    assert reaches(one, other, limit=SILENT if silent else RECOVERY)
    assert one.ping(other.v4, 10, 8192) <= 1
    assert other.ping(one.v6, 10, 8192) == 0
