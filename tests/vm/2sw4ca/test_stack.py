# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The rest of the stack on top of an interface: packet sockets, tcpdump,
devices that go above or beside it, queueing, neighbours, address generation.
"""

import glob
import json
import re
import socket

import pytest

from tests.vm import lab
from tests.vm.ifwire import Capture, IPV4, cable_of, packet_send
from tests.vm.iftools import restore_v6
from tests.vm.lab import run, wait

# Packet sockets.

SNIFFER = """
import socket, sys
s = socket.socket(socket.AF_PACKET, getattr(socket, sys.argv[1]),
                  socket.htons(int(sys.argv[2], 0)))
s.bind(("ib0", int(sys.argv[2], 0)))
s.settimeout(20)
print("ready", flush=True)
while True:
    data, (name, proto, kind, hatype, address) = s.recvfrom(4096)
    if kind != 4:
        print(data.hex(), hex(proto), kind, hatype, address.hex(), flush=True)
        break
"""


class Sniffer:
    """What a packet socket of a host receives first."""

    def __init__(self, host, kind, proto):
        self.child = host.popen("python3", "-c", SNIFFER, kind, proto)
        assert self.child.stdout.readline() == "ready\n"

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        lab.stop(self.child)

    def take(self):
        """Octets, protocol, packet type and hardware type."""
        data, proto, kind, hatype, *_ = self.child.stdout.readline().split()
        return bytes.fromhex(data), int(proto, 16), int(kind), int(hatype)


DATA = bytes(range(100))
TIPC = 0x88ca
TO_HOST, TO_BROADCAST, TO_MULTICAST = range(3)


def test_a_datagram_socket_gets_what_follows_the_header(h1, h2):
    with Sniffer(h2, "SOCK_DGRAM", TIPC) as sniffer:
        assert packet_send(h1, h2.address(), TIPC, DATA) == 0
        assert sniffer.take() == (DATA, TIPC, TO_HOST, 32)


def test_a_raw_socket_sees_twenty_zero_octets_and_the_header(h1, h2):
    with Sniffer(h2, "SOCK_RAW", TIPC) as sniffer:
        assert packet_send(h1, h2.address(), TIPC, DATA) == 0
        data, proto, kind, _ = sniffer.take()
    assert data == bytes(20) + b"\x88\xca\0\0" + DATA
    assert (proto, kind) == (TIPC, TO_HOST)


def test_a_raw_socket_sends_what_it_is_given(h1, h2):
    with Sniffer(h2, "SOCK_DGRAM", TIPC) as sniffer:
        assert packet_send(h1, "raw", TIPC,
                           h2.address() + b"\x88\xca\0\0" + DATA) == 0
        assert sniffer.take()[0] == DATA


def test_a_broadcast_is_known_by_its_group(h1, h2):
    with Sniffer(h2, "SOCK_DGRAM", TIPC) as sniffer:
        broadcast = bytes.fromhex(h1.link()["broadcast"].replace(":", ""))
        assert packet_send(h1, broadcast, TIPC, DATA) == 0
        assert sniffer.take() == (DATA, TIPC, TO_BROADCAST, 32)


def test_a_multicast_is_known_by_its_group(h1, h2):
    address = bytes.fromhex("00ffffffff12401bffff00000000000000000001")
    with Sniffer(h2, "SOCK_DGRAM", TIPC) as sniffer:
        assert packet_send(h1, address, TIPC, DATA) == 0
        assert sniffer.take() == (DATA, TIPC, TO_MULTICAST, 32)


def test_the_pkey_of_a_multicast_address_is_the_interfaces_own(h1, h2):
    """Whatever the sender wrote there."""
    address = bytes.fromhex("00ffffffff12401b123400000000000000000001")
    with Sniffer(h2, "SOCK_DGRAM", TIPC) as sniffer:
        assert packet_send(h1, address, TIPC, DATA) == 0
        assert sniffer.take()[0] == DATA


def test_tcpdump_shows_what_comes_and_goes(h1, h2):
    child = h1.popen("tcpdump", "-l", "-n", "-i", "ib0", "icmp")
    try:
        for line in child.stdout:
            if "listening on ib0" in line:
                break
        assert h1.ping(h2.v4, 3) == 0
        wait(lambda: h1.ping(h2.v4, 1) == 0, 5, "no ping")
    finally:
        out = lab.stop(child)
    assert f"{h1.v4} > {h2.v4}: ICMP echo request" in out
    assert f"{h2.v4} > {h1.v4}: ICMP echo reply" in out


# Devices above and beside.

def refused(host, *command):
    """What a command said that had to fail."""
    code, out = host.status(*command)
    assert code, f"{command} was accepted: {out}"
    return out


def test_vlan_macvlan_and_bridge_are_refused(h1, h2):
    try:
        assert "not supported" in refused(
            h1, "ip", "link", "add", "link", "ib0", "name", "ib0.5", "type",
            "vlan", "id", 5)
        refused(h1, "ip", "link", "add", "link", "ib0", "name", "mv0",
                "type", "macvlan")
        h1.ip("link", "add", "br0", "type", "bridge")
        refused(h1, "ip", "link", "set", "ib0", "master", "br0")
    finally:
        h1.run("ip", "link", "del", "br0", check=False)
    assert h1.ping(h2.v4) == 0


@pytest.mark.ours
def test_the_mode_of_a_port_of_a_team_stays(hosts, h4):
    """A team allows no other MTU below it, and so no other mode."""
    h4.ip("link", "add", "link", "ib0", "name", "x", "type", "ipoib")
    h4.ip("link", "add", "team0", "type", "team")
    try:
        h4.ip("link", "set", "x", "master", "team0")
        mtu = h4.link("x")["mtu"]
        set_connected = ("ip", "link", "set", "x", "type", "ipoib", "mode",
                         "connected")
        assert h4.status(*set_connected)[0]
        assert (h4.sysfs("mode", "x"), h4.link("x")["mtu"]) == \
            ("datagram", mtu)
        h4.ip("link", "set", "x", "nomaster")
        h4.run(*set_connected)
        assert (h4.sysfs("mode", "x"), h4.link("x")["mtu"]) == \
            ("connected", 65520)
    finally:
        h4.run("ip", "link", "delete", "team0", check=False)
        h4.ip("link", "delete", "x")


def bond(host):
    """A bond of the host's ib0; its addresses move to it."""
    host.ip("link", "add", "bond0", "type", "bond", "mode", "active-backup",
            "fail_over_mac", "active", "miimon", "100")
    host.ip("link", "set", "ib0", "down")
    host.ip("link", "set", "ib0", "master", "bond0")
    host.ip("address", "flush", "dev", "ib0")
    host.ip("address", "add", f"{host.v4}/24", "dev", "bond0")
    host.ip("address", "add", f"{host.v6}/64", "dev", "bond0", "nodad")
    host.ip("link", "set", "bond0", "up")


