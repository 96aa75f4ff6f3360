// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Counting the copies of multicasts that are between two hops, for each
 * network namespace: who makes a switch in a namespace of his own, and lets
 * its copies wait in a slow qdisc, holds up his own switches and no others.
 *
 * A copy has a struct ubuf_info as a frame with a token has, see pacer.c: an
 * skb has no other place for who pays for it that lasts through qdiscs and
 * from one namespace to another. It is paid back at the next hop, or when the
 * last clone of the copy is freed.
 *
 * Who may still refer to a copy when its switch goes: a backlog, a qdisc of
 * the cable or a NIC's ring. It holds the bound that it counts against; the
 * module waits for it in sib_copies_stop().
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/interrupt.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "compat/ubuf.h"
#include "sib/fabric/copies.h"
#include "sib/fabric/pacer.h"

/* Copies between two hops. With the tokens of pacer.c this stays below the
 * 1000 packets that the kernel's backlog takes.
 */
#define COPIES_MAX		384

/**
 * struct sib_copies - the bound of a namespace
 * @refs: the namespace's, and one for each copy
 * @count: copies between two hops
 */
struct sib_copies {
	refcount_t refs;
	atomic_t count;
};

/* Bits of struct sib_copy.flags */
#define ARRIVED	0

/**
 * struct sib_copy - what a copy owes
 * @ubuf: what the skb knows of it
 * @token: of what it is a copy of, shared; NULL if that has none
 * @copies: what it counts against
 * @flags: ARRIVED: it counts no longer
 */
struct sib_copy {
	struct ubuf_info ubuf;
	struct ubuf_info *token;
	struct sib_copies *copies;
	unsigned long flags;
};

/**
 * struct copies_net - what a namespace has
 * @copies: its bound
 */
struct copies_net {
	struct sib_copies *copies;
};

static unsigned int copies_net_id;
static atomic_t alive = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(drained);

static void wake_deferred(struct tasklet_struct *task);
static DECLARE_TASKLET(wake_task, wake_deferred);
static void (*wake_switches)(void);

static void wake_deferred(struct tasklet_struct *task)
{
	wake_switches();
}

static void copies_put(struct sib_copies *copies)
{
	if (refcount_dec_and_test(&copies->refs))
		kfree(copies);
}

static void pay_back(struct sib_copy *copy)
{
	if (test_and_set_bit(ARRIVED, &copy->flags))
		return;
	if (atomic_dec_return(&copy->copies->count) < COPIES_MAX / 2)
		tasklet_schedule(&wake_task);
}

/* Context: any, hard interrupts included. */
static void copy_gone(struct sk_buff *skb, struct ubuf_info *ubuf,
		      bool success)
{
	struct sib_copy *copy = container_of(ubuf, struct sib_copy, ubuf);

	if (!refcount_dec_and_test(&ubuf->refcnt))
		return;
	/* sib_copies_stop() waits for it, once the last copy is gone. */
	rcu_read_lock();
	pay_back(copy);
	net_zcopy_put(copy->token);
	copies_put(copy->copies);
	kfree(copy);
	if (atomic_dec_and_test(&alive))
		wake_up_all(&drained);
	rcu_read_unlock();
}

COMPAT_UBUF_DEFINE(copy_ops, copy_gone);

static struct sib_copy *copy_of(struct sk_buff *skb)
{
	struct ubuf_info *ubuf = skb_zcopy(skb);

	if (!ubuf || !compat_ubuf_is(ubuf, copy_ops))
		return NULL;
	return container_of(ubuf, struct sib_copy, ubuf);
}

/* What a copy of a copy shares is the token of the first. */
static struct ubuf_info *token_of(struct sk_buff *skb)
{
	struct sib_copy *copy = copy_of(skb);

	if (!copy)
		return sib_token_get(skb);
	if (copy->token)
		net_zcopy_get(copy->token);
	return copy->token;
}

