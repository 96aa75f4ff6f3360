// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Checksums of IP, beside a twin that adds up octet by octet; and TCP cut into
 * packets, beside what a sender that cuts by hand would make.
 */
#include "unit.h"

#include "sib/core/inet.h"
#include "sib/core/lso.h"

#define V4		20
#define V6		40
#define ROOM		2048

/* What a packet is made of. */
struct shape {
	bool v6;
	u8 protocol;
	u8 options;	/* octets of them, of IPv4 */
	u16 data;
	u16 behind;	/* octets behind the IP packet */
};

static void put16(u8 *p, u16 value)
{
	p[0] = value >> 8;
	p[1] = value;
}

static u16 get16(const u8 *p)
{
	return p[0] << 8 | p[1];
}

static u32 get32(const u8 *p)
{
	return (u32)get16(p) << 16 | get16(p + 2);
}

/* RFC 1071, to the letter; an odd last octet has a zero behind it. */
static u16 slow_sum(u32 sum, const u8 *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		sum += i % 2 ? p[i] : p[i] << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return sum;
}

static u16 slow_pseudo(const u8 *ip, u8 protocol, u16 len)
{
	bool v6 = ip[0] >> 4 == 6;
	u8 tail[4] = { 0, protocol, len >> 8, len };

	return slow_sum(slow_sum(0, ip + (v6 ? 8 : 12), v6 ? 32 : 8), tail, 4);
}

static unsigned int l4_of(const struct shape *s)
{
	return 4 + (s->v6 ? V6 : V4 + s->options);
}

static unsigned int l4_len(const struct shape *s)
{
	return (s->protocol == SIB_INET_TCP ? 20 : 8) + s->data;
}

/* A packet with anything in its checksums. Its length. */
static size_t make(u8 *p, const struct shape *s)
{
	unsigned int l4 = l4_of(s), len = l4_len(s);

	unit_random_bytes(p, ROOM);
	put16(p, s->v6 ? 0x86dd : 0x0800);
	if (s->v6) {
		p[4] = 0x60;
		put16(p + 8, len);
		p[10] = s->protocol;
	} else {
		p[4] = 0x40 | (V4 + s->options) / 4;
		put16(p + 6, l4 - 4 + len);
		put16(p + 10, 0x4000);
		p[13] = s->protocol;
	}
	if (s->protocol == SIB_INET_UDP)
		put16(p + l4 + 4, len);
	return l4 + len + s->behind;
}

static struct shape any_shape(void)
{
	struct shape s = {
		.v6 = unit_below(2),
		.protocol = unit_below(2) ? SIB_INET_TCP : SIB_INET_UDP,
		.data = unit_below(1400),
		.behind = unit_below(2) ? 0 : unit_below(40),
	};

	s.options = s.v6 ? 0 : unit_below(11) * 4;
	return s;
}

static void what_is_filled_in_is_right(void **context)
{
	unsigned int i;

	for (i = 0; i < 2000; i++) {
		struct shape s = any_shape();
		unsigned int l4 = l4_of(&s);
		struct sib_inet inet;
		u8 p[ROOM];
		size_t len = make(p, &s);
		u16 sum;

		assert_true(sib_inet_parse(&inet, p, len, len));
		assert_int_equal(inet.l4, l4);
		assert_int_equal(inet.end, l4 + l4_len(&s));
		sib_inet_fill(&inet, p, slow_sum(0, p + l4, l4_len(&s)));
		sum = slow_sum(slow_pseudo(p + 4, s.protocol, l4_len(&s)),
			       p + l4, l4_len(&s));
		assert_int_equal(sum, 0xffff);
		if (!s.v6)
			assert_int_equal(slow_sum(0, p + 4, l4 - 4), 0xffff);
		sum = slow_sum(0, p + l4, l4_len(&s));
		assert_true(sib_inet_is_right(&inet, p, sum));
	}
}

/* Zero and 0xffff are the same sum, so some changes change nothing. */
static bool is_the_same(u16 a, u16 b)
{
	return a % 0xffff == b % 0xffff;
}

