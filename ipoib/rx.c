// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Receiving datagrams. Buffers are fragments of pages, each with room for the
 * skb's tail, so that a packet is handed up without a copy; they are posted in
 * batches. Softirq, but for setting up and taking down.
 */
#include <linux/netdevice.h>
#include <linux/slab.h>

#include "ipoib/core/encap.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/main.h"
#include "ipoib/qp.h"
#include "ipoib/rx.h"
#include "ipoib/tx.h"

/* Buffers posted at a time, and how many must be missing before. */
#define BATCH		16
/* Before the packet: the room for a GRH, the encapsulation header. */
#define DATA_AT		(IPOIB_GRH_LEN + IPOIB_ENCAP_LEN)

/* A buffer: room for headers that others push, GRH, datagram, skb's tail. */
static void size_buffers(struct ipoib_rx *rx, unsigned int ib_mtu)
{
	rx->buf_len = IPOIB_GRH_LEN + ib_mtu;
	rx->truesize = SKB_DATA_ALIGN(NET_SKB_PAD + rx->buf_len) +
		       SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
}

static bool alloc_buffer(struct ipoib_dev *ipd, struct ipoib_rx_buf *buf)
{
	struct ipoib_rx *rx = &ipd->rx;

	buf->data = netdev_alloc_frag(rx->truesize);
	if (!buf->data)
		return false;
	buf->dma = ib_dma_map_single(ipd->ib, buf->data + NET_SKB_PAD,
				     rx->buf_len, DMA_FROM_DEVICE);
	if (!ib_dma_mapping_error(ipd->ib, buf->dma))
		return true;
	skb_free_frag(buf->data);
	buf->data = NULL;
	return false;
}

static void unmap_buffer(struct ipoib_dev *ipd, struct ipoib_rx_buf *buf)
{
	ib_dma_unmap_single(ipd->ib, buf->dma, ipd->rx.buf_len,
			    DMA_FROM_DEVICE);
}

static void free_buffer(struct ipoib_dev *ipd, struct ipoib_rx_buf *buf)
{
	if (!buf->data)
		return;
	unmap_buffer(ipd, buf);
	skb_free_frag(buf->data);
	buf->data = NULL;
}

/**
 * struct batch - receive WRs that are posted together
 * @wr: the WRs, chained
 * @sge: one for each
 * @count: how many
 */
struct batch {
	struct ib_recv_wr wr[BATCH];
	struct ib_sge sge[BATCH];
	unsigned int count;
};

static void add_to_batch(struct ipoib_dev *ipd, struct batch *batch, u32 pos)
{
	struct ipoib_rx *rx = &ipd->rx;
	struct ipoib_rx_buf *buf = &rx->buf[ipoib_ring_slot(&rx->ring, pos)];
	struct ib_recv_wr *wr = &batch->wr[batch->count];
	struct ib_sge *sge = &batch->sge[batch->count];

	sge->addr = buf->dma;
	sge->length = rx->buf_len;
	sge->lkey = ipd->pd->local_dma_lkey;
	wr->wr_id = pos;
	wr->sg_list = sge;
	wr->num_sge = 1;
	wr->next = NULL;
	if (batch->count)
		batch->wr[batch->count - 1].next = wr;
	batch->count++;
}

/* What the HCA does not take is given back; posting is tried again later. */
static int post_batch(struct ipoib_dev *ipd, struct batch *batch)
{
	struct ipoib_rx *rx = &ipd->rx;
	const struct ib_recv_wr *bad = NULL;
	unsigned int taken = batch->count;
	int err;

	if (!batch->count)
		return 0;
	err = ib_post_recv(rx->qp, batch->wr, &bad);
	if (err)
		taken = bad ? bad - batch->wr : 0;
	for (; batch->count > taken; batch->count--) {
		u32 pos = batch->wr[batch->count - 1].wr_id;

		free_buffer(ipd, &rx->buf[ipoib_ring_slot(&rx->ring, pos)]);
	}
	rx->ring.head += taken;
	return err;
}

/* How many buffers are missing. There may be too many, too, for a while. */
static u32 missing(const struct ipoib_rx *rx)
{
	u32 used = ipoib_ring_used(&rx->ring), want = READ_ONCE(rx->want);

	return used < want ? want - used : 0;
}

