// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Packets that reach an HCA, from its cable or from itself: to which QP, and
 * whether they may. Softirq, under RCU.
 */
#include "sib/core/ud.h"
#include "sib/fabric/bundle.h"
#include "sib/fabric/cable.h"
#include "sib/transport/conn.h"
#include "sib/transport/rx.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/mcast.h"
#include "sib/verbs/qp.h"

/* Packets to itself that may wait, besides what tokens bound. */
#define LOOPQ_MAX	1024

static struct sib_hca *port_to_hca(struct sib_port *port)
{
	return agent_to_hca(port->agent);
}

static void count_verdict(struct sib_port *port, enum sib_ud_verdict verdict)
{
	static const enum sib_stat stat_of[] = {
		[SIB_UD_TRANSPORT] = SIB_STAT_RX_BAD_TRANSPORT,
		[SIB_UD_LANE] = SIB_STAT_RX_BAD_LANE,
		[SIB_UD_MAD_LEN] = SIB_STAT_RX_BAD_MAD_LENGTH,
		[SIB_UD_LID] = SIB_STAT_RX_NOT_MY_LID,
		[SIB_UD_SLID] = SIB_STAT_RX_BAD_SLID,
		[SIB_UD_GRH] = SIB_STAT_RX_BAD_GRH,
		[SIB_UD_PKEY] = SIB_STAT_RX_BAD_PKEY,
		[SIB_UD_QKEY] = SIB_STAT_RX_BAD_QKEY,
	};

	this_cpu_inc(port->stats->own[stat_of[verdict]]);
}

static void count_violation(u16 *counter)
{
	if (*counter != 0xffff)
		(*counter)++;
}

/* A wrong key is counted where the SM can see it, and the SM is told. */
static void violation(struct sib_port *port, enum sib_ud_verdict verdict,
		      const struct sib_hdr *hdr)
{
	struct sib_agent *agent = port->agent;
	struct sib_portinfo *pi = &agent->node.port[port->num];
	bool pkey = verdict == SIB_UD_PKEY;
	struct sib_notice notice;
	unsigned long irq;
	u8 gid[16];

	spin_lock_irqsave(&agent->lock, irq);
	count_violation(pkey ? &pi->pkey_violations : &pi->qkey_violations);
	spin_unlock_irqrestore(&agent->lock, irq);
	sib_port_gid(&agent->node, port->num, 0, gid);
	sib_notice_bad_key(&notice, pkey ? SIB_TRAP_BAD_PKEY :
					   SIB_TRAP_BAD_QKEY, hdr, gid);
	sib_agent_trap(agent, port->num, &notice);
}

/**
 * sib_pkey_violation() - a packet of another partition came to a QP
 * @port: where
 * @hdr: its headers
 *
 * Context: Softirq, without locks of a QP.
 */
void sib_pkey_violation(struct sib_port *port, const struct sib_hdr *hdr)
{
	violation(port, SIB_UD_PKEY, hdr);
}

/* The rules of a QP. QP1 takes any P_Key that the port has. */
static struct sib_ud_rules rules_of(const struct sib_qpc *qpc,
				    const struct sib_port *port)
{
	const struct sib_node *node = &port->agent->node;
	u16 *pkeys = sib_node_pkeys(node, port->num);
	struct sib_ud_rules rules = {
		.kind = SIB_UD_PLAIN,
		.qkey = READ_ONCE(qpc->qkey),
		.pkeys = pkeys + READ_ONCE(qpc->pkey_index),
		.num_pkeys = 1,
	};

	if (qpc->type == IB_QPT_SMI) {
		rules.kind = SIB_UD_SMI;
	} else if (qpc->type == IB_QPT_GSI) {
		rules.kind = SIB_UD_GSI;
		rules.qkey = SIB_QKEY_GSI;
		rules.pkeys = pkeys;
		rules.num_pkeys = node->num_pkeys;
	}
	return rules;
}

/* May it go to this QP? If not, it is counted. */
static bool admit(struct sib_qpc *qpc, struct sib_port *port,
		  const struct sib_hdr *hdr, u16 *pkey_index)
{
	struct sib_ud_rules rules = rules_of(qpc, port);
	enum sib_ud_verdict verdict = sib_ud_check(&rules, hdr, pkey_index);

	if (!verdict) {
		if (rules.kind == SIB_UD_PLAIN)
			*pkey_index = READ_ONCE(qpc->pkey_index);
		return true;
	}
	count_verdict(port, verdict);
	if (verdict == SIB_UD_PKEY || verdict == SIB_UD_QKEY)
		violation(port, verdict, hdr);
	return false;
}

/**
 * struct delivery - a multicast and those who get it
 * @port: where it came in
 * @skb: the packet
 * @hdr: its headers
 */
struct delivery {
	struct sib_port *port;
	struct sk_buff *skb;
	const struct sib_hdr *hdr;
};

static bool is_own_echo(const struct sib_qpc *qpc, const struct delivery *d)
{
	return sib_skb_cb(d->skb)->loopback && d->hdr->sqpn == qpc->qpn &&
	       qpc->create_flags & IB_QP_CREATE_BLOCK_MULTICAST_LOOPBACK;
}

static void deliver_copy(struct sib_qpc *qpc, void *data)
{
	struct delivery *d = data;
	u16 pkey_index;

	if (!is_own_echo(qpc, d) && admit(qpc, d->port, d->hdr, &pkey_index))
		sib_place(qpc, d->skb, d->hdr, pkey_index, true);
}

