// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Connected mode of an interface: what the HCA can do, listening, and taking
 * connections down.
 *
 * Who accepts connections announces it in octet 0 of his address, whatever mode
 * he sends in. Listeners are there while the QPs are up, so are connections to
 * us; those that we have asked for belong to destinations and go with them.
 *
 * Taking down is the reaper's, in a workqueue that nobody waits in but for the
 * end of an interface: `ip link set down` closes five hundred connections by
 * putting them on a list. Its steps, for all that are on the list together: to
 * ERR, so that the HCA flushes; the CM's ids, after which the CM does not call
 * back; a grace period, after which no transmit has them; half a second at most
 * for the flush; QP, CQ, memory.
 */
#include <linux/if_link.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "ipoib/cm.h"
#include "ipoib/core/conn_fsm.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/qp.h"

/* A connection to us that carries nothing is closed after so long. */
#define RECV_IDLE	(15 * 60 * HZ)
/* The HCA may take so long to flush. */
#define FLUSH_LIMIT	(HZ / 2)
/* QPs that are destroyed while nothing is received. */
#define ENDED_AT_ONCE	8

struct workqueue_struct *ipoib_cm_reaper;

/**
 * ipoib_conn_init() - what connections of both directions begin with
 * @c: zeroed
 * @ipd: whose
 * @gid: of the peer
 * @qpn: his UD QPN
 * @uc: unreliable
 */
void ipoib_conn_init(struct ipoib_conn *c, struct ipoib_dev *ipd,
		     const u8 *gid, u32 qpn, bool uc)
{
	c->ipd = ipd;
	INIT_LIST_HEAD(&c->entry);
	mutex_init(&c->lock);
	memcpy(c->gid, gid, IPOIB_GID_LEN);
	c->qpn = qpn;
	c->uc = uc;
	c->created = jiffies;
	c->used = jiffies;
}

/**
 * ipoib_conn_count() - a packet went
 * @c: the connection
 * @bytes: of it
 *
 * Context: One at a time.
 */
void ipoib_conn_count(struct ipoib_conn *c, unsigned int bytes)
{
	WRITE_ONCE(c->packets, c->packets + 1);
	WRITE_ONCE(c->bytes, c->bytes + bytes);
	if (time_after(jiffies, READ_ONCE(c->used) + HZ))
		WRITE_ONCE(c->used, jiffies);
}

/* The HCA flushes, and the CM's callbacks do no more to the QP. */
static void to_err(struct ipoib_conn *c)
{
	struct ib_qp_attr attr = { .qp_state = IB_QPS_ERR };

	mutex_lock(&c->lock);
	WRITE_ONCE(c->closing, true);
	if (c->qp)
		ib_modify_qp(c->qp, &attr, IB_QP_STATE);
	mutex_unlock(&c->lock);
}

/* What is to be taken down together. */
struct batch {
	struct list_head send;
	struct list_head recv;
};

/* Those whose QP has said that it is of no use any more. */
static void take_failed_locked(struct ipoib_dev *ipd)
{
	struct ipoib_conn *c, *next;

	list_for_each_entry_safe(c, next, &ipd->cm.recv, entry) {
		struct ipoib_rx_conn *conn =
			container_of(c, struct ipoib_rx_conn, c);

		if (READ_ONCE(conn->failed))
			ipoib_rx_conn_lost_locked(conn);
	}
}

static bool next_batch(struct ipoib_dev *ipd, struct batch *batch)
{
	INIT_LIST_HEAD(&batch->send);
	INIT_LIST_HEAD(&batch->recv);
	spin_lock_bh(&ipd->lock);
	take_failed_locked(ipd);
	list_splice_init(&ipd->cm.dead_send, &batch->send);
	list_splice_init(&ipd->cm.dead_recv, &batch->recv);
	spin_unlock_bh(&ipd->lock);
	return !list_empty(&batch->send) || !list_empty(&batch->recv);
}

static void for_each(struct batch *batch, void (*fn)(struct ipoib_conn *c))
{
	struct ipoib_conn *c;

	list_for_each_entry(c, &batch->send, entry)
		fn(c);
	list_for_each_entry(c, &batch->recv, entry)
		fn(c);
}

/*
 * Once it returns the CM does not call back. A REQ or REP that is not answered
 * yet is the CM's to take back, and the REJ that it sends then is its own,
 * without our private data: a REJ of ours before it would leave the REQ to be
 * sent again and again, and the id be waited for.
 */
static void end_id(struct ipoib_conn *c)
{
	if (c->id)
		ib_destroy_cm_id(c->id);
	c->id = NULL;
}

