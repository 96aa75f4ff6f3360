// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Links of kind "ipoib". RTNL is held.
 */
#include <linux/if_link.h>
#include <net/rtnetlink.h>

#include "ipoib/dev.h"
#include "ipoib/netdev.h"
#include "ipoib/netlink.h"

static size_t get_size(const struct net_device *netdev)
{
	return nla_total_size(2) +	/* IFLA_IPOIB_PKEY */
	       nla_total_size(2) +	/* IFLA_IPOIB_MODE */
	       nla_total_size(2);	/* IFLA_IPOIB_UMCAST */
}

static int fill_info(struct sk_buff *skb, const struct net_device *netdev)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);

	if (nla_put_u16(skb, IFLA_IPOIB_PKEY, READ_ONCE(ipd->pkey)) ||
	    nla_put_u16(skb, IFLA_IPOIB_MODE, IPOIB_MODE_DATAGRAM) ||
	    nla_put_u16(skb, IFLA_IPOIB_UMCAST,
			test_bit(IPOIB_FLAG_UMCAST, &ipd->flags)))
		return -EMSGSIZE;
	return 0;
}

/* Whoever purges links must not lose those that the hardware brought. */
static void dellink(struct net_device *netdev, struct list_head *head)
{
}

struct rtnl_link_ops ipoib_link_ops = {
	.kind = "ipoib",
	.maxtype = IFLA_IPOIB_MAX,
	/* Like a physical one it goes back when its namespace dies. */
	.netns_refund = true,
	.dellink = dellink,
	.get_size = get_size,
	.fill_info = fill_info,
};

/**
 * ipoib_netlink_start() - make the kind known
 *
 * Return: 0 or an error.
 */
int ipoib_netlink_start(void)
{
	return rtnl_link_register(&ipoib_link_ops);
}

/**
 * ipoib_netlink_stop() - and unknown
 */
void ipoib_netlink_stop(void)
{
	rtnl_link_unregister(&ipoib_link_ops);
}
