# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The attributes of subnet administration, and SA MADs.

Fields have the names of rdma/ib_sa.h. A component mask is a set of field
names here. IBTA volume 1, section 15.2.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import ClassVar

from tests.sm.layout import Layout
from tests.sm.mad import MAD_SIZE, NodeInfo, SaHeader

SA_CLASS_VERSION = 2
RMPP_ACTIVE = 1
RMPP_TYPE_DATA = 1
CAP_UD_MULTICAST = 1 << 9
"""ClassPortInfo:CapabilityMask: the SA serves multicast groups."""
CAP2_SENDONLY_FULL_MEMBER = 1 << 12
"""ClassPortInfo:CapabilityMask2: it knows JoinState bit 3."""


class SaStatus(enum.IntEnum):
    """Statuses of the SA class; section 15.2.4."""

    OK = 0x0000
    NO_RESOURCES = 0x0100
    REQ_INVALID = 0x0200
    NO_RECORDS = 0x0300
    TOO_MANY_RECORDS = 0x0400
    REQ_INVALID_GID = 0x0500
    REQ_INSUFFICIENT_COMPONENTS = 0x0600
    REQ_DENIED = 0x0700


class Refused(Exception):
    """A request that is not granted, with the status to answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"SA status {status:#06x}")
        self.status = status


class Selector(enum.IntEnum):
    """How a value in a request is meant."""

    GT = 0
    LT = 1
    EQ = 2
    BEST = 3


class JoinState(enum.IntFlag):
    """Bits of MCMemberRecord:JoinState."""

    FULL = 1
    NON = 2
    SENDONLY_NON = 4
    SENDONLY_FULL = 8


class Record(Layout):
    """An attribute of subnet administration.

    ID is its number, NAME what it is called in rules and in the log, and
    COMPONENTS names the field of each bit of the component mask, "" for a
    reserved one.
    """

    ID: ClassVar[int] = 0
    NAME: ClassVar[str] = ""
    COMPONENTS: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.NAME = cls.NAME or cls.__name__
        for name in cls.COMPONENTS:
            if name:
                cls.field_name(name)

    @classmethod
    def component_names(cls, mask: int) -> frozenset[str]:
        """The names of the bits that are set; unknown ones are left out."""
        return frozenset(name for bit, name in enumerate(cls.COMPONENTS)
                         if name and mask >> bit & 1)

    @classmethod
    def component_mask(cls, names: Iterable[str]) -> int:
        """The bits of some fields; AttributeError for an unknown name."""
        wanted = {cls.field_name(name) for name in names}
        return sum(1 << bit for bit, name in enumerate(cls.COMPONENTS)
                   if name in wanted)


class ClassPortInfo(Record):
    """Section 13.4.8.1."""

    ID = 0x0001
    SIZE = 72
    TABLE = """
    base_version:8 class_version:8 capability_mask:16 capability_mask2:27
    resp_time:5 redirect_gid:gid redirect_tc:8 redirect_sl:4 redirect_fl:20
    redirect_lid:16 redirect_pkey:16 -:8 redirect_qp:24 redirect_qkey:32
    trap_gid:gid trap_tc:8 trap_sl:4 trap_fl:20 trap_lid:16 trap_pkey:16
    trap_hl:8 trap_qp:24 trap_qkey:32
    """


class InformInfo(Record):
    """Section 13.4.8.3."""

    ID = 0x0003
    SIZE = 36
    TABLE = """
    gid:gid lid_range_begin:16 lid_range_end:16 -:16 is_generic:8 subscribe:8
    type:16 trap_num:16 qpn:24 -:3 resp_time_value:5 -:8 producer_type:24
    """


class NodeRecord(Record):
    """Section 15.2.5.2."""

    ID = 0x0011
    SIZE = 108
    TABLE = "lid:16 -:16 " + NodeInfo.TABLE + " node_desc:text[64]"
    COMPONENTS = ("lid", "", "base_version", "class_version", "node_type",
                  "num_ports", "sys_guid", "node_guid", "port_guid",
                  "partition_cap", "device_id", "revision", "local_port_num",
                  "vendor_id", "node_desc")


class PathRecord(Record):
    """Section 15.2.5.16."""

    ID = 0x0035
    SIZE = 64
    TABLE = """
    service_id:64 dgid:gid sgid:gid dlid:16 slid:16 raw_traffic:1 -:3
    flow_label:20 hop_limit:8 traffic_class:8 reversible:1 numb_path:7 pkey:16
    qos_class:12 sl:4 mtu_selector:2 mtu:6 rate_selector:2 rate:6
    packet_life_time_selector:2 packet_life_time:6 preference:8 -:48
    """
    ALIASES = {"tclass": "traffic_class"}
    COMPONENTS = ("service_id", "service_id", "dgid", "sgid", "dlid", "slid",
                  "raw_traffic", "", "flow_label", "hop_limit",
                  "traffic_class", "reversible", "numb_path", "pkey",
                  "qos_class", "sl", "mtu_selector", "mtu", "rate_selector",
                  "rate", "packet_life_time_selector", "packet_life_time",
                  "preference")


class MCMemberRecord(Record):
    """Section 15.2.5.17."""

    ID = 0x0038
    SIZE = 52
    TABLE = """
    mgid:gid port_gid:gid qkey:32 mlid:16 mtu_selector:2 mtu:6
    traffic_class:8 pkey:16 rate_selector:2 rate:6 packet_life_time_selector:2
    packet_life_time:6 sl:4 flow_label:20 hop_limit:8 scope:4 join_state:4
    proxy_join:1 -:23
    """
    ALIASES = {"tclass": "traffic_class"}
    COMPONENTS = ("mgid", "port_gid", "qkey", "mlid", "mtu_selector", "mtu",
                  "traffic_class", "pkey", "rate_selector", "rate",
                  "packet_life_time_selector", "packet_life_time", "sl",
                  "flow_label", "hop_limit", "scope", "join_state",
                  "proxy_join")


RECORDS = {record.ID: record for record in
           (ClassPortInfo, InformInfo, NodeRecord, PathRecord,
            MCMemberRecord)}


def encode_sa_mad(header: SaHeader, records: list[Record]) -> bytes:
    """An SA MAD with any number of records, each padded to 8 octets.

    Without RMPP it is filled up to 256 octets; with RMPP it is as long as it
    must be, and the kernel makes segments of it.
    """
    stride = (records[0].SIZE + 7) // 8 * 8 if records else 0
    header.attr_offset = stride // 8
    body = b"".join(record.encode().ljust(stride, b"\0")
                    for record in records)
    mad = header.encode() + body
    return mad if header.rmpp_flags else mad.ljust(MAD_SIZE, b"\0")


def decode_records(mad: bytes, record: type[Record]) -> list[Record]:
    """The records of a whole SA MAD; one if it says no distance."""
    header = SaHeader.decode(mad)
    body = mad[SaHeader.SIZE:]
    stride = header.attr_offset * 8
    if not header.rmpp_flags & RMPP_ACTIVE:
        return [record.decode(body)]
    if stride < record.SIZE:
        return []
    return [record.decode(body[start:]) for start in
            range(0, len(body) - record.SIZE + 1, stride)]


def selector_allows(selector: int, wanted: int, offered: int) -> bool:
    """Does an offered value satisfy a request? Section 15.2.5.16."""
    if selector == Selector.GT:
        return offered > wanted
    if selector == Selector.LT:
        return offered < wanted
    return selector == Selector.BEST or offered == wanted
