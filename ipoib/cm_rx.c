// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Connections that peers ask for. The CM calls back with a REQ, in a workqueue
 * of its own; all is made there, and the REP sent.
 *
 * Who may hold a connection: a list of the interface; the CM; the HCA, for
 * buffers and for completions, which NAPI finds it by. The reaper waits for
 * the CM, then for the HCA: with an SRQ until it says that nothing more comes
 * and NAPI has found the CQ empty after that, else until all buffers have come
 * back. NAPI may be looking at a connection whose last completion it has taken,
 * so the memory goes after a grace period.
 */
#include <linux/random.h>
#include <linux/slab.h>

#include "ipoib/cm.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/trace.h"

/*
 * 2.56 ms, IBTA table 45: how long a sender is told to wait for a buffer. With
 * his tries it must be enough for an SRQ to be filled up.
 */
#define RNR_TIMER	16
/* How often he is to try. */
#define RNR_TRIES	6

/*
 * Any context, hard interrupts too. A QP that has refused a request takes no
 * other: without an end the peer would not know, and send on into nothing.
 */
static void qp_event(struct ib_event *event, void *context)
{
	struct ipoib_rx_conn *conn = container_of(context,
						  struct ipoib_rx_conn, c);
	struct ipoib_dev *ipd = conn->c.ipd;

	ipoib_dbg(ipd, "QP %#x: event %d\n", event->element.qp->qp_num,
		  event->event);
	switch (event->event) {
	case IB_EVENT_QP_LAST_WQE_REACHED:
		WRITE_ONCE(conn->last_wqe, true);
		break;
	case IB_EVENT_QP_FATAL:
	case IB_EVENT_QP_REQ_ERR:
	case IB_EVENT_QP_ACCESS_ERR:
		WRITE_ONCE(conn->failed, true);
		queue_work(ipoib_cm_reaper, &ipd->cm.reap_work);
		break;
	default:
		break;
	}
}

/**
 * ipoib_rx_conn_lost_locked() - a connection is to be taken down
 * @conn: the connection; the interface's lock is held
 */
void ipoib_rx_conn_lost_locked(struct ipoib_rx_conn *conn)
{
	struct ipoib_dev *ipd = conn->c.ipd;

	lockdep_assert_held(&ipd->lock);
	if (conn->dead)
		return;
	conn->dead = true;
	/* Not on the list yet: see publish(). */
	if (list_empty(&conn->c.entry))
		return;
	trace_ipoib_conn_end(ipd, &conn->c);
	list_move_tail(&conn->c.entry, &ipd->cm.dead_recv);
	queue_work(ipoib_cm_reaper, &ipd->cm.reap_work);
}

/**
 * ipoib_rx_conn_lost() - a connection is to be taken down
 * @conn: the connection
 *
 * Context: Process or softirq, without the interface's lock.
 */
void ipoib_rx_conn_lost(struct ipoib_rx_conn *conn)
{
	spin_lock_bh(&conn->c.ipd->lock);
	ipoib_rx_conn_lost_locked(conn);
	spin_unlock_bh(&conn->c.ipd->lock);
}

static int create_qp(struct ipoib_rx_conn *conn)
{
	struct ipoib_dev *ipd = conn->c.ipd;
	struct ib_qp_init_attr init = {
		.event_handler = qp_event,
		.qp_context = &conn->c,
		.send_cq = conn->rxq->cq,
		.recv_cq = conn->rxq->cq,
		.sq_sig_type = IB_SIGNAL_REQ_WR,
		.qp_type = conn->c.uc ? IB_QPT_UC : IB_QPT_RC,
		.cap = {
			.max_send_wr = 1,
			.max_send_sge = 1,
		},
	};
	struct ib_qp *qp;

	if (conn->count) {
		init.cap.max_recv_wr = conn->count;
		init.cap.max_recv_sge = ipd->cm.pages;
	} else {
		init.srq = conn->rxq->srq;
	}
	qp = ib_create_qp(ipd->pd, &init);
	if (IS_ERR(qp))
		return PTR_ERR(qp);
	conn->c.qp = qp;
	return 0;
}

