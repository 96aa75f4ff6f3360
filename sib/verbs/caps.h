/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a channel adapter can do. HCAs differ, and a driver's every path must
 * be run, so these are parameters of the module, sampled when a device is
 * added.
 */
#ifndef SIB_VERBS_CAPS_H
#define SIB_VERBS_CAPS_H

#include <linux/if.h>
#include <linux/types.h>

/**
 * struct sib_caps - the capabilities of one HCA
 * @send_sge: SGEs of a send WR
 * @recv_sge: SGEs of a receive WR
 * @inline_data: octets of inline data in a send WR
 * @block_loopback: IB_QP_CREATE_BLOCK_MULTICAST_LOOPBACK is honoured
 * @cq_moderation: CQs can be moderated
 * @rc: RC and UC
 * @srq: shared receive queues
 * @csum: fills in and looks at the checksums of IP over UD
 * @lso: cuts TCP over UD; needs @csum
 * @dma: registered on a device that maps for DMA
 * @port2: netdev of a second port, empty for one port
 */
struct sib_caps {
	u16 send_sge;
	u16 recv_sge;
	u16 inline_data;
	bool block_loopback;
	bool cq_moderation;
	bool rc;
	bool srq;
	bool csum;
	bool lso;
	bool dma;
	char port2[IFNAMSIZ];
};

void sib_caps_sample(struct sib_caps *caps);

/* How long a packet waits for a receive WR, milliseconds; 0 is not at all. */
unsigned int sib_caps_park_ms(void);

#endif
