// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The life of an HCA: "rdma link add NAME type sib netdev CABLE" and its end.
 * Process context.
 *
 * An HCA ends in one of three ways: "rdma link delete", the end of its cable's
 * netdev (queued by the notifier, which holds RTNL), or the end of the module.
 * All of them go through ib_core, which removes its clients, waits for its own
 * users, flushes its events and then calls dealloc_driver(). There the cables
 * are unplugged, each with a grace period, then timers and tasklets are ended.
 * Events must stop before ib_core flushes them: our own client's remove() is
 * called early and switches them off, while packets still flow, for the other
 * clients leave their multicast groups.
 */
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/addrconf.h>
#include <rdma/rdma_netlink.h>

#include "compat/unaligned.h"
#include "sib/fabric/cable.h"
#include "sib/fabric/link.h"
#include "sib/fabric/pacer.h"
#include "sib/transport/rx.h"
#include "sib/verbs/ah.h"
#include "sib/verbs/bus.h"
#include "sib/verbs/cq.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/mcast.h"
#include "sib/verbs/pd.h"
#include "sib/verbs/qp.h"
#include "sib/verbs/srq.h"

static void hca_send(struct sib_agent *agent, u8 num, struct sk_buff *skb)
{
	struct sib_port *port = &agent->ports[num];
	u16 dlid = get_unaligned_be16(skb->data + 2);

	/* The SM may be a neighbour in this very machine. */
	if (sib_node_owns_lid(&agent->node, num, dlid))
		sib_loop(port, skb);
	else
		sib_cable_xmit(port, skb);
}

static const struct sib_agent_ops hca_agent_ops = {
	.changed = sib_hca_changed,
	.send = hca_send,
};

static bool has_cable(const struct sib_hca *hca)
{
	unsigned int i;

	for (i = 1; i <= hca->agent.node.num_ports; i++)
		if (rcu_access_pointer(hca->agent.ports[i].cable))
			return true;
	return false;
}

/* An HCA whose last cable has gone for good goes too, as rxe's and siw's. */
static void cable_gone(struct sib_port *port, struct net_device *cable)
{
	struct sib_hca *hca = agent_to_hca(port->agent);

	/* A cable that moves to another namespace comes back. */
	if (cable->reg_state == NETREG_REGISTERED)
		return;
	sib_cable_unplug(port);
	/* It need not wait for the device to go, which may take long. */
	ib_device_set_netdev(&hca->ib, NULL, port->num);
	if (has_cable(hca))
		return;
	/* One that is not registered yet is seen to by who registers it. */
	hca->orphan = true;
	if (ib_device_try_get(&hca->ib)) {
		ib_unregister_device_queued(&hca->ib);
		ib_device_put(&hca->ib);
	}
}

static const struct sib_port_ops hca_port_ops = {
	.rx = sib_hca_rx,
	.rx_bundle = sib_hca_rx_bundle,
	.cable_gone = cable_gone,
};

static void unplug_all(struct sib_hca *hca)
{
	unsigned int i;

	rtnl_lock();
	for (i = 1; i <= hca->agent.node.num_ports; i++)
		sib_cable_unplug(&hca->agent.ports[i]);
	rtnl_unlock();
}

static void destroy_port(struct sib_hca *hca, u8 num)
{
	struct sib_port *port = &hca->agent.ports[num];

	/* Setting the HCA up failed before it came to this one. */
	if (!port->agent)
		return;
	sib_link_stop(port);
	sib_loop_stop(port);
	sib_pacer_destroy(sib_hca_port(hca, num)->pacer);
	sib_port_destroy(port);
}

/* Called by ib_core for every device that was allocated, at its end. */
static void dealloc_driver(struct ib_device *ib)
{
	struct sib_hca *hca = to_hca(ib);
	/* Without memory for its tables it never had a port. */
	unsigned int i, n = hca->agent.ports ? hca->agent.node.num_ports : 0;

	if (n)
		unplug_all(hca);
	sib_agent_stop(&hca->agent);
	for (i = 1; i <= n; i++)
		destroy_port(hca, i);
	sib_agent_free(&hca->agent);
	xa_destroy(&hca->qps);
	sib_bus_remove(hca->bus_dev);
}

/*
 * User space has no objects to be taken away. ib_core moves an HCA to another
 * network namespace only if it knows how.
 */
static void disassociate_ucontext(struct ib_ucontext *context)
{
}

