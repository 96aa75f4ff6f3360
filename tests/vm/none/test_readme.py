# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A virtual machine without a fabric, in which one is made by hand: what the
README and docs/ tell to type there is typed, as it stands there.
"""

import os
import re

import pytest

from tests import pages
from tests.vm import lab
from tests.vm.lab import run, wait

pytestmark = pytest.mark.ours
HAND = "Make a topology by hand"
# For who has cloned the repository and entered the virtual machine.
COMMANDS = 15


def typed(page, heading, number=0):
    """A shell reads a block."""
    return run("bash", "-euc", pages.blocks(page, heading)[number])


def devices():
    """All network devices and RDMA devices that there are."""
    return sorted(os.listdir("/sys/class/net") +
                  os.listdir("/sys/class/infiniband"))


@pytest.fixture
def empty():
    """Nothing is there before and after it."""
    run("modprobe", "-a", "sib", "ib_umad", "ib_ipoib")
    before = devices()
    yield
    wait(lambda: devices() == before, 20, f"left over: {devices()}")
    assert not run("ip", "netns", "list") + run("pgrep", "opensm", check=False)


def test_a_fabric_by_hand_in_few_commands(empty):
    text = pages.blocks("README.md", HAND)[1]
    commands = [line for line in text.replace("|\n", "").splitlines()
                if not re.match(r"\s*(#|for |done|$)", line)]
    assert len(commands) <= COMMANDS, commands
    said = typed("README.md", HAND, 1)
    assert re.search(r" [1-9]\d* received", said), said
    look, remove = pages.blocks("README.md", HAND)[2].split("\n\n")
    said = run("bash", "-euc", look)
    assert "sw1" in said and "sib1" in said and "tx_waited" in said
    assert "4 packets captured" in said and "0x88b5" in said
    run("bash", "-euc", remove)


@pytest.fixture
def cables(empty):
    """Two cables of a host h9, plugged in nowhere."""
    for switch in ("sw1", "sw2"):
        run("ip", "link", "add", f"h9-{switch}", "mtu", 4230, "type", "veth",
            "peer", "name", f"{switch}-h9", "mtu", 4230)
    yield
    run("rdma", "link", "delete", "sib9", check=False)
    for switch in ("sw1", "sw2"):
        run("ip", "link", "delete", f"h9-{switch}")


def test_an_adapter_with_a_second_port(cables):
    typed("docs/fabric.md", "Parts")
    assert os.listdir("/sys/class/infiniband/sib9/ports") == ["1", "2"]


def test_a_picture_of_a_fabric(cables):
    """dot belongs to who looks at it."""
    typed("docs/fabric.md", "Parts")
    drawing, _ = pages.blocks("docs/fabric.md", "Parts")[1].split("|")
    assert "graph" in run("bash", "-euc", drawing)


def test_a_device_for_a_namespace_alone(cables):
    typed("docs/fabric.md", "Parts")
    run("rdma", "dev", "set", "sib9", "name", "sib1")
    try:
        typed("docs/admin.md", "RDMA applications")
        assert "sib1" in run("ip", "netns", "exec", "h1", "rdma", "dev")
        assert "sib1" not in run("rdma", "dev")
    finally:
        run("ip", "netns", "delete", "h1")
        wait(lambda: "sib1" in run("rdma", "dev"), 30, "it does not come home")
        wait(lambda: lab.status("rdma", "system", "set", "netns",
                                "shared")[0] == 0, 60, "a namespace stays")
        run("rdma", "dev", "set", "sib1", "name", "sib9")


def test_sizes_of_queues_for_all_interfaces(empty):
    try:
        typed("docs/admin.md", "Queues")
        for name, size in (("send", "512"), ("recv", "1024")):
            assert lab.read("/sys/module/ib_ipoib/parameters/"
                            f"{name}_queue_size") == size
    finally:
        run("modprobe", "-r", "ib_ipoib")
        run("modprobe", "ib_ipoib")