def unbond(host):
    """Undo bond()."""
    host.run("ip", "link", "del", "bond0", check=False)
    host.ip("address", "replace", f"{host.v4}/24", "dev", "ib0")
    host.ip("link", "set", "ib0", "up")
    restore_v6(host)


def test_a_bond_takes_it_as_active_backup(hosts):
    h1, h4 = hosts[0], hosts[3]
    try:
        bond(h4)
        wait(lambda: h4.carrier("bond0"), 20, "the bond has no carrier")
        shown = h4.link("bond0")
        assert shown["link_type"] == "infiniband"
        assert shown["address"] == h4.link()["address"]
        assert shown["broadcast"] == h4.link()["broadcast"]
        h1.ip("neigh", "flush", "dev", "ib0")
        h1.reach(h4)
        h4.reach(h1)
    finally:
        unbond(h4)


def test_a_bond_without_fail_over_mac_sets_it_by_itself(h4):
    """Addresses cannot be set, so the bond has its slave's."""
    try:
        h4.ip("link", "add", "bond0", "type", "bond", "mode",
              "active-backup")
        h4.ip("link", "set", "ib0", "down")
        h4.ip("link", "set", "ib0", "master", "bond0")
        assert h4.link("bond0")["linkinfo"]["info_data"]["fail_over_mac"] \
            == "active"
    finally:
        unbond(h4)


def test_a_bond_in_another_mode_refuses_it(h4):
    try:
        h4.ip("link", "add", "bond0", "type", "bond", "mode", "balance-rr")
        h4.ip("link", "set", "ib0", "down")
        refused(h4, "ip", "link", "set", "ib0", "master", "bond0")
    finally:
        unbond(h4)


