// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The life of transmit queues. There are places for as many as there may be,
 * from the interface's allocation until its memory goes: counters outlive a
 * queue, and whoever reads them asks nobody. Process context with ctl, or
 * before anybody else knows the interface.
 *
 * A queue goes through: added (QP in RESET), open (QP in RTS, NAPI on), closed
 * (nothing is posted; what was completes), stopped (NAPI off, ring empty).
 */
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/slab.h>

#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/main.h"
#include "ipoib/qp.h"
#include "ipoib/tx.h"

/* How long an HCA is hoped not to give a QPN to somebody else. */
#define QPN_REST	HZ

static struct netdev_queue *stack_queue(const struct ipoib_txq *q)
{
	return netdev_get_tx_queue(q->ipd->netdev, q->index);
}

/**
 * ipoib_tx_alloc() - places for queues
 * @ipd: the interface, its netdev and @ipd->max_send_sge known
 *
 * Return: 0 or -ENOMEM.
 */
int ipoib_tx_alloc(struct ipoib_dev *ipd)
{
	unsigned int i;

	ipd->max_txqs = min_t(unsigned int, ipd->netdev->num_tx_queues,
			      IPOIB_TXQ_MAX);
	ipd->txqs = kcalloc(ipd->max_txqs, sizeof(*ipd->txqs), GFP_KERNEL);
	if (!ipd->txqs)
		return -ENOMEM;
	for (i = 0; i < ipd->max_txqs; i++) {
		struct ipoib_txq *q = &ipd->txqs[i];

		q->ipd = ipd;
		q->index = i;
		q->stride = struct_size_t(struct ipoib_tx_req, sge,
					  ipd->max_send_sge);
		u64_stats_init(&q->syncp);
	}
	return 0;
}

/**
 * ipoib_tx_free() - and no more
 * @ipd: the interface, at its very end
 */
void ipoib_tx_free(struct ipoib_dev *ipd)
{
	kfree(ipd->txqs);
}

static void cq_event(struct ib_cq *cq, void *context)
{
	struct ipoib_txq *q = context;

	napi_schedule(&q->napi);
}

static void cq_error(struct ib_event *event, void *context)
{
	struct ipoib_txq *q = context;

	ipoib_warn(q->ipd, "send CQ %u: event %d\n", q->index, event->event);
}

/**
 * ipoib_txhw_create() - a QP in RESET, a CQ, a ring
 * @q: for which queue
 * @size: of the ring, a power of two
 * @hw: filled; on an error nothing is left in it
 *
 * Return: 0 or an error.
 */
int ipoib_txhw_create(struct ipoib_txq *q, u32 size, struct ipoib_txhw *hw)
{
	struct ipoib_dev *ipd = q->ipd;
	struct ib_cq_init_attr attr = {
		.cqe = size,
		.comp_vector = q->index % ipd->ib->num_comp_vectors,
	};
	struct ib_cq *cq;
	struct ib_qp *qp;

	memset(hw, 0, sizeof(*hw));
	hw->size = size;
	hw->req = kvcalloc(size, q->stride, GFP_KERNEL);
	if (!hw->req)
		return -ENOMEM;
	cq = ib_create_cq(ipd->ib, cq_event, cq_error, q, &attr);
	if (IS_ERR(cq)) {
		ipoib_txhw_destroy(hw);
		return PTR_ERR(cq);
	}
	hw->cq = cq;
	qp = ipoib_qp_create_send(ipd, cq, size);
	if (IS_ERR(qp)) {
		ipoib_txhw_destroy(hw);
		return PTR_ERR(qp);
	}
	hw->qp = qp;
	return 0;
}

/**
 * ipoib_txhw_destroy() - and the end of them
 * @hw: in use no more; may be empty
 */
void ipoib_txhw_destroy(struct ipoib_txhw *hw)
{
	if (hw->qp)
		ib_destroy_qp(hw->qp);
	if (hw->cq)
		ib_destroy_cq(hw->cq);
	kvfree(hw->req);
	memset(hw, 0, sizeof(*hw));
}

/* Packets that did not complete are freed: no QP uses them. */
static void release(struct ipoib_txq *q)
{
	struct ib_wc wc;

	/* Completions of a former life must not be taken for new ones. */
	while (ib_poll_cq(q->hw.cq, 1, &wc) > 0)
		;
	while (q->ring.tail != q->ring.head) {
		ipoib_tx_complete_one(q, q->ring.tail, 0, false);
		WRITE_ONCE(q->ring.tail, q->ring.tail + 1);
		ipoib_count(q->ipd, TX_FLUSHED);
	}
	q->chained = 0;
	netdev_tx_reset_queue(stack_queue(q));
}

