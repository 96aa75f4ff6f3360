# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Children: by create_child and by rtnetlink, alone and in real partitions."""

import errno
import json
import os

import pytest

from tests.vm import lab
from tests.vm.lab import wait
from tests.vm.partitions import EVERYBODY, partition


def files(host, dev):
    """The driver's own files of an interface."""
    present = host.run("ls", f"/sys/class/net/{dev}").split()
    return {f for f in present if f in ("pkey", "mode", "umcast", "parent",
                                        "create_child", "delete_child")}


def devices(host):
    """Names of the IPoIB interfaces of a host."""
    return {link["ifname"] for link in json.loads(
        host.run("ip", "-j", "link", "show"))} - {"lo"}


def write(host, file, value, dev="ib0"):
    """0, or the errno of writing a file."""
    code, said = host.status(
        "python3", "-c", "import os, sys\n"
        "f = os.open(sys.argv[1], os.O_WRONLY)\n"
        "try: os.write(f, sys.argv[2].encode())\n"
        "except OSError as e: sys.exit(e.errno)",
        f"/sys/class/net/{dev}/{file}", value)
    assert "Traceback" not in said, said
    return code


def delete_by_file(host, value):
    """delete_child; waits until the interface is gone."""
    before = len(devices(host))
    assert write(host, "delete_child", value) == 0
    wait(lambda: len(devices(host)) < before, 10, "the child stays")


@pytest.fixture
def h1(hosts):
    """h1, without children before and after."""
    host = hosts[0]
    yield host
    for dev in devices(host) - {"ib0"}:
        host.ip("link", "delete", dev)
    host.ip("link", "set", "ib0", "up")
    host.ip("address", "replace", f"{host.v6}/64", "dev", "ib0", "nodad")


def add_link(host, name, *options):
    """ip link add; exit status and what it said."""
    return host.status("ip", "link", "add", "link", "ib0", "name", name,
                       "type", "ipoib", *options)


@pytest.mark.parametrize("value, error", (
    ("0", errno.EINVAL), ("-1", errno.EINVAL), ("0x10000", errno.EINVAL),
    ("0x8000", errno.EINVAL), ("word", errno.EINVAL), ("", 0),
    ("0xffff", errno.ENOTUNIQ), ("0x7fff", errno.ENOTUNIQ)))
def test_what_cannot_be_created(h1, value, error):
    assert write(h1, "create_child", value) == error
    assert devices(h1) == {"ib0"}


@pytest.mark.parametrize("value, name", (
    ("0x8001", "ib0.8001"), ("1", "ib0.0001"), ("017", "ib0.000f"),
    (" 0x8002 and more\n", "ib0.8002")))
def test_the_name_is_that_of_the_value_as_written(h1, value, name):
    assert write(h1, "create_child", value) == 0
    assert devices(h1) == {"ib0", name}
    assert int(h1.sysfs("pkey", name), 16) == \
        int(name.split(".")[1], 16) | 0x8000


@pytest.mark.stock_differs("it compares the value as written")
def test_a_limited_member_is_the_same_child(h1):
    assert write(h1, "create_child", "0x8001") == 0
    assert write(h1, "create_child", "0x0001") == errno.ENOTUNIQ
    delete_by_file(h1, "1")
    assert devices(h1) == {"ib0"}


def test_the_name_may_be_taken(h1):
    h1.ip("link", "add", "ib0.8001", "type", "dummy")
    assert write(h1, "create_child", "0x8001") == errno.EEXIST


def test_deleting(h1):
    assert write(h1, "delete_child", "0x8001") == errno.ENODEV
    assert write(h1, "delete_child", "0x8000") == errno.ENODEV
    assert write(h1, "delete_child", "-1") == errno.EINVAL
    assert write(h1, "delete_child", "0x10000") == errno.EINVAL
    assert write(h1, "create_child", "0x8001") == 0
    delete_by_file(h1, "0x8001")
    assert write(h1, "delete_child", "0x8001") == errno.ENODEV


