/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Destinations: hardware addresses that packets were sent to, and the address
 * handle for each. The data path finds one under RCU.
 */
#ifndef IPOIB_NEIGH_H
#define IPOIB_NEIGH_H

#include <linux/rhashtable.h>
#include <linux/skbuff.h>
#include <linux/types.h>

#include "ipoib/core/hwaddr.h"

struct ipoib_ah;
struct ipoib_dev;
struct ipoib_mcast;
struct ipoib_path;
struct ipoib_tx_conn;

/* Destinations of an interface at most. */
#define IPOIB_NEIGHS_MAX	16384
/* Packets that wait for one path. */
#define IPOIB_NEIGH_QUEUE	128
/* Packets that wait for all paths and groups of an interface together. */
#define IPOIB_WAITING_MAX	8192

/**
 * struct ipoib_neigh - a destination
 * @hash: in the table
 * @hw: its address, flags octet zero; the key
 * @ah: how to get there; NULL while that is not known. RCU, written under the
 *	interface's lock
 * @used: when a packet last went, jiffies, to a second
 * @path: unicast: whose handle it has; interface's lock
 * @mcast: multicast: likewise
 * @entry: on the list of @path or @mcast; interface's lock
 * @queue: unicast: packets that wait for @ah, or for @conn; interface's lock
 * @conn: unicast: the connection that it has or will have. RCU, written under
 *	the interface's lock
 * @conn_retry: there is to be none before, jiffies
 * @conn_lost: there was one, and there will be another at @conn_retry
 * @conn_failures: times in a row that there was none; interface's lock
 * @rcu: freed after a grace period
 */
struct ipoib_neigh {
	struct rhash_head hash;
	u8 hw[IPOIB_ALEN];
	struct ipoib_ah __rcu *ah;
	unsigned long used;
	struct ipoib_path *path;
	struct ipoib_mcast *mcast;
	struct list_head entry;
	struct sk_buff_head queue;
	struct ipoib_tx_conn __rcu *conn;
	unsigned long conn_retry;
	bool conn_lost;
	u8 conn_failures;
	struct rcu_head rcu;
};

/**
 * struct ipoib_neighs - the destinations of an interface
 * @table: struct ipoib_neigh by address
 * @waiting: packets that wait for their paths and groups; interface's lock
 * @removals: how often one has gone; written under the interface's lock
 */
struct ipoib_neighs {
	struct rhashtable table;
	unsigned int waiting;
	unsigned long removals;
};

/**
 * struct ipoib_neigh_memo - the destination that was looked up last
 * @neigh: valid as long as @removals is the interface's; may be NULL
 * @removals: the interface's number of then
 */
struct ipoib_neigh_memo {
	struct ipoib_neigh *neigh;
	unsigned long removals;
};

int ipoib_neigh_init(struct ipoib_dev *ipd);
void ipoib_neigh_exit(struct ipoib_dev *ipd);
struct ipoib_neigh *ipoib_neigh_find(struct ipoib_dev *ipd, const u8 *hw);
struct ipoib_neigh *ipoib_neigh_recall(struct ipoib_dev *ipd,
				       struct ipoib_neigh_memo *memo,
				       const u8 *hw);
bool ipoib_neigh_wait(struct ipoib_dev *ipd, struct sk_buff *skb,
		      const u8 *hw);
void ipoib_neigh_doubt(struct ipoib_dev *ipd, struct ipoib_neigh *neigh);
void ipoib_neigh_install(struct ipoib_neigh *neigh, struct ipoib_ah *ah);
void ipoib_neigh_free_locked(struct ipoib_dev *ipd,
			     struct ipoib_neigh *neigh,
			     struct sk_buff_head *dropped);
bool ipoib_neigh_queue_locked(struct ipoib_dev *ipd,
			      struct sk_buff_head *queue, unsigned int limit,
			      struct sk_buff *skb);
void ipoib_neigh_unqueue_locked(struct ipoib_dev *ipd,
				struct sk_buff_head *queue,
				struct sk_buff_head *list);
void ipoib_neigh_drop(struct ipoib_dev *ipd, struct sk_buff_head *list,
		      unsigned int counter);
void ipoib_neigh_send_queued(struct sk_buff_head *list);

/* Remember that a destination is in use, without writing at every packet. */
static inline void ipoib_neigh_touch(struct ipoib_neigh *neigh)
{
	if (time_after(jiffies, READ_ONCE(neigh->used) + HZ))
		WRITE_ONCE(neigh->used, jiffies);
}

#endif
