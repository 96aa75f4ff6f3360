// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What responders do with requests, against IBTA volume 1, sections 9.7.4.1
 * (RC: PSN, opcode sequence, length) and 9.8.2.2 (UC).
 */
#include "unit.h"

#include "sib/core/opcode.h"
#include "sib/core/rc.h"

#define MTU	1024

/* Opcodes of an RC SEND; UC's stand 0x20 higher. */
enum { FIRST, MIDDLE, LAST, LAST_IMM, ONLY, ONLY_IMM };

static struct sib_hdr request(u8 opcode, u32 psn, u16 plen)
{
	struct sib_hdr hdr = { .opcode = opcode, .psn = psn, .plen = plen };

	return hdr;
}

static enum sib_resp_verdict rc(bool midway, u8 opcode, u32 psn, u16 plen)
{
	struct sib_resp resp = { .epsn = 100, .mtu = MTU, .midway = midway };
	struct sib_hdr hdr = request(opcode, psn, plen);

	return sib_rc_judge(&resp, &hdr);
}

static enum sib_resp_verdict uc(bool midway, u8 opcode, u32 psn, u16 plen)
{
	struct sib_resp resp = { .epsn = 100, .mtu = MTU, .midway = midway };
	struct sib_hdr hdr = request(0x20 + opcode, psn, plen);

	return sib_uc_judge(&resp, &hdr);
}

static void the_expected_packet_is_taken(void **context)
{
	assert_int_equal(rc(false, ONLY, 100, 5), SIB_RESP_EXECUTE);
	assert_int_equal(rc(false, ONLY_IMM, 100, 5), SIB_RESP_EXECUTE);
	assert_int_equal(rc(false, FIRST, 100, MTU), SIB_RESP_EXECUTE);
	assert_int_equal(rc(true, MIDDLE, 100, MTU), SIB_RESP_EXECUTE);
	assert_int_equal(rc(true, LAST, 100, 1), SIB_RESP_EXECUTE);
	assert_int_equal(rc(true, LAST_IMM, 100, MTU), SIB_RESP_EXECUTE);
}

static void what_came_before_is_a_duplicate(void **context)
{
	assert_int_equal(rc(false, ONLY, 99, 5), SIB_RESP_DUPLICATE);
	assert_int_equal(rc(true, ONLY, 0, 5), SIB_RESP_DUPLICATE);
	/* Whatever it is: it was judged when it came first. */
	assert_int_equal(rc(false, 0x0c, 99, 0), SIB_RESP_DUPLICATE);
	assert_int_equal(rc(false, FIRST, 99, 1), SIB_RESP_DUPLICATE);
	assert_int_equal(rc(false, ONLY, 100 - 0x800000 + 0x1000000, 5),
			 SIB_RESP_DUPLICATE);
}

static void what_comes_too_early_leaves_a_gap(void **context)
{
	assert_int_equal(rc(false, ONLY, 101, 5), SIB_RESP_GAP);
	assert_int_equal(rc(true, MIDDLE, 102, 5), SIB_RESP_GAP);
	assert_int_equal(rc(false, ONLY, 100 + 0x7fffff, 5), SIB_RESP_GAP);
}

static void every_psn_is_one_of_three(void **context)
{
	unsigned int i, seen[3] = {};

	unit_seed();
	for (i = 0; i < 100000; i++) {
		struct sib_resp resp = { .epsn = unit_random() & 0xffffff,
					 .mtu = MTU };
		u32 psn = unit_once_in(3) ? resp.epsn :
					    unit_random() & 0xffffff;
		struct sib_hdr hdr = request(ONLY, psn, 3);
		u32 ahead = (psn + 0x1000000 - resp.epsn) % 0x1000000;
		enum sib_resp_verdict want =
			!ahead ? SIB_RESP_EXECUTE :
			ahead < 0x800000 ? SIB_RESP_GAP : SIB_RESP_DUPLICATE;

		check(sib_rc_judge(&resp, &hdr) == want, "%x at %x", psn,
		      resp.epsn);
		seen[want]++;
	}
	assert_true(seen[0] && seen[1] && seen[2]);
}