const struct ib_device_ops sib_device_ops = {
	.owner = THIS_MODULE,
	.driver_id = SIB_DRIVER_ID,
	.uverbs_abi_ver = 1,

	.alloc_hw_port_stats = sib_alloc_hw_stats,
	.alloc_pd = sib_alloc_pd,
	.attach_mcast = sib_attach_mcast,
	.create_ah = sib_create_ah,
	.create_cq = sib_create_cq,
	.create_qp = sib_create_qp,
	.dealloc_driver = dealloc_driver,
	.dealloc_pd = sib_dealloc_pd,
	.dereg_mr = sib_dereg_mr,
	.destroy_ah = sib_destroy_ah,
	.destroy_cq = sib_destroy_cq,
	.destroy_qp = sib_destroy_qp,
	.detach_mcast = sib_detach_mcast,
	.disassociate_ucontext = disassociate_ucontext,
	.get_dev_fw_str = sib_fw_str,
	.get_dma_mr = sib_get_dma_mr,
	.get_hw_stats = sib_get_hw_stats,
	.get_port_immutable = sib_port_immutable,
	.modify_cq = sib_modify_cq,
	.modify_device = sib_modify_device,
	.modify_port = sib_modify_port,
	.modify_qp = sib_modify_qp,
	.poll_cq = sib_poll_cq,
	.post_recv = sib_post_recv,
	.post_send = sib_post_send,
	.process_mad = sib_process_mad,
	.query_ah = sib_query_ah,
	.query_device = sib_query_device,
	.query_gid = sib_query_gid,
	.query_pkey = sib_query_pkey,
	.query_port = sib_query_port,
	.query_qp = sib_query_qp,
	.reg_user_mr = sib_reg_user_mr,
	.req_notify_cq = sib_req_notify_cq,
	.resize_cq = sib_resize_cq,

	INIT_RDMA_OBJ_SIZE(ib_ah, sib_ah, ib),
	INIT_RDMA_OBJ_SIZE(ib_cq, sib_cq, ib),
	INIT_RDMA_OBJ_SIZE(ib_pd, sib_pd, ib),
	INIT_RDMA_OBJ_SIZE(ib_qp, sib_qp, ib),
};

/* An EUI-64 of a MAC address, as rxe and siw make theirs. */
static u64 eui64_of(const struct net_device *dev)
{
	u8 eui[8];

	addrconf_addr_eui48(eui, dev->dev_addr);
	return get_unaligned_be64(eui);
}

static int init_port(struct sib_hca *hca, u8 num, struct net_device *cable)
{
	struct sib_hca_port *hp = sib_hca_port(hca, num);
	struct sib_port *port = &hca->agent.ports[num];
	int err;

	err = sib_port_init(port, &hca->agent, num, &hca_port_ops);
	if (err)
		return err;
	rwlock_init(&hp->mcg_lock);
	hash_init(hp->mcg);
	sib_loop_init(port);
	hp->pacer = sib_pacer_create();
	if (!hp->pacer)
		return -ENOMEM;
	sib_node_init_port(&hca->agent.node, num, eui64_of(cable),
			   sib_cable_mtu_code(cable));
	return ib_device_set_netdev(&hca->ib, cable, num);
}

static int init_node(struct sib_hca *hca, const char *name, u8 num_ports,
		     struct net_device *cable)
{
	struct sib_node *node = &hca->agent.node;
	int err;

	BUILD_BUG_ON(SIB_HCA_PORTS >= SIB_LEASES);
	err = sib_agent_init(&hca->agent, SIB_NODE_CA, num_ports,
			     &hca_agent_ops);
	if (err)
		return err;
	node->guid = eui64_of(cable);
	node->sys_guid = node->guid;
	snprintf(node->desc, sizeof(node->desc), "%s", name);
	hca->ib.node_type = RDMA_NODE_IB_CA;
	hca->ib.phys_port_cnt = num_ports;
	hca->ib.num_comp_vectors = num_possible_cpus();
	hca->ib.node_guid = cpu_to_be64(node->guid);
	hca->ib.local_dma_lkey = SIB_LOCAL_DMA_LKEY;
	memcpy(hca->ib.node_desc, node->desc, IB_DEVICE_NODE_DESC_MAX);
	return 0;
}

static int plug_all(struct sib_hca *hca, struct net_device **cable)
{
	unsigned int i;
	int err = 0;

	rtnl_lock();
	for (i = 1; !err && i <= hca->agent.node.num_ports; i++) {
		err = sib_cable_check(cable[i - 1], NULL);
		if (!err)
			err = sib_cable_plug(&hca->agent.ports[i],
					     cable[i - 1], NULL);
	}
	rtnl_unlock();
	return err;
}

static int set_up(struct sib_hca *hca, const char *name,
		  struct net_device **cable, u8 num_ports)
{
	unsigned int i;
	int err;

