// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Large receive: pieces are what the packets were, and nothing goes together
 * that is not one.
 */
#include "unit.h"

#include "ipoib/core/lro.h"

#define ROOM	256
#define PSH	0x08
#define ACK	0x10

static void put16(u8 *p, u16 value)
{
	p[0] = value >> 8;
	p[1] = value;
}

static void put32(u8 *p, u32 value)
{
	put16(p, value >> 16);
	put16(p + 2, value);
}

static u32 get(const u8 *p, unsigned int octets)
{
	return unit_bits(p, 0, octets * 8);
}

/* What a packet is made of. */
struct shape {
	u32 seq;
	u32 ack;
	u32 tsval;
	u16 len;
	u8 flags;
	bool no_ts;
};

static const struct shape usual = {
	.seq = 0xfffffff0, .ack = 77, .tsval = 1000, .len = 100, .flags = ACK,
};

/* The headers of a packet; its length. */
static u32 make(u8 *p, const struct shape *s)
{
	unsigned int hlen = s->no_ts ? 40 : 52;

	memset(p, 0, ROOM);
	p[0] = 0x45;
	put16(p + 2, hlen + s->len);
	put16(p + 6, 0x4000);
	p[8] = 64;
	p[9] = 6;
	put32(p + 12, 0xc6336401);
	put32(p + 16, 0xc6336402);
	put16(p + 20, 5001);
	put16(p + 22, 40000);
	put32(p + 24, s->seq);
	put32(p + 28, s->ack);
	p[32] = (hlen - 20) / 4 << 4;
	p[33] = s->flags;
	put16(p + 34, 500 + s->ack);
	if (s->no_ts)
		return hlen + s->len;
	put32(p + 40, 0x0101080a);
	put32(p + 44, s->tsval);
	put32(p + 48, s->ack * 3);
	return hlen + s->len;
}

static enum ipoib_lro_kind parse(struct ipoib_lro_pkt *pkt,
				 const struct shape *s)
{
	u8 p[ROOM];
	u32 len = make(p, s);

	return ipoib_lro_parse(pkt, p, len);
}

static void begin(struct ipoib_lro *lro, const struct shape *s)
{
	struct ipoib_lro_pkt pkt;

	assert_int_equal(parse(&pkt, s), IPOIB_LRO_DATA);
	ipoib_lro_begin(lro, &pkt);
}

static bool add(struct ipoib_lro *lro, const struct shape *s)
{
	struct ipoib_lro_pkt pkt;

	assert_int_equal(parse(&pkt, s), IPOIB_LRO_DATA);
	assert_true(ipoib_lro_same_flow(lro, &pkt));
	return ipoib_lro_add(lro, &pkt);
}

static struct shape next_of(const struct shape *s)
{
	struct shape next = *s;

	next.seq += s->len;
	return next;
}

static void data_that_follow_each_other_are_one_piece(void **context)
{
	struct shape s = usual;
	struct ipoib_lro lro;
	u8 p[ROOM];
	int i;

	make(p, &s);
	begin(&lro, &s);
	for (i = 0; i < 9; i++) {
		s = next_of(&s);
		s.ack += i;
		s.tsval++;
		if (i == 8) {
			s.len = 7;
			s.flags |= PSH;
		}
		assert_true(add(&lro, &s));
	}
	assert_int_equal(lro.count, 10);
	assert_int_equal(lro.mss, 100);
	ipoib_lro_finish(&lro, p);
	assert_int_equal(get(p + 2, 2), 52 + 9 * 100 + 7);
	assert_int_equal(get(p + 24, 4), usual.seq);
	assert_int_equal(get(p + 28, 4), s.ack);
	assert_int_equal(p[33], ACK | PSH);
	assert_int_equal(get(p + 34, 2), 500 + s.ack);
	assert_int_equal(get(p + 44, 4), s.tsval);
	assert_int_equal(get(p + 48, 4), s.ack * 3);
}

/* RFC 1071: with the checksum in, the sum is all ones. */
static void the_header_of_a_piece_is_right(void **context)
{
	struct shape s = usual;
	struct ipoib_lro lro;
	u8 p[ROOM];
	u32 sum = 0;
	int i;

	make(p, &s);
	begin(&lro, &s);
	s = next_of(&s);
	assert_true(add(&lro, &s));
	ipoib_lro_finish(&lro, p);
	for (i = 0; i < 20; i += 2)
		sum += get(p + i, 2);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
}

