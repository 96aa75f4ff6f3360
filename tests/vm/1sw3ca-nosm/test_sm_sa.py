# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The scripted SA answers as it should, and otherwise when it is told.

Three hosts on one switch, no other SM:

    lab/run --topology 1sw3ca-nosm -- tests/vm/run tests/vm/1sw3ca-nosm/test_sm_sa.py
"""

import time

import pytest

from tests.sm import BROADCAST, alter, delay, drop, ipoib_mgid, refuse
from tests.sm.client import SaClient
from tests.sm.harness import down_and_up, give_ipv6, managed
from tests.sm.mad import Method, MulticastForwardingTable
from tests.sm.sarecords import (ClassPortInfo, InformInfo, JoinState,
                                MCMemberRecord, NodeRecord, PathRecord,
                                SaStatus, Selector)
from tests.sm.umad import MadTimeout
from tests.vm import lab
from tests.vm.lab import wait

MGID = "ff12:0:0:0:1234::1"
GROUP = "239.1.2.3"
JOIN = ("mgid", "port_gid", "join_state")
CREATE = JOIN + ("qkey", "tclass", "pkey", "flow_label", "sl")
LIMIT = 20 * lab.SLOW

RECEIVER = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 5555))
index = socket.if_nametoindex("ib0")
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack(
    "4s4si", socket.inet_aton(sys.argv[1]), bytes(4), index))
print("ready", flush=True)
while True:
    print(s.recv(64).decode(), flush=True)
"""

SENDER = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
index = socket.if_nametoindex("ib0")
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
             struct.pack("4s4si", bytes(4), bytes(4), index))
s.sendto(sys.argv[2].encode(), (sys.argv[1], 5555))
"""


@pytest.fixture
def ask(sm):
    """Queries from h2."""
    with SaClient("sib2") as client:
        yield client.query


def gid(sm, number):
    """GID 0 of a host."""
    return sm.subnet.port(f"sib{number}").gid


def path_query(sm, **more):
    """A query for a path from h2 to h3."""
    return PathRecord(sgid=gid(sm, 2), dgid=gid(sm, 3), numb_path=1, **more)


PATH = ("sgid", "dgid", "numb_path")


def ours(asked):
    """Is it path_query()'s? The driver of h2 names its P_Key as well."""
    return asked.components == set(PATH)


def path_requests(sm):
    """What path_query() has asked for from h2."""
    return sm.sa.requests(ours, attr="PathRecord", lid=3)


def member(sm, number=2, **fields):
    """A record for joining MGID from a host."""
    values = {"mgid": MGID, "port_gid": gid(sm, number), "join_state": 1,
              "qkey": 0x1234, "pkey": 0xffff} | fields
    return MCMemberRecord(**values)


def switch_ports(sm, mlid):
    """The ports that the switch sends an MLID out of, as it says itself."""
    switch = sm.subnet.fabric.switches()[0]
    block, entry = divmod(mlid - 0xc000, 32)
    ports = set()
    for position in range(3):
        table = sm.subnet.smp.get(MulticastForwardingTable, switch.path,
                                  position << 28 | block)
        ports |= {position * 16 + bit for bit in range(16)
                  if table.port_masks[entry] >> bit & 1}
    return ports


# What is answered by default.


def test_class_port_info(sm, ask):
    status, [info] = ask(Method.GET, ClassPortInfo())
    assert status == 0 and info.capability_mask2 == 1 << 12
    sm.sa.sendonly_full_member = False
    assert ask(Method.GET, ClassPortInfo())[1][0].capability_mask2 == 0


def test_path_record(sm, ask):
    status, [path] = ask(Method.GET, path_query(sm), PATH)
    assert status == 0
    assert (path.slid, path.dlid) == (sm.lid(sm.hosts[1]),
                                      sm.lid(sm.hosts[2]))
    assert (path.mtu, path.rate, path.sl, path.pkey) == (5, 7, 0, 0xffff)
    assert path.reversible and path.hop_limit == 0


