// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Packets that reach a connected QP. Softirq, under RCU.
 */
#include "sib/core/conn.h"
#include "sib/core/opcode.h"
#include "sib/fabric/port.h"
#include "sib/transport/conn.h"
#include "sib/transport/rx.h"
#include "sib/verbs/caps.h"
#include "sib/verbs/conn.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/qp.h"

/* Responses that the task has not seen; each has a token. */
#define ACKS_MAX	256

/* How long a message waits for a WR without a timeout to go by. */
#define PARK_MS		20

static enum sib_conn_verdict check(const struct sib_qpc *qpc,
				   const struct sib_hdr *hdr)
{
	const struct sib_node *node = &qpc->hca->agent.node;
	const struct sib_av *av = &qpc->conn->av;
	struct sib_conn_rules rules = {
		.transport = qpc->type == IB_QPT_RC ? SIB_TRANSPORT_RC :
						      SIB_TRANSPORT_UC,
		.dlid = av->dlid,
		.has_grh = av->has_grh,
		.dgid = av->dgid,
	};

	rules.pkey = READ_ONCE(sib_node_pkeys(node, qpc->port->num)
			       [READ_ONCE(qpc->pkey_index)]);
	if (av->has_grh)
		sib_port_gid(node, qpc->port->num, av->sgid_index,
			     rules.sgid);
	return sib_conn_check(&rules, hdr);
}

static void count_verdict(struct sib_port *port, const struct sib_hdr *hdr,
			  enum sib_conn_verdict verdict)
{
	static const enum sib_stat stat_of[] = {
		[SIB_CONN_TRANSPORT] = SIB_STAT_RX_BAD_TRANSPORT,
		[SIB_CONN_LANE] = SIB_STAT_RX_BAD_LANE,
		[SIB_CONN_PATH] = SIB_STAT_RX_BAD_PATH,
		[SIB_CONN_PKEY] = SIB_STAT_RX_BAD_PKEY,
	};

	this_cpu_inc(port->stats->own[stat_of[verdict]]);
	if (verdict == SIB_CONN_PKEY)
		sib_pkey_violation(port, hdr);
}

/**
 * sib_conn_park_ms() - how long a message may wait for a receive WR
 * @qpc: the QP
 *
 * Not so long that the requester takes it for lost: half of what the own
 * timeout is, which both ends of a connection usually share.
 *
 * Context: Any.
 * Return: milliseconds.
 */
unsigned int sib_conn_park_ms(const struct sib_qpc *qpc)
{
	u8 code = READ_ONCE(qpc->conn->timeout);
	u64 ms = PARK_MS;

	if (READ_ONCE(qpc->state) == IB_QPS_RTS && code)
		ms = sib_ack_timeout_us(code) / 2000;
	return min_t(u64, ms, sib_caps_park_ms());
}

/* True if it is somebody else's now. */
static bool request_locked(struct sib_qpc *qpc, struct sk_buff *skb,
			   const struct sib_hdr *hdr)
{
	if (skb_queue_empty(&qpc->parked) &&
	    sib_conn_take_locked(qpc, skb, hdr) == SIB_TAKEN)
		return false;
	/* Behind those that wait already. */
	if (sib_park_locked(qpc, skb, 0))
		return true;
	if (skb_queue_empty(&qpc->parked))
		sib_conn_not_ready_locked(qpc);
	return false;
}

static bool response(struct sib_qpc *qpc, struct sk_buff *skb)
{
	struct sk_buff_head *acks = &qpc->conn->req.acks;

	if (skb_queue_len_lockless(acks) >= ACKS_MAX)
		return false;
	skb_queue_tail(acks, skb);
	return true;
}

/*
 * True if it is somebody else's now. The task is kicked under the lock, for
 * afterwards the QP may be going.
 */
static bool take(struct sib_qpc *qpc, struct sk_buff *skb,
		 const struct sib_hdr *hdr)
{
	const struct sib_conn *conn = qpc->conn;
	bool kept;

	if (!(sib_opcode(hdr->opcode)->flags & SIB_OPF_REQUEST)) {
		kept = response(qpc, skb);
		sib_qpc_kick(qpc);
		return kept;
	}
	kept = request_locked(qpc, skb, hdr);
	/* A WR may have come to an SRQ before the packet began to wait. */
	if (conn->resp.reply || conn->events || (kept && qpc->srq))
		sib_qpc_kick(qpc);
	return kept;
}

/**
 * sib_conn_unpark_locked() - a request that waited for a WR, again
 * @qpc: the QP, which receives; its receive queue's lock is held
 * @skb: the packet; stays the caller's
 * @hdr: its headers
 *
 * Context: Softirq.
 * Return: false if it must go on waiting.
 */
bool sib_conn_unpark_locked(struct sib_qpc *qpc, struct sk_buff *skb,
			    const struct sib_hdr *hdr)
{
	return sib_conn_take_locked(qpc, skb, hdr) == SIB_TAKEN;
}

/**
 * sib_conn_rx() - a packet for a connected QP
 * @qpc: the QP
 * @port: where the packet came in
 * @skb: the packet; consumed
 * @hdr: its headers
 *
 * Context: Softirq, under RCU.
 */
void sib_conn_rx(struct sib_qpc *qpc, struct sib_port *port,
		 struct sk_buff *skb, const struct sib_hdr *hdr)
{
	enum sib_conn_verdict verdict = SIB_CONN_OK;
	bool kept = false;
	unsigned long irq;

	spin_lock_irqsave(&qpc->rq.lock, irq);
	if (qpc->dead || !sib_qp_receives(qpc->state)) {
		sib_port_count(port, RX_QP_STATE);
	} else {
		verdict = check(qpc, hdr);
		if (!verdict)
			kept = take(qpc, skb, hdr);
	}
	spin_unlock_irqrestore(&qpc->rq.lock, irq);
	if (verdict)
		count_verdict(port, hdr, verdict);
	if (!kept)
		consume_skb(skb);
}
