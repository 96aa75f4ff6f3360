// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Decisions of connected mode, RFC 4755: private data of CM messages,
 * Service-IDs, which transport, what is address resolution. Every buffer is a
 * heap copy of the exact size.
 */
#include "unit.h"

#include "ipoib/core/cm.h"

#define IPV4	0x0800
#define ARP	0x0806
#define RARP	0x8035
#define IPV6	0x86dd
#define TIPC	0x88ca
#define ICMPV6	58

/* UD QPN 0x208, Receive MTU 65524. */
static const u8 usual[8] = { 0x00, 0x00, 0x02, 0x08, 0x00, 0x00, 0xff, 0xf4 };

static bool get(const void *p, u32 len, struct ipoib_cm_private *priv)
{
	u8 *copy = unit_exact(p, len);
	bool good = ipoib_cm_get_private(copy, len, priv);

	free(copy);
	return good;
}

/* Private data as a peer would write it, by hand. */
static bool get_mtu(u32 mtu, struct ipoib_cm_private *priv)
{
	u8 data[8] = { 0, 0, 2, 8, mtu >> 24, mtu >> 16, mtu >> 8, mtu };

	return get(data, sizeof(data), priv);
}

static void private_data_is_a_qpn_and_a_receive_mtu(void **context)
{
	struct ipoib_cm_private priv;
	u8 *data = malloc(8);

	memset(data, 0xee, 8);
	ipoib_cm_put_private(data, 0x208, 65524);
	assert_memory_equal(data, usual, 8);
	free(data);
	assert_true(get(usual, 8, &priv));
	assert_int_equal(priv.qpn, 0x208);
	assert_int_equal(priv.mtu, 65524);
}

static void the_reserved_octet_is_sent_as_zero(void **context)
{
	u8 data[8];

	memset(data, 0xee, 8);
	ipoib_cm_put_private(data, 0xff000208, 65524);
	assert_memory_equal(data, usual, 8);
}

static void the_reserved_octet_is_ignored(void **context)
{
	struct ipoib_cm_private priv;
	unsigned int octet;
	u8 data[8];

	for (octet = 0; octet < 256; octet++) {
		memcpy(data, usual, 8);
		data[0] = octet;
		check(get(data, 8, &priv), "octet %#x", octet);
		check(priv.qpn == 0x208 && priv.mtu == 65524, "octet %#x: %#x",
		      octet, priv.qpn);
	}
}

static void what_is_put_is_got(void **context)
{
	struct ipoib_cm_private priv;
	unsigned int i;
	u8 data[8];

	unit_seed();
	for (i = 0; i < 100000; i++) {
		u32 qpn = unit_below(1 << 24);
		u32 mtu = 1284 + unit_below(65524 - 1283);

		ipoib_cm_put_private(data, qpn, mtu);
		assert_true(get(data, 8, &priv));
		assert_int_equal(priv.qpn, qpn);
		assert_int_equal(priv.mtu, mtu);
	}
}

static void private_data_that_is_cut_says_nothing(void **context)
{
	struct ipoib_cm_private priv;
	u32 len;

	for (len = 0; len < 8; len++)
		check(!get(usual, len, &priv), "%u octets", len);
	assert_false(ipoib_cm_get_private(NULL, 0, &priv));
	assert_false(ipoib_cm_get_private(NULL, 92, &priv));
}

/* A REQ has room for 92 octets, a REP for 196. */
static void what_follows_private_data_does_not_matter(void **context)
{
	struct ipoib_cm_private priv;
	u8 data[196];
	u32 len;

	unit_seed();
	for (len = 8; len <= sizeof(data); len++) {
		unit_random_bytes(data, sizeof(data));
		memcpy(data, usual, 8);
		assert_true(get(data, len, &priv));
		assert_int_equal(priv.qpn, 0x208);
		assert_int_equal(priv.mtu, 65524);
	}
}

static void nobody_takes_more_than_the_largest_message(void **context)
{
	static const u32 more[] = { 65525, 65536, 1 << 24, 1U << 31, ~0U };
	struct ipoib_cm_private priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(more); i++) {
		check(get_mtu(more[i], &priv), "%u octets", more[i]);
		check(priv.mtu == 65524, "%u octets: %u", more[i], priv.mtu);
	}
	assert_true(get_mtu(65523, &priv));
	assert_int_equal(priv.mtu, 65523);
}

