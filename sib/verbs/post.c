// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Posting work requests. Any context, so a request is only checked, copied
 * and left to the QP's task. IBTA volume 1, section 11.4.1.
 */
#include "sib/verbs/hca.h"
#include "sib/verbs/qp.h"

static bool send_allowed(u8 state)
{
	return state == IB_QPS_RTS || state == IB_QPS_SQD ||
	       state == IB_QPS_SQE || state == IB_QPS_ERR;
}

/* To a QP in an error state anything can be posted: it is flushed. */
static bool flushes(u8 state)
{
	return state == IB_QPS_SQE || state == IB_QPS_ERR;
}

/* Headers that are not there to be copied are not looked at later. */
static int check_lso(const struct sib_qpc *qpc, const struct ib_send_wr *wr)
{
	const struct ib_ud_wr *ud = ud_wr(wr);

	if (!qpc->sq.max_header || wr->send_flags & IB_SEND_INLINE)
		return -EINVAL;
	if (ud->hlen < 1 || ud->hlen > qpc->sq.max_header || ud->mss < 1 ||
	    ud->mss > U16_MAX)
		return -EINVAL;
	return ud->ah ? 0 : -EINVAL;
}

static int check_send(const struct sib_qpc *qpc, const struct ib_send_wr *wr)
{
	if (wr->num_sge < 0 || wr->num_sge > qpc->sq.max_sge)
		return -EINVAL;
	if (flushes(qpc->state))
		return 0;
	if (wr->opcode == IB_WR_LSO)
		return check_lso(qpc, wr);
	if (wr->opcode != IB_WR_SEND && wr->opcode != IB_WR_SEND_WITH_IMM)
		return -EINVAL;
	return qpc->conn || ud_wr(wr)->ah ? 0 : -EINVAL;
}

/* Octets of a WR, at most as many as can be said: that is too long for any. */
static u32 length_sum(u32 a, u32 b)
{
	return a > U32_MAX - b ? U32_MAX : a + b;
}

static int copy_inline(const struct sib_qpc *qpc, struct sib_swqe *wqe)
{
	u8 *to = sib_swqe_tail(&qpc->sq, wqe);
	unsigned int i;

	if (wqe->length > qpc->sq.max_inline)
		return -EINVAL;
	for (i = 0; i < wqe->num_sge; i++) {
		/* Inline data have no lkey and are not mapped for DMA. */
		memcpy(to, (void *)(uintptr_t)wqe->sge[i].addr,
		       wqe->sge[i].length);
		to += wqe->sge[i].length;
	}
	wqe->inlined = true;
	return 0;
}

static void copy_address(const struct sib_qpc *qpc, struct sib_swqe *wqe,
			 const struct ib_ud_wr *wr)
{
	wqe->av = to_ah(wr->ah)->av;
	wqe->qpn = wr->remote_qpn & SIB_QPN_MASK;
	/* A controlled Q_Key means the QP's own, IBTA 10.2.5. */
	wqe->qkey = wr->remote_qkey & BIT(31) ? qpc->qkey : wr->remote_qkey;
	wqe->pkey_index = qpc->type == IB_QPT_GSI ? wr->pkey_index :
						    qpc->pkey_index;
}

/* They may be gone when the task has its turn, as is usual with headers. */
static void copy_header(const struct sib_qpc *qpc, struct sib_swqe *wqe,
			const struct ib_ud_wr *wr)
{
	wqe->lso.hlen = wr->hlen;
	wqe->lso.mss = wr->mss;
	memcpy(sib_swqe_tail(&qpc->sq, wqe), wr->header, wr->hlen);
}