/* One batch; true if there may be room for another. */
static bool fill_some(struct ipoib_dev *ipd, int *err)
{
	struct ipoib_rx *rx = &ipd->rx;
	struct batch batch = { .count = 0 };
	u32 count = min_t(u32, missing(rx), BATCH);
	bool memory = true;

	while (batch.count < count) {
		u32 pos = rx->ring.head + batch.count;

		memory = alloc_buffer(ipd, &rx->buf[ipoib_ring_slot(&rx->ring,
								    pos)]);
		if (!memory)
			break;
		add_to_batch(ipd, &batch, pos);
	}
	*err = post_batch(ipd, &batch);
	if (!memory && !*err)
		*err = -ENOMEM;
	return !*err && missing(rx);
}

/*
 * Post buffers until there are enough; 0, or why there are not. Softirq, or
 * softirqs off with NAPI not running.
 */
static int fill(struct ipoib_dev *ipd)
{
	int err;

	while (fill_some(ipd, &err))
		;
	return err;
}

static bool is_own_source(struct ipoib_dev *ipd, const struct ib_wc *wc)
{
	if (wc->slid != READ_ONCE(ipd->lid))
		return false;
	return wc->src_qp == ipd->rx.qp->qp_num ||
	       ipoib_tx_is_own(ipd, wc->src_qp);
}

static void count(struct ipoib_rx *rx, unsigned int len, bool multicast)
{
	u64_stats_update_begin(&rx->syncp);
	u64_stats_inc(&rx->packets);
	u64_stats_add(&rx->bytes, len);
	if (multicast)
		u64_stats_inc(&rx->multicast);
	u64_stats_update_end(&rx->syncp);
}

/* Whoever resolves addresses says where he is. */
static void listen(struct ipoib_dev *ipd, const struct sk_buff *skb,
		   const struct ib_wc *wc, const u8 *grh)
{
	const u8 *gid;

	gid = ipoib_rx_announced_gid(be16_to_cpu(skb->protocol), skb->data,
				     skb_headlen(skb),
				     wc->wc_flags & IB_WC_GRH ? grh : NULL);
	if (gid)
		ipoib_path_announced(ipd, gid, wc->slid);
}

/*
 * The stack sees a MAC header of 20 zero octets and the encapsulation header:
 * the sender's hardware address is not known, and nobody may take the GRH for
 * one.
 */
static void dress(struct ipoib_dev *ipd, struct sk_buff *skb,
		  const struct ib_wc *wc, enum ipoib_rx_kind kind)
{
	static const u8 pkt_types[] = {
		[IPOIB_RX_HOST] = PACKET_HOST,
		[IPOIB_RX_MULTICAST] = PACKET_MULTICAST,
		[IPOIB_RX_BROADCAST] = PACKET_BROADCAST,
	};
	u8 *grh = skb->data;
	u8 *mac = grh + IPOIB_GRH_LEN - IPOIB_PSEUDO_LEN;

	skb->pkt_type = pkt_types[kind];
	skb->protocol = *(__be16 *)(grh + IPOIB_GRH_LEN);
	__skb_pull(skb, DATA_AT);
	if (skb->protocol == htons(IPOIB_TYPE_ARP) ||
	    (kind != IPOIB_RX_HOST && skb->protocol == htons(IPOIB_TYPE_IPV6)))
		listen(ipd, skb, wc, grh);
	memset(mac, 0, IPOIB_PSEUDO_LEN);
	skb->mac_header = mac - skb->head;
	skb_reset_network_header(skb);
	skb->dev = ipd->netdev;
	skb_record_rx_queue(skb, 0);
	if (likely(wc->wc_flags & IB_WC_IP_CSUM_OK &&
		   ipd->netdev->features & NETIF_F_RXCSUM))
		skb->ip_summed = CHECKSUM_UNNECESSARY;
}

/* One that is whole is handed up; a piece is begun with it, or goes on. */
static bool is_for_lro(struct ipoib_dev *ipd, const struct ib_wc *wc,
		       enum ipoib_rx_kind kind, const u8 *grh)
{
	return ipd->netdev->features & NETIF_F_LRO &&
	       wc->wc_flags & IB_WC_IP_CSUM_OK && kind == IPOIB_RX_HOST &&
	       get_unaligned_be16(grh + IPOIB_GRH_LEN) == IPOIB_TYPE_IPV4;
}

