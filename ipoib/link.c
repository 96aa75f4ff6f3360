// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Carrier is on exactly while the interface is up, its port is ACTIVE, its
 * P_Key is there and its broadcast group is joined. RFC 4391 section 5.
 *
 * Starting and stopping is done with ctl. What needs RTNL once the group is
 * joined, MTU, carrier and telling the neighbours, is a work of its own that
 * tries for RTNL and comes again: whoever holds RTNL may wait for it.
 */
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <rdma/ib_cache.h>
#include <rdma/ib_sa.h>

#include "ipoib/core/mtu.h"
#include "ipoib/core/pace.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/link.h"
#include "ipoib/qp.h"

/* How long to stay away from RTNL when somebody has it. */
#define RTNL_RETRY	max(HZ / 100, 1)

/*
 * A start leaves and joins all groups. An SM that makes many events of one
 * change, or a port that comes and goes, must not make a storm of joins.
 */
static const struct ipoib_pace_rule start_rule = {
	.first = 100,
	.max = 3200,
};

static bool port_is_active(struct ipoib_dev *ipd)
{
	struct ib_port_attr attr;

	if (ib_query_port(ipd->ib, ipd->port, &attr))
		return false;
	WRITE_ONCE(ipd->lid, attr.lid);
	return attr.state == IB_PORT_ACTIVE;
}

/* May it start now? If not, it is tried again when it may. */
static bool is_paced(struct ipoib_dev *ipd)
{
	u32 left = ipoib_pace_left(&ipd->starts, ipoib_now());

	if (left)
		mod_delayed_work(ipd->wq, &ipd->gc_work,
				 msecs_to_jiffies(left));
	return left;
}

/**
 * ipoib_link_start() - begin to join, if everything else is there
 * @ipd: the interface; ctl is held
 *
 * Not too soon after the last time: see start_rule.
 *
 * Context: Process.
 */
void ipoib_link_start(struct ipoib_dev *ipd)
{
	lockdep_assert_held(&ipd->ctl);
	if (!test_bit(IPOIB_FLAG_QPS_UP, &ipd->flags) ||
	    test_bit(IPOIB_FLAG_LINK, &ipd->flags) ||
	    test_bit(IPOIB_FLAG_GID_MISSING, &ipd->flags) ||
	    !port_is_active(ipd) || is_paced(ipd))
		return;
	ipoib_pace_mark(&ipd->starts, &start_rule, ipoib_now());
	ipoib_dbg(ipd, "port is active, joining\n");
	ipd->moved = true;
	/* First: a broadcast would make a group that is only sent to. */
	ipoib_mcast_start(ipd);
	set_bit(IPOIB_FLAG_LINK, &ipd->flags);
}

/**
 * ipoib_link_stop() - no carrier; leave all groups, forget all paths
 * @ipd: the interface; ctl is held
 *
 * Context: Process.
 */
void ipoib_link_stop(struct ipoib_dev *ipd)
{
	lockdep_assert_held(&ipd->ctl);
	netif_carrier_off(ipd->netdev);
	spin_lock_bh(&ipd->lock);
	clear_bit(IPOIB_FLAG_LINK, &ipd->flags);
	spin_unlock_bh(&ipd->lock);
	ipd->announce.left = 0;
	ipoib_mcast_stop(ipd);
	ipoib_path_drop_all(ipd);
}

/**
 * ipoib_link_check() - can we live with the broadcast group's parameters?
 * @ipd: the interface; ctl is held
 * @rec: the SA's record
 *
 * Return: 0, -EINVAL for an MTU that the port cannot carry.
 */
int ipoib_link_check(struct ipoib_dev *ipd,
		     const struct ib_sa_mcmember_rec *rec)
{
	unsigned int mtu = ipoib_mtu_of_code(rec->mtu);

	if (mtu && mtu <= ipd->mtu.link)
		return 0;
	ipoib_warn(ipd, "broadcast group has MTU code %u, the port carries %u octets\n",
		   rec->mtu, ipd->mtu.link);
	return -EINVAL;
}

