# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""docs/admin.md: what it tells an administrator to type is typed, as it stands
there, and does what it says.
"""

import contextlib
import os
import re

import pytest

from tests import pages
from tests.vm import lab
from tests.vm.connmode import connect, set_uc
from tests.vm.daemons import Room
from tests.vm.iftools import restore_v6
from tests.vm.lab import run, wait
from tests.vm.many import interfaces
from tests.vm.tracing import TRACEFS

pytestmark = [pytest.mark.long, pytest.mark.ours]
PAGE = "docs/admin.md"
PARAMETERS = "/sys/module/ib_ipoib/parameters"


def block(heading, number=0):
    """One of the blocks below a heading."""
    return pages.blocks(PAGE, heading)[number]


def typed(host, heading, number=0):
    """A host's shell reads a block; what it answers."""
    return host.run("bash", "-euc", block(heading, number))


def of_host(text, host):
    """Files of debugfs, whose names are those of the only ib0 there is, for a
    host of the lab."""
    inode = os.stat(f"/run/netns/{host.name}").st_ino
    if not os.path.exists(f"/sys/kernel/debug/ipoib/ib0-{inode}_mcg"):
        return text
    return text.replace("/ib0_", f"/ib0-{inode}_")


@pytest.fixture
def boxes(h1):
    """Two containers."""
    for box in ("one", "two"):
        run("ip", "netns", "add", box)
    yield "one", "two"
    for box in ("one", "two"):
        run("ip", "netns", "delete", box)
    for number in (1, 2, 3):
        wait(lambda n=number: lab.status("ip", "link", "delete", f"box{n}")[0]
             == 0, 10, "an interface does not come back")
    assert interfaces(h1) == {"ib0"}


def test_is_it_up(h1, h4):
    h1.reach(h4)
    said = typed(h1, "Is it up?")
    assert "LOWER_UP" in said and "ipoib pkey" in said
    assert "\n1\n" in said and "tx_packets:" in said
    assert "ib0: " in said


def test_children_are_made_looked_at_and_deleted(h1):
    typed(h1, "Partitions: children", 0)
    assert {"ib0.8001", "storage"} <= interfaces(h1)
    said = typed(h1, "Partitions: children", 1)
    assert said == "0x8001\nib0\ndatagram\n0\n"
    assert interfaces(h1) == {"ib0"}


def test_children_of_containers(h1, boxes):
    said = ""
    for number, box in enumerate(boxes, 2):
        text = block("Partitions: children", number).replace("BOX", box)
        text = text.replace("HOST", h1.name)
        h1.run("bash", "-euc", text.replace("if5", f"if{h1.sysfs('ifindex')}"))
        said += run("ip", "-n", box, "-d", "link", "show", "type", "ipoib")
    for number in (1, 2, 3):
        assert f" box{number}@" in said
        assert re.search(rf"pkey +{0x8000 + number:#x} ", said)


def test_mtu(h1):
    try:
        typed(h1, "MTU")
        assert h1.link()["mtu"] == 1500
    finally:
        h1.ip("link", "set", "ib0", "mtu", 2044)


def test_umcast(h1):
    heading = "Groups that programs join by themselves"
    assert typed(h1, heading) == "1\n"
    assert h1.sysfs("umcast") == "0"
    # What stands beside it as another way.
    h1.ip("link", "set", "ib0", "type", "ipoib", "umcast", 1)
    assert h1.sysfs("umcast") == "1"
    h1.ip("link", "set", "ib0", "type", "ipoib", "umcast", 0)


def test_another_identifier(h4):
    before = h4.link()["address"]
    try:
        typed(h4, "Another identifier")
        assert h4.link()["address"] == before[:36] + "02:00:00:00:00:00:00:01"
        h4.ip("link", "set", "ib0", "up")
        assert not h4.carrier()
        h4.ip("link", "set", "ib0", "down")
    finally:
        h4.ip("link", "set", "ib0", "address", before)
        h4.ip("link", "set", "ib0", "up")
        restore_v6(h4)
    wait(h4.carrier, 20, "the port's own GUID brings no carrier")


