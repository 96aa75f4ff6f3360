// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The life of an interface. Process context.
 *
 * Born: ipoib_dev_alloc(), then registration, within which ipoib_dev_init()
 * makes the verbs objects. From then on it hears of events.
 *
 * Its end, and who may still be running at each step:
 *	GOING set, off the HCA's list	no new events; works may run
 *	unregister_netdevice		ndo_stop: no transmits, no NAPI, groups
 *					left, paths dropped, see
 *					ipoib_netdev_stop()
 *	ndo_uninit			works are cancelled: none of them waits
 *					for RTNL; queries come back, connections
 *					are taken down; handles, QPs, CQs and PD
 *					go
 *	the destructor			nobody: the last reference on the netdev
 *					is gone, the memory goes
 */
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <rdma/ib_cache.h>

#include "ipoib/core/encap.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/ethtool.h"
#include "ipoib/event.h"
#include "ipoib/link.h"
#include "ipoib/main.h"
#include "ipoib/netdev.h"
#include "ipoib/netlink.h"
#include "ipoib/qp.h"
#include "ipoib/sysfs.h"
#include "ipoib/tx.h"

/* How often what is not used, or does not work, is looked for. */
#define GC_INTERVAL	(30 * HZ)
/* And a GID that the port has not got yet. */
#define GID_INTERVAL	(2 * HZ)

/*
 * An event that should have brought the interface up may have met a want of
 * memory, or an HCA that was busy. No other event need come.
 */
static void try_once_more(struct ipoib_dev *ipd)
{
	ipoib_qp_up_again(ipd);
	ipoib_link_start(ipd);
}

static void collect_garbage(struct work_struct *work)
{
	struct ipoib_dev *ipd = container_of(work, struct ipoib_dev,
					     gc_work.work);
	unsigned long delay = GC_INTERVAL;

	mutex_lock(&ipd->ctl);
	if (!ipoib_identity_look(ipd))
		delay = GID_INTERVAL;
	if (test_bit(IPOIB_FLAG_LINK, &ipd->flags)) {
		ipoib_path_age(ipd);
		ipoib_cm_age(ipd);
		ipoib_mcast_age(ipd);
		ipoib_mcast_kick(ipd);
	} else if (test_bit(IPOIB_FLAG_OPEN, &ipd->flags)) {
		try_once_more(ipd);
	}
	mutex_unlock(&ipd->ctl);
	queue_delayed_work(ipd->wq, &ipd->gc_work, delay);
}

static void free_dev(struct ipoib_dev *ipd)
{
	if (ipd->parent)
		netdev_put(ipd->parent->netdev, &ipd->parent_tracker);
	if (ipd->wq)
		destroy_workqueue(ipd->wq);
	free_percpu(ipd->counters);
	ipoib_tx_free(ipd);
	mutex_destroy(&ipd->ctl);
	kfree(ipd);
}

static struct ipoib_dev **private_of(struct net_device *netdev)
{
	return (struct ipoib_dev **)
		&((struct rdma_netdev *)netdev_priv(netdev))->clnt_priv;
}

/**
 * ipoib_dev_detach() - undo ipoib_dev_attach()
 * @netdev: not registered, or gone; may not have been attached at all
 */
void ipoib_dev_detach(struct net_device *netdev)
{
	struct ipoib_dev *ipd = ipoib_dev(netdev);

	*private_of(netdev) = NULL;
	if (ipd)
		free_dev(ipd);
}

static struct ipoib_dev *alloc_dev(struct ipoib_hca *hca, u32 port)
{
	struct ipoib_dev *ipd = kzalloc(sizeof(*ipd), GFP_KERNEL);

	if (!ipd)
		return NULL;
	ipd->hca = hca;
	ipd->ib = hca->ib;
	ipd->port = port;
	mutex_init(&ipd->ctl);
	spin_lock_init(&ipd->lock);
	INIT_LIST_HEAD(&ipd->entry);
	INIT_LIST_HEAD(&ipd->children);
	INIT_LIST_HEAD(&ipd->sibling);
	INIT_WORK(&ipd->event_work, ipoib_event_work);
	INIT_WORK(&ipd->recover_work, ipoib_qp_recover_work);
	INIT_DELAYED_WORK(&ipd->link_work, ipoib_link_work);
	INIT_DELAYED_WORK(&ipd->gc_work, collect_garbage);
	ipoib_ah_init(ipd);
	ipoib_path_init(ipd);
	ipoib_mcast_init(ipd);
	ipoib_cm_alloc(ipd);
	ipd->counters = alloc_percpu(struct ipoib_counters);
	ipd->wq = alloc_ordered_workqueue("ipoib-%s-%u", WQ_MEM_RECLAIM,
					  dev_name(&hca->ib->dev), port);
	if (ipd->counters && ipd->wq)
		return ipd;
	free_dev(ipd);
	return NULL;
}

