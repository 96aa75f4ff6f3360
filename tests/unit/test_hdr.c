// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Parsing and building of packet headers, against IBTA volume 1, chapters 7
 * (LRH), 8 (GRH) and 9 (BTH). The packet is always a heap copy of the size
 * that the parser was told it may read.
 */
#include "unit.h"
#include "wire.h"

#include "sib/core/hdr.h"
#include "sib/core/opcode.h"

/* Octets of headers that a caller makes linear. */
static size_t linear_of(size_t avail)
{
	return avail < SIB_HDR_MAX ? avail : SIB_HDR_MAX;
}

static enum sib_hdr_verdict parse_octets(struct sib_hdr *hdr, const u8 *p,
					 size_t linear, size_t avail)
{
	u8 *pkt = unit_exact(p, linear);
	enum sib_hdr_verdict verdict;

	memset(hdr, 0xee, sizeof(*hdr));
	verdict = sib_hdr_parse(hdr, pkt, linear, avail);
	if (!verdict && hdr->has_grh)
		assert_ptr_equal(hdr->grh, pkt + 8);
	free(pkt);
	return verdict;
}

static enum sib_hdr_verdict parse(struct sib_hdr *hdr, const struct wire *w)
{
	u8 p[WIRE_MAX];
	size_t len = wire_write(w, p);

	return parse_octets(hdr, p, len, len);
}

static void assert_verdict(enum sib_hdr_verdict expected,
			   const struct wire *w)
{
	struct sib_hdr hdr;

	assert_int_equal(parse(&hdr, w), expected);
}

static void a_datagram_is_read_field_by_field(void **context)
{
	struct wire w = wire_datagram(false, 6);
	struct sib_hdr hdr;

	assert_int_equal(parse(&hdr, &w), SIB_HDR_OK);
	assert_int_equal(hdr.len, 8 + 12 + 8 + 8 + 4);
	assert_int_equal(hdr.hlen, 28);
	assert_int_equal(hdr.plen, 6);
	assert_int_equal(hdr.pad, 2);
	assert_int_equal(hdr.dlid, 0x1234);
	assert_int_equal(hdr.slid, 0x0456);
	assert_int_equal(hdr.vl, 2);
	assert_int_equal(hdr.sl, 5);
	assert_int_equal(hdr.opcode, 0x64);
	assert_int_equal(hdr.pkey, 0x8123);
	assert_int_equal(hdr.dqpn, 0x765432);
	assert_int_equal(hdr.psn, 0x9abcde);
	assert_int_equal(hdr.qkey, 0x80010000);
	assert_int_equal(hdr.sqpn, 0x13579b);
}

static void a_packet_without_grh_has_none(void **context)
{
	struct wire w = wire_datagram(false, 8);
	struct sib_hdr hdr;

	assert_int_equal(parse(&hdr, &w), SIB_HDR_OK);
	assert_false(hdr.has_grh);
	assert_null(hdr.grh);
}

static void a_grh_is_read_field_by_field(void **context)
{
	struct wire w = wire_datagram(true, 8);
	struct sib_hdr hdr;

	assert_int_equal(parse(&hdr, &w), SIB_HDR_OK);
	assert_true(hdr.has_grh);
	assert_int_equal(hdr.hlen, 68);
	assert_int_equal(hdr.tclass, 0xa7);
	assert_int_equal(hdr.flow, 0xbcdef);
	assert_int_equal(hdr.hop_limit, 0x3c);
	assert_int_equal(hdr.dqpn, 0x765432);
	assert_int_equal(hdr.sqpn, 0x13579b);
}

static void each_bit_of_the_bth_has_its_field(void **context)
{
	struct wire w = wire_datagram(false, 8);
	struct sib_hdr hdr;
	unsigned int bits;

	for (bits = 0; bits < 8; bits++) {
		w.solicited = bits & 1;
		w.mig = bits >> 1 & 1;
		w.ack_req = bits >> 2;
		assert_int_equal(parse(&hdr, &w), SIB_HDR_OK);
		assert_int_equal(hdr.solicited, w.solicited);
		assert_int_equal(hdr.mig, w.mig);
		assert_int_equal(hdr.ack_req, w.ack_req);
	}
}

