# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A subnet manager that does what a test tells it, when it tells it.

bring_up() makes a working subnet of whatever the own HCA is connected to. All
else can be called at any time after it, from any thread, and has taken effect
in the fabric when it returns. IBTA volume 1, chapter 14.

Ports are named by what is at hand: a Port, a LID, a GUID, or the name of an
HCA of this machine ("sib2", or "sib2/2" for a port other than the first).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from tests.sm.deadline import wait_until
from tests.sm.fabric import Fabric, Node, Port
from tests.sm.layout import Gid, GidLike, gid
from tests.sm.mad import (Cap, GuidInfo, LID_LAST, LinearForwardingTable,
                          MLID_BASE, MulticastForwardingTable, PhysState, PKeyTable,
                          PortInfo, PortState, Status)
from tests.sm.routing import linear_tables, multicast_masks, path_ports
from tests.sm.smp import Discovery, SmpClient, SmpError
from tests.sm.traps import TrapDesk
from tests.sm.umad import MadTimeout, Umad, find_device

DEFAULT_PREFIX = 0xfe80000000000000
DEFAULT_PKEY = 0xffff
MTU_4096 = 5

_LFT_BLOCK = 64
_LFT_DISCARD = 255
_MFT_BLOCK = 32
_MFT_PORTS = 16
_PKEY_BLOCK = 32
_GUID_BLOCK = 8
# As exponents of two, in units of 4.096 us: about a second.
_ONE_SECOND = 18
# How long a link may take to train, in seconds.
_LINK_LIMIT = 15.0

PortKey = Port | int | str
PortId = tuple[int, int]


def hca_guid(hca: str) -> int:
    """NodeGUID of an HCA of this machine; OSError if there is none."""
    path = f"/sys/class/infiniband/{hca}/node_guid"
    with open(path, encoding="ascii") as file:
        return int(file.read().replace(":", ""), 16)


