// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The port state machine as an SM drives it by Set(PortInfo), IBTA volume 1,
 * section 7.2.7: which change is allowed from where, and that values come
 * first and the state last.
 */
#include "unit.h"
#include "node.h"
#include "smps.h"

#include "compat/unaligned.h"

#define PORT_INFO	SIB_ATTR_PORT_INFO
#define REFUSED		0x001c

#define LINK_FX	(SIB_FX_RETRAIN | SIB_FX_DISABLE | SIB_FX_ENABLE)

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

/* Asks the port, from a state, for a state; *@after is what it has then. */
static struct answer order(struct sib_node *node, u8 port, u8 from, u8 phys,
			   u8 want, u8 want_phys)
{
	u8 data[64];

	smps_port_info(node, 1, port, data);
	smps_set(node, 1, PORT_INFO, port, data);
	node->port[port].state = from;
	node->port[port].phys_state = phys;
	data[32] = (data[32] & 0xf0) | want;
	data[33] = (data[33] & 0x0f) | want_phys << 4;
	return smps_set(node, 1, PORT_INFO, port, data);
}

/* The table of states, without a physical state. */
static void check_state(struct sib_node *node, u8 port, u8 from, u8 want)
{
	u8 phys = from == 1 ? 2 : 5;
	struct answer a = order(node, port, from, phys, want, 0);
	bool legal = want <= 1 || (want == 3 && from == 2) ||
		     (want == 4 && from == 3);
	u8 expected = legal && want >= 3 ? want : from;

	check(a.status == (legal ? 0 : REFUSED), "%u to %u: status %#x",
	      from, want, a.status);
	check(node->port[port].state == expected, "%u to %u: now %u", from,
	      want, node->port[port].state);
	check((a.out.data[32] & 0x0f) == expected, "%u to %u: reply %u", from,
	      want, a.out.data[32] & 0x0f);
	check(a.fx.events == (want == 1 ? SIB_FX_RETRAIN :
			      legal && want == 4 ? SIB_FX_ACTIVE : 0),
	      "%u to %u: effects %#x", from, want, a.fx.events);
}

static void every_state_goes_where_the_table_says(void **context)
{
	unsigned int from, want;

	for (from = 1; from <= 4; from++) {
		for (want = 0; want < 16; want++) {
			check_state(ca, 1, from, want);
			check_state(sw, 3, from, want);
		}
	}
}

/* A physical state goes with no state or with Down only. */
static void a_physical_state_goes_with_down_only(void **context)
{
	unsigned int phys, want;

	for (phys = 1; phys < 16; phys++) {
		for (want = 0; want < 16; want++) {
			struct answer a = order(ca, 1, 2, 5, want, phys);
			bool legal = want <= 1 && phys <= 3;

			check(a.status == (legal ? 0 : REFUSED),
			      "state %u, physical %u: %#x", want, phys,
			      a.status);
			check(!!(a.fx.events & LINK_FX) == legal,
			      "state %u, physical %u: effects", want, phys);
			assert_int_equal(ca->port[1].state, 2);
		}
	}
}

static void down_and_polling_train_again(void **context)
{
	static const u8 orders[][2] = {
		{ 1, 0 }, { 1, 2 }, { 0, 2 }, { 1, 1 }, { 0, 1 },
	};
	unsigned int i, from;

	for (from = 1; from <= 4; from++) {
		for (i = 0; i < ARRAY_SIZE(orders); i++) {
			struct answer a = order(ca, 1, from, 5, orders[i][0],
						orders[i][1]);

			assert_int_equal(a.status, 0);
			assert_int_equal(a.fx.events & ~SIB_FX_ENABLE,
					 SIB_FX_RETRAIN);
			assert_int_equal(a.fx.port, 1);
		}
	}
}

static void disabled_switches_the_link_off(void **context)
{
	unsigned int want;
	struct answer a;

	for (want = 0; want <= 1; want++) {
		a = order(ca, 1, 4, 5, want, 3);
		assert_int_equal(a.status, 0);
		assert_int_equal(a.fx.events, SIB_FX_DISABLE);
	}
}

static void a_disabled_port_is_woken_by_polling(void **context)
{
	unsigned int want;
	struct answer a;

	for (want = 0; want <= 1; want++) {
		a = order(ca, 1, 1, 3, want, 2);
		assert_int_equal(a.status, 0);
		assert_int_equal(a.fx.events & ~SIB_FX_RETRAIN, SIB_FX_ENABLE);
	}
}

/* The order to disable it may be waiting for its reply to go out. */
static void a_port_that_may_soon_be_disabled_is_woken_by_polling(void **context)
{
	assert_true(order(ca, 1, 4, 5, 0, 2).fx.events & SIB_FX_ENABLE);
	assert_true(order(ca, 1, 4, 5, 1, 2).fx.events & SIB_FX_ENABLE);
	assert_false(order(ca, 1, 4, 5, 1, 0).fx.events & SIB_FX_ENABLE);
	assert_false(order(ca, 1, 4, 5, 1, 1).fx.events & SIB_FX_ENABLE);
}

