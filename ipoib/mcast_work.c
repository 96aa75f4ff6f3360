// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which groups to join and to leave, and when: the broadcast group first, then
 * what the IP stack wants to receive and what packets are sent to, so many
 * joins at a time. Process context: the interface's work, with ctl.
 */
#include <rdma/ib_sa.h>

#include "ipoib/core/mcast_fsm.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/leave.h"
#include "ipoib/main.h"
#include "ipoib/mcast.h"
#include "ipoib/sa.h"

/* A group that nothing was sent to for so long is left; sooner if pressed. */
#define SENDONLY_IDLE		(300 * HZ)
#define SENDONLY_IDLE_PRESSED	(10 * HZ)

/**
 * ipoib_mcast_kick() - let the work look
 * @ipd: the interface
 *
 * Context: Any.
 */
void ipoib_mcast_kick(struct ipoib_dev *ipd)
{
	mod_delayed_work(ipd->wq, &ipd->mcast.work, 0);
}

/**
 * ipoib_mcast_resync() - the stack's list of groups may have changed
 * @ipd: the interface
 *
 * Context: Any.
 */
void ipoib_mcast_resync(struct ipoib_dev *ipd)
{
	WRITE_ONCE(ipd->mcast.sync, true);
	if (test_bit(IPOIB_FLAG_LINK, &ipd->flags))
		ipoib_mcast_kick(ipd);
}

static struct ipoib_mcast *next_answer(struct ipoib_dev *ipd)
{
	struct ipoib_mcast *mcast;

	spin_lock_bh(&ipd->lock);
	mcast = list_first_entry_or_null(&ipd->mcast.answers,
					 struct ipoib_mcast, entry);
	if (mcast)
		list_del_init(&mcast->entry);
	spin_unlock_bh(&ipd->lock);
	return mcast;
}

/* Is the broadcast group joined, so that there is a link? */
static bool link_is_there(struct ipoib_dev *ipd)
{
	return ipd->mcast.broadcast && ipd->mcast.broadcast->ah;
}

/* User space may have joined by itself, and asked us to keep out of it. */
static bool left_to_user(struct ipoib_dev *ipd, const u8 *mgid)
{
	struct ib_sa_mcmember_rec rec;
	union ib_gid gid;

	if (!test_bit(IPOIB_FLAG_UMCAST, &ipd->flags))
		return false;
	memcpy(gid.raw, mgid, IPOIB_GID_LEN);
	return !ib_sa_get_mcmember_rec(ipd->ib, ipd->port, &gid, &rec);
}

/**
 * struct mgids - what the stack wants, copied out of its list
 * @count: how many
 * @room: how many fit
 * @mgid: 16 octets each
 */
struct mgids {
	unsigned int count;
	unsigned int room;
	u8 mgid[][IPOIB_GID_LEN];
};

/* The P_Key may have changed since the stack made the address. */
static void copy_mgid(struct ipoib_dev *ipd, struct mgids *list, const u8 *addr)
{
	u8 hw[IPOIB_ALEN];

	if (list->count >= list->room ||
	    !ipoib_hw_joinable(addr, ipd->netdev->broadcast))
		return;
	memcpy(hw, addr, IPOIB_ALEN);
	ipoib_hw_set_mcast_pkey(hw, ipd->pkey);
	memcpy(list->mgid[list->count++], ipoib_hw_gid(hw), IPOIB_GID_LEN);
}

static struct mgids *stack_list(struct ipoib_dev *ipd)
{
	struct net_device *netdev = ipd->netdev;
	struct netdev_hw_addr *ha;
	struct mgids *list;
	unsigned int room;

	/* It may grow meanwhile; then there will be another look. */
	room = netdev_mc_count(netdev) + 16;
	list = kvzalloc(struct_size(list, mgid, room), GFP_KERNEL);
	if (!list)
		return NULL;
	list->room = room;
	netif_addr_lock_bh(netdev);
	netdev_for_each_mc_addr(ha, netdev)
		copy_mgid(ipd, list, ha->addr);
	netif_addr_unlock_bh(netdev);
	return list;
}

/* A group that was only sent to becomes one that is received too. */
static void become_full(struct ipoib_dev *ipd, struct ipoib_mcast *mcast)
{
	spin_lock_bh(&ipd->lock);
	mcast->full = true;
	ipd->mcast.sendonly--;
	spin_unlock_bh(&ipd->lock);
	ipoib_join_event(ipd, mcast, IPOIB_MCAST_STOP);
	spin_lock_bh(&ipd->lock);
	mcast->waiting = true;
	mcast->start_at = jiffies;
	spin_unlock_bh(&ipd->lock);
}