/**
 * ipoib_link_joined() - the broadcast group is joined
 * @ipd: the interface; ctl is held
 * @rec: the SA's record, which binds the interface, RFC 4391 section 5
 *
 * Context: Process.
 */
void ipoib_link_joined(struct ipoib_dev *ipd,
		       const struct ib_sa_mcmember_rec *rec)
{
	u32 qkey = be32_to_cpu(rec->qkey);

	if (qkey != ipd->qkey) {
		WRITE_ONCE(ipd->qkey, qkey);
		ipoib_qp_set_qkey(ipd, qkey);
	}
	WRITE_ONCE(ipd->group_mtu, rec->mtu);
	if (ipd->moved)
		ipoib_announce_begin(&ipd->announce, ipoib_now());
	ipd->moved = false;
	mod_delayed_work(ipd->wq, &ipd->link_work, 0);
}

/**
 * ipoib_link_lost() - the broadcast group is joined no longer
 * @ipd: the interface; ctl is held
 *
 * Context: Process.
 */
void ipoib_link_lost(struct ipoib_dev *ipd)
{
	netif_carrier_off(ipd->netdev);
	ipd->announce.left = 0;
	ipd->moved = true;
}

/* RTNL is held, ctl is not: the stack calls back for the change. */
static void apply_mtu(struct ipoib_dev *ipd)
{
	if (ipoib_mtu_joined(&ipd->mtu, READ_ONCE(ipd->group_mtu)))
		return;
	ipd->mtu_internal = true;
	dev_set_mtu(ipd->netdev, ipoib_mtu_effective(&ipd->mtu));
	ipd->mtu_internal = false;
}

static bool carrier_on(struct ipoib_dev *ipd)
{
	bool joined;

	mutex_lock(&ipd->ctl);
	joined = ipd->mcast.broadcast && ipd->mcast.broadcast->ah;
	if (joined)
		netif_carrier_on(ipd->netdev);
	mutex_unlock(&ipd->ctl);
	return joined;
}

/*
 * UD gives a peer no other sign of a new QPN, GID or LID: one that hears
 * nothing goes on sending to the old place for half a minute. What is sent
 * right after the join may be lost, for the SM answers before it tells the
 * switches; hence more than once. The queues are activated some time after the
 * carrier, under RTNL; before that everything would be dropped. Milliseconds to
 * the next.
 */
static u32 announce(struct ipoib_dev *ipd)
{
	bool up = READ_ONCE(ipd->netdev->operstate) == IF_OPER_UP;
	bool tell;
	u32 next;

	mutex_lock(&ipd->ctl);
	next = ipoib_announce_step(&ipd->announce, up, ipoib_now(), &tell);
	mutex_unlock(&ipd->ctl);
	if (tell)
		__netdev_notify_peers(ipd->netdev);
	return next;
}

static void tell_address(struct ipoib_dev *ipd)
{
	bool changed;

	mutex_lock(&ipd->ctl);
	ipoib_identity_show(ipd);
	changed = ipd->addr_changed;
	ipd->addr_changed = false;
	mutex_unlock(&ipd->ctl);
	if (changed)
		call_netdevice_notifiers(NETDEV_CHANGEADDR, ipd->netdev);
}

/**
 * ipoib_link_work() - MTU, then carrier, then the neighbours
 * @work: ipd->link_work
 */
void ipoib_link_work(struct work_struct *work)
{
	struct ipoib_dev *ipd = container_of(work, struct ipoib_dev,
					     link_work.work);
	u32 again = 0;

	if (test_bit(IPOIB_FLAG_GOING, &ipd->flags))
		return;
	if (!rtnl_trylock()) {
		queue_delayed_work(ipd->wq, &ipd->link_work, RTNL_RETRY);
		return;
	}
	tell_address(ipd);
	if (netif_running(ipd->netdev)) {
		apply_mtu(ipd);
		if (carrier_on(ipd))
			again = announce(ipd);
	}
	rtnl_unlock();
	if (again)
		queue_delayed_work(ipd->wq, &ipd->link_work,
				   msecs_to_jiffies(again));
}
