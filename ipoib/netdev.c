// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * net_device operations and what they look like from outside. RTNL is held
 * unless said otherwise.
 */
#include <linux/if_arp.h>
#include <linux/netdevice.h>
#include <linux/jiffies.h>

#include "ipoib/child.h"
#include "ipoib/core/encap.h"
#include "ipoib/core/event.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/event.h"
#include "ipoib/link.h"
#include "ipoib/main.h"
#include "ipoib/netdev.h"
#include "ipoib/qp.h"
#include "ipoib/tx.h"
#include "ipoib/vf.h"

static int netdev_init(struct net_device *netdev)
{
	return ipoib_dev_init(ipoib_dev(netdev));
}

static void netdev_uninit(struct net_device *netdev)
{
	ipoib_dev_uninit(ipoib_dev(netdev));
}

static void complain_about_pkey(struct ipoib_dev *ipd)
{
	if (ipd->pkey & ~IPOIB_PKEY_FULL)
		ipoib_warn(ipd, "P_Key 0x%04x is not found\n", ipd->pkey);
	else
		ipoib_warn(ipd, "P_Key 0x%04x is Invalid\n", ipd->pkey);
}

/* Without a P_Key or a port the interface is up all the same, and waits. */
static int netdev_open(struct net_device *netdev)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);
	bool with_children;
	int err = 0;

	mutex_lock(&ipd->ctl);
	ipoib_identity(ipd);
	ipoib_identity_show(ipd);
	if (ipd->pkey_found)
		err = ipoib_qp_up(ipd);
	else
		complain_about_pkey(ipd);
	if (!err) {
		set_bit(IPOIB_FLAG_OPEN, &ipd->flags);
		netif_tx_start_all_queues(netdev);
		/* Who sets it up does not wait for what was before. */
		ipd->starts.gap = 0;
		ipd->qp_starts.gap = 0;
		ipoib_link_start(ipd);
	}
	with_children = !err && ipd->pkey_found;
	mutex_unlock(&ipd->ctl);
	if (with_children)
		ipoib_children_up(ipd);
	return err ? -EINVAL : 0;
}

/* Bounded: groups and paths are let go, QPs flush for a second at most. */
static int netdev_stop(struct net_device *netdev)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);

	mutex_lock(&ipd->ctl);
	clear_bit(IPOIB_FLAG_OPEN, &ipd->flags);
	ipoib_link_stop(ipd);
	ipoib_qp_down(ipd);
	netif_tx_stop_all_queues(netdev);
	mutex_unlock(&ipd->ctl);
	ipoib_children_down(ipd);
	return 0;
}

static int netdev_change_mtu(struct net_device *netdev, int mtu)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);
	int err;

	if (!ipd->mtu_internal) {
		err = ipoib_mtu_ask(&ipd->mtu, mtu);
		if (err)
			return err;
		if (mtu > ipd->mtu.group && ipd->mtu.connected)
			ipoib_warn(ipd, "MTU %d: multicast packets above %u octets will be dropped\n",
				   mtu, ipd->mtu.group);
	}
	WRITE_ONCE(netdev->mtu, ipoib_mtu_effective(&ipd->mtu));
	return 0;
}

static int netdev_set_address(struct net_device *netdev, void *addr)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);
	const u8 *wanted = ((struct sockaddr_storage *)addr)->__data;
	int err;

	/* A virtual function is who its physical function says it is. */
	if (ipd->ib->attrs.kernel_cap_flags & IBK_VIRTUAL_FUNCTION)
		return -EOPNOTSUPP;
	if (netif_running(netdev))
		return -EBUSY;
	err = ipoib_hw_check_change(netdev->dev_addr, wanted);
	if (err)
		return err;
	ipoib_identity_take(ipd, wanted + IPOIB_HW_GUID);
	ipoib_children_take(ipd, wanted + IPOIB_HW_GUID);
	return 0;
}

/* Any context that may not sleep. */
static void netdev_set_rx_mode(struct net_device *netdev)
{
	ipoib_mcast_resync(ipoib_dev(netdev));
}

/* Softirq. */
static void netdev_tx_timeout(struct net_device *netdev, unsigned int queue)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);
	struct netdev_queue *nq = netdev_get_tx_queue(netdev, queue);
	struct ipoib_txq *q = &ipd->txqs[queue];

	ipoib_warn(ipd, "transmit timeout: latency %u msecs\n",
		   jiffies_to_msecs(jiffies - READ_ONCE(nq->trans_start)));
	ipoib_warn(ipd, "queue stopped %d, tx_head %u, tx_tail %u\n",
		   netif_tx_queue_stopped(nq), READ_ONCE(q->ring.head),
		   READ_ONCE(q->ring.tail));
	ipoib_event_post(ipd, IPOIB_EV_STUCK);
}

/* Any context. */
static void netdev_get_stats(struct net_device *netdev,
			     struct rtnl_link_stats64 *stats)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);

	ipoib_rx_stats(ipd, stats);
	ipoib_tx_stats(ipd, stats);
	ipoib_cm_stats(ipd, stats);
	stats->rx_dropped = ipoib_counter_sum(ipd->counters,
					      IPOIB_RX_DROP_FIRST,
					      IPOIB_RX_DROP_LAST);
	stats->tx_dropped = ipoib_counter_sum(ipd->counters,
					      IPOIB_TX_DROP_FIRST,
					      IPOIB_TX_DROP_LAST);
	stats->tx_errors = ipoib_counter_sum(ipd->counters,
					     IPOIB_TX_ERROR_FIRST,
					     IPOIB_TX_ERROR_LAST);
}

