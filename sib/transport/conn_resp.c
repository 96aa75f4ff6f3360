// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Requests that come to a connected QP: carried out, or refused. Softirq, under
 * the receive queue's lock, as all placing is. What there is to say to the
 * requester is only noted here: the latest is enough, for an acknowledgment
 * covers all before it. The QP's task says it.
 */
#include <linux/bits.h>

#include "sib/core/opcode.h"
#include "sib/transport/conn.h"
#include "sib/transport/copy.h"
#include "sib/transport/frame.h"
#include "sib/transport/rx.h"
#include "sib/verbs/conn.h"
#include "sib/verbs/cq.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/qp.h"
#include "sib/verbs/srq.h"

static struct sib_responder *responder(const struct sib_qpc *qpc)
{
	lockdep_assert_held(&qpc->rq.lock);
	return &qpc->conn->resp;
}

/* A WR for the message that begins, if there is one. */
static bool claim_wqe(struct sib_qpc *qpc)
{
	struct sib_responder *resp = responder(qpc);

	if (resp->wqe)
		return true;
	if (qpc->srq) {
		if (sib_srq_take(qpc->srq, qpc, resp->shared))
			resp->wqe = resp->shared;
	} else if (qpc->rq.tail != qpc->rq.head) {
		/* Keeps its place until the message is there. */
		resp->wqe = sib_rwqe(&qpc->rq, qpc->rq.tail);
	}
	return resp->wqe;
}

static void finish_wqe(struct sib_qpc *qpc, struct ib_wc *wc, bool solicited)
{
	struct sib_responder *resp = responder(qpc);

	wc->wr_id = resp->wqe->wr_id;
	wc->opcode = IB_WC_RECV;
	wc->qp = qpc->ib;
	if (!qpc->srq)
		qpc->rq.tail++;
	resp->wqe = NULL;
	sib_cq_push(qpc->recv_cq, wc, solicited);
}

/**
 * sib_conn_flush_recv_locked() - the WR of a message that will not end
 * @qpc: the QP, in ERR; its receive queue's lock is held
 *
 * Context: Any.
 */
void sib_conn_flush_recv_locked(struct sib_qpc *qpc)
{
	struct ib_wc wc = { .status = IB_WC_WR_FLUSH_ERR };

	if (responder(qpc)->wqe)
		finish_wqe(qpc, &wc, false);
}

/* The message is there. */
static void finish(struct sib_qpc *qpc, const struct sib_hdr *hdr)
{
	u16 lid = READ_ONCE(qpc->hca->agent.node.port[qpc->port->num].lid);
	struct sib_responder *resp = responder(qpc);
	struct ib_wc wc = {
		.status = IB_WC_SUCCESS,
		.byte_len = resp->offset,
		.src_qp = qpc->conn->dqpn,
		.slid = hdr->slid,
		.sl = hdr->sl,
		.dlid_path_bits = hdr->dlid - lid,
		.port_num = qpc->port->num,
	};

	if (hdr->has_imm) {
		wc.wc_flags |= IB_WC_WITH_IMM;
		wc.ex.imm_data = hdr->imm;
	}
	resp->msn = (resp->msn + 1) & SIB_MSN_MASK;
	finish_wqe(qpc, &wc, hdr->solicited);
}

/* The connection ends; the requester hears why before it does. */
static void refuse(struct sib_qpc *qpc, u8 code, unsigned int event)
{
	struct sib_responder *resp = responder(qpc);

	resp->reply = SIB_REPLY_NAK;
	resp->code = code;
	resp->failed = true;
	sib_conn_event(qpc, event);
}

/* The WR is to blame, and says so. */
static void fail_recv(struct sib_qpc *qpc, enum ib_wc_status status, u8 code)
{
	struct ib_wc wc = { .status = status };

	finish_wqe(qpc, &wc, false);
	refuse(qpc, code, SIB_CONN_REQ_ERR);
}

