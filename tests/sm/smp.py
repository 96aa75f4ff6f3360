# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Directed-route SMPs, one at a time, and discovery by them.

IBTA volume 1, section 14.2.2 for the routes; the order of discovery is that
of any SM: the own node first, then breadth first through the switches.
"""

from __future__ import annotations

from collections import deque
from typing import TypeVar

from tests.sm.fabric import Fabric, Node, PATH_LIMIT, Port, link
from tests.sm.mad import (Attribute, DIRECTION, GuidInfo, LID_PERMISSIVE,
                          Method, MgmtClass, NodeDescription, NodeInfo,
                          PKeyTable, PortInfo, PortState, Smp, Status,
                          SwitchInfo, directed_smp)
from tests.sm.umad import Address, MadTimeout, Umad

AnyAttribute = TypeVar("AnyAttribute", bound=Attribute)

_EVERYWHERE = Address(lid=LID_PERMISSIVE)


class SmpError(Exception):
    """An SMA answered with a bad status; ``answer`` is what it sent along."""

    def __init__(self, what: str, status: int, answer: Attribute) -> None:
        super().__init__(f"{what}: status {status:#06x}")
        self.status = status
        self.answer = answer


class SmpClient:
    """Sends SMPs by directed routes through an own HCA."""

    def __init__(self, umad: Umad, timeout_ms: int, retries: int) -> None:
        self._umad = umad
        self._agent = umad.register(0, MgmtClass.SUBN_DIRECTED_ROUTE, 1)
        self._timeout_ms = timeout_ms
        self._retries = retries

    def get(self, kind: type[AnyAttribute], path: tuple[int, ...],
            attr_mod: int = 0) -> AnyAttribute:
        """Get(attribute). Errors: SmpError, MadTimeout, OSError."""
        return self._call(Method.GET, kind(), path, attr_mod)

    def set(self, attribute: AnyAttribute, path: tuple[int, ...],
            attr_mod: int = 0) -> AnyAttribute:
        """Set(attribute); returns what holds now. Errors as of get()."""
        return self._call(Method.SET, attribute, path, attr_mod)

    def _call(self, method: Method, attribute: AnyAttribute,
              path: tuple[int, ...], attr_mod: int) -> AnyAttribute:
        request = directed_smp(method, attribute, attr_mod, path,
                               self._umad.next_tid())
        what = (f"{method.name}({type(attribute).__name__}, {attr_mod:#x}) "
                f"by {path}")
        try:
            octets = self._agent.call(request.encode(), _EVERYWHERE,
                                      self._timeout_ms, self._retries)
        except MadTimeout:
            raise MadTimeout(f"{what}: no answer") from None
        answer = Smp.decode(octets)
        result = type(attribute).decode(answer.data)
        status = answer.status & ~DIRECTION
        if status:
            raise SmpError(what, status, result)
        return result

    def read_pkeys(self, port: Port) -> list[int]:
        """The whole P_Key table of an end port."""
        count = port.node.info.partition_cap
        pkeys: list[int] = []
        for block in range((count + 31) // 32):
            pkeys += self.get(PKeyTable, port.path, block).pkeys
        return pkeys[:count]

    def read_guids(self, port: Port) -> list[int]:
        """The whole GUID table of an end port; empty if it has none."""
        guids: list[int] = []
        try:
            for block in range((port.info.guid_cap + 7) // 8):
                guids += self.get(GuidInfo, port.path, block).guids
        except SmpError as error:
            if error.status != Status.UNSUPPORTED_METHOD_ATTRIB:
                raise
        return guids[:port.info.guid_cap]


class Discovery:
    """One walk over the fabric; run() returns it."""

    def __init__(self, smp: SmpClient) -> None:
        self._smp = smp
        self._fabric = Fabric()
        # Routes still to be walked, and the port that each goes out of.
        self._ways: deque[tuple[tuple[int, ...], Port | None]] = deque()

    def run(self) -> Fabric:
        """Walk. MadTimeout only if the own node does not answer."""
        self._visit((), None)
        while self._ways:
            path, origin = self._ways.popleft()
            try:
                self._visit(path, origin)
            except MadTimeout:
                # The link has just gone; a trap or the next sweep tells.
                continue
        return self._fabric

    def _visit(self, path: tuple[int, ...], origin: Port | None) -> None:
        info = self._smp.get(NodeInfo, path)
        node = self._fabric.nodes.get(info.node_guid)
        is_new = node is None
        if node is None:
            node = Node(info)
            node.path = path
            node.desc = self._smp.get(NodeDescription, path).node_desc
        if node.is_switch:
            if is_new:
                self._read_switch(node)
        elif info.local_port_num not in node.ports:
            self._read_ca_port(node, info, path)
        self._fabric.nodes[node.guid] = node
        if origin:
            link(origin, node.port(info.local_port_num))

    def _read_ca_port(self, node: Node, info: NodeInfo,
                      path: tuple[int, ...]) -> None:
        port = node.port(info.local_port_num)
        port.path = path
        port.guid = info.port_guid
        port.info = self._smp.get(PortInfo, path, port.num)
        self._read_tables(port)
        # Channel adapters do not forward: only the own one leads on.
        if not path:
            self._lead_on(port)

    def _read_switch(self, node: Node) -> None:
        node.switch_info = self._smp.get(SwitchInfo, node.path)
        for num in range(node.info.num_ports + 1):
            port = node.port(num)
            port.path = node.path
            port.info = self._smp.get(PortInfo, node.path, num)
            if num == 0:
                port.guid = node.info.port_guid
                self._read_tables(port)
            else:
                self._lead_on(port)

    def _read_tables(self, port: Port) -> None:
        port.pkeys = self._smp.read_pkeys(port)
        port.guids = self._smp.read_guids(port)

    def _lead_on(self, port: Port) -> None:
        if (port.info.port_state >= PortState.INIT and
                len(port.path) < PATH_LIMIT):
            self._ways.append((port.path + (port.num,), port))
