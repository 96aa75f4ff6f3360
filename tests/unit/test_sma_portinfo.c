// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * PortInfo, IBTA volume 1, section 14.2.5.6: where each field stands, what may
 * be written, and what is refused. The port state machine has its own file.
 */
#include "unit.h"
#include "node.h"
#include "smps.h"

#include "compat/unaligned.h"

#define PORT_INFO	SIB_ATTR_PORT_INFO
#define REFUSED		0x001c

static struct sib_node *ca, *sw;

static int make_nodes(void **context)
{
	ca = node_ca();
	sw = node_switch(4);
	return 0;
}

static int free_nodes(void **context)
{
	node_free(ca);
	node_free(sw);
	return 0;
}

/* A port of which no two fields are alike. */
static void fill_port(struct sib_portinfo *pi)
{
	*pi = (struct sib_portinfo){
		.mkey = 0x0102030405060708, .gid_prefix = 0x1112131415161718,
		.lid = 0x2122, .sm_lid = 0x2324, .cap_mask = 0x25262728,
		.diag_code = 0x292a, .mkey_lease = 0x2b2c,
		.width_enabled = 3, .width_supported = 0x0f, .width_active = 2,
		.speed_supported = 7, .state = 2, .phys_state = 5,
		.down_default = 2, .mkey_protect = 0, .lmc = 5,
		.speed_active = 4, .speed_enabled = 3, .neighbor_mtu = 3,
		.sm_sl = 9, .vl_cap = 4, .vl_high_limit = 0x31, .mtu_cap = 4,
		.vl_stall = 6, .hoq_life = 0x13, .op_vls = 2,
		.enforcement = 0x0a, .mkey_violations = 0x3132,
		.pkey_violations = 0x3334, .qkey_violations = 0x3536,
		.subnet_timeout = 0x12, .thresholds = 0x87,
	};
}

static const u8 end_port_part[64] = {
	0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,	/* M_Key */
	0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,	/* GidPrefix */
	0x21, 0x22, 0x23, 0x24,		/* LID, MasterSMLID */
	0x25, 0x26, 0x27, 0x28,		/* CapabilityMask */
	0x29, 0x2a, 0x2b, 0x2c,		/* DiagCode, M_KeyLeasePeriod */
	[28] = 1,			/* LocalPortNum */
	[34] = 0x05,			/* M_KeyProtect, LMC */
	[36] = 0x09,			/* MasterSMSL */
	[44] = 0x31, 0x32, 0x33, 0x34, 0x35, 0x36,	/* violations */
	[50] = 8,			/* GUIDCap */
	[51] = 0x12,			/* SubnetTimeOut */
};

static const u8 link_part[64] = {
	[28] = 1,			/* LocalPortNum */
	3, 0x0f, 2,			/* width enabled, supported, active */
	0x72,				/* speed supported, PortState */
	0x52,				/* PhysState, LinkDownDefault */
	[35] = 0x43,			/* speed active, enabled */
	0x30,				/* NeighborMTU */
	0x40,				/* VLCap */
	[38] = 0x31,			/* VLHighLimit */
	[41] = 0x04,			/* MTUCap */
	0xd3,				/* VLStallCount, HOQLife */
	0x2a,				/* OperationalVLs, enforcement */
	[53] = 0x87,			/* error thresholds */
};

/* RespTimeValue is ours to choose. */
#define RESP_TIME	52

static void a_ports_fields_stand_where_they_should(void **context)
{
	struct answer a;
	unsigned int i;

	fill_port(&ca->port[1]);
	a = smps_get(ca, 1, PORT_INFO, 1);
	assert_int_equal(a.status, 0);
	assert_in_range(a.out.data[RESP_TIME], 1, 31);
	for (i = 0; i < 64; i++)
		if (i != RESP_TIME)
			check(a.out.data[i] ==
			      (end_port_part[i] | link_part[i]),
			      "octet %u is %#x", i, a.out.data[i]);
}

static void an_outer_port_of_a_switch_is_just_a_link(void **context)
{
	struct answer a;

	fill_port(&sw->port[2]);
	a = smps_get(sw, 1, PORT_INFO, 2);
	assert_int_equal(a.status, 0);
	assert_memory_equal(a.out.data, link_part, 64);
}