	err = init_node(hca, name, num_ports, cable[0]);
	if (err)
		return err;
	for (i = 1; i <= num_ports; i++) {
		err = init_port(hca, i, cable[i - 1]);
		if (err)
			return err;
	}
	hca->bus_dev = sib_bus_add(name, hca->caps.dma);
	if (IS_ERR(hca->bus_dev))
		return PTR_ERR(hca->bus_dev);
	hca->ib.dev.parent = hca->bus_dev;
	return plug_all(hca, cable);
}

/* The cables may go meanwhile, and so may the device, once it is registered. */
static int register_device(struct sib_hca *hca, const char *name)
{
	bool orphan;
	int err;

	get_device(&hca->ib.dev);
	err = ib_register_device(&hca->ib, name,
				 hca->caps.dma ? hca->bus_dev : NULL);
	if (!err) {
		rtnl_lock();
		orphan = hca->orphan;
		rtnl_unlock();
		if (orphan)
			ib_unregister_device(&hca->ib);
	}
	put_device(&hca->ib.dev);
	return err;
}

static int add_device(const char *name, struct net_device **cable,
		      u8 num_ports, const struct sib_caps *caps)
{
	struct sib_hca *hca;
	int err;

	hca = ib_alloc_device(sib_hca, ib);
	if (!hca)
		return -ENOMEM;
	hca->caps = *caps;
	sib_events_init(hca);
	xa_init_flags(&hca->qps, XA_FLAGS_ALLOC);
	/* Another HCA, other QPNs: what peers remember must not fit. */
	hca->next_qpn = get_random_u32_below(SIB_QPN_MASK);
	ib_set_device_ops(&hca->ib, &sib_device_ops);
	if (caps->srq)
		ib_set_device_ops(&hca->ib, &sib_srq_ops);
	err = set_up(hca, name, cable, num_ports);
	if (!err)
		err = register_device(hca, name);
	if (err) {
		pr_info("sib: %s cannot be added: error %d\n", name, err);
		ib_dealloc_device(&hca->ib);
	}
	return err;
}

static bool name_is_taken(const char *name)
{
	struct ib_device *ib = ib_device_get_by_name(name,
						     RDMA_DRIVER_UNKNOWN);

	if (ib)
		ib_device_put(ib);
	return ib;
}

/* Without RTNL; @ndev is held by the caller, in its own namespace. */
static int newlink(const char *name, struct net_device *ndev)
{
	struct net_device *cable[SIB_HCA_PORTS] = { ndev };
	struct sib_caps caps;
	u8 num_ports = 1;
	int err;

	/* Before anything is made: ib_core would find out at the very end. */
	if (name_is_taken(name)) {
		pr_info("sib: %s cannot be added: the name is in use\n", name);
		return -EEXIST;
	}
	sib_caps_sample(&caps);
	if (caps.port2[0]) {
		cable[1] = dev_get_by_name(dev_net(ndev), caps.port2);
		if (!cable[1]) {
			pr_info("sib: %s cannot be added: no netdev %s for its second port\n",
				name, caps.port2);
			return -ENODEV;
		}
		num_ports = 2;
	}
	err = add_device(name, cable, num_ports, &caps);
	dev_put(cable[1]);
	return err;
}

static struct rdma_link_ops link_ops = {
	.type = "sib",
	.newlink = newlink,
};

/* QP0 is older than we as a client: the SM may have been here already. */
static int client_add(struct ib_device *ib)
{
	if (ib->ops.driver_id != SIB_DRIVER_ID)
		return -EOPNOTSUPP;
	sib_events_start(to_hca(ib));
	return 0;
}

static void client_remove(struct ib_device *ib, void *data)
{
	sib_events_stop(to_hca(ib));
}

static struct ib_client client = {
	.name = "sib",
	.add = client_add,
	.remove = client_remove,
};

/**
 * sib_device_start() - offer HCAs
 *
 * Return: 0 or an error.
 */
int sib_device_start(void)
{
	int err;

	err = sib_bus_start();
	if (err)
		return err;
	err = ib_register_client(&client);
	if (err) {
		sib_bus_stop();
		return err;
	}
	rdma_link_register(&link_ops);
	return 0;
}

/**
 * sib_device_stop() - remove all HCAs
 *
 * First no new ones, then the end of those there are, queued ones included.
 */
void sib_device_stop(void)
{
	rdma_link_unregister(&link_ops);
	ib_unregister_driver(SIB_DRIVER_ID);
	ib_unregister_client(&client);
	sib_bus_stop();
}