def test_path_records_by_lid_are_a_table(sm, ask):
    status, paths = ask(Method.GET_TABLE, PathRecord(slid=3), ["slid"])
    assert status == 0
    assert sorted(path.dlid for path in paths) == [1, 2, 3, 4]
    status, paths = ask(Method.GET_TABLE, PathRecord(slid=999), ["slid"])
    assert (status, paths) == (0, [])


def test_path_record_refusals(sm, ask):
    assert ask(Method.GET, path_query(sm).replace(dgid="fe80::1"),
               PATH)[0] == SaStatus.REQ_INVALID_GID
    assert ask(Method.GET, PathRecord(sgid=gid(sm, 2)),
               ["sgid"])[0] == SaStatus.TOO_MANY_RECORDS
    too_wide = path_query(sm, mtu=5, mtu_selector=Selector.GT)
    assert ask(Method.GET, too_wide,
               PATH + ("mtu", "mtu_selector"))[0] == SaStatus.NO_RECORDS
    assert ask(Method.SET, path_query(sm), PATH)[0] == 0x000c


def test_path_record_checks_the_pkey(sm, ask):
    query = path_query(sm, pkey=0x8001)

    def status():
        return ask(Method.GET, query, PATH + ("pkey",))[0]

    assert status() == SaStatus.NO_RECORDS
    sm.subnet.set_pkeys("sib2", [0xffff, 0x0001])
    sm.subnet.set_pkeys("sib3", [0xffff, 0x0001])
    assert status() == SaStatus.NO_RECORDS
    sm.subnet.set_pkeys("sib3", [0xffff, 0x8001])
    assert status() == 0


def test_path_record_to_an_alias_gid(sm, ask):
    sm.subnet.set_guid("sib3", 2, 0xabc)
    alias = "fe80::abc"
    status, [path] = ask(Method.GET, path_query(sm).replace(dgid=alias), PATH)
    assert status == 0 and path.dlid == 4 and str(path.dgid) == alias


def test_node_record(sm, ask):
    status, nodes = ask(Method.GET_TABLE, NodeRecord(node_type=2),
                        ["node_type"])
    assert status == 0 and [node.node_desc for node in nodes] == ["sw1"]


def test_inform_info_is_accepted_and_recorded(sm, ask):
    wanted = InformInfo(gid=MGID, is_generic=1, subscribe=1, trap_num=66,
                        type=0xffff, producer_type=0xffffff)
    status, [answer] = ask(Method.SET, wanted)
    assert status == 0 and answer == wanted
    assert wanted in sm.sa.inform_infos
    assert sm.sa.requests(attr="InformInfo", trap_num=66)


def test_unknown_attribute_is_refused(sm, ask):
    class PortInfoRecord(NodeRecord):
        """Another number is enough."""

        ID = 0x0012

    assert ask(Method.GET_TABLE, PortInfoRecord())[0] == 0x000c
    assert sm.sa.requests(attr="0x12")


# Groups.


def test_group_is_created_joined_left_and_deleted(sm, ask):
    status, [made] = ask(Method.SET, member(sm), CREATE)
    assert status == 0 and made.join_state == 1 and made.qkey == 0x1234
    assert (made.mtu_selector, made.mtu, made.rate) == (Selector.EQ, 5, 7)
    assert switch_ports(sm, made.mlid) == {2}
    status, [joined] = ask(Method.SET, member(sm, 2, join_state=4), JOIN)
    assert status == 0 and joined.join_state == 5
    assert sm.sa.members(MGID) == {3: JoinState(5)}
    assert ask(Method.DELETE, member(sm, 2, join_state=4), JOIN)[0] == 0
    assert sm.sa.members(MGID) == {3: JoinState.FULL}
    assert ask(Method.DELETE, member(sm, 3), JOIN)[0] == SaStatus.REQ_INVALID
    status, [left] = ask(Method.DELETE, member(sm), JOIN)
    assert status == 0 and left.join_state == 1
    assert MGID not in sm.sa.groups
    assert switch_ports(sm, made.mlid) == set()
    assert ask(Method.DELETE, member(sm), JOIN)[0] == SaStatus.REQ_INVALID


