// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The connected part of a QP: memory and attributes. Process context.
 *
 * Attributes are set while the state still forbids what they are for; the
 * locks of the change of state publish them. The few that may change later are
 * read once each.
 */
#include <linux/slab.h>

#include "sib/transport/conn.h"
#include "sib/verbs/conn.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/qp.h"
#include "sib/verbs/srq.h"

static void timer_expired(struct timer_list *t)
{
	struct sib_conn *conn = from_timer(conn, t, req.timer);

	/* What is due is the task's to find out. */
	sib_qpc_kick(conn->qpc);
}

/**
 * sib_conn_create() - give a QP its connected part
 * @qpc: the QP, its queues made
 *
 * Return: 0 or -ENOMEM.
 */
int sib_conn_create(struct sib_qpc *qpc)
{
	struct sib_conn *conn = kzalloc(sizeof(*conn), GFP_KERNEL);

	if (!conn)
		return -ENOMEM;
	if (qpc->srq) {
		conn->resp.shared = kzalloc(qpc->srq->rq.stride, GFP_KERNEL);
		if (!conn->resp.shared) {
			kfree(conn);
			return -ENOMEM;
		}
	}
	conn->qpc = qpc;
	timer_setup(&conn->req.timer, timer_expired, 0);
	skb_queue_head_init(&conn->req.acks);
	qpc->conn = conn;
	return 0;
}

/**
 * sib_conn_free() - give it back
 * @conn: the connected part, NULL without one
 */
void sib_conn_free(struct sib_conn *conn)
{
	if (!conn)
		return;
	kfree(conn->resp.shared);
	kfree(conn);
}

/**
 * sib_conn_kill() - the QP goes: no timer, no SRQ that calls
 * @qpc: the QP, dead already; its task is yet to be ended
 */
void sib_conn_kill(struct sib_qpc *qpc)
{
	timer_shutdown_sync(&qpc->conn->req.timer);
	if (qpc->srq)
		sib_srq_forget(qpc->srq, qpc);
}

static int check_address(const struct sib_qpc *qpc,
			 const struct rdma_ah_attr *ah)
{
	struct sib_av av;

	if (sib_av_from_attr(&av, ah, qpc->hca->agent.node.num_guids))
		return -EINVAL;
	return sib_lid_is_unicast(av.dlid) ? 0 : -EINVAL;
}

/* The port may come with the same call. */
static bool mtu_fits(const struct sib_qpc *qpc, const struct ib_qp_attr *attr,
		     int mask)
{
	u8 num = mask & IB_QP_PORT ? attr->port_num :
		 qpc->port ? qpc->port->num : 0;

	return num && attr->path_mtu >= IB_MTU_256 && attr->path_mtu <=
	       READ_ONCE(qpc->hca->agent.node.port[num].mtu_cap);
}

static bool codes_fit(const struct ib_qp_attr *attr, int mask)
{
	return !((mask & IB_QP_TIMEOUT && attr->timeout > 31) ||
		 (mask & IB_QP_RETRY_CNT && attr->retry_cnt > 7) ||
		 (mask & IB_QP_RNR_RETRY && attr->rnr_retry > 7) ||
		 (mask & IB_QP_MIN_RNR_TIMER && attr->min_rnr_timer > 31));
}

/**
 * sib_conn_check_attr() - are attributes such as a connection can have?
 * @qpc: the QP
 * @attr: the attributes
 * @mask: enum ib_qp_attr_mask, which of them
 *
 * Return: 0; -EINVAL for a value that cannot be; -EOPNOTSUPP for an alternate
 * path, which no port here can migrate to.
 */
int sib_conn_check_attr(const struct sib_qpc *qpc,
			const struct ib_qp_attr *attr, int mask)
{
	if (mask & IB_QP_ALT_PATH)
		return -EOPNOTSUPP;
	if (mask & IB_QP_PATH_MIG_STATE &&
	    attr->path_mig_state != IB_MIG_MIGRATED)
		return -EOPNOTSUPP;
	if (mask & IB_QP_AV && check_address(qpc, &attr->ah_attr))
		return -EINVAL;
	if (mask & IB_QP_PATH_MTU && !mtu_fits(qpc, attr, mask))
		return -EINVAL;
	if ((mask & IB_QP_MAX_QP_RD_ATOMIC &&
	     attr->max_rd_atomic > SIB_MAX_RD_ATOMIC) ||
	    (mask & IB_QP_MAX_DEST_RD_ATOMIC &&
	     attr->max_dest_rd_atomic > SIB_MAX_RD_ATOMIC))
		return -EINVAL;
	return codes_fit(attr, mask) ? 0 : -EINVAL;
}