static void immediate_data_stand_behind_the_deth(void **context)
{
	struct wire w = wire_datagram(false, 8);
	struct sib_hdr hdr;

	w.opcode = 0x65;
	w.ext = 12;
	memcpy(w.imm, "\x12\x34\x56\x78", 4);
	assert_int_equal(parse(&hdr, &w), SIB_HDR_OK);
	assert_true(hdr.has_imm);
	assert_memory_equal(&hdr.imm, "\x12\x34\x56\x78", 4);
	assert_int_equal(hdr.plen, 8);
	w = wire_datagram(false, 8);
	assert_int_equal(parse(&hdr, &w), SIB_HDR_OK);
	assert_false(hdr.has_imm);
}

static void immediate_data_of_a_write_stand_behind_the_reth(void **context)
{
	struct wire w = wire_datagram(false, 8);
	u8 p[WIRE_MAX];
	struct sib_hdr hdr;
	size_t len;

	w.opcode = 0x0b;
	w.ext = 20;
	len = wire_write(&w, p);
	memcpy(p + 8 + 12 + 16, "\xca\xfe\xba\xbe", 4);
	assert_int_equal(parse_octets(&hdr, p, len, len), SIB_HDR_OK);
	assert_true(hdr.has_imm);
	assert_memory_equal(&hdr.imm, "\xca\xfe\xba\xbe", 4);
}

static void a_packet_cut_anywhere_is_a_runt(void **context)
{
	struct wire w = wire_datagram(true, 256);
	struct sib_hdr hdr;
	u8 p[WIRE_MAX];
	size_t len = wire_write(&w, p), avail;

	for (avail = 0; avail < len; avail++)
		check(parse_octets(&hdr, p, linear_of(avail), avail) ==
		      SIB_HDR_RUNT, "%zu octets of %zu", avail, len);
	assert_int_equal(parse_octets(&hdr, p, linear_of(len), len),
			 SIB_HDR_OK);
}

static void what_ethernet_pads_is_not_of_the_packet(void **context)
{
	struct wire w = wire_datagram(false, 4);
	u8 p[WIRE_MAX] = {};
	struct sib_hdr hdr;
	size_t len = wire_write(&w, p);

	assert_int_equal(parse_octets(&hdr, p, 60, 60), SIB_HDR_OK);
	assert_int_equal(hdr.len, len);
	assert_int_equal(hdr.plen, 4);
}

static void only_linear_octets_are_read(void **context)
{
	struct wire w = wire_datagram(true, 4000);
	struct sib_hdr hdr;
	u8 p[WIRE_MAX];
	size_t len = wire_write(&w, p);

	w.opcode = 0x13;
	w.ext = 28;
	w.payload = 0;
	assert_int_equal(parse_octets(&hdr, p, SIB_HDR_MAX, len), SIB_HDR_OK);
	assert_int_equal(hdr.plen, 4000);
	len = wire_write(&w, p);
	assert_int_equal(parse_octets(&hdr, p, linear_of(len), len),
			 SIB_HDR_OK);
}

static void a_length_below_the_least_packet_is_wrong(void **context)
{
	struct wire w = wire_datagram(false, 256);
	unsigned int words;

	for (words = 0; words < 6; words++) {
		w.lrh_extra = (int)words - (8 + 12 + 8 + 256 + 4) / 4;
		assert_verdict(SIB_HDR_LENGTH, &w);
	}
}

static void the_least_packet_is_an_acknowledge_or_a_send(void **context)
{
	struct wire w = wire_datagram(false, 0);
	struct sib_hdr hdr;

	w.opcode = 0x04;
	w.ext = 0;
	assert_int_equal(parse(&hdr, &w), SIB_HDR_OK);
	assert_int_equal(hdr.len, 24);
	assert_int_equal(hdr.plen, 0);
}

static void the_greatest_length_is_2047_words(void **context)
{
	struct wire w = wire_datagram(false, 8188 - 8 - 12 - 8 - 4);
	struct sib_hdr hdr;

	assert_int_equal(parse(&hdr, &w), SIB_HDR_OK);
	assert_int_equal(hdr.len, 8188);
}

static void reserved_bits_of_the_lrh_are_ignored(void **context)
{
	struct wire w = wire_datagram(false, 8);
	struct sib_hdr hdr;
	u8 p[WIRE_MAX];
	size_t len = wire_write(&w, p);

	p[4] |= 0xf8;
	p[1] |= 0x0c;
	assert_int_equal(parse_octets(&hdr, p, len, len), SIB_HDR_OK);
	assert_int_equal(hdr.len, len);
	assert_int_equal(hdr.sl, 5);
}