static void port_0_of_a_switch_has_the_fields_of_an_end_port(void **context)
{
	struct answer a;
	unsigned int i;

	fill_port(&sw->port[0]);
	a = smps_get(sw, 1, PORT_INFO, 0);
	assert_int_equal(a.status, 0);
	for (i = 0; i < 64; i++)
		if (end_port_part[i] && i != 36 && i != 50)
			check(a.out.data[i] == end_port_part[i],
			      "octet %u is %#x", i, a.out.data[i]);
	assert_int_equal(a.out.data[36] & 0x0f, 9);
	assert_int_equal(a.out.data[50], sw->num_guids);
}

static void port_0_of_a_switch_is_always_active(void **context)
{
	struct answer a = smps_get(sw, 1, PORT_INFO, 0);

	assert_int_equal(a.out.data[32] & 0x0f, 4);
	assert_int_equal(a.out.data[33] >> 4, 5);
}

static void a_port_at_power_up_is_what_an_sm_expects(void **context)
{
	struct answer a = smps_get(ca, 1, PORT_INFO, 1);
	const u8 *d = a.out.data;

	assert_true(get_unaligned_be64(d) == 0);
	assert_true(get_unaligned_be64(d + 8) == 0xfe80000000000000);
	assert_int_equal(d[32] & 0x0f, 2);
	assert_int_equal(d[33] >> 4, 5);
	/* NeighborMTU is MTUCap and OperationalVLs is VLCap. */
	assert_int_equal(d[36] >> 4, d[41] & 0x0f);
	assert_int_equal(d[43] >> 4, d[37] >> 4);
	assert_int_equal(d[37] >> 4, 1);
	assert_int_equal(d[33] & 0x0f, 2);
	/* Trap, SystemImageGUID, CapMaskNotice, ClientReregister, Other... */
	assert_int_equal(get_unaligned_be32(d + 20),
			 BIT(3) | BIT(11) | BIT(22) | BIT(25) | BIT(26));
}

static void an_adapter_takes_0_for_the_port_that_was_asked(void **context)
{
	struct answer a = smps_get(ca, 1, PORT_INFO, 0);
	struct answer b = smps_get(ca, 1, PORT_INFO, 1);

	assert_int_equal(a.status, 0);
	assert_memory_equal(a.out.data, b.out.data, 64);
}

static void bit_31_of_the_modifier_is_not_of_the_port(void **context)
{
	assert_int_equal(smps_get(ca, 1, PORT_INFO, 0x80000001).status, 0);
	assert_int_equal(smps_get(sw, 1, PORT_INFO, 0x80000004).status, 0);
	assert_int_equal(smps_get(sw, 1, PORT_INFO, 0x80000005).status,
			 REFUSED);
}

static void ports_that_do_not_exist_are_refused(void **context)
{
	assert_int_equal(smps_get(ca, 1, PORT_INFO, 2).status, REFUSED);
	assert_int_equal(smps_get(ca, 1, PORT_INFO, 255).status, REFUSED);
	assert_int_equal(smps_get(sw, 1, PORT_INFO, 5).status, REFUSED);
	assert_int_equal(smps_get(sw, 1, PORT_INFO, 255).status, REFUSED);
}

static void the_reply_names_the_port_that_was_asked(void **context)
{
	assert_int_equal(smps_get(sw, 3, PORT_INFO, 1).out.data[28], 3);
	assert_int_equal(smps_get(sw, 0, PORT_INFO, 4).out.data[28], 0);
}

static void ask_for_nothing_and_nothing_changes(void **context)
{
	struct sib_portinfo before;
	struct answer a;
	u8 data[64];

	smps_port_info(ca, 1, 1, data);
	smps_set(ca, 1, PORT_INFO, 1, data);
	before = ca->port[1];
	a = smps_set(ca, 1, PORT_INFO, 1, data);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.fx.events, 0);
	assert_memory_equal(&ca->port[1], &before, sizeof(before));
}

static void what_is_written_to_an_end_port_is_read_back(void **context)
{
	struct answer a;
	u8 data[64];

	smps_port_info(ca, 1, 1, data);
	put_unaligned_be64(0x8182838485868788, data);
	put_unaligned_be64(0xfec0000000000001, data + 8);
	put_unaligned_be16(0x0055, data + 16);
	put_unaligned_be16(0x0066, data + 18);
	put_unaligned_be16(0x0077, data + 26);
	data[34] = 0x03;
	data[36] = 0x3d;
	data[51] = 0x09;
	a = smps_set(ca, 1, PORT_INFO, 1, data);
	assert_int_equal(a.status, 0);
	assert_memory_equal(a.out.data, data, 20);
	assert_memory_equal(a.out.data + 26, data + 26, 2);
	assert_int_equal(a.out.data[34], 0x03);
	assert_int_equal(a.out.data[36], 0x3d);
	assert_int_equal(a.out.data[51], 0x09);
}

