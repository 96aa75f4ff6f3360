// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The verbs of a QP's life. Which step is allowed is ib_core's table's to say,
 * IBTA volume 1, section 10.3. Process context.
 */
#include <linux/slab.h>

#include "sib/fabric/pacer.h"
#include "sib/verbs/conn.h"
#include "sib/verbs/cq.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/mcast.h"
#include "sib/verbs/qp.h"

static bool is_special(enum ib_qp_type type)
{
	return type == IB_QPT_SMI || type == IB_QPT_GSI;
}

static int check_init(const struct sib_hca *hca,
		      const struct ib_qp_init_attr *init)
{
	const struct ib_qp_cap *cap = &init->cap;
	u32 flags = 0;

	if (sib_is_connected(init->qp_type) ? !hca->caps.rc :
	    init->qp_type != IB_QPT_UD && !is_special(init->qp_type))
		return -EOPNOTSUPP;
	if (hca->caps.block_loopback)
		flags |= IB_QP_CREATE_BLOCK_MULTICAST_LOOPBACK;
	if (hca->caps.lso && init->qp_type == IB_QPT_UD)
		flags |= IB_QP_CREATE_IPOIB_UD_LSO;
	if (init->create_flags & ~flags || init->rwq_ind_tbl ||
	    (init->srq && !sib_is_connected(init->qp_type)))
		return -EOPNOTSUPP;
	if (is_special(init->qp_type) &&
	    (init->port_num < 1 || init->port_num > hca->agent.node.num_ports))
		return -EINVAL;
	if (cap->max_send_wr > SIB_MAX_WR || cap->max_recv_wr > SIB_MAX_WR ||
	    cap->max_send_sge > hca->caps.send_sge ||
	    cap->max_recv_sge > hca->caps.recv_sge ||
	    cap->max_inline_data > hca->caps.inline_data)
		return -EINVAL;
	return 0;
}

/**
 * sib_create_qp() - a QP in RESET
 * @ib: zeroed memory of a struct sib_qp
 * @init: what the consumer wants; the actual capacities are written back
 * @udata: not looked at
 *
 * Return: 0; -EOPNOTSUPP for what the HCA has not; -EINVAL for too much of
 * it; -EBUSY for a second QP0 or QP1; -ENOMEM.
 */
int sib_create_qp(struct ib_qp *ib, struct ib_qp_init_attr *init,
		  struct ib_udata *udata)
{
	struct sib_qp *qp = container_of(ib, struct sib_qp, ib);
	struct sib_hca *hca = to_hca(ib->device);
	int err;

	err = check_init(hca, init);
	if (err)
		return err;
	qp->qpc = sib_qpc_create(hca, init);
	if (!qp->qpc)
		return -ENOMEM;
	init->cap.max_send_wr = qp->qpc->sq.size;
	init->cap.max_recv_wr = qp->qpc->rq.size;
	init->cap.max_inline_data = qp->qpc->sq.max_inline;
	err = sib_qpc_publish(qp->qpc, init->port_num);
	if (err) {
		/* Not found by anybody: nothing but memory to give back. */
		qp->qpc->port = NULL;
		sib_qpc_kill(qp->qpc);
		return err;
	}
	qp->qpc->ib = ib;
	ib->qp_num = qp->qpc->qpn;
	return 0;
}

/**
 * sib_destroy_qp() - the end of a QP
 * @ib: the QP
 * @udata: not looked at
 *
 * Completions that nobody has taken yet are forgotten.
 *
 * Return: 0.
 */
int sib_destroy_qp(struct ib_qp *ib, struct ib_udata *udata)
{
	sib_qpc_kill(to_qpc(ib));
	sib_cq_forget(ib->recv_cq, ib);
	if (ib->send_cq != ib->recv_cq)
		sib_cq_forget(ib->send_cq, ib);
	return 0;
}

static int check_attr(const struct sib_qpc *qpc,
		      const struct ib_qp_attr *attr, int mask)
{
	const struct sib_node *node = &qpc->hca->agent.node;

	if (mask & IB_QP_PORT &&
	    (attr->port_num < 1 || attr->port_num > node->num_ports))
		return -EINVAL;
	if (mask & IB_QP_PKEY_INDEX && attr->pkey_index >= node->num_pkeys)
		return -EINVAL;
	return qpc->conn ? sib_conn_check_attr(qpc, attr, mask) : 0;
}

/* What it waits for and listens to belongs to the port that it leaves. */
static void move_to_port(struct sib_qpc *qpc, u8 num)
{
	struct sib_port *port = &qpc->hca->agent.ports[num];

	if (qpc->port && qpc->port != port) {
		sib_pacer_forget(sib_hca_port(qpc->hca, qpc->port->num)->pacer,
				 &qpc->flow->flow);
		sib_mcast_drop(qpc);
	}
	qpc->port = port;
}