static void reserved_octets_of_bth_and_deth_are_ignored(void **context)
{
	struct wire w = wire_datagram(false, 8);
	struct sib_hdr hdr;
	u8 p[WIRE_MAX];
	size_t len = wire_write(&w, p);

	p[8 + 4] = 0xff;
	p[8 + 8] |= 0x7f;
	p[8 + 12 + 4] = 0xff;
	assert_int_equal(parse_octets(&hdr, p, len, len), SIB_HDR_OK);
	assert_int_equal(hdr.dqpn, 0x765432);
	assert_int_equal(hdr.psn, 0x9abcde);
	assert_int_equal(hdr.sqpn, 0x13579b);
	assert_false(hdr.ack_req);
}

static void raw_packets_are_told(void **context)
{
	struct wire w = wire_datagram(false, 64);

	for (w.lnh = 0; w.lnh < 2; w.lnh++)
		assert_verdict(SIB_HDR_RAW, &w);
}

static void unknown_versions_are_refused(void **context)
{
	struct wire good = wire_datagram(true, 64), w;
	unsigned int v;

	for (v = 1; v < 16; v++) {
		w = good;
		w.lver = v;
		assert_verdict(SIB_HDR_VERSION, &w);
		w = good;
		w.tver = v;
		assert_verdict(SIB_HDR_VERSION, &w);
	}
	for (v = 0; v < 16; v++) {
		w = good;
		w.ipver = v;
		assert_verdict(v == 6 ? SIB_HDR_OK : SIB_HDR_VERSION, &w);
	}
}

static void only_a_bth_may_follow_a_grh(void **context)
{
	struct wire w = wire_datagram(true, 64);
	unsigned int next;

	for (next = 0; next < 256; next++) {
		w.next = next;
		assert_verdict(next == 0x1b ? SIB_HDR_OK : SIB_HDR_VERSION,
			       &w);
	}
}

static void both_lengths_must_agree(void **context)
{
	static const int wrong[] = { -4, -1, 1, 4, 8, 1000 };
	struct wire w = wire_datagram(true, 64);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		w.grh_extra = wrong[i];
		assert_verdict(SIB_HDR_LENGTH, &w);
	}
}

static void a_grh_that_does_not_fit_is_refused(void **context)
{
	unsigned int payload;

	for (payload = 0; payload <= 28; payload += 4) {
		struct wire w = wire_datagram(false, payload);
		u8 p[WIRE_MAX];
		struct sib_hdr hdr;
		size_t len = wire_write(&w, p);

		p[1] |= 3;
		assert_int_equal(parse_octets(&hdr, p, len, len),
				 SIB_HDR_RUNT);
		/* All that a switch looks at before it passes it on. */
		assert_int_equal(sib_lrh_parse(&hdr, p, len), SIB_HDR_RUNT);
	}
}

static void the_pad_count_is_taken_off_the_payload(void **context)
{
	unsigned int payload;
	struct sib_hdr hdr;

	for (payload = 1; payload <= 64; payload++) {
		struct wire w = wire_datagram(payload & 1, payload);

		assert_int_equal(parse(&hdr, &w), SIB_HDR_OK);
		assert_int_equal(hdr.plen, payload);
		assert_int_equal(hdr.pad, -payload & 3);
	}
}

static void padding_without_payload_is_wrong(void **context)
{
	struct wire w = wire_datagram(false, 0);
	struct sib_hdr hdr;
	u8 p[WIRE_MAX];
	size_t len = wire_write(&w, p);
	unsigned int pad;

	for (pad = 1; pad < 4; pad++) {
		p[8 + 1] = pad << 4;
		assert_int_equal(parse_octets(&hdr, p, len, len),
				 SIB_HDR_LENGTH);
	}
}

static void packets_too_short_for_their_headers_are_wrong(void **context)
{
	unsigned int op, cut;

	for (op = 0; op < 256; op++) {
		const struct sib_opcode_info *info = sib_opcode(op);
		struct wire w = wire_datagram(op & 1, 0);

		if (info->transport == SIB_TRANSPORT_NONE)
			continue;
		w.opcode = op;
		for (cut = 0; cut < info->ext_len; cut += 4) {
			w.ext = cut;
			assert_verdict(SIB_HDR_LENGTH, &w);
		}
		w.ext = info->ext_len;
		assert_verdict(SIB_HDR_OK, &w);
	}
}

/* READ requests, acknowledges and atomics. */
static bool carries_nothing(unsigned int op)
{
	return op == 0x0c || (op >= 0x11 && op <= 0x14);
}

