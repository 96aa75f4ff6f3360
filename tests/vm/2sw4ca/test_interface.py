# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The parent interface as a net device: which there are, what they are
called, their properties, addresses, counters, events and topology.
"""

import os
import re

import pytest

from tests.vm import lab
from tests.vm.ifwire import packet_send
from tests.vm.iftools import (PREFIX, Uevents, monitor, set_up,
                              write_all)
from tests.vm.lab import run, status, wait

NET = "/sys/class/net"


def guid(hca, port=1):
    """The port GUID as octets."""
    return bytes.fromhex(lab.port_guid(hca)[2:])


# Which interfaces there are.

def test_each_port_has_an_interface_of_the_first_free_name(spare, here):
    hca = spare()
    assert hca.add() == "ib0"
    hca.delete()
    run("ip", "link", "add", "ib0", "type", "dummy")
    try:
        assert hca.add() == "ib1"
    finally:
        run("ip", "link", "delete", "ib0")


def test_each_of_two_ports_has_an_interface(spare, here):
    hca = spare(ports=2)
    assert hca.add() == "ib0"
    assert hca.interface(1) == "ib1"
    for name, number in (("ib0", 0), ("ib1", 1)):
        assert lab.read(f"{NET}/{name}/dev_port") == str(number)
        assert lab.read(f"{NET}/{name}/dev_id") == f"{number:#x}"
        run("ip", "link", "set", name, "up")
        wait(lambda n=name: here.carrier(n), 30, f"{name} has no carrier")
    assert here.address("ib0")[4:] != here.address("ib1")[4:]


def test_who_reads_dev_id_is_told_of_dev_port(spare, log):
    """Once for an interface, and not for a first port's: 0 is 0."""
    hca = spare(ports=2)
    names = hca.add(), hca.interface(1)
    told = "^ib[01]: .*dev_port"
    assert not log.lines(told)
    for _ in range(2):
        for number, name in enumerate(names):
            assert run("head", "-n", "1", f"{NET}/{name}/dev_id") == \
                f"{number:#x}\n"
    lines = log.lines(told)
    assert len(lines) == 1 and lines == log.lines(told, "-l", "info")
    assert lines[0].startswith("ib1: ") and "head" in lines[0] and \
        "dev_id" in lines[0]


def test_an_interface_appears_in_the_initial_namespace(spare):
    """Also that of an HCA whose cable is in another."""
    hca = spare(plugged=False)
    cable = hca.cables[0][0]
    run("ip", "netns", "add", "elsewhere")
    try:
        run("ip", "link", "set", cable, "netns", "elsewhere")
        run("ip", "-n", "elsewhere", "link", "set", cable, "up")
        run("ip", "netns", "exec", "elsewhere", "rdma", "link", "add",
            hca.HCA, "type", "sib", "netdev", cable)
        assert hca.interface() == "ib0"
    finally:
        hca.delete()
        run("ip", "netns", "delete", "elsewhere")


def test_an_interface_goes_with_its_hca_even_while_it_is_up(spare):
    hca = spare()
    name = hca.add()
    run("ip", "link", "set", name, "up")
    hca.delete()
    assert not os.path.exists(f"{NET}/{name}")


def test_the_name_does_not_look_like_one_that_somebody_chose(h1):
    assert "Invalid argument" in h1.status(
        "cat", f"{NET}/ib0/name_assign_type")[1]


# Properties.

PROPERTIES = {
    "link_type": "infiniband", "txqlen": 256, "min_mtu": 0,
    "max_mtu": 65520, "num_tx_queues": 1 if lab.DRIVER == "stock" else 16,
    "num_rx_queues": 1, "promiscuity": 0,
}


def test_properties_of_a_parent(h1):
    link = h1.link()
    assert {k: link[k] for k in PROPERTIES} == PROPERTIES
    assert set(link["flags"]) == {"BROADCAST", "MULTICAST", "UP", "LOWER_UP"}
    assert link["linkinfo"] == {"info_kind": "ipoib", "info_data": {
        "key": "0xffff", "mode": "datagram", "umcast": "0000"}}
    assert "link" not in link
    assert h1.sysfs("type") == "32" and h1.sysfs("addr_len") == "20"
    assert h1.sysfs("iflink") == h1.sysfs("ifindex")


