// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Parking: a datagram that finds no receive WR waits for one, for a while.
 * Hardware would drop it; but hardware's consumer is not put off by the very
 * softirq that brings the packets. Bounded in number and in time, and park_ms=0
 * does as hardware does.
 *
 * The queue of a QP is under its receive queue's lock. Softirq.
 */
#include <linux/jiffies.h>

#include "sib/fabric/port.h"
#include "sib/transport/conn.h"
#include "sib/transport/rx.h"
#include "sib/transport/task.h"
#include "sib/verbs/caps.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/qp.h"

/* All tokens of a kernel, so that pacing bounds it and not this. */
#define PARKED_MAX	512

/**
 * struct parked_cb - what is kept with a parked packet
 * @common: what every packet has
 * @pkey_index: which P_Key let it in
 */
struct parked_cb {
	struct sib_skb_cb common;
	u16 pkey_index;
};

static struct parked_cb *parked_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct parked_cb) >
		     sizeof_field(struct sk_buff, cb));
	return (struct parked_cb *)skb->cb;
}

/**
 * sib_park_locked() - park a packet
 * @qpc: the QP; its receive queue's lock is held
 * @skb: the packet; consumed on success
 * @pkey_index: which P_Key let it in
 *
 * Context: Softirq.
 * Return: false if it cannot be parked. It is counted, and to be freed without
 * the lock.
 */
bool sib_park_locked(struct sib_qpc *qpc, struct sk_buff *skb, u16 pkey_index)
{
	unsigned int ms = qpc->conn ? sib_conn_park_ms(qpc) :
				      sib_caps_park_ms();

	lockdep_assert_held(&qpc->rq.lock);
	if (!ms || skb_queue_len(&qpc->parked) >= PARKED_MAX) {
		sib_port_count(qpc->port, RX_NO_WQE);
		return false;
	}
	sib_port_count(qpc->port, RX_PARKED);
	parked_cb(skb)->pkey_index = pkey_index;
	sib_skb_cb(skb)->expires = jiffies + msecs_to_jiffies(ms);
	__skb_queue_tail(&qpc->parked, skb);
	if (!timer_pending(&qpc->park_timer))
		mod_timer(&qpc->park_timer, sib_skb_cb(skb)->expires);
	return true;
}

/* It was parsed once, so it parses again. */
static bool place_parked_locked(struct sib_qpc *qpc, struct sk_buff *skb)
{
	struct sib_hdr hdr;

	if (sib_hdr_parse(&hdr, skb->data, skb_headlen(skb), skb->len))
		return true;
	if (qpc->conn)
		return sib_conn_unpark_locked(qpc, skb, &hdr);
	return sib_place_locked(qpc, skb, &hdr, parked_cb(skb)->pkey_index);
}

/**
 * sib_park_place() - place what is parked, as far as there are WRs
 * @qpc: the QP
 *
 * Context: Softirq.
 */
void sib_park_place(struct sib_qpc *qpc)
{
	struct sk_buff_head done;
	struct sk_buff *skb;
	unsigned long irq;

	__skb_queue_head_init(&done);
	spin_lock_irqsave(&qpc->rq.lock, irq);
	while ((skb = skb_peek(&qpc->parked))) {
		if (!qpc->dead && sib_qp_receives(qpc->state) &&
		    !place_parked_locked(qpc, skb))
			break;
		__skb_unlink(skb, &qpc->parked);
		__skb_queue_tail(&done, skb);
	}
	spin_unlock_irqrestore(&qpc->rq.lock, irq);
	__skb_queue_purge(&done);
}

/**
 * sib_park_expire() - give up what has waited too long
 * @qpc: the QP
 *
 * Context: Softirq.
 */
void sib_park_expire(struct sib_qpc *qpc)
{
	struct sk_buff_head gone;
	struct sk_buff *skb;
	unsigned long irq;

	__skb_queue_head_init(&gone);
	spin_lock_irqsave(&qpc->rq.lock, irq);
	while ((skb = skb_peek(&qpc->parked))) {
		if (time_before(jiffies, sib_skb_cb(skb)->expires) &&
		    !(qpc->conn && !skb_queue_empty(&gone))) {
			mod_timer(&qpc->park_timer, sib_skb_cb(skb)->expires);
			break;
		}
		__skb_unlink(skb, &qpc->parked);
		__skb_queue_tail(&gone, skb);
		sib_port_count(qpc->port, RX_NO_WQE);
	}
	if (qpc->conn && !skb_queue_empty(&gone)) {
		sib_conn_not_ready_locked(qpc);
		sib_qpc_kick(qpc);
	}
	spin_unlock_irqrestore(&qpc->rq.lock, irq);
	__skb_queue_purge(&gone);
}