static void only_some_opcodes_carry_a_payload(void **context)
{
	unsigned int op;

	for (op = 0; op < 256; op++) {
		const struct sib_opcode_info *info = sib_opcode(op);
		struct wire w = wire_datagram(false, 4);

		if (info->transport == SIB_TRANSPORT_NONE)
			continue;
		w.opcode = op;
		w.ext = info->ext_len;
		assert_verdict(carries_nothing(op) ? SIB_HDR_LENGTH :
						     SIB_HDR_OK, &w);
	}
}

static void opcodes_that_are_not_assigned_are_refused(void **context)
{
	unsigned int op;

	for (op = 0; op < 256; op++) {
		struct wire w = wire_datagram(false, 64);

		w.opcode = op;
		if (sib_opcode(op)->transport == SIB_TRANSPORT_NONE)
			assert_verdict(SIB_HDR_OPCODE, &w);
	}
}

static void a_switch_reads_the_lrh_alone(void **context)
{
	struct wire w = wire_datagram(true, 16);
	struct sib_hdr hdr = {};
	u8 p[WIRE_MAX], *pkt;
	size_t len = wire_write(&w, p);

	pkt = unit_exact(p, 8);
	assert_int_equal(sib_lrh_parse(&hdr, pkt, len), SIB_HDR_OK);
	free(pkt);
	assert_int_equal(hdr.len, len);
	assert_int_equal(hdr.dlid, 0x1234);
	assert_int_equal(hdr.slid, 0x0456);
	assert_int_equal(hdr.vl, 2);
	assert_int_equal(hdr.sl, 5);
	assert_true(hdr.has_grh);
	assert_int_equal(hdr.opcode, 0);
}

static struct sib_hdr header_of(const struct wire *w, const u8 *grh)
{
	return (struct sib_hdr){
		.len = (w->lnh == 3 ? 48 : 8) + 12 + w->ext + w->payload +
		       w->pad + 4,
		.dlid = w->dlid, .slid = w->slid, .pkey = w->pkey,
		.vl = w->vl, .sl = w->sl, .opcode = w->opcode, .pad = w->pad,
		.has_grh = w->lnh == 3, .solicited = w->solicited,
		.ack_req = w->ack_req, .mig = w->mig, .dqpn = w->dqpn,
		.psn = w->psn, .qkey = w->qkey, .sqpn = w->sqpn,
		.tclass = w->tclass, .hop_limit = w->hop_limit,
		.flow = w->flow, .grh = grh,
	};
}

static struct wire random_datagram(void)
{
	struct wire w = wire_datagram(unit_once_in(2), unit_below(4096));

	w.vl = unit_below(16);
	w.sl = unit_below(16);
	w.dlid = unit_random();
	w.slid = unit_random();
	w.tclass = unit_random();
	w.hop_limit = unit_random();
	w.flow = unit_random() & 0xfffff;
	w.solicited = unit_below(2);
	w.mig = unit_below(2);
	w.ack_req = unit_below(2);
	w.pkey = unit_random();
	w.dqpn = unit_random() & 0xffffff;
	w.psn = unit_random() & 0xffffff;
	w.qkey = unit_random();
	w.sqpn = unit_random() & 0xffffff;
	unit_random_bytes(w.imm, 4);
	if (unit_once_in(3)) {
		w.opcode = 0x65;
		w.ext = 12;
	}
	return w;
}

static void what_is_built_is_what_the_layout_says(void **context)
{
	unsigned int i;

	unit_seed();
	for (i = 0; i < 20000; i++) {
		struct wire w = random_datagram();
		u8 p[WIRE_MAX], grh[40] = {}, *built;
		struct sib_hdr hdr;
		size_t size;

		wire_write(&w, p);
		memcpy(grh + 8, w.sgid, 16);
		memcpy(grh + 24, w.dgid, 16);
		hdr = header_of(&w, w.lnh == 3 ? grh : NULL);
		memcpy(&hdr.imm, w.imm, 4);
		size = (w.lnh == 3 ? 48 : 8) + 12 + w.ext;
		assert_int_equal(sib_hdr_size(&hdr), size);
		built = malloc(size);
		memset(built, 0xff, size);
		sib_hdr_build(&hdr, built);
		assert_memory_equal(built, p, size);
		free(built);
	}
}

