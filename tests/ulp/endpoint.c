// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Endpoints: making, connecting, posting, and noting what completes. Commands
 * are process context, one at a time; completions come from ib_core's workers.
 */
#include <linux/slab.h>
#include <rdma/ib_cache.h>

#include "verbtest.h"

static void note(struct vt_ep *ep, const struct vt_done *done)
{
	unsigned long irq;

	spin_lock_irqsave(&ep->lock, irq);
	if (ep->head - ep->tail < VT_DONE_MAX)
		ep->done[ep->head++ % VT_DONE_MAX] = *done;
	spin_unlock_irqrestore(&ep->lock, irq);
	wake_up(&ep->wait);
}

static void send_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct vt_wr *wr = container_of(wc->wr_cqe, struct vt_wr, cqe);
	struct vt_done done = { .status = wc->status };
	u32 *head = wr->buf;

	done.seq = head[0];
	if (wr->ep->stream.on)
		vt_stream_sent(wr->ep, wc);
	else
		note(wr->ep, &done);
	WRITE_ONCE(wr->busy, false);
	wake_up(&wr->ep->wait);
}

static void recv_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct vt_wr *wr = container_of(wc->wr_cqe, struct vt_wr, cqe);
	struct vt_done done = { .recv = true, .status = wc->status };

	if (wr->ep->stream.on) {
		vt_stream_received(wr->ep, wc, wr);
		return;
	}
	if (wc->status == IB_WC_SUCCESS) {
		done.len = wc->byte_len;
		done.imm = wc->wc_flags & IB_WC_WITH_IMM;
		if (done.imm)
			done.imm_data = be32_to_cpu(wc->ex.imm_data);
		done.good = vt_good(wr->buf, wc->byte_len, &done.seq);
	}
	WRITE_ONCE(wr->busy, false);
	note(wr->ep, &done);
}

static void qp_event(struct ib_event *event, void *context)
{
	struct vt_ep *ep = context;
	unsigned long irq;

	spin_lock_irqsave(&ep->lock, irq);
	ep->events |= BIT(event->event);
	if (event->event == IB_EVENT_QP_LAST_WQE_REACHED)
		ep->last_wqe++;
	spin_unlock_irqrestore(&ep->lock, irq);
	wake_up(&ep->wait);
}

static void srq_event(struct ib_event *event, void *context)
{
	struct vt_ep *ep = context;
	unsigned long irq;

	spin_lock_irqsave(&ep->lock, irq);
	ep->srq_limit += event->event == IB_EVENT_SRQ_LIMIT_REACHED;
	spin_unlock_irqrestore(&ep->lock, irq);
	wake_up(&ep->wait);
}

