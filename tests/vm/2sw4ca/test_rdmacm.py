# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The RDMA connection manager: what it reads from an interface (its addresses,
its neighbours, the record of its broadcast group in ib_core's table), and which
interface it finds for a request that comes in.
"""

import json
import re

import pytest

from tests.vm import lab
from tests.vm.iftools import restore_v6, write_errno
from tests.vm.lab import run, wait
from tests.vm.netns import Member
from tests.vm.rdmacm import IPOIB, TCP, UDP, Id

SERVICE = 7471


@pytest.mark.parametrize("family", ("v4", "v6"))
def test_addresses_parse_as_expected(h1, h4, family):
    with Id(h1) as client:
        found = client.resolve(getattr(h4, family)).found()
    assert found.sgid == h1.address()[4:]
    assert found.dgid == h4.address()[4:]
    assert found.pkey == 0xffff == int.from_bytes(
        bytes.fromhex(h1.link()["broadcast"].replace(":", ""))[8:10], "big")
    assert found.port == 1


def test_groups_have_the_qkey_of_the_broadcast_group(h1, h4):
    """It is looked up by the broadcast MGID in ib_core's table, where it
    stands while the interface has carrier."""
    with Id(h1, IPOIB) as member:
        joined = member.resolve(h4.v4, route=False).join("239.9.9.9")
    assert joined.qkey == 0xb1b
    assert joined.gid.hex() == "ff12401bffff0000000000000f090909"


def shown(host, group):
    """Is a group among the interface's own?"""
    low = [int(x) for x in group.split(".")]
    text = f"0:{(low[0] & 15) << 8 | low[1]:x}:{low[2] << 8 | low[3]:x}\n"
    return re.search(rf"401b:ffff:0:0:{text}", lab.debugfs(host, "mcg"))


@pytest.mark.parametrize("umcast", (False, True))
def test_groups_that_a_program_has_joined_are_left_to_it(h1, h4, umcast):
    """With umcast on; otherwise both join."""
    group, other = "239.9.9.10", "239.9.9.11"
    write_errno(h1, "umcast", "1" if umcast else "0")
    try:
        with Id(h1, IPOIB) as program:
            program.resolve(h4.v4, route=False).join(group)
            with Member(h1, group), Member(h1, other):
                # The one that only the stack has joined tells when the list
                # was looked at.
                wait(lambda: shown(h1, other), 5,
                     "the other group is not joined")
                assert bool(shown(h1, group)) != umcast
    finally:
        write_errno(h1, "umcast", "0")


# Requests that come in.

def everywhere(address):
    """The address that a server listens at for all of its host's."""
    return "::" if ":" in address else "0.0.0.0"


def call(client, server, address, space=UDP, scope=0):
    """A client asks a server for its service, and is answered. What the server
    knows of the two ends, and what the client was told."""
    with Id(server, space) as service, Id(client, space) as caller:
        service.listen(everywhere(address), SERVICE)
        caller.resolve(address, SERVICE, scope=scope).connect(data=b"hello")
        request = service.expect("CONNECT_REQUEST")
        assert request.data == b"hello"
        found = service.found(request.id)
        service.accept(request.id, qpn=0x4711, data=b"welcome")
        answer = caller.expect("ESTABLISHED" if space == UDP
                               else "CONNECT_RESPONSE")
        assert (answer.qpn, answer.data) == (0x4711, b"welcome") or \
            space == TCP and answer.data == b"welcome"
        return found, answer


def refused(client, address, *servers, prepare=lambda: None):
    """A client's request is turned away though there are servers."""
    services = [Id(s).listen(everywhere(address), SERVICE) for s in servers]
    try:
        with Id(client) as caller:
            caller.resolve(address, SERVICE)
            prepare()
            event = caller.connect().event()
            assert event.name == "UNREACHABLE" and event.status, event
    finally:
        for service in services:
            service.close()


@pytest.mark.parametrize("space", (UDP, TCP), ids=("datagram", "connection"))
@pytest.mark.parametrize("family", ("v4", "v6"))
def test_a_request_finds_its_service(h1, h4, family, space):
    found, answer = call(h1, h4, getattr(h4, family), space)
    assert found.sgid == h4.address()[4:]
    assert found.pkey == 0xffff
    if space == UDP:
        assert answer.dlid == lab.lid(h4.hca)
    else:
        assert found.dgid == h1.address()[4:]


