# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A ping that goes on while something happens to the fabric."""

import re
import time

from tests.vm import lab
from tests.vm.lab import run, wait

# From the SM's last step to the first answer, seconds.
BACK_WITHIN = 2.0


class Pinger:
    """ping every 10 ms from one host to an address."""

    def __init__(self, host, target, name=""):
        self._name = name
        self.child = host.popen("ping", "-i", "0.01", "-D", "-n", target)

    def __enter__(self):
        # The first answer: from now on each counts.
        for line in self.child.stdout:
            if "bytes from" in line:
                return self
        raise AssertionError("ping ended")

    def __exit__(self, *unused):
        out = lab.stop(self.child)
        sent, back = re.search(r"(\d+) packets transmitted, (\d+) received",
                               out).groups()
        # The last may still have been under way.
        self.lost = max(int(sent) - int(back) - 1, 0)
        self.times = [float(t) for t in
                      re.findall(r"^\[([\d.]+)\] \d+ bytes from", out, re.M)]
        # To the end, if nothing came back.
        until = self.times[1:] + [time.time()]
        gap = max((b - a for a, b in zip(self.times, until)), default=0)
        # For bench/outages.
        print(f"\noutage: {lab.test_name()}{self._name} {self.lost} {sent} "
              f"{gap:.2f}")


def outage_after(pinger, moment):
    """Seconds from a moment (of time.time()) to the next answer."""
    later = [t for t in pinger.times if t > moment]
    assert later, "nothing came back"
    return later[0] - moment


def wait_members():
    """Until every host has joined the broadcast group again."""
    wait(lambda: run("saquery", "--smkey", 1, "-m").count(
        "ff12:401b:ffff::ffff:ffff") == 4, 20, "not all are members")


def port_active(hca):
    """Has the SM brought the port up?"""
    return "ACTIVE" in lab.read(f"/sys/class/infiniband/{hca}/ports/1/state")
