/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Pacing: what makes an unimpaired fabric in one kernel lossless. A port may
 * have so many frames under way, all ports together so many. A frame carries
 * a token, which its copies share, and which comes home when the last of them
 * has been placed in a receive buffer or dropped.
 */
#ifndef SIB_FABRIC_PACER_H
#define SIB_FABRIC_PACER_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/types.h>

struct sib_pacer;

/* Tokens of a port that datagrams leave to connections and to management. */
#define SIB_PACER_RESERVE	16

/**
 * struct sib_flow - one sender of frames, a QP
 * @refs: one for the sender, one for each frame under way
 * @reserve: so many tokens of the port it leaves to others
 * @waiting: on the pacer's list of waiters; under its lock
 * @entry: on that list
 * @wake: called when it is worth trying again; softirq, must not sleep
 *
 * Outlives its sender as long as frames are under way.
 */
struct sib_flow {
	refcount_t refs;
	u8 reserve;
	bool waiting;
	struct list_head entry;
	void (*wake)(struct sib_flow *flow);
};

struct sib_pacer *sib_pacer_create(void);
void sib_pacer_destroy(struct sib_pacer *pacer);
bool sib_pacer_attach(struct sib_pacer *pacer, struct sib_flow *flow,
		      struct sk_buff *skb);
bool sib_pacer_available(struct sib_pacer *pacer, const struct sib_flow *flow);
bool sib_pacer_wait(struct sib_pacer *pacer, struct sib_flow *flow);
void sib_pacer_forget(struct sib_pacer *pacer, struct sib_flow *flow);

void sib_flow_init(struct sib_flow *flow, u8 reserve,
		   void (*wake)(struct sib_flow *flow));
void sib_flow_put(struct sib_flow *flow);

/* Has a flow frames under way? */
static inline bool sib_flow_busy(const struct sib_flow *flow)
{
	return refcount_read(&flow->refs) > 1;
}

struct ubuf_info *sib_token_get(struct sk_buff *skb);

void sib_pacer_drain(void);

#endif
