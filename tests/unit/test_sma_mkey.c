// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * M_Key protection, IBTA volume 1, section 14.2.4: who may read and who may
 * write at each level, and what a wrong key leaves behind.
 */
#include <asm/byteorder.h>

#include "unit.h"
#include "node.h"
#include "smps.h"

#include "compat/unaligned.h"

#define KEY	0x1234567890abcdefULL
#define OTHER	0x1234567890abcdeeULL

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

static void protect(struct sib_portinfo *pi, u64 key, u8 level)
{
	pi->mkey = key;
	pi->mkey_protect = level;
}

static struct answer ask(struct sib_node *node, u8 ingress, u8 method,
			 u16 attr, u64 key)
{
	struct sib_smp in = smps_make(method, attr, 0);

	in.mkey = cpu_to_be64(key);
	if (attr == SIB_ATTR_PORT_INFO) {
		put_unaligned_be64(KEY, in.data);
		put_unaligned_be16(3, in.data + 16);
		put_unaligned_be16(1, in.data + 18);
		in.data[36] = 0x40;
	}
	return smps_ask(node, ingress, &in);
}

static const struct {
	u8 level;
	bool may_get;
} levels[] = { { 0, true }, { 1, true }, { 2, false }, { 3, false } };

static void without_a_key_everything_is_allowed(void **context)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		protect(&ca->port[1], 0, i);
		assert_int_equal(ask(ca, 1, SIB_METHOD_SET,
				     SIB_ATTR_PKEY_TABLE, OTHER).verdict,
				 SIB_SMA_REPLY);
		assert_int_equal(ca->port[1].mkey_violations, 0);
	}
}

static void the_right_key_opens_every_level(void **context)
{
	struct answer a;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		protect(&ca->port[1], KEY, i);
		a = ask(ca, 1, SIB_METHOD_GET, SIB_ATTR_NODE_INFO, KEY);
		assert_int_equal(a.verdict, SIB_SMA_REPLY);
		assert_true(a.fx.events & SIB_FX_GOOD_MKEY);
		a = ask(ca, 1, SIB_METHOD_SET, SIB_ATTR_PKEY_TABLE, KEY);
		assert_int_equal(a.verdict, SIB_SMA_REPLY);
		a = ask(ca, 1, SIB_METHOD_TRAP_REPRESS, SIB_ATTR_NOTICE, KEY);
		assert_int_equal(a.verdict, SIB_SMA_CONSUMED);
		assert_int_equal(ca->port[1].mkey_violations, 0);
	}
}

static void a_wrong_key_reads_at_the_two_lower_levels(void **context)
{
	struct answer a;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		protect(&ca->port[1], KEY, levels[i].level);
		ca->port[1].mkey_violations = 0;
		a = ask(ca, 1, SIB_METHOD_GET, SIB_ATTR_NODE_INFO, OTHER);
		assert_int_equal(a.verdict, levels[i].may_get ?
				 SIB_SMA_REPLY : SIB_SMA_DROP);
		assert_int_equal(!!(a.fx.events & SIB_FX_BAD_MKEY),
				 !levels[i].may_get);
		assert_int_equal(ca->port[1].mkey_violations,
				 !levels[i].may_get);
	}
}

static void a_wrong_key_never_writes(void **context)
{
	struct answer a;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		protect(&ca->port[1], KEY, i);
		a = ask(ca, 1, SIB_METHOD_SET, SIB_ATTR_PKEY_TABLE, OTHER);
		assert_int_equal(a.verdict, SIB_SMA_DROP);
		assert_int_equal(a.fx.events, SIB_FX_BAD_MKEY);
		assert_int_equal(a.fx.port, 1);
		assert_int_equal(sib_node_pkeys(ca, 1)[0], 0xffff);
		assert_int_equal(ca->port[1].mkey_violations, i + 1);
	}
}

static void a_wrong_key_represses_no_traps(void **context)
{
	struct answer a;

	protect(&ca->port[1], KEY, 0);
	a = ask(ca, 1, SIB_METHOD_TRAP_REPRESS, SIB_ATTR_NOTICE, OTHER);
	assert_int_equal(a.verdict, SIB_SMA_DROP);
	assert_int_equal(a.fx.events, SIB_FX_BAD_MKEY);
	assert_int_equal(ca->port[1].mkey_violations, 1);
}

static void violations_do_not_overflow(void **context)
{
	protect(&ca->port[1], KEY, 0);
	ca->port[1].mkey_violations = 0xfffe;
	ask(ca, 1, SIB_METHOD_SET, SIB_ATTR_PKEY_TABLE, OTHER);
	assert_int_equal(ca->port[1].mkey_violations, 0xffff);
	ask(ca, 1, SIB_METHOD_SET, SIB_ATTR_PKEY_TABLE, OTHER);
	assert_int_equal(ca->port[1].mkey_violations, 0xffff);
}

