// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The switch as a netdev: made and removed by rtnetlink, cables plugged in as
 * lower devices, "ip link set CABLE master SWITCH". Process context under
 * RTNL.
 *
 * Tear-down: ndo_uninit unplugs every cable, each with a grace period, so no
 * packet comes in; then the links' and the agent's timers and the tasklet of
 * deferred multicasts are ended. Frames under way hold tokens of their
 * senders, nothing of the switch.
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/ratelimit.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/rtnetlink.h>

#include "compat/unaligned.h"
#include "sib/fabric/cable.h"
#include "sib/fabric/copies.h"
#include "sib/fabric/link.h"
#include "sib/fabric/port.h"
#include "sib/fabric/switch.h"

/* Protects switches; taken in softirq too. */
static DEFINE_SPINLOCK(switches_lock);
static LIST_HEAD(switches);

static struct rtnl_link_ops switch_link_ops;

/* There is room for copies again: see sib_copies_start(). */
static void wake_switches(void)
{
	struct sib_switch *sw;
	unsigned long irq;

	spin_lock_irqsave(&switches_lock, irq);
	list_for_each_entry(sw, &switches, entry)
		if (!skb_queue_empty_lockless(&sw->deferred))
			tasklet_schedule(&sw->defer_task);
	spin_unlock_irqrestore(&switches_lock, irq);
}

static void unplug(struct sib_switch *sw, struct sib_port *port,
		   struct net_device *cable)
{
	sib_cable_unplug(port);
	netdev_upper_dev_unlink(cable, sw->dev);
}

static void cable_gone(struct sib_port *port, struct net_device *cable)
{
	unplug(container_of(port->agent, struct sib_switch, agent), port,
	       cable);
}

static const struct sib_port_ops switch_port_ops = {
	.rx = sib_forward_rx,
	.rx_bundle = sib_forward_bundle,
	.cable_gone = cable_gone,
};

/* A switch keeps no secrets about its ports: whoever asks, asks the SMA. */
static void changed(struct sib_agent *agent, u8 port, u32 events)
{
}

static const struct sib_agent_ops switch_agent_ops = {
	.changed = changed,
	.send = sib_forward_send,
};

static u64 eui64_of(const struct net_device *dev)
{
	u8 eui[8];

	addrconf_addr_eui48(eui, dev->dev_addr);
	return get_unaligned_be64(eui);
}

static void destroy_ports(struct sib_switch *sw)
{
	unsigned int i;

	for (i = 0; i <= sw->agent.node.num_ports; i++)
		sib_port_destroy(&sw->agent.ports[i]);
}

static int create_ports(struct sib_switch *sw)
{
	struct sib_node *node = &sw->agent.node;
	unsigned int i;
	int err;

	for (i = 0; i <= node->num_ports; i++) {
		err = sib_port_init(&sw->agent.ports[i], &sw->agent, i,
				    &switch_port_ops);
		if (err) {
			destroy_ports(sw);
			return err;
		}
		sib_node_init_port(node, i, node->guid, 5);
	}
	return 0;
}

static int switch_init(struct net_device *dev)
{
	struct sib_switch *sw = netdev_priv(dev);
	int err;

	sw->dev = dev;
	err = sib_agent_init(&sw->agent, SIB_NODE_SWITCH, SIB_SWITCH_PORTS,
			     &switch_agent_ops);
	if (err)
		goto free;
	sw->agent.node.guid = eui64_of(dev);
	sw->agent.node.sys_guid = sw->agent.node.guid;
	strscpy(sw->agent.node.desc, dev->name, SIB_DESC_LEN);
	err = create_ports(sw);
	if (err)
		goto free;
	sib_forward_init(sw);
	spin_lock_irq(&switches_lock);
	list_add_tail(&sw->entry, &switches);
	spin_unlock_irq(&switches_lock);
	return 0;
free:
	sib_agent_free(&sw->agent);
	return err;
}

static void switch_uninit(struct net_device *dev)
{
	struct sib_switch *sw = netdev_priv(dev);
	unsigned int i;

	for (i = 1; i <= sw->agent.node.num_ports; i++) {
		struct sib_port *port = &sw->agent.ports[i];
		struct net_device *cable = rtnl_dereference(port->cable);

		if (cable)
			unplug(sw, port, cable);
	}
	spin_lock_irq(&switches_lock);
	list_del(&sw->entry);
	spin_unlock_irq(&switches_lock);
	for (i = 0; i <= sw->agent.node.num_ports; i++)
		sib_link_stop(&sw->agent.ports[i]);
	sib_agent_stop(&sw->agent);
	sib_forward_stop(sw);
	destroy_ports(sw);
	sib_agent_free(&sw->agent);
}

/* Lowest free port, as one would plug by hand; 0 if there is none. */
static u8 free_port(const struct sib_switch *sw)
{
	u8 i;

	for (i = 1; i <= sw->agent.node.num_ports; i++)
		if (!rcu_access_pointer(sw->agent.ports[i].cable))
			return i;
	return 0;
}

