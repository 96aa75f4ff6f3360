# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The module: parameters, modinfo, loading and unloading, messages."""

import os
import re

import pytest

from tests.vm.iftools import Log, restore_v6, set_up, write_errno
from tests.vm.lab import read, run, wait, write

PARAMETERS = "/sys/module/ib_ipoib/parameters"
CONFIG = "/lab/config"


def usual_options():
    """What the lab loads the module with."""
    if not os.path.exists(CONFIG):
        return []
    out = run("bash", "-c", f". {CONFIG}; echo $LAB_IPOIB_OPTIONS")
    return out.split()


def load(*options):
    run("modprobe", "ib_ipoib", *options)


def unload():
    run("modprobe", "-r", "ib_ipoib", timeout=60)


@pytest.fixture(scope="module")
def no_module(all_hosts):
    """Without the module, from the first test that asks for it to the end of
    this file; then with it, as the lab has it."""
    unload()
    yield
    load(*usual_options())
    for host in all_hosts:
        set_up(host)


@pytest.fixture
def unloaded(no_module):
    """Without the module before and after the test."""
    yield
    if os.path.exists(PARAMETERS):
        unload()


def parameter(name):
    return read(f"{PARAMETERS}/{name}")


@pytest.mark.parametrize("name, mode, value", (
    ("send_queue_size", 0o444, "128"), ("recv_queue_size", 0o444, "256"),
    ("max_nonsrq_conn_qp", 0o444, "128"),
    ("debug_level", 0o644, "0"), ("mcast_debug_level", 0o644, "0")))
def test_a_parameter_and_its_default(name, mode, value):
    """As the lab loads the module unless it is told otherwise."""
    assert os.stat(f"{PARAMETERS}/{name}").st_mode & 0o777 == mode
    assert parameter(name) == dict(o.split("=") for o in usual_options()).get(
        name, value)


def test_there_is_no_data_path_debugging_by_default():
    for name in ("data_debug_level", "cm_data_debug_level"):
        assert not os.path.exists(f"{PARAMETERS}/{name}")


def test_modinfo():
    out = run("modinfo", "ib_ipoib")
    found = re.findall(r"^(\w+):\s+(.*)$", out, re.M)
    values = {k: v for k, v in found}
    assert ("alias", "rtnl-link-ipoib") in found
    assert values["license"] in ("Dual BSD/GPL", "GPL")
    depends = set(values["depends"].split(","))
    assert "ib_core" in depends and depends <= {"ib_core", "ib_cm"}
    types = dict(re.findall(r"^parm:\s+(\w+):.*\((\w+)\)$", out, re.M))
    assert {"send_queue_size", "recv_queue_size", "debug_level",
            "mcast_debug_level"} <= set(types)
    assert set(types.values()) == {"int"}


def test_the_alias_of_the_link_kind_resolves():
    assert run("modprobe", "--resolve-alias",
               "rtnl-link-ipoib").strip() == "ib_ipoib"


# Messages.

def debug_lines(log, name="ib0"):
    return [l for l in log.lines("", "-l", "debug")
            if re.match(rf"{name}: ", l)]


@pytest.mark.parametrize("name", ("debug_level", "mcast_debug_level"))
def test_debug_messages_are_switched_on_and_off_at_once(h4, name):
    def down_and_up():
        h4.ip("link", "set", "ib0", "down")
        h4.ip("link", "set", "ib0", "up")
        wait(h4.carrier, 20, "no carrier")
        restore_v6(h4)
    quiet = Log()
    down_and_up()
    assert not debug_lines(quiet)
    write(f"{PARAMETERS}/{name}", "1")
    try:
        loud = Log()
        down_and_up()
        assert debug_lines(loud)
        assert parameter(name) == "1"
    finally:
        write(f"{PARAMETERS}/{name}", "0")
    quiet = Log()
    down_and_up()
    assert not debug_lines(quiet)


