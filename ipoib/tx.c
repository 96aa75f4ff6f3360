// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Sending: from the stack to a destination's handle, and from completions back
 * to the stack. Transmits run with softirqs off, under the queue's xmit lock
 * and RCU; completions in the queue's NAPI.
 */
#include <linux/netdevice.h>
#include <linux/slab.h>

#include "ipoib/core/encap.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/main.h"
#include "ipoib/qp.h"
#include "ipoib/tx.h"

/* Completions taken from a CQ at a time. */
#define POLL_BATCH	16

static void drop(struct ipoib_dev *ipd, struct sk_buff *skb,
		 enum ipoib_counter why)
{
	this_cpu_inc(ipd->counters->n[why]);
	dev_kfree_skb_any(skb);
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

static bool is_sane(struct ipoib_dev *ipd, struct sk_buff *skb)
{
	unsigned int max = READ_ONCE(ipd->netdev->mtu) + IPOIB_HARD_LEN;
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
	if (unlikely(skb->len > max)) {
		ipoib_warn(ipd, "packet len %u (> %u) too long to send, dropping\n",
			   skb->len - IPOIB_PSEUDO_LEN,
			   max - IPOIB_PSEUDO_LEN);
		drop(ipd, skb, IPOIB_CNT_TX_TOO_LONG);
		return false;
	}
	return true;
}

static void send(struct ipoib_txq *q, struct sk_buff *skb,
		 struct ipoib_ah *ah, const u8 *hw)
{
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
	u8 hw[IPOIB_ALEN];

