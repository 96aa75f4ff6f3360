/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Paths: where the SA says that a GID is.
 */
#ifndef IPOIB_PATH_H
#define IPOIB_PATH_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <rdma/ib_sa.h>

#include "ipoib/core/hwaddr.h"

struct ipoib_ah;
struct ipoib_dev;
struct ipoib_query;

/* Paths of an interface at most; as many as there are destinations. */
#define IPOIB_PATHS_MAX		16384
/* Queries of an interface under way at a time. */
#define IPOIB_QUERIES_MAX	16

/**
 * struct ipoib_path - the way to a GID
 * @node: in the tree, by @gid; interface's lock, like all that follows
 * @gid: of the peer
 * @state: enum ipoib_path_state
 * @rec: the SA's answer, good where there is an @ah
 * @ah: its address handle
 * @query: the query under way
 * @entry: on the list of paths that must be asked for, or empty
 * @neighs: destinations that have its handle
 * @tries: queries that were not answered, in a row
 * @failures: times there was no path, in a row
 * @failed_at: when the last of them was, jiffies
 * @retry_at: not asked for again before, jiffies
 * @announced: when the peer's word against the SA's was last taken, jiffies
 * @used: when it last had a destination, jiffies
 */
struct ipoib_path {
	struct rb_node node;
	u8 gid[IPOIB_GID_LEN];
	u8 state;
	struct sa_path_rec rec;
	struct ipoib_ah *ah;
	struct ipoib_query *query;
	struct list_head entry;
	struct list_head neighs;
	u8 tries;
	u8 failures;
	unsigned long failed_at;
	unsigned long retry_at;
	unsigned long announced;
	unsigned long used;
};

/**
 * struct ipoib_paths - the paths of an interface
 * @tree: struct ipoib_path; interface's lock
 * @ask: those that must be asked for; interface's lock
 * @answers: queries that came back; interface's lock
 * @count: of those in @tree; interface's lock
 * @pressed: there are too many; interface's lock
 * @evicted: when room was made last, jiffies; interface's lock
 * @work: asks, takes answers, makes room
 * @in_flight: queries under way
 * @none_in_flight: woken when there is none
 */
struct ipoib_paths {
	struct rb_root tree;
	struct list_head ask;
	struct list_head answers;
	unsigned int count;
	bool pressed;
	unsigned long evicted;
	struct work_struct work;
	atomic_t in_flight;
	wait_queue_head_t none_in_flight;
};

struct ipoib_neigh;

/* path.c */
void ipoib_path_init(struct ipoib_dev *ipd);
void ipoib_path_exit(struct ipoib_dev *ipd);
struct ipoib_path *ipoib_path_get_locked(struct ipoib_dev *ipd,
					 const u8 *gid);
bool ipoib_path_use_locked(struct ipoib_dev *ipd, struct ipoib_path *path);
void ipoib_path_announced(struct ipoib_dev *ipd, const u8 *gid, u32 slid);
void ipoib_path_doubt_all(struct ipoib_dev *ipd);
void ipoib_path_drop_all(struct ipoib_dev *ipd);
void ipoib_path_free_locked(struct ipoib_dev *ipd, struct ipoib_path *path,
			    struct sk_buff_head *dropped);

/* path_age.c */
void ipoib_path_age(struct ipoib_dev *ipd);
void ipoib_path_press_locked(struct ipoib_dev *ipd);
void ipoib_path_evict(struct ipoib_dev *ipd);

#endif
