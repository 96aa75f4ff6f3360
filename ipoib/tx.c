// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Sending: from the stack to a destination's handle, and from completions back
 * to the stack. Transmits run with softirqs off, under the queue's xmit lock
 * and RCU; completions in the queue's NAPI.
 */
#include <linux/netdevice.h>

#include "compat/gso.h"
#include "ipoib/core/encap.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/drop.h"
#include "ipoib/qp.h"
#include "ipoib/trace.h"
#include "ipoib/tx.h"

static void drop(struct ipoib_dev *ipd, struct sk_buff *skb,
		 enum ipoib_counter why)
{
	this_cpu_inc(ipd->counters->n[why]);
	ipoib_drop_skb(skb, why);
}

/* The destination as the table of destinations has it. */
static void read_destination(struct ipoib_dev *ipd, const struct sk_buff *skb,
			     u8 *hw)
{
	memcpy(hw, skb->data, IPOIB_ALEN);
	/* What the peer accepts does not tell where he is. */
	hw[IPOIB_HW_FLAGS] = 0;
	if (ipoib_hw_is_mcast(hw)) {
		/* One for a group, whatever QPN somebody made up. */
		ipoib_hw_set_qpn(hw, IPOIB_QPN_MCAST);
		memcpy(hw + 8, ipd->netdev->broadcast + 8, 2);
	}
}

/* What it becomes on the wire, if the HCA is to cut it. */
static bool fits(const struct sk_buff *skb, unsigned int mtu)
{
	if (skb_is_gso(skb))
		return skb_gso_validate_network_len(skb, mtu);
	return skb->len <= mtu + IPOIB_HARD_LEN;
}

static bool is_sane(struct ipoib_dev *ipd, struct sk_buff *skb)
{
	unsigned int mtu = READ_ONCE(ipd->netdev->mtu);
	u16 type;

	if (unlikely(!pskb_may_pull(skb, IPOIB_HARD_LEN))) {
		drop(ipd, skb, IPOIB_CNT_TX_RUNT);
		return false;
	}
	type = get_unaligned_be16(skb->data + IPOIB_PSEUDO_LEN);
	if (unlikely(!ipoib_type_is_sent(type))) {
		drop(ipd, skb, IPOIB_CNT_TX_TYPE);
		return false;
	}
	if (unlikely(!fits(skb, mtu))) {
		ipoib_warn(ipd, "packet len %u (> %u) too long to send, dropping\n",
			   skb->len - IPOIB_PSEUDO_LEN, mtu + IPOIB_ENCAP_LEN);
		drop(ipd, skb, IPOIB_CNT_TX_TOO_LONG);
		return false;
	}
	return true;
}

static void send(struct ipoib_txq *q, struct sk_buff *skb,
		 struct ipoib_ah *ah, const u8 *hw)
{
	unsigned int mtu = READ_ONCE(q->ipd->mtu.group);

	if (unlikely(!fits(skb, mtu))) {
		ipoib_cm_too_big(q->ipd, skb, mtu);
		return;
	}
	__skb_pull(skb, IPOIB_PSEUDO_LEN);
	ipoib_dbg_data(q->ipd, "tx %u octets to qpn %#x\n", skb->len,
		       ipoib_hw_qpn(hw));
	ipoib_tx_post(q, skb, ah, ipoib_hw_qpn(hw));
}

/* With a handle it goes, without it waits for one. */
static void route(struct ipoib_txq *q, struct sk_buff *skb)
{
	struct ipoib_dev *ipd = q->ipd;
	struct ipoib_neigh *neigh;
	struct ipoib_ah *ah;
	u8 peer = skb->data[IPOIB_HW_FLAGS];
	u8 hw[IPOIB_ALEN];

	read_destination(ipd, skb, hw);
	rcu_read_lock();
	do {
		neigh = ipoib_neigh_recall(ipd, &q->memo, hw);
		ah = neigh ? rcu_dereference(neigh->ah) : NULL;
		if (likely(ah)) {
			ipoib_neigh_touch(neigh);
			if (unlikely(READ_ONCE(ah->doubtful)))
				ipoib_neigh_doubt(ipd, neigh);
			if (!READ_ONCE(ipd->cm.connected) ||
			    !ipoib_cm_xmit(q, neigh, skb, peer))
				send(q, skb, ah, hw);
			break;
		}
	} while (!ipoib_neigh_wait(ipd, skb, hw));
	rcu_read_unlock();
}

/**
 * ipoib_start_xmit() - ndo_start_xmit
 * @skb: the packet, behind its pseudo header; consumed
 * @netdev: the interface
 *
 * Return: NETDEV_TX_OK; the queue was stopped before its ring was full.
 */
netdev_tx_t ipoib_start_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);
	struct ipoib_txq *q = &ipd->txqs[skb_get_queue_mapping(skb)];

	if (unlikely(!READ_ONCE(q->open)))
		drop(ipd, skb, IPOIB_CNT_TX_NOT_READY);
	else if (likely(is_sane(ipd, skb)))
		route(q, skb);
	/* Whatever became of this one, those before it must not wait. */
	if (q->chained && !netdev_xmit_more())
		ipoib_tx_flush(q);
	return NETDEV_TX_OK;
}

/**
 * ipoib_select_queue() - ndo_select_queue
 * @netdev: the interface
 * @skb: a packet
 * @sb_dev: whose packet it is, or NULL
 *
 * A queue that is about to go is emptied first, so nothing must be added.
 *
 * Return: the queue that the stack would pick, if it stays.
 */
