// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Numbers of the connected transports against IBTA volume 1: PSNs (9.7.1), RNR
 * timers (table "Encoding for RNR NAK Timer Field"), acknowledge timeouts
 * (9.9.2.1), end-to-end credits (9.7.7.2), and the packets of a message
 * (9.7.3).
 */
#include "unit.h"

#include "sib/core/opcode.h"
#include "sib/core/rc.h"

static void psns_are_compared_around_the_wrap(void **context)
{
	assert_int_equal(sib_psn_diff(5, 3), 2);
	assert_int_equal(sib_psn_diff(3, 5), -2);
	assert_int_equal(sib_psn_diff(0, 0xffffff), 1);
	assert_int_equal(sib_psn_diff(0xffffff, 0), -1);
	assert_int_equal(sib_psn_diff(0x7fffff, 0), 0x7fffff);
	assert_int_equal(sib_psn_diff(0x800000, 0), -0x800000);
	assert_int_equal(sib_psn_add(0xffffff, 1), 0);
	assert_int_equal(sib_psn_add(0, 0xffffff), 0xffffff);
}

static void a_sum_of_psns_is_as_far_as_was_added(void **context)
{
	unsigned int i;

	unit_seed();
	for (i = 0; i < 100000; i++) {
		u32 a = unit_random() & 0xffffff, n = unit_below(1 << 23);

		check(sib_psn_diff(sib_psn_add(a, n), a) == (s32)n,
		      "%x and %x", a, n);
	}
}

static void rnr_timers_are_those_of_the_table(void **context)
{
	/* Hundredths of a millisecond. */
	static const u32 table[32] = {
		65536, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192,
		256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192,
		12288, 16384, 24576, 32768, 49152,
	};
	unsigned int code;

	for (code = 0; code < 32; code++)
		check(sib_rnr_us(code) == table[code] * 10, "code %u", code);
}

static void a_timeout_doubles_with_each_code(void **context)
{
	unsigned int code;

	assert_int_equal(sib_ack_timeout_us(0), 0);
	assert_int_equal(sib_ack_timeout_us(1), 9);
	assert_int_equal(sib_ack_timeout_us(14), 67109);
	for (code = 1; code < 32; code++) {
		u64 ns = 4096;
		unsigned int i;

		for (i = 0; i < code; i++)
			ns *= 2;
		check(sib_ack_timeout_us(code) * 1000 >= ns &&
		      sib_ack_timeout_us(code) * 1000 < ns + 1000,
		      "code %u", code);
	}
}

/* The table of IBTA, written out. */
static const u32 credits[31] = {
	0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384,
	512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384,
	24576, 32768,
};

static void a_credit_code_says_how_many(void **context)
{
	unsigned int code;

	for (code = 0; code < 31; code++)
		check(sib_credit_count(code) == credits[code], "code %u",
		      code);
}

static void no_credit_is_given_that_there_is_not(void **context)
{
	unsigned int n;

	for (n = 0; n < 70000; n++) {
		unsigned int code = sib_credit_code(n);

		check(code < 31 && credits[code] <= n &&
		      (code == 30 || credits[code + 1] > n), "%u", n);
	}
}

static void a_message_may_go_as_far_as_credits_reach(void **context)
{
	/* Nothing is known: the first has to ask. */
	assert_false(sib_credit_allows(1, 0, 0));
	assert_true(sib_credit_allows(1, 0, 1));
	assert_false(sib_credit_allows(2, 0, 1));
	/* Code 5 is six. */
	assert_true(sib_credit_allows(16, 10, 5));
	assert_false(sib_credit_allows(17, 10, 5));
	assert_true(sib_credit_allows(17, 10, 31));
	/* Around the wrap. */
	assert_true(sib_credit_allows(2, 0xfffffe, 4));
	assert_false(sib_credit_allows(3, 0xfffffe, 4));
}

static void a_message_takes_as_many_packets_as_it_fills(void **context)
{
	assert_int_equal(sib_seg_count(0, 256), 1);
	assert_int_equal(sib_seg_count(1, 256), 1);
	assert_int_equal(sib_seg_count(256, 256), 1);
	assert_int_equal(sib_seg_count(257, 256), 2);
	assert_int_equal(sib_seg_count(65536, 4096), 16);
	assert_int_equal(sib_seg_count(0x80000000, 256), 0x800000);
}

static void assert_cut(u32 length, u32 offset, bool imm, u8 opcode, u16 len)
{
	struct sib_seg seg;

	sib_seg_cut(&seg, SIB_TRANSPORT_RC, length, offset, 1024, imm);
	assert_int_equal(seg.opcode, opcode);
	assert_int_equal(seg.len, len);
	sib_seg_cut(&seg, SIB_TRANSPORT_UC, length, offset, 1024, imm);
	assert_int_equal(seg.opcode, opcode + 0x20);
}

static void each_packet_has_the_opcode_of_its_place(void **context)
{
	assert_cut(0, 0, false, 0x04, 0);
	assert_cut(1024, 0, false, 0x04, 1024);
	assert_cut(1024, 0, true, 0x05, 1024);
	assert_cut(2500, 0, true, 0x00, 1024);
	assert_cut(2500, 1024, true, 0x01, 1024);
	assert_cut(2500, 2048, true, 0x03, 452);
	assert_cut(2500, 2048, false, 0x02, 452);
	assert_cut(2048, 1024, false, 0x02, 1024);
}

static void the_packets_make_up_the_message(void **context)
{
	unsigned int i;

	unit_seed();
	for (i = 0; i < 20000; i++) {
		u16 mtu = 256 << unit_below(5);
		u32 length = unit_below(100000), at = 0, n = 0;
		struct sib_seg seg;

		do {
			sib_seg_cut(&seg, SIB_TRANSPORT_RC, length, at, mtu,
				    false);
			at += seg.len;
			n++;
		} while (!seg.last);
		check(at == length && n == sib_seg_count(length, mtu),
		      "%u in %u", length, mtu);
	}
}

UNIT_MAIN(CASE(psns_are_compared_around_the_wrap),
	  CASE(a_sum_of_psns_is_as_far_as_was_added),
	  CASE(rnr_timers_are_those_of_the_table),
	  CASE(a_timeout_doubles_with_each_code),
	  CASE(a_credit_code_says_how_many),
	  CASE(no_credit_is_given_that_there_is_not),
	  CASE(a_message_may_go_as_far_as_credits_reach),
	  CASE(a_message_takes_as_many_packets_as_it_fills),
	  CASE(each_packet_has_the_opcode_of_its_place),
	  CASE(the_packets_make_up_the_message))
