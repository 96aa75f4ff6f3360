# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Transmit queues and rings: how many, how large, and changed in full flow.

Whoever changes them loses neither packets nor the link nor its address.
"""

import os
import random
import re
import socket
import subprocess

import pytest

from tests.vm import lab
from tests.vm.iftools import restore_v6
from tests.vm.ifwire import UD_SEND_ONLY, Capture, cable_of
from tests.vm.lab import run, scaled, wait
from tests.vm.netns import inside

pytestmark = pytest.mark.ours

MOST = 16
ROOM = 2048
USUAL = min(os.cpu_count(), 8)


class Queues:
    """What ethtool has to say of an interface's queues, and does to them."""

    def __init__(self, host, dev="ib0"):
        self.host = host
        self.dev = dev

    def ask(self, option):
        """-l or -g: what can be, and what is, by name."""
        out = self.host.run("ethtool", option, self.dev)
        return [dict((name, int(value)) for name, value in re.findall(
            r"^(\w+):\s+(\d+)$", half, re.M))
            for half in out.split("Current hardware settings")]

    @property
    def rings(self):
        """RX and TX."""
        now = self.ask("-g")[1]
        return now["RX"], now["TX"]

    @property
    def count(self):
        """Of transmit queues."""
        return self.ask("-l")[1]["TX"]

    def set(self, option, *what):
        """-L or -G; what ethtool said."""
        return self.host.run("ethtool", option, self.dev, *what)

    def refuses(self, option, *what):
        """And nothing is changed."""
        before = self.rings, self.count
        code, out = self.host.status("ethtool", option, self.dev, *what)
        assert code, f"ethtool {option} {what} is accepted"
        assert (self.rings, self.count) == before
        return out

    def in_the_kernel(self):
        """Transmit queues that the stack has."""
        names = self.host.run("ls",
                              f"/sys/class/net/{self.dev}/queues").split()
        return sum(name.startswith("tx-") for name in names)

    def usual(self):
        """As they are at first."""
        self.host.run("sh", "-c", f"for q in /sys/class/net/{self.dev}/queues/"
                      "tx-*; do echo 0 >$q/byte_queue_limits/limit_min; done")
        self.host.status("ethtool", "-L", self.dev, "tx", USUAL)
        self.host.status("ethtool", "-G", self.dev, "rx", 256, "tx", 128)


@pytest.fixture
def q1(hosts):
    """Of h1; they are afterwards as they were."""
    queues = Queues(hosts[0])
    yield queues
    queues.usual()


@pytest.fixture
def q4(hosts):
    """Of h4, likewise."""
    queues = Queues(hosts[3])
    yield queues
    queues.usual()


@pytest.fixture
def child(h1):
    """A child of h1's, up, on the parent's own partition."""
    h1.ip("link", "add", "link", "ib0", "name", "kid", "type", "ipoib")
    h1.ip("link", "set", "kid", "up")
    wait(lambda: h1.carrier("kid"), 20, "the child has no carrier")
    yield Queues(h1, "kid")
    h1.ip("link", "delete", "kid")


def qpns(host):
    """Of all QPs that IPoIB has on a host's HCA."""
    out = run("rdma", "resource", "show", "qp", "link", f"{host.hca}/1")
    return {int(n) for n in re.findall(r"lqpn (\d+) .*\[ib_ipoib\]", out)}


def qpn(host):
    """The one in the address."""
    return int.from_bytes(host.address()[1:4], "big")


# --- how many

def test_a_parent_has_a_queue_for_each_cpu(hosts):
    for host in hosts:
        queues = Queues(host)
        assert queues.ask("-l") == [{"RX": 1, "TX": MOST},
                                    {"RX": 1, "TX": USUAL}]
        assert queues.in_the_kernel() == USUAL


