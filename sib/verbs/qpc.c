// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * QP contexts: memory, lookup, the task, and the end.
 *
 * Who may still use a context when its QP is destroyed, and what ends it:
 *	packets that found it	@dead under rq.lock; the memory by RCU
 *	posters			none: the consumer's duty
 *	the task		tasklet_kill(), twice, for a token may wake it
 *	the pacer		sib_pacer_forget()
 *	a kick from a CPU	@kicks is waited for
 *	the park timer		timer_shutdown_sync(), and so the others
 *	an SRQ			sib_srq_forget()
 *	multicast groups	sib_mcast_drop(); each has a reference
 *	frames under way	hold the flow, not the context
 */
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "sib/transport/task.h"
#include "sib/verbs/conn.h"
#include "sib/verbs/cq.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/mcast.h"
#include "sib/verbs/qp.h"
#include "sib/verbs/srq.h"

/* QPNs 0 and 1 are QP0 and QP1; leave some room, as hardware does. */
#define QPN_FIRST	0x40
#define QPN_LAST	0xfffffe

static int alloc_sq(struct sib_sq *sq, const struct ib_qp_cap *cap,
		    bool lso)
{
	spin_lock_init(&sq->lock);
	sq->max_sge = cap->max_send_sge;
	sq->max_inline = cap->max_inline_data;
	sq->max_header = lso ? SIB_LSO_HEAD : 0;
	sq->stride = ALIGN(struct_size_t(struct sib_swqe, sge, sq->max_sge) +
			   max(sq->max_inline, sq->max_header), sizeof(u64));
	sq->size = roundup_pow_of_two(max(cap->max_send_wr, 1U));
	sq->ring = kvcalloc(sq->size, sq->stride, GFP_KERNEL);
	return sq->ring ? 0 : -ENOMEM;
}

/**
 * sib_rq_alloc() - memory of a receive queue
 * @rq: the queue; its lock is the caller's to make
 * @cap: how large
 *
 * Context: Process.
 * Return: 0 or -ENOMEM.
 */
int sib_rq_alloc(struct sib_rq *rq, const struct ib_qp_cap *cap)
{
	rq->max_sge = cap->max_recv_sge;
	rq->stride = struct_size_t(struct sib_rwqe, sge, rq->max_sge);
	rq->size = roundup_pow_of_two(max(cap->max_recv_wr, 1U));
	rq->ring = kvcalloc(rq->size, rq->stride, GFP_KERNEL);
	return rq->ring ? 0 : -ENOMEM;
}

static void free_now(struct sib_qpc *qpc)
{
	kvfree(qpc->sq.ring);
	kvfree(qpc->rq.ring);
	sib_conn_free(qpc->conn);
	kfree(qpc);
}

static void free_rcu_cb(struct rcu_head *rcu)
{
	free_now(container_of(rcu, struct sib_qpc, rcu));
}

/**
 * sib_qpc_put() - drop a reference
 * @qpc: freed with the last one, after a grace period
 *
 * Context: Any.
 */
void sib_qpc_put(struct sib_qpc *qpc)
{
	if (refcount_dec_and_test(&qpc->refs))
		call_rcu(&qpc->rcu, free_rcu_cb);
}

/* Context: hard interrupt of the CPU where the task belongs. */
static void kicked(void *data)
{
	struct sib_qpc *qpc = data;

	/* In this order: who finds the bit set leaves the scheduling to us, and
	 * the task, if it was scheduled elsewhere, is not any more.
	 */
	clear_bit(0, &qpc->kicked);
	/* Pairs with test_and_set_bit() in kick_home(). */
	smp_mb__after_atomic();
	tasklet_schedule(&qpc->task);
	/* Pairs with sib_qpc_kill(): the task is scheduled before. */
	smp_mb__before_atomic();
	/* The last touch. */
	atomic_dec(&qpc->kicks);
}

/* Must the task run elsewhere, to keep frames in order? */
static bool away_from_home(const struct sib_qpc *qpc, int cpu)
{
	return cpu != READ_ONCE(qpc->cpu) && sib_flow_busy(&qpc->flow->flow);
}

/* Context: any, no migration. */
static void kick_home(struct sib_qpc *qpc)
{
	if (test_and_set_bit(0, &qpc->kicked))
		return;
	atomic_inc(&qpc->kicks);
	if (!smp_call_function_single_async(READ_ONCE(qpc->cpu), &qpc->kick))
		return;
	/* That CPU has gone, and its backlog with it. */
	WRITE_ONCE(qpc->cpu, smp_processor_id());
	kicked(qpc);
}

/**
 * sib_qpc_kick() - there is work for the task
 * @qpc: the context
 *
 * Frames pass the backlog of the CPU that sends them. While some are under
 * way the task stays on its CPU, so that the later do not overtake them.
 *
 * Context: Any.
 */
