// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Packets of a connected QP: their headers, and their way out, several in a
 * frame where the cable allows it. Softirq, the QP's task.
 */
#include <linux/jhash.h>

#include "sib/core/bundle.h"
#include "sib/core/opcode.h"
#include "sib/fabric/bundle.h"
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
 * sib_conn_size() - octets that a packet takes at most
 * @qpc: the QP
 * @plen: octets of payload
 *
 * Context: Softirq, the QP's task.
 * Return: octets.
 */
u32 sib_conn_size(const struct sib_qpc *qpc, u16 plen)
{
	BUILD_BUG_ON(SIB_AETH_LEN != SIB_IMM_LEN);
	return SIB_LRH_LEN + (qpc->conn->av.has_grh ? SIB_GRH_LEN : 0) +
	       SIB_BTH_LEN + SIB_AETH_LEN + ALIGN(plen, 4) + SIB_ICRC_LEN;
}

/**
 * sib_conn_room() - octets that a frame may have
 * @qpc: the QP
 *
 * Context: Softirq, the QP's task.
 * Return: octets; 0 if it has one packet only.
 */
u32 sib_conn_room(const struct sib_qpc *qpc)
{
	return sib_bundle_room(qpc->port);
}

static struct sk_buff *alloc_frame(struct sib_qpc *qpc, u32 size, u32 least)
{
	struct sk_buff *skb = NULL;

	if (size > least)
		skb = sib_packet_alloc(size, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		skb = sib_packet_alloc(least, GFP_ATOMIC);
	if (!skb) {
		sib_port_count(qpc->port, TX_NO_MEMORY);
		return NULL;
	}
	__skb_trim(skb, 0);
	return skb;
}

/* False if there is no token; the task will be woken. */
static bool await_token(struct sib_qpc *qpc)
{
	while (!sib_pacer_available(pacer_of(qpc))) {
		sib_port_count(qpc->port, TX_WAITED);
		if (sib_pacer_wait(pacer_of(qpc), &qpc->flow->flow))
			return false;
	}
	return true;
}

/**
 * sib_conn_frame() - a frame with a token, to put packets in
 * @qpc: the QP
 * @size: octets of the packets
 * @least: octets of the first one
 * @pskb: the frame; NULL without memory, which is counted. What was to be sent
 *	is as good as lost then.
 *
 * Context: Softirq, the QP's task.
 * Return: false if the task has to wait for a token; it will be woken.
 */
bool sib_conn_frame(struct sib_qpc *qpc, u32 size, u32 least,
		    struct sk_buff **pskb)
{
	struct sk_buff *skb;

	if (!await_token(qpc))
		return false;
	skb = alloc_frame(qpc, size, least);
	while (skb && !sib_pacer_attach(pacer_of(qpc), &qpc->flow->flow,
					skb)) {
		/* Another QP was faster. */
		if (sib_pacer_wait(pacer_of(qpc), &qpc->flow->flow)) {
			kfree_skb(skb);
			return false;
		}
	}
	*pskb = skb;
	return true;
}

/**
 * sib_conn_fits() - may one packet more go into a frame?
 * @qpc: the QP
 * @skb: the frame
 * @plen: octets of its payload
 *
 * Context: Softirq, the QP's task.
 * Return: true if there is room.
 */
bool sib_conn_fits(const struct sib_qpc *qpc, struct sk_buff *skb, u16 plen)
{
	u32 size = sib_conn_size(qpc, plen);

	return skb->len + size <= sib_conn_room(qpc) &&
	       size + SIB_VCRC_LEN <= skb_tailroom(skb) &&
	       sib_packets_of(skb) < SIB_BUNDLE_PACKETS;
}

/**
 * sib_conn_put() - put a packet to the peer into a frame
 * @qpc: the QP
 * @skb: the frame, with room for it
 * @hdr: zeroed but for @opcode, @psn and what the opcode brings along; the
 *	rest is filled in
 * @plen: octets of payload
 *
 * Context: Softirq, the QP's task.
 * Return: where the payload is to be written.
 */
u8 *sib_conn_put(struct sib_qpc *qpc, struct sk_buff *skb,
		 struct sib_hdr *hdr, u16 plen)
{
	u8 grh[SIB_GRH_LEN], *p;

	fill_path(qpc, hdr, grh);
	hdr->pad = -plen & 3;
	hdr->plen = plen;
	hdr->hlen = sib_hdr_size(hdr);
	hdr->len = hdr->hlen + plen + hdr->pad + SIB_ICRC_LEN;
	p = __skb_put(skb, hdr->len);
	sib_skb_cb(skb)->packets++;
	sib_hdr_build(hdr, p);
	/* The room that it points to is not the caller's. */
	hdr->grh = NULL;
	memset(p + hdr->hlen + plen, 0, hdr->pad + SIB_ICRC_LEN);
	return p + hdr->hlen;
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
 * sib_conn_launch() - send a frame
 * @qpc: the QP
 * @skb: the frame; consumed
 *
 * What is lost on the way, here or later, is the transport's to notice.
 *
 * Context: Softirq, the QP's task.
 */
void sib_conn_launch(struct sib_qpc *qpc, struct sk_buff *skb)
{
	u16 slid = READ_ONCE(portinfo(qpc)->lid);

	/* For RPS and multi-queue NICs: what belongs together stays so. */
	skb_set_hash(skb, jhash_3words(qpc->conn->av.dlid << 16 | slid,
				       qpc->conn->dqpn, qpc->qpn, 0),
		     PKT_HASH_TYPE_L4);
	hand_over(qpc, skb);
}