def test_a_child_has_one_queue_and_may_have_more(h1, h4, child):
    assert child.ask("-l") == [{"RX": 1, "TX": MOST}, {"RX": 1, "TX": 1}]
    child.set("-L", "tx", 4)
    child.set("-G", "tx", 512, "rx", 512)
    assert child.count == child.in_the_kernel() == 4
    assert child.rings == (512, 512)
    assert child.host.carrier("kid")
    h1.ip("address", "add", "203.0.113.1/24", "dev", "kid")
    h4.ip("address", "add", "203.0.113.4/24", "dev", "ib0")
    try:
        wait(lambda: not h1.ping("203.0.113.4", limit=1), 10,
             "the child does not reach h4")
        assert h1.ping("203.0.113.4", 50) == 0
    finally:
        h4.ip("address", "delete", "203.0.113.4/24", "dev", "ib0")


def test_places_for_queues_are_the_users_to_choose(h1):
    """ip link add ... numtxqueues."""
    h1.ip("link", "add", "link", "ib0", "name", "kid", "numtxqueues", 3,
          "type", "ipoib")
    try:
        kid = Queues(h1, "kid")
        assert kid.ask("-l") == [{"RX": 1, "TX": 3}, {"RX": 1, "TX": 1}]
        kid.set("-L", "tx", 3)
        kid.refuses("-L", "tx", 4)
    finally:
        h1.ip("link", "delete", "kid")


@pytest.mark.parametrize("what", (
    ("tx", 0), ("tx", MOST + 1), ("rx", 0), ("rx", 2), ("combined", 1),
    ("other", 1)), ids="-".join)
def test_other_numbers_are_refused(q1, what):
    q1.refuses("-L", *what)


def test_each_queue_has_a_qp_and_the_address_is_none_of_theirs(h1, q1):
    address = h1.address()
    for count in (1, MOST, 3, 5):
        q1.set("-L", "tx", count)
        assert q1.count == q1.in_the_kernel() == count
        assert len(qpns(h1)) == count + 1
        assert qpn(h1) in qpns(h1)
        assert h1.address() == address


def test_flows_use_several_queues_with_qpns_of_their_own(h1, h4, q1):
    h1.reach(h4)
    q1.set("-L", "tx", 8)
    before = h1.ethtool_stats()
    with Capture(cable_of(h1)) as wire:
        send_flows(h1, h4, 64, 1)
        found = wait(lambda: whole(64, wire.find(
            lambda p: p.opcode == UD_SEND_ONLY and
            p.payload.endswith(b"flow"), True)), 10, "64 packets")
    wait(lambda: h1.ethtool_stats()["tx_packets"] >=
         before["tx_packets"] + 64, 5, "they are not counted")
    after = h1.ethtool_stats()
    used = [n for n in range(MOST) if after[f"tx{n}_packets"] >
            before[f"tx{n}_packets"]]
    assert len(used) > 2 and max(used) < 8
    sources = {p.sqpn for p in found}
    assert sources <= qpns(h1) - {qpn(h1)} and len(sources) > 2


def whole(count, found):
    """What is found, once it is so much."""
    return len(found) >= count and found


def send_flows(host, other, flows, each):
    """Datagrams from so many ports; all of them end in "flow"."""
    with inside(host):
        socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                 for _ in range(flows)]
    try:
        for _ in range(each):
            for sock in socks:
                sock.sendto(b"flow", (other.v4, 9))
    finally:
        for sock in socks:
            sock.close()


# --- how large

@pytest.mark.parametrize("wanted, got", (
    ((2, 128), (2, 128)), ((1, 1), (2, 128)), ((3, 129), (4, 256)),
    ((1000, 1000), (1024, 1024)), ((ROOM, 8192), (ROOM, 8192))))
def test_sizes_are_rounded_up_to_powers_of_two(h1, h4, q1, wanted, got):
    said = q1.set("-G", "rx", wanted[0], "tx", wanted[1])
    assert q1.rings == got
    assert ("rounded up" in said) == (wanted != got), said
    assert h1.ping(h4.v4, 20, 4000) == 0


def test_limits_of_rings_are_shown(q1):
    assert q1.ask("-g")[0] == {"RX": ROOM, "TX": 8192}


