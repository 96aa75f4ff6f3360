// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The two checksums, IBTA volume 1, section 7.8: which octets the ICRC masks,
 * one by one; and bit-by-bit twins of both CRCs. The sample packet is the one
 * that the standard prints in that section.
 */
#include "unit.h"
#include "wire.h"

#include "sib/core/icrc.h"

#define NO_GRH	(8 + 12)
#define GRH	(8 + 40 + 12)

/* CRC-32 of Ethernet, a bit at a time, as zlib documents it. */
static u32 bitwise_crc32(u32 crc, const u8 *p, size_t len)
{
	unsigned int bit;

	while (len--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return crc;
}

/* Bits of a word in reverse order. */
static u16 reversed(u16 value)
{
	u16 out = 0;
	unsigned int bit;

	for (bit = 0; bit < 16; bit++)
		out |= (value >> bit & 1) << (15 - bit);
	return out;
}

/*
 * The VCRC by its definition: polynomial 0x100b, the least significant bit of
 * each octet first. The register is kept the other way round, so turn it.
 */
static u16 bitwise_vcrc(u16 crc, const u8 *p, size_t len)
{
	u16 reg = reversed(crc);
	unsigned int bit;

	for (; len--; p++) {
		for (bit = 0; bit < 8; bit++) {
			bool carry = reg >> 15 ^ (*p >> bit & 1);

			reg = reg << 1 ^ (carry ? 0x100b : 0);
		}
	}
	return reversed(reg);
}

static const u8 sample[56] = {
	0x70, 0x12, 0x37, 0x5c, 0x00, 0x0e, 0x17, 0xd2,
	0x0a, 0x20, 0x24, 0x87, 0x00, 0x87, 0xb1, 0xb3,
	0x00, 0x0d, 0xec, 0x2a, 0x01, 0x71, 0x0a, 0x1c,
	0x01, 0x5d, 0x40, 0x02, 0x38, 0xf2, 0x7a, 0x05,
	0x00, 0x00, 0x00, 0x0e, 0xbb, 0x88, 0x4d, 0x85,
	0xfd, 0x5c, 0xfb, 0xa4, 0x72, 0x8b, 0xc0, 0x69,
	0x0e, 0xd4, 0x00, 0x00, 0x96, 0x25, 0xb7, 0x5a,
};

/* As a caller does it: the masked head, then the rest up to the ICRC. */
static void put_icrc(const u8 *pkt, bool has_grh, size_t len, u8 *icrc)
{
	u8 head[SIB_ICRC_HEAD_GRH];
	size_t done = sib_icrc_head(pkt, has_grh, head);
	u32 crc = bitwise_crc32(~0U, head, done);

	crc = ~bitwise_crc32(crc, pkt + done, len - 4 - done);
	icrc[0] = crc;
	icrc[1] = crc >> 8;
	icrc[2] = crc >> 16;
	icrc[3] = crc >> 24;
}

static void the_sample_packet_has_the_icrc_that_the_standard_prints(void **context)
{
	u8 icrc[4];

	put_icrc(sample, false, sizeof(sample), icrc);
	assert_memory_equal(icrc, sample + 52, 4);
}

static void the_sample_packet_has_that_icrc_on_every_lane(void **context)
{
	u8 pkt[sizeof(sample)], icrc[4];
	unsigned int vl;

	memcpy(pkt, sample, sizeof(pkt));
	for (vl = 0; vl < 16; vl++) {
		pkt[0] = vl << 4;
		put_icrc(pkt, false, sizeof(pkt), icrc);
		assert_memory_equal(icrc, sample + 52, 4);
	}
}

/* The head of a packet of these octets, from a copy that just has it. */
static size_t head_of(const u8 *p, bool has_grh, u8 *head)
{
	u8 *pkt = unit_exact(p, has_grh ? GRH : NO_GRH);
	u8 *out = malloc(has_grh ? GRH : NO_GRH);
	size_t len;

	len = sib_icrc_head(pkt, has_grh, out);
	assert_int_equal(len, has_grh ? GRH : NO_GRH);
	memcpy(head, out, len);
	free(out);
	free(pkt);
	return len;
}

/* Bits that count as ones, octet by octet. */
static u8 mask_without_grh(size_t at)
{
	return at == 0 ? 0xf0 :		/* VL */
	       at == 12 ? 0xff : 0;	/* FECN, BECN, reserved */
}

static u8 mask_with_grh(size_t at)
{
	if (at < 8)
		return 0xff;		/* the whole LRH */
	switch (at - 8) {
	case 0:
		return 0x0f;		/* TClass, high */
	case 1:
	case 2:
	case 3:
		return 0xff;		/* TClass, low; FlowLabel */
	case 7:
		return 0xff;		/* HopLmt */
	case 40 + 4:
		return 0xff;		/* FECN, BECN, reserved */
	}
	return 0;
}

static void without_a_grh_the_lane_and_the_congestion_octet_are_masked(void **context)
{
	u8 p[NO_GRH], head[GRH];
	unsigned int i, at;

	unit_seed();
	for (i = 0; i < 1000; i++) {
		unit_random_bytes(p, sizeof(p));
		head_of(p, false, head);
		for (at = 0; at < NO_GRH; at++)
			check(head[at] == (p[at] | mask_without_grh(at)),
			      "octet %u", at);
	}
}

static void with_a_grh_all_that_a_router_changes_is_masked(void **context)
{
	u8 p[GRH], head[GRH];
	unsigned int i, at;

	unit_seed();
	for (i = 0; i < 1000; i++) {
		unit_random_bytes(p, sizeof(p));
		head_of(p, true, head);
		for (at = 0; at < GRH; at++)
			check(head[at] == (p[at] | mask_with_grh(at)),
			      "octet %u", at);
	}
}

static void with_a_grh_the_lrh_may_be_replaced_by_a_seed(void **context)
{
	static const u8 ones[8] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	};

	assert_int_equal(bitwise_crc32(~0U, ones, 8), 0xdebb20e3);
}

