// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Tokens, and who waits for one.
 *
 * A token is a struct ubuf_info: the one thing on an skb that clones share,
 * that veth and netem leave alone, and that calls back when the data is freed,
 * not when a queue forgets the sender. The callback may run in any context,
 * inside post_send too, so it only counts and schedules.
 *
 * A datagram that waits for a receive buffer keeps its token, which is how its
 * sender is slowed down. So that one consumer who has run out of buffers does
 * not stop all of a port, acknowledgements first, datagrams never take the last
 * SIB_PACER_RESERVE.
 *
 * Copies that a switch makes of a multicast have their share of the token, and
 * are bounded apart: see copies.c.
 *
 * Who may still hold a token when its port goes: frames in a backlog, a qdisc
 * of the cable or a NIC's ring. The pacer lives until the last one is home,
 * and the module until the last pacer is gone: sib_pacer_drain().
 */
#include <linux/bitmap.h>
#include <linux/interrupt.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "compat/ubuf.h"
#include "sib/fabric/pacer.h"

/* Frames under way from one port. */
#define TOKENS_PER_PORT		64
/* Frames under way from all ports of this kernel. With the copies of copies.c
 * this stays below the 1000 packets that the kernel's backlog takes.
 */
#define TOKENS_MAX		512

/**
 * struct sib_token - the right to have a frame under way
 * @ubuf: what the skb knows of it
 * @pacer: where it goes home to
 * @flow: who sent the frame
 */
struct sib_token {
	struct ubuf_info ubuf;
	struct sib_pacer *pacer;
	struct sib_flow *flow;
};

/**
 * struct sib_pacer - the tokens of one port
 * @free: a bit for each token that is at home
 * @refs: the owner's, and one for each token that is not at home
 * @waiters: flows that wait for a token; under waiting_lock
 * @entry: on the list of pacers with waiters; under waiting_lock
 * @token: the tokens
 */
struct sib_pacer {
	DECLARE_BITMAP(free, TOKENS_PER_PORT);
	refcount_t refs;
	struct list_head waiters;
	struct list_head entry;
	struct sib_token token[TOKENS_PER_PORT];
};

static atomic_t tokens_out = ATOMIC_INIT(0);
static atomic_t pacers = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(drained);

/* Protects the lists of waiters, and pacers_waiting with its count. */
static DEFINE_SPINLOCK(waiting_lock);
static LIST_HEAD(pacers_waiting);
static unsigned int flows_waiting;

static void wake_waiters(struct tasklet_struct *task);
static DECLARE_TASKLET(wake_task, wake_waiters);

static void pacer_put(struct sib_pacer *pacer)
{
	if (!refcount_dec_and_test(&pacer->refs))
		return;
	kfree(pacer);
	if (atomic_dec_and_test(&pacers))
		wake_up_all(&drained);
}

/* Context: any, hard interrupts included. */
static void token_home(struct sk_buff *skb, struct ubuf_info *ubuf,
		       bool success)
{
	struct sib_token *token = container_of(ubuf, struct sib_token, ubuf);
	struct sib_pacer *pacer = token->pacer;

	if (!refcount_dec_and_test(&ubuf->refcnt))
		return;
	/* sib_pacer_drain() waits for it, once the last pacer is gone. */
	rcu_read_lock();
	sib_flow_put(token->flow);
	atomic_dec(&tokens_out);
	/* Pairs with test_and_clear_bit(): then the token is another's. */
	smp_mb__before_atomic();
	set_bit(token - pacer->token, pacer->free);
	/* Pairs with the barrier in sib_pacer_wait(). */
	smp_mb__after_atomic();
	if (READ_ONCE(flows_waiting))
		tasklet_schedule(&wake_task);
	pacer_put(pacer);
	rcu_read_unlock();
}

COMPAT_UBUF_DEFINE(token_ops, token_home);

/* Of all in this kernel, too, some are left to others. */
static unsigned int tokens_max(const struct sib_flow *flow)
{
	return TOKENS_MAX - 4 * flow->reserve;
}

static bool is_left(const struct sib_pacer *pacer, const struct sib_flow *flow)
{
	return bitmap_weight(pacer->free, TOKENS_PER_PORT) > flow->reserve;
}

