// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Leaving groups at a pace. An interface that goes down may be in a thousand
 * groups, and who sets it down must not wait; so memberships whose interface
 * has no more to do with them end here, so many at a time. They outlive the
 * interface, but not its channel adapter.
 *
 * The SA client's callback finds a membership by its context; it must not find
 * an interface that is gone. RFC 4391 section 10.
 */
#include <linux/slab.h>
#include <rdma/ib_sa.h>

#include "ipoib/dev.h"
#include "ipoib/leave.h"
#include "ipoib/main.h"

/* So many leaves at once, and then no more for a while. */
#define BURST		32
#define PERIOD		max(HZ / 20, 1)

/* Those that wait for the end to join anew. */
static void wake_devs(struct ipoib_leaver *leaver)
{
	struct ipoib_dev *ipd;
	unsigned long irq;

	spin_lock_irqsave(&leaver->hca->lock, irq);
	list_for_each_entry(ipd, &leaver->hca->devs, entry)
		if (ipd->port == leaver->port)
			ipoib_mcast_kick(ipd);
	spin_unlock_irqrestore(&leaver->hca->lock, irq);
}

/* May one more end now? If so, it counts. */
static bool may_end_locked(struct ipoib_leaver *leaver)
{
	lockdep_assert_held(&leaver->lock);
	if (time_after_eq(jiffies, leaver->since + PERIOD)) {
		leaver->since = jiffies;
		leaver->ended = 0;
	}
	if (leaver->ended >= BURST)
		return false;
	leaver->ended++;
	return true;
}

static struct ipoib_member *next_member(struct ipoib_leaver *leaver, bool all)
{
	struct ipoib_member *member = NULL;

	spin_lock_bh(&leaver->lock);
	if (!list_empty(&leaver->queue) && (all || may_end_locked(leaver))) {
		member = list_first_entry(&leaver->queue, struct ipoib_member,
					  entry);
		list_del_init(&member->entry);
	}
	spin_unlock_bh(&leaver->lock);
	return member;
}

static void destroy(struct ipoib_member *member)
{
	/* Waits for a callback that is running, and for nothing else. */
	if (member->sa)
		ib_sa_free_multicast(member->sa);
	kfree(member);
}

static void leave_work(struct work_struct *work)
{
	struct ipoib_leaver *leaver = container_of(work, struct ipoib_leaver,
						   work.work);
	struct ipoib_member *member;

	while ((member = next_member(leaver, false)))
		destroy(member);
	if (ipoib_leaver_is_busy(leaver))
		schedule_delayed_work(&leaver->work, PERIOD);
	else
		wake_devs(leaver);
}

/**
 * ipoib_leaver() - who ends an interface's memberships
 * @ipd: the interface
 *
 * Return: that of its port.
 */
struct ipoib_leaver *ipoib_leaver(struct ipoib_dev *ipd)
{
	return &ipd->hca->ports[ipd->port - 1].leaver;
}

/**
 * ipoib_leaver_is_busy() - are there memberships that have to end?
 * @leaver: of a port
 *
 * Whoever joins a group anew waits for that: while the SA client has the old
 * membership it would not ask the SA.
 *
 * Context: Any. When there are none any more the port's interfaces are kicked.
 * Return: true if so.
 */
bool ipoib_leaver_is_busy(struct ipoib_leaver *leaver)
{
	return !list_empty_careful(&leaver->queue);
}

/**
 * ipoib_member_create() - a membership that is to be
 * @ipd: the interface
 * @mcast: the group
 *
 * Context: Process.
 * Return: a membership, its @sa to be set; NULL without memory.
 */
struct ipoib_member *ipoib_member_create(struct ipoib_dev *ipd,
					 struct ipoib_mcast *mcast)
{
	struct ipoib_member *member = kzalloc(sizeof(*member), GFP_KERNEL);

	if (!member)
		return NULL;
	INIT_LIST_HEAD(&member->entry);
	spin_lock_init(&member->lock);
	member->ipd = ipd;
	member->mcast = mcast;
	return member;
}

/* No callback has to do with the interface after this. */
static void let_go(struct ipoib_member *member)
{
	spin_lock_bh(&member->lock);
	member->mcast = NULL;
	member->ipd = NULL;
	spin_unlock_bh(&member->lock);
}

/**
 * ipoib_member_end() - the SA knows nothing of a membership, or is told at once
 * @member: the membership; freed. NULL is fine.
 *
 * Context: Process.
 */
void ipoib_member_end(struct ipoib_member *member)
{
	if (!member)
		return;
	let_go(member);
	destroy(member);
}

/**
 * ipoib_member_leave() - the SA is told that a membership has ended
 * @member: the membership; freed, now or later. NULL is fine.
 * @leaver: of its port
 *
 * Context: Process.
 */
void ipoib_member_leave(struct ipoib_member *member,
			struct ipoib_leaver *leaver)
{
	bool now;

	if (!member)
		return;
	let_go(member);
	spin_lock_bh(&leaver->lock);
	now = list_empty(&leaver->queue) && may_end_locked(leaver);
	if (!now)
		list_add_tail(&member->entry, &leaver->queue);
	spin_unlock_bh(&leaver->lock);
	if (now)
		destroy(member);
	else
		schedule_delayed_work(&leaver->work, PERIOD);
}

/**
 * ipoib_leaver_start() - be able to end memberships
 * @leaver: zeroed memory
 * @hca: the channel adapter
 * @port: port number
 */
void ipoib_leaver_start(struct ipoib_leaver *leaver, struct ipoib_hca *hca,
			u32 port)
{
	leaver->hca = hca;
	leaver->port = port;
	leaver->since = jiffies;
	spin_lock_init(&leaver->lock);
	INIT_LIST_HEAD(&leaver->queue);
	INIT_DELAYED_WORK(&leaver->work, leave_work);
}

/**
 * ipoib_leaver_stop() - the port's interfaces are gone: end the rest at once
 * @leaver: from ipoib_leaver_start()
 *
 * Context: Process.
 */
void ipoib_leaver_stop(struct ipoib_leaver *leaver)
{
	struct ipoib_member *member;

	cancel_delayed_work_sync(&leaver->work);
	while ((member = next_member(leaver, true)))
		destroy(member);
}
