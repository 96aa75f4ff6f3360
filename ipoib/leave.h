/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Memberships that end: the SA is told of so many at a time.
 */
#ifndef IPOIB_LEAVE_H
#define IPOIB_LEAVE_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct ib_sa_multicast;
struct ipoib_dev;
struct ipoib_hca;
struct ipoib_mcast;

/**
 * struct ipoib_member - a membership of a group, or an attempt at one
 * @entry: on ipoib_leaver.queue, or empty
 * @sa: what the SA client has of it; that of who holds the membership
 * @lock: protects what follows; outside of the interface's lock
 * @ipd: whose
 * @mcast: of which group; NULL if nobody wants to hear of it any more, and then
 *	@ipd may be gone, too
 */
struct ipoib_member {
	struct list_head entry;
	struct ib_sa_multicast *sa;
	spinlock_t lock;
	struct ipoib_dev *ipd;
	struct ipoib_mcast *mcast;
};

/**
 * struct ipoib_leaver - ends memberships of a port
 * @hca: the channel adapter
 * @port: port number
 * @work: ends some
 * @lock: protects what follows; softirq
 * @queue: struct ipoib_member
 * @since: when the count of @ended began, jiffies
 * @ended: memberships ended since then
 */
struct ipoib_leaver {
	struct ipoib_hca *hca;
	u32 port;
	struct delayed_work work;
	spinlock_t lock;
	struct list_head queue;
	unsigned long since;
	unsigned int ended;
};

void ipoib_leaver_start(struct ipoib_leaver *leaver, struct ipoib_hca *hca,
			u32 port);
void ipoib_leaver_stop(struct ipoib_leaver *leaver);
struct ipoib_leaver *ipoib_leaver(struct ipoib_dev *ipd);
bool ipoib_leaver_is_busy(struct ipoib_leaver *leaver);
struct ipoib_member *ipoib_member_create(struct ipoib_dev *ipd,
					 struct ipoib_mcast *mcast);
void ipoib_member_end(struct ipoib_member *member);
void ipoib_member_leave(struct ipoib_member *member,
			struct ipoib_leaver *leaver);

#endif