static struct sib_token *token_get(struct sib_pacer *pacer,
				   const struct sib_flow *flow)
{
	unsigned int i;

	if (atomic_inc_return(&tokens_out) > tokens_max(flow) ||
	    !is_left(pacer, flow))
		goto none;
	do {
		i = find_first_bit(pacer->free, TOKENS_PER_PORT);
		if (i >= TOKENS_PER_PORT)
			goto none;
	} while (!test_and_clear_bit(i, pacer->free));
	return &pacer->token[i];
none:
	atomic_dec(&tokens_out);
	return NULL;
}

static bool token_available(const struct sib_pacer *pacer,
			    const struct sib_flow *flow)
{
	return is_left(pacer, flow) &&
	       atomic_read(&tokens_out) < tokens_max(flow);
}

/**
 * sib_pacer_create() - the tokens of a port
 *
 * Context: Process.
 * Return: a pacer, to be given to sib_pacer_destroy(); NULL without memory.
 */
struct sib_pacer *sib_pacer_create(void)
{
	struct sib_pacer *pacer = kzalloc(sizeof(*pacer), GFP_KERNEL);
	unsigned int i;

	if (!pacer)
		return NULL;
	refcount_set(&pacer->refs, 1);
	INIT_LIST_HEAD(&pacer->waiters);
	INIT_LIST_HEAD(&pacer->entry);
	bitmap_fill(pacer->free, TOKENS_PER_PORT);
	for (i = 0; i < TOKENS_PER_PORT; i++) {
		struct sib_token *token = &pacer->token[i];

		compat_ubuf_set(&token->ubuf, token_ops);
		token->ubuf.flags = SKBFL_ZEROCOPY_ENABLE | SKBFL_DONT_ORPHAN;
		token->pacer = pacer;
	}
	atomic_inc(&pacers);
	return pacer;
}

/**
 * sib_pacer_destroy() - the port goes
 * @pacer: its tokens; no flow may wait or attach any more
 *
 * Frames under way keep the memory until they are gone.
 *
 * Context: Any.
 */
void sib_pacer_destroy(struct sib_pacer *pacer)
{
	if (pacer)
		pacer_put(pacer);
}

/**
 * sib_pacer_attach() - give a frame a token
 * @pacer: of the port that the frame leaves from
 * @flow: its sender
 * @skb: the frame
 *
 * Context: Any.
 * Return: false if there is no token; then see sib_pacer_wait().
 */
bool sib_pacer_attach(struct sib_pacer *pacer, struct sib_flow *flow,
		      struct sk_buff *skb)
{
	struct sib_token *token = token_get(pacer, flow);

	if (!token)
		return false;
	/* The next token that comes home is for somebody else. */
	if (READ_ONCE(flow->waiting))
		sib_pacer_forget(pacer, flow);
	refcount_inc(&pacer->refs);
	refcount_inc(&flow->refs);
	token->flow = flow;
	refcount_set(&token->ubuf.refcnt, 1);
	skb_zcopy_init(skb, &token->ubuf);
	return true;
}

/**
 * sib_pacer_available() - is there a token to be had?
 * @pacer: of the port
 * @flow: for whom
 *
 * Saves building a frame that could not leave.
 *
 * Context: Any.
 * Return: true if sib_pacer_attach() would succeed just now.
 */
bool sib_pacer_available(struct sib_pacer *pacer, const struct sib_flow *flow)
{
	return token_available(pacer, flow);
}

/**
 * sib_pacer_wait() - be woken when there are tokens
 * @pacer: of the port
 * @flow: who waits
 *
 * Context: Any.
 * Return: true if @flow will be woken; false if a token came home meanwhile,
 * so that it is worth trying again at once.
 */
bool sib_pacer_wait(struct sib_pacer *pacer, struct sib_flow *flow)
{
	unsigned long irq;

	spin_lock_irqsave(&waiting_lock, irq);
	if (!flow->waiting) {
		WRITE_ONCE(flow->waiting, true);
		WRITE_ONCE(flows_waiting, flows_waiting + 1);
		list_add_tail(&flow->entry, &pacer->waiters);
		if (list_empty(&pacer->entry))
			list_add_tail(&pacer->entry, &pacers_waiting);
	}
	spin_unlock_irqrestore(&waiting_lock, irq);
	/* Either the waiter is seen by token_home(), or the token here. */
	smp_mb();
	if (!token_available(pacer, flow))
		return true;
	sib_pacer_forget(pacer, flow);
	return false;
}

