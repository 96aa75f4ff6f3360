// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Packets that are larger than what the transport of their destination takes:
 * multicast, peers without connections, peers that take less than others. Their
 * senders are told, as a router would, and the route is remembered with the
 * MTU; the packet is dropped. RFC 4755 section 7.2.
 *
 * The answer may go out through the very queue whose lock the transmit holds,
 * so it is given by a work.
 */
#include <linux/icmpv6.h>
#include <net/dst.h>
#include <net/icmp.h>
#include <net/ip6_route.h>

#include "ipoib/cm.h"
#include "ipoib/core/encap.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/drop.h"

/* The MTU stands in the packet while it waits. */
struct too_big_cb {
	unsigned int mtu;
};

static struct too_big_cb *cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct too_big_cb) > sizeof(skb->cb));
	return (struct too_big_cb *)skb->cb;
}

/**
 * ipoib_cm_too_big() - a packet does not fit
 * @ipd: the interface
 * @skb: the packet, behind its pseudo header; consumed
 * @mtu: octets of IP that do
 *
 * Context: Any but hard interrupts.
 */
void ipoib_cm_too_big(struct ipoib_dev *ipd, struct sk_buff *skb,
		      unsigned int mtu)
{
	ipoib_count(ipd, TX_TOO_BIG);
	if (skb_queue_len(&ipd->cm.too_big) >= IPOIB_CM_TOO_BIG ||
	    !skb_dst_force(skb)) {
		ipoib_drop_skb(skb, IPOIB_CNT_TX_TOO_BIG);
		return;
	}
	cb(skb)->mtu = mtu;
	skb_queue_tail(&ipd->cm.too_big, skb);
	queue_work(ipd->wq, &ipd->cm.too_big_work);
}

static bool is_ip(struct sk_buff *skb, u16 type)
{
	unsigned int least = type == IPOIB_TYPE_IPV6 ? sizeof(struct ipv6hdr) :
						       sizeof(struct iphdr);

	return get_unaligned_be16(skb->data + IPOIB_PSEUDO_LEN) == type &&
	       pskb_may_pull(skb, IPOIB_HARD_LEN + least);
}

static void answer(struct sk_buff *skb, bool ipv6, unsigned int mtu)
{
	skb_set_network_header(skb, IPOIB_HARD_LEN);
	skb_dst_update_pmtu_no_confirm(skb, mtu);
	skb_pull(skb, IPOIB_HARD_LEN);
	memset(skb->cb, 0, sizeof(skb->cb));
	if (ipv6)
		icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
	else
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
			      htonl(mtu));
}

static void tell(struct sk_buff *skb)
{
	unsigned int mtu = cb(skb)->mtu;

	if (is_ip(skb, IPOIB_TYPE_IPV4))
		answer(skb, false, mtu);
	else if (IS_ENABLED(CONFIG_IPV6) && is_ip(skb, IPOIB_TYPE_IPV6))
		answer(skb, true, mtu);
	ipoib_drop_skb(skb, IPOIB_CNT_TX_TOO_BIG);
}

/**
 * ipoib_cm_too_big_work() - tell those who send too large packets
 * @work: ipd->cm.too_big_work
 */
void ipoib_cm_too_big_work(struct work_struct *work)
{
	struct ipoib_dev *ipd = container_of(work, struct ipoib_dev,
					     cm.too_big_work);
	struct sk_buff_head now;
	struct sk_buff *skb;

	/* Those that come meanwhile wait their turn behind other works. */
	__skb_queue_head_init(&now);
	spin_lock_irq(&ipd->cm.too_big.lock);
	skb_queue_splice_init(&ipd->cm.too_big, &now);
	spin_unlock_irq(&ipd->cm.too_big.lock);
	while ((skb = __skb_dequeue(&now))) {
		local_bh_disable();
		tell(skb);
		local_bh_enable();
		cond_resched();
	}
}
