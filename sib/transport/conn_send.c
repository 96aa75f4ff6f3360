// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Requests of a connected QP: which packet is next, and whether it may go.
 * Softirq, the QP's task.
 *
 * A WR of an unreliable connection is done with its last packet; one of a
 * reliable connection when that is acknowledged.
 */
#include "sib/core/bundle.h"
#include "sib/core/opcode.h"
#include "sib/transport/conn.h"
#include "sib/transport/copy.h"
#include "sib/transport/frame.h"
#include "sib/transport/rx.h"
#include "sib/transport/task.h"
#include "sib/verbs/conn.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/qp.h"

/* Frames in one go, before others have their turn. */
#define BUDGET		64
/* Packets without an acknowledgment: two ports' tokens. */
#define WINDOW		128
/* One packet of so many asks for an acknowledgment, besides the last one. */
#define ACK_EVERY	16

/* IBTA 10.2.5: a message has up to 2^31 octets. */
#define MESSAGE_MAX	0x80000000U

static u16 mtu_of(const struct sib_qpc *qpc)
{
	return qpc->conn->resp.pure.mtu;
}

/**
 * sib_conn_stop() - an error of the QP's own ends a state
 * @qpc: the QP
 * @state: IB_QPS_ERR, or IB_QPS_SQE which only a QP in RTS can enter
 *
 * Context: Softirq, the QP's task.
 */
void sib_conn_stop(struct sib_qpc *qpc, u8 state)
{
	unsigned long irq;

	spin_lock_irqsave(&qpc->sq.lock, irq);
	spin_lock(&qpc->rq.lock);
	/* The consumer may have been faster with a state of his. */
	if (state == IB_QPS_ERR ? sib_qp_receives(qpc->state) :
				  qpc->state == IB_QPS_RTS)
		WRITE_ONCE(qpc->state, state);
	spin_unlock(&qpc->rq.lock);
	spin_unlock_irqrestore(&qpc->sq.lock, irq);
}

/**
 * sib_conn_fail() - the oldest WR has failed
 * @qpc: the QP
 * @status: why
 *
 * A reliable connection ends with that; an unreliable one stops sending.
 *
 * Context: Softirq, the QP's task.
 */
void sib_conn_fail(struct sib_qpc *qpc, enum ib_wc_status status)
{
	struct sib_requester *req = &qpc->conn->req;

	sib_conn_stop(qpc, qpc->type == IB_QPT_RC ? IB_QPS_ERR : IB_QPS_SQE);
	sib_send_complete(qpc, sib_swqe(&qpc->sq, qpc->sq.next), status);
	req->offset = 0;
	req->send = qpc->sq.next;
	req->fresh = qpc->sq.next;
	req->armed = false;
	req->waiting = false;
}

/* What is wrong with a WR, if anything: found before its first packet. */
static enum ib_wc_status check(const struct sib_swqe *wqe)
{
	if (wqe->length > MESSAGE_MAX)
		return IB_WC_LOC_LEN_ERR;
	if (!wqe->inlined && !sib_sges_ok(wqe->sge, wqe->num_sge))
		return IB_WC_LOC_PROT_ERR;
	return IB_WC_SUCCESS;
}

static bool has_credit(const struct sib_requester *req)
{
	u32 ssn = req->send - req->base + 1;

	return sib_credit_allows(ssn & SIB_MSN_MASK, req->msn, req->credits);
}

/* How many packets more may go without an acknowledgment? */
static u32 window(const struct sib_qpc *qpc)
{
	const struct sib_requester *req = &qpc->conn->req;
	u32 under_way = sib_psn_diff(req->psn, req->una);

	if (qpc->type != IB_QPT_RC)
		return WINDOW;
	if (req->waiting || under_way >= WINDOW)
		return 0;
	/* Without a credit one packet may ask, IBTA 9.7.7.2.5. */
	return has_credit(req) ? WINDOW - under_way : !under_way;
}

static bool wants_ack(const struct sib_qpc *qpc, const struct sib_seg *seg)
{
	const struct sib_requester *req = &qpc->conn->req;

	if (qpc->type != IB_QPT_RC)
		return false;
	return seg->last || req->psn % ACK_EVERY == ACK_EVERY - 1 ||
	       sib_psn_diff(req->psn, req->una) == WINDOW - 1 ||
	       !has_credit(req);
}

/* What the next packet of a WR is. */
static void cut(const struct sib_qpc *qpc, const struct sib_swqe *wqe,
		struct sib_seg *seg)
{
	sib_seg_cut(seg, qpc->type == IB_QPT_RC ? SIB_TRANSPORT_RC :
						  SIB_TRANSPORT_UC,
		    wqe->length, qpc->conn->req.offset, mtu_of(qpc),
		    wqe->opcode == IB_WR_SEND_WITH_IMM);
}

static void build(struct sib_qpc *qpc, const struct sib_swqe *wqe,
		  const struct sib_seg *seg, struct sk_buff *skb)
{
	struct sib_requester *req = &qpc->conn->req;
	struct sib_hdr hdr = {
		.opcode = seg->opcode,
		.psn = req->psn,
		.solicited = seg->last && wqe->flags & IB_SEND_SOLICITED,
		.ack_req = wants_ack(qpc, seg),
		.imm = wqe->imm,
	};

	sib_gather(qpc, wqe, req->offset,
		   sib_conn_put(qpc, skb, &hdr, seg->len), seg->len, NULL);
}

