// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Packets on connections: from a transmit queue to the ring of a connection,
 * and from its completions back to the stack. Each connection has a lock, a
 * ring and a CQ of its own, so none waits for another. Softirqs off.
 */
#include <linux/netdevice.h>
#include <linux/slab.h>

#include "ipoib/cm.h"
#include "ipoib/debug.h"
#include "ipoib/core/conn_fsm.h"
#include "ipoib/dev.h"
#include "ipoib/drop.h"
#include "ipoib/tx.h"

static void drop(struct ipoib_dev *ipd, struct sk_buff *skb,
		 enum ipoib_counter why)
{
	this_cpu_inc(ipd->counters->n[why]);
	ipoib_drop_skb(skb, why);
}

static void unmap(struct ib_device *ib, const struct ipoib_cm_req *req)
{
	const struct ib_sge *sge = req->sge, *end = sge + req->mapped;

	if (sge < end && skb_headlen(req->skb)) {
		ib_dma_unmap_single(ib, sge->addr, sge->length, DMA_TO_DEVICE);
		sge++;
	}
	for (; sge < end; sge++)
		ib_dma_unmap_page(ib, sge->addr, sge->length, DMA_TO_DEVICE);
}

static bool add(struct ipoib_dev *ipd, struct ipoib_cm_req *req, u64 dma,
		unsigned int len)
{
	struct ib_sge *sge = &req->sge[req->mapped];

	if (ib_dma_mapping_error(ipd->ib, dma))
		return false;
	sge->addr = dma;
	sge->length = len;
	sge->lkey = ipd->pd->local_dma_lkey;
	req->mapped++;
	return true;
}

static bool map(struct ipoib_dev *ipd, struct ipoib_cm_req *req)
{
	struct ib_device *ib = ipd->ib;
	struct sk_buff *skb = req->skb;
	unsigned int i;

	req->mapped = 0;
	if (skb_headlen(skb) &&
	    !add(ipd, req,
		 ib_dma_map_single(ib, skb->data, skb_headlen(skb),
				   DMA_TO_DEVICE), skb_headlen(skb)))
		return false;
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];
		unsigned int len = skb_frag_size(frag);

		if (!add(ipd, req,
			 ib_dma_map_page(ib, skb_frag_page(frag),
					 skb_frag_off(frag), len,
					 DMA_TO_DEVICE), len)) {
			unmap(ib, req);
			return false;
		}
	}
	return true;
}

static bool fits(struct ipoib_dev *ipd, struct sk_buff *skb)
{
	unsigned int parts = skb_shinfo(skb)->nr_frags + !!skb_headlen(skb);

	return parts <= ipd->max_send_sge || !skb_linearize(skb);
}

/* There is room in the ring. False: the HCA takes no more, @conn is lost. */
static bool post_one_locked(struct ipoib_tx_conn *conn, struct sk_buff *skb)
{
	u32 slot = ipoib_ring_slot(&conn->ring, conn->ring.head);
	struct ipoib_cm_req *req = &conn->req[slot];
	struct ipoib_dev *ipd = conn->c.ipd;
	struct ib_send_wr wr = {
		.wr_cqe = &req->cqe,
		.sg_list = req->sge,
		.opcode = IB_WR_SEND,
		.send_flags = IB_SEND_SIGNALED,
	};

	/* Of the time before the mode was changed: the HCA does not do it. */
	if (unlikely(skb->ip_summed == CHECKSUM_PARTIAL) &&
	    skb_checksum_help(skb)) {
		drop(ipd, skb, IPOIB_CNT_TX_NO_MEMORY);
		return true;
	}
	if (unlikely(!fits(ipd, skb))) {
		drop(ipd, skb, IPOIB_CNT_TX_LINEARIZE);
		return true;
	}
	req->skb = skb;
	if (unlikely(!map(ipd, req))) {
		drop(ipd, skb, IPOIB_CNT_TX_DMA);
		return true;
	}
	wr.num_sge = req->mapped;
	ipoib_dbg_cm_data(ipd, "tx %u octets on qpn %#x\n", skb->len,
			  conn->c.qp->qp_num);
	skb_tx_timestamp(skb);
	if (unlikely(ib_post_send(conn->c.qp, &wr, NULL))) {
		unmap(ipd->ib, req);
		drop(ipd, skb, IPOIB_CNT_TX_POST);
		return false;
	}
	conn->ring.head++;
	return true;
}

