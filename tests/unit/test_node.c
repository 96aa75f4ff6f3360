// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A node at power-up, and what a link that comes or goes does to its port.
 */
#include "unit.h"
#include "node.h"

static struct sib_node *ca, *sw;

static int make_nodes(void **context)
{
	ca = node_make(SIB_NODE_CA, 2, 32, 8);
	sw = node_make(SIB_NODE_SWITCH, 4, 32, 1);
	return 0;
}

static int free_nodes(void **context)
{
	node_free(ca);
	node_free(sw);
	return 0;
}

static void a_port_without_a_link_is_down_and_polls(void **context)
{
	assert_int_equal(ca->port[1].state, SIB_PORT_DOWN);
	assert_int_equal(ca->port[1].phys_state, SIB_PHYS_POLLING);
	assert_int_equal(sw->port[4].state, SIB_PORT_DOWN);
	assert_int_equal(sw->port[4].phys_state, SIB_PHYS_POLLING);
}

static void a_switchs_own_port_is_up_from_the_beginning(void **context)
{
	assert_int_equal(sw->port[0].state, SIB_PORT_ACTIVE);
	assert_int_equal(sw->port[0].phys_state, SIB_PHYS_LINKUP);
}

static void end_ports_have_prefix_guid_and_default_pkey(void **context)
{
	assert_true(ca->port[2].gid_prefix == 0xfe80000000000000);
	assert_true(sib_node_guids(ca, 2)[0] == NODE_PORT_GUID + 2);
	assert_int_equal(sib_node_pkeys(ca, 2)[0], 0xffff);
	assert_true(sw->port[0].gid_prefix == 0xfe80000000000000);
	assert_true(sib_node_guids(sw, 0)[0] == NODE_GUID);
	assert_int_equal(sib_node_pkeys(sw, 0)[0], 0xffff);
}

static void outer_ports_of_a_switch_have_none(void **context)
{
	assert_true(sw->port[1].gid_prefix == 0);
	assert_int_equal(sw->port[1].cap_mask, 0);
	assert_int_equal(sib_node_pkeys(sw, 1)[0], 0);
}

static void a_port_has_no_lid_and_no_sm_before_one_came(void **context)
{
	assert_int_equal(ca->port[1].lid, 0);
	assert_int_equal(ca->port[1].sm_lid, 0);
	assert_true(ca->port[1].mkey == 0);
}

static void a_link_comes_up_in_init_with_the_cables_mtu(void **context)
{
	sib_node_link_up(ca, 1, 3);
	assert_int_equal(ca->port[1].state, SIB_PORT_INIT);
	assert_int_equal(ca->port[1].phys_state, SIB_PHYS_LINKUP);
	assert_int_equal(ca->port[1].mtu_cap, 3);
	assert_int_equal(ca->port[1].neighbor_mtu, 3);
	assert_int_equal(ca->port[1].op_vls, ca->port[1].vl_cap);
	assert_int_equal(ca->port[2].state, SIB_PORT_DOWN);
}

static void a_link_that_comes_again_needs_no_reset(void **context)
{
	sib_node_link_up(ca, 1, 4);
	ca->port[1].neighbor_mtu = 2;
	ca->port[1].vl_cap = 4;
	ca->port[1].op_vls = 1;
	sib_node_link_down(ca, 1, SIB_PHYS_POLLING);
	sib_node_link_up(ca, 1, 5);
	assert_int_equal(ca->port[1].neighbor_mtu, 5);
	assert_int_equal(ca->port[1].mtu_cap, 5);
	assert_int_equal(ca->port[1].op_vls, 4);
}

static void a_port_keeps_its_lid_while_its_link_is_gone(void **context)
{
	sib_node_link_up(ca, 1, 4);
	ca->port[1].lid = 7;
	ca->port[1].sm_lid = 3;
	ca->port[1].state = SIB_PORT_ACTIVE;
	assert_true(sib_node_link_down(ca, 1, SIB_PHYS_POLLING));
	sib_node_link_up(ca, 1, 4);
	assert_int_equal(ca->port[1].lid, 7);
	assert_int_equal(ca->port[1].sm_lid, 3);
	assert_int_equal(ca->port[1].state, SIB_PORT_INIT);
}

static void a_link_goes_down_from_every_state(void **context)
{
	u8 state;

	for (state = 1; state <= 4; state++) {
		ca->port[1].state = state;
		assert_int_equal(sib_node_link_down(ca, 1, SIB_PHYS_DISABLED),
				 state != SIB_PORT_DOWN);
		assert_int_equal(ca->port[1].state, SIB_PORT_DOWN);
		assert_int_equal(ca->port[1].phys_state, SIB_PHYS_DISABLED);
	}
}

static void a_port_owns_as_many_lids_as_its_mask_says(void **context)
{
	unsigned int lmc, lid;

	ca->port[1].lid = 0x80;
	for (lmc = 0; lmc <= 7; lmc++) {
		ca->port[1].lmc = lmc;
		for (lid = 1; lid < 0x200; lid++)
			check(sib_node_owns_lid(ca, 1, lid) ==
			      (lid >= 0x80 && lid <= 0x80 + (1U << lmc) - 1),
			      "LMC %u, LID %#x", lmc, lid);
	}
}

static void no_port_owns_a_multicast_lid(void **context)
{
	unsigned int lid;

	ca->port[1].lid = 0xbfff;
	ca->port[1].lmc = 7;
	assert_true(sib_node_owns_lid(ca, 1, 0xbfff));
	for (lid = 0xc000; lid <= 0xffff; lid++)
		check(!sib_node_owns_lid(ca, 1, lid), "LID %#x", lid);
}

static void without_a_lid_a_port_owns_none(void **context)
{
	unsigned int lid;

	ca->port[1].lmc = 7;
	for (lid = 0; lid <= 0xffff; lid++)
		assert_false(sib_node_owns_lid(ca, 1, lid));
}

static void agents_of_a_switch_speak_for_port_0(void **context)
{
	assert_int_equal(sib_node_agent_port(sw, 3), 0);
	assert_int_equal(sib_node_agent_port(ca, 2), 2);
}

#define NODES_CASE(name) \
	cmocka_unit_test_setup_teardown(name, make_nodes, free_nodes)

UNIT_MAIN(
	NODES_CASE(a_port_without_a_link_is_down_and_polls),
	NODES_CASE(a_switchs_own_port_is_up_from_the_beginning),
	NODES_CASE(end_ports_have_prefix_guid_and_default_pkey),
	NODES_CASE(outer_ports_of_a_switch_have_none),
	NODES_CASE(a_port_has_no_lid_and_no_sm_before_one_came),
	NODES_CASE(a_link_comes_up_in_init_with_the_cables_mtu),
	NODES_CASE(a_link_that_comes_again_needs_no_reset),
	NODES_CASE(a_port_keeps_its_lid_while_its_link_is_gone),
	NODES_CASE(a_link_goes_down_from_every_state),
	NODES_CASE(a_port_owns_as_many_lids_as_its_mask_says),
	NODES_CASE(no_port_owns_a_multicast_lid),
	NODES_CASE(without_a_lid_a_port_owns_none),
	NODES_CASE(agents_of_a_switch_speak_for_port_0),
)
