// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Receiving on connections: buffers of whole pages, of which a packet takes as
 * many as it fills. A short packet is copied, and its buffer used again as it
 * is. Buffers belong to NAPI, but for making and ending.
 */
#include <linux/netdevice.h>
#include <linux/slab.h>

#include "ipoib/cm.h"
#include "ipoib/core/encap.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/main.h"

/* Copied altogether up to this; of what is longer, the headers. */
#define COPY_ALL	256
#define COPY_HEAD	128
/* How many buffers are given back to an SRQ at once. */
#define GIVE_BATCH	8

static bool map_page(struct ib_device *ib, struct page **page, u64 *dma,
		     gfp_t gfp)
{
	*page = alloc_page(gfp);
	if (!*page)
		return false;
	*dma = ib_dma_map_page(ib, *page, 0, PAGE_SIZE, DMA_FROM_DEVICE);
	if (!ib_dma_mapping_error(ib, *dma))
		return true;
	__free_page(*page);
	*page = NULL;
	return false;
}

static void unmap_page(struct ib_device *ib, struct page **page, u64 dma)
{
	ib_dma_unmap_page(ib, dma, PAGE_SIZE, DMA_FROM_DEVICE);
	__free_page(*page);
	*page = NULL;
}

/**
 * ipoib_cm_buf_fill() - pages for a receive buffer
 * @ipd: the interface
 * @buf: the buffer; pages that it has stay
 * @index: its, told with its completions
 *
 * Peers decide how many of them there are: the kernel is not to kill a process
 * for one.
 *
 * Context: Process.
 * Return: false without memory.
 */
bool ipoib_cm_buf_fill(struct ipoib_dev *ipd, struct ipoib_cm_buf *buf,
		       u32 index)
{
	struct ib_sge *sge = buf->sge;
	unsigned int i;

	for (i = 0; i < ipd->cm.pages; i++, sge++) {
		if (!buf->page[i] &&
		    !map_page(ipd->ib, &buf->page[i], &sge->addr,
			      GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN))
			return false;
		sge->length = PAGE_SIZE;
		sge->lkey = ipd->pd->local_dma_lkey;
	}
	buf->wr.wr_id = index;
	buf->wr.sg_list = buf->sge;
	buf->wr.num_sge = ipd->cm.pages;
	return true;
}

/**
 * ipoib_cm_bufs_free() - free receive buffers
 * @ipd: the interface
 * @buf: the buffers, which the HCA does not use; or NULL
 * @count: how many
 *
 * Context: Process.
 */
void ipoib_cm_bufs_free(struct ipoib_dev *ipd, struct ipoib_cm_buf *buf,
			u32 count)
{
	unsigned int page;
	u32 i;

	if (!buf)
		return;
	for (i = 0; i < count; i++)
		for (page = 0; page < ipd->cm.pages; page++)
			if (buf[i].page[page])
				unmap_page(ipd->ib, &buf[i].page[page],
					   buf[i].sge[page].addr);
	kvfree(buf);
}

/**
 * ipoib_cm_bufs_alloc() - receive buffers
 * @ipd: the interface
 * @count: how many
 *
 * Context: Process.
 * Return: the buffers, NULL without memory.
 */
struct ipoib_cm_buf *ipoib_cm_bufs_alloc(struct ipoib_dev *ipd, u32 count)
{
	struct ipoib_cm_buf *buf = kvcalloc(count, sizeof(*buf), GFP_KERNEL);
	u32 i;

	for (i = 0; buf && i < count; i++) {
		if (!ipoib_cm_buf_fill(ipd, &buf[i], i)) {
			ipoib_cm_bufs_free(ipd, buf, count);
			return NULL;
		}
	}
	return buf;
}

/**
 * ipoib_cm_post_recv() - give the HCA a buffer of a connection's own
 * @conn: the connection, without SRQ
 * @index: of the buffer
 *
 * Context: NAPI, or before there is a packet.
 * Return: 0 or the HCA's error.
 */
int ipoib_cm_post_recv(struct ipoib_rx_conn *conn, u32 index)
{
	int err = ib_post_recv(conn->c.qp, &conn->buf[index].wr, NULL);

	if (!err)
		WRITE_ONCE(conn->posted, conn->posted + 1);
	return err;
}

/*
 * What the SRQ does not take is tried again with the next packet. An HCA that
 * does not say which that is may have taken all: none is given twice.
 */