/* False: @conn is lost. */
static bool pump_locked(struct ipoib_tx_conn *conn)
{
	struct sk_buff *skb;

	while (conn->up && ipoib_ring_free(&conn->ring) &&
	       (skb = __skb_dequeue(&conn->backlog)))
		if (!post_one_locked(conn, skb))
			return false;
	return true;
}

static void send(struct ipoib_tx_conn *conn, struct sk_buff *skb)
{
	bool good = true;

	spin_lock(&conn->tx_lock);
	if (unlikely(!conn->up))
		drop(conn->c.ipd, skb, IPOIB_CNT_TX_CONN_LOST);
	else if (likely(ipoib_ring_free(&conn->ring) &&
			skb_queue_empty(&conn->backlog)))
		good = post_one_locked(conn, skb);
	else if (skb_queue_len(&conn->backlog) < IPOIB_CM_BACKLOG)
		__skb_queue_tail(&conn->backlog, skb);
	else
		drop(conn->c.ipd, skb, IPOIB_CNT_TX_CONN_FULL);
	spin_unlock(&conn->tx_lock);
	if (unlikely(!good))
		ipoib_tx_conn_event(conn, IPOIB_CONN_LOSE);
}

/* Must it go over UD although there is a connection? */
static bool is_resolution(const struct sk_buff *skb)
{
	unsigned int len = skb->len - IPOIB_HARD_LEN;
	u8 head[IPOIB_CM_RESOLVES_LEN];
	const u8 *ip;

	len = min_t(unsigned int, len, sizeof(head));
	ip = skb_header_pointer(skb, IPOIB_HARD_LEN, len, head);
	return ip && ipoib_cm_resolves(get_unaligned_be16(skb->data +
							  IPOIB_PSEUDO_LEN),
				       ip, len);
}

/* Does the peer take connections, and we? */
static bool announces(const struct ipoib_dev *ipd, u8 peer)
{
	u8 own = ipd->netdev->dev_addr[IPOIB_HW_FLAGS];

	return ipoib_cm_via(own, peer) != IPOIB_VIA_UD;
}

/*
 * There is no connection for the moment. A packet that is too large for UD is
 * lost if there was one, and will be in a tenth of a second: told of an MTU,
 * its sender would keep to that for ten minutes.
 */
static bool was_lost(struct ipoib_dev *ipd, struct ipoib_neigh *neigh,
		     struct sk_buff *skb)
{
	if (skb->len <= ipoib_ud_max(ipd) || !READ_ONCE(neigh->conn_lost))
		return false;
	drop(ipd, skb, IPOIB_CNT_TX_CONN_LOST);
	return true;
}

/**
 * ipoib_cm_xmit() - send a packet over a connection, if there is to be one
 * @q: the queue that it comes from
 * @neigh: its destination, a unicast one that has a handle
 * @skb: the packet, behind its pseudo header
 * @peer: flags octet of the destination's address
 *
 * While there is none yet, what fits goes over UD; what does not, waits.
 *
 * Context: Under RCU, softirqs off, in connected mode.
 * Return: true if @skb was taken; false if it is to go over UD.
 */
bool ipoib_cm_xmit(struct ipoib_txq *q, struct ipoib_neigh *neigh,
		   struct sk_buff *skb, u8 peer)
{
	struct ipoib_dev *ipd = q->ipd;
	struct ipoib_tx_conn *conn = rcu_dereference(neigh->conn);
	unsigned int mtu;

	if (neigh->mcast || !announces(ipd, peer) || is_resolution(skb))
		return false;
	/* Likewise of that time: the datagrams' QPs cut it. */
	if (unlikely(skb_is_gso(skb)))
		return false;
	if (unlikely(!conn)) {
		if (time_before(jiffies, READ_ONCE(neigh->conn_retry)))
			return was_lost(ipd, neigh, skb);
		ipoib_cm_want(ipd, neigh, peer);
	}
	/*
	 * Pairs with the release when it is opened. Goes round only if somebody
	 * else has changed the connection's state meanwhile.
	 */
	while (unlikely(!conn || !smp_load_acquire(&conn->up))) {
		if (skb->len <= ipoib_ud_max(ipd))
			return false;
		if (ipoib_cm_wait(ipd, neigh, skb))
			return true;
		conn = rcu_dereference(neigh->conn);
		if (!conn)
			return was_lost(ipd, neigh, skb);
	}
	mtu = READ_ONCE(conn->mtu);
	if (unlikely(skb->len > mtu + IPOIB_PSEUDO_LEN)) {
		if (skb->len <= ipoib_ud_max(ipd))
			return false;
		/* What does not go over the connection has UD. */
		ipoib_cm_too_big(ipd, skb, max(mtu - IPOIB_ENCAP_LEN,
					       READ_ONCE(ipd->mtu.group)));
		return true;
	}
	__skb_pull(skb, IPOIB_PSEUDO_LEN);
	send(conn, skb);
	return true;
}