static int to_state(struct ipoib_rx_conn *conn, enum ib_qp_state state)
{
	struct ib_qp_attr attr = { .qp_state = state };
	int mask, err;

	err = ib_cm_init_qp_attr(conn->c.id, &attr, &mask);
	if (err)
		return err;
	if (mask & IB_QP_MIN_RNR_TIMER)
		attr.min_rnr_timer = RNR_TIMER;
	if (mask & IB_QP_ACCESS_FLAGS)
		attr.qp_access_flags = 0;
	/* It sends nothing that is acknowledged. */
	if (mask & IB_QP_TIMEOUT)
		attr.timeout = IPOIB_CM_ACK_TIMEOUT;
	/* The CM will know it when the REP is sent. */
	if (mask & IB_QP_RQ_PSN)
		attr.rq_psn = conn->psn;
	return ib_modify_qp(conn->c.qp, &attr, mask);
}

static int post_own(struct ipoib_rx_conn *conn)
{
	int err = 0;
	u32 i;

	for (i = 0; !err && i < conn->count; i++)
		err = ipoib_cm_post_recv(conn, i);
	return err;
}

/* From nothing to a QP that receives. */
static int bring_up(struct ipoib_rx_conn *conn)
{
	int err;

	if (conn->count) {
		conn->buf = ipoib_cm_bufs_alloc(conn->c.ipd, conn->count);
		if (!conn->buf)
			return -ENOMEM;
	}
	err = create_qp(conn);
	if (!err)
		err = to_state(conn, IB_QPS_INIT);
	if (!err)
		err = post_own(conn);
	if (!err)
		err = to_state(conn, IB_QPS_RTR);
	return err ?: to_state(conn, IB_QPS_RTS);
}

/* An SRQ is for reliable ones. */
static bool needs_own(const struct ipoib_dev *ipd,
		      const struct ib_cm_req_event_param *req)
{
	return req->qp_type == IB_QPT_UC || !ipd->cm.srq;
}

/* Is there one more place? If so, it is taken. */
static bool reserve(struct ipoib_dev *ipd, bool own)
{
	bool good;

	spin_lock_bh(&ipd->lock);
	good = ipd->cm.open && ipd->cm.num_recv < IPOIB_CM_RECV_MAX &&
	       (!own || ipd->cm.num_own < ipoib_max_nonsrq_conn_qp);
	ipd->cm.num_recv += good;
	ipd->cm.num_own += good && own;
	spin_unlock_bh(&ipd->lock);
	return good;
}

static void unreserve(struct ipoib_dev *ipd, bool own)
{
	spin_lock_bh(&ipd->lock);
	ipd->cm.num_recv--;
	ipd->cm.num_own -= own;
	spin_unlock_bh(&ipd->lock);
}

/**
 * ipoib_rx_conn_drained() - does nothing more come?
 * @conn: the connection, its QP in ERR
 *
 * Return: true if so.
 */
bool ipoib_rx_conn_drained(struct ipoib_rx_conn *conn)
{
	return conn->buf ? !READ_ONCE(conn->posted) :
			   READ_ONCE(conn->last_wqe);
}

/**
 * ipoib_rx_conn_free() - the end of a connection
 * @conn: the connection, which is on no list and without a CM id, its QP gone,
 *	or never there
 *
 * Context: Process.
 */
void ipoib_rx_conn_free(struct ipoib_rx_conn *conn)
{
	struct ipoib_dev *ipd = conn->c.ipd;

	ipoib_cm_bufs_free(ipd, conn->buf, conn->count);
	mutex_lock(&ipd->cm.rx_lock);
	ipoib_cm_rxq_put(conn->rxq, conn->count);
	mutex_unlock(&ipd->cm.rx_lock);
	unreserve(ipd, conn->count);
	mutex_destroy(&conn->c.lock);
	kfree_rcu(conn, rcu);
}

