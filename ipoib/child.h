/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Children: interfaces for the other P_Keys of a port.
 */
#ifndef IPOIB_CHILD_H
#define IPOIB_CHILD_H

#include <linux/types.h>

struct ipoib_dev;
struct net_device;

int ipoib_child_add(struct ipoib_dev *parent, struct net_device *netdev,
		    u16 pkey, bool by_sysfs);
int ipoib_child_create(struct ipoib_dev *parent, int pkey);
int ipoib_child_delete(struct ipoib_dev *parent, int pkey);
void ipoib_children_up(struct ipoib_dev *parent);
void ipoib_children_down(struct ipoib_dev *parent);
void ipoib_children_take(struct ipoib_dev *parent, const u8 *guid);
void ipoib_child_flush(void);

#endif
