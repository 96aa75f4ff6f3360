// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Hardware addresses, RFC 4391 sections 4 and 9.1.1, RFC 4755 section 3.1. The
 * multicast addresses are computed from the rules of RFC 4391 section 4, by
 * hand.
 */
#include <linux/errno.h>

#include "unit.h"

#include <arpa/inet.h>

#include "ipoib/core/hwaddr.h"

#define ALEN	20

static const u8 own[ALEN] = {
	0x80, 0x00, 0x02, 0x08,
	0xfe, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x02, 0xc9, 0x03, 0x00, 0x00, 0x10, 0x39,
};

/**
 * struct vector - an IP group on a link and its address
 * @group: for people
 * @pkey: of the link
 * @scope: of the link
 * @lla: the address
 */
static const struct vector {
	const char *group;
	u16 pkey;
	u8 scope;
	u8 lla[ALEN];
} vectors[] = {
	{ "255.255.255.255", 0xffff, 2, {
		0x00, 0xff, 0xff, 0xff, 0xff, 0x12, 0x40, 0x1b, 0xff, 0xff,
		0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff } },
	{ "224.0.0.1", 0xffff, 2, {
		0x00, 0xff, 0xff, 0xff, 0xff, 0x12, 0x40, 0x1b, 0xff, 0xff,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } },
	{ "224.0.0.2", 0x8000, 2, {
		0x00, 0xff, 0xff, 0xff, 0xff, 0x12, 0x40, 0x1b, 0x80, 0x00,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 2 } },
	{ "239.1.2.3", 0xffff, 2, {
		0x00, 0xff, 0xff, 0xff, 0xff, 0x12, 0x40, 0x1b, 0xff, 0xff,
		0, 0, 0, 0, 0, 0, 0x0f, 1, 2, 3 } },
	{ "239.255.255.250", 0x8001, 2, {
		0x00, 0xff, 0xff, 0xff, 0xff, 0x12, 0x40, 0x1b, 0x80, 0x01,
		0, 0, 0, 0, 0, 0, 0x0f, 0xff, 0xff, 0xfa } },
	{ "239.1.2.3", 0x8001, 5, {
		0x00, 0xff, 0xff, 0xff, 0xff, 0x15, 0x40, 0x1b, 0x80, 0x01,
		0, 0, 0, 0, 0, 0, 0x0f, 1, 2, 3 } },
	{ "ff02::1", 0xffff, 2, {
		0x00, 0xff, 0xff, 0xff, 0xff, 0x12, 0x60, 0x1b, 0xff, 0xff,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } },
	{ "ff02::2", 0x8000, 2, {
		0x00, 0xff, 0xff, 0xff, 0xff, 0x12, 0x60, 0x1b, 0x80, 0x00,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 2 } },
	{ "ff02::16", 0xffff, 2, {
		0x00, 0xff, 0xff, 0xff, 0xff, 0x12, 0x60, 0x1b, 0xff, 0xff,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16 } },
	{ "ff02::1:ff00:1039", 0xffff, 2, {
		0x00, 0xff, 0xff, 0xff, 0xff, 0x12, 0x60, 0x1b, 0xff, 0xff,
		0, 0, 0, 0, 0, 1, 0xff, 0x00, 0x10, 0x39 } },
	{ "ff05::1:3", 0xffff, 2, {
		0x00, 0xff, 0xff, 0xff, 0xff, 0x12, 0x60, 0x1b, 0xff, 0xff,
		0, 0, 0, 0, 0, 0, 0, 1, 0, 3 } },
	{ "ff3e:40:2001:db8:1234:5678:9abc:def0", 0xffff, 2, {
		0x00, 0xff, 0xff, 0xff, 0xff, 0x12, 0x60, 0x1b, 0xff, 0xff,
		0x0d, 0xb8, 0x12, 0x34, 0x56, 0x78,
		0x9a, 0xbc, 0xde, 0xf0 } },
};

static void broadcast_of(u8 *hw, u16 pkey, u8 scope)
{
	ipoib_hw_broadcast(hw, pkey);
	hw[5] = 0x10 | scope;
}

static void the_broadcast_address_is_that_of_the_rfc(void **context)
{
	u8 *hw = malloc(ALEN);

	ipoib_hw_broadcast(hw, 0xffff);
	assert_memory_equal(hw, vectors[0].lla, ALEN);
	free(hw);
}

static void its_pkey_is_that_of_a_full_member(void **context)
{
	unsigned int pkey;
	u8 hw[ALEN];

	for (pkey = 0; pkey <= 0xffff; pkey++) {
		ipoib_hw_broadcast(hw, pkey);
		assert_int_equal(hw[8], pkey >> 8 | 0x80);
		assert_int_equal(hw[9], pkey & 0xff);
		assert_int_equal(ipoib_hw_mcast_pkey(hw), pkey | 0x8000);
	}
}

