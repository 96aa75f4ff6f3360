// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Connections that we ask for. The data path wants one for a destination; the
 * work makes its QP and sends the REQ; the CM calls back with REP or REJ.
 *
 * Who may hold a connection: a list of the interface, from the beginning to the
 * end; its destination, whose transmits find it under RCU; the CM, which calls
 * back with it; the HCA, for its requests; the work while it asks, which has a
 * reference of its own. Once it is DEAD no destination has it; the reaper waits
 * for the others in this order: RCU, CM, HCA. See cm.c.
 */
#include <linux/random.h>
#include <linux/slab.h>

#include "ipoib/cm.h"
#include "ipoib/core/conn_fsm.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/drop.h"
#include "ipoib/trace.h"

/*
 * How long the answer to a CM message may take, exponents of 4.096 us: 0.5 s
 * for the REP, besides the way, and 2 s for the RTU. A host with whom hundreds
 * connect at once takes long to come to the RTU, behind all those REQs; a QP
 * that is taken down too early costs the peer what it sends. And how often each
 * is repeated before the connection has failed.
 */
#define REP_TIMEOUT	17
#define RTU_TIMEOUT	19
#define CM_TRIES	7
#define ACK_TRIES	7
#define RNR_TRIES	6

/**
 * ipoib_tx_conn_put() - a reference less
 * @conn: the connection; the last frees it
 *
 * Context: Any.
 */
void ipoib_tx_conn_put(struct ipoib_tx_conn *conn)
{
	if (!refcount_dec_and_test(&conn->refs))
		return;
	mutex_destroy(&conn->c.lock);
	kfree(conn);
}

static void set_up_locked(struct ipoib_tx_conn *conn, bool up)
{
	spin_lock(&conn->tx_lock);
	/* With what was written before: the MTU. */
	smp_store_release(&conn->up, up);
	spin_unlock(&conn->tx_lock);
}

static void forget_locked(struct ipoib_dev *ipd, struct ipoib_tx_conn *conn,
			  u8 actions, struct sk_buff_head *waited)
{
	struct ipoib_neigh *neigh = conn->neigh;
	u32 ms;

	if (!neigh)
		return;
	conn->neigh = NULL;
	RCU_INIT_POINTER(neigh->conn, NULL);
	if (actions & IPOIB_CONN_BACKOFF) {
		ms = ipoib_cm_retry_ms(neigh->conn_failures);
		if (neigh->conn_failures < U8_MAX)
			neigh->conn_failures++;
		WRITE_ONCE(neigh->conn_retry, jiffies + msecs_to_jiffies(ms));
		WRITE_ONCE(neigh->conn_lost, !(actions & IPOIB_CONN_FALLBACK));
	}
	if (actions & IPOIB_CONN_FALLBACK)
		ipoib_neigh_unqueue_locked(ipd, &neigh->queue, waited);
}

static void open_locked(struct ipoib_dev *ipd, struct ipoib_tx_conn *conn,
			struct sk_buff_head *waited)
{
	set_up_locked(conn, true);
	ipoib_count(ipd, CONN_OPENED);
	if (!conn->neigh)
		return;
	conn->neigh->conn_failures = 0;
	ipoib_neigh_unqueue_locked(ipd, &conn->neigh->queue, waited);
}

static void tell_step(struct ipoib_tx_conn *conn, unsigned int event, u8 next)
{
	const char *from = ipoib_conn_state_name(conn->state);
	const char *to = ipoib_conn_state_name(next);
	const char *name = ipoib_conn_event_name(event);

	trace_ipoib_conn_state(conn->c.ipd, &conn->c, name, from, to);
	ipoib_dbg(conn->c.ipd, "connection to %pI6 qpn %#x: %s, %s -> %s\n",
		  conn->c.gid, conn->c.qpn, name, from, to);
}

/**
 * ipoib_tx_conn_step_locked() - one step of a connection
 * @conn: the connection; the interface's lock is held
 * @event: IPOIB_CONN_*
 * @waited: gets the packets that waited for it; they take the whole way again,
 *	without the lock
 *
 * Context: Softirq, or softirqs off.
 */