static void the_vcrc_is_that_of_the_polynomial(void **context)
{
	unsigned int octet, seed;
	u8 p;

	for (seed = 0; seed <= 0xffff; seed += 0x0101) {
		for (octet = 0; octet < 256; octet++) {
			p = octet;
			check(sib_vcrc_update(seed, &p, 1) ==
			      bitwise_vcrc(seed, &p, 1),
			      "octet %#x after %#x", octet, seed);
		}
	}
}

static void the_vcrc_of_random_packets_is_that_of_its_twin(void **context)
{
	u8 p[512], *exact;
	unsigned int i;

	unit_seed();
	for (i = 0; i < 3000; i++) {
		size_t len = unit_below(sizeof(p) + 1);

		unit_random_bytes(p, len);
		exact = unit_exact(p, len);
		assert_int_equal(sib_vcrc_update(SIB_VCRC_SEED, exact, len),
				 bitwise_vcrc(0xffff, p, len));
		free(exact);
	}
}

static void a_vcrc_may_be_carried_on_in_pieces(void **context)
{
	u16 whole = sib_vcrc_update(SIB_VCRC_SEED, sample, sizeof(sample));
	unsigned int cut;
	u16 crc;

	for (cut = 0; cut <= sizeof(sample); cut++) {
		crc = sib_vcrc_update(SIB_VCRC_SEED, sample, cut);
		crc = sib_vcrc_update(crc, sample + cut, sizeof(sample) - cut);
		assert_int_equal(crc, whole);
	}
}

static void a_packet_with_its_vcrc_leaves_a_constant(void **context)
{
	u16 crc = 0xffff, rest, first = 0;
	unsigned int i;
	u8 p[64];

	unit_seed();
	for (i = 0; i < 100; i++) {
		unit_random_bytes(p, 62);
		crc = ~sib_vcrc_update(SIB_VCRC_SEED, p, 62);
		p[62] = crc;
		p[63] = crc >> 8;
		rest = sib_vcrc_update(SIB_VCRC_SEED, p, 64);
		first = i ? first : rest;
		assert_int_equal(rest, first);
	}
}

UNIT_MAIN(
	CASE(the_sample_packet_has_the_icrc_that_the_standard_prints),
	CASE(the_sample_packet_has_that_icrc_on_every_lane),
	CASE(without_a_grh_the_lane_and_the_congestion_octet_are_masked),
	CASE(with_a_grh_all_that_a_router_changes_is_masked),
	CASE(with_a_grh_the_lrh_may_be_replaced_by_a_seed),
	CASE(the_vcrc_is_that_of_the_polynomial),
	CASE(the_vcrc_of_random_packets_is_that_of_its_twin),
	CASE(a_vcrc_may_be_carried_on_in_pieces),
	CASE(a_packet_with_its_vcrc_leaves_a_constant),
)
