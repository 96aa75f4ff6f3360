// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What a received datagram is, RFC 4391 sections 6, 9.2 and 9.3. Every buffer
 * is a heap copy of the exact size.
 */
#include "unit.h"

#include "ipoib/core/encap.h"

#define GRH	40
#define ENCAP	4

static const u8 hw[20] = {
	0x80, 0x00, 0x02, 0x08,
	0xfe, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x02, 0xc9, 0x03, 0x00, 0x00, 0x10, 0x39,
};

static const u8 broadcast[20] = {
	0x00, 0xff, 0xff, 0xff, 0xff, 0x12, 0x40, 0x1b, 0xff, 0xff,
	0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
};

/* A GRH from a peer to a GID. */
static void make_grh(u8 *grh, const u8 *dgid)
{
	memset(grh, 0, GRH);
	grh[0] = 0x60;
	memcpy(grh + 8, hw + 4, 16);
	grh[23] ^= 0xff;
	memcpy(grh + 24, dgid, 16);
}

static enum ipoib_rx_kind classify(u32 len, bool has_grh, bool own_source,
				   const u8 *grh)
{
	struct ipoib_rx_info info = {
		.len = len, .has_grh = has_grh, .own_source = own_source,
	};
	u8 *g = unit_exact(grh, GRH), *h = unit_exact(hw, 20);
	u8 *b = unit_exact(broadcast, 20);
	enum ipoib_rx_kind kind = ipoib_rx_classify(&info, g, h, b);

	free(g);
	free(h);
	free(b);
	return kind;
}

static void what_has_no_room_for_the_header_is_a_runt(void **context)
{
	u8 grh[GRH];
	u32 len;

	make_grh(grh, broadcast + 4);
	for (len = 0; len < GRH + ENCAP; len++) {
		assert_int_equal(classify(len, true, false, grh),
				 IPOIB_RX_RUNT);
		assert_int_equal(classify(len, false, true, grh),
				 IPOIB_RX_RUNT);
	}
	assert_int_not_equal(classify(GRH + ENCAP, true, false, grh),
			     IPOIB_RX_RUNT);
}

static void without_a_grh_it_is_for_this_host(void **context)
{
	unsigned int fill;
	u8 grh[GRH];

	/* The room for a GRH then holds anything. */
	for (fill = 0; fill < 256; fill++) {
		memset(grh, fill, GRH);
		assert_int_equal(classify(100, false, false, grh),
				 IPOIB_RX_HOST);
	}
	make_grh(grh, broadcast + 4);
	assert_int_equal(classify(100, false, false, grh), IPOIB_RX_HOST);
}

static void a_unicast_gid_is_for_this_host(void **context)
{
	u8 grh[GRH];

	make_grh(grh, hw + 4);
	assert_int_equal(classify(100, true, false, grh), IPOIB_RX_HOST);
}

static void the_broadcast_gid_is_for_all(void **context)
{
	u8 grh[GRH];

	make_grh(grh, broadcast + 4);
	assert_int_equal(classify(100, true, false, grh), IPOIB_RX_BROADCAST);
}

static void any_other_multicast_gid_is_for_a_group(void **context)
{
	unsigned int bit;
	u8 grh[GRH];

	for (bit = 8; bit < 128; bit++) {
		make_grh(grh, broadcast + 4);
		grh[24 + bit / 8] ^= 1 << bit % 8;
		check(classify(100, true, false, grh) == IPOIB_RX_MULTICAST,
		      "bit %u", bit);
	}
}

static void our_own_comes_back_as_an_echo(void **context)
{
	u8 grh[GRH];

	make_grh(grh, broadcast + 4);
	memcpy(grh + 8, hw + 4, 16);
	assert_int_equal(classify(100, true, true, grh), IPOIB_RX_ECHO);
	assert_int_equal(classify(100, false, true, grh), IPOIB_RX_ECHO);
}

static void it_is_no_echo_if_another_gid_sent_it(void **context)
{
	u8 grh[GRH];

	make_grh(grh, broadcast + 4);
	assert_int_equal(classify(100, true, true, grh), IPOIB_RX_BROADCAST);
}

static void the_echo_is_told_by_the_interface_identifier(void **context)
{
	unsigned int bit;
	u8 grh[GRH];

	for (bit = 0; bit < 128; bit++) {
		make_grh(grh, broadcast + 4);
		memcpy(grh + 8, hw + 4, 16);
		grh[8 + bit / 8] ^= 1 << bit % 8;
		check((classify(100, true, true, grh) == IPOIB_RX_ECHO) ==
		      (bit < 64), "bit %u", bit);
	}
}

static void it_is_no_echo_if_lid_or_qpn_are_not_ours(void **context)
{
	u8 grh[GRH];

	make_grh(grh, broadcast + 4);
	memcpy(grh + 8, hw + 4, 16);
	assert_int_equal(classify(100, true, false, grh), IPOIB_RX_BROADCAST);
}

static void five_types_are_sent(void **context)
{
	unsigned int type;

	for (type = 0; type <= 0xffff; type++)
		check(ipoib_type_is_sent(type) ==
		      (type == 0x0800 || type == 0x0806 || type == 0x8035 ||
		       type == 0x86dd || type == 0x88ca), "type %#x", type);
}

/* The sender's GID, told as an offset: in the data, in the GRH, or not. */
#define NOT_TOLD	-1
#define IN_GRH		1000

