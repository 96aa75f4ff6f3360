/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the SA of a port can do.
 */
#ifndef IPOIB_SA_H
#define IPOIB_SA_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct ib_mad_agent;
struct ipoib_dev;
struct ipoib_hca;

enum ipoib_sa_state {
	IPOIB_SA_UNKNOWN,
	IPOIB_SA_ASKING,
	IPOIB_SA_KNOWN,
};

/**
 * struct ipoib_sa - the SA as a port sees it
 * @hca: the channel adapter
 * @port: port number
 * @agent: sends and receives MADs; NULL if the port has no such agent
 * @work: asks
 * @lock: protects what follows; softirq
 * @state: whether @sendonly_full is true
 * @again: what is being told is outdated already
 * @stopped: nobody may be asked any more
 * @sendonly_full: groups can be joined as send-only full member
 * @tid: of the last question
 */
struct ipoib_sa {
	struct ipoib_hca *hca;
	u32 port;
	struct ib_mad_agent *agent;
	struct work_struct work;
	spinlock_t lock;
	enum ipoib_sa_state state;
	bool again;
	bool stopped;
	bool sendonly_full;
	u32 tid;
};

void ipoib_sa_start(struct ipoib_sa *sa, struct ipoib_hca *hca, u32 port);
void ipoib_sa_stop(struct ipoib_sa *sa);
void ipoib_sa_refresh(struct ipoib_sa *sa);
bool ipoib_sa_is_known(struct ipoib_dev *ipd);
bool ipoib_sa_has_sendonly_full(struct ipoib_dev *ipd);

#endif
