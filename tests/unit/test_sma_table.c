// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Attributes that are blocks of a table, IBTA volume 1, sections 14.2.5.5,
 * 14.2.5.7, 14.2.5.10 and 14.2.5.12: which block is which, what may be
 * written, and where a table ends.
 */
#include "unit.h"
#include "node.h"
#include "smps.h"

#include "compat/unaligned.h"

#define REFUSED	0x001c

static struct sib_node *node;

static int free_node(void **context)
{
	node_free(node);
	return 0;
}

static int make_ca(void **context)
{
	node = node_ca();
	return 0;
}

/* Tables that end in the middle of a block. */
static int make_odd_ca(void **context)
{
	node = node_make(SIB_NODE_CA, 2, 40, 11);
	return 0;
}

static int make_switch(void **context)
{
	node = node_switch(36);
	return 0;
}

/* 64 octets of which no two 16-bit words are alike, nor are of two seeds. */
static void fill(u8 *data, u8 seed)
{
	unsigned int i;

	for (i = 0; i < 32; i++)
		put_unaligned_be16(seed << 8 | (0x40 + i), data + 2 * i);
}

static void the_default_pkey_is_there_at_power_up(void **context)
{
	static const u8 expected[64] = { 0xff, 0xff };
	struct answer a = smps_get(node, 1, SIB_ATTR_PKEY_TABLE, 0);

	assert_int_equal(a.status, 0);
	assert_memory_equal(a.out.data, expected, 64);
}

static void each_pkey_block_has_32_entries_of_the_table(void **context)
{
	unsigned int block, i;
	struct answer a;
	u8 data[64];

	for (block = 0; block < 4; block++) {
		fill(data, block + 1);
		a = smps_set(node, 1, SIB_ATTR_PKEY_TABLE, block, data);
		assert_int_equal(a.status, 0);
		assert_memory_equal(a.out.data, data, 64);
	}
	for (block = 0; block < 4; block++) {
		fill(data, block + 1);
		a = smps_get(node, 1, SIB_ATTR_PKEY_TABLE, block);
		assert_memory_equal(a.out.data, data, 64);
		for (i = 0; i < 32; i++)
			assert_int_equal(sib_node_pkeys(node, 1)[32 * block + i],
					 (block + 1) << 8 | (0x40 + i));
	}
}

static void pkey_blocks_beyond_the_table_are_refused(void **context)
{
	static const u32 mods[] = { 4, 5, 0x7fff, 0x8000, 0xffff };
	u8 data[64] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mods); i++) {
		assert_int_equal(smps_get(node, 1, SIB_ATTR_PKEY_TABLE,
					  mods[i]).status, REFUSED);
		assert_int_equal(smps_set(node, 1, SIB_ATTR_PKEY_TABLE,
					  mods[i], data).status, REFUSED);
	}
}

static void the_rest_of_a_partial_pkey_block_is_zero(void **context)
{
	static const u8 none[64];
	struct answer a;
	u8 data[64];

	fill(data, 7);
	a = smps_set(node, 2, SIB_ATTR_PKEY_TABLE, 1, data);
	assert_int_equal(a.status, 0);
	assert_memory_equal(a.out.data, data, 16);
	assert_memory_equal(a.out.data + 16, none, 48);
	assert_int_equal(smps_get(node, 2, SIB_ATTR_PKEY_TABLE, 2).status,
			 REFUSED);
}

static void each_port_of_an_adapter_has_its_own_pkeys(void **context)
{
	struct answer a;
	u8 data[64];

	fill(data, 7);
	a = smps_set(node, 2, SIB_ATTR_PKEY_TABLE, 0, data);
	assert_int_equal(a.fx.port, 2);
	a = smps_get(node, 1, SIB_ATTR_PKEY_TABLE, 0);
	assert_int_equal(get_unaligned_be16(a.out.data), 0xffff);
	a = smps_get(node, 2, SIB_ATTR_PKEY_TABLE, 0);
	assert_memory_equal(a.out.data, data, 64);
}

static void a_change_of_pkeys_is_reported_once(void **context)
{
	struct answer a;
	u8 data[64];

	fill(data, 7);
	a = smps_set(node, 1, SIB_ATTR_PKEY_TABLE, 1, data);
	assert_int_equal(a.fx.events, SIB_FX_PKEYS);
	assert_int_equal(a.fx.port, 1);
	a = smps_set(node, 1, SIB_ATTR_PKEY_TABLE, 1, data);
	assert_int_equal(a.fx.events, 0);
	data[63] ^= 1;
	a = smps_set(node, 1, SIB_ATTR_PKEY_TABLE, 1, data);
	assert_int_equal(a.fx.events, SIB_FX_PKEYS);
}

