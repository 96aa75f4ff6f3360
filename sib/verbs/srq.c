// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Shared receive queues: verbs, and WRs for the QPs that share one.
 *
 * Who may still use an SRQ when it goes: nobody, for its QPs are gone; the work
 * that tells of the limit is ended first.
 */
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "sib/verbs/hca.h"
#include "sib/verbs/srq.h"

static void tell_limit(struct work_struct *work)
{
	struct sib_srq *srq = container_of(work, struct sib_srq, limit_work);
	struct ib_event event = {
		.device = srq->ib.device,
		.element.srq = &srq->ib,
		.event = IB_EVENT_SRQ_LIMIT_REACHED,
	};

	if (srq->ib.event_handler)
		srq->ib.event_handler(&event, srq->ib.srq_context);
}

static u32 count_locked(const struct sib_srq *srq)
{
	lockdep_assert_held(&srq->rq.lock);
	return srq->rq.head - srq->rq.tail;
}

/* Once, and then not again until the consumer sets a limit. */
static void check_limit_locked(struct sib_srq *srq)
{
	if (count_locked(srq) >= srq->limit)
		return;
	srq->limit = 0;
	schedule_work(&srq->limit_work);
}

/**
 * sib_srq_take() - a WR for the message that begins at a QP
 * @srq: the queue
 * @qpc: the QP; its receive queue's lock is held
 * @wqe: room for a WR of @srq; filled
 *
 * Context: Any.
 * Return: false if there is none; @qpc is kicked when there is.
 */
bool sib_srq_take(struct sib_srq *srq, struct sib_qpc *qpc,
		  struct sib_rwqe *wqe)
{
	unsigned long irq;
	bool have;

	lockdep_assert_held(&qpc->rq.lock);
	spin_lock_irqsave(&srq->rq.lock, irq);
	have = count_locked(srq);
	if (have) {
		memcpy(wqe, sib_rwqe(&srq->rq, srq->rq.tail++),
		       srq->rq.stride);
		check_limit_locked(srq);
	} else if (list_empty(&qpc->srq_entry)) {
		list_add_tail(&qpc->srq_entry, &srq->waiters);
	}
	spin_unlock_irqrestore(&srq->rq.lock, irq);
	return have;
}

/**
 * sib_srq_forget() - a QP goes, and waits for no WR
 * @srq: the queue
 * @qpc: the QP, dead already
 *
 * On return it is not being kicked from here.
 *
 * Context: Any.
 */
void sib_srq_forget(struct sib_srq *srq, struct sib_qpc *qpc)
{
	unsigned long irq;

	spin_lock_irqsave(&srq->rq.lock, irq);
	list_del_init(&qpc->srq_entry);
	spin_unlock_irqrestore(&srq->rq.lock, irq);
}

static void wake_locked(struct sib_srq *srq)
{
	struct sib_qpc *qpc, *next;

	lockdep_assert_held(&srq->rq.lock);
	list_for_each_entry_safe(qpc, next, &srq->waiters, srq_entry) {
		list_del_init(&qpc->srq_entry);
		sib_qpc_kick(qpc);
	}
}

/**
 * sib_post_srq_recv() - queue receive work requests
 * @ib: the SRQ
 * @wr: a list of them
 * @bad_wr: the first that was not queued, on error
 *
 * Context: Any.
 * Return: 0, -EINVAL for a bad request, -ENOMEM if the queue is full.
 */
int sib_post_srq_recv(struct ib_srq *ib, const struct ib_recv_wr *wr,
		      const struct ib_recv_wr **bad_wr)
{
	struct sib_srq *srq = to_srq(ib);
	unsigned long irq;
	int err = 0;

	spin_lock_irqsave(&srq->rq.lock, irq);
	for (; wr; wr = wr->next) {
		err = sib_rq_queue(&srq->rq, wr);
		if (err)
			break;
	}
	wake_locked(srq);
	spin_unlock_irqrestore(&srq->rq.lock, irq);
	if (err)
		*bad_wr = wr;
	return err;
}

