// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * From skb to work request: what the HCA is to do to it, mapping, chaining,
 * posting. A chain is posted with one call and one doorbell when the stack has
 * no more packets at hand; its last request is signalled, and one in so many
 * besides. Softirqs off, under the queue's xmit lock.
 */
#include <linux/netdevice.h>
#include <linux/tcp.h>

#include "ipoib/ah.h"
#include "ipoib/core/encap.h"
#include "ipoib/core/event.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/drop.h"
#include "ipoib/event.h"
#include "ipoib/trace.h"
#include "ipoib/tx.h"

/* A completion at least every so many requests: the ring must not wait. */
#define SIGNAL_EVERY	16

static bool map_frags(struct ib_device *ib, struct sk_buff *skb,
		      struct ib_sge *sge, unsigned int *mapped)
{
	unsigned int i;

	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];
		u64 addr = ib_dma_map_page(ib, skb_frag_page(frag),
					   skb_frag_off(frag),
					   skb_frag_size(frag), DMA_TO_DEVICE);

		if (ib_dma_mapping_error(ib, addr))
			return false;
		sge[*mapped].addr = addr;
		sge[*mapped].length = skb_frag_size(frag);
		(*mapped)++;
	}
	return true;
}

static bool map(struct ipoib_dev *ipd, struct ipoib_tx_req *req)
{
	unsigned int len = ipoib_tx_linear(req), mapped = 0, i;
	struct sk_buff *skb = req->skb;
	struct ib_sge *sge = req->sge;

	if (len) {
		sge[0].addr = ib_dma_map_single(ipd->ib, skb->data + req->hlen,
						len, DMA_TO_DEVICE);
		if (ib_dma_mapping_error(ipd->ib, sge[0].addr))
			return false;
		sge[0].length = len;
		mapped = 1;
	}
	if (!map_frags(ipd->ib, skb, sge, &mapped)) {
		req->wr.wr.num_sge = mapped;
		ipoib_tx_unmap(ipd->ib, req);
		return false;
	}
	for (i = 0; i < mapped; i++)
		sge[i].lkey = ipd->pd->local_dma_lkey;
	req->wr.wr.num_sge = mapped;
	return true;
}

static void drop(struct ipoib_dev *ipd, struct sk_buff *skb,
		 enum ipoib_counter why)
{
	this_cpu_inc(ipd->counters->n[why]);
	ipoib_drop_skb(skb, why);
}

/*
 * What the HCA did not take is undone, youngest first. The byte queue limits
 * are NAPI's to count down, so they are wrong now; but a queue that takes no
 * requests is started anew anyway, and they with it.
 */
static void take_back(struct ipoib_txq *q, const struct ib_send_wr *bad)
{
	bool more = true;

	while (more && q->ring.head != q->chain) {
		struct ipoib_tx_req *req = ipoib_tx_req(q, q->ring.head - 1);

		more = &req->wr.wr != bad;
		ipoib_tx_unmap(q->ipd->ib, req);
		drop(q->ipd, req->skb, IPOIB_CNT_TX_POST);
		req->skb = NULL;
		WRITE_ONCE(q->ring.head, q->ring.head - 1);
	}
	ipoib_event_post(q->ipd, IPOIB_EV_STUCK);
}

/**
 * ipoib_tx_flush() - post what is chained
 * @q: the queue
 *
 * Context: Softirqs off, xmit lock.
 */
void ipoib_tx_flush(struct ipoib_txq *q)
{
	const struct ib_send_wr *bad = NULL;
	struct ipoib_tx_req *first, *last;
	int err;

	if (!q->chained)
		return;
	first = ipoib_tx_req(q, q->chain);
	last = ipoib_tx_req(q, q->ring.head - 1);
	last->wr.wr.send_flags |= IB_SEND_SIGNALED;
	last->wr.wr.next = NULL;
	err = ib_post_send(q->hw.qp, &first->wr.wr, &bad);
	if (unlikely(err)) {
		ipoib_warn(q->ipd, "post_send failed: error %d\n", err);
		take_back(q, bad ?: &first->wr.wr);
	}
	q->chained = 0;
	q->chain = q->ring.head;
}