def test_the_hard_header_has_24_octets(h1, h2):
    short = h2.address() + b"\x08\0\0"
    assert packet_send(h1, "raw", 0x0800, short) == 22  # EINVAL
    assert packet_send(h1, "raw", 0x0800, short + bytes(60)) == 0


FEATURES = {
    "vlan-challenged": "on [fixed]", "highdma": "on [fixed]",
    "tx-scatter-gather": "on [fixed]",
    "generic-segmentation-offload": "on", "generic-receive-offload": "on",
    "tx-checksum-ipv4": "on", "tx-tcp-segmentation": "on",
    "rx-checksumming": "on", "tx-checksum-ipv6": "off [fixed]",
    "tx-tcp6-segmentation": "off [fixed]", "receive-hashing": "off [fixed]",
    "ntuple-filters": "off [fixed]", "netns-local": "off [fixed]",
}


def features(host, dev="ib0"):
    """ethtool -k as a dictionary."""
    return dict(re.findall(r"^\s*([\w-]+): (.*\S)",
                           host.run("ethtool", "-k", dev), re.M))


def test_features_are_those_of_the_hca(h1):
    found = features(h1)
    assert {k: found[k] for k in FEATURES if k in found} == \
        {k: v for k, v in FEATURES.items() if k in found}
    assert {"vlan-challenged", "tx-scatter-gather"} <= set(found)


def test_two_send_sges_are_enough_for_scatter_gather(spare, here):
    """The least that an HCA here can have."""
    lab.write("/sys/module/sib/parameters/send_sge", "2")
    try:
        name = spare().add()
        assert features(here, name)["tx-scatter-gather"] == "on [fixed]"
    finally:
        lab.write("/sys/module/sib/parameters/send_sge", "32")


def test_the_mtu_before_any_join_is_what_the_port_allows(spare):
    """Those of the other hosts, before theirs, is in test_mtu.py."""
    name = spare(plugged=False, mtu=2048).add()
    assert lab.read(f"{NET}/{name}/mtu") == "2044"


# Addresses.

def qpns(host):
    """QPNs of UD QPs that ib_ipoib has on a host's HCA."""
    out = run("rdma", "resource", "show", "qp", "link",
              f"{host.hca}/1")
    return {int(re.search(r"lqpn (\d+)", l)[1]) for l in out.splitlines()
            if "type UD" in l and "[ib_ipoib]" in l}


def test_the_address_is_flags_qpn_prefix_and_port_guid(hosts):
    for host in hosts:
        address = host.address()
        gid = lab.read(f"/sys/class/infiniband/{host.hca}/ports/1/gids/0")
        assert address[4:] == bytes.fromhex(gid.replace(":", "")) == \
            PREFIX + guid(host.hca)
        assert int.from_bytes(address[1:4], "big") in qpns(host)
    assert len({h.address()[1:4] for h in hosts}) > 1


def test_who_accepts_reliable_connections_says_so_in_either_mode(hosts):
    assert {h.address()[0] for h in hosts} == {0x80}


def test_only_the_rc_flag_may_be_set(hosts):
    assert all(h.address()[0] & 0x7f == 0 for h in hosts)


def test_addresses_in_sysfs_are_twenty_lower_case_pairs(h1):
    for file in ("address", "broadcast"):
        assert re.fullmatch(r"([0-9a-f]{2}:){19}[0-9a-f]{2}", h1.sysfs(file))


def test_the_broadcast_address_is_of_link_local_scope(hosts):
    for host in hosts:
        assert host.sysfs("broadcast") == \
            "00:ff:ff:ff:ff:12:40:1b:ff:ff:00:00:00:00:00:00:ff:ff:ff:ff"


def test_multicast_addresses_of_the_stack(h1):
    """RFC 4391 section 4, as /proc/net/dev_mcast has it."""
    rows = {l.split()[4] for l in h1.run(
        "cat", "/proc/net/dev_mcast").splitlines() if " ib0 " in l}
    assert "00ffffffff12401bffff00000000000000000001" in rows
    assert "00ffffffff12601bffff00000000000000000001" in rows
    shown = h1.run("ip", "maddr", "show", "dev", "ib0")
    for row in rows:
        assert ":".join(re.findall("..", row)) in shown


