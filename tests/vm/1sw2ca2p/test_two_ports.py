# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""HCAs with two ports on one subnet: each port has an interface of its own,
which lives and dies by itself.
"""

import contextlib

import pytest

from tests.vm import lab
from tests.vm.lab import run, wait
from tests.vm.many import Echo, file_add, interfaces
from tests.vm.netns import packet_socket
from tests.vm.pinger import Pinger
from tests.vm.twoports import (DEVS, add_again, cable, changes,
                               give_v6, is_active, port_file, reach,
                               reregister, set_pkeys, v4, v6, wait_carriers)
from tests.vm.wire import ARP

PREFIX = "fe80000000000000"


def test_each_port_has_an_interface_of_its_own(pair):
    for host in pair:
        device = {host.run("readlink", "-f", f"/sys/class/net/{dev}/device")
                  for dev in DEVS}
        assert len(device) == 1
        qpns = {host.address(dev)[1:4] for dev in DEVS}
        lids = {port_file(host, port, "lid") for port in (0, 1)}
        assert len(qpns) == len(lids) == 2
        for port, dev in enumerate(DEVS):
            assert host.sysfs("dev_port", dev) == str(port)
            assert host.sysfs("dev_id", dev) == hex(port)
            gid = port_file(host, port, "gids/0").replace(":", "")
            assert host.address(dev)[4:].hex() == gid
            assert gid.startswith(PREFIX)
            assert host.sysfs("iflink", dev) == host.sysfs("ifindex", dev)
    guids = {host.address(dev)[12:] for host in pair for dev in DEVS}
    assert len(guids) == 4


def test_the_ports_of_an_hca_are_told_apart_as_tools_do(pair):
    """ibdev2netdev: the same device, then dev_port. ethtool: the bus."""
    for host in pair:
        said = {host.run("ethtool", "-i", dev) for dev in DEVS}
        assert len(said) == 1 and "driver: ib_ipoib" in said.pop()


@pytest.fixture
def own_answers(pair):
    """Each interface answers for its own addresses only: all hear each other's
    broadcasts, and by default each answers for its host."""
    for host in pair:
        for name, value in (("arp_ignore", 1), ("arp_announce", 2),
                            ("rp_filter", 0)):
            host.run("sysctl", "-qw", *(f"net.ipv4.conf.{dev}.{name}={value}"
                                        for dev in DEVS + ("all",)))
        for dev in DEVS:
            host.ip("neigh", "flush", "dev", dev)
    return pair


def test_all_ports_work_at_once(own_answers):
    h1, h2 = own_answers
    for port in (0, 1):
        reach(h1, h2, port)
    before = [h2.link(dev)["stats64"]["rx"]["packets"] for dev in DEVS]
    with contextlib.ExitStack() as stack:
        echoes = [stack.enter_context(Echo(h1, dev, v4(h2, port), 1900))
                  for port, dev in enumerate(DEVS)]
        for _ in range(lab.scaled(500)):
            for echo in echoes:
                echo.ask()
            wait(lambda: all(e.back() == e.sent for e in echoes), 10,
                 "an echo is missing")
    for dev, count in zip(DEVS, before):
        assert h2.link(dev)["stats64"]["rx"]["packets"] >= \
            count + lab.scaled(500)
        assert not h2.drops(dev) and not h1.drops(dev)


@pytest.fixture
def same_network(own_answers):
    """All four interfaces have addresses of one more IP network."""
    def each(verb):
        for host in own_answers:
            for port, dev in enumerate(DEVS):
                host.ip("address", verb,
                        f"192.0.2.{host.number + 10 * port}/24", "dev", dev)
    each("add")
    yield own_answers
    each("delete")


def test_both_interfaces_of_a_host_are_on_one_ip_network(same_network):
    h1, _ = same_network
    for dev in DEVS:
        for target in ("192.0.2.2", "192.0.2.12"):
            wait(lambda d=dev, t=target: not h1.ping(
                t, options=("-I", d), limit=1), 10,
                f"{target} does not answer to {dev}")
            assert h1.ping(target, 20, options=("-I", dev)) == 0


def test_a_broadcast_is_heard_by_the_other_port_and_not_by_its_own(pair):
    """Reflected packets are dropped by who sent them, and by nobody else."""
    h1, _ = pair
    with packet_socket(h1, ARP, "ib0") as own, \
            packet_socket(h1, ARP, "ib1") as other:
        h1.status("arping", "-b", "-c", 3, "-w", 1, "-I", "ib0",
                  "198.51.100.77")
        asked = bytes((198, 51, 100, 77))
        wait(lambda: any(asked in p for p in received(other)), 10,
             "ib1 does not hear ib0")
        assert not any(asked in p for p in received(own))


def received(sock):
    """All that waits in a socket."""
    with contextlib.suppress(BlockingIOError):
        while True:
            yield sock.recv(65536)


def test_the_link_local_addresses_are_no_duplicates(pair):
    for host in pair:
        shown = host.ip("-6", "address", "show")
        assert shown.count("inet6 fe80:") == 2
        assert "dadfailed" not in shown and "tentative" not in shown


# --- one port suffers, the other does not notice

@pytest.mark.debug
@pytest.mark.parametrize("hurt", (0, 1))
def test_a_port_without_its_cable_leaves_the_other_alone(pair, hurt):
    h1, h2 = pair
    well, end = 1 - hurt, cable(h2, hurt, "sw1")
    before = changes(h2, DEVS[well])
    reach(h1, h2, well)
    with Pinger(h1, v4(h2, well)) as losses:
        run("ip", "link", "set", end, "down")
        wait(lambda: not h2.carrier(DEVS[hurt]), 10, "carrier stays")
        assert h2.carrier(DEVS[well])
        run("ip", "link", "set", end, "up")
        wait(lambda: is_active(h2, hurt), 20, "the SM does not act")
        wait(lambda: h2.carrier(DEVS[hurt]), 20, "no carrier")
    assert losses.lost == 0
    assert changes(h2, DEVS[well]) == before
    reach(h1, h2, hurt)


def test_a_table_of_one_port_is_not_the_others(pair):
    _, h2 = pair
    before = changes(h2, "ib0")
    set_pkeys(h2, 1, 0x8005)
    try:
        wait(lambda: not h2.carrier("ib1"), 10, "carrier stays")
        assert h2.sysfs("pkey", "ib1") == "0x8005"
        assert h2.sysfs("pkey", "ib0") == "0xffff" and h2.carrier("ib0")
    finally:
        set_pkeys(h2, 1, 0xffff)
    wait(lambda: h2.carrier("ib1"), 20, "no carrier")
    assert changes(h2, "ib0") == before


def member_count():
    """Members of the broadcast group at the SA."""
    return run("saquery", "--smkey", 1, "-m").count(
        "ff12:401b:ffff::ffff:ffff")


def test_one_port_registers_again(pair):
    """Nothing is felt; all four are members of the broadcast group."""
    h1, h2 = pair
    for port in (0, 1):
        reach(h1, h2, port)
    before = [changes(h2, dev) for dev in DEVS]
    with Pinger(h1, v4(h2, 0)) as first, Pinger(h1, v4(h2, 1)) as second:
        for port in (0, 1, 0, 1):
            reregister(h2, port)
        wait(lambda: member_count() == 4, 20, "not all are members")
    assert first.lost == second.lost == 0
    assert [changes(h2, dev) for dev in DEVS] == before


# --- children

def test_children_belong_to_their_port(pair):
    """The same P_Key on both ports; dev_port and dev_id of children are 0."""
    h1, h2 = pair
    for host in pair:
        for dev in DEVS:
            host.ip("link", "add", "link", dev, "name", f"{dev}c", "type",
                    "ipoib")
            assert host.sysfs("iflink", f"{dev}c") == \
                host.sysfs("ifindex", dev)
            assert host.address(f"{dev}c")[4:] == host.address(dev)[4:]
            assert host.sysfs("dev_port", f"{dev}c") == "0"
            assert host.sysfs("dev_id", f"{dev}c") == "0x0"
        for port, dev in enumerate(DEVS):
            host.ip("address", "add", f"10.9.{port}.{host.number}/24", "dev",
                    f"{dev}c")
            host.ip("link", "set", f"{dev}c", "up")
    for port, dev in enumerate(DEVS):
        wait(lambda p=port: not h1.ping(f"10.9.{p}.2", limit=1), 20,
             f"{dev}c of h2 does not answer")
    h2.ip("link", "set", "ib1", "down")
    assert h2.carrier("ib0c") and not h2.carrier("ib1c")
    assert h1.ping("10.9.0.2", 20) == 0


def test_each_parent_has_its_own_list_of_children(pair):
    _, h2 = pair
    # The name of an interface that is up cannot be changed on 6.1.
    h2.ip("link", "set", "ib1", "down")
    h2.ip("link", "set", "ib1", "name", "second")
    try:
        for dev in ("ib0", "second"):
            code, said = h2.sysfs_write("create_child", "0x8001", dev)
            assert code == 0, said
        assert interfaces(h2) == {"ib0", "second", "ib0.8001", "second.8001"}
        assert h2.sysfs("parent", "second.8001") == "second"
        assert h2.sysfs_write("delete_child", "0x8001", "ib0")[0] == 0
        wait(lambda: "ib0.8001" not in interfaces(h2), 10, "the child stays")
        assert "second.8001" in interfaces(h2)
        h2.ip("link", "delete", "second.8001")
    finally:
        h2.ip("link", "set", "second", "name", "ib1")
        h2.ip("address", "replace", f"{v4(h2, 1)}/24", "dev", "ib1")


@pytest.mark.debug
def test_both_interfaces_go_with_the_hca(pair):
    h1, h2 = pair
    file_add(h2, [0x8001])
    h2.ip("link", "add", "link", "ib1", "name", "c", "type", "ipoib")
    run("rdma", "link", "delete", h2.hca, timeout=60)
    assert interfaces(h2) == set()
    with pytest.raises(AssertionError):
        h2.ip("link", "show", "ib1")
    add_again(h2, h2.number, ("sw1", "sw1"))
    wait_carriers(h2)
    for port in (0, 1):
        reach(h1, h2, port)


# --- what two ports are for

def slaves(host, dev):
    """Take both interfaces into a bond, which has an address."""
    host.ip("link", "add", dev, "type", "bond", "mode", "active-backup",
            "fail_over_mac", "active", "miimon", "100")
    for name in DEVS:
        host.ip("link", "set", name, "down")
        host.ip("link", "set", name, "master", dev)
    host.ip("address", "add", f"192.0.2.{host.number}/24", "dev", dev)
    host.ip("link", "set", dev, "up")


def bonding(host):
    """What the bond has chosen."""
    return " ".join(host.run("cat", "/proc/net/bonding/bond0").split())


@pytest.mark.debug
def test_a_bond_goes_from_one_port_to_the_other(pair):
    """Its peers follow it: the address of the bond changes with the port."""
    h1, h2 = pair
    h1.ip("address", "add", "192.0.2.1/24", "dev", "ib0")
    try:
        slaves(h2, "bond0")
        # Others may have had that address before.
        h1.ip("neigh", "flush", "dev", "ib0")
        wait(lambda: not h1.ping("192.0.2.2", limit=1), 20,
             f"no answer; {bonding(h2)}")
        for hurt in (0, 1):
            wait_carriers(h2)
            other = DEVS[1 - hurt]
            h2.run("ip", "link", "set", "bond0", "type", "bond",
                   "active_slave", DEVS[hurt])
            wait(lambda: not h1.ping("192.0.2.2", limit=1), 20, "no answer")
            end = cable(h2, hurt, "sw1")
            run("ip", "link", "set", end, "down")
            wait(lambda o=other: h2.address("bond0") == h2.address(o), 10,
                 "the bond does not change over")
            wait(lambda: not h1.ping("192.0.2.2", limit=1), 10, "no answer")
            assert h1.ping("192.0.2.2", 20) == 0
            run("ip", "link", "set", end, "up")
    finally:
        h1.ip("address", "delete", "192.0.2.1/24", "dev", "ib0")
        h2.run("ip", "link", "delete", "bond0", check=False)
        for port, dev in enumerate(DEVS):
            run("ip", "link", "set", cable(h2, port, "sw1"), "up")
            h2.ip("address", "replace", f"{v4(h2, port)}/24", "dev", dev)
            h2.ip("link", "set", dev, "up")
            give_v6(h2, port)
    for port in (0, 1):
        reach(h1, h2, port)
    assert h2.ping(v6(h1, 1), 5) == 0
