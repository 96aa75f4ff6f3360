// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Frames: the netdev under a port, what arrives on it and what leaves by it.
 * A netdev is plugged in by its rx_handler, which only one user can have.
 *
 * Plugging is process context under RTNL; frames come and go in softirq.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/pkt_sched.h>
#include <linux/ratelimit.h>
#include <linux/rtnetlink.h>

#include "compat/unaligned.h"
#include "sib/agent/agent.h"
#include "sib/core/bundle.h"
#include "sib/core/fwd.h"
#include "sib/core/inet.h"
#include "sib/core/shim.h"
#include "sib/fabric/bundle.h"
#include "sib/fabric/cable.h"
#include "sib/fabric/copies.h"
#include "sib/fabric/link.h"
#include "sib/fabric/port.h"

/* Before a packet: what the shim and the Ethernet header need. */
#define HEADROOM	(SIB_SHIM_LEN + ETH_HLEN)

/* What is looked at of a packet: its headers, and those of IP in it. */
#define PULL		(SIB_HDR_MAX + SIB_INET_HEAD)

static bool take_vcrc(struct sib_port *port, struct sk_buff *skb,
		      const struct sib_shim *shim)
{
	unsigned int len;

	if (!(shim->flags & SIB_SHIM_VCRC))
		return !READ_ONCE(port->crc);
	if (skb_linearize(skb) || skb->len < SIB_PKT_MIN + SIB_VCRC_LEN)
		return false;
	len = skb->len - SIB_VCRC_LEN;
	if (get_unaligned_le16(skb->data + len) != sib_cable_vcrc(skb, len))
		return false;
	__skb_trim(skb, len);
	return true;
}

static void count_received(struct sib_port *port, const struct sib_hdr *hdr,
			   unsigned int len, unsigned int packets)
{
	this_cpu_add(port->stats->pma[SIB_CNT_RCV_DATA], len / 4);
	this_cpu_add(port->stats->pma[SIB_CNT_RCV_PKTS], packets);
	if (sib_lid_is_mcast(hdr->dlid))
		this_cpu_add(port->stats->pma[SIB_CNT_MCAST_RCV], packets);
	else
		this_cpu_add(port->stats->pma[SIB_CNT_UCAST_RCV], packets);
}

static bool is_of_session(struct sib_port *port, const struct sib_shim *shim)
{
	return shim->session == READ_ONCE(port->session) &&
	       READ_ONCE(port->lsm) == SIB_LSM_UP;
}

/* @skb->data is behind the shim. */
static void receive_bundle(struct sib_port *port, struct sk_buff *skb,
			   const struct sib_shim *shim)
{
	struct sib_hdr hdr;
	u16 packets;

	if (!is_of_session(port, shim)) {
		sib_port_count(port, RX_STRAY);
		goto drop;
	}
	if (skb_linearize(skb)) {
		sib_port_count(port, RX_NO_MEMORY);
		goto drop;
	}
	skb_trim(skb, shim->len);
	packets = sib_bundle_parse(&hdr, skb->data, skb->len);
	/* Who wants checksums is sent none. */
	if (!packets || READ_ONCE(port->crc)) {
		sib_port_count(port, RX_BAD_FRAME);
		goto drop;
	}
	count_received(port, &hdr, skb->len, packets);
	if (!sib_fwd_admits(&port->agent->node, port->num, hdr.vl)) {
		sib_port_count(port, RX_PORT_STATE);
		goto drop;
	}
	memset(skb->cb, 0, sizeof(struct sib_skb_cb));
	sib_skb_cb(skb)->packets = packets;
	sib_skb_cb(skb)->hops = shim->hops + 1;
	port->ops->rx_bundle(port, skb, &hdr);
	return;
drop:
	kfree_skb(skb);
}