static int make_wrs(struct vt_ep *ep, struct vt_wr **wrs, bool recv)
{
	enum dma_data_direction dir = recv ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
	u32 i;

	*wrs = kcalloc(ep->depth, sizeof(**wrs), GFP_KERNEL);
	if (!*wrs)
		return -ENOMEM;
	for (i = 0; i < ep->depth; i++) {
		struct vt_wr *wr = &(*wrs)[i];

		wr->ep = ep;
		wr->cqe.done = recv ? recv_done : send_done;
		wr->buf = kzalloc(ep->size, GFP_KERNEL);
		if (!wr->buf)
			return -ENOMEM;
		wr->dma = ib_dma_map_single(ep->dev, wr->buf, ep->size, dir);
		if (ib_dma_mapping_error(ep->dev, wr->dma)) {
			kfree(wr->buf);
			wr->buf = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

static void free_wrs(struct vt_ep *ep, struct vt_wr *wrs, bool recv)
{
	enum dma_data_direction dir = recv ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
	u32 i;

	for (i = 0; wrs && i < ep->depth && wrs[i].buf; i++) {
		ib_dma_unmap_single(ep->dev, wrs[i].dma, ep->size, dir);
		kfree(wrs[i].buf);
	}
	kfree(wrs);
}

static int make_srq(struct vt_ep *ep)
{
	struct ib_srq_init_attr init = {
		.event_handler = srq_event,
		.srq_context = ep,
		.attr.max_wr = ep->depth,
		.attr.max_sge = ep->sges,
	};
	struct ib_srq *srq = ib_create_srq(ep->pd, &init);

	if (IS_ERR(srq))
		return PTR_ERR(srq);
	ep->srq = srq;
	return 0;
}

static int make_cq(struct vt_ep *ep, struct ib_cq **pcq)
{
	/* Room for the marks of a drain. */
	struct ib_cq *cq = ib_alloc_cq(ep->dev, ep, 2 * ep->depth + 8, 0,
				       IB_POLL_WORKQUEUE);

	if (IS_ERR(cq))
		return PTR_ERR(cq);
	*pcq = cq;
	return 0;
}

static int make_verbs(struct vt_ep *ep, const char *args)
{
	struct ib_pd *pd = ib_alloc_pd(ep->dev, 0);
	int err;

	if (IS_ERR(pd))
		return PTR_ERR(pd);
	ep->pd = pd;
	err = make_cq(ep, &ep->send_cq);
	if (!err)
		err = make_cq(ep, &ep->recv_cq);
	if (!err && vt_opt(args, "srq", 0))
		err = make_srq(ep);
	if (!err)
		err = make_wrs(ep, &ep->tx, false);
	if (!err)
		err = make_wrs(ep, &ep->rx, true);
	return err;
}

int vt_ep_open(struct vt_ep **pep, struct ib_device *dev, const char *args)
{
	struct vt_ep *ep = kzalloc(sizeof(*ep), GFP_KERNEL);
	char type[8] = "rc";
	int err;

	if (!ep)
		return -ENOMEM;
	vt_opt_text(args, "type", type, sizeof(type));
	ep->type = !strcmp(type, "uc") ? IB_QPT_UC : IB_QPT_RC;
	ep->dev = dev;
	ep->port = 1;
	ep->depth = vt_opt(args, "depth", 32);
	ep->size = max_t(u32, vt_opt(args, "size", 65536), VT_HEAD);
	ep->sges = clamp_t(u32, vt_opt(args, "sges", 1), 1, 16);
	spin_lock_init(&ep->lock);
	init_waitqueue_head(&ep->wait);
	err = make_verbs(ep, args);
	if (err) {
		vt_ep_close(ep);
		return err;
	}
	*pep = ep;
	return 0;
}

void vt_ep_close(struct vt_ep *ep)
{
	if (ep->id)
		vt_cm_close(ep);
	else if (ep->qp)
		ib_destroy_qp(ep->qp);
	if (ep->srq)
		ib_destroy_srq(ep->srq);
	if (ep->send_cq)
		ib_free_cq(ep->send_cq);
	if (ep->recv_cq)
		ib_free_cq(ep->recv_cq);
	free_wrs(ep, ep->tx, false);
	free_wrs(ep, ep->rx, true);
	if (ep->pd)
		ib_dealloc_pd(ep->pd);
	kfree(ep);
}

static int to_init(struct vt_ep *ep)
{
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_INIT,
		.port_num = ep->port,
	};

	return ib_modify_qp(ep->qp, &attr, IB_QP_STATE | IB_QP_PORT |
			    IB_QP_PKEY_INDEX | IB_QP_ACCESS_FLAGS);
}

int vt_ep_qp(struct vt_ep *ep, struct rdma_cm_id *id, const char *args)
{
	struct ib_qp_init_attr init = {
		.event_handler = qp_event,
		.qp_context = ep,
		.send_cq = ep->send_cq,
		.recv_cq = ep->recv_cq,
		.srq = ep->srq,
		/* One more for the mark of a drain. */
		.cap.max_send_wr = ep->depth + 1,
		.cap.max_recv_wr = ep->srq ? 0 : ep->depth + 1,
		.cap.max_send_sge = ep->sges,
		.cap.max_recv_sge = ep->srq ? 0 : ep->sges,
		.sq_sig_type = IB_SIGNAL_ALL_WR,
		.qp_type = ep->type,
	};
	struct ib_qp *qp;
	int err;

	if (id) {
		err = rdma_create_qp(id, ep->pd, &init);
		if (err)
			return err;
		ep->id = id;
		ep->qp = id->qp;
		return 0;
	}
	qp = ib_create_qp(ep->pd, &init);
	if (IS_ERR(qp))
		return PTR_ERR(qp);
	ep->qp = qp;
	return to_init(ep);
}

u32 vt_ep_port_lid(struct vt_ep *ep)
{
	struct ib_port_attr attr;

	return ib_query_port(ep->dev, ep->port, &attr) ? 0 : attr.lid;
}

static int set_grh(struct vt_ep *ep, struct vt_ep *peer,
		   struct rdma_ah_attr *ah)
{
	union ib_gid gid;
	int err = rdma_query_gid(peer->dev, peer->port, 0, &gid);

	if (!err)
		rdma_ah_set_grh(ah, &gid, 0, 0, 1, 0);
	return err;
}

static int to_rtr(struct vt_ep *ep, struct vt_ep *peer, const char *args)
{
	int mask = IB_QP_STATE | IB_QP_AV | IB_QP_PATH_MTU | IB_QP_DEST_QPN |
		   IB_QP_RQ_PSN;
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_RTR,
		.path_mtu = vt_opt(args, "mtu", IB_MTU_4096),
		.dest_qp_num = peer->qp->qp_num,
		.rq_psn = vt_opt(args, "psn", 0xfffff0),
		.min_rnr_timer = vt_opt(args, "min_rnr", 12),
		.max_dest_rd_atomic = vt_opt(args, "rd_atomic", 0),
	};
	int err;

	attr.ah_attr.type = RDMA_AH_ATTR_TYPE_IB;
	rdma_ah_set_dlid(&attr.ah_attr, vt_opt(args, "dlid",
					       vt_ep_port_lid(peer)));
	rdma_ah_set_port_num(&attr.ah_attr, ep->port);
	if (vt_opt(args, "grh", 0)) {
		err = set_grh(ep, peer, &attr.ah_attr);
		if (err)
			return err;
	}
	if (ep->type == IB_QPT_RC)
		mask |= IB_QP_MIN_RNR_TIMER | IB_QP_MAX_DEST_RD_ATOMIC;
	return ib_modify_qp(ep->qp, &attr, mask);
}

static int to_rts(struct vt_ep *ep, const char *args)
{
	int mask = IB_QP_STATE | IB_QP_SQ_PSN;
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_RTS,
		.sq_psn = vt_opt(args, "psn", 0xfffff0),
		.timeout = vt_opt(args, "timeout", 14),
		.retry_cnt = vt_opt(args, "retry", 7),
		.rnr_retry = vt_opt(args, "rnr_retry", 7),
		.max_rd_atomic = vt_opt(args, "rd_atomic", 0),
	};

	if (ep->type == IB_QPT_RC)
		mask |= IB_QP_TIMEOUT | IB_QP_RETRY_CNT | IB_QP_RNR_RETRY |
			IB_QP_MAX_QP_RD_ATOMIC;
	return ib_modify_qp(ep->qp, &attr, mask);
}