def test_a_child_by_ip(h4, two_partitions):
    lines = block("Who configures it").splitlines()
    assert lines[-1] == "ip link delete storage"
    h4.run("bash", "-euc", "\n".join(lines[:-1]))
    wait(lambda: h4.carrier("storage"), 20, "no carrier")
    assert "inet 192.0.2.4/24" in h4.ip("address", "show", "storage")
    h4.run("bash", "-euc", lines[-1])


def test_debug_levels_and_files(h1, h4):
    h1.reach(h4)
    try:
        said = run("bash", "-euc", of_host(block("What is it doing?"), h1))
        assert "GID: ff12:401b:ffff:0:0:0:ffff:ffff\n" in said
        assert "GID: fe80:" in said
        for name in ("debug_level", "mcast_debug_level"):
            assert lab.read(f"{PARAMETERS}/{name}") == "1"
    finally:
        for name in ("debug_level", "mcast_debug_level"):
            lab.write(f"{PARAMETERS}/{name}", "0")


@contextlib.contextmanager
def traced(*switches):
    """What the trace is afterwards as before."""
    run("bash", "-c", f"echo > {TRACEFS}/trace")
    try:
        yield
    finally:
        for switch in switches:
            lab.write(f"{TRACEFS}/events/{switch}", "0")
        run("bash", "-c", f"echo > {TRACEFS}/trace")


def test_trace_events(h1):
    with traced("ipoib/enable"):
        said = run("bash", "-euc", block("Trace events"))
        assert "ipoib_mcast_leave: " in said
        wait(h1.carrier, 20, "no carrier")
        assert "ipoib_mcast_joined: " in lab.read(f"{TRACEFS}/trace")
    restore_v6(h1)


def test_dropped_packets(h1):
    on, look = block("Dropped packets").splitlines()
    with traced("skb/kfree_skb/enable"):
        run("bash", "-euc", on)
        before = h1.ethtool_stats()["tx_drop_path_failed"]
        h1.ip("neigh", "replace", "198.51.100.99", "dev", "ib0", "lladdr",
              "00:00:00:48:fe:80:00:00:00:00:00:00:de:ad:de:ad:de:ad:de:ad")
        h1.ping("198.51.100.99", 3, limit=2)
        h1.ip("neigh", "delete", "198.51.100.99", "dev", "ib0")
        wait(lambda: h1.ethtool_stats()["tx_drop_path_failed"] > before, 30,
             "nothing is dropped")
        assert "NEIGH_FAILED" in run("bash", "-euc", look)


def test_connected_mode(calm, h1, h4):
    on, show, files, off = block("Connected mode").splitlines()
    for host in (h1, h4):
        host.run("bash", "-euc", on)
    connect(h1, h4)
    assert "mtu 65520 " in h1.run("bash", "-euc", show)
    assert "RC" in run("bash", "-euc", of_host(files, h1))
    h1.run("bash", "-euc", off)
    assert h1.link()["mtu"] == 2044
    typed(h1, "Connected mode", 1)
    assert "unreliable-connections: on" in h1.run(
        "ethtool", "--show-priv-flags", "ib0")
    set_uc(h1, False)


def test_offloads(h1):
    try:
        assert "tcp-segmentation-offload: on" in typed(h1, "Offloads")
        assert "tcp-segmentation-offload: off" in h1.run("ethtool", "-k", "ib0")
    finally:
        h1.run("ethtool", "-K", "ib0", "tso", "on")


def test_which_driver_and_how_fast(h1):
    said = typed(h1, "Which driver, how fast")
    assert "driver: ib_ipoib\n" in said and "Speed: 40000Mb/s" in said
    assert said.endswith("\n40000\n")


def test_virtual_functions_are_the_hcas(h1):
    for line in block("Virtual functions").splitlines():
        status, said = h1.status("bash", "-euc", line)
        assert status and "Operation not supported" in said


