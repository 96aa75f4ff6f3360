# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""ipoib/IF_mcg and ipoib/IF_path in debugfs, to the octet."""

import os
import re
import signal
import socket
import time

import pytest

from tests.vm import lab
from tests.vm.ifwire import BROADCAST_GID, mgid_of
from tests.vm.lab import run, wait

DIR = "/sys/kernel/debug/ipoib"
WORD = r"(?:0|[1-9a-f][0-9a-f]{0,3})"
GID = rf"GID: ((?:{WORD}:){{7}}{WORD})\n"
GROUP = re.compile(GID + r"  created: ( *\d+)\n"
                   r"  queuelen: ([ \d]{8}\d)\n"
                   r"  complete:       (yes| no)\n"
                   r"  send_only:      (yes| no)\n\n")
PATH = re.compile(GID + r"(?:"
                  r"  complete:    (yes)\n"
                  r"  DLID:     (0x[0-9a-f]{4,})\n"
                  r"  SL: ([ \d]{11}\d)\n"
                  r"  rate: ([ \d]{7}\d\.\d+) Gb/sec\n\n"
                  r"|  complete:     no\n\n)")


def text(name):
    """A file, to the octet."""
    with open(f"{DIR}/{name}", encoding="ascii") as file:
        return file.read()


def blocks(pattern, whole):
    """All blocks of a file, which has nothing else."""
    found = list(pattern.finditer(whole))
    assert "".join(m[0] for m in found) == whole, whole
    return found


def octets(shown):
    """A GID as it is shown, as octets."""
    return b"".join(int(part, 16).to_bytes(2, "big")
                    for part in shown.split(":"))


def groups():
    """h1's groups: by MGID, the other fields."""
    return {octets(m[1]): m.groups()[1:]
            for m in blocks(GROUP, text("ib0_mcg"))}


def paths():
    """h1's paths: by GID, the other fields."""
    return {octets(m[1]): m.groups()[1:]
            for m in blocks(PATH, text("ib0_path"))}


def test_groups_to_the_octet_and_in_order(h1):
    found = groups()
    assert list(found) == sorted(found)
    for created, queued, *_ in found.values():
        assert len(created) >= 10 and int(created) > 0
        assert len(queued) == 9


def test_the_broadcast_group_and_those_of_the_stack_are_there(h1):
    wanted = [BROADCAST_GID, mgid_of("224.0.0.1"), mgid_of("ff02::1")]
    # What was refused is tried again after 16 seconds at the latest.
    wait(lambda: all(groups().get(m, ())[1:] ==
                     ("        0", "yes", " no") for m in wanted), 30,
         "they are not joined")


def test_a_group_that_is_only_sent_to_is_shown_so(h1):
    group = "239.7.7.9"
    h1.ping(group, options=("-I", "ib0"), limit=1)
    wait(lambda: groups().get(mgid_of(group), ())[2:] == ("yes", "yes"), 5,
         "the group is not there")


def test_the_time_of_a_groups_making_is_in_jiffies(h1):
    """Later groups have larger numbers, HZ of them in a second."""
    def made(group):
        h1.ping(group, options=("-I", "ib0"), limit=1)
        return wait(lambda: groups().get(mgid_of(group)), 5, group)[0]
    first = int(made("239.7.7.10"))
    began = time.monotonic()
    h1.ping("239.7.7.11", 1, options=("-I", "ib0"), limit=2)
    second = int(made("239.7.7.12"))
    passed = time.monotonic() - began
    assert 0 < second - first < (passed + 3) * 1000


def test_paths_to_the_octet_and_in_order(hosts):
    h1 = hosts[0]
    for host in hosts[1:]:
        h1.reach(host)
    found = paths()
    assert list(found) == sorted(found)
    for host in hosts[1:]:
        complete, dlid, level, rate = found[host.address()[4:]]
        assert complete == "yes" and level.strip() == "0"
        assert dlid == f"0x{lab.lid(host.hca):04x}"
        assert rate == "      40.0"


def test_a_path_that_is_asked_for_is_not_complete(hosts, opensm):
    h1 = hosts[0]
    gid = "fe80::202:c903:77:1"
    lladdr = "00:00:01:23:" + ":".join(
        re.findall("..", socket.inet_pton(socket.AF_INET6, gid).hex()))
    opensm.stop(signal.SIGKILL)
    try:
        h1.ip("neigh", "replace", "198.51.100.99", "lladdr", lladdr, "dev",
              "ib0", "nud", "permanent")
        h1.ping("198.51.100.99", limit=1)
        whole = text("ib0_path")
        assert "GID: fe80:0:0:0:202:c903:77:1\n  complete:     no\n\n" in whole
        blocks(PATH, whole)
    finally:
        h1.ip("neigh", "del", "198.51.100.99", "dev", "ib0")
        opensm.start()


def test_packets_that_wait_for_a_group_are_shown(hosts, opensm):
    h1, group = hosts[0], "239.7.7.13"
    opensm.stop(signal.SIGKILL)
    try:
        for _ in range(3):
            h1.run("ping", "-c", 1, "-W", "0.01", "-I", "ib0", group,
                   check=False)
        shown = wait(lambda: groups().get(mgid_of(group)), 5, "no group")
        assert shown[1:] == ("        3", " no", "yes")
    finally:
        opensm.start()


@pytest.mark.parametrize("suffix", ("mcg", "path"))
def test_files_are_for_everybody_to_read_and_for_nobody_to_write(suffix):
    stat = os.stat(f"{DIR}/ib0_{suffix}")
    assert stat.st_mode & 0o7777 == 0o444
    try:
        lab.write(f"{DIR}/ib0_{suffix}", "x")
    except OSError:
        return
    raise AssertionError("it was written")


def files(prefix):
    return sorted(n for n in os.listdir(DIR) if n.startswith(prefix))


def all_of(name):
    """The files of an interface."""
    kinds = ("mcg", "path") if lab.DRIVER == "stock" else ("conn", "mcg",
                                                           "path")
    return [f"{name}_{kind}" for kind in kinds]


def test_files_are_renamed_with_the_interface_and_go_with_it(spare):
    hca = spare()
    name = hca.add()
    run("ip", "link", "set", name, "name", "ibspare")
    assert files("ibspare") == all_of("ibspare")
    run("ip", "link", "set", "ibspare", "name", "ibagain")
    assert files("ibspare") == []
    assert files("ibagain") == all_of("ibagain")
    with open(f"{DIR}/ibagain_mcg", encoding="ascii") as held:
        hca.delete()
        assert files("ibagain") == []
        # Who has it open finds nothing, and nothing breaks.
        try:
            assert held.read() == ""
        except OSError:
            pass


def test_children_have_files_too(h1):
    h1.ip("link", "add", "link", "ib0", "name", "ibchild", "type", "ipoib",
          "pkey", "0x8001")
    try:
        assert files("ibchild") == all_of("ibchild")
        assert text("ibchild_mcg") == text("ibchild_path") == ""
    finally:
        h1.ip("link", "delete", "ibchild")
    assert files("ibchild") == []


@pytest.mark.stock_differs("the second interface of a name has no files")
def test_interfaces_of_one_name_have_files_of_their_own(hosts):
    for host in hosts:
        assert "ff12" in lab.debugfs(host, "mcg") or \
            "GID: ff12:401b" in lab.debugfs(host, "mcg")
    assert len(files("ib0")) == len(all_of("ib0")) * len(hosts)
