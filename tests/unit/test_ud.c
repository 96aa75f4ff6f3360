// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which packet may go to which datagram QP: IBTA volume 1, sections 9.6
 * (header validation), 10.9 (partitioning) and 14.2.1 (QP0).
 */
#include "unit.h"

#include "sib/core/ud.h"

#define MAD	256

/* The rule in words: the same partition, and one of the two a full member. */
static bool naive_match(u16 a, u16 b)
{
	bool a_is_full = a >= 0x8000, b_is_full = b >= 0x8000;
	u16 a_partition = a % 0x8000, b_partition = b % 0x8000;

	if (a_partition == 0 || b_partition == 0)
		return false;
	if (a_partition != b_partition)
		return false;
	return a_is_full || b_is_full;
}

static void check_match(u16 a, u16 b)
{
	check(sib_pkey_match(a, b) == naive_match(a, b), "%#x and %#x", a, b);
}

static void every_pkey_matches_as_the_rule_says(void **context)
{
	unsigned int a, bit;

	for (a = 0; a <= 0xffff; a++) {
		check_match(a, a);
		check_match(a, a ^ 0x8000);
		check_match(a, 0);
		check_match(a, 0x8000);
		check_match(a, 0xffff);
		check_match(a, 0x7fff);
		for (bit = 0; bit < 15; bit++)
			check_match(a, a ^ 1 << bit);
	}
}

static void random_pkeys_match_as_the_rule_says(void **context)
{
	unsigned int i;

	unit_seed();
	for (i = 0; i < 1000000; i++)
		check_match(unit_random(), unit_random());
}

static void two_limited_members_may_not_talk(void **context)
{
	assert_false(sib_pkey_match(0x7fff, 0x7fff));
	assert_true(sib_pkey_match(0x7fff, 0xffff));
	assert_true(sib_pkey_match(0xffff, 0x7fff));
	assert_true(sib_pkey_match(0xffff, 0xffff));
}

static const u16 one_pkey[] = { 0x8001 };

/* A good packet to each kind of QP; the cases spoil it. */
static struct sib_hdr good_hdr(enum sib_ud_kind kind)
{
	return (struct sib_hdr){
		.opcode = 0x64,
		.vl = kind == SIB_UD_SMI ? 15 : 0,
		.plen = MAD,
		.dlid = 7, .slid = 9,
		.pkey = 0x8001,
		.qkey = 0x11111111,
		.dqpn = kind,
	};
}

static struct sib_ud_rules rules_of(enum sib_ud_kind kind)
{
	return (struct sib_ud_rules){
		.kind = kind,
		.qkey = 0x11111111,
		.pkeys = one_pkey,
		.num_pkeys = 1,
	};
}

static enum sib_ud_verdict judge(enum sib_ud_kind kind,
				 const struct sib_hdr *hdr)
{
	struct sib_ud_rules rules = rules_of(kind);
	u16 *pkeys = unit_exact(rules.pkeys, rules.num_pkeys * 2), index;
	enum sib_ud_verdict verdict;

	rules.pkeys = pkeys;
	verdict = sib_ud_check(&rules, hdr, &index);
	free(pkeys);
	return verdict;
}

static const enum sib_ud_kind kinds[] = {
	SIB_UD_SMI, SIB_UD_GSI, SIB_UD_PLAIN,
};

static void a_good_packet_passes(void **context)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct sib_hdr hdr = good_hdr(kinds[i]);

		assert_int_equal(judge(kinds[i], &hdr), SIB_UD_OK);
		hdr.opcode = 0x65;
		assert_int_equal(judge(kinds[i], &hdr), SIB_UD_OK);
	}
}

static void only_datagrams_pass(void **context)
{
	unsigned int i, op;

	for (i = 0; i < 3; i++) {
		struct sib_hdr hdr = good_hdr(kinds[i]);

		for (op = 0; op < 256; op++) {
			hdr.opcode = op;
			check((judge(kinds[i], &hdr) == SIB_UD_TRANSPORT) ==
			      (op != 0x64 && op != 0x65), "opcode %#x", op);
		}
	}
}

static void qp0_and_nobody_else_takes_vl15(void **context)
{
	unsigned int i, vl;

	for (i = 0; i < 3; i++) {
		struct sib_hdr hdr = good_hdr(kinds[i]);

		for (vl = 0; vl < 16; vl++) {
			hdr.vl = vl;
			check((judge(kinds[i], &hdr) == SIB_UD_OK) ==
			      ((kinds[i] == SIB_UD_SMI) == (vl == 15)),
			      "kind %u on VL %u", kinds[i], vl);
		}
	}
}

static void qp0_and_qp1_want_256_octets(void **context)
{
	static const u16 lengths[] = { 0, 4, 252, 255, 256, 257, 260, 4096 };
	unsigned int i, n;

	for (i = 0; i < 3; i++) {
		struct sib_hdr hdr = good_hdr(kinds[i]);

		for (n = 0; n < ARRAY_SIZE(lengths); n++) {
			hdr.plen = lengths[n];
			assert_int_equal(judge(kinds[i], &hdr),
					 kinds[i] == SIB_UD_PLAIN ||
					 lengths[n] == 256 ?
					 SIB_UD_OK : SIB_UD_MAD_LEN);
		}
	}
}

static void the_permissive_lid_is_for_qp0(void **context)
{
	struct sib_hdr hdr;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		hdr = good_hdr(kinds[i]);
		hdr.dlid = 0xffff;
		assert_int_equal(judge(kinds[i], &hdr),
				 kinds[i] == SIB_UD_SMI ? SIB_UD_OK :
							  SIB_UD_LID);
	}
}