static void what_is_written_to_a_link_is_read_back(void **context)
{
	struct answer a;
	u8 data[64];

	sw->port[2].width_supported = 0x0f;
	sw->port[2].vl_cap = 4;
	smps_port_info(sw, 1, 2, data);
	data[29] = 0x06;
	data[33] = 0x01;
	data[35] = 0x43;
	data[36] = 0x20;
	data[38] = 0x5a;
	data[42] = 0xf2;
	data[43] = 0x3f;
	data[53] = 0x98;
	a = smps_set(sw, 1, PORT_INFO, 2, data);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.out.data[29], 0x06);
	assert_int_equal(a.out.data[33] & 0x0f, 0x01);
	assert_int_equal(a.out.data[35] & 0x0f, 0x03);
	assert_int_equal(a.out.data[36], 0x20);
	assert_int_equal(a.out.data[38], 0x5a);
	assert_int_equal(a.out.data[42], 0xf2);
	assert_int_equal(a.out.data[43], 0x3f);
	assert_int_equal(a.out.data[53], 0x98);
}

static void what_is_read_only_stays(void **context)
{
	u8 data[64], before[64], after[64];
	struct answer a;

	smps_port_info(ca, 1, 1, data);
	smps_set(ca, 1, PORT_INFO, 1, data);
	memcpy(before, smps_get(ca, 1, PORT_INFO, 1).out.data, 64);
	memset(data + 20, 0xff, 4);	/* CapabilityMask */
	memset(data + 24, 0xff, 2);	/* DiagCode */
	data[28] = 7;
	data[30] = 0xff;		/* LinkWidthSupported */
	data[31] = 0xff;		/* LinkWidthActive */
	data[32] |= 0xf0;		/* LinkSpeedSupported */
	data[35] |= 0xf0;		/* LinkSpeedActive */
	data[37] = 0xff;		/* VLCap */
	data[41] = 0xff;		/* MTUCap */
	data[50] = 0xff;		/* GUIDCap */
	data[52] = 0xff;		/* RespTimeValue */
	memset(data + 54, 0xff, 10);
	a = smps_set(ca, 1, PORT_INFO, 1, data);
	assert_int_equal(a.status, 0);
	memcpy(after, smps_get(ca, 1, PORT_INFO, 1).out.data, 64);
	assert_memory_equal(after, before, 64);
}

static void an_outer_port_does_not_take_what_is_an_end_ports(void **context)
{
	struct answer a;
	u8 data[64];

	smps_port_info(sw, 1, 2, data);
	memset(data, 0x11, 28);
	data[34] = 0xc3;
	data[36] |= 0x05;
	data[51] = 0x9f;
	a = smps_set(sw, 1, PORT_INFO, 2, data);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.fx.events, 0);
	assert_int_equal(sw->port[2].lid, 0);
	assert_true(sw->port[2].mkey == 0);
	assert_true(sw->port[2].gid_prefix == 0);
	assert_int_equal(a.out.data[51], 0);
}

static void port_0_does_not_take_what_is_a_links(void **context)
{
	struct sib_portinfo before = sw->port[0];
	struct answer a;
	u8 data[64];

	smps_port_info(sw, 1, 0, data);
	data[29] = 0x7e;
	data[32] |= 1;
	data[33] = 0x33;
	data[36] |= 0xf0;
	data[43] = 0xff;
	a = smps_set(sw, 1, PORT_INFO, 0, data);
	assert_int_equal(a.status, 0);
	assert_false(a.fx.events & (SIB_FX_RETRAIN | SIB_FX_DISABLE |
				    SIB_FX_ENABLE | SIB_FX_ACTIVE));
	assert_int_equal(sw->port[0].state, before.state);
	assert_int_equal(sw->port[0].neighbor_mtu, before.neighbor_mtu);
	assert_int_equal(sw->port[0].op_vls, before.op_vls);
}

/* One field of a good Set is spoilt: what becomes of it. */
static void assert_field(unsigned int at, u8 mask, u8 value, u16 status)
{
	u8 data[64], before;
	struct answer a;

	smps_port_info(ca, 1, 1, data);
	smps_set(ca, 1, PORT_INFO, 1, data);
	before = smps_get(ca, 1, PORT_INFO, 1).out.data[at] & mask;
	data[at] = (data[at] & ~mask) | value;
	a = smps_set(ca, 1, PORT_INFO, 1, data);
	check(a.status == status, "octet %u, %#x: status %#x", at, value,
	      a.status);
	if (status)
		check((a.out.data[at] & mask) == before,
		      "octet %u, %#x: taken all the same", at, value);
}

