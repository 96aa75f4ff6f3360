/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The agents of a node, for channel adapters and switches alike: subnet
 * management, performance management, traps.
 */
#ifndef SIB_AGENT_AGENT_H
#define SIB_AGENT_AGENT_H

#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/types.h>

#include "sib/core/node.h"
#include "sib/core/pma.h"
#include "sib/core/sma.h"
#include "sib/core/trap.h"

struct sib_agent;
struct sib_port;
struct sk_buff;

/**
 * struct sib_agent_ops - the owner of the node
 * @changed: an SMP, or the link, changed a port; SIB_FX_* says what. Any
 *	context, no lock held.
 * @send: send a packet that the node itself made, @skb->data at its LRH,
 *	without an ICRC. Softirq. Consumes @skb.
 */
struct sib_agent_ops {
	void (*changed)(struct sib_agent *agent, u8 port, u32 events);
	void (*send)(struct sib_agent *agent, u8 port, struct sk_buff *skb);
};

/**
 * struct sib_trap - a trap that is repeated until the SM represses it
 * @notice: what it says
 * @tid: its transaction, 0 if there is none under way
 * @port: which port's agent sends it
 * @sent: how often it was sent
 */
struct sib_trap {
	struct sib_notice notice;
	u64 tid;
	u8 port;
	u8 sent;
};

/**
 * struct sib_lease - ends the protection by an M_Key, see IBTA 14.2.4.3
 * @timer: pending from a wrong key until a right one comes, or to the end
 * @agent: whose
 * @port: whose M_Key
 */
struct sib_lease {
	struct timer_list timer;
	struct sib_agent *agent;
	u8 port;
};

/* Ports with an M_Key: a switch's own, number 0, or those of an adapter. */
#define SIB_LEASES	3

/* Traps under way at a time; more are dropped, the SM sweeps anyway. */
#define SIB_TRAPS	8

/**
 * struct sib_agent - the agents of a node
 * @lock: protects @node, @base, @trap, @next_tid and the link state of @ports.
 *	The data path reads some of @node without it. Taken in any context, hard
 *	interrupts excluded, with interrupts off.
 * @node: what the SM sees
 * @ports: @node.num_ports + 1 of them; entry 0 is a switch's own port and
 *	unused on a channel adapter
 * @pma: performance management
 * @ops: the owner
 * @lease: by port number
 * @trap: traps under way
 * @next_tid: for the next trap
 * @trap_timer: repeats them
 * @next_security: no trap about a wrong key before, jiffies; of 64 bits, for it
 *	may be long until the next one
 * @dead: no timer may start any more
 */
struct sib_agent {
	spinlock_t lock;
	struct sib_node node;
	struct sib_port *ports;
	struct sib_pma pma;
	const struct sib_agent_ops *ops;
	struct sib_lease lease[SIB_LEASES];
	struct sib_trap trap[SIB_TRAPS];
	u64 next_tid;
	struct timer_list trap_timer;
	u64 next_security;
	bool dead;
};

int sib_agent_init(struct sib_agent *agent, u8 type, u8 num_ports,
		   const struct sib_agent_ops *ops);
void sib_agent_stop(struct sib_agent *agent);
void sib_agent_free(struct sib_agent *agent);

enum sib_sma_verdict sib_agent_smp(struct sib_agent *agent, u8 ingress,
				   const struct sib_smp *in,
				   struct sib_smp *out, bool ignore_mkey,
				   struct sib_sma_fx *fx);
void sib_agent_effects(struct sib_agent *agent, const struct sib_sma_fx *fx,
		       bool reply_first);
bool sib_agent_perf(struct sib_agent *agent, const u8 *in, u8 *out);

void sib_agent_link_changed(struct sib_agent *agent, u8 port, bool active);

void sib_agent_trap(struct sib_agent *agent, u8 port,
		    const struct sib_notice *notice);
void sib_agent_repress(struct sib_agent *agent, const struct sib_smp *smp);
void sib_agent_trap_init(struct sib_agent *agent);

#endif
