// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The module's life, and that of channel adapters: each InfiniBand port gets
 * an interface. Process context.
 */
#include <linux/module.h>
#include <net/rtnetlink.h>

#include "ipoib/child.h"
#include "ipoib/core/event.h"
#include "ipoib/core/ring.h"
#include "ipoib/debug.h"
#include "ipoib/debugfs.h"
#include "ipoib/dev.h"
#include "ipoib/event.h"
#include "ipoib/main.h"
#include "ipoib/netlink.h"
#include "ipoib/rdmacm.h"
#include "ipoib/sysfs.h"

MODULE_DESCRIPTION("IP over InfiniBand");
MODULE_LICENSE("Dual BSD/GPL");
MODULE_VERSION(MODULES_VERSION);
MODULE_ALIAS_RTNL_LINK("ipoib");

int ipoib_send_queue_size = 128;
module_param_named(send_queue_size, ipoib_send_queue_size, int, 0444);
MODULE_PARM_DESC(send_queue_size, "packets in a transmit queue, 128 to 8192");

int ipoib_recv_queue_size = 256;
module_param_named(recv_queue_size, ipoib_recv_queue_size, int, 0444);
MODULE_PARM_DESC(recv_queue_size, "buffers of the receive queue, 2 to 8192");

int ipoib_max_nonsrq_conn_qp = 128;
module_param_named(max_nonsrq_conn_qp, ipoib_max_nonsrq_conn_qp, int, 0444);
MODULE_PARM_DESC(max_nonsrq_conn_qp, "connections to an interface that have receive buffers of their own, 0 to 4096");

#ifdef IPOIB_WITH_DEBUG
int ipoib_debug_level;
module_param_named(debug_level, ipoib_debug_level, int, 0644);
MODULE_PARM_DESC(debug_level, "print debug messages if above 0");

int ipoib_mcast_debug_level;
module_param_named(mcast_debug_level, ipoib_mcast_debug_level, int, 0644);
MODULE_PARM_DESC(mcast_debug_level, "print those on multicast if above 0");
#endif

#ifdef IPOIB_WITH_DEBUG_DATA
int ipoib_data_debug_level;
module_param_named(data_debug_level, ipoib_data_debug_level, int, 0644);
MODULE_PARM_DESC(data_debug_level, "print those of the data path if above 0");

int ipoib_cm_data_debug_level;
module_param_named(cm_data_debug_level, ipoib_cm_data_debug_level, int, 0644);
MODULE_PARM_DESC(cm_data_debug_level, "print those of connections if above 0");
#endif

struct ib_sa_client ipoib_sa_client;

/* ib_core calls this from a workqueue. */
static void handle_event(struct ib_event_handler *handler,
			 struct ib_event *event)
{
	struct ipoib_hca *hca = container_of(handler, struct ipoib_hca,
					     handler);
	u32 bit = ipoib_event_bit(event->event);
	u32 port = event->element.port_num;
	struct ipoib_dev *ipd;
	unsigned long irq;

	if (!bit || !rdma_is_port_valid(hca->ib, port))
		return;
	if (bit & (IPOIB_EV_ACTIVE | IPOIB_EV_SM | IPOIB_EV_REREGISTER))
		ipoib_sa_refresh(&hca->ports[port - 1].sa);
	spin_lock_irqsave(&hca->lock, irq);
	list_for_each_entry(ipd, &hca->devs, entry)
		if (ipd->port == port)
			ipoib_event_post(ipd, bit);
	spin_unlock_irqrestore(&hca->lock, irq);
}

static int add_interface(struct ipoib_hca *hca, u32 port)
{
	struct net_device *netdev = ipoib_dev_alloc("ib%d");
	int err;

	if (!netdev)
		return -ENOMEM;
	err = ipoib_dev_attach(netdev, hca, port);
	if (!err) {
		SET_NETDEV_DEV(netdev, hca->ib->dev.parent);
		netdev->dev_port = port - 1;
		netdev->dev_id = port - 1;
		rtnl_lock();
		err = ipoib_dev_register(netdev);
		if (!err)
			ipoib_sysfs_watch_dev_id(netdev);
		rtnl_unlock();
	}
	if (err)
		free_netdev(netdev);
	return err;
}