/* The number of SGEs that a send WR may need, and has. */
static unsigned int send_sges(const struct ib_device *ib)
{
	return min_t(unsigned int, ib->attrs.max_send_sge, MAX_SKB_FRAGS + 1);
}

/**
 * ipoib_dev_attach() - make a netdev an interface of a port
 * @netdev: set up by ipoib_netdev_setup(), not registered
 * @hca: its channel adapter
 * @port: port number
 *
 * Return: 0, or -ENOMEM. The netdev stays the caller's, to be given to
 * ipoib_dev_register().
 */
int ipoib_dev_attach(struct net_device *netdev, struct ipoib_hca *hca,
		     u32 port)
{
	struct ipoib_dev *ipd = alloc_dev(hca, port);

	if (!ipd)
		return -ENOMEM;
	ipd->max_send_sge = send_sges(hca->ib);
	ipd->netdev = netdev;
	if (ipoib_tx_alloc(ipd)) {
		free_dev(ipd);
		return -ENOMEM;
	}
	*private_of(netdev) = ipd;
	netdev->rtnl_link_ops = &ipoib_link_ops;
	netdev->ethtool_ops = &ipoib_ethtool_ops;
	netdev->sysfs_groups[0] = &ipoib_sysfs_group;
	netif_set_real_num_rx_queues(netdev, 1);
	if (ipd->max_send_sge > 1)
		netdev->features |= NETIF_F_SG;
	netdev->features |= ipoib_offloads(ipd);
	netdev->hw_features |= ipoib_offloads(ipd);
	if (netdev->hw_features & NETIF_F_RXCSUM)
		netdev->hw_features |= NETIF_F_LRO;
	return 0;
}

/**
 * ipoib_dev_alloc() - a netdev for an interface
 * @name: or a pattern for one
 *
 * Return: a netdev for ipoib_dev_attach(), NULL without memory.
 */
struct net_device *ipoib_dev_alloc(const char *name)
{
	return alloc_netdev_mqs(sizeof(struct rdma_netdev), name,
				NET_NAME_UNKNOWN, ipoib_netdev_setup,
				IPOIB_TXQ_MAX, 1);
}

static int port_limits(struct ipoib_dev *ipd)
{
	struct ib_port_attr attr;
	int err = ib_query_port(ipd->ib, ipd->port, &attr);

	if (err)
		return err;
	WRITE_ONCE(ipd->lid, attr.lid);
	ipoib_mtu_init(&ipd->mtu, ipoib_mtu_of_code(attr.max_mtu));
	ipd->netdev->mtu = ipoib_mtu_effective(&ipd->mtu);
	return 0;
}

static int create_verbs(struct ipoib_dev *ipd)
{
	int err;

	ipd->pd = ib_alloc_pd(ipd->ib, 0);
	if (IS_ERR(ipd->pd)) {
		err = PTR_ERR(ipd->pd);
		ipd->pd = NULL;
		return err;
	}
	err = ipoib_rx_create(ipd);
	if (!err)
		err = ipoib_qp_create(ipd);
	if (!err)
		err = ipoib_tx_create(ipd);
	if (!err)
		ipoib_cm_init(ipd);
	return err;
}

static void destroy_verbs(struct ipoib_dev *ipd)
{
	ipoib_tx_destroy(ipd);
	ipoib_qp_destroy(ipd);
	ipoib_ah_exit(ipd);
	ipoib_rx_destroy(ipd);
	if (ipd->pd)
		ib_dealloc_pd(ipd->pd);
	ipd->pd = NULL;
}

/* What rtnetlink gave, or else what was given to the parent; none otherwise. */
static void given_identifier(struct ipoib_dev *ipd, u8 *given, u8 *parents)
{
	struct ipoib_dev *parent = ipd->parent;

	memset(parents, 0, IPOIB_GUID_LEN);
	memcpy(given, ipd->netdev->dev_addr + IPOIB_HW_GUID, IPOIB_GUID_LEN);
	if (!parent)
		return;
	mutex_lock(&parent->ctl);
	if (test_bit(IPOIB_FLAG_OWN_GID, &parent->flags))
		memcpy(parents, &parent->gid.global.interface_id,
		       IPOIB_GUID_LEN);
	mutex_unlock(&parent->ctl);
}

/*
 * A child has the identifier that it is given, if the port has such a GID, or
 * else its parent's.
 */
static void child_identity(struct ipoib_dev *ipd, const u8 *given,
			   const u8 *parents)
{
	if (memchr_inv(given, 0, IPOIB_GUID_LEN)) {
		ipoib_identity_set(ipd, given);
		if (!test_bit(IPOIB_FLAG_GID_MISSING, &ipd->flags))
			return;
		clear_bit(IPOIB_FLAG_OWN_GID, &ipd->flags);
		clear_bit(IPOIB_FLAG_GID_MISSING, &ipd->flags);
		ipoib_identity(ipd);
	}
	if (memchr_inv(parents, 0, IPOIB_GUID_LEN))
		ipoib_identity_set(ipd, parents);
}

