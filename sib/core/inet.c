// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Checksums of IP packets. Pure: called from any context. Sums are of 16-bit
 * words in network order, folded, RFC 1071.
 */
#include "compat/unaligned.h"
#include "sib/core/inet.h"

#define ENCAP_LEN	4
#define TYPE_IPV4	0x0800
#define TYPE_IPV6	0x86dd

#define IPV4_LEN	20
#define IPV4_TOTAL	2
#define IPV4_FRAGMENT	6
#define IPV4_PROTOCOL	9
#define IPV4_CHECK	10
#define IPV4_ADDRS	12

#define IPV6_LEN	40
#define IPV6_PAYLOAD	4
#define IPV6_NEXT	6
#define IPV6_ADDRS	8

#define TCP_LEN		20
#define TCP_CHECK	16
#define UDP_LEN		8
#define UDP_LENGTH	4
#define UDP_CHECK	6

/* More fragments, or not the first one. */
#define FRAGMENT_MASK	0x3fff

static u16 fold(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* An even number of octets, fewer than 128 KiB. */
static u16 sum_of(const u8 *p, unsigned int len)
{
	unsigned int i;
	u32 sum = 0;

	for (i = 0; i < len; i += 2)
		sum += get_unaligned_be16(p + i);
	return fold(sum);
}

static u16 head_sum(const struct sib_inet *inet, const u8 *p)
{
	return sum_of(p + inet->l3, inet->l4 - inet->l3);
}

static u16 pseudo_sum(const struct sib_inet *inet, const u8 *p)
{
	u32 sum = inet->protocol + inet->end - inet->l4;

	if (inet->v6)
		sum += sum_of(p + inet->l3 + IPV6_ADDRS, 32);
	else
		sum += sum_of(p + inet->l3 + IPV4_ADDRS, 8);
	return fold(sum);
}

static bool parse_v4(struct sib_inet *inet, const u8 *ip, size_t avail)
{
	u16 hlen;

	if (avail < IPV4_LEN || ip[0] >> 4 != 4)
		return false;
	hlen = (ip[0] & 15) * 4;
	if (hlen < IPV4_LEN ||
	    get_unaligned_be16(ip + IPV4_FRAGMENT) & FRAGMENT_MASK)
		return false;
	inet->v6 = false;
	inet->protocol = ip[IPV4_PROTOCOL];
	inet->l4 = inet->l3 + hlen;
	inet->end = inet->l3 + get_unaligned_be16(ip + IPV4_TOTAL);
	return true;
}

/* Extension headers are not looked through. */
static bool parse_v6(struct sib_inet *inet, const u8 *ip, size_t avail)
{
	if (avail < IPV6_LEN || ip[0] >> 4 != 6)
		return false;
	inet->v6 = true;
	inet->protocol = ip[IPV6_NEXT];
	inet->l4 = inet->l3 + IPV6_LEN;
	inet->end = inet->l4 + get_unaligned_be16(ip + IPV6_PAYLOAD);
	return true;
}

static bool find_field(struct sib_inet *inet, const u8 *p, size_t avail)
{
	unsigned int l4_len = inet->end - inet->l4;

	if (inet->protocol == SIB_INET_TCP) {
		inet->field = inet->l4 + TCP_CHECK;
		return l4_len >= TCP_LEN && avail >= inet->l4 + TCP_LEN;
	}
	if (inet->protocol != SIB_INET_UDP)
		return false;
	inet->field = inet->l4 + UDP_CHECK;
	return l4_len >= UDP_LEN && avail >= inet->l4 + UDP_LEN &&
	       get_unaligned_be16(p + inet->l4 + UDP_LENGTH) == l4_len;
}

/**
 * sib_inet_parse() - is it a packet whose checksums an HCA knows?
 * @inet: filled
 * @p: a payload of a datagram, from its encapsulation header on
 * @avail: octets of it that can be read
 * @len: octets of it
 *
 * Those are TCP and UDP, over IPv4 in one piece, or over IPv6 without
 * extension headers.
 *
 * Context: Any.
 * Return: true if so.
 */
bool sib_inet_parse(struct sib_inet *inet, const u8 *p, size_t avail,
		    size_t len)
{
	bool ok = false;

	if (avail < ENCAP_LEN || len > 0xffff)
		return false;
	inet->l3 = ENCAP_LEN;
	if (get_unaligned_be16(p) == TYPE_IPV4)
		ok = parse_v4(inet, p + ENCAP_LEN, avail - ENCAP_LEN);
	else if (get_unaligned_be16(p) == TYPE_IPV6)
		ok = parse_v6(inet, p + ENCAP_LEN, avail - ENCAP_LEN);
	/* An end that ran over is before what it should be behind. */
	if (!ok || inet->end > len || inet->end < inet->l4)
		return false;
	return find_field(inet, p, avail);
}

/**
 * sib_inet_is_right() - are a packet's checksums what they should be?
 * @inet: as sib_inet_parse() has filled it
 * @p: the payload; its headers are read
 * @sum: of the octets from @inet->l4 to @inet->end
 *
 * UDP without a checksum is not right: nobody knows.
 *
 * Context: Any.
 * Return: true if so.
 */
bool sib_inet_is_right(const struct sib_inet *inet, const u8 *p, u16 sum)
{
	if (inet->protocol == SIB_INET_UDP &&
	    !get_unaligned_be16(p + inet->field))
		return false;
	if (!inet->v6 && head_sum(inet, p) != 0xffff)
		return false;
	return fold((u32)sum + pseudo_sum(inet, p)) == 0xffff;
}

static void fill_head(const struct sib_inet *inet, u8 *p)
{
	u8 *field = p + inet->l3 + IPV4_CHECK;

	put_unaligned_be16(0, field);
	put_unaligned_be16(~head_sum(inet, p), field);
}

/**
 * sib_inet_fill() - write a packet's checksums
 * @inet: as sib_inet_parse() has filled it
 * @p: the payload; what the fields hold does not matter
 * @sum: of the octets from @inet->l4 to @inet->end as they are now
 *
 * Context: Any.
 */
void sib_inet_fill(const struct sib_inet *inet, u8 *p, u16 sum)
{
	u16 before = get_unaligned_be16(p + inet->field);
	u16 check;

	if (!inet->v6)
		fill_head(inet, p);
	check = ~fold((u32)sum + (u16)~before + pseudo_sum(inet, p));
	/* RFC 768: zero says that there is none. */
	if (!check && inet->protocol == SIB_INET_UDP)
		check = 0xffff;
	put_unaligned_be16(check, p + inet->field);
}
