# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Connected mode for long: nothing is lost on an unimpaired fabric, and what
goes through one that loses comes whole."""

import contextlib

import pytest

from tests.vm import lab, talk
from tests.vm.connmode import connect, counted, sending
from tests.vm.lab import run, scaled, wait

pytestmark = [pytest.mark.long, pytest.mark.ours]

SIZES = (511, 1025, 2044, 8192, 32768, 65492)
# The cable between the switches, both ways.
BETWEEN = "sw1-sw2.0", "sw2-sw1.0"
PORT = 7777

SEND = """
import socket, sys
address, port, count, size = sys.argv[1], *map(int, sys.argv[2:])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
sock = socket.socket(family, socket.SOCK_DGRAM)
sock.settimeout(20)
for n in range(count):
    data = bytes([n & 255]) * size
    sock.sendto(data, (address, port))
    assert sock.recv(65536) == data, n
"""
ECHO = """
import socket, sys
sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sock.bind(("::", int(sys.argv[1])))
while True:
    data, sender = sock.recvfrom(65536)
    sock.sendto(data, sender)
"""


@pytest.mark.parametrize("family", ("v4", "v6"))
@pytest.mark.parametrize("size", SIZES)
def test_ping_loses_nothing(connected, nothing_lost, size, family):
    h1, h4 = connected[0], connected[3]
    connect(h1, h4)
    before = counted(h1, "conn_tx_packets")[0]
    count = 300 if lab.DEBUG else 10000
    assert h1.ping(getattr(h4, family), count, size, limit=900) == 0
    assert counted(h1, "conn_tx_packets")[0] - before >= count


@pytest.mark.parametrize("family", ("v4", "v6"))
def test_udp_of_65500_octets_loses_nothing(connected, nothing_lost, family):
    """Two fragments, the second of which is very short."""
    h1, h4 = connected[0], connected[3]
    connect(h1, h4)
    child = h4.popen("python3", "-c", ECHO, PORT)
    try:
        wait(lambda: h4.run("ss", "-Hlun", f"sport = :{PORT}"), 20, "no echo")
        h1.run("python3", "-c", SEND, getattr(h4, family), PORT,
               scaled(1000), 65500, timeout=300)
    finally:
        lab.stop(child)


@contextlib.contextmanager
def losing(percent):
    """The cable between the switches loses frames."""
    for end in BETWEEN:
        run("tc", "qdisc", "add", "dev", end, "root", "netem", "limit", 5000,
            "loss", f"{percent}%")
    try:
        yield
    finally:
        for end in BETWEEN:
            run("tc", "qdisc", "del", "dev", end, "root")


def dropped():
    """Frames that netem has lost."""
    return sum(int(word.rstrip(","))
               for end in BETWEEN
               for word in run("tc", "-s", "qdisc", "show", "dev",
                               end).split("dropped ")[1].split()[:1])


def test_tcp_through_a_cable_that_loses_is_what_was_sent(connected):
    """Of a message of 64 KiB seventeen frames may be lost. A reliable
    connection sends them again; of an unreliable one TCP does."""
    h1, h4 = connected[0], connected[3]
    connect(h1, h4)
    octets = scaled(256) << 20
    if sending(h1)[0]["transport"] == "UC":
        # One segment in six is lost: TCP lives on its timeouts.
        octets >>= 3
    child = h4.popen("python3", "tests/vm/talk.py", "listen", "tcp", PORT)
    try:
        wait(lambda: h4.run("ss", "-Hltn", f"sport = :{PORT}"), 20, "no server")
        with losing(1):
            h1.run("python3", "tests/vm/talk.py", "tell", "tcp", h4.v4, PORT,
                   octets, 1, timeout=1800)
            wait(lambda: child.poll() is not None, 600, "it does not end")
            assert dropped() > octets >> 20
    finally:
        said = lab.stop(child)
    assert talk.expected(octets, 1) in said
