/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * rtnetlink.
 */
#ifndef IPOIB_NETLINK_H
#define IPOIB_NETLINK_H

#include <linux/types.h>

struct rtnl_link_ops;

extern struct rtnl_link_ops ipoib_link_ops;

int ipoib_netlink_start(void);
void ipoib_netlink_stop(void);

#endif
