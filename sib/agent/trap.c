// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Traps: sent, and sent again, until the SM represses them. One timer for all
 * of a node. IBTA volume 1, sections 13.4.9 and 14.3.11.
 */
#include <linux/jiffies.h>

#include "sib/agent/agent.h"
#include "sib/agent/packet.h"

/* An SM that is silent for so long will sweep when it is back. */
#define SEND_LIMIT	16

/* 4.096 us times two to SubnetTimeOut, in jiffies. */
static unsigned long repeat_interval(const struct sib_agent *agent, u8 port)
{
	u64 ns = 4096ULL << agent->node.port[port].subnet_timeout;

	return max(nsecs_to_jiffies(ns), 1UL);
}

/* May a port send traps at all? */
static bool can_send(const struct sib_agent *agent, u8 port)
{
	const struct sib_portinfo *pi = &agent->node.port[port];

	return pi->state == SIB_PORT_ACTIVE && pi->lid && pi->sm_lid;
}

/* The trap as a packet; NULL if it cannot be sent now, or without memory. */
static struct sk_buff *trap_packet_locked(struct sib_agent *agent,
					  struct sib_trap *trap)
{
	const struct sib_portinfo *pi = &agent->node.port[trap->port];
	struct sib_smp smp;

	lockdep_assert_held(&agent->lock);
	if (trap->sent++ >= SEND_LIMIT || !can_send(agent, trap->port)) {
		trap->tid = 0;
		return NULL;
	}
	sib_trap_build(&smp, &trap->notice, trap->tid, agent->node.type,
		       pi->lid);
	return sib_packet_smp(pi->sm_lid, pi->lid, &smp);
}

static void send_traps(struct timer_list *t)
{
	struct sib_agent *agent = from_timer(agent, t, trap_timer);
	struct sk_buff *skb[SIB_TRAPS];
	u8 port[SIB_TRAPS];
	unsigned int i, n = 0;
	unsigned long irq;

	spin_lock_irqsave(&agent->lock, irq);
	for (i = 0; i < SIB_TRAPS; i++) {
		struct sib_trap *trap = &agent->trap[i];

		if (!trap->tid)
			continue;
		port[n] = trap->port;
		skb[n] = trap_packet_locked(agent, trap);
		if (skb[n])
			n++;
		/* Without memory it is still under way, and tried again. */
		if (trap->tid)
			mod_timer(&agent->trap_timer, jiffies +
				  repeat_interval(agent, trap->port));
	}
	spin_unlock_irqrestore(&agent->lock, irq);
	for (i = 0; i < n; i++)
		agent->ops->send(agent, port[i], skb[i]);
}

/* A slot for a trap: that of one that says the same kind of thing, or free. */
static struct sib_trap *find_slot(struct sib_agent *agent, u8 port, u16 kind)
{
	struct sib_trap *slot = NULL;
	unsigned int i;

	for (i = 0; i < SIB_TRAPS; i++) {
		struct sib_trap *trap = &agent->trap[i];

		if (!trap->tid)
			slot = slot ?: trap;
		else if (trap->port == port && trap->notice.trap == kind)
			return trap;
	}
	return slot;
}

/* Anybody may send a wrong key, and often: the SM hears of one now and then. */
static bool too_soon_locked(struct sib_agent *agent, u8 port,
			    const struct sib_notice *notice)
{
	u64 now = get_jiffies_64();

	lockdep_assert_held(&agent->lock);
	if (notice->type != SIB_NOTICE_SECURITY)
		return false;
	if (time_before64(now, agent->next_security))
		return true;
	agent->next_security = now + repeat_interval(agent, port);
	return false;
}

/**
 * sib_agent_trap() - tell the SM something
 * @agent: the agent
 * @port: which port's agent tells it, 0 on a switch
 * @notice: what
 *
 * A trap that is still under way is replaced by a newer one of its kind. Where
 * there is no SM yet, nothing is sent: it will look for itself.
 *
 * Context: Any.
 */
void sib_agent_trap(struct sib_agent *agent, u8 port,
		    const struct sib_notice *notice)
{
	struct sib_trap *trap;
	unsigned long irq;

	spin_lock_irqsave(&agent->lock, irq);
	trap = find_slot(agent, port, notice->trap);
	if (trap && !agent->dead && can_send(agent, port) &&
	    !too_soon_locked(agent, port, notice)) {
		trap->notice = *notice;
		trap->port = port;
		trap->sent = 0;
		trap->tid = agent->next_tid++;
		mod_timer(&agent->trap_timer, jiffies);
	}
	spin_unlock_irqrestore(&agent->lock, irq);
}

/**
 * sib_agent_repress() - the SM has heard a trap
 * @agent: the agent
 * @smp: the TrapRepress
 *
 * Context: Any.
 */
void sib_agent_repress(struct sib_agent *agent, const struct sib_smp *smp)
{
	u64 tid = be64_to_cpu(smp->tid);
	unsigned int i;
	unsigned long irq;

	spin_lock_irqsave(&agent->lock, irq);
	for (i = 0; i < SIB_TRAPS; i++)
		if (agent->trap[i].tid == tid)
			agent->trap[i].tid = 0;
	spin_unlock_irqrestore(&agent->lock, irq);
}

/**
 * sib_agent_trap_init() - no traps yet
 * @agent: being set up
 */
void sib_agent_trap_init(struct sib_agent *agent)
{
	timer_setup(&agent->trap_timer, send_traps, 0);
	agent->next_security = get_jiffies_64();
}