void ipoib_tx_conn_step_locked(struct ipoib_tx_conn *conn, unsigned int event,
			       struct sk_buff_head *waited)
{
	struct ipoib_conn_step step = ipoib_conn_next(conn->state, event);
	struct ipoib_dev *ipd = conn->c.ipd;

	lockdep_assert_held(&ipd->lock);
	if (step.next != conn->state)
		tell_step(conn, event, step.next);
	conn->state = step.next;
	if (step.actions & IPOIB_CONN_OPEN)
		open_locked(ipd, conn, waited);
	if (step.actions & IPOIB_CONN_SHUT)
		set_up_locked(conn, false);
	if (step.actions & IPOIB_CONN_BACKOFF)
		ipoib_count(ipd, CONN_FAILURES);
	if (step.actions & IPOIB_CONN_FORGET)
		forget_locked(ipd, conn, step.actions, waited);
	if (!(step.actions & IPOIB_CONN_REAP))
		return;
	list_del_init(&conn->start);
	list_move_tail(&conn->c.entry, &ipd->cm.dead_send);
	queue_work(ipoib_cm_reaper, &ipd->cm.reap_work);
}

/**
 * ipoib_tx_conn_event() - something happened to a connection
 * @conn: the connection
 * @event: IPOIB_CONN_*
 *
 * Context: Process or softirq, without the interface's lock.
 */
void ipoib_tx_conn_event(struct ipoib_tx_conn *conn, unsigned int event)
{
	struct ipoib_dev *ipd = conn->c.ipd;
	struct sk_buff_head waited;

	__skb_queue_head_init(&waited);
	spin_lock_bh(&ipd->lock);
	ipoib_tx_conn_step_locked(conn, event, &waited);
	spin_unlock_bh(&ipd->lock);
	/* Over the connection, or to be told that they are too large. */
	ipoib_neigh_send_queued(&waited);
}

/**
 * ipoib_tx_conn_report() - a packet has failed
 * @conn: its connection, which will be lost
 * @wc: the completion
 * @slot: in the ring
 *
 * Those behind it are flushed, of which nobody needs to know. A peer that is
 * gone is no fault of the HCA's.
 *
 * Context: Process or softirq.
 */
void ipoib_tx_conn_report(struct ipoib_tx_conn *conn, const struct ib_wc *wc,
			  unsigned int slot)
{
	if (wc->status == IB_WC_WR_FLUSH_ERR)
		return;
	if (wc->status == IB_WC_RETRY_EXC_ERR ||
	    wc->status == IB_WC_RNR_RETRY_EXC_ERR) {
		ipoib_dbg(conn->c.ipd, "failed cm send event (status=%d, wrid=%u vend_err 0x%x)\n",
			  wc->status, slot, wc->vendor_err);
		return;
	}
	ipoib_count(conn->c.ipd, TX_COMPLETION);
	ipoib_warn(conn->c.ipd, "failed cm send event (status=%d, wrid=%u vend_err 0x%x)\n",
		   wc->status, slot, wc->vendor_err);
}

static struct ipoib_tx_conn *create_locked(struct ipoib_dev *ipd,
					   struct ipoib_neigh *neigh, u8 peer)
{
	u8 own = ipd->netdev->dev_addr[IPOIB_HW_FLAGS];
	struct ipoib_tx_conn *conn = kzalloc(sizeof(*conn), GFP_ATOMIC);

	if (!conn)
		return NULL;
	ipoib_conn_init(&conn->c, ipd, ipoib_hw_gid(neigh->hw),
			ipoib_hw_qpn(neigh->hw),
			ipoib_cm_via(own, peer) == IPOIB_VIA_UC);
	refcount_set(&conn->refs, 1);
	conn->state = IPOIB_CONN_WANTED;
	conn->neigh = neigh;
	conn->rec = neigh->path->rec;
	spin_lock_init(&conn->tx_lock);
	__skb_queue_head_init(&conn->backlog);
	return conn;
}