@pytest.mark.parametrize("what", (
    ("rx", 0), ("tx", 0), ("rx", ROOM + 1), ("tx", 8193), ("rx-mini", 1),
    ("rx-jumbo", 1)), ids="-".join)
def test_other_sizes_are_refused(q1, what):
    q1.refuses("-G", *what)


def test_what_cannot_be_had_leaves_the_rest_as_it_was(q1):
    """One of two sizes is too large."""
    q1.refuses("-G", "rx", 1024, "tx", 10000)
    q1.refuses("-G", "rx", 10000, "tx", 1024)


def test_fewer_buffers_are_posted_when_packets_have_come(h1, h4, q1):
    """As the HCA sees it: two packets fit, the third waits for a buffer."""
    parked = h1.hca_counters()["rx_parked"]
    q1.set("-G", "rx", 2)
    assert h1.ping(h4.v4, 400) == 0
    assert h4.ping(h1.v4, 20, 30000) == 0
    assert h1.hca_counters()["rx_parked"] > parked
    q1.set("-G", "rx", 256)
    parked = h1.hca_counters()["rx_parked"]
    assert h4.ping(h1.v4, 20, 30000) == 0
    assert h1.hca_counters()["rx_parked"] == parked


# --- down and up

def test_settings_of_an_interface_that_is_down_hold_when_it_is_up(h1, h4, q1):
    address = h1.address()
    h1.ip("link", "set", "ib0", "down")
    q1.set("-L", "tx", 5)
    q1.set("-G", "rx", 64, "tx", 256)
    assert (q1.rings, q1.count) == ((64, 256), 5)
    q1.set("-L", "tx", 2)
    h1.ip("link", "set", "ib0", "up")
    wait(h1.carrier, 20, "no carrier")
    restore_v6(h1)
    assert (q1.rings, q1.count) == ((64, 256), 2)
    assert h1.address() == address
    h1.reach(h4)
    assert h1.ping(h4.v4, 50, 4000) == 0


def test_settings_survive_down_and_up(h1, h4, q1):
    q1.set("-L", "tx", 6)
    q1.set("-G", "rx", 512, "tx", 512)
    for _ in range(3):
        h1.ip("link", "set", "ib0", "down")
        h1.ip("link", "set", "ib0", "up")
    wait(h1.carrier, 20, "no carrier")
    restore_v6(h1)
    assert (q1.rings, q1.count, q1.in_the_kernel()) == ((512, 512), 6, 6)
    h1.reach(h4)


def test_settings_can_be_changed_without_a_link(h1, h4, q1):
    """Up, but nothing is plugged in."""
    run("ip", "link", "set", "sw1-h1", "nomaster")
    try:
        wait(lambda: not h1.carrier(), 10, "h1 keeps its carrier")
        q1.set("-L", "tx", 7)
        q1.set("-G", "rx", 1024, "tx", 1024)
        assert (q1.rings, q1.count) == ((1024, 1024), 7)
    finally:
        run("ip", "link", "set", "sw1-h1", "master", "sw1")
    wait(h1.carrier, 20, "no carrier")
    h1.reach(h4, 30)
    run("ibqueryerrors", "--clear-errors", check=False)


# --- in full flow

class Unmoved:
    """What must not change at a host while its queues do."""

    def __init__(self, *hosts):
        self.hosts = hosts
        self.before = self.look()

    def look(self):
        """Address, link, losses."""
        return [(host.address(), host.sysfs("carrier_changes"), host.drops())
                for host in self.hosts]

    def check(self):
        """It has not."""
        assert self.look() == self.before


def stir(queues, running):
    """Change all there is to change until a command has ended; how often."""
    random.seed(4711)
    rounds = 0
    while running.poll() is None:
        which = random.choice(queues)
        which.set("-L", "tx", random.randint(1, MOST))
        which.set("-G", "tx", 128 << random.randint(0, 6), "rx",
                  2 << random.randint(0, 10))
        rounds += 1
    return rounds