static bool is_drained(struct batch *batch)
{
	struct ipoib_tx_conn *send;
	struct ipoib_rx_conn *recv;

	list_for_each_entry(send, &batch->send, c.entry)
		if (!ipoib_cm_post_done(send))
			return false;
	list_for_each_entry(recv, &batch->recv, c.entry)
		if (!ipoib_rx_conn_drained(recv))
			return false;
	return true;
}

/* Completions that the HCA has made before it was drained are taken. */
static void let_napi_pass(struct ipoib_cm_rxq *rxq, unsigned long limit)
{
	unsigned int before = READ_ONCE(rxq->passes);

	while (READ_ONCE(rxq->passes) - before < 2 &&
	       time_before(jiffies, limit)) {
		local_bh_disable();
		napi_schedule(rxq->napi);
		local_bh_enable();
		usleep_range(200, 1000);
	}
}

static void wait_until_drained(struct ipoib_dev *ipd, struct batch *batch)
{
	unsigned long limit = jiffies + FLUSH_LIMIT;
	unsigned int i;

	while (!is_drained(batch) && time_before(jiffies, limit))
		usleep_range(500, 1000);
	/* Connections of the batch keep the queues. */
	if (!list_empty(&batch->recv))
		for (i = 0; i < ipd->cm.num_rxqs; i++)
			let_napi_pass(&ipd->cm.rxq[i], limit + HZ / 10);
}

/* What an HCA has not let go of is lost rather than used twice. */
static void end_send(struct ipoib_tx_conn *conn)
{
	struct ipoib_dev *ipd = conn->c.ipd;

	if (ipoib_qp_end(ipd, conn->c.qp)) {
		ipoib_cm_post_exit(conn);
		ipoib_tx_conn_put(conn);
	}
	spin_lock_bh(&ipd->lock);
	ipd->cm.num_send--;
	spin_unlock_bh(&ipd->lock);
}

/*
 * Those that we received on, with NAPI off: it must not have a completion in
 * hand, and from it a QP, when that goes. A few at a time: an HCA takes its
 * time for each, and the senders of all others wait, and not for long.
 */
static void end_recv_qps(struct ipoib_dev *ipd, struct batch *batch)
{
	struct ipoib_rx_conn *recv;
	unsigned int n = 0;

	if (list_empty(&batch->recv))
		return;
	ipoib_cm_rxqs_pause(ipd);
	list_for_each_entry(recv, &batch->recv, c.entry) {
		if (ipoib_qp_end(ipd, recv->c.qp))
			recv->c.qp = NULL;
		if (++n % ENDED_AT_ONCE)
			continue;
		ipoib_cm_rxqs_resume(ipd);
		/* Waits for the poll that this began. */
		ipoib_cm_rxqs_pause(ipd);
	}
	ipoib_cm_rxqs_resume(ipd);
}

static void end_all(struct ipoib_dev *ipd, struct batch *batch)
{
	struct ipoib_tx_conn *send, *next_send;
	struct ipoib_rx_conn *recv, *next_recv;

	end_recv_qps(ipd, batch);
	list_for_each_entry_safe(send, next_send, &batch->send, c.entry) {
		list_del(&send->c.entry);
		end_send(send);
	}
	list_for_each_entry_safe(recv, next_recv, &batch->recv, c.entry) {
		list_del(&recv->c.entry);
		if (!recv->c.qp)
			ipoib_rx_conn_free(recv);
	}
}

static void reap(struct work_struct *work)
{
	struct ipoib_dev *ipd = container_of(work, struct ipoib_dev,
					     cm.reap_work);
	struct batch batch;

	while (next_batch(ipd, &batch)) {
		for_each(&batch, to_err);
		for_each(&batch, end_id);
		synchronize_net();
		wait_until_drained(ipd, &batch);
		end_all(ipd, &batch);
	}
}

static struct ib_cm_id *listen(struct ipoib_dev *ipd, u8 block)
{
	u64 service = ipoib_cm_service_id(block, ipd->rx.qp->qp_num);
	struct ib_cm_id *id = ib_create_cm_id(ipd->ib, ipoib_cm_listener, ipd);
	int err;

	if (IS_ERR(id))
		return NULL;
	err = ib_cm_listen(id, cpu_to_be64(service));
	if (!err)
		return id;
	ib_destroy_cm_id(id);
	ipoib_warn(ipd, "cannot listen for connections: error %d\n", err);
	return NULL;
}

/**
 * ipoib_cm_start() - take connections
 * @ipd: the interface, its QPs up; ctl is held
 *
 * Context: Process.
 */
void ipoib_cm_start(struct ipoib_dev *ipd)
{
	lockdep_assert_held(&ipd->ctl);
	if (!ipd->cm.able)
		return;
	spin_lock_bh(&ipd->lock);
	ipd->cm.open = true;
	spin_unlock_bh(&ipd->lock);
	ipd->cm.listen[0] = listen(ipd, IPOIB_CM_SERVICE_USUAL);
	ipd->cm.listen[1] = listen(ipd, IPOIB_CM_SERVICE_RFC);
}