static void a_change_of_any_pkey_is_reported(void **context)
{
	unsigned int i;
	u8 data[64];

	fill(data, 7);
	smps_set(node, 1, SIB_ATTR_PKEY_TABLE, 1, data);
	for (i = 0; i < 64; i++) {
		data[i] ^= 1;
		check(smps_set(node, 1, SIB_ATTR_PKEY_TABLE, 1,
			       data).fx.events == SIB_FX_PKEYS, "octet %u", i);
	}
}

static void a_switch_has_pkeys_at_port_0_alone(void **context)
{
	u8 data[64];
	struct answer a;

	fill(data, 7);
	a = smps_set(node, 9, SIB_ATTR_PKEY_TABLE, 0, data);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.fx.port, 0);
	assert_memory_equal(smps_get(node, 3, SIB_ATTR_PKEY_TABLE, 0).out.data,
			    data, 64);
	assert_int_equal(smps_get(node, 9, SIB_ATTR_PKEY_TABLE,
				  1 << 16).status, REFUSED);
	assert_int_equal(smps_get(node, 9, SIB_ATTR_PKEY_TABLE, 1).status,
			 REFUSED);
}

static void the_first_guid_is_burnt_in(void **context)
{
	struct answer a;
	u8 data[64];

	memset(data, 0x5a, sizeof(data));
	a = smps_set(node, 1, SIB_ATTR_GUID_INFO, 0, data);
	assert_int_equal(a.status, 0);
	assert_true(get_unaligned_be64(a.out.data) == NODE_PORT_GUID + 1);
	assert_memory_equal(a.out.data + 8, data + 8, 56);
	assert_int_equal(a.fx.events, SIB_FX_GUIDS);
	a = smps_get(node, 1, SIB_ATTR_GUID_INFO, 0);
	assert_true(get_unaligned_be64(a.out.data) == NODE_PORT_GUID + 1);
}

static void only_the_first_guid_of_the_first_block_is(void **context)
{
	struct answer a;
	u8 data[64];

	memset(data, 0x5a, sizeof(data));
	a = smps_set(node, 1, SIB_ATTR_GUID_INFO, 1, data);
	assert_int_equal(a.status, 0);
	assert_memory_equal(a.out.data, data, 24);
	assert_true(sib_node_guids(node, 1)[8] == 0x5a5a5a5a5a5a5a5a);
}

static void the_rest_of_a_partial_guid_block_is_zero(void **context)
{
	static const u8 none[64];
	struct answer a;
	u8 data[64];

	memset(data, 0x5a, sizeof(data));
	a = smps_set(node, 1, SIB_ATTR_GUID_INFO, 1, data);
	assert_memory_equal(a.out.data + 24, none, 40);
	a = smps_get(node, 1, SIB_ATTR_GUID_INFO, 1);
	assert_memory_equal(a.out.data + 24, none, 40);
	assert_int_equal(smps_get(node, 1, SIB_ATTR_GUID_INFO, 2).status,
			 REFUSED);
}

static void guid_blocks_beyond_the_table_are_refused(void **context)
{
	static const u32 mods[] = { 1, 2, 0x20000000, 0xffffffff };
	u8 data[64] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mods); i++) {
		assert_int_equal(smps_get(node, 1, SIB_ATTR_GUID_INFO,
					  mods[i]).status, REFUSED);
		assert_int_equal(smps_set(node, 1, SIB_ATTR_GUID_INFO,
					  mods[i], data).status, REFUSED);
	}
}

static void a_change_of_guids_is_reported_once(void **context)
{
	struct answer a;
	u8 data[64];

	memset(data, 0x5a, sizeof(data));
	smps_set(node, 1, SIB_ATTR_GUID_INFO, 0, data);
	a = smps_set(node, 1, SIB_ATTR_GUID_INFO, 0, data);
	assert_int_equal(a.fx.events, 0);
	/* What stands where the burnt-in one is does not count. */
	data[0] = 0;
	a = smps_set(node, 1, SIB_ATTR_GUID_INFO, 0, data);
	assert_int_equal(a.fx.events, 0);
	data[63] = 0;
	a = smps_set(node, 1, SIB_ATTR_GUID_INFO, 0, data);
	assert_int_equal(a.fx.events, SIB_FX_GUIDS);
	assert_int_equal(a.fx.port, 1);
}

