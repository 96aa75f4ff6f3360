# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What tests of two drivers with each other work with: a host here and one in
the second guest, modes, beginnings without memory, and traffic of all kinds.
"""

import itertools
import re

import pytest

from tests.vm import far, lab, talk
from tests.vm.lab import wait

CONNECTED = 65520
MODES = ("datagram", "connected")
FAMILIES = ("v4", "v6")
SIZES = (511, 2044, 8192, 65492)
PORT = 7000
TALK = "tests/vm/talk.py"
FAR_DRIVER = far.driver()


def cases(some, *axes):
    """Parameters: all of the product, of which some are not only for the full
    run."""
    product = list(itertools.product(*axes))
    assert set(some) <= set(product)
    return [pytest.param(*case, marks=() if case in some else pytest.mark.long)
            for case in product]


def driver(host):
    """Whose ib_ipoib a host has."""
    return FAR_DRIVER if isinstance(host, far.FarHost) else lab.DRIVER


def command(host):
    """What runs a command in the guest of a host."""
    return far.run if isinstance(host, far.FarHost) else lab.run


def set_mode(host, mode):
    """As an administrator does, with either driver."""
    assert host.sysfs_write("mode", mode + "\n") == (0, "")
    if mode == "connected":
        host.ip("link", "set", "ib0", "mtu", CONNECTED)
    assert host.sysfs("mode") == mode


def forget(*hosts):
    """Nobody knows anybody: neighbours go, and connections with them."""
    for host in hosts:
        host.ip("neigh", "flush", "dev", "ib0")


def meet(first, second, family, limit=10):
    """The first says the first word; both know each other then, and what they
    connect is connected: large packets find more room than three."""
    target, back = getattr(second, family), getattr(first, family)
    wait(lambda: not first.ping(target, limit=1), limit,
         f"{first} does not reach {second}")
    wait(lambda: not first.ping(target, size=8192, limit=1) and
         not second.ping(back, size=8192, limit=1), limit,
         f"large packets do not pass between {first} and {second}")


def peers_connected(host):
    """QPNs of those to whom a host of our driver has a connection."""
    blocks = debugfs_conn(host).split("\n\n")
    found = [dict(re.findall(r"^\s*(\w+):\s+(\S+)", b, re.M)) for b in blocks]
    return {int(c["qpn"], 16) for c in found
            if c.get("direction") == "send" and c.get("state") == "up"}


def debugfs_conn(host):
    """The file of debugfs that lists connections."""
    if not isinstance(host, far.FarHost):
        return lab.debugfs(host, "conn")
    inode = host.run("readlink", "/proc/self/ns/net").strip()[5:-1]
    base = "/sys/kernel/debug/ipoib/ib0"
    return far.run("sh", "-c", f"cat {base}-{inode}_conn 2>/dev/null || "
                   f"cat {base}_conn")


def qpn(host):
    """The number that its address tells."""
    return int.from_bytes(host.address()[1:4], "big")


def listening(host, kind):
    """A listener of talk.py on a host that can be talked to."""
    child = host.popen("python3", TALK, "listen", kind, PORT)
    flag = "-Hltn" if kind == "tcp" else "-Hlun"
    wait(lambda: host.run("ss", flag, f"sport = :{PORT}"), 20, "no listener")
    return child


def heard(sender, receiver, kind, family, octets):
    """Send octets; did the receiver hear just these?"""
    child = listening(receiver, kind)
    try:
        sender.run("python3", TALK, "tell", kind, getattr(receiver, family),
                   PORT, octets, octets)
        wait(lambda: child.poll() is not None, 60,
             f"{octets} octets of {kind} are not heard")
    finally:
        said = lab.stop(child)
    return talk.expected(octets, octets) in said


def begin(ends, modes):
    """Both in their modes, and nobody knows anybody."""
    for host, mode in zip(ends, modes):
        set_mode(host, "datagram")
        set_mode(host, mode)
    for host in ends:
        wait(host.carrier, 20, f"{host} has no carrier")
    forget(*ends)


def reload_driver(hosts):
    """rmmod and modprobe in a guest, then its hosts' interfaces again."""
    guest = command(hosts[0])
    guest("modprobe", "-r", "ib_ipoib")
    guest("modprobe", "ib_ipoib")
    for host in hosts:
        set_up(host)


def set_up(host):
    """Give a host its interface, as lab/fabric does."""
    guest = command(host)
    name = wait(lambda: interface_of(guest, host.hca), 10, "no interface")
    guest("ip", "link", "set", name, "netns", host.name, "name", "ib0")
    host.ip("address", "add", f"{host.v4}/24", "dev", "ib0")
    host.ip("address", "add", f"{host.v6}/64", "dev", "ib0", "nodad")
    host.ip("link", "set", "ib0", "up")


def interface_of(guest, hca):
    """The IPoIB interface of an HCA that is in no host's namespace."""
    found = guest("sh", "-c", "for d in /sys/class/net/*; do [ $(cat $d/type) "
                  f"= 32 ] && readlink -f $d/device | grep -q '/{hca}$' && "
                  "basename $d; done", check=False)
    return found.strip()
