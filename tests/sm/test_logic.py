# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Routing, groups, rules and the log: what needs no fabric.

Runs anywhere: python3 -m unittest tests.sm.test_logic
"""

from __future__ import annotations

import threading
import unittest

from tests.sm import groups, rules
from tests.sm.fabric import Fabric, Node, Port, link
from tests.sm.layout import Gid
from tests.sm.mad import NodeInfo, NodeType, PortInfo, PortState
from tests.sm.paths import pkey_of_port, shared_pkey
from tests.sm.routing import linear_tables, multicast_masks, path_ports
from tests.sm.sarecords import (JoinState, MCMemberRecord, PathRecord,
                                SaStatus, Selector)
from tests.sm.umad import Address

PREFIX = 0xfe80 << 48


class Builder:
    """Fabrics made by hand. LIDs and GUIDs count up from 1."""

    def __init__(self) -> None:
        self.fabric = Fabric()
        self._count = 0

    def switch(self, name: str) -> Node:
        """A switch with 36 ports."""
        return self._node(name, NodeType.SWITCH, 0)

    def host(self, name: str, switch: Node, num: int) -> Port:
        """A channel adapter on a port of a switch."""
        port = self._node(name, NodeType.CA, 1).ports[1]
        self.link(port, switch.port(num))
        return port

    @staticmethod
    def link(one: Port, other: Port) -> None:
        """A cable, trained."""
        link(one, other)
        one.info.port_state = other.info.port_state = PortState.ACTIVE

    def _node(self, name: str, kind: NodeType, num: int) -> Node:
        self._count += 1
        node = Node(NodeInfo(node_guid=self._count, node_type=kind,
                             num_ports=36 if kind == NodeType.SWITCH else 1))
        node.desc = name
        port = node.port(num)
        port.guid = self._count
        port.info = PortInfo(lid=self._count, gid_prefix=PREFIX)
        port.pkeys = [0xffff]
        self.fabric.nodes[node.guid] = node
        return node


def triangle() -> tuple[Builder, list[Node], list[Port]]:
    """Three switches in a ring, a host on each; a fourth host on the third.

    Switch i reaches the others by ports 10 and 11.
    """
    made = Builder()
    switches = [made.switch(f"sw{i}") for i in range(3)]
    for i in range(3):
        made.link(switches[i].port(10), switches[(i + 1) % 3].port(11))
    hosts = [made.host(f"h{i}", switches[i], 1) for i in range(3)]
    hosts.append(made.host("h3", switches[2], 2))
    return made, switches, hosts


class Unicast(unittest.TestCase):
    """Linear forwarding tables."""

    def test_tables_lead_everywhere(self):
        made, _, _ = triangle()
        tables = linear_tables(made.fabric)
        ends = made.fabric.end_ports()
        for source in ends:
            for destination in ends:
                with self.subTest(source=source, destination=destination):
                    hops = path_ports(source, destination, tables)
                    self.assertIsNotNone(hops)
                    self.assertLessEqual(len(hops), 3)
                    if source is not destination and hops[-1].peer:
                        self.assertIs(hops[-1].peer.node, destination.node)

    def test_shortest(self):
        made, switches, hosts = triangle()
        hops = path_ports(hosts[0], hosts[3], linear_tables(made.fabric))
        self.assertEqual(hops, [hosts[0], switches[0].ports[11],
                                switches[2].ports[2]])

    def test_link_down(self):
        made, switches, hosts = triangle()
        for port in (switches[0].ports[11], switches[2].ports[10]):
            port.info.port_state = PortState.DOWN
        hops = path_ports(hosts[0], hosts[3], linear_tables(made.fabric))
        self.assertEqual([port.num for port in hops], [1, 10, 10, 2])

    def test_no_way(self):
        made, switches, hosts = triangle()
        hosts[3].info.port_state = PortState.DOWN
        tables = linear_tables(made.fabric)
        self.assertIsNone(path_ports(hosts[0], hosts[3], tables))
        self.assertNotIn(hosts[3].lid, tables[switches[0].guid])

    def test_back_to_back(self):
        made = Builder()
        one, other = (made.host(name, made.switch("x"), 1)
                      for name in "ab")
        made.link(one, other)
        self.assertEqual(path_ports(one, other, {}), [one])
        self.assertEqual(path_ports(one, one, {}), [one])


class Multicast(unittest.TestCase):
    """Multicast trees."""

    @staticmethod
    def reached(made, masks, source):
        """Flood a packet by the masks; count how often each port gets it."""
        seen = {}
        ways = [source.peer]
        while ways:
            ingress = ways.pop()
            for num in range(37):
                if (masks[ingress.node.guid] >> num & 1 and
                        num != ingress.num):
                    peer = ingress.node.ports[num].peer
                    seen[peer] = seen.get(peer, 0) + 1
                    if peer.node.is_switch:
                        if seen[peer] > 1:
                            raise AssertionError(f"a loop at {made}")
                        ways.append(peer)
        return {port: count for port, count in seen.items()
                if not port.node.is_switch}

    def test_everybody_gets_it_once(self):
        made, _, hosts = triangle()
        masks = multicast_masks(made.fabric, hosts)
        for source in hosts:
            self.assertEqual(self.reached(made, masks, source),
                             {host: 1 for host in hosts
                              if host is not source})

    def test_sender_only(self):
        made, _, hosts = triangle()
        masks = multicast_masks(made.fabric, hosts[1:2], hosts[3:])
        self.assertEqual(self.reached(made, masks, hosts[3]), {hosts[1]: 1})
        self.assertEqual(self.reached(made, masks, hosts[1]), {})

    def test_nobody(self):
        made, switches, _ = triangle()
        self.assertEqual(multicast_masks(made.fabric, []),
                         {switch.guid: 0 for switch in switches})


class Partitions(unittest.TestCase):
    """P_Keys of paths and of joins."""

    def ends(self, one, other):
        """Two ports with these P_Keys."""
        made = Builder()
        switch = made.switch("sw")
        ports = [made.host("a", switch, 1), made.host("b", switch, 2)]
        ports[0].pkeys, ports[1].pkeys = one, other
        return ports

    def test_limited_members(self):
        full, limited = [0xffff, 0x8001], [0xffff, 0x0001]
        self.assertEqual(shared_pkey(*self.ends(full, limited), 0x8001),
                         0x8001)
        self.assertIsNone(shared_pkey(*self.ends(limited, limited), 0x0001))
        self.assertIsNone(shared_pkey(*self.ends(full, [0x7fff]), 0x8001))
        self.assertEqual(shared_pkey(*self.ends(full, limited)), 0xffff)

    def test_own_entry(self):
        port = self.ends([0x7fff, 0x8001, 0, 0x0001], [])[0]
        self.assertEqual(pkey_of_port(port, 0xffff), 0x7fff)
        self.assertEqual(pkey_of_port(port, 1), 0x8001)
        self.assertIsNone(pkey_of_port(port, 0x8002))
        self.assertIsNone(pkey_of_port(port, 0))


class Groups(unittest.TestCase):
    """Groups, memberships, MLIDs."""

    ONE, TWO = Gid("fe80::1"), Gid("fe80::2")

    def test_mgids(self):
        cases = {("255.255.255.255",): "ff12:401b:ffff::ffff:ffff",
                 ("239.1.2.3",): "ff12:401b:ffff::f01:203",
                 ("ff02::16", 0x8001): "ff12:601b:8001::16",
                 ("224.0.0.1", 0x0001, 5): "ff15:401b:8001::1",
                 ("ff3e:40:2001:db8:1:2:3:4",):
                 "ff12:601b:ffff:db8:1:2:3:4"}
        for arguments, mgid in cases.items():
            with self.subTest(arguments=arguments):
                self.assertEqual(groups.ipoib_mgid(*arguments), Gid(mgid))

    def test_mlids_are_not_used_again_soon(self):
        table = groups.GroupTable()
        one = table.add("ff12::1", 4, False)
        table.remove("ff12::1")
        again = table.add("ff12::1", 4, False)
        self.assertEqual((one.mlid, again.mlid), (0xc000, 0xc001))
        rest = [table.add(f"ff12::{i}", 4, False).mlid for i in (2, 3, 4)]
        self.assertEqual(rest, [0xc002, 0xc003, 0xc000])
        with self.assertRaisesRegex(ValueError, "all 4 MLIDs"):
            table.add("ff12::5", 4, False)
        with self.assertRaisesRegex(ValueError, "there is a group"):
            table.add("ff12::1", 4, False)

    def test_scope_of_mgid(self):
        table = groups.GroupTable()
        self.assertEqual(table.add("ff15::1", 4, True).record.scope, 5)

    def test_membership(self):
        group = groups.GroupTable().add("ff12::1", 4, False)
        group.join(self.ONE, JoinState.SENDONLY_NON)
        self.assertTrue(group.is_abandoned())
        answer = group.join(self.ONE, JoinState.FULL)
        self.assertEqual(answer.join_state, 5)
        group.join(self.TWO, JoinState.SENDONLY_FULL)
        self.assertEqual((group.receivers(), group.senders()),
                         ([self.ONE], [self.TWO]))
        self.assertIsNone(group.leave(self.TWO, JoinState.FULL))
        self.assertEqual(group.leave(self.ONE, 1).join_state, 1)
        self.assertEqual(group.senders(), [self.ONE, self.TWO])
        self.assertFalse(group.is_abandoned())
        group.leave(self.TWO, JoinState.SENDONLY_FULL)
        self.assertTrue(group.is_abandoned())

    def test_creation(self):
        wanted = MCMemberRecord(mgid="ff12::1", join_state=1)
        check = groups.check_create
        all_of_it = groups.CREATE_COMPONENTS
        self.assertEqual(check(wanted, all_of_it), SaStatus.OK)
        for name in all_of_it:
            self.assertEqual(check(wanted, all_of_it - {name}),
                             SaStatus.REQ_INSUFFICIENT_COMPONENTS)
        self.assertEqual(check(wanted.replace(join_state=4), all_of_it),
                         SaStatus.REQ_INVALID)

    def test_created_values(self):
        best = {"mtu": 5, "rate": 7, "packet_life_time": 18}
        wanted = MCMemberRecord(mtu_selector=Selector.LT, mtu=5, rate=3,
                                rate_selector=Selector.EQ, qkey=9)
        fields = groups.created_fields(wanted, frozenset(("mtu", "rate")),
                                       best)
        self.assertEqual((fields["mtu"], fields["rate"],
                          fields["packet_life_time"], fields["qkey"]),
                         (4, 3, 18, 9))

    def test_comparison(self):
        group = MCMemberRecord(mtu=4, qkey=1, sl=2)
        wanted = MCMemberRecord(mtu=3, qkey=2, sl=2)
        self.assertTrue(groups.matches(group, wanted, frozenset(["sl"])))
        self.assertTrue(groups.matches(group, wanted, frozenset(["mtu"])))
        self.assertFalse(groups.matches(group, wanted, frozenset(["qkey"])))
        wanted.mtu_selector = Selector.EQ
        self.assertFalse(groups.matches(group, wanted, frozenset(["mtu"])))


def request(tid=1, lid=2, time=1.0, **fields):
    """A join as the log sees it."""
    return rules.Request(
        time=time, lid=lid, tid=tid, method="Set", attr="MCMemberRecord",
        record=MCMemberRecord(**fields), components=frozenset(fields),
        sm_key=0, address=Address(lid))


class Rules(unittest.TestCase):
    """Which rule is for which request, and how often."""

    def setUp(self):
        self.book = rules.RuleBook()

    def kinds(self, asked):
        """What is done with a request."""
        return [action.kind for action in self.book.actions(asked)]

    def test_description(self):
        match = rules.Matcher
        asked = request(mgid="ff12::1", qkey=0x0b1b)
        self.assertTrue(match()(asked))
        self.assertTrue(match(attr="MCMemberRecord", method="Set", lid=2,
                              mgid="ff12::1", qkey=0x0b1b)(asked))
        for other in ({"attr": "PathRecord"}, {"method": "Get"}, {"lid": 3},
                      {"mgid": "ff12::2"}, {"dgid": "ff12::1"}):
            self.assertFalse(match(**other)(asked))
        self.assertTrue(match(lambda asked: "qkey" in asked.components)(
            asked))
        self.assertTrue(match(tclass=0)(asked))

    def test_order(self):
        self.book.add(rules.alter(sl=1), rules.Matcher())
        self.book.add(rules.refuse(), rules.Matcher(lid=3))
        self.book.add(rules.delay(1), rules.Matcher())
        self.assertEqual(self.kinds(request()), ["alter", "delay"])
        self.assertEqual(self.kinds(request(2, lid=3)), ["alter", "refuse"])

    def test_times_counts_transactions(self):
        rule = self.book.add(rules.drop(), rules.Matcher(), times=1)
        fates = [self.kinds(request(tid)) for tid in (1, 1, 2, 1, 3)]
        self.assertEqual(fates, [["drop"], ["drop"], [], ["drop"], []])
        self.assertEqual(rule.hits, 1)

    def test_times_counts_packets(self):
        self.book.add(rules.drop(), rules.Matcher(), times=2, packets=True)
        fates = [self.kinds(request(1)) for _ in range(3)]
        self.assertEqual(fates, [["drop"], ["drop"], []])

    def test_removal(self):
        with self.book.add(rules.drop(), rules.Matcher()) as rule:
            self.assertEqual(self.kinds(request()), ["drop"])
        self.assertEqual(self.kinds(request()), [])
        rule.remove()


class TheLog(unittest.TestCase):
    """Finding requests and waiting for them."""

    def test_repetitions(self):
        log = rules.Log()
        first = request(7)
        self.assertIsNone(log.add(first))
        self.assertIs(log.add(request(7)), first)
        self.assertIsNone(log.add(request(7, lid=9)))
        self.assertEqual([asked.retry for asked in
                          log.find(rules.Matcher())], [False, True, False])

    def test_find_since(self):
        log = rules.Log()
        for tid in (1, 2, 3):
            log.add(request(tid, time=float(tid)))
        self.assertEqual([asked.tid for asked in
                          log.find(rules.Matcher(), 1.0)], [2, 3])

    def test_wait_for_answer(self):
        log = rules.Log()
        asked = request()
        log.add(asked)
        record = PathRecord(sl=4)
        threading.Timer(0.01, log.settle,
                        (asked, "answered", 0, [record])).start()
        found = log.wait_for(lambda asked: asked.fate == "answered", 1, 5, 0)
        self.assertEqual(found[0].answer.sl, 4)
        self.assertIsNotNone(asked.answered)

    def test_timeout_shows_the_log(self):
        log = rules.Log()
        log.add(request(mgid="ff12::77"))
        with self.assertRaisesRegex(TimeoutError, "ff12::77"):
            log.wait_for(rules.Matcher(), 2, 0.01, 0)


if __name__ == "__main__":
    unittest.main()