def test_a_bond_is_not_taken_for_one_of_ours(h4):
    """Its link type is ours, too."""
    try:
        bond(h4)
        assert h4.link("bond0")["link_type"] == "infiniband"
        refused(h4, "ip", "link", "set", "bond0", "type", "ipoib", "umcast",
                1)
        assert not glob.glob("/sys/kernel/debug/ipoib/bond0*")
    finally:
        unbond(h4)


def test_a_vrf_takes_it(hosts):
    h1, h4 = hosts[0], hosts[3]
    try:
        h4.ip("link", "add", "red", "type", "vrf", "table", 10)
        h4.ip("link", "set", "red", "up")
        h4.ip("link", "set", "ib0", "master", "red")
        h4.ip("address", "replace", f"{h4.v6}/64", "dev", "ib0", "nodad")
        h1.reach(h4)
        out = h4.run("ping", "-I", "red", "-c", 1, "-W", 2, h1.v4)
        assert " 0% packet loss" in out
    finally:
        h4.run("ip", "link", "del", "red", check=False)
        restore_v6(h4)


# Queueing.

def test_the_destination_survives_queueing_and_reordering(hosts):
    """Streams to three hosts, through fq_codel below a netem that reorders:
    each packet goes to the QP and the LID of the host in its IP header."""
    h1, others = hosts[0], hosts[1:]
    for host in others:
        h1.reach(host)
    h1.run("tc", "qdisc", "replace", "dev", "ib0", "root", "handle", "1:",
           "netem", "delay", "1ms", "1ms", "reorder", "30%", "limit", 10000)
    h1.run("tc", "qdisc", "add", "dev", "ib0", "parent", "1:", "fq_codel")
    servers = [h.popen("iperf3", "-s", "-1") for h in others]
    try:
        for host in others:
            wait(lambda h=host: ":5201 " in h.run("ss", "-ltn"), 10,
                 "iperf3 does not listen")
        with Capture(cable_of(h1)) as wire:
            clients = [h1.popen("iperf3", "-c", h.v4, "-n", "300K")
                       for h in others]
            for client in clients:
                client.communicate(timeout=60 * lab.SLOW)
            found = wire.find(lambda p: not p.is_mad and p.type == IPV4, True)
    finally:
        h1.run("tc", "qdisc", "del", "dev", "ib0", "root")
        for server in servers:
            lab.stop(server)
    places = {}
    for packet in found:
        to = socket.inet_ntoa(packet.data[16:20])
        places.setdefault(to, set()).add((packet.dqpn, packet.dlid))
    assert places == {h.v4: {(int.from_bytes(h.address()[1:4], "big"),
                              lab.lid(h.hca))} for h in others}
    assert len(found) > 300


def test_an_ingress_filter_and_a_redirect(hosts):
    """tc sees packets without their link header."""
    h1, h2 = hosts[:2]
    h1.reach(h2)
    try:
        h2.run("tc", "qdisc", "add", "dev", "ib0", "ingress")
        h2.run("tc", "filter", "add", "dev", "ib0", "parent", "ffff:",
               "protocol", "ip", "u32", "match", "ip", "src",
               f"{h1.v4}/32", "match", "ip", "protocol", "1", "0xff",
               "action", "drop")
        assert h1.ping(h2.v4, 2, limit=1) == 2
        assert h1.ping(h2.v6, 2) == 0
    finally:
        h2.run("tc", "qdisc", "del", "dev", "ib0", "ingress")
    assert h1.ping(h2.v4, 2) == 0


# Neighbours and ARP.

def test_neighbours_have_twenty_octets(hosts):
    h1 = hosts[0]
    for host in hosts[1:]:
        h1.reach(host)
        for target in (host.v4, host.v6):
            entry = json.loads(h1.run("ip", "-j", "neigh", "show",
                                      target))[0]
            assert entry["lladdr"] == host.link()["address"]


def test_a_neighbour_entered_by_hand_is_used(h1, h2):
    h1.ip("neigh", "replace", "198.51.100.50", "lladdr",
          h2.link()["address"], "dev", "ib0", "nud", "permanent")
    h2.ip("address", "add", "198.51.100.50/32", "dev", "lo")
    try:
        assert h1.ping("198.51.100.50", 3) == 0
    finally:
        h2.ip("address", "del", "198.51.100.50/32", "dev", "lo")
        h1.ip("neigh", "del", "198.51.100.50", "dev", "ib0")


def test_arping_hears_the_twenty_octets(h1, h2):
    out = h1.run("arping", "-c", 2, "-I", "ib0", h2.v4)
    assert out.upper().count(f"[{h2.link()['address'].upper()}]") == 2


