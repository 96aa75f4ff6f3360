# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Multicast groups and who has joined them. Pure.

IBTA volume 1, section 15.2.5.17; RFC 4391 section 4 for the MGIDs of IPoIB.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from tests.sm.layout import Gid, GidLike, gid
from tests.sm.mad import MLID_BASE
from tests.sm.sarecords import (JoinState, MCMemberRecord, SaStatus, Selector,
                                selector_allows)

CREATE_COMPONENTS = frozenset((
    "mgid", "port_gid", "join_state", "qkey", "traffic_class", "pkey",
    "flow_label", "sl"))
"""What a join must say to create a group."""

JOIN_COMPONENTS = frozenset(("mgid", "port_gid", "join_state"))
"""What any join and any leave must say."""

_KEEPS_ALIVE = JoinState.FULL | JoinState.SENDONLY_FULL
_RECEIVES = JoinState.FULL | JoinState.NON
_EXACT = {"mtu_selector": Selector.EQ, "rate_selector": Selector.EQ,
          "packet_life_time_selector": Selector.EQ}
_SELECTED = ("mtu", "rate", "packet_life_time")
_COMPARED = ("mlid", "qkey", "traffic_class", "pkey", "sl", "flow_label",
             "hop_limit", "scope")


def ipoib_mgid(address: str, pkey: int = 0xffff, scope: int = 2) -> Gid:
    """The MGID of an IPv4 or IPv6 multicast address, or of IPv4 broadcast."""
    ip = ipaddress.ip_address(address)
    if ip.version == 4:
        signature, low = 0x401b, int(ip)
        if low != 0xffffffff:
            low &= 0x0fffffff
    else:
        signature, low = 0x601b, int(ip) & (1 << 80) - 1
    return Gid(0xff10 << 112 | scope << 112 | signature << 96 |
               (pkey | 0x8000) << 80 | low)


BROADCAST = ipoib_mgid("255.255.255.255")
"""The broadcast-GID of the default partition."""


class Group:
    """A group: what it is, and the JoinState of each member, by GID.

    ``permanent`` groups stay when the last full member leaves, as those do
    that an administrator made.
    """

    def __init__(self, record: MCMemberRecord, permanent: bool) -> None:
        self.record = record
        self.permanent = permanent
        self.members: dict[Gid, JoinState] = {}

    @property
    def mgid(self) -> Gid:
        """MGID."""
        return self.record.mgid

    @property
    def mlid(self) -> int:
        """MLID."""
        return self.record.mlid

    def receivers(self) -> list[Gid]:
        """GIDs of the ports that get the group's packets."""
        return [port_gid for port_gid, state in self.members.items()
                if state & _RECEIVES]

    def senders(self) -> list[Gid]:
        """GIDs of the ports that only send to it."""
        return [port_gid for port_gid, state in self.members.items()
                if not state & _RECEIVES]

    def member_record(self, port_gid: Gid, state: int) -> MCMemberRecord:
        """The record of a member."""
        return self.record.replace(port_gid=port_gid, join_state=state)

    def join(self, port_gid: Gid, state: int) -> MCMemberRecord:
        """Add to a port's JoinState; the record says all that it has."""
        state |= self.members.get(port_gid, JoinState(0))
        self.members[port_gid] = JoinState(state)
        return self.member_record(port_gid, state)

    def leave(self, port_gid: Gid, state: int) -> MCMemberRecord | None:
        """Take from a port's JoinState; None if it has none of it."""
        left = self.members.get(port_gid, JoinState(0)) & state
        if not left:
            return None
        self.members[port_gid] &= ~left
        if not self.members[port_gid]:
            del self.members[port_gid]
        return self.member_record(port_gid, left)

    def is_abandoned(self) -> bool:
        """Is it to be deleted?"""
        return not self.permanent and not any(
            state & _KEEPS_ALIVE for state in self.members.values())


class GroupTable:
    """All groups, by MGID. MLIDs are given in turn and not soon again."""

    def __init__(self) -> None:
        self._groups: dict[Gid, Group] = {}
        self._next_mlid = MLID_BASE

    def __iter__(self) -> Iterator[Group]:
        return iter(list(self._groups.values()))

    def __contains__(self, mgid: GidLike) -> bool:
        return gid(mgid) in self._groups

    def find(self, mgid: GidLike) -> Group | None:
        """The group of an MGID, or None."""
        return self._groups.get(gid(mgid))

    def add(self, mgid: GidLike, mlid_count: int, permanent: bool,
            **fields: Any) -> Group:
        """Make a group from the fields of an MCMemberRecord.

        Without ``mlid`` it gets one of the first ``mlid_count``, without
        ``scope`` that of its MGID. ValueError if there is such a group, or
        no MLID left.
        """
        mgid = gid(mgid)
        if mgid in self._groups:
            raise ValueError(f"there is a group {mgid}")
        fields.setdefault("scope", int(mgid) >> 112 & 0xf)
        if fields.get("mlid") is None:
            fields["mlid"] = self._free_mlid(mlid_count)
        record = MCMemberRecord(mgid=mgid, **_EXACT, **fields)
        self._groups[mgid] = Group(record, permanent)
        return self._groups[mgid]

    def remove(self, mgid: GidLike) -> Group:
        """Delete a group; LookupError if there is none."""
        try:
            return self._groups.pop(gid(mgid))
        except KeyError:
            raise LookupError(f"there is no group {mgid}") from None

    def _free_mlid(self, count: int) -> int:
        taken = {group.mlid for group in self}
        for step in range(count):
            mlid = MLID_BASE + (self._next_mlid - MLID_BASE + step) % count
            if mlid not in taken:
                self._next_mlid = mlid + 1
                return mlid
        raise ValueError(f"all {count} MLIDs are taken")


def matches(record: MCMemberRecord, wanted: MCMemberRecord,
            components: frozenset[str]) -> bool:
    """Has a group what a request says of it?"""
    for name in components & set(_COMPARED):
        if getattr(record, name) != getattr(wanted, name):
            return False
    return all(selector_allows(getattr(wanted, f"{name}_selector"),
                               getattr(wanted, name), getattr(record, name))
               for name in components & set(_SELECTED))


def check_create(wanted: MCMemberRecord,
                 components: frozenset[str]) -> SaStatus:
    """May a join of an absent group create it?"""
    if not wanted.join_state & _KEEPS_ALIVE:
        return SaStatus.REQ_INVALID
    if not CREATE_COMPONENTS <= components:
        return SaStatus.REQ_INSUFFICIENT_COMPONENTS
    if int(wanted.mgid) >> 120 != 0xff:
        return SaStatus.REQ_INVALID
    return SaStatus.OK


def created_fields(wanted: MCMemberRecord, components: frozenset[str],
                   best: dict[str, int]) -> dict[str, Any]:
    """The fields of a group that a join creates.

    ``best`` has MTU, rate and packet lifetime that the joining port can do;
    they count where the request leaves it open.
    """
    fields = {name: getattr(wanted, name) for name in
              ("qkey", "traffic_class", "pkey", "sl", "flow_label",
               "hop_limit")}
    for name in _SELECTED:
        value = getattr(wanted, name)
        selector = getattr(wanted, f"{name}_selector")
        if name not in components or selector == Selector.BEST:
            value = best[name]
        elif selector == Selector.GT:
            value += 1
        elif selector == Selector.LT:
            value -= 1
        fields[name] = value
    return fields
