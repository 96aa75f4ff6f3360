// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Forgetting destinations and paths: what has not been used for long, and, when
 * there are too many, what is worth least. A peer can make us answer to as many
 * addresses as he likes to invent; so a full table is no reason to refuse a new
 * destination, but one to forget others.
 *
 * Process context with ctl, but for ipoib_path_press_locked().
 */
#include <linux/slab.h>

#include "ipoib/core/evict.h"
#include "ipoib/core/path_fsm.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/path.h"

/* Destinations and paths that are not used are forgotten. */
#define NEIGH_IDLE	(120 * HZ)
#define PATH_IDLE	(300 * HZ)
/* From so many on some are made to go, down to so many, not more often. */
#define PRESSED_FROM	(IPOIB_NEIGHS_MAX / 8 * 7)
#define PRESSED_TO	(IPOIB_NEIGHS_MAX / 2)
#define PRESS_INTERVAL	max(HZ / 20, 1)

static bool idle(unsigned long used, unsigned long limit)
{
	return time_after(jiffies, used + limit);
}

static void age_neighs_locked(struct ipoib_dev *ipd, struct ipoib_path *path,
			      struct sk_buff_head *dropped)
{
	struct ipoib_neigh *neigh, *next;

	list_for_each_entry_safe(neigh, next, &path->neighs, entry)
		if (idle(READ_ONCE(neigh->used), NEIGH_IDLE))
			ipoib_neigh_free_locked(ipd, neigh, dropped);
	if (!list_empty(&path->neighs))
		path->used = jiffies;
}

/**
 * ipoib_path_age() - forget what has not been used for long
 * @ipd: the interface; ctl is held
 *
 * Context: Process.
 */
void ipoib_path_age(struct ipoib_dev *ipd)
{
	struct sk_buff_head dropped;
	struct rb_node *n, *next;

	__skb_queue_head_init(&dropped);
	spin_lock_bh(&ipd->lock);
	for (n = rb_first(&ipd->paths.tree); n; n = next) {
		struct ipoib_path *path = rb_entry(n, struct ipoib_path, node);

		next = rb_next(n);
		age_neighs_locked(ipd, path, &dropped);
		if (idle(path->used, PATH_IDLE) && !path->query)
			ipoib_path_free_locked(ipd, path, &dropped);
	}
	spin_unlock_bh(&ipd->lock);
	ipoib_neigh_drop(ipd, &dropped, IPOIB_CNT_TX_FLUSHED);
}

static u32 neigh_count(struct ipoib_dev *ipd)
{
	return atomic_read(&ipd->neighs.table.nelems);
}

/**
 * ipoib_path_press_locked() - there is one destination or path more
 * @ipd: the interface; its lock is held
 *
 * If there are nearly too many, the work lets some go.
 *
 * Context: Softirq.
 */
void ipoib_path_press_locked(struct ipoib_dev *ipd)
{
	lockdep_assert_held(&ipd->lock);
	if (likely(max(neigh_count(ipd), ipd->paths.count) < PRESSED_FROM) ||
	    ipd->paths.pressed ||
	    time_before(jiffies, ipd->paths.evicted + PRESS_INTERVAL))
		return;
	WRITE_ONCE(ipd->paths.pressed, true);
	queue_work(ipd->wq, &ipd->paths.work);
}

static unsigned int class_of(struct ipoib_neigh *neigh)
{
	u32 idle = (jiffies - READ_ONCE(neigh->used)) / HZ;

	if (rcu_access_pointer(neigh->ah))
		return ipoib_evict_class(IPOIB_EVICT_KNOWN, idle);
	if (neigh->path->state == IPOIB_PATH_ASKING)
		return ipoib_evict_class(IPOIB_EVICT_ASKED, idle);
	return ipoib_evict_class(IPOIB_EVICT_UNKNOWN, idle);
}

static void choose_locked(struct ipoib_dev *ipd, struct ipoib_evict *evict)
{
	u32 count = neigh_count(ipd);
	struct ipoib_neigh *neigh;
	struct rb_node *n;

	for (n = rb_first(&ipd->paths.tree); n; n = rb_next(n))
		list_for_each_entry(neigh, &rb_entry(n, struct ipoib_path,
						     node)->neighs, entry)
			evict->count[class_of(neigh)]++;
	ipoib_evict_choose(evict, count > PRESSED_TO ? count - PRESSED_TO : 0);
}

/* A path that nobody is behind goes, unless it is good and there is room. */
static bool path_goes_locked(struct ipoib_dev *ipd, struct ipoib_path *path)
{
	return list_empty(&path->neighs) &&
	       (!path->ah || ipd->paths.count > PRESSED_TO);
}

static u32 evict_locked(struct ipoib_dev *ipd, struct ipoib_evict *evict,
			struct sk_buff_head *dropped)
{
	struct ipoib_neigh *neigh, *next_neigh;
	struct rb_node *n, *next;
	u32 gone = 0;

	for (n = rb_first(&ipd->paths.tree); n; n = next) {
		struct ipoib_path *path = rb_entry(n, struct ipoib_path, node);

		next = rb_next(n);
		list_for_each_entry_safe(neigh, next_neigh, &path->neighs,
					 entry) {
			if (!ipoib_evict_goes(evict, class_of(neigh)))
				continue;
			ipoib_neigh_free_locked(ipd, neigh, dropped);
			gone++;
		}
		if (path_goes_locked(ipd, path))
			ipoib_path_free_locked(ipd, path, dropped);
	}
	return gone;
}

/**
 * ipoib_path_evict() - make room for other destinations
 * @ipd: the interface; ctl is held
 *
 * A destination that is in use, and has to go all the same, is back with its
 * next packet, without a question to the SA.
 *
 * Context: Process.
 */
void ipoib_path_evict(struct ipoib_dev *ipd)
{
	struct ipoib_evict *evict = kzalloc(sizeof(*evict), GFP_KERNEL);
	struct sk_buff_head dropped;
	u32 gone = 0;

	__skb_queue_head_init(&dropped);
	spin_lock_bh(&ipd->lock);
	if (evict) {
		choose_locked(ipd, evict);
		gone = evict_locked(ipd, evict, &dropped);
	}
	ipd->paths.evicted = jiffies;
	WRITE_ONCE(ipd->paths.pressed, false);
	spin_unlock_bh(&ipd->lock);
	kfree(evict);
	ipoib_count_many(ipd, PATH_EVICTED, gone);
	ipoib_dbg(ipd, "%u destinations evicted\n", gone);
	ipoib_neigh_drop(ipd, &dropped, IPOIB_CNT_TX_PATH_LIMIT);
}