/* @skb->data is behind the shim. */
static void receive_packet(struct sib_port *port, struct sk_buff *skb,
			   const struct sib_shim *shim)
{
	enum sib_hdr_verdict verdict;
	struct sib_hdr hdr;

	if (!is_of_session(port, shim)) {
		sib_port_count(port, RX_STRAY);
		goto drop;
	}
	if (pskb_trim(skb, shim->len) || !take_vcrc(port, skb, shim)) {
		sib_port_count(port, RX_BAD_VCRC);
		sib_port_count_pma(port, SYMBOL_ERRORS);
		goto drop;
	}
	if (!pskb_may_pull(skb, min_t(unsigned int, skb->len, PULL))) {
		sib_port_count(port, RX_NO_MEMORY);
		goto drop;
	}
	verdict = sib_lrh_parse(&hdr, skb->data, skb->len);
	if (verdict || pskb_trim(skb, hdr.len)) {
		sib_port_drop(port, skb, verdict ?: SIB_HDR_LENGTH);
		return;
	}
	if (!(shim->flags & SIB_SHIM_ICRC) && READ_ONCE(port->crc)) {
		sib_port_count(port, RX_BAD_ICRC);
		goto drop;
	}
	count_received(port, &hdr, hdr.len, 1);
	if (!sib_fwd_admits(&port->agent->node, port->num, hdr.vl)) {
		sib_port_count(port, RX_PORT_STATE);
		goto drop;
	}
	memset(skb->cb, 0, sizeof(struct sib_skb_cb));
	sib_skb_cb(skb)->has_icrc = shim->flags & SIB_SHIM_ICRC;
	sib_skb_cb(skb)->hops = shim->hops + 1;
	port->ops->rx(port, skb, &hdr);
	return;
drop:
	kfree_skb(skb);
}

static void receive_frame(struct sib_port *port, struct sk_buff *skb)
{
	struct sib_shim shim;

	if (skb->pkt_type == PACKET_OTHERHOST ||
	    !pskb_may_pull(skb, SIB_SHIM_LEN) ||
	    !sib_shim_parse(&shim, skb->data, skb->len)) {
		sib_port_count(port, RX_BAD_FRAME);
		kfree_skb(skb);
		return;
	}
	__skb_pull(skb, SIB_SHIM_LEN);
	if (shim.kind == SIB_SHIM_LINK)
		sib_link_receive(port, skb, eth_hdr(skb)->h_source);
	else if (shim.kind == SIB_SHIM_BUNDLE)
		receive_bundle(port, skb, &shim);
	else
		receive_packet(port, skb, &shim);
}

/* The tag stands beside the frame; a cable in a VLAN is a netdev of its own. */
static bool is_of_vlan(const struct sk_buff *skb)
{
	return skb_vlan_tag_present(skb) && skb_vlan_tag_get_id(skb);
}

static rx_handler_result_t cable_rx(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct sib_port *port;

	if (skb->protocol != htons(SIB_ETHERTYPE) || is_of_vlan(skb))
		return RX_HANDLER_PASS;
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (!skb)
		return RX_HANDLER_CONSUMED;
	sib_copy_arrived(skb);
	/* It may stay with us for long: its sender's socket need not wait. */
	skb_orphan(skb);
	/* A priority is good for one hop, and must not stick to the next. */
	__vlan_hwaccel_clear_tag(skb);
	port = rcu_dereference(skb->dev->rx_handler_data);
	receive_frame(port, skb);
	return RX_HANDLER_CONSUMED;
}

/**
 * sib_cable_port() - whose cable is this?
 * @dev: any netdev; RTNL is held
 *
 * Return: the port that it is plugged into, NULL if none.
 */
struct sib_port *sib_cable_port(const struct net_device *dev)
{
	ASSERT_RTNL();
	if (rtnl_dereference(dev->rx_handler) != cable_rx)
		return NULL;
	return rtnl_dereference(dev->rx_handler_data);
}

/**
 * sib_cable_mtu_code() - the IB MTU that a netdev would carry
 * @dev: the netdev
 *
 * Return: 1 (256 octets) to 5 (4096), 0 if it is too small.
 */
u8 sib_cable_mtu_code(const struct net_device *dev)
{
	return sib_mtu_code(READ_ONCE(dev->mtu));
}

