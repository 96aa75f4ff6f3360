# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Children and parents in network namespaces: made in place, moved, and sent
home when their namespace dies, whatever is going on.
"""

import glob
import os

import pytest

from tests.vm import lab
from tests.vm.iftools import restore_v6
from tests.vm.lab import run, wait
from tests.vm.many import interfaces

PEER = "192.0.2.1"
CHILD = "192.0.2.4"


@pytest.fixture
def ends(hosts):
    """h1 has an address of the children's network; h4 has none left after."""
    h1, h4 = hosts[0], hosts[3]
    h1.ip("address", "add", f"{PEER}/24", "dev", "ib0")
    yield h1, h4
    h1.ip("address", "delete", f"{PEER}/24", "dev", "ib0")
    for netns in run("ip", "netns", "list").split():
        if netns.startswith("tmp"):
            run("ip", "netns", "delete", netns)
    for name in children_here():
        run("ip", "link", "delete", name)
    for name in interfaces(h4) - {"ib0"}:
        h4.ip("link", "delete", name)


@pytest.fixture
def box(ends):
    """A namespace of a container."""
    run("ip", "netns", "add", "tmp")
    return Box("tmp")


class Box(lab.Host):
    """A namespace that is no host of the fabric."""

    def __init__(self, name):
        super().__init__(4)
        self.name = name


def children_here():
    """The children that are in the initial namespace."""
    return [path.split("/")[4]
            for path in glob.glob("/sys/class/net/*/parent")]


def set_up(box, dev):
    """The child has its address, and is up."""
    box.ip("address", "add", f"{CHILD}/24", "dev", dev)
    box.ip("link", "set", dev, "up")
    wait(lambda: box.carrier(dev), 20, "the child has no carrier")


def reach(host, target=CHILD):
    wait(lambda: not host.ping(target, limit=1), 20, f"{target} is silent")
    assert host.ping(target, 20) == 0


# --- made and moved

def test_made_for_another_namespace(ends, box):
    """Asked for where the parent is."""
    h1, h4 = ends
    h4.ip("link", "add", "link", "ib0", "name", "c", "netns", box.name,
          "type", "ipoib")
    assert interfaces(h4) == {"ib0"} and interfaces(box) == {"c"}
    set_up(box, "c")
    reach(h1)
    assert box.link("c")["linkinfo"]["info_kind"] == "ipoib"
    assert box.sysfs("parent", "c") == "ib0"


def test_made_in_place_with_a_link_elsewhere(ends, box):
    """Asked for where the child shall be; the parent is in link-netns."""
    h1, h4 = ends
    run("ip", "-n", box.name, "netns", "set", h4.name, "7")
    index = h4.link()["ifindex"]
    # By its number: ip(8) would look for the name where it is itself.
    box.ip("link", "add", "link", f"if{index}", "link-netns", h4.name, "name",
           "c", "type", "ipoib", "umcast", "1")
    shown = box.link("c")
    assert shown["link_netnsid"] == 7 and shown["link_index"] == index
    assert shown["linkinfo"]["info_data"]["umcast"]
    assert interfaces(h4) == {"ib0"}
    set_up(box, "c")
    reach(h1)


@pytest.mark.ours
def test_link_netns_without_such_a_link_is_explained(ends, box):
    h4 = ends[1]
    run("ip", "-n", box.name, "netns", "set", h4.name, "7")
    code, said = box.status("ip", "link", "add", "link", "lo", "link-netns",
                            h4.name, "name", "c", "type", "ipoib")
    assert code and "no IPoIB interface" in said
    assert interfaces(box) == set()


def test_moved_there_and_back_it_works(ends, box):
    h1, h4 = ends
    h4.ip("link", "add", "link", "ib0", "name", "c", "type", "ipoib")
    address = h4.address("c")
    for _ in range(3):
        h4.ip("link", "set", "c", "netns", box.name)
        set_up(box, "c")
        reach(h1)
        assert box.address("c") == address
        run("ip", "-n", box.name, "link", "set", "c", "netns", h4.name)
    set_up(h4, "c")
    reach(h1)


def test_a_parent_that_moves_keeps_its_children(ends, box):
    """They go down with it, and up; they are where they were."""
    h1, h4 = ends
    h4.ip("link", "add", "link", "ib0", "name", "c", "type", "ipoib")
    set_up(h4, "c")
    h4.ip("link", "set", "ib0", "netns", box.name)
    try:
        assert interfaces(h4) == {"c"}
        assert not h4.carrier("c")
        assert h4.sysfs("parent", "c") == "ib0"
        box.ip("link", "set", "ib0", "up")
        wait(lambda: h4.carrier("c"), 20, "the child has no carrier")
        # Both are reached, each where it is.
        h4.ip("address", "replace", f"{CHILD}/24", "dev", "c")
        reach(h1)
    finally:
        run("ip", "-n", box.name, "link", "set", "ib0", "netns", h4.name)
        h4.run("ip", "link", "delete", "c", check=False)
        h4.ip("link", "set", "ib0", "up")
        h4.ip("address", "replace", f"{h4.v4}/24", "dev", "ib0")
        restore_v6(h4)
    h1.reach(h4)


