/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What RDMA CM asks.
 */
#ifndef IPOIB_RDMACM_H
#define IPOIB_RDMACM_H

#include <linux/types.h>

struct ib_device;
struct net_device;
struct sockaddr;
union ib_gid;

struct net_device *ipoib_find_netdev(struct ib_device *ib, u32 port, u16 pkey,
				     const union ib_gid *gid,
				     const struct sockaddr *addr, void *data);

#endif
