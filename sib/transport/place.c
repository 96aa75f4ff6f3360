// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Placing a datagram in a receive WR. Softirq, under the receive queue's lock:
 * whoever changes the QP's state or destroys it takes that lock and knows that
 * nothing is written afterwards.
 */
#include "sib/fabric/port.h"
#include "sib/transport/rx.h"
#include "sib/verbs/cq.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/qp.h"

/* Copy @len octets into a WR from its octet @at on. */
static void scatter(const struct sib_hca *hca, const struct sib_rwqe *wqe,
		    unsigned int at, const void *from, unsigned int len)
{
	unsigned int i;

	for (i = 0; len && i < wqe->num_sge; i++) {
		const struct ib_sge *sge = &wqe->sge[i];
		unsigned int n;

		if (at >= sge->length) {
			at -= sge->length;
			continue;
		}
		n = min(len, sge->length - at);
		memcpy(sib_sge_addr(hca, sge->addr) + at, from, n);
		from += n;
		len -= n;
		at = 0;
	}
}

/**
 * sib_scatter_skb() - copy a part of a packet into a WR
 * @hca: whose
 * @wqe: the WR; long enough, its keys good
 * @at: octet of the WR to begin at
 * @skb: the packet
 * @from: octet of the packet to begin at
 * @len: octets
 *
 * Context: Softirq.
 */
void sib_scatter_skb(const struct sib_hca *hca, const struct sib_rwqe *wqe,
		     unsigned int at, const struct sk_buff *skb,
		     unsigned int from, unsigned int len)
{
	struct skb_seq_state state;
	unsigned int done = 0, n;
	const u8 *data;

	if (from + len <= skb_headlen(skb)) {
		scatter(hca, wqe, at, skb->data + from, len);
		return;
	}
	skb_prepare_seq_read((struct sk_buff *)skb, from, from + len, &state);
	while ((n = skb_seq_read(done, &data, &state)) > 0) {
		/* The ICRC stands behind, and is no part of the message. */
		scatter(hca, wqe, at + done, data, min(n, len - done));
		done += n;
	}
}

/**
 * sib_lkeys_ok() - may a WR's memory be written?
 * @wqe: the WR
 *
 * Context: Any.
 * Return: true if so.
 */
bool sib_lkeys_ok(const struct sib_rwqe *wqe)
{
	unsigned int i;

	for (i = 0; i < wqe->num_sge; i++)
		if (wqe->sge[i].length &&
		    wqe->sge[i].lkey != SIB_LOCAL_DMA_LKEY)
			return false;
	return true;
}

static void push_completion(struct sib_qpc *qpc, const struct sib_rwqe *wqe,
			    const struct sib_hdr *hdr, u16 pkey_index)
{
	u16 lid = READ_ONCE(qpc->hca->agent.node.port[qpc->port->num].lid);
	struct ib_wc wc = {
		.wr_id = wqe->wr_id,
		.status = sib_lkeys_ok(wqe) ? IB_WC_SUCCESS :
					      IB_WC_LOC_PROT_ERR,
		.opcode = IB_WC_RECV,
		.qp = qpc->ib,
		/* The room for a GRH counts whether there is one or not. */
		.byte_len = SIB_GRH_LEN + hdr->plen,
		.src_qp = hdr->sqpn,
		.slid = hdr->slid,
		.sl = hdr->sl,
		.pkey_index = pkey_index,
		.port_num = qpc->port->num,
	};

	if (sib_lid_is_unicast(hdr->dlid))
		wc.dlid_path_bits = hdr->dlid - lid;
	if (hdr->grh)
		wc.wc_flags |= IB_WC_GRH;
	if (hdr->has_imm) {
		wc.wc_flags |= IB_WC_WITH_IMM;
		wc.ex.imm_data = hdr->imm;
	}
	sib_cq_push(qpc->recv_cq, &wc, hdr->solicited);
}

/**
 * sib_place_locked() - place a datagram, if there is a WR
 * @qpc: the QP; its receive queue's lock is held
 * @skb: the packet; stays the caller's
 * @hdr: its headers
 * @pkey_index: which P_Key let it in
 *
 * One that is too long for the WR is dropped, and the WR kept for the next.
 *
 * Context: Softirq.
 * Return: false if there is no WR.
 */
bool sib_place_locked(struct sib_qpc *qpc, struct sk_buff *skb,
		      const struct sib_hdr *hdr, u16 pkey_index)
{
	struct sib_rq *rq = &qpc->rq;
	struct sib_rwqe *wqe;

	lockdep_assert_held(&rq->lock);
	if (rq->tail == rq->head)
		return false;
	wqe = sib_rwqe(rq, rq->tail);
	if (SIB_GRH_LEN + hdr->plen > wqe->length) {
		sib_port_count(qpc->port, RX_TOO_LONG);
		return true;
	}
	if (sib_lkeys_ok(wqe)) {
		if (hdr->grh)
			scatter(qpc->hca, wqe, 0, hdr->grh, SIB_GRH_LEN);
		sib_scatter_skb(qpc->hca, wqe, SIB_GRH_LEN, skb, hdr->hlen,
				hdr->plen);
	}
	push_completion(qpc, wqe, hdr, pkey_index);
	rq->tail++;
	return true;
}

/**
 * sib_place() - a datagram has passed all checks
 * @qpc: the QP
 * @skb: the packet; consumed unless @clone
 * @hdr: its headers
 * @pkey_index: which P_Key let it in
 * @clone: others want it too
 *
 * Without a WR it is parked, behind those that are parked already.
 *
 * Context: Softirq.
 */
void sib_place(struct sib_qpc *qpc, struct sk_buff *skb,
	       const struct sib_hdr *hdr, u16 pkey_index, bool clone)
{
	/* What is ours to free at the end, without the lock. */
	struct sk_buff *mine = clone ? NULL : skb;
	unsigned long irq;

	spin_lock_irqsave(&qpc->rq.lock, irq);
	if (qpc->dead || !sib_qp_receives(qpc->state)) {
		sib_port_count(qpc->port, RX_QP_STATE);
	} else if (!skb_queue_empty(&qpc->parked) ||
		   !sib_place_locked(qpc, skb, hdr, pkey_index)) {
		if (clone)
			mine = skb_clone(skb, GFP_ATOMIC);
		if (!mine)
			sib_port_count(qpc->port, RX_NO_MEMORY);
		else if (sib_park_locked(qpc, mine, pkey_index))
			mine = NULL;
	}
	spin_unlock_irqrestore(&qpc->rq.lock, irq);
	consume_skb(mine);
}
