// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The module's parameters and their sampling. Process context.
 */
#include <linux/kernel.h>
#include <linux/moduleparam.h>

#include "sib/fabric/link.h"
#include "sib/verbs/caps.h"

/* MAX_SKB_FRAGS of a usual kernel and a head: what IPoIB asks for. */
static unsigned int send_sge = 32;
module_param(send_sge, uint, 0644);
MODULE_PARM_DESC(send_sge, "SGEs of a send WR, 2 to 64 (new devices)");

static unsigned int recv_sge = 32;
module_param(recv_sge, uint, 0644);
MODULE_PARM_DESC(recv_sge, "SGEs of a receive WR, 1 to 64 (new devices)");

static unsigned int inline_data = 64;
module_param(inline_data, uint, 0644);
MODULE_PARM_DESC(inline_data, "octets of inline data, 0 to 512 (new devices)");

static bool block_loopback = true;
module_param(block_loopback, bool, 0644);
MODULE_PARM_DESC(block_loopback, "a QP can do without its own multicasts (new devices)");

static bool cq_moderation = true;
module_param(cq_moderation, bool, 0644);
MODULE_PARM_DESC(cq_moderation, "completion events can be moderated (new devices)");

static bool rc = true;
module_param(rc, bool, 0644);
MODULE_PARM_DESC(rc, "reliable and unreliable connections (new devices)");

static bool srq = true;
module_param(srq, bool, 0644);
MODULE_PARM_DESC(srq, "shared receive queues, for connections (new devices)");

static bool csum = true;
module_param(csum, bool, 0644);
MODULE_PARM_DESC(csum, "checksums of IP over datagrams (new devices)");

static bool lso = true;
module_param(lso, bool, 0644);
MODULE_PARM_DESC(lso, "segmentation of TCP over datagrams; needs csum (new devices)");

static bool dma;
module_param(dma, bool, 0644);
MODULE_PARM_DESC(dma, "register on a device that maps for DMA (new devices)");

static char port2[IFNAMSIZ];
module_param_string(port2, port2, sizeof(port2), 0644);
MODULE_PARM_DESC(port2, "netdev of a second port (the next new device)");

module_param_named(crc, sib_always_crc, bool, 0644);
MODULE_PARM_DESC(crc, "ICRC and VCRC on cables inside one kernel too (links that train from now on)");

static unsigned int park_ms = 1000;
module_param(park_ms, uint, 0644);
MODULE_PARM_DESC(park_ms, "how long a datagram waits for a receive WR, ms; 0 drops it, as hardware does");

/**
 * sib_caps_sample() - what the next device can do
 * @caps: filled
 *
 * The second port is given to one device only.
 *
 * Context: Process.
 */
void sib_caps_sample(struct sib_caps *caps)
{
	kernel_param_lock(THIS_MODULE);
	caps->send_sge = clamp(send_sge, 2U, 64U);
	caps->recv_sge = clamp(recv_sge, 1U, 64U);
	caps->inline_data = min(inline_data, 512U);
	caps->block_loopback = block_loopback;
	caps->cq_moderation = cq_moderation;
	caps->rc = rc;
	caps->srq = rc && srq;
	caps->csum = csum;
	caps->lso = csum && lso;
	caps->dma = dma;
	strscpy(caps->port2, strim(port2), sizeof(caps->port2));
	port2[0] = '\0';
	kernel_param_unlock(THIS_MODULE);
}

/**
 * sib_caps_park_ms() - how long a datagram waits for a receive WR
 *
 * Context: Any.
 * Return: milliseconds, at most 10,000.
 */
unsigned int sib_caps_park_ms(void)
{
	return min(READ_ONCE(park_ms), 10000U);
}
