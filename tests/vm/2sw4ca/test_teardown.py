# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Everything can be taken away under traffic, and nothing of it is left.

By default each way is gone once, and then five of them that a seed gives; the
long versions go each five times and fifty times.
"""

import contextlib
import glob
import os
import random
import re
import signal
import subprocess
import time

import pytest

from tests.vm import lab
from tests.vm.inject import inside
from tests.vm.lab import run, wait
from tests.vm.mend import (MODULES, flags, interface_of, is_running, mend,
                           there)

SEED = 4711
FEW, MANY = 5, 50
# What allocators keep for later differs from moment to moment, octets.
SLACK = 1 << 20
PER_ROUND = 16 << 10


# --- traffic

FLOOD = "ping -f -q -i 0.005 -w 20 {}"
MULTICAST = "ping -f -q -I ib0 -w 20 224.0.0.1"
SERVER = "iperf3 -s -1"
CLIENT = "iperf3 -c {} -t 20 --bidir -b 5M"


class Traffic:
    """Floods, TCP both ways and multicasts, started again when they end."""

    def __init__(self, hosts):
        h1, h2, h3, h4 = hosts
        self.children = [
            self.shell(h1, FLOOD.format(h4.v4)),
            self.shell(h4, FLOOD.format(h1.v6)),
            self.shell(h2, MULTICAST),
            self.shell(h2, SERVER),
            self.shell(h3, CLIENT.format(h2.v4))]

    @staticmethod
    def shell(host, command):
        """A command on a host, again and again, in a session of its own."""
        return subprocess.Popen(
            ["ip", "netns", "exec", host.name, "sh", "-c",
             f"while :; do {command} || sleep 0.2; done"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)

    def stop(self):
        """End all of it."""
        for child in self.children:
            # What a shell had begun may have outlived it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self.children = []


def sent(host):
    """Packets that a host's ib0 has sent."""
    with inside(host):
        words = lab.read("/proc/thread-self/net/dev").split("ib0:")[1].split()
    return int(words[9])


def flows(host):
    """Packets are flowing at a host."""
    before = sent(host)
    wait(lambda: sent(host) > before + 10, 20, f"no traffic at {host}")


# --- what is left of things

def resources():
    """How many of each kind of verbs object every HCA has."""
    found = {}
    for line in run("rdma", "resource", "show").splitlines():
        words = line.replace(":", "").split()[1:]
        found[words[0]] = dict(zip(words[1::2], map(int, words[2::2])))
    return found


def debugfs_files():
    return sorted(re.sub(r"-\d+", "", os.path.basename(f))
                  for f in glob.glob("/sys/kernel/debug/ipoib/*"))


def slab():
    """Octets in the caches that we, skbs and verbs objects live in."""
    lab.write("/proc/sys/vm/drop_caches", "3")
    for cache in glob.glob("/sys/kernel/slab/*/shrink"):
        lab.write(cache, "1")
    total = 0
    for line in lab.read("/proc/slabinfo").splitlines()[2:]:
        name, active, _, size = line.split()[:4]
        if name.startswith(("kmalloc-", "skbuff")):
            total += int(active) * int(size)
    return total


def percpu():
    """Octets of per-CPU memory."""
    return int(re.search(r"^Percpu:\s+(\d+)",
                         lab.read("/proc/meminfo"), re.M)[1]) << 10


def references(module):
    return int(lab.read(f"/sys/module/{module}/refcnt"))


# --- the ways; each takes something, and says what must be gone

def gone_hca(host):
    """Nothing of a host's HCA is left."""
    wait(lambda: not os.path.exists(f"/sys/class/infiniband/{host.hca}"), 20,
         f"{host.hca} stays")
    assert host.hca not in run("rdma", "dev")
    assert host.hca not in run("rdma", "link")
    assert host.hca not in resources()
    assert not os.path.exists(f"/sys/bus/sib/devices/{host.hca}")
    assert len(debugfs_files()) == 9, debugfs_files()
    assert flags(host) is None


