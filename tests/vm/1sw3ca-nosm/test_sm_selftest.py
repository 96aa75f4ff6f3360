# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The scripted SM brings a subnet up that the standard tools agree with.

Three hosts on one switch, no other SM:

    lab/run --topology 1sw3ca-nosm -- tests/vm/run tests/vm/1sw3ca-nosm/test_sm_selftest.py
"""

import os
import re
import signal
import subprocess
import time

import pytest

from tests.sm import BROADCAST
from tests.sm.deadline import wait_until
from tests.sm.harness import managed, nothing_left, open_devices
from tests.sm.mad import Cap, NodeInfo, PortState
from tests.sm.sarecords import JoinState
from tests.sm.umad import MadTimeout, Umad, find_device
from tests.vm import lab

SITE_LOCAL = 0xfec0000000000001


def sysfs(host, file):
    """A file of a host's HCA's port."""
    return lab.read(f"/sys/class/infiniband/{host.hca}/ports/1/{file}")


def all_reach_all(hosts):
    """Every host answers every other one, IPv4 and IPv6."""
    for one in hosts:
        for other in hosts:
            if one is not other:
                one.reach(other, 20)


def test_the_subnet_is_up_in_a_few_seconds(sm_hosts):
    start = time.monotonic()
    with managed(sm_hosts) as run:
        assert time.monotonic() - start < 10 * lab.SLOW
        for number, host in enumerate(sm_hosts):
            assert sysfs(host, "state") == "4: ACTIVE"
            assert int(sysfs(host, "sm_lid"), 16) == 1
            assert lab.lid(host.hca) == run.lid(host)
        # The own port first, then what is found: the switch, its hosts.
        assert [port.lid for port in run.subnet.fabric.end_ports()] == \
            [1, 2, 3, 4]
        assert run.subnet.own_port.lid == 1


def test_hosts_reach_each_other(sm):
    all_reach_all(sm.hosts)


def test_ibnetdiscover_agrees(sm):
    out = lab.run("ibnetdiscover")
    found = dict(re.findall(r'^\[\d+\]\s+"H-0*(\w+)"\[1\].*# "\w+" lid (\d+)',
                            out, re.M))
    assert found == {f"{port.guid:x}": str(port.lid)
                     for port in sm.subnet.fabric.ca_ports()}
    assert re.search(r'"sw1" base port 0 lid 2 lmc 0', out)


def test_smpquery_agrees_by_lid_and_by_path(sm):
    for port in sm.subnet.fabric.ca_ports():
        by_lid = lab.run("smpquery", "portinfo", port.lid)
        assert re.search(rf"^Lid:\.+{port.lid}$", by_lid, re.M)
        assert re.search(r"^SMLid:\.+1$", by_lid, re.M)
        assert re.search(r"^LinkState:\.+Active$", by_lid, re.M)
        path = ",".join(map(str, (0, *port.path)))
        by_path = lab.run("smpquery", "-C", sm.subnet.hca, "-D", "nodeinfo",
                          path)
        assert re.search(rf"^Guid:\.+0x0*{port.guid:x}$", by_path, re.M)
    assert "LinearFdbTop:....................4" in lab.run(
        "smpquery", "switchinfo", 2)


def test_ibroute_and_ibtracert_agree(sm):
    out = lab.run("ibroute", 2)
    rows = re.findall(r"^0x(\w{4}) (\d{3}) ", out, re.M)
    expected = {port.lid: port.peer.num
                for port in sm.subnet.fabric.ca_ports()} | {2: 0}
    assert {int(lid, 16): int(num) for lid, num in rows} == expected
    assert "To ca" in lab.run("ibtracert", "-C", "sib1", 1, 4)


def test_saquery_shows_our_nodes(sm):
    out = lab.run("saquery")
    found = re.findall(r"lid\.+(\d+)\n(?:.*\n)*?.*NodeDescription\.+(\S+)",
                       out)
    assert {int(lid): name for lid, name in found} == {
        port.lid: port.node.desc for port in sm.subnet.fabric.end_ports()}


def test_saquery_shows_our_groups_and_members(sm):
    # Hosts join one after the other what their stacks listen to.
    lab.wait(lambda: len(list(sm.sa.groups)) >= 6, 20, "few groups")
    sm.wait_settled()
    groups = {(str(group.mgid), f"0x{group.mlid:04X}")
              for group in sm.sa.groups}
    assert set(re.findall(r"MGID\.+(\S+)\s+Mlid\.+(\S+)",
                          lab.run("saquery", "-g"))) == groups
    out = lab.run("saquery", "--smkey", 1, "-m")
    members = re.findall(r"MGID\.+ff12:401b:ffff::ffff:ffff\s+Mlid\S+\s+"
                         r"PortGid\.+(\S+)\s+ScopeState\.+0x(\w+)", out)
    assert dict(members) == {str(sm.subnet.port(host.hca).gid): "21"
                             for host in sm.hosts}


def test_saquery_shows_a_path_for_every_pair(sm):
    out = lab.run("saquery", "-p")
    found = re.findall(r"dlid\.+(\d+)\s+slid\.+(\d+)", out)
    assert sorted(found) == sorted((str(d), str(s)) for d in range(1, 5)
                                   for s in range(1, 5))
    assert set(re.findall(r"mtu\.+(\S+)\s+rate\.+(\S+)", out)) == {
        ("0x85", "0x87")}


def test_sminfo_finds_a_master(sm):
    out = lab.run("sminfo", "-C", "sib3")
    assert "sm lid 1" in out and "state 3 SMINFO_MASTER" in out


def test_is_sm_is_set_as_long_as_issm_is_held(sm):
    def is_sm():
        return bool(sm.subnet.read_port_info("sib1").cap_mask & Cap.SM)

    assert is_sm()
    with pytest.raises(BlockingIOError):
        os.open(find_device("issm", "sib1"), os.O_RDWR | os.O_NONBLOCK)
    sm.subnet.release_issm()
    assert not is_sm()
    sm.subnet.hold_issm()
    assert is_sm()


def test_reregister_makes_one_host_join_again(sm):
    host = sm.hosts[1]
    since = time.monotonic()
    sm.subnet.reregister(host.hca)
    again = sm.sa.wait_for(lambda asked: asked.status == 0, 20 * lab.SLOW,
                           attr="MCMemberRecord", method="Set",
                           lid=sm.lid(host), mgid=BROADCAST, since=since)
    assert again.record.join_state == JoinState.FULL
    assert not sm.sa.requests(attr="MCMemberRecord", since=since,
                              lid=sm.lid(sm.hosts[2]), mgid=BROADCAST)


def test_traffic_resumes_after_all_lids_have_changed(sm):
    all_reach_all(sm.hosts)
    sm.subnet.renumber(0x4c0)
    assert [lab.lid(host.hca) for host in sm.hosts] == [0x4c0, 0x4c2, 0x4c3]
    assert int(sysfs(sm.hosts[2], "sm_lid"), 16) == 0x4c0
    sm.wait_joined()
    all_reach_all(sm.hosts)


def test_traffic_resumes_after_one_lid_has_changed(sm):
    h1, _, h3 = sm.hosts
    h1.reach(h3)
    with pytest.raises(ValueError, match="LID 2 is that of"):
        sm.subnet.set_lid(h3.hca, 2)
    sm.subnet.set_lid(h3.hca, 77)
    assert lab.lid(h3.hca) == 77
    sm.wait_joined()
    h1.reach(h3, 20)
    assert sm.sa.requests(attr="PathRecord", where=lambda asked:
                          asked.answers and asked.answer.dlid == 77)


def test_pkey_table_of_a_port(sm):
    host = sm.hosts[1]
    sm.subnet.set_pkeys(host.hca, [0xffff, 0x8001, 0x0002])
    assert [sysfs(host, f"pkeys/{index}") for index in range(4)] == \
        ["0xffff", "0x8001", "0x0002", "0x0000"]
    sm.subnet.set_pkeys(host.hca, [0xffff])
    assert sysfs(host, "pkeys/1") == "0x0000"
    with pytest.raises(ValueError, match="room for 128"):
        sm.subnet.set_pkeys(host.hca, [1] * 129)


def test_guid_table_of_a_port(sm):
    host = sm.hosts[1]
    sm.subnet.set_guid(host.hca, 1, 0x025b00fffe020099)
    lab.wait(lambda: sysfs(host, "gids/1").endswith(
        ":025b:00ff:fe02:0099"), 5, "the GID does not appear")
    gid = "fe80::25b:ff:fe02:99"
    assert sm.subnet.by_gid(gid) is sm.subnet.port(host.hca)
    with pytest.raises(ValueError, match="GUIDs 1 to 7"):
        sm.subnet.set_guid(host.hca, 0, 1)


def test_subnet_prefix_changes_and_changes_back(sm):
    try:
        sm.subnet.set_prefix(SITE_LOCAL)
        for host in sm.hosts:
            lab.wait(lambda h=host: sysfs(h, "gids/0").startswith(
                "fec0:0000:0000:0001:"), 5, "the prefix stays")
        sm.wait_joined()
        all_reach_all(sm.hosts)
    finally:
        sm.subnet.set_prefix(0xfe80 << 48)
    sm.wait_joined()
    all_reach_all(sm.hosts)


def test_link_mtu_follows_the_sm(sm_hosts):
    with managed(sm_hosts, mtu=4) as run:
        infos = [run.subnet.read_port_info(port)
                 for port in list(run.subnet.fabric.ports())
                 if port.is_linked]
        assert len(infos) == 6
        assert {info.neighbor_mtu for info in infos} == {4}


def test_port_goes_down_and_comes_up(sm):
    h1, h2, _ = sm.hosts
    since = time.monotonic()
    sm.subnet.disable(h2.hca)
    lab.wait(lambda: not h2.carrier(), 10, "h2 keeps its carrier")
    trap = sm.subnet.wait_for_trap(128, 10 * lab.SLOW, since)
    assert trap.lid == 2 and trap.notice.issuer_lid == 2
    assert sysfs(h2, "state") == "1: DOWN"
    with pytest.raises(LookupError):
        sm.subnet.enable(h1.hca)
    sm.subnet.enable(h2.hca)
    assert sysfs(h2, "state") == "4: ACTIVE"
    sm.wait_joined(h2)
    h1.reach(h2)
    with pytest.raises(LookupError):
        sm.subnet.enable(h2.hca)


def test_port_bounces(sm):
    h1, _, h3 = sm.hosts
    sm.subnet.bounce(h3.hca)
    assert sm.subnet.read_port_info(h3.hca).port_state == PortState.ACTIVE
    sm.wait_joined(h3)
    h1.reach(h3)


def test_trap_is_repressed(sm):
    since = time.monotonic()
    sm.subnet.bounce("sib3")
    sm.subnet.wait_for_trap(128, 10 * lab.SLOW, since)
    # The second of silence that a repetition would have broken.
    with pytest.raises(TimeoutError):
        wait_until(lambda: len({trap.notice.toggle for trap in
                                sm.subnet.traps}) > 1 or
                   len(sm.subnet.traps) > 4, 2, "more traps")


def test_cable_is_pulled_and_the_sm_sweeps(sm):
    h1, _, h3 = sm.hosts
    sm.subnet.resweep_on_trap = True
    lab.run("ip", "link", "set", "h3-sw1", "down")
    try:
        lab.wait(lambda: sm.subnet.find(h3.hca) is None, 20,
                 "the SM does not miss the port")
        assert sm.subnet.by_lid(4) is None
    finally:
        lab.run("ip", "link", "set", "h3-sw1", "up")
    lab.wait(lambda: sm.subnet.find(h3.hca), 20, "the SM does not find it")
    assert sm.lid(h3) == 4
    sm.wait_joined(h3)
    h1.reach(h3)


def test_sweep_without_change_changes_nothing(sm):
    before = {port.guid: port.lid for port in sm.subnet.fabric.end_ports()}
    since = time.monotonic()
    sm.subnet.sweep()
    assert {port.guid: port.lid
            for port in sm.subnet.fabric.end_ports()} == before
    all_reach_all(sm.hosts)
    assert not sm.sa.requests(attr="MCMemberRecord", mgid=BROADCAST,
                              since=since)


def test_unanswered_smp_times_out(sm):
    with pytest.raises(MadTimeout, match="NodeInfo"):
        sm.subnet.smp.get(NodeInfo, (1, 9))


def test_nothing_is_left_after_close(sm_hosts):
    with nothing_left():
        for _ in range(3):
            with managed(sm_hosts, bring_up=False) as run:
                assert "/dev/infiniband/umad0" in open_devices()
                run.subnet.hold_issm()
    # All methods are free again.
    with Umad("sib1") as umad:
        umad.register(1, 3, 2, (1, 2, 0x12, 0x15))


def test_the_command_serves_until_it_is_ended(sm_hosts):
    child = subprocess.Popen(
        ["python3", "-m", "tests.sm", "--hca", "sib1", "--log"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert child.stdout.readline() == "SUBNET UP\n"
        assert "SMINFO_MASTER" in lab.run("sminfo", "-C", "sib2")
    finally:
        os.kill(child.pid, signal.SIGTERM)
        out, _ = child.communicate(timeout=20 * lab.SLOW)
    assert child.returncode == 0
    assert "Get(ClassPortInfo)" in out