static struct ipoib_rx_conn *create(struct ipoib_dev *ipd, const u8 *gid,
				    u32 qpn, bool uc)
{
	struct ipoib_rx_conn *conn = kzalloc(sizeof(*conn), GFP_KERNEL);

	if (!conn)
		return NULL;
	ipoib_conn_init(&conn->c, ipd, gid, qpn, uc);
	conn->psn = get_random_u32() & IPOIB_QPN_MASK;
	/* An SRQ is for reliable ones. */
	conn->count = uc || !ipd->cm.srq ? IPOIB_CM_QP_BUFS : 0;
	mutex_lock(&ipd->cm.rx_lock);
	conn->rxq = ipoib_cm_rxq_get(ipd, conn->count);
	mutex_unlock(&ipd->cm.rx_lock);
	if (!IS_ERR(conn->rxq))
		return conn;
	mutex_destroy(&conn->c.lock);
	kfree(conn);
	return NULL;
}

static bool is_same_peer(const struct ipoib_conn *a,
			 const struct ipoib_conn *b)
{
	return a->qpn == b->qpn && !memcmp(a->gid, b->gid, IPOIB_GID_LEN);
}

/*
 * A peer that asks for a second connection has lost the first, and we have not
 * heard of it.
 */
static void publish(struct ipoib_dev *ipd, struct ipoib_rx_conn *conn)
{
	struct ipoib_rx_conn *other, *next;

	spin_lock_bh(&ipd->lock);
	list_for_each_entry_safe(other, next, &ipd->cm.recv, c.entry)
		if (is_same_peer(&other->c, &conn->c))
			ipoib_rx_conn_lost_locked(other);
	list_add_tail(&conn->c.entry, &ipd->cm.recv);
	trace_ipoib_conn_accept(ipd, &conn->c);
	/* Closed, or lost, while this was on its way. */
	if (conn->dead || READ_ONCE(conn->failed) || !ipd->cm.open) {
		conn->dead = false;
		ipoib_rx_conn_lost_locked(conn);
	}
	spin_unlock_bh(&ipd->lock);
	ipoib_count(ipd, CONN_ACCEPTED);
}

static int send_rep(struct ipoib_rx_conn *conn,
		    const struct ib_cm_req_event_param *req)
{
	struct ipoib_dev *ipd = conn->c.ipd;
	u8 data[IPOIB_CM_PRIVATE_LEN];
	struct ib_cm_rep_param rep = {
		.qp_num = conn->c.qp->qp_num,
		.starting_psn = conn->psn,
		.private_data = data,
		.private_data_len = sizeof(data),
		.rnr_retry_count = max_t(u8, req->rnr_retry_count, RNR_TRIES),
		.srq = !conn->count,
	};

	ipoib_cm_introduce(ipd, data);
	return ib_send_cm_rep(conn->c.id, &rep);
}

/* Each REJ says who we are, RFC 4755 section 3.2. */
static void refuse(struct ipoib_dev *ipd, struct ib_cm_id *id,
		   const struct ib_cm_req_event_param *req,
		   enum ib_cm_rej_reason reason)
{
	u8 data[IPOIB_CM_PRIVATE_LEN];

	trace_ipoib_conn_refuse(ipd, req->primary_path->dgid.raw, reason);
	ipoib_count(ipd, CONN_REFUSED);
	ipoib_cm_introduce(ipd, data);
	ib_send_cm_rej(id, reason, NULL, 0, data, sizeof(data));
}

/*
 * It could not be made. Its QP may have completions already, which NAPI has in
 * hand: the reaper's, then. The CM destroys the id.
 */
