/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Bundles of packets on their way: see sib/core/bundle.h.
 */
#ifndef SIB_FABRIC_BUNDLE_H
#define SIB_FABRIC_BUNDLE_H

#include <linux/skbuff.h>

#include "sib/fabric/port.h"

static inline u16 sib_packets_of(struct sk_buff *skb)
{
	return sib_skb_cb(skb)->packets ?: 1;
}

u32 sib_bundle_room(const struct sib_port *port);
void sib_bundle_split(struct sib_port *port, struct sk_buff *skb,
		      void (*each)(struct sib_port *port, struct sk_buff *skb,
				   struct sib_hdr *hdr));

#endif
