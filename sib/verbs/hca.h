/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A channel adapter.
 */
#ifndef SIB_VERBS_HCA_H
#define SIB_VERBS_HCA_H

#include <linux/dma-direct.h>
#include <linux/hashtable.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/skbuff.h>
#include <linux/xarray.h>
#include <rdma/ib_verbs.h>

#include "sib/agent/agent.h"
#include "sib/fabric/port.h"
#include "sib/verbs/caps.h"

struct sib_pacer;
struct sib_qpc;

/* SGEs are read and written at kernel addresses, which highmem has not. */
#ifndef CONFIG_INFINIBAND_VIRT_DMA
#error "sib needs a kernel with CONFIG_INFINIBAND_VIRT_DMA, so without HIGHMEM"
#endif

#define SIB_HCA_PORTS		2

/* No number of enum rdma_driver_id: "SIB" and a version. */
#define SIB_DRIVER_ID		0x53494201

#define SIB_MAX_QP		65536
#define SIB_MAX_WR		16384
#define SIB_MAX_CQE		1048576
#define SIB_LOCAL_DMA_LKEY	0x51b00001

/**
 * struct sib_hca_port - what a port of an HCA has besides its cable
 * @self: the port
 * @pacer: its tokens
 * @special: QP0 and QP1; RCU
 * @mcg_lock: protects @mcg; held for reading while multicasts are delivered,
 *	so that after a detach none is under way. Softirq.
 * @mcg: attached QPs, struct sib_mcg
 * @loopq: packets from this port to itself
 * @loop_task: delivers them
 */
struct sib_hca_port {
	struct sib_port *self;
	struct sib_pacer *pacer;
	struct sib_qpc __rcu *special[2];
	rwlock_t mcg_lock;
	DECLARE_HASHTABLE(mcg, 8);
	struct sk_buff_head loopq;
	struct tasklet_struct loop_task;
};

/**
 * struct sib_hca - a channel adapter
 * @ib: what ib_core knows of it
 * @agent: SMA, PMA, traps, ports
 * @port: by port number less one
 * @caps: what it can do
 * @qps: struct sib_qpc by QPN
 * @next_qpn: where the search for a free QPN begins
 * @bus_dev: its place in the device tree
 * @orphan: its last cable has gone for good; under RTNL
 * @events: ib_core wants to hear of changes; under @agent.lock
 * @changes: SIB_FX_* by port number less one that it has not heard of; likewise
 * @event_work: tells it
 * @next_event: not before, jiffies; under @agent.lock
 */
struct sib_hca {
	struct ib_device ib;
	struct sib_agent agent;
	struct sib_hca_port port[SIB_HCA_PORTS];
	struct sib_caps caps;
	struct xarray qps;
	u32 next_qpn;
	struct device *bus_dev;
	bool orphan;
	bool events;
	u32 changes[SIB_HCA_PORTS];
	struct delayed_work event_work;
	u64 next_event;
};

static inline struct sib_hca *to_hca(struct ib_device *ib)
{
	return container_of(ib, struct sib_hca, ib);
}

static inline struct sib_hca *agent_to_hca(struct sib_agent *agent)
{
	return container_of(agent, struct sib_hca, agent);
}

static inline struct sib_hca_port *sib_hca_port(struct sib_hca *hca, u8 num)
{
	return &hca->port[num - 1];
}

/* Where the octets of an SGE are. */
static inline void *sib_sge_addr(const struct sib_hca *hca, u64 addr)
{
	if (!hca->caps.dma)
		return (void *)(uintptr_t)addr;
	/* A bus address may differ, by the memory encryption bit at least. */
	return phys_to_virt(dma_to_phys(hca->bus_dev, addr));
}

/* device.c */
int sib_device_start(void);
void sib_device_stop(void);
extern const struct ib_device_ops sib_device_ops;

/* attr.c: what ib_core asks about */
int sib_query_device(struct ib_device *ib, struct ib_device_attr *attr,
		     struct ib_udata *udata);
int sib_query_port(struct ib_device *ib, u32 num, struct ib_port_attr *attr);
int sib_query_gid(struct ib_device *ib, u32 num, int index, union ib_gid *gid);
int sib_query_pkey(struct ib_device *ib, u32 num, u16 index, u16 *pkey);
int sib_modify_device(struct ib_device *ib, int mask,
		      struct ib_device_modify *modify);
int sib_modify_port(struct ib_device *ib, u32 num, int mask,
		    struct ib_port_modify *modify);
int sib_port_immutable(struct ib_device *ib, u32 num,
		       struct ib_port_immutable *immutable);
void sib_fw_str(struct ib_device *ib, char *str);
struct rdma_hw_stats *sib_alloc_hw_stats(struct ib_device *ib, u32 num);
int sib_get_hw_stats(struct ib_device *ib, struct rdma_hw_stats *stats,
		     u32 num, int index);
void sib_port_gid(const struct sib_node *node, u8 num, unsigned int index,
		  u8 *gid);
bool sib_port_owns_gid(const struct sib_node *node, u8 num, const u8 *gid);

/* mad.c */
int sib_process_mad(struct ib_device *ib, int flags, u32 num,
		    const struct ib_wc *in_wc, const struct ib_grh *in_grh,
		    const struct ib_mad *in, struct ib_mad *out,
		    size_t *out_size, u16 *out_pkey_index);

/* event.c */
void sib_hca_changed(struct sib_agent *agent, u8 port, u32 events);
void sib_events_init(struct sib_hca *hca);
void sib_events_start(struct sib_hca *hca);
void sib_events_stop(struct sib_hca *hca);

#endif