static int refuse(const struct net_device *dev,
		  struct netlink_ext_ack *extack, int err, const char *why)
{
	/* NL_SET_ERR_MSG() would want a literal; @why is one. */
	if (extack)
		extack->_msg = why;
	else
		pr_info_ratelimited("sib: %s cannot be a cable: %s\n",
				    netdev_name(dev), why);
	return err;
}

/**
 * sib_cable_check() - could a netdev be a cable?
 * @dev: the netdev; RTNL is held
 * @extack: told why not; NULL to have it in the log
 *
 * Return: 0; -ENODEV for what is being unregistered; -EINVAL for what is not
 * like Ethernet or carries too little; -EBUSY for what is in use.
 */
int sib_cable_check(const struct net_device *dev,
		    struct netlink_ext_ack *extack)
{
	if (dev->reg_state != NETREG_REGISTERED)
		return refuse(dev, extack, -ENODEV, "it is being removed");
	if (dev->flags & IFF_LOOPBACK)
		return refuse(dev, extack, -EINVAL, "it is loopback");
	if (dev->type != ARPHRD_ETHER || dev->addr_len != ETH_ALEN)
		return refuse(dev, extack, -EINVAL, "it is not like Ethernet");
	if (!sib_mtu_code(dev->mtu))
		return refuse(dev, extack, -EINVAL,
			      "its MTU is below 390, which an IB MTU of 256 needs");
	if (netdev_is_rx_handler_busy((struct net_device *)dev) ||
	    netdev_master_upper_dev_get((struct net_device *)dev))
		return refuse(dev, extack, -EBUSY, "it is in use already");
	return 0;
}

/**
 * sib_cable_plug() - plug a netdev into a port
 * @port: without a cable; alive from now on
 * @dev: a netdev that sib_cable_check() likes; RTNL has been held since
 * @extack: told why not; NULL to have it in the log
 *
 * Training begins at once if @dev is up.
 *
 * Return: 0 or -EBUSY.
 */
int sib_cable_plug(struct sib_port *port, struct net_device *dev,
		   struct netlink_ext_ack *extack)
{
	int err = netdev_rx_handler_register(dev, cable_rx, port);

	if (err)
		return refuse(dev, extack, err, "it is in use already");
	netdev_hold(dev, &port->tracker, GFP_KERNEL);
	rcu_assign_pointer(port->cable, dev);
	port->alive = true;
	if (sib_mtu_code(dev->mtu) < 4)
		pr_info_ratelimited("sib: %s: an MTU of %u carries an IB MTU of %u; IPoIB's usual 2048 needs %u\n",
				    netdev_name(dev), dev->mtu,
				    128U << sib_mtu_code(dev->mtu),
				    2048U + SIB_CABLE_OVERHEAD);
	sib_link_carrier(port);
	return 0;
}

/**
 * sib_cable_unplug() - take the cable out of a port
 * @port: with a cable or without; RTNL is held
 *
 * On return nothing is received any more, and nothing sent.
 */
void sib_cable_unplug(struct sib_port *port)
{
	struct net_device *dev = rtnl_dereference(port->cable);

	ASSERT_RTNL();
	if (!dev)
		return;
	/* The peer hears of it, while there is a cable to say it on. */
	sib_link_event(port, SIB_LSM_UNPLUG);
	tasklet_kill(&port->out_task);
	RCU_INIT_POINTER(port->cable, NULL);
	/* Waits for those who still receive, and thereby for senders. */
	netdev_rx_handler_unregister(dev);
	netdev_put(dev, &port->tracker);
}

/**
 * sib_packet_alloc() - an skb for a packet
 * @len: octets, LRH through ICRC
 * @gfp: how to allocate
 *
 * Context: Any that @gfp allows.
 * Return: an skb of that length with room for what a cable adds at both ends;
 * NULL without memory.
 */
struct sk_buff *sib_packet_alloc(unsigned int len, gfp_t gfp)
{
	/* Room for tunnels and the like, as any sender leaves it. */
	unsigned int head = LL_MAX_HEADER + HEADROOM;
	struct sk_buff *skb = alloc_skb(head + len + SIB_VCRC_LEN, gfp);

