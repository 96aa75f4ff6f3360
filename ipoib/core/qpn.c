// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which QPNs are our own. Pure. Looked at while it is changed: who looks then
 * may miss the QPN before the last, and nothing else.
 */
#include <linux/compiler.h>
#include <linux/types.h>

#include "ipoib/core/qpn.h"

/**
 * ipoib_qpn_change() - a queue has another QP
 * @own: the queue's
 * @qpn: the QP's number, 0 for none
 * @until: the time until which the number of the QP before is not given to
 *	somebody else, or so we hope; in the unit of ipoib_qpn_is_own()
 */
void ipoib_qpn_change(struct ipoib_qpn *own, u32 qpn, u64 until)
{
	if (own->now) {
		WRITE_ONCE(own->until, until);
		WRITE_ONCE(own->before, own->now);
	}
	WRITE_ONCE(own->now, qpn);
}

/**
 * ipoib_qpn_is_own() - has a queue sent this?
 * @own: the queue's
 * @qpn: where it came from, not 0
 * @now: the time
 *
 * Return: true if so.
 */
bool ipoib_qpn_is_own(const struct ipoib_qpn *own, u32 qpn, u64 now)
{
	/* In this order: one that is changed is found here or there. */
	if (READ_ONCE(own->now) == qpn)
		return true;
	return READ_ONCE(own->before) == qpn && now < READ_ONCE(own->until);
}
