// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The end of address handles. The data path finds a handle under RCU and
 * posts with it, counting nothing. So one that nobody has any more waits for
 * two things before it is destroyed: a grace period, after which no post can
 * begin with it, and the completion of all that was posted until then.
 *
 * Process context, but for ipoib_ah_put().
 */
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "ipoib/ah.h"
#include "ipoib/dev.h"
#include "ipoib/tx.h"

#define REAP_INTERVAL	(HZ / 10)

static void destroy(struct ipoib_ah *ah)
{
	rdma_destroy_ah(ah->ah, RDMA_DESTROY_AH_SLEEPABLE);
	kfree(ah);
}

static void mark(struct ipoib_ah *ah)
{
	unsigned int i;

	for (i = 0; i < ah->ipd->max_txqs; i++)
		ah->mark[i] = ipoib_tx_head(&ah->ipd->txqs[i]);
	ah->marked = true;
}

static bool in_use(struct ipoib_ah *ah)
{
	unsigned int i;

	if (!poll_state_synchronize_rcu(ah->rcu_state))
		return true;
	if (!ah->marked)
		mark(ah);
	for (i = 0; i < ah->ipd->max_txqs; i++)
		if (ipoib_tx_behind(&ah->ipd->txqs[i], ah->mark[i]))
			return true;
	return false;
}

static void reap(struct work_struct *work)
{
	struct ipoib_dev *ipd = container_of(work, struct ipoib_dev,
					     ahs.reap.work);
	struct ipoib_ah *ah, *next;
	LIST_HEAD(todo);
	LIST_HEAD(keep);

	spin_lock_bh(&ipd->ahs.lock);
	list_splice_init(&ipd->ahs.dead, &todo);
	spin_unlock_bh(&ipd->ahs.lock);
	list_for_each_entry_safe(ah, next, &todo, entry) {
		list_del(&ah->entry);
		if (in_use(ah))
			list_add_tail(&ah->entry, &keep);
		else
			destroy(ah);
	}
	if (list_empty(&keep))
		return;
	spin_lock_bh(&ipd->ahs.lock);
	list_splice(&keep, &ipd->ahs.dead);
	spin_unlock_bh(&ipd->ahs.lock);
	queue_delayed_work(ipd->wq, &ipd->ahs.reap, REAP_INTERVAL);
}

/**
 * ipoib_ah_create() - an address handle
 * @ipd: the interface
 * @attr: the address; released here in any case
 *
 * Context: Process.
 * Return: a handle with one reference, or an error pointer.
 */
struct ipoib_ah *ipoib_ah_create(struct ipoib_dev *ipd,
				 struct rdma_ah_attr *attr)
{
	struct ipoib_ah *ah = kzalloc(sizeof(*ah), GFP_KERNEL);
	struct ib_ah *ib;

	ib = ah ? rdma_create_ah(ipd->pd, attr, RDMA_CREATE_AH_SLEEPABLE) :
		  ERR_PTR(-ENOMEM);
	rdma_destroy_ah_attr(attr);
	if (IS_ERR(ib)) {
		kfree(ah);
		return ERR_CAST(ib);
	}
	ah->ah = ib;
	ah->ipd = ipd;
	refcount_set(&ah->refs, 1);
	return ah;
}

/**
 * ipoib_ah_put() - drop a reference
 * @ah: the handle; NULL is fine
 *
 * With the last one it is destroyed as soon as no send uses it.
 *
 * Context: Process or softirq.
 */
void ipoib_ah_put(struct ipoib_ah *ah)
{
	struct ipoib_dev *ipd;

	if (!ah || !refcount_dec_and_test(&ah->refs))
		return;
	ipd = ah->ipd;
	ah->rcu_state = start_poll_synchronize_rcu();
	spin_lock_bh(&ipd->ahs.lock);
	list_add_tail(&ah->entry, &ipd->ahs.dead);
	spin_unlock_bh(&ipd->ahs.lock);
	queue_delayed_work(ipd->wq, &ipd->ahs.reap, REAP_INTERVAL);
}

/**
 * ipoib_ah_init() - no handles yet
 * @ipd: the interface
 */
void ipoib_ah_init(struct ipoib_dev *ipd)
{
	spin_lock_init(&ipd->ahs.lock);
	INIT_LIST_HEAD(&ipd->ahs.dead);
	INIT_DELAYED_WORK(&ipd->ahs.reap, reap);
}

/**
 * ipoib_ah_exit() - destroy what is left
 * @ipd: the interface; its QPs are gone, so no send uses anything
 */
void ipoib_ah_exit(struct ipoib_dev *ipd)
{
	struct ipoib_ah *ah, *next;

	cancel_delayed_work_sync(&ipd->ahs.reap);
	list_for_each_entry_safe(ah, next, &ipd->ahs.dead, entry)
		destroy(ah);
	INIT_LIST_HEAD(&ipd->ahs.dead);
}
