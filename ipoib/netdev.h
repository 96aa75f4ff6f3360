/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The interface as the network stack knows it.
 */
#ifndef IPOIB_NETDEV_H
#define IPOIB_NETDEV_H

#include <linux/netdevice.h>

netdev_features_t ipoib_offloads(const struct ipoib_dev *ipd);
void ipoib_netdev_setup(struct net_device *netdev);
bool ipoib_is_ours(const struct net_device *netdev);

#endif
