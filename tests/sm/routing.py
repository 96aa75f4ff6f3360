# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Routing: pure functions of a discovered fabric.

Unicast takes shortest paths, the first found among equals. A multicast group
gets a spanning tree over the switches between its members.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from tests.sm.fabric import Fabric, Node, Port


def _switch_ports(node: Node) -> list[tuple[int, Port]]:
    """Own port number and the port at the other end, towards switches."""
    return [(num, port.peer) for num, port in sorted(node.ports.items())
            if num and port.is_linked and port.peer.node.is_switch]


def _ways_to(root: Node) -> dict[int, int]:
    """By which port each switch reaches a root; by NodeGUID, 0 at itself."""
    ways = {root.guid: 0}
    queue = deque([root])
    while queue:
        for _, peer in _switch_ports(queue.popleft()):
            if peer.node.guid not in ways:
                ways[peer.node.guid] = peer.num
                queue.append(peer.node)
    return ways


def home_switch(port: Port) -> tuple[Node, int] | None:
    """The switch that an end port is on, and by which port of the switch.

    0 for the switch itself; None for a port whose link goes to no switch.
    """
    if port.node.is_switch:
        return port.node, 0
    if port.is_linked and port.peer.node.is_switch:
        return port.peer.node, port.peer.num
    return None


def linear_tables(fabric: Fabric) -> dict[int, dict[int, int]]:
    """Egress port by LID, for each switch by NodeGUID."""
    tables: dict[int, dict[int, int]] = {node.guid: {} for node in
                                         fabric.switches()}
    for port in fabric.end_ports():
        home = home_switch(port)
        if not home or not port.lid:
            continue
        switch, egress = home
        for guid, way in _ways_to(switch).items():
            tables[guid][port.lid] = egress if guid == switch.guid else way
    return tables


def multicast_masks(fabric: Fabric, receivers: Iterable[Port],
                    senders: Iterable[Port] = ()) -> dict[int, int]:
    """Masks of ports that a group is sent out of, by switch NodeGUID.

    Receivers get the packets; the switches of those that only send are on
    the tree, but nothing goes to them.
    """
    masks = {node.guid: 0 for node in fabric.switches()}
    homes = []
    for port in receivers:
        home = home_switch(port)
        if home:
            homes.append(home[0])
            masks[home[0].guid] |= 1 << home[1]
    homes += [home[0] for home in map(home_switch, senders) if home]
    if homes:
        ways = _ways_to(homes[0])
        for switch in homes:
            _join_tree(fabric, ways, switch, masks)
    return masks


def _join_tree(fabric: Fabric, ways: dict[int, int], switch: Node,
               masks: dict[int, int]) -> None:
    """Add both ends of each link between a switch and the tree's root."""
    while ways.get(switch.guid):
        num = ways[switch.guid]
        peer = switch.ports[num].peer
        masks[switch.guid] |= 1 << num
        masks[peer.node.guid] |= 1 << peer.num
        switch = fabric.nodes[peer.node.guid]


def path_ports(source: Port, destination: Port,
               tables: dict[int, dict[int, int]]) -> list[Port] | None:
    """The ports that a packet leaves by, from end to end; None without way."""
    if destination in (source, source.peer):
        return [source]
    return _switched_path(source, destination, tables)


def _switched_path(source: Port, destination: Port,
                   tables: dict[int, dict[int, int]]) -> list[Port] | None:
    home = home_switch(source)
    if not home:
        return None
    switch = home[0]
    ports = [] if source.node.is_switch else [source]
    for _ in range(len(tables) + 1):
        num = tables[switch.guid].get(destination.lid)
        if num is None:
            return None
        if num == 0:
            return ports or [source]
        egress = switch.ports[num]
        ports.append(egress)
        if not egress.peer or egress.peer is destination:
            return ports if egress.peer else None
        switch = egress.peer.node
        if not switch.is_switch:
            return None
    return None