/* Is it for the stack? If not, that is counted. */
static bool is_wanted(struct ipoib_dev *ipd, enum ipoib_rx_kind kind,
		      const u8 *grh)
{
	u16 type = get_unaligned_be16(grh + IPOIB_GRH_LEN);

	if (unlikely(kind == IPOIB_RX_ECHO))
		ipoib_count(ipd, RX_ECHO);
	else if (unlikely(kind == IPOIB_RX_RUNT))
		ipoib_count(ipd, RX_RUNT);
	else if (unlikely(!ipoib_type_is_taken(type)))
		ipoib_count(ipd, RX_TYPE);
	else
		return true;
	return false;
}

static void receive(struct ipoib_dev *ipd, const struct ib_wc *wc, void *data)
{
	struct ipoib_rx_info info = {
		.len = wc->byte_len,
		.has_grh = wc->wc_flags & IB_WC_GRH,
		.own_source = is_own_source(ipd, wc),
	};
	struct ipoib_lro_slot *slot = NULL;
	enum ipoib_rx_kind kind;
	struct sk_buff *skb;

	kind = ipoib_rx_classify(&info, data + NET_SKB_PAD,
				 ipd->netdev->dev_addr,
				 ipd->netdev->broadcast);
	if (!is_wanted(ipd, kind, data + NET_SKB_PAD)) {
		skb_free_frag(data);
		return;
	}
	count(&ipd->rx, wc->byte_len - DATA_AT, kind == IPOIB_RX_MULTICAST);
	if (unlikely(is_for_lro(ipd, wc, kind, data + NET_SKB_PAD)) &&
	    ipoib_lro_take(ipd, data, NET_SKB_PAD + DATA_AT,
			   wc->byte_len - DATA_AT, &slot))
		return;
	skb = napi_build_skb(data, ipd->rx.truesize);
	if (!skb) {
		ipoib_count(ipd, RX_NO_MEMORY);
		skb_free_frag(data);
		return;
	}
	skb_reserve(skb, NET_SKB_PAD);
	__skb_put(skb, wc->byte_len);
	ipoib_dbg_data(ipd, "rx %u octets, slid %#x, qpn %#x\n", wc->byte_len,
		       wc->slid, wc->src_qp);
	dress(ipd, skb, wc, kind);
	if (unlikely(slot))
		slot->skb = skb;
	else
		napi_gro_receive(&ipd->rx.napi, skb);
}

static void handle_wc(struct ipoib_dev *ipd, const struct ib_wc *wc)
{
	struct ipoib_rx *rx = &ipd->rx;
	struct ipoib_rx_buf *buf;
	void *data;

	buf = &rx->buf[ipoib_ring_slot(&rx->ring, wc->wr_id)];
	rx->ring.tail++;
	if (wc->status != IB_WC_SUCCESS) {
		free_buffer(ipd, buf);
		ipoib_qp_recover(ipd);
		if (wc->status == IB_WC_WR_FLUSH_ERR)
			return;
		ipoib_count(ipd, RX_COMPLETION);
		ipoib_warn(ipd, "failed recv event (status=%d, wrid=%llu vend_err 0x%x)\n",
			   wc->status, wc->wr_id, wc->vendor_err);
		return;
	}
	unmap_buffer(ipd, buf);
	data = buf->data;
	buf->data = NULL;
	/* An HCA that says more than it could write must not be believed. */
	if (unlikely(wc->byte_len > rx->buf_len)) {
		ipoib_count(ipd, RX_COMPLETION);
		skb_free_frag(data);
		return;
	}
	receive(ipd, wc, data);
}

static int poll_cq(struct ipoib_dev *ipd, int budget)
{
	struct ipoib_rx *rx = &ipd->rx;
	int done = 0, n, i, room;

	/* Who gives fewer than there is room for has no more. */
	do {
		room = min(IPOIB_RX_POLL, budget - done);
		n = ib_poll_cq(rx->cq, room, rx->wc);
		for (i = 0; i < n; i++)
			handle_wc(ipd, &rx->wc[i]);
		done += max(n, 0);
	} while (n == room && done < budget);
	return done;
}

