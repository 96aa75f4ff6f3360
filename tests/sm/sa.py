# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A subnet administration that answers as it should, or as a test wants.

It serves ClassPortInfo, NodeRecord, PathRecord, MCMemberRecord and InformInfo
on QP1 of the subnet manager's port, and writes down every request. Rules say
what is answered otherwise: see rules.py. IBTA volume 1, chapter 15.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.sm.groups import (BROADCAST, Group, GroupTable, JOIN_COMPONENTS,
                             check_create, created_fields, matches)
from tests.sm.layout import GidLike
from tests.sm.mad import (METHOD_NAMES, Method, MgmtClass, QP1_QKEY, RESPONSE,
                          SaHeader, Status)
from tests.sm.paths import PathFinder, pkey_of_port
from tests.sm.rules import (Action, Log, Matcher, Predicate, Request, Rule,
                            RuleBook)
from tests.sm.sarecords import (CAP2_SENDONLY_FULL_MEMBER, CAP_UD_MULTICAST,
                                ClassPortInfo, InformInfo, JoinState,
                                MCMemberRecord, NodeRecord, RECORDS,
                                RMPP_ACTIVE, RMPP_TYPE_DATA, Record, Refused,
                                SA_CLASS_VERSION, SaStatus, encode_sa_mad)
from tests.sm.smp import SmpError
from tests.sm.subnet import Subnet
from tests.sm.umad import Address, MadTimeout, Umad

MTU_2048 = 4
RATE_10_GBPS = 3
IPOIB_QKEY = 0x0b1b
LIFE_TIME = 18
"""Packet lifetime of groups: 4.096 us times two to the 18th, a second."""

_GROUP_DEFAULTS = {"qkey": IPOIB_QKEY, "mtu": MTU_2048, "rate": RATE_10_GBPS,
                   "sl": 0, "traffic_class": 0, "flow_label": 0,
                   "hop_limit": 0, "pkey": 0xffff,
                   "packet_life_time": LIFE_TIME}

_Outcome = tuple[int, list[Record]]


