/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Files of an interface in sysfs.
 */
#ifndef IPOIB_SYSFS_H
#define IPOIB_SYSFS_H

#include <linux/sysfs.h>

struct net_device;

extern const struct attribute_group ipoib_sysfs_group;
extern const struct attribute_group ipoib_sysfs_child_group;

void ipoib_sysfs_watch_dev_id(struct net_device *netdev);

#endif