# --- a namespace dies

def come_home(netns, count):
    """Wait until so many children have come home; their names there."""
    assert not os.path.exists(f"/run/netns/{netns}")
    return wait(lambda: len(children_here()) == count and children_here(), 20,
                "the children have not come back")


def test_under_traffic_the_namespace_dies_and_the_child_returns(ends):
    """While peers flood it, again and again; once with its name taken."""
    h1, h4 = ends
    run("ip", "link", "add", "taken", "type", "dummy")
    flood = h1.popen("ping", "-f", "-q", "-i", "0.002", CHILD)
    try:
        for count in range(3 if lab.DEBUG else 8):
            name = "taken" if count % 2 else f"c{count}"
            box = Box(f"tmp{count}")
            run("ip", "netns", "add", box.name)
            h4.ip("link", "add", "link", "ib0", "name", name, "netns",
                  box.name, "type", "ipoib")
            set_up(box, name)
            own = box.popen("ping", "-f", "-q", "-i", "0.002", PEER)
            wait(lambda b=box, n=name: b.link(n)["stats64"]["rx"]["packets"] >
                 20, 20, "no traffic")
            own.kill()
            own.communicate()
            run("ip", "netns", "delete", box.name)
            home, = come_home(box.name, 1)
            assert home != "taken" and (home == name or name == "taken")
            assert lab.read(f"/sys/class/net/{home}/operstate") == "down"
            assert lab.read(f"/sys/class/net/{home}/parent") == "ib0"
            run("ip", "link", "delete", home)
    finally:
        lab.stop(flood)
        run("ip", "link", "delete", "taken")
    h1.reach(h4)


def test_parent_and_children_of_one_namespace_return_together(ends, box):
    """Under traffic; set up again they work, and their addresses are theirs."""
    h1, h4 = ends
    h4.ip("link", "set", "ib0", "netns", box.name, "name", "up0")
    flood = h1.popen("ping", "-f", "-q", "-i", "0.002", CHILD)
    try:
        box.ip("link", "set", "up0", "up")
        for name in ("c0", "c1"):
            box.ip("link", "add", "link", "up0", "name", name, "type",
                   "ipoib")
        set_up(box, "c1")
        box.ip("link", "set", "c0", "up")
        addresses = {box.address(n) for n in ("up0", "c0", "c1")}
        wait(lambda: box.link("c1")["stats64"]["rx"]["packets"] > 20, 20,
             "no traffic")
        run("ip", "netns", "delete", box.name)
        assert sorted(come_home(box.name, 2)) == ["c0", "c1"]
        parent = lab.interface_of(h4.hca)
        assert parent == "up0"
        assert addresses == {
            bytes.fromhex(lab.read(f"/sys/class/net/{n}/address")
                          .replace(":", "")) for n in ("up0", "c0", "c1")}
        # Into a new one, which is as good.
        new = Box("tmp2")
        run("ip", "netns", "add", new.name)
        for name in ("up0", "c1"):
            run("ip", "link", "set", name, "netns", new.name)
        new.ip("link", "set", "up0", "up")
        set_up(new, "c1")
        reach(h1)
        run("ip", "netns", "delete", new.name)
        come_home(new.name, 2)
    finally:
        lab.stop(flood)
        for name in ("tmp", "tmp2"):
            run("ip", "netns", "delete", name, check=False)
        home = wait(lambda: lab.interface_of(h4.hca), 20, "no parent")
        for name in children_here():
            run("ip", "link", "delete", name)
        run("ip", "link", "set", home, "netns", h4.name, "name", "ib0")
        h4.ip("address", "add", f"{h4.v4}/24", "dev", "ib0")
        h4.ip("link", "set", "ib0", "up")
        restore_v6(h4)
    h1.reach(h4)


def test_an_hca_that_goes_takes_children_of_all_namespaces(ends, box):
    """The containers lose theirs, and the next HCA is as good."""
    h1, h4 = ends
    h4.ip("link", "add", "link", "ib0", "name", "c", "netns", box.name,
          "type", "ipoib")
    set_up(box, "c")
    run("rdma", "link", "delete", h4.hca, timeout=60)
    assert interfaces(box) == set()
    run("rdma", "link", "add", h4.hca, "type", "sib", "netdev", "h4-sw2")
    run("ip", "link", "set", lab.interface_of(h4.hca), "netns", h4.name,
        "name", "ib0")
    h4.ip("address", "add", f"{h4.v4}/24", "dev", "ib0")
    h4.ip("link", "set", "ib0", "up")
    restore_v6(h4)
    h1.reach(h4, 30)