def take_module(hosts):
    run("modprobe", "-r", "ib_ipoib", timeout=60)
    assert not os.path.exists("/sys/module/ib_ipoib")
    assert not os.path.exists("/sys/kernel/debug/ipoib")
    assert "ib_ipoib" not in run("rdma", "resource", "show", "qp")
    for host in hosts:
        assert flags(host) is None
    run("modprobe", "ib_ipoib", *MODULES["ib_ipoib"])


def take_hca(hosts):
    host = random.choice(hosts[1:])
    run("rdma", "link", "delete", host.hca, timeout=60)
    gone_hca(host)


def switch_of(host):
    return "sw1" if host.number < 3 else "sw2"


def take_cable(hosts):
    """A cable that is no more takes its HCA along."""
    host = random.choice(hosts[1:])
    run("ip", "link", "delete", f"{switch_of(host)}-{host.name}")
    assert not there(f"{host.name}-{switch_of(host)}")
    gone_hca(host)


def take_trunk(hosts):
    run("ip", "link", "delete", "sw1-sw2.0")
    wait(lambda: "Physical state: LinkUp" in run("ibstat", "sib1"), 5,
         "h1 has lost its link")


def pull_cable(hosts):
    """The HCA stays, without a link."""
    host = random.choice(hosts[1:])
    run("ip", "link", "set", f"{switch_of(host)}-{host.name}", "nomaster")
    wait(lambda: not is_running(host), 10, f"{host} keeps its carrier")
    assert "ACTIVE" not in lab.read(
        f"/sys/class/infiniband/{host.hca}/ports/1/state")


def take_switch(hosts):
    """Its cables stay, and belong to nobody."""
    name = random.choice(("sw1", "sw2"))
    members = run("ip", "-o", "link", "show", "master", name).count("\n")
    assert members == 3
    run("ip", "link", "delete", name)
    assert not there(name)
    for host in hosts:
        if switch_of(host) == name:
            wait(lambda h=host: not is_running(h), 10, f"{host} has carrier")


def take_namespace(hosts):
    """The interface goes back to where the HCA is."""
    host = random.choice(hosts[1:])
    inode = os.stat(f"/run/netns/{host.name}").st_ino
    run("ip", "netns", "delete", host.name)
    wait(lambda: not killed(inode), 10, "processes do not end")
    assert interface_of(host.hca)


def killed(inode):
    """Kill who lives in a namespace; how many there were."""
    count = 0
    for process in glob.glob("/proc/[0-9]*"):
        # Processes come and go meanwhile.
        with contextlib.suppress(OSError):
            if os.stat(f"{process}/ns/net").st_ino == inode:
                count += 1
                os.kill(int(os.path.basename(process)), signal.SIGKILL)
    return count


def disable_port(hosts):
    """By the SM's tools, and back."""
    host = random.choice(hosts[1:])
    lid, port = wait(lambda: port_of(host), 10, f"{host} is nowhere")
    run("ibportstate", "-C", "sib1", lid, port, "disable")
    wait(lambda: not is_running(host), 10, f"{host} keeps its carrier")
    run("ibportstate", "-C", "sib1", lid, port, "enable")


def port_of(host):
    """LID and port of the switch where a host is plugged in."""
    code, out = lab.status("iblinkinfo", "-C", "sib1")
    found = re.search(rf'^\s+(\d+)\s+(\d+)\[.*==>.*"{host.hca}"', out, re.M)
    return code == 0 and found and (found[1], found[2])


WAYS = (take_module, take_hca, take_cable, take_trunk, pull_cable, take_switch,
        take_namespace, disable_port)


# --- the tests

@pytest.fixture
def whole(all_hosts):
    """A whole fabric before and after."""
    mend()
    yield
    for a in mend():
        for b in all_hosts:
            if a is not b:
                a.reach(b, 30)
    run("ibqueryerrors", "--clear-errors", check=False)


def set_mode(hosts, mode):
    """The mode of all interfaces."""
    for host in hosts:
        assert host.sysfs_write("mode", mode) == (0, "")