def test_arp_can_be_switched_off_and_on(h1, h2):
    h1.ip("link", "set", "ib0", "arp", "off")
    try:
        assert "NOARP" in h1.link()["flags"]
    finally:
        h1.ip("link", "set", "ib0", "arp", "on")
    h1.reach(h2)


def test_duplicate_addresses_are_not_imagined(h1, h2):
    """Our own multicasts, reflected by the HCA, are not heard."""
    h1.run("sysctl", "-qw", "net.ipv6.conf.ib0.accept_dad=1")
    h1.ip("address", "add", "2001:db8::1234/64", "dev", "ib0")
    try:
        def flags():
            return h1.run("ip", "-6", "address", "show", "dev", "ib0", "to",
                          "2001:db8::1234")
        wait(lambda: "tentative" not in flags(), 10, "it stays tentative")
        assert "dadfailed" not in flags() and "2001:db8::1234" in flags()
    finally:
        h1.ip("address", "del", "2001:db8::1234/64", "dev", "ib0")


def test_a_real_duplicate_address_is_found(h1, h2):
    h1.run("sysctl", "-qw", "net.ipv6.conf.ib0.accept_dad=1")
    h1.ip("address", "add", f"{h2.v6}/64", "dev", "ib0")
    try:
        wait(lambda: "dadfailed" in h1.run(
            "ip", "-6", "address", "show", "dev", "ib0"), 10,
            "the duplicate is not found")
    finally:
        h1.ip("address", "del", f"{h2.v6}/64", "dev", "ib0")


# Link-local addresses, RFC 4391 section 8 and RFC 8064.

def link_local(name):
    """Link-local addresses of an interface of this namespace."""
    return re.findall(r"inet6 (fe80\S+)/64", run(
        "ip", "-6", "address", "show", "dev", name))


@pytest.mark.parametrize("mac, address", (
    # A GUID as it is assigned: the u bit is set in the identifier.
    ("02:02:c9:03:10:09", "fe80::202:c9ff:fe03:1009"),
    # One that is in the modified form already: it stays.
    ("00:02:c9:03:10:09", "fe80::202:c9ff:fe03:1009"),
    ("02:5b:00:02:00:09", "fe80::25b:ff:fe02:9"),
), ids=("unmodified", "modified", "lab"))
def test_the_identifier_comes_from_the_guid(spare, here, mac, address):
    name = spare(mac=mac).add()
    run("ip", "link", "set", name, "addrgenmode", "eui64")
    run("ip", "link", "set", name, "up")
    wait(lambda: link_local(name) == [address], 20,
         f"no link-local address: {link_local(name)}")


@pytest.mark.parametrize("number, mode", ((0, "eui64"), (1, "none"),
                                          (3, "random")))
def test_the_stacks_policy_on_identifiers_holds(spare, here, number, mode):
    """RFC 8064: the driver forces neither."""
    run("sysctl", "-qw", f"net.ipv6.conf.default.addr_gen_mode={number}")
    try:
        name = spare(plugged=False).add()
        assert here.link(name)["inet6_addr_gen_mode"] == mode
        for other in ("eui64", "random", "none"):
            run("ip", "link", "set", name, "addrgenmode", other)
            assert here.link(name)["inet6_addr_gen_mode"] == other
    finally:
        run("sysctl", "-qw", "net.ipv6.conf.default.addr_gen_mode=0")


def test_an_opaque_identifier_is_not_the_guid(spare, here):
    """RFC 7217."""
    name = spare().add()
    run("ip", "link", "set", name, "addrgenmode", "random")
    run("ip", "link", "set", name, "up")
    wait(lambda: here.carrier(name), 20, "no carrier")
    found = wait(lambda: link_local(name), 10, "no link-local address")
    assert "fe80::25b:ff:fe02:9" not in found


# Flags.

def test_flags_can_be_set_and_do_no_harm(h1, h2):
    for flag, name in (("promisc", "PROMISC"), ("allmulticast", "ALLMULTI"),
                       ("multicast", "MULTICAST")):
        before = name in h1.link()["flags"]
        for state in ("on", "off"):
            h1.ip("link", "set", "ib0", flag, state)
            assert (name in h1.link()["flags"]) == (state == "on")
            assert h1.ping(h2.v4) == 0
        h1.ip("link", "set", "ib0", flag, "on" if before else "off")
