# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What users may not do who lack the privilege, by every way into the driver;
and what they may look at all the same.

Nobody is a user like any other. The tamed root owns all files, but has no
CAP_NET_ADMIN; the root of a user namespace has it there only.
"""

import pytest

from tests.vm import lab
from tests.vm.iftools import write_all
from tests.vm.lab import run

NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534",
          "--clear-groups", "--")
TAMED = ("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin",
         "--")
CONTAINED = ("unshare", "--user", "--map-root-user")
PARAMETERS = "/sys/module/ib_ipoib/parameters"
GUID = "00:11:22:33:44:55:66:77"


@pytest.fixture(autouse=True)
def unchanged(h1):
    """Whatever was tried, everything is as before."""
    def state():
        link = h1.link()
        return (link["flags"], link["mtu"], link["address"], link["linkinfo"],
                h1.run("ls", "/sys/class/net"), h1.sysfs("umcast"),
                h1.sysfs("mode"), lab.read(f"{PARAMETERS}/debug_level"),
                h1.run("ethtool", "-c", "ib0"))
    before = state()
    yield
    assert state() == before


def test_nobody_may_not_open_a_file_to_write(h1):
    writes = [(f, v) for f, v in (
        ("mode", "datagram\n"), ("umcast", "1\n"), ("pkey", "0x8001\n"),
        ("create_child", "0x8001\n"), ("delete_child", "0x8001\n"),
        ("mtu", "1000\n"), ("tx_queue_len", "10\n"),
        (f"{PARAMETERS}/debug_level", "1"),
        (f"{PARAMETERS}/mcast_debug_level", "1"),
        (f"{PARAMETERS}/send_queue_size", "256"))]
    found = write_all(h1, writes, nobody=True)
    assert [result for result, _ in found] == ["EACCES"] * len(writes)


@pytest.mark.parametrize("under", (TAMED, CONTAINED),
                         ids=("tamed", "contained"))
def test_the_owner_of_the_files_needs_the_capability(h1, under):
    """Children are the whole system's business: it is asked for in the
    initial user namespace."""
    writes = [("create_child", "0x8001\n"), ("delete_child", "0x8001\n"),
              ("create_child", "32769"), ("delete_child", "0100001")]
    found = write_all(h1, writes, under=under)
    assert [result for result, _ in found] == ["EPERM"] * len(writes)


@pytest.mark.parametrize("under", (TAMED, CONTAINED),
                         ids=("tamed", "contained"))
def test_what_is_no_pkey_is_told_to_everybody(h1, under):
    """The number is looked at before the writer."""
    assert write_all(h1, [("create_child", "foo\n"),
                          ("delete_child", "\n")], under=under) == \
        [("EINVAL", "EACCES"), ("EINVAL", "EACCES")]


def test_the_owner_of_the_files_may_write_what_asks_for_no_capability(h1):
    assert write_all(h1, [("mode", "datagram\n"), ("umcast", "1\n"),
                          ("umcast", "0\n")], under=TAMED) == \
        [(9, "datagram\n"), (2, "1\n"), (2, "0\n")]


CHANGES = (
    ("set", "ib0", "down"),
    ("set", "ib0", "mtu", "1000"),
    ("set", "ib0", "address", GUID + ":" + GUID + ":00:00:00:01"),
    ("set", "ib0", "multicast", "off"),
    ("set", "ib0", "name", "ibx"),
    ("set", "ib0", "txqueuelen", "10"),
    ("set", "ib0", "type", "ipoib", "umcast", "1"),
    ("set", "ib0", "type", "ipoib", "mode", "connected"),
    ("set", "ib0", "vf", "0", "node_guid", GUID),
    ("set", "ib0", "vf", "0", "port_guid", GUID),
    ("set", "ib0", "vf", "0", "state", "enable"),
    ("add", "link", "ib0", "type", "ipoib", "pkey", "0x8001"),
    ("delete", "ib0"),
)


@pytest.mark.parametrize("under", (NOBODY, TAMED, CONTAINED),
                         ids=("nobody", "tamed", "contained"))
def test_no_change_through_netlink(h1, under):
    for change in CHANGES:
        code, out = h1.status(*under, "ip", "link", *change)
        assert code == 2 and "Operation not permitted" in out, (change, out)


SETTINGS = (("-C", "ib0", "rx-usecs", "5"), ("-K", "ib0", "gro", "off"),
            ("-s", "ib0", "msglvl", "1"))


@pytest.mark.parametrize("under", (NOBODY, TAMED, CONTAINED),
                         ids=("nobody", "tamed", "contained"))
def test_no_change_through_ethtool(h1, under):
    for setting in SETTINGS:
        code, out = h1.status(*under, "ethtool", *setting)
        assert code and "not permitted" in out, (setting, out)


def test_nobody_may_look(h1):
    """What is no secret."""
    for command in (("ip", "-d", "-s", "link", "show", "ib0"),
                    ("ethtool", "-i", "ib0"), ("ethtool", "-S", "ib0"),
                    ("ethtool", "-c", "ib0"), ("ethtool", "ib0"),
                    ("cat", "/sys/class/net/ib0/mode"),
                    ("cat", "/sys/class/net/ib0/pkey"),
                    ("cat", "/sys/class/net/ib0/umcast"),
                    ("cat", f"{PARAMETERS}/debug_level")):
        assert h1.run(*NOBODY, *command)


def test_nobody_may_not_look_where_the_administrator_debugs():
    """The directory of debugfs is root's; the files below are not hidden if
    it is opened."""
    path = "/sys/kernel/debug/ipoib/ib0_mcg"
    code, out = lab.status(*NOBODY, "cat", path)
    assert code and "Permission denied" in out
    run("mount", "-o", "remount,mode=755", "/sys/kernel/debug")
    try:
        assert run(*NOBODY, "cat", path).startswith("GID: ff12:")
        code, out = lab.status(*NOBODY, "sh", "-c", f"echo x >{path}")
        assert code and "Permission denied" in out
    finally:
        run("mount", "-o", "remount,mode=700", "/sys/kernel/debug")


@pytest.mark.ours
def test_nobody_may_not_trace():
    code, out = lab.status(*NOBODY, "cat",
                           "/sys/kernel/tracing/events/ipoib/enable")
    assert code and "Permission denied" in out