static void a_change_of_any_guid_is_reported(void **context)
{
	unsigned int i;
	u8 data[64];

	memset(data, 0x5a, sizeof(data));
	smps_set(node, 1, SIB_ATTR_GUID_INFO, 0, data);
	for (i = 8; i < 64; i++) {
		data[i] ^= 1;
		check(smps_set(node, 1, SIB_ATTR_GUID_INFO, 0,
			       data).fx.events == SIB_FX_GUIDS, "octet %u", i);
	}
}

static void a_switch_has_one_guid(void **context)
{
	struct answer a = smps_get(node, 9, SIB_ATTR_GUID_INFO, 0);
	static const u8 none[56];

	assert_true(get_unaligned_be64(a.out.data) == NODE_GUID);
	assert_memory_equal(a.out.data + 8, none, 56);
}

static void a_fresh_lft_discards_everything(void **context)
{
	unsigned int block, i;

	for (block = 0; block < 768; block++) {
		struct answer a = smps_get(node, 1, SIB_ATTR_LFT, block);

		assert_int_equal(a.status, 0);
		for (i = 0; i < 64; i++)
			assert_int_equal(a.out.data[i], 255);
	}
}

static void each_lft_block_has_64_lids(void **context)
{
	static const u32 blocks[] = { 0, 1, 255, 256, 767 };
	unsigned int i, n;
	struct answer a;
	u8 data[64];

	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		fill(data, i + 1);
		a = smps_set(node, 1, SIB_ATTR_LFT, blocks[i], data);
		assert_int_equal(a.status, 0);
		assert_memory_equal(a.out.data, data, 64);
	}
	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		fill(data, i + 1);
		a = smps_get(node, 1, SIB_ATTR_LFT, blocks[i]);
		assert_memory_equal(a.out.data, data, 64);
		for (n = 0; n < 64; n++)
			assert_int_equal(node->sw.lft[64 * blocks[i] + n],
					 data[n]);
	}
}

static void lft_blocks_beyond_the_unicast_lids_are_refused(void **context)
{
	static const u32 mods[] = { 768, 1023, 0x10000, 0x4000000, 0xffffffff };
	u8 data[64] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mods); i++) {
		assert_int_equal(smps_get(node, 1, SIB_ATTR_LFT,
					  mods[i]).status, REFUSED);
		assert_int_equal(smps_set(node, 1, SIB_ATTR_LFT, mods[i],
					  data).status, REFUSED);
	}
}

static u32 mft_mod(unsigned int position, unsigned int block)
{
	return position << 28 | block;
}

static void each_mft_block_has_32_mlids_and_16_ports(void **context)
{
	unsigned int position, i;
	struct answer a;
	u8 data[64];
	u64 mask;

	for (position = 0; position < 3; position++) {
		fill(data, position + 1);
		a = smps_set(node, 1, SIB_ATTR_MFT, mft_mod(position, 5),
			     data);
		assert_int_equal(a.status, 0);
		assert_memory_equal(a.out.data, data, 64);
	}
	for (i = 0; i < 32; i++) {
		mask = (u64)(0x340 + i) << 32 | (u64)(0x240 + i) << 16 |
		       (0x140 + i);
		assert_true(node->sw.mft[5 * 32 + i] == mask);
	}
	for (position = 0; position < 3; position++) {
		fill(data, position + 1);
		a = smps_get(node, 1, SIB_ATTR_MFT, mft_mod(position, 5));
		assert_memory_equal(a.out.data, data, 64);
	}
}

static void the_last_mft_block_is_the_127th(void **context)
{
	u8 data[64];
	struct answer a;

	fill(data, 9);
	a = smps_set(node, 1, SIB_ATTR_MFT, 127, data);
	assert_int_equal(a.status, 0);
	assert_true(node->sw.mft[4095] == (9 << 8 | (0x40 + 31)));
	a = smps_set(node, 1, SIB_ATTR_MFT, 128, data);
	assert_int_equal(a.status, REFUSED);
	a = smps_get(node, 1, SIB_ATTR_MFT, 511);
	assert_int_equal(a.status, REFUSED);
}