static void an_mtu_that_the_link_has_not_is_refused(void **context)
{
	unsigned int mtu;

	/* MTUCap is 4. */
	for (mtu = 0; mtu < 16; mtu++)
		assert_field(36, 0xf0, mtu << 4,
			     mtu >= 1 && mtu <= 4 ? 0 : REFUSED);
}

static void more_lanes_than_there_are_are_refused(void **context)
{
	unsigned int vls;

	for (vls = 0; vls < 16; vls++)
		assert_field(43, 0xf0, vls << 4, vls <= 1 ? 0 : REFUSED);
}

static void a_default_beyond_polling_is_refused(void **context)
{
	unsigned int def;

	for (def = 0; def < 16; def++)
		assert_field(33, 0x0f, def, def <= 2 ? 0 : REFUSED);
}

static void a_width_that_is_not_supported_is_refused(void **context)
{
	unsigned int width;

	/* Supported is 4X, which is 2. */
	for (width = 0; width < 256; width++)
		assert_field(29, 0xff, width, width == 0 || width == 2 ||
			     width == 255 ? 0 : REFUSED);
}

static void a_speed_that_is_not_supported_is_refused(void **context)
{
	unsigned int speed;

	/* Supported are 1, 2 and 4. */
	for (speed = 0; speed < 16; speed++)
		assert_field(35, 0x0f, speed, speed <= 7 || speed == 15 ?
			     0 : REFUSED);
}

static void zero_changes_nothing_and_all_ones_mean_all(void **context)
{
	u8 data[64];

	ca->port[1].width_supported = 0x0b;
	smps_port_info(ca, 1, 1, data);
	data[29] = 0xff;
	data[35] = 0x0f;
	smps_set(ca, 1, PORT_INFO, 1, data);
	assert_int_equal(ca->port[1].width_enabled, 0x0b);
	assert_int_equal(ca->port[1].speed_enabled, 0x07);
	data[29] = 0;
	data[33] = 0;
	data[35] = 0;
	data[43] &= 0x0f;
	smps_set(ca, 1, PORT_INFO, 1, data);
	assert_int_equal(ca->port[1].width_enabled, 0x0b);
	assert_int_equal(ca->port[1].speed_enabled, 0x07);
	assert_int_equal(ca->port[1].down_default, 2);
	assert_int_equal(ca->port[1].op_vls, 1);
}

static void lids_that_are_not_unicast_are_refused(void **context)
{
	static const u16 bad[] = { 0, 0xc000, 0xc001, 0xfffe, 0xffff };
	unsigned int i, at;
	struct answer a;
	u8 data[64];

	for (at = 16; at <= 18; at += 2) {
		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			smps_port_info(ca, 1, 1, data);
			smps_set(ca, 1, PORT_INFO, 1, data);
			put_unaligned_be16(bad[i], data + at);
			a = smps_set(ca, 1, PORT_INFO, 1, data);
			assert_int_equal(a.status, REFUSED);
			assert_int_equal(a.out.data[17], 3);
			assert_int_equal(a.out.data[19], 1);
			assert_int_equal(a.fx.events, 0);
		}
	}
}

static void the_last_unicast_lid_is_taken(void **context)
{
	u8 data[64];

	smps_port_info(ca, 1, 1, data);
	put_unaligned_be16(0xbfff, data + 16);
	put_unaligned_be16(0xbfff, data + 18);
	assert_int_equal(smps_set(ca, 1, PORT_INFO, 1, data).status, 0);
	assert_int_equal(ca->port[1].lid, 0xbfff);
	assert_int_equal(ca->port[1].sm_lid, 0xbfff);
}

static void a_bad_field_does_not_keep_the_others_out(void **context)
{
	struct answer a;
	u8 data[64];

	smps_port_info(ca, 1, 1, data);
	put_unaligned_be16(0xc000, data + 16);
	put_unaligned_be16(0x0044, data + 18);
	data[36] = 0xf0;
	data[51] = 0x0b;
	a = smps_set(ca, 1, PORT_INFO, 1, data);
	assert_int_equal(a.status, REFUSED);
	assert_int_equal(ca->port[1].sm_lid, 0x0044);
	assert_int_equal(ca->port[1].subnet_timeout, 0x0b);
}