def test_group_is_not_created_for_less(sm, ask):
    assert ask(Method.SET, member(sm), JOIN)[0] == \
        SaStatus.REQ_INSUFFICIENT_COMPONENTS
    assert ask(Method.SET, member(sm, join_state=4), CREATE)[0] == \
        SaStatus.REQ_INVALID
    assert ask(Method.SET, member(sm), CREATE[:2])[0] == \
        SaStatus.REQ_INSUFFICIENT_COMPONENTS
    assert ask(Method.SET, member(sm, port_gid="fe80::1"), CREATE)[0] == \
        SaStatus.REQ_INVALID_GID
    assert ask(Method.SET, member(sm, pkey=0x8001), CREATE)[0] == \
        SaStatus.REQ_INVALID
    assert MGID not in sm.sa.groups


def test_join_must_fit_the_group(sm, ask):
    group = sm.sa.add_group(MGID, qkey=0x1234, mtu=3, tclass=7)
    assert group.record.traffic_class == 7
    more = JOIN + ("qkey",)
    assert ask(Method.SET, member(sm), more)[0] == 0
    assert ask(Method.SET, member(sm, qkey=1), more)[0] == \
        SaStatus.REQ_INVALID
    sm.sa.remove_group(MGID)
    sm.subnet.set_port_info("sib2", neighbor_mtu=3)
    sm.sa.add_group(MGID, mtu=4)
    assert ask(Method.SET, member(sm), JOIN)[0] == SaStatus.REQ_INVALID


def test_send_only_members_get_nothing(sm, ask):
    group = sm.sa.add_group(MGID)
    for number, state in ((1, 1), (2, 8), (3, 4)):
        assert ask(Method.SET, member(sm, number, join_state=state),
                   JOIN)[0] == 0
    assert switch_ports(sm, group.mlid) == {1}
    assert ask(Method.SET, member(sm, 3, join_state=2), JOIN)[0] == 0
    assert switch_ports(sm, group.mlid) == {1, 3}


def test_groups_are_listed(sm, ask):
    _, groups = ask(Method.GET_TABLE, MCMemberRecord())
    assert {group.mgid for group in groups} == {group.mgid for group in
                                                sm.sa.groups}
    status, [group] = ask(Method.GET, MCMemberRecord(mgid=BROADCAST),
                          ["mgid"])
    assert status == 0 and group.qkey == 0x0b1b and group.mlid == 0xc000
    _, members = ask(Method.GET_TABLE, MCMemberRecord(mgid=BROADCAST),
                     ["mgid"], sm_key=1)
    assert {record.port_gid for record in members} == {
        gid(sm, number) for number in (1, 2, 3)}


def test_group_gets_another_mlid_and_traffic_follows(sm):
    h1, h2, _ = sm.hosts
    mgid = ipoib_mgid(GROUP)
    receiver = h2.popen("python3", "-c", RECEIVER, GROUP)
    try:
        assert receiver.stdout.readline() == "ready\n"
        sm.wait_joined(h2, mgid=mgid)
        old = sm.sa.groups.find(mgid).mlid
        assert switch_ports(sm, old) == {2}
        lab.os.set_blocking(receiver.stdout.fileno(), False)
        heard(h1, receiver, "first")
        new = sm.sa.recreate_group(mgid).mlid
        assert new != old and switch_ports(sm, old) == set()
        sm.subnet.reregister()
        sm.wait_joined(h2, mgid=mgid)
        wait(lambda: switch_ports(sm, new) == {2}, 20, "no tree")
        heard(h1, receiver, "second")
    finally:
        lab.stop(receiver)
    left = sm.sa.wait_for(attr="MCMemberRecord", method="Delete", mgid=mgid,
                          timeout=LIMIT, lid=sm.lid(h2))
    assert left.record.join_state == 1


