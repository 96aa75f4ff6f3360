/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Completion queues. IBTA volume 1, section 11.4.2.
 */
#ifndef SIB_VERBS_CQ_H
#define SIB_VERBS_CQ_H

#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>

#include "compat/ib.h"

/**
 * struct sib_cq - a completion queue
 * @ib: what ib_core knows of it
 * @lock: protects all that follows but @task, @timer and @overflow_work;
 *	taken in any context
 * @ring: @size completions
 * @size: capacity
 * @head: where the next one goes, counts on without wrapping to @size
 * @tail: the next one to be polled, likewise
 * @armed: IB_CQ_SOLICITED, IB_CQ_NEXT_COMP or 0; one event, then 0
 * @overflowed: one was lost, nothing more is taken
 * @count: moderation: completions before an event
 * @period: moderation: microseconds before an event
 * @pending: completions since the event was due
 * @task: calls the handler, softirq, never twice at once
 * @timer: ends the wait for @count completions
 * @overflow_work: reports the overflow
 */
struct sib_cq {
	struct ib_cq ib;
	spinlock_t lock;
	struct ib_wc *ring;
	u32 size;
	u32 head;
	u32 tail;
	u8 armed;
	bool overflowed;
	u16 count;
	u16 period;
	u16 pending;
	struct tasklet_struct task;
	struct hrtimer timer;
	struct work_struct overflow_work;
};

static inline struct sib_cq *to_cq(struct ib_cq *ib)
{
	return container_of(ib, struct sib_cq, ib);
}

void sib_cq_forget(struct ib_cq *ib, const struct ib_qp *qp);
void sib_cq_push(struct sib_cq *cq, const struct ib_wc *wc, bool solicited);

int sib_create_cq(struct ib_cq *ib, const struct ib_cq_init_attr *attr,
		  struct compat_create_cq_last *last);
int sib_destroy_cq(struct ib_cq *ib, struct ib_udata *udata);
int sib_poll_cq(struct ib_cq *ib, int num, struct ib_wc *wc);
int sib_req_notify_cq(struct ib_cq *ib, enum ib_cq_notify_flags flags);
int sib_modify_cq(struct ib_cq *ib, u16 count, u16 period);
int sib_resize_cq(struct ib_cq *ib, int cqe, struct ib_udata *udata);

#endif
