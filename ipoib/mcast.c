// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Multicast groups as things that packets are sent to: the tree, the
 * destinations that share a group's handle, the packets that wait.
 *
 * Who may still use a group when it goes: its destinations, which are freed
 * with it; and the SA client, whose callback is waited for when the membership
 * is ended, before the group is. Only the work, or whoever else holds ctl,
 * takes groups away.
 */
#include <linux/slab.h>

#include "ipoib/core/mcast_fsm.h"
#include "ipoib/dev.h"
#include "ipoib/drop.h"
#include "ipoib/mcast.h"

/**
 * ipoib_mcast_find_locked() - look a group up
 * @ipd: the interface; its lock is held
 * @mgid: 16 octets
 *
 * Return: the group, NULL if there is none.
 */
struct ipoib_mcast *ipoib_mcast_find_locked(struct ipoib_dev *ipd,
					    const u8 *mgid)
{
	struct rb_node *n = ipd->mcast.tree.rb_node;

	lockdep_assert_held(&ipd->lock);
	while (n) {
		struct ipoib_mcast *mcast = rb_entry(n, struct ipoib_mcast,
						     node);
		int cmp = memcmp(mgid, mcast->mgid, IPOIB_GID_LEN);

		if (!cmp)
			return mcast;
		n = cmp < 0 ? n->rb_left : n->rb_right;
	}
	return NULL;
}

/**
 * ipoib_mcast_insert_locked() - put a group into the tree
 * @ipd: the interface; its lock is held
 * @mcast: the group, whose MGID the tree has not got
 */
void ipoib_mcast_insert_locked(struct ipoib_dev *ipd,
			       struct ipoib_mcast *mcast)
{
	struct rb_node **n = &ipd->mcast.tree.rb_node, *parent = NULL;

	lockdep_assert_held(&ipd->lock);
	while (*n) {
		parent = *n;
		n = memcmp(mcast->mgid, rb_entry(parent, struct ipoib_mcast,
						 node)->mgid,
			   IPOIB_GID_LEN) < 0 ? &parent->rb_left :
						&parent->rb_right;
	}
	rb_link_node(&mcast->node, parent, n);
	rb_insert_color(&mcast->node, &ipd->mcast.tree);
	if (!mcast->full)
		ipd->mcast.sendonly++;
}

/**
 * ipoib_mcast_create() - a group that nobody has joined yet
 * @ipd: the interface
 * @mgid: 16 octets
 * @gfp: how to allocate
 *
 * Return: the group, not in the tree; NULL without memory.
 */
struct ipoib_mcast *ipoib_mcast_create(struct ipoib_dev *ipd, const u8 *mgid,
				       gfp_t gfp)
{
	struct ipoib_mcast *mcast = kzalloc(sizeof(*mcast), gfp);

	if (!mcast)
		return NULL;
	memcpy(mcast->mgid, mgid, IPOIB_GID_LEN);
	mcast->state = IPOIB_MCAST_IDLE;
	mcast->created = jiffies;
	mcast->start_at = jiffies;
	INIT_LIST_HEAD(&mcast->entry);
	INIT_LIST_HEAD(&mcast->neighs);
	__skb_queue_head_init(&mcast->queue);
	return mcast;
}

/* The work looks for groups that can be left, but not at every packet. */
static void press_locked(struct ipoib_dev *ipd)
{
	lockdep_assert_held(&ipd->lock);
	if (ipd->mcast.pressed || time_before(jiffies, ipd->mcast.aged + HZ))
		return;
	ipd->mcast.pressed = true;
	ipoib_mcast_kick(ipd);
}

/**
 * ipoib_mcast_get_locked() - find a group, or begin to send to one
 * @ipd: the interface; its lock is held
 * @mgid: 16 octets
 * @may_join: whether it may be joined, if it is not
 *
 * Context: Softirq.
 * Return: the group; NULL without memory, above the limit, or if it may not be
 * joined; counted.
 */
struct ipoib_mcast *ipoib_mcast_get_locked(struct ipoib_dev *ipd,
					   const u8 *mgid, bool may_join)
{
	struct ipoib_mcast *mcast = ipoib_mcast_find_locked(ipd, mgid);

	if (mcast)
		return mcast;
	if (!may_join) {
		ipoib_count(ipd, TX_NO_GROUP);
		return NULL;
	}
	if (ipd->mcast.sendonly >= IPOIB_SENDONLY_MAX) {
		press_locked(ipd);
		ipoib_count(ipd, TX_MCAST_LIMIT);
		return NULL;
	}
	mcast = ipoib_mcast_create(ipd, mgid, GFP_ATOMIC);
	if (!mcast) {
		ipoib_count(ipd, TX_NO_MEMORY);
		return NULL;
	}
	ipoib_mcast_insert_locked(ipd, mcast);
	return mcast;
}

/**
 * ipoib_mcast_wait_locked() - a packet waits for a group
 * @ipd: the interface; its lock is held
 * @mcast: the group
 * @skb: the packet; consumed
 *
 * Context: Softirq.
 */