def end_connections(hosts):
    """Also those to a peer that had no cable when he ended them."""
    set_mode(hosts, "datagram")
    for host in hosts:
        host.ip("link", "set", "ib0", "down")
        host.ip("link", "set", "ib0", "up")
        host.ip("address", "replace", f"{host.v6}/64", "dev", "ib0", "nodad")
    for host in hosts:
        wait(host.carrier, 20, f"{host} has no carrier")


def one_round(way, hosts, expected, mode="datagram"):
    """Take something away under traffic; what is left is what was."""
    times = [time.monotonic()]
    set_mode(hosts, mode)
    traffic = Traffic(hosts)
    try:
        flows(hosts[0])
        flows(hosts[3])
        times.append(time.monotonic())
        way(hosts)
    finally:
        traffic.stop()
    times.append(time.monotonic())
    mend()
    times.append(time.monotonic())
    hosts[0].reach(hosts[3], 30)
    times.append(time.monotonic())
    print(f"{way.__name__}: " + ", ".join(
        f"{what} {b - a:.1f}" for what, a, b in
        zip(("traffic", "taken", "mended", "back"), times, times[1:])))
    if mode == "connected":
        end_connections(hosts)
    with contextlib.suppress(AssertionError):
        wait(lambda: (resources(), debugfs_files()) == expected, 20, "")
    assert references("ib_ipoib") == references("sib") == 0
    assert (resources(), debugfs_files()) == expected, way.__name__


def rounds(hosts, ways, warm_up, mode="datagram"):
    """Many rounds, and what they cost after some to warm up."""
    expected = resources(), debugfs_files()
    for way in warm_up:
        one_round(way, hosts, expected, mode)
    before, per_cpu = slab(), percpu()
    started = time.monotonic()
    for way in ways:
        one_round(way, hosts, expected, mode)
    grown = slab() - before
    print(f"{len(ways)} rounds, {time.monotonic() - started:.0f} s, slab "
          f"{grown:+d}, per CPU {percpu() - per_cpu:+d}")
    assert grown < SLACK + PER_ROUND * len(ways), f"{grown} octets of slab"
    assert percpu() - per_cpu < SLACK, "per-CPU memory"


def test_everything_once_and_five_of_it_again(whole, all_hosts):
    print("seed", SEED)
    random.seed(SEED)
    rounds(all_hosts, random.choices(WAYS, k=FEW), WAYS)


def test_everything_once_in_connected_mode(whole, all_hosts):
    end_connections(all_hosts)
    rounds(all_hosts, (), WAYS, "connected")


@pytest.mark.long
@pytest.mark.parametrize("times", (FEW, lab.scaled(MANY)))
def test_everything_many_times_in_any_order(whole, all_hosts, times):
    print("seed", SEED + times)
    random.seed(SEED + times)
    ways = list(WAYS) * times
    random.shuffle(ways)
    rounds(all_hosts, ways, WAYS)


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_one_thing_fifty_times(whole, all_hosts, way):
    print("seed", SEED)
    random.seed(SEED)
    rounds(all_hosts, [way] * lab.scaled(MANY), [way])


@pytest.mark.debug
def test_both_modules_go_under_traffic_with_all_that_they_made(whole, opensm,
                                                               all_hosts):
    """Without a word before: HCAs, switches and interfaces go with them."""
    traffic = Traffic(all_hosts)
    flows(all_hosts[0])
    opensm.stop()
    run("modprobe", "-r", "ib_ipoib", timeout=60)
    run("modprobe", "-r", "sib", timeout=60)
    traffic.stop()
    assert not os.path.exists("/sys/bus/sib")
    assert not os.path.exists("/sys/devices/sib")
    assert not there("sw1") and not there("sw2")
    assert "sib" not in run("rdma", "dev") + run("rdma", "link")
    assert run("rdma", "resource", "show").strip() == ""
    # A cable is a cable still.
    run("ip", "link", "add", "br0", "type", "bridge")
    run("ip", "link", "set", "sw1-h1", "master", "br0")
    run("ip", "link", "delete", "br0")
