// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Sending datagrams: one WR, one packet. IBTA volume 1, sections 9.8.3 and
 * 10.2.5. Softirq, the QP's task.
 */
#include <linux/jhash.h>

#include "sib/core/opcode.h"
#include "sib/core/smp.h"
#include "sib/fabric/cable.h"
#include "sib/transport/rx.h"
#include "sib/transport/task.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/mcast.h"
#include "sib/verbs/qp.h"

static struct sib_hca_port *hca_port(const struct sib_qpc *qpc)
{
	return sib_hca_port(qpc->hca, qpc->port->num);
}

static const struct sib_portinfo *portinfo(const struct sib_qpc *qpc)
{
	return &qpc->hca->agent.node.port[qpc->port->num];
}

/* What is wrong with a WR, if anything: found before anything is built. */
static enum ib_wc_status check(const struct sib_qpc *qpc,
			       const struct sib_swqe *wqe)
{
	unsigned int max = 128U << READ_ONCE(portinfo(qpc)->neighbor_mtu);
	unsigned int i;

	if (qpc->type != IB_QPT_UD)
		max = SIB_MAD_LEN;
	if (wqe->length > max)
		return IB_WC_LOC_LEN_ERR;
	if (wqe->av.port_num != qpc->port->num || !wqe->av.dlid)
		return IB_WC_LOC_QP_OP_ERR;
	if (wqe->pkey_index >= qpc->hca->agent.node.num_pkeys)
		return IB_WC_LOC_QP_OP_ERR;
	for (i = 0; !wqe->inlined && i < wqe->num_sge; i++)
		if (wqe->sge[i].length &&
		    wqe->sge[i].lkey != SIB_LOCAL_DMA_LKEY)
			return IB_WC_LOC_PROT_ERR;
	return IB_WC_SUCCESS;
}

