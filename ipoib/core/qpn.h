/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The numbers of the QPs that an interface sends from, and sent from until a
 * moment ago: what they have sent may still come back from the fabric.
 */
#ifndef IPOIB_CORE_QPN_H
#define IPOIB_CORE_QPN_H

#include <linux/types.h>

/**
 * struct ipoib_qpn - the QPN of a transmit queue
 * @now: of its QP; 0 if it has none
 * @before: of the one before
 * @until: when @before may be somebody else's
 */
struct ipoib_qpn {
	u32 now;
	u32 before;
	u64 until;
};

void ipoib_qpn_change(struct ipoib_qpn *own, u32 qpn, u64 until);
bool ipoib_qpn_is_own(const struct ipoib_qpn *own, u32 qpn, u64 now);

#endif