/* Enough for two switches at once; a user who does it in a loop has no more. */
static void tell_plugged(const struct net_device *dev,
			 const struct net_device *cable, u8 num)
{
	static DEFINE_RATELIMIT_STATE(limit, 10 * HZ, 2 * SIB_SWITCH_PORTS);

	if (__ratelimit(&limit))
		netdev_info(dev, "%s is plugged into port %u\n", cable->name,
			    num);
}

static int switch_add_slave(struct net_device *dev, struct net_device *cable,
			    struct netlink_ext_ack *extack)
{
	struct sib_switch *sw = netdev_priv(dev);
	u8 num = free_port(sw);
	int err;

	if (!num) {
		NL_SET_ERR_MSG_MOD(extack,
				   "all ports of the switch are in use");
		return -EXFULL;
	}
	err = sib_cable_check(cable, extack);
	if (err)
		return err;
	err = netdev_master_upper_dev_link(cable, dev, NULL, NULL, extack);
	if (err)
		return err;
	err = sib_cable_plug(&sw->agent.ports[num], cable, extack);
	if (err)
		netdev_upper_dev_unlink(cable, dev);
	else
		tell_plugged(dev, cable, num);
	return err;
}

static int switch_del_slave(struct net_device *dev, struct net_device *cable)
{
	struct sib_switch *sw = netdev_priv(dev);
	struct sib_port *port = sib_cable_port(cable);

	if (!port || port->agent != &sw->agent)
		return -EINVAL;
	unplug(sw, port, cable);
	return 0;
}

/* What a switch carries comes in and goes out by its cables. */
static netdev_tx_t switch_xmit(struct sk_buff *skb, struct net_device *dev)
{
	dev_core_stats_tx_dropped_inc(dev);
	kfree_skb(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops switch_netdev_ops = {
	.ndo_init = switch_init,
	.ndo_uninit = switch_uninit,
	.ndo_start_xmit = switch_xmit,
	.ndo_add_slave = switch_add_slave,
	.ndo_del_slave = switch_del_slave,
};

static void get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, "sibsw", sizeof(info->driver));
}

static int get_sset_count(struct net_device *dev, int set)
{
	return set == ETH_SS_STATS ? SIB_STAT_MAX : -EOPNOTSUPP;
}

static void get_strings(struct net_device *dev, u32 set, u8 *data)
{
	unsigned int i;

	for (i = 0; i < SIB_STAT_MAX; i++)
		ethtool_sprintf(&data, "%s", sib_stat_names[i]);
}

static void get_stats(struct net_device *dev, struct ethtool_stats *stats,
		      u64 *data)
{
	struct sib_switch *sw = netdev_priv(dev);
	unsigned int port, i;

	for (i = 0; i < SIB_STAT_MAX; i++) {
		data[i] = 0;
		for (port = 0; port <= sw->agent.node.num_ports; port++)
			data[i] += sib_stats_read(sw->agent.ports[port].stats,
						  i);
	}
}

static const struct ethtool_ops switch_ethtool_ops = {
	.get_drvinfo = get_drvinfo,
	.get_sset_count = get_sset_count,
	.get_strings = get_strings,
	.get_ethtool_stats = get_stats,
};

static void switch_setup(struct net_device *dev)
{
	dev->type = ARPHRD_NONE;
	dev->addr_len = ETH_ALEN;
	dev->flags = IFF_NOARP;
	dev->priv_flags |= IFF_NO_QUEUE;
	dev->netdev_ops = &switch_netdev_ops;
	dev->ethtool_ops = &switch_ethtool_ops;
	dev->needs_free_netdev = true;
	eth_hw_addr_random(dev);
}

static int switch_validate(struct nlattr *tb[], struct nlattr *data[],
			   struct netlink_ext_ack *extack)
{
	if (!tb[IFLA_ADDRESS])
		return 0;
	if (nla_len(tb[IFLA_ADDRESS]) != ETH_ALEN ||
	    !is_valid_ether_addr(nla_data(tb[IFLA_ADDRESS]))) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_ADDRESS],
				    "not a unicast MAC address, of which the GUID is made");
		return -EADDRNOTAVAIL;
	}
	return 0;
}

static struct rtnl_link_ops switch_link_ops = {
	.kind = "sibsw",
	.priv_size = sizeof(struct sib_switch),
	.setup = switch_setup,
	.validate = switch_validate,
};

/**
 * sib_switch_start() - offer switches
 *
 * Context: Process.
 * Return: 0 or an error.
 */
int sib_switch_start(void)
{
	int err = sib_copies_start(wake_switches);

	if (err)
		return err;
	err = rtnl_link_register(&switch_link_ops);
	if (err)
		sib_copies_stop();
	return err;
}

/**
 * sib_switch_stop() - remove all switches, and wait for what they have sent
 *
 * Context: Process.
 */
void sib_switch_stop(void)
{
	rtnl_link_unregister(&switch_link_ops);
	sib_copies_stop();
}
