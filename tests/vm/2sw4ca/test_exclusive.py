# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""RDMA devices that belong to one network namespace each, as container hosts
have them: `rdma system set netns exclusive`. An HCA that moves takes nothing
along: its interfaces end, and new ones begin in the initial namespace.
"""

import os

import pytest

from tests.vm import lab
from tests.vm.lab import run, wait
from tests.vm.mend import mend

NET = "/sys/class/net"


@pytest.fixture
def exclusive(all_hosts, opensm):
    """The machine is so, which it can become while there is no namespace but
    the initial one. The interfaces of all HCAs are there then."""
    mend()
    opensm.stop()
    for host in all_hosts:
        run("ip", "netns", "delete", host.name)
    # A namespace takes its time to end.
    wait(lambda: lab.status("rdma", "system", "set", "netns",
                            "exclusive")[0] == 0, 60,
         "a namespace does not end")
    for host in all_hosts:
        wait(lambda h=host: interface(h.hca), 20, f"{host}: no interface")
    yield
    for name in ("x", "y"):
        run("ip", "netns", "delete", name, check=False)
    wait(lambda: lab.status("rdma", "system", "set", "netns",
                            "shared")[0] == 0, 60,
         "a namespace does not end")
    # Its HCA comes home after that.
    wait(lambda: {h.hca for h in all_hosts} <= devices(), 60,
         "an HCA does not come home")
    for host in all_hosts:
        wait(lambda h=host: interface(h.hca), 20, f"{host}: no interface")
    # Not before: without an SM each HCA waits for it when it leaves.
    opensm.stop()
    mend()


def devices(netns=None):
    """RDMA devices that a namespace sees."""
    prefix = ["ip", "netns", "exec", netns] if netns else []
    return set(run(*prefix, "ls", "/sys/class/infiniband").split())


def move(hca, netns, source=None):
    """An HCA goes to a namespace."""
    prefix = ["ip", "netns", "exec", source] if source else []
    run(*prefix, "rdma", "dev", "set", hca, "netns", netns)


def interface(hca):
    """The interface of an HCA in the initial namespace, wherever that HCA
    is."""
    found = [n for n in os.listdir(NET)
             if os.path.realpath(f"{NET}/{n}/device").endswith(f"/{hca}")]
    assert len(found) <= 1, found
    return found[0] if found else None


def index(name):
    """The number of an interface."""
    return lab.read(f"{NET}/{name}/ifindex")


def test_an_hca_that_moves_gets_a_new_interface(exclusive):
    run("ip", "netns", "add", "x")
    name = interface("sib4")
    lab.write(f"{NET}/{name}/create_child", "0x8001")
    child = f"{name}.8001"
    run("ip", "link", "set", name, "up")
    assert os.path.exists(f"{NET}/{child}")
    old = index(name)
    move("sib4", "x")
    assert devices("x") == {"sib4"} and "sib4" not in devices()
    assert not os.path.exists(f"{NET}/{child}")
    now = interface("sib4")
    assert index(now) != old
    assert lab.read(f"{NET}/{now}/flags") == "0x1002"


def test_an_interface_in_the_namespace_of_the_hca(exclusive):
    """What was moved there ends when the HCA moves on."""
    for netns in ("x", "y"):
        run("ip", "netns", "add", netns)
    move("sib4", "x")
    run("ip", "link", "set", interface("sib4"), "netns", "x", "name", "ib0")
    run("ip", "-n", "x", "link", "add", "link", "ib0", "name", "part",
        "type", "ipoib", "pkey", "0x8001")
    run("ip", "-n", "x", "link", "set", "ib0", "up")
    move("sib4", "y", source="x")
    shown = run("ip", "-n", "x", "-o", "link", "show")
    assert "ib0" not in shown and "part" not in shown
    assert devices("y") == {"sib4"}
    # The namespace ends, and the HCA comes home with an interface.
    old = index(interface("sib4"))
    run("ip", "netns", "delete", "y")
    wait(lambda: "sib4" in devices(), 30, "sib4 does not come home")
    wait(lambda: interface("sib4") and index(interface("sib4")) != old, 20,
         "no new interface")


def test_traffic_between_namespaces_with_an_hca_each(exclusive, opensm):
    """As between machines."""
    run("opensm", "-B", "-g", lab.port_guid("sib1"), "-F", lab.OPENSM_CONF,
        "-f", opensm.log)
    for netns, hca, number in (("x", "sib3", 3), ("y", "sib4", 4)):
        run("ip", "netns", "add", netns)
        move(hca, netns)
        run("ip", "link", "set", interface(hca), "netns", netns, "name", "ib0")
        run("ip", "-n", netns, "address", "add", f"192.0.2.{number}/24",
            "dev", "ib0")
        run("ip", "-n", netns, "link", "set", "ib0", "up")
    host = lab.Host(3)
    host.name = "x"
    wait(lambda: not host.ping("192.0.2.4", limit=1), 40, "no answer")
    assert host.ping("192.0.2.4", 50) == 0