MEMBER = """
import socket, struct, sys
index = struct.pack("@i", socket.if_nametoindex("ib0"))
members = []
for group in sys.argv[1:]:
    family = socket.AF_INET6 if ":" in group else socket.AF_INET
    members.append(socket.socket(family, socket.SOCK_DGRAM))
    if family == socket.AF_INET6:
        members[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                               socket.inet_pton(family, group) + index)
    else:
        members[-1].setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                               socket.inet_aton(group) + bytes(4) + index)
print(open("/proc/net/dev_mcast").read())
"""
VECTORS = {
    "224.0.0.2": "401bffff00000000000000000002",
    "239.1.2.3": "401bffff0000000000000f010203",
    "239.255.255.250": "401bffff0000000000000ffffffa",
    "ff05::1:3": "601bffff00000000000000010003",
    "ff3e:40:2001:db8:1234:5678:9abc:def0": "601bffff0db8123456789abcdef0",
}


def test_vectors_of_multicast_addresses(h1):
    """Join, and see what the stack asks of the interface."""
    shown = h1.run("python3", "-c", MEMBER, *VECTORS)
    for address in VECTORS.values():
        assert "00ffffffff12" + address in shown


# Changing the address, section 9.

@pytest.fixture
def idle(spare):
    """The name of a parent that is down, and its HCA."""
    hca = spare()
    return hca.add(), hca


def octets(text):
    """An address as ip wants it."""
    return ":".join(f"{b:02x}" for b in text)


def set_address(name, address):
    """Exit status and what ip said."""
    return status("ip", "link", "set", name, "address", octets(address))


OTHER = bytes.fromhex("025b00fffe020099")


def test_flags_qpn_and_prefix_are_not_the_administrators(idle, here):
    name, _ = idle
    before = here.address(name)
    for at in (0, 1, 3, 4, 11):
        wanted = bytearray(before[:12] + OTHER)
        wanted[at] ^= 1
        code, out = set_address(name, wanted)
        assert code and "Invalid argument" in out
    code, out = set_address(name, before[:12] + bytes(8))
    assert code and "Invalid argument" in out
    run("ip", "link", "set", name, "up")
    code, out = set_address(name, before[:12] + OTHER)
    assert code and "busy" in out
    assert here.address(name) == before


def test_gid_0_is_followed_again_after_an_identifier_of_ones_own(idle, here):
    name, _ = idle
    first = here.address(name)
    assert set_address(name, first[:12] + OTHER) == (0, "")
    assert here.address(name) == first[:12] + OTHER
    assert run("ethtool", "-P", name).split()[-1] == octets(first)
    assert set_address(name, first) == (0, "")
    run("ip", "link", "set", name, "up")
    wait(lambda: here.carrier(name), 20, "no carrier with the first address")
    assert here.address(name) == first


@pytest.mark.stock_differs("it waits for an event that ib_core does not pass "
                           "on for InfiniBand ports")
def test_an_identifier_of_ones_own_waits_for_the_port_to_have_it(idle, here):
    name, hca = idle
    assert set_address(name, here.address(name)[:12] + OTHER) == (0, "")
    run("ip", "link", "set", name, "up")
    wait(lambda: hca.port.is_active, 20, "the SM does not act")
    assert not here.carrier(name)
    hca.port.ask_for_guid(int.from_bytes(OTHER, "big"))
    wait(lambda: here.carrier(name), 20, "the GID is not noticed")
    members = run("saquery", "--smkey", 1, "-m")
    assert "fe80::25b:ff:fe02:99" in members
    assert "fe80::5b:ff:fe02:9\n" not in members


def test_an_identifier_that_the_port_has_not_gives_no_carrier(idle, here):
    """Seen by another interface of the fabric that comes up after it."""
    name, hca = idle
    set_address(name, here.address(name)[:12] + OTHER)
    run("ip", "link", "set", name, "up")
    wait(lambda: hca.port.is_active, 20, "the SM does not act")
    members = wait(lambda: run("saquery", "--smkey", 1, "-m"), 5, "no SA")
    assert "fe02:99" not in members and "fe80::5b:ff:fe02:9" not in members
    assert not here.carrier(name)
    assert lab.read(f"{NET}/{name}/carrier_up_count") == "0"