def test_a_request_to_oneself(h4):
    call(h4, h4, h4.v4)


def link_local(host, dev="ib0"):
    """The host's own address on the link."""
    return re.search(r"inet6 (fe80::\S+)/", host.ip(
        "address", "show", "dev", dev, "scope", "link"))[1]


def test_a_request_to_an_address_of_the_link(h1, h4):
    scope = int(h1.sysfs("ifindex"))
    with Id(h4) as service, Id(h1) as caller:
        service.listen(link_local(h4), SERVICE, int(h4.sysfs("ifindex")))
        caller.resolve(link_local(h4), SERVICE, scope=scope,
                       source=link_local(h1)).connect()
        service.expect("CONNECT_REQUEST")


def test_nobody_listens(h1, h4):
    refused(h1, h4.v4)


def test_an_interface_that_is_down_gets_no_request(h1, h4):
    try:
        refused(h1, h4.v4, h4,
                prepare=lambda: h4.ip("link", "set", "ib0", "down"))
    finally:
        h4.ip("link", "set", "ib0", "up")
        restore_v6(h4)
    wait(h4.carrier, 20, "no carrier")
    call(h1, h4, h4.v4)


class Elsewhere(lab.Host):
    """A namespace of its own on the machine of a host."""

    def __init__(self, host, name):
        super().__init__(host.number)
        self.name = name
        run("ip", "netns", "add", name)
        self.ip("link", "set", "lo", "up")

    def take(self, host, dev):
        """Have an interface of a host, whose name stays."""
        host.ip("link", "set", dev, "netns", self.name)

    def close(self):
        """What it has is removed, else it would go home."""
        for link in json.loads(self.ip("-j", "link")):
            if link["link_type"] == "infiniband":
                self.ip("link", "delete", link["ifname"])
        run("ip", "netns", "delete", self.name)


def child(host, dev, address, *options, owner=None):
    """One more interface of a host's port, with an address; OWNER: in another
    namespace."""
    host.ip("link", "add", "link", "ib0", "name", dev, "type", "ipoib",
            *options)
    owner = owner or host
    if owner is not host:
        owner.take(host, dev)
    owner.ip("address", "add", f"{address}/24", "dev", dev)
    owner.ip("link", "set", dev, "up")
    wait(lambda: owner.carrier(dev), 20, f"{owner} {dev}: no carrier")


@pytest.fixture
def jail(h4):
    """A namespace for interfaces of h4."""
    made = Elsewhere(h4, "jail")
    yield made
    made.close()


@pytest.fixture
def neighbours(h1, h4, jail):
    """On h4 three interfaces share a P_Key: ib0, `near` beside it and `far` in
    a namespace of its own. h1 has an address in the network of each."""
    # Who has several interfaces on one link answers for all its addresses.
    h4.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1")
    child(h4, "near", "198.51.101.4")
    child(h4, "far", "198.51.102.4", owner=jail)
    for net in (101, 102):
        h1.ip("address", "add", f"198.51.{net}.1/24", "dev", "ib0")
    yield
    for net in (101, 102):
        h1.ip("address", "del", f"198.51.{net}.1/24", "dev", "ib0")
    h4.ip("link", "delete", "near")
    h4.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=0")


def test_of_several_interfaces_the_address_tells(h1, h4, jail, neighbours):
    for address, home in ((h4.v4, h4), (h4.v6, h4), ("198.51.101.4", h4),
                          ("198.51.102.4", jail)):
        for space in (UDP, TCP):
            with Id(jail if home is h4 else h4, space) as wrong:
                wrong.listen(everywhere(address), SERVICE)
                call(h1, home, address, space)


def test_of_several_interfaces_none_has_the_address(h1, h4, jail, neighbours):
    """One would do; it need not have it."""
    hardware = h4.link()["address"]
    h1.ip("neigh", "replace", "198.51.100.77", "lladdr", hardware, "dev",
          "ib0")
    try:
        refused(h1, "198.51.100.77", h4, jail)
    finally:
        h1.ip("neigh", "del", "198.51.100.77", "dev", "ib0")


