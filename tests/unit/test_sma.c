// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The front door of the subnet management agent, IBTA volume 1, sections 13.4
 * and 14.2: versions, methods, which attributes there are on which node, and
 * what a reply has in common with its request.
 */
#include <asm/byteorder.h>

#include "unit.h"
#include "node.h"
#include "smps.h"

#define REPORT		0x06
#define NOT_AN_ATTR	0xff90

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

/* Both nodes get the same SMP; both must do the same. */
static void assert_both(const struct sib_smp *in,
			enum sib_sma_verdict verdict, u16 status)
{
	struct sib_node *nodes[] = { ca, sw };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct answer a = smps_ask(nodes[i], 1, in);

		assert_int_equal(a.verdict, verdict);
		if (verdict == SIB_SMA_REPLY)
			assert_int_equal(a.status, status);
	}
}

static void responses_are_not_for_the_agent(void **context)
{
	unsigned int method;

	for (method = 0x80; method < 0x100; method++) {
		struct sib_smp in = smps_make(method, SIB_ATTR_NODE_INFO, 0);

		assert_both(&in, SIB_SMA_PASS, 0);
	}
}

static void traps_are_not_for_the_agent(void **context)
{
	struct sib_smp in = smps_make(SIB_METHOD_TRAP, SIB_ATTR_NOTICE, 0);

	assert_both(&in, SIB_SMA_PASS, 0);
}

static void reports_are_not_for_the_agent(void **context)
{
	struct sib_smp in = smps_make(REPORT, SIB_ATTR_NOTICE, 0);

	assert_both(&in, SIB_SMA_PASS, 0);
}

static void a_wrong_version_is_named_in_the_reply(void **context)
{
	struct sib_smp in = smps_make(SIB_METHOD_GET, SIB_ATTR_NODE_INFO, 0);

	in.class_version = 2;
	assert_both(&in, SIB_SMA_REPLY, 0x0004);
	in.class_version = 0;
	assert_both(&in, SIB_SMA_REPLY, 0x0004);
	in.class_version = 1;
	in.base_version = 2;
	assert_both(&in, SIB_SMA_REPLY, 0x0004);
}

static void a_wrong_version_changes_nothing(void **context)
{
	struct sib_smp in = smps_make(SIB_METHOD_SET, SIB_ATTR_PKEY_TABLE, 0);

	in.class_version = 2;
	smps_ask(ca, 1, &in);
	assert_int_equal(sib_node_pkeys(ca, 1)[0], 0xffff);
}

static void unknown_methods_are_refused(void **context)
{
	static const u8 methods[] = { 0x00, 0x03, 0x04, 0x08, 0x15, 0x7f };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(methods); i++) {
		struct sib_smp in = smps_make(methods[i],
					      SIB_ATTR_NODE_INFO, 0);

		assert_both(&in, SIB_SMA_REPLY, 0x0008);
	}
}

/* Which methods an attribute has on a channel adapter and on a switch. */
enum how { NEVER, GET, GET_AND_SET };

static const struct {
	u16 attr;
	enum how on_ca, on_switch;
} attributes[] = {
	{ 0x0002, NEVER, NEVER },		/* Notice */
	{ 0x0010, GET, GET },			/* NodeDescription */
	{ 0x0011, GET, GET },			/* NodeInfo */
	{ 0x0012, NEVER, GET_AND_SET },		/* SwitchInfo */
	{ 0x0014, GET_AND_SET, GET_AND_SET },	/* GUIDInfo */
	{ 0x0015, GET_AND_SET, GET_AND_SET },	/* PortInfo */
	{ 0x0016, GET_AND_SET, GET_AND_SET },	/* P_KeyTable */
	{ 0x0017, NEVER, NEVER },		/* SLtoVLMapping */
	{ 0x0018, NEVER, NEVER },		/* VLArbitration */
	{ 0x0019, NEVER, GET_AND_SET },		/* LinearForwardingTable */
	{ 0x001a, NEVER, NEVER },		/* RandomForwardingTable */
	{ 0x001b, NEVER, GET_AND_SET },		/* MulticastForwarding... */
	{ 0x0020, NEVER, NEVER },		/* SMInfo, without an SM */
	{ 0x0030, NEVER, NEVER },		/* VendorDiag */
	{ 0x0031, NEVER, NEVER },		/* LedInfo */
	{ NOT_AN_ATTR, NEVER, NEVER },
};

