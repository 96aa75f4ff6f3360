/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Multicast groups: membership at the SA, attachment of the receive QP, and
 * the address handle to send with.
 */
#ifndef IPOIB_MCAST_H
#define IPOIB_MCAST_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <rdma/ib_sa.h>

#include "ipoib/core/hwaddr.h"
#include "ipoib/core/pace.h"

struct ipoib_ah;
struct ipoib_dev;
struct ipoib_member;

/* Packets that wait for a group. */
#define IPOIB_MCAST_QUEUE	64
/* Groups of an interface that are only sent to. */
#define IPOIB_SENDONLY_MAX	1024
/* Joins of an interface under way at a time. */
#define IPOIB_JOINS_MAX		32

/**
 * struct ipoib_mcast - a group
 * @node: in the tree, by @mgid; interface's lock
 * @mgid: its GID, which is also the key
 * @broadcast: it is the link's broadcast group
 * @full: we want to receive, not only send; interface's lock
 * @wanted: mark of the last look at the stack's list that had it; the work's
 * @state: enum ipoib_mcast_state; interface's lock
 * @rec: the SA's record, good where there is an @ah; interface's lock
 * @member: our membership, or attempt at one; the work's
 * @in_flight: a join is under way; the work's
 * @entry: on ipd->mcast.answers, or on a list of the work's, or empty;
 *	interface's lock
 * @answered: the SA client called back with @status; interface's lock
 * @reset: and later said that it has forgotten us; interface's lock
 * @status: of the join, 0 or a negative error; interface's lock
 * @answer: the SA's record, if @status is 0; the work's once @answered
 * @ah: handle to send with; interface's lock
 * @attached: the receive QP is attached at @mlid; the work's
 * @mlid: see @attached
 * @neighs: destinations that have its handle; interface's lock
 * @queue: packets that wait; interface's lock
 * @waiting: it is to be started at @start_at; interface's lock
 * @start_at: jiffies; interface's lock
 * @rejoins: after the SM has forgotten us; the work's
 * @failures: joins that failed in a row; interface's lock
 * @complaints: failed joins that were logged; the work's
 * @created: jiffies
 */
struct ipoib_mcast {
	struct rb_node node;
	u8 mgid[IPOIB_GID_LEN];
	bool broadcast;
	bool full;
	u8 wanted;
	u8 state;
	struct ib_sa_mcmember_rec rec;
	struct ipoib_member *member;
	bool in_flight;
	struct list_head entry;
	bool answered;
	bool reset;
	int status;
	struct ib_sa_mcmember_rec answer;
	struct ipoib_ah *ah;
	bool attached;
	u16 mlid;
	struct list_head neighs;
	struct sk_buff_head queue;
	bool waiting;
	unsigned long start_at;
	struct ipoib_pace rejoins;
	u8 failures;
	u8 complaints;
	unsigned long created;
};

/**
 * struct ipoib_mcasts - the groups of an interface
 * @tree: struct ipoib_mcast; interface's lock
 * @answers: groups that the SA client has called back for; interface's lock
 * @broadcast: the one that is the link; ctl
 * @work: joins, leaves, takes answers
 * @sync: the stack's list may have changed
 * @pressed: there are too many groups that are only sent to; interface's lock
 * @aged: when groups to leave were last looked for; interface's lock
 * @mark: of the last look at it; the work's
 * @sendonly: groups that are only sent to; interface's lock
 * @joining: joins under way; the work's
 */
struct ipoib_mcasts {
	struct rb_root tree;
	struct list_head answers;
	struct ipoib_mcast *broadcast;
	struct delayed_work work;
	bool sync;
	bool pressed;
	unsigned long aged;
	u8 mark;
	unsigned int sendonly;
	unsigned int joining;
};

/* mcast.c: the groups, and who sends to them */
void ipoib_mcast_init(struct ipoib_dev *ipd);
struct ipoib_mcast *ipoib_mcast_create(struct ipoib_dev *ipd, const u8 *mgid,
				       gfp_t gfp);
struct ipoib_mcast *ipoib_mcast_find_locked(struct ipoib_dev *ipd,
					    const u8 *mgid);
void ipoib_mcast_insert_locked(struct ipoib_dev *ipd,
			       struct ipoib_mcast *mcast);
void ipoib_mcast_remove(struct ipoib_dev *ipd, struct ipoib_mcast *mcast);
struct ipoib_mcast *ipoib_mcast_get_locked(struct ipoib_dev *ipd,
					   const u8 *mgid, bool may_join);
void ipoib_mcast_wait_locked(struct ipoib_dev *ipd,
			     struct ipoib_mcast *mcast, struct sk_buff *skb);
void ipoib_mcast_install(struct ipoib_dev *ipd, struct ipoib_mcast *mcast,
			 struct ipoib_ah *ah);
void ipoib_mcast_purge(struct ipoib_dev *ipd, struct ipoib_mcast *mcast);
bool ipoib_mcast_idle_locked(struct ipoib_mcast *mcast, unsigned long limit);

/* join.c: membership */
void ipoib_join_event(struct ipoib_dev *ipd, struct ipoib_mcast *mcast,
		      unsigned int event);
void ipoib_join_answered(struct ipoib_dev *ipd, struct ipoib_mcast *mcast);

/* mcast_work.c: when to join and to leave what */
void ipoib_mcast_work(struct work_struct *work);
void ipoib_mcast_start(struct ipoib_dev *ipd);
void ipoib_mcast_stop(struct ipoib_dev *ipd);
void ipoib_mcast_resync(struct ipoib_dev *ipd);
void ipoib_mcast_kick(struct ipoib_dev *ipd);
void ipoib_mcast_age(struct ipoib_dev *ipd);

#endif
