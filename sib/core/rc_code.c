// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Codes of the connected transports: RNR timers, acknowledge timeouts and
 * end-to-end credits. Pure: called from any context. IBTA volume 1, sections
 * 9.7.5.2.8, 9.9.2.1 and 9.7.7.2.
 */
#include <linux/types.h>

#include "sib/core/rc.h"

/* In units of 10 us. */
static const u16 rnr_timers[32] = {
	65535,
	1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512,
	768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576,
	32768, 49152,
};

/**
 * sib_rnr_us() - how long an RNR NAK wants the requester to wait
 * @code: 0 to 31
 *
 * Code 0 is the longest, 655.36 ms.
 *
 * Context: Any.
 * Return: microseconds.
 */
u32 sib_rnr_us(u8 code)
{
	code &= SIB_AETH_VALUE;
	return code ? rnr_timers[code] * 10 : 655360;
}

/**
 * sib_ack_timeout_us() - how long a requester waits for a response
 * @code: 0 to 31
 *
 * 4.096 us times two to the power of the code.
 *
 * Context: Any.
 * Return: microseconds, rounded up; 0 for a code of 0, which is for ever.
 */
u64 sib_ack_timeout_us(u8 code)
{
	return code ? ((4096ULL << (code & 31)) + 999) / 1000 : 0;
}

/**
 * sib_credit_code() - say how many receive WRs there are
 * @wqes: how many
 *
 * Context: Any.
 * Return: the code of the largest number that is not above it.
 */
u8 sib_credit_code(u32 wqes)
{
	u8 code = SIB_CREDIT_NONE - 1;

	while (sib_credit_count(code) > wqes)
		code--;
	return code;
}

/**
 * sib_credit_count() - how many receive WRs a code says there are
 * @code: 0 to 30
 *
 * Powers of two, and one and a half times these.
 *
 * Context: Any.
 * Return: how many.
 */
u32 sib_credit_count(u8 code)
{
	u32 power = 1U << code / 2;

	if (!code)
		return 0;
	return code & 1 ? power + power / 2 : power;
}

/**
 * sib_credit_allows() - may a message be sent without a limit?
 * @ssn: number of the message, the first one is 1, 24 bits
 * @msn: messages that the responder has completed, as it said last
 * @code: the credit code that came with that
 *
 * Context: Any.
 * Return: true if a receive WR is known to be there for it.
 */
bool sib_credit_allows(u32 ssn, u32 msn, u8 code)
{
	if (code == SIB_CREDIT_NONE)
		return true;
	return sib_psn_diff(ssn, msn + sib_credit_count(code)) <= 0;
}