static int rx_poll(struct napi_struct *napi, int budget)
{
	struct ipoib_dev *ipd = container_of(napi, struct ipoib_dev, rx.napi);
	struct ipoib_rx *rx = &ipd->rx;
	int done = poll_cq(ipd, budget);

	ipoib_lro_flush(ipd);
	if (test_bit(IPOIB_FLAG_QPS_UP, &ipd->flags) &&
	    missing(rx) >= min_t(u32, BATCH, READ_ONCE(rx->want) / 2))
		fill(ipd);
	if (done == budget)
		return done;
	/* Without a buffer there would be no completion to bring us back. */
	if (test_bit(IPOIB_FLAG_QPS_UP, &ipd->flags) &&
	    !ipoib_ring_used(&rx->ring))
		mod_delayed_work(ipd->wq, &rx->refill, HZ / 10);
	if (READ_ONCE(rx->adaptive))
		ipoib_rx_measure(rx);
	if (napi_complete_done(napi, done) &&
	    ib_req_notify_cq(rx->cq, IB_CQ_NEXT_COMP |
				     IB_CQ_REPORT_MISSED_EVENTS) > 0)
		napi_schedule(napi);
	return done;
}

/**
 * ipoib_rx_poll_soon() - look whether there is something, and what is missing
 * @ipd: the interface
 *
 * While the QPs are being brought up packets come already, and no buffer is
 * posted for those that they take. When all are taken, nothing comes any more
 * that could tell.
 *
 * Context: Process.
 */
void ipoib_rx_poll_soon(struct ipoib_dev *ipd)
{
	local_bh_disable();
	napi_schedule(&ipd->rx.napi);
	local_bh_enable();
}

static void refill(struct work_struct *work)
{
	ipoib_rx_poll_soon(container_of(work, struct ipoib_dev,
					rx.refill.work));
}

static void rx_event(struct ib_cq *cq, void *context)
{
	struct ipoib_dev *ipd = context;

	napi_schedule(&ipd->rx.napi);
}

static void cq_error(struct ib_event *event, void *context)
{
	struct ipoib_dev *ipd = context;

	ipoib_warn(ipd, "receive CQ: event %d\n", event->event);
}

static int create_cq(struct ipoib_dev *ipd)
{
	struct ib_cq_init_attr attr = {
		.cqe = ipd->rx.ring.size,
		.comp_vector = (ipd->port - 1) % ipd->ib->num_comp_vectors,
	};
	struct ib_cq *cq;

	cq = ib_create_cq(ipd->ib, rx_event, cq_error, ipd, &attr);
	if (IS_ERR(cq))
		return PTR_ERR(cq);
	ipd->rx.cq = cq;
	return 0;
}

/**
 * ipoib_rx_create() - ring, CQ and NAPI; the QP is qp.c's
 * @ipd: the interface
 *
 * Context: Process, under RTNL.
 * Return: 0 or an error; ipoib_rx_destroy() is due in both cases.
 */
int ipoib_rx_create(struct ipoib_dev *ipd)
{
	struct ipoib_rx *rx = &ipd->rx;

	rx->ring.size = min(max_t(u32, ipoib_recv_queue_size,
				  IPOIB_RECVQ_ROOM),
			    ipoib_ring_limit(ipd->ib->attrs.max_qp_wr,
					     ipd->ib->attrs.max_cqe));
	rx->want = min_t(u32, ipoib_recv_queue_size, rx->ring.size);
	size_buffers(rx, ipd->mtu.link + IPOIB_ENCAP_LEN);
	u64_stats_init(&rx->syncp);
	INIT_DELAYED_WORK(&rx->refill, refill);
	rx->buf = kvcalloc(rx->ring.size, sizeof(*rx->buf), GFP_KERNEL);
	if (!rx->buf)
		return -ENOMEM;
	netif_napi_add(ipd->netdev, &rx->napi, rx_poll);
	ipoib_rx_moderate_init(rx);
	return create_cq(ipd);
}

/**
 * ipoib_rx_destroy() - and the end of them
 * @ipd: the interface, stopped; its QP is gone
 *
 * Context: Process, under RTNL.
 */