class ScriptedSA:
    """The SA of a Subnet. Also a context manager that closes it.

    ``broadcast`` has the group made that IPv4 broadcasts of the default
    partition go to, with what OpenSM gives it, or with the fields that it is
    a dictionary of. ``sendonly_full_member`` is
    what ClassPortInfo says of JoinState bit 3; it can be changed at any
    time, and clients ask for it again when they are told to reregister.

    ``inform_infos`` are the subscriptions, in the order of their coming.
    """

    def __init__(self, subnet: Subnet, *, broadcast: bool | dict = True,
                 sendonly_full_member: bool = True) -> None:
        """Serve from now on. OSError if something else serves there."""
        self.subnet = subnet
        self.sendonly_full_member = sendonly_full_member
        self.groups = GroupTable()
        self.inform_infos: list[InformInfo] = []
        self._paths = PathFinder(subnet)
        self._rules = RuleBook()
        self._log = Log()
        self._lock = threading.RLock()
        self._timers: set[threading.Timer] = set()
        self._held: list[Group] | None = None
        self._services: dict[tuple[str, str],
                             Callable[[Request], list[Record]]] = {
            ("ClassPortInfo", "Get"): self._class_port_info,
            ("NodeRecord", "Get"): self._node_records,
            ("NodeRecord", "GetTable"): self._node_records,
            ("PathRecord", "Get"): self._paths.find,
            ("PathRecord", "GetTable"): self._paths.find,
            ("MCMemberRecord", "Get"): self._member_records,
            ("MCMemberRecord", "GetTable"): self._member_records,
            ("MCMemberRecord", "Set"): self._join,
            ("MCMemberRecord", "Delete"): self._leave,
            ("InformInfo", "Set"): self._inform,
        }
        if broadcast:
            self.add_group(BROADCAST, **(broadcast if
                                         isinstance(broadcast, dict) else {}))
        self._umad = Umad(subnet.hca, subnet.port_num)
        try:
            self._agent = self._umad.register(
                1, MgmtClass.SUBN_ADM, SA_CLASS_VERSION,
                (Method.GET, Method.SET, Method.GET_TABLE, Method.DELETE),
                self._handle, rmpp=True)
        except OSError:
            self._umad.close()
            raise

    def __enter__(self) -> ScriptedSA:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving; delayed answers are not sent any more.

        RuntimeError if a request could not be handled: a bug in a predicate,
        most likely.
        """
        with self._lock:
            timers, self._timers = self._timers, set()
        for timer in timers:
            timer.cancel()
            timer.join()
        self._umad.close()

    # What a test wants otherwise.

    def rule(self, action: Action, where: Predicate | None = None, *,
             times: int | None = None, packets: bool = False,
             **description: Any) -> Rule:
        """Apply an action to some requests, from now on.

        The description is that of rules.py. ``times`` ends the rule after so
        many requests; a repetition of a request does not count and has the
        same fate, unless ``packets`` says that each counts for itself.
        Returns the Rule, which can be removed or used in a with statement.
        """
        return self._rules.add(action, Matcher(where, **description), times,
                               packets)

    def clear_rules(self) -> None:
        """Answer as it should be from now on."""
        self._rules.clear()

    # What was asked.

    @property
    def log(self) -> list[Request]:
        """All requests since clear_log(), repetitions included."""
        return self._log.find(lambda request: True)

    def clear_log(self) -> None:
        """Forget all requests."""
        self._log.clear()

    def requests(self, where: Predicate | None = None, *, since: float = 0.0,
                 **description: Any) -> list[Request]:
        """The requests of a description that came after ``since``."""
        return self._log.find(Matcher(where, **description), since)

    def wait_for(self, where: Predicate | None = None, timeout: float = 10.0,
                 *, since: float = 0.0, **description: Any) -> Request:
        """The first request of a description after ``since``.

        It may have come before the call. ``where`` is asked again when a
        request is answered, so it can look at the answer. TimeoutError after
        ``timeout`` seconds shows the log.
        """
        return self.wait_for_many(1, where, timeout, since=since,
                                  **description)[0]

    def wait_for_many(self, count: int, where: Predicate | None = None,
                      timeout: float = 10.0, *, since: float = 0.0,
                      **description: Any) -> list[Request]:
        """As wait_for(), for the first ``count`` of them."""
        return self._log.wait_for(Matcher(where, **description), count,
                                  timeout, since)

    # Groups.

    def add_group(self, mgid: GidLike, *, mlid: int | None = None,
                  permanent: bool = True, **fields: Any) -> Group:
        """Make a group, as an administrator would.

        ``fields`` are those of an MCMemberRecord: qkey, mtu, rate, sl,
        tclass, flow_label, hop_limit, pkey, scope, packet_life_time. The
        defaults are OpenSM's for the IPv4 broadcast group, and the scope of
        the MGID. ``permanent`` groups outlive their members. ValueError if
        there is such a group.
        """
        given = {MCMemberRecord.field_name(name): value
                 for name, value in fields.items()}
        with self._lock:
            return self.groups.add(mgid, self.subnet.mlid_count(), permanent,
                                   mlid=mlid, **_GROUP_DEFAULTS | given)

    def remove_group(self, mgid: GidLike) -> Group:
        """Delete a group with all memberships; LookupError without it."""
        with self._lock:
            group = self.groups.remove(mgid)
            self.subnet.clear_multicast(group.mlid)
            return group

    def recreate_group(self, mgid: GidLike, *,
                       mlid: int | None = None) -> Group:
        """Delete a group and make it again without members.

        It gets another MLID, the given one or the next. No member is told;
        Subnet.reregister() does that.
        """
        with self._lock:
            old = self.remove_group(mgid)
            fields = {name: getattr(old.record, name) for name in
                      (*_GROUP_DEFAULTS, "scope")}
            return self.add_group(mgid, mlid=mlid, permanent=old.permanent,
                                  **fields)

    def members(self, mgid: GidLike) -> dict[int, JoinState]:
        """JoinState by the LID that a member has now; empty without group."""
        with self._lock:
            group = self.groups.find(mgid)
            found: dict[int, JoinState] = {}
            for port_gid, state in (group.members if group else {}).items():
                port = self.subnet.by_gid(port_gid)
                if port:
                    found[port.lid] = found.get(port.lid, state) | state
            return found

    # The way of a request.

    def _handle(self, mad: bytes, address: Address) -> None:
        header = SaHeader.decode(mad)
        request = self._decode(header, mad, address)
        first = self._log.add(request)
        if first is not None and first.fate == "pending":
            self._log.settle(request, "duplicate")
            return
        if first is not None and first.fate == "answered":
            # What was asked for has been done; it is not done twice.
            self._answer(header, request, first.status, first.answers)
            return
        actions = self._rules.actions(request)
        end = actions[-1] if actions else None
        if end and end.kind == "drop":
            if end.processed:
                self._serve(request)
            self._log.settle(request, "dropped")
            return
        if end and end.kind == "refuse":
            status, records = end.status, []
        else:
            status, records = self._serve(request)
        for action in actions:
            records = [record.replace(**action.fields) for record in records]
        seconds = sum(action.seconds for action in actions)
        self._answer_later(seconds, header, request, status, records)

    @staticmethod
    def _decode(header: SaHeader, mad: bytes, address: Address) -> Request:
        kind = RECORDS.get(header.attr_id)
        return Request(
            time=time.monotonic(), lid=address.lid, tid=header.tid,
            method=METHOD_NAMES.get(header.method, hex(header.method)),
            attr=kind.NAME if kind else hex(header.attr_id),
            record=kind.decode(mad[SaHeader.SIZE:]) if kind else None,
            components=(kind.component_names(header.comp_mask) if kind
                        else frozenset()),
            sm_key=header.sm_key, address=address)

    def _serve(self, request: Request) -> _Outcome:
        service = self._services.get((request.attr, request.method))
        if service is None:
            return Status.UNSUPPORTED_METHOD_ATTRIB, []
        try:
            with self._lock, self.subnet.lock:
                records = service(request)
        except (SmpError, MadTimeout):
            # A switch that did not take its forwarding table.
            return SaStatus.NO_RESOURCES, []
        except Refused as refused:
            return refused.status, []
        if request.method == "GetTable":
            return SaStatus.OK, records
        if not records:
            return SaStatus.NO_RECORDS, []
        if len(records) > 1:
            return SaStatus.TOO_MANY_RECORDS, []
        return SaStatus.OK, records

    def _answer_later(self, seconds: float, header: SaHeader,
                      request: Request, status: int,
                      records: list[Record]) -> None:
        if not seconds:
            self._answer(header, request, status, records)
            return
        timer = threading.Timer(seconds, self._answer,
                                (header, request, status, records))
        timer.daemon = True
        timer.name = f"SA answer to LID {request.lid}"
        with self._lock:
            self._timers = {old for old in self._timers if old.is_alive()}
            self._timers.add(timer)
            timer.start()

    def _answer(self, header: SaHeader, request: Request, status: int,
                records: list[Record]) -> None:
        is_table = request.method == "GetTable" and status == SaStatus.OK
        reply = header.replace(
            method=header.method | RESPONSE, status=status, sm_key=0,
            rmpp_version=1 if is_table else 0,
            rmpp_type=RMPP_TYPE_DATA if is_table else 0,
            rmpp_flags=RMPP_ACTIVE if is_table else 0, rmpp_rtime=0,
            rmpp_status=0, seg_num=0, paylen_newwin=0)
        body = records
        if not is_table and not records and request.record:
            body = [request.record]
        self._log.settle(request, "answered", status, records)
        try:
            self._agent.send(encode_sa_mad(reply, body),
                             dataclasses.replace(request.address,
                                                 qkey=QP1_QKEY))
        except OSError as error:
            # The kernel is still sending the answer to an earlier repetition.
            if error.errno != errno.EINVAL or not request.retry:
                raise

    # The attributes. The locks are held.

    def _class_port_info(self, _: Request) -> list[Record]:
        capability2 = (CAP2_SENDONLY_FULL_MEMBER
                       if self.sendonly_full_member else 0)
        return [ClassPortInfo(base_version=1, class_version=SA_CLASS_VERSION,
                              capability_mask=CAP_UD_MULTICAST,
                              capability_mask2=capability2,
                              resp_time=LIFE_TIME)]

    def _node_records(self, request: Request) -> list[Record]:
        records = []
        for port in self.subnet.fabric.end_ports():
            info = vars(port.node.info) | {"port_guid": port.guid,
                                           "local_port_num": port.num}
            record = NodeRecord(lid=port.lid, node_desc=port.node.desc,
                                **info)
            if all(getattr(record, name) == getattr(request.record, name)
                   for name in request.components):
                records.append(record)
        return records

    def _inform(self, request: Request) -> list[Record]:
        self.inform_infos.append(request.record)
        return [request.record]

    def _member_records(self, request: Request) -> list[Record]:
        """Groups; their members only for those who know the SM_Key, 1."""
        wanted, components = request.record, request.components
        records: list[Record] = []
        for group in self.groups:
            if "mgid" in components and group.mgid != wanted.mgid:
                continue
            if not matches(group.record, wanted, components):
                continue
            if request.sm_key or "port_gid" in components:
                records += [
                    group.member_record(port_gid, state)
                    for port_gid, state in group.members.items()
                    if "port_gid" not in components or
                    port_gid == wanted.port_gid]
            else:
                records.append(group.record)
        return records

    def _join(self, request: Request) -> list[Record]:
        wanted, components = request.record, request.components
        if not JOIN_COMPONENTS <= components or not wanted.join_state:
            raise Refused(SaStatus.REQ_INSUFFICIENT_COMPONENTS)
        port = self.subnet.by_gid(wanted.port_gid)
        if port is None:
            raise Refused(SaStatus.REQ_INVALID_GID)
        group = self.groups.find(wanted.mgid)
        best = {"mtu": port.info.neighbor_mtu, "rate": port.rate,
                "packet_life_time": LIFE_TIME}
        if group is None:
            status = check_create(wanted, components)
            if status != SaStatus.OK:
                raise Refused(status)
            offered = MCMemberRecord(**created_fields(wanted, components,
                                                      best))
        else:
            offered = group.record
            if not matches(offered, wanted, components):
                raise Refused(SaStatus.REQ_INVALID)
        if (offered.mtu > best["mtu"] or offered.rate > best["rate"] or
                pkey_of_port(port, offered.pkey) is None):
            raise Refused(SaStatus.REQ_INVALID)
        if group is None:
            group = self.groups.add(
                wanted.mgid, self.subnet.mlid_count(), False,
                **created_fields(wanted, components, best))
        answer = group.join(wanted.port_gid, wanted.join_state)
        self._program(group)
        return [answer]

    def _leave(self, request: Request) -> list[Record]:
        wanted = request.record
        if not JOIN_COMPONENTS <= request.components:
            raise Refused(SaStatus.REQ_INSUFFICIENT_COMPONENTS)
        group = self.groups.find(wanted.mgid)
        answer = group and group.leave(wanted.port_gid, wanted.join_state)
        if answer is None:
            raise Refused(SaStatus.REQ_INVALID)
        if group.is_abandoned():
            self.remove_group(group.mgid)
        else:
            self._program(group)
        return [answer]

    @contextlib.contextmanager
    def late_switches(self) -> Iterator[None]:
        """Joins and leaves are answered, but the switches are told of them
        only when the context ends."""
        self._held = []
        try:
            yield
        finally:
            held, self._held = self._held, None
            for group in held:
                self._program(group)

    def _program(self, group: Group) -> None:
        if self._held is not None:
            self._held.append(group)
            return
        self.subnet.set_multicast(group.mlid, group.receivers(),
                                  group.senders())