static int announced(u16 type, const u8 *p, u32 len, bool with_grh)
{
	u8 *data = unit_exact(p, len), *grh = calloc(1, GRH);
	const u8 *told = ipoib_rx_announced_gid(type, data, len,
						with_grh ? grh : NULL);
	int where = NOT_TOLD;

	if (told == grh + 8)
		where = IN_GRH;
	else if (told)
		where = told - data;
	free(data);
	free(grh);
	return where;
}

/* 10.0.0.1 asks for 10.0.0.2. */
static const u8 arp[56] = {
	0x00, 0x20, 0x08, 0x00, 0x14, 0x04, 0x00, 0x01,
	0x80, 0x00, 0x02, 0x08, 0xfe, 0x80, 0, 0, 0, 0, 0, 0,
	0x00, 0x02, 0xc9, 0x03, 0x00, 0x00, 0x10, 0x39,
	0x0a, 0x00, 0x00, 0x01,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0x0a, 0x00, 0x00, 0x02,
};

static void what_is_no_ethertype_is_not_taken(void **context)
{
	u32 type;

	for (type = 0; type <= 0xffff; type++) {
		check(ipoib_type_is_taken(type) == (type >= 1536), "%#x",
		      type);
		check(ipoib_type_is_taken(type) || !ipoib_type_is_sent(type),
		      "%#x is sent and not taken", type);
	}
}

static void an_arp_packet_tells_its_senders_gid(void **context)
{
	assert_int_equal(announced(0x0806, arp, 56, false), 12);
	assert_int_equal(announced(0x0806, arp, 56, true), 12);
	assert_memory_equal(arp + 12, hw + 4, 16);
}

static void any_operation_of_arp_does(void **context)
{
	unsigned int op;
	u8 p[56];

	memcpy(p, arp, 56);
	for (op = 0; op < 20; op++) {
		p[7] = op;
		assert_int_equal(announced(0x0806, p, 56, false), 12);
	}
}

static void arp_cut_short_tells_nothing(void **context)
{
	u32 len;

	for (len = 0; len < 56; len++)
		assert_int_equal(announced(0x0806, arp, len, true), NOT_TOLD);
}

static void arp_of_another_kind_tells_nothing(void **context)
{
	unsigned int at, bit;
	u8 p[56];

	for (at = 0; at < 6; at++) {
		for (bit = 0; bit < 8; bit++) {
			memcpy(p, arp, 56);
			p[at] ^= 1 << bit;
			assert_int_equal(announced(0x0806, p, 56, true),
					 NOT_TOLD);
		}
	}
	assert_int_equal(announced(0x8035, arp, 56, true), NOT_TOLD);
	assert_int_equal(announced(0x0800, arp, 56, true), NOT_TOLD);
}

/* An IPv6 packet with one octet of ICMPv6. */
static void make_nd(u8 *p, u8 icmp)
{
	memset(p, 0, 41);
	p[0] = 0x60;
	p[6] = 58;
	p[7] = 255;
	p[40] = icmp;
}

static void neighbour_discovery_tells_the_gid_of_the_grh(void **context)
{
	unsigned int icmp;
	u8 p[41];

	/* RS, RA, NS, NA and Redirect are 133 to 137. */
	for (icmp = 0; icmp < 256; icmp++) {
		make_nd(p, icmp);
		check(announced(0x86dd, p, 41, true) ==
		      (icmp >= 133 && icmp <= 137 ? IN_GRH : NOT_TOLD),
		      "ICMPv6 type %u", icmp);
		assert_int_equal(announced(0x86dd, p, 41, false), NOT_TOLD);
	}
}

static void neighbour_discovery_comes_from_no_further(void **context)
{
	unsigned int hops;
	u8 p[41];

	make_nd(p, 135);
	for (hops = 0; hops < 256; hops++) {
		p[7] = hops;
		assert_int_equal(announced(0x86dd, p, 41, true),
				 hops == 255 ? IN_GRH : NOT_TOLD);
	}
}

static void other_packets_tell_nothing(void **context)
{
	unsigned int next;
	u8 p[41];
	u32 len;

	make_nd(p, 135);
	for (next = 0; next < 256; next++) {
		p[6] = next;
		assert_int_equal(announced(0x86dd, p, 41, true),
				 next == 58 ? IN_GRH : NOT_TOLD);
	}
	make_nd(p, 135);
	for (len = 0; len <= 40; len++)
		assert_int_equal(announced(0x86dd, p, len, true), NOT_TOLD);
	assert_int_equal(announced(0x0800, p, 41, true), NOT_TOLD);
}

UNIT_MAIN(
	CASE(what_has_no_room_for_the_header_is_a_runt),
	CASE(without_a_grh_it_is_for_this_host),
	CASE(a_unicast_gid_is_for_this_host),
	CASE(the_broadcast_gid_is_for_all),
	CASE(any_other_multicast_gid_is_for_a_group),
	CASE(our_own_comes_back_as_an_echo),
	CASE(it_is_no_echo_if_another_gid_sent_it),
	CASE(the_echo_is_told_by_the_interface_identifier),
	CASE(it_is_no_echo_if_lid_or_qpn_are_not_ours),
	CASE(five_types_are_sent),
	CASE(what_is_no_ethertype_is_not_taken),
	CASE(an_arp_packet_tells_its_senders_gid),
	CASE(any_operation_of_arp_does),
	CASE(arp_cut_short_tells_nothing),
	CASE(arp_of_another_kind_tells_nothing),
	CASE(neighbour_discovery_tells_the_gid_of_the_grh),
	CASE(neighbour_discovery_comes_from_no_further),
	CASE(other_packets_tell_nothing),
)