static void stop_waiting(struct sib_pacer *pacer, struct sib_flow *flow)
{
	lockdep_assert_held(&waiting_lock);
	WRITE_ONCE(flow->waiting, false);
	list_del(&flow->entry);
	WRITE_ONCE(flows_waiting, flows_waiting - 1);
	if (list_empty(&pacer->waiters))
		list_del_init(&pacer->entry);
}

/**
 * sib_pacer_forget() - wait no longer
 * @pacer: of the port
 * @flow: who waited, or not
 *
 * On return @flow->wake is not running and will not be called.
 *
 * Context: Any.
 */
void sib_pacer_forget(struct sib_pacer *pacer, struct sib_flow *flow)
{
	unsigned long irq;

	spin_lock_irqsave(&waiting_lock, irq);
	if (flow->waiting)
		stop_waiting(pacer, flow);
	spin_unlock_irqrestore(&waiting_lock, irq);
}

/*
 * As many as there are tokens for. True if there was somebody more: who is
 * woken need not take one.
 */
static bool wake_locked(struct sib_pacer *pacer)
{
	unsigned int n = bitmap_weight(pacer->free, TOKENS_PER_PORT);
	struct sib_flow *flow, *next;

	list_for_each_entry_safe(flow, next, &pacer->waiters, entry) {
		if (!token_available(pacer, flow))
			continue;
		if (!n--)
			return true;
		stop_waiting(pacer, flow);
		flow->wake(flow);
	}
	return false;
}

/*
 * Who waits at a port that has tokens; who is not satisfied queues again, so
 * that flows and ports take turns. wake() only schedules, and is called under
 * the lock so that sib_pacer_forget() can promise what it does. A token that
 * those who were woken leave is for the next, to whom nobody else would say so;
 * it ends when nobody waits there any more.
 */
static void wake_waiters(struct tasklet_struct *task)
{
	struct sib_pacer *pacer, *next;
	unsigned long irq;
	bool again = false;

	spin_lock_irqsave(&waiting_lock, irq);
	list_for_each_entry_safe(pacer, next, &pacers_waiting, entry)
		again |= wake_locked(pacer);
	spin_unlock_irqrestore(&waiting_lock, irq);
	if (again)
		tasklet_schedule(&wake_task);
}

/**
 * sib_flow_init() - a sender of frames
 * @flow: memory from kmalloc(), which sib_flow_put() frees
 * @reserve: see struct sib_flow, at most SIB_PACER_RESERVE
 * @wake: see struct sib_flow
 */
void sib_flow_init(struct sib_flow *flow, u8 reserve,
		   void (*wake)(struct sib_flow *flow))
{
	refcount_set(&flow->refs, 1);
	flow->reserve = reserve;
	flow->waiting = false;
	flow->wake = wake;
}

/**
 * sib_flow_put() - drop a reference on a flow
 * @flow: freed with the last one
 *
 * Context: Any.
 */
void sib_flow_put(struct sib_flow *flow)
{
	if (refcount_dec_and_test(&flow->refs))
		kfree(flow);
}

/**
 * sib_token_get() - share the token of a frame
 * @skb: the frame
 *
 * Context: Any.
 * Return: its token, to be given back by net_zcopy_put(); NULL if it has none.
 */
struct ubuf_info *sib_token_get(struct sk_buff *skb)
{
	struct ubuf_info *ubuf = skb_zcopy(skb);

	if (!ubuf || !compat_ubuf_is(ubuf, token_ops))
		return NULL;
	net_zcopy_get(ubuf);
	return ubuf;
}

/**
 * sib_pacer_drain() - wait until no frame refers to this module
 *
 * For the end of the module, when all ports are gone. What is waited for are
 * frames in backlogs, qdiscs and rings of former cables. A qdisc that holds
 * them back for long is named in the log: only who set it up can end that.
 *
 * Context: Process.
 */
void sib_pacer_drain(void)
{
	while (!wait_event_timeout(drained, !atomic_read(&pacers), 10 * HZ))
		pr_warn("sib: %d ports still have frames in a qdisc or a NIC's ring\n",
			atomic_read(&pacers));
	/* token_home() may still be returning. */
	synchronize_rcu();
	tasklet_kill(&wake_task);
}