static void addresses_of_ip_groups_can_be_joined_on_their_link(void **context)
{
	u8 broadcast[ALEN];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		broadcast_of(broadcast, vectors[i].pkey, vectors[i].scope);
		check(ipoib_hw_joinable(vectors[i].lla, broadcast), "%s",
		      vectors[i].group);
		check(ipoib_hw_mcast_pkey(vectors[i].lla) == vectors[i].pkey,
		      "%s", vectors[i].group);
		assert_true(ipoib_hw_is_mcast(vectors[i].lla));
		assert_int_equal(ipoib_hw_qpn(vectors[i].lla), 0xffffff);
	}
}

static void groups_of_another_scope_cannot(void **context)
{
	u8 broadcast[ALEN];
	unsigned int i, scope;

	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		for (scope = 0; scope < 16; scope++) {
			broadcast_of(broadcast, vectors[i].pkey, scope);
			assert_int_equal(ipoib_hw_joinable(vectors[i].lla,
							   broadcast),
					 scope == vectors[i].scope);
		}
	}
}

static void groups_registered_under_another_pkey_can(void **context)
{
	u8 broadcast[ALEN];
	unsigned int i;

	broadcast_of(broadcast, 0x9abc, 2);
	for (i = 0; i < ARRAY_SIZE(vectors); i++)
		assert_int_equal(ipoib_hw_joinable(vectors[i].lla, broadcast),
				 vectors[i].scope == 2);
}

static void only_two_signatures_can_be_joined(void **context)
{
	u8 broadcast[ALEN], hw[ALEN];
	unsigned int signature;

	broadcast_of(broadcast, 0xffff, 2);
	memcpy(hw, broadcast, ALEN);
	for (signature = 0; signature <= 0xffff; signature++) {
		hw[6] = signature >> 8;
		hw[7] = signature;
		assert_int_equal(ipoib_hw_joinable(hw, broadcast),
				 signature == 0x401b || signature == 0x601b);
	}
}

static void each_octet_before_the_signature_counts(void **context)
{
	u8 broadcast[ALEN], hw[ALEN];
	unsigned int bit;

	broadcast_of(broadcast, 0xffff, 2);
	for (bit = 0; bit < 48; bit++) {
		memcpy(hw, vectors[3].lla, ALEN);
		hw[bit / 8] ^= 1 << bit % 8;
		check(!ipoib_hw_joinable(hw, broadcast), "bit %u", bit);
	}
}

static void a_host_address_is_no_multicast(void **context)
{
	assert_false(ipoib_hw_is_mcast(own));
	assert_int_equal(ipoib_hw_qpn(own), 0x000208);
	assert_memory_equal(ipoib_hw_gid(own), own + 4, 16);
}

/* The IP destination of a vector, and how many octets it has. */
static unsigned int destination(const struct vector *v, u8 *dst)
{
	return inet_pton(AF_INET, v->group, dst) == 1 ? 4 :
	       inet_pton(AF_INET6, v->group, dst) == 1 ? 16 : 0;
}

/* Is @hw the address of what a packet with this destination is for? */
static bool is_group_of(const u8 *hw, const struct vector *link, u16 type,
			const u8 *dst, u32 len)
{
	unsigned int size = type == 0x0800 ? 4 : 16;
	unsigned int at = type == 0x0800 ? 16 : 24;
	u8 broadcast[ALEN], head[40] = {};
	bool is;
	u8 *ip;

	broadcast_of(broadcast, link->pkey, link->scope);
	memcpy(head + at, dst, size);
	ip = unit_exact(head, len);
	is = ipoib_hw_is_group_of(hw, broadcast, type, ip, len);
	free(ip);
	return is;
}

static void a_packet_for_a_group_goes_to_its_address(void **context)
{
	unsigned int i, j, size;
	u8 dst[16];

	/* The first is the broadcast, which is no group of IP. */
	for (i = 1; i < ARRAY_SIZE(vectors); i++) {
		size = destination(&vectors[i], dst);
		assert_true(size);
		for (j = 1; j < ARRAY_SIZE(vectors); j++)
			check(is_group_of(vectors[j].lla, &vectors[j],
					  size == 4 ? 0x0800 : 0x86dd, dst,
					  40) ==
			      !strcmp(vectors[i].group, vectors[j].group),
			      "%s to %s", vectors[i].group, vectors[j].group);
	}
}

static void what_is_for_a_host_goes_to_no_group(void **context)
{
	static const u8 v4[] = { 0x0f, 0x01, 0x02, 0x03 };
	static const u8 v6[16] = { 0x20, 0x01 };
	u8 lla[ALEN];

	memcpy(lla, vectors[4].lla, ALEN);
	memcpy(lla + 16, v4, 4);
	assert_false(is_group_of(lla, &vectors[4], 0x0800, v4, 40));
	memcpy(lla, vectors[6].lla, ALEN);
	memset(lla + 10, 0, 10);
	assert_false(is_group_of(lla, &vectors[6], 0x86dd, v6, 40));
}

static void a_group_of_another_scope_is_none_of_ours(void **context)
{
	struct vector link = vectors[3];
	u8 dst[16];

	destination(&vectors[3], dst);
	assert_true(is_group_of(vectors[3].lla, &link, 0x0800, dst, 40));
	link.scope = 5;
	assert_false(is_group_of(vectors[3].lla, &link, 0x0800, dst, 40));
}