static void one_octet_more_or_less_is_wrong(void **context)
{
	unsigned int i, at;

	for (i = 0; i < 500; i++) {
		struct shape s = any_shape();
		unsigned int l4 = l4_of(&s);
		struct sib_inet inet, again;
		u8 p[ROOM];
		size_t len = make(p, &s);
		u16 before, after;

		assert_true(sib_inet_parse(&inet, p, len, len));
		sib_inet_fill(&inet, p, slow_sum(0, p + l4, l4_len(&s)));
		before = slow_sum(0, p + l4, l4_len(&s));
		at = l4 + unit_below(l4_len(&s));
		p[at] += 1 + unit_below(255);
		after = slow_sum(0, p + l4, l4_len(&s));
		if (is_the_same(before, after) ||
		    !sib_inet_parse(&again, p, len, len))
			continue;
		assert_false(sib_inet_is_right(&again, p, after));
	}
}

static void a_wrong_header_of_ipv4_is_wrong(void **context)
{
	struct shape s = { .protocol = SIB_INET_TCP, .data = 100 };
	struct sib_inet inet;
	u8 p[ROOM];
	size_t len = make(p, &s);
	u16 sum;

	assert_true(sib_inet_parse(&inet, p, len, len));
	sib_inet_fill(&inet, p, slow_sum(0, p + 24, l4_len(&s)));
	sum = slow_sum(0, p + 24, l4_len(&s));
	/* The time to live is in no other sum. */
	p[12]++;
	assert_false(sib_inet_is_right(&inet, p, sum));
	p[12]--;
	assert_true(sib_inet_is_right(&inet, p, sum));
}

static void udp_without_a_checksum_is_not_right(void **context)
{
	struct shape s = { .v6 = true, .protocol = SIB_INET_UDP, .data = 9 };
	struct sib_inet inet;
	u8 p[ROOM];
	size_t len = make(p, &s);

	assert_true(sib_inet_parse(&inet, p, len, len));
	put16(p + inet.field, 0);
	assert_false(sib_inet_is_right(&inet, p, 0));
}

/* RFC 768: what comes to zero is sent as 0xffff. */
static void udp_whose_sum_is_zero_says_so_otherwise(void **context)
{
	struct shape s = { .protocol = SIB_INET_UDP, .data = 2 };
	struct sib_inet inet;
	u8 p[ROOM];
	size_t len = make(p, &s);
	unsigned int data = l4_of(&s) + 8;
	u16 sum;

	put16(p + data, 0);
	put16(p + 24 + 6, 0);
	sum = slow_sum(slow_pseudo(p + 4, SIB_INET_UDP, 10), p + 24, 10);
	put16(p + data, ~sum);
	assert_true(sib_inet_parse(&inet, p, len, len));
	sib_inet_fill(&inet, p, slow_sum(0, p + 24, 10));
	assert_int_equal(get16(p + inet.field), 0xffff);
}

static bool is_known(const u8 *p, size_t avail, size_t len)
{
	u8 *exact = unit_exact(p, avail);
	struct sib_inet inet;
	bool known = sib_inet_parse(&inet, exact, avail, len);

	free(exact);
	return known;
}

static void what_is_cut_off_is_not_known(void **context)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct shape s = {
			.v6 = i & 1,
			.protocol = i & 2 ? SIB_INET_TCP : SIB_INET_UDP,
		};
		u8 p[ROOM];
		size_t len = make(p, &s), n;

		assert_true(is_known(p, len, len));
		for (n = 0; n < len; n++) {
			assert_false(is_known(p, n, len));
			assert_false(is_known(p, n, n));
		}
	}
}

static void what_has_no_checksum_we_know_is_not_known(void **context)
{
	struct shape s = { .protocol = SIB_INET_TCP, .data = 64 };
	u8 p[ROOM], other[ROOM];
	size_t len = make(p, &s);

	assert_true(is_known(p, len, len));
#define NOT_WITH(at, value) do {					\
		memcpy(other, p, len);					\
		other[at] = value;					\
		assert_false(is_known(other, len, len));		\
	} while (0)
	NOT_WITH(1, 0x06);	/* ARP */
	NOT_WITH(4, 0x65);	/* version 6 */
	NOT_WITH(4, 0x44);	/* a header of 16 octets */
	NOT_WITH(6, 0xff);	/* longer than there is */
	NOT_WITH(10, 0x20);	/* the first fragment */
	NOT_WITH(11, 0x07);	/* a later one */
	NOT_WITH(13, 1);	/* ICMP */
}