static void set_path(struct sib_qpc *qpc, const struct ib_qp_attr *attr,
		     int mask)
{
	struct sib_conn *conn = qpc->conn;

	if (mask & IB_QP_AV) {
		struct sib_av av;

		sib_av_from_attr(&av, &attr->ah_attr,
				 qpc->hca->agent.node.num_guids);
		/* It may change in SQD, while packets come. */
		spin_lock_irq(&qpc->rq.lock);
		conn->av = av;
		spin_unlock_irq(&qpc->rq.lock);
		conn->ah = attr->ah_attr;
		/* The reference is ib_core's. */
		conn->ah.grh.sgid_attr = NULL;
	}
	if (mask & IB_QP_DEST_QPN)
		conn->dqpn = attr->dest_qp_num & SIB_QPN_MASK;
	if (mask & IB_QP_PATH_MTU) {
		conn->path_mtu = attr->path_mtu;
		conn->resp.pure.mtu = 128U << attr->path_mtu;
	}
}

static void set_psns(struct sib_conn *conn, const struct ib_qp_attr *attr,
		     int mask)
{
	if (mask & IB_QP_RQ_PSN) {
		conn->rq_psn = attr->rq_psn & SIB_PSN_MASK;
		conn->resp.pure.epsn = conn->rq_psn;
	}
	if (mask & IB_QP_SQ_PSN) {
		conn->sq_psn = attr->sq_psn & SIB_PSN_MASK;
		conn->req.psn = conn->sq_psn;
		conn->req.una = conn->sq_psn;
		conn->req.top = conn->sq_psn;
		/* What is beside it in the same call is set already. */
		conn->req.retry = conn->retry_cnt;
		conn->req.rnr_retry = conn->rnr_retry;
	}
}

/**
 * sib_conn_set_attr() - change attributes of a connection
 * @qpc: the QP
 * @attr: the attributes, checked
 * @mask: enum ib_qp_attr_mask, which of them
 */
void sib_conn_set_attr(struct sib_qpc *qpc, const struct ib_qp_attr *attr,
		       int mask)
{
	struct sib_conn *conn = qpc->conn;

	set_path(qpc, attr, mask);
	if (mask & IB_QP_ACCESS_FLAGS)
		conn->access = attr->qp_access_flags;
	if (mask & IB_QP_TIMEOUT)
		WRITE_ONCE(conn->timeout, attr->timeout);
	if (mask & IB_QP_RETRY_CNT)
		conn->retry_cnt = attr->retry_cnt;
	if (mask & IB_QP_RNR_RETRY)
		conn->rnr_retry = attr->rnr_retry;
	if (mask & IB_QP_MIN_RNR_TIMER)
		WRITE_ONCE(conn->min_rnr_timer, attr->min_rnr_timer);
	if (mask & IB_QP_MAX_QP_RD_ATOMIC)
		conn->rd_atomic = attr->max_rd_atomic;
	if (mask & IB_QP_MAX_DEST_RD_ATOMIC)
		conn->dest_rd_atomic = attr->max_dest_rd_atomic;
	set_psns(conn, attr, mask);
}

/**
 * sib_conn_query() - what a connection is like
 * @qpc: the QP
 * @attr: what only connected QPs have is filled
 */
void sib_conn_query(const struct sib_qpc *qpc, struct ib_qp_attr *attr)
{
	const struct sib_conn *conn = qpc->conn;

	attr->ah_attr = conn->ah;
	attr->dest_qp_num = conn->dqpn;
	attr->path_mtu = conn->path_mtu;
	attr->path_mig_state = IB_MIG_MIGRATED;
	attr->qp_access_flags = conn->access;
	attr->sq_psn = READ_ONCE(conn->req.psn);
	attr->rq_psn = READ_ONCE(conn->resp.pure.epsn);
	attr->timeout = conn->timeout;
	attr->retry_cnt = conn->retry_cnt;
	attr->rnr_retry = conn->rnr_retry;
	attr->min_rnr_timer = conn->min_rnr_timer;
	attr->max_rd_atomic = conn->rd_atomic;
	attr->max_dest_rd_atomic = conn->dest_rd_atomic;
	attr->sq_draining = attr->qp_state == IB_QPS_SQD &&
			    !sib_conn_drained(qpc);
}

/**
 * sib_conn_reset_locked() - forget what was under way
 * @qpc: the QP, in RESET, its queues empty; both locks are held and the task
 *	is disabled
 * @gone: packets that are to be freed without the locks; some are added
 *
 * A timer that still runs finds nothing to do.
 */
void sib_conn_reset_locked(struct sib_qpc *qpc, struct sk_buff_head *gone)
{
	struct sib_requester *req = &qpc->conn->req;
	struct sib_responder *resp = &qpc->conn->resp;

	lockdep_assert_held(&qpc->sq.lock);
	lockdep_assert_held(&qpc->rq.lock);
	req->send = qpc->sq.head;
	req->fresh = qpc->sq.head;
	req->base = qpc->sq.head;
	req->offset = 0;
	req->msn = 0;
	req->credits = 0;
	req->armed = false;
	req->waiting = false;
	resp->pure.midway = false;
	resp->wqe = NULL;
	resp->offset = 0;
	resp->msn = 0;
	resp->reply = SIB_REPLY_NONE;
	resp->told = false;
	resp->established = false;
	resp->failed = false;
	resp->last_wqe = false;
	qpc->conn->events = 0;
	spin_lock(&req->acks.lock);
	skb_queue_splice_tail_init(&req->acks, gone);
	spin_unlock(&req->acks.lock);
}
