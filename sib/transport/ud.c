// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Sending datagrams: one WR, one packet, or several if the HCA is to cut what
 * TCP has in one piece. IBTA volume 1, sections 9.8.3 and 10.2.5. Softirq, the
 * QP's task.
 */
#include <linux/bitops.h>
#include <net/checksum.h>

#include "sib/core/inet.h"
#include "sib/core/lso.h"
#include "sib/core/opcode.h"
#include "sib/core/smp.h"
#include "sib/transport/copy.h"
#include "sib/transport/frame.h"
#include "sib/transport/task.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/qp.h"

static const struct sib_portinfo *portinfo(const struct sib_qpc *qpc)
{
	return &qpc->hca->agent.node.port[qpc->port->num];
}

static u32 payload_max(const struct sib_qpc *qpc)
{
	return qpc->type == IB_QPT_UD ?
	       128U << READ_ONCE(portinfo(qpc)->neighbor_mtu) : SIB_MAD_LEN;
}

/* The longest payload that a WR makes. */
static u32 payload_of(const struct sib_swqe *wqe)
{
	if (wqe->opcode == IB_WR_LSO)
		return wqe->lso.hlen + min_t(u32, wqe->length, wqe->lso.mss);
	return wqe->length;
}

static bool lso_is_good(const struct sib_qpc *qpc, const struct sib_swqe *wqe)
{
	return wqe->length && wqe->length <= SIB_LSO_MAX &&
	       sib_lid_is_unicast(wqe->av.dlid) &&
	       sib_lso_is_good(&wqe->lso, sib_swqe_tail(&qpc->sq, wqe));
}

/* What is wrong with a WR, if anything: found before anything is built. */
static enum ib_wc_status check(const struct sib_qpc *qpc,
			       const struct sib_swqe *wqe)
{
	if (payload_of(wqe) > payload_max(qpc))
		return IB_WC_LOC_LEN_ERR;
	if (wqe->av.port_num != qpc->port->num || !wqe->av.dlid)
		return IB_WC_LOC_QP_OP_ERR;
	if (wqe->pkey_index >= qpc->hca->agent.node.num_pkeys)
		return IB_WC_LOC_QP_OP_ERR;
	if (wqe->opcode == IB_WR_LSO && !lso_is_good(qpc, wqe))
		return IB_WC_LOC_QP_OP_ERR;
	if (!wqe->inlined && !sib_sges_ok(wqe->sge, wqe->num_sge))
		return IB_WC_LOC_PROT_ERR;
	return IB_WC_SUCCESS;
}

/* QP0 speaks on VL15, without keys, and by the permissive LID if need be. */
static void smi_fields(struct sib_hdr *hdr, u16 lid)
{
	hdr->vl = SIB_VL_SM;
	hdr->sl = 0;
	hdr->pkey = SIB_PKEY_DEFAULT;
	hdr->qkey = 0;
	if (!lid || hdr->dlid == SIB_LID_PERMISSIVE)
		hdr->slid = SIB_LID_PERMISSIVE;
}

/* The headers of one packet; where its payload is to be written. */
static u8 *put(struct sib_qpc *qpc, const struct sib_swqe *wqe,
	       struct sk_buff *skb, u16 plen)
{
	u8 grh[SIB_GRH_LEN];
	struct sib_hdr hdr = {
		.opcode = wqe->opcode == IB_WR_SEND_WITH_IMM ?
			  SIB_OP_UD_SEND_ONLY_IMM : SIB_OP_UD_SEND_ONLY,
		.qkey = wqe->qkey,
		.solicited = wqe->flags & IB_SEND_SOLICITED,
		.imm = wqe->imm,
		.dqpn = sib_lid_is_mcast(wqe->av.dlid) ? SIB_QPN_MCAST :
							 wqe->qpn,
		.sqpn = qpc->qpn,
		.psn = qpc->sq_psn++ & SIB_PSN_MASK,
	};

	sib_frame_path(qpc, &wqe->av, wqe->pkey_index, &hdr, grh);
	if (qpc->type == IB_QPT_SMI)
		smi_fields(&hdr, READ_ONCE(portinfo(qpc)->lid));
	return sib_frame_put(skb, &hdr, plen);
}

/* Checksums where they were asked for, if it is a packet that has some. */
static void fill_sums(u8 *p, u32 len, __wsum sum)
{
	struct sib_inet inet;

	if (!sib_inet_parse(&inet, p, len, len))
		return;
	sum = csum_sub(sum, csum_partial(p, inet.l4, 0));
	if (inet.end < len)
		sum = csum_block_sub(sum, csum_partial(p + inet.end,
						       len - inet.end, 0),
				     inet.end);
	sib_inet_fill(&inet, p, sib_sum_fold(sum));
}

