// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Forwarding by LFT and MFT, IBTA volume 1, section 18.2: case by case, and
 * compared with a naive switch on random tables and packets.
 */
#include "unit.h"
#include "node.h"

#include "sib/core/fwd.h"

#define PORTS		8
#define OWN_LID		0x0010
#define IN		2
#define DATA_VL		0

static struct sib_node *sw;

/* All ports Active; LIDs 0x101 to 0x108 lead out of ports 1 to 8. */
static int make_switch(void **context)
{
	u8 port;

	sw = node_switch(PORTS);
	sw->port[0].lid = OWN_LID;
	sw->sw.lft_top = 0x1ff;
	for (port = 1; port <= PORTS; port++) {
		sw->port[port].state = SIB_PORT_ACTIVE;
		sw->sw.lft[0x100 + port] = port;
	}
	return 0;
}

static int free_switch(void **context)
{
	node_free(sw);
	return 0;
}

static struct sib_fwd decide_len(u8 ingress, u16 dlid, u8 vl, u16 len)
{
	struct sib_hdr hdr = { .dlid = dlid, .vl = vl, .len = len };

	return sib_fwd_decide(sw, ingress, &hdr);
}

static struct sib_fwd decide(u16 dlid)
{
	return decide_len(IN, dlid, DATA_VL, 256);
}

static void assert_out(struct sib_fwd fwd, u64 ports)
{
	assert_int_equal(fwd.way, SIB_FWD_OUT);
	assert_true(fwd.ports == ports);
}

static void assert_discard(struct sib_fwd fwd, u8 egress)
{
	assert_int_equal(fwd.way, SIB_FWD_DISCARD);
	assert_int_equal(fwd.egress, egress);
}

static void assert_way(struct sib_fwd fwd, enum sib_fwd_way way)
{
	assert_int_equal(fwd.way, way);
}

static void a_packet_leaves_where_the_lft_says(void **context)
{
	u8 port;

	for (port = 1; port <= PORTS; port++)
		if (port != IN)
			assert_out(decide(0x100 + port), BIT_ULL(port));
}

static void the_switchs_own_lids_lead_to_port_0(void **context)
{
	unsigned int lmc, lid;

	for (lmc = 0; lmc <= 7; lmc++) {
		sw->port[0].lmc = lmc;
		memset(sw->sw.lft, 3, SIB_LFT_ENTRIES);
		for (lid = OWN_LID - 2; lid < OWN_LID + 130; lid++)
			assert_out(decide(lid), lid >= OWN_LID &&
				   lid < OWN_LID + (1U << lmc) ?
				   BIT_ULL(0) : BIT_ULL(3));
	}
}

static void before_it_has_a_lid_nothing_is_its_own(void **context)
{
	sw->port[0].lid = 0;
	assert_way(decide(0), SIB_FWD_RELAY_ERROR);
	assert_out(decide(0x101), BIT_ULL(1));
}

static void lids_above_the_top_are_relay_errors(void **context)
{
	sw->sw.lft_top = 0x105;
	assert_out(decide(0x105), BIT_ULL(5));
	assert_way(decide(0x106), SIB_FWD_RELAY_ERROR);
	assert_way(decide(0xbfff), SIB_FWD_RELAY_ERROR);
}

static void lids_without_a_good_port_are_relay_errors(void **context)
{
	static const u8 bad[] = { 255, 0, PORTS + 1, 64, 200, IN };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		sw->sw.lft[0x101] = bad[i];
		assert_way(decide(0x101), SIB_FWD_RELAY_ERROR);
	}
}

static void the_permissive_lid_is_not_looked_up(void **context)
{
	assert_way(decide(0xffff), SIB_FWD_RELAY_ERROR);
}

static void data_leave_through_active_ports_only(void **context)
{
	u8 state;

	for (state = 1; state <= 4; state++) {
		sw->port[5].state = state;
		if (state == 4)
			assert_out(decide(0x105), BIT_ULL(5));
		else
			assert_discard(decide(0x105), 5);
	}
}

static void management_leaves_from_init_on(void **context)
{
	u8 state;

	for (state = 1; state <= 4; state++) {
		sw->port[5].state = state;
		if (state >= 2)
			assert_out(decide_len(IN, 0x105, 15, 256),
				   BIT_ULL(5));
		else
			assert_discard(decide_len(IN, 0x105, 15, 256), 5);
	}
}

static void a_port_admits_by_its_state(void **context)
{
	u8 state;

	for (state = 1; state <= 4; state++) {
		sw->port[5].state = state;
		assert_int_equal(sib_fwd_admits(sw, 5, 15), state >= 2);
		assert_int_equal(sib_fwd_admits(sw, 5, 0), state >= 3);
		assert_int_equal(sib_fwd_admits(sw, 5, 14), state >= 3);
	}
}

