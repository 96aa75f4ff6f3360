// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * ethtool: identity, link settings, moderation, statistics. RTNL is held.
 */
#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <rdma/ib_verbs.h>

#include "ipoib/core/speed.h"
#include "ipoib/dev.h"
#include "ipoib/ethtool.h"

/* Names and order of the first eight are what monitoring expects. */
static const char * const first_names[] = {
	"rx_packets", "tx_packets", "rx_bytes", "tx_bytes",
	"tx_errors", "rx_dropped", "tx_dropped", "multicast",
};

static void get_drvinfo(struct net_device *netdev,
			struct ethtool_drvinfo *info)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);

	ib_get_device_fw_str(ipd->ib, info->fw_version);
	strscpy(info->driver, "ib_ipoib", sizeof(info->driver));
	if (ipd->ib->dev.parent)
		strscpy(info->bus_info, dev_name(ipd->ib->dev.parent),
			sizeof(info->bus_info));
}

static int get_link_settings(struct net_device *netdev,
			     struct ethtool_link_ksettings *cmd)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);
	struct ib_port_attr attr;
	int err, speed;

	cmd->base.speed = SPEED_UNKNOWN;
	cmd->base.duplex = DUPLEX_UNKNOWN;
	if (!netif_carrier_ok(netdev))
		return 0;
	err = ib_query_port(ipd->ib, ipd->port, &attr);
	if (err)
		return err;
	speed = ipoib_speed(attr.active_speed, attr.active_width);
	if (speed < 0)
		return speed;
	cmd->base.speed = speed;
	cmd->base.duplex = DUPLEX_FULL;
	cmd->base.port = PORT_OTHER;
	cmd->base.phy_address = 255;
	cmd->base.autoneg = AUTONEG_ENABLE;
	return 0;
}

static int get_coalesce(struct net_device *netdev, struct ethtool_coalesce *c,
			struct kernel_ethtool_coalesce *kernel_c,
			struct netlink_ext_ack *extack)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);

	c->rx_coalesce_usecs = ipd->rx.usecs;
	c->rx_max_coalesced_frames = ipd->rx.frames;
	return 0;
}

/* The verb has 16 bits for each. */
static int set_coalesce(struct net_device *netdev, struct ethtool_coalesce *c,
			struct kernel_ethtool_coalesce *kernel_c,
			struct netlink_ext_ack *extack)
{
	if (c->rx_coalesce_usecs > U16_MAX ||
	    c->rx_max_coalesced_frames > U16_MAX)
		return -EINVAL;
	return ipoib_rx_moderate(ipoib_dev(netdev), c->rx_coalesce_usecs,
				 c->rx_max_coalesced_frames);
}

static int get_sset_count(struct net_device *netdev, int set)
{
	return set == ETH_SS_STATS ? ARRAY_SIZE(first_names) + IPOIB_COUNTERS :
				     -EOPNOTSUPP;
}

static void get_strings(struct net_device *netdev, u32 set, u8 *data)
{
	unsigned int i;

	if (set != ETH_SS_STATS)
		return;
	for (i = 0; i < ARRAY_SIZE(first_names); i++)
		ethtool_sprintf(&data, "%s", first_names[i]);
	for (i = 0; i < IPOIB_COUNTERS; i++)
		ethtool_sprintf(&data, "%s", ipoib_counter_names[i]);
}

static void get_stats(struct net_device *netdev, struct ethtool_stats *stats,
		      u64 *data)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);
	struct rtnl_link_stats64 s;
	unsigned int i;

	dev_get_stats(netdev, &s);
	*data++ = s.rx_packets;
	*data++ = s.tx_packets;
	*data++ = s.rx_bytes;
	*data++ = s.tx_bytes;
	*data++ = s.tx_errors;
	*data++ = s.rx_dropped;
	*data++ = s.tx_dropped;
	*data++ = s.multicast;
	for (i = 0; i < IPOIB_COUNTERS; i++)
		*data++ = ipoib_counter_sum(ipd->counters, i, i);
}

const struct ethtool_ops ipoib_ethtool_ops = {
	.supported_coalesce_params = ETHTOOL_COALESCE_RX_USECS |
				     ETHTOOL_COALESCE_RX_MAX_FRAMES,
	.get_drvinfo = get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = get_link_settings,
	.get_coalesce = get_coalesce,
	.set_coalesce = set_coalesce,
	.get_sset_count = get_sset_count,
	.get_strings = get_strings,
	.get_ethtool_stats = get_stats,
};
