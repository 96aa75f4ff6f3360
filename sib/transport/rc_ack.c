// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Responses to a reliable connection's requests, and what to do without them.
 * Softirq, the QP's task.
 */
#include <linux/jiffies.h>

#include "sib/transport/conn.h"
#include "sib/transport/rx.h"
#include "sib/transport/task.h"
#include "sib/verbs/conn.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/qp.h"

/*
 * A timeout may come between once and four times its nominal value, IBTA
 * 9.9.2.1.1: we wait for twice, in two steps. When time has leapt, for the
 * processor was kept from all of this, what has come meanwhile is seen between
 * the two. Below some milliseconds such a processor would end connections.
 */
#define STEP_MIN_US	10000

/* 0: for ever. */
static unsigned long step(const struct sib_qpc *qpc)
{
	u64 us = sib_ack_timeout_us(READ_ONCE(qpc->conn->timeout));

	if (!us)
		return 0;
	us = max_t(u64, us, STEP_MIN_US);
	return nsecs_to_jiffies(us * NSEC_PER_USEC) + 1;
}

/**
 * sib_rc_expect() - expect a response within the acknowledge timeout
 * @qpc: the QP
 *
 * Context: Softirq, the QP's task.
 */
void sib_rc_expect(struct sib_qpc *qpc)
{
	struct sib_requester *req = &qpc->conn->req;
	unsigned long wait = step(qpc);

	req->late = false;
	req->armed = wait;
	if (!wait)
		return;
	req->deadline = jiffies + wait;
	/* A timer that comes too early is set again. */
	if (!timer_pending(&req->timer) ||
	    time_before(req->deadline, req->timer.expires))
		mod_timer(&req->timer, req->deadline);
}

static void wait_for_receiver(struct sib_qpc *qpc, u8 code)
{
	struct sib_requester *req = &qpc->conn->req;

	req->waiting = true;
	req->armed = true;
	req->deadline = jiffies + usecs_to_jiffies(sib_rnr_us(code)) + 1;
	mod_timer(&req->timer, req->deadline);
}

/* The next packet is the one with PSN @psn: which WR's is it? */
static void seek(struct sib_qpc *qpc, u32 psn)
{
	struct sib_requester *req = &qpc->conn->req;
	const struct sib_swqe *wqe;

	req->psn = psn;
	req->offset = 0;
	for (req->send = qpc->sq.next; req->send != req->fresh; req->send++) {
		wqe = sib_swqe(&qpc->sq, req->send);
		if (sib_psn_diff(psn, wqe->last_psn) <= 0) {
			req->offset = sib_psn_diff(psn, wqe->psn) *
				      qpc->conn->resp.pure.mtu;
			return;
		}
	}
}

/* Send again what is not acknowledged, unless that has been tried enough. */
static void try_again(struct sib_qpc *qpc)
{
	struct sib_requester *req = &qpc->conn->req;

	if (!req->retry) {
		sib_conn_fail(qpc, IB_WC_RETRY_EXC_ERR);
		return;
	}
	req->retry--;
	req->armed = false;
	seek(qpc, req->una);
}

static void not_ready(struct sib_qpc *qpc, u8 code)
{
	struct sib_requester *req = &qpc->conn->req;

	/* Said again: nothing was sent since. */
	if (req->waiting)
		return;
	if (!req->rnr_retry) {
		sib_conn_fail(qpc, IB_WC_RNR_RETRY_EXC_ERR);
		return;
	}
	if (req->rnr_retry != SIB_RNR_RETRY_FOREVER)
		req->rnr_retry--;
	seek(qpc, req->una);
	wait_for_receiver(qpc, code);
}