@pytest.mark.debug
@pytest.mark.ours
def test_the_same_child_again_and_again(h1):
    for _ in range(5 if lab.DEBUG else 20):
        assert write(h1, "create_child", "0x8001") == 0
        assert write(h1, "delete_child", "0x8001") == 0
    wait(lambda: devices(h1) == {"ib0"}, 10, "a child stays")


def test_unprivileged_users_may_not(h1):
    for file in ("create_child", "delete_child"):
        code, said = h1.status("setpriv", "--reuid", "65534", "--clear-groups",
                               "sh", "-c",
                               f"echo 1 >/sys/class/net/ib0/{file}")
        assert code and "denied" in said


@pytest.mark.stock_differs("links of rtnetlink have none of its files")
def test_both_kinds_have_the_same_files(h1):
    assert write(h1, "create_child", "0x8001") == 0
    assert add_link(h1, "x", "pkey", "0x8002")[0] == 0
    assert files(h1, "ib0.8001") == files(h1, "x") == \
        {"pkey", "mode", "umcast", "parent"}
    assert files(h1, "ib0") == {"pkey", "mode", "umcast", "create_child",
                                "delete_child"}
    h1.ip("link", "set", "x", "name", "y")
    for dev in ("ib0.8001", "y"):
        assert h1.sysfs("parent", dev) == "ib0"
        assert h1.sysfs("mode", dev) == "datagram"


def test_what_a_child_looks_like(h1):
    assert write(h1, "create_child", "0x8001") == 0
    assert add_link(h1, "x", "pkey", "0x8002", "mode", "datagram", "umcast",
                    "1")[0] == 0
    parent = h1.link("ib0")
    for dev, pkey in (("ib0.8001", 0x8001), ("x", 0x8002)):
        child = h1.link(dev)
        assert child["link"] == "ib0" and child["link_type"] == "infiniband"
        assert child["mtu"] == 4092
        assert h1.address(dev)[4:] == h1.address()[4:]
        assert h1.address(dev)[1:4] != h1.address()[1:4]
        assert child["broadcast"].replace(":", "")[16:20] == f"{pkey:04x}"
        assert f"ipoib pkey {pkey:#x} mode datagram umcast" in h1.ip(
            "-d", "link", "show", "dev", dev)
        assert h1.sysfs("dev_port", dev) == h1.sysfs("dev_id", dev)[-1] == "0"
    assert int(h1.sysfs("iflink", "x")) == parent["ifindex"]
    assert h1.sysfs("umcast", "x") == "1"


@pytest.mark.ours
@pytest.mark.parametrize("options, said", (
    (("pkey", "0"), "no P_Key"), (("pkey", "0x8000"), "no P_Key")))
def test_what_rtnetlink_refuses_it_explains(h1, options, said):
    code, text = add_link(h1, "x", *options)
    assert code and said in text
    assert devices(h1) == {"ib0"}


@pytest.mark.ours
def test_links_that_are_no_parents(h1):
    h1.ip("link", "add", "d0", "type", "dummy")
    assert add_link(h1, "x")[0] == 0
    for link, said in (("x", "child itself"), ("d0", "no IPoIB interface")):
        code, text = h1.status("ip", "link", "add", "link", link, "name", "y",
                               "type", "ipoib")
        assert code and said in text
    code, text = h1.status("ip", "link", "add", "name", "y", "type", "ipoib")
    assert code and "a link is needed" in text


@pytest.mark.ours
def test_mtu_and_address_at_creation(h1):
    """What systemd-networkd sends: twelve zeroes and an identifier."""
    unknown = "00:" * 12 + "02:00:00:00:00:00:00:01"
    code, said = h1.status("ip", "link", "add", "link", "ib0", "name", "x",
                           "mtu", "1500", "address", unknown, "type", "ipoib",
                           "pkey", "0x8003")
    assert code == 0, said
    assert h1.link("x")["mtu"] == 1500
    assert h1.address("x")[4:] == h1.address()[4:]
    code, said = h1.status("ip", "link", "add", "link", "ib0", "name", "y",
                           "mtu", "9000", "type", "ipoib", "pkey", "0x8004")
    assert code and "MTU" in said


def test_deleting_a_parent_does_nothing(h1):
    assert h1.status("ip", "link", "delete", "ib0")[0] == 0
    assert devices(h1) == {"ib0"}