static void what_does_not_follow_is_not_added(void **context)
{
	struct ipoib_lro lro, before;
	struct shape s;

	begin(&lro, &usual);
	before = lro;
#define NOT_IF(change) do {						\
		s = next_of(&usual);					\
		change;							\
		assert_false(add(&lro, &s));				\
		assert_memory_equal(&lro, &before, sizeof(lro));	\
	} while (0)
	NOT_IF(s.seq++);
	NOT_IF(s.seq -= s.len);
	NOT_IF(s.ack--);
	NOT_IF(s.tsval--);
	NOT_IF(s.no_ts = true);
	NOT_IF(s.len++);
#undef NOT_IF
	s = next_of(&usual);
	assert_true(add(&lro, &s));
}

static void after_the_end_of_a_piece_nothing_is_added(void **context)
{
	struct shape first = usual, s;
	struct ipoib_lro lro;

	first.flags |= PSH;
	begin(&lro, &first);
	s = next_of(&first);
	assert_false(add(&lro, &s));
	begin(&lro, &usual);
	s = next_of(&usual);
	s.len = 99;
	assert_true(add(&lro, &s));
	s = next_of(&s);
	assert_false(add(&lro, &s));
}

static void a_piece_is_no_longer_than_ipv4_can_say(void **context)
{
	struct shape s = usual;
	struct ipoib_lro lro;

	s.len = 20000;
	begin(&lro, &s);
	s = next_of(&s);
	assert_true(add(&lro, &s));
	s = next_of(&s);
	assert_true(add(&lro, &s));
	s = next_of(&s);
	s.len = 65535 - 52 - 60000 + 1;
	assert_false(add(&lro, &s));
	s.len--;
	assert_true(add(&lro, &s));
}

static void flags_and_headers_that_say_more_stay_alone(void **context)
{
	static const u8 flags[] = { 0x00, 0x11, 0x12, 0x14, 0x30, 0x50, 0x90 };
	struct ipoib_lro_pkt pkt;
	struct shape s = usual;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		s.flags = flags[i];
		assert_int_equal(parse(&pkt, &s), IPOIB_LRO_FLOW);
	}
	s = usual;
	s.len = 0;
	assert_int_equal(parse(&pkt, &s), IPOIB_LRO_FLOW);
}

static void what_is_no_tcp_in_one_packet_is_nothing(void **context)
{
	u8 p[ROOM], other[ROOM];
	struct ipoib_lro_pkt pkt;
	u32 len = make(p, &usual);

	assert_int_equal(ipoib_lro_parse(&pkt, p, len), IPOIB_LRO_DATA);
#define NOT_WITH(at, value) do {					\
		memcpy(other, p, ROOM);					\
		other[at] = value;					\
		assert_int_equal(ipoib_lro_parse(&pkt, other, len),	\
				 IPOIB_LRO_OTHER);			\
	} while (0)
	NOT_WITH(0, 0x46);	/* options */
	NOT_WITH(0, 0x65);	/* version 6 */
	NOT_WITH(9, 17);	/* UDP */
	NOT_WITH(6, 0x20);	/* the first fragment */
	NOT_WITH(7, 1);		/* a later one */
	NOT_WITH(3, 1);		/* another length than there is */
#undef NOT_WITH
}

static void no_octet_is_read_that_is_not_there(void **context)
{
	u8 p[ROOM];
	u32 len;

	make(p, &usual);
	for (len = 0; len < 60; len++) {
		u8 *exact = unit_exact(p, len);
		struct ipoib_lro_pkt pkt;

		if (len >= 4)
			put16(exact + 2, len);
		assert_int_not_equal(ipoib_lro_parse(&pkt, exact, len),
				     len <= 52 ? IPOIB_LRO_DATA :
						 IPOIB_LRO_FLOW);
		free(exact);
	}
}

static void other_connections_are_told_apart(void **context)
{
	static const u8 at[] = { 12, 15, 16, 19, 20, 21, 22, 23 };
	struct ipoib_lro_pkt pkt;
	struct ipoib_lro lro;
	unsigned int i;
	u8 p[ROOM];
	u32 len;

	begin(&lro, &usual);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		len = make(p, &usual);
		p[at[i]] ^= 1;
		ipoib_lro_parse(&pkt, p, len);
		assert_false(ipoib_lro_same_flow(&lro, &pkt));
	}
}

UNIT_MAIN(
	CASE(data_that_follow_each_other_are_one_piece),
	CASE(the_header_of_a_piece_is_right),
	CASE(what_does_not_follow_is_not_added),
	CASE(after_the_end_of_a_piece_nothing_is_added),
	CASE(a_piece_is_no_longer_than_ipv4_can_say),
	CASE(flags_and_headers_that_say_more_stay_alone),
	CASE(what_is_no_tcp_in_one_packet_is_nothing),
	CASE(no_octet_is_read_that_is_not_there),
	CASE(other_connections_are_told_apart),
)
