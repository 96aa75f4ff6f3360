// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The data path of a switch: by LID out of one port or many, by directed route,
 * or to its own agents. Softirq. A packet is never changed, but for the hop
 * pointer and path of a directed route.
 */
#include "sib/agent/packet.h"
#include "sib/core/fwd.h"
#include "sib/core/opcode.h"
#include "sib/core/smp.h"
#include "sib/core/ud.h"
#include "sib/fabric/bundle.h"
#include "sib/fabric/cable.h"
#include "sib/fabric/copies.h"
#include "sib/fabric/port.h"
#include "sib/fabric/switch.h"

/* Multicasts that may wait at a switch, besides what tokens bound. */
#define DEFERRED_MAX	4096
/* A directed route may pass the same switch through its port 0 so often. */
#define SELF_HOPS_MAX	SIB_SMP_PATH_MAX

static struct sib_switch *to_switch(struct sib_agent *agent)
{
	return container_of(agent, struct sib_switch, agent);
}

static void forward_out(struct sib_agent *agent, u8 egress,
			struct sk_buff *skb)
{
	sib_cable_xmit(&agent->ports[egress], skb);
}

static struct sib_copies *copies_of(const struct sib_switch *sw)
{
	return sib_copies_of(dev_net(sw->dev));
}

/* A copy that shares the token; its headers are its own to write. */
static struct sk_buff *copy_packet(struct sib_switch *sw, struct sk_buff *skb)
{
	struct sk_buff *copy = sib_packet_alloc(skb->len, GFP_ATOMIC);

	if (!copy)
		return NULL;
	if (!sib_copy_track(copies_of(sw), copy, skb)) {
		kfree_skb(copy);
		return NULL;
	}
	skb_copy_bits(skb, 0, copy->data, skb->len);
	*sib_skb_cb(copy) = *sib_skb_cb(skb);
	skb_copy_hash(copy, skb);
	return copy;
}

/* One to each port of the mask; the last one gets the packet itself. */
static void replicate(struct sib_agent *agent, u64 ports, struct sk_buff *skb)
{
	while (ports) {
		u8 egress = __ffs64(ports);
		struct sk_buff *copy;

		ports &= ports - 1;
		if (!ports) {
			forward_out(agent, egress, skb);
			return;
		}
		copy = copy_packet(to_switch(agent), skb);
		if (copy)
			forward_out(agent, egress, copy);
		else
			sib_port_count(&agent->ports[egress], TX_NO_MEMORY);
	}
	consume_skb(skb);
}

/* The egress ports of a multicast that waits are kept in its control block. */
struct deferred_cb {
	struct sib_skb_cb common;
	u64 ports;
};

static void defer(struct sib_switch *sw, u64 ports, struct sk_buff *skb)
{
	struct sib_port *port = &sw->agent.ports[__ffs64(ports)];

	if (skb_queue_len_lockless(&sw->deferred) >= DEFERRED_MAX) {
		sib_port_count_pma(port, XMIT_DISCARDS);
		kfree_skb(skb);
		return;
	}
	sib_port_count(port, MCAST_DEFERRED);
	((struct deferred_cb *)skb->cb)->ports = ports;
	skb_queue_tail(&sw->deferred, skb);
	/* The last copy may have gone since there were too many: either
	 * wake_switches() sees the queue, or the room is seen here.
	 */
	smp_mb();
	if (sib_copies_may_grow(copies_of(sw), hweight64(ports)))
		tasklet_schedule(&sw->defer_task);
}

static void forward_copies(struct sib_agent *agent, u64 ports,
			   struct sk_buff *skb)
{
	struct sib_switch *sw = to_switch(agent);

	/* What waits goes first: nobody expects his multicasts reordered. */
	if (skb_queue_empty_lockless(&sw->deferred) &&
	    sib_copies_may_grow(copies_of(sw), hweight64(ports)))
		replicate(agent, ports, skb);
	else
		defer(sw, ports, skb);
}

