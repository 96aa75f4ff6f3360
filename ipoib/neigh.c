// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Destinations. Looking one up is the data path's, under RCU, writing to no
 * line that another CPU reads. All else is under the interface's lock, mostly
 * in softirq.
 *
 * Who may still use a destination when it goes: a transmit that found it, until
 * a grace period is over. Its packets that wait are dropped, its handle is put.
 */
#include <linux/ipv6.h>
#include <linux/jhash.h>
#include <linux/slab.h>

#include "ipoib/core/encap.h"
#include "ipoib/dev.h"
#include "ipoib/drop.h"
#include "ipoib/neigh.h"
#include "ipoib/trace.h"

static u32 hash_hw(const void *data, u32 len, u32 seed)
{
	const u8 *hw = data;

	/* The prefix is the same for all; QPN and GUID are not. */
	return jhash_3words(get_unaligned_be32(hw),
			    get_unaligned_be32(hw + IPOIB_HW_GUID),
			    get_unaligned_be32(hw + IPOIB_HW_GUID + 4), seed);
}

static int compare_hw(struct rhashtable_compare_arg *arg, const void *obj)
{
	return !ipoib_hw_equal(arg->key,
			       ((const struct ipoib_neigh *)obj)->hw);
}

static const struct rhashtable_params table_params = {
	.key_len = IPOIB_ALEN,
	.key_offset = offsetof(struct ipoib_neigh, hw),
	.head_offset = offsetof(struct ipoib_neigh, hash),
	.hashfn = hash_hw,
	.obj_cmpfn = compare_hw,
	.automatic_shrinking = true,
};

/**
 * ipoib_neigh_find() - look a destination up
 * @ipd: the interface
 * @hw: its address, IPOIB_ALEN octets, flags octet zero
 *
 * Context: Under RCU.
 * Return: the destination, NULL if there is none.
 */
struct ipoib_neigh *ipoib_neigh_find(struct ipoib_dev *ipd, const u8 *hw)
{
	return rhashtable_lookup(&ipd->neighs.table, hw, table_params);
}

/**
 * ipoib_neigh_recall() - look a destination up, if it is not that of before
 * @ipd: the interface
 * @memo: what was found before; one user at a time
 * @hw: its address, IPOIB_ALEN octets, flags octet zero
 *
 * What is remembered is freed after a grace period that begins when @removals
 * has changed, so who still sees the old number may use it.
 *
 * Context: Under RCU.
 * Return: the destination, NULL if there is none.
 */
struct ipoib_neigh *ipoib_neigh_recall(struct ipoib_dev *ipd,
				       struct ipoib_neigh_memo *memo,
				       const u8 *hw)
{
	/* Pairs with remove_locked(): seen here, it is seen in the table. */
	unsigned long removals = smp_load_acquire(&ipd->neighs.removals);

	if (likely(memo->neigh && memo->removals == removals &&
		   ipoib_hw_equal(memo->neigh->hw, hw)))
		return memo->neigh;
	memo->neigh = ipoib_neigh_find(ipd, hw);
	memo->removals = removals;
	return memo->neigh;
}

/**
 * ipoib_neigh_install() - give a destination a handle, or take it back
 * @neigh: the destination; the interface's lock is held
 * @ah: the handle, of which a reference is taken; NULL for none
 */
void ipoib_neigh_install(struct ipoib_neigh *neigh, struct ipoib_ah *ah)
{
	struct ipoib_ah *old = rcu_dereference_protected(neigh->ah, true);

	rcu_assign_pointer(neigh->ah, ah ? ipoib_ah_get(ah) : NULL);
	ipoib_ah_put(old);
}

/* Is a packet for the IP group that its hardware address is of? */
static bool is_for_group(struct ipoib_dev *ipd, const struct sk_buff *skb,
			 const u8 *hw)
{
	unsigned int len = skb->len - IPOIB_HARD_LEN;
	u8 head[sizeof(struct ipv6hdr)];
	const u8 *ip;

	len = min_t(unsigned int, len, sizeof(head));
	ip = skb_header_pointer(skb, IPOIB_HARD_LEN, len, head);
	return ip && ipoib_hw_is_group_of(hw, ipd->netdev->broadcast,
					  get_unaligned_be16(skb->data +
							     IPOIB_PSEUDO_LEN),
					  ip, len);
}