static void a_disabled_port_is_woken_by_nothing_else(void **context)
{
	assert_int_equal(order(ca, 1, 1, 3, 0, 0).fx.events, 0);
	assert_int_equal(order(ca, 1, 1, 3, 1, 0).fx.events, 0);
	assert_false(order(ca, 1, 1, 3, 1, 3).fx.events & SIB_FX_ENABLE);
	assert_false(order(ca, 1, 1, 3, 3, 0).fx.events & SIB_FX_ENABLE);
}

static void a_disabled_port_is_not_woken_by_sleep(void **context)
{
	assert_false(order(ca, 1, 1, 3, 0, 1).fx.events & SIB_FX_ENABLE);
	assert_false(order(ca, 1, 1, 3, 1, 1).fx.events & SIB_FX_ENABLE);
}

static void the_link_is_dropped_only_after_the_reply(void **context)
{
	struct answer a = order(ca, 1, 4, 5, 1, 0);

	assert_int_equal(a.verdict, SIB_SMA_REPLY);
	assert_int_equal(ca->port[1].state, 4);
	a = order(ca, 1, 4, 5, 0, 3);
	assert_int_equal(a.verdict, SIB_SMA_REPLY);
	assert_int_equal(ca->port[1].phys_state, 5);
}

static void values_are_taken_before_the_state_goes_down(void **context)
{
	u8 data[64];
	struct answer a;

	smps_port_info(ca, 1, 1, data);
	put_unaligned_be16(0x0021, data + 16);
	put_unaligned_be16(0x0022, data + 18);
	data[32] = (data[32] & 0xf0) | 1;
	data[36] = 0x30;
	a = smps_set(ca, 1, PORT_INFO, 1, data);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.fx.events, SIB_FX_LID | SIB_FX_SM | SIB_FX_RETRAIN);
	assert_int_equal(ca->port[1].lid, 0x21);
	assert_int_equal(ca->port[1].sm_lid, 0x22);
	assert_int_equal(ca->port[1].neighbor_mtu, 3);
}

static void values_are_taken_though_the_state_is_refused(void **context)
{
	u8 data[64];
	struct answer a;

	smps_port_info(ca, 1, 1, data);
	put_unaligned_be16(0x0021, data + 16);
	data[32] = (data[32] & 0xf0) | 4;
	data[36] = 0x30;
	a = smps_set(ca, 1, PORT_INFO, 1, data);
	assert_int_equal(a.status, REFUSED);
	assert_int_equal(ca->port[1].state, 2);
	assert_int_equal(ca->port[1].lid, 0x21);
	assert_int_equal(ca->port[1].neighbor_mtu, 3);
	assert_int_equal(a.out.data[17], 0x21);
}

static void a_port_is_brought_up_step_by_step(void **context)
{
	static const u8 steps[] = { 0, 3, 4 };
	u8 data[64];
	unsigned int i;

	smps_port_info(ca, 1, 1, data);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		data[32] = (data[32] & 0xf0) | steps[i];
		assert_int_equal(smps_set(ca, 1, PORT_INFO, 1, data).status,
				 0);
	}
	assert_int_equal(ca->port[1].state, 4);
	/* As OpenSM does it by accident; it takes the refusal for a yes. */
	data[32] = (data[32] & 0xf0) | 3;
	assert_int_equal(smps_set(ca, 1, PORT_INFO, 1, data).status, REFUSED);
	assert_int_equal(ca->port[1].state, 4);
}

static void a_switch_is_driven_through_any_of_its_ports(void **context)
{
	u8 data[64];
	struct answer a;

	smps_port_info(sw, 4, 2, data);
	data[32] = (data[32] & 0xf0) | 3;
	a = smps_set(sw, 4, PORT_INFO, 2, data);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.fx.port, 2);
	assert_int_equal(sw->port[2].state, 3);
	assert_int_equal(sw->port[4].state, 2);
}

static void a_port_that_does_not_exist_has_no_effects(void **context)
{
	u8 data[64];
	struct answer a;

	smps_port_info(sw, 1, 2, data);
	data[32] |= 1;
	a = smps_set(sw, 1, PORT_INFO, 5, data);
	assert_int_equal(a.status, REFUSED);
	assert_int_equal(a.fx.events, 0);
}

#define NODES_CASE(name) \
	cmocka_unit_test_setup_teardown(name, make_nodes, free_nodes)

UNIT_MAIN(
	NODES_CASE(every_state_goes_where_the_table_says),
	NODES_CASE(a_physical_state_goes_with_down_only),
	NODES_CASE(down_and_polling_train_again),
	NODES_CASE(disabled_switches_the_link_off),
	NODES_CASE(a_disabled_port_is_woken_by_polling),
	NODES_CASE(a_port_that_may_soon_be_disabled_is_woken_by_polling),
	NODES_CASE(a_disabled_port_is_woken_by_nothing_else),
	NODES_CASE(a_disabled_port_is_not_woken_by_sleep),
	NODES_CASE(the_link_is_dropped_only_after_the_reply),
	NODES_CASE(values_are_taken_before_the_state_goes_down),
	NODES_CASE(values_are_taken_though_the_state_is_refused),
	NODES_CASE(a_port_is_brought_up_step_by_step),
	NODES_CASE(a_switch_is_driven_through_any_of_its_ports),
	NODES_CASE(a_port_that_does_not_exist_has_no_effects),
)