void ipoib_rx_destroy(struct ipoib_dev *ipd)
{
	struct ipoib_rx *rx = &ipd->rx;

	if (rx->cq) {
		ipoib_rx_moderate_exit(rx);
		ib_destroy_cq(rx->cq);
	}
	rx->cq = NULL;
	if (rx->buf) {
		cancel_delayed_work_sync(&rx->refill);
		netif_napi_del(&rx->napi);
	}
	kvfree(rx->buf);
	rx->buf = NULL;
}

/* What came while NAPI was off is found by the first poll. */
static void napi_on(struct ipoib_dev *ipd)
{
	napi_enable(&ipd->rx.napi);
	ipoib_rx_poll_soon(ipd);
}

/**
 * ipoib_rx_start() - fill the ring, arm the CQ
 * @ipd: the interface, its QP at least in INIT, NAPI disabled
 *
 * Context: Process.
 * Return: 0; -ENOMEM or an error of the HCA's if there is no buffer at all.
 */
int ipoib_rx_start(struct ipoib_dev *ipd)
{
	int err;

	local_bh_disable();
	err = fill(ipd);
	local_bh_enable();
	if (!ipoib_ring_used(&ipd->rx.ring))
		return err ?: -ENOMEM;
	napi_on(ipd);
	return 0;
}

/**
 * ipoib_rx_resize() - another number of buffers
 * @ipd: the interface; ctl is held
 * @count: how many, at least 1, at most the ring's size
 *
 * More are posted at once. Fewer there are when packets have come for those
 * that are too many; the HCA does not give them back.
 *
 * Context: Process.
 * Return: 0; -ENOMEM or an error of the HCA's, after which nothing is changed.
 */
int ipoib_rx_resize(struct ipoib_dev *ipd, u32 count)
{
	struct ipoib_rx *rx = &ipd->rx;
	u32 before = rx->want;
	int err;

	lockdep_assert_held(&ipd->ctl);
	WRITE_ONCE(rx->want, count);
	if (count <= before || !test_bit(IPOIB_FLAG_QPS_UP, &ipd->flags))
		return 0;
	/* The ring is NAPI's. */
	napi_disable(&rx->napi);
	local_bh_disable();
	err = fill(ipd);
	local_bh_enable();
	if (err)
		WRITE_ONCE(rx->want, before);
	napi_on(ipd);
	return err;
}

/**
 * ipoib_rx_empty() - have all buffers come back?
 * @ipd: the interface, its QP in ERR
 *
 * Return: true if so.
 */
bool ipoib_rx_empty(struct ipoib_dev *ipd)
{
	return READ_ONCE(ipd->rx.ring.head) == READ_ONCE(ipd->rx.ring.tail);
}

/**
 * ipoib_rx_stop() - NAPI off: nothing is handed up or posted after this
 * @ipd: the interface, its QPs not up
 *
 * Context: Process.
 */
void ipoib_rx_stop(struct ipoib_dev *ipd)
{
	cancel_delayed_work_sync(&ipd->rx.refill);
	napi_disable(&ipd->rx.napi);
}

/**
 * ipoib_rx_release() - buffers that did not come back are freed
 * @ipd: the interface, NAPI off, its QP in RESET or gone, so that the HCA uses
 *	none
 *
 * Context: Process.
 */
void ipoib_rx_release(struct ipoib_dev *ipd)
{
	struct ipoib_rx *rx = &ipd->rx;
	struct ib_wc wc;
	u32 i;

	/* Completions of a former life must not be taken for new ones. */
	while (ib_poll_cq(rx->cq, 1, &wc) > 0)
		;
	for (i = 0; i < rx->ring.size; i++)
		free_buffer(ipd, &rx->buf[i]);
	rx->ring.tail = rx->ring.head;
}

/**
 * ipoib_rx_stats() - what was received
 * @ipd: the interface
 * @stats: added to
 *
 * Context: Any.
 */
void ipoib_rx_stats(struct ipoib_dev *ipd, struct rtnl_link_stats64 *stats)
{
	struct ipoib_rx *rx = &ipd->rx;
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&rx->syncp);
		stats->rx_packets = u64_stats_read(&rx->packets);
		stats->rx_bytes = u64_stats_read(&rx->bytes);
		stats->multicast = u64_stats_read(&rx->multicast);
	} while (u64_stats_fetch_retry(&rx->syncp, start));
}