def test_a_changed_address_is_announced(idle, here):
    name, _ = idle
    wanted = here.address(name)[:12] + OTHER
    child = monitor("link")
    try:
        assert set_address(name, wanted) == (0, "")
        assert any(octets(wanted) in line for line in child.stdout)
    finally:
        lab.stop(child)


# Counters.

FIRST = ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "tx_errors",
         "rx_dropped", "tx_dropped", "multicast")


def ip_stats(host):
    """What ip -s says, by the names of ethtool -S."""
    stats = host.link()["stats64"]
    found = {f"{way}_{k}": stats[way][k] for way in ("rx", "tx")
             for k in ("packets", "bytes", "errors", "dropped")}
    return found | {"multicast": stats["rx"]["multicast"]}


def test_the_first_eight_counters_are_those_of_ip(hosts):
    h1, h4 = hosts[0], hosts[3]
    h1.reach(h4)
    names = list(h1.ethtool_stats())
    assert tuple(names[:8]) == FIRST

    def equal():
        ethtool, ip = h1.ethtool_stats(), ip_stats(h1)
        return {k: ethtool[k] for k in FIRST} == {k: ip[k] for k in FIRST}
    wait(equal, 5, "ethtool and ip differ")


def test_packets_and_octets_are_counted_once(h1, h4):
    h1.reach(h4)
    h4.reach(h1)
    before = ip_stats(h1)
    assert h1.ping(h4.v4, 200, 1000) == 0
    after = ip_stats(h1)
    grown = {k: after[k] - before[k] for k in after}
    # A few packets of others: neighbour discovery.
    assert 200 <= grown["rx_packets"] < 210
    assert 200 <= grown["tx_packets"] < 210
    # 1028 octets of IPv4; the encapsulation header may count.
    for way in ("rx", "tx"):
        assert 200 * 1028 <= grown[f"{way}_bytes"] < 200 * 1032 + 2000
    assert not grown["tx_dropped"] and not grown["rx_dropped"]


def test_multicast_counts_no_broadcasts(h1, h4):
    h4.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_broadcasts=1")
    h1.reach(h4)
    before = ip_stats(h4)["multicast"]
    h1.run("ping", "-c", 20, "-i", "0.01", "-W", "0.1", "-b",
           "198.51.100.255", check=False)
    wait(lambda: ip_stats(h4)["rx_packets"] >= 20, 5, "not heard")
    assert ip_stats(h4)["multicast"] - before < 5
    h1.run("ping", "-c", 20, "-i", "0.01", "-W", "0.1", "-I", "ib0",
           "224.0.0.1", check=False)
    wait(lambda: ip_stats(h4)["multicast"] - before >= 20, 5, "not counted")


# Events and topology.

def test_uevents_of_an_interface(spare):
    hca = spare()
    with Uevents() as events:
        name = hca.add()
        added = wait(lambda: events.of(name, "add"), 5, "no add")[0]
        assert "DEVTYPE" not in added
        run("ip", "link", "set", name, "name", "ibspare")
        moved = wait(lambda: events.of("ibspare", "move"), 5, "no move")[0]
        assert moved["DEVPATH_OLD"].endswith(f"/net/{name}")
        hca.delete()
        wait(lambda: events.of("ibspare", "remove"), 5, "no remove")


@pytest.mark.stock_differs("it adds them after the event: rules of udev may "
                           "come too early")
def test_attributes_are_there_when_the_add_event_is_sent(h1):
    """sysfs numbers files in the order of their making; the directory
    "power" is made before the event is sent."""
    names = ("pkey", "mode", "umcast", "power", "queues")
    inode = dict(zip(names, map(int, h1.run(
        "stat", "-c", "%i", *(f"{NET}/ib0/{f}" for f in names)).split())))
    for file in names[:3]:
        assert inode[file] < inode["power"] < inode["queues"]


def test_a_parent_lies_below_the_device_of_its_hca(hosts):
    for host in hosts:
        device = os.path.realpath(f"/sys/class/infiniband/{host.hca}/device")
        assert host.run("readlink", "-f",
                        f"{NET}/ib0/device").strip() == device
        assert host.sysfs("dev_port") == "0" and host.sysfs("dev_id") == "0x0"
        assert "DEVTYPE" not in host.sysfs("uevent")


# Namespaces, deletion.

