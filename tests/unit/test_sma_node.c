// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * NodeDescription, NodeInfo and SwitchInfo, IBTA volume 1, sections 14.2.5.2
 * to 14.2.5.4, octet by octet.
 */
#include "unit.h"
#include "node.h"
#include "smps.h"

static void a_description_is_64_octets(void **context)
{
	static const u8 expected[64] = "test node";
	struct sib_node *ca = node_ca();
	struct answer a = smps_get(ca, 1, SIB_ATTR_NODE_DESC, 0);

	assert_int_equal(a.status, 0);
	assert_memory_equal(a.out.data, expected, 64);
	memset(ca->desc, 'x', 64);
	a = smps_get(ca, 1, SIB_ATTR_NODE_DESC, 0);
	assert_memory_equal(a.out.data, ca->desc, 64);
	node_free(ca);
}

static void nodeinfo_of_a_channel_adapter(void **context)
{
	static const u8 expected[64] = {
		1, 1, 1, 1,
		0x00, 0x02, 0xc9, 0x03, 0x00, 0x00, 0x10, 0xff,
		0x00, 0x02, 0xc9, 0x03, 0x00, 0x00, 0x10, 0x00,
		0x00, 0x02, 0xc9, 0x03, 0x00, 0x00, 0x10, 0x39,
		0x00, 0x80, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x12,
		0x01, 0x12, 0x34, 0x56,
	};
	struct sib_node *ca = node_ca();
	struct answer a = smps_get(ca, 1, SIB_ATTR_NODE_INFO, 0);

	assert_int_equal(a.status, 0);
	assert_memory_equal(a.out.data, expected, 64);
	node_free(ca);
}

static void nodeinfo_of_a_switch(void **context)
{
	static const u8 expected[64] = {
		1, 1, 2, 36,
		0x00, 0x02, 0xc9, 0x03, 0x00, 0x00, 0x10, 0xff,
		0x00, 0x02, 0xc9, 0x03, 0x00, 0x00, 0x10, 0x00,
		0x00, 0x02, 0xc9, 0x03, 0x00, 0x00, 0x10, 0x00,
		0x00, 0x20, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x12,
		0x05, 0x12, 0x34, 0x56,
	};
	struct sib_node *sw = node_switch(36);
	struct answer a = smps_get(sw, 5, SIB_ATTR_NODE_INFO, 0);

	assert_int_equal(a.status, 0);
	assert_memory_equal(a.out.data, expected, 64);
	node_free(sw);
}

static void nodeinfo_tells_the_port_that_was_asked(void **context)
{
	struct sib_node *sw = node_switch(8);
	unsigned int port;

	for (port = 0; port <= 8; port++) {
		struct answer a = smps_get(sw, port, SIB_ATTR_NODE_INFO, 0);

		assert_int_equal(a.out.data[36], port);
	}
	node_free(sw);
}

static void each_port_of_an_adapter_has_its_own_guid(void **context)
{
	struct sib_node *ca = node_make(SIB_NODE_CA, 2, 32, 8);
	struct answer a = smps_get(ca, 2, SIB_ATTR_NODE_INFO, 0);

	assert_int_equal(a.out.data[3], 2);
	assert_int_equal(a.out.data[27], 0x3a);
	assert_int_equal(a.out.data[36], 2);
	node_free(ca);
}

static void switchinfo_at_power_up(void **context)
{
	static const u8 expected[64] = {
		0xc0, 0x00,	/* LinearFDBCap 49152 */
		0x00, 0x00,	/* RandomFDBCap */
		0x10, 0x00,	/* MulticastFDBCap 4096 */
	};
	struct sib_node *sw = node_make(SIB_NODE_SWITCH, 4, 32, 1);
	struct answer a = smps_get(sw, 1, SIB_ATTR_SWITCH_INFO, 0);

	assert_int_equal(a.status, 0);
	assert_memory_equal(a.out.data, expected, 64);
	node_free(sw);
}

static void switchinfo_keeps_what_may_be_written(void **context)
{
	static const u8 expected[64] = {
		0xc0, 0x00, 0x00, 0x00, 0x10, 0x00,
		0x12, 0x34,	/* LinearFDBTop */
		5, 6, 7,	/* three default ports */
		0x12 << 3,	/* LifeTimeValue */
		[18] = 0xc1, [19] = 0x23,	/* MulticastFDBTop */
	};
	struct sib_node *sw = node_make(SIB_NODE_SWITCH, 4, 32, 1);
	u8 data[64];
	struct answer a;

	/* All that is read-only is written too, and must not stick. */
	memset(data, 0xff, sizeof(data));
	memcpy(data + 6, expected + 6, 6);
	memcpy(data + 18, expected + 18, 2);
	a = smps_set(sw, 1, SIB_ATTR_SWITCH_INFO, 0, data);
	assert_int_equal(a.status, 0);
	assert_memory_equal(a.out.data, expected, 64);
	a = smps_get(sw, 1, SIB_ATTR_SWITCH_INFO, 0);
	assert_memory_equal(a.out.data, expected, 64);
	node_free(sw);
}