static void check_attribute(struct sib_node *node, u16 attr, enum how how)
{
	u8 data[64] = { [16] = 0, [17] = 3, [19] = 1, [36] = 0x40 };
	struct answer a;

	a = smps_get(node, 1, attr, 0);
	assert_int_equal(a.verdict, SIB_SMA_REPLY);
	check(a.status == (how == NEVER ? 0x000c : 0), "Get(%#x): %#x", attr,
	      a.status);
	a = smps_set(node, 1, attr, 0, data);
	assert_int_equal(a.verdict, SIB_SMA_REPLY);
	check(a.status == (how != GET_AND_SET ? 0x000c : 0),
	      "Set(%#x): %#x", attr, a.status);
}

static void a_channel_adapter_has_the_attributes_of_one(void **context)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attributes); i++)
		check_attribute(ca, attributes[i].attr, attributes[i].on_ca);
}

static void a_switch_has_the_attributes_of_one(void **context)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attributes); i++)
		check_attribute(sw, attributes[i].attr,
				attributes[i].on_switch);
}

static void sminfo_is_for_the_sm_where_there_is_one(void **context)
{
	struct sib_smp in = smps_make(SIB_METHOD_GET, SIB_ATTR_SM_INFO, 0);

	ca->port[1].cap_mask |= BIT(1);
	assert_int_equal(smps_ask(ca, 1, &in).verdict, SIB_SMA_PASS);
	in.method = SIB_METHOD_SET;
	assert_int_equal(smps_ask(ca, 1, &in).verdict, SIB_SMA_PASS);
}

static void sminfo_is_swallowed_where_the_sm_is_disabled(void **context)
{
	struct sib_smp in = smps_make(SIB_METHOD_GET, SIB_ATTR_SM_INFO, 0);
	enum sib_sma_verdict verdict;

	ca->port[1].cap_mask |= BIT(10);
	verdict = smps_ask(ca, 1, &in).verdict;
	assert_true(verdict == SIB_SMA_CONSUMED || verdict == SIB_SMA_DROP);
}

static void with_an_sm_other_attributes_stay_the_agents(void **context)
{
	ca->port[1].cap_mask |= BIT(1);
	assert_int_equal(smps_get(ca, 1, SIB_ATTR_NODE_INFO, 0).verdict,
			 SIB_SMA_REPLY);
}

static void a_trap_repress_is_taken_and_never_answered(void **context)
{
	struct sib_smp in = smps_make(SIB_METHOD_TRAP_REPRESS,
				      SIB_ATTR_NOTICE, 0);
	struct answer a = smps_ask(ca, 1, &in);

	assert_int_equal(a.verdict, SIB_SMA_CONSUMED);
	assert_int_equal(a.fx.events, SIB_FX_TRAP_REPRESS);
	assert_int_equal(a.fx.port, 1);
	a = smps_ask(sw, 3, &in);
	assert_int_equal(a.verdict, SIB_SMA_CONSUMED);
	assert_int_equal(a.fx.port, 0);
}

static void a_trap_repress_is_not_answered_whatever_it_names(void **context)
{
	unsigned int attr;

	for (attr = 0; attr < 0x100; attr++) {
		struct sib_smp in = smps_make(SIB_METHOD_TRAP_REPRESS, attr,
					      0);

		check(smps_ask(ca, 1, &in).verdict == SIB_SMA_CONSUMED,
		      "attribute %#x", attr);
	}
}

static void a_trap_repress_of_a_wrong_version_is_not_answered(void **context)
{
	struct sib_smp in = smps_make(SIB_METHOD_TRAP_REPRESS,
				      SIB_ATTR_NOTICE, 0);

	in.class_version = 2;
	assert_int_not_equal(smps_ask(ca, 1, &in).verdict, SIB_SMA_REPLY);
}