def heard(sender, receiver, word):
    """Send to the group until the receiver has heard it."""
    said = []

    def look():
        sender.run("python3", "-c", SENDER, GROUP, word)
        said.append(receiver.stdout.read() or "")
        return word in "".join(said)

    wait(look, 20, f"{word!r} is not heard")


# Rules, seen by a client of our own.


def test_refuse_once(sm, ask):
    with sm.sa.rule(refuse(SaStatus.NO_RESOURCES), ours, attr="PathRecord",
                    lid=3, times=1) as rule:
        assert ask(Method.GET, path_query(sm), PATH)[0] == 0x0100
        assert ask(Method.GET, path_query(sm), PATH)[0] == 0
        assert rule.hits == 1
    first, second = path_requests(sm)[-2:]
    assert (first.status, second.status) == (0x0100, 0)
    assert first.record.dgid == gid(sm, 3)


def test_refused_join_changes_nothing(sm, ask):
    with sm.sa.rule(refuse(), mgid=MGID):
        assert ask(Method.SET, member(sm), CREATE)[0] == SaStatus.REQ_INVALID
    assert MGID not in sm.sa.groups


def test_drop(sm, ask):
    with sm.sa.rule(drop(), ours, attr="PathRecord", lid=3):
        with pytest.raises(MadTimeout):
            ask(Method.GET, path_query(sm), PATH, timeout_ms=100, retries=2)
        # On a busy machine the SA reads them when the client has given up.
        dropped = sm.sa.wait_for_many(
            3, lambda asked: ours(asked) and asked.fate == "dropped", LIMIT,
            attr="PathRecord", lid=3)
    assert [asked.retry for asked in dropped] == [False, True, True]
    assert ask(Method.GET, path_query(sm), PATH)[0] == 0


def test_drop_of_a_packet_is_made_good_by_the_next(sm, ask):
    with sm.sa.rule(drop(), ours, attr="PathRecord", lid=3, times=2,
                    packets=True):
        assert ask(Method.GET, path_query(sm), PATH, timeout_ms=200,
                   retries=20)[0] == 0
    fates = [asked.fate for asked in path_requests(sm)]
    assert fates[:3] == ["dropped", "dropped", "answered"]


def test_drop_of_the_answer(sm, ask):
    with sm.sa.rule(drop(processed=True), mgid=MGID):
        with pytest.raises(MadTimeout):
            ask(Method.SET, member(sm), CREATE, timeout_ms=100, retries=0)
        wait(lambda: sm.sa.members(MGID) == {3: JoinState.FULL}, 20,
             "what is not answered is not carried out")


def test_delay(sm, ask):
    with sm.sa.rule(delay(0.7), ours, attr="PathRecord", lid=3, times=1):
        start = time.monotonic()
        # The repetitions are not answered earlier.
        assert ask(Method.GET, path_query(sm), PATH, timeout_ms=200,
                   retries=20)[0] == 0
        assert 0.7 <= time.monotonic() - start < 3 * lab.SLOW
        start = time.monotonic()
        assert ask(Method.GET, path_query(sm), PATH)[0] == 0
        assert time.monotonic() - start < 0.7 * lab.SLOW
    late, *_, prompt = [asked for asked in path_requests(sm)
                        if asked.fate == "answered"]
    assert late.answered - late.time >= 0.7
    assert prompt.answered - prompt.time < 0.7 * lab.SLOW
    assert "duplicate" in {asked.fate for asked in path_requests(sm)}