	read_destination(ipd, skb, hw);
	rcu_read_lock();
	do {
		neigh = ipoib_neigh_find(ipd, hw);
		ah = neigh ? rcu_dereference(neigh->ah) : NULL;
		if (likely(ah)) {
			ipoib_neigh_touch(neigh);
			if (unlikely(READ_ONCE(ah->doubtful)))
				ipoib_neigh_doubt(ipd, neigh);
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

	if (unlikely(!test_bit(IPOIB_FLAG_QPS_UP, &ipd->flags)))
		drop(ipd, skb, IPOIB_CNT_TX_NOT_READY);
	else if (likely(is_sane(ipd, skb)))
		route(q, skb);
	/* Whatever became of this one, those before it must not wait. */
	if (!netdev_xmit_more())
		ipoib_tx_flush(q);
	return NETDEV_TX_OK;
}

static void count_sent(struct ipoib_txq *q, unsigned int packets,
		       unsigned int bytes)
{
	u64_stats_update_begin(&q->syncp);
	u64_stats_add(&q->packets, packets);
	u64_stats_add(&q->bytes, bytes);
	u64_stats_update_end(&q->syncp);
}

static unsigned int complete_one(struct ipoib_txq *q, u32 pos, int budget)
{
	struct ipoib_tx_req *req = ipoib_tx_req(q, pos);

	ipoib_tx_unmap(q, req);
	napi_consume_skb(req->skb, budget);
	req->skb = NULL;
	return req->len;
}

/*
 * A completion tells of all requests up to its own; that one alone may have
 * failed, for those that fail complete whether they are signalled or not.
 */
static void complete_up_to(struct ipoib_txq *q, u32 pos, int budget, bool sent)
{
	struct netdev_queue *nq = netdev_get_tx_queue(q->ipd->netdev,
						      q->index);
	unsigned int packets = 0, bytes = 0, len = 0;
	u32 tail = q->ring.tail;

	while (ipoib_ring_behind(tail, pos + 1)) {
		len = complete_one(q, tail++, budget);
		bytes += len;
		packets++;
	}
	if (sent || !packets)
		count_sent(q, packets, bytes);
	else
		count_sent(q, packets - 1, bytes - len);
	WRITE_ONCE(q->ring.tail, tail);
	netdev_tx_completed_queue(nq, packets, bytes);
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
	ipoib_warn(q->ipd, "failed send event (status=%d, wrid=%llu vend_err %#x)\n",
		   wc->status, wc->wr_id, wc->vendor_err);
}

static void wake_if_room(struct ipoib_txq *q)
{
	struct netdev_queue *nq = netdev_get_tx_queue(q->ipd->netdev,
						      q->index);

	/* Pairs with the barrier in stop_if_full(). */
	smp_mb();
	if (unlikely(netif_tx_queue_stopped(nq)) &&
	    test_bit(IPOIB_FLAG_QPS_UP, &q->ipd->flags) &&
	    q->ring.size - (READ_ONCE(q->ring.head) - q->ring.tail) >=
	    q->ring.size / 4)
		netif_tx_wake_queue(nq);
}

static int tx_poll(struct napi_struct *napi, int budget)
{
	struct ipoib_txq *q = container_of(napi, struct ipoib_txq, napi);
	struct ib_wc wc[POLL_BATCH];
	int done = 0, n, i;

	while (done < budget) {
		n = ib_poll_cq(q->cq, min(POLL_BATCH, budget - done), wc);
		if (n <= 0)
			break;
		for (i = 0; i < n; i++)
			handle_wc(q, &wc[i], budget);
		done += n;
	}
	wake_if_room(q);
	if (done == budget)
		return done;
	if (napi_complete_done(napi, done) &&
	    ib_req_notify_cq(q->cq, IB_CQ_NEXT_COMP |
				    IB_CQ_REPORT_MISSED_EVENTS) > 0)
		napi_schedule(napi);
	return done;
}

static void tx_event(struct ib_cq *cq, void *context)
{
	struct ipoib_txq *q = context;

	napi_schedule(&q->napi);
}

static void cq_error(struct ib_event *event, void *context)
{
	struct ipoib_txq *q = context;

	ipoib_warn(q->ipd, "send CQ %u: event %d\n", q->index, event->event);
}

static int create_queue(struct ipoib_dev *ipd, struct ipoib_txq *q,
			unsigned int index)
{
	struct ib_cq_init_attr attr = {
		.cqe = ipoib_send_queue_size,
		.comp_vector = index % ipd->ib->num_comp_vectors,
	};
	struct ib_cq *cq;

	q->ipd = ipd;
	q->index = index;
	q->ring.size = ipoib_send_queue_size;
	q->stride = struct_size_t(struct ipoib_tx_req, sge,
				  ipd->max_send_sge);
	u64_stats_init(&q->syncp);
	q->req = kvcalloc(q->ring.size, q->stride, GFP_KERNEL);
	if (!q->req)
		return -ENOMEM;
	netif_napi_add_tx(ipd->netdev, &q->napi, tx_poll);
	cq = ib_create_cq(ipd->ib, tx_event, cq_error, q, &attr);
	if (IS_ERR(cq))
		return PTR_ERR(cq);
	q->cq = cq;
	return 0;
}

static void destroy_queue(struct ipoib_txq *q)
{
	if (q->cq)
		ib_destroy_cq(q->cq);
	if (q->req)
		netif_napi_del(&q->napi);
	kvfree(q->req);
}

/**
 * ipoib_tx_create() - rings, CQs and NAPIs; the QPs are qp.c's
 * @ipd: the interface, @ipd->num_txqs and @ipd->max_send_sge set
 *
 * Context: Process, under RTNL.
 * Return: 0 or an error; ipoib_tx_destroy() is due in both cases.
 */
int ipoib_tx_create(struct ipoib_dev *ipd)
{
	unsigned int i;
	int err = 0;

	ipd->txqs = kcalloc(ipd->num_txqs, sizeof(*ipd->txqs), GFP_KERNEL);
	if (!ipd->txqs)
		return -ENOMEM;
	for (i = 0; !err && i < ipd->num_txqs; i++)
		err = create_queue(ipd, &ipd->txqs[i], i);
	return err;
}

/**
 * ipoib_tx_destroy() - and the end of them
 * @ipd: the interface, stopped; its QPs are gone
 *
 * Context: Process, under RTNL.
 */
void ipoib_tx_destroy(struct ipoib_dev *ipd)
{
	unsigned int i;

	for (i = 0; ipd->txqs && i < ipd->num_txqs; i++)
		destroy_queue(&ipd->txqs[i]);
	kfree(ipd->txqs);
	ipd->txqs = NULL;
}

/**
 * ipoib_tx_start() - arm the CQs
 * @ipd: the interface, its QPs in RTS
 *
 * Context: Process.
 */
void ipoib_tx_start(struct ipoib_dev *ipd)
{
	unsigned int i;

	for (i = 0; i < ipd->num_txqs; i++) {
		struct ipoib_txq *q = &ipd->txqs[i];

		netdev_tx_reset_queue(netdev_get_tx_queue(ipd->netdev, i));
		napi_enable(&q->napi);
		local_bh_disable();
		napi_schedule(&q->napi);
		local_bh_enable();
	}
}

/**
 * ipoib_tx_pending() - how many packets have not completed
 * @ipd: the interface, nobody transmitting
 *
 * Return: packets.
 */
unsigned int ipoib_tx_pending(struct ipoib_dev *ipd)
{
	unsigned int i, n = 0;

	for (i = 0; i < ipd->num_txqs; i++)
		n += READ_ONCE(ipd->txqs[i].ring.head) -
		     READ_ONCE(ipd->txqs[i].ring.tail);
	return n;
}

static void release_queue(struct ipoib_txq *q)
{
	struct ib_wc wc;

	/* Completions of a former life must not be taken for new ones. */
	while (ib_poll_cq(q->cq, 1, &wc) > 0)
		;
	while (q->ring.tail != q->ring.head) {
		complete_one(q, q->ring.tail, 0);
		WRITE_ONCE(q->ring.tail, q->ring.tail + 1);
		ipoib_count(q->ipd, TX_FLUSHED);
	}
	q->chained = 0;
	netdev_tx_reset_queue(netdev_get_tx_queue(q->ipd->netdev, q->index));
}

/**
 * ipoib_tx_stop() - NAPI off
 * @ipd: the interface, nobody transmitting
 *
 * Context: Process.
 */
void ipoib_tx_stop(struct ipoib_dev *ipd)
{
	unsigned int i;

	for (i = 0; i < ipd->num_txqs; i++)
		napi_disable(&ipd->txqs[i].napi);
}

/**
 * ipoib_tx_release() - packets that did not complete are freed
 * @ipd: the interface, nobody transmitting, NAPI off, its QPs in RESET or gone,
 *	so that the HCA uses none of them
 *
 * Context: Process.
 */
void ipoib_tx_release(struct ipoib_dev *ipd)
{
	unsigned int i;

	for (i = 0; i < ipd->num_txqs; i++)
		release_queue(&ipd->txqs[i]);
}

/**
 * ipoib_tx_stats() - what was sent
 * @ipd: the interface
 * @stats: added to
 *
 * Context: Any.
 */
void ipoib_tx_stats(struct ipoib_dev *ipd, struct rtnl_link_stats64 *stats)
{
	unsigned int i, start;
	u64 packets, bytes;

	for (i = 0; i < ipd->num_txqs; i++) {
		struct ipoib_txq *q = &ipd->txqs[i];

		do {
			start = u64_stats_fetch_begin(&q->syncp);
			packets = u64_stats_read(&q->packets);
			bytes = u64_stats_read(&q->bytes);
		} while (u64_stats_fetch_retry(&q->syncp, start));
		stats->tx_packets += packets;
		stats->tx_bytes += bytes;
	}
}
