/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Queue pairs. ib_core frees its struct ib_qp the moment destroy_qp returns,
 * while a packet may be on its way to it; so what the data path works on is a
 * QP context of our own, found under RCU and freed after a grace period.
 */
#ifndef SIB_VERBS_QP_H
#define SIB_VERBS_QP_H

#include <linux/atomic.h>
#include <linux/interrupt.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/smp.h>
#include <linux/timer.h>
#include <rdma/ib_verbs.h>

#include "sib/core/lso.h"
#include "sib/core/ud.h"
#include "sib/fabric/pacer.h"
#include "sib/verbs/ah.h"

struct sib_conn;
struct sib_cq;
struct sib_hca;
struct sib_port;
struct sib_qpc;
struct sib_srq;

/**
 * struct sib_swqe - a send WR in its queue
 * @wr_id: the consumer's
 * @opcode: enum ib_wr_opcode
 * @flags: enum ib_send_flags
 * @num_sge: entries of @sge
 * @inlined: the data stand behind the SGEs
 * @pkey_index: GSI only
 * @length: octets of data
 * @imm: immediate data, as on the wire
 * @qpn: destination QPN
 * @qkey: Q_Key for the packet
 * @av: where it goes
 * @lso: IB_WR_LSO: how to cut the data
 * @psn: connected QPs: PSN of its first packet; the task's
 * @last_psn: likewise, of its last one
 * @sge: the data; behind the last one there is room for inline data, or for the
 *	headers of IB_WR_LSO
 */
struct sib_swqe {
	u64 wr_id;
	u8 opcode;
	u8 flags;
	u8 num_sge;
	bool inlined;
	u16 pkey_index;
	u32 length;
	__be32 imm;
	u32 qpn;
	u32 qkey;
	struct sib_av av;
	struct sib_lso lso;
	u32 psn;
	u32 last_psn;
	struct ib_sge sge[];
};

/**
 * struct sib_rwqe - a receive WR in its queue
 * @wr_id: the consumer's
 * @length: octets of room
 * @num_sge: entries of @sge
 * @sge: the room
 */
struct sib_rwqe {
	u64 wr_id;
	u32 length;
	u32 num_sge;
	struct ib_sge sge[];
};

/**
 * struct sib_sq - a send queue
 * @lock: orders those who post, and changes of the QP's state; any context
 * @ring: @size entries of @stride octets
 * @size: capacity, a power of two
 * @stride: octets of an entry
 * @max_sge: of an entry
 * @max_inline: octets of an entry
 * @max_header: octets of an entry's headers; 0 if the HCA is to cut nothing
 * @head: where the next WR goes; under @lock, read by the task
 * @next: the next WR to be carried out; the task's
 * @tail: the oldest WR whose place is not free; the task's, read by posters
 *
 * Counters run on without wrapping to @size.
 */
struct sib_sq {
	spinlock_t lock;
	void *ring;
	u32 size;
	u32 stride;
	u16 max_sge;
	u16 max_inline;
	u16 max_header;
	u32 head;
	u32 next;
	u32 tail;
};

/**
 * struct sib_rq - a receive queue
 * @lock: protects all of it, and the QP's state; held while a packet is placed,
 *	so that after it no packet is. Any context.
 * @ring: @size entries of @stride octets
 * @size: capacity, a power of two
 * @stride: octets of an entry
 * @max_sge: of an entry
 * @head: where the next WR goes
 * @tail: the next WR to be used
 */
struct sib_rq {
	spinlock_t lock;
	void *ring;
	u32 size;
	u32 stride;
	u16 max_sge;
	u32 head;
	u32 tail;
};

/**
 * struct sib_qp_flow - a QP as the pacer knows it; may outlive the QP
 * @flow: must be first, for it is freed by its address
 * @qpc: the QP; not to be used but by flow.wake
 */
struct sib_qp_flow {
	struct sib_flow flow;
	struct sib_qpc *qpc;
};

/**
 * struct sib_qpc - context of a QP
 * @refs: the QP's, and one for each multicast attachment
 * @rcu: it is found under RCU
 * @ib: the QP; good until @dead is seen under a queue's lock
 * @hca: its HCA
 * @qpn: its number
 * @type: IB_QPT_SMI, IB_QPT_GSI, IB_QPT_UD, IB_QPT_RC or IB_QPT_UC
 * @create_flags: enum ib_qp_create_flags
 * @signal_all: every send WR is signalled
 * @state: enum ib_qp_state; written under both queues' locks
 * @dead: destroyed; written likewise
 * @port: where it sends and receives; set at INIT
 * @pkey_index: its entry of the P_Key table
 * @qkey: its Q_Key
 * @sq_psn: PSN of the next datagram
 * @lso_done: octets of the oldest WR that have been sent; the task's
 * @sqd_event: tell when the send queue has drained
 * @send_cq: where sends complete
 * @recv_cq: where receives complete
 * @sq: send queue
 * @rq: receive queue
 * @task: carries out sends, flushes, places what was parked; softirq
 * @flow: for the pacer
 * @cpu: where @task runs while frames are under way, to keep them in order
 * @kick: wakes @task on @cpu from elsewhere
 * @kicked: bit 0: @kick is under way and has not scheduled @task yet
 * @kicks: calls of @kick that have not returned
 * @parked: packets that wait for a receive WR; under @rq.lock
 * @park_timer: gives them up
 * @conn: its connected part, NULL without one
 * @srq: where receive WRs come from instead of @rq, NULL without one
 * @srq_entry: among those who wait for a WR there; under its lock
 */