/* Its destination has a path, and no connection yet. */
static bool may_want_locked(struct ipoib_dev *ipd, struct ipoib_neigh *neigh)
{
	return READ_ONCE(ipd->cm.connected) && ipd->cm.open &&
	       neigh->path && !list_empty(&neigh->entry) &&
	       rcu_access_pointer(neigh->ah) &&
	       !rcu_access_pointer(neigh->conn) &&
	       !time_before(jiffies, neigh->conn_retry);
}

/**
 * ipoib_cm_want() - a destination could do with a connection
 * @ipd: the interface
 * @neigh: the destination; under RCU
 * @peer: flags octet of its address
 *
 * Context: Softirqs off.
 */
void ipoib_cm_want(struct ipoib_dev *ipd, struct ipoib_neigh *neigh, u8 peer)
{
	struct ipoib_tx_conn *conn;

	spin_lock(&ipd->lock);
	if (!may_want_locked(ipd, neigh))
		goto out;
	conn = NULL;
	if (ipd->cm.num_send < IPOIB_CM_SEND_MAX)
		conn = create_locked(ipd, neigh, peer);
	if (!conn) {
		ipoib_count(ipd, CONN_LIMIT);
		WRITE_ONCE(neigh->conn_retry, jiffies + HZ);
		WRITE_ONCE(neigh->conn_lost, false);
		goto out;
	}
	ipd->cm.num_send++;
	list_add_tail(&conn->c.entry, &ipd->cm.send);
	list_add_tail(&conn->start, &ipd->cm.start);
	rcu_assign_pointer(neigh->conn, conn);
	queue_work(ipd->wq, &ipd->cm.start_work);
out:
	spin_unlock(&ipd->lock);
}

/**
 * ipoib_cm_wait() - a packet is too large for UD, and a connection comes
 * @ipd: the interface
 * @neigh: its destination; under RCU
 * @skb: the packet, behind its pseudo header
 *
 * Context: Softirqs off.
 * Return: true if @skb was taken, to wait or to be dropped; false if there will
 * be no connection, or there is one by now.
 */
bool ipoib_cm_wait(struct ipoib_dev *ipd, struct ipoib_neigh *neigh,
		   struct sk_buff *skb)
{
	struct ipoib_tx_conn *conn;
	bool taken = false;

	spin_lock(&ipd->lock);
	conn = rcu_dereference_protected(neigh->conn, true);
	if (!conn || conn->state == IPOIB_CONN_UP)
		goto out;
	taken = true;
	if (!ipoib_neigh_queue_locked(ipd, &neigh->queue, IPOIB_NEIGH_QUEUE,
				      skb)) {
		ipoib_count(ipd, TX_PATH_QUEUE_FULL);
		ipoib_drop_skb(skb, IPOIB_CNT_TX_PATH_QUEUE_FULL);
	}
out:
	spin_unlock(&ipd->lock);
	return taken;
}

/**
 * ipoib_cm_close_locked() - a destination goes
 * @ipd: the interface; its lock is held
 * @neigh: the destination
 *
 * Packets that wait stay with it.
 */
void ipoib_cm_close_locked(struct ipoib_dev *ipd, struct ipoib_neigh *neigh)
{
	struct ipoib_tx_conn *conn;
	struct sk_buff_head waited;

	conn = rcu_dereference_protected(neigh->conn, true);
	if (!conn)
		return;
	__skb_queue_head_init(&waited);
	ipoib_tx_conn_step_locked(conn, IPOIB_CONN_CLOSE, &waited);
	ipd->neighs.waiting += skb_queue_len(&waited);
	skb_queue_splice_tail(&waited, &neigh->queue);
}

/**
 * ipoib_cm_path_changed_locked() - the SA knows another way
 * @ipd: the interface; its lock is held
 * @path: the path, with what was good so far
 * @rec: what is good now
 *
 * The QP has the old one in it.
 */
