/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A port: one end of a cable, of a channel adapter or of a switch. What both
 * have in common, the cable, its training and the counters, is here; what a
 * packet means is up to the owner.
 *
 * Locking: everything about the link is under the lock of the agent, which is
 * that of the node. The data path reads @cable under RCU, and the fields
 * marked so with READ_ONCE(); a frame that races with a training is told by
 * its session.
 */
#ifndef SIB_FABRIC_PORT_H
#define SIB_FABRIC_PORT_H

#include <linux/interrupt.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/timer.h>
#include <linux/types.h>

#include "sib/core/hdr.h"
#include "sib/core/lsm.h"
#include "sib/fabric/stats.h"

struct sib_agent;
struct sib_port;

/**
 * struct sib_port_ops - the owner of a port
 * @rx: a packet came in, @skb->data at its LRH, @skb->len that of the packet;
 *	@hdr has what sib_lrh_parse() finds. Softirq, under RCU. Consumes @skb.
 * @rx_bundle: a bundle came in, @skb->data at its first LRH, linear; @hdr as
 *	sib_bundle_parse() fills it. Softirq, under RCU. Consumes @skb.
 * @cable_gone: the cable is being unregistered, or moves to another namespace
 *	(its reg_state tells). RTNL is held.
 */
struct sib_port_ops {
	void (*rx)(struct sib_port *port, struct sk_buff *skb,
		   struct sib_hdr *hdr);
	void (*rx_bundle)(struct sib_port *port, struct sk_buff *skb,
			  struct sib_hdr *hdr);
	void (*cable_gone)(struct sib_port *port, struct net_device *dev);
};

/**
 * struct sib_skb_cb - what we keep on an skb while it is ours
 * @has_icrc: the ICRC field holds an ICRC
 * @loopback: the packet never was on a cable
 * @hops: switches that it has passed, the one that has it now included
 * @packets: how many of them a bundle is; 0 or 1 for a single one
 * @expires: parked packets: when it is given up, jiffies
 */
struct sib_skb_cb {
	bool has_icrc;
	bool loopback;
	u8 hops;
	u16 packets;
	unsigned long expires;
};

static inline struct sib_skb_cb *sib_skb_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct sib_skb_cb) > sizeof(skb->cb));
	return (struct sib_skb_cb *)skb->cb;
}

/**
 * struct sib_port - a port
 * @agent: of its node
 * @ops: its owner
 * @num: port number
 * @alive: may be used; false before set-up and from tear-down on
 * @cable: the netdev, NULL without one; RCU, written under RTNL
 * @tracker: of the reference on @cable
 * @lsm: enum sib_lsm_state; agent lock
 * @session: of the current training; agent lock, read by the data path
 * @peer: the other end; agent lock, @peer.session, @peer.mac and
 *	@peer.cable_mtu read by the data path while the port is up
 * @crc: frames carry ICRC and VCRC; agent lock, read by the data path
 * @silent: ticks without a word from the peer; agent lock
 * @timer: polls and keeps alive
 * @later: orders that wait for a reply to go out first, a bit for each event;
 *	agent lock
 * @later_timer: ends the wait
 * @outq: link messages and traps that wait for @out_task
 * @out_task: sends them, for they may come from where nothing can be sent
 * @stats: counters
 */
struct sib_port {
	struct sib_agent *agent;
	const struct sib_port_ops *ops;
	u8 num;
	bool alive;
	struct net_device __rcu *cable;
	netdevice_tracker tracker;
	enum sib_lsm_state lsm;
	u32 session;
	struct sib_lsm_peer peer;
	bool crc;
	u8 silent;
	struct timer_list timer;
	u32 later;
	struct timer_list later_timer;
	struct sk_buff_head outq;
	struct tasklet_struct out_task;
	struct sib_stats __percpu *stats;
};

#define sib_port_count(port, which)					\
	this_cpu_inc((port)->stats->own[SIB_STAT_##which])
#define sib_port_count_pma(port, which)					\
	this_cpu_inc((port)->stats->pma[SIB_CNT_##which])

int sib_port_init(struct sib_port *port, struct sib_agent *agent, u8 num,
		  const struct sib_port_ops *ops);
void sib_port_destroy(struct sib_port *port);
void sib_port_drop(struct sib_port *port, struct sk_buff *skb,
		   enum sib_hdr_verdict verdict);

#endif
