# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the kernel's document on IPoIB (Documentation/infiniband/ipoib.rst)
tells an administrator to type, as he types it.
"""

import re

import pytest

from tests.vm.iftools import Log, restore_v6
from tests.vm.lab import wait


def typed(host, line):
    """What a shell on the host answers to a line."""
    return host.run("sh", "-c", line)


def interfaces(host):
    return typed(host, "ls /sys/class/net").split()


def test_a_child_is_created_and_removed(h1):
    typed(h1, "echo 0x8001 > /sys/class/net/ib0/create_child")
    assert "ib0.8001" in interfaces(h1)
    assert typed(h1, "cat /sys/class/net/ib0.8001/pkey") == "0x8001\n"
    assert typed(h1, "cat /sys/class/net/ib0.8001/parent") == "ib0\n"
    typed(h1, "echo 0x8001 > /sys/class/net/ib0/delete_child")
    wait(lambda: "ib0.8001" not in interfaces(h1), 10, "it is still there")


def test_the_interface_of_a_port_has_the_pkey_at_index_0(h1):
    entry = typed(h1, f"cat /sys/class/infiniband/{h1.hca}/ports/1/pkeys/0")
    assert typed(h1, "cat /sys/class/net/ib0/pkey") == entry == "0xffff\n"


SHOWN = r"ipoib pkey +0x8001 mode +datagram umcast +0000"


@pytest.mark.stock_differs("links of rtnetlink have none of its files")
def test_children_created_either_way_behave_the_same(h1):
    typed(h1, "echo 0x8001 > /sys/class/net/ib0/create_child")
    first = [re.search(SHOWN, typed(h1, "ip -d link show ib0.8001"))] + [
        typed(h1, f"cat /sys/class/net/ib0.8001/{file}")
        for file in ("pkey", "parent", "mode", "umcast")]
    typed(h1, "ip link delete ib0.8001")
    typed(h1, "ip link add link ib0 name ib0.8001 type ipoib pkey 0x8001 "
              "mode datagram")
    second = [re.search(SHOWN, typed(h1, "ip -d link show ib0.8001"))] + [
        typed(h1, f"cat /sys/class/net/ib0.8001/{file}")
        for file in ("pkey", "parent", "mode", "umcast")]
    typed(h1, "ip link delete ib0.8001")
    assert first[0] and second[0] and first[1:] == second[1:]
    assert first[1:] == ["0x8001\n", "ib0\n", "datagram\n", "0\n"]


def test_the_mode_is_set_and_read(h1, h2):
    typed(h1, "echo datagram > /sys/class/net/ib0/mode")
    assert typed(h1, "cat /sys/class/net/ib0/mode") == "datagram\n"
    assert h1.ping(h2.v4) == 0


def test_the_mtu_of_a_2k_fabric_is_2044(h1):
    assert typed(h1, "cat /sys/class/net/ib0/mtu") == "2044\n"


def test_interrupt_mitigation(h1):
    typed(h1, "ethtool -C ib0 rx-usecs 16 rx-frames 8")
    try:
        out = typed(h1, "ethtool -c ib0")
        assert "rx-usecs: 16\nrx-frames: 8\n" in out.replace("\t", " ")
    finally:
        typed(h1, "ethtool -C ib0 rx-usecs 0 rx-frames 0")


@pytest.mark.parametrize("name", ("debug_level", "mcast_debug_level"))
def test_tracing_messages_are_turned_on_at_run_time(h4, name):
    file = f"/sys/module/ib_ipoib/parameters/{name}"
    log = Log()
    typed(h4, f"echo 1 > {file}")
    try:
        assert typed(h4, f"cat {file}") == "1\n"
        typed(h4, "ip link set ib0 down; ip link set ib0 up")
        wait(lambda: log.lines("^ib0: ", "-l", "debug"), 10,
             "nothing is logged")
        wait(h4.carrier, 20, "no carrier")
    finally:
        typed(h4, f"echo 0 > {file}")
        restore_v6(h4)


def test_debugfs_is_mounted_and_shows_groups(h1):
    """A host has a /sys of its own, where nobody has mounted it."""
    assert not typed(h1, "ls /sys/kernel/debug")
    out = typed(h1, "mount -t debugfs none /sys/kernel/debug && "
                    "cat /sys/kernel/debug/ipoib/ib0_mcg")
    assert re.search("^GID: ff12:401b:ffff:0:0:0:ffff:ffff$", out, re.M)
    assert len(re.findall("^  send_only: ", out, re.M)) == \
        len(re.findall("^GID: ", out, re.M)) > 1
