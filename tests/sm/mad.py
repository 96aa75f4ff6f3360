# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""MADs, and the attributes of subnet management.

Fields have the names of the kernel's headers (rdma/ib_mad.h, rdma/ib_smi.h);
where those pack several fields into an octet, each has a name of its own.
IBTA volume 1, sections 13.4 and 14.2.
"""

from __future__ import annotations

import enum

from tests.sm.layout import Layout

MAD_SIZE = 256
LID_PERMISSIVE = 0xffff
LID_LAST = 0xbfff
MLID_BASE = 0xc000
QP1_QKEY = 0x80010000
DIRECTION = 0x8000
"""Bit of an SMP's status that says that it is on its way back."""


class MgmtClass(enum.IntEnum):
    """Management classes that are used here."""

    SUBN_LID_ROUTED = 0x01
    SUBN_ADM = 0x03
    SUBN_DIRECTED_ROUTE = 0x81


class Method(enum.IntEnum):
    """Methods of subnet management and of subnet administration."""

    GET = 0x01
    SET = 0x02
    TRAP = 0x05
    TRAP_REPRESS = 0x07
    GET_TABLE = 0x12
    DELETE = 0x15
    GET_RESP = 0x81
    GET_TABLE_RESP = 0x92
    DELETE_RESP = 0x95


RESPONSE = 0x80
"""Bit of a method that makes it an answer."""

METHOD_NAMES = {Method.GET: "Get", Method.SET: "Set",
                Method.GET_TABLE: "GetTable", Method.DELETE: "Delete",
                Method.TRAP: "Trap", Method.TRAP_REPRESS: "TrapRepress"}


class Status(enum.IntEnum):
    """Statuses that every class shares; section 13.4.7."""

    OK = 0x0000
    BUSY = 0x0001
    BAD_VERSION = 0x0004
    UNSUPPORTED_METHOD = 0x0008
    UNSUPPORTED_METHOD_ATTRIB = 0x000c
    INVALID_ATTRIB_VALUE = 0x001c


class PortState(enum.IntEnum):
    """PortInfo:PortState; NOP is for a Set that changes nothing."""

    NOP = 0
    DOWN = 1
    INIT = 2
    ARMED = 3
    ACTIVE = 4


class PhysState(enum.IntEnum):
    """PortInfo:PortPhysicalState."""

    NOP = 0
    SLEEP = 1
    POLLING = 2
    DISABLED = 3
    TRAINING = 4
    LINK_UP = 5


class NodeType(enum.IntEnum):
    """NodeInfo:NodeType."""

    CA = 1
    SWITCH = 2
    ROUTER = 3


class Cap(enum.IntFlag):
    """Bits of PortInfo:CapabilityMask that are looked at here."""

    SM = 1 << 1
    TRAP = 1 << 3
    CLIENT_REREGISTRATION = 1 << 25


_HEADER = """
base_version:8 mgmt_class:8 class_version:8 method:8 status:16
"""
_HEADER_TAIL = "tid:64 attr_id:16 -:16 attr_mod:32 "


class MadHeader(Layout):
    """What all MADs begin with."""

    SIZE = 24
    TABLE = _HEADER + "class_specific:16 " + _HEADER_TAIL


class Smp(Layout):
    """A whole SMP; the fields of a directed route are zero without one."""

    SIZE = MAD_SIZE
    TABLE = _HEADER + "hop_ptr:8 hop_cnt:8 " + _HEADER_TAIL + """
    mkey:64 dr_slid:16 dr_dlid:16 -:224 data:bytes[64]
    initial_path:bytes[64] return_path:bytes[64]
    """


class SaHeader(Layout):
    """Header of an SA MAD, RMPP included; section 15.2.1.1."""

    SIZE = 56
    TABLE = _HEADER + "class_specific:16 " + _HEADER_TAIL + """
    rmpp_version:8 rmpp_type:8 rmpp_rtime:5 rmpp_flags:3 rmpp_status:8
    seg_num:32 paylen_newwin:32
    sm_key:64 attr_offset:16 -:16 comp_mask:64
    """


class Attribute(Layout):
    """An attribute of subnet management; ID is its number."""

    ID = 0


class NodeDescription(Attribute):
    """Section 14.2.5.2."""

    ID = 0x0010
    SIZE = 64
    TABLE = "node_desc:text[64]"


