// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Frames on their way out: memory, a token, headers, and the port. Softirq, a
 * QP's task.
 */
#include <linux/jhash.h>

#include "sib/core/bundle.h"
#include "sib/fabric/bundle.h"
#include "sib/fabric/cable.h"
#include "sib/transport/frame.h"
#include "sib/transport/rx.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/mcast.h"
#include "sib/verbs/qp.h"

static struct sib_hca_port *hca_port(const struct sib_qpc *qpc)
{
	return sib_hca_port(qpc->hca, qpc->port->num);
}

/* Management on VL15: the SM has few under way, and must get through. */
static bool is_paced(const struct sib_qpc *qpc)
{
	return qpc->type != IB_QPT_SMI;
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
	struct sib_pacer *pacer = hca_port(qpc)->pacer;
	struct sib_flow *flow = &qpc->flow->flow;

	while (!sib_pacer_available(pacer, flow)) {
		sib_port_count(qpc->port, TX_WAITED);
		if (sib_pacer_wait(pacer, flow))
			return false;
	}
	return true;
}

/* False if others were faster; the task will be woken. */
static bool attach_token(struct sib_qpc *qpc, struct sk_buff *skb)
{
	struct sib_pacer *pacer = hca_port(qpc)->pacer;

	while (!sib_pacer_attach(pacer, &qpc->flow->flow, skb))
		if (sib_pacer_wait(pacer, &qpc->flow->flow))
			return false;
	return true;
}

/**
 * sib_frame_get() - a frame with a token, to put packets in
 * @qpc: the QP
 * @size: octets of the packets
 * @least: octets of the first one
 * @pskb: the frame; NULL without memory, which is counted. What was to be sent
 *	is as good as lost then.
 *
 * Context: Softirq, the QP's task.
 * Return: false if the task has to wait for a token; it will be woken.
 */
bool sib_frame_get(struct sib_qpc *qpc, u32 size, u32 least,
		   struct sk_buff **pskb)
{
	struct sk_buff *skb;

	if (is_paced(qpc) && !await_token(qpc))
		return false;
	skb = alloc_frame(qpc, size, least);
	if (skb && is_paced(qpc) && !attach_token(qpc, skb)) {
		consume_skb(skb);
		return false;
	}
	*pskb = skb;
	return true;
}

/**
 * sib_frame_room() - octets that a frame may have
 * @qpc: the QP
 *
 * Context: Softirq, the QP's task.
 * Return: octets; 0 if it has one packet only.
 */
u32 sib_frame_room(const struct sib_qpc *qpc)
{
	return sib_bundle_room(qpc->port);
}

/**
 * sib_frame_fits() - may one packet more go into a frame?
 * @qpc: the QP
 * @skb: the frame
 * @size: octets of the packet, LRH through ICRC
 *
 * Context: Softirq, the QP's task.
 * Return: true if there is room.
 */
bool sib_frame_fits(const struct sib_qpc *qpc, struct sk_buff *skb, u32 size)
{
	return skb->len + size <= sib_frame_room(qpc) &&
	       size + SIB_VCRC_LEN <= skb_tailroom(skb) &&
	       sib_packets_of(skb) < SIB_BUNDLE_PACKETS;
}

/**
 * sib_frame_path() - fill in what headers have of a path
 * @qpc: the sender
 * @av: the path
 * @pkey_index: of the sender's P_Key
 * @hdr: its fields that depend on these are filled
 * @grh: 40 octets of room for the GIDs, which sib_hdr_build() takes from a
 *	GRH; @hdr points to it if there is one
 *
 * Context: Softirq, the QP's task.
 */
void sib_frame_path(const struct sib_qpc *qpc, const struct sib_av *av,
		    u16 pkey_index, struct sib_hdr *hdr, u8 *grh)
{
	const struct sib_node *node = &qpc->hca->agent.node;
	u8 num = qpc->port->num;

	hdr->dlid = av->dlid;
	hdr->slid = READ_ONCE(node->port[num].lid) | av->path_bits;
	hdr->sl = av->sl;
	hdr->pkey = READ_ONCE(sib_node_pkeys(node, num)[pkey_index]);
	hdr->mig = true;
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
 * sib_frame_put() - put a packet into a frame
 * @skb: the frame, with room for it
 * @hdr: its headers, but for the lengths, which are filled in
 * @plen: octets of payload
 *
 * Context: Softirq, the QP's task.
 * Return: where the payload is to be written.
 */
u8 *sib_frame_put(struct sk_buff *skb, struct sib_hdr *hdr, u16 plen)
{
	u8 *p;

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

static bool may_leave(const struct sib_qpc *qpc)
{
	const struct sib_node *node = &qpc->hca->agent.node;
	u8 state = READ_ONCE(node->port[qpc->port->num].state);

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

/**
 * sib_frame_launch() - send a frame
 * @qpc: the QP
 * @skb: the frame; consumed
 * @av: where to
 * @dqpn: to which QP there
 *
 * What is lost on the way, here or later, is the transport's to notice.
 *
 * Context: Softirq, the QP's task.
 */
void sib_frame_launch(struct sib_qpc *qpc, struct sk_buff *skb,
		      const struct sib_av *av, u32 dqpn)
{
	const struct sib_node *node = &qpc->hca->agent.node;
	struct sib_port *port = qpc->port;
	u16 slid = READ_ONCE(node->port[port->num].lid);

	/* For RPS and multi-queue NICs: what belongs together stays so. */
	skb_set_hash(skb, jhash_3words(av->dlid << 16 | slid, dqpn, qpc->qpn,
				       0), PKT_HASH_TYPE_L4);
	if (sib_node_owns_lid(node, port->num, av->dlid)) {
		sib_loop(port, skb);
		return;
	}
	if (!may_leave(qpc)) {
		sib_port_count(port, TX_PORT_STATE);
		kfree_skb(skb);
		return;
	}
	if (sib_lid_is_mcast(av->dlid) &&
	    sib_mcast_wanted(hca_port(qpc), av->dgid, av->dlid, qpc))
		loop_copy(port, skb);
	sib_cable_xmit(port, skb);
}