/* Everything before @una is acknowledged. */
static void progress(struct sib_qpc *qpc, u32 una)
{
	struct sib_requester *req = &qpc->conn->req;

	if (una == req->una)
		return;
	WRITE_ONCE(req->una, una);
	req->retry = qpc->conn->retry_cnt;
	req->rnr_retry = qpc->conn->rnr_retry;
	while (qpc->sq.next != req->fresh) {
		const struct sib_swqe *wqe = sib_swqe(&qpc->sq, qpc->sq.next);

		if (sib_psn_diff(wqe->last_psn, una) >= 0)
			break;
		sib_send_complete(qpc, wqe, IB_WC_SUCCESS);
	}
	/* It was about to be sent again, and need not be. */
	if (sib_psn_diff(req->psn, una) < 0)
		seek(qpc, una);
	/* What it was not ready for is there after all. */
	req->waiting = false;
	req->armed = false;
	if (una != req->top)
		sib_rc_expect(qpc);
}

static void take_credits(struct sib_requester *req, const struct sib_hdr *hdr)
{
	req->msn = hdr->msn;
	req->credits = hdr->syndrome & SIB_AETH_VALUE;
}

static void respond(struct sib_qpc *qpc, const struct sib_hdr *hdr)
{
	struct sib_requester *req = &qpc->conn->req;
	enum sib_ack_verdict verdict;
	u32 una = req->una;

	verdict = sib_ack_judge(&una, req->top, hdr);
	if (verdict == SIB_ACK_DONE || verdict == SIB_ACK_CREDIT)
		take_credits(req, hdr);
	progress(qpc, una);
	switch (verdict) {
	case SIB_ACK_STALE:
	case SIB_ACK_CREDIT:
	case SIB_ACK_DONE:
		break;
	case SIB_ACK_AGAIN:
		/* Unless that is about to be done, for it was said twice. */
		if (req->psn != req->una)
			try_again(qpc);
		break;
	case SIB_ACK_NOT_READY:
		not_ready(qpc, hdr->syndrome & SIB_AETH_VALUE);
		break;
	case SIB_ACK_INV_REQUEST:
		sib_conn_fail(qpc, IB_WC_REM_INV_REQ_ERR);
		break;
	case SIB_ACK_REM_ACCESS:
		sib_conn_fail(qpc, IB_WC_REM_ACCESS_ERR);
		break;
	case SIB_ACK_REM_OP:
		sib_conn_fail(qpc, IB_WC_REM_OP_ERR);
		break;
	case SIB_ACK_BAD:
		sib_port_count(qpc->port, RX_BAD_RESPONSE);
		sib_conn_fail(qpc, IB_WC_BAD_RESP_ERR);
		break;
	}
}

static bool is_sending(const struct sib_qpc *qpc)
{
	u8 state = READ_ONCE(qpc->state);

	return state == IB_QPS_RTS || state == IB_QPS_SQD;
}

/**
 * sib_rc_responses() - look at the responses that have come
 * @qpc: the QP
 *
 * Context: Softirq, the QP's task.
 */
void sib_rc_responses(struct sib_qpc *qpc)
{
	struct sk_buff *skb;
	struct sib_hdr hdr;

	while ((skb = skb_dequeue(&qpc->conn->req.acks))) {
		/* It was parsed once, so it parses again. */
		if (is_sending(qpc) &&
		    !sib_hdr_parse(&hdr, skb->data, skb_headlen(skb),
				   skb->len))
			respond(qpc, &hdr);
		consume_skb(skb);
	}
}

/**
 * sib_rc_deadline() - has a response been waited for long enough?
 * @qpc: the QP
 *
 * Context: Softirq, the QP's task.
 */
void sib_rc_deadline(struct sib_qpc *qpc)
{
	struct sib_requester *req = &qpc->conn->req;

	if (!req->armed || !is_sending(qpc))
		return;
	if (time_before(jiffies, req->deadline)) {
		if (!timer_pending(&req->timer))
			mod_timer(&req->timer, req->deadline);
	} else if (req->waiting) {
		req->armed = false;
		req->waiting = false;
	} else if (!req->late) {
		sib_rc_expect(qpc);
		req->late = true;
	} else {
		req->armed = false;
		if (req->una != req->top)
			try_again(qpc);
	}
}