static void packets_of_a_message_come_in_their_order(void **context)
{
	static const u8 opcodes[] = { FIRST, MIDDLE, LAST, LAST_IMM, ONLY,
				      ONLY_IMM };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		bool begins = opcodes[i] == FIRST || opcodes[i] >= ONLY;

		check(rc(begins, opcodes[i], 100, MTU) == SIB_RESP_INVALID,
		      "%u", opcodes[i]);
		check(rc(!begins, opcodes[i], 100, MTU) == SIB_RESP_EXECUTE,
		      "%u", opcodes[i]);
	}
}

static void all_packets_but_the_last_are_full(void **context)
{
	unsigned int len;

	for (len = 0; len <= MTU + 4; len++) {
		enum sib_resp_verdict full = len == MTU ? SIB_RESP_EXECUTE :
							  SIB_RESP_INVALID;
		enum sib_resp_verdict only = len <= MTU ? SIB_RESP_EXECUTE :
							  SIB_RESP_INVALID;
		enum sib_resp_verdict last = len ? only : SIB_RESP_INVALID;

		check(rc(false, FIRST, 100, len) == full, "%u", len);
		check(rc(true, MIDDLE, 100, len) == full, "%u", len);
		check(rc(true, LAST, 100, len) == last, "%u", len);
		check(rc(false, ONLY, 100, len) == only, "%u", len);
	}
}

static void what_is_no_send_is_refused(void **context)
{
	static const u8 opcodes[] = { 0x06, 0x0a, 0x0b, 0x0c, 0x13, 0x14,
				      0x16, 0x17 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		check(rc(false, opcodes[i], 100, MTU) == SIB_RESP_INVALID,
		      "%#x", opcodes[i]);
		check(rc(true, opcodes[i], 100, MTU) == SIB_RESP_INVALID,
		      "%#x", opcodes[i]);
	}
}

static void a_datagram_like_message_may_begin_anywhere(void **context)
{
	assert_int_equal(uc(false, ONLY, 100, 5), SIB_RESP_EXECUTE);
	assert_int_equal(uc(false, ONLY, 7, 5), SIB_RESP_EXECUTE);
	assert_int_equal(uc(true, FIRST, 4711, MTU), SIB_RESP_EXECUTE);
	assert_int_equal(uc(true, ONLY_IMM, 100, 0), SIB_RESP_EXECUTE);
}

static void and_goes_on_without_a_gap_or_not_at_all(void **context)
{
	assert_int_equal(uc(true, MIDDLE, 100, MTU), SIB_RESP_EXECUTE);
	assert_int_equal(uc(true, LAST, 100, 5), SIB_RESP_EXECUTE);
	assert_int_equal(uc(true, MIDDLE, 101, MTU), SIB_RESP_DROP);
	assert_int_equal(uc(true, MIDDLE, 99, MTU), SIB_RESP_DROP);
	assert_int_equal(uc(false, MIDDLE, 100, MTU), SIB_RESP_DROP);
	assert_int_equal(uc(false, LAST, 100, 5), SIB_RESP_DROP);
	assert_int_equal(uc(true, MIDDLE, 100, MTU - 4), SIB_RESP_DROP);
	assert_int_equal(uc(true, LAST, 100, 0), SIB_RESP_DROP);
	assert_int_equal(uc(false, 0x0a, 100, 5), SIB_RESP_DROP);
}

UNIT_MAIN(CASE(the_expected_packet_is_taken),
	  CASE(what_came_before_is_a_duplicate),
	  CASE(what_comes_too_early_leaves_a_gap),
	  CASE(every_psn_is_one_of_three),
	  CASE(packets_of_a_message_come_in_their_order),
	  CASE(all_packets_but_the_last_are_full),
	  CASE(what_is_no_send_is_refused),
	  CASE(a_datagram_like_message_may_begin_anywhere),
	  CASE(and_goes_on_without_a_gap_or_not_at_all))