static void want_known(struct ipoib_dev *ipd, struct ipoib_mcast *mcast)
{
	mcast->wanted = ipd->mcast.mark;
	if (!mcast->full)
		become_full(ipd, mcast);
}

static void want(struct ipoib_dev *ipd, const u8 *mgid)
{
	struct ipoib_mcast *mcast, *known;

	spin_lock_bh(&ipd->lock);
	known = ipoib_mcast_find_locked(ipd, mgid);
	spin_unlock_bh(&ipd->lock);
	if (known) {
		want_known(ipd, known);
		return;
	}
	if (left_to_user(ipd, mgid))
		return;
	mcast = ipoib_mcast_create(ipd, mgid, GFP_KERNEL);
	if (!mcast) {
		/* Another look, when there may be memory. */
		ipd->mcast.sync = true;
		return;
	}
	mcast->full = true;
	mcast->wanted = ipd->mcast.mark;
	mcast->waiting = true;
	spin_lock_bh(&ipd->lock);
	/* Somebody may have sent to it meanwhile. */
	known = ipoib_mcast_find_locked(ipd, mgid);
	if (!known)
		ipoib_mcast_insert_locked(ipd, mcast);
	spin_unlock_bh(&ipd->lock);
	if (!known)
		return;
	kfree(mcast);
	want_known(ipd, known);
}

/*
 * Collect groups on a list, by a rule. One with an answer that has not been
 * taken is on the list of answers, where it came after that was looked at last;
 * it is taken from there, or it would be left out.
 */
static void collect(struct ipoib_dev *ipd, struct list_head *list,
		    bool (*rule)(struct ipoib_dev *ipd,
				 struct ipoib_mcast *mcast))
{
	struct rb_node *n;

	spin_lock_bh(&ipd->lock);
	for (n = rb_first(&ipd->mcast.tree); n; n = rb_next(n)) {
		struct ipoib_mcast *mcast = rb_entry(n, struct ipoib_mcast,
						     node);

		if (rule(ipd, mcast))
			list_move_tail(&mcast->entry, list);
	}
	spin_unlock_bh(&ipd->lock);
}

static struct ipoib_mcast *pop(struct ipoib_dev *ipd, struct list_head *list)
{
	struct ipoib_mcast *mcast;

	spin_lock_bh(&ipd->lock);
	mcast = list_first_entry_or_null(list, struct ipoib_mcast, entry);
	if (mcast)
		list_del_init(&mcast->entry);
	spin_unlock_bh(&ipd->lock);
	return mcast;
}

static void remove_by(struct ipoib_dev *ipd,
		      bool (*rule)(struct ipoib_dev *ipd,
				   struct ipoib_mcast *mcast))
{
	struct ipoib_mcast *mcast;
	LIST_HEAD(list);

	collect(ipd, &list, rule);
	while ((mcast = pop(ipd, &list)))
		ipoib_mcast_remove(ipd, mcast);
}

static bool is_unwanted(struct ipoib_dev *ipd, struct ipoib_mcast *mcast)
{
	return mcast->full && !mcast->broadcast &&
	       mcast->wanted != ipd->mcast.mark;
}

static void sync_with_stack(struct ipoib_dev *ipd)
{
	struct mgids *list;
	unsigned int i;

	WRITE_ONCE(ipd->mcast.sync, false);
	list = stack_list(ipd);
	if (!list) {
		WRITE_ONCE(ipd->mcast.sync, true);
		return;
	}
	ipd->mcast.mark++;
	for (i = 0; i < list->count; i++)
		want(ipd, list->mgid[i]);
	kvfree(list);
	remove_by(ipd, is_unwanted);
}

/*
 * Is what the broadcast group is like known, not just remembered from before
 * the SM asked for re-registration? Other groups are made like it.
 */
static bool broadcast_is_joined(struct ipoib_dev *ipd)
{
	return link_is_there(ipd) &&
	       ipd->mcast.broadcast->state == IPOIB_MCAST_JOINED;
}

static bool is_due(struct ipoib_dev *ipd, struct ipoib_mcast *mcast)
{
	if (!mcast->waiting || time_before(jiffies, mcast->start_at))
		return false;
	if (mcast->broadcast)
		return true;
	return broadcast_is_joined(ipd) &&
	       !ipoib_leaver_is_busy(ipoib_leaver(ipd)) &&
	       (mcast->full || ipoib_sa_is_known(ipd));
}