@pytest.mark.debug
@pytest.mark.parametrize("family", ("v4", "v6"))
def test_changes_lose_no_ping(h1, h4, q1, q4, family):
    h1.reach(h4)
    count = 100 if lab.DEBUG else 1000
    before = Unmoved(h1, h4)
    pings = [a.popen("ping", "-q", "-i", "0.01", "-c", count,
                     getattr(b, family)) for a, b in ((h1, h4), (h4, h1))]
    rounds = stir([q1, q4], pings[0])
    for child in pings:
        out, _ = child.communicate(timeout=60 * lab.SLOW)
        assert f"{count} packets transmitted, {count} received" in out, out
    before.check()
    assert rounds > 3


def test_changes_lose_nothing_of_tcp_both_ways(h1, h4, q1, q4):
    h1.reach(h4)
    before = Unmoved(h1, h4)
    server = h4.popen("iperf3", "-s", "-1")
    try:
        wait(lambda: ":5201 " in h4.run("ss", "-ltn"), 10,
             "iperf3 does not listen")
        client = h1.popen("iperf3", "-c", h4.v4, "-t", "8", "-P", "4",
                          "--bidir")
        rounds = stir([q1, q4], client)
        out, _ = client.communicate()
        assert client.returncode == 0, out
    finally:
        lab.stop(server)
    before.check()
    assert rounds > 3


RECEIVER = """
import socket, struct, sys
flows, each = int(sys.argv[1]), int(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
s.bind(("", 5555))
print("ready", flush=True)
seen = set()
s.settimeout(20)
try:
    while len(seen) < flows * each:
        seen.add(s.recv(4096)[:8])
except TimeoutError:
    pass
print("seen", len(seen), "of", flows * each, flush=True)
"""

SENDER = """
import socket, struct, sys
target, flows, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
         for _ in range(flows)]
for i in range(each):
    for n, s in enumerate(socks):
        s.sendto(struct.pack("!II", n, i) + bytes(1400), (target, 5555))
"""


@pytest.mark.debug
def test_changes_lose_no_datagram_of_full_queues(h1, h4, q1, q4):
    """As fast as sockets can, from many at once: queues stop and start, and
    the stack keeps packets for queues that go."""
    h1.reach(h4)
    flows, each = 32, 60 if lab.DEBUG else 1000
    before = Unmoved(h1, h4)
    receiver = h4.popen("python3", "-c", RECEIVER, flows, each)
    try:
        assert receiver.stdout.readline() == "ready\n"
        sender = h1.popen("python3", "-c", SENDER, h4.v4, flows, each)
        rounds = stir([q1, q4], sender)
        out, _ = sender.communicate()
        assert sender.returncode == 0, out
        out, _ = receiver.communicate(timeout=60 * lab.SLOW)
        assert out == f"seen {flows * each} of {flows * each}\n", \
            f"{out}{h4.run('nstat', '-az', 'Udp*')}"
    finally:
        lab.stop(receiver)
    before.check()
    assert rounds > 2


def test_one_discipline_for_all_queues_is_no_hindrance(h1, h4, q1):
    """fq_codel as the root knows no queues; its packets have them."""
    h1.reach(h4)
    h1.run("tc", "qdisc", "replace", "dev", "ib0", "root", "fq_codel")
    try:
        count = 30 if lab.DEBUG else 300
        ping = h1.popen("ping", "-q", "-i", "0.01", "-c", count, h4.v4)
        stir([q1], ping)
        out, _ = ping.communicate(timeout=60 * lab.SLOW)
        assert f"{count} packets transmitted, {count} received" in out, out
    finally:
        h1.run("tc", "qdisc", "delete", "dev", "ib0", "root")