static void close_send_locked(struct ipoib_dev *ipd,
			      struct sk_buff_head *waited)
{
	struct ipoib_tx_conn *conn, *next;

	list_for_each_entry_safe(conn, next, &ipd->cm.send, c.entry)
		ipoib_tx_conn_step_locked(conn, IPOIB_CONN_CLOSE, waited);
}

static void close_recv_locked(struct ipoib_dev *ipd)
{
	struct ipoib_rx_conn *conn, *next;

	list_for_each_entry_safe(conn, next, &ipd->cm.recv, c.entry)
		ipoib_rx_conn_lost_locked(conn);
}

/**
 * ipoib_cm_close_all() - the connections that we have asked for
 * @ipd: the interface
 *
 * They are taken down some time later; what waits for them has UD.
 *
 * Context: Process.
 */
void ipoib_cm_close_all(struct ipoib_dev *ipd)
{
	struct sk_buff_head waited;

	__skb_queue_head_init(&waited);
	spin_lock_bh(&ipd->lock);
	close_send_locked(ipd, &waited);
	spin_unlock_bh(&ipd->lock);
	ipoib_neigh_send_queued(&waited);
}

/**
 * ipoib_cm_stop() - take no more connections, and end those that there are
 * @ipd: the interface; ctl is held
 *
 * They are taken down some time later.
 *
 * Context: Process.
 */
void ipoib_cm_stop(struct ipoib_dev *ipd)
{
	struct sk_buff_head waited;
	unsigned int i;

	lockdep_assert_held(&ipd->ctl);
	if (!ipd->cm.able)
		return;
	__skb_queue_head_init(&waited);
	spin_lock_bh(&ipd->lock);
	ipd->cm.open = false;
	close_send_locked(ipd, &waited);
	spin_unlock_bh(&ipd->lock);
	ipoib_neigh_drop(ipd, &waited, IPOIB_CNT_TX_NOT_READY);
	/* Waits for REQs that are being answered. */
	for (i = 0; i < ARRAY_SIZE(ipd->cm.listen); i++) {
		if (ipd->cm.listen[i])
			ib_destroy_cm_id(ipd->cm.listen[i]);
		ipd->cm.listen[i] = NULL;
	}
	spin_lock_bh(&ipd->lock);
	close_recv_locked(ipd);
	spin_unlock_bh(&ipd->lock);
}

/**
 * ipoib_cm_age() - close connections to us that nobody uses
 * @ipd: the interface
 *
 * Context: Process.
 */
void ipoib_cm_age(struct ipoib_dev *ipd)
{
	struct ipoib_rx_conn *conn, *next;

	spin_lock_bh(&ipd->lock);
	list_for_each_entry_safe(conn, next, &ipd->cm.recv, c.entry)
		if (time_after(jiffies, READ_ONCE(conn->c.used) + RECV_IDLE))
			ipoib_rx_conn_lost_locked(conn);
	spin_unlock_bh(&ipd->lock);
}

/**
 * ipoib_cm_introduce() - the private data that each message of ours has
 * @ipd: the interface
 * @data: IPOIB_CM_PRIVATE_LEN octets, filled. RFC 4755 sections 3.2 and 6
 */
void ipoib_cm_introduce(const struct ipoib_dev *ipd, u8 *data)
{
	ipoib_cm_put_private(data, ipd->rx.qp->qp_num,
			     ipd->cm.mtu_max + IPOIB_ENCAP_LEN);
}

/**
 * ipoib_cm_caps() - which connections are accepted
 * @ipd: the interface
 *
 * Return: the flags octet of its address, RFC 4755 section 3.1.
 */
u8 ipoib_cm_caps(const struct ipoib_dev *ipd)
{
	if (!ipd->cm.able)
		return 0;
	return ipd->cm.uc ? IPOIB_HW_RC | IPOIB_HW_UC : IPOIB_HW_RC;
}

/**
 * ipoib_cm_set_uc() - announce unreliable connections, or no longer
 * @ipd: the interface; RTNL is held
 * @uc: which
 *
 * Peers learn it from the next answer to their questions for our address; it is
 * told them at once if there is a link. Connections that there are stay.
 *
 * Context: Process.
 */
