/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a QP's task does. Softirq.
 */
#ifndef SIB_TRANSPORT_TASK_H
#define SIB_TRANSPORT_TASK_H

#include <linux/types.h>
#include <rdma/ib_verbs.h>

struct sib_qpc;
struct sib_swqe;

void sib_task_run(struct sib_qpc *qpc);
void sib_send_complete(struct sib_qpc *qpc, const struct sib_swqe *wqe,
		       enum ib_wc_status status);
void sib_flush_sends(struct sib_qpc *qpc);
void sib_flush_recvs(struct sib_qpc *qpc);
void sib_qp_event(struct sib_qpc *qpc, enum ib_event_type type);
void sib_tell_drained(struct sib_qpc *qpc);

/* ud.c */
bool sib_ud_send(struct sib_qpc *qpc, const struct sib_swqe *wqe,
		 enum ib_wc_status *status);

/* park.c */
void sib_park_place(struct sib_qpc *qpc);
void sib_park_expire(struct sib_qpc *qpc);

#endif
