/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The transmit side: queues of one QP, one CQ, one ring and one NAPI each.
 */
#ifndef IPOIB_TX_H
#define IPOIB_TX_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>
#include <rdma/ib_verbs.h>

#include "ipoib/core/ring.h"

struct ipoib_ah;
struct ipoib_dev;
struct rtnl_link_stats64;

/**
 * struct ipoib_tx_req - a packet in a ring
 * @skb: the packet; it keeps its owner until the HCA is done with it
 * @len: octets on the wire, encapsulation header included
 * @wr: the work request
 * @sge: the packet's parts; the first is the linear one, if there is one
 */
struct ipoib_tx_req {
	struct sk_buff *skb;
	unsigned int len;
	struct ib_ud_wr wr;
	struct ib_sge sge[];
};

/**
 * struct ipoib_txq - a transmit queue
 * @ipd: whose
 * @index: number of the queue
 * @qp: sends; its number is in no address
 * @cq: of @qp
 * @napi: polls @cq
 * @req: @ring.size requests of @stride octets
 * @stride: octets of a request
 * @ring: head is the transmitter's, under the queue's xmit lock; tail is
 *	NAPI's. Each reads the other's.
 * @chain: first request that has not been posted yet; xmit lock
 * @chained: how many of them; xmit lock
 * @syncp: for @packets and @bytes
 * @packets: handed to the HCA and done
 * @bytes: on the wire in them, encapsulation headers included
 */
struct ipoib_txq {
	struct ipoib_dev *ipd;
	unsigned int index;
	struct ib_qp *qp;
	struct ib_cq *cq;
	struct napi_struct napi;
	void *req;
	unsigned int stride;
	struct ipoib_ring ring;
	u32 chain;
	unsigned int chained;
	struct u64_stats_sync syncp;
	u64_stats_t packets;
	u64_stats_t bytes;
};

int ipoib_tx_create(struct ipoib_dev *ipd);
void ipoib_tx_destroy(struct ipoib_dev *ipd);
void ipoib_tx_start(struct ipoib_dev *ipd);
unsigned int ipoib_tx_pending(struct ipoib_dev *ipd);
void ipoib_tx_stop(struct ipoib_dev *ipd);
void ipoib_tx_release(struct ipoib_dev *ipd);
netdev_tx_t ipoib_start_xmit(struct sk_buff *skb, struct net_device *netdev);
void ipoib_tx_stats(struct ipoib_dev *ipd, struct rtnl_link_stats64 *stats);

/* tx_post.c */
bool ipoib_tx_post(struct ipoib_txq *q, struct sk_buff *skb,
		   struct ipoib_ah *ah, u32 qpn);
void ipoib_tx_flush(struct ipoib_txq *q);
void ipoib_tx_unmap(struct ipoib_txq *q, struct ipoib_tx_req *req);

static inline struct ipoib_tx_req *ipoib_tx_req(const struct ipoib_txq *q,
						u32 position)
{
	return q->req + ipoib_ring_slot(&q->ring, position) * q->stride;
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