static void give_up(struct ipoib_dev *ipd, struct ipoib_rx_conn *conn)
{
	conn->c.id = NULL;
	if (!conn->c.qp) {
		ipoib_rx_conn_free(conn);
		return;
	}
	spin_lock_bh(&ipd->lock);
	conn->dead = true;
	list_add_tail(&conn->c.entry, &ipd->cm.dead_recv);
	queue_work(ipoib_cm_reaper, &ipd->cm.reap_work);
	spin_unlock_bh(&ipd->lock);
}

static int accept(struct ipoib_dev *ipd, struct ib_cm_id *id,
		  const struct ib_cm_event *event, u32 qpn)
{
	const struct ib_cm_req_event_param *req = &event->param.req_rcvd;
	struct ipoib_rx_conn *conn;
	int err;

	conn = create(ipd, req->primary_path->dgid.raw, qpn,
		      req->qp_type == IB_QPT_UC);
	if (!conn) {
		unreserve(ipd, needs_own(ipd, req));
		return -ENOMEM;
	}
	conn->c.id = id;
	/* That the REP cannot be sent may be told before we are back. */
	id->context = conn;
	err = bring_up(conn);
	if (!err)
		err = send_rep(conn, req);
	if (!err) {
		publish(ipd, conn);
		return 0;
	}
	id->context = ipd;
	ipoib_dbg(ipd, "cannot accept a connection: error %d\n", err);
	give_up(ipd, conn);
	return err;
}

/* Why a REQ is none of ours; 0 if it is. */
static int check(struct ipoib_dev *ipd, const struct ib_cm_event *event,
		 struct ipoib_cm_private *priv)
{
	const struct ib_cm_req_event_param *req = &event->param.req_rcvd;
	u16 pkey = be16_to_cpu(req->primary_path->pkey);

	if (req->port != ipd->port)
		return IB_CM_REJ_INVALID_SERVICE_ID;
	if ((pkey ^ READ_ONCE(ipd->pkey)) & ~IPOIB_PKEY_FULL)
		return IB_CM_REJ_INVALID_SERVICE_ID;
	if (req->qp_type != IB_QPT_RC &&
	    (req->qp_type != IB_QPT_UC || !READ_ONCE(ipd->cm.uc)))
		return IB_CM_REJ_INVALID_TRANSPORT_TYPE;
	if (!ipoib_cm_get_private(event->private_data,
				  IB_CM_REQ_PRIVATE_DATA_SIZE, priv))
		return IB_CM_REJ_CONSUMER_DEFINED;
	return 0;
}

static int requested(struct ipoib_dev *ipd, struct ib_cm_id *id,
		     const struct ib_cm_event *event)
{
	struct ipoib_cm_private priv;
	int reason = check(ipd, event, &priv);

	if (!reason && !reserve(ipd, needs_own(ipd, &event->param.req_rcvd)))
		reason = IB_CM_REJ_NO_RESOURCES;
	if (!reason && accept(ipd, id, event, priv.qpn))
		reason = IB_CM_REJ_NO_RESOURCES;
	if (!reason)
		return 0;
	refuse(ipd, id, &event->param.req_rcvd, reason);
	/* The CM destroys the id. */
	return -EINVAL;
}

/**
 * ipoib_cm_listener() - the CM calls back for listeners and what they accept
 * @id: of the listener's kind: its context is the interface; of a connection
 *	that was accepted: the connection
 * @event: what happened
 *
 * Context: Process.
 * Return: 0, or an error after which the CM destroys @id.
 */
int ipoib_cm_listener(struct ib_cm_id *id, const struct ib_cm_event *event)
{
	switch (event->event) {
	case IB_CM_REQ_RECEIVED:
		return requested(id->context, id, event);
	case IB_CM_REP_ERROR:
	case IB_CM_REJ_RECEIVED:
	case IB_CM_DREQ_RECEIVED:
	case IB_CM_DREQ_ERROR:
	case IB_CM_TIMEWAIT_EXIT:
		ipoib_rx_conn_lost(id->context);
		return 0;
	default:
		return 0;
	}
}
