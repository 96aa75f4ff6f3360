// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The task of a QP: carries out send WRs in order, completes them, flushes
 * both queues after an error. It alone takes WRs out of the send queue, so
 * that needs no lock; the receive queue has one. Softirq.
 */
#include "sib/transport/conn.h"
#include "sib/transport/task.h"
#include "sib/verbs/cq.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/qp.h"

/* WRs in one go, before others have their turn. */
#define BUDGET	64

static enum ib_wc_opcode wc_opcode(u8 opcode)
{
	switch (opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
		return IB_WC_RDMA_WRITE;
	case IB_WR_RDMA_READ:
		return IB_WC_RDMA_READ;
	case IB_WR_LSO:
		return IB_WC_LSO;
	}
	return IB_WC_SEND;
}

/**
 * sib_send_complete() - the oldest send WR is done
 * @qpc: the QP
 * @wqe: the WR
 * @status: how it went
 *
 * Its place is free, and those of the unsignalled ones before it, when a
 * completion says so: as on hardware.
 *
 * Context: As sib_flush_sends().
 */
void sib_send_complete(struct sib_qpc *qpc, const struct sib_swqe *wqe,
		       enum ib_wc_status status)
{
	struct ib_wc wc = {
		.wr_id = wqe->wr_id,
		.status = status,
		.opcode = wc_opcode(wqe->opcode),
		.qp = qpc->ib,
	};
	bool wanted = qpc->signal_all || wqe->flags & IB_SEND_SIGNALED ||
		      status != IB_WC_SUCCESS;

	qpc->sq.next++;
	qpc->lso_done = 0;
	if (!wanted)
		return;
	/* Before the completion, for its consumer may post at once. */
	smp_store_release(&qpc->sq.tail, qpc->sq.next);
	sib_cq_push(qpc->send_cq, &wc, false);
}

/**
 * sib_flush_sends() - complete all send WRs as flushed
 * @qpc: the QP, in an error state
 *
 * Context: Softirq, the QP's task; or any while the task is disabled.
 */
void sib_flush_sends(struct sib_qpc *qpc)
{
	/* Pairs with the release in queue_send(): the WR is written. */
	while (qpc->sq.next != smp_load_acquire(&qpc->sq.head))
		sib_send_complete(qpc, sib_swqe(&qpc->sq, qpc->sq.next),
				  IB_WC_WR_FLUSH_ERR);
}

/**
 * sib_flush_recvs() - complete all receive WRs as flushed
 * @qpc: the QP; nothing is done unless it is in ERR
 *
 * Context: Softirq, the QP's task.
 */
void sib_flush_recvs(struct sib_qpc *qpc)
{
	struct sib_rq *rq = &qpc->rq;
	struct ib_wc wc = {
		.status = IB_WC_WR_FLUSH_ERR,
		.opcode = IB_WC_RECV,
		.qp = qpc->ib,
	};
	unsigned long irq;

	spin_lock_irqsave(&rq->lock, irq);
	while (qpc->state == IB_QPS_ERR && rq->tail != rq->head) {
		wc.wr_id = sib_rwqe(rq, rq->tail++)->wr_id;
		sib_cq_push(qpc->recv_cq, &wc, false);
	}
	spin_unlock_irqrestore(&rq->lock, irq);
}

/* A datagram that cannot be sent stops the queue, IBTA 10.3.1.6. */
static void enter_sqe(struct sib_qpc *qpc)
{
	unsigned long irq;

	spin_lock_irqsave(&qpc->sq.lock, irq);
	spin_lock(&qpc->rq.lock);
	if (qpc->state == IB_QPS_RTS)
		WRITE_ONCE(qpc->state, IB_QPS_SQE);
	spin_unlock(&qpc->rq.lock);
	spin_unlock_irqrestore(&qpc->sq.lock, irq);
}

/* True if there may be more to do at once. */
static bool send_some(struct sib_qpc *qpc)
{
	unsigned int done;

	for (done = 0; done < BUDGET; done++) {
		enum ib_wc_status status;
		struct sib_swqe *wqe;

		if (READ_ONCE(qpc->state) != IB_QPS_RTS)
			return true;
		/* Pairs with the release in queue_send(): the WR is written. */
		if (qpc->sq.next == smp_load_acquire(&qpc->sq.head))
			return false;
		wqe = sib_swqe(&qpc->sq, qpc->sq.next);
		if (!sib_ud_send(qpc, wqe, &status))
			return false;
		if (status != IB_WC_SUCCESS)
			enter_sqe(qpc);
		sib_send_complete(qpc, wqe, status);
	}
	return true;
}

/**
 * sib_qp_event() - tell the consumer of a QP something
 * @qpc: the QP
 * @type: what
 *
 * Context: Softirq, the QP's task, without locks.
 */
void sib_qp_event(struct sib_qpc *qpc, enum ib_event_type type)
{
	struct ib_event event = {
		.device = &qpc->hca->ib,
		.element.qp = qpc->ib,
		.event = type,
	};

	if (qpc->ib->event_handler)
		qpc->ib->event_handler(&event, qpc->ib->qp_context);
}

/**
 * sib_tell_drained() - nothing of the send queue is under way any more
 * @qpc: the QP, in SQD
 *
 * Context: Softirq, the QP's task.
 */
void sib_tell_drained(struct sib_qpc *qpc)
{
	if (!qpc->sqd_event)
		return;
	qpc->sqd_event = false;
	sib_qp_event(qpc, IB_EVENT_SQ_DRAINED);
}

/**
 * sib_task_run() - do what there is to do for a QP
 * @qpc: the QP
 *
 * Context: Softirq, never twice at once for a QP.
 */
void sib_task_run(struct sib_qpc *qpc)
{
	bool again = false;

	if (!skb_queue_empty_lockless(&qpc->parked))
		sib_park_place(qpc);
	if (qpc->conn) {
		sib_conn_run(qpc);
		return;
	}
	switch (READ_ONCE(qpc->state)) {
	case IB_QPS_RTS:
		again = send_some(qpc);
		break;
	case IB_QPS_SQD:
		sib_tell_drained(qpc);
		break;
	case IB_QPS_ERR:
		sib_flush_recvs(qpc);
		fallthrough;
	case IB_QPS_SQE:
		sib_flush_sends(qpc);
		break;
	}
	if (again)
		tasklet_schedule(&qpc->task);
}