/* The oldest of those that wait, if it can be copied now. */
static struct sk_buff *next_deferred(struct sib_switch *sw, u64 *ports)
{
	struct sk_buff *skb;
	unsigned long irq;

	spin_lock_irqsave(&sw->deferred.lock, irq);
	skb = skb_peek(&sw->deferred);
	if (skb) {
		*ports = ((struct deferred_cb *)skb->cb)->ports;
		if (sib_copies_may_grow(copies_of(sw), hweight64(*ports)))
			__skb_unlink(skb, &sw->deferred);
		else
			skb = NULL;
	}
	spin_unlock_irqrestore(&sw->deferred.lock, irq);
	return skb;
}

static void defer_task(struct tasklet_struct *task)
{
	struct sib_switch *sw = from_tasklet(sw, task, defer_task);
	struct sk_buff *skb;
	u64 ports;

	while ((skb = next_deferred(sw, &ports)))
		replicate(&sw->agent, ports, skb);
}

static void forward(struct sib_agent *agent, u8 ingress, struct sk_buff *skb,
		    const struct sib_hdr *hdr);

/**
 * sib_forward_send() - send a packet that the switch itself made
 * @agent: of the switch
 * @port: not looked at; the LFT decides
 * @skb: the packet; consumed
 *
 * Context: Softirq.
 */
void sib_forward_send(struct sib_agent *agent, u8 port, struct sk_buff *skb)
{
	struct sib_hdr hdr;

	if (sib_hdr_parse(&hdr, skb->data, skb->len, skb->len)) {
		kfree_skb(skb);
		return;
	}
	forward(agent, 0, skb, &hdr);
}

static void send_made(struct sib_agent *agent, struct sk_buff *skb)
{
	if (skb)
		sib_forward_send(agent, 0, skb);
	else
		sib_port_count(&agent->ports[0], TX_NO_MEMORY);
}

static u16 own_lid(const struct sib_agent *agent)
{
	return READ_ONCE(agent->node.port[0].lid);
}

/* A directed route ends in a stretch by LID: same SMP, new LRH. */
static void smp_by_lid(struct sib_agent *agent, u16 dlid,
		       const struct sib_smp *smp)
{
	send_made(agent, sib_packet_smp(dlid, own_lid(agent), smp));
}

static void smp_out(struct sib_agent *agent, u8 egress,
		    const struct sib_smp *smp)
{
	struct sk_buff *skb;

	if (READ_ONCE(agent->node.port[egress].state) < SIB_PORT_INIT) {
		sib_port_count(&agent->ports[egress], SMP_DISCARDED);
		return;
	}
	skb = sib_packet_smp(SIB_LID_PERMISSIVE, SIB_LID_PERMISSIVE, smp);
	if (skb)
		forward_out(agent, egress, skb);
	else
		sib_port_count(&agent->ports[egress], TX_NO_MEMORY);
}

/* Walk a directed route until it leaves the switch or reaches its agent. */
static enum sib_smp_way walk(struct sib_agent *agent, u8 ingress,
			     struct sib_smp *smp)
{
	enum sib_smp_way way = SIB_SMP_DISCARD;
	unsigned int hops;
	u8 egress = 0;
	u16 dlid = 0;

	for (hops = 0; hops < SELF_HOPS_MAX; hops++) {
		way = sib_smp_route(smp, ingress, agent->node.num_ports,
				    &egress, &dlid);
		if (way != SIB_SMP_OUT || egress)
			break;
		/* Out of port 0 is in again, from ourselves. */
		ingress = 0;
	}
	if (way == SIB_SMP_OUT)
		smp_out(agent, egress, smp);
	else if (way == SIB_SMP_BY_LID)
		smp_by_lid(agent, dlid, smp);
	else if (way == SIB_SMP_DISCARD)
		sib_port_count(&agent->ports[0], SMP_DISCARDED);
	return way;
}

