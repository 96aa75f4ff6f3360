/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The transmit side: queues of one QP, one CQ, one ring and one NAPI each.
 */
#ifndef IPOIB_TX_H
#define IPOIB_TX_H

#include <linux/cache.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>
#include <rdma/ib_verbs.h>

#include "ipoib/core/qpn.h"
#include "ipoib/core/ring.h"
#include "ipoib/neigh.h"

struct ipoib_ah;
struct ipoib_dev;
struct rtnl_link_stats64;

/* Completions taken from a CQ at a time. */
#define IPOIB_TX_POLL	16

/**
 * struct ipoib_tx_req - a packet in a ring
 * @skb: the packet; it keeps its owner until the HCA is done with it
 * @len: octets on the wire, encapsulation headers included
 * @packets: on the wire; more than one if the HCA cuts it
 * @hlen: octets of headers that the HCA repeats when it cuts; else 0
 * @wr: the work request
 * @sge: the packet's parts; the first is the linear one, if there is one
 */
struct ipoib_tx_req {
	struct sk_buff *skb;
	unsigned int len;
	u16 packets;
	u16 hlen;
	struct ib_ud_wr wr;
	struct ib_sge sge[];
};

/**
 * struct ipoib_txhw - what a queue has of the HCA, and its requests
 * @qp: sends; its number is in no address, so it has no receive buffers
 * @cq: of @qp
 * @req: @size requests
 * @size: of the ring
 *
 * Another size is another of these, exchanged as a whole.
 */
struct ipoib_txhw {
	struct ib_qp *qp;
	struct ib_cq *cq;
	void *req;
	u32 size;
};

/**
 * struct ipoib_txq - a transmit queue, or the place for one
 * @ipd: whose
 * @index: number of the queue
 * @open: packets are taken; written under the queue's xmit lock, or before it
 *	is taken and let go once
 * @hw: exchanged with ctl while the queue is closed and NAPI disabled
 * @napi: polls the CQ
 * @stride: octets of a request
 * @ring: head is the transmitter's, under the queue's xmit lock; tail is
 *	NAPI's. Each reads the other's. Both go on when @hw is exchanged.
 * @chain: first request that has not been posted yet; xmit lock
 * @chained: how many of them; xmit lock
 * @stops: how often the ring was full; xmit lock
 * @memo: the last packet's destination; xmit lock
 * @qpn: of the QP, for who asks whether a packet is our own; ctl
 * @syncp: for @packets and @bytes
 * @packets: handed to the HCA and done
 * @bytes: on the wire in them, encapsulation headers included
 * @wc: completions; NAPI's. On the stack, many kernels would clear this
 *	kilobyte for each poll
 */
struct ipoib_txq {
	struct ipoib_dev *ipd;
	unsigned int index;
	bool open;
	struct ipoib_txhw hw;
	struct napi_struct napi;
	unsigned int stride;
	struct ipoib_ring ring;
	u32 chain;
	unsigned int chained;
	unsigned long stops;
	struct ipoib_neigh_memo memo;
	struct ipoib_qpn qpn;
	struct u64_stats_sync syncp;
	u64_stats_t packets;
	u64_stats_t bytes;
	struct ib_wc wc[IPOIB_TX_POLL];
} ____cacheline_aligned_in_smp;

netdev_tx_t ipoib_start_xmit(struct sk_buff *skb, struct net_device *netdev);
u16 ipoib_select_queue(struct net_device *netdev, struct sk_buff *skb,
		       struct net_device *sb_dev);
void ipoib_tx_complete_one(struct ipoib_txq *q, u32 pos, int budget, bool sent);
int ipoib_tx_poll(struct napi_struct *napi, int budget);

/* tx_queue.c */
int ipoib_tx_alloc(struct ipoib_dev *ipd);
void ipoib_tx_free(struct ipoib_dev *ipd);
int ipoib_tx_create(struct ipoib_dev *ipd);
void ipoib_tx_destroy(struct ipoib_dev *ipd);
void ipoib_tx_start(struct ipoib_dev *ipd);
void ipoib_tx_close(struct ipoib_dev *ipd);
void ipoib_tx_stop(struct ipoib_dev *ipd);
void ipoib_tx_release(struct ipoib_dev *ipd);
unsigned int ipoib_tx_pending(struct ipoib_dev *ipd, unsigned int first);
void ipoib_tx_stats(struct ipoib_dev *ipd, struct rtnl_link_stats64 *stats);
void ipoib_txq_stats(struct ipoib_txq *q, u64 *packets, u64 *bytes);
bool ipoib_tx_is_own(struct ipoib_dev *ipd, u32 qpn);

/* tx_resize.c */
int ipoib_tx_resize(struct ipoib_dev *ipd, u32 size);
int ipoib_tx_set_count(struct ipoib_dev *ipd, unsigned int count);

/* tx_queue.c for tx_resize.c */
int ipoib_txhw_create(struct ipoib_txq *q, u32 size, struct ipoib_txhw *hw);
void ipoib_txhw_destroy(struct ipoib_txhw *hw);
void ipoib_txq_exchange(struct ipoib_txq *q, struct ipoib_txhw *hw);
void ipoib_txq_start(struct ipoib_txq *q);
void ipoib_txq_close(struct ipoib_txq *q);
void ipoib_txq_stop(struct ipoib_txq *q);
void ipoib_txq_reset(struct ipoib_txq *q);
int ipoib_txq_add(struct ipoib_txq *q);
void ipoib_txq_remove(struct ipoib_txq *q);

/* tx_post.c */
bool ipoib_tx_post(struct ipoib_txq *q, struct sk_buff *skb,
		   struct ipoib_ah *ah, u32 qpn);
void ipoib_tx_flush(struct ipoib_txq *q);

static inline struct ipoib_tx_req *ipoib_tx_req(const struct ipoib_txq *q,
						u32 position)
{
	return q->hw.req + ipoib_ring_slot(&q->ring, position) * q->stride;
}

/* What of the linear part is data to the HCA, which copies headers at once. */
static inline unsigned int ipoib_tx_linear(const struct ipoib_tx_req *req)
{
	return skb_headlen(req->skb) - req->hlen;
}

/* The HCA is done with what is mapped of a packet. Any context that owns it. */
static inline void ipoib_tx_unmap(struct ib_device *ib,
				  const struct ipoib_tx_req *req)
{
	const struct ib_sge *sge = req->sge, *end = sge + req->wr.wr.num_sge;

	if (sge < end && ipoib_tx_linear(req)) {
		ib_dma_unmap_single(ib, sge->addr, sge->length, DMA_TO_DEVICE);
		sge++;
	}
	for (; sge < end; sge++)
		ib_dma_unmap_page(ib, sge->addr, sge->length, DMA_TO_DEVICE);
}

/* For address handles: see ah.c. */
static inline u32 ipoib_tx_head(const struct ipoib_txq *q)
{
	return READ_ONCE(q->ring.head);
}

static inline bool ipoib_tx_behind(const struct ipoib_txq *q, u32 mark)
{
	return ipoib_ring_behind(READ_ONCE(q->ring.tail), mark);
}

#endif
