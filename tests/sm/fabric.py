# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What a subnet manager knows of a fabric: nodes, their ports, the links.

Only data; who fills it in is smp.py, and who writes it back is subnet.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.sm.layout import Gid
from tests.sm.mad import NodeInfo, NodeType, PortInfo, PortState, SwitchInfo

PATH_LIMIT = 63
"""Hops that a directed route can have; section 14.2.2."""

# Gb/s of a link to the rate code of SA records; section 15.2.5.16.
_RATE_CODES = {2.5: 2, 10: 3, 30: 4, 5: 5, 20: 6, 40: 7, 60: 8, 80: 9,
               120: 10}
_WIDTHS = {1: 1, 2: 4, 4: 8, 8: 12, 16: 2}
_SPEEDS = {1: 2.5, 2: 5, 4: 10}


class Port:
    """A port of a node.

    ``num`` is its number, 0 for a switch itself. ``path`` is the directed
    route to the SMA that answers for it. ``pkeys`` and ``guids`` are filled
    for ports with a LID. ``peer`` is the other end of the link, if any.
    """

    def __init__(self, node: Node, num: int) -> None:
        self.node = node
        self.num = num
        self.guid = 0
        self.path: tuple[int, ...] = ()
        self.info = PortInfo()
        self.pkeys: list[int] = []
        self.guids: list[int] = []
        self.peer: Port | None = None

    @property
    def lid(self) -> int:
        """Base LID; 0 if it has none."""
        return self.info.lid

    @property
    def gid(self) -> Gid:
        """GID 0."""
        return Gid(self.info.gid_prefix << 64 | self.guid)

    @property
    def is_end_port(self) -> bool:
        """Has it a LID, as a switch's outer ports have not?"""
        return self.node.is_switch == (self.num == 0)

    @property
    def is_linked(self) -> bool:
        """Is there a trained link to another port?"""
        return (self.peer is not None and
                self.info.port_state >= PortState.INIT)

    @property
    def rate(self) -> int:
        """Rate code of the link, as in SA records; 2.5 Gb/s if unknown."""
        width = _WIDTHS.get(self.info.link_width_active, 1)
        speed = _SPEEDS.get(self.info.link_speed_active, 2.5)
        return _RATE_CODES.get(width * speed, 2)

    def has_gid(self, gid: Gid) -> bool:
        """Is a GID one of the port's?"""
        prefix, guid = int(gid) >> 64, int(gid) & (1 << 64) - 1
        return (prefix == self.info.gid_prefix and guid != 0 and
                guid in (self.guid, *self.guids))

    def __repr__(self) -> str:
        return f"<{self.node.desc or hex(self.node.guid)} port {self.num}>"


class Node:
    """A channel adapter or a switch; ``path`` is the route to it."""

    def __init__(self, info: NodeInfo) -> None:
        self.info = info
        self.desc = ""
        self.switch_info = SwitchInfo()
        self.path: tuple[int, ...] = ()
        self.ports: dict[int, Port] = {}
        # Blocks of the multicast forwarding table as they were written, by
        # (block, position).
        self.mft: dict[tuple[int, int], tuple[int, ...]] = {}

    @property
    def guid(self) -> int:
        """NodeGUID."""
        return self.info.node_guid

    @property
    def is_switch(self) -> bool:
        """Is it a switch?"""
        return self.info.node_type == NodeType.SWITCH

    def port(self, num: int) -> Port:
        """The port of a number, made if it is not known yet."""
        if num not in self.ports:
            self.ports[num] = Port(self, num)
        return self.ports[num]

    def __repr__(self) -> str:
        return f"<{self.desc or hex(self.guid)}>"


class Fabric:
    """All nodes, by NodeGUID, in the order of their discovery."""

    def __init__(self) -> None:
        self.nodes: dict[int, Node] = {}

    def switches(self) -> list[Node]:
        """All switches."""
        return [node for node in self.nodes.values() if node.is_switch]

    def ports(self) -> Iterator[Port]:
        """All ports of all nodes."""
        for node in self.nodes.values():
            yield from node.ports.values()

    def end_ports(self) -> list[Port]:
        """All ports that have a LID, or should."""
        return [port for port in self.ports() if port.is_end_port]

    def ca_ports(self) -> list[Port]:
        """All ports of channel adapters."""
        return [port for port in self.end_ports() if not port.node.is_switch]

    def by_lid(self, lid: int) -> Port | None:
        """The end port of a LID."""
        return next((port for port in self.end_ports()
                     if lid and port.lid == lid), None)

    def by_gid(self, gid: Gid) -> Port | None:
        """The end port of a GID."""
        return next((port for port in self.end_ports()
                     if port.has_gid(gid)), None)


def link(one: Port, other: Port) -> None:
    """Tell two ports that they are the ends of a link."""
    one.peer, other.peer = other, one