/* The agent's answer to an SMP that came in on @ingress from @slid. */
static void answer_smp(struct sib_agent *agent, u8 ingress, u16 slid,
		       const struct sib_smp *in)
{
	struct sib_sma_fx fx;
	struct sib_smp out;

	if (sib_agent_smp(agent, ingress, in, &out, false, &fx) ==
	    SIB_SMA_REPLY) {
		if (out.mgmt_class == SIB_CLASS_SM_DR)
			walk(agent, 0, &out);
		else
			smp_by_lid(agent, slid, &out);
	}
	sib_agent_effects(agent, &fx, false);
}

/* Port 0 insists on what any QP0 and QP1 do. */
static bool admits(const struct sib_agent *agent, enum sib_ud_kind kind,
		   const struct sib_hdr *hdr, u16 *pkey)
{
	struct sib_ud_rules rules = {
		.kind = kind,
		.qkey = SIB_QKEY_GSI,
		.pkeys = sib_node_pkeys(&agent->node, 0),
		.num_pkeys = agent->node.num_pkeys,
	};
	u16 index;

	if (sib_ud_check(&rules, hdr, &index) != SIB_UD_OK)
		return false;
	*pkey = kind == SIB_UD_GSI ? READ_ONCE(rules.pkeys[index]) : 0;
	return true;
}

static void route_smp(struct sib_agent *agent, u8 ingress,
		      struct sk_buff *skb, const struct sib_hdr *hdr)
{
	/* Without a directed route it needs LIDs, to be answered as well. */
	bool by_lid = hdr->dlid != SIB_LID_PERMISSIVE &&
		      hdr->slid != SIB_LID_PERMISSIVE;
	struct sib_smp smp;
	u16 slid = hdr->slid, pkey;

	if (!admits(agent, SIB_UD_SMI, hdr, &pkey) ||
	    skb_copy_bits(skb, hdr->hlen, &smp, sizeof(smp))) {
		sib_port_count(&agent->ports[ingress], SMP_DISCARDED);
		kfree_skb(skb);
		return;
	}
	consume_skb(skb);
	if (smp.mgmt_class == SIB_CLASS_SM_DR) {
		if (walk(agent, ingress, &smp) != SIB_SMP_LOCAL)
			return;
	} else if (smp.mgmt_class != SIB_CLASS_SM_LID || !by_lid) {
		sib_port_count(&agent->ports[ingress], SMP_DISCARDED);
		return;
	}
	answer_smp(agent, ingress, slid, &smp);
}

static void answer_gmp(struct sib_agent *agent, u8 ingress,
		       struct sk_buff *skb, const struct sib_hdr *hdr)
{
	u8 in[SIB_MAD_LEN], out[SIB_MAD_LEN];
	u16 pkey;

	if (admits(agent, SIB_UD_GSI, hdr, &pkey) &&
	    !skb_copy_bits(skb, hdr->hlen, in, sizeof(in)) &&
	    in[1] == SIB_CLASS_PERF && sib_agent_perf(agent, in, out)) {
		send_made(agent, sib_packet_gmp(hdr, pkey, own_lid(agent),
						out));
		consume_skb(skb);
		return;
	}
	sib_port_count(&agent->ports[ingress], GMP_DISCARDED);
	kfree_skb(skb);
}

/* To the switch's own port 0, or onto a directed route. */
static void to_agents(struct sib_agent *agent, u8 ingress,
		      struct sk_buff *skb)
{
	enum sib_hdr_verdict verdict;
	struct sib_hdr hdr;