void ipoib_mcast_wait_locked(struct ipoib_dev *ipd, struct ipoib_mcast *mcast,
			     struct sk_buff *skb)
{
	lockdep_assert_held(&ipd->lock);
	if (!ipoib_neigh_queue_locked(ipd, &mcast->queue, IPOIB_MCAST_QUEUE,
				      skb)) {
		ipoib_count(ipd, TX_MCAST_QUEUE_FULL);
		ipoib_drop_skb(skb, IPOIB_CNT_TX_MCAST_QUEUE_FULL);
	}
	if (mcast->waiting || (mcast->state != IPOIB_MCAST_IDLE &&
			       mcast->state != IPOIB_MCAST_BACKOFF))
		return;
	mcast->waiting = true;
	ipoib_mcast_kick(ipd);
}

/**
 * ipoib_mcast_install() - let packets go to a group, or no longer
 * @ipd: the interface; ctl is held
 * @mcast: the group
 * @ah: the handle, whose reference is taken over; NULL for none
 *
 * Context: Process.
 */
void ipoib_mcast_install(struct ipoib_dev *ipd, struct ipoib_mcast *mcast,
			 struct ipoib_ah *ah)
{
	struct sk_buff_head ready;
	struct ipoib_neigh *neigh;
	struct ipoib_ah *old;

	__skb_queue_head_init(&ready);
	spin_lock_bh(&ipd->lock);
	old = mcast->ah;
	mcast->ah = ah;
	list_for_each_entry(neigh, &mcast->neighs, entry)
		ipoib_neigh_install(neigh, ah);
	if (ah)
		ipoib_neigh_unqueue_locked(ipd, &mcast->queue, &ready);
	spin_unlock_bh(&ipd->lock);
	ipoib_ah_put(old);
	ipoib_neigh_send_queued(&ready);
}

/**
 * ipoib_mcast_purge() - drop the packets that wait for a group
 * @ipd: the interface; ctl is held
 * @mcast: the group
 *
 * Context: Process.
 */
void ipoib_mcast_purge(struct ipoib_dev *ipd, struct ipoib_mcast *mcast)
{
	struct sk_buff_head dropped;

	__skb_queue_head_init(&dropped);
	spin_lock_bh(&ipd->lock);
	ipoib_neigh_unqueue_locked(ipd, &mcast->queue, &dropped);
	spin_unlock_bh(&ipd->lock);
	ipoib_neigh_drop(ipd, &dropped, IPOIB_CNT_TX_MCAST_FAILED);
}

/**
 * ipoib_mcast_remove() - the end of a group
 * @ipd: the interface; ctl is held
 * @mcast: the group; whatever its state, its membership is ended. Freed.
 *
 * Context: Process.
 */
void ipoib_mcast_remove(struct ipoib_dev *ipd, struct ipoib_mcast *mcast)
{
	struct ipoib_neigh *neigh, *next;
	struct sk_buff_head dropped;

	lockdep_assert_held(&ipd->ctl);
	__skb_queue_head_init(&dropped);
	/* Out of sight first, so that nothing is queued behind our back. */
	spin_lock_bh(&ipd->lock);
	rb_erase(&mcast->node, &ipd->mcast.tree);
	if (!mcast->full)
		ipd->mcast.sendonly--;
	list_for_each_entry_safe(neigh, next, &mcast->neighs, entry)
		ipoib_neigh_free_locked(ipd, neigh, &dropped);
	spin_unlock_bh(&ipd->lock);
	ipoib_neigh_drop(ipd, &dropped, IPOIB_CNT_TX_FLUSHED);
	ipoib_join_event(ipd, mcast, IPOIB_MCAST_STOP);
	if (ipd->mcast.broadcast == mcast)
		ipd->mcast.broadcast = NULL;
	kfree(mcast);
}

/**
 * ipoib_mcast_idle_locked() - has nothing been sent to a group for long?
 * @mcast: the group; the interface's lock is held
 * @limit: what is long, jiffies
 *
 * Return: true if so.
 */
bool ipoib_mcast_idle_locked(struct ipoib_mcast *mcast, unsigned long limit)
{
	struct ipoib_neigh *neigh;

	if (!skb_queue_empty(&mcast->queue) ||
	    time_before(jiffies, mcast->created + limit))
		return false;
	list_for_each_entry(neigh, &mcast->neighs, entry)
		if (time_before(jiffies, READ_ONCE(neigh->used) + limit))
			return false;
	return true;
}

/**
 * ipoib_mcast_init() - no groups yet
 * @ipd: the interface
 */
void ipoib_mcast_init(struct ipoib_dev *ipd)
{
	ipd->mcast.tree = RB_ROOT;
	ipd->mcast.aged = jiffies;
	INIT_LIST_HEAD(&ipd->mcast.answers);
	INIT_DELAYED_WORK(&ipd->mcast.work, ipoib_mcast_work);
}
