// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The shell around the agents of core/: the lock, the tables' memory, and the
 * effects of what an SM asked for.
 *
 * Tear-down: the owner first unplugs all ports and stops their links, so that
 * nothing comes in; sib_agent_stop() then ends the timers; process_mad() of
 * ib_core may still call until the device is unregistered, and only after that
 * sib_agent_free() may run.
 */
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "sib/agent/agent.h"
#include "sib/fabric/link.h"
#include "sib/fabric/port.h"

static void read_counters(void *context, u8 port, u64 *counters)
{
	struct sib_agent *agent = context;

	sib_stats_read_pma(agent->ports[port].stats, counters);
}

/* IBTA 14.2.4.3: the protection was not renewed, so it falls. */
static void lease_expired(struct timer_list *t)
{
	struct sib_lease *lease = from_timer(lease, t, timer);
	struct sib_agent *agent = lease->agent;
	unsigned long irq;

	spin_lock_irqsave(&agent->lock, irq);
	agent->node.port[lease->port].mkey_protect = 0;
	spin_unlock_irqrestore(&agent->lock, irq);
}

static void init_leases(struct sib_agent *agent)
{
	u8 i;

	for (i = 0; i < SIB_LEASES; i++) {
		agent->lease[i].agent = agent;
		agent->lease[i].port = i;
		timer_setup(&agent->lease[i].timer, lease_expired, 0);
	}
}

/* Users may make switches, as many as their memory control group allows. */
static int alloc_tables(struct sib_agent *agent)
{
	struct sib_node *node = &agent->node;
	unsigned int n = node->num_ports + 1;
	gfp_t gfp = GFP_KERNEL_ACCOUNT;

	node->port = kcalloc(n, sizeof(*node->port), gfp);
	node->pkeys = kcalloc(n * node->num_pkeys, sizeof(u16), gfp);
	node->guids = kcalloc(n * node->num_guids, sizeof(u64), gfp);
	agent->ports = kcalloc(n, sizeof(*agent->ports), gfp);
	agent->pma.base = kvcalloc(n, sizeof(*agent->pma.base), gfp);
	if (!node->port || !node->pkeys || !node->guids || !agent->ports ||
	    !agent->pma.base)
		return -ENOMEM;
	if (node->type != SIB_NODE_SWITCH)
		return 0;
	node->sw.lft = __vmalloc(SIB_LFT_ENTRIES, gfp);
	node->sw.mft = kvcalloc(SIB_MFT_ENTRIES, sizeof(u64), gfp);
	if (!node->sw.lft || !node->sw.mft)
		return -ENOMEM;
	memset(node->sw.lft, SIB_LFT_DISCARD, SIB_LFT_ENTRIES);
	return 0;
}

/**
 * sib_agent_init() - the agents of a node
 * @agent: zeroed memory
 * @type: SIB_NODE_*
 * @num_ports: external ports
 * @ops: the owner
 *
 * Identity (GUIDs, description) and ports are the owner's to fill in.
 *
 * Context: Process.
 * Return: 0 or -ENOMEM; sib_agent_free() is due in both cases.
 */
int sib_agent_init(struct sib_agent *agent, u8 type, u8 num_ports,
		   const struct sib_agent_ops *ops)
{
	bool sw = type == SIB_NODE_SWITCH;

	spin_lock_init(&agent->lock);
	agent->ops = ops;
	agent->node.type = type;
	agent->node.num_ports = num_ports;
	agent->node.num_pkeys = sw ? 32 : 128;
	agent->node.num_guids = sw ? 1 : 8;
	/* Locally administered: nobody sells these. */
	agent->node.vendor_id = 0x025b00;
	agent->node.revision = 1;
	agent->node.device_id = sw ? 2 : 1;
	agent->pma.first_port = sw ? 0 : 1;
	agent->pma.num_ports = num_ports;
	agent->pma.read = read_counters;
	agent->pma.context = agent;
	agent->next_tid = (u64)get_random_u32() << 32 | 1;
	init_leases(agent);
	sib_agent_trap_init(agent);
	return alloc_tables(agent);
}

/**
 * sib_agent_stop() - no timer of the agent runs or will run
 * @agent: its ports are unplugged
 *
 * Context: Process.
 */
void sib_agent_stop(struct sib_agent *agent)
{
	unsigned int i;

	spin_lock_irq(&agent->lock);
	agent->dead = true;
	spin_unlock_irq(&agent->lock);
	for (i = 0; i < SIB_LEASES; i++)
		timer_shutdown_sync(&agent->lease[i].timer);
	timer_shutdown_sync(&agent->trap_timer);
}

/**
 * sib_agent_free() - give the memory back
 * @agent: stopped, its ports destroyed
 *
 * Context: Process.
 */
