# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""udev as Debian has it: what its rules see of an interface, and the names that
they give. Where an interface lies in sysfs is in test_interface.py.
"""

import os
import re

import pytest

from tests import pages
from tests.vm import lab
from tests.vm.daemons import Room
from tests.vm.lab import run, wait

NET = "/sys/class/net"
# What a rule sees when an interface is added goes into udev's database.
RULES = """
SUBSYSTEM=="net", ACTION=="add", ATTR{type}=="32", ENV{SEEN}="$attr{pkey} \
$attr{mode} $attr{umcast}"
SUBSYSTEM=="net", ACTION=="add", ATTR{type}=="32", ATTR{parent}=="?*", \
ENV{SEEN_PARENT}="$attr{parent}"
SUBSYSTEM=="net", ACTION=="add", ATTR{type}=="32", TEST=="create_child", \
ENV{SEEN_CREATE}="yes"
"""
# For an HCA whose GUID ends so; its name is storage0.
BY_GUID, = pages.blocks("docs/admin.md", "Names")


@pytest.fixture(scope="module")
def room(all_hosts):
    """udev of the initial namespace, where interfaces of ports appear."""
    with Room() as made:
        made.write("/run/udev/rules.d/70-seen.rules", RULES)
        # The lab's kernel is told to have no new names.
        made.start_udev(SYSTEMD_PROC_CMDLINE="net.ifnames=1")
        yield made


@pytest.fixture
def rules(room):
    """A function that adds a file of rules or of [Link]; it goes again."""
    added = []

    def add(path, text):
        room.write(path, text)
        added.append(path)
        room.run("udevadm", "control", "--reload")
    yield add
    for path in added:
        room.run("rm", path)
    room.run("udevadm", "control", "--reload")


def database(room, dev):
    """What udev knows of an interface, once it has seen it."""
    wait(lambda: room.status("udevadm", "info", "--query=property",
                             f"{NET}/{dev}")[0] == 0, 10, f"no {dev}")
    room.settle()
    out = room.run("udevadm", "info", "--query=property", f"{NET}/{dev}")
    return dict(re.findall(r"^(\w+)=(.*)$", out, re.M))


def test_a_rule_sees_the_files_of_a_port(room, spare):
    hca = spare(plugged=False)
    for _ in range(2):
        name = hca.add()
        known = database(room, name)
        assert known["SEEN"] == "0xffff datagram 0"
        assert known["SEEN_CREATE"] == "yes"
        assert "SEEN_PARENT" not in known
        record = f"/run/udev/data/n{lab.read(f'{NET}/{name}/ifindex')}"
        assert room.is_there(record)
        hca.delete()
        room.settle()
        assert not room.is_there(record)


def test_a_rule_sees_the_files_of_a_child(room, spare):
    name = spare(plugged=False).add()
    child = f"{name}.8001"
    lab.write(f"{NET}/{name}/create_child", "0x8001")
    run("ip", "link", "add", "link", name, "name", "other", "type", "ipoib",
        "pkey", "0x8001")
    for dev in (child, "other"):
        known = database(room, dev)
        assert known["SEEN"] == "0x8001 datagram 0"
        assert known["SEEN_PARENT"] == name
        assert "SEEN_CREATE" not in known


def test_a_rule_names_it_by_its_guid(room, rules, spare):
    """The last octets of the address; the port's interface alone, which is
    known by its create_child."""
    assert "00:5b:00:ff:fe:02:00:09" in BY_GUID
    rules("/run/udev/rules.d/76-names.rules", BY_GUID)
    hca = spare(plugged=False)
    for _ in range(2):
        hca.add()
        wait(lambda: os.path.exists(f"{NET}/storage0"), 10, "not renamed")
        room.settle()
        assert hca.interface() == "storage0"
        lab.write(f"{NET}/storage0/create_child", "0x8001")
        room.settle()
        assert lab.read(f"{NET}/storage0.8001/parent") == "storage0"
        hca.delete()


def test_a_link_file_names_it(room, rules, spare):
    """By what systemd knows of it; and gives it an alias."""
    rules("/run/systemd/network/10-ib.link",
          "[Match]\nType=infiniband\nOriginalName=ib?\n"
          "[Link]\nName=fabric0\nAlias=to switch 2\n")
    spare(plugged=False).add()
    wait(lambda: os.path.exists(f"{NET}/fabric0"), 10, "not renamed")
    room.settle()
    assert lab.read(f"{NET}/fabric0/ifalias") == "to switch 2"


def test_without_rules_it_stays_as_it_is(room, spare):
    """No name can be made of an address so long, and udev's default of
    persistent addresses is for interfaces that have none."""
    name = spare(plugged=False).add()
    lab.write(f"{NET}/{name}/create_child", "0x8001")
    for dev in (name, f"{name}.8001"):
        assert "ID_NET_NAME_MAC" not in database(room, dev)
        assert lab.read(f"{NET}/{dev}/address").endswith(
            "fe:80:00:00:00:00:00:00:00:5b:00:ff:fe:02:00:09")
    assert re.fullmatch(r"ib\d+", name)
    # Which lets udev give it another.
    with pytest.raises(OSError):
        lab.read(f"{NET}/{name}/name_assign_type")