class Subnet:
    """The subnet of an HCA's port. Also a context manager that closes it.

    ``first_lid`` is what the own port gets; the others follow in the order
    of their discovery. ``prefix`` is the subnet prefix. ``mtu`` is the
    largest MTU code that links are set to. With ``resweep_on_trap`` a
    trap 128 leads to a sweep; it can be changed at any time. An SMP is tried
    ``retries`` times more, every ``timeout_ms``.

    Attributes: ``fabric`` is what the last sweep found, ``traps`` the list
    of traps that came (see wait_for_trap()), ``lock`` guards the fabric; who
    looks at several things in it may hold it.

    A new Subnet starts from a clean slate: GUID and P_Key tables, prefixes
    and MTUs are set to what it wants, whatever an SM before it did.
    """

    def __init__(self, hca: str, port: int = 1, *, first_lid: int = 1,
                 prefix: int = DEFAULT_PREFIX, mtu: int = MTU_4096,
                 resweep_on_trap: bool = False, timeout_ms: int = 500,
                 retries: int = 4) -> None:
        """Open the HCA; touch nothing yet. OSError, LookupError."""
        self.hca, self.port_num = hca, port
        self.prefix, self.mtu = prefix, mtu
        self.first_lid = first_lid
        self.resweep_on_trap = resweep_on_trap
        self.fabric = Fabric()
        self.lock = threading.RLock()
        self._lids: dict[PortId, int] = {}
        self._pkeys: dict[PortId, tuple[int, ...]] = {}
        self._guids: dict[PortId, dict[int, int]] = {}
        self._disabled: dict[PortId, PortId] = {}
        self._groups: dict[int, tuple[list[Gid], list[Gid]]] = {}
        self._masks: dict[int, dict[int, int]] = {}
        self._tables: dict[int, dict[int, int]] = {}
        self._issm = -1
        self._umad = Umad(hca, port)
        try:
            self.smp = SmpClient(self._umad, timeout_ms, retries)
            self._desk = TrapDesk(self._umad, hca_guid(hca), self._on_trap)
        except OSError:
            self._umad.close()
            raise
        self.traps = self._desk.traps
        self._sweeper = _Sweeper(self)

    def __enter__(self) -> Subnet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the HCA; the fabric stays as it is.

        RuntimeError if a trap's handler or a re-sweep has failed.
        """
        self._sweeper.close()
        self.release_issm()
        self._umad.close()
        if self._sweeper.failure:
            raise RuntimeError("a re-sweep failed") from self._sweeper.failure

    # Sweeps.

    def bring_up(self, *, reregister: bool = True) -> None:
        """Become the SM: set IsSM, discover, configure, activate.

        ``reregister`` asks all clients to join and subscribe again, as a new
        SM must. SmpError and MadTimeout if a port would not have it.
        """
        self.hold_issm()
        self.sweep(reregister=reregister)

    def sweep(self, *, reregister: bool = False) -> None:
        """Discover everything anew and set right what is not."""
        with self.lock:
            self.fabric = Discovery(self.smp).run()
            self._assign_lids()
            self._program(reregister)

    def hold_issm(self) -> None:
        """Set IsSM in the own CapabilityMask. OSError if another SM has."""
        if self._issm < 0:
            path = find_device("issm", self.hca, self.port_num)
            self._issm = os.open(path, os.O_RDWR | os.O_NONBLOCK |
                                 os.O_CLOEXEC)

    def release_issm(self) -> None:
        """Clear IsSM; the SM goes on working."""
        if self._issm >= 0:
            os.close(self._issm)
            self._issm = -1

    # What is where.

    def find(self, key: PortKey) -> Port | None:
        """The port that a key names, as of the last sweep, or None."""
        if isinstance(key, int):
            return next((port for port in self.fabric.end_ports()
                         if key and key in (port.lid, port.guid)), None)
        guid, num = self._port_id(key)
        node = self.fabric.nodes.get(guid)
        return node.ports.get(num) if node else None

    def port(self, key: PortKey) -> Port:
        """As find(); LookupError if the port was not found."""
        port = self.find(key)
        if port is None:
            raise LookupError(f"the SM knows no port {key!r}")
        return port

    @property
    def own_port(self) -> Port:
        """The port that the SM is on."""
        return self.port(f"{self.hca}/{self.port_num}")

    def by_lid(self, lid: int) -> Port | None:
        """The end port of a LID."""
        with self.lock:
            return self.fabric.by_lid(lid)

    def by_gid(self, value: GidLike) -> Port | None:
        """The end port of a GID, be it an alias."""
        with self.lock:
            return self.fabric.by_gid(gid(value))

    def path(self, source: PortKey, destination: PortKey) -> list[Port] | None:
        """The ports that packets leave by on their way; None without one."""
        with self.lock:
            return path_ports(self.port(source), self.port(destination),
                              self._tables)

    def read_port_info(self, key: PortKey) -> PortInfo:
        """Get(PortInfo), now."""
        with self.lock:
            port = self.port(key)
            port.info = self.smp.get(PortInfo, port.path, port.num)
            return port.info

    # Changes of one port.

    def set_port_info(self, key: PortKey, **fields: Any) -> PortInfo:
        """Set(PortInfo) of what holds now but for some fields.

        PortState, PortPhysicalState and ClientReregister are zero, which is
        no change, unless given. Returns what holds afterwards.
        """
        with self.lock:
            self.read_port_info(key)
            return self._set_port(self.port(key), **fields)

    def reregister(self, *keys: PortKey) -> None:
        """Set(PortInfo) with ClientReregister; all HCA ports by default."""
        with self.lock:
            for port in ([self.port(key) for key in keys] or
                         self.fabric.ca_ports()):
                self.set_port_info(port, client_reregister=1)

    def set_lid(self, key: PortKey, lid: int, *,
                reregister: bool = True) -> None:
        """Give a port another LID, and tell the switches.

        ``reregister`` has all clients forget their paths, which a real SM
        sees to as well. ValueError if another port has the LID.
        """
        with self.lock:
            port = self.port(key)
            owner = self.find(lid)
            if owner is not None and owner is not port:
                raise ValueError(f"LID {lid} is that of {owner}")
            self._lids[self._port_id(port)] = lid
            self._program(reregister)

    def renumber(self, first_lid: int, *, reregister: bool = True) -> None:
        """Give every port another LID, from ``first_lid`` on."""
        with self.lock:
            self.first_lid = first_lid
            self._lids.clear()
            self._assign_lids()
            self._program(reregister)

    def set_pkeys(self, key: PortKey, pkeys: Sequence[int]) -> None:
        """Set the P_Key table of a port; what is not given becomes 0.

        ValueError if it has not so many entries.
        """
        with self.lock:
            port = self.port(key)
            if len(pkeys) > port.node.info.partition_cap:
                raise ValueError(f"{port} has room for "
                                 f"{port.node.info.partition_cap} P_Keys")
            self._pkeys[self._port_id(port)] = tuple(pkeys)
            self._write_pkeys(port)

    def set_guid(self, key: PortKey, index: int, guid: int) -> None:
        """Set an entry of a port's GUID table; entry 0 cannot be changed.

        ValueError if there is no such entry.
        """
        with self.lock:
            port = self.port(key)
            if not 0 < index < port.info.guid_cap:
                raise ValueError(f"{port} has GUIDs 1 to "
                                 f"{port.info.guid_cap - 1}")
            self._guids.setdefault(self._port_id(port), {})[index] = guid
            self._write_guids(port)

    def set_prefix(self, prefix: int, *, reregister: bool = True) -> None:
        """Change the subnet prefix, and so the GIDs, of all ports."""
        with self.lock:
            self.prefix = prefix
            self._program(reregister)

    # Links.

    def disable(self, key: PortKey) -> None:
        """Take a port's link down and keep it down.

        The end of it that is nearer to the SM is told, so that it can be
        told again. Returns when the link is down.
        """
        with self.lock:
            port = self.port(key)
            near = self._near_end(port)
            self._disabled[self._port_id(port)] = self._port_id(near)
            self.set_port_info(near, port_phys_state=PhysState.DISABLED)
            self._wait_state(near, PortState.DOWN)

    def enable(self, key: PortKey) -> None:
        """Undo disable(): train the link, then sweep.

        LookupError if the port was not disabled.
        """
        with self.lock:
            near = self._disabled.pop(self._port_id(key), None)
            if near is None:
                raise LookupError(f"{key!r} was not disabled")
            port = self.fabric.nodes[near[0]].ports[near[1]]
            self.set_port_info(port, port_phys_state=PhysState.POLLING)
            self._wait_state(port, PortState.INIT)
            self.sweep()

    def bounce(self, key: PortKey) -> None:
        """Take a port's link down and let it train at once, then sweep."""
        with self.lock:
            near = self._near_end(self.port(key))
            self.set_port_info(near, port_state=PortState.DOWN)
            self._wait_state(near, PortState.INIT)
            self.sweep()

    # Multicast.

    def set_multicast(self, mlid: int, receivers: Iterable[GidLike],
                      senders: Iterable[GidLike] = ()) -> None:
        """Make the tree of a group, by the GIDs of its members' ports.

        It is made again at each sweep, until clear_multicast(). Ports that
        are not there are left out.
        """
        with self.lock:
            self._groups[mlid] = ([gid(value) for value in receivers],
                                  [gid(value) for value in senders])
            self._program_group(mlid)

    def set_route(self, lid: int, out: Port) -> None:
        """A switch sends what is for a LID out of a port of its own, until
        the next sweep."""
        with self.lock:
            self._tables[out.node.guid][lid] = out.num
            self._write_lft(out.node)

    def clear_multicast(self, mlid: int) -> None:
        """Undo set_multicast(); harmless without it."""
        with self.lock:
            if self._groups.pop(mlid, None) is not None:
                self._program_group(mlid)

    def mlid_count(self) -> int:
        """How many MLIDs all switches can do; 16384 without switches."""
        with self.lock:
            return min((switch.switch_info.multicast_fdb_cap
                        for switch in self.fabric.switches()),
                       default=0x4000)

    # Traps.

    def wait_for_trap(self, trap_num: int, timeout: float = 10.0,
                      since: float = 0.0):
        """The first trap of a number after ``since`` (time.monotonic()).

        TimeoutError if there is none within ``timeout`` seconds.
        """
        return self._desk.wait_for(trap_num, timeout, since)

    def _on_trap(self, trap_num: int) -> None:
        if trap_num == 128 and self.resweep_on_trap:
            self._sweeper.request()

    # What the above is made of. The lock is held.

    def _port_id(self, key: PortKey) -> PortId:
        """NodeGUID and port number: the same whatever sweeps find."""
        if isinstance(key, Port):
            return key.node.guid, key.num
        if isinstance(key, int):
            return self._port_id(self.port(key))
        hca, _, num = key.partition("/")
        return hca_guid(hca), int(num or 1)

    def _assign_lids(self) -> None:
        taken = set(self._lids.values())
        free = (lid for lid in range(self.first_lid, LID_LAST + 1)
                if lid not in taken)
        for port in self.fabric.end_ports():
            port_id = self._port_id(port)
            if port_id not in self._lids:
                self._lids[port_id] = next(free)

    def _program(self, reregister: bool) -> None:
        for port in self.fabric.end_ports():
            self._write_pkeys(port)
            self._write_guids(port)
            self._configure_end_port(port, reregister)
        self._tables = linear_tables(self.fabric)
        for switch in self.fabric.switches():
            self._write_lft(switch)
        for mlid in self._groups:
            self._program_group(mlid)
        links = [port for port in self.fabric.ports() if port.is_linked]
        for port in links:
            self._configure_link(port)
        for state in (PortState.ARMED, PortState.ACTIVE):
            for port in links:
                self._step_to(port, state)

    def _set_port(self, port: Port, **fields: Any) -> PortInfo:
        quiet = {"port_state": PortState.NOP, "client_reregister": 0,
                 "port_phys_state": PhysState.NOP}
        wanted = port.info.replace(**quiet | fields)
        port.info = self.smp.set(wanted, port.path, port.num).replace(
            client_reregister=0)
        return port.info

    def _configure_end_port(self, port: Port, reregister: bool) -> None:
        changed = port.info.differences(
            lid=self._lids[self._port_id(port)], lmc=0, master_sm_sl=0,
            sm_lid=self._lids[hca_guid(self.hca), self.port_num],
            gid_prefix=self.prefix, subnet_timeout=_ONE_SECOND, mkey=0,
            mkey_protect=0)
        if reregister and port.info.cap_mask & Cap.CLIENT_REREGISTRATION:
            changed["client_reregister"] = 1
        if changed:
            self._set_port(port, **changed)

    def _configure_link(self, port: Port) -> None:
        ends = port.info, port.peer.info
        changed = port.info.differences(
            neighbor_mtu=min(self.mtu, *(end.mtu_cap for end in ends)),
            operational_vls=min(end.vl_cap for end in ends))
        if changed:
            self._set_port(port, **changed)

    def _step_to(self, port: Port, state: PortState) -> None:
        """Init to Armed, or Armed to Active, which data may have done."""
        if port.info.port_state != state - 1:
            return
        try:
            self._set_port(port, port_state=state)
        except SmpError as error:
            if (error.status != Status.INVALID_ATTRIB_VALUE or
                    error.answer.port_state < state):
                raise
            port.info = error.answer

    def _write_pkeys(self, port: Port) -> None:
        wanted = list(self._pkeys.get(self._port_id(port), (DEFAULT_PKEY,)))
        wanted += [0] * (len(port.pkeys) - len(wanted))
        for first in range(0, len(wanted), _PKEY_BLOCK):
            block = wanted[first:first + _PKEY_BLOCK]
            if block != port.pkeys[first:first + _PKEY_BLOCK]:
                self.smp.set(PKeyTable(pkeys=block), port.path,
                             first // _PKEY_BLOCK)
        port.pkeys = wanted

    def _write_guids(self, port: Port) -> None:
        changes = self._guids.get(self._port_id(port), {})
        wanted = [port.guid] + [changes.get(index, 0) for index in
                                range(1, len(port.guids))]
        if not port.guids:
            return
        for first in range(0, len(wanted), _GUID_BLOCK):
            block = wanted[first:first + _GUID_BLOCK]
            if block != port.guids[first:first + _GUID_BLOCK]:
                self.smp.set(GuidInfo(guids=block), port.path,
                             first // _GUID_BLOCK)
        port.guids = wanted

    def _write_lft(self, switch: Node) -> None:
        table = self._tables[switch.guid]
        top = max(table, default=0)
        info = switch.switch_info.replace(
            linear_fdb_top=top, life_time=_ONE_SECOND, port_state_change=1)
        switch.switch_info = self.smp.set(info, switch.path)
        for first in range(0, top + 1, _LFT_BLOCK):
            ports = [table.get(lid, _LFT_DISCARD)
                     for lid in range(first, first + _LFT_BLOCK)]
            self.smp.set(LinearForwardingTable(ports=ports), switch.path,
                         first // _LFT_BLOCK)

    def _program_group(self, mlid: int) -> None:
        members = self._groups.get(mlid, ([], []))
        receivers, senders = ([port for port in map(self.fabric.by_gid, gids)
                               if port] for gids in members)
        masks = multicast_masks(self.fabric, receivers, senders)
        for switch in self.fabric.switches():
            self._masks.setdefault(switch.guid, {})[mlid] = masks[switch.guid]
            self._write_mft(switch, (mlid - MLID_BASE) // _MFT_BLOCK)

    def _write_mft(self, switch: Node, block: int) -> None:
        masks = self._masks[switch.guid]
        first = MLID_BASE + block * _MFT_BLOCK
        for position in range(switch.info.num_ports // _MFT_PORTS + 1):
            shift = position * _MFT_PORTS
            entries = tuple(masks.get(first + index, 0) >> shift & 0xffff
                            for index in range(_MFT_BLOCK))
            if switch.mft.get((block, position)) != entries:
                self.smp.set(MulticastForwardingTable(port_masks=entries),
                             switch.path, position << 28 | block)
                switch.mft[block, position] = entries

    def _near_end(self, port: Port) -> Port:
        """The end of a port's link that is nearer to the SM."""
        if port.peer is None:
            raise LookupError(f"{port} has no link")
        return min(port, port.peer, key=lambda end: len(end.path))

    def _wait_state(self, port: Port, state: PortState) -> None:
        wait_until(lambda: self.read_port_info(port).port_state == state,
                   _LINK_LIMIT, f"{port} is {state.name}")


class _Sweeper:
    """A thread that sweeps when asked; questions in one go are one sweep."""

    TRIES = 5

    def __init__(self, subnet: Subnet) -> None:
        self.failure: Exception | None = None
        self._subnet = subnet
        self._asked = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True,
                                        name=f"sweeper {subnet.hca}")
        self._thread.start()

    def request(self) -> None:
        """Sweep soon."""
        self._asked.set()

    def close(self) -> None:
        """Finish the sweep that runs, if any, and end the thread."""
        self._closing = True
        self._asked.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            if self._closing:
                return
            self._sweep()

    def _sweep(self) -> None:
        """A fabric that changes under a sweep is swept once more."""
        for left in reversed(range(self.TRIES)):
            try:
                self._subnet.sweep()
                return
            except (SmpError, MadTimeout) as error:
                if not left:
                    self.failure = error