/**
 * sib_create_srq() - a shared receive queue
 * @ib: zeroed memory of a struct sib_srq
 * @init: what the consumer wants; the actual capacity is written back
 * @udata: not looked at
 *
 * Context: Process.
 * Return: 0; -EOPNOTSUPP for a kind that there is not; -EINVAL for too much;
 * -ENOMEM.
 */
int sib_create_srq(struct ib_srq *ib, struct ib_srq_init_attr *init,
		   struct ib_udata *udata)
{
	struct sib_hca *hca = to_hca(ib->device);
	struct sib_srq *srq = to_srq(ib);
	struct ib_qp_cap cap = {
		.max_recv_wr = init->attr.max_wr,
		.max_recv_sge = init->attr.max_sge,
	};

	if (init->srq_type != IB_SRQT_BASIC)
		return -EOPNOTSUPP;
	if (!init->attr.max_wr || init->attr.max_wr > SIB_MAX_WR ||
	    init->attr.max_sge > hca->caps.recv_sge ||
	    init->attr.srq_limit > init->attr.max_wr)
		return -EINVAL;
	if (sib_rq_alloc(&srq->rq, &cap))
		return -ENOMEM;
	spin_lock_init(&srq->rq.lock);
	INIT_LIST_HEAD(&srq->waiters);
	INIT_WORK(&srq->limit_work, tell_limit);
	srq->limit = init->attr.srq_limit;
	init->attr.max_wr = srq->rq.size;
	return 0;
}

/**
 * sib_modify_srq() - arm the limit
 * @ib: the SRQ
 * @attr: the limit
 * @mask: IB_SRQ_LIMIT
 * @udata: not looked at
 *
 * A limit that is above what is posted is reached at once.
 *
 * Context: Process.
 * Return: 0; -EOPNOTSUPP for another capacity; -EINVAL for a limit above the
 * capacity.
 */
int sib_modify_srq(struct ib_srq *ib, struct ib_srq_attr *attr,
		   enum ib_srq_attr_mask mask, struct ib_udata *udata)
{
	struct sib_srq *srq = to_srq(ib);

	if (mask & ~IB_SRQ_LIMIT)
		return -EOPNOTSUPP;
	if (attr->srq_limit > srq->rq.size)
		return -EINVAL;
	spin_lock_irq(&srq->rq.lock);
	srq->limit = attr->srq_limit;
	check_limit_locked(srq);
	spin_unlock_irq(&srq->rq.lock);
	return 0;
}

/**
 * sib_query_srq() - what an SRQ is like
 * @ib: the SRQ
 * @attr: filled
 *
 * Context: Process.
 * Return: 0.
 */
int sib_query_srq(struct ib_srq *ib, struct ib_srq_attr *attr)
{
	struct sib_srq *srq = to_srq(ib);

	attr->max_wr = srq->rq.size;
	attr->max_sge = srq->rq.max_sge;
	attr->srq_limit = READ_ONCE(srq->limit);
	return 0;
}

/**
 * sib_destroy_srq() - the end of an SRQ
 * @ib: the SRQ; its QPs are gone
 * @udata: not looked at
 *
 * Context: Process.
 * Return: 0.
 */
int sib_destroy_srq(struct ib_srq *ib, struct ib_udata *udata)
{
	struct sib_srq *srq = to_srq(ib);

	cancel_work_sync(&srq->limit_work);
	kvfree(srq->rq.ring);
	return 0;
}

const struct ib_device_ops sib_srq_ops = {
	.create_srq = sib_create_srq,
	.destroy_srq = sib_destroy_srq,
	.modify_srq = sib_modify_srq,
	.post_srq_recv = sib_post_srq_recv,
	.query_srq = sib_query_srq,

	INIT_RDMA_OBJ_SIZE(ib_srq, sib_srq, ib),
};
