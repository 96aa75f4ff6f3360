// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The QPs of an interface: one that receives, whose number is in the address
 * and does not change while the interface lives, and one for each transmit
 * queue. Nobody is told of those, so nothing is sent to them; they have no
 * buffers, and the HCA drops what comes all the same. Process context with ctl,
 * but for ipoib_qp_recover().
 *
 * Taking them down: nobody transmits, by the flag and a turn of the xmit locks;
 * to ERR, which flushes; what has not completed within half a second is given
 * up; NAPI off, after which nothing is posted; to RESET, after which the HCA
 * uses no buffer; buffers freed. If an HCA does not take a QP to RESET, they
 * stay where they are until it does, or until the QP is destroyed.
 */
#include <linux/netdevice.h>
#include <linux/sched.h>

#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/link.h"
#include "ipoib/main.h"
#include "ipoib/qp.h"
#include "ipoib/tx.h"

/* What fails again at once must not keep the SM busy: 1, 2, 4, 8 seconds. */
static const struct ipoib_pace_rule restart_rule = {
	.first = MSEC_PER_SEC,
	.max = 8 * MSEC_PER_SEC,
};

static void qp_event(struct ib_event *event, void *context)
{
	struct ipoib_dev *ipd = context;

	ipoib_dbg(ipd, "QP %#x: event %d\n", event->element.qp->qp_num,
		  event->event);
}

/* @sends: it is to send what the stack has; else it only receives. */
static struct ib_qp *create(struct ipoib_dev *ipd, struct ib_cq *send_cq,
			    unsigned int send_wr, unsigned int recv_wr,
			    bool sends)
{
	struct ib_qp_init_attr attr = {
		.event_handler = qp_event,
		.qp_context = ipd,
		.send_cq = send_cq,
		.recv_cq = ipd->rx.cq,
		.cap = {
			.max_send_wr = send_wr,
			.max_send_sge = sends ? ipd->max_send_sge : 1,
			.max_recv_wr = recv_wr,
			.max_recv_sge = 1,
		},
		.sq_sig_type = IB_SIGNAL_REQ_WR,
		.qp_type = IB_QPT_UD,
	};

	if (ipd->ib->attrs.kernel_cap_flags & IBK_BLOCK_MULTICAST_LOOPBACK)
		attr.create_flags |= IB_QP_CREATE_BLOCK_MULTICAST_LOOPBACK;
	if (sends && ipd->ib->attrs.kernel_cap_flags & IBK_UD_TSO)
		attr.create_flags |= IB_QP_CREATE_IPOIB_UD_LSO;
	return ib_create_qp(ipd->pd, &attr);
}

/**
 * ipoib_qp_create() - the QP that receives, in RESET
 * @ipd: the interface, its receive CQ created
 *
 * It never sends.
 *
 * Context: Process, under RTNL.
 * Return: 0 or an error; ipoib_qp_destroy() is due in both cases.
 */
int ipoib_qp_create(struct ipoib_dev *ipd)
{
	struct ib_qp *qp;

	qp = create(ipd, ipd->rx.cq, 1, ipd->rx.ring.size, false);
	if (IS_ERR(qp))
		return PTR_ERR(qp);
	ipd->rx.qp = qp;
	return 0;
}

/**
 * ipoib_qp_end() - destroy a QP
 * @ipd: the interface
 * @qp: the QP, or NULL
 *
 * Return: true, or false if the HCA has not done it and may use its buffers.
 */
bool ipoib_qp_end(struct ipoib_dev *ipd, struct ib_qp *qp)
{
	u32 qpn = qp ? qp->qp_num : 0;

	if (!qp || !ib_destroy_qp(qp))
		return true;
	ipoib_warn(ipd, "cannot destroy QP %#x, its buffers are lost\n", qpn);
	return false;
}

/**
 * ipoib_qp_create_send() - the QP of a transmit queue, in RESET
 * @ipd: the interface
 * @cq: for its completions
 * @size: of its ring
 *
 * Return: the QP, or an error pointer.
 */
struct ib_qp *ipoib_qp_create_send(struct ipoib_dev *ipd, struct ib_cq *cq,
				   unsigned int size)
{
	return create(ipd, cq, size, 1, true);
}

/**
 * ipoib_qp_destroy() - the end of the QP that receives
 * @ipd: the interface, its QPs down
 *
 * Buffers that are left are freed, for it uses them no more.
 *
 * Context: Process, under RTNL.
 */
void ipoib_qp_destroy(struct ipoib_dev *ipd)
{
	bool gone = ipoib_qp_end(ipd, ipd->rx.qp);

	ipd->rx.qp = NULL;
	if (gone && test_and_clear_bit(IPOIB_FLAG_QPS_STUCK, &ipd->flags))
		ipoib_rx_release(ipd);
}

static int to_init(struct ipoib_dev *ipd, struct ib_qp *qp)
{
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_INIT,
		.pkey_index = ipd->pkey_index,
		.port_num = ipd->port,
		.qkey = ipd->qkey,
	};

	return ib_modify_qp(qp, &attr, IB_QP_STATE | IB_QP_PKEY_INDEX |
				       IB_QP_PORT | IB_QP_QKEY);
}

