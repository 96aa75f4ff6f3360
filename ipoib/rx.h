/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The receive side: one QP, whose number is in the interface's address.
 */
#ifndef IPOIB_RX_H
#define IPOIB_RX_H

#include <linux/dim.h>
#include <linux/netdevice.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>
#include <rdma/ib_verbs.h>

#include "ipoib/core/ring.h"
#include "ipoib/lro.h"

struct ipoib_dev;
struct rtnl_link_stats64;

/* Completions taken from the CQ at a time. */
#define IPOIB_RX_POLL	16

/**
 * struct ipoib_rx_buf - a receive buffer
 * @data: the memory, a fragment of a page
 * @dma: where the HCA writes
 */
struct ipoib_rx_buf {
	void *data;
	u64 dma;
};

/**
 * struct ipoib_rx - the receive side of an interface
 * @qp: lives as long as the interface; its number is the address
 * @cq: of @qp
 * @napi: polls @cq; all below is its own, or that of who has disabled it
 * @refill: polls again when there was no memory for a single buffer
 * @buf: places for @ring.size buffers, what the QP has room for
 * @ring: head counts buffers that were posted, tail those that came back
 * @want: so many are to be posted; written with ctl
 * @buf_len: octets that the HCA may write into a buffer
 * @truesize: octets of a buffer with all that belongs to it
 * @lro: packets that are handed up as one
 * @usecs: events of @cq may come so late, microseconds; written under RTNL
 * @frames: or after so many completions; likewise
 * @adaptive: both are found out by @dim instead; likewise
 * @dim: how that goes
 * @events: those of @cq that were dealt with; NAPI's
 * @syncp: for @packets, @bytes and @multicast
 * @packets: received and handed up
 * @bytes: of IP in them
 * @multicast: of them to groups
 * @wc: completions; not on the stack, for what struct ipoib_txq says
 */
struct ipoib_rx {
	struct ib_qp *qp;
	struct ib_cq *cq;
	struct napi_struct napi;
	struct delayed_work refill;
	struct ipoib_rx_buf *buf;
	struct ipoib_ring ring;
	u32 want;
	unsigned int buf_len;
	unsigned int truesize;
	struct ipoib_lro_table lro;
	u16 usecs;
	u16 frames;
	bool adaptive;
	u16 events;
	struct dim dim;
	struct u64_stats_sync syncp;
	u64_stats_t packets;
	u64_stats_t bytes;
	u64_stats_t multicast;
	struct ib_wc wc[IPOIB_RX_POLL];
};

int ipoib_rx_create(struct ipoib_dev *ipd);
void ipoib_rx_destroy(struct ipoib_dev *ipd);
int ipoib_rx_start(struct ipoib_dev *ipd);
void ipoib_rx_poll_soon(struct ipoib_dev *ipd);
int ipoib_rx_resize(struct ipoib_dev *ipd, u32 count);
bool ipoib_rx_empty(struct ipoib_dev *ipd);
void ipoib_rx_stop(struct ipoib_dev *ipd);
void ipoib_rx_release(struct ipoib_dev *ipd);
void ipoib_rx_stats(struct ipoib_dev *ipd, struct rtnl_link_stats64 *stats);

/* moderate.c */
void ipoib_rx_moderate_init(struct ipoib_rx *rx);
void ipoib_rx_moderate_exit(struct ipoib_rx *rx);
void ipoib_rx_measure(struct ipoib_rx *rx);
int ipoib_rx_moderate(struct ipoib_dev *ipd, u16 usecs, u16 frames,
		      bool adaptive);

#endif