	verdict = sib_hdr_parse(&hdr, skb->data, skb_headlen(skb), skb->len);
	if (verdict) {
		sib_port_drop(&agent->ports[ingress], skb, verdict);
		return;
	}
	if (!sib_cable_icrc_ok(skb, hdr.has_grh)) {
		sib_port_count(&agent->ports[ingress], RX_BAD_ICRC);
		kfree_skb(skb);
		return;
	}
	if (sib_opcode(hdr.opcode)->transport != SIB_TRANSPORT_UD) {
		sib_port_count(&agent->ports[ingress], RX_BAD_TRANSPORT);
		kfree_skb(skb);
		return;
	}
	if (hdr.vl == SIB_VL_SM && hdr.dqpn == 0) {
		route_smp(agent, ingress, skb, &hdr);
	} else if (hdr.vl != SIB_VL_SM && hdr.dqpn == 1) {
		answer_gmp(agent, ingress, skb, &hdr);
	} else {
		sib_port_count(&agent->ports[ingress], RX_NO_QP);
		kfree_skb(skb);
	}
}

static void forward_multicast(struct sib_agent *agent, u64 ports,
			      struct sk_buff *skb)
{
	/* Port 0 may be a member, but has nobody to take a multicast. */
	ports &= ~BIT_ULL(0);
	if (ports)
		forward_copies(agent, ports, skb);
	else
		consume_skb(skb);
}

static void forward(struct sib_agent *agent, u8 ingress, struct sk_buff *skb,
		    const struct sib_hdr *hdr)
{
	struct sib_fwd fwd;

	if (hdr->dlid == SIB_LID_PERMISSIVE && hdr->vl == SIB_VL_SM) {
		to_agents(agent, ingress, skb);
		return;
	}
	fwd = sib_fwd_decide(&agent->node, ingress, hdr);
	switch (fwd.way) {
	case SIB_FWD_OUT:
		if (sib_lid_is_mcast(hdr->dlid))
			forward_multicast(agent, fwd.ports, skb);
		else if (fwd.ports == BIT_ULL(0))
			to_agents(agent, ingress, skb);
		else
			forward_out(agent, __ffs64(fwd.ports), skb);
		return;
	case SIB_FWD_RELAY_ERROR:
		sib_port_count_pma(&agent->ports[ingress], RELAY_ERRORS);
		break;
	case SIB_FWD_DISCARD:
		sib_port_count_pma(&agent->ports[fwd.egress], XMIT_DISCARDS);
		break;
	case SIB_FWD_IGNORE:
		break;
	}
	kfree_skb(skb);
}

/**
 * sib_forward_rx() - a packet came into a switch
 * @port: where
 * @skb: the packet; consumed
 * @hdr: its LRH
 *
 * Context: Softirq, under RCU.
 */
void sib_forward_rx(struct sib_port *port, struct sk_buff *skb,
		    struct sib_hdr *hdr)
{
	forward(port->agent, port->num, skb, hdr);
}

/**
 * sib_forward_bundle() - a bundle came into a switch
 * @port: where
 * @skb: the bundle; consumed
 * @hdr: the LRH of all its packets
 *
 * It stays one as far as it goes somewhere.
 *
 * Context: Softirq, under RCU.
 */
void sib_forward_bundle(struct sib_port *port, struct sk_buff *skb,
			struct sib_hdr *hdr)
{
	struct sib_fwd fwd = sib_fwd_decide(&port->agent->node, port->num,
					    hdr);

	if (fwd.way == SIB_FWD_OUT && fwd.ports != BIT_ULL(0))
		forward_out(port->agent, __ffs64(fwd.ports), skb);
	else
		sib_bundle_split(port, skb, sib_forward_rx);
}

/**
 * sib_forward_init() - the data path of a new switch
 * @sw: the switch
 */
void sib_forward_init(struct sib_switch *sw)
{
	BUILD_BUG_ON(sizeof(struct deferred_cb) >
		     sizeof_field(struct sk_buff, cb));
	skb_queue_head_init(&sw->deferred);
	tasklet_setup(&sw->defer_task, defer_task);
}

/**
 * sib_forward_stop() - the end of a switch's data path
 * @sw: the switch, all cables unplugged
 *
 * Context: Process.
 */
void sib_forward_stop(struct sib_switch *sw)
{
	tasklet_kill(&sw->defer_task);
	skb_queue_purge(&sw->deferred);
}