/* The address as it is at birth: QPN, and the GID of the port. */
static void first_address(struct ipoib_dev *ipd)
{
	u8 given[IPOIB_GUID_LEN], parents[IPOIB_GUID_LEN];
	u8 hw[IPOIB_ALEN] = {};

	hw[IPOIB_HW_FLAGS] = ipoib_cm_caps(ipd);
	given_identifier(ipd, given, parents);
	mutex_lock(&ipd->ctl);
	ipoib_identity(ipd);
	if (ipd->parent)
		child_identity(ipd, given, parents);
	ipd->addr_changed = false;
	mutex_unlock(&ipd->ctl);
	ipoib_hw_set_qpn(hw, ipd->rx.qp->qp_num);
	memcpy(hw + IPOIB_HW_GID, ipd->gid.raw, IPOIB_GID_LEN);
	__dev_addr_set(ipd->netdev, hw, IPOIB_ALEN);
}

/**
 * ipoib_dev_init() - ndo_init
 * @ipd: the interface; RTNL is held
 *
 * Return: 0 or an error, after which nothing is left.
 */
int ipoib_dev_init(struct ipoib_dev *ipd)
{
	int err;

	err = ipoib_neigh_init(ipd);
	if (err)
		return err;
	err = port_limits(ipd);
	if (!err)
		err = create_verbs(ipd);
	if (err) {
		destroy_verbs(ipd);
		ipoib_neigh_exit(ipd);
		return err;
	}
	ipd->mtu.conn_max = ipd->cm.mtu_max;
	ipoib_hw_broadcast(ipd->netdev->broadcast,
			   ipd->parent ? ipd->pkey : IPOIB_PKEY_FULL);
	first_address(ipd);
	spin_lock_irq(&ipd->hca->lock);
	list_add_tail(&ipd->entry, &ipd->hca->devs);
	spin_unlock_irq(&ipd->hca->lock);
	queue_delayed_work(ipd->wq, &ipd->gc_work, GC_INTERVAL);
	ipd->netdev->priv_destructor = ipoib_dev_detach;
	ipd->netdev->needs_free_netdev = true;
	return 0;
}

/**
 * ipoib_dev_uninit() - ndo_uninit
 * @ipd: the interface, which is down; RTNL is held
 */
void ipoib_dev_uninit(struct ipoib_dev *ipd)
{
	set_bit(IPOIB_FLAG_GOING, &ipd->flags);
	list_del_init(&ipd->sibling);
	spin_lock_irq(&ipd->hca->lock);
	list_del_init(&ipd->entry);
	spin_unlock_irq(&ipd->hca->lock);
	cancel_work_sync(&ipd->event_work);
	cancel_work_sync(&ipd->recover_work);
	cancel_delayed_work_sync(&ipd->link_work);
	cancel_delayed_work_sync(&ipd->gc_work);
	cancel_delayed_work_sync(&ipd->mcast.work);
	ipoib_path_exit(ipd);
	ipoib_cm_exit(ipd);
	destroy_verbs(ipd);
	ipoib_neigh_exit(ipd);
}

/**
 * ipoib_dev_register() - the interface begins
 * @netdev: from ipoib_dev_attach(); RTNL is held
 *
 * From here on the core frees what is ours, but not that of an interface whose
 * ndo_init failed or was not reached.
 *
 * Return: 0; on an error the netdev is the caller's, to be freed.
 */
int ipoib_dev_register(struct net_device *netdev)
{
	int err;

	netif_carrier_off(netdev);
	err = register_netdevice(netdev);
	if (err && netdev->reg_state == NETREG_UNINITIALIZED)
		ipoib_dev_detach(netdev);
	return err;
}

static void queue_for_removal(struct ipoib_hca *hca, bool children,
			      struct list_head *kill)
{
	struct ipoib_dev *ipd;

	list_for_each_entry(ipd, &hca->devs, entry)
		if (children == !!ipd->parent)
			unregister_netdevice_queue(ipd->netdev, kill);
}

/**
 * ipoib_dev_unregister_all() - all interfaces of a channel adapter end
 * @hca: the channel adapter
 *
 * Children before their parents. On return they are gone from the system,
 * their memory too.
 *
 * Context: Process, without RTNL.
 */
void ipoib_dev_unregister_all(struct ipoib_hca *hca)
{
	struct ipoib_dev *ipd;
	LIST_HEAD(kill);

	rtnl_lock();
	/* RTNL keeps the list as it is; ndo_init and ndo_uninit change it. */
	list_for_each_entry(ipd, &hca->devs, entry)
		set_bit(IPOIB_FLAG_GOING, &ipd->flags);
	queue_for_removal(hca, true, &kill);
	queue_for_removal(hca, false, &kill);
	unregister_netdevice_many(&kill);
	rtnl_unlock();
}
