# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Offloads of datagram mode: checksums, and TCP that the HCA cuts. What is on
the cable is looked at by other code than that which has made it.
"""

import contextlib
import re
import socket
import struct

import pytest

from tests.vm import inject, lab
from tests.vm.ifwire import Capture, cable_of
from tests.vm.inject import Place, checksum, datagram, encap, ipv4
from tests.vm.lab import run, wait
from tests.vm.netns import PORT, inside
from tests.vm.tracing import Trace

pytestmark = pytest.mark.ours

OURS = "tx-checksum-ipv4", "rx-checksumming", "tcp-segmentation-offload"
TCP, UDP = 6, 17
# Nobody's address: no answer disturbs.
SILENT = "198.51.100.77"
# of linux/tcp.h
REPAIR, REPAIR_QUEUE, QUEUE_SEQ, REPAIR_WINDOW = 19, 20, 21, 29
NO_PROBE, RECV_QUEUE, SEND_QUEUE = -1, 1, 2
SEQ, ACK = 0x7ffffff0, 0x2000


def features(host, dev="ib0"):
    """What ethtool -k says: name to value, "[fixed]" included."""
    out = host.run("ethtool", "-k", dev)
    return dict(re.findall(r"^\s*([\w-]+): (.*?)\s*$", out, re.M))


@contextlib.contextmanager
def switched(host, *settings):
    """With these, as ethtool -K has them; on again at the end."""
    host.run("ethtool", "-K", "ib0", *settings)
    try:
        yield
    finally:
        host.run("ethtool", "-K", "ib0", "rx", "on", "tx", "on", "tso", "on")


def is_right(data):
    """The checksums of an IPv4 packet, octet by octet."""
    hlen = (data[0] & 15) * 4
    body = data[hlen:int.from_bytes(data[2:4], "big")]
    pseudo = data[12:20] + struct.pack("!BBH", 0, data[9], len(body))
    return checksum(data[:hlen]) == 0 and checksum(pseudo + body) == 0


def ip_packets(wire, src, dst, protocol):
    """What was sent on a cable between two addresses, from the IP header on."""
    found = wire.find(lambda p: p.is_ip(src, dst) and
                      p.data[9] == protocol, sent=True)
    return [p.data[:int.from_bytes(p.data[2:4], "big")] for p in found]


# --- switches

def test_what_the_hca_can_do_is_on(h1):
    known = features(h1)
    for name in OURS:
        assert known[name] == "on"
    # The HCA says of no other that it can.
    assert known["tx-checksum-ipv6"] == "off [fixed]"
    assert known["tx-tcp6-segmentation"] == "off [fixed]"
    assert known["generic-receive-offload"] == "on"


@pytest.mark.parametrize("option, name", [
    ("tx", OURS[0]), ("rx", OURS[1]), ("tso", OURS[2])])
def test_each_can_be_switched_under_way(h1, h2, option, name):
    h1.reach(h2)
    with switched(h1, option, "off"):
        assert features(h1)[name] == "off"
        h1.ping(h2.v4, count=2, size=1400)
    assert features(h1)[name] == "on"


def test_without_checksums_nothing_is_cut(h1):
    with switched(h1, "tx", "off"):
        assert features(h1)[OURS[2]].startswith("off")


def test_children_have_what_their_parent_has(h1, child):
    known = features(h1, child.dev)
    assert [known[name] for name in OURS] == ["on"] * 3


def test_connected_mode_has_none_and_datagram_mode_gets_them_back(h1):
    h1.sysfs_write("mode", "connected")
    try:
        known = features(h1)
        assert known[OURS[0]].startswith("off")
        assert known[OURS[2]].startswith("off")
        assert known[OURS[1]] == "on"
    finally:
        h1.sysfs_write("mode", "datagram")
    assert [features(h1)[name] for name in OURS] == ["on"] * 3


@pytest.fixture
def less(here, spare):
    """An HCA without some of its abilities: the features of its ib0."""
    parameters = "/sys/module/sib/parameters"
    before = {name: lab.read(f"{parameters}/{name}")
              for name in ("csum", "lso")}

    def make(name):
        lab.write(f"{parameters}/{name}", "0")
        return features(here, spare(plugged=False).add())

    yield make
    for name, value in before.items():
        lab.write(f"{parameters}/{name}", value)


def test_an_hca_without_checksums_has_no_offload(less):
    known = less("csum")
    assert [known[name] for name in OURS] == ["off [fixed]", "off [fixed]", "off"]


def test_an_hca_that_cannot_cut_has_checksums(less):
    known = less("lso")
    assert [known[name] for name in OURS] == ["on", "on", "off"]


# --- sending

def transfer(src, dst, octets):
    """Send over TCP, in large pieces; what arrived is what was sent."""
    data = bytes(range(251)) * (octets // 251)
    with inside(dst):
        listener = socket.create_server((dst.v4, 0))
    with inside(src):
        sender = socket.create_connection(listener.getsockname(), 10)
    with listener, sender:
        receiver, _ = listener.accept()
        with receiver:
            received = bytearray()
            receiver.settimeout(20)
            sender.setblocking(False)
            left = memoryview(data)
            while len(received) < len(data):
                with contextlib.suppress(BlockingIOError):
                    left = left[sender.send(left):]
                with contextlib.suppress(BlockingIOError):
                    received += receiver.recv(1 << 20, socket.MSG_DONTWAIT)
    return received == data


@pytest.mark.debug
@pytest.mark.parametrize("tso", ["on", "off"])
def test_checksums_of_tcp_are_right_on_the_cable(h1, h4, tso):
    h1.reach(h4)
    with switched(h1, "tso", tso), Capture(cable_of(h1)) as wire:
        assert transfer(h1, h4, 400_000)
        packets = ip_packets(wire, h1.v4, h4.v4, TCP)
    assert len(packets) > 190
    assert all(map(is_right, packets))
    assert max(map(len, packets)) == int(h1.sysfs("mtu"))


@pytest.mark.parametrize("size", [0, 1, 2, 63, 1000, 2015, 2016])
def test_checksums_of_udp_are_right_on_the_cable(h1, h4, size):
    h1.reach(h4)
    with Capture(cable_of(h1)) as wire, inside(h1), \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"\xa5" * size, (h4.v4, PORT))
        packet = wait(lambda: ip_packets(wire, h1.v4, h4.v4, UDP), 5, "not sent")[0]
    assert len(packet) == 28 + size
    assert packet[26:28] != b"\0\0"
    assert is_right(packet)


def repaired(host, peer, port):
    """A connection that only one side knows of, whose numbers are given."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # It is gone when it is closed.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.bind((host.v4, port))
    sock.setsockopt(socket.IPPROTO_TCP, REPAIR, 1)
    for queue, number in (SEND_QUEUE, SEQ), (RECV_QUEUE, ACK):
        sock.setsockopt(socket.IPPROTO_TCP, REPAIR_QUEUE, queue)
        sock.setsockopt(socket.IPPROTO_TCP, QUEUE_SEQ,
                        struct.pack("=I", number))
    sock.connect((peer, port))
    sock.setsockopt(socket.IPPROTO_TCP, REPAIR_WINDOW,
                    struct.pack("=IIIII", ACK, 60000, 60000, 60000, ACK))
    sock.setsockopt(socket.IPPROTO_TCP, REPAIR, struct.pack("=i", NO_PROBE))
    return sock