void sib_qpc_kick(struct sib_qpc *qpc)
{
	if (away_from_home(qpc, get_cpu()))
		kick_home(qpc);
	else
		tasklet_schedule(&qpc->task);
	put_cpu();
}

static void flow_wake(struct sib_flow *flow)
{
	sib_qpc_kick(container_of(flow, struct sib_qp_flow, flow)->qpc);
}

static void task(struct tasklet_struct *t)
{
	struct sib_qpc *qpc = from_tasklet(qpc, t, task);

	/* It was scheduled here before the frames were sent from there. */
	if (away_from_home(qpc, smp_processor_id())) {
		kick_home(qpc);
		return;
	}
	WRITE_ONCE(qpc->cpu, smp_processor_id());
	sib_task_run(qpc);
}

static void park_expired(struct timer_list *t)
{
	struct sib_qpc *qpc = from_timer(qpc, t, park_timer);

	sib_park_expire(qpc);
}

/**
 * sib_qpc_create() - a context in RESET
 * @hca: its HCA
 * @init: what the consumer wants, checked
 *
 * Context: Process.
 * Return: a context with one reference, to be given to sib_qpc_kill(); NULL
 * without memory.
 */
struct sib_qpc *sib_qpc_create(struct sib_hca *hca,
			       const struct ib_qp_init_attr *init)
{
	struct sib_qpc *qpc = kzalloc(sizeof(*qpc), GFP_KERNEL);

	if (!qpc)
		return NULL;
	spin_lock_init(&qpc->rq.lock);
	INIT_LIST_HEAD(&qpc->srq_entry);
	qpc->srq = init->srq ? to_srq(init->srq) : NULL;
	qpc->flow = kzalloc(sizeof(*qpc->flow), GFP_KERNEL);
	if (!qpc->flow || alloc_sq(&qpc->sq, &init->cap,
				   init->create_flags &
				   IB_QP_CREATE_IPOIB_UD_LSO) ||
	    sib_rq_alloc(&qpc->rq, &init->cap) ||
	    (sib_is_connected(init->qp_type) && sib_conn_create(qpc))) {
		kfree(qpc->flow);
		free_now(qpc);
		return NULL;
	}
	refcount_set(&qpc->refs, 1);
	qpc->hca = hca;
	qpc->type = init->qp_type;
	qpc->create_flags = init->create_flags;
	qpc->signal_all = init->sq_sig_type == IB_SIGNAL_ALL_WR;
	qpc->state = IB_QPS_RESET;
	qpc->send_cq = to_cq(init->send_cq);
	qpc->recv_cq = to_cq(init->recv_cq);
	sib_flow_init(&qpc->flow->flow,
		      qpc->type == IB_QPT_UD ? SIB_PACER_RESERVE : 0,
		      flow_wake);
	qpc->flow->qpc = qpc;
	tasklet_setup(&qpc->task, task);
	INIT_CSD(&qpc->kick, kicked, qpc);
	skb_queue_head_init(&qpc->parked);
	timer_setup(&qpc->park_timer, park_expired, 0);
	return qpc;
}

static bool is_special(const struct sib_qpc *qpc)
{
	return qpc->type == IB_QPT_SMI || qpc->type == IB_QPT_GSI;
}

/**
 * sib_qpc_publish() - give a context its number; packets may find it
 * @qpc: the context
 * @port_num: for QP0 and QP1
 *
 * Context: Process.
 * Return: 0; -EBUSY if there is a QP0 or QP1 already; -ENOMEM.
 */
int sib_qpc_publish(struct sib_qpc *qpc, u8 port_num)
{
	struct sib_hca *hca = qpc->hca;
	struct sib_qpc __rcu **special;
	int err;

	if (!is_special(qpc)) {
		err = xa_alloc_cyclic(&hca->qps, &qpc->qpn, qpc,
				      XA_LIMIT(QPN_FIRST, QPN_LAST),
				      &hca->next_qpn, GFP_KERNEL);
		return min(err, 0);
	}
	qpc->qpn = qpc->type == IB_QPT_GSI;
	qpc->port = &hca->agent.ports[port_num];
	special = &sib_hca_port(hca, port_num)->special[qpc->qpn];
	if (cmpxchg((struct sib_qpc **)special, NULL, qpc))
		return -EBUSY;
	return 0;
}

static void unpublish(struct sib_qpc *qpc)
{
	struct sib_hca *hca = qpc->hca;

	if (!is_special(qpc))
		xa_erase(&hca->qps, qpc->qpn);
	else
		RCU_INIT_POINTER(sib_hca_port(hca, qpc->port->num)
				 ->special[qpc->qpn], NULL);
}

/**
 * sib_qpc_find() - the context of a QP
 * @hca: the HCA
 * @port_num: where the packet came in
 * @qpn: whose
 *
 * Context: Under RCU; the context is good for as long.
 * Return: the context, NULL if there is none; it may be dead already.
 */