/* Without its QP, the HCA uses no packet. With it, they are lost to it. */
static void part(struct ipoib_txq *q)
{
	struct ib_qp *qp = q->hw.qp;

	q->hw.qp = NULL;
	if (ipoib_qp_end(q->ipd, qp)) {
		release(q);
		return;
	}
	q->hw.cq = NULL;
	q->hw.req = NULL;
	WRITE_ONCE(q->ring.tail, q->ring.head);
	netdev_tx_reset_queue(stack_queue(q));
}

/**
 * ipoib_txq_exchange() - what a queue has of the HCA, for something else
 * @q: the queue, stopped
 * @hw: the new; the old is put here
 *
 * What the old QP has sent is still our own when the fabric reflects it.
 */
void ipoib_txq_exchange(struct ipoib_txq *q, struct ipoib_txhw *hw)
{
	/* An HCA that did not take the QP to RESET. */
	if (q->ring.tail != q->ring.head)
		part(q);
	swap(q->hw, *hw);
	q->ring.size = q->hw.size;
	q->chained = 0;
	ipoib_qpn_change(&q->qpn, q->hw.qp ? q->hw.qp->qp_num : 0,
			 get_jiffies_64() + QPN_REST);
}

/**
 * ipoib_txq_add() - make a place a queue
 * @q: the place
 *
 * Return: 0 or an error, after which it is a place as before.
 */
int ipoib_txq_add(struct ipoib_txq *q)
{
	struct ipoib_txhw hw;
	int err;

	err = ipoib_txhw_create(q, q->ipd->send_size, &hw);
	if (err)
		return err;
	netif_napi_add_tx(q->ipd->netdev, &q->napi, ipoib_tx_poll);
	ipoib_txq_exchange(q, &hw);
	return 0;
}

/**
 * ipoib_txq_remove() - make a queue a place
 * @q: the queue, stopped or never started
 */
void ipoib_txq_remove(struct ipoib_txq *q)
{
	struct ipoib_txhw hw = {};

	ipoib_txq_exchange(q, &hw);
	ipoib_txhw_destroy(&hw);
	/* After the CQ, whose events ask for it. */
	netif_napi_del(&q->napi);
}

/**
 * ipoib_tx_create() - the queues that an interface begins with
 * @ipd: the interface, its receive CQ there
 *
 * Those that can be had, and at least one.
 *
 * Context: Process, under RTNL.
 * Return: 0 or an error.
 */
int ipoib_tx_create(struct ipoib_dev *ipd)
{
	unsigned int i, wanted = 1;
	int err = 0;

	if (!ipd->parent)
		wanted = ipoib_ring_queues(num_online_cpus(),
					   ipd->ib->num_comp_vectors,
					   ipd->max_txqs);
	ipd->send_max = ipoib_ring_limit(ipd->ib->attrs.max_qp_wr,
					 ipd->ib->attrs.max_cqe);
	ipd->send_size = min_t(u32, ipoib_send_queue_size, ipd->send_max);
	for (i = 0; !err && i < wanted; i++)
		err = ipoib_txq_add(&ipd->txqs[i]);
	ipd->num_txqs = err ? i - 1 : i;
	if (!ipd->num_txqs)
		return err;
	if (err)
		ipoib_warn(ipd, "%u transmit queues instead of %u: error %d\n",
			   ipd->num_txqs, wanted, err);
	ipd->staying_txqs = ipd->num_txqs;
	return netif_set_real_num_tx_queues(ipd->netdev, ipd->num_txqs);
}

/**
 * ipoib_tx_destroy() - the queues go, their places stay
 * @ipd: the interface, stopped
 *
 * Context: Process, under RTNL.
 */
void ipoib_tx_destroy(struct ipoib_dev *ipd)
{
	while (ipd->num_txqs)
		ipoib_txq_remove(&ipd->txqs[--ipd->num_txqs]);
}

/**
 * ipoib_txq_start() - take packets
 * @q: a queue that is stopped, its QP in RTS
 *
 * The stack's queue is the caller's to wake.
 */
void ipoib_txq_start(struct ipoib_txq *q)
{
	struct netdev_queue *nq = stack_queue(q);

	netdev_tx_reset_queue(nq);
	napi_enable(&q->napi);
	/* The first poll arms the CQ. */
	local_bh_disable();
	napi_schedule(&q->napi);
	local_bh_enable();
	__netif_tx_lock_bh(nq);
	WRITE_ONCE(q->open, true);
	__netif_tx_unlock_bh(nq);
}

/**
 * ipoib_txq_close() - take no packets
 * @q: a queue; what it has taken is posted
 *
 * The stack keeps its packets for the time being. On return nobody posts.
 */
