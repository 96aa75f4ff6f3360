# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""systemd-networkd as Debian has it, on h4: links of Kind=ipoib and the
interface of a port, as docs/admin.md tells.
"""

import os

import pytest

from tests.vm.daemons import Room
from tests.vm.iftools import restore_v6
from tests.vm.lab import wait

NETWORKD = "/lib/systemd/systemd-networkd"
DIRECTORY = "/run/systemd/network"

PORT = """
[Match]
Name=ib0
[Network]
Address=198.51.100.4/24
LinkLocalAddressing=ipv6
KeepConfiguration=static
"""
CHILD = """
[NetDev]
Name={name}
Kind=ipoib
[IPoIB]
PartitionKey={pkey:#x}
Mode={mode}
IgnoreUserspaceMulticastGroups={umcast}
"""
ADDRESS = """
[Match]
Name={name}
[Network]
Address=192.0.2.{host}/24
"""


class Networkd:
    """systemd-networkd on a host. It begins with what is configured."""

    def __init__(self, host, room):
        self.host, self.room = host, room
        room.start_udev()
        room.start_bus()

    def configure(self, **files):
        """Its files, and no others; NAME_KIND is NAME.KIND. It starts anew."""
        self.stop()
        self.room.run("rm", "-rf", DIRECTORY)
        for name, text in files.items():
            path = f"{DIRECTORY}/{name.replace('_', '.')}"
            self.room.write(path, text)
        self.room.run("chmod", "-R", "a+rX", "/run/systemd")
        self.room.start(NETWORKD)

    def stop(self):
        """End it, if it runs."""
        self.room.stop(os.path.basename(NETWORKD))

    def setup(self, dev):
        """How far it has come with an interface."""
        for line in self.room.status("networkctl", "--no-pager", "--no-legend",
                                     "list")[1].splitlines():
            words = line.split()
            if len(words) == 5 and words[1] == dev:
                return words[4]
        return None

    def wait_for(self, dev):
        """Until an interface is configured."""
        wait(lambda: self.setup(dev) in ("configured", "failed"), 40,
             f"{dev} is not configured")
        assert self.setup(dev) == "configured"


@pytest.fixture(scope="module")
def networkd(all_hosts, two_partitions):
    """On h4, which is as it was at its end."""
    h1, h4 = all_hosts[0], all_hosts[3]
    wait(h4.carrier, 20, "no carrier")
    h1.ip("link", "add", "link", "ib0", "name", "part", "type", "ipoib",
          "pkey", "0x8001")
    h1.ip("address", "add", "192.0.2.1/24", "dev", "part")
    h1.ip("link", "set", "part", "up")
    with Room(h4) as room:
        yield Networkd(h4, room)
    h1.ip("link", "delete", "part")
    h4.ip("address", "replace", f"{h4.v4}/24", "dev", "ib0")
    h4.ip("link", "set", "ib0", "up")
    restore_v6(h4)


@pytest.fixture
def no_child(h4):
    """Children are gone after the test."""
    yield
    for dev in ("storage", "ib0.8002"):
        h4.run("ip", "link", "delete", dev, check=False)


@pytest.mark.parametrize("umcast, mode", (("no", "datagram"),
                                          ("yes", "connected")))
def test_it_makes_a_child(networkd, h1, h4, umcast, mode, no_child):
    networkd.configure(
        ib0_network=PORT + "IPoIB=storage\n",
        storage_netdev=CHILD.format(name="storage", pkey=0x8001,
                                    umcast=umcast, mode=mode),
        storage_network=ADDRESS.format(name="storage", host=4))
    for dev in ("ib0", "storage"):
        networkd.wait_for(dev)
    assert h4.link("storage")["linkinfo"]["info_data"] == {
        "key": "0x8001", "mode": mode,
        "umcast": "0000" if umcast == "no" else "0001"}
    # It asks for an address that it has made up, which the port has not.
    assert h4.address("storage")[4:] == h4.address()[4:]
    for address in ("192.0.2.1", h1.v4):
        wait(lambda a=address: not h4.ping(a, limit=1), 20,
             f"no way to {address}")


def test_two_children_and_one_of_them_again(networkd, h1, h4, no_child):
    files = {"ib0_network": PORT + "IPoIB=storage\nIPoIB=ib0.8002\n",
             "storage_netdev": CHILD.format(name="storage", pkey=1,
                                            umcast="no", mode="datagram"),
             "storage_network": ADDRESS.format(name="storage", host=4),
             "second_netdev": CHILD.format(name="ib0.8002", pkey=0x8002,
                                           umcast="no", mode="datagram")}
    networkd.configure(**files)
    networkd.wait_for("storage")
    wait(lambda: h4.status("test", "-d", "/sys/class/net/ib0.8002")[0] == 0,
         10, "the second child is not made")
    assert h4.link("storage")["linkinfo"]["info_data"]["key"] == "0x8001"
    h4.ip("link", "delete", "storage")
    networkd.configure(**files)
    networkd.wait_for("storage")
    wait(lambda: not h4.ping("192.0.2.1", limit=1), 20, "no way to h1")


def test_it_sets_the_interface_of_the_port(networkd, h4):
    """Which it may find by the hardware address, too."""
    networkd.configure(ib0_network=PORT.replace(
        "Name=ib0", f"MACAddress={h4.link()['address']}") +
        "[Link]\nMTUBytes=1500\n")
    try:
        networkd.wait_for("ib0")
        assert h4.link()["mtu"] == 1500
    finally:
        networkd.stop()
        h4.ip("link", "set", "ib0", "mtu", "2044")