static int netdev_get_iflink(const struct net_device *netdev)
{
	const struct ipoib_dev *parent = ipoib_dev(netdev)->parent;

	return READ_ONCE((parent ? parent->netdev : netdev)->ifindex);
}

/**
 * ipoib_offloads() - what the HCA can do for datagrams
 * @ipd: the interface
 *
 * Verbs do not say more: whether it knows IPv6, for one.
 *
 * Return: NETIF_F_*.
 */
netdev_features_t ipoib_offloads(const struct ipoib_dev *ipd)
{
	const struct ib_device_attr *attr = &ipd->ib->attrs;
	netdev_features_t features = 0;

	if (!(attr->device_cap_flags & IB_DEVICE_UD_IP_CSUM))
		return 0;
	features = NETIF_F_IP_CSUM | NETIF_F_RXCSUM;
	if (attr->kernel_cap_flags & IBK_UD_TSO && ipd->max_send_sge > 1)
		features |= NETIF_F_TSO;
	return features;
}

/* On connections the HCA does nothing of the kind. */
static netdev_features_t netdev_fix_features(struct net_device *netdev,
					     netdev_features_t features)
{
	if (READ_ONCE(ipoib_dev(netdev)->cm.connected))
		features &= ~(NETIF_F_IP_CSUM | NETIF_F_TSO);
	/* Who puts packets together has to know that they are right. */
	if (!(features & NETIF_F_RXCSUM))
		features &= ~NETIF_F_LRO;
	return features;
}

static const struct net_device_ops netdev_ops = {
	.ndo_init = netdev_init,
	.ndo_uninit = netdev_uninit,
	.ndo_open = netdev_open,
	.ndo_stop = netdev_stop,
	.ndo_start_xmit = ipoib_start_xmit,
	.ndo_select_queue = ipoib_select_queue,
	.ndo_tx_timeout = netdev_tx_timeout,
	.ndo_change_mtu = netdev_change_mtu,
	.ndo_set_mac_address = netdev_set_address,
	.ndo_set_rx_mode = netdev_set_rx_mode,
	.ndo_fix_features = netdev_fix_features,
	.ndo_get_stats64 = netdev_get_stats,
	.ndo_get_iflink = netdev_get_iflink,
	.ndo_set_vf_link_state = ipoib_vf_set_link_state,
	.ndo_get_vf_config = ipoib_vf_get_config,
	.ndo_get_vf_stats = ipoib_vf_get_stats,
	.ndo_get_vf_guid = ipoib_vf_get_guid,
	.ndo_set_vf_guid = ipoib_vf_set_guid,
};

/*
 * The destination stands in front of the packet until it is sent: no other
 * place survives queueing disciplines and segmentation. Depends on the
 * arguments alone, for a bond calls this with itself as @netdev.
 */
static int create_header(struct sk_buff *skb, struct net_device *netdev,
			 unsigned short type, const void *daddr,
			 const void *saddr, unsigned int len)
{
	u8 *p = skb_push(skb, IPOIB_HARD_LEN);

	put_unaligned_be16(type, p + IPOIB_PSEUDO_LEN);
	put_unaligned_be16(0, p + IPOIB_PSEUDO_LEN + 2);
	if (!daddr) {
		memset(p, 0, IPOIB_PSEUDO_LEN);
		return -IPOIB_HARD_LEN;
	}
	memcpy(p, daddr, IPOIB_PSEUDO_LEN);
	return IPOIB_HARD_LEN;
}

static const struct header_ops header_ops = {
	.create = create_header,
};

/**
 * ipoib_is_ours() - is a netdev one of this module's?
 * @netdev: any
 *
 * Told by its operations: a bond over such interfaces has their link type.
 *
 * Return: true if so.
 */
bool ipoib_is_ours(const struct net_device *netdev)
{
	return netdev->netdev_ops == &netdev_ops;
}

/**
 * ipoib_netdev_setup() - what all interfaces have in common
 * @netdev: freshly allocated
 */
void ipoib_netdev_setup(struct net_device *netdev)
{
	netdev->netdev_ops = &netdev_ops;
	netdev->header_ops = &header_ops;
	netdev->type = ARPHRD_INFINIBAND;
	netdev->addr_len = IPOIB_ALEN;
	netdev->hard_header_len = IPOIB_HARD_LEN;
	netdev->flags |= IFF_BROADCAST | IFF_MULTICAST;
	netdev->tx_queue_len = ipoib_send_queue_size * 2;
	netdev->min_mtu = 0;
	netdev->max_mtu = IPOIB_MTU_MAX;
	netdev->watchdog_timeo = 10 * HZ;
	netdev->features = NETIF_F_VLAN_CHALLENGED | NETIF_F_HIGHDMA;
	netif_keep_dst(netdev);
	ipoib_hw_broadcast(netdev->broadcast, IPOIB_PKEY_FULL);
}