static void finish(struct ipoib_tx_conn *conn, struct ipoib_cm_req *req,
		   bool good)
{
	struct ipoib_dev *ipd = conn->c.ipd;
	struct sk_buff *skb = req->skb;

	unmap(ipd->ib, req);
	req->skb = NULL;
	if (unlikely(!good)) {
		drop(ipd, skb, IPOIB_CNT_TX_CONN_LOST);
		return;
	}
	ipoib_count(ipd, CONN_TX_PACKETS);
	ipoib_count_many(ipd, CONN_TX_BYTES, skb->len);
	ipoib_conn_count(&conn->c, skb->len);
	dev_consume_skb_any(skb);
}

static void sent(struct ib_cq *cq, struct ib_wc *wc)
{
	struct ipoib_cm_req *req = container_of(wc->wr_cqe,
						struct ipoib_cm_req, cqe);
	struct ipoib_tx_conn *conn = cq->cq_context;
	bool good = wc->status == IB_WC_SUCCESS;

	spin_lock_bh(&conn->tx_lock);
	finish(conn, req, good);
	conn->ring.tail++;
	good = good && pump_locked(conn);
	spin_unlock_bh(&conn->tx_lock);
	if (likely(good))
		return;
	if (wc->status != IB_WC_SUCCESS)
		ipoib_tx_conn_report(conn, wc, req - conn->req);
	ipoib_tx_conn_event(conn, IPOIB_CONN_LOSE);
}

/**
 * ipoib_cm_post_init() - ring and CQ of a connection
 * @conn: the connection
 *
 * Context: Process.
 * Return: 0 or an error; ipoib_cm_post_exit() is due in both cases.
 */
int ipoib_cm_post_init(struct ipoib_tx_conn *conn)
{
	struct ib_cq *cq;
	u32 i;

	conn->ring.size = IPOIB_CM_RING;
	conn->req = kvcalloc(conn->ring.size, sizeof(*conn->req), GFP_KERNEL);
	if (!conn->req)
		return -ENOMEM;
	for (i = 0; i < conn->ring.size; i++)
		conn->req[i].cqe.done = sent;
	cq = ib_alloc_cq_any(conn->c.ipd->ib, conn, conn->ring.size + 1,
			     IB_POLL_SOFTIRQ);
	if (IS_ERR(cq))
		return PTR_ERR(cq);
	conn->cq = cq;
	return 0;
}

/**
 * ipoib_cm_post_done() - has the HCA done with all packets?
 * @conn: the connection, its QP in ERR
 *
 * Return: true if so.
 */
bool ipoib_cm_post_done(struct ipoib_tx_conn *conn)
{
	return READ_ONCE(conn->ring.head) == READ_ONCE(conn->ring.tail);
}

/**
 * ipoib_cm_post_exit() - the end of them
 * @conn: the connection, its QP gone, so that the HCA uses no packet
 *
 * Context: Process.
 */
void ipoib_cm_post_exit(struct ipoib_tx_conn *conn)
{
	struct ipoib_dev *ipd = conn->c.ipd;
	struct sk_buff *skb;

	if (conn->cq)
		ib_free_cq(conn->cq);
	local_bh_disable();
	while (!ipoib_cm_post_done(conn)) {
		u32 slot = ipoib_ring_slot(&conn->ring, conn->ring.tail);

		finish(conn, &conn->req[slot], false);
		conn->ring.tail++;
	}
	while ((skb = __skb_dequeue(&conn->backlog)))
		drop(ipd, skb, IPOIB_CNT_TX_CONN_LOST);
	local_bh_enable();
	kvfree(conn->req);
}
