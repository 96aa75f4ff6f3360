/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Address handles, from the time they are made until no send uses them.
 */
#ifndef IPOIB_AH_H
#define IPOIB_AH_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <rdma/ib_verbs.h>

#include "ipoib/core/ring.h"

struct ipoib_dev;

/**
 * struct ipoib_ah - an address handle
 * @ah: the HCA's
 * @doubtful: the path must be asked for again; hint for the data path
 * @refs: of a path or group, and of each destination that has it
 * @ipd: whose
 * @entry: on ipd->ahs.dead once nobody has it
 * @rcu_state: grace period after which no send can begin with it
 * @marked: @mark is filled in
 * @mark: heads of the transmit rings at that time: when all of it has
 *	completed, no send uses the handle
 */
struct ipoib_ah {
	struct ib_ah *ah;
	bool doubtful;
	refcount_t refs;
	struct ipoib_dev *ipd;
	struct list_head entry;
	unsigned long rcu_state;
	bool marked;
	u32 mark[IPOIB_TXQ_MAX];
};

/**
 * struct ipoib_ahs - handles that nobody has any more
 * @lock: protects @dead; any context
 * @dead: struct ipoib_ah
 * @reap: destroys those that no send uses
 */
struct ipoib_ahs {
	spinlock_t lock;
	struct list_head dead;
	struct delayed_work reap;
};

void ipoib_ah_init(struct ipoib_dev *ipd);
void ipoib_ah_exit(struct ipoib_dev *ipd);
struct ipoib_ah *ipoib_ah_create(struct ipoib_dev *ipd,
				 struct rdma_ah_attr *attr);
void ipoib_ah_put(struct ipoib_ah *ah);

static inline struct ipoib_ah *ipoib_ah_get(struct ipoib_ah *ah)
{
	refcount_inc(&ah->refs);
	return ah;
}

#endif
