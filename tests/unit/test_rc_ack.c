// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What responses mean to a requester, against IBTA volume 1, sections 9.7.5.2
 * (acknowledges) and 9.7.6 (unexpected ones).
 */
#include "unit.h"

#include "sib/core/rc.h"

#define ACK_OP	0x11
#define UNA	0xfffffe
/* Six packets are outstanding. */
#define TOP	4

static enum sib_ack_verdict judge(u8 opcode, u32 psn, u8 syndrome, u32 *una)
{
	struct sib_hdr hdr = { .opcode = opcode, .psn = psn,
			       .syndrome = syndrome };

	*una = UNA;
	return sib_ack_judge(una, TOP, &hdr);
}

static void assert_judged(u32 psn, u8 syndrome, enum sib_ack_verdict verdict,
			  u32 una)
{
	u32 now;

	assert_int_equal(judge(ACK_OP, psn, syndrome, &now), verdict);
	assert_int_equal(now, una);
}

static void an_ack_covers_all_before_it(void **context)
{
	assert_judged(UNA, 0x1f, SIB_ACK_DONE, 0xffffff);
	assert_judged(1, 0x00, SIB_ACK_DONE, 2);
	assert_judged(3, 0x07, SIB_ACK_DONE, TOP);
}

static void a_nak_covers_all_before_it_but_not_itself(void **context)
{
	assert_judged(2, 0x60, SIB_ACK_AGAIN, 2);
	assert_judged(UNA, 0x60, SIB_ACK_AGAIN, UNA);
	assert_judged(2, 0x61, SIB_ACK_INV_REQUEST, 2);
	assert_judged(2, 0x62, SIB_ACK_REM_ACCESS, 2);
	assert_judged(2, 0x63, SIB_ACK_REM_OP, 2);
}

static void not_ready_covers_likewise(void **context)
{
	unsigned int code;

	for (code = 0; code < 32; code++)
		assert_judged(0xffffff, 0x20 | code, SIB_ACK_NOT_READY,
			      0xffffff);
}

static void what_was_never_sent_is_not_acknowledged(void **context)
{
	assert_judged(TOP, 0x1f, SIB_ACK_STALE, UNA);
	assert_judged(TOP, 0x60, SIB_ACK_STALE, UNA);
	assert_judged(0x700000, 0x61, SIB_ACK_STALE, UNA);
}

static void what_is_long_done_changes_nothing(void **context)
{
	assert_judged(UNA - 2, 0x1f, SIB_ACK_STALE, UNA);
	assert_judged(UNA - 1, 0x60, SIB_ACK_STALE, UNA);
	assert_judged(UNA - 1, 0x61, SIB_ACK_STALE, UNA);
	assert_judged(UNA - 1, 0x2c, SIB_ACK_STALE, UNA);
}

static void the_newest_ack_again_may_bring_credits(void **context)
{
	assert_judged(UNA - 1, 0x05, SIB_ACK_CREDIT, UNA);
}

static void reserved_syndromes_are_bad(void **context)
{
	unsigned int s;

	for (s = 0; s < 256; s++) {
		bool good = s < 0x40 || (s >= 0x60 && s <= 0x63);
		u32 una;

		check((judge(ACK_OP, 1, s, &una) == SIB_ACK_BAD) == !good,
		      "%#x", s);
		check(good || una == UNA, "%#x acknowledges", s);
	}
}

static void data_that_nobody_asked_for_are_bad(void **context)
{
	static const u8 opcodes[] = { 0x0d, 0x0e, 0x0f, 0x10, 0x12 };
	unsigned int i;
	u32 una;

	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		assert_int_equal(judge(opcodes[i], 1, 0x1f, &una),
				 SIB_ACK_BAD);
		assert_int_equal(una, UNA);
		/* Of somebody else's making, perhaps. */
		assert_int_equal(judge(opcodes[i], TOP, 0x1f, &una),
				 SIB_ACK_STALE);
		assert_int_equal(judge(opcodes[i], UNA - 1, 0x05, &una),
				 SIB_ACK_STALE);
	}
}

static void nothing_outstanding_nothing_acknowledged(void **context)
{
	unsigned int i;

	unit_seed();
	for (i = 0; i < 100000; i++) {
		u32 una = unit_random() & 0xffffff, now = una;
		struct sib_hdr hdr = { .opcode = ACK_OP,
				       .psn = unit_random() & 0xffffff,
				       .syndrome = unit_random() };
		enum sib_ack_verdict v = sib_ack_judge(&now, una, &hdr);

		check(now == una && (v == SIB_ACK_STALE ||
				     v == SIB_ACK_CREDIT), "%x", una);
	}
}

UNIT_MAIN(CASE(an_ack_covers_all_before_it),
	  CASE(a_nak_covers_all_before_it_but_not_itself),
	  CASE(not_ready_covers_likewise),
	  CASE(what_was_never_sent_is_not_acknowledged),
	  CASE(what_is_long_done_changes_nothing),
	  CASE(the_newest_ack_again_may_bring_credits),
	  CASE(reserved_syndromes_are_bad),
	  CASE(data_that_nobody_asked_for_are_bad),
	  CASE(nothing_outstanding_nothing_acknowledged))
