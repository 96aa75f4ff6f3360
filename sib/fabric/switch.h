/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The switch: a netdev of kind "sibsw" whose lower devices are its cables. It
 * is no ib_device; ib_core's support for those of switches has holes.
 */
#ifndef SIB_FABRIC_SWITCH_H
#define SIB_FABRIC_SWITCH_H

#include <linux/interrupt.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include "sib/agent/agent.h"

/* External ports. Never changes while a switch lives: OpenSM sizes its table
 * of ports when it first sees a node.
 */
#define SIB_SWITCH_PORTS	36

/**
 * struct sib_switch - a switch, in the private area of its netdev
 * @agent: SMA, PMA, tables and ports
 * @dev: the netdev
 * @deferred: multicasts that wait until they can be copied
 * @defer_task: copies them
 * @entry: on the list of switches
 */
struct sib_switch {
	struct sib_agent agent;
	struct net_device *dev;
	struct sk_buff_head deferred;
	struct tasklet_struct defer_task;
	struct list_head entry;
};

int sib_switch_start(void);
void sib_switch_stop(void);

/* forward.c, used by switch.c */
void sib_forward_init(struct sib_switch *sw);
void sib_forward_stop(struct sib_switch *sw);
void sib_forward_bundle(struct sib_port *port, struct sk_buff *skb,
			struct sib_hdr *hdr);
void sib_forward_rx(struct sib_port *port, struct sk_buff *skb,
		    struct sib_hdr *hdr);
void sib_forward_send(struct sib_agent *agent, u8 port, struct sk_buff *skb);

#endif
