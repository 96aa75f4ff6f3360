# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The codecs against the layouts of the standard, octet by octet.

Runs anywhere: python3 -m unittest tests.sm.test_codec
"""

from __future__ import annotations

import random
import unittest

from tests.sm import mad, sarecords
from tests.sm.layout import Field, Gid, Layout
from tests.sm.mad import (Method, MgmtClass, NodeInfo, Notice, PortInfo,
                          SaHeader, Smp, SwitchInfo)
from tests.sm.sarecords import (ClassPortInfo, InformInfo, MCMemberRecord,
                                NodeRecord, PathRecord, Selector)
from tests.sm.umad import (ENABLE_PKEY, HEADER_SIZE, REGISTER_AGENT, Address,
                           UNREGISTER_AGENT)

LAYOUTS = [value for module in (mad, sarecords)
           for value in vars(module).values()
           if isinstance(value, type) and issubclass(value, Layout) and
           value.SIZE]


def random_value(field: Field, source: random.Random):
    """Anything that fits into a field."""
    if field.kind == "text":
        return "".join(source.choices("abc xyz-0189", k=field.count - 1))
    if field.kind == "gid":
        return Gid(source.getrandbits(128))
    if field.kind == "bytes":
        return source.randbytes(field.count)
    if field.kind == "ints":
        return tuple(source.getrandbits(field.width)
                     for _ in range(field.count))
    return source.getrandbits(field.width)


class RoundTrip(unittest.TestCase):
    """What is encoded is what is decoded, for every layout."""

    def test_random_values(self):
        source = random.Random(4391)
        for layout in LAYOUTS:
            for _ in range(50):
                values = {name: random_value(field, source)
                          for name, field in layout.BY_NAME.items()}
                one = layout(**values)
                octets = one.encode()
                with self.subTest(layout=layout.__name__):
                    self.assertEqual(len(octets), layout.SIZE)
                    self.assertEqual(layout.decode(octets), one)
                    self.assertEqual(layout.decode(octets).encode(), octets)

    def test_random_octets(self):
        """Reserved bits fall away; nothing else does."""
        source = random.Random(4392)
        for layout in LAYOUTS:
            if any(field.kind == "text" for field in layout.FIELDS):
                continue
            mask = 0
            for field in layout.FIELDS:
                ones = 0 if field.name == "-" else (1 << field.bits) - 1
                mask = mask << field.bits | ones
            octets = source.randbytes(layout.SIZE)
            kept = int.from_bytes(octets, "big") & mask
            with self.subTest(layout=layout.__name__):
                self.assertEqual(layout.decode(octets).encode(),
                                 kept.to_bytes(layout.SIZE, "big"))

    def test_each_field_alone(self):
        """A field that is full leaves every other one empty."""
        for layout in LAYOUTS:
            for name, field in layout.BY_NAME.items():
                if field.kind != "int":
                    continue
                full = layout(**{name: (1 << field.width) - 1})
                decoded = layout.decode(full.encode())
                with self.subTest(layout=layout.__name__, field=name):
                    self.assertEqual(decoded, full)
                    self.assertEqual(decoded.replace(**{name: 0}), layout())


class Refusals(unittest.TestCase):
    """What does not fit is refused, and by name."""

    def test_too_large(self):
        with self.assertRaisesRegex(ValueError, "sl: 0x10 has more than 4"):
            PathRecord(sl=16)
        record = PathRecord()
        record.sl = 16
        with self.assertRaisesRegex(ValueError, "sl"):
            record.encode()

    def test_unknown_field(self):
        with self.assertRaisesRegex(AttributeError, "no field 'vlan'"):
            MCMemberRecord(vlan=1)

    def test_short(self):
        with self.assertRaisesRegex(ValueError, "39 octets of 40"):
            NodeInfo.decode(bytes(39))

    def test_table_of_wrong_size(self):
        with self.assertRaisesRegex(TypeError, "24 bits in the table, 32"):
            type("Wrong", (Layout,), {"TABLE": "a:8 b:16", "SIZE": 4})
        with self.assertRaisesRegex(ValueError, "not a field: 'a8'"):
            type("Wrong", (Layout,), {"TABLE": "a8", "SIZE": 1})


def at(octets: bytes, offset: int, size: int = 1) -> int:
    """A big-endian number in octets."""
    return int.from_bytes(octets[offset:offset + size], "big")


class Management(unittest.TestCase):
    """Offsets of subnet management; sections 13.4 and 14.2."""

    def test_directed_smp(self):
        request = mad.directed_smp(Method.SET, PortInfo(lid=7), 3, (1, 5),
                                   0x1234, 0xfeed)
        octets = request.encode()
        self.assertEqual(octets[:4], bytes((1, 0x81, 1, 2)))
        self.assertEqual((at(octets, 6), at(octets, 7)), (0, 2))
        self.assertEqual(at(octets, 8, 8), 0x1234)
        self.assertEqual(at(octets, 16, 2), 0x15)
        self.assertEqual(at(octets, 20, 4), 3)
        self.assertEqual(at(octets, 24, 8), 0xfeed)
        self.assertEqual(octets[32:36], b"\xff" * 4)
        self.assertEqual(at(octets, 64 + 16, 2), 7)
        self.assertEqual(octets[128:132], bytes((0, 1, 5, 0)))
        self.assertEqual(len(octets), 256)

    def test_long_route(self):
        mad.directed_smp(Method.GET, NodeInfo(), 0, (1,) * 63, 1)
        with self.assertRaises(ValueError):
            mad.directed_smp(Method.GET, NodeInfo(), 0, (1,) * 64, 1)

    def test_node_info(self):
        octets = NodeInfo(node_type=2, num_ports=36, node_guid=0xabc,
                          partition_cap=32, local_port_num=4,
                          vendor_id=0x025b00).encode()
        self.assertEqual(octets[2:4], bytes((2, 36)))
        self.assertEqual(at(octets, 12, 8), 0xabc)
        self.assertEqual(at(octets, 28, 2), 32)
        self.assertEqual(octets[36:], bytes((4, 2, 0x5b, 0)))

    def test_switch_info(self):
        octets = SwitchInfo(linear_fdb_top=9, life_time=0x12,
                            port_state_change=1, enhanced_port0=1,
                            multicast_fdb_top=0xc010).encode()
        self.assertEqual(at(octets, 6, 2), 9)
        self.assertEqual(at(octets, 11), 0x12 << 3 | 1 << 2)
        self.assertEqual(at(octets, 16), 1 << 3)
        self.assertEqual(at(octets, 18, 2), 0xc010)

    def test_port_info(self):
        octets = PortInfo(
            gid_prefix=0xfe80 << 48, sm_lid=2, cap_mask=0x02000000,
            local_port_num=1, link_speed_supported=7, port_state=4,
            port_phys_state=5, link_down_default=2, mkey_protect=3, lmc=2,
            link_speed_active=4, link_speed_enabled=7, neighbor_mtu=5,
            master_sm_sl=6, vl_cap=1, mtu_cap=4, vl_stall_count=7,
            hoq_life=19, operational_vls=1, filter_raw_out=1,
            pkey_violations=0x1234, guid_cap=8, client_reregister=1,
            subnet_timeout=18, resp_time_value=8, local_phy_errors=15,
            overrun_errors=1, cap_mask2=0x11, link_speed_ext_enabled=31
        ).encode()
        expected = {8: 0xfe, 9: 0x80, 19: 2, 20: 2, 28: 1, 32: 0x74, 33: 0x52,
                    34: 0xc2, 35: 0x47, 36: 0x56, 37: 0x10, 41: 0x04,
                    42: 0xf3, 43: 0x11, 46: 0x12, 47: 0x34, 50: 8, 51: 0x92,
                    52: 8, 53: 0xf1, 61: 0x11, 63: 31}
        self.assertEqual({offset: octet for offset, octet in
                          enumerate(octets) if octet}, expected)

    def test_notice(self):
        octets = Notice(generic=1, type=1, prod_type=2, trap_num=128,
                        issuer_lid=5, toggle=1, count=3,
                        details=b"\0\5").encode()
        self.assertEqual(octets[:12].hex(), "81000002008000058003" "0005")

    def test_tables(self):
        self.assertEqual(mad.PKeyTable(pkeys=[0xffff, 0x8001]).encode()[:6],
                         b"\xff\xff\x80\x01\0\0")
        self.assertEqual(at(mad.GuidInfo(guids=[0, 5]).encode(), 8, 8), 5)
        table = mad.LinearForwardingTable(ports=range(64)).encode()
        self.assertEqual(table, bytes(range(64)))
        masks = mad.MulticastForwardingTable(port_masks=[0, 6]).encode()
        self.assertEqual(masks[:4], b"\0\0\0\6")

    def test_node_description(self):
        octets = mad.NodeDescription(node_desc="sw1").encode()
        self.assertEqual(octets, b"sw1" + bytes(61))


class Administration(unittest.TestCase):
    """Offsets of subnet administration; section 15.2."""

    def test_header(self):
        octets = SaHeader(base_version=1, mgmt_class=MgmtClass.SUBN_ADM,
                          class_version=2, method=Method.GET_TABLE_RESP,
                          attr_id=0x38, rmpp_version=1, rmpp_type=1,
                          rmpp_rtime=0x1f, rmpp_flags=7, seg_num=1,
                          paylen_newwin=220, sm_key=1, attr_offset=7,
                          comp_mask=0x10081).encode()
        self.assertEqual(octets[:4], bytes((1, 3, 2, 0x92)))
        self.assertEqual(octets[24:28], bytes((1, 1, 0xff, 0)))
        self.assertEqual(at(octets, 32, 4), 220)
        self.assertEqual(at(octets, 36, 8), 1)
        self.assertEqual(at(octets, 44, 2), 7)
        self.assertEqual(at(octets, 48, 8), 0x10081)

    def test_mcmember_record(self):
        octets = MCMemberRecord(
            mgid="ff12:401b:ffff::ffff:ffff", port_gid="fe80::1",
            qkey=0x0b1b, mlid=0xc001, mtu_selector=2, mtu=4, tclass=0x11,
            pkey=0xffff, rate_selector=2, rate=3,
            packet_life_time_selector=2, packet_life_time=18, sl=5,
            flow_label=0xabcde, hop_limit=0x7f, scope=2, join_state=1,
            proxy_join=1).encode()
        self.assertEqual(octets.hex(), "ff12401bffff000000000000ffffffff"
                         "fe800000000000000000000000000001"
                         "00000b1bc0018411ffff83925abcde7f21800000")

    def test_path_record(self):
        octets = PathRecord(
            service_id=1, dgid="fe80::2", sgid="fe80::1", dlid=4, slid=3,
            raw_traffic=1, flow_label=0xabcde, hop_limit=9, tclass=0x22,
            reversible=1, numb_path=3, pkey=0x8001, qos_class=0x123, sl=7,
            mtu_selector=2, mtu=5, rate_selector=2, rate=7,
            packet_life_time_selector=2, packet_life_time=18, preference=1
        ).encode()
        self.assertEqual(octets.hex(), "0000000000000001"
                         "fe800000000000000000000000000002"
                         "fe800000000000000000000000000001"
                         "00040003" "8abcde09" "22838001" "1237" "8587"
                         "9201" "000000000000")

    def test_class_port_info(self):
        octets = ClassPortInfo(capability_mask2=1 << 12,
                               resp_time=18).encode()
        self.assertEqual(at(octets, 4, 4), 1 << 17 | 18)

    def test_inform_info(self):
        octets = InformInfo(lid_range_begin=0xffff, is_generic=1, subscribe=1,
                            type=0xffff, trap_num=66, qpn=1,
                            resp_time_value=5, producer_type=4).encode()
        self.assertEqual(at(octets, 16, 2), 0xffff)
        self.assertEqual(octets[22:].hex(), "0101ffff0042" "00000105"
                         "00000004")

    def test_node_record(self):
        octets = NodeRecord(lid=3, node_type=1, port_guid=7,
                            node_desc="sib1").encode()
        self.assertEqual(at(octets, 0, 2), 3)
        self.assertEqual(at(octets, 4 + 2), 1)
        self.assertEqual(at(octets, 4 + 20, 8), 7)
        self.assertEqual(octets[44:49], b"sib1\0")

    def test_component_masks(self):
        """Bits as in the kernel's rdma/ib_sa.h."""
        bits = {MCMemberRecord: {"mgid": 0, "port_gid": 1, "qkey": 2,
                                 "mlid": 3, "mtu_selector": 4, "mtu": 5,
                                 "traffic_class": 6, "pkey": 7,
                                 "rate_selector": 8, "rate": 9, "sl": 12,
                                 "flow_label": 13, "hop_limit": 14,
                                 "scope": 15, "join_state": 16,
                                 "proxy_join": 17},
                PathRecord: {"dgid": 2, "sgid": 3, "dlid": 4, "slid": 5,
                             "raw_traffic": 6, "flow_label": 8,
                             "hop_limit": 9, "traffic_class": 10,
                             "reversible": 11, "numb_path": 12, "pkey": 13,
                             "qos_class": 14, "sl": 15, "mtu_selector": 16,
                             "mtu": 17, "rate_selector": 18, "rate": 19,
                             "preference": 22},
                NodeRecord: {"lid": 0, "node_type": 4, "node_guid": 7,
                             "port_guid": 8, "node_desc": 14}}
        for record, names in bits.items():
            for name, bit in names.items():
                with self.subTest(record=record.NAME, name=name):
                    self.assertEqual(record.component_mask([name]), 1 << bit)
                    self.assertEqual(record.component_names(1 << bit),
                                     frozenset([name]))
        self.assertEqual(PathRecord.component_mask(["service_id"]), 3)
        self.assertEqual(PathRecord.component_names(1 << 7 | 1 << 40),
                         frozenset())
        self.assertEqual(MCMemberRecord.component_mask(["tclass"]), 1 << 6)

    def test_records_of_a_table(self):
        header = SaHeader(method=Method.GET_TABLE_RESP, rmpp_flags=1)
        records = [MCMemberRecord(mlid=0xc000 + i) for i in range(9)]
        octets = sarecords.encode_sa_mad(header, records)
        self.assertEqual(len(octets), 56 + 9 * 56)
        self.assertEqual(at(octets, 44, 2), 7)
        self.assertEqual(sarecords.decode_records(octets, MCMemberRecord),
                         records)
        empty = sarecords.encode_sa_mad(header, [])
        self.assertEqual(sarecords.decode_records(empty, MCMemberRecord), [])

    def test_single_record(self):
        octets = sarecords.encode_sa_mad(SaHeader(), [PathRecord(sl=3)])
        self.assertEqual(len(octets), 256)
        self.assertEqual(sarecords.decode_records(octets, PathRecord),
                         [PathRecord(sl=3)])

    def test_selectors(self):
        allows = sarecords.selector_allows
        self.assertEqual([allows(Selector.GT, 4, x) for x in (3, 4, 5)],
                         [False, False, True])
        self.assertEqual([allows(Selector.LT, 4, x) for x in (3, 4, 5)],
                         [True, False, False])
        self.assertEqual([allows(Selector.EQ, 4, x) for x in (3, 4, 5)],
                         [False, True, False])
        self.assertTrue(allows(Selector.BEST, 4, 1))