static int to_rts(struct ib_qp *qp)
{
	struct ib_qp_attr attr = { .qp_state = IB_QPS_RTR };
	int err;

	err = ib_modify_qp(qp, &attr, IB_QP_STATE);
	if (err)
		return err;
	attr.qp_state = IB_QPS_RTS;
	return ib_modify_qp(qp, &attr, IB_QP_STATE | IB_QP_SQ_PSN);
}

/**
 * ipoib_qp_bring_up() - one QP from RESET to RTS
 * @ipd: the interface, its P_Key found
 * @qp: the QP
 *
 * Return: 0 or an error, after which the QP is in any state.
 */
int ipoib_qp_bring_up(struct ipoib_dev *ipd, struct ib_qp *qp)
{
	int err = to_init(ipd, qp);

	return err ?: to_rts(qp);
}

static bool take_to(struct ipoib_dev *ipd, struct ib_qp *qp,
		    enum ib_qp_state state)
{
	struct ib_qp_attr attr = { .qp_state = state };
	int err = ib_modify_qp(qp, &attr, IB_QP_STATE);

	if (err)
		ipoib_warn(ipd, "cannot take QP %#x to state %d: error %d\n",
			   qp->qp_num, state, err);
	return !err;
}

/**
 * ipoib_qp_reset() - one QP to RESET, after which the HCA uses no buffer of it
 * @ipd: the interface
 * @qp: the QP
 *
 * Return: true, or false if the HCA has not done it.
 */
bool ipoib_qp_reset(struct ipoib_dev *ipd, struct ib_qp *qp)
{
	return take_to(ipd, qp, IB_QPS_RESET);
}

static bool all_to(struct ipoib_dev *ipd, enum ib_qp_state state)
{
	bool good = take_to(ipd, ipd->rx.qp, state);
	unsigned int i;

	for (i = 0; i < ipd->num_txqs; i++)
		good &= take_to(ipd, ipd->txqs[i].hw.qp, state);
	return good;
}

/* NAPI is off. */
static void reset(struct ipoib_dev *ipd)
{
	if (!all_to(ipd, IB_QPS_RESET)) {
		set_bit(IPOIB_FLAG_QPS_STUCK, &ipd->flags);
		return;
	}
	clear_bit(IPOIB_FLAG_QPS_STUCK, &ipd->flags);
	ipoib_tx_release(ipd);
	ipoib_rx_release(ipd);
}

static int try_up(struct ipoib_dev *ipd)
{
	unsigned int i;
	int err;

	if (test_bit(IPOIB_FLAG_QPS_STUCK, &ipd->flags)) {
		reset(ipd);
		if (test_bit(IPOIB_FLAG_QPS_STUCK, &ipd->flags))
			return -EIO;
	}
	/* Buffers first, so that nothing arrives in vain. */
	err = to_init(ipd, ipd->rx.qp);
	if (err)
		return err;
	err = ipoib_rx_start(ipd);
	if (err)
		return err;
	err = to_rts(ipd->rx.qp);
	for (i = 0; !err && i < ipd->num_txqs; i++)
		err = ipoib_qp_bring_up(ipd, ipd->txqs[i].hw.qp);
	if (err)
		ipoib_rx_stop(ipd);
	return err;
}

/**
 * ipoib_qp_up() - let the QPs send and receive
 * @ipd: the interface, its P_Key found; ctl is held
 *
 * Context: Process.
 * Return: 0, or an error after which the QPs are down as before.
 */
int ipoib_qp_up(struct ipoib_dev *ipd)
{
	int err;

	lockdep_assert_held(&ipd->ctl);
	if (test_bit(IPOIB_FLAG_QPS_UP, &ipd->flags))
		return 0;
	err = try_up(ipd);
	if (err) {
		reset(ipd);
		ipoib_warn(ipd, "cannot bring the QPs up: error %d\n", err);
		return err;
	}
	ipoib_tx_start(ipd);
	set_bit(IPOIB_FLAG_QPS_UP, &ipd->flags);
	/* Buffers that were used up, and requests that failed, before that. */
	ipoib_rx_poll_soon(ipd);
	ipoib_qp_recover(ipd);
	netif_tx_wake_all_queues(ipd->netdev);
	ipoib_cm_start(ipd);
	ipoib_count(ipd, QP_RESTARTS);
	return 0;
}

static void wait_for_flush(struct ipoib_dev *ipd)
{
	unsigned long limit = jiffies + IPOIB_FLUSH_LIMIT;

	while (ipoib_tx_pending(ipd, 0) || !ipoib_rx_empty(ipd)) {
		if (time_after(jiffies, limit)) {
			ipoib_warn(ipd, "timing out; %u sends %u receives not completed\n",
				   ipoib_tx_pending(ipd, 0),
				   ipoib_ring_used(&ipd->rx.ring));
			return;
		}
		usleep_range(1000, 2000);
	}
}

