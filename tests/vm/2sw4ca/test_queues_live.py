# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Queues and rings are changed in full flow: neither packets are lost nor the
link nor its address, whatever goes away meanwhile.
"""

import os
import random
import socket
import subprocess

import pytest

from tests.vm import lab
from tests.vm.lab import run, wait
from tests.vm.netns import inside
from tests.vm.queues import (MOST, RECEIVER, SENDER, USUAL, Queues, qpns)

pytestmark = pytest.mark.ours


@pytest.fixture
def long_queue(h1):
    """The stack's own queues at h1 hold all that sockets can have under way,
    and drop nothing for being old."""
    h1.run("tc", "-batch", "-", text="qdisc replace dev ib0 root handle 1: mq"
           "\n" + "".join(f"qdisc replace dev ib0 parent 1:{n + 1:x} pfifo "
                          "limit 10000\n" for n in range(MOST)))
    yield
    h1.run("tc", "qdisc", "delete", "dev", "ib0", "root")


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


def test_changes_lose_no_datagram_of_full_queues(h1, h4, q1, q4, long_queue):
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
            f"{out}{h4.run('nstat', 'Udp*')}" \
            f"{h1.run('tc', '-s', 'qdisc', 'show', 'dev', 'ib0')}"
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


# --- the end

CHANGER = """
while [ ! -e /run/enough ] &&
      ethtool -L {0} tx $((RANDOM % 16 + 1)) &&
      ethtool -G {0} tx $((128 << RANDOM % 5)) rx $((2 << RANDOM % 10)); do
    :
done
"""


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