def burst(host, peer, data):
    """One write to such a connection: the packets that it makes, their
    identifications counted from the first one's."""
    with Capture(cable_of(host)) as wire, inside(host), \
            repaired(host, SILENT, 4242) as sock:
        sock.send(data)
        packets = wait(lambda: [
            p for p in (ip_packets(wire, host.v4, SILENT, TCP),)
            if sum(len(x) - 40 for x in p) >= len(data)], 5,
            f"not sent: {len(data)} octets")[0]
    assert all(map(is_right, packets))
    first = int.from_bytes(packets[0][4:6], "big")
    return [p[:4] + struct.pack("!H", int.from_bytes(p[4:6], "big") - first &
                                0xffff) + p[6:10] + p[12:] for p in packets]


def test_the_hca_cuts_as_the_stack_does(h1, h4):
    """Octet by octet, but for the identification that a connection begins
    with and the header's checksum over it. The sequence number overflows into
    its sign on the way."""
    h1.reach(h4)
    h1.ip("neigh", "replace", SILENT, "lladdr", h4.address().hex(":"), "dev",
          "ib0", "nud", "permanent")
    # What may go without an acknowledgment, of a connection that is told no
    # segment size.
    data = bytes(range(250)) * 20 + b"the end"
    with switched(h1, "tso", "off"):
        by_stack = burst(h1, h4, data)
    before = h1.ethtool_stats()
    by_hca = burst(h1, h4, data)
    after = h1.ethtool_stats()
    assert len(by_hca) == len(by_stack) > 8
    for ours, theirs in zip(by_hca, by_stack):
        assert ours == theirs
    # What is counted is what was on the wire.
    assert after["tx_packets"] - before["tx_packets"] >= len(by_hca)
    assert after["tx_bytes"] - before["tx_bytes"] >= \
        sum(map(len, by_hca)) + 4 * len(by_hca)


def test_large_pieces_reach_the_hca_whole(h1, h2):
    h1.reach(h2)
    with Trace("net/net_dev_start_xmit") as trace:
        assert transfer(h1, h2, 400_000)
        sizes = [int(text) for text in re.findall(
            r"len=(\d+)", "\n".join(trace.lines(pattern="dev=ib0 .*"
                                                "gso_type=0x1\\b")))]
    assert sizes and max(sizes) > 10_000


# --- receiving

def udp_with_sum(src, dst, wrong=0):
    """A datagram with a checksum, which may be wrong."""
    head = struct.pack("!HHHH", PORT, PORT, 12, 0)
    pseudo = socket.inet_aton(src.host.v4) + socket.inet_aton(dst.host.v4) + \
        struct.pack("!BBH", 0, UDP, 12)
    total = checksum(pseudo + head + b"data") + wrong & 0xffff
    body = head[:6] + struct.pack("!H", total) + b"data"
    return encap(0x0800, ipv4(src.host.v4, dst.host.v4, UDP, body))