def test_own_broadcasts_are_known_from_all_queues(h1, h2, q1):
    """Also from those that were there a moment ago. The HCA gives them to all
    QPs of the group, the sender's excepted."""
    with inside(h1):
        ear = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                            socket.htons(0x0800))
    ear.bind(("ib0", 0x0800))
    ear.setblocking(False)
    echoes = h1.ethtool_stats()["rx_echoes"]
    heard = h2.ethtool_stats()["rx_packets"]
    sent = 0
    try:
        for count in (8, 3, MOST, 1, 4):
            q1.set("-L", "tx", count)
            sent += broadcast(h1, 40)
            q1.set("-G", "tx", 128 * count)
            sent += broadcast(h1, 40)
        wait(lambda: h2.ethtool_stats()["rx_packets"] >= heard + sent, 10,
             "h2 does not hear the broadcasts")
        assert not foreign(ear)
    finally:
        ear.close()
    assert h1.ethtool_stats()["rx_echoes"] >= echoes + sent


def broadcast(host, flows):
    """Broadcasts from so many ports; how many."""
    for _ in range(flows):
        with inside(host):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.sendto(b"to everybody", ("198.51.100.255", 9))
    return flows


def foreign(ear):
    """Broadcasts of broadcast() that seem to be somebody else's."""
    found = []
    while True:
        try:
            data, address = ear.recvfrom(4096)
        except BlockingIOError:
            return found
        if data.endswith(b"to everybody") and \
                address[2] == socket.PACKET_BROADCAST:
            found.append(data)


# --- counters

FIRST = ["rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "tx_errors",
         "rx_dropped", "tx_dropped", "multicast"]


def names(host, dev="ib0"):
    """Of the counters of ethtool -S, in order."""
    return re.findall(r"^\s+(\w+):", host.run("ethtool", "-S", dev), re.M)


def test_the_first_eight_counters_are_those_that_monitoring_knows(h1, child):
    for dev in ("ib0", "kid"):
        assert names(h1, dev)[:8] == FIRST
        assert len(set(names(h1, dev))) == len(names(h1, dev))


def test_the_list_of_counters_does_not_change_with_the_queues(h1, q1):
    before = names(h1)
    for queue in range(MOST):
        assert {f"tx{queue}_packets", f"tx{queue}_bytes",
                f"tx{queue}_stopped"} <= set(before)
    for count in (1, MOST, 4):
        q1.set("-L", "tx", count)
        assert names(h1) == before


def quiet(look):
    """What look() gives when nothing happened meanwhile."""
    def twice():
        first = look()
        return first == look() and first
    return wait(twice, 20, "there is always something")


def test_queues_add_up_to_what_ip_shows(h1, h4, q1):
    """Also those that there are no longer; no counter goes back."""
    h1.reach(h4)
    last = h1.ethtool_stats()
    for count in (4, 1, 8, 2):
        q1.set("-L", "tx", count)
        send_flows(h1, h4, 32, 4)
        assert h1.ping(h4.v4, 20, 3000) == 0

        def look():
            stats = h1.link()["stats64"]
            return h1.ethtool_stats(), stats["rx"], stats["tx"]
        found, received, sent = quiet(look)
        for what in ("packets", "bytes"):
            assert sum(found[f"tx{n}_{what}"] for n in range(MOST)) == \
                found[f"tx_{what}"] == sent[what]
            assert found[f"rx0_{what}"] == found[f"rx_{what}"] == \
                received[what]
        assert found["multicast"] == received["multicast"]
        for name in ("tx_errors", "tx_dropped"):
            assert found[name] == sent[name[3:]]
        assert found["rx_dropped"] == received["dropped"]
        assert all(found[name] >= last[name] for name in last)
        last = found


def test_ip_shows_all_kinds_of_errors(h1):
    out = h1.run("ip", "-s", "-s", "link", "show", "ib0")
    for heading in ("RX errors:", "TX errors:"):
        line = out[out.index(heading):].splitlines()[1]
        assert re.fullmatch(r"[\s\d]+", line), out