@pytest.mark.debug
def test_children_go_up_and_down_with_their_parent(h1):
    assert write(h1, "create_child", "0x8001") == 0
    assert add_link(h1, "x", "pkey", "0x8002")[0] == 0

    def up(dev):
        return "UP" in h1.link(dev)["flags"]

    h1.ip("link", "set", "ib0", "down")
    assert not up("ib0.8001") and not up("x")
    h1.ip("link", "set", "ib0", "up")
    assert up("ib0.8001") and up("x")
    h1.ip("link", "set", "ib0", "down")
    h1.ip("link", "set", "x", "up")
    assert up("x") and not up("ib0.8001")


def give(host, dev, net):
    """An address on a child, which is set up."""
    host.ip("address", "add", f"192.0.2.{net * 16 + host.number}/28", "dev",
            dev)
    host.ip("link", "set", dev, "up")


@pytest.mark.debug
def test_a_child_works_when_its_partition_comes(hosts, h1, partitions):
    other = hosts[3]
    try:
        for host in (h1, other):
            assert write(host, "create_child", "0x8001") == 0
            give(host, "ib0.8001", 1)
            assert not host.carrier("ib0.8001")
        partitions(EVERYBODY + partition(1, 1, 4))
        for host in (h1, other):
            wait(lambda h=host: h.carrier("ib0.8001"), 20,
                 f"the child of {host} has no carrier")
        wait(lambda: not h1.ping("192.0.2.20", limit=1), 10, "h4 is silent")
        assert h1.ping("192.0.2.20", 100) == 0
        partitions(EVERYBODY)
        for host in (h1, other):
            wait(lambda h=host: not h.carrier("ib0.8001"), 20,
                 f"the child of {host} keeps its carrier")
        assert h1.ping(other.v4, 10) == 0
        partitions(EVERYBODY + partition(2, 1, 4) + partition(1, 1, 4))
        wait(lambda: not h1.ping("192.0.2.20", limit=1), 30,
             "h4 is silent after the P_Key has moved")
    finally:
        other.ip("link", "delete", "ib0.8001")


def packets(host, dev, way):
    return host.link(dev)["stats64"][way]["packets"]


def test_two_partitions_hear_nothing_of_each_other(hosts, h1, partitions):
    other = hosts[3]
    partitions(EVERYBODY + partition(1, 1, 4) + partition(2, 1, 4))
    try:
        for host, dev, pkey, net in ((h1, "x", 1, 1), (h1, "y", 2, 2),
                                     (other, "x", 1, 1)):
            assert add_link(host, dev, "pkey", f"{pkey | 0x8000:#x}")[0] == 0
            give(host, dev, net)
            wait(lambda h=host, d=dev: h.carrier(d), 20, f"{host} {dev}")
        wait(lambda: not h1.ping("192.0.2.20", limit=1), 10, "h4 is silent")
        heard, said = packets(other, "x", "rx"), packets(h1, "y", "tx")
        h1.ip("neigh", "flush", "all")
        # Nobody answers in the second one, and no broadcast crosses over.
        h1.run("bash", "-c", "for n in {36..45}; do "
               "echo > /dev/udp/192.0.2.$n/9; done")
        wait(lambda: packets(h1, "y", "tx") >= said + 20, 20, "nobody asks")
        assert packets(other, "x", "rx") - heard < 10
    finally:
        other.ip("link", "delete", "x")


@pytest.mark.debug
def test_children_go_home_when_their_namespace_dies(h1):
    assert add_link(h1, "x", "pkey", "0x8001")[0] == 0
    lab.run("ip", "netns", "add", "tmp")
    h1.ip("link", "set", "x", "netns", "tmp", "name", "child0")
    assert "ipoib" in lab.run("ip", "-n", "tmp", "-d", "link", "show",
                              "child0")
    lab.run("ip", "netns", "delete", "tmp")

    def returned():
        return [d for d in os.listdir("/sys/class/net")
                if os.path.exists(f"/sys/class/net/{d}/pkey") or
                d == "child0" or d.startswith("dev")]

    [name] = wait(returned, 10, "the child has not come back")
    lab.run("ip", "link", "delete", name)