struct sib_qpc {
	refcount_t refs;
	struct rcu_head rcu;
	struct ib_qp *ib;
	struct sib_hca *hca;
	u32 qpn;
	enum ib_qp_type type;
	u32 create_flags;
	bool signal_all;
	u8 state;
	bool dead;
	struct sib_port *port;
	u16 pkey_index;
	u32 qkey;
	u32 sq_psn;
	u32 lso_done;
	bool sqd_event;
	struct sib_cq *send_cq;
	struct sib_cq *recv_cq;
	struct sib_sq sq;
	struct sib_rq rq;
	struct tasklet_struct task;
	struct sib_qp_flow *flow;
	int cpu;
	call_single_data_t kick;
	unsigned long kicked;
	atomic_t kicks;
	struct sk_buff_head parked;
	struct timer_list park_timer;
	struct sib_conn *conn;
	struct sib_srq *srq;
	struct list_head srq_entry;
};

/**
 * struct sib_qp - a QP as ib_core allocates it
 * @ib: what ib_core knows of it
 * @qpc: the rest
 */
struct sib_qp {
	struct ib_qp ib;
	struct sib_qpc *qpc;
};

static inline struct sib_qpc *to_qpc(struct ib_qp *ib)
{
	return container_of(ib, struct sib_qp, ib)->qpc;
}

static inline struct sib_swqe *sib_swqe(const struct sib_sq *sq, u32 i)
{
	return sq->ring + (i & (sq->size - 1)) * sq->stride;
}

/* The room behind the SGEs. */
static inline u8 *sib_swqe_tail(const struct sib_sq *sq,
				const struct sib_swqe *wqe)
{
	return (u8 *)&wqe->sge[sq->max_sge];
}

static inline struct sib_rwqe *sib_rwqe(const struct sib_rq *rq, u32 i)
{
	return rq->ring + (i & (rq->size - 1)) * rq->stride;
}

/* May packets be received, IBTA 10.3.1? */
static inline bool sib_qp_receives(u8 state)
{
	return state == IB_QPS_RTR || state == IB_QPS_RTS ||
	       state == IB_QPS_SQD || state == IB_QPS_SQE;
}

/* qp.c: verbs */
int sib_create_qp(struct ib_qp *ib, struct ib_qp_init_attr *init,
		  struct ib_udata *udata);
int sib_modify_qp(struct ib_qp *ib, struct ib_qp_attr *attr, int mask,
		  struct ib_udata *udata);
int sib_query_qp(struct ib_qp *ib, struct ib_qp_attr *attr, int mask,
		 struct ib_qp_init_attr *init);
int sib_destroy_qp(struct ib_qp *ib, struct ib_udata *udata);

/* post.c: verbs */
int sib_post_send(struct ib_qp *ib, const struct ib_send_wr *wr,
		  const struct ib_send_wr **bad_wr);
int sib_post_recv(struct ib_qp *ib, const struct ib_recv_wr *wr,
		  const struct ib_recv_wr **bad_wr);
int sib_rq_queue(struct sib_rq *rq, const struct ib_recv_wr *wr);

/* qpc.c: contexts */
struct sib_qpc *sib_qpc_create(struct sib_hca *hca,
			       const struct ib_qp_init_attr *init);
void sib_qpc_kill(struct sib_qpc *qpc);
void sib_qpc_put(struct sib_qpc *qpc);
int sib_qpc_publish(struct sib_qpc *qpc, u8 port_num);
struct sib_qpc *sib_qpc_find(struct sib_hca *hca, u8 port_num, u32 qpn);
void sib_qpc_kick(struct sib_qpc *qpc);
bool sib_qpc_set_state(struct sib_qpc *qpc, u8 state);
bool sib_qpc_resume(struct sib_qpc *qpc);
void sib_qpc_reset(struct sib_qpc *qpc);
int sib_rq_alloc(struct sib_rq *rq, const struct ib_qp_cap *cap);

#endif
