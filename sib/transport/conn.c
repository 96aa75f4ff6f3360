// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What the task of a connected QP does: places what waited, answers, looks at
 * answers, sends; after an error flushes. Softirq.
 */
#include <linux/bitops.h>

#include "sib/transport/conn.h"
#include "sib/transport/task.h"
#include "sib/verbs/conn.h"
#include "sib/verbs/cq.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/qp.h"

/**
 * sib_conn_event() - let the task tell the consumer something
 * @qpc: the QP
 * @event: enum sib_conn_event
 *
 * Context: Any; the caller kicks the task.
 */
void sib_conn_event(struct sib_qpc *qpc, unsigned int event)
{
	set_bit(event, &qpc->conn->events);
}

static void tell_events(struct sib_qpc *qpc)
{
	static const enum ib_event_type types[] = {
		[SIB_CONN_COMM_EST] = IB_EVENT_COMM_EST,
		[SIB_CONN_REQ_ERR] = IB_EVENT_QP_REQ_ERR,
		[SIB_CONN_ACCESS_ERR] = IB_EVENT_QP_ACCESS_ERR,
	};
	unsigned int i;

	if (!READ_ONCE(qpc->conn->events))
		return;
	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (test_and_clear_bit(i, &qpc->conn->events))
			sib_qp_event(qpc, types[i]);
}

/* The WR of a message that will not end is the oldest, and goes first. */
static void flush(struct sib_qpc *qpc)
{
	struct sib_responder *resp = &qpc->conn->resp;
	bool last_wqe = false;
	unsigned long irq;

	spin_lock_irqsave(&qpc->rq.lock, irq);
	if (qpc->state == IB_QPS_ERR) {
		sib_conn_flush_recv_locked(qpc);
		last_wqe = qpc->srq && !resp->last_wqe;
		resp->last_wqe = true;
	}
	spin_unlock_irqrestore(&qpc->rq.lock, irq);
	skb_queue_purge(&qpc->conn->req.acks);
	sib_flush_recvs(qpc);
	sib_flush_sends(qpc);
	if (last_wqe)
		sib_qp_event(qpc, IB_EVENT_QP_LAST_WQE_REACHED);
}

/* True if there may be more to do at once. */
static bool act(struct sib_qpc *qpc)
{
	bool again = false;

	switch (READ_ONCE(qpc->state)) {
	case IB_QPS_RTS:
		again = sib_conn_send(qpc, false);
		break;
	case IB_QPS_SQD:
		again = sib_conn_send(qpc, true);
		if (sib_conn_drained(qpc))
			sib_tell_drained(qpc);
		break;
	case IB_QPS_ERR:
		flush(qpc);
		break;
	case IB_QPS_SQE:
		sib_flush_sends(qpc);
		break;
	}
	return again;
}

/* The refusal, if there was one, has been said. */
static bool is_over(struct sib_qpc *qpc)
{
	const struct sib_responder *resp = &qpc->conn->resp;
	unsigned long irq;
	bool over;

	if (!READ_ONCE(resp->failed))
		return false;
	spin_lock_irqsave(&qpc->rq.lock, irq);
	over = resp->failed && !resp->reply;
	spin_unlock_irqrestore(&qpc->rq.lock, irq);
	return over;
}

/**
 * sib_conn_run() - do what there is to do for a connected QP
 * @qpc: the QP
 *
 * Context: Softirq, never twice at once for a QP.
 */
void sib_conn_run(struct sib_qpc *qpc)
{
	bool again;

	/* First, for responses that wait hold tokens, and this takes none. */
	if (qpc->type == IB_QPT_RC) {
		sib_rc_responses(qpc);
		sib_rc_deadline(qpc);
	}
	/* Nothing else is said before; a refusal is the last word. */
	if (!sib_rc_reply(qpc))
		return;
	if (is_over(qpc))
		sib_conn_stop(qpc, IB_QPS_ERR);
	again = act(qpc);
	tell_events(qpc);
	if (again)
		tasklet_schedule(&qpc->task);
}
