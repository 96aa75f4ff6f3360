# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Nothing is lost on an unimpaired fabric: one to one, all to all, multicast.

Loss is judged by echoes, and by what fabric, interface and reassembly count.
"""

import contextlib
import re
import time

import pytest

from tests.vm import lab
from tests.vm.lab import run, scaled, wait
from tests.vm.many import Echo

SIZES = (511, 1025, 2044, 8192, 32768, 65492)


@pytest.fixture(autouse=True)
def warm(hosts):
    """Addresses and paths are known; the stock driver's queues are short."""
    for a in hosts:
        for b in hosts:
            if a is not b:
                a.reach(b)


@pytest.mark.parametrize("family", ("v4", "v6"))
@pytest.mark.parametrize("size", SIZES)
def test_ping_loses_nothing(h1, h4, nothing_lost, size, family):
    count = 300 if lab.DEBUG else 10000
    target = getattr(h4, family)
    assert h1.ping(target, count, size, limit=600) == 0


def test_ping_flood_of_1400_octets_loses_nothing(h1, h4, nothing_lost):
    count = scaled(20000)
    out = h1.run("ping", "-f", "-q", "-c", count, "-s", 1400, h4.v4)
    assert f"{count} packets transmitted, {count} received" in out, out


def test_all_hosts_to_all_hosts_at_once_lose_nothing(hosts, nothing_lost):
    """Not by ping(8): with an answer that takes more than twice as long as any
    before, as on a slow kernel, it does not wait."""
    count = scaled(2000)
    with contextlib.ExitStack() as stack:
        left = [stack.enter_context(Echo(a, "ib0", b.v4, 8192))
                for a in hosts for b in hosts if a is not b]
        asked = time.monotonic()
        while left:
            for echo in left[:]:
                if echo.back() < echo.sent:
                    continue
                if echo.sent == count:
                    left.remove(echo)
                    continue
                echo.ask()
                asked = time.monotonic()
            assert time.monotonic() < asked + 10 * lab.SLOW, \
                f"answers are missing at {[str(echo.host) for echo in left]}"
            time.sleep(0.0005)


def iperf(client, server, *options):
    """One run of iperf3; what the client said."""
    child = server.popen("iperf3", "-s", "-1")
    try:
        wait(lambda: ":5201 " in server.run("ss", "-ltn"), 10,
             "iperf3 does not listen")
        return client.run("iperf3", "-c", server.v4, *options, timeout=120)
    finally:
        lab.stop(child)


def resent(host):
    """Segments that TCP thought lost, and those that came in another order.

    Loss probes, which repeat what is still under way, do not count: a busy
    machine delays an acknowledgement, and that is not the fabric's doing.
    """
    lines = [l.split() for l in host.run("nstat", "-az").splitlines()]
    counters = {l[0]: int(l[1]) for l in lines if len(l) == 3}
    return counters["TcpExtTCPFastRetrans"] + \
        counters["TcpExtTCPSlowStartRetrans"], \
        counters["TcpExtTCPSACKReorder"] + counters["TcpExtTCPTSReorder"]


def test_tcp_for_thirty_seconds_retransmits_nothing(h1, h4, nothing_lost):
    before = resent(h1)
    out = iperf(h1, h4, "-t", "10" if lab.DEBUG else "30")
    sent = re.search(r"\s(\d+)\s+sender$", out, re.M)
    assert sent and resent(h1) == before, f"{before}, {resent(h1)}\n{out}"


def test_tcp_both_ways_at_once_is_in_order(h2, h3, nothing_lost):
    before = resent(h2), resent(h3)
    out = iperf(h2, h3, "-t", "5", "--bidir")
    after = resent(h2), resent(h3)
    assert after == before, f"{before}, {after}\n{out}"


MCAST_RECEIVER = """
import socket, struct, sys
group, count = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
s.bind((group, 5555))
index = socket.if_nametoindex("ib0")
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
             struct.pack("4s4si", socket.inet_aton(group), b"\\0" * 4, index))
print("ready", flush=True)
seen = set()
s.settimeout(20)
try:
    while len(seen) < count:
        seen.add(struct.unpack("!I", s.recv(4096)[:4])[0])
except TimeoutError:
    pass
lost = sorted(set(range(count)) - seen)
print("lost", len(lost), lost[:20], flush=True)
"""

MCAST_SENDER = """
import socket, struct, sys
group, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
index = socket.if_nametoindex("ib0")
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
             struct.pack("4s4si", b"\\0" * 4, b"\\0" * 4, index))
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 8)
for i in range(count):
    s.sendto(struct.pack("!I", i) + bytes(size - 4), (group, 5555))
"""


def test_multicast_at_full_speed_reaches_every_host(hosts, nothing_lost):
    group, count = "239.1.2.3", scaled(20000)
    receivers = [h.popen("python3", "-c", MCAST_RECEIVER, group, count)
                 for h in hosts[1:]]
    try:
        for child in receivers:
            assert child.stdout.readline() == "ready\n"
        # All four branches of the tree: three members and the sender's own.
        members = "ff12:401b:ffff::f01:203"
        wait(lambda: run("saquery", "--smkey", 1, "-m").count(members) >= 3,
             20, "the receivers are not members")
        # The sender joins by sending. What the stock driver drops until it
        # has joined is not what this test is about.
        hosts[0].run("python3", "-c", MCAST_SENDER, group, 1, 1000)
        wait(lambda: run("saquery", "--smkey", 1, "-m").count(members) >= 4,
             20, "the sender is no member")
        row = wait(lambda: multicast_row(members, 3), 20, "no tree")
        assert row
        hosts[0].run("python3", "-c", MCAST_SENDER, group, 1, 1000)
        hosts[0].run("python3", "-c", MCAST_SENDER, group, count, 1000,
                     timeout=300)
        for host, child in zip(hosts[1:], receivers):
            out, _ = child.communicate(timeout=60 * lab.SLOW)
            assert out == "lost 0 []\n", \
                f"{host}: {out}{host.run('nstat', '-az', 'Udp*')}"
    finally:
        for child in receivers:
            lab.stop(child)


def multicast_row(mgid, ports):
    """The group's row in sw2's table, once it has so many ports."""
    mlid = None
    for block in run("saquery", "-g").split("dump:"):
        if mgid in block:
            mlid = re.search(r"Mlid\.+0x(\w+)", block)[1].lower()
    switch = re.search(r'"sw2" .*? lid (\d+) ', run("ibswitches"))[1]
    row = re.search(rf"^\s*0x{mlid}(.*)$", run("ibroute", "-M", switch), re.M)
    return row and row[1].count("x") >= ports and row


def test_own_multicast_is_not_heard(h1):
    """RFC 4391 leaves it to the driver; what an HCA reflects is dropped."""
    def heard():
        before = h1.link()["stats64"]["rx"]["packets"]
        out = h1.run("arping", "-c", 3, "-w", 4, "-I", "ib0", "-D", h1.v4,
                     check=False)
        assert "Received 0 response" in out, out
        return h1.link()["stats64"]["rx"]["packets"] - before

    # Others may have something to say meanwhile, but not each time.
    assert any(heard() < 3 for _ in range(3))