void ipoib_cm_path_changed_locked(struct ipoib_dev *ipd,
				  struct ipoib_path *path,
				  struct sa_path_rec *rec)
{
	struct ipoib_neigh *neigh;

	if (sa_path_get_dlid(rec) == sa_path_get_dlid(&path->rec) &&
	    sa_path_get_slid(rec) == sa_path_get_slid(&path->rec) &&
	    rec->sl == path->rec.sl && rec->mtu == path->rec.mtu)
		return;
	list_for_each_entry(neigh, &path->neighs, entry)
		ipoib_cm_close_locked(ipd, neigh);
}

static int create_qp(struct ipoib_tx_conn *conn)
{
	struct ipoib_dev *ipd = conn->c.ipd;
	struct ib_qp_init_attr init = {
		.send_cq = conn->cq,
		.recv_cq = conn->cq,
		.cap = {
			.max_send_wr = conn->ring.size,
			.max_send_sge = ipd->max_send_sge,
		},
		.sq_sig_type = IB_SIGNAL_REQ_WR,
		.qp_type = conn->c.uc ? IB_QPT_UC : IB_QPT_RC,
	};
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_INIT,
		.pkey_index = ipd->pkey_index,
		.port_num = ipd->port,
	};
	struct ib_qp *qp = ib_create_qp(ipd->pd, &init);

	if (IS_ERR(qp))
		return PTR_ERR(qp);
	conn->c.qp = qp;
	return ib_modify_qp(qp, &attr, IB_QP_STATE | IB_QP_PKEY_INDEX |
				       IB_QP_PORT | IB_QP_ACCESS_FLAGS);
}

static int to_rts(struct ipoib_tx_conn *conn)
{
	struct ib_qp_attr attr = { .qp_state = IB_QPS_RTR };
	int mask, err;

	err = ib_cm_init_qp_attr(conn->c.id, &attr, &mask);
	if (!err)
		err = ib_modify_qp(conn->c.qp, &attr, mask);
	if (err)
		return err;
	attr.qp_state = IB_QPS_RTS;
	err = ib_cm_init_qp_attr(conn->c.id, &attr, &mask);
	if (err)
		return err;
	/* Short against the timers above us, RFC 4755 section 7.1. */
	attr.timeout = IPOIB_CM_ACK_TIMEOUT;
	attr.retry_cnt = ACK_TRIES;
	attr.rnr_retry = RNR_TRIES;
	return ib_modify_qp(conn->c.qp, &attr, mask);
}

static int accepted(struct ipoib_tx_conn *conn, const u8 *told)
{
	struct ipoib_cm_private priv;
	u8 data[IPOIB_CM_PRIVATE_LEN];
	int err = -ECANCELED;

	mutex_lock(&conn->c.lock);
	if (!ipoib_cm_get_private(told, IB_CM_REP_PRIVATE_DATA_SIZE, &priv)) {
		err = -EINVAL;
	} else if (!conn->c.closing) {
		conn->mtu = priv.mtu;
		err = to_rts(conn);
	}
	ipoib_cm_introduce(conn->c.ipd, data);
	if (!err)
		err = ib_send_cm_rtu(conn->c.id, data, sizeof(data));
	if (err)
		ib_send_cm_rej(conn->c.id, IB_CM_REJ_CONSUMER_DEFINED, NULL, 0,
			       data, sizeof(data));
	mutex_unlock(&conn->c.lock);
	return err;
}

