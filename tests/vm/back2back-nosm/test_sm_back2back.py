# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The scripted SM on a subnet that is one cable: no switch, no tables.

    lab/run --topology back2back-nosm -- tests/vm/run tests/vm/back2back-nosm/test_sm_back2back.py
"""

import pytest

from tests.sm.client import SaClient
from tests.sm.harness import managed, require_topology
from tests.sm.mad import Method, PortState
from tests.sm.sarecords import PathRecord
from tests.vm import lab


@pytest.fixture(scope="module")
def sm_hosts():
    """h1 and h2, if the fabric is the right one."""
    return require_topology("back2back-nosm")


@pytest.fixture
def sm(sm_hosts):
    """A subnet that both hosts have joined."""
    with managed(sm_hosts) as run:
        yield run


def reach_both_ways(one, other):
    """Each answers the other, IPv4 and IPv6."""
    one.reach(other, 20)
    other.reach(one, 20)


def test_two_ports_and_no_switch(sm):
    assert [port.lid for port in sm.subnet.fabric.end_ports()] == [1, 2]
    assert not sm.subnet.fabric.switches()
    assert [lab.lid(host.hca) for host in sm.hosts] == [1, 2]
    reach_both_ways(*sm.hosts)


def test_tools_agree(sm):
    assert lab.run("ibnetdiscover").count("Ca\t1 ") == 2
    out = lab.run("saquery", "-p")
    assert out.count("PathRecord dump:") == 4
    assert lab.run("saquery", "-g").count("ff12:401b:ffff::ffff:ffff") == 1
    assert "LinkState:.......................Active" in lab.run(
        "smpquery", "portinfo", 2)


def test_path_record(sm):
    one, other = (sm.subnet.port(host.hca).gid for host in sm.hosts)
    with SaClient("sib2") as client:
        status, [path] = client.query(
            Method.GET, PathRecord(sgid=other, dgid=one, numb_path=1),
            ("sgid", "dgid", "numb_path"))
    assert status == 0 and (path.slid, path.dlid) == (2, 1)


def test_lids_change(sm):
    reach_both_ways(*sm.hosts)
    sm.subnet.renumber(20)
    assert [lab.lid(host.hca) for host in sm.hosts] == [20, 21]
    sm.wait_joined()
    reach_both_ways(*sm.hosts)


def test_own_port_goes_down_and_comes_up(sm):
    h1, h2 = sm.hosts
    sm.subnet.disable(h2.hca)
    for host in sm.hosts:
        lab.wait(lambda h=host: not h.carrier(), 10,
                 f"{host} keeps its carrier")
    assert sm.subnet.read_port_info(h1.hca).port_state == PortState.DOWN
    sm.subnet.enable(h2.hca)
    sm.wait_joined()
    reach_both_ways(*sm.hosts)


def test_link_bounces(sm):
    sm.subnet.bounce(sm.hosts[1].hca)
    sm.wait_joined()
    reach_both_ways(*sm.hosts)