static void packets_longer_than_the_next_link_are_discarded(void **context)
{
	unsigned int mtu, octets;

	for (mtu = 1; mtu <= 5; mtu++) {
		sw->port[5].neighbor_mtu = mtu;
		/* 126 octets around the payload, 2 of them the VCRC. */
		octets = (128U << mtu) + 124;
		assert_out(decide_len(IN, 0x105, 0, octets), BIT_ULL(5));
		assert_discard(decide_len(IN, 0x105, 0, octets + 4), 5);
	}
}

static void a_packet_of_its_own_goes_by_the_lft_too(void **context)
{
	assert_out(decide_len(0, 0x103, 15, 256), BIT_ULL(3));
	assert_way(decide_len(0, 0x150, 15, 256), SIB_FWD_RELAY_ERROR);
	assert_out(decide_len(0, OWN_LID, 15, 256), BIT_ULL(0));
}

static void a_multicast_goes_to_all_of_its_mask_but_back(void **context)
{
	sw->sw.mft[7] = BIT_ULL(0) | BIT_ULL(1) | BIT_ULL(IN) | BIT_ULL(8);
	assert_out(decide(0xc007), BIT_ULL(0) | BIT_ULL(1) | BIT_ULL(8));
	assert_out(decide_len(0, 0xc007, 0, 256),
		   BIT_ULL(1) | BIT_ULL(IN) | BIT_ULL(8));
}

static void a_multicast_skips_ports_that_cannot_send_it(void **context)
{
	sw->sw.mft[7] = BIT_ULL(1) | BIT_ULL(3) | BIT_ULL(4);
	sw->port[3].state = SIB_PORT_ARMED;
	sw->port[4].neighbor_mtu = 1;
	assert_out(decide_len(IN, 0xc007, 0, 1000), BIT_ULL(1));
}

static void a_multicast_for_nobody_is_no_error(void **context)
{
	assert_way(decide(0xc000), SIB_FWD_IGNORE);
	assert_way(decide(0xc000 + SIB_MFT_ENTRIES - 1), SIB_FWD_IGNORE);
	assert_way(decide(0xc000 + SIB_MFT_ENTRIES), SIB_FWD_IGNORE);
	assert_way(decide(0xfffe), SIB_FWD_IGNORE);
	sw->sw.mft[7] = BIT_ULL(IN);
	assert_way(decide(0xc007), SIB_FWD_IGNORE);
}

static void masks_of_ports_that_do_not_exist_are_ignored(void **context)
{
	sw->sw.mft[0] = ~0ULL;
	assert_out(decide(0xc000), 0x1ff & ~BIT_ULL(IN));
	sw->sw.mft[1] = ~0x1ffULL;
	assert_way(decide(0xc001), SIB_FWD_IGNORE);
}

static void a_switch_with_63_ports_uses_all_of_the_mask(void **context)
{
	struct sib_node *big = node_switch(63);
	struct sib_hdr hdr = { .dlid = 0xc000, .len = 256 };
	struct sib_fwd fwd;
	u8 port;

	for (port = 1; port <= 63; port++)
		big->port[port].state = SIB_PORT_ACTIVE;
	big->sw.mft[0] = ~0ULL;
	fwd = sib_fwd_decide(big, 63, &hdr);
	node_free(big);
	assert_out(fwd, ~BIT_ULL(63));
}

/* The naive switch: one rule after the other, as they are printed. */

static bool naive_may_send(u8 port, const struct sib_hdr *hdr)
{
	u8 state = sw->port[port].state;
	u16 mtu[] = { 0, 256, 512, 1024, 2048, 4096 };

	if (hdr->vl == 15 && state < 2)
		return false;
	if (hdr->vl != 15 && state != 4)
		return false;
	return hdr->len <= mtu[sw->port[port].neighbor_mtu] + 126 - 2;
}

static struct sib_fwd naive_unicast(u8 ingress, const struct sib_hdr *hdr)
{
	struct sib_fwd relay = { .way = SIB_FWD_RELAY_ERROR };
	unsigned int own = sw->port[0].lid, span = 1 << sw->port[0].lmc;
	u8 port;

	if (own && hdr->dlid >= own && hdr->dlid <= own + span - 1)
		return (struct sib_fwd){ .way = SIB_FWD_OUT, .ports = 1 };
	if (hdr->dlid == 0 || hdr->dlid > sw->sw.lft_top)
		return relay;
	port = sw->sw.lft[hdr->dlid];
	if (port == 255 || port == 0 || port > PORTS || port == ingress)
		return relay;
	if (!naive_may_send(port, hdr))
		return (struct sib_fwd){ .way = SIB_FWD_DISCARD,
					 .egress = port };
	return (struct sib_fwd){ .way = SIB_FWD_OUT, .ports = 1ULL << port };
}