/* Is there room for the packet, in memory that may be written? */
static bool wqe_is_good(struct sib_qpc *qpc, const struct sib_hdr *hdr)
{
	struct sib_responder *resp = responder(qpc);
	bool fits = hdr->plen <= resp->wqe->length - resp->offset;

	if (fits && sib_sges_ok(resp->wqe->sge, resp->wqe->num_sge))
		return true;
	if (qpc->type == IB_QPT_UC) {
		/* As if it had been lost. The WR is for the next message. */
		sib_port_count(qpc->port, RX_TOO_LONG);
		resp->pure.midway = false;
	} else if (!fits) {
		fail_recv(qpc, IB_WC_LOC_LEN_ERR, SIB_NAK_INV_REQUEST);
	} else {
		fail_recv(qpc, IB_WC_LOC_PROT_ERR, SIB_NAK_REM_OP);
	}
	return false;
}

static enum sib_conn_taken execute(struct sib_qpc *qpc, struct sk_buff *skb,
				   const struct sib_hdr *hdr)
{
	struct sib_responder *resp = responder(qpc);
	u16 flags = sib_opcode(hdr->opcode)->flags;

	if (!claim_wqe(qpc))
		return SIB_TAKEN_NO_WQE;
	if (flags & SIB_OPF_FIRST)
		resp->offset = 0;
	if (!wqe_is_good(qpc, hdr))
		return SIB_TAKEN;
	sib_scatter_skb(qpc->hca, resp->wqe, resp->offset, skb, hdr->hlen,
			hdr->plen, NULL);
	resp->offset += hdr->plen;
	resp->told = false;
	resp->pure.epsn = sib_psn_add(hdr->psn, 1);
	resp->pure.midway = !(flags & SIB_OPF_LAST);
	if (flags & SIB_OPF_LAST)
		finish(qpc, hdr);
	/* What was missed is there: no need to complain if that is to come. */
	if (qpc->type == IB_QPT_RC && (hdr->ack_req || resp->reply))
		resp->reply = SIB_REPLY_ACK;
	return SIB_TAKEN;
}

static void gap(struct sib_qpc *qpc)
{
	struct sib_responder *resp = responder(qpc);

	sib_port_count(qpc->port, RX_GAP);
	/* Once: what follows was sent before the requester knows. */
	if (resp->told)
		return;
	resp->told = true;
	resp->reply = SIB_REPLY_NAK;
	resp->code = SIB_NAK_SEQUENCE;
}

static enum sib_conn_taken take_rc(struct sib_qpc *qpc, struct sk_buff *skb,
				   const struct sib_hdr *hdr)
{
	struct sib_responder *resp = responder(qpc);

	switch (sib_rc_judge(&resp->pure, hdr)) {
	case SIB_RESP_EXECUTE:
		return execute(qpc, skb, hdr);
	case SIB_RESP_DUPLICATE:
		sib_port_count(qpc->port, RX_DUPLICATE);
		if (!resp->reply)
			resp->reply = SIB_REPLY_ACK;
		break;
	case SIB_RESP_GAP:
		gap(qpc);
		break;
	default:
		sib_port_count(qpc->port, RX_BAD_REQUEST);
		refuse(qpc, SIB_NAK_INV_REQUEST, SIB_CONN_REQ_ERR);
	}
	return SIB_TAKEN;
}

static enum sib_conn_taken take_uc(struct sib_qpc *qpc, struct sk_buff *skb,
				   const struct sib_hdr *hdr)
{
	struct sib_responder *resp = responder(qpc);

	if (sib_uc_judge(&resp->pure, hdr) == SIB_RESP_EXECUTE)
		return execute(qpc, skb, hdr);
	sib_port_count(qpc->port, RX_GAP);
	resp->pure.midway = false;
	return SIB_TAKEN;
}

/**
 * sib_conn_take_locked() - a request has passed all checks
 * @qpc: the QP, which receives; its receive queue's lock is held
 * @skb: the packet; stays the caller's
 * @hdr: its headers
 *
 * Context: Softirq.
 * Return: SIB_TAKEN_NO_WQE if it begins a message for which there is no WR:
 * the packet may be taken later, in its turn.
 */