static void violation_counters_are_cleared_by_zero_alone(void **context)
{
	unsigned int i, value;
	u8 data[64];

	for (i = 0; i < 3; i++) {
		for (value = 0; value < 3; value++) {
			u16 *counters[] = {
				&ca->port[1].mkey_violations,
				&ca->port[1].pkey_violations,
				&ca->port[1].qkey_violations,
			};

			*counters[i] = 7;
			smps_port_info(ca, 1, 1, data);
			put_unaligned_be16(value << 8, data + 44 + 2 * i);
			smps_set(ca, 1, PORT_INFO, 1, data);
			assert_int_equal(*counters[i], value ? 7 : 0);
		}
	}
}

static void a_reregister_is_echoed_and_not_kept(void **context)
{
	struct answer a;
	u8 data[64];

	smps_port_info(ca, 1, 1, data);
	data[51] = 0x80 | 0x12;
	a = smps_set(ca, 1, PORT_INFO, 1, data);
	assert_int_equal(a.out.data[51], 0x80 | 0x12);
	assert_true(a.fx.events & SIB_FX_REREGISTER);
	a = smps_get(ca, 1, PORT_INFO, 1);
	assert_int_equal(a.out.data[51], 0x12);
}

/* What a change of one octet is reported as, besides the first LIDs. */
static u32 effects_of(unsigned int at, u8 flip)
{
	struct answer a;
	u8 data[64];

	smps_port_info(ca, 1, 1, data);
	smps_set(ca, 1, PORT_INFO, 1, data);
	data[at] ^= flip;
	a = smps_set(ca, 1, PORT_INFO, 1, data);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.fx.port, 1);
	return a.fx.events;
}

static void changes_are_reported_as_what_they_are(void **context)
{
	assert_int_equal(effects_of(15, 1), SIB_FX_PREFIX);
	assert_int_equal(effects_of(17, 4), SIB_FX_LID);
	assert_int_equal(effects_of(34, 1), SIB_FX_LID);
	assert_int_equal(effects_of(19, 2), SIB_FX_SM);
	assert_int_equal(effects_of(36, 1), SIB_FX_SM);
	assert_int_equal(effects_of(51, 0x80), SIB_FX_REREGISTER);
	assert_int_equal(effects_of(51, 1), 0);
	assert_int_equal(effects_of(53, 1), 0);
	assert_int_equal(effects_of(36, 0x70), 0);
}

#define NODES_CASE(name) \
	cmocka_unit_test_setup_teardown(name, make_nodes, free_nodes)

UNIT_MAIN(
	NODES_CASE(a_ports_fields_stand_where_they_should),
	NODES_CASE(an_outer_port_of_a_switch_is_just_a_link),
	NODES_CASE(port_0_of_a_switch_has_the_fields_of_an_end_port),
	NODES_CASE(port_0_of_a_switch_is_always_active),
	NODES_CASE(a_port_at_power_up_is_what_an_sm_expects),
	NODES_CASE(an_adapter_takes_0_for_the_port_that_was_asked),
	NODES_CASE(bit_31_of_the_modifier_is_not_of_the_port),
	NODES_CASE(ports_that_do_not_exist_are_refused),
	NODES_CASE(the_reply_names_the_port_that_was_asked),
	NODES_CASE(ask_for_nothing_and_nothing_changes),
	NODES_CASE(what_is_written_to_an_end_port_is_read_back),
	NODES_CASE(what_is_written_to_a_link_is_read_back),
	NODES_CASE(what_is_read_only_stays),
	NODES_CASE(an_outer_port_does_not_take_what_is_an_end_ports),
	NODES_CASE(port_0_does_not_take_what_is_a_links),
	NODES_CASE(an_mtu_that_the_link_has_not_is_refused),
	NODES_CASE(more_lanes_than_there_are_are_refused),
	NODES_CASE(a_default_beyond_polling_is_refused),
	NODES_CASE(a_width_that_is_not_supported_is_refused),
	NODES_CASE(a_speed_that_is_not_supported_is_refused),
	NODES_CASE(zero_changes_nothing_and_all_ones_mean_all),
	NODES_CASE(lids_that_are_not_unicast_are_refused),
	NODES_CASE(the_last_unicast_lid_is_taken),
	NODES_CASE(a_bad_field_does_not_keep_the_others_out),
	NODES_CASE(violation_counters_are_cleared_by_zero_alone),
	NODES_CASE(a_reregister_is_echoed_and_not_kept),
	NODES_CASE(changes_are_reported_as_what_they_are),
)