static void give_back(struct ipoib_cm_rxq *rxq)
{
	const struct ib_recv_wr *bad = NULL;

	if (!rxq->give)
		return;
	if (ib_post_srq_recv(rxq->srq, rxq->give, &bad) && bad) {
		rxq->give = (struct ib_recv_wr *)bad;
		return;
	}
	rxq->give = NULL;
	rxq->give_end = &rxq->give;
	rxq->num_give = 0;
}

/*
 * A connection that does not get its own buffer back would starve in the end:
 * it is ended, and the peer makes another.
 */
static void repost(struct ipoib_cm_rxq *rxq, struct ipoib_rx_conn *conn,
		   u32 index)
{
	struct ib_recv_wr *wr;

	if (conn->buf) {
		if (!READ_ONCE(conn->c.closing) &&
		    ipoib_cm_post_recv(conn, index))
			ipoib_rx_conn_lost(conn);
		return;
	}
	wr = &rxq->buf[index].wr;
	wr->next = NULL;
	*rxq->give_end = wr;
	rxq->give_end = &wr->next;
	if (++rxq->num_give >= GIVE_BATCH)
		give_back(rxq);
}

/* New pages for those that a packet takes; all or none. */
static bool replace(struct ipoib_dev *ipd, struct ipoib_cm_buf *buf,
		    struct page **old, unsigned int count)
{
	struct page *page[IPOIB_CM_PAGES];
	u64 dma[IPOIB_CM_PAGES];
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (map_page(ipd->ib, &page[i], &dma[i], GFP_ATOMIC))
			continue;
		while (i--)
			unmap_page(ipd->ib, &page[i], dma[i]);
		return false;
	}
	for (i = 0; i < count; i++) {
		ib_dma_unmap_page(ipd->ib, buf->sge[i].addr, PAGE_SIZE,
				  DMA_FROM_DEVICE);
		old[i] = buf->page[i];
		buf->page[i] = page[i];
		buf->sge[i].addr = dma[i];
	}
	return true;
}

static struct sk_buff *start_skb(struct ipoib_cm_rxq *rxq,
				 const struct page *page, unsigned int head)
{
	struct sk_buff *skb = napi_alloc_skb(rxq->napi,
					     IPOIB_PSEUDO_LEN + head);

	if (!skb)
		return NULL;
	memset(skb_put(skb, IPOIB_PSEUDO_LEN), 0, IPOIB_PSEUDO_LEN);
	skb_put_data(skb, page_address(page), head);
	return skb;
}

static struct sk_buff *copy(struct ipoib_cm_rxq *rxq,
			    struct ipoib_cm_buf *buf, unsigned int len)
{
	struct ib_device *ib = rxq->ipd->ib;
	u64 dma = buf->sge[0].addr;
	struct sk_buff *skb;

	ib_dma_sync_single_for_cpu(ib, dma, len, DMA_FROM_DEVICE);
	skb = start_skb(rxq, buf->page[0], len);
	ib_dma_sync_single_for_device(ib, dma, len, DMA_FROM_DEVICE);
	return skb;
}

static void add_page(struct sk_buff *skb, struct page *page,
		     unsigned int offset, unsigned int len)
{
	if (len)
		skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page, offset,
				len, PAGE_SIZE);
	else
		put_page(page);
}

static struct sk_buff *take_pages(struct ipoib_cm_rxq *rxq,
				  struct ipoib_cm_buf *buf, unsigned int len)
{
	unsigned int count = DIV_ROUND_UP(len, PAGE_SIZE), i;
	struct page *page[IPOIB_CM_PAGES];
	struct sk_buff *skb;

	if (!replace(rxq->ipd, buf, page, count))
		return NULL;
	skb = start_skb(rxq, page[0], COPY_HEAD);
	for (i = 0; i < count; i++) {
		unsigned int from = i ? 0 : COPY_HEAD;
		unsigned int part = min_t(unsigned int, len, PAGE_SIZE);

		if (skb)
			add_page(skb, page[i], from, part - from);
		else
			put_page(page[i]);
		len -= part;
	}
	return skb;
}