u16 ipoib_select_queue(struct net_device *netdev, struct sk_buff *skb,
		       struct net_device *sb_dev)
{
	unsigned int staying = READ_ONCE(ipoib_dev(netdev)->staying_txqs);
	u16 queue = netdev_pick_tx(netdev, skb, sb_dev);

	return likely(queue < staying) ? queue : queue % staying;
}

static void count_sent(struct ipoib_txq *q, unsigned int packets,
		       unsigned int bytes)
{
	u64_stats_update_begin(&q->syncp);
	u64_stats_add(&q->packets, packets);
	u64_stats_add(&q->bytes, bytes);
	u64_stats_update_end(&q->syncp);
}

/**
 * ipoib_tx_complete_one() - the HCA is done with a packet
 * @q: the queue
 * @pos: the packet's position in the ring
 * @budget: NAPI's, 0 in process context
 * @sent: it went out; else it is dropped
 */
void ipoib_tx_complete_one(struct ipoib_txq *q, u32 pos, int budget, bool sent)
{
	struct ipoib_tx_req *req = ipoib_tx_req(q, pos);

	ipoib_tx_unmap(q->ipd->ib, req);
	if (likely(sent))
		napi_consume_skb(req->skb, budget);
	else
		ipoib_drop_skb(req->skb, IPOIB_CNT_TX_FLUSHED);
	req->skb = NULL;
}

/*
 * A completion tells of all requests up to its own; that one alone may have
 * failed, for those that fail complete whether they are signalled or not.
 */
static void complete_up_to(struct ipoib_txq *q, u32 pos, int budget, bool sent)
{
	struct netdev_queue *nq = netdev_get_tx_queue(q->ipd->netdev,
						      q->index);
	unsigned int packets = 0, bytes = 0, lost = 0, done = 0;
	u32 tail = q->ring.tail;

	while (ipoib_ring_behind(tail, pos + 1)) {
		struct ipoib_tx_req *req = ipoib_tx_req(q, tail);
		bool good = sent || tail != pos;

		if (likely(good)) {
			packets += req->packets;
			bytes += req->len;
		} else {
			lost = req->len;
		}
		ipoib_tx_complete_one(q, tail, budget, good);
		tail++;
		done++;
	}
	count_sent(q, packets, bytes);
	WRITE_ONCE(q->ring.tail, tail);
	netdev_tx_completed_queue(nq, done, bytes + lost);
}

static void handle_wc(struct ipoib_txq *q, const struct ib_wc *wc, int budget)
{
	complete_up_to(q, wc->wr_id, budget, wc->status == IB_WC_SUCCESS);
	if (likely(wc->status == IB_WC_SUCCESS))
		return;
	ipoib_qp_recover(q->ipd);
	if (wc->status == IB_WC_WR_FLUSH_ERR) {
		ipoib_count(q->ipd, TX_FLUSHED);
		return;
	}
	ipoib_count(q->ipd, TX_COMPLETION);
	ipoib_warn(q->ipd, "failed send event (status=%d, wrid=%llu vend_err 0x%x)\n",
		   wc->status, wc->wr_id, wc->vendor_err);
}

/* What was sent is told by the next one of its kind, too. */
static void handle_wcs(struct ipoib_txq *q, int count, int budget)
{
	int i;

	for (i = 0; i < count; i++)
		if (i == count - 1 || q->wc[i].status != IB_WC_SUCCESS)
			handle_wc(q, &q->wc[i], budget);
}

static void wake_if_room(struct ipoib_txq *q)
{
	struct netdev_queue *nq = netdev_get_tx_queue(q->ipd->netdev,
						      q->index);

	/* Pairs with the barrier in stop_if_full(). */
	smp_mb();
	if (unlikely(netif_tx_queue_stopped(nq)) &&
	    READ_ONCE(q->open) &&
	    q->ring.size - (READ_ONCE(q->ring.head) - q->ring.tail) >=
	    q->ring.size / 4) {
		trace_ipoib_queue_wake(q->ipd, q->index, q->ring.head,
				       q->ring.tail);
		netif_tx_wake_queue(nq);
		/* Pairs with ipoib_txq_close(): it must not stay awake. */
		smp_mb__after_atomic();
		if (unlikely(!READ_ONCE(q->open)))
			netif_tx_stop_queue(nq);
	}
}

/**
 * ipoib_tx_poll() - take what has been sent from a queue
 * @napi: the queue's
 * @budget: so many completions at most
 *
 * Context: Softirq.
 * Return: how many.
 */
int ipoib_tx_poll(struct napi_struct *napi, int budget)
{
	struct ipoib_txq *q = container_of(napi, struct ipoib_txq, napi);
	int done = 0, n, room;

	/* Who gives fewer than there is room for has no more. */
	do {
		room = min(IPOIB_TX_POLL, budget - done);
		n = ib_poll_cq(q->hw.cq, room, q->wc);
		if (n <= 0)
			break;
		handle_wcs(q, n, budget);
		done += n;
	} while (n == room && done < budget);
	wake_if_room(q);
	if (done == budget)
		return done;
	if (napi_complete_done(napi, done) &&
	    ib_req_notify_cq(q->hw.cq, IB_CQ_NEXT_COMP |
				       IB_CQ_REPORT_MISSED_EVENTS) > 0)
		napi_schedule(napi);
	return done;
}