void sib_agent_free(struct sib_agent *agent)
{
	kfree(agent->node.port);
	kfree(agent->node.pkeys);
	kfree(agent->node.guids);
	kfree(agent->ports);
	kvfree(agent->pma.base);
	vfree(agent->node.sw.lft);
	kvfree(agent->node.sw.mft);
}

/**
 * sib_agent_smp() - let the SMA answer an SMP
 * @agent: the agent
 * @ingress: port it came in on; 0 at a switch that sent it itself
 * @in: the SMP
 * @out: filled with the reply, if there is one; not @in
 * @ignore_mkey: asked by this machine itself
 * @fx: filled; hand it to sib_agent_effects() once the reply is on its way
 *
 * Context: Any.
 * Return: what became of it.
 */
enum sib_sma_verdict sib_agent_smp(struct sib_agent *agent, u8 ingress,
				   const struct sib_smp *in,
				   struct sib_smp *out, bool ignore_mkey,
				   struct sib_sma_fx *fx)
{
	enum sib_sma_verdict verdict;
	struct sib_notice notice;
	unsigned long irq;

	spin_lock_irqsave(&agent->lock, irq);
	verdict = sib_sma_handle(&agent->node, ingress, in, out, ignore_mkey,
				 fx);
	spin_unlock_irqrestore(&agent->lock, irq);
	if (fx->events & SIB_FX_TRAP_REPRESS)
		sib_agent_repress(agent, in);
	if (fx->events & SIB_FX_BAD_MKEY) {
		sib_notice_bad_mkey(&notice, agent->node.port[fx->port].lid,
				    in);
		sib_agent_trap(agent, fx->port, &notice);
	}
	return verdict;
}

static void mkey_lease(struct sib_agent *agent, u8 port, bool bad)
{
	u16 period = agent->node.port[port].mkey_lease;
	struct timer_list *timer = &agent->lease[port].timer;
	unsigned long irq;

	spin_lock_irqsave(&agent->lock, irq);
	/* Without a period the protection lasts for ever. */
	if (!agent->dead && period && !bad)
		timer_delete(timer);
	else if (!agent->dead && period && !timer_pending(timer))
		mod_timer(timer, jiffies + period * HZ);
	spin_unlock_irqrestore(&agent->lock, irq);
}

/**
 * sib_agent_effects() - do what an SMP asked for besides its reply
 * @agent: the agent
 * @fx: from sib_agent_smp()
 * @reply_first: a reply is still in a send queue, so a link must not go down
 *	at once
 *
 * Context: Any.
 */
void sib_agent_effects(struct sib_agent *agent, const struct sib_sma_fx *fx,
		       bool reply_first)
{
	static const struct {
		u32 fx;
		enum sib_lsm_event event;
	} orders[] = {
		{ SIB_FX_RETRAIN, SIB_LSM_RETRAIN },
		{ SIB_FX_DISABLE, SIB_LSM_DISABLE },
		{ SIB_FX_ENABLE, SIB_LSM_ENABLE },
	};
	struct sib_port *port = &agent->ports[fx->port];
	unsigned int i;

	for (i = 0; i < SIB_LEASES; i++)
		if (fx->keys & BIT_ULL(i))
			mkey_lease(agent, i, fx->events & SIB_FX_BAD_MKEY);
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		if (!(fx->events & orders[i].fx))
			continue;
		if (reply_first)
			sib_link_event_later(port, orders[i].event);
		else
			sib_link_event(port, orders[i].event);
	}
	agent->ops->changed(agent, fx->port, fx->events);
}

/**
 * sib_agent_perf() - let the PMA answer a MAD
 * @agent: the agent
 * @in: SIB_MAD_LEN octets
 * @out: as many; filled if there is an answer; not @in
 *
 * Context: Any.
 * Return: true if @out is to be sent.
 */
bool sib_agent_perf(struct sib_agent *agent, const u8 *in, u8 *out)
{
	unsigned long irq;
	bool reply;

	spin_lock_irqsave(&agent->lock, irq);
	reply = sib_pma_handle(&agent->pma, in, out);
	spin_unlock_irqrestore(&agent->lock, irq);
	return reply;
}

/**
 * sib_agent_link_changed() - a link came or went
 * @agent: the agent
 * @port: which port
 * @was_active: the port was Active, so its users must be told
 *
 * Context: Any, without the lock.
 */
void sib_agent_link_changed(struct sib_agent *agent, u8 port, bool was_active)
{
	struct sib_notice notice;

	if (agent->node.type == SIB_NODE_SWITCH) {
		sib_notice_link_state(&notice, agent->node.port[0].lid);
		sib_agent_trap(agent, 0, &notice);
	}
	if (was_active)
		agent->ops->changed(agent, port, SIB_FX_INACTIVE);
}