enum sib_conn_taken sib_conn_take_locked(struct sib_qpc *qpc,
					 struct sk_buff *skb,
					 const struct sib_hdr *hdr)
{
	struct sib_responder *resp = responder(qpc);

	/* The connection is about to end. */
	if (resp->failed)
		return SIB_TAKEN;
	if (qpc->state == IB_QPS_RTR && !resp->established) {
		resp->established = true;
		sib_conn_event(qpc, SIB_CONN_COMM_EST);
	}
	return qpc->type == IB_QPT_RC ? take_rc(qpc, skb, hdr) :
					take_uc(qpc, skb, hdr);
}

/**
 * sib_conn_not_ready_locked() - there is no WR, and will not be in time
 * @qpc: the QP; its receive queue's lock is held
 *
 * Context: Softirq.
 */
void sib_conn_not_ready_locked(struct sib_qpc *qpc)
{
	struct sib_responder *resp = responder(qpc);

	if (qpc->type != IB_QPT_RC || resp->failed) {
		resp->pure.midway = false;
		return;
	}
	resp->told = true;
	resp->reply = SIB_REPLY_RNR;
}

/* The AETH of what is to be said. A shared queue promises no WR. */
static void fill_aeth(struct sib_qpc *qpc, struct sib_hdr *hdr)
{
	struct sib_responder *resp = responder(qpc);

	hdr->opcode = SIB_OP_RC_ACK;
	hdr->psn = resp->pure.epsn;
	hdr->msn = resp->msn;
	switch (resp->reply) {
	case SIB_REPLY_ACK:
		hdr->psn = sib_psn_add(hdr->psn, SIB_PSN_MASK);
		hdr->syndrome = SIB_AETH_ACK | (qpc->srq ? SIB_CREDIT_NONE :
				sib_credit_code(qpc->rq.head - qpc->rq.tail));
		break;
	case SIB_REPLY_RNR:
		hdr->syndrome = SIB_AETH_RNR |
				READ_ONCE(qpc->conn->min_rnr_timer);
		break;
	case SIB_REPLY_NAK:
		hdr->syndrome = SIB_AETH_NAK | resp->code;
		break;
	}
}

/* Take what is to be said; false if nothing is. */
static bool take_reply(struct sib_qpc *qpc, struct sib_hdr *hdr)
{
	struct sib_responder *resp = &qpc->conn->resp;
	unsigned long irq;
	bool have;

	memset(hdr, 0, sizeof(*hdr));
	spin_lock_irqsave(&qpc->rq.lock, irq);
	have = resp->reply && sib_qp_receives(qpc->state);
	if (have)
		fill_aeth(qpc, hdr);
	resp->reply = SIB_REPLY_NONE;
	spin_unlock_irqrestore(&qpc->rq.lock, irq);
	return have;
}

/**
 * sib_rc_reply() - say to the requester what there is to be said
 * @qpc: the QP
 *
 * Context: Softirq, the QP's task.
 * Return: false if that has to wait for a token; the task will be woken.
 */
bool sib_rc_reply(struct sib_qpc *qpc)
{
	u32 size = sib_conn_size(qpc, 0);
	struct sk_buff *skb;
	struct sib_hdr hdr;

	while (READ_ONCE(qpc->conn->resp.reply)) {
		/* In an error state nothing is said, and nothing waited for. */
		if (!sib_qp_receives(READ_ONCE(qpc->state)))
			return true;
		if (!sib_frame_get(qpc, size, size, &skb))
			return false;
		if (!take_reply(qpc, &hdr)) {
			consume_skb(skb);
			break;
		}
		if ((hdr.syndrome & SIB_AETH_KIND) == SIB_AETH_RNR)
			sib_port_count(qpc->port, TX_NOT_READY);
		/* Without memory it is as good as lost. */
		if (!skb)
			continue;
		sib_conn_put(qpc, skb, &hdr, 0);
		sib_conn_launch(qpc, skb);
	}
	return true;
}