class NodeInfo(Attribute):
    """Section 14.2.5.3."""

    ID = 0x0011
    SIZE = 40
    TABLE = """
    base_version:8 class_version:8 node_type:8 num_ports:8 sys_guid:64
    node_guid:64 port_guid:64 partition_cap:16 device_id:16 revision:32
    local_port_num:8 vendor_id:24
    """


class SwitchInfo(Attribute):
    """Section 14.2.5.4."""

    ID = 0x0012
    SIZE = 20
    TABLE = """
    linear_fdb_cap:16 random_fdb_cap:16 multicast_fdb_cap:16 linear_fdb_top:16
    default_port:8 default_mcast_primary_port:8
    default_mcast_not_primary_port:8
    life_time:5 port_state_change:1 optimized_sl_to_vl:2 lids_per_port:16
    partition_enforcement_cap:16 inbound_enforcement_cap:1
    outbound_enforcement_cap:1 filter_raw_inbound_cap:1
    filter_raw_outbound_cap:1 enhanced_port0:1 -:11 multicast_fdb_top:16
    """


class GuidInfo(Attribute):
    """One block of a port's GUIDs; section 14.2.5.5."""

    ID = 0x0014
    SIZE = 64
    TABLE = "guids:64[8]"


class PortInfo(Attribute):
    """Section 14.2.5.6."""

    ID = 0x0015
    SIZE = 64
    TABLE = """
    mkey:64 gid_prefix:64 lid:16 sm_lid:16 cap_mask:32 diag_code:16
    mkey_lease_period:16 local_port_num:8 link_width_enabled:8
    link_width_supported:8 link_width_active:8
    link_speed_supported:4 port_state:4 port_phys_state:4 link_down_default:4
    mkey_protect:2 -:3 lmc:3 link_speed_active:4 link_speed_enabled:4
    neighbor_mtu:4 master_sm_sl:4 vl_cap:4 init_type:4 vl_high_limit:8
    vl_arb_high_cap:8 vl_arb_low_cap:8 init_type_reply:4 mtu_cap:4
    vl_stall_count:3 hoq_life:5
    operational_vls:4 part_enforce_in:1 part_enforce_out:1 filter_raw_in:1
    filter_raw_out:1 mkey_violations:16 pkey_violations:16 qkey_violations:16
    guid_cap:8 client_reregister:1 mcast_pkey_trap_suppr:2 subnet_timeout:5
    -:3 resp_time_value:5 local_phy_errors:4 overrun_errors:4
    max_credit_hint:16 -:8 link_roundtrip_latency:24 cap_mask2:16
    link_speed_ext_active:4 link_speed_ext_supported:4
    -:3 link_speed_ext_enabled:5
    """


class PKeyTable(Attribute):
    """One block of a port's P_Keys; section 14.2.5.7."""

    ID = 0x0016
    SIZE = 64
    TABLE = "pkeys:16[32]"


class LinearForwardingTable(Attribute):
    """One block of egress ports, by LID; section 14.2.5.10."""

    ID = 0x0019
    SIZE = 64
    TABLE = "ports:8[64]"


class MulticastForwardingTable(Attribute):
    """Masks of 16 ports for each of 32 MLIDs; section 14.2.5.12."""

    ID = 0x001b
    SIZE = 64
    TABLE = "port_masks:16[32]"


class SMInfo(Attribute):
    """Section 14.2.5.13."""

    ID = 0x0020
    SIZE = 21
    TABLE = "guid:64 sm_key:64 act_count:32 priority:4 sm_state:4"


class Notice(Attribute):
    """What a trap carries; section 13.4.8.2."""

    ID = 0x0002
    SIZE = 64
    TABLE = """
    generic:1 type:7 prod_type:24 trap_num:16 issuer_lid:16 toggle:1 count:15
    details:bytes[54]
    """


def directed_smp(method: Method, attribute: Attribute, attr_mod: int,
                 path: tuple[int, ...], tid: int, mkey: int = 0) -> Smp:
    """An SMP with a directed route from end to end.

    ``path`` has the egress port of every hop, the own port first; empty for
    the own node. Only ``attribute``'s number counts in a Get.
    """
    if len(path) > 63:
        raise ValueError(f"a route of {len(path)} hops")
    return Smp(base_version=1, mgmt_class=MgmtClass.SUBN_DIRECTED_ROUTE,
               class_version=1, method=method, tid=tid, attr_id=attribute.ID,
               attr_mod=attr_mod, hop_cnt=len(path), mkey=mkey,
               dr_slid=LID_PERMISSIVE, dr_dlid=LID_PERMISSIVE,
               initial_path=b"\0" + bytes(path), data=attribute.encode())