static void an_answer_has_somebody_to_go_to(void **context)
{
	unsigned int i, slid;

	for (i = 0; i < 3; i++) {
		struct sib_hdr hdr = good_hdr(kinds[i]);

		for (slid = 0; slid <= 0xffff; slid++) {
			bool good = (slid >= 1 && slid <= 0xbfff) ||
				    (slid == 0xffff && kinds[i] == SIB_UD_SMI);

			hdr.slid = slid;
			check(judge(kinds[i], &hdr) ==
			      (good ? SIB_UD_OK : SIB_UD_SLID),
			      "kind %u from LID %#x", kinds[i], slid);
		}
	}
}

static struct sib_hdr multicast_hdr(u16 dlid, const u8 *grh)
{
	struct sib_hdr hdr = good_hdr(SIB_UD_PLAIN);

	hdr.dlid = dlid;
	hdr.dqpn = 0xffffff;
	hdr.has_grh = grh != NULL;
	hdr.grh = grh;
	return hdr;
}

static void a_multicast_lid_goes_with_a_multicast_gid(void **context)
{
	static const u8 group[40] = { [24] = 0xff, 0x12, 0x40, 0x1b };
	static const u8 host[40] = { [24] = 0xfe, 0x80 };
	static const struct {
		u16 dlid;
		const u8 *grh;
		enum sib_ud_verdict verdict;
	} rows[] = {
		{ 0xc000, group, SIB_UD_OK },
		{ 0xfffe, group, SIB_UD_OK },
		{ 0xc000, host, SIB_UD_GRH },
		{ 0xc000, NULL, SIB_UD_GRH },
		{ 0xbfff, group, SIB_UD_GRH },
		{ 0xbfff, host, SIB_UD_OK },
		{ 0x0001, NULL, SIB_UD_OK },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sib_hdr hdr = multicast_hdr(rows[i].dlid, rows[i].grh);

		check(judge(SIB_UD_PLAIN, &hdr) == rows[i].verdict,
		      "row %u", i);
	}
}

static void qp0_looks_at_no_keys(void **context)
{
	struct sib_hdr hdr = good_hdr(SIB_UD_SMI);

	hdr.pkey = 0x1234;
	hdr.qkey = 0;
	assert_int_equal(judge(SIB_UD_SMI, &hdr), SIB_UD_OK);
}

static void other_qps_refuse_a_wrong_pkey(void **context)
{
	struct sib_hdr hdr;
	unsigned int i;

	for (i = 1; i < 3; i++) {
		hdr = good_hdr(kinds[i]);
		hdr.pkey = 0x8002;
		assert_int_equal(judge(kinds[i], &hdr), SIB_UD_PKEY);
		hdr.pkey = 0x0001;
		assert_int_equal(judge(kinds[i], &hdr), SIB_UD_OK);
	}
}

static void other_qps_refuse_a_wrong_qkey(void **context)
{
	struct sib_hdr hdr;
	unsigned int i, bit;

	for (i = 1; i < 3; i++) {
		for (bit = 0; bit < 32; bit++) {
			hdr = good_hdr(kinds[i]);
			hdr.qkey ^= 1U << bit;
			assert_int_equal(judge(kinds[i], &hdr), SIB_UD_QKEY);
		}
	}
}

static void qp1_takes_any_pkey_of_the_table_and_tells_which(void **context)
{
	static const u16 table[] = { 0, 0x7fff, 0x8003, 0x8004, 0x8004 };
	struct sib_ud_rules rules = rules_of(SIB_UD_GSI);
	struct sib_hdr hdr = good_hdr(SIB_UD_GSI);
	u16 index = 99;

	rules.pkeys = table;
	rules.num_pkeys = ARRAY_SIZE(table);
	hdr.pkey = 0xffff;
	assert_int_equal(sib_ud_check(&rules, &hdr, &index), SIB_UD_OK);
	assert_int_equal(index, 1);
	hdr.pkey = 0x0004;
	assert_int_equal(sib_ud_check(&rules, &hdr, &index), SIB_UD_OK);
	assert_int_equal(index, 3);
	hdr.pkey = 0x7fff;
	assert_int_equal(sib_ud_check(&rules, &hdr, &index), SIB_UD_PKEY);
	hdr.pkey = 0;
	assert_int_equal(sib_ud_check(&rules, &hdr, &index), SIB_UD_PKEY);
}

static void an_empty_table_lets_nobody_in(void **context)
{
	struct sib_ud_rules rules = rules_of(SIB_UD_GSI);
	struct sib_hdr hdr = good_hdr(SIB_UD_GSI);
	u16 index;

	rules.num_pkeys = 0;
	assert_int_equal(sib_ud_check(&rules, &hdr, &index), SIB_UD_PKEY);
}

UNIT_MAIN(
	CASE(every_pkey_matches_as_the_rule_says),
	CASE(random_pkeys_match_as_the_rule_says),
	CASE(two_limited_members_may_not_talk),
	CASE(a_good_packet_passes),
	CASE(only_datagrams_pass),
	CASE(qp0_and_nobody_else_takes_vl15),
	CASE(qp0_and_qp1_want_256_octets),
	CASE(the_permissive_lid_is_for_qp0),
	CASE(an_answer_has_somebody_to_go_to),
	CASE(a_multicast_lid_goes_with_a_multicast_gid),
	CASE(qp0_looks_at_no_keys),
	CASE(other_qps_refuse_a_wrong_pkey),
	CASE(other_qps_refuse_a_wrong_qkey),
	CASE(qp1_takes_any_pkey_of_the_table_and_tells_which),
	CASE(an_empty_table_lets_nobody_in),
)