void ipoib_cm_set_uc(struct ipoib_dev *ipd, bool uc)
{
	struct net_device *netdev = ipd->netdev;
	u8 caps;

	ASSERT_RTNL();
	if (uc == ipd->cm.uc)
		return;
	WRITE_ONCE(ipd->cm.uc, uc);
	caps = ipoib_cm_caps(ipd);
	netif_addr_lock_bh(netdev);
	dev_addr_mod(netdev, IPOIB_HW_FLAGS, &caps, 1);
	netif_addr_unlock_bh(netdev);
	call_netdevice_notifiers(NETDEV_CHANGEADDR, netdev);
	if (netif_carrier_ok(netdev))
		__netdev_notify_peers(netdev);
}

static u64 sum(const struct ipoib_dev *ipd, enum ipoib_counter which)
{
	return ipoib_counter_sum(ipd->counters, which, which);
}

/**
 * ipoib_cm_stats() - what went over connections
 * @ipd: the interface
 * @stats: added to
 *
 * Context: Any.
 */
void ipoib_cm_stats(struct ipoib_dev *ipd, struct rtnl_link_stats64 *stats)
{
	stats->rx_packets += sum(ipd, IPOIB_CNT_CONN_RX_PACKETS);
	stats->rx_bytes += sum(ipd, IPOIB_CNT_CONN_RX_BYTES);
	stats->tx_packets += sum(ipd, IPOIB_CNT_CONN_TX_PACKETS);
	stats->tx_bytes += sum(ipd, IPOIB_CNT_CONN_TX_BYTES);
}

/* HCAs do not say whether they have connections: one is tried. */
static bool has_rc(struct ipoib_dev *ipd)
{
	struct ib_qp_init_attr init = {
		.send_cq = ipd->rx.cq,
		.recv_cq = ipd->rx.cq,
		.cap = {
			.max_send_wr = 1,
			.max_send_sge = 1,
			.max_recv_wr = 1,
			.max_recv_sge = 1,
		},
		.sq_sig_type = IB_SIGNAL_REQ_WR,
		.qp_type = IB_QPT_RC,
	};
	struct ib_qp *qp;

	if (!rdma_cap_ib_cm(ipd->ib, ipd->port))
		return false;
	qp = ib_create_qp(ipd->pd, &init);
	if (IS_ERR(qp))
		return false;
	ib_destroy_qp(qp);
	return true;
}

/**
 * ipoib_cm_init() - find out what the HCA can do
 * @ipd: the interface, its verbs objects made
 *
 * Context: Process, under RTNL.
 */
void ipoib_cm_init(struct ipoib_dev *ipd)
{
	const struct ib_device_attr *attrs = &ipd->ib->attrs;
	unsigned int sges = attrs->max_recv_sge;

	ipd->cm.srq = attrs->max_srq && attrs->max_srq_wr;
	if (ipd->cm.srq)
		sges = min_t(unsigned int, sges, attrs->max_srq_sge);
	ipd->cm.pages = min_t(unsigned int, sges, IPOIB_CM_PAGES);
	ipd->cm.mtu_max = ipoib_cm_mtu_max(ipd->cm.pages, PAGE_SIZE);
	ipd->cm.able = ipd->cm.mtu_max && has_rc(ipd) &&
		       (ipd->cm.srq || ipoib_max_nonsrq_conn_qp);
	if (ipd->cm.able)
		ipoib_cm_napis_add(ipd);
}

/**
 * ipoib_cm_exit() - wait until all connections are taken down
 * @ipd: the interface, down for good
 *
 * About a second at most, however many there are.
 *
 * Context: Process, under RTNL, without ctl.
 */
void ipoib_cm_exit(struct ipoib_dev *ipd)
{
	cancel_work_sync(&ipd->cm.start_work);
	flush_work(&ipd->cm.reap_work);
	/* What a QP said while it was taken down. Now there is none. */
	cancel_work_sync(&ipd->cm.reap_work);
	cancel_work_sync(&ipd->cm.too_big_work);
	skb_queue_purge(&ipd->cm.too_big);
	if (ipd->cm.able)
		ipoib_cm_napis_del(ipd);
	ipd->cm.able = false;
}

/**
 * ipoib_cm_alloc() - no connections yet
 * @ipd: the interface
 */
void ipoib_cm_alloc(struct ipoib_dev *ipd)
{
	struct ipoib_cm *cm = &ipd->cm;

	INIT_LIST_HEAD(&cm->send);
	INIT_LIST_HEAD(&cm->recv);
	INIT_LIST_HEAD(&cm->start);
	INIT_LIST_HEAD(&cm->dead_send);
	INIT_LIST_HEAD(&cm->dead_recv);
	INIT_WORK(&cm->start_work, ipoib_cm_start_work);
	INIT_WORK(&cm->reap_work, reap);
	INIT_WORK(&cm->too_big_work, ipoib_cm_too_big_work);
	mutex_init(&cm->rx_lock);
	skb_queue_head_init(&cm->too_big);
}
