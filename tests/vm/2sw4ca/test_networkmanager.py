# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""NetworkManager as Debian has it, on h4: it makes, configures and deletes
interfaces by profiles of type infiniband, as docs/admin.md tells.
"""

import json

import pytest

from tests.vm import lab
from tests.vm.daemons import Room
from tests.vm.iftools import restore_v6
from tests.vm.lab import wait


class Manager:
    """NetworkManager on a host."""

    def __init__(self, host, room):
        self.host, self.room = host, room
        room.start_networkmanager()

    def nmcli(self, *argv):
        """What nmcli says."""
        return self.room.run("nmcli", "-w", 40 * lab.SLOW, *argv)

    def add(self, name, *settings):
        """A profile; there is none of that name."""
        self.nmcli("connection", "add", "type", "infiniband", "con-name", name,
                   "autoconnect", "no", "ipv6.method", "ignore", *settings)

    def delete(self, name):
        """A profile, and what it made."""
        self.nmcli("connection", "delete", name)

    def interfaces(self):
        """Names of the host's interfaces."""
        return [l["ifname"] for l in json.loads(self.host.ip("-j", "link"))]


@pytest.fixture(scope="module")
def manager(all_hosts, two_partitions):
    """It runs for all tests here; at its end h4 is as it was."""
    h1, h4 = all_hosts[0], all_hosts[3]
    lab.wait(h4.carrier, 20, "no carrier")
    h1.ip("link", "add", "link", "ib0", "name", "part", "type", "ipoib",
          "pkey", "0x8001")
    h1.ip("address", "add", "192.0.2.1/24", "dev", "part")
    h1.ip("link", "set", "part", "up")
    with Room(h4) as room:
        yield Manager(h4, room)
    h1.ip("link", "delete", "part")
    h4.ip("link", "set", "ib0", "down", "addrgenmode", "eui64")
    h4.ip("address", "replace", f"{h4.v4}/24", "dev", "ib0")
    h4.ip("link", "set", "ib0", "up")
    restore_v6(h4)


def test_the_interface_of_the_port_is_of_its_type(manager, h4):
    shown = manager.nmcli("-g", "GENERAL.TYPE,GENERAL.HWADDR,GENERAL.DRIVER",
                          "device", "show", "ib0").replace("\\", "")
    assert shown.split() == ["infiniband", h4.link()["address"].upper(),
                             "ipoib"]


def test_a_profile_of_the_port(manager, h1, h4):
    manager.add("port", "ifname", "ib0", "infiniband.transport-mode",
                "datagram", "infiniband.mac-address", h4.link()["address"],
                "infiniband.mtu", 1500, "ipv4.method", "manual",
                "ipv4.addresses", "198.51.100.44/24")
    try:
        for _ in range(2):
            manager.nmcli("connection", "up", "port")
            assert "inet 198.51.100.44/24" in h4.ip("address", "show", "ib0")
            assert h4.link()["mtu"] == 1500
            assert h4.sysfs("mode") == "datagram"
            assert h4.ping(h1.v4) == 0
            manager.nmcli("connection", "down", "port")
            assert "inet 198" not in h4.ip("address", "show", "ib0")
    finally:
        manager.delete("port")
        h4.ip("link", "set", "ib0", "mtu", "2044")
        h4.ip("link", "set", "ib0", "up")


def test_a_profile_in_connected_mode(manager, h1, h4):
    """NetworkManager sets the interface down, writes the mode, and sets it up;
    what it does not name it sets to datagram mode."""
    manager.add("port", "ifname", "ib0", "infiniband.transport-mode",
                "connected", "infiniband.mtu", 65520, "ipv4.method", "manual",
                "ipv4.addresses", "198.51.100.44/24")
    try:
        for mode, mtu in (("connected", 65520), ("datagram", 2044)) * 2:
            manager.nmcli("connection", "modify", "port",
                          "infiniband.transport-mode", mode,
                          "infiniband.mtu", mtu)
            manager.nmcli("connection", "up", "port")
            assert h4.sysfs("mode") == mode
            assert h4.link()["mtu"] == mtu
            assert h4.ping(h1.v4, 3, 8000) == 0
    finally:
        manager.delete("port")
        h4.ip("link", "set", "ib0", "type", "ipoib", "mode", "datagram")
        h4.ip("link", "set", "ib0", "mtu", "2044")
        h4.ip("link", "set", "ib0", "up")


@pytest.mark.parametrize("pkey, name, rounds", ((0x8001, "ib0.8001", 2),
                                                (0x0001, "ib0.0001", 1)))
def test_a_partition_comes_and_goes(manager, pkey, name, rounds):
    """Membership is not added to the name, and both are found again to be
    deleted."""
    manager.add("storage", "infiniband.p-key", f"{pkey:#x}",
                "infiniband.parent", "ib0", "infiniband.transport-mode",
                "datagram", "ipv4.method", "manual", "ipv4.addresses",
                "192.0.2.4/24")
    host = manager.host
    try:
        for _ in range(rounds):
            manager.nmcli("connection", "up", "storage")
            assert host.sysfs("pkey", name) == "0x8001"
            assert host.sysfs("parent", name) == "ib0"
            assert host.sysfs("mode", name) == "datagram"
            assert host.ping("192.0.2.1") == 0
            manager.nmcli("connection", "down", "storage")
            wait(lambda: name not in manager.interfaces(), 10,
                 "the child stays")
        manager.nmcli("connection", "up", "storage")
    finally:
        manager.delete("storage")
    wait(lambda: name not in manager.interfaces(), 10, "the child stays")


def test_a_profile_is_changed_while_it_is_used(manager):
    manager.add("storage", "infiniband.p-key", "0x8001", "infiniband.parent",
                "ib0", "infiniband.transport-mode", "datagram",
                "ipv4.method", "manual", "ipv4.addresses", "192.0.2.4/24")
    try:
        manager.nmcli("connection", "up", "storage")
        manager.nmcli("connection", "modify", "storage", "ipv4.addresses",
                      "192.0.2.5/24", "infiniband.mtu", "1400")
        manager.nmcli("connection", "up", "storage")
        assert manager.host.ping("192.0.2.1") == 0
        assert manager.host.link("ib0.8001")["mtu"] == 1400
        manager.nmcli("device", "delete", "ib0.8001")
        wait(lambda: "ib0.8001" not in manager.interfaces(), 10,
             "the child stays")
    finally:
        manager.delete("storage")


def test_children_of_others_are_left_alone(manager, h4):
    """What ip made is not deleted when a profile for it is."""
    h4.ip("link", "add", "link", "ib0", "name", "mine", "type", "ipoib",
          "pkey", "0x8001")
    try:
        manager.add("mine", "ifname", "mine", "ipv4.method", "manual",
                    "ipv4.addresses", "192.0.2.6/24",
                    "infiniband.transport-mode", "datagram")
        wait(lambda: "mine" in manager.nmcli("-g", "DEVICE", "device"), 10,
             "NetworkManager does not see the child")
        manager.nmcli("connection", "up", "mine")
        assert "inet 192.0.2.6/24" in h4.ip("address", "show", "mine")
        manager.delete("mine")
        assert "mine" in manager.interfaces()
    finally:
        h4.ip("link", "delete", "mine")