/* The task is off: it looks at port and path without a lock. */
static void set_attr(struct sib_qpc *qpc, const struct ib_qp_attr *attr,
		     int mask)
{
	if (mask & IB_QP_PORT)
		move_to_port(qpc, attr->port_num);
	if (mask & IB_QP_PKEY_INDEX)
		WRITE_ONCE(qpc->pkey_index, attr->pkey_index);
	if (mask & IB_QP_QKEY)
		WRITE_ONCE(qpc->qkey, attr->qkey);
	if (mask & IB_QP_SQ_PSN)
		qpc->sq_psn = attr->sq_psn;
	if (mask & IB_QP_EN_SQD_ASYNC_NOTIFY)
		qpc->sqd_event = attr->en_sqd_async_notify;
	if (qpc->conn)
		sib_conn_set_attr(qpc, attr, mask);
}

/**
 * sib_modify_qp() - change attributes, and the state
 * @ib: the QP
 * @attr: the attributes
 * @mask: enum ib_qp_attr_mask, which of them
 * @udata: not looked at
 *
 * Return: 0, -EINVAL for a step or a value that is not allowed, -EOPNOTSUPP
 * for what no QP here has.
 */
int sib_modify_qp(struct ib_qp *ib, struct ib_qp_attr *attr, int mask,
		  struct ib_udata *udata)
{
	struct sib_qpc *qpc = to_qpc(ib);
	enum ib_qp_state cur, next;
	int err;

	if (mask & ~IB_QP_ATTR_STANDARD_BITS)
		return -EOPNOTSUPP;
	/* SQE is entered behind the consumer's back, so he may name it. */
	cur = mask & IB_QP_CUR_STATE ? attr->cur_qp_state :
				       READ_ONCE(qpc->state);
	next = mask & IB_QP_STATE ? attr->qp_state : cur;
	if (mask & IB_QP_CUR_STATE && cur != READ_ONCE(qpc->state) &&
	    READ_ONCE(qpc->state) != IB_QPS_SQE)
		return -EINVAL;
	if (!ib_modify_qp_is_ok(cur, next, qpc->type, mask))
		return -EINVAL;
	err = check_attr(qpc, attr, mask);
	if (err)
		return err;
	tasklet_disable(&qpc->task);
	set_attr(qpc, attr, mask);
	tasklet_enable(&qpc->task);
	if (!(mask & IB_QP_STATE))
		return 0;
	if (!(next == IB_QPS_RTS ? sib_qpc_resume(qpc) :
				   sib_qpc_set_state(qpc, next)))
		return -EINVAL;
	if (next == IB_QPS_RESET)
		sib_qpc_reset(qpc);
	else
		sib_qpc_kick(qpc);
	return 0;
}

/**
 * sib_query_qp() - what a QP is like
 * @ib: the QP
 * @attr: filled
 * @mask: not looked at, all is filled
 * @init: filled
 *
 * Return: 0.
 */
int sib_query_qp(struct ib_qp *ib, struct ib_qp_attr *attr, int mask,
		 struct ib_qp_init_attr *init)
{
	struct sib_qpc *qpc = to_qpc(ib);

	memset(attr, 0, sizeof(*attr));
	memset(init, 0, sizeof(*init));
	attr->qp_state = READ_ONCE(qpc->state);
	attr->cur_qp_state = attr->qp_state;
	attr->port_num = qpc->port ? qpc->port->num : 0;
	attr->pkey_index = qpc->pkey_index;
	attr->qkey = qpc->qkey;
	attr->sq_psn = qpc->sq_psn;
	attr->en_sqd_async_notify = qpc->sqd_event;
	attr->sq_draining = attr->qp_state == IB_QPS_SQD &&
			    READ_ONCE(qpc->sq.next) != READ_ONCE(qpc->sq.tail);
	attr->cap.max_send_wr = qpc->sq.size;
	attr->cap.max_recv_wr = qpc->rq.size;
	attr->cap.max_send_sge = qpc->sq.max_sge;
	attr->cap.max_recv_sge = qpc->rq.max_sge;
	attr->cap.max_inline_data = qpc->sq.max_inline;
	init->event_handler = ib->event_handler;
	init->qp_context = ib->qp_context;
	init->send_cq = ib->send_cq;
	init->recv_cq = ib->recv_cq;
	init->cap = attr->cap;
	init->sq_sig_type = qpc->signal_all ? IB_SIGNAL_ALL_WR :
					      IB_SIGNAL_REQ_WR;
	init->qp_type = qpc->type;
	init->create_flags = qpc->create_flags;
	init->port_num = attr->port_num;
	init->srq = ib->srq;
	if (qpc->conn)
		sib_conn_query(qpc, attr);
	return 0;
}