int vt_ep_connect(struct vt_ep *a, struct vt_ep *b, const char *args)
{
	int err = to_rtr(a, b, args);

	/* An endpoint may be its own peer. */
	if (!err && a != b)
		err = to_rtr(b, a, args);
	if (!err)
		err = to_rts(a, args);
	if (!err && a != b && !vt_opt(args, "stay_rtr", 0))
		err = to_rts(b, args);
	return err;
}

int vt_ep_state(struct vt_ep *ep, const char *args)
{
	struct ib_qp_attr attr = {
		.qp_state = vt_opt(args, "to", IB_QPS_ERR),
		.en_sqd_async_notify = vt_opt(args, "notify", 0),
	};
	int mask = IB_QP_STATE;

	if (vt_opt(args, "drain", 0)) {
		ib_drain_qp(ep->qp);
		return 0;
	}
	if (attr.en_sqd_async_notify)
		mask |= IB_QP_EN_SQD_ASYNC_NOTIFY;
	if (attr.qp_state == IB_QPS_INIT)
		return to_init(ep);
	if (attr.qp_state == IB_QPS_RTS && vt_opt(args, "fresh", 0))
		return to_rts(ep, args);
	return ib_modify_qp(ep->qp, &attr, mask);
}

struct vt_wr *vt_free_wr(struct vt_wr *wrs, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (!READ_ONCE(wrs[i].busy))
			return &wrs[i];
	return NULL;
}

/* Cut a buffer into pieces that are not of one size. */
static int cut(const struct vt_ep *ep, const struct vt_wr *wr, u32 len,
	       struct ib_sge *sge)
{
	u32 at = 0, piece = len / ep->sges, i;

	for (i = 0; i < ep->sges; i++) {
		bool last = i == ep->sges - 1;

		sge[i].addr = wr->dma + at;
		sge[i].length = last ? len - at : piece - (piece > i ? i : 0);
		sge[i].lkey = ep->pd->local_dma_lkey;
		at += sge[i].length;
	}
	return ep->sges;
}

int vt_ep_recv(struct vt_ep *ep, struct vt_wr *wr)
{
	struct ib_sge sge[16];
	struct ib_recv_wr recv = {
		.wr_cqe = &wr->cqe,
		.sg_list = sge,
	};
	int err;

	recv.num_sge = cut(ep, wr, ep->size, sge);
	WRITE_ONCE(wr->busy, true);
	err = ep->srq ? ib_post_srq_recv(ep->srq, &recv, NULL) :
			ib_post_recv(ep->qp, &recv, NULL);
	if (err)
		WRITE_ONCE(wr->busy, false);
	return err;
}

int vt_ep_send(struct vt_ep *ep, u32 len, bool imm, const char *args)
{
	struct vt_wr *wr = vt_free_wr(ep->tx, ep->depth);
	struct ib_sge sge[16];
	struct ib_send_wr send = {
		.opcode = imm ? IB_WR_SEND_WITH_IMM : IB_WR_SEND,
		.sg_list = sge,
		.ex.imm_data = cpu_to_be32(ep->next_seq),
	};
	int err;

	if (!wr || len > ep->size)
		return wr ? -EINVAL : -EBUSY;
	send.opcode = vt_opt(args, "opcode", send.opcode);
	send.wr_cqe = &wr->cqe;
	send.num_sge = cut(ep, wr, len, sge);
	if (vt_opt(args, "bad_key", 0))
		sge[0].lkey ^= 1;
	ib_dma_sync_single_for_cpu(ep->dev, wr->dma, ep->size, DMA_TO_DEVICE);
	vt_fill(wr->buf, ep->next_seq, len);
	ib_dma_sync_single_for_device(ep->dev, wr->dma, ep->size,
				      DMA_TO_DEVICE);
	WRITE_ONCE(wr->busy, true);
	err = ib_post_send(ep->qp, &send, NULL);
	if (err)
		WRITE_ONCE(wr->busy, false);
	else
		ep->next_seq++;
	return err;
}