def test_a_parameter_that_is_read_only_cannot_be_written(h1):
    for name in ("send_queue_size", "recv_queue_size"):
        assert write_errno(h1, f"{PARAMETERS}/{name}", "256",
                           nobody=True) == "EACCES"
        before = parameter(name)
        assert write_errno(h1, f"{PARAMETERS}/{name}", "4096") in \
            ("EACCES", "EPERM", "EIO")
        assert parameter(name) == before


def test_nobody_may_not_switch_debugging_on(h1):
    assert write_errno(h1, f"{PARAMETERS}/debug_level", "1",
                       nobody=True) == "EACCES"
    assert parameter("debug_level") == "0"


def test_down_and_up_says_nothing(h4):
    """A healthy interface is silent but for the stack's own lines."""
    log = Log()
    h4.ip("link", "set", "ib0", "down")
    h4.ip("link", "set", "ib0", "up")
    wait(h4.carrier, 20, "no carrier")
    restore_v6(h4)
    assert not log.lines("^ib0: ")


# From here on the module is not loaded when a test begins.

def sizes():
    return int(parameter("send_queue_size")), \
        int(parameter("recv_queue_size"))


def test_unloading_takes_interfaces_away_even_those_that_are_up(unloaded,
                                                                all_hosts):
    for host in all_hosts:
        assert host.status("ip", "link", "show", "ib0")[0]
    assert not os.path.exists("/sys/kernel/debug/ipoib")
    assert "ib_ipoib" not in run("lsmod")


def test_asking_for_a_link_of_its_kind_loads_it(unloaded):
    run("ip", "link", "add", "foo", "type", "ipoib", check=False)
    wait(lambda: "ib_ipoib" in run("lsmod"), 5, "it is not loaded")
    assert not os.path.exists("/sys/class/net/foo")


def test_queue_sizes_are_rounded_up_and_clamped(unloaded):
    """What is read is what holds; an option nobody knows does no harm."""
    for typed, held in (((1, 1), (128, 2)), ((129, 300), (256, 512)),
                        ((8193, 100000), (8192, 8192))):
        load(f"send_queue_size={typed[0]}", f"recv_queue_size={typed[1]}",
             "ipoib_enhanced=0")
        assert sizes() == held
        unload()


@pytest.mark.ours
@pytest.mark.parametrize("typed, held", ((-1, 0), (7, 7), (5000, 4096)))
def test_the_number_of_connections_is_clamped(unloaded, typed, held):
    load(f"max_nonsrq_conn_qp={typed}")
    assert int(parameter("max_nonsrq_conn_qp")) == held


@pytest.mark.stock_differs("it does not check for them")
def test_queue_sizes_that_are_none_are_clamped(unloaded):
    load("send_queue_size=0", "recv_queue_size=-5")
    assert sizes() == (128, 2)


def test_small_queues_carry_traffic(unloaded, all_hosts):
    """And an interface's queue is twice as long as its ring."""
    load("send_queue_size=512", "recv_queue_size=2")
    for host in all_hosts:
        set_up(host)
    for host in all_hosts:
        wait(host.carrier, 20, "no carrier")
    h1, h4 = all_hosts[0], all_hosts[3]
    assert h1.sysfs("tx_queue_len") == "1024"
    h1.reach(h4)
    assert h1.ping(h4.v4, 20, 8000) == 0


def test_it_loads_without_an_hca(unloaded, all_hosts, opensm):
    opensm.stop()
    cables = {h: f"{h}-sw{(h.number + 1) // 2}" for h in all_hosts}
    for host in all_hosts:
        run("rdma", "link", "delete", host.hca, timeout=60)
    try:
        load()
        assert run("ip", "-o", "link").count("infiniband") == 0
        unload()
    finally:
        for host, cable in cables.items():
            run("rdma", "link", "add", host.hca, "type", "sib", "netdev",
                cable)
        opensm.start()