static void multicast(struct sib_port *port, struct sk_buff *skb,
		      const struct sib_hdr *hdr)
{
	struct sib_hca_port *hp = sib_hca_port(port_to_hca(port), port->num);
	struct delivery d = { .port = port, .skb = skb, .hdr = hdr };

	if (!hdr->grh)
		sib_port_count(port, RX_BAD_GRH);
	else if (!sib_mcast_for_each(hp, hdr->grh + SIB_GRH_DGID, hdr->dlid,
				     deliver_copy, &d))
		sib_port_count(port, RX_NOT_ATTACHED);
	consume_skb(skb);
}

static bool gid_is_mine(const struct sib_port *port,
			const struct sib_hdr *hdr)
{
	return !hdr->grh || sib_port_owns_gid(&port->agent->node, port->num,
					      hdr->grh + SIB_GRH_DGID);
}

static void unicast(struct sib_port *port, struct sk_buff *skb,
		    const struct sib_hdr *hdr)
{
	struct sib_qpc *qpc;
	u16 pkey_index;

	qpc = sib_qpc_find(port_to_hca(port), port->num, hdr->dqpn);
	if (!qpc || READ_ONCE(qpc->port) != port) {
		sib_port_count(port, RX_NO_QP);
		goto drop;
	}
	if (!gid_is_mine(port, hdr)) {
		sib_port_count(port, RX_BAD_GRH);
		goto drop;
	}
	if (qpc->conn) {
		sib_conn_rx(qpc, port, skb, hdr);
		return;
	}
	if (!admit(qpc, port, hdr, &pkey_index))
		goto drop;
	sib_place(qpc, skb, hdr, pkey_index, false);
	return;
drop:
	kfree_skb(skb);
}

static bool lid_is_mine(const struct sib_port *port,
			const struct sib_hdr *hdr)
{
	if (hdr->dlid == SIB_LID_PERMISSIVE)
		return hdr->vl == SIB_VL_SM;
	return sib_lid_is_mcast(hdr->dlid) ||
	       sib_node_owns_lid(&port->agent->node, port->num, hdr->dlid);
}

/**
 * sib_hca_rx() - a packet came to an HCA
 * @port: where
 * @skb: the packet; consumed
 * @hdr: its LRH; the rest is filled in
 *
 * Context: Softirq, under RCU.
 */
void sib_hca_rx(struct sib_port *port, struct sk_buff *skb,
		struct sib_hdr *hdr)
{
	enum sib_hdr_verdict verdict;

	verdict = sib_hdr_parse(hdr, skb->data, skb_headlen(skb), skb->len);
	if (verdict) {
		sib_port_drop(port, skb, verdict);
		return;
	}
	if (!lid_is_mine(port, hdr)) {
		sib_port_count(port, RX_NOT_MY_LID);
		kfree_skb(skb);
	} else if (!sib_cable_icrc_ok(skb, hdr->has_grh)) {
		sib_port_count(port, RX_BAD_ICRC);
		kfree_skb(skb);
	} else if (sib_lid_is_mcast(hdr->dlid)) {
		multicast(port, skb, hdr);
	} else {
		unicast(port, skb, hdr);
	}
}

/**
 * sib_hca_rx_bundle() - a bundle came to an HCA
 * @port: where
 * @skb: the bundle; consumed
 * @hdr: not looked at
 *
 * Context: Softirq, under RCU.
 */
void sib_hca_rx_bundle(struct sib_port *port, struct sk_buff *skb,
		       struct sib_hdr *hdr)
{
	sib_bundle_split(port, skb, sib_hca_rx);
}

static void loop_task(struct tasklet_struct *task)
{
	struct sib_hca_port *hp = from_tasklet(hp, task, loop_task);
	struct sk_buff *skb;

	rcu_read_lock();
	/* Each may be a bundle. */
	while ((skb = skb_dequeue(&hp->loopq)))
		sib_bundle_split(hp->self, skb, sib_hca_rx);
	rcu_read_unlock();
}

/**
 * sib_loop() - a packet from a port to itself
 * @port: the port
 * @skb: the packet; consumed
 *
 * Context: Any.
 */
void sib_loop(struct sib_port *port, struct sk_buff *skb)
{
	struct sib_hca_port *hp = sib_hca_port(port_to_hca(port), port->num);

	if (skb_queue_len_lockless(&hp->loopq) >= LOOPQ_MAX) {
		sib_port_count(port, RX_NO_MEMORY);
		kfree_skb(skb);
		return;
	}
	sib_skb_cb(skb)->loopback = true;
	skb_queue_tail(&hp->loopq, skb);
	tasklet_schedule(&hp->loop_task);
}

/**
 * sib_loop_init() - a port that can speak to itself
 * @port: of an HCA
 */
void sib_loop_init(struct sib_port *port)
{
	struct sib_hca_port *hp = sib_hca_port(port_to_hca(port), port->num);

	hp->self = port;
	skb_queue_head_init(&hp->loopq);
	tasklet_setup(&hp->loop_task, loop_task);
}

/**
 * sib_loop_stop() - and no more; nobody sends
 * @port: of an HCA
 *
 * Context: Process.
 */
void sib_loop_stop(struct sib_port *port)
{
	struct sib_hca_port *hp = sib_hca_port(port_to_hca(port), port->num);

	tasklet_kill(&hp->loop_task);
	skb_queue_purge(&hp->loopq);
}
