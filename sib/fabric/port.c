// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The life of a port, without its cable. Process context.
 */
#include "sib/fabric/link.h"
#include "sib/fabric/port.h"

/**
 * sib_port_init() - a port without a cable
 * @port: zeroed memory
 * @agent: of its node; must outlive the port
 * @num: port number
 * @ops: its owner
 *
 * Context: Process.
 * Return: 0 or -ENOMEM.
 */
int sib_port_init(struct sib_port *port, struct sib_agent *agent, u8 num,
		  const struct sib_port_ops *ops)
{
	port->stats = alloc_percpu_gfp(struct sib_stats, GFP_KERNEL_ACCOUNT);
	if (!port->stats)
		return -ENOMEM;
	port->agent = agent;
	port->num = num;
	port->ops = ops;
	sib_link_init(port);
	return 0;
}

/**
 * sib_port_destroy() - the end of a port
 * @port: unplugged, its link stopped; or never initialised, but zero
 *
 * Context: Process.
 */
void sib_port_destroy(struct sib_port *port)
{
	free_percpu(port->stats);
	port->stats = NULL;
}

/**
 * sib_port_drop() - drop a packet with bad headers
 * @port: where it came in
 * @skb: the packet; consumed
 * @verdict: why, not SIB_HDR_OK
 *
 * Context: Softirq.
 */
void sib_port_drop(struct sib_port *port, struct sk_buff *skb,
		   enum sib_hdr_verdict verdict)
{
	static const enum sib_stat stat_of[] = {
		[SIB_HDR_RUNT] = SIB_STAT_RX_RUNT,
		[SIB_HDR_LENGTH] = SIB_STAT_RX_BAD_LENGTH,
		[SIB_HDR_VERSION] = SIB_STAT_RX_BAD_VERSION,
		[SIB_HDR_RAW] = SIB_STAT_RX_RAW,
		[SIB_HDR_OPCODE] = SIB_STAT_RX_BAD_OPCODE,
	};

	this_cpu_inc(port->stats->own[stat_of[verdict]]);
	sib_port_count_pma(port, RCV_ERRORS);
	kfree_skb(skb);
}