/* The path or the group that a destination belongs to. */
static bool find_owner_locked(struct ipoib_dev *ipd, struct ipoib_neigh *neigh,
			      const struct sk_buff *skb)
{
	const u8 *gid = ipoib_hw_gid(neigh->hw);

	lockdep_assert_held(&ipd->lock);
	if (ipoib_hw_is_mcast(neigh->hw)) {
		neigh->mcast =
			ipoib_mcast_get_locked(ipd, gid,
					       is_for_group(ipd, skb,
							    neigh->hw));
		if (!neigh->mcast)
			return false;
		list_add_tail(&neigh->entry, &neigh->mcast->neighs);
		ipoib_neigh_install(neigh, neigh->mcast->ah);
		return true;
	}
	neigh->path = ipoib_path_get_locked(ipd, gid);
	if (!neigh->path)
		return false;
	list_add_tail(&neigh->entry, &neigh->path->neighs);
	ipoib_neigh_install(neigh, neigh->path->ah);
	return true;
}

static void remove_locked(struct ipoib_dev *ipd, struct ipoib_neigh *neigh)
{
	lockdep_assert_held(&ipd->lock);
	rhashtable_remove_fast(&ipd->neighs.table, &neigh->hash, table_params);
	/*
	 * Who remembers it looks at this first, and finds it changed. Pairs
	 * with ipoib_neigh_recall().
	 */
	smp_store_release(&ipd->neighs.removals, ipd->neighs.removals + 1);
	kfree_rcu(neigh, rcu);
}

static struct ipoib_neigh *create_locked(struct ipoib_dev *ipd, const u8 *hw,
					 const struct sk_buff *skb)
{
	struct ipoib_neigh *neigh;

	lockdep_assert_held(&ipd->lock);
	ipoib_path_press_locked(ipd);
	if (atomic_read(&ipd->neighs.table.nelems) >= IPOIB_NEIGHS_MAX) {
		ipoib_count(ipd, TX_PATH_LIMIT);
		return NULL;
	}
	neigh = kzalloc(sizeof(*neigh), GFP_ATOMIC);
	if (!neigh)
		goto no_memory;
	memcpy(neigh->hw, hw, IPOIB_ALEN);
	neigh->used = jiffies;
	neigh->conn_retry = jiffies;
	INIT_LIST_HEAD(&neigh->entry);
	__skb_queue_head_init(&neigh->queue);
	if (rhashtable_insert_fast(&ipd->neighs.table, &neigh->hash,
				   table_params))
		goto free;
	if (find_owner_locked(ipd, neigh, skb)) {
		trace_ipoib_neigh_create(ipd, hw);
		return neigh;
	}
	/* Whoever refused has counted it. */
	remove_locked(ipd, neigh);
	return NULL;
free:
	kfree(neigh);
no_memory:
	ipoib_count(ipd, TX_NO_MEMORY);
	return NULL;
}

/**
 * ipoib_neigh_queue_locked() - have a packet wait
 * @ipd: the interface; its lock is held
 * @queue: of a destination or a group
 * @limit: packets that may wait there
 * @skb: the packet
 *
 * Return: false if too many wait already, there or altogether.
 */
bool ipoib_neigh_queue_locked(struct ipoib_dev *ipd,
			      struct sk_buff_head *queue, unsigned int limit,
			      struct sk_buff *skb)
{
	lockdep_assert_held(&ipd->lock);
	if (skb_queue_len(queue) >= limit ||
	    ipd->neighs.waiting >= IPOIB_WAITING_MAX)
		return false;
	ipoib_count(ipd, TX_WAITED);
	__skb_queue_tail(queue, skb);
	ipd->neighs.waiting++;
	return true;
}

/**
 * ipoib_neigh_unqueue_locked() - packets wait no longer
 * @ipd: the interface; its lock is held
 * @queue: of a destination or a group; empty afterwards
 * @list: gets them
 */
void ipoib_neigh_unqueue_locked(struct ipoib_dev *ipd,
				struct sk_buff_head *queue,
				struct sk_buff_head *list)
{
	lockdep_assert_held(&ipd->lock);
	ipd->neighs.waiting -= skb_queue_len(queue);
	skb_queue_splice_tail_init(queue, list);
}

/* Queue a packet for a path, or drop it. */
static void wait_for_path_locked(struct ipoib_dev *ipd,
				 struct ipoib_neigh *neigh,
				 struct sk_buff *skb)
{
	lockdep_assert_held(&ipd->lock);
	if (!ipoib_path_use_locked(ipd, neigh->path)) {
		ipoib_count(ipd, TX_PATH_FAILED);
		ipoib_drop_skb(skb, IPOIB_CNT_TX_PATH_FAILED);
	} else if (!ipoib_neigh_queue_locked(ipd, &neigh->queue,
					     IPOIB_NEIGH_QUEUE, skb)) {
		ipoib_count(ipd, TX_PATH_QUEUE_FULL);
		ipoib_drop_skb(skb, IPOIB_CNT_TX_PATH_QUEUE_FULL);
	}
}