/* The CM destroys no id of ours: that is the reaper's, so 0 is returned. */
static int handler(struct ib_cm_id *id, const struct ib_cm_event *event)
{
	struct ipoib_tx_conn *conn = id->context;
	int err;

	switch (event->event) {
	case IB_CM_REP_RECEIVED:
		err = accepted(conn, event->private_data);
		if (err)
			ipoib_dbg(conn->c.ipd, "connection: error %d\n", err);
		ipoib_tx_conn_event(conn, err ? IPOIB_CONN_FAIL :
						IPOIB_CONN_READY);
		break;
	case IB_CM_REJ_RECEIVED:
		ipoib_dbg(conn->c.ipd, "connection refused, reason %d\n",
			  event->param.rej_rcvd.reason);
		fallthrough;
	case IB_CM_REQ_ERROR:
		ipoib_tx_conn_event(conn, IPOIB_CONN_FAIL);
		break;
	case IB_CM_DREQ_RECEIVED:
	case IB_CM_DREQ_ERROR:
	case IB_CM_TIMEWAIT_EXIT:
		ipoib_tx_conn_event(conn, IPOIB_CONN_LOSE);
		break;
	default:
		break;
	}
	return 0;
}

static int send_req(struct ipoib_tx_conn *conn)
{
	struct ipoib_dev *ipd = conn->c.ipd;
	u64 service = ipoib_cm_service_id(IPOIB_CM_SERVICE_USUAL, conn->c.qpn);
	u8 data[IPOIB_CM_PRIVATE_LEN];
	struct ib_cm_req_param req = {
		.primary_path = &conn->rec,
		.service_id = cpu_to_be64(service),
		.qp_num = conn->c.qp->qp_num,
		.qp_type = conn->c.qp->qp_type,
		/* Nothing of an earlier connection must be taken for ours. */
		.starting_psn = get_random_u32() & IPOIB_QPN_MASK,
		.private_data = data,
		.private_data_len = sizeof(data),
		.remote_cm_response_timeout = REP_TIMEOUT,
		.local_cm_response_timeout = RTU_TIMEOUT,
		.retry_count = ACK_TRIES,
		.rnr_retry_count = RNR_TRIES,
		.max_cm_retries = CM_TRIES,
		.srq = ipd->cm.srq,
	};

	ipoib_cm_introduce(ipd, data);
	return ib_send_cm_req(conn->c.id, &req);
}

/* Context: ctl, and the connection's own lock. */
static int ask(struct ipoib_tx_conn *conn)
{
	struct ib_cm_id *id;
	int err;

	err = ipoib_cm_post_init(conn);
	if (!err)
		err = create_qp(conn);
	if (err)
		return err;
	id = ib_create_cm_id(conn->c.ipd->ib, handler, conn);
	if (IS_ERR(id))
		return PTR_ERR(id);
	conn->c.id = id;
	return send_req(conn);
}

static void start(struct ipoib_tx_conn *conn)
{
	int err = -ECANCELED;

	/* The state first: the answer may be here before we are back. */
	ipoib_tx_conn_event(conn, IPOIB_CONN_ASK);
	mutex_lock(&conn->c.lock);
	if (!conn->c.closing)
		err = ask(conn);
	mutex_unlock(&conn->c.lock);
	if (!err)
		return;
	ipoib_dbg(conn->c.ipd, "cannot ask for a connection: error %d\n", err);
	ipoib_tx_conn_event(conn, IPOIB_CONN_FAIL);
}

static struct ipoib_tx_conn *next_to_start(struct ipoib_dev *ipd)
{
	struct ipoib_tx_conn *conn;

	spin_lock_bh(&ipd->lock);
	conn = list_first_entry_or_null(&ipd->cm.start, struct ipoib_tx_conn,
					start);
	if (conn) {
		list_del_init(&conn->start);
		refcount_inc(&conn->refs);
	}
	spin_unlock_bh(&ipd->lock);
	return conn;
}

/**
 * ipoib_cm_start_work() - ask for the connections that are wanted
 * @work: ipd->cm.start_work
 */
void ipoib_cm_start_work(struct work_struct *work)
{
	struct ipoib_dev *ipd = container_of(work, struct ipoib_dev,
					     cm.start_work);
	struct ipoib_tx_conn *conn;

	/* One by one: who sets the interface down must not wait for all. */
	do {
		mutex_lock(&ipd->ctl);
		conn = next_to_start(ipd);
		if (conn)
			start(conn);
		mutex_unlock(&ipd->ctl);
		if (conn)
			ipoib_tx_conn_put(conn);
	} while (conn);
}