def test_alter(sm, ask):
    fields = {"sl": 5, "mtu": 3, "rate": 2, "hop_limit": 9, "tclass": 0x55,
              "flow_label": 0xabcde}
    with (sm.sa.rule(alter(sl=1, pkey=0x8001), ours, attr="PathRecord"),
          sm.sa.rule(alter(**fields), ours, attr="PathRecord")):
        _, [path] = ask(Method.GET, path_query(sm), PATH)
    assert path == path.replace(pkey=0x8001, **fields)
    assert path_requests(sm)[-1].answer == path


def test_delayed_answers_die_with_the_sa(sm_hosts):
    with managed(sm_hosts) as run:
        run.sa.rule(delay(60), attr="PathRecord")
        with SaClient("sib2") as client, pytest.raises(MadTimeout):
            client.query(Method.GET, path_query(run), PATH, timeout_ms=100,
                         retries=0)


# Rules, seen by IPoIB.


def test_refused_broadcast_join_is_tried_again(sm_hosts):
    with managed(sm_hosts, bring_up=False) as run:
        with run.sa.rule(refuse(), attr="MCMemberRecord", method="Set",
                         mgid=BROADCAST, lid=3, times=1):
            run.subnet.bring_up()
            first, second = run.sa.wait_for_many(
                2, lambda asked: asked.status is not None and
                not asked.retry, LIMIT, attr="MCMemberRecord",
                mgid=BROADCAST, lid=3)
        assert (first.status, second.status) == (SaStatus.REQ_INVALID, 0)
        assert second.record.join_state == JoinState.FULL
        run.wait_joined()


def test_refused_path_is_asked_for_again(sm):
    h1, _, h3 = sm.hosts
    sm.subnet.reregister()
    sm.wait_joined()
    h1.run("ip", "neigh", "flush", "dev", "ib0")
    with sm.sa.rule(refuse(SaStatus.NO_RECORDS), attr="PathRecord",
                    lid=1, dgid=gid(sm, 3), times=1) as rule:
        h1.reach(h3, 30)
        assert rule.hits == 1


def test_mtu_of_the_broadcast_group_limits_the_interface(sm):
    host = sm.hosts[2]
    with sm.sa.rule(alter(mtu=3), mgid=BROADCAST, lid=4):
        down_and_up(host)
        wait(lambda: host.carrier() and host.link()["mtu"] == 1020, 20,
             "the MTU does not follow")
    down_and_up(host)
    wait(lambda: host.carrier() and host.link()["mtu"] == 2044, 20,
         "the MTU does not come back")
    give_ipv6(host)


def test_send_only_join_follows_class_port_info(sm):
    for bit, group in ((JoinState.SENDONLY_FULL, "239.9.9.1"),
                       (JoinState.SENDONLY_NON, "239.9.9.2")):
        sm.sa.sendonly_full_member = bit == JoinState.SENDONLY_FULL
        sm.sa.add_group(ipoib_mgid(group))
        since = time.monotonic()
        sm.subnet.reregister("sib1")
        sm.sa.wait_for(lambda asked: asked.fate == "answered", LIMIT,
                       attr="ClassPortInfo", lid=1, since=since)
        sm.wait_joined()
        sm.hosts[0].run("python3", "-c", SENDER, group, "x")
        join = sm.sa.wait_for(attr="MCMemberRecord", method="Set",
                              mgid=ipoib_mgid(group), timeout=LIMIT)
        assert join.record.join_state == bit


def test_subnet_without_broadcast_group_has_no_carrier(sm_hosts):
    with managed(sm_hosts, bring_up=False,
                 sa_options={"broadcast": False}) as run:
        run.subnet.bring_up()
        asked = run.sa.wait_for_many(3, timeout=LIMIT, attr="MCMemberRecord",
                                     mgid=BROADCAST)
        assert {join.status for join in asked} <= {
            None, SaStatus.REQ_INSUFFICIENT_COMPONENTS}
        for host in sm_hosts:
            wait(lambda h=host: not h.carrier(), 10, f"{host} has carrier")
        run.sa.add_group(BROADCAST)
        run.wait_joined(limit=40)
