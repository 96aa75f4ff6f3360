// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Queues over which the connections that we receive on are spread: a CQ, a NAPI
 * and, where the HCA has it, an SRQ each.
 *
 * They are made for the first connection and go with the last, so that who does
 * not use connections does not pay for them. An SRQ begins with few buffers; it
 * gets twice as many whenever messages come so fast that it might run out.
 *
 * Who may hold a queue: its connections, which are counted; NAPI, which is off
 * before anything goes; the work that fills the SRQ, which only NAPI asks for,
 * and which is waited for after that.
 */
#include <linux/netdevice.h>
#include <linux/slab.h>

#include "ipoib/cm.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/main.h"

/* There was no memory: tried again so much later. */
#define GROW_AGAIN	HZ

static void cq_event(struct ib_cq *cq, void *context)
{
	struct ipoib_cm_rxq *rxq = context;

	napi_schedule(rxq->napi);
}

static void cq_error(struct ib_event *event, void *context)
{
	struct ipoib_cm_rxq *rxq = context;

	ipoib_warn(rxq->ipd, "receive CQ of connections: event %d\n",
		   event->event);
}

static int fill(struct ipoib_cm_rxq *rxq, u32 target)
{
	u32 i;
	int err;

	for (i = rxq->filled; i < target; i++) {
		if (!ipoib_cm_buf_fill(rxq->ipd, &rxq->buf[i], i))
			return -ENOMEM;
		rxq->buf[i].wr.next = NULL;
		err = ib_post_srq_recv(rxq->srq, &rxq->buf[i].wr, NULL);
		if (err)
			return err;
		WRITE_ONCE(rxq->filled, i + 1);
	}
	return 0;
}

static void grow(struct work_struct *work)
{
	struct ipoib_cm_rxq *rxq = container_of(work, struct ipoib_cm_rxq,
						grow_work);

	if (fill(rxq, min(2 * rxq->filled, rxq->count)))
		WRITE_ONCE(rxq->grow_after, jiffies + GROW_AGAIN);
}

/**
 * ipoib_cm_rxq_grow() - should there be more receive buffers?
 * @rxq: the queue
 * @taken: how many messages came at once
 *
 * What the SRQ does not have, senders wait for.
 *
 * Context: NAPI.
 */
void ipoib_cm_rxq_grow(struct ipoib_cm_rxq *rxq, u32 taken)
{
	u32 filled = READ_ONCE(rxq->filled);

	if (READ_ONCE(rxq->srq) &&
	    ipoib_cm_is_short(filled, rxq->count, taken) &&
	    !time_before(jiffies, READ_ONCE(rxq->grow_after)))
		queue_work(system_unbound_wq, &rxq->grow_work);
}

static int create_srq(struct ipoib_cm_rxq *rxq)
{
	struct ib_srq_init_attr attr = {
		.srq_type = IB_SRQT_BASIC,
		.attr = {
			.max_wr = rxq->count,
			.max_sge = rxq->ipd->cm.pages,
		},
	};
	struct ib_srq *srq = ib_create_srq(rxq->ipd->pd, &attr);

	if (IS_ERR(srq))
		return PTR_ERR(srq);
	rxq->give_end = &rxq->give;
	rxq->buf = kvcalloc(rxq->count, sizeof(*rxq->buf), GFP_KERNEL);
	/* From now on NAPI asks for more. */
	WRITE_ONCE(rxq->srq, srq);
	if (!rxq->buf)
		return -ENOMEM;
	return fill(rxq, min_t(u32, IPOIB_CM_RXQ_FIRST, rxq->count));
}

/* Room for all that the SRQ, or the QPs without it, can have posted. */
static int create_cq(struct ipoib_cm_rxq *rxq, unsigned int index)
{
	struct ipoib_dev *ipd = rxq->ipd;
	u32 own = DIV_ROUND_UP(max(ipoib_max_nonsrq_conn_qp, 1),
			       ipd->cm.num_rxqs) * (IPOIB_CM_QP_BUFS + 1);
	struct ib_cq_init_attr attr = {
		.cqe = min_t(u32, rxq->count + own, ipd->ib->attrs.max_cqe),
		.comp_vector = index % ipd->ib->num_comp_vectors,
	};
	struct ib_cq *cq = ib_create_cq(ipd->ib, cq_event, cq_error, rxq,
					&attr);

	if (IS_ERR(cq))
		return PTR_ERR(cq);
	rxq->cq = cq;
	return 0;
}

static void destroy_rxq(struct ipoib_cm_rxq *rxq)
{
	if (!rxq->ipd)
		return;
	if (rxq->cq) {
		napi_disable(rxq->napi);
		cancel_work_sync(&rxq->grow_work);
	}
	if (rxq->srq)
		ib_destroy_srq(rxq->srq);
	if (rxq->cq)
		ib_destroy_cq(rxq->cq);
	ipoib_cm_bufs_free(rxq->ipd, rxq->buf, rxq->count);
}