/**
 * ipoib_neigh_wait() - a packet has no handle to go with
 * @ipd: the interface
 * @skb: the packet, with its pseudo header
 * @hw: its destination, IPOIB_ALEN octets, flags octet zero
 *
 * It waits for a path or a group, and sees to it that one is asked for.
 *
 * Context: Under RCU, softirqs off.
 * Return: true if @skb was taken, to wait or to be dropped; false if there is
 * a handle by now, so that it can be sent.
 */
bool ipoib_neigh_wait(struct ipoib_dev *ipd, struct sk_buff *skb,
		      const u8 *hw)
{
	struct ipoib_neigh *neigh;
	bool taken = true;

	spin_lock(&ipd->lock);
	if (!test_bit(IPOIB_FLAG_LINK, &ipd->flags)) {
		ipoib_count(ipd, TX_NOT_READY);
		ipoib_drop_skb(skb, IPOIB_CNT_TX_NOT_READY);
		goto out;
	}
	neigh = ipoib_neigh_find(ipd, hw) ?: create_locked(ipd, hw, skb);
	if (!neigh)
		ipoib_drop_skb(skb, IPOIB_CNT_TX_PATH_LIMIT);
	else if (rcu_access_pointer(neigh->ah))
		taken = false;
	else if (neigh->mcast)
		ipoib_mcast_wait_locked(ipd, neigh->mcast, skb);
	else
		wait_for_path_locked(ipd, neigh, skb);
out:
	spin_unlock(&ipd->lock);
	return taken;
}

/**
 * ipoib_neigh_doubt() - ask for a path again while its handle is used
 * @ipd: the interface
 * @neigh: a destination whose handle is doubtful; under RCU
 *
 * Context: Softirq, or with softirqs off.
 */
void ipoib_neigh_doubt(struct ipoib_dev *ipd, struct ipoib_neigh *neigh)
{
	spin_lock(&ipd->lock);
	/* It may have been freed from its path meanwhile. */
	if (neigh->path && !list_empty(&neigh->entry))
		ipoib_path_use_locked(ipd, neigh->path);
	spin_unlock(&ipd->lock);
}

/**
 * ipoib_neigh_free_locked() - the end of a destination
 * @ipd: the interface; its lock is held
 * @neigh: the destination
 * @dropped: gets the packets that waited; drop them without the lock
 */
void ipoib_neigh_free_locked(struct ipoib_dev *ipd,
			     struct ipoib_neigh *neigh,
			     struct sk_buff_head *dropped)
{
	lockdep_assert_held(&ipd->lock);
	trace_ipoib_neigh_delete(ipd, neigh->hw);
	ipoib_cm_close_locked(ipd, neigh);
	ipoib_neigh_unqueue_locked(ipd, &neigh->queue, dropped);
	list_del_init(&neigh->entry);
	ipoib_neigh_install(neigh, NULL);
	remove_locked(ipd, neigh);
}

/**
 * ipoib_neigh_drop() - drop packets that waited
 * @ipd: the interface
 * @list: the packets; empty afterwards
 * @counter: enum ipoib_counter, why
 *
 * Context: Process or softirq, without the interface's lock.
 */
void ipoib_neigh_drop(struct ipoib_dev *ipd, struct sk_buff_head *list,
		      unsigned int counter)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(list))) {
		this_cpu_inc(ipd->counters->n[counter]);
		ipoib_drop_skb(skb, counter);
	}
}

/**
 * ipoib_neigh_send_queued() - let packets go that have waited
 * @list: the packets, with their pseudo headers; empty afterwards
 *
 * They take the whole way again, in order, with their queues and locks.
 *
 * Context: Process, without the interface's lock.
 */
void ipoib_neigh_send_queued(struct sk_buff_head *list)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(list)))
		dev_queue_xmit(skb);
}

/**
 * ipoib_neigh_init() - no destinations yet
 * @ipd: the interface
 *
 * Return: 0 or -ENOMEM.
 */
int ipoib_neigh_init(struct ipoib_dev *ipd)
{
	return rhashtable_init(&ipd->neighs.table, &table_params);
}

/**
 * ipoib_neigh_exit() - the table goes
 * @ipd: the interface, its paths and groups gone and their destinations with
 *	them
 *
 * Context: Process.
 */
void ipoib_neigh_exit(struct ipoib_dev *ipd)
{
	rhashtable_destroy(&ipd->neighs.table);
}