def test_a_full_ring_is_counted_where_it_was_full(h1, h4, q1):
    """The cable is slow, and byte limits are out of the way: what does not
    fit into the ring waits in front of it, and nothing is lost."""
    h1.reach(h4)
    q1.set("-L", "tx", 2)
    h1.run("sh", "-c", "for q in /sys/class/net/ib0/queues/tx-*; do "
           "echo 100000000 >$q/byte_queue_limits/limit_min; done")
    flows, each = 32, scaled(330)
    before, dropped = h1.ethtool_stats(), h1.drops()
    run("tc", "qdisc", "add", "dev", cable_of(h1), "root", "netem", "delay",
        "20ms", "limit", 10000)
    try:
        receiver = h4.popen("python3", "-c", RECEIVER, flows, each)
        assert receiver.stdout.readline() == "ready\n"
        h1.run("python3", "-c", SENDER, h4.v4, flows, each)
        out, _ = receiver.communicate(timeout=60 * lab.SLOW)
        assert out == f"seen {flows * each} of {flows * each}\n"
    finally:
        run("tc", "qdisc", "delete", "dev", cable_of(h1), "root")
    after = h1.ethtool_stats()
    grown = {n: after[n] - before[n] for n in after}
    assert grown["tx_queue_stopped"] > 0 and h1.drops() == dropped
    assert grown["tx_queue_stopped"] == \
        sum(grown[f"tx{n}_stopped"] for n in range(MOST))


# --- the end

CHANGER = """
while [ ! -e /run/enough ] &&
      ethtool -L {0} tx $((RANDOM % 16 + 1)) &&
      ethtool -G {0} tx $((128 << RANDOM % 5)) rx $((2 << RANDOM % 10)); do
    :
done
"""


@pytest.mark.debug
def test_an_hca_goes_while_its_queues_are_being_changed(spare):
    for _ in range(2 if lab.DEBUG else 8):
        hca = spare()
        name = hca.add()
        run("ip", "link", "set", name, "up")
        changer = subprocess.Popen(["bash", "-c", CHANGER.format(name)],
                                   stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            wait(lambda: Queues(HERE, name).count != USUAL, 10,
                 "nobody changes anything")
            hca.delete()
        finally:
            changer.wait(timeout=30 * lab.SLOW)
        assert "sib9" not in run("rdma", "resource", "show")
        hca.close()


class Initial:
    """The initial namespace."""

    @staticmethod
    def run(*argv):
        return run(*argv)


HERE = Initial()


@pytest.mark.debug
def test_a_child_goes_while_its_queues_are_being_changed(h1):
    for _ in range(2 if lab.DEBUG else 8):
        h1.ip("link", "add", "link", "ib0", "name", "kid", "type", "ipoib")
        h1.ip("link", "set", "kid", "up")
        changer = h1.popen("bash", "-c", CHANGER.format("kid"))
        try:
            wait(lambda: Queues(h1, "kid").count != 1, 10,
                 "nobody changes anything")
            h1.ip("link", "delete", "kid")
        finally:
            changer.wait(timeout=30 * lab.SLOW)
    assert len(qpns(h1)) == USUAL + 1


def test_queues_are_changed_while_the_cable_comes_and_goes(h1, h4, q1):
    changer = h1.popen("bash", "-c", CHANGER.format("ib0"))
    try:
        wait(lambda: q1.count != USUAL, 10, "nobody changes anything")
        for _ in range(4):
            run("ip", "link", "set", "sw1-h1", "nomaster")
            wait(lambda: not h1.carrier(), 10, "h1 keeps its carrier")
            run("ip", "link", "set", "sw1-h1", "master", "sw1")
            wait(h1.carrier, 30, "no carrier")
    finally:
        lab.write("/run/enough", "")
        out, _ = changer.communicate(timeout=30 * lab.SLOW)
        os.unlink("/run/enough")
    assert "rror" not in out and "annot" not in out, out
    q1.set("-L", "tx", 3)
    assert len(qpns(h1)) == 4
    h1.reach(h4, 30)
    assert h1.ping(h4.v4, 50) == 0
    run("ibqueryerrors", "--clear-errors", check=False)