/* The slow twin: every field by the number of its first bit. */
static void compare_fields(const struct sib_hdr *hdr, const u8 *p)
{
	unsigned int at = hdr->has_grh ? 48 : 8;

	assert_int_equal(hdr->vl, unit_bits(p, 0, 4));
	assert_int_equal(hdr->sl, unit_bits(p, 8, 4));
	assert_int_equal(hdr->dlid, unit_bits(p, 16, 16));
	assert_int_equal(hdr->len, unit_bits(p, 37, 11) * 4);
	assert_int_equal(hdr->slid, unit_bits(p, 48, 16));
	if (hdr->has_grh) {
		assert_int_equal(hdr->tclass, unit_bits(p + 8, 4, 8));
		assert_int_equal(hdr->flow, unit_bits(p + 8, 12, 20));
		assert_int_equal(hdr->hop_limit, unit_bits(p + 8, 56, 8));
	}
	assert_int_equal(hdr->opcode, unit_bits(p + at, 0, 8));
	assert_int_equal(hdr->pad, unit_bits(p + at, 10, 2));
	assert_int_equal(hdr->pkey, unit_bits(p + at, 16, 16));
	assert_int_equal(hdr->dqpn, unit_bits(p + at, 40, 24));
	assert_int_equal(hdr->psn, unit_bits(p + at, 72, 24));
	assert_int_equal(hdr->hlen + hdr->plen + hdr->pad + 4, hdr->len);
}

static void damaged_packets_are_refused_or_read_right(void **context)
{
	unsigned int i, flips, accepted = 0;
	struct sib_hdr hdr;

	unit_seed();
	for (i = 0; i < 50000; i++) {
		struct wire w = random_datagram();
		u8 p[WIRE_MAX];
		size_t len = wire_write(&w, p);

		for (flips = unit_below(4); flips; flips--)
			p[unit_below(68)] ^= 1 << unit_below(8);
		len -= unit_once_in(4) ? unit_below(len) : 0;
		if (parse_octets(&hdr, p, linear_of(len), len))
			continue;
		accepted++;
		assert_true(hdr.len <= len);
		compare_fields(&hdr, p);
	}
	/* Most flips hit an address or a key, so most packets still pass. */
	assert_true(accepted > 10000);
}

static void lids_are_told_by_their_range(void **context)
{
	assert_false(sib_lid_is_unicast(0));
	assert_true(sib_lid_is_unicast(1));
	assert_true(sib_lid_is_unicast(0xbfff));
	assert_false(sib_lid_is_unicast(0xc000));
	assert_false(sib_lid_is_mcast(0xbfff));
	assert_true(sib_lid_is_mcast(0xc000));
	assert_true(sib_lid_is_mcast(0xfffe));
	assert_false(sib_lid_is_mcast(0xffff));
	assert_false(sib_lid_is_unicast(0xffff));
}

UNIT_MAIN(
	CASE(a_datagram_is_read_field_by_field),
	CASE(a_packet_without_grh_has_none),
	CASE(a_grh_is_read_field_by_field),
	CASE(each_bit_of_the_bth_has_its_field),
	CASE(immediate_data_stand_behind_the_deth),
	CASE(immediate_data_of_a_write_stand_behind_the_reth),
	CASE(a_packet_cut_anywhere_is_a_runt),
	CASE(what_ethernet_pads_is_not_of_the_packet),
	CASE(only_linear_octets_are_read),
	CASE(a_length_below_the_least_packet_is_wrong),
	CASE(the_least_packet_is_an_acknowledge_or_a_send),
	CASE(the_greatest_length_is_2047_words),
	CASE(reserved_bits_of_the_lrh_are_ignored),
	CASE(reserved_octets_of_bth_and_deth_are_ignored),
	CASE(raw_packets_are_told),
	CASE(unknown_versions_are_refused),
	CASE(only_a_bth_may_follow_a_grh),
	CASE(both_lengths_must_agree),
	CASE(a_grh_that_does_not_fit_is_refused),
	CASE(the_pad_count_is_taken_off_the_payload),
	CASE(padding_without_payload_is_wrong),
	CASE(packets_too_short_for_their_headers_are_wrong),
	CASE(only_some_opcodes_carry_a_payload),
	CASE(opcodes_that_are_not_assigned_are_refused),
	CASE(a_switch_reads_the_lrh_alone),
	CASE(what_is_built_is_what_the_layout_says),
	CASE(damaged_packets_are_refused_or_read_right),
	CASE(lids_are_told_by_their_range),
)
