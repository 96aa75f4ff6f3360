/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * An interface.
 *
 * Locking, from the outside in:
 *	RTNL	->  ctl  ->  netdev's address lock  ->  lock
 * Work of an interface never takes RTNL but by rtnl_trylock(), so who holds
 * RTNL may wait for it. What ctl protects is done by the interface's ordered
 * workqueue or under RTNL.
 */
#ifndef IPOIB_DEV_H
#define IPOIB_DEV_H

#include <linux/cache.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/rhashtable.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>

#include "ipoib/ah.h"
#include "ipoib/cm.h"
#include "ipoib/core/encap.h"
#include "ipoib/core/hwaddr.h"
#include "ipoib/core/mtu.h"
#include "ipoib/core/pace.h"
#include "ipoib/counter.h"
#include "ipoib/mcast.h"
#include "ipoib/neigh.h"
#include "ipoib/path.h"
#include "ipoib/rx.h"

struct ipoib_txq;
struct ipoib_hca;

/* Bits of ipoib_dev.flags. */
enum {
	IPOIB_FLAG_OPEN,	/* up, as the administrator sees it */
	IPOIB_FLAG_QPS_UP,	/* the QPs can send and receive */
	IPOIB_FLAG_QPS_STUCK,	/* not in RESET: the HCA may use buffers */
	IPOIB_FLAG_LINK,	/* groups may be joined, paths asked for */
	IPOIB_FLAG_UMCAST,	/* user space joins groups by itself */
	IPOIB_FLAG_OWN_GID,	/* the address was set by hand */
	IPOIB_FLAG_GID_MISSING,	/* and the port has no such GID */
	IPOIB_FLAG_GOING,	/* being unregistered */
	IPOIB_FLAG_DEV_ID_READ,	/* somebody was told of dev_port */
};

/**
 * struct ipoib_dev - an interface
 * @netdev: what the network stack knows of it
 * @hca: the channel adapter's list of interfaces
 * @ib: the channel adapter
 * @entry: on @hca's list; under its lock
 * @parent: whose child it is, NULL for a port's own interface; holds a
 *	reference on its netdev
 * @parent_tracker: of that reference
 * @children: of a parent; RTNL
 * @sibling: on the parent's list, or that of those to be deleted; RTNL
 * @by_sysfs: a child made by create_child
 * @port: port number
 * @flags: IPOIB_FLAG_*
 * @ctl: serialises changes of the state of the interface; see above
 * @lock: protects destinations, paths, groups and what waits for them. Softirq.
 * @wq: all work of the interface, in order
 * @events: IPOIB_EV_* that have come
 * @event_work: acts upon them
 * @link_work: what needs RTNL once the broadcast group is joined: MTU, carrier
 * @gc_work: ages destinations, paths and groups; tries again what has failed
 * @recover_work: sets QPs going again that an error has stopped
 * @pkey: P_Key with the membership bit set; @ctl, that of a child never changes
 * @pkey_index: where the port has it; @ctl
 * @pkey_found: whether the port has it; @ctl
 * @gid: the port's GID that is used; @ctl
 * @lid: of the port; @ctl, read by the data path
 * @mtu: the three MTUs; RTNL
 * @mtu_internal: the MTU is being changed by us; RTNL
 * @group_mtu: IB MTU code of the broadcast group; @ctl, read under RTNL
 * @starts: of the link; @ctl
 * @qp_starts: of QPs that had failed; @ctl
 * @moved: peers have to be told where we are once there is a link; @ctl
 * @announce: telling them; @ctl
 * @addr_changed: @gid was changed, nobody has been told; @ctl
 * @qkey: of the broadcast group; @ctl, read by the data path
 * @pd: protection domain
 * @txqs: transmit queues, @max_txqs places for them
 * @max_txqs: never changes
 * @num_txqs: how many there are; @ctl
 * @staying_txqs: how many of them will stay; @ctl, read by the data path
 * @send_size: of each transmit queue's ring; @ctl
 * @send_max: what the HCA can do
 * @max_send_sge: SGEs of a send WR
 * @rx: receive side
 * @neighs: destinations
 * @paths: path records
 * @mcast: multicast groups
 * @cm: connected mode
 * @ahs: address handles that nobody has any more
 * @counters: what else is counted
 * @debugfs: files
 */
struct ipoib_dev {
	struct net_device *netdev;
	struct ipoib_hca *hca;
	struct ib_device *ib;
	struct list_head entry;
	struct ipoib_dev *parent;
	netdevice_tracker parent_tracker;
	struct list_head children;
	struct list_head sibling;
	bool by_sysfs;
	u32 port;
	unsigned long flags;
	struct mutex ctl;
	spinlock_t lock;
	struct workqueue_struct *wq;
	atomic_t events;
	struct work_struct event_work;
	struct delayed_work link_work;
	struct delayed_work gc_work;
	struct work_struct recover_work;
	u16 pkey;
	u16 pkey_index;
	bool pkey_found;
	union ib_gid gid;
	u32 lid;
	struct ipoib_mtu mtu;
	bool mtu_internal;
	u8 group_mtu;
	struct ipoib_pace starts;
	struct ipoib_pace qp_starts;
	bool moved;
	struct ipoib_announce announce;
	bool addr_changed;
	u32 qkey;
	struct ib_pd *pd;
	struct ipoib_txq *txqs;
	unsigned int max_txqs;
	unsigned int num_txqs;
	unsigned int staying_txqs;
	u32 send_size;
	u32 send_max;
	unsigned int max_send_sge;
	/* Written for each packet, and what is above read for each. */
	struct ipoib_rx rx ____cacheline_aligned_in_smp;
	struct ipoib_neighs neighs;
	struct ipoib_paths paths;
	struct ipoib_mcasts mcast;
	struct ipoib_cm cm;
	struct ipoib_ahs ahs;
	struct ipoib_counters __percpu *counters;
	struct dentry *debugfs[3];
};

/*
 * A netdev's private area begins with a struct rdma_netdev, as an HCA driver
 * that accelerates IPoIB wants it; ours hangs off it.
 */
static inline struct ipoib_dev *ipoib_dev(const struct net_device *netdev)
{
	return ((struct rdma_netdev *)netdev_priv(netdev))->clnt_priv;
}

/* The longest packet that a datagram takes, pseudo header included. */
static inline unsigned int ipoib_ud_max(const struct ipoib_dev *ipd)
{
	return READ_ONCE(ipd->mtu.group) + IPOIB_HARD_LEN;
}

/* The clock of core/pace.c, milliseconds. */
static inline u64 ipoib_now(void)
{
	return ktime_to_ms(ktime_get());
}

struct net_device *ipoib_dev_alloc(const char *name);
int ipoib_dev_attach(struct net_device *netdev, struct ipoib_hca *hca,
		     u32 port);
void ipoib_dev_detach(struct net_device *netdev);
int ipoib_dev_register(struct net_device *netdev);
void ipoib_dev_unregister_all(struct ipoib_hca *hca);

/* For netdev.c. */
int ipoib_dev_init(struct ipoib_dev *ipd);
void ipoib_dev_uninit(struct ipoib_dev *ipd);

#endif
