// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Packets of a connected QP: their headers, and their way out. Softirq, the
 * QP's task.
 */
#include <linux/jhash.h>

#include "sib/core/opcode.h"
#include "sib/fabric/cable.h"
#include "sib/transport/conn.h"
#include "sib/transport/rx.h"
#include "sib/verbs/conn.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/qp.h"

static const struct sib_portinfo *portinfo(const struct sib_qpc *qpc)
{
	return &qpc->hca->agent.node.port[qpc->port->num];
}

static struct sib_pacer *pacer_of(const struct sib_qpc *qpc)
{
	return sib_hca_port(qpc->hca, qpc->port->num)->pacer;
}

/* @grh is room for the GIDs, which sib_hdr_build() takes from a GRH. */
static void fill_path(const struct sib_qpc *qpc, struct sib_hdr *hdr, u8 *grh)
{
	const struct sib_node *node = &qpc->hca->agent.node;
	const struct sib_av *av = &qpc->conn->av;
	u8 num = qpc->port->num;
	u16 index = READ_ONCE(qpc->pkey_index);

	hdr->dlid = av->dlid;
	hdr->slid = READ_ONCE(portinfo(qpc)->lid) | av->path_bits;
	hdr->sl = av->sl;
	hdr->pkey = READ_ONCE(sib_node_pkeys(node, num)[index]);
	hdr->mig = true;
	hdr->dqpn = qpc->conn->dqpn;
	hdr->has_grh = av->has_grh;
	if (!av->has_grh)
		return;
	hdr->tclass = av->tclass;
	hdr->hop_limit = av->hop_limit;
	hdr->flow = av->flow;
	sib_port_gid(node, num, av->sgid_index, grh + SIB_GRH_SGID);
	memcpy(grh + SIB_GRH_DGID, av->dgid, sizeof(av->dgid));
	hdr->grh = grh;
}

/**
 * sib_conn_packet() - a packet to the peer
 * @qpc: the QP
 * @hdr: zeroed but for @opcode, @psn and what the opcode brings along; the
 *	rest is filled in, the payload's place among it
 * @plen: octets of payload, which the caller writes
 *
 * Context: Softirq, the QP's task.
 * Return: the packet; NULL without memory, which is counted.
 */
struct sk_buff *sib_conn_packet(struct sib_qpc *qpc, struct sib_hdr *hdr,
				u16 plen)
{
	u8 grh[SIB_GRH_LEN];
	struct sk_buff *skb;

	fill_path(qpc, hdr, grh);
	hdr->pad = -plen & 3;
	hdr->plen = plen;
	hdr->hlen = sib_hdr_size(hdr);
	hdr->len = hdr->hlen + plen + hdr->pad + SIB_ICRC_LEN;
	skb = sib_packet_alloc(hdr->len, GFP_ATOMIC);
	if (!skb) {
		sib_port_count(qpc->port, TX_NO_MEMORY);
		return NULL;
	}
	sib_hdr_build(hdr, skb->data);
	/* The room that it points to is not the caller's. */
	hdr->grh = NULL;
	memset(skb->data + hdr->hlen + plen, 0, hdr->pad + SIB_ICRC_LEN);
	skb_set_hash(skb, jhash_3words(hdr->dlid << 16 | hdr->slid, hdr->dqpn,
				       qpc->qpn, 0), PKT_HASH_TYPE_L4);
	return skb;
}

/**
 * sib_conn_may_send() - is there a token?
 * @qpc: the QP
 *
 * Context: Softirq, the QP's task.
 * Return: false if the task has to wait; it will be woken.
 */
bool sib_conn_may_send(struct sib_qpc *qpc)
{
	while (!sib_pacer_available(pacer_of(qpc))) {
		sib_port_count(qpc->port, TX_WAITED);
		if (sib_pacer_wait(pacer_of(qpc), &qpc->flow->flow))
			return false;
	}
	return true;
}

static void hand_over(struct sib_qpc *qpc, struct sk_buff *skb)
{
	struct sib_port *port = qpc->port;

	if (sib_node_owns_lid(&qpc->hca->agent.node, port->num,
			      qpc->conn->av.dlid)) {
		sib_loop(port, skb);
	} else if (READ_ONCE(portinfo(qpc)->state) < SIB_PORT_ACTIVE) {
		sib_port_count(port, TX_PORT_STATE);
		kfree_skb(skb);
	} else {
		sib_cable_xmit(port, skb);
	}
}

/**
 * sib_conn_launch() - send a packet
 * @qpc: the QP
 * @skb: the packet; consumed in any case
 *
 * What is lost on the way, here or later, is the transport's to notice.
 *
 * Context: Softirq, the QP's task.
 * Return: false if there was no token after all: it was not sent, and the task
 * will be woken to make it again.
 */
bool sib_conn_launch(struct sib_qpc *qpc, struct sk_buff *skb)
{
	while (!sib_pacer_attach(pacer_of(qpc), &qpc->flow->flow, skb)) {
		/* Another QP was faster. */
		if (sib_pacer_wait(pacer_of(qpc), &qpc->flow->flow)) {
			kfree_skb(skb);
			return false;
		}
	}
	hand_over(qpc, skb);
	return true;
}