static void a_reply_keeps_all_but_method_status_and_data(void **context)
{
	struct sib_smp in = smps_make(SIB_METHOD_GET, SIB_ATTR_NODE_INFO, 0);
	struct answer a = smps_ask(ca, 1, &in);

	assert_int_equal(a.out.method, 0x81);
	assert_int_equal(a.out.base_version, 1);
	assert_int_equal(a.out.class_version, 1);
	assert_int_equal(a.out.mgmt_class, 0x81);
	assert_true(a.out.tid == in.tid);
	assert_int_equal(a.out.attr_id, in.attr_id);
	assert_int_equal(a.out.attr_mod, in.attr_mod);
	assert_int_equal(a.out.hop_ptr, in.hop_ptr);
	assert_int_equal(a.out.hop_cnt, in.hop_cnt);
	assert_int_equal(a.out.dr_slid, in.dr_slid);
	assert_int_equal(a.out.dr_dlid, in.dr_dlid);
	assert_memory_equal(a.out.initial_path, in.initial_path, 64);
	assert_memory_equal(a.out.return_path, in.return_path, 64);
}

static void a_reply_does_not_tell_the_key_that_it_was_asked_with(void **context)
{
	struct sib_smp in = smps_make(SIB_METHOD_GET, SIB_ATTR_NODE_INFO, 0);

	in.mkey = cpu_to_be64(0x1234567890abcdef);
	assert_true(smps_ask(ca, 1, &in).out.mkey == 0);
	in.attr_id = cpu_to_be16(NOT_AN_ATTR);
	assert_true(smps_ask(ca, 1, &in).out.mkey == 0);
}

static void a_directed_reply_says_that_it_returns(void **context)
{
	struct sib_smp in = smps_make(SIB_METHOD_GET, SIB_ATTR_NODE_INFO, 0);

	assert_int_equal(be16_to_cpu(smps_ask(ca, 1, &in).out.status),
			 0x8000);
	in.attr_id = cpu_to_be16(NOT_AN_ATTR);
	assert_int_equal(be16_to_cpu(smps_ask(ca, 1, &in).out.status),
			 0x800c);
}

static void a_reply_by_lid_has_no_direction(void **context)
{
	struct sib_smp in = smps_make(SIB_METHOD_GET, SIB_ATTR_NODE_INFO, 0);

	in.mgmt_class = 0x01;
	assert_int_equal(be16_to_cpu(smps_ask(ca, 1, &in).out.status), 0);
	in.attr_id = cpu_to_be16(NOT_AN_ATTR);
	assert_int_equal(be16_to_cpu(smps_ask(ca, 1, &in).out.status),
			 0x000c);
}

static void a_get_has_no_effects(void **context)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attributes); i++) {
		struct answer a = smps_get(ca, 1, attributes[i].attr, 0);

		assert_int_equal(a.fx.events, 0);
		a = smps_get(sw, 1, attributes[i].attr, 0);
		assert_int_equal(a.fx.events, 0);
	}
}

static void what_is_refused_comes_back_without_data(void **context)
{
	static const u8 none[64];
	u8 data[64];
	struct answer a;

	memset(data, 0x5a, sizeof(data));
	a = smps_set(ca, 1, NOT_AN_ATTR, 0, data);
	assert_memory_equal(a.out.data, none, 64);
}

#define NODES_CASE(name) \
	cmocka_unit_test_setup_teardown(name, make_nodes, free_nodes)

UNIT_MAIN(
	NODES_CASE(responses_are_not_for_the_agent),
	NODES_CASE(traps_are_not_for_the_agent),
	NODES_CASE(reports_are_not_for_the_agent),
	NODES_CASE(a_wrong_version_is_named_in_the_reply),
	NODES_CASE(a_wrong_version_changes_nothing),
	NODES_CASE(unknown_methods_are_refused),
	NODES_CASE(a_channel_adapter_has_the_attributes_of_one),
	NODES_CASE(a_switch_has_the_attributes_of_one),
	NODES_CASE(sminfo_is_for_the_sm_where_there_is_one),
	NODES_CASE(sminfo_is_swallowed_where_the_sm_is_disabled),
	NODES_CASE(with_an_sm_other_attributes_stay_the_agents),
	NODES_CASE(a_trap_repress_is_taken_and_never_answered),
	NODES_CASE(a_trap_repress_is_not_answered_whatever_it_names),
	NODES_CASE(a_trap_repress_of_a_wrong_version_is_not_answered),
	NODES_CASE(a_reply_keeps_all_but_method_status_and_data),
	NODES_CASE(a_reply_does_not_tell_the_key_that_it_was_asked_with),
	NODES_CASE(a_directed_reply_says_that_it_returns),
	NODES_CASE(a_reply_by_lid_has_no_direction),
	NODES_CASE(a_get_has_no_effects),
	NODES_CASE(what_is_refused_comes_back_without_data),
)
