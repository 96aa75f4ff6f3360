// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The door of RDMA CM: which interface is an incoming request for? A wrong
 * answer is a failed connection of iSER, NFS, SMB Direct or Lustre. Any
 * context but hard interrupts.
 */
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <net/addrconf.h>
#include <rdma/ib_cache.h>

#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/main.h"
#include "ipoib/rdmacm.h"

/**
 * struct wanted - what the interface must be
 * @port: of this port
 * @pkey_index: with the P_Key that stands here
 * @gid: with this GID; NULL for any
 */
struct wanted {
	u32 port;
	u16 pkey_index;
	const union ib_gid *gid;
};

/* One whose registration may still fail is freed without waiting for users. */
static bool matches(const struct ipoib_dev *ipd, const struct wanted *wanted)
{
	return ipd->netdev->reg_state == NETREG_REGISTERED &&
	       ipd->port == wanted->port && READ_ONCE(ipd->pkey_found) &&
	       READ_ONCE(ipd->pkey_index) == wanted->pkey_index &&
	       (!wanted->gid ||
		!memcmp(wanted->gid, &ipd->gid, sizeof(*wanted->gid)));
}

static bool has_addr(struct net_device *netdev, const struct sockaddr *addr)
{
	const struct sockaddr_in6 *sin6 = (const void *)addr;
	const struct sockaddr_in *sin = (const void *)addr;
	struct in_device *in_dev;

	switch (addr->sa_family) {
	case AF_INET:
		in_dev = __in_dev_get_rcu(netdev);
		return in_dev && inet_confirm_addr(dev_net(netdev), in_dev, 0,
						   sin->sin_addr.s_addr,
						   RT_SCOPE_HOST);
	case AF_INET6:
		return IS_ENABLED(CONFIG_IPV6) &&
		       ipv6_chk_addr(dev_net(netdev), &sin6->sin6_addr,
				     netdev, 1);
	}
	return false;
}

/**
 * struct search - for the device that has an IP address
 * @addr: the address
 * @found: the device
 */
struct search {
	const struct sockaddr *addr;
	struct net_device *found;
};

static int look_at(struct net_device *netdev, struct netdev_nested_priv *priv)
{
	struct search *search = priv->data;

	if (!has_addr(netdev, search->addr))
		return 0;
	search->found = netdev;
	return 1;
}

/* The interface itself, or whatever is stacked above it. */
static struct net_device *with_addr(struct net_device *netdev,
				    const struct sockaddr *addr)
{
	struct search search = { .addr = addr };
	struct netdev_nested_priv priv = { .data = &search };

	if (!look_at(netdev, &priv))
		netdev_walk_all_upper_dev_rcu(netdev, look_at, &priv);
	return search.found;
}

/* A bond stands for its slaves; a VRF has no address of its own to offer. */
static struct net_device *or_its_bond(struct net_device *netdev)
{
	struct net_device *master = netdev_master_upper_dev_get_rcu(netdev);

	return master && !netif_is_l3_master(master) ? master : netdev;
}

static struct net_device *by_addr(struct ipoib_hca *hca,
				  const struct wanted *wanted,
				  const struct sockaddr *addr)
{
	struct net_device *found = NULL, *netdev;
	struct ipoib_dev *ipd;

	if (!addr)
		return NULL;
	list_for_each_entry(ipd, &hca->devs, entry) {
		if (!matches(ipd, wanted))
			continue;
		netdev = with_addr(ipd->netdev, addr);
		if (!netdev || netdev == found)
			continue;
		if (found) {
			ipoib_warn(ipd, "duplicate IP address %pISc\n", addr);
			break;
		}
		found = netdev;
	}
	return found;
}

static struct net_device *find(struct ipoib_hca *hca,
			       const struct wanted *wanted,
			       const struct sockaddr *addr)
{
	struct net_device *only = NULL;
	struct ipoib_dev *ipd;

	list_for_each_entry(ipd, &hca->devs, entry) {
		if (!matches(ipd, wanted))
			continue;
		if (only)
			return by_addr(hca, wanted, addr);
		only = ipd->netdev;
	}
	return only ? or_its_bond(only) : NULL;
}

/**
 * ipoib_find_netdev() - the interface that an incoming request is for
 * @ib: the channel adapter
 * @port: the port that it came in on
 * @pkey: its P_Key
 * @gid: the GID that it was sent to; may be NULL
 * @addr: the IP address that the caller wants; may be NULL
 * @data: the channel adapter's interfaces
 *
 * One interface with that P_Key and GID, or the bond above it; of several, the
 * device that has the address.
 *
 * Return: a device with a reference for the caller, or NULL.
 */
struct net_device *ipoib_find_netdev(struct ib_device *ib, u32 port, u16 pkey,
				     const union ib_gid *gid,
				     const struct sockaddr *addr, void *data)
{
	struct wanted wanted = { .port = port, .gid = gid };
	struct ipoib_hca *hca = data;
	struct net_device *netdev;
	unsigned long irq;

	if (!rdma_protocol_ib(ib, port) ||
	    ib_find_cached_pkey(ib, port, pkey, &wanted.pkey_index))
		return NULL;
	rcu_read_lock();
	spin_lock_irqsave(&hca->lock, irq);
	netdev = find(hca, &wanted, addr);
	dev_hold(netdev);
	spin_unlock_irqrestore(&hca->lock, irq);
	rcu_read_unlock();
	return netdev;
}