static void only_ip_has_groups(void **context)
{
	u8 dst[16] = { 224, 0, 0, 1 };
	u32 type;

	for (type = 0; type <= 0xffff; type++)
		if (type != 0x0800)
			check(!is_group_of(vectors[1].lla, &vectors[1], type,
					   dst, 40), "%#x", type);
}

static void a_packet_cut_short_is_for_nobody(void **context)
{
	u8 dst[16];
	u32 len;

	destination(&vectors[1], dst);
	for (len = 0; len <= 40; len++)
		assert_int_equal(is_group_of(vectors[1].lla, &vectors[1],
					     0x0800, dst, len), len >= 20);
	destination(&vectors[6], dst);
	for (len = 0; len <= 40; len++)
		assert_int_equal(is_group_of(vectors[6].lla, &vectors[6],
					     0x86dd, dst, len), len >= 40);
}

static void setting_the_qpn_leaves_the_rest_alone(void **context)
{
	u8 hw[ALEN], *exact;

	memcpy(hw, own, ALEN);
	hw[1] = 0xff;
	hw[2] = 0xff;
	hw[3] = 0xff;
	exact = unit_exact(hw, ALEN);
	ipoib_hw_set_qpn(exact, 0x000208);
	assert_memory_equal(exact, own, ALEN);
	ipoib_hw_set_qpn(exact, 0xff000208);
	assert_memory_equal(exact, own, ALEN);
	free(exact);
}

static void the_multicast_pkey_stands_in_the_group_id(void **context)
{
	u8 hw[ALEN];

	memcpy(hw, vectors[3].lla, ALEN);
	ipoib_hw_set_mcast_pkey(hw, 0x0001);
	assert_memory_equal(hw, vectors[3].lla, 8);
	assert_int_equal(hw[8], 0x80);
	assert_int_equal(hw[9], 0x01);
	assert_memory_equal(hw + 10, vectors[3].lla + 10, 10);
}

static void an_administrator_may_change_the_interface_identifier(void **context)
{
	unsigned int bit;
	u8 wanted[ALEN];

	assert_int_equal(ipoib_hw_check_change(own, own), 0);
	for (bit = 12 * 8; bit < ALEN * 8; bit++) {
		memcpy(wanted, own, ALEN);
		wanted[bit / 8] ^= 1 << bit % 8;
		check(ipoib_hw_check_change(own, wanted) == 0, "bit %u", bit);
	}
}

static void an_administrator_may_change_nothing_else(void **context)
{
	unsigned int bit;
	u8 wanted[ALEN];

	for (bit = 0; bit < 12 * 8; bit++) {
		memcpy(wanted, own, ALEN);
		wanted[bit / 8] ^= 1 << bit % 8;
		check(ipoib_hw_check_change(own, wanted) == -EINVAL,
		      "bit %u", bit);
	}
}

static void an_interface_identifier_is_not_zero(void **context)
{
	unsigned int at;
	u8 wanted[ALEN];

	memcpy(wanted, own, ALEN);
	memset(wanted + 12, 0, 8);
	assert_int_equal(ipoib_hw_check_change(own, wanted), -EINVAL);
	for (at = 12; at < ALEN; at++) {
		wanted[at] = 1;
		assert_int_equal(ipoib_hw_check_change(own, wanted), 0);
		wanted[at] = 0;
	}
}

static void addresses_are_equal_in_all_octets(void **context)
{
	u8 other[ALEN + 1];
	unsigned int at;

	/* Aligned and not. */
	memcpy(other + 1, own, ALEN);
	assert_true(ipoib_hw_equal(own, other + 1));
	for (at = 0; at < ALEN; at++) {
		other[1 + at] ^= 0x10;
		assert_false(ipoib_hw_equal(own, other + 1));
		assert_false(ipoib_hw_equal(other + 1, own));
		other[1 + at] ^= 0x10;
	}
}

UNIT_MAIN(
	CASE(the_broadcast_address_is_that_of_the_rfc),
	CASE(its_pkey_is_that_of_a_full_member),
	CASE(addresses_of_ip_groups_can_be_joined_on_their_link),
	CASE(groups_of_another_scope_cannot),
	CASE(groups_registered_under_another_pkey_can),
	CASE(only_two_signatures_can_be_joined),
	CASE(each_octet_before_the_signature_counts),
	CASE(a_host_address_is_no_multicast),
	CASE(a_packet_for_a_group_goes_to_its_address),
	CASE(what_is_for_a_host_goes_to_no_group),
	CASE(a_group_of_another_scope_is_none_of_ours),
	CASE(only_ip_has_groups),
	CASE(a_packet_cut_short_is_for_nobody),
	CASE(setting_the_qpn_leaves_the_rest_alone),
	CASE(the_multicast_pkey_stands_in_the_group_id),
	CASE(an_administrator_may_change_the_interface_identifier),
	CASE(an_administrator_may_change_nothing_else),
	CASE(an_interface_identifier_is_not_zero),
	CASE(addresses_are_equal_in_all_octets),
)