static int create_rxq(struct ipoib_dev *ipd, struct ipoib_cm_rxq *rxq,
		      unsigned int index)
{
	int err;

	rxq->ipd = ipd;
	rxq->napi = &ipd->cm.napi[index].napi;
	ipd->cm.napi[index].rxq = rxq;
	rxq->count = min_t(u32, max(ipoib_recv_queue_size /
				    (int)ipd->cm.num_rxqs, IPOIB_CM_RXQ_BUFS),
			   ipd->ib->attrs.max_srq_wr);
	err = create_cq(rxq, index);
	if (err)
		return err;
	INIT_WORK(&rxq->grow_work, grow);
	rxq->grow_after = jiffies;
	napi_enable(rxq->napi);
	if (ipd->cm.srq)
		err = create_srq(rxq);
	if (!err)
		ib_req_notify_cq(rxq->cq, IB_CQ_NEXT_COMP);
	return err;
}

static void destroy_all(struct ipoib_dev *ipd)
{
	unsigned int i;

	for (i = 0; i < ipd->cm.num_rxqs; i++)
		destroy_rxq(&ipd->cm.rxq[i]);
	kfree(ipd->cm.rxq);
	ipd->cm.rxq = NULL;
}

static int create_all(struct ipoib_dev *ipd)
{
	unsigned int i, vectors = ipd->ib->num_comp_vectors;
	int err = 0;

	ipd->cm.num_rxqs = clamp_t(unsigned int,
				   min(num_online_cpus(), vectors), 1,
				   IPOIB_CM_RXQS);
	ipd->cm.rxq = kcalloc(ipd->cm.num_rxqs, sizeof(*ipd->cm.rxq),
			      GFP_KERNEL);
	if (!ipd->cm.rxq)
		return -ENOMEM;
	for (i = 0; !err && i < ipd->cm.num_rxqs; i++)
		err = create_rxq(ipd, &ipd->cm.rxq[i], i);
	if (err)
		destroy_all(ipd);
	return err;
}

/**
 * ipoib_cm_napis_add() - what will poll the queues
 * @ipd: the interface
 *
 * Context: Process, under RTNL.
 */
void ipoib_cm_napis_add(struct ipoib_dev *ipd)
{
	unsigned int i;

	for (i = 0; i < IPOIB_CM_RXQS; i++)
		netif_napi_add(ipd->netdev, &ipd->cm.napi[i].napi,
			       ipoib_cm_poll);
}

/**
 * ipoib_cm_napis_del() - and no longer
 * @ipd: the interface, without queues
 *
 * Context: Process, under RTNL.
 */
void ipoib_cm_napis_del(struct ipoib_dev *ipd)
{
	unsigned int i;

	for (i = 0; i < IPOIB_CM_RXQS; i++)
		__netif_napi_del(&ipd->cm.napi[i].napi);
	synchronize_net();
}

/* Fewer of the same kind: a CQ has room for its share of each. */
static bool has_fewer(const struct ipoib_cm_rxq *a,
		      const struct ipoib_cm_rxq *b, bool own)
{
	return own ? a->own < b->own : a->conns < b->conns;
}

/**
 * ipoib_cm_rxq_get() - a queue for one connection more
 * @ipd: the interface; ipd->cm.rx_lock is held
 * @own: the connection has receive buffers of its own
 *
 * The one that has the fewest. All are made if there is none.
 *
 * Context: Process.
 * Return: the queue, or an error pointer.
 */
struct ipoib_cm_rxq *ipoib_cm_rxq_get(struct ipoib_dev *ipd, bool own)
{
	struct ipoib_cm_rxq *best;
	unsigned int i;
	int err;

	lockdep_assert_held(&ipd->cm.rx_lock);
	err = ipd->cm.rxq ? 0 : create_all(ipd);
	if (err)
		return ERR_PTR(err);
	best = &ipd->cm.rxq[0];
	for (i = 1; i < ipd->cm.num_rxqs; i++)
		if (has_fewer(&ipd->cm.rxq[i], best, own))
			best = &ipd->cm.rxq[i];
	best->conns++;
	best->own += own;
	return best;
}

/**
 * ipoib_cm_rxq_put() - a connection less
 * @rxq: its queue; ipd->cm.rx_lock is held
 * @own: as it was for ipoib_cm_rxq_get()
 *
 * With the last connection all queues go.
 *
 * Context: Process.
 */
void ipoib_cm_rxq_put(struct ipoib_cm_rxq *rxq, bool own)
{
	struct ipoib_dev *ipd = rxq->ipd;
	unsigned int i;

	lockdep_assert_held(&ipd->cm.rx_lock);
	rxq->conns--;
	rxq->own -= own;
	for (i = 0; i < ipd->cm.num_rxqs; i++)
		if (ipd->cm.rxq[i].conns)
			return;
	destroy_all(ipd);
}

/**
 * ipoib_cm_rxqs_pause() - NAPI off, so that nobody has a completion in hand
 * @ipd: the interface, some connection of which keeps its queues
 *
 * Context: Process.
 */
void ipoib_cm_rxqs_pause(struct ipoib_dev *ipd)
{
	unsigned int i;

	for (i = 0; i < ipd->cm.num_rxqs; i++)
		napi_disable(ipd->cm.rxq[i].napi);
}

/**
 * ipoib_cm_rxqs_resume() - and on
 * @ipd: the interface, as before
 *
 * What came meanwhile is found by the first poll.
 *
 * Context: Process.
 */
void ipoib_cm_rxqs_resume(struct ipoib_dev *ipd)
{
	unsigned int i;

	for (i = 0; i < ipd->cm.num_rxqs; i++) {
		napi_enable(ipd->cm.rxq[i].napi);
		local_bh_disable();
		napi_schedule(ipd->cm.rxq[i].napi);
		local_bh_enable();
	}
}
