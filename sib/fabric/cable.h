/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Cables: netdevs that carry InfiniBand packets between two ports.
 */
#ifndef SIB_FABRIC_CABLE_H
#define SIB_FABRIC_CABLE_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>

struct netlink_ext_ack;
struct sib_port;

int sib_cable_check(const struct net_device *dev,
		    struct netlink_ext_ack *extack);
int sib_cable_plug(struct sib_port *port, struct net_device *dev,
		   struct netlink_ext_ack *extack);
void sib_cable_unplug(struct sib_port *port);
u8 sib_cable_mtu_code(const struct net_device *dev);
struct sib_port *sib_cable_port(const struct net_device *dev);

int sib_cable_start(void);
void sib_cable_stop(void);

struct sk_buff *sib_packet_alloc(unsigned int len, gfp_t gfp);
bool sib_cable_xmit(struct sib_port *port, struct sk_buff *skb);
bool sib_cable_xmit_link(struct sib_port *port, struct sk_buff *skb,
			 const u8 *mac);
void sib_cable_set_icrc(struct sk_buff *skb, bool has_grh);
bool sib_cable_icrc_ok(struct sk_buff *skb, bool has_grh);
u16 sib_cable_vcrc(const struct sk_buff *skb, unsigned int len);

#endif