def test_a_parent_survives_its_deletion(h1, h2):
    assert h1.status("ip", "link", "delete", "ib0") == (0, "")
    assert h1.ping(h2.v4) == 0


def test_a_parent_comes_back_when_its_namespace_dies(spare, here):
    name = spare().add()
    index = lab.read(f"{NET}/{name}/ifindex")
    run("ip", "netns", "add", "shortlived")
    run("ip", "link", "set", name, "netns", "shortlived")
    assert not os.path.exists(f"{NET}/{name}")
    run("ip", "netns", "delete", "shortlived")
    wait(lambda: os.path.exists(f"{NET}/{name}"), 10, "it does not come back")
    assert lab.read(f"{NET}/{name}/ifindex") == index
    run("ip", "link", "set", name, "up")
    wait(lambda: here.carrier(name), 20, "no carrier")


def test_a_parent_that_comes_back_to_a_taken_name_gets_another(spare):
    name = spare().add()
    index = lab.read(f"{NET}/{name}/ifindex")
    run("ip", "netns", "add", "shortlived")
    run("ip", "link", "set", name, "netns", "shortlived")
    run("ip", "link", "add", name, "type", "dummy")
    try:
        run("ip", "netns", "delete", "shortlived")
        wait(lambda: os.path.exists(f"{NET}/dev{index}"), 10,
             "it does not come back")
        assert lab.read(f"{NET}/dev{index}/type") == "32"
    finally:
        run("ip", "link", "delete", name)


# Changes through netlink, section 7.

def netlink(host, *what):
    """ip link set ib0 type ipoib ...: exit status and what ip said."""
    return host.status("ip", "link", "set", "ib0", "type", "ipoib", *what)


def test_umcast_is_changed_through_netlink(h1):
    assert netlink(h1, "umcast", 1) == (0, "")
    try:
        assert h1.sysfs("umcast") == "1"
        assert h1.link()["linkinfo"]["info_data"]["umcast"] == "0001"
    finally:
        assert netlink(h1, "umcast", 0) == (0, "")
    assert h1.sysfs("umcast") == "0"


def test_the_present_mode_is_accepted_through_netlink(h1, h2):
    assert netlink(h1, "mode", "datagram") == (0, "")
    assert h1.ping(h2.v4) == 0


def test_a_pkey_in_a_change_is_ignored(h1):
    assert netlink(h1, "pkey", "0x8001") == (0, "")
    assert h1.sysfs("pkey") == "0xffff"


# What unprivileged users may not, RFC 4391 section 13.

def test_nobody_may_not_write(h1):
    writes = [("mode", "datagram\n"), ("umcast", "1\n"), ("pkey", "0x8001\n"),
              ("create_child", "0x8001\n"), ("delete_child", "0x8001\n"),
              ("mtu", "1000\n")]
    found = write_all(h1, writes, nobody=True)
    assert {result for result, _ in found} <= {"EACCES", "ENOENT"}
    assert (h1.sysfs("umcast"), h1.link()["mtu"]) == ("0", 2044)


def test_nobody_may_not_change_a_link(h1):
    address = octets(h1.address()[:12] + OTHER)
    for change in (("address", address), ("down",), ("mtu", "1000"),
                   ("type", "ipoib", "umcast", "1"), ("multicast", "off")):
        code, out = h1.status("setpriv", "--reuid", "65534", "--regid",
                              "65534", "--clear-groups", "--", "ip", "link",
                              "set", "ib0", *change)
        assert code and "not permitted" in out, change
    assert h1.carrier()


def test_nobody_may_not_speak_to_the_sm(hosts):
    for device in ("umad0", "issm0"):
        code, out = status("setpriv", "--reuid", "65534", "--clear-groups",
                           "--", "dd", f"if=/dev/infiniband/{device}",
                           "count=1")
        assert code and "Permission denied" in out


def test_the_driver_unbound_and_bound_leaves_a_working_host(hosts):
    h1, h4 = hosts[0], hosts[3]
    before = h4.address()
    run("rdma", "link", "delete", h4.hca, timeout=60)
    run("rdma", "link", "add", h4.hca, "type", "sib", "netdev", "h4-sw2")
    set_up(h4)
    wait(h4.carrier, 20, "no carrier")
    assert h4.address()[4:] == before[4:]
    h4.reach(h1)