class UserMad(unittest.TestCase):
    """struct ib_user_mad_hdr and the ioctls, as in rdma/ib_user_mad.h."""

    def test_sizes(self):
        self.assertEqual(HEADER_SIZE, 64)
        self.assertEqual(REGISTER_AGENT, 0xc01c1b01)
        self.assertEqual(UNREGISTER_AGENT, 0xc0041b02)
        self.assertEqual(ENABLE_PKEY, 0x1b03)

    def test_address(self):
        address = Address(lid=0x1234, qpn=1, qkey=0x80010000, sl=3,
                          path_bits=1, grh_present=1, gid_index=2,
                          hop_limit=64, traffic_class=9,
                          gid=Gid("fe80::7"), flow_label=5, pkey_index=6)
        octets = address.encode()
        self.assertEqual(len(octets), 44)
        self.assertEqual(octets[:16].hex(), "00000001800100001234" "0301"
                         "01024009")
        self.assertEqual(octets[16:36].hex(),
                         "fe800000000000000000000000000007" "00000005")
        self.assertEqual(Address.decode(octets), address)


class Updates(unittest.TestCase):
    """Copies and comparisons."""

    def test_replace_leaves_the_original(self):
        one = PathRecord(sl=1)
        two = one.replace(sl=2, tclass=3)
        self.assertEqual((one.sl, two.sl, two.traffic_class), (1, 2, 3))
        self.assertNotEqual(one, two)

    def test_differences(self):
        info = PortInfo(lid=4, sm_lid=1)
        self.assertEqual(info.differences(lid=4, sm_lid=2), {"sm_lid": 2})

    def test_repr_shows_what_is_set(self):
        self.assertEqual(repr(Smp(tid=3, hop_cnt=1)),
                         "Smp(hop_cnt=1, tid=3)")


if __name__ == "__main__":
    unittest.main()