static struct sib_fwd naive_multicast(u8 ingress, const struct sib_hdr *hdr)
{
	struct sib_fwd fwd = { .way = SIB_FWD_IGNORE };
	unsigned int port;
	u64 mask;

	if (hdr->dlid >= 0xc000 + 4096)
		return fwd;
	mask = sw->sw.mft[hdr->dlid - 0xc000];
	for (port = 0; port <= PORTS; port++) {
		if (!(mask >> port & 1) || port == ingress)
			continue;
		if (port == 0 || naive_may_send(port, hdr)) {
			fwd.way = SIB_FWD_OUT;
			fwd.ports |= 1ULL << port;
		}
	}
	return fwd;
}

static struct sib_fwd naive_decide(u8 ingress, const struct sib_hdr *hdr)
{
	if (hdr->dlid == 0xffff)
		return (struct sib_fwd){ .way = SIB_FWD_RELAY_ERROR };
	return hdr->dlid < 0xc000 ? naive_unicast(ingress, hdr) :
				    naive_multicast(ingress, hdr);
}

static void scramble_switch(void)
{
	unsigned int i;

	for (i = 1; i <= PORTS; i++) {
		sw->port[i].state = 1 + unit_below(4);
		sw->port[i].neighbor_mtu = 1 + unit_below(5);
	}
	sw->port[0].lid = unit_below(64);
	sw->port[0].lmc = unit_below(8);
	sw->sw.lft_top = unit_below(SIB_LFT_ENTRIES);
	for (i = 0; i < 256; i++) {
		sw->sw.lft[unit_below(256)] = unit_below(PORTS + 3);
		sw->sw.lft[unit_below(SIB_LFT_ENTRIES)] = unit_random();
		sw->sw.mft[unit_below(64)] = unit_random64();
	}
}

static u16 random_dlid(void)
{
	switch (unit_below(8)) {
	case 0:
		return unit_random();
	case 1:
		return sw->sw.lft_top + unit_below(3) - 1;
	case 2:
		return 0xffff - unit_below(2);
	case 3:
		return 0xc000 + 4096 + unit_below(3) - 1;
	case 4:
	case 5:
		return 0xc000 + unit_below(64);
	}
	return unit_below(256);
}

static void random_packets_go_where_the_naive_switch_says(void **context)
{
	struct sib_fwd fast, slow;
	unsigned int round, i;

	unit_seed();
	for (round = 0; round < 400; round++) {
		scramble_switch();
		for (i = 0; i < 500; i++) {
			struct sib_hdr hdr = {
				.dlid = random_dlid(),
				.vl = unit_once_in(3) ? 15 : unit_below(15),
				.len = 24 + 4 * unit_below(1100),
			};
			u8 ingress = unit_below(PORTS + 1);

			fast = sib_fwd_decide(sw, ingress, &hdr);
			slow = naive_decide(ingress, &hdr);
			check(fast.way == slow.way &&
			      fast.ports == slow.ports &&
			      fast.egress == slow.egress,
			      "DLID %#x from port %u: way %u, not %u",
			      hdr.dlid, ingress, fast.way, slow.way);
		}
	}
}

#define SWITCH_CASE(name) \
	cmocka_unit_test_setup_teardown(name, make_switch, free_switch)

UNIT_MAIN(
	SWITCH_CASE(a_packet_leaves_where_the_lft_says),
	SWITCH_CASE(the_switchs_own_lids_lead_to_port_0),
	SWITCH_CASE(before_it_has_a_lid_nothing_is_its_own),
	SWITCH_CASE(lids_above_the_top_are_relay_errors),
	SWITCH_CASE(lids_without_a_good_port_are_relay_errors),
	SWITCH_CASE(the_permissive_lid_is_not_looked_up),
	SWITCH_CASE(data_leave_through_active_ports_only),
	SWITCH_CASE(management_leaves_from_init_on),
	SWITCH_CASE(a_port_admits_by_its_state),
	SWITCH_CASE(packets_longer_than_the_next_link_are_discarded),
	SWITCH_CASE(a_packet_of_its_own_goes_by_the_lft_too),
	SWITCH_CASE(a_multicast_goes_to_all_of_its_mask_but_back),
	SWITCH_CASE(a_multicast_skips_ports_that_cannot_send_it),
	SWITCH_CASE(a_multicast_for_nobody_is_no_error),
	SWITCH_CASE(masks_of_ports_that_do_not_exist_are_ignored),
	SWITCH_CASE(a_switch_with_63_ports_uses_all_of_the_mask),
	SWITCH_CASE(random_packets_go_where_the_naive_switch_says),
)