static bool state_change(struct sib_node *sw)
{
	return smps_get(sw, 1, SIB_ATTR_SWITCH_INFO, 0).out.data[11] & 4;
}

static void a_link_that_comes_or_goes_is_a_change(void **context)
{
	struct sib_node *sw = node_make(SIB_NODE_SWITCH, 4, 32, 1);
	u8 clear[64] = { [11] = 4 };

	assert_false(state_change(sw));
	sib_node_link_up(sw, 2, 4);
	assert_true(state_change(sw));
	smps_set(sw, 1, SIB_ATTR_SWITCH_INFO, 0, clear);
	assert_false(state_change(sw));
	sib_node_link_down(sw, 2, SIB_PHYS_POLLING);
	assert_true(state_change(sw));
	node_free(sw);
}

static void a_link_that_was_down_already_is_no_change(void **context)
{
	struct sib_node *sw = node_make(SIB_NODE_SWITCH, 4, 32, 1);

	assert_false(sib_node_link_down(sw, 2, SIB_PHYS_POLLING));
	assert_false(state_change(sw));
	node_free(sw);
}

static void a_change_is_cleared_by_a_one_and_kept_by_a_zero(void **context)
{
	struct sib_node *sw = node_switch(4);
	u8 data[64] = {};
	struct answer a;

	a = smps_set(sw, 1, SIB_ATTR_SWITCH_INFO, 0, data);
	assert_int_equal(a.out.data[11] & 4, 4);
	data[11] = 4;
	a = smps_set(sw, 1, SIB_ATTR_SWITCH_INFO, 0, data);
	assert_int_equal(a.out.data[11] & 4, 0);
	a = smps_set(sw, 1, SIB_ATTR_SWITCH_INFO, 0, data);
	assert_int_equal(a.out.data[11] & 4, 0);
	node_free(sw);
}

static void what_a_set_orders_is_no_change(void **context)
{
	struct sib_node *sw = node_switch(4);
	u8 clear[64] = { [11] = 4 }, data[64];

	smps_set(sw, 1, SIB_ATTR_SWITCH_INFO, 0, clear);
	smps_port_info(sw, 1, 2, data);
	data[32] |= SIB_PORT_ARMED;
	assert_int_equal(smps_set(sw, 1, SIB_ATTR_PORT_INFO, 2, data).status,
			 0);
	data[32] = (data[32] & 0xf0) | SIB_PORT_ACTIVE;
	assert_int_equal(smps_set(sw, 1, SIB_ATTR_PORT_INFO, 2, data).status,
			 0);
	assert_false(state_change(sw));
	node_free(sw);
}

static void the_top_of_the_table_never_passes_its_end(void **context)
{
	static const u16 tops[] = { 0, 1, 0xbfff, 0xc000, 0xffff };
	struct sib_node *sw = node_switch(4);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tops); i++) {
		u8 data[64] = { [6] = tops[i] >> 8, [7] = tops[i] };

		smps_set(sw, 1, SIB_ATTR_SWITCH_INFO, 0, data);
		assert_int_equal(sw->sw.lft_top,
				 tops[i] < 0xc000 ? tops[i] : 0xbfff);
	}
	node_free(sw);
}

UNIT_MAIN(
	CASE(a_description_is_64_octets),
	CASE(nodeinfo_of_a_channel_adapter),
	CASE(nodeinfo_of_a_switch),
	CASE(nodeinfo_tells_the_port_that_was_asked),
	CASE(each_port_of_an_adapter_has_its_own_guid),
	CASE(switchinfo_at_power_up),
	CASE(switchinfo_keeps_what_may_be_written),
	CASE(a_link_that_comes_or_goes_is_a_change),
	CASE(a_link_that_was_down_already_is_no_change),
	CASE(a_change_is_cleared_by_a_one_and_kept_by_a_zero),
	CASE(what_a_set_orders_is_no_change),
	CASE(the_top_of_the_table_never_passes_its_end),
)