static void who_takes_less_than_ipv6_needs_is_no_peer(void **context)
{
	struct ipoib_cm_private priv;
	u32 mtu;

	for (mtu = 0; mtu < 1284; mtu++)
		check(!get_mtu(mtu, &priv), "%u octets", mtu);
	assert_true(get_mtu(1284, &priv));
	assert_int_equal(priv.mtu, 1284);
}

static void a_service_id_has_one_of_two_first_octets(void **context)
{
	assert_true(ipoib_cm_service_id(IPOIB_CM_SERVICE_USUAL, 0x208) ==
		    0x1000000000000208ULL);
	assert_true(ipoib_cm_service_id(IPOIB_CM_SERVICE_RFC, 0x208) ==
		    0x0100000000000208ULL);
}

static void a_service_id_has_nothing_but_the_qpn(void **context)
{
	assert_true(ipoib_cm_service_id(0x01, 0xffffff) ==
		    0x0100000000ffffffULL);
	/* The flags octet of an address must not get there. */
	assert_true(ipoib_cm_service_id(0x10, 0x80000208) ==
		    0x1000000000000208ULL);
}

static enum ipoib_cm_via via(bool rc, bool uc)
{
	if (uc)
		return IPOIB_VIA_UC;
	return rc ? IPOIB_VIA_RC : IPOIB_VIA_UD;
}

static void a_connection_is_of_a_kind_that_both_announce(void **context)
{
	unsigned int own, peer;

	for (own = 0; own < 256; own++)
		for (peer = 0; peer < 256; peer++)
			check(ipoib_cm_via(own, peer) ==
			      via(own & 0x80 && peer & 0x80,
				  own & 0x40 && peer & 0x40),
			      "we %#x, he %#x", own, peer);
}

static void both_ends_choose_the_same_kind(void **context)
{
	unsigned int own, peer;

	for (own = 0; own < 256; own++)
		for (peer = 0; peer < own; peer++)
			check(ipoib_cm_via(own, peer) ==
			      ipoib_cm_via(peer, own), "%#x, %#x", own, peer);
}

static bool resolves(u16 type, const u8 *ip, u32 len)
{
	u8 *copy = unit_exact(ip, len);
	bool good = ipoib_cm_resolves(type, copy, len);

	free(copy);
	return good;
}

/* The start of an IPv6 packet, with what follows its header. */
static const u8 *ipv6(u8 next, u8 icmp)
{
	static u8 packet[48];

	memset(packet, 0, sizeof(packet));
	packet[0] = 0x60;
	packet[6] = next;
	packet[40] = icmp;
	return packet;
}

static void arp_and_rarp_resolve_addresses(void **context)
{
	u8 octets[48];
	u32 len;

	memset(octets, 0xff, sizeof(octets));
	for (len = 0; len <= sizeof(octets); len++) {
		assert_true(resolves(ARP, octets, len));
		assert_true(resolves(RARP, octets, len));
	}
}

static void of_icmpv6_only_neighbour_discovery_does(void **context)
{
	unsigned int type;

	for (type = 0; type < 256; type++)
		check(resolves(IPV6, ipv6(ICMPV6, type), 48) ==
		      (type >= 133 && type <= 137), "type %u", type);
}

static void of_ipv6_only_icmpv6_does(void **context)
{
	unsigned int next, type;

	for (next = 0; next < 256; next++)
		for (type = 133; type <= 137; type++)
			check(resolves(IPV6, ipv6(next, type), 48) ==
			      (next == ICMPV6), "next header %u", next);
}

static void neighbour_discovery_shows_behind_the_ipv6_header(void **context)
{
	u32 len;

	for (len = 0; len <= 48; len++)
		check(resolves(IPV6, ipv6(ICMPV6, 135), len) == (len > 40),
		      "%u octets", len);
}

static void no_other_packet_does_whatever_is_in_it(void **context)
{
	unsigned int type;

	for (type = 0; type < 65536; type++)
		check(ipoib_cm_resolves(type, ipv6(ICMPV6, 135), 48) ==
		      (type == ARP || type == RARP || type == IPV6),
		      "type %#x", type);
	assert_false(resolves(IPV4, ipv6(ICMPV6, 135), 0));
	assert_false(resolves(TIPC, ipv6(ICMPV6, 135), 0));
}

static void sixteen_pages_carry_the_largest_mtu(void **context)
{
	unsigned int sges;

	assert_int_equal(ipoib_cm_mtu_max(15, 4096), 15 * 4096 - 16);
	for (sges = 16; sges < 200; sges++)
		assert_int_equal(ipoib_cm_mtu_max(sges, 4096), 65520);
	/* Of 64 KiB each, one is enough. */
	assert_int_equal(ipoib_cm_mtu_max(1, 65536), 65520);
}

