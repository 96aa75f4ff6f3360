// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * ethtool: identity, link settings, moderation, queues, statistics. RTNL is
 * held.
 */
#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <rdma/ib_verbs.h>

#include "ipoib/core/ring.h"
#include "ipoib/core/speed.h"
#include "ipoib/dev.h"
#include "ipoib/ethtool.h"
#include "ipoib/tx.h"

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
	c->use_adaptive_rx_coalesce = ipd->rx.adaptive;
	return 0;
}

/* The verb has 16 bits for each. */
static int set_coalesce(struct net_device *netdev, struct ethtool_coalesce *c,
			struct kernel_ethtool_coalesce *kernel_c,
			struct netlink_ext_ack *extack)
{
	int err;

	if (c->rx_coalesce_usecs > U16_MAX ||
	    c->rx_max_coalesced_frames > U16_MAX)
		return -EINVAL;
	err = ipoib_rx_moderate(ipoib_dev(netdev), c->rx_coalesce_usecs,
				c->rx_max_coalesced_frames,
				c->use_adaptive_rx_coalesce);
	if (err == -EOPNOTSUPP)
		NL_SET_ERR_MSG(extack, "this HCA does not moderate");
	return err;
}

static void get_ringparam(struct net_device *netdev,
			  struct ethtool_ringparam *ring,
			  struct kernel_ethtool_ringparam *kernel_ring,
			  struct netlink_ext_ack *extack)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);

	ring->rx_max_pending = ipd->rx.ring.size;
	ring->rx_pending = ipd->rx.want;
	ring->tx_max_pending = ipd->send_max;
	ring->tx_pending = ipd->send_size;
}

/* Nothing is changed unless all can be. */
static int resize(struct ipoib_dev *ipd, u32 rx, u32 tx)
{
	u32 before;
	int err;

	mutex_lock(&ipd->ctl);
	before = ipd->rx.want;
	err = ipoib_rx_resize(ipd, max(rx, before));
	if (!err)
		err = ipoib_tx_resize(ipd, tx);
	/* To have fewer always succeeds. */
	ipoib_rx_resize(ipd, err ? before : rx);
	mutex_unlock(&ipd->ctl);
	return err;
}

/* Sizes are rounded as those of the module's parameters are. */
static int set_ringparam(struct net_device *netdev,
			 struct ethtool_ringparam *ring,
			 struct kernel_ethtool_ringparam *kernel_ring,
			 struct netlink_ext_ack *extack)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);
	u32 rx, tx;
	int err;

	if (!ring->rx_pending || !ring->tx_pending) {
		NL_SET_ERR_MSG(extack, "a ring has at least one entry");
		return -EINVAL;
	}
	rx = ipoib_ring_size(ring->rx_pending, IPOIB_RECVQ_MIN,
			     ipd->rx.ring.size);
	tx = ipoib_ring_size(ring->tx_pending,
			     min_t(u32, IPOIB_SENDQ_MIN, ipd->send_max),
			     ipd->send_max);
	err = resize(ipd, rx, tx);
	if (err)
		NL_SET_ERR_MSG(extack,
			       "the rings cannot be had, nothing is changed");
	else if (rx != ring->rx_pending || tx != ring->tx_pending)
		NL_SET_ERR_MSG(extack,
			       "rounded up to powers of two, tx to at least 128");
	return err;
}

/* Each transmit queue has an interrupt of its own, and so has receiving. */
static void get_channels(struct net_device *netdev,
			 struct ethtool_channels *channels)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);

	channels->max_rx = 1;
	channels->rx_count = 1;
	channels->max_tx = ipd->max_txqs;
	channels->tx_count = ipd->num_txqs;
}

/* The core has compared with the limits. */
static int set_channels(struct net_device *netdev,
			struct ethtool_channels *channels)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);
	int err;

	mutex_lock(&ipd->ctl);
	err = ipoib_tx_set_count(ipd, channels->tx_count);
	mutex_unlock(&ipd->ctl);
	return err;
}

/*
 * Of the receive queue, and of each transmit queue: of all that there may be,
 * for what there is in the list must not change while somebody reads it.
 */
#define RX_QUEUE_STATS	2
#define TX_QUEUE_STATS	3

static const char * const private_flags[] = {
	"unreliable-connections",
};

#define PRIVATE_UC	BIT(0)

static u32 get_priv_flags(struct net_device *netdev)
{
	return ipoib_dev(netdev)->cm.uc ? PRIVATE_UC : 0;
}

static int set_priv_flags(struct net_device *netdev, u32 flags)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);

	if (!ipd->cm.able)
		return flags ? -EOPNOTSUPP : 0;
	ipoib_cm_set_uc(ipd, flags & PRIVATE_UC);
	return 0;
}

static int get_sset_count(struct net_device *netdev, int set)
{
	if (set == ETH_SS_PRIV_FLAGS)
		return ARRAY_SIZE(private_flags);
	if (set != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return ARRAY_SIZE(first_names) + IPOIB_COUNTERS + RX_QUEUE_STATS +
	       TX_QUEUE_STATS * ipoib_dev(netdev)->max_txqs;
}

static void get_strings(struct net_device *netdev, u32 set, u8 *data)
{
	unsigned int i;

	if (set == ETH_SS_PRIV_FLAGS)
		ethtool_sprintf(&data, "%s", private_flags[0]);
	if (set != ETH_SS_STATS)
		return;
	for (i = 0; i < ARRAY_SIZE(first_names); i++)
		ethtool_sprintf(&data, "%s", first_names[i]);
	for (i = 0; i < IPOIB_COUNTERS; i++)
		ethtool_sprintf(&data, "%s", ipoib_counter_names[i]);
	ethtool_sprintf(&data, "rx0_packets");
	ethtool_sprintf(&data, "rx0_bytes");
	for (i = 0; i < ipoib_dev(netdev)->max_txqs; i++) {
		ethtool_sprintf(&data, "tx%u_packets", i);
		ethtool_sprintf(&data, "tx%u_bytes", i);
		ethtool_sprintf(&data, "tx%u_stopped", i);
	}
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
	/* What went over connections is above. */
	memset(&s, 0, sizeof(s));
	ipoib_rx_stats(ipd, &s);
	*data++ = s.rx_packets;
	*data++ = s.rx_bytes;
	for (i = 0; i < ipd->max_txqs; i++) {
		ipoib_txq_stats(&ipd->txqs[i], &data[0], &data[1]);
		data[2] = READ_ONCE(ipd->txqs[i].stops);
		data += TX_QUEUE_STATS;
	}
}

const struct ethtool_ops ipoib_ethtool_ops = {
	.supported_coalesce_params = ETHTOOL_COALESCE_RX_USECS |
				     ETHTOOL_COALESCE_RX_MAX_FRAMES |
				     ETHTOOL_COALESCE_USE_ADAPTIVE_RX,
	.get_drvinfo = get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = get_link_settings,
	.get_coalesce = get_coalesce,
	.set_coalesce = set_coalesce,
	.get_ringparam = get_ringparam,
	.set_ringparam = set_ringparam,
	.get_channels = get_channels,
	.set_channels = set_channels,
	.get_sset_count = get_sset_count,
	.get_priv_flags = get_priv_flags,
	.set_priv_flags = set_priv_flags,
	.get_strings = get_strings,
	.get_ethtool_stats = get_stats,
};