def test_moderation(h1):
    try:
        said = typed(h1, "Interrupt moderation").replace("\t", " ")
        assert "Adaptive RX: on" in said
        h1.run("ethtool", "-C", "ib0", "adaptive-rx", "off")
        said = h1.run("ethtool", "-c", "ib0").replace("\t", " ")
        assert "rx-usecs: 20\nrx-frames: 32\n" in said
    finally:
        h1.run("ethtool", "-C", "ib0", "adaptive-rx", "off", "rx-usecs", 0,
               "rx-frames", 0)


def test_queues(q1, h1, h4):
    typed(h1, "Queues", 1)
    said = h1.run("ethtool", "-g", "ib0").split("Current")[1]
    assert said.split()[said.split().index("RX:") + 1] == "1024"
    assert said.split()[said.split().index("TX:") + 1] == "512"
    assert "TX:\t\t4" in h1.run("ethtool", "-l", "ib0").split("Current")[1]
    assert h1.ping(h4.v4) == 0


@pytest.fixture
def room(h4):
    """Where daemons live on h4."""
    with Room(h4) as made:
        yield made
    h4.ip("link", "set", "ib0", "down", "mtu", 2044, "addrgenmode", "eui64")
    h4.ip("address", "replace", f"{h4.v4}/24", "dev", "ib0")
    h4.ip("link", "set", "ib0", "up")
    restore_v6(h4)


def configured(host):
    """Has a child of partition 1 the address of the page?"""
    name = next((n for n in ("storage", "ib0.8001") if n in interfaces(host)),
                None)
    return name and host.carrier(name) and \
        "inet 192.0.2.4/24" in host.ip("address", "show", name)


def test_networkmanager(room, two_partitions, h4):
    lines = block("Who configures it", 1).replace("\\\n", "").splitlines()
    room.start_networkmanager()
    try:
        for line in lines[:-1]:
            room.run("bash", "-euc", line)
        wait(lambda: configured(h4), 20, "no child")
        assert h4.link()["mtu"] == 1500
        room.run("bash", "-euc", lines[-1])
        wait(lambda: "ib0.8001" not in interfaces(h4), 10, "the child stays")
    finally:
        for name in ("storage", "port"):
            room.run("nmcli", "connection", "delete", name, check=False)


def test_networkd(room, two_partitions, h4):
    for name, text in pages.files(block("Who configures it", 2)).items():
        room.write(f"/run/systemd/network/{name}", text)
    room.start_udev()
    room.start_bus()
    room.run("chmod", "-R", "a+rX", "/run/systemd")
    room.start("/lib/systemd/systemd-networkd")
    try:
        wait(lambda: configured(h4), 30, "no child")
    finally:
        room.stop("systemd-networkd")
        h4.ip("link", "delete", "storage")


def test_ifupdown(room, two_partitions, h4):
    room.write("/run/interfaces", block("Who configures it", 3))
    room.run("mkdir", "/run/ifstate")
    where = "-i", "/run/interfaces", "--state-dir", "/run/ifstate"
    room.run("ifup", "ib0.8001", *where)
    wait(lambda: configured(h4), 20, "no child")
    room.run("ifdown", "ib0.8001", *where)
    wait(lambda: "ib0.8001" not in interfaces(h4), 10, "the child stays")


def test_dhcp(room, h1, h4):
    address, serve, *ask = block("DHCP").splitlines()
    h1.run("bash", "-euc", address)
    try:
        with Room(h1) as other:
            other.start(*serve.split(), "--user=root", "--conf-file=/dev/null")
            room.start_networkmanager()
            for line in filter(None, ask):
                room.run("bash", "-euc", line)
            wait(lambda: "inet 192.0.2.1" in h4.ip("address", "show", "ib0"),
                 30, "no address")
    finally:
        room.run("nmcli", "connection", "delete", "port", check=False)
        h1.ip("address", "del", "192.0.2.1/24", "dev", "ib0")
