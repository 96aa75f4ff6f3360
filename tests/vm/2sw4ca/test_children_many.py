# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A hundred children on one port, and a thousand that come and go while
everything happens that can happen in the fabric.
"""

import contextlib
import itertools
import re
import threading
import time

import pytest

from tests.sm.mad import PortInfo
from tests.sm.smp import SmpClient
from tests.sm.umad import Umad
from tests.vm import lab
from tests.vm.iftools import TablePort, restore_v6
from tests.vm.lab import run, wait
from tests.vm.many import (Echo, batch, batch_add, file_add, file_delete,
                           file_name, interfaces, wait_gone)

PARTITIONS = "/run/lab/partitions.conf"
DEFAULT = "Default=0x7fff,ipoib,rate=3:ALL=full;\n"
ROUNDS = 3 if lab.DEBUG else 10
# Entries of a port's P_Key table; one of them is the default P_Key.
TABLE = 128
GUID = "0x005b00fffe02000{}"


def few_or_many(debug, few, many):
    """Parameters: how many on the debug kernel, and else by default and in
    the full run."""
    return (debug,) if lab.DEBUG else (
        few, pytest.param(many, marks=pytest.mark.long))


def partition(pkey, *hosts):
    """A line of partitions.conf with some hosts as full members."""
    members = ",".join(f"{GUID.format(h.number)}=full" for h in hosts)
    return f"P{pkey:04x}={pkey:#06x},ipoib,rate=3:{members};\n"


@pytest.fixture
def ends(hosts):
    """h1 and h4, without children before and after."""
    chosen = [hosts[0], hosts[3]]
    yield chosen
    for host in chosen:
        batch(host, *(f"link delete {dev}"
                      for dev in interfaces(host) - {"ib0"}))
    run("ibqueryerrors", "--clear-errors", check=False)


def address(host, index):
    return f"10.0.{index}.{host.number}"


def make_children(host, pkeys):
    """One child for each P_Key, every other one by create_child; their
    names. They are up and have addresses."""
    half = pkeys[::2], pkeys[1::2]
    names = dict(zip(half[0], file_add(host, half[0])))
    names |= {pkey: f"p{pkey:04x}" for pkey in half[1]}
    batch_add(host, [(names[pkey], pkey) for pkey in half[1]])
    for index, pkey in enumerate(pkeys):
        batch(host, f"address add {address(host, index)}/24 dev "
                    f"{names[pkey]}", f"link set {names[pkey]} up")
    return [names[pkey] for pkey in pkeys]


def one_round(echoes, limit=30):
    """All ask at once, and all are answered."""
    for echo in echoes:
        echo.ask()
    wait(lambda: all(echo.back() == echo.sent for echo in echoes), limit,
         "echoes are missing at " + ", ".join(
             e.dev for e in echoes if e.back() < e.sent))


@pytest.mark.parametrize("count", few_or_many(20, 20, 100))
def test_many_children_ping_at_once(ends, partitions, count):
    h1, h4 = ends
    numbers = range(1, count + 1)
    partitions(DEFAULT + "".join(partition(n, *ends) for n in numbers))
    names = {host: make_children(host, [n | 0x8000 for n in numbers])
             for host in ends}
    for host in ends:
        for name in names[host]:
            wait(lambda h=host, n=name: h.carrier(n), 120,
                 f"{name} of {host} has no carrier")
        qpns = {host.address(name)[1:4] for name in names[host]}
        assert len(qpns) == count
    with contextlib.ExitStack() as stack:
        echoes = [stack.enter_context(Echo(h1, name, address(h4, index)))
                  for index, name in enumerate(names[h1])]
        # The first round finds the way: its losses are made good by ARP.
        for _ in range(ROUNDS):
            one_round(echoes)
    for host in ends:
        for name in names[host][:5]:
            assert not host.drops(name)
    # And all go with one word of the administrator, as their parents do.
    h4.ip("link", "set", "ib0", "down")
    assert not any(h4.carrier(name) for name in names[h4])
    h4.ip("link", "set", "ib0", "up")
    restore_v6(h4)
    wait(lambda: all(h4.carrier(name) for name in names[h4]), 120,
         "not all children come back")


def table(host):
    """The P_Keys of a host's port."""
    port = TablePort(host.hca)
    found = [int(port.sysfs(f"pkeys/{i}"), 16) for i in range(TABLE)]
    with pytest.raises(FileNotFoundError):
        port.sysfs(f"pkeys/{TABLE}")
    return found


def test_a_port_holds_128_pkeys_and_no_more(ends, partitions):
    """127 partitions besides the default one; of 129 two are left out."""
    h4 = ends[1]
    fits = range(1, TABLE)
    partitions(DEFAULT + "".join(partition(n, h4) for n in fits))
    wait(lambda: sorted(table(h4)) == [n | 0x8000 for n in fits] + [0xffff],
         30, "the table is not full")
    name, = file_add(h4, [fits[-1] | 0x8000])
    h4.ip("link", "set", name, "up")
    wait(lambda: h4.carrier(name), 20, "no carrier with the last P_Key")
    partitions(DEFAULT + "".join(partition(n, h4)
                                 for n in range(1, TABLE + 2)))
    has = set(table(h4))
    assert len(has) == TABLE and 0xffff in has
    absent = [n | 0x8000 for n in range(1, TABLE + 2) if n | 0x8000 not in has]
    assert len(absent) == 2
    other = file_add(h4, set(absent) - {fits[-1] | 0x8000})[0]
    h4.ip("link", "set", other, "up")
    assert h4.ping("198.51.100.1", 20) == 0
    assert not h4.carrier(other)


