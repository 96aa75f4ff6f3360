// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Placing a datagram in a receive WR. Softirq, under the receive queue's lock:
 * whoever changes the QP's state or destroys it takes that lock and knows that
 * nothing is written afterwards.
 */
#include <linux/bitops.h>
#include <net/checksum.h>

#include "sib/core/inet.h"
#include "sib/fabric/port.h"
#include "sib/transport/copy.h"
#include "sib/transport/rx.h"
#include "sib/verbs/cq.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/qp.h"

/*
 * Copy the payload of a datagram. What is an IP packet has its checksums looked
 * at on the way, if the HCA does that.
 *
 * Return: they are there, and right.
 */
static bool copy_payload(struct sib_qpc *qpc, const struct sib_rwqe *wqe,
			 struct sk_buff *skb, const struct sib_hdr *hdr)
{
	const u8 *p = skb->data + hdr->hlen;
	unsigned int avail = min_t(unsigned int, hdr->plen,
				   skb_headlen(skb) - hdr->hlen);
	struct sib_inet inet;
	__wsum sum = 0;
	bool look;

	look = qpc->type == IB_QPT_UD && qpc->hca->caps.csum &&
	       sib_inet_parse(&inet, p, avail, hdr->plen) &&
	       inet.end == hdr->plen;
	sib_scatter_skb(qpc->hca, wqe, SIB_GRH_LEN, skb, hdr->hlen, hdr->plen,
			look ? &sum : NULL);
	if (!look)
		return false;
	sum = csum_sub(sum, csum_partial(p, inet.l4, 0));
	return sib_inet_is_right(&inet, p, sib_sum_fold(sum));
}

static void push_completion(struct sib_qpc *qpc, const struct sib_rwqe *wqe,
			    const struct sib_hdr *hdr, u16 pkey_index,
			    enum ib_wc_status status, bool csum_ok)
{
	u16 lid = READ_ONCE(qpc->hca->agent.node.port[qpc->port->num].lid);
	struct ib_wc wc = {
		.wr_id = wqe->wr_id,
		.status = status,
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
	if (csum_ok)
		wc.wc_flags |= IB_WC_IP_CSUM_OK;
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
	enum ib_wc_status status = IB_WC_LOC_PROT_ERR;
	struct sib_rwqe *wqe;
	bool csum_ok = false;

	lockdep_assert_held(&rq->lock);
	if (rq->tail == rq->head)
		return false;
	wqe = sib_rwqe(rq, rq->tail);
	if (SIB_GRH_LEN + hdr->plen > wqe->length) {
		sib_port_count(qpc->port, RX_TOO_LONG);
		return true;
	}
	if (sib_sges_ok(wqe->sge, wqe->num_sge)) {
		status = IB_WC_SUCCESS;
		if (hdr->grh)
			sib_scatter(qpc->hca, wqe, 0, hdr->grh, SIB_GRH_LEN,
				    NULL, 0);
		csum_ok = copy_payload(qpc, wqe, skb, hdr);
	}
	push_completion(qpc, wqe, hdr, pkey_index, status, csum_ok);
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