static void add_port(struct ipoib_hca *hca, u32 port)
{
	int err;

	if (!rdma_protocol_ib(hca->ib, port))
		return;
	err = add_interface(hca, port);
	if (err)
		pr_warn("%s: couldn't register ipoib port %u; error %d\n",
			dev_name(&hca->ib->dev), port, err);
}

static void start_port(struct ipoib_hca *hca, u32 port)
{
	ipoib_sa_start(&hca->ports[port - 1].sa, hca, port);
	ipoib_leaver_start(&hca->ports[port - 1].leaver, hca, port);
}

static void stop_port(struct ipoib_port *port)
{
	ipoib_leaver_stop(&port->leaver);
	ipoib_sa_stop(&port->sa);
}

static void free_hca(struct ipoib_hca *hca)
{
	u32 port;

	ib_unregister_event_handler(&hca->handler);
	rdma_for_each_port(hca->ib, port)
		stop_port(&hca->ports[port - 1]);
	kfree(hca);
}

static int add_hca(struct ib_device *ib)
{
	struct ipoib_hca *hca;
	u32 port;

	hca = kzalloc(struct_size(hca, ports, ib->phys_port_cnt), GFP_KERNEL);
	if (!hca)
		return -ENOMEM;
	hca->ib = ib;
	spin_lock_init(&hca->lock);
	INIT_LIST_HEAD(&hca->devs);
	INIT_IB_EVENT_HANDLER(&hca->handler, ib, handle_event);
	rdma_for_each_port(ib, port)
		start_port(hca, port);
	/* Before the interfaces: none of them may miss an event. */
	ib_register_event_handler(&hca->handler);
	rdma_for_each_port(ib, port)
		add_port(hca, port);
	if (list_empty(&hca->devs)) {
		free_hca(hca);
		return -EOPNOTSUPP;
	}
	ib_set_client_data(ib, &ipoib_client, hca);
	return 0;
}

static void remove_hca(struct ib_device *ib, void *data)
{
	struct ipoib_hca *hca = data;

	ipoib_dev_unregister_all(hca);
	free_hca(hca);
}

struct ib_client ipoib_client = {
	.name = "ipoib",
	.add = add_hca,
	.remove = remove_hca,
	.get_net_dev_by_params = ipoib_find_netdev,
};

static int __init ipoib_init(void)
{
	int err;

	ipoib_send_queue_size = ipoib_ring_size(ipoib_send_queue_size,
						IPOIB_SENDQ_MIN,
						IPOIB_QUEUE_MAX);
	ipoib_recv_queue_size = ipoib_ring_size(ipoib_recv_queue_size,
						IPOIB_RECVQ_MIN,
						IPOIB_QUEUE_MAX);
	ipoib_max_nonsrq_conn_qp = clamp(ipoib_max_nonsrq_conn_qp, 0,
					 IPOIB_CM_RECV_MAX);
	ipoib_cm_reaper = alloc_workqueue("ipoib-cm",
					  WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!ipoib_cm_reaper)
		return -ENOMEM;
	ipoib_debugfs_start();
	ib_sa_register_client(&ipoib_sa_client);
	err = ib_register_client(&ipoib_client);
	if (err)
		goto stop;
	err = ipoib_netlink_start();
	if (err)
		goto unregister;
	pr_info("ib_ipoib: IP over InfiniBand, version " MODULES_VERSION "\n");
	return 0;
unregister:
	ib_unregister_client(&ipoib_client);
	ipoib_child_flush();
stop:
	ib_sa_unregister_client(&ipoib_sa_client);
	ipoib_debugfs_stop();
	destroy_workqueue(ipoib_cm_reaper);
	return err;
}

static void __exit ipoib_exit(void)
{
	ipoib_netlink_stop();
	ipoib_child_flush();
	ib_unregister_client(&ipoib_client);
	ib_sa_unregister_client(&ipoib_sa_client);
	ipoib_debugfs_stop();
	ipoib_child_flush();
	destroy_workqueue(ipoib_cm_reaper);
	/* Destinations and connections are freed after a grace period. */
	rcu_barrier();
}

module_init(ipoib_init);
module_exit(ipoib_exit);
