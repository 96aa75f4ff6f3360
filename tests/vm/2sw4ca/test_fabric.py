# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The fabric as OpenSM and the diagnostics of infiniband-diags see it.

h1 and h2 on sw1, h3 and h4 on sw2, a link between the switches, OpenSM on h1.
"""

import re

import pytest

from tests.vm import lab
from tests.vm.lab import run, wait
from tests.vm.standby import standby

SWITCHES = ("sw1", "sw2")


def forget_errors():
    """Links that a test took down on purpose are no errors."""
    run("ibqueryerrors", "--clear-errors", check=False)


def switch_lid(name):
    """LID of a switch, as ibswitches tells it."""
    found = re.search(rf'"{name}" .*? lid (\d+) ', run("ibswitches"))
    assert found, run("ibswitches")
    return int(found[1])


@pytest.mark.fresh
@pytest.mark.debug
def test_opensm_brings_the_subnet_up_without_errors(hosts, opensm):
    opensm.wait_up()
    assert "SUBNET UP" in opensm.since(0)[:opensm.begin]
    assert opensm.errors(0, opensm.begin) == []


@pytest.mark.debug
def test_a_heavy_sweep_finds_nothing_to_complain_about(hosts, opensm):
    mark = opensm.size()
    opensm.sweep()
    assert opensm.errors(mark) == []


def test_ibnetdiscover_lists_each_link_from_both_ends(hosts):
    out = run("ibnetdiscover")
    assert out.count("Switch\t") == 2 and out.count("Ca\t") == 4
    ends = {}
    for block in out.split("\n\n"):
        name = re.search(r'^(?:Switch|Ca)\t\d+ "([^"]+)"', block, re.M)
        for mine, peer, theirs in re.findall(
                r'^\[(\d+)\](?:\([0-9a-f]+\))?\s+"([^"]+)"\[(\d+)\]', block,
                re.M):
            ends[(name[1], mine)] = (peer, theirs)
    assert len(ends) == 10
    for end, other in ends.items():
        assert ends[other] == end


def test_iblinkinfo_shows_active_links_and_unused_ports_down(hosts):
    out = run("iblinkinfo")
    active = re.findall(r"4X\s+10\.0 Gbps Active/\s+LinkUp", out)
    # Each link between a host and a switch from both ends, and the
    # switches' link from both.
    assert len(active) == 10
    assert len(re.findall(r"Down/\s+Polling", out)) == 2 * 36 - 6
    assert "Could be" not in out


def test_node_lists(hosts):
    assert len(run("ibhosts").splitlines()) == 4
    assert len(run("ibswitches").splitlines()) == 2
    assert len(run("ibnodes").splitlines()) == 6


def test_ibstat_shows_an_active_port(hosts):
    for host in hosts:
        out = run("ibstat", host.hca)
        assert "State: Active" in out and "Physical state: LinkUp" in out
        assert re.search(r"Rate: 40$", out, re.M)
        assert re.search(r"Link layer: InfiniBand$", out, re.M)
        assert f"Base lid: {lab.lid(host.hca)}" in out
        assert f"Port GUID: {lab.port_guid(host.hca)}" in out


def test_smpquery_answers_the_same_by_lid_and_by_path(hosts):
    lid = switch_lid("sw1")
    for what in ("nodeinfo", "nodedesc", "portinfo", "switchinfo", "pkeys",
                 "guidinfo"):
        by_lid = run("smpquery", "-C", "sib1", what, lid)
        by_path = run("smpquery", "-C", "sib1", "-D", what, "0,1")
        body = [t.split("\n", 1)[1] for t in (by_lid, by_path)]
        assert body[0] == body[1], what


def test_smpquery_of_a_far_host(h1, h4):
    lid = lab.lid(h4.hca)
    out = run("smpquery", "-C", "sib1", "nodeinfo", lid)
    assert re.search(r"NodeType:\.+Channel Adapter", out)
    assert re.search(rf"PortGuid:\.+{lab.port_guid(h4.hca)}", out)
    out = run("smpquery", "-C", "sib1", "portinfo", lid, 1)
    assert re.search(r"LinkState:\.+Active", out)
    assert re.search(r"NeighborMTU:\.+4096", out)
    out = run("smpquery", "-C", "sib1", "pkeys", lid)
    assert re.search(r"^\s+0: 0xffff ", out, re.M)
    assert "128 pkeys capacity" in out
    assert lab.port_guid(h4.hca) in run("smpquery", "-C", "sib1",
                                        "guidinfo", lid)


@pytest.mark.fresh
def test_linear_fdb_top_is_the_highest_lid(hosts):
    top = max([lab.lid(h.hca) for h in hosts] +
              [switch_lid(s) for s in SWITCHES])
    for name in SWITCHES:
        out = run("smpquery", "switchinfo", switch_lid(name))
        assert re.search(rf"LinearFdbTop:\.+{top}$", out, re.M)
        assert re.search(r"StateChange:\.+0$", out, re.M)


def test_unsupported_attributes_are_refused_and_not_ignored(hosts):
    code, out = lab.status("smpquery", "vlarb", switch_lid("sw1"), 1)
    assert code == 0 or "not supported" in out or "0x1c" in out.lower() \
        or "0xc" in out.lower(), out


def test_saquery_sees_all_nodes_and_paths(hosts):
    assert run("saquery").count("NodeRecord dump:") == 6
    paths = run("saquery", "-p")
    pairs = set(re.findall(r"slid\.+(\d+)\s+(?:.*\n)*?.*dlid\.+(\d+)", paths))
    assert pairs or "PathRecord dump" in paths
    # Every pair of the six nodes, both ways and to itself: an RMPP answer.
    assert paths.count("PathRecord dump:") == 36


def test_saquery_shows_the_broadcast_group_and_its_members(hosts):
    groups = run("saquery", "-g")
    block = [b for b in groups.split("MCMemberRecord group dump:")
             if "ff12:401b:ffff::ffff:ffff" in b]
    assert len(block) == 1
    assert re.search(r"Mlid\.+0xC000", block[0])
    assert re.search(r"Mtu\.+0x84", block[0])
    assert re.search(r"Rate\.+0x83", block[0])
    members = run("saquery", "--smkey", 1, "-m")
    found = {m[1] for m in re.finditer(
        r"MGID\.+ff12:401b:ffff::ffff:ffff\s+Mlid\S+\s+PortGid\.+(\S+)",
        members)}
    assert found == {f"fe80::5b:ff:fe02:{h.number}" for h in hosts}


def test_ibroute_lists_every_lid(hosts):
    for name in SWITCHES:
        out = run("ibroute", switch_lid(name))
        assert "6 valid lids dumped" in out
        own = f"0x{switch_lid(name):04x}"
        assert re.search(rf"^{own} 000 ", out, re.M)


def test_ibroute_shows_the_multicast_tree(hosts):
    for name in SWITCHES:
        out = run("ibroute", "-M", switch_lid(name))
        row = re.search(r"^\s*0xc000(.*)$", out, re.M)
        # Two hosts, and the link between the switches.
        assert row and row[1].count("x") == 3, out


def test_ibtracert_to_a_host_and_to_a_switch(h1, h4):
    out = run("ibtracert", "-C", "sib1", lab.lid(h1.hca), lab.lid(h4.hca))
    assert len(re.findall(r"^\[\d+\] -> switch port", out, re.M)) == 2
    assert "-> ca port" in out
    out = run("ibtracert", "-C", "sib1", lab.lid(h1.hca), switch_lid("sw2"))
    assert "To switch" in out


def test_perfquery_counts_both_ends_of_a_cable_alike(h1, h2):
    assert h1.ping(h2.v4, 50) == 0
    lid1, sw = lab.lid(h1.hca), switch_lid("sw1")
    port = int(re.search(r"-> switch port \{\S+\}\[(\d+)\]",
                         run("ibtracert", "-C", "sib1", lid1,
                             lab.lid(h2.hca)))[1])

    def counters(*where):
        out = run("perfquery", "-C", "sib1", "-x", *where)
        return {k: int(v) for k, v in re.findall(r"(\w+):\.+(\d+)", out)}
    before = counters(lid1, 1), counters(sw, port)
    assert h1.ping(h2.v4, 100) == 0
    after = counters(lid1, 1), counters(sw, port)
    grown = [{k: a[k] - b[k] for k in a if k.startswith("Port") and
              k not in ("PortSelect",)}
             for a, b in zip(after, before)]
    assert grown[0]["PortXmitPkts"] >= 100 <= grown[0]["PortRcvPkts"]
    # What one end sends the other receives, but for the queries themselves.
    assert abs(grown[0]["PortXmitPkts"] - grown[1]["PortRcvPkts"]) <= 8
    assert abs(grown[0]["PortRcvPkts"] - grown[1]["PortXmitPkts"]) <= 8


def test_perfquery_resets_and_sums_all_ports(hosts):
    sw = switch_lid("sw2")
    run("perfquery", "-R", "-a", sw)
    out = run("perfquery", "-a", sw)
    sent = int(re.search(r"PortXmitPkts:\.+(\d+)", out)[1])
    assert sent < 100
    assert "PortSelect:......................255" in out


def test_ibqueryerrors_finds_nothing(hosts):
    out = run("ibqueryerrors", check=False)
    assert "6 nodes checked, 0 bad nodes found" in out
    assert "0 ports have errors beyond threshold" in out


def test_ibportstate_uses_a_route_by_lid_and_then_by_path(h1, h2):
    out = run("ibportstate", "-C", "sib1", switch_lid("sw1"), 1, "query")
    assert len(re.findall(r"^LinkState:", out, re.M)) == 2
    assert "Peer PortInfo" in out


def test_ibportstate_disables_and_enables_a_port(h1, h2, h3, opensm):
    port = 2
    lid = switch_lid("sw1")
    assert h1.ping(h2.v4) == 0
    run("ibportstate", "-C", "sib1", lid, port, "disable")
    out = run("smpquery", "-C", "sib1", "portinfo", lid, port)
    assert re.search(r"PhysLinkState:\.+Disabled", out)
    wait(lambda: not h2.carrier(), 10, "h2 keeps its carrier")
    run("ibportstate", "-C", "sib1", lid, port, "enable")
    wait(h2.carrier, 20, "h2 gets no carrier again")
    h1.reach(h2)
    forget_errors()


def test_ibportstate_resets_a_port(h1, h2):
    lid = switch_lid("sw1")
    run("ibportstate", "-C", "sib1", lid, 2, "reset")
    wait(lambda: re.search(r"LinkState:\.+Active", run(
        "smpquery", "-C", "sib1", "portinfo", lid, 2)), 20,
        "the port does not come back")
    wait(h2.carrier, 20, "h2 gets no carrier again")
    h1.reach(h2)
    forget_errors()


def test_ibping_loses_nothing_near_and_far_and_to_itself(hosts):
    count = 1000 if not lab.DEBUG else 50
    for host in (hosts[0], hosts[1], hosts[3]):
        server = hosts[0].popen("ibping", "-C", host.hca, "-S")
        try:
            wait(lambda h=host: lab.status(
                "ibping", "-C", "sib1", "-c", 1, lab.lid(h.hca))[0] == 0, 10,
                "the server does not answer")
            out = run("ibping", "-C", "sib1", "-c", count, "-f",
                      lab.lid(host.hca), timeout=120)
            assert f"{count} packets transmitted, {count} received, 0% " \
                "packet loss" in out, out
        finally:
            lab.stop(server)


def test_sminfo_counts_on(hosts):
    def activity():
        out = run("sminfo", "-C", "sib2")
        assert "state 3 SMINFO_MASTER" in out
        return int(re.search(r"activity count (\d+)", out)[1])
    first = activity()
    wait(lambda: activity() > first, 15, "the SM shows no activity")


def test_a_second_sm_stands_by_and_takes_over(hosts, opensm):
    with standby(hosts[1], opensm) as second:
        second.take_over()
        hosts[0].reach(hosts[3])
    hosts[0].reach(hosts[3])


def osmtest(flow, limit=120):
    """One flow of osmtest; it writes files where it stands."""
    out = run("sh", "-c", f"cd /tmp && osmtest -g {lab.port_guid('sib1')} "
              f"-f {flow} -i osmtest.dat", timeout=limit, check=False)
    assert "PASS" in out and "FAIL" not in out, out


def test_osmtest_passes(hosts, opensm):
    for flow in ("c", "e", "q"):
        osmtest(flow)


@pytest.mark.long
def test_osmtest_floods_the_sa(hosts, opensm):
    osmtest("c")
    osmtest("f", 1200)


def test_switch_and_hcas_count_no_loss(hosts):
    for name in SWITCHES:
        lost = {k: v for k, v in lab.switch_stats(name).items() if v}
        assert not {k for k in lost if k.startswith("tx_")}, lost
    out = run("ibqueryerrors", check=False)
    assert "0 bad nodes" in out