static void mft_positions_without_ports_are_refused(void **context)
{
	unsigned int position;
	u8 data[64];

	memset(data, 0xff, sizeof(data));
	/* Ports 0 to 36: positions 0, 1 and 2. */
	for (position = 0; position < 16; position++)
		check(smps_set(node, 1, SIB_ATTR_MFT, mft_mod(position, 0),
			       data).status == (position < 3 ? 0 : REFUSED),
		      "position %u", position);
}

static void a_position_begins_with_its_first_port(void **context)
{
	static const u8 ports[] = { 15, 16, 31, 32, 47, 48, 63 };
	unsigned int i, position;

	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		struct sib_node *sw = node_switch(ports[i]);

		for (position = 0; position < 16; position++)
			check(smps_get(sw, 1, SIB_ATTR_MFT,
				       mft_mod(position, 0)).status ==
			      (16 * position <= ports[i] ? 0 : REFUSED),
			      "%u ports, position %u", ports[i], position);
		node_free(sw);
	}
}

static void a_position_leaves_the_others_alone(void **context)
{
	u8 ones[64], none[64] = {};

	memset(ones, 0xff, sizeof(ones));
	smps_set(node, 1, SIB_ATTR_MFT, mft_mod(0, 3), ones);
	smps_set(node, 1, SIB_ATTR_MFT, mft_mod(1, 3), ones);
	smps_set(node, 1, SIB_ATTR_MFT, mft_mod(2, 3), ones);
	smps_set(node, 1, SIB_ATTR_MFT, mft_mod(1, 3), none);
	assert_true(node->sw.mft[3 * 32] == 0x0000ffff0000ffff);
}

static void a_get_leaves_a_table_alone(void **context)
{
	static const u16 attrs[] = {
		SIB_ATTR_PKEY_TABLE, SIB_ATTR_GUID_INFO, SIB_ATTR_LFT,
		SIB_ATTR_MFT,
	};
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		struct sib_smp in = smps_make(SIB_METHOD_GET, attrs[i], 0);

		memset(in.data, 0x5a, 64);
		assert_int_equal(smps_ask(node, 1, &in).status, 0);
	}
	assert_int_equal(sib_node_pkeys(node, 0)[0], 0xffff);
	assert_true(sib_node_guids(node, 0)[0] == NODE_GUID);
	for (n = 0; n < 64; n++) {
		assert_int_equal(node->sw.lft[n], 255);
		assert_true(node->sw.mft[n] == 0);
	}
}

#define CA_CASE(name) \
	cmocka_unit_test_setup_teardown(name, make_ca, free_node)
#define ODD_CASE(name) \
	cmocka_unit_test_setup_teardown(name, make_odd_ca, free_node)
#define SWITCH_CASE(name) \
	cmocka_unit_test_setup_teardown(name, make_switch, free_node)

UNIT_MAIN(
	CA_CASE(the_default_pkey_is_there_at_power_up),
	CA_CASE(each_pkey_block_has_32_entries_of_the_table),
	CA_CASE(pkey_blocks_beyond_the_table_are_refused),
	ODD_CASE(the_rest_of_a_partial_pkey_block_is_zero),
	ODD_CASE(each_port_of_an_adapter_has_its_own_pkeys),
	CA_CASE(a_change_of_pkeys_is_reported_once),
	CA_CASE(a_change_of_any_pkey_is_reported),
	SWITCH_CASE(a_switch_has_pkeys_at_port_0_alone),
	CA_CASE(the_first_guid_is_burnt_in),
	ODD_CASE(only_the_first_guid_of_the_first_block_is),
	ODD_CASE(the_rest_of_a_partial_guid_block_is_zero),
	CA_CASE(guid_blocks_beyond_the_table_are_refused),
	CA_CASE(a_change_of_guids_is_reported_once),
	CA_CASE(a_change_of_any_guid_is_reported),
	SWITCH_CASE(a_switch_has_one_guid),
	SWITCH_CASE(a_fresh_lft_discards_everything),
	SWITCH_CASE(each_lft_block_has_64_lids),
	SWITCH_CASE(lft_blocks_beyond_the_unicast_lids_are_refused),
	SWITCH_CASE(each_mft_block_has_32_mlids_and_16_ports),
	SWITCH_CASE(the_last_mft_block_is_the_127th),
	SWITCH_CASE(mft_positions_without_ports_are_refused),
	SWITCH_CASE(a_position_begins_with_its_first_port),
	SWITCH_CASE(a_position_leaves_the_others_alone),
	SWITCH_CASE(a_get_leaves_a_table_alone),
)