/**
 * sib_copies_of() - the bound of a namespace
 * @net: the namespace, alive
 *
 * Context: Any.
 * Return: it.
 */
struct sib_copies *sib_copies_of(const struct net *net)
{
	struct copies_net *own = net_generic(net, copies_net_id);

	return own->copies;
}

/**
 * sib_copies_may_grow() - may a switch make more copies now?
 * @copies: of the switch's namespace
 * @by: how many it would make
 *
 * Context: Any.
 * Return: false if they might overflow a backlog: keep the frame, and try
 * again when called back.
 */
bool sib_copies_may_grow(const struct sib_copies *copies, unsigned int by)
{
	int now = atomic_read(&copies->count);

	return !now || now + by <= COPIES_MAX;
}

/**
 * sib_copy_track() - count a copy until it reaches the next hop
 * @copies: of the switch's namespace
 * @to: the copy, not sent yet; gets a share of the token of @from
 * @from: what it is a copy of
 *
 * Context: Any.
 * Return: false without memory; then @to may not be sent.
 */
bool sib_copy_track(struct sib_copies *copies, struct sk_buff *to,
		    struct sk_buff *from)
{
	struct sib_copy *copy = kzalloc(sizeof(*copy), GFP_ATOMIC);

	if (!copy)
		return false;
	compat_ubuf_set(&copy->ubuf, copy_ops);
	copy->ubuf.flags = SKBFL_ZEROCOPY_ENABLE | SKBFL_DONT_ORPHAN;
	refcount_set(&copy->ubuf.refcnt, 1);
	copy->token = token_of(from);
	copy->copies = copies;
	refcount_inc(&copies->refs);
	atomic_inc(&copies->count);
	atomic_inc(&alive);
	skb_zcopy_init(to, &copy->ubuf);
	return true;
}

/**
 * sib_copy_arrived() - a frame has reached the next hop
 * @skb: the frame, a copy or not
 *
 * Context: Any.
 */
void sib_copy_arrived(struct sk_buff *skb)
{
	struct sib_copy *copy = copy_of(skb);

	if (copy)
		pay_back(copy);
}

static int __net_init copies_net_init(struct net *net)
{
	struct copies_net *own = net_generic(net, copies_net_id);

	own->copies = kzalloc(sizeof(*own->copies), GFP_KERNEL_ACCOUNT);
	if (!own->copies)
		return -ENOMEM;
	refcount_set(&own->copies->refs, 1);
	return 0;
}

/* Its switches are gone; copies that they made may not be. */
static void __net_exit copies_net_exit(struct net *net)
{
	struct copies_net *own = net_generic(net, copies_net_id);

	copies_put(own->copies);
}

static struct pernet_operations copies_net_ops = {
	.init = copies_net_init,
	.exit = copies_net_exit,
	.id = &copies_net_id,
	.size = sizeof(struct copies_net),
};

/**
 * sib_copies_start() - a bound for each namespace
 * @wake: called in softirq when there is room again for who was told by
 *	sib_copies_may_grow() that there is none; must not sleep
 *
 * Context: Process.
 * Return: 0 or an error.
 */
int sib_copies_start(void (*wake)(void))
{
	wake_switches = wake;
	return register_pernet_subsys(&copies_net_ops);
}

/**
 * sib_copies_stop() - wait until no copy refers to this module
 *
 * For the end of the module, when all switches are gone. What is waited for
 * are frames in backlogs, qdiscs and rings of former cables. A qdisc that
 * holds them back for long is named in the log: only who set it up can end
 * that.
 *
 * Context: Process.
 */
void sib_copies_stop(void)
{
	unregister_pernet_subsys(&copies_net_ops);
	while (!wait_event_timeout(drained, !atomic_read(&alive), 10 * HZ))
		pr_warn("sib: %d copies are still in a qdisc or a NIC's ring\n",
			atomic_read(&alive));
	/* copy_gone() may still be returning. */
	synchronize_rcu();
	tasklet_kill(&wake_task);
}
