# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Links of kind ipoib over rtnetlink: what is refused and how that is
explained, every attribute there is, and a lock that everybody wants.
"""

import errno
import itertools
import socket
import subprocess

import pytest

from tests.vm import lab
from tests.vm.iftools import write_errno
from tests.vm.lab import wait
from tests.vm.many import batch, interfaces
from tests.vm.netns import inside
from tests.vm.rtnl import (ADDRESS, IFNAME, LINK, MODE, MTU, NUM_RX_QUEUES,
                           NUM_TX_QUEUES, PKEY, UMCAST, Rtnl, attr, info, u16,
                           u32)


@pytest.fixture
def h4(hosts):
    """h4, which has no children before and after."""
    host = hosts[3]
    yield host
    others = interfaces(host) - {"ib0"}
    if others:
        batch(host, *(f"link delete {dev}" for dev in others))


@pytest.fixture
def rtnl(h4):
    with Rtnl(h4) as opened:
        yield opened


def index(host, dev):
    with inside(host):
        return socket.if_nametoindex(dev)


def make(rtnl, parent, *data, name="x", more=()):
    """What the kernel says to a new link of a parent."""
    link = [] if parent is None else [u32(LINK, parent)]
    return rtnl.new(attr(IFNAME, name), *link, *more, info(*data))


# --- refused

NO_LINK, NO_SUCH = None, 99999
REFUSED = {
    "no link": (NO_LINK, (), (), errno.EINVAL, "link is needed"),
    "a link that is not there": (NO_SUCH, (), (), errno.ENODEV,
                                 "no IPoIB interface"),
    "a link of another kind": ("lo", (), (), errno.ENODEV,
                               "no IPoIB interface"),
    "a child": ("child", (), (), errno.EINVAL, "child itself"),
    "P_Key 0": ("ib0", (u16(PKEY, 0),), (), errno.EINVAL, "P_Key"),
    "P_Key 0x8000": ("ib0", (u16(PKEY, 0x8000),), (), errno.EINVAL, "P_Key"),
    "a P_Key of one octet": ("ib0", (attr(PKEY, b"\1"),), (), errno.ERANGE,
                             "policy"),
    "mode 7": ("ib0", (u16(MODE, 7),), (), errno.EINVAL, "unknown mode"),
    "MTU 71": ("ib0", (), (u32(MTU, 71),), errno.EINVAL, "MTU"),
    "MTU 4093": ("ib0", (), (u32(MTU, 4093),), errno.EINVAL, "MTU"),
    "an address of 6 octets": ("ib0", (), (attr(ADDRESS, bytes(6)),),
                               errno.EINVAL, ""),
    "a name that is taken": ("ib0", (), (attr(IFNAME, "child"),),
                             errno.EEXIST, ""),
}


@pytest.mark.ours
@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_made_is_refused_and_explained(h4, rtnl, what):
    """What the core refuses it need not explain. Nothing is made."""
    link, data, more, error, why = REFUSED[what]
    assert make(rtnl, index(h4, "ib0"), name="child") == (0, "")
    before = interfaces(h4)
    parent = index(h4, link) if isinstance(link, str) else link
    code, said = make(rtnl, parent, *data, more=more)
    assert (errno.errorcode.get(code), code) == (errno.errorcode[error], error)
    assert why in said
    assert interfaces(h4) == before


@pytest.mark.ours
@pytest.mark.parametrize("kind", ("parent", "child"))
@pytest.mark.parametrize("data, error, why", (
    (u16(MODE, 7), errno.EINVAL, "unknown mode"),
    (attr(UMCAST, b"\1"), errno.ERANGE, "policy")))
def test_what_cannot_be_changed_is_refused_and_explained(h4, rtnl, kind, data,
                                                         error, why):
    dev = "ib0"
    if kind == "child":
        dev = "x"
        make(rtnl, index(h4, "ib0"))
    before = rtnl.data(dev)
    code, said = rtnl.new(info(data), index=index(h4, dev))
    assert code == error and why in said
    assert rtnl.data(dev) == before


# --- taken

@pytest.mark.parametrize("pkey, mode, umcast", itertools.product(
    (None, 1, 0x8001, 0x7fff, 0xffff), (None, 0, 1), (None, 0, 1, 7)))
def test_every_attribute_is_taken_and_shown(h4, rtnl, pkey, mode, umcast):
    """Those that are not given have their defaults."""
    data = [u16(kind, value) for kind, value in
            ((PKEY, pkey), (MODE, mode), (UMCAST, umcast))
            if value is not None]
    assert make(rtnl, index(h4, "ib0"), *data) == (0, "")
    expected = {PKEY: (0xffff if pkey is None else pkey) | 0x8000,
                MODE: mode or 0, UMCAST: int(bool(umcast))}
    assert rtnl.data("x") == expected
    assert h4.sysfs("pkey", "x") == f"0x{expected[PKEY]:04x}"
    for value in (1, 0):
        assert rtnl.new(info(u16(PKEY, 0x8009), u16(MODE, value),
                             u16(UMCAST, value)),
                        index=index(h4, "x")) == (0, "")
        assert rtnl.data("x") == expected | {UMCAST: value, MODE: value}


def test_without_any_data_a_link_is_made(h4, rtnl):
    assert rtnl.new(attr(IFNAME, "x"), u32(LINK, index(h4, "ib0")),
                    info()) == (0, "")
    assert rtnl.data("x") == {PKEY: 0xffff, MODE: 0, UMCAST: 0}
    h4.ip("link", "add", "link", "ib0", "type", "ipoib")
    assert "ipoib0" in interfaces(h4)


def test_more_queues_than_there_are_do_no_harm(h4, rtnl):
    """They are allocated, and not used."""
    assert make(rtnl, index(h4, "ib0"), more=(
        u32(NUM_TX_QUEUES, 16), u32(NUM_RX_QUEUES, 16))) == (0, "")
    assert h4.link("x")["num_tx_queues"] == 16
    shown = h4.run("ls", "/sys/class/net/x/queues").split()
    assert shown == ["rx-0", "tx-0"]


def test_two_links_of_one_pkey_have_addresses_of_their_own(h4, rtnl):
    for name in ("x", "y"):
        assert make(rtnl, index(h4, "ib0"), u16(PKEY, 0x8001),
                    name=name) == (0, "")
    assert len({h4.address(dev) for dev in ("ib0", "x", "y")}) == 3


# --- a lock that everybody wants

class Contention:
    """Processes that take RTNL as often as they can."""

    COMMAND = ("while :; do (for i in 1 2 3 4 5 6 7 8; do "
               "echo link add {0}$i type dummy; echo link delete {0}$i; done) "
               "| ip -batch -; done")

    def __init__(self, count=3):
        self.children = [subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "sh", "-c",
             self.COMMAND.format(f"busy{n}.")], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL) for n in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.kill()
            child.wait()


def test_changes_succeed_while_the_lock_is_busy(hosts, h4, rtnl):
    """Of parents and of children, over rtnetlink and through the files, with
    the link up and carrying traffic."""
    h1 = hosts[0]
    assert make(rtnl, index(h4, "ib0")) == (0, "")
    h4.ip("link", "set", "x", "up")
    wait(lambda: h4.carrier("x"), 20, "no carrier")
    h1.reach(h4)
    with Contention():
        for round_ in range(lab.scaled(40)):
            for dev in ("ib0", "x"):
                on = round_ & 1
                assert rtnl.new(info(u16(MODE, on), u16(UMCAST, on)),
                                index=index(h4, dev)) == (0, "")
                data = rtnl.data(dev)
                assert (data[MODE], data[UMCAST]) == (on, on)
                assert h4.link(dev)["mtu"] == (65520 if on else 2044)
        for dev in ("ib0", "x"):
            assert rtnl.new(info(u16(MODE, 0)), index=index(h4, dev)) == \
                (0, "")
        for _ in range(4):
            assert write_errno(h4, "create_child", "0x8005\n") == 7
            assert write_errno(h4, "mode", "datagram\n") == 9
            assert write_errno(h4, "delete_child", "0x8005\n") == 7
        assert h1.ping(h4.v4, 20, limit=60) == 0
        # Carrier and MTU come from a work that needs the lock, too.
        h4.ip("link", "set", "x", "down")
        h4.ip("link", "set", "x", "up")
        wait(lambda: h4.carrier("x"), 20, "no carrier")
        assert h4.link("x")["mtu"] == h4.link()["mtu"]
    for dev in ("ib0", "x"):
        rtnl.new(info(u16(UMCAST, 0)), index=index(h4, dev))
    wait(lambda: interfaces(h4) == {"ib0", "x"}, 20, "a child stays")


@pytest.mark.parametrize("state", ("up", "down"))
def test_deleting_a_parent_does_nothing_in_any_state(hosts, h4, state):
    """Nor to its children; neither by itself nor with others."""
    h4.ip("link", "add", "link", "ib0", "name", "x", "type", "ipoib")
    try:
        h4.ip("link", "set", "ib0", state)
        before = h4.link()["flags"], h4.address()
        h4.ip("link", "delete", "ib0")
        h4.ip("link", "set", "ib0", "group", "77")
        h4.ip("link", "set", "x", "group", "77")
        h4.ip("link", "delete", "group", "77")
        # The group is deleted as a whole: the child goes, its parent not.
        assert interfaces(h4) == {"ib0"}
        assert (h4.link()["flags"], h4.address()) == before
    finally:
        h4.ip("link", "set", "ib0", "group", "0")
        h4.ip("link", "set", "ib0", "up")
        h4.ip("address", "replace", f"{h4.v6}/64", "dev", "ib0", "nodad")
    hosts[0].reach(h4, 20)