static u64 shown_key(struct answer a)
{
	assert_int_equal(a.verdict, SIB_SMA_REPLY);
	return get_unaligned_be64(a.out.data);
}

static void level_0_shows_the_key_to_all(void **context)
{
	protect(&ca->port[1], KEY, 0);
	assert_true(shown_key(ask(ca, 1, SIB_METHOD_GET, SIB_ATTR_PORT_INFO,
				  OTHER)) == KEY);
}

static void level_1_hides_the_key_from_who_does_not_have_it(void **context)
{
	protect(&ca->port[1], KEY, 1);
	assert_true(shown_key(ask(ca, 1, SIB_METHOD_GET, SIB_ATTR_PORT_INFO,
				  OTHER)) == 0);
	assert_true(shown_key(ask(ca, 1, SIB_METHOD_GET, SIB_ATTR_PORT_INFO,
				  KEY)) == KEY);
}

/* Sets key and level of port 1 of the adapter by Set(PortInfo). */
static struct answer set_key(u64 with, u64 to, u8 level)
{
	struct sib_smp in = smps_make(SIB_METHOD_SET, SIB_ATTR_PORT_INFO, 1);

	smps_port_info(ca, 1, 1, in.data);
	in.mkey = cpu_to_be64(with);
	put_unaligned_be64(to, in.data);
	in.data[34] = level << 6;
	return smps_ask(ca, 1, &in);
}

static void who_sets_a_first_key_is_shown_it(void **context)
{
	assert_true(shown_key(set_key(0, KEY, 1)) == KEY);
}

static void who_changes_the_key_is_shown_the_new_one(void **context)
{
	protect(&ca->port[1], KEY, 1);
	assert_true(shown_key(set_key(KEY, OTHER, 1)) == OTHER);
	assert_true(ca->port[1].mkey == OTHER);
}

static void this_machine_itself_needs_no_key(void **context)
{
	struct sib_smp in = smps_make(SIB_METHOD_GET, SIB_ATTR_NODE_INFO, 0);
	struct sib_sma_fx fx;
	struct sib_smp out;

	protect(&ca->port[1], KEY, 3);
	assert_int_equal(sib_sma_handle(ca, 1, &in, &out, true, &fx),
			 SIB_SMA_REPLY);
	in.method = SIB_METHOD_SET;
	in.attr_id = cpu_to_be16(SIB_ATTR_PKEY_TABLE);
	assert_int_equal(sib_sma_handle(ca, 1, &in, &out, true, &fx),
			 SIB_SMA_REPLY);
	assert_int_equal(ca->port[1].mkey_violations, 0);
	assert_false(fx.events & SIB_FX_BAD_MKEY);
}

static void a_switch_has_the_key_of_its_port_0(void **context)
{
	struct answer a;

	protect(&sw->port[0], KEY, 2);
	a = ask(sw, 3, SIB_METHOD_GET, SIB_ATTR_NODE_INFO, OTHER);
	assert_int_equal(a.verdict, SIB_SMA_DROP);
	assert_int_equal(a.fx.port, 0);
	assert_int_equal(sw->port[0].mkey_violations, 1);
	a = ask(sw, 3, SIB_METHOD_GET, SIB_ATTR_NODE_INFO, KEY);
	assert_int_equal(a.verdict, SIB_SMA_REPLY);
}

static void each_port_of_an_adapter_has_its_own_key(void **context)
{
	struct sib_node *two = node_make(SIB_NODE_CA, 2, 32, 8);

	protect(&two->port[1], KEY, 2);
	assert_int_equal(ask(two, 1, SIB_METHOD_GET, SIB_ATTR_NODE_INFO,
			     OTHER).verdict, SIB_SMA_DROP);
	assert_int_equal(ask(two, 2, SIB_METHOD_GET, SIB_ATTR_NODE_INFO,
			     OTHER).verdict, SIB_SMA_REPLY);
	node_free(two);
}

/* PortInfo of one port, asked for at another. */
static struct answer across(struct sib_node *node, u8 ingress, u8 port,
			    u8 method, u64 key)
{
	struct sib_smp in = smps_make(method, SIB_ATTR_PORT_INFO, port);

	in.mkey = cpu_to_be64(key);
	put_unaligned_be64(key, in.data);
	put_unaligned_be16(0x0077, in.data + 16);
	in.data[34] = 2 << 6;
	put_unaligned_be16(1, in.data + 18);
	in.data[36] = 0x40;
	return smps_ask(node, ingress, &in);
}