static int queue_send(struct sib_qpc *qpc, const struct ib_send_wr *wr)
{
	struct sib_sq *sq = &qpc->sq;
	struct sib_swqe *wqe;
	int err, i;

	lockdep_assert_held(&sq->lock);
	err = check_send(qpc, wr);
	if (err)
		return err;
	/* Pairs with sib_send_complete(): the place is read no more. */
	if (sq->head - smp_load_acquire(&sq->tail) >= sq->size)
		return -ENOMEM;
	wqe = sib_swqe(sq, sq->head);
	wqe->wr_id = wr->wr_id;
	wqe->opcode = wr->opcode;
	wqe->flags = wr->send_flags;
	wqe->imm = wr->ex.imm_data;
	wqe->num_sge = wr->num_sge;
	wqe->inlined = false;
	wqe->length = 0;
	for (i = 0; i < wr->num_sge; i++) {
		wqe->sge[i] = wr->sg_list[i];
		wqe->length = length_sum(wqe->length, wr->sg_list[i].length);
	}
	if (!flushes(qpc->state)) {
		if (!qpc->conn)
			copy_address(qpc, wqe, ud_wr(wr));
		if (wr->opcode == IB_WR_LSO)
			copy_header(qpc, wqe, ud_wr(wr));
		if (wr->send_flags & IB_SEND_INLINE)
			err = copy_inline(qpc, wqe);
	}
	if (err)
		return err;
	/* The task may read the WR once it sees the new head. */
	smp_store_release(&sq->head, sq->head + 1);
	return 0;
}

/**
 * sib_post_send() - queue send work requests
 * @ib: the QP
 * @wr: a list of them
 * @bad_wr: the first that was not queued, on error
 *
 * Context: Any.
 * Return: 0, -EINVAL for a bad request or state, -ENOMEM if the queue is full.
 */
int sib_post_send(struct ib_qp *ib, const struct ib_send_wr *wr,
		  const struct ib_send_wr **bad_wr)
{
	struct sib_qpc *qpc = to_qpc(ib);
	unsigned long irq;
	int err = 0;

	spin_lock_irqsave(&qpc->sq.lock, irq);
	if (!send_allowed(qpc->state))
		err = -EINVAL;
	for (; !err && wr; wr = wr->next) {
		err = queue_send(qpc, wr);
		if (err)
			break;
	}
	spin_unlock_irqrestore(&qpc->sq.lock, irq);
	if (err)
		*bad_wr = wr;
	sib_qpc_kick(qpc);
	return err;
}

/**
 * sib_rq_queue() - put a WR into a receive queue
 * @rq: the queue; its lock is held
 * @wr: the WR, copied
 *
 * Context: Any.
 * Return: 0, -EINVAL for a bad request, -ENOMEM if the queue is full.
 */
int sib_rq_queue(struct sib_rq *rq, const struct ib_recv_wr *wr)
{
	struct sib_rwqe *wqe;
	int i;

	lockdep_assert_held(&rq->lock);
	if (wr->num_sge < 0 || wr->num_sge > rq->max_sge)
		return -EINVAL;
	if (rq->head - rq->tail >= rq->size)
		return -ENOMEM;
	wqe = sib_rwqe(rq, rq->head);
	wqe->wr_id = wr->wr_id;
	wqe->num_sge = wr->num_sge;
	wqe->length = 0;
	for (i = 0; i < wr->num_sge; i++) {
		wqe->sge[i] = wr->sg_list[i];
		wqe->length = length_sum(wqe->length, wr->sg_list[i].length);
	}
	rq->head++;
	return 0;
}

/**
 * sib_post_recv() - queue receive work requests
 * @ib: the QP
 * @wr: a list of them
 * @bad_wr: the first that was not queued, on error
 *
 * Context: Any.
 * Return: 0, -EINVAL for a bad request or state, -ENOMEM if the queue is full.
 */
int sib_post_recv(struct ib_qp *ib, const struct ib_recv_wr *wr,
		  const struct ib_recv_wr **bad_wr)
{
	struct sib_qpc *qpc = to_qpc(ib);
	unsigned long irq;
	int err = 0;
	bool kick;

	spin_lock_irqsave(&qpc->rq.lock, irq);
	if (qpc->state == IB_QPS_RESET || qpc->srq)
		err = -EINVAL;
	for (; !err && wr; wr = wr->next) {
		err = sib_rq_queue(&qpc->rq, wr);
		if (err)
			break;
	}
	/* Packets that wait are placed, and in ERR all is flushed. */
	kick = !skb_queue_empty(&qpc->parked) || qpc->state == IB_QPS_ERR;
	spin_unlock_irqrestore(&qpc->rq.lock, irq);
	if (err)
		*bad_wr = wr;
	if (kick)
		sib_qpc_kick(qpc);
	return err;
}
