/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How packets are dropped: with the reason that fits their counter best, which
 * the tracepoint skb:kfree_skb and dropwatch show. Reasons of our own would
 * need a number in the kernel's enumeration, so the general ones it is. What
 * was sent is not dropped: napi_consume_skb() frees that.
 */
#ifndef IPOIB_DROP_H
#define IPOIB_DROP_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include "ipoib/counter.h"

/* By enum ipoib_counter; 0 where there is none that fits. */
extern const enum skb_drop_reason ipoib_drop_reasons[IPOIB_COUNTERS];

/*
 * Free a packet that was not sent; whoever calls has counted it. Inline, for
 * the tracepoint tells which function did it. Any context.
 */
static __always_inline void ipoib_drop_skb(struct sk_buff *skb,
					   enum ipoib_counter why)
{
	/* From netpoll: it is freed later, and without its reason. */
	if (unlikely(in_hardirq() || irqs_disabled()))
		dev_kfree_skb_any(skb);
	else
		kfree_skb_reason(skb, ipoib_drop_reasons[why] ?:
				      SKB_DROP_REASON_NOT_SPECIFIED);
}

#endif
