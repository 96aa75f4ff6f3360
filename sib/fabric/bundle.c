// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Bundles of packets on their way. A frame costs the same at each hop however
 * much it brings, so what belongs together travels together, and is taken apart
 * where it arrives or where the next cable is too narrow. Softirq.
 */
#include <linux/netdevice.h>

#include "sib/core/bundle.h"
#include "sib/core/shim.h"
#include "sib/fabric/bundle.h"

/**
 * sib_bundle_room() - how large a bundle may a cable carry?
 * @port: whose cable
 *
 * None is on a cable with checksums: its other end is in another kernel, and
 * may not know of bundles. Both ends must take it: a veth drops what is too
 * long for its peer and says nothing.
 *
 * Context: Softirq.
 * Return: octets; 0 for no bundle at all.
 */
u32 sib_bundle_room(const struct sib_port *port)
{
	const struct net_device *dev = rcu_dereference_bh(port->cable);
	unsigned int mtu = dev ? READ_ONCE(dev->mtu) : 0;

	mtu = min_t(unsigned int, mtu, READ_ONCE(port->peer.cable_mtu));
	if (READ_ONCE(port->crc) || mtu < SIB_SHIM_LEN)
		return 0;
	return min_t(u32, mtu - SIB_SHIM_LEN, SIB_BUNDLE_MAX);
}

/* The first packet of a bundle, which becomes shorter by it. */
static struct sk_buff *take_first(struct sk_buff *skb, unsigned int len)
{
	struct sk_buff *first = skb_clone(skb, GFP_ATOMIC);

	__skb_pull(skb, len);
	if (first)
		__skb_trim(first, len);
	return first;
}

/**
 * sib_bundle_split() - take a bundle apart
 * @port: whose it is
 * @skb: the bundle, linear; consumed
 * @each: is given each packet, with its LRH parsed; consumes it
 *
 * The packets share the memory, so none may be written; and the token.
 *
 * Context: Softirq.
 */
void sib_bundle_split(struct sib_port *port, struct sk_buff *skb,
		      void (*each)(struct sib_port *port, struct sk_buff *skb,
				   struct sib_hdr *hdr))
{
	struct sk_buff *one;
	struct sib_hdr hdr;

	sib_skb_cb(skb)->packets = 1;
	do {
		/* It was parsed once, so it parses again. */
		if (sib_lrh_parse(&hdr, skb->data, skb->len)) {
			kfree_skb(skb);
			return;
		}
		one = hdr.len < skb->len ? take_first(skb, hdr.len) : skb;
		if (one)
			each(port, one, &hdr);
		else
			sib_port_count(port, RX_NO_MEMORY);
	} while (one != skb);
}