static void hand_up(struct ipoib_cm_rxq *rxq, struct sk_buff *skb)
{
	struct ipoib_dev *ipd = rxq->ipd;

	skb_reset_mac_header(skb);
	skb->protocol = *(__be16 *)(skb->data + IPOIB_PSEUDO_LEN);
	skb_pull(skb, IPOIB_HARD_LEN);
	skb_reset_network_header(skb);
	skb->pkt_type = PACKET_HOST;
	skb->dev = ipd->netdev;
	skb_record_rx_queue(skb, 0);
	ipoib_count(ipd, CONN_RX_PACKETS);
	ipoib_count_many(ipd, CONN_RX_BYTES, skb->len);
	ipoib_dbg_cm_data(ipd, "rx %u octets\n", skb->len);
	napi_gro_receive(rxq->napi, skb);
}

static void receive(struct ipoib_cm_rxq *rxq, struct ipoib_cm_buf *buf,
		    unsigned int len)
{
	struct ipoib_dev *ipd = rxq->ipd;
	struct sk_buff *skb;

	if (len <= IPOIB_ENCAP_LEN) {
		ipoib_count(ipd, RX_RUNT);
		return;
	}
	if (!test_bit(IPOIB_FLAG_OPEN, &ipd->flags)) {
		ipoib_count(ipd, RX_NOT_READY);
		return;
	}
	skb = len <= COPY_ALL ? copy(rxq, buf, len) :
				take_pages(rxq, buf, len);
	if (!skb) {
		ipoib_count(ipd, RX_NO_MEMORY);
		return;
	}
	if (!ipoib_type_is_taken(get_unaligned_be16(skb->data +
						    IPOIB_PSEUDO_LEN))) {
		ipoib_count(ipd, RX_TYPE);
		dev_kfree_skb_any(skb);
		return;
	}
	hand_up(rxq, skb);
}

static void failed(struct ipoib_rx_conn *conn, const struct ib_wc *wc)
{
	struct ipoib_dev *ipd = conn->c.ipd;

	if (wc->status != IB_WC_WR_FLUSH_ERR) {
		ipoib_count(ipd, RX_COMPLETION);
		ipoib_warn(ipd, "failed cm recv event (status=%d, wrid=%llu vend_err 0x%x)\n",
			   wc->status, wc->wr_id, wc->vendor_err);
	}
	ipoib_rx_conn_lost(conn);
}

static void handle_wc(struct ipoib_cm_rxq *rxq, const struct ib_wc *wc)
{
	struct ipoib_rx_conn *conn = container_of(wc->qp->qp_context,
						  struct ipoib_rx_conn, c);
	struct ipoib_cm_buf *buf = conn->buf ?: rxq->buf;
	unsigned int max = rxq->ipd->cm.pages * PAGE_SIZE;
	u32 index = wc->wr_id;

	if (conn->buf)
		WRITE_ONCE(conn->posted, conn->posted - 1);
	if (unlikely(wc->status != IB_WC_SUCCESS)) {
		failed(conn, wc);
	} else if (unlikely(wc->byte_len > max)) {
		/* An HCA that says more than it could write. */
		ipoib_count(rxq->ipd, RX_COMPLETION);
	} else {
		receive(rxq, &buf[index], wc->byte_len);
		ipoib_conn_count(&conn->c, wc->byte_len);
	}
	repost(rxq, conn, index);
}

/**
 * ipoib_cm_poll() - NAPI of a queue
 * @napi: its
 * @budget: how many completions at most
 *
 * Return: how many there were.
 */
int ipoib_cm_poll(struct napi_struct *napi, int budget)
{
	struct ipoib_cm_rxq *rxq = container_of(napi, struct ipoib_cm_napi,
						napi)->rxq;
	int done = 0, n, i, room;

	/* Who gives fewer than there is room for has no more. */
	do {
		room = min(IPOIB_RX_POLL, budget - done);
		n = ib_poll_cq(rxq->cq, room, rxq->wc);
		for (i = 0; i < n; i++)
			handle_wc(rxq, &rxq->wc[i]);
		done += max(n, 0);
	} while (n == room && done < budget);
	give_back(rxq);
	ipoib_cm_rxq_grow(rxq, done);
	if (done == budget)
		return done;
	WRITE_ONCE(rxq->passes, rxq->passes + 1);
	if (napi_complete_done(napi, done) &&
	    ib_req_notify_cq(rxq->cq, IB_CQ_NEXT_COMP |
				      IB_CQ_REPORT_MISSED_EVENTS) > 0)
		napi_schedule(napi);
	return done;
}
