// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What a response means to a requester. Pure: called from any context. IBTA
 * volume 1, sections 9.7.5.2 and 9.7.6.
 */
#include <linux/types.h>

#include "sib/core/opcode.h"
#include "sib/core/rc.h"

static enum sib_ack_verdict nak_verdict(u8 code)
{
	switch (code) {
	case SIB_NAK_SEQUENCE:
		return SIB_ACK_AGAIN;
	case SIB_NAK_INV_REQUEST:
		return SIB_ACK_INV_REQUEST;
	case SIB_NAK_REM_ACCESS:
		return SIB_ACK_REM_ACCESS;
	case SIB_NAK_REM_OP:
		return SIB_ACK_REM_OP;
	}
	return SIB_ACK_BAD;
}

/* An acknowledgment again. Its credits are as good as those before. */
static enum sib_ack_verdict old_verdict(u32 una, const struct sib_hdr *hdr)
{
	bool newest = hdr->psn == sib_psn_add(una, SIB_PSN_MASK);

	if (newest && hdr->opcode == SIB_OP_RC_ACK &&
	    (hdr->syndrome & SIB_AETH_KIND) == SIB_AETH_ACK)
		return SIB_ACK_CREDIT;
	return SIB_ACK_STALE;
}

/**
 * sib_ack_judge() - what a response means
 * @una: oldest PSN that is not acknowledged; moved on by what the response
 *	acknowledges, which is everything before its PSN, and unless it is a
 *	NAK its PSN
 * @top: PSN after the newest that was ever sent
 * @hdr: the response
 *
 * Only SENDs are outstanding, so a response with data is none of them. One that
 * is about no outstanding PSN is left alone: somebody else may have made it.
 *
 * Context: Any.
 * Return: what to do.
 */
enum sib_ack_verdict sib_ack_judge(u32 *una, u32 top,
				   const struct sib_hdr *hdr)
{
	enum sib_ack_verdict verdict = SIB_ACK_BAD;

	if (sib_psn_diff(hdr->psn, *una) < 0)
		return old_verdict(*una, hdr);
	if (sib_psn_diff(hdr->psn, top) >= 0)
		return SIB_ACK_STALE;
	if (hdr->opcode != SIB_OP_RC_ACK)
		return SIB_ACK_BAD;
	switch (hdr->syndrome & SIB_AETH_KIND) {
	case SIB_AETH_ACK:
		*una = sib_psn_add(hdr->psn, 1);
		return SIB_ACK_DONE;
	case SIB_AETH_RNR:
		verdict = SIB_ACK_NOT_READY;
		break;
	case SIB_AETH_NAK:
		verdict = nak_verdict(hdr->syndrome & SIB_AETH_VALUE);
		break;
	}
	if (verdict != SIB_ACK_BAD)
		*una = hdr->psn;
	return verdict;
}