static void a_udp_length_of_its_own_is_not_known(void **context)
{
	struct shape s = { .protocol = SIB_INET_UDP, .data = 64 };
	u8 p[ROOM];
	size_t len = make(p, &s);

	put16(p + 24 + 4, 64);
	assert_false(is_known(p, len, len));
}

/* Headers of a piece of @len octets; their length. */
static u16 make_head(u8 *p, bool v6, u8 tcp_options, u32 len)
{
	struct shape s = { .v6 = v6, .protocol = SIB_INET_TCP };
	unsigned int l4 = l4_of(&s);

	make(p, &s);
	p[l4 + 12] = (20 + tcp_options) / 4 << 4;
	put16(p + (v6 ? 8 : 6), (v6 ? 20 : 40) + tcp_options + len);
	return l4 + 20 + tcp_options;
}

static void check_segment(const u8 *head, const u8 *p, u16 hlen, u32 len,
			  u32 offset, u16 mss)
{
	bool v6 = head[4] >> 4 == 6, last = len - offset <= mss;
	u32 data = last ? len - offset : mss;
	unsigned int l4 = v6 ? 44 : 24;
	u8 flags = head[l4 + 13];

	if (v6) {
		assert_int_equal(get16(p + 8), hlen - l4 + data);
	} else {
		assert_int_equal(get16(p + 6), hlen - 4 + data);
		assert_int_equal(get16(p + 8),
				 (u16)(get16(head + 8) + offset / mss));
	}
	assert_int_equal(get32(p + l4 + 4), get32(head + l4 + 4) + offset);
	if (offset)
		flags &= 0x7f;
	if (!last)
		flags &= 0xf6;
	assert_int_equal(p[l4 + 13], flags);
	/* All else is as it was. */
	assert_memory_equal(p + l4 + 14, head + l4 + 14, hlen - l4 - 14);
	assert_memory_equal(p + l4 + 8, head + l4 + 8, 5);
	assert_memory_equal(p + l4 - 8, head + l4 - 8, 12);
}

static void each_packet_has_its_own_headers(void **context)
{
	unsigned int i;

	for (i = 0; i < 300; i++) {
		struct sib_lso lso = { .mss = 1 + unit_below(3000) };
		u32 len = 1 + unit_below(65000), offset;
		u8 head[ROOM], p[ROOM];

		lso.hlen = make_head(head, i % 2, unit_below(11) * 4, len);
		assert_true(sib_lso_is_good(&lso, head));
		for (offset = 0; offset < len; offset += lso.mss) {
			sib_lso_head(&lso, head, p, len, offset);
			check_segment(head, p, lso.hlen, len, offset, lso.mss);
		}
	}
}

static void what_is_not_tcp_alone_is_not_cut(void **context)
{
	struct sib_lso lso = { .mss = 1000 };
	u8 head[ROOM];

	lso.hlen = make_head(head, false, 12, 9000);
	assert_true(sib_lso_is_good(&lso, head));
	lso.hlen++;
	assert_false(sib_lso_is_good(&lso, head));
	lso.hlen -= 2;
	assert_false(sib_lso_is_good(&lso, head));
	lso.hlen = 43;
	assert_false(sib_lso_is_good(&lso, head));
	lso.hlen = SIB_LSO_HEAD + 1;
	assert_false(sib_lso_is_good(&lso, head));
	lso.hlen = make_head(head, false, 0, 9000);
	lso.mss = 0;
	assert_false(sib_lso_is_good(&lso, head));
	lso.mss = 1;
	head[13] = SIB_INET_UDP;
	assert_false(sib_lso_is_good(&lso, head));
}

UNIT_MAIN(
	CASE(what_is_filled_in_is_right),
	CASE(one_octet_more_or_less_is_wrong),
	CASE(a_wrong_header_of_ipv4_is_wrong),
	CASE(udp_without_a_checksum_is_not_right),
	CASE(udp_whose_sum_is_zero_says_so_otherwise),
	CASE(what_is_cut_off_is_not_known),
	CASE(what_has_no_checksum_we_know_is_not_known),
	CASE(a_udp_length_of_its_own_is_not_known),
	CASE(each_packet_has_its_own_headers),
	CASE(what_is_not_tcp_alone_is_not_cut),
)
