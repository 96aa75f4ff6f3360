// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Virtual functions are the channel adapter's: everything is passed on to it,
 * for our port, and its answer back. An adapter that cannot do it answers
 * -EOPNOTSUPP. Process context, RTNL is held.
 */
#include <linux/if_link.h>
#include <linux/netdevice.h>

#include "ipoib/dev.h"
#include "ipoib/vf.h"

/**
 * ipoib_vf_set_link_state() - ndo_set_vf_link_state
 * @netdev: the interface
 * @vf: number of the virtual function
 * @state: IFLA_VF_LINK_STATE_*
 *
 * Return: 0 or the channel adapter's error.
 */
int ipoib_vf_set_link_state(struct net_device *netdev, int vf, int state)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);

	return ib_set_vf_link_state(ipd->ib, vf, ipd->port, state);
}

/**
 * ipoib_vf_get_config() - ndo_get_vf_config
 * @netdev: the interface
 * @vf: number of the virtual function
 * @info: filled in; the address there is the interface's own, for a virtual
 *	function's identity are its GUIDs
 *
 * Return: 0 or the channel adapter's error.
 */
int ipoib_vf_get_config(struct net_device *netdev, int vf,
			struct ifla_vf_info *info)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);
	int err;

	err = ib_get_vf_config(ipd->ib, vf, ipd->port, info);
	if (err)
		return err;
	info->vf = vf;
	memcpy(info->mac, netdev->dev_addr, IPOIB_ALEN);
	return 0;
}

/**
 * ipoib_vf_get_stats() - ndo_get_vf_stats
 * @netdev: the interface
 * @vf: number of the virtual function
 * @stats: filled in
 *
 * Return: 0 or the channel adapter's error.
 */
int ipoib_vf_get_stats(struct net_device *netdev, int vf,
		       struct ifla_vf_stats *stats)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);

	return ib_get_vf_stats(ipd->ib, vf, ipd->port, stats);
}

/**
 * ipoib_vf_get_guid() - ndo_get_vf_guid
 * @netdev: the interface
 * @vf: number of the virtual function
 * @node: its node GUID, filled in
 * @port: its port GUID, filled in
 *
 * Return: 0 or the channel adapter's error.
 */
int ipoib_vf_get_guid(struct net_device *netdev, int vf,
		      struct ifla_vf_guid *node, struct ifla_vf_guid *port)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);

	return ib_get_vf_guid(ipd->ib, vf, ipd->port, node, port);
}

/**
 * ipoib_vf_set_guid() - ndo_set_vf_guid
 * @netdev: the interface
 * @vf: number of the virtual function
 * @guid: the GUID, host order
 * @type: IFLA_VF_IB_NODE_GUID or IFLA_VF_IB_PORT_GUID
 *
 * Return: 0, -EINVAL for another @type, or the channel adapter's error.
 */
int ipoib_vf_set_guid(struct net_device *netdev, int vf, u64 guid, int type)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);

	if (type != IFLA_VF_IB_NODE_GUID && type != IFLA_VF_IB_PORT_GUID)
		return -EINVAL;
	return ib_set_vf_guid(ipd->ib, vf, ipd->port, guid, type);
}