static void gather(const struct sib_qpc *qpc, const struct sib_swqe *wqe,
		   u8 *to)
{
	unsigned int i;

	if (wqe->inlined) {
		memcpy(to, &wqe->sge[qpc->sq.max_sge], wqe->length);
		return;
	}
	for (i = 0; i < wqe->num_sge; i++) {
		memcpy(to, sib_sge_addr(qpc->hca, wqe->sge[i].addr),
		       wqe->sge[i].length);
		to += wqe->sge[i].length;
	}
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

/* @grh is room for the GIDs, which sib_hdr_build() takes from a GRH. */
static void fill_hdr(struct sib_qpc *qpc, const struct sib_swqe *wqe,
		     struct sib_hdr *hdr, u8 *grh)
{
	const struct sib_node *node = &qpc->hca->agent.node;
	const struct sib_av *av = &wqe->av;
	u8 num = qpc->port->num;
	u16 lid = READ_ONCE(portinfo(qpc)->lid);

	memset(hdr, 0, sizeof(*hdr));
	hdr->opcode = wqe->opcode == IB_WR_SEND_WITH_IMM ?
		      SIB_OP_UD_SEND_ONLY_IMM : SIB_OP_UD_SEND_ONLY;
	hdr->dlid = av->dlid;
	hdr->slid = lid | av->path_bits;
	hdr->sl = av->sl;
	hdr->pkey = READ_ONCE(sib_node_pkeys(node, num)[wqe->pkey_index]);
	hdr->qkey = wqe->qkey;
	hdr->solicited = wqe->flags & IB_SEND_SOLICITED;
	hdr->mig = true;
	hdr->imm = wqe->imm;
	hdr->dqpn = sib_lid_is_mcast(av->dlid) ? SIB_QPN_MCAST : wqe->qpn;
	hdr->sqpn = qpc->qpn;
	hdr->psn = qpc->sq_psn++ & SIB_PSN_MASK;
	hdr->has_grh = av->has_grh;
	if (av->has_grh) {
		hdr->tclass = av->tclass;
		hdr->hop_limit = av->hop_limit;
		hdr->flow = av->flow;
		sib_port_gid(node, num, av->sgid_index, grh + SIB_GRH_SGID);
		memcpy(grh + SIB_GRH_DGID, av->dgid, sizeof(av->dgid));
		hdr->grh = grh;
	}
	if (qpc->type == IB_QPT_SMI)
		smi_fields(hdr, lid);
	hdr->pad = -wqe->length & 3;
	hdr->hlen = sib_hdr_size(hdr);
	hdr->len = hdr->hlen + wqe->length + hdr->pad + SIB_ICRC_LEN;
}

static struct sk_buff *build(struct sib_qpc *qpc, const struct sib_swqe *wqe,
			     struct sib_hdr *hdr)
{
	u8 grh[SIB_GRH_LEN];
	struct sk_buff *skb;

	fill_hdr(qpc, wqe, hdr, grh);
	skb = sib_packet_alloc(hdr->len, GFP_ATOMIC);
	if (!skb)
		return NULL;
	sib_hdr_build(hdr, skb->data);
	gather(qpc, wqe, skb->data + hdr->hlen);
	memset(skb->data + hdr->len - SIB_ICRC_LEN - hdr->pad, 0,
	       hdr->pad + SIB_ICRC_LEN);
	/* For RPS and multi-queue NICs: what belongs together stays so. */
	skb_set_hash(skb, jhash_3words(hdr->dlid << 16 | hdr->slid, hdr->dqpn,
				       hdr->sqpn, 0), PKT_HASH_TYPE_L4);
	return skb;
}

static bool may_leave(const struct sib_qpc *qpc)
{
	u8 state = READ_ONCE(portinfo(qpc)->state);

	return state >= (qpc->type == IB_QPT_SMI ? SIB_PORT_INIT :
						   SIB_PORT_ACTIVE);
}

static void loop_copy(struct sib_port *port, struct sk_buff *skb)
{
	struct sk_buff *copy = skb_clone(skb, GFP_ATOMIC);

	if (copy)
		sib_loop(port, copy);
	else
		sib_port_count(port, TX_NO_MEMORY);
}

static void launch(struct sib_qpc *qpc, const struct sib_swqe *wqe,
		   struct sk_buff *skb)
{
	struct sib_port *port = qpc->port;
	u16 dlid = wqe->av.dlid;

	if (sib_node_owns_lid(&qpc->hca->agent.node, port->num, dlid)) {
		sib_loop(port, skb);
		return;
	}
	if (!may_leave(qpc)) {
		sib_port_count(port, TX_PORT_STATE);
		kfree_skb(skb);
		return;
	}
	if (sib_lid_is_mcast(dlid) &&
	    sib_mcast_wanted(hca_port(qpc), wqe->av.dgid, dlid, qpc))
		loop_copy(port, skb);
	sib_cable_xmit(port, skb);
}

/**
 * sib_ud_send() - carry out one send WR
 * @qpc: the QP
 * @wqe: its oldest WR
 * @status: filled with how it went
 *
 * A datagram is done when it is handed over; what becomes of it afterwards
 * nobody tells the sender. Management on VL15 is not paced: the SM has few
 * of them under way, and must get through.
 *
 * Context: Softirq, the QP's task.
 * Return: false if it has to wait for a token; the task will be woken.
 */
bool sib_ud_send(struct sib_qpc *qpc, const struct sib_swqe *wqe,
		 enum ib_wc_status *status)
{
	struct sib_pacer *pacer = hca_port(qpc)->pacer;
	struct sib_flow *flow = &qpc->flow->flow;
	bool paced = qpc->type != IB_QPT_SMI;
	struct sib_hdr hdr;
	struct sk_buff *skb;

	*status = check(qpc, wqe);
	if (*status != IB_WC_SUCCESS)
		return true;
	while (paced && !sib_pacer_available(pacer)) {
		sib_port_count(qpc->port, TX_WAITED);
		if (sib_pacer_wait(pacer, flow))
			return false;
	}
	skb = build(qpc, wqe, &hdr);
	if (!skb) {
		sib_port_count(qpc->port, TX_NO_MEMORY);
		return true;
	}
	while (paced && !sib_pacer_attach(pacer, flow, skb)) {
		/* Another QP was faster. */
		if (sib_pacer_wait(pacer, flow)) {
			kfree_skb(skb);
			return false;
		}
	}
	launch(qpc, wqe, skb);
	return true;
}
