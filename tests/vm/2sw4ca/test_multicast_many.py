# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A thousand groups at one host; and groups that user space has for itself."""

import contextlib
import ipaddress
import re
import socket
import struct

import pytest

from tests.vm import lab
from tests.vm.lab import wait
from tests.vm.netns import PORT, Member, inside, send, send_until_heard

# So many groups at a time are sent to, and so many datagrams to each.
PACE, EACH = 20, 2


def groups_of(host, dev="ib0"):
    """The groups that an interface receives, by their MGIDs, as far as they
    are joined."""
    inode = host.run("readlink", "/proc/self/ns/net").strip()[5:-1]
    names = f"{dev}-{inode}_mcg", f"{dev}_mcg"
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            return set(re.findall(
                r"GID: (\S+)\n(?:.*\n){2} +complete: +yes\n +send_only: +no",
                lab.read(f"/sys/kernel/debug/ipoib/{name}")))
    raise AssertionError(f"no such file: {names}")


def mgid(group):
    """The MGID of an IPv4 group, as debugfs writes it."""
    low = int(ipaddress.ip_address(group)) & 0x0fffffff
    return f"ff12:401b:ffff:0:0:0:{low >> 16:x}:{low & 0xffff:x}"


class Members:
    """A socket that is a member of many groups. A context manager."""

    def __init__(self, host, groups, dev="ib0"):
        with inside(host):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            index = socket.if_nametoindex(dev)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.setblocking(False)
        self._socket.bind(("", PORT))
        for group in groups:
            self._socket.setsockopt(
                socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                struct.pack("4s4si", socket.inet_aton(group), bytes(4),
                            index))
        self._heard, self.began = [], set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def heard(self):
        """All that has come so far, but for the beginnings."""
        with contextlib.suppress(BlockingIOError):
            while True:
                message = self._socket.recv(65536)
                if message.startswith(BEGIN):
                    self.began.add(message)
                else:
                    self._heard.append(message)
        return self._heard


BEGIN = b"begin "


def begin(host, members, groups):
    """Send to groups until all are heard: the SM may tell the switches of a
    sender somewhat later than the sender."""
    def silent():
        return [g for g in groups if BEGIN + g.encode() not in members.began]

    def all_heard():
        for group in silent():
            send(host, group, BEGIN + group.encode())
        members.heard()
        return not silent()
    wait(all_heard, 30, "groups stay silent")


def numbered(count):
    """So many groups."""
    return [f"239.7.{n >> 8}.{n & 255}" for n in range(count)]


@pytest.fixture
def roomy(hosts):
    """A socket of h4 may join many groups."""
    name = "net.ipv4.igmp_max_memberships"
    before = hosts[3].run("sysctl", "-n", name).strip()
    hosts[3].run("sysctl", "-qw", f"{name}=4000")
    yield hosts[3]
    hosts[3].run("sysctl", "-qw", f"{name}={before}")


@pytest.mark.ours
@pytest.mark.parametrize("count", (30,) if lab.DEBUG else (
    100, pytest.param(1000, marks=pytest.mark.long)))
def test_many_groups_are_joined_heard_and_left(hosts, roomy, count):
    """Nothing is dropped anywhere, and nothing comes twice."""
    h1, h4, groups = hosts[0], roomy, numbered(count)
    before = h1.ethtool_stats(), h4.ethtool_stats()
    with Members(h4, groups) as members:
        wanted = {mgid(group) for group in groups}
        wait(lambda: groups_of(h4) >= wanted, 60 + count / 10,
             "not all groups are joined")
        for first in range(0, count, PACE):
            some = groups[first:first + PACE]
            begin(h1, members, some)
            for group in some:
                send(h1, group, *(b"%d " % n + group.encode()
                                  for n in range(EACH)))
            wait(lambda n=(first + len(some)) * EACH:
                 len(members.heard()) >= n, 30, f"not all of {some} is heard")
        assert sorted(members.heard()) == sorted(
            b"%d " % n + g.encode() for g in groups for n in range(EACH))
    wait(lambda: not groups_of(h4) & wanted, 60 + count / 10,
         "not all groups are left")
    assert h1.ping(h4.v4, 20) == 0
    for host, stats in zip((h1, h4), before):
        now = host.ethtool_stats()
        lost = {name: now[name] - value for name, value in stats.items()
                if "drop" in name and now[name] != value}
        assert not lost, f"{host}: {lost}"


# --- groups of user space

GROUP, AFTER = "239.6.1.1", "239.6.1.2"
# So many datagrams fit into a socket whose reader is slow.
BURST = 20


@pytest.fixture
def sister(hosts):
    """One more interface of h4 on the P_Key of ib0: what ib0 has joined, it
    sees in ib_core's table as it sees what user space has."""
    h4 = hosts[3]
    h4.ip("link", "add", "link", "ib0", "name", "u", "type", "ipoib")
    h4.ip("link", "set", "u", "up")
    wait(lambda: h4.carrier("u"), 20, "no carrier")
    yield h4
    h4.ip("link", "delete", "u")


def multicasts(host, dev):
    return host.link(dev)["stats64"]["rx"]["multicast"]


def test_umcast_leaves_groups_of_others_alone(hosts, sister):
    """With umcast a group that is in the table already is not received;
    one that nobody has is; and without umcast both are."""
    h1, h4 = hosts[0], sister
    h4.ip("link", "set", "u", "type", "ipoib", "umcast", "1")
    with Member(h4, GROUP) as member:
        wait(lambda: mgid(GROUP) in groups_of(h4), 20, "ib0 does not join")
        with Member(h4, GROUP, "u"), Member(h4, AFTER, "u"):
            wait(lambda: mgid(AFTER) in groups_of(h4, "u"), 20,
                 "u does not join what nobody has")
            assert mgid(GROUP) not in groups_of(h4, "u")
            send_until_heard(h1, GROUP, member, b"begin")
            heard = multicasts(h4, "u")
            send(h1, GROUP, *(b"%d" % n for n in range(BURST)))
            wait(lambda: len(set(member.heard())) == BURST + 1, 20,
                 "ib0 does not hear all")
            assert multicasts(h4, "u") < heard + BURST / 2
            h4.ip("link", "set", "u", "type", "ipoib", "umcast", "0")
            wait(lambda: mgid(GROUP) in groups_of(h4, "u"), 20,
                 "u does not join without umcast")
            heard = multicasts(h4, "u")
            send(h1, GROUP, *(b"again %d" % n for n in range(BURST)))
            wait(lambda: multicasts(h4, "u") >= heard + BURST, 20,
                 "u does not hear all")


def test_umcast_keeps_what_it_has_joined_before(hosts, sister):
    h1, h4 = hosts[0], sister
    with Member(h4, GROUP, "u") as member:
        wait(lambda: mgid(GROUP) in groups_of(h4, "u"), 20, "u does not join")
        h4.ip("link", "set", "u", "type", "ipoib", "umcast", "1")
        with Member(h4, AFTER, "u"):
            wait(lambda: mgid(AFTER) in groups_of(h4, "u"), 20,
                 "u does not join what nobody has")
        assert mgid(GROUP) in groups_of(h4, "u")
        send_until_heard(h1, GROUP, member, b"still here")