def summed(trace, dev="ib0"):
    """ip_summed of what a device has handed up."""
    return [int(n) for text in trace.lines("napi_gro_receive_entry",
                                           f"dev={dev} ")
            for n in re.findall(r"ip_summed=(\d+)", text)]


def bad_sums(host):
    return int(host.snmp("Udp")["InCsumErrors"])


def test_who_has_verified_says_so(h1, h2):
    """And the stack takes his word for it; unless it is not to."""
    h2.reach(h1)
    src, dst = Place.of(h2), Place.of(h1)
    for option, expected in ("on", 1), ("off", 0):
        with switched(h1, "rx", option), inject.to_hca(h1, "sw1") as cable, \
                inject.receiver(h1, PORT) as sock, \
                Trace("net/napi_gro_receive_entry") as trace:
            cable.send(datagram(src, dst, udp_with_sum(src, dst)))
            sock.settimeout(5)
            assert sock.recv(99) == b"data"
            assert expected in summed(trace)
            assert expected or 1 not in summed(trace)


@pytest.mark.parametrize("option", ["on", "off"])
def test_what_is_wrong_is_not_taken(h1, h2, option):
    h2.reach(h1)
    src, dst = Place.of(h2), Place.of(h1)
    before = bad_sums(h1)
    with switched(h1, "rx", option), inject.to_hca(h1, "sw1") as cable, \
            inject.receiver(h1, PORT) as sock:
        for wrong in 1, 0x100, 0xfffe:
            cable.send(datagram(src, dst, udp_with_sum(src, dst, wrong)))
        cable.send(datagram(src, dst, udp_with_sum(src, dst)))
        sock.settimeout(5)
        # The right one comes last.
        assert sock.recv(99) == b"data"
        assert inject.silent(sock)
    assert bad_sums(h1) - before == 3


def test_a_cable_that_changes_octets_spoils_no_data(h1, h2):
    """No checksum of the fabric's is on cables inside one kernel; those of TCP
    are looked at all the same."""
    h1.reach(h2)
    end = cable_of(h1)
    run("tc", "qdisc", "add", "dev", end, "root", "netem", "corrupt", "5%")
    try:
        assert transfer(h1, h2, 300_000)
    finally:
        run("tc", "qdisc", "del", "dev", end, "root")


# --- large receive

def test_large_receive_is_offered_and_off(h1):
    assert features(h1)["large-receive-offload"] == "off"
    assert features(h1)["generic-receive-offload"] == "on"


@contextlib.contextmanager
def large_receive(host):
    host.run("ethtool", "-K", "ib0", "lro", "on", "gro", "off")
    try:
        yield
    finally:
        host.run("ethtool", "-K", "ib0", "lro", "off", "gro", "on")


def handed_up(trace):
    """Octets of each packet that the stack gets."""
    return [int(n) for text in trace.lines("napi_gro_receive_entry", "dev=ib0 ")
            for n in re.findall(r"\blen=(\d+)", text)]


def test_large_receive_puts_packets_together(h1, h4):
    """What the application reads is the same; the stack has less to do."""
    h1.reach(h4)
    mtu = int(h1.sysfs("mtu"))
    with Trace("net/napi_gro_receive_entry") as trace:
        assert transfer(h4, h1, 400_000)
        assert max(handed_up(trace)) == mtu
    before = h1.ethtool_stats()
    with large_receive(h1), Trace("net/napi_gro_receive_entry") as trace:
        assert transfer(h4, h1, 400_000)
        assert max(handed_up(trace)) > 3 * mtu
    after = h1.ethtool_stats()
    pieces, packets = (after[name] - before[name]
                       for name in ("rx_lro_pieces", "rx_lro_packets"))
    assert 0 < 2 * pieces <= packets <= after["rx_packets"] - \
        before["rx_packets"]


@pytest.mark.debug
def test_large_receive_keeps_what_is_lost_or_late_in_order(h1, h4):
    h1.reach(h4)
    end = cable_of(h4)
    run("tc", "qdisc", "add", "dev", end, "root", "netem", "delay", "1ms",
        "reorder", "90%", "loss", "1%", "duplicate", "1%")
    try:
        with large_receive(h1):
            assert transfer(h4, h1, 300_000)
    finally:
        run("tc", "qdisc", "del", "dev", end, "root")


def test_large_receive_needs_checksums_and_goes_for_forwarding(h1):
    h1.run("ethtool", "-K", "ib0", "lro", "on")
    try:
        with switched(h1, "rx", "off"):
            assert features(h1)["large-receive-offload"].startswith("off")
        assert features(h1)["large-receive-offload"] == "on"
        h1.run("sysctl", "-q", "net.ipv4.conf.ib0.forwarding=1")
        assert features(h1)["large-receive-offload"].startswith("off")
    finally:
        h1.run("sysctl", "-q", "net.ipv4.conf.ib0.forwarding=0")
        h1.run("ethtool", "-K", "ib0", "lro", "off")