static void start_due(struct ipoib_dev *ipd)
{
	struct ipoib_mcast *mcast;
	LIST_HEAD(list);

	collect(ipd, &list, is_due);
	while ((mcast = pop(ipd, &list))) {
		/* The rest has its turn when some have been answered. */
		if (ipd->mcast.joining >= IPOIB_JOINS_MAX)
			continue;
		ipoib_join_event(ipd, mcast, IPOIB_MCAST_START);
	}
}

/* When the next group is due, jiffies from now; 0 if none is. */
static unsigned long next_due(struct ipoib_dev *ipd)
{
	unsigned long next = 0;
	struct rb_node *n;

	spin_lock_bh(&ipd->lock);
	for (n = rb_first(&ipd->mcast.tree); n; n = rb_next(n)) {
		struct ipoib_mcast *mcast = rb_entry(n, struct ipoib_mcast,
						     node);
		long delay = max_t(long, mcast->start_at - jiffies, 1);

		/* What waits for something else than time is kicked by it. */
		if (!mcast->waiting || time_after_eq(jiffies, mcast->start_at))
			continue;
		if (!next || delay < next)
			next = delay;
	}
	spin_unlock_bh(&ipd->lock);
	return next;
}

static bool is_idle(struct ipoib_dev *ipd, struct ipoib_mcast *mcast)
{
	return !mcast->full &&
	       ipoib_mcast_idle_locked(mcast, ipd->mcast.pressed ?
					      SENDONLY_IDLE_PRESSED :
					      SENDONLY_IDLE);
}

/**
 * ipoib_mcast_age() - leave groups that nothing is sent to any more
 * @ipd: the interface; ctl is held
 *
 * RFC 4392 section 4.2.5. Groups that are received are the stack's to leave.
 *
 * Context: Process.
 */
void ipoib_mcast_age(struct ipoib_dev *ipd)
{
	remove_by(ipd, is_idle);
	spin_lock_bh(&ipd->lock);
	ipd->mcast.pressed = false;
	ipd->mcast.aged = jiffies;
	spin_unlock_bh(&ipd->lock);
}

/**
 * ipoib_mcast_work() - join, leave, take answers
 * @work: ipd->mcast.work
 */
void ipoib_mcast_work(struct work_struct *work)
{
	struct ipoib_dev *ipd = container_of(work, struct ipoib_dev,
					     mcast.work.work);
	struct ipoib_mcast *mcast;
	unsigned long next;

	mutex_lock(&ipd->ctl);
	while ((mcast = next_answer(ipd)))
		ipoib_join_answered(ipd, mcast);
	if (test_bit(IPOIB_FLAG_LINK, &ipd->flags)) {
		if (READ_ONCE(ipd->mcast.sync) && link_is_there(ipd))
			sync_with_stack(ipd);
		if (READ_ONCE(ipd->mcast.pressed))
			ipoib_mcast_age(ipd);
		start_due(ipd);
		next = next_due(ipd);
		/* There was no memory to look at the stack's list. */
		if (!next && READ_ONCE(ipd->mcast.sync) && link_is_there(ipd))
			next = HZ;
		if (next)
			queue_delayed_work(ipd->wq, &ipd->mcast.work, next);
	}
	mutex_unlock(&ipd->ctl);
}

/**
 * ipoib_mcast_start() - join the broadcast group, and then the others
 * @ipd: the interface; ctl is held, there are no groups
 *
 * Context: Process.
 */
void ipoib_mcast_start(struct ipoib_dev *ipd)
{
	const u8 *mgid = ipoib_hw_gid(ipd->netdev->broadcast);
	struct ipoib_mcast *mcast;

	mcast = ipoib_mcast_create(ipd, mgid, GFP_KERNEL | __GFP_NOFAIL);
	mcast->broadcast = true;
	mcast->full = true;
	mcast->waiting = true;
	ipd->mcast.broadcast = mcast;
	ipd->mcast.sync = true;
	spin_lock_bh(&ipd->lock);
	ipoib_mcast_insert_locked(ipd, mcast);
	spin_unlock_bh(&ipd->lock);
	ipoib_mcast_kick(ipd);
}

static bool is_any(struct ipoib_dev *ipd, struct ipoib_mcast *mcast)
{
	return true;
}

/**
 * ipoib_mcast_stop() - leave all groups and forget them
 * @ipd: the interface; ctl is held
 *
 * Context: Process.
 */
void ipoib_mcast_stop(struct ipoib_dev *ipd)
{
	remove_by(ipd, is_any);
}