struct sib_qpc *sib_qpc_find(struct sib_hca *hca, u8 port_num, u32 qpn)
{
	if (qpn < 2)
		return rcu_dereference(sib_hca_port(hca, port_num)
				       ->special[qpn]);
	return xa_load(&hca->qps, qpn);
}

/* An error of the QP's own ends what only the consumer can begin anew. */
static bool may_enter_locked(const struct sib_qpc *qpc, u8 state)
{
	lockdep_assert_held(&qpc->rq.lock);
	return qpc->state != IB_QPS_ERR || state == IB_QPS_ERR ||
	       state == IB_QPS_RESET;
}

/**
 * sib_qpc_set_state() - change the state
 * @qpc: the context
 * @state: enum ib_qp_state
 *
 * On return no packet is being placed under the old state.
 *
 * Context: Any, without the queues' locks.
 * Return: false if the QP has come to an error meanwhile, which stands.
 */
bool sib_qpc_set_state(struct sib_qpc *qpc, u8 state)
{
	unsigned long irq;
	bool may;

	spin_lock_irqsave(&qpc->sq.lock, irq);
	spin_lock(&qpc->rq.lock);
	may = may_enter_locked(qpc, state);
	if (may)
		WRITE_ONCE(qpc->state, state);
	spin_unlock(&qpc->rq.lock);
	spin_unlock_irqrestore(&qpc->sq.lock, irq);
	return may;
}

/**
 * sib_qpc_resume() - change the state to RTS, perhaps from SQE
 * @qpc: the context
 *
 * What was posted in SQE is flushed, for it was queued without an address; what
 * is posted in RTS is sent. So queue and state belong to nobody else for the
 * moment.
 *
 * Context: Process.
 * Return: false if the QP has come to an error meanwhile, which stands.
 */
bool sib_qpc_resume(struct sib_qpc *qpc)
{
	bool may;

	tasklet_disable(&qpc->task);
	spin_lock_irq(&qpc->sq.lock);
	spin_lock(&qpc->rq.lock);
	may = may_enter_locked(qpc, IB_QPS_RTS);
	if (qpc->state == IB_QPS_SQE)
		sib_flush_sends(qpc);
	if (may)
		WRITE_ONCE(qpc->state, IB_QPS_RTS);
	spin_unlock(&qpc->rq.lock);
	spin_unlock_irq(&qpc->sq.lock);
	tasklet_enable(&qpc->task);
	return may;
}

/**
 * sib_qpc_reset() - empty both queues without a completion
 * @qpc: the context, in RESET already
 *
 * Context: Process.
 */
void sib_qpc_reset(struct sib_qpc *qpc)
{
	struct sk_buff_head parked;

	__skb_queue_head_init(&parked);
	tasklet_disable(&qpc->task);
	spin_lock_irq(&qpc->sq.lock);
	qpc->sq.next = qpc->sq.head;
	qpc->sq.tail = qpc->sq.head;
	qpc->lso_done = 0;
	spin_lock(&qpc->rq.lock);
	qpc->rq.tail = qpc->rq.head;
	skb_queue_splice_init(&qpc->parked, &parked);
	if (qpc->conn)
		sib_conn_reset_locked(qpc, &parked);
	spin_unlock(&qpc->rq.lock);
	spin_unlock_irq(&qpc->sq.lock);
	tasklet_enable(&qpc->task);
	__skb_queue_purge(&parked);
}

/**
 * sib_qpc_kill() - the end of a QP
 * @qpc: its context; the caller's reference is dropped
 *
 * On return nothing is placed, completed or called back any more.
 *
 * Context: Process.
 */
void sib_qpc_kill(struct sib_qpc *qpc)
{
	if (qpc->ib)
		unpublish(qpc);
	sib_mcast_drop(qpc);
	spin_lock_irq(&qpc->sq.lock);
	spin_lock(&qpc->rq.lock);
	qpc->dead = true;
	WRITE_ONCE(qpc->state, IB_QPS_RESET);
	spin_unlock(&qpc->rq.lock);
	spin_unlock_irq(&qpc->sq.lock);
	timer_shutdown_sync(&qpc->park_timer);
	if (qpc->conn)
		sib_conn_kill(qpc);
	/* The task may begin to wait for a token; a token may wake it. */
	tasklet_kill(&qpc->task);
	if (qpc->port)
		sib_pacer_forget(sib_hca_port(qpc->hca, qpc->port->num)->pacer,
				 &qpc->flow->flow);
	/* A few instructions of another CPU. */
	while (atomic_read(&qpc->kicks))
		cpu_relax();
	/* Pairs with the barrier in kicked(): the task is scheduled before. */
	smp_mb();
	tasklet_kill(&qpc->task);
	skb_queue_purge(&qpc->parked);
	if (qpc->conn)
		skb_queue_purge(&qpc->conn->req.acks);
	sib_flow_put(&qpc->flow->flow);
	sib_qpc_put(qpc);
}