/* One packet has gone, or would have if there were memory for it. */
static void advance(struct sib_qpc *qpc, const struct sib_seg *seg)
{
	struct sib_requester *req = &qpc->conn->req;

	if (sib_psn_diff(req->psn, req->top) < 0)
		sib_port_count(qpc->port, TX_AGAIN);
	req->psn = sib_psn_add(req->psn, 1);
	if (sib_psn_diff(req->psn, req->top) > 0)
		WRITE_ONCE(req->top, req->psn);
	if (req->send == req->fresh)
		req->fresh++;
	if (seg->last) {
		req->send++;
		WRITE_ONCE(req->offset, 0);
	} else {
		WRITE_ONCE(req->offset, req->offset + seg->len);
	}
}

static void sent(struct sib_qpc *qpc, const struct sib_swqe *wqe,
		 const struct sib_seg *seg)
{
	struct sib_requester *req = &qpc->conn->req;

	advance(qpc, seg);
	if (qpc->type == IB_QPT_RC) {
		if (!req->armed)
			sib_rc_expect(qpc);
		return;
	}
	req->una = req->psn;
	if (seg->last)
		sib_send_complete(qpc, wqe, IB_WC_SUCCESS);
}

/* The first packet of a WR: is it good, and which PSNs has it? */
static bool begin(struct sib_qpc *qpc, struct sib_swqe *wqe)
{
	struct sib_requester *req = &qpc->conn->req;
	enum ib_wc_status status = check(wqe);

	if (status == IB_WC_SUCCESS) {
		wqe->psn = req->psn;
		wqe->last_psn = sib_psn_add(req->psn,
					    sib_seg_count(wqe->length,
							  mtu_of(qpc)) - 1);
		return true;
	}
	/* Those before it come first. */
	if (req->send == qpc->sq.next)
		sib_conn_fail(qpc, status);
	return false;
}

/* Is there a packet that may go now? */
static bool is_due(struct sib_qpc *qpc, bool draining)
{
	struct sib_requester *req = &qpc->conn->req;

	/* Pairs with the release in queue_send(): the WR is written. */
	if (req->send == smp_load_acquire(&qpc->sq.head))
		return false;
	/* While it drains, only what has begun goes on. */
	if (draining && req->psn == req->top && !req->offset)
		return false;
	if (!window(qpc))
		return false;
	return req->offset || begin(qpc, sib_swqe(&qpc->sq, req->send));
}

/* Octets of the next packet, and of those that may go in a frame with it. */
static u32 frame_size(const struct sib_qpc *qpc, u32 *least)
{
	const struct sib_requester *req = &qpc->conn->req;
	u32 max = min_t(u32, window(qpc), SIB_BUNDLE_PACKETS);
	u32 send = req->send, offset = req->offset, size = 0;
	u32 room = sib_frame_room(qpc), head, n;

	/* Pairs with the release in queue_send(): the WRs are written. */
	head = smp_load_acquire(&qpc->sq.head);
	for (n = 0; n < max && send != head; n++) {
		u32 length = sib_swqe(&qpc->sq, send)->length;
		u16 plen = min_t(u32, length - offset, mtu_of(qpc));
		u32 next = sib_conn_size(qpc, plen);

		if (n && size + next > room)
			break;
		if (!n)
			*least = next;
		size += next;
		offset += plen;
		if (offset == length) {
			offset = 0;
			send++;
		}
	}
	return size;
}

/* The next packet, into the frame if there is one, and the state after it. */
static void send_packet(struct sib_qpc *qpc, struct sk_buff *skb)
{
	const struct sib_swqe *wqe = sib_swqe(&qpc->sq, qpc->conn->req.send);
	struct sib_seg seg;

	cut(qpc, wqe, &seg);
	if (skb)
		build(qpc, wqe, &seg, skb);
	sent(qpc, wqe, &seg);
}

static bool fits(const struct sib_qpc *qpc, struct sk_buff *skb)
{
	const struct sib_requester *req = &qpc->conn->req;
	struct sib_seg seg;

	cut(qpc, sib_swqe(&qpc->sq, req->send), &seg);
	return sib_frame_fits(qpc, skb, sib_conn_size(qpc, seg.len));
}

/* One frame; false if there is nothing to send, or it cannot go now. */
static bool send_frame(struct sib_qpc *qpc, bool draining)
{
	struct sk_buff *skb;
	u32 size, least;

	if (!is_due(qpc, draining))
		return false;
	size = frame_size(qpc, &least);
	if (!sib_frame_get(qpc, size, least, &skb))
		return false;
	do {
		send_packet(qpc, skb);
	} while (skb && is_due(qpc, draining) && fits(qpc, skb));
	if (skb)
		sib_conn_launch(qpc, skb);
	return true;
}

/**
 * sib_conn_send() - send what may be sent
 * @qpc: the QP, in RTS or SQD
 * @draining: begin no message
 *
 * Context: Softirq, the QP's task.
 * Return: true if there may be more to do at once.
 */
bool sib_conn_send(struct sib_qpc *qpc, bool draining)
{
	struct sib_requester *req = &qpc->conn->req;
	u8 state = READ_ONCE(qpc->state);
	unsigned int n;

	/* Flushed in SQE, and resumed. */
	if ((s32)(qpc->sq.next - req->send) > 0) {
		req->send = qpc->sq.next;
		req->fresh = qpc->sq.next;
		req->offset = 0;
	}
	for (n = 0; n < BUDGET; n++) {
		if (READ_ONCE(qpc->state) != state)
			return true;
		if (!send_frame(qpc, draining))
			return READ_ONCE(qpc->state) != state;
	}
	return true;
}

/**
 * sib_conn_drained() - is nothing of the send queue under way?
 * @qpc: the QP
 *
 * Context: Any; an answer that is good for longer only to the QP's task.
 * Return: true if so.
 */
bool sib_conn_drained(const struct sib_qpc *qpc)
{
	const struct sib_requester *req = &qpc->conn->req;

	return READ_ONCE(req->una) == READ_ONCE(req->top) &&
	       !READ_ONCE(req->offset);
}