/**
 * ipoib_qp_down() - and no longer
 * @ipd: the interface; ctl is held
 *
 * Takes half a second at most, however the HCA behaves.
 *
 * Context: Process.
 */
void ipoib_qp_down(struct ipoib_dev *ipd)
{
	lockdep_assert_held(&ipd->ctl);
	if (!test_bit(IPOIB_FLAG_QPS_UP, &ipd->flags))
		return;
	clear_bit(IPOIB_FLAG_QPS_UP, &ipd->flags);
	ipoib_cm_stop(ipd);
	ipoib_tx_close(ipd);
	all_to(ipd, IB_QPS_ERR);
	wait_for_flush(ipd);
	ipoib_tx_stop(ipd);
	ipoib_rx_stop(ipd);
	reset(ipd);
}

/**
 * ipoib_qp_set_qkey() - the broadcast group has another Q_Key
 * @ipd: the interface; ctl is held
 * @qkey: the key; if it is a controlled one, the QPs put it in
 *
 * Context: Process.
 */
void ipoib_qp_set_qkey(struct ipoib_dev *ipd, u32 qkey)
{
	struct ib_qp_attr attr = { .qkey = qkey };
	unsigned int i;
	int err;

	err = ib_modify_qp(ipd->rx.qp, &attr, IB_QP_QKEY);
	for (i = 0; !err && i < ipd->num_txqs; i++)
		err = ib_modify_qp(ipd->txqs[i].hw.qp, &attr, IB_QP_QKEY);
	if (err)
		ipoib_warn(ipd, "cannot set the Q_Key: error %d\n", err);
}

/* True if the QP works, or works again. */
static bool recover(struct ipoib_dev *ipd, struct ib_qp *qp)
{
	struct ib_qp_init_attr init;
	struct ib_qp_attr attr;

	if (ib_query_qp(qp, &attr, IB_QP_STATE, &init) ||
	    attr.qp_state == IB_QPS_RTS)
		return true;
	if (attr.qp_state == IB_QPS_SQE) {
		attr.cur_qp_state = IB_QPS_SQE;
		attr.qp_state = IB_QPS_RTS;
		if (!ib_modify_qp(qp, &attr, IB_QP_STATE | IB_QP_CUR_STATE))
			return true;
	}
	ipoib_warn(ipd, "QP %#x has failed, starting again\n", qp->qp_num);
	return false;
}

static bool recover_all(struct ipoib_dev *ipd)
{
	bool good = recover(ipd, ipd->rx.qp);
	unsigned int i;

	for (i = 0; good && i < ipd->num_txqs; i++)
		good = recover(ipd, ipd->txqs[i].hw.qp);
	return good;
}

/**
 * ipoib_qp_up_again() - let the QPs send and receive, if it is time
 * @ipd: the interface; ctl is held
 *
 * If it is not, it is tried when it is.
 *
 * Context: Process.
 */
void ipoib_qp_up_again(struct ipoib_dev *ipd)
{
	u32 left = ipoib_pace_left(&ipd->qp_starts, ipoib_now());

	if (test_bit(IPOIB_FLAG_QPS_UP, &ipd->flags) || !ipd->pkey_found)
		return;
	if (left) {
		mod_delayed_work(ipd->wq, &ipd->gc_work,
				 msecs_to_jiffies(left));
		return;
	}
	ipoib_pace_mark(&ipd->qp_starts, &restart_rule, ipoib_now());
	ipoib_qp_up(ipd);
}

/**
 * ipoib_qp_restart() - a QP is stuck or has failed: all down, and up again
 * @ipd: the interface, open; ctl is held
 *
 * At once if that has not been necessary for a while, else some seconds later.
 *
 * Context: Process.
 */
void ipoib_qp_restart(struct ipoib_dev *ipd)
{
	/* Down already: it comes up again by itself. */
	if (!test_bit(IPOIB_FLAG_QPS_UP, &ipd->flags))
		return;
	ipoib_count(ipd, QP_FAILURES);
	ipoib_link_stop(ipd);
	ipoib_qp_down(ipd);
	ipoib_qp_up_again(ipd);
	ipoib_link_start(ipd);
}

/**
 * ipoib_qp_recover_work() - set QPs going again that have stopped
 * @work: ipd->recover_work
 */
void ipoib_qp_recover_work(struct work_struct *work)
{
	struct ipoib_dev *ipd = container_of(work, struct ipoib_dev,
					     recover_work);

	mutex_lock(&ipd->ctl);
	if (test_bit(IPOIB_FLAG_QPS_UP, &ipd->flags) && !recover_all(ipd))
		ipoib_qp_restart(ipd);
	mutex_unlock(&ipd->ctl);
}

/**
 * ipoib_qp_recover() - a request has failed, its QP may have stopped
 * @ipd: the interface; if it is being taken down, that is no failure
 *
 * Context: Any.
 */
void ipoib_qp_recover(struct ipoib_dev *ipd)
{
	if (test_bit(IPOIB_FLAG_QPS_UP, &ipd->flags))
		queue_work(ipd->wq, &ipd->recover_work);
}