static void put_whole(struct sib_qpc *qpc, const struct sib_swqe *wqe,
		      struct sk_buff *skb)
{
	u8 *p = put(qpc, wqe, skb, wqe->length);
	bool fill = wqe->flags & IB_SEND_IP_CSUM && qpc->hca->caps.csum;
	__wsum sum = 0;

	sib_gather(qpc, wqe, 0, p, wqe->length, fill ? &sum : NULL);
	if (fill)
		fill_sums(p, wqe->length, sum);
}

/* The next of the packets that a WR is cut into. */
static void put_segment(struct sib_qpc *qpc, const struct sib_swqe *wqe,
			struct sk_buff *skb)
{
	const struct sib_lso *lso = &wqe->lso;
	u32 len = min_t(u32, wqe->length - qpc->lso_done, lso->mss);
	u8 *p = put(qpc, wqe, skb, lso->hlen + len);
	__wsum sum = 0;

	sib_lso_head(lso, sib_swqe_tail(&qpc->sq, wqe), p, wqe->length,
		     qpc->lso_done);
	sib_gather(qpc, wqe, qpc->lso_done, p + lso->hlen, len, &sum);
	fill_sums(p, lso->hlen + len,
		  csum_add(sum, csum_partial(p, lso->hlen, 0)));
	qpc->lso_done += len;
}

/* Octets of a packet, LRH through ICRC. */
static u32 packet_size(const struct sib_swqe *wqe, u32 plen)
{
	return SIB_LRH_LEN + (wqe->av.has_grh ? SIB_GRH_LEN : 0) +
	       SIB_BTH_LEN + SIB_DETH_LEN +
	       (wqe->opcode == IB_WR_SEND_WITH_IMM ? SIB_IMM_LEN : 0) +
	       ALIGN(plen, 4) + SIB_ICRC_LEN;
}

/* Octets of what is left of a WR, as far as a frame can take it. */
static u32 frame_size(const struct sib_qpc *qpc, const struct sib_swqe *wqe)
{
	u32 left = wqe->length - qpc->lso_done, mss = wqe->lso.mss;
	u32 each = packet_size(wqe, wqe->lso.hlen + mss);

	return min(DIV_ROUND_UP(left, mss) * each, sib_frame_room(qpc));
}

/* A frame of packets of one WR; false if it has to wait for a token. */
static bool send_segments(struct sib_qpc *qpc, const struct sib_swqe *wqe)
{
	u32 least = packet_size(wqe, payload_of(wqe));
	struct sk_buff *skb;

	if (!sib_frame_get(qpc, frame_size(qpc, wqe), least, &skb))
		return false;
	if (!skb) {
		qpc->lso_done = wqe->length;
		return true;
	}
	do {
		put_segment(qpc, wqe, skb);
	} while (qpc->lso_done < wqe->length &&
		 sib_frame_fits(qpc, skb, least));
	sib_frame_launch(qpc, skb, &wqe->av, wqe->qpn);
	return true;
}

static bool send_lso(struct sib_qpc *qpc, const struct sib_swqe *wqe)
{
	while (qpc->lso_done < wqe->length)
		if (!send_segments(qpc, wqe))
			return false;
	qpc->lso_done = 0;
	return true;
}

static bool send_whole(struct sib_qpc *qpc, const struct sib_swqe *wqe)
{
	u32 size = packet_size(wqe, wqe->length);
	struct sk_buff *skb;

	if (!sib_frame_get(qpc, size, size, &skb))
		return false;
	if (!skb)
		return true;
	put_whole(qpc, wqe, skb);
	sib_frame_launch(qpc, skb, &wqe->av, wqe->qpn);
	return true;
}

/**
 * sib_ud_send() - carry out one send WR
 * @qpc: the QP
 * @wqe: its oldest WR
 * @status: filled with how it went
 *
 * A datagram is done when it is handed over; what becomes of it afterwards
 * nobody tells the sender.
 *
 * Context: Softirq, the QP's task.
 * Return: false if it has to wait for a token; the task will be woken.
 */
bool sib_ud_send(struct sib_qpc *qpc, const struct sib_swqe *wqe,
		 enum ib_wc_status *status)
{
	*status = check(qpc, wqe);
	if (*status != IB_WC_SUCCESS)
		return true;
	return wqe->opcode == IB_WR_LSO ? send_lso(qpc, wqe) :
					  send_whole(qpc, wqe);
}