static void fewer_pages_carry_all_that_they_have_room_for(void **context)
{
	unsigned int sges;

	for (sges = 2; sges < 16; sges++)
		check(ipoib_cm_mtu_max(sges, 4096) == sges * 4096 - 16,
		      "%u pages", sges);
}

static void no_connection_carries_less_than_a_datagram(void **context)
{
	assert_int_equal(ipoib_cm_mtu_max(0, 4096), 0);
	assert_int_equal(ipoib_cm_mtu_max(1, 4096), 0);
	assert_int_equal(ipoib_cm_mtu_max(0, 65536), 0);
	assert_int_equal(ipoib_cm_mtu_max(16, 0), 0);
	assert_in_range(ipoib_cm_mtu_max(2, 4096), 4092, 65520);
}

static void very_many_pages_do_not_overflow(void **context)
{
	assert_int_equal(ipoib_cm_mtu_max(1 << 20, 4096), 65520);
	assert_int_equal(ipoib_cm_mtu_max(~0U, 65536), 65520);
	assert_int_equal(ipoib_cm_mtu_max(~0U, ~0U), 65520);
}

static void a_lost_connection_is_soon_made_anew(void **context)
{
	assert_int_equal(ipoib_cm_retry_ms(0), 100);
}

static void who_cannot_be_had_is_tried_less_and_less_often(void **context)
{
	static const u32 seconds[] = { 1, 2, 4, 8, 16, 32, 64 };
	unsigned int failures;

	for (failures = 1; failures <= ARRAY_SIZE(seconds); failures++)
		assert_int_equal(ipoib_cm_retry_ms(failures),
				 seconds[failures - 1] * 1000);
	for (; failures < 1000; failures++)
		assert_int_equal(ipoib_cm_retry_ms(failures), 64000);
	assert_int_equal(ipoib_cm_retry_ms(~0U), 64000);
}

static void a_queue_grows_while_messages_come_fast(void **context)
{
	assert_false(ipoib_cm_is_short(32, 256, 0));
	assert_false(ipoib_cm_is_short(32, 256, 7));
	assert_true(ipoib_cm_is_short(32, 256, 8));
	assert_false(ipoib_cm_is_short(128, 256, 31));
	assert_true(ipoib_cm_is_short(128, 256, 32));
	/* However long it is, a pass is not. */
	assert_true(ipoib_cm_is_short(4096, 8192, 32));
}

static void a_queue_that_has_all_does_not_grow(void **context)
{
	assert_false(ipoib_cm_is_short(256, 256, 64));
	assert_false(ipoib_cm_is_short(0, 0, 64));
	/* There was no memory for the first: not without a message. */
	assert_false(ipoib_cm_is_short(1, 256, 0));
	assert_true(ipoib_cm_is_short(1, 256, 1));
}

UNIT_MAIN(
	CASE(private_data_is_a_qpn_and_a_receive_mtu),
	CASE(the_reserved_octet_is_sent_as_zero),
	CASE(the_reserved_octet_is_ignored),
	CASE(what_is_put_is_got),
	CASE(private_data_that_is_cut_says_nothing),
	CASE(what_follows_private_data_does_not_matter),
	CASE(nobody_takes_more_than_the_largest_message),
	CASE(who_takes_less_than_ipv6_needs_is_no_peer),
	CASE(a_service_id_has_one_of_two_first_octets),
	CASE(a_service_id_has_nothing_but_the_qpn),
	CASE(a_connection_is_of_a_kind_that_both_announce),
	CASE(both_ends_choose_the_same_kind),
	CASE(arp_and_rarp_resolve_addresses),
	CASE(of_icmpv6_only_neighbour_discovery_does),
	CASE(of_ipv6_only_icmpv6_does),
	CASE(neighbour_discovery_shows_behind_the_ipv6_header),
	CASE(no_other_packet_does_whatever_is_in_it),
	CASE(sixteen_pages_carry_the_largest_mtu),
	CASE(fewer_pages_carry_all_that_they_have_room_for),
	CASE(no_connection_carries_less_than_a_datagram),
	CASE(very_many_pages_do_not_overflow),
	CASE(a_lost_connection_is_soon_made_anew),
	CASE(a_queue_grows_while_messages_come_fast),
	CASE(a_queue_that_has_all_does_not_grow),
	CASE(who_cannot_be_had_is_tried_less_and_less_often),
)