# --- come and go

class Losses:
    """ping every 20 ms between two hosts for as long as something happens."""

    def __init__(self, host, other):
        self.child = host.popen("ping", "-q", "-i", "0.02", other.v4)

    def stop(self):
        """How many packets were lost; the last may be under way."""
        out = lab.stop(self.child)
        sent, back = map(int, re.search(
            r"(\d+) packets transmitted, (\d+) received", out).groups())
        assert back
        return max(sent - back - 1, 0)


class Weather:
    """What happens meanwhile to the port that the children are on."""

    def __init__(self, host, opensm):
        self.host, self.opensm = host, opensm
        self.stopped = threading.Event()
        self.count = 0
        self.failure = None
        self.thread = threading.Thread(target=self.blow)
        self.thread.start()

    def blow(self):
        try:
            for event in itertools.cycle((self.reregister, self.pkeys_go,
                                          self.port, self.pkeys_come,
                                          self.restart_sm)):
                if self.stopped.is_set():
                    return
                event()
                self.count += 1
        except Exception as error:  # handed to the test
            self.failure = error

    def reregister(self):
        with Umad(self.host.hca) as umad:
            smp = SmpClient(umad, 1000, 3)
            info = smp.get(PortInfo, (), 1)
            smp.set(info.replace(port_state=0, port_phys_state=0,
                                 client_reregister=1), (), 1)

    def port(self):
        run("ip", "link", "set", "sw2-h4", "down")
        wait(lambda: not TablePort(self.host.hca).is_active, 20,
             "the port stays")
        run("ip", "link", "set", "sw2-h4", "up")
        wait(lambda: TablePort(self.host.hca).is_active, 30,
             "the port does not come back")

    def pkeys_go(self):
        self.partitions(range(1, 6))

    def pkeys_come(self):
        self.partitions(range(1, 16))

    def partitions(self, numbers):
        """OpenSM reads its partitions anew when it sweeps."""
        lab.write(PARTITIONS, DEFAULT + "".join(
            partition(n, self.host) for n in numbers))
        self.opensm.sweep()

    def restart_sm(self):
        self.opensm.stop()
        self.opensm.start("-P", PARTITIONS)

    def stop(self):
        self.stopped.set()
        self.thread.join()
        if self.failure:
            raise self.failure


def come_and_go(host, number):
    """Ten children are made and deleted, both ways, some up, some with
    traffic; 20 changes."""
    by_file = [n | 0x8000 for n in range(1, 6)]
    by_link = [(f"c{number}.{n}", n | 0x8000) for n in range(3, 8)]
    names = file_add(host, by_file)
    batch_add(host, by_link)
    links = [name for name, _ in by_link]
    for index, name in enumerate(names + links):
        batch(host, f"address add {address(host, index)}/24 dev {name}",
              f"link set {name} up")
        if index % 2:
            with Echo(host, name, address(host, index)[:-1] + "9") as echo:
                echo.ask()
    # What was made by the file may be deleted either way.
    file_delete(host, by_file[::2])
    batch(host, *(f"link delete {name}" for name in links[1:] +
                  [file_name(pkey) for pkey in by_file[1::2]]))
    batch(host, f"link delete {links[0]}")
    wait_gone(host, names + links)
    return 20


def resources():
    """How many of each kind of verbs object an HCA has."""
    return re.findall(r"^\d+: (\w+): (.*?)\s*$",
                      run("rdma", "resource", "show"), re.M)


@pytest.mark.parametrize("total", few_or_many(60, 100, 1000))
def test_children_come_and_go_in_any_weather(hosts, ends, opensm, total):
    """Nothing is left of them, and others feel nothing."""
    h2, h3, h4 = hosts[1:]
    lab.write(PARTITIONS, DEFAULT)
    opensm.stop()
    opensm.start("-P", PARTITIONS)
    try:
        for host in hosts[1:]:
            hosts[0].reach(host, 30)
        h2.reach(h3)
        wait(lambda: resources() == resources(), 5, "nothing is at rest")
        before = resources()
        losses, weather = Losses(h2, h3), Weather(h4, opensm)
        start, done = time.monotonic(), 0
        try:
            while done < total or weather.count < 5:
                done += come_and_go(h4, done)
        finally:
            weather.stop()
            lost = losses.stop()
        print(f"{done} changes, {weather.count} events, "
              f"{time.monotonic() - start:.0f} s")
        assert lost == 0
    finally:
        lab.write(PARTITIONS, DEFAULT)
        opensm.stop()
        opensm.start()
    assert interfaces(h4) == {"ib0"}
    restore_v6(h4)
    hosts[0].reach(h4, 30)
    wait(lambda: resources() == before, 10,
         f"of {before} there is now {resources()}")