	if (!skb)
		return NULL;
	skb_reserve(skb, head);
	__skb_put(skb, len);
	memset(skb->cb, 0, sizeof(struct sib_skb_cb));
	return skb;
}

/* Checksums for a cable that wants them. Needs them writable and linear. */
static bool add_crcs(struct sk_buff *skb, u8 *flags)
{
	bool has_grh = (skb->data[1] & 3) == SIB_LNH_GRH;
	u16 vcrc;

	if (skb_linearize_cow(skb))
		return false;
	if (!sib_skb_cb(skb)->has_icrc)
		sib_cable_set_icrc(skb, has_grh);
	if (skb_tailroom(skb) < SIB_VCRC_LEN &&
	    pskb_expand_head(skb, 0, SIB_VCRC_LEN, GFP_ATOMIC))
		return false;
	/* Of the packet as it is before it grows by the VCRC. */
	vcrc = sib_cable_vcrc(skb, skb->len);
	put_unaligned_le16(vcrc, skb_put(skb, SIB_VCRC_LEN));
	*flags |= SIB_SHIM_VCRC;
	return true;
}

static bool add_headers(struct sk_buff *skb, struct net_device *dev,
			const struct sib_shim *shim, const u8 *mac)
{
	if (skb_cow_head(skb, HEADROOM + dev->needed_headroom))
		return false;
	sib_shim_build(shim, __skb_push(skb, SIB_SHIM_LEN));
	skb_reset_network_header(skb);
	__skb_push(skb, ETH_HLEN);
	skb_reset_mac_header(skb);
	ether_addr_copy(eth_hdr(skb)->h_dest, mac);
	ether_addr_copy(eth_hdr(skb)->h_source, dev->dev_addr);
	eth_hdr(skb)->h_proto = htons(SIB_ETHERTYPE);
	skb->protocol = htons(SIB_ETHERTYPE);
	skb->dev = dev;
	return true;
}

static bool hand_over(struct sib_port *port, struct sk_buff *skb)
{
	int rc;

	skb->ip_summed = CHECKSUM_NONE;
	skb->pkt_type = PACKET_HOST;
	skb_clear_tstamp(skb);
	rc = dev_queue_xmit(skb);
	if (rc == NET_XMIT_SUCCESS || rc == NET_XMIT_CN)
		return true;
	sib_port_count(port, TX_CABLE_REFUSED);
	sib_port_count_pma(port, XMIT_DISCARDS);
	return false;
}

static void count_sent(struct sib_port *port, const u8 *lrh, unsigned int len,
		       unsigned int packets)
{
	this_cpu_add(port->stats->pma[SIB_CNT_XMIT_DATA], len / 4);
	this_cpu_add(port->stats->pma[SIB_CNT_XMIT_PKTS], packets);
	if (sib_lid_is_mcast(get_unaligned_be16(lrh + 2)))
		this_cpu_add(port->stats->pma[SIB_CNT_MCAST_XMIT], packets);
	else
		this_cpu_add(port->stats->pma[SIB_CNT_UCAST_XMIT], packets);
}

/*
 * A cable that has become too narrow for a connection's packets, and forwarding
 * tables that lead in a circle: the sender learns of neither. IBTA counts both
 * where the packet would have left.
 */
static bool may_leave(struct sib_port *port, struct sk_buff *skb,
		      const struct net_device *dev)
{
	if (sib_skb_cb(skb)->hops > SIB_SHIM_HOPS)
		sib_port_count(port, TX_TOO_OLD);
	else if (skb->len + SIB_SHIM_LEN > READ_ONCE(dev->mtu))
		sib_port_count(port, TX_TOO_LONG);
	else
		return true;
	sib_port_count_pma(port, XMIT_DISCARDS);
	kfree_skb(skb);
	return false;
}

static void sent_nothing(struct sib_port *port, struct sk_buff *skb)
{
	sib_port_count(port, TX_NO_MEMORY);
	kfree_skb(skb);
}