static void the_sm_of_one_port_does_not_take_the_other(void **context)
{
	struct sib_node *two = node_make(SIB_NODE_CA, 2, 32, 8);
	u16 lid = two->port[2].lid;
	struct answer a;

	protect(&two->port[1], OTHER, 1);
	protect(&two->port[2], KEY, 1);
	a = across(two, 1, 2, SIB_METHOD_SET, OTHER);
	assert_int_equal(a.verdict, SIB_SMA_DROP);
	assert_int_equal(a.fx.events, SIB_FX_BAD_MKEY);
	assert_int_equal(a.fx.port, 2);
	assert_int_equal(a.fx.keys, BIT(2));
	assert_true(two->port[2].mkey == KEY);
	assert_int_equal(two->port[2].lid, lid);
	assert_int_equal(two->port[2].mkey_violations, 1);
	assert_int_equal(two->port[1].mkey_violations, 0);
	node_free(two);
}

static void the_key_of_the_other_port_does_not_open_this_one(void **context)
{
	struct sib_node *two = node_make(SIB_NODE_CA, 2, 32, 8);
	struct answer a;

	protect(&two->port[1], KEY, 2);
	protect(&two->port[2], OTHER, 2);
	a = across(two, 1, 2, SIB_METHOD_GET, OTHER);
	assert_int_equal(a.verdict, SIB_SMA_DROP);
	assert_int_equal(a.fx.port, 1);
	assert_int_equal(two->port[1].mkey_violations, 1);
	assert_int_equal(two->port[2].mkey_violations, 0);
	node_free(two);
}

static void who_has_the_keys_of_both_ports_may_set_the_other(void **context)
{
	struct sib_node *two = node_make(SIB_NODE_CA, 2, 32, 8);
	struct answer a;

	protect(&two->port[1], KEY, 3);
	protect(&two->port[2], KEY, 3);
	a = across(two, 1, 2, SIB_METHOD_SET, KEY);
	assert_int_equal(a.verdict, SIB_SMA_REPLY);
	assert_int_equal(a.status, 0);
	assert_true(a.fx.events & SIB_FX_GOOD_MKEY);
	assert_int_equal(a.fx.keys, BIT(1) | BIT(2));
	assert_int_equal(two->port[2].lid, 0x0077);
	protect(&two->port[1], 0, 0);
	assert_int_equal(across(two, 1, 2, SIB_METHOD_GET, OTHER).verdict,
			 SIB_SMA_DROP);
	assert_int_equal(across(two, 1, 2, SIB_METHOD_GET, KEY).verdict,
			 SIB_SMA_REPLY);
	node_free(two);
}

/* Which its lease is stopped by, whatever port the SMP is about. */
static void a_right_key_at_a_switch_is_that_of_port_0(void **context)
{
	struct sib_smp in = smps_make(SIB_METHOD_SET, SIB_ATTR_PORT_INFO, 3);
	struct answer a;

	smps_port_info(sw, 1, 3, in.data);
	in.data[32] &= 0xf0;
	protect(&sw->port[0], KEY, 1);
	in.mkey = cpu_to_be64(KEY);
	a = smps_ask(sw, 2, &in);
	assert_int_equal(a.verdict, SIB_SMA_REPLY);
	assert_int_equal(a.fx.port, 3);
	assert_true(a.fx.events & SIB_FX_GOOD_MKEY);
	assert_int_equal(a.fx.keys, BIT(0));
}

#define NODES_CASE(name) \
	cmocka_unit_test_setup_teardown(name, make_nodes, free_nodes)

UNIT_MAIN(
	NODES_CASE(without_a_key_everything_is_allowed),
	NODES_CASE(the_right_key_opens_every_level),
	NODES_CASE(a_wrong_key_reads_at_the_two_lower_levels),
	NODES_CASE(a_wrong_key_never_writes),
	NODES_CASE(a_wrong_key_represses_no_traps),
	NODES_CASE(violations_do_not_overflow),
	NODES_CASE(level_0_shows_the_key_to_all),
	NODES_CASE(level_1_hides_the_key_from_who_does_not_have_it),
	NODES_CASE(who_sets_a_first_key_is_shown_it),
	NODES_CASE(who_changes_the_key_is_shown_the_new_one),
	NODES_CASE(this_machine_itself_needs_no_key),
	NODES_CASE(a_switch_has_the_key_of_its_port_0),
	NODES_CASE(each_port_of_an_adapter_has_its_own_key),
	NODES_CASE(the_sm_of_one_port_does_not_take_the_other),
	NODES_CASE(the_key_of_the_other_port_does_not_open_this_one),
	NODES_CASE(who_has_the_keys_of_both_ports_may_set_the_other),
	NODES_CASE(a_right_key_at_a_switch_is_that_of_port_0),
)