static void chain(struct ipoib_txq *q, struct ipoib_tx_req *req)
{
	u32 pos = q->ring.head;

	req->wr.wr.wr_id = pos;
	req->wr.wr.sg_list = req->sge;
	req->wr.wr.next = NULL;
	req->wr.wr.send_flags = pos % SIGNAL_EVERY ? 0 : IB_SEND_SIGNALED;
	if (req->skb->ip_summed == CHECKSUM_PARTIAL)
		req->wr.wr.send_flags |= IB_SEND_IP_CSUM;
	if (q->chained)
		ipoib_tx_req(q, pos - 1)->wr.wr.next = &req->wr.wr;
	else
		q->chain = pos;
	q->chained++;
	WRITE_ONCE(q->ring.head, pos + 1);
}

/* Stop before the ring is full; wake again if it has been emptied meanwhile. */
static void stop_if_full(struct ipoib_txq *q)
{
	struct net_device *netdev = q->ipd->netdev;

	if (likely(ipoib_ring_free(&q->ring)))
		return;
	netif_stop_subqueue(netdev, q->index);
	ipoib_count(q->ipd, TX_STOPPED);
	WRITE_ONCE(q->stops, q->stops + 1);
	trace_ipoib_queue_stop(q->ipd, q->index, q->ring.head, q->ring.tail);
	/* Pairs with the barrier of who empties the ring. */
	smp_mb();
	if (q->ring.size - (q->ring.head - READ_ONCE(q->ring.tail))) {
		trace_ipoib_queue_wake(q->ipd, q->index, q->ring.head,
				       q->ring.tail);
		netif_start_subqueue(netdev, q->index);
	}
}

/* What TCP has in one piece: the HCA repeats the headers and cuts the rest. */
static void set_lso(struct ipoib_tx_req *req)
{
	struct sk_buff *skb = req->skb;
	unsigned int mss = skb_shinfo(skb)->gso_size;
	unsigned int hlen = skb_tcp_all_headers(skb);

	req->hlen = hlen;
	req->packets = DIV_ROUND_UP(skb->len - hlen, mss);
	req->len = skb->len + (req->packets - 1) * hlen;
	req->wr.wr.opcode = IB_WR_LSO;
	req->wr.header = skb->data;
	req->wr.hlen = hlen;
	req->wr.mss = mss;
}

static void set_whole(struct ipoib_tx_req *req)
{
	req->hlen = 0;
	req->packets = 1;
	req->len = req->skb->len;
	req->wr.wr.opcode = IB_WR_SEND;
}

/* Headers and data in a shape that the HCA takes. */
static bool shape(struct ipoib_dev *ipd, struct ipoib_tx_req *req)
{
	struct sk_buff *skb = req->skb;

	if (!skb_is_gso(skb)) {
		set_whole(req);
	} else {
		/* The headers of what was forwarded may be in fragments. */
		if (!pskb_may_pull(skb, skb_tcp_all_headers(skb)))
			return false;
		set_lso(req);
	}
	if (likely(skb_shinfo(skb)->nr_frags + !!ipoib_tx_linear(req) <=
		   ipd->max_send_sge))
		return true;
	if (skb_linearize(skb))
		return false;
	req->wr.header = skb->data;
	return true;
}

/**
 * ipoib_tx_post() - give a packet to the HCA
 * @q: the queue, in whose ring there is room
 * @skb: the packet, at its encapsulation header; consumed
 * @ah: where to
 * @qpn: which QP there
 *
 * It may only be chained: the last of a burst must be followed by
 * ipoib_tx_flush(), which this does when the stack has no more.
 *
 * Context: Softirqs off, xmit lock, RCU.
 * Return: false if it was dropped, and counted.
 */
bool ipoib_tx_post(struct ipoib_txq *q, struct sk_buff *skb,
		   struct ipoib_ah *ah, u32 qpn)
{
	struct ipoib_dev *ipd = q->ipd;
	struct ipoib_tx_req *req = ipoib_tx_req(q, q->ring.head);
	struct netdev_queue *nq;

	req->skb = skb;
	if (unlikely(!shape(ipd, req))) {
		req->skb = NULL;
		drop(ipd, skb, IPOIB_CNT_TX_LINEARIZE);
		return false;
	}
	if (unlikely(!map(ipd, req))) {
		req->skb = NULL;
		drop(ipd, skb, IPOIB_CNT_TX_DMA);
		return false;
	}
	req->wr.ah = ah->ah;
	req->wr.remote_qpn = qpn;
	req->wr.remote_qkey = READ_ONCE(ipd->qkey);
	chain(q, req);
	skb_tx_timestamp(skb);
	stop_if_full(q);
	nq = netdev_get_tx_queue(ipd->netdev, q->index);
	if (__netdev_tx_sent_queue(nq, req->len, netdev_xmit_more()))
		ipoib_tx_flush(q);
	return true;
}