def test_an_address_of_two_interfaces_is_remarked_upon(h1, h4, jail,
                                                       neighbours, log):
    jail.ip("address", "add", f"{h4.v4}/24", "dev", "far")
    h1.ip("neigh", "replace", h4.v4, "lladdr", h4.link()["address"], "dev",
          "ib0")
    try:
        call(h1, h4, h4.v4)
    finally:
        h1.ip("neigh", "del", h4.v4, "dev", "ib0")
    log.wait(f"far: .*duplicate.* {h4.v4}")


def test_an_interface_that_moves_is_found_where_it_is(h1, h4, jail,
                                                      neighbours):
    call(h1, jail, "198.51.102.4")
    run("ip", "-n", "jail", "link", "set", "far", "netns", h4.name)
    h4.ip("address", "add", "198.51.102.4/24", "dev", "far")
    h4.ip("link", "set", "far", "up")
    try:
        wait(lambda: h4.carrier("far"), 20, "no carrier")
        call(h1, h4, "198.51.102.4")
    finally:
        h4.ip("link", "delete", "far")


def test_each_partition_has_its_interface(h1, h4, jail, two_partitions):
    nets = {"p1": (0x8001, 103, h4), "p2": (0x8002, 104, jail)}
    try:
        for dev, (pkey, net, home) in nets.items():
            child(h1, dev, f"198.51.{net}.1", "pkey", hex(pkey))
            child(h4, dev, f"198.51.{net}.4", "pkey", hex(pkey), owner=home)
        for dev, (pkey, net, home) in nets.items():
            found, _ = call(h1, home, f"198.51.{net}.4")
            assert found.pkey == pkey
            with Id(h1, IPOIB) as member:
                member.resolve(f"198.51.{net}.4", route=False)
                assert member.join("239.1.2.3").gid.hex() == \
                    f"ff12401b{pkey:04x}0000000000000f010203"
        # No way into one partition is a way to what is in another.
        h1.ip("route", "add", f"{h4.v4}/32", "dev", "p1", "src",
              "198.51.103.1")
        h1.ip("neigh", "replace", h4.v4, "lladdr", h4.link("p1")["address"],
              "dev", "p1")
        refused(h1, h4.v4, jail)
    finally:
        for host, dev in ((h1, "p1"), (h1, "p2"), (h4, "p1")):
            host.run("ip", "link", "delete", dev, check=False)


@pytest.fixture
def bonded(h1, h4):
    """h4's interface in a bond, which has its addresses."""
    h4.ip("link", "add", "bond0", "type", "bond", "mode", "active-backup",
          "miimon", "100")
    h4.ip("link", "set", "ib0", "down")
    h4.ip("link", "set", "ib0", "master", "bond0")
    h4.ip("address", "flush", "dev", "ib0")
    h4.ip("address", "add", f"{h4.v4}/24", "dev", "bond0")
    h4.ip("address", "add", f"{h4.v6}/64", "dev", "bond0", "nodad")
    h4.ip("link", "set", "bond0", "up")
    wait(lambda: h4.carrier("bond0"), 20, "the bond has no carrier")
    yield
    h4.ip("link", "del", "bond0")
    h4.ip("address", "replace", f"{h4.v4}/24", "dev", "ib0")
    h4.ip("link", "set", "ib0", "up")
    restore_v6(h4)


def test_a_bond_stands_for_its_interfaces(h1, h4, bonded):
    for address in (h4.v4, h4.v6):
        found, _ = call(h1, h4, address)
        assert found.sgid == h4.address("bond0")[4:]


def test_of_several_the_bond_has_the_address(h1, h4, jail, bonded):
    child(h4, "far", "198.51.102.4", owner=jail)
    call(h1, h4, h4.v4)


@pytest.mark.parametrize("several", (False, True))
def test_in_a_vrf_the_interface_stands_for_itself(h1, h4, jail, several):
    h4.ip("link", "add", "red", "type", "vrf", "table", 10)
    h4.ip("link", "set", "red", "up")
    h4.ip("link", "set", "ib0", "master", "red")
    try:
        h4.ip("address", "replace", f"{h4.v6}/64", "dev", "ib0", "nodad")
        wait(h4.carrier, 20, "no carrier")
        if several:
            child(h4, "far", "198.51.102.4", owner=jail)
        call(h1, h4, h4.v4)
    finally:
        h4.ip("link", "del", "red")
        restore_v6(h4)
