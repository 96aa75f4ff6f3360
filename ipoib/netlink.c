// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Links of kind "ipoib". RTNL is held.
 */
#include <linux/if_link.h>
#include <net/rtnetlink.h>

#include "ipoib/child.h"
#include "ipoib/dev.h"
#include "ipoib/mode.h"
#include "ipoib/netdev.h"
#include "ipoib/netlink.h"

/* Places for queues, for the core to allocate. */
static unsigned int get_num_tx_queues(void)
{
	return IPOIB_TXQ_MAX;
}

static unsigned int get_num_rx_queues(void)
{
	return 1;
}

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
	    nla_put_u16(skb, IFLA_IPOIB_MODE, ipoib_mode(ipd)) ||
	    nla_put_u16(skb, IFLA_IPOIB_UMCAST,
			test_bit(IPOIB_FLAG_UMCAST, &ipd->flags)))
		return -EMSGSIZE;
	return 0;
}

static const struct nla_policy policy[IFLA_IPOIB_MAX + 1] = {
	[IFLA_IPOIB_PKEY] = { .type = NLA_U16 },
	[IFLA_IPOIB_MODE] = { .type = NLA_U16 },
	[IFLA_IPOIB_UMCAST] = { .type = NLA_U16 },
};

static bool has(struct nlattr *data[], int which)
{
	return data && data[which];
}

static struct ipoib_dev *find_parent(struct net *net, struct nlattr *tb[],
				     struct netlink_ext_ack *extack)
{
	struct net_device *netdev;

	if (!tb[IFLA_LINK]) {
		NL_SET_ERR_MSG(extack,
			       "a link is needed, the port's own interface");
		return ERR_PTR(-EINVAL);
	}
	netdev = __dev_get_by_index(net, nla_get_u32(tb[IFLA_LINK]));
	/* Others may have this link type, too. */
	if (!netdev || !ipoib_is_ours(netdev) ||
	    test_bit(IPOIB_FLAG_GOING, &ipoib_dev(netdev)->flags)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_LINK],
				    "the link is no IPoIB interface");
		return ERR_PTR(-ENODEV);
	}
	if (ipoib_dev(netdev)->parent) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_LINK],
				    "the link is a child itself");
		return ERR_PTR(-EINVAL);
	}
	return ipoib_dev(netdev);
}

/* What the new child cannot have is told before anything is made. */
static int check_new(const struct ipoib_dev *parent, struct nlattr *tb[],
		     struct nlattr *data[], struct netlink_ext_ack *extack)
{
	struct ipoib_mtu mtu = parent->mtu;

	mtu.connected = has(data, IFLA_IPOIB_MODE) &&
			nla_get_u16(data[IFLA_IPOIB_MODE]) ==
			IPOIB_MODE_CONNECTED;
	if (has(data, IFLA_IPOIB_PKEY) &&
	    !(nla_get_u16(data[IFLA_IPOIB_PKEY]) & ~IPOIB_PKEY_FULL)) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_IPOIB_PKEY],
				    "no P_Key is 0 or 0x8000");
		return -EINVAL;
	}
	if (tb[IFLA_MTU] && ipoib_mtu_ask(&mtu, nla_get_u32(tb[IFLA_MTU]))) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_MTU],
				    "the port cannot do this MTU");
		return -EINVAL;
	}
	if (has(data, IFLA_IPOIB_MODE))
		return ipoib_mode_check(parent,
					nla_get_u16(data[IFLA_IPOIB_MODE]),
					extack);
	return 0;
}

static int change(struct ipoib_dev *ipd, struct nlattr *data[],
		  struct netlink_ext_ack *extack)
{
	int err;

	if (has(data, IFLA_IPOIB_MODE)) {
		unsigned int mode = nla_get_u16(data[IFLA_IPOIB_MODE]);

		err = ipoib_mode_check(ipd, mode, extack);
		if (!err)
			err = ipoib_mode_set(ipd, mode);
		if (err)
			return err;
	}
	if (has(data, IFLA_IPOIB_UMCAST))
		ipoib_umcast_set(ipd, nla_get_u16(data[IFLA_IPOIB_UMCAST]));
	return 0;
}

/* Whoever purges links must not lose those that the hardware brought. */
static void dellink(struct net_device *netdev, struct list_head *head)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);

	if (!ipd->parent)
		return;
	set_bit(IPOIB_FLAG_GOING, &ipd->flags);
	unregister_netdevice_queue(netdev, head);
}

static int newlink(struct net *net, struct net_device *netdev,
		   struct nlattr *tb[], struct nlattr *data[],
		   struct netlink_ext_ack *extack)
{
	struct ipoib_dev *parent = find_parent(net, tb, extack);
	u16 pkey;
	int err;

	if (IS_ERR(parent))
		return PTR_ERR(parent);
	err = check_new(parent, tb, data, extack);
	if (err)
		return err;
	pkey = has(data, IFLA_IPOIB_PKEY) ?
	       nla_get_u16(data[IFLA_IPOIB_PKEY]) : READ_ONCE(parent->pkey);
	err = ipoib_child_add(parent, netdev, pkey, false);
	if (err)
		return err;
	err = change(ipoib_dev(netdev), data, extack);
	if (!err && tb[IFLA_MTU])
		err = dev_set_mtu(netdev, nla_get_u32(tb[IFLA_MTU]));
	if (!err)
		return 0;
	/* It is registered: the caller's free_netdev() is put off then. */
	NL_SET_ERR_MSG(extack, "another user of the link refused its MTU");
	dellink(netdev, NULL);
	return err;
}

/* The P_Key of a link is its own for ever; to name it is no mistake. */
static int changelink(struct net_device *netdev, struct nlattr *tb[],
		      struct nlattr *data[], struct netlink_ext_ack *extack)
{
	return change(ipoib_dev(netdev), data, extack);
}

static struct net *get_link_net(const struct net_device *netdev)
{
	const struct ipoib_dev *parent = ipoib_dev(netdev)->parent;

	return dev_net(parent ? parent->netdev : netdev);
}

struct rtnl_link_ops ipoib_link_ops = {
	.kind = "ipoib",
	.maxtype = IFLA_IPOIB_MAX,
	.policy = policy,
	.priv_size = sizeof(struct rdma_netdev),
	.setup = ipoib_netdev_setup,
	/* Like a physical one it goes back when its namespace dies. */
	.netns_refund = true,
	.newlink = newlink,
	.changelink = changelink,
	.dellink = dellink,
	.get_num_tx_queues = get_num_tx_queues,
	.get_num_rx_queues = get_num_rx_queues,
	.get_size = get_size,
	.fill_info = fill_info,
	.get_link_net = get_link_net,
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
