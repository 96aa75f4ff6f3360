# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The kernel's trace events, in a ring of our own below tracefs."""

import bisect
import os
import re

from tests.vm import lab

TRACEFS = "/sys/kernel/tracing"
LINE = re.compile(r"^.*?\s+\d+\.\d+: (?P<event>\w+): (?P<text>.*)$")


class Trace:
    """Events that are on from here to the end of the block.

    events: "ipoib" for a whole group, "skb/kfree_skb" for one event.
    """

    def __init__(self, *events):
        self.events = events
        self.dir = f"{TRACEFS}/instances/tests-{os.getpid()}"

    def __enter__(self):
        os.mkdir(self.dir)
        for event in self.events:
            self.set(f"events/{event}/enable", "1")
        return self

    def __exit__(self, *unused):
        for event in self.events:
            self.set(f"events/{event}/enable", "0")
        os.rmdir(self.dir)

    def set(self, file, value):
        """Write one of its files."""
        lab.write(f"{self.dir}/{file}", value)

    def lines(self, event=r"\w+", pattern=""):
        """What the events said that match, of those with a pattern in it."""
        with open(f"{self.dir}/trace", encoding="ascii") as file:
            found = [LINE.match(l) for l in file if not l.startswith("#")]
        return [m["text"] for m in found
                if m and re.fullmatch(event, m["event"]) and
                re.search(pattern, m["text"])]

    def wait(self, event, pattern="", limit=10):
        """The first such line."""
        return lab.wait(lambda: self.lines(event, pattern), limit,
                        f"not traced: {event} {pattern}")[0]


class Symbols:
    """Which function of which module an address is in."""

    def __init__(self):
        with open("/proc/kallsyms", encoding="ascii") as file:
            words = [l.split() for l in file]
        table = sorted((int(w[0], 16), w[2], w[3].strip("[]") if w[3:] else "")
                       for w in words)
        self.addresses = [a for a, _, _ in table]
        self.names = [(name, module) for _, name, module in table]
        assert self.addresses[-1], "kernel addresses are hidden"

    def find(self, address):
        """Name and module, the latter empty for the kernel itself."""
        return self.names[bisect.bisect(self.addresses, address) - 1]


class Drops(Trace):
    """skb:kfree_skb: packets that were dropped, by whom and why."""

    NAMED = re.compile(r"location=[\w.]+\+0x[0-9a-f]+/0x[0-9a-f]+"
                       r"(?: \[(?P<module>\w+)\])?")
    ADDRESS = re.compile(r"location=(?:0x)?(?P<address>[0-9a-f]+)")
    REASON = re.compile(r"reason: (?P<reason>\w+)")

    def __init__(self):
        super().__init__("skb/kfree_skb")
        self.symbols = Symbols()

    def _module(self, line):
        """Of whom a line is, empty for the kernel itself."""
        named = self.NAMED.search(line)
        if named:
            return named["module"] or ""
        return self.symbols.find(int(self.ADDRESS.search(line)["address"],
                                     16))[1]

    def reasons(self, module="ib_ipoib"):
        """Why a module dropped packets, in order.

        6.1 prints addresses either scrambled or without what stands behind
        them; so the ring is read in both ways. It only grows meanwhile.
        """
        reasons = [self.REASON.search(line)["reason"]
                   for line in self.lines("kfree_skb")]
        self.set("options/hash-ptr", "0")
        modules = [self._module(line) for line in self.lines("kfree_skb")]
        self.set("options/hash-ptr", "1")
        return [reason for reason, who in zip(reasons, modules)
                if who == module]