static void xmit_one(struct sib_port *port, struct sk_buff *skb,
		     struct sib_hdr *hdr)
{
	sib_cable_xmit(port, skb);
}

/**
 * sib_cable_xmit() - send a packet to the other end of the cable
 * @port: whose cable; whether its state allows this is the caller's business
 * @skb: the packet, @skb->data at its LRH, or a bundle, which is taken apart
 *	if the cable cannot carry it; consumed
 *
 * Context: Softirq.
 * Return: false if it was dropped at once, and counted.
 */
bool sib_cable_xmit(struct sib_port *port, struct sk_buff *skb)
{
	struct net_device *dev = rcu_dereference_bh(port->cable);
	u16 packets = sib_packets_of(skb);
	unsigned int len = skb->len;
	struct sib_shim shim;
	u8 lrh[SIB_LRH_LEN];

	if (!dev || READ_ONCE(port->lsm) != SIB_LSM_UP) {
		sib_port_count(port, TX_PORT_STATE);
		kfree_skb(skb);
		return false;
	}
	if (packets > 1 && len > sib_bundle_room(port)) {
		sib_bundle_split(port, skb, xmit_one);
		return true;
	}
	if (!may_leave(port, skb, dev))
		return false;
	memcpy(lrh, skb->data, sizeof(lrh));
	skb->priority = lrh[0] >> 4 == SIB_VL_SM ? TC_PRIO_CONTROL : 0;
	shim.kind = packets > 1 ? SIB_SHIM_BUNDLE : SIB_SHIM_PACKET;
	shim.flags = 0;
	shim.hops = sib_skb_cb(skb)->hops;
	shim.session = READ_ONCE(port->peer.session);
	if (READ_ONCE(port->crc) && !add_crcs(skb, &shim.flags)) {
		sent_nothing(port, skb);
		return false;
	}
	if (sib_skb_cb(skb)->has_icrc)
		shim.flags |= SIB_SHIM_ICRC;
	shim.len = skb->len;
	if (!add_headers(skb, dev, &shim, port->peer.mac)) {
		sent_nothing(port, skb);
		return false;
	}
	count_sent(port, lrh, len, packets);
	return hand_over(port, skb);
}

/**
 * sib_cable_xmit_link() - send a link message
 * @port: whose cable
 * @skb: the message; consumed
 * @mac: 6 octets, to whom
 *
 * Context: Softirq.
 * Return: false if it was dropped at once, and counted.
 */
bool sib_cable_xmit_link(struct sib_port *port, struct sk_buff *skb,
			 const u8 *mac)
{
	struct net_device *dev = rcu_dereference_bh(port->cable);
	struct sib_shim shim = { .kind = SIB_SHIM_LINK, .len = skb->len };

	if (!dev || !add_headers(skb, dev, &shim, mac)) {
		sent_nothing(port, skb);
		return false;
	}
	skb->priority = TC_PRIO_CONTROL;
	return hand_over(port, skb);
}

static int cable_event(struct notifier_block *nb, unsigned long event,
		       void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct sib_port *port = sib_cable_port(dev);

	if (!port)
		return NOTIFY_DONE;
	switch (event) {
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
		sib_link_carrier(port);
		break;
	case NETDEV_CHANGEMTU:
		sib_link_mtu(port);
		break;
	case NETDEV_PRE_TYPE_CHANGE:
		return NOTIFY_BAD;
	case NETDEV_UNREGISTER:
		port->ops->cable_gone(port, dev);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block cable_notifier = {
	.notifier_call = cable_event,
};

/**
 * sib_cable_start() - watch netdevs
 *
 * Context: Process.
 * Return: 0 or an error.
 */
int sib_cable_start(void)
{
	return register_netdevice_notifier(&cable_notifier);
}

/**
 * sib_cable_stop() - watch them no longer; no cable may be left
 *
 * Context: Process.
 */
void sib_cable_stop(void)
{
	unregister_netdevice_notifier(&cable_notifier);
}