void ipoib_txq_close(struct ipoib_txq *q)
{
	struct netdev_queue *nq = stack_queue(q);

	__netif_tx_lock_bh(nq);
	WRITE_ONCE(q->open, false);
	ipoib_tx_flush(q);
	/* It may not have sent anything for long. That is no fault. */
	WRITE_ONCE(nq->trans_start, jiffies);
	/* Pairs with wake_if_room(): it sees that, or we stop what it woke. */
	smp_mb();
	netif_tx_stop_queue(nq);
	__netif_tx_unlock_bh(nq);
}

/**
 * ipoib_txq_stop() - NAPI off
 * @q: a closed queue
 */
void ipoib_txq_stop(struct ipoib_txq *q)
{
	napi_disable(&q->napi);
}

/**
 * ipoib_txq_reset() - take what the HCA has of a queue
 * @q: a queue that is stopped; its ring is empty on return
 *
 * Its QP is in RESET then, or there is none.
 */
void ipoib_txq_reset(struct ipoib_txq *q)
{
	if (ipoib_qp_reset(q->ipd, q->hw.qp))
		release(q);
	else
		part(q);
}

/**
 * ipoib_tx_release() - packets that did not complete are freed
 * @ipd: the interface, its queues stopped, their QPs in RESET
 *
 * Context: Process.
 */
void ipoib_tx_release(struct ipoib_dev *ipd)
{
	unsigned int i;

	for (i = 0; i < ipd->num_txqs; i++)
		release(&ipd->txqs[i]);
}

/**
 * ipoib_tx_start() - start all queues
 * @ipd: the interface, its QPs in RTS
 *
 * Context: Process.
 */
void ipoib_tx_start(struct ipoib_dev *ipd)
{
	unsigned int i;

	for (i = 0; i < ipd->num_txqs; i++)
		ipoib_txq_start(&ipd->txqs[i]);
}

/**
 * ipoib_tx_close() - nobody transmits after this
 * @ipd: the interface
 *
 * Context: Process.
 */
void ipoib_tx_close(struct ipoib_dev *ipd)
{
	unsigned int i;

	for (i = 0; i < ipd->num_txqs; i++)
		WRITE_ONCE(ipd->txqs[i].open, false);
	/* Takes the xmit locks. */
	netif_tx_disable(ipd->netdev);
}

/**
 * ipoib_tx_stop() - stop all queues
 * @ipd: the interface, nobody transmitting
 *
 * Context: Process.
 */
void ipoib_tx_stop(struct ipoib_dev *ipd)
{
	unsigned int i;

	for (i = 0; i < ipd->num_txqs; i++)
		ipoib_txq_stop(&ipd->txqs[i]);
}

/**
 * ipoib_tx_pending() - how many packets have not completed
 * @ipd: the interface
 * @first: of this queue and those behind it, which nobody posts to
 *
 * Return: packets.
 */
unsigned int ipoib_tx_pending(struct ipoib_dev *ipd, unsigned int first)
{
	unsigned int i, n = 0;

	for (i = first; i < ipd->num_txqs; i++)
		n += READ_ONCE(ipd->txqs[i].ring.head) -
		     READ_ONCE(ipd->txqs[i].ring.tail);
	return n;
}

/**
 * ipoib_tx_is_own() - have we sent this?
 * @ipd: the interface
 * @qpn: the QP that it came from, on our port
 *
 * Context: Any.
 * Return: true if so.
 */
bool ipoib_tx_is_own(struct ipoib_dev *ipd, u32 qpn)
{
	u64 now = get_jiffies_64();
	unsigned int i;

	for (i = 0; i < ipd->max_txqs; i++)
		if (ipoib_qpn_is_own(&ipd->txqs[i].qpn, qpn, now))
			return true;
	return false;
}

/**
 * ipoib_txq_stats() - what a queue has sent
 * @q: the queue, or the place where it was
 * @packets: filled
 * @bytes: filled
 *
 * Context: Any.
 */
void ipoib_txq_stats(struct ipoib_txq *q, u64 *packets, u64 *bytes)
{
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&q->syncp);
		*packets = u64_stats_read(&q->packets);
		*bytes = u64_stats_read(&q->bytes);
	} while (u64_stats_fetch_retry(&q->syncp, start));
}

/**
 * ipoib_tx_stats() - what was sent
 * @ipd: the interface
 * @stats: added to
 *
 * Queues that there were count, too.
 *
 * Context: Any.
 */
void ipoib_tx_stats(struct ipoib_dev *ipd, struct rtnl_link_stats64 *stats)
{
	u64 packets, bytes;
	unsigned int i;

	for (i = 0; i < ipd->max_txqs; i++) {
		ipoib_txq_stats(&ipd->txqs[i], &packets, &bytes);
		stats->tx_packets += packets;
		stats->tx_bytes += bytes;
	}
}
