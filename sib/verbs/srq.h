/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Shared receive queues. IBTA volume 1, section 10.2.9.
 */
#ifndef SIB_VERBS_SRQ_H
#define SIB_VERBS_SRQ_H

#include <linux/list.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>

#include "sib/verbs/qp.h"

/**
 * struct sib_srq - a receive queue that several QPs take WRs from
 * @ib: what ib_core knows of it
 * @rq: the queue; its lock protects the rest, too, and is taken inside those
 *	of QPs
 * @limit: tell the consumer when fewer WRs are left; 0 for never
 * @waiters: QPs that have packets for which there was no WR
 * @limit_work: tells the consumer
 */
struct sib_srq {
	struct ib_srq ib;
	struct sib_rq rq;
	u32 limit;
	struct list_head waiters;
	struct work_struct limit_work;
};

static inline struct sib_srq *to_srq(struct ib_srq *ib)
{
	return container_of(ib, struct sib_srq, ib);
}

bool sib_srq_take(struct sib_srq *srq, struct sib_qpc *qpc,
		  struct sib_rwqe *wqe);
void sib_srq_forget(struct sib_srq *srq, struct sib_qpc *qpc);

int sib_create_srq(struct ib_srq *ib, struct ib_srq_init_attr *init,
		   struct ib_udata *udata);
int sib_modify_srq(struct ib_srq *ib, struct ib_srq_attr *attr,
		   enum ib_srq_attr_mask mask, struct ib_udata *udata);
int sib_query_srq(struct ib_srq *ib, struct ib_srq_attr *attr);
int sib_destroy_srq(struct ib_srq *ib, struct ib_udata *udata);
int sib_post_srq_recv(struct ib_srq *ib, const struct ib_recv_wr *wr,
		      const struct ib_recv_wr **bad_wr);

extern const struct ib_device_ops sib_srq_ops;

#endif
