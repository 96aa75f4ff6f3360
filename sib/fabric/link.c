// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The shell of the link state machine: events in, messages and changes of the
 * port out. Events come from netdev notifiers (process), SMPs (any context),
 * timers and frames (softirq); the agent's lock puts them in order.
 *
 * Timers of a port, and what they mean:
 *	timer		say hello, again and again: fast while training, slowly
 *			to show that we live while up; count the peer's silence
 *	later_timer	the reply to the SMP that ends this link has had its
 *			time to get out; do what the SM has ordered since
 */
#include <linux/etherdevice.h>
#include <linux/random.h>

#include "sib/agent/agent.h"
#include "sib/core/shim.h"
#include "sib/fabric/cable.h"
#include "sib/fabric/link.h"
#include "sib/fabric/port.h"

/* How often hello is said: while training, and while up. */
#define POLL_INTERVAL	(HZ / 10)
#define LIVE_INTERVAL	HZ
/* So many ticks without a word, and the peer counts as gone. */
#define SILENT_TICKS	5
/* What a reply needs to get out of the agent and the send queue. */
#define REPLY_TIME	(HZ / 20)
/* Messages and traps that may wait to be sent. */
#define OUTQ_MAX	64

bool sib_always_crc;

/* Tells ends in one kernel, where CRCs protect from nothing. */
static u64 kernel_id;

/**
 * struct outcome - what a step of the machine did to the port
 * @changed: it went up or down
 * @was_active: it was Active before
 */
struct outcome {
	bool changed;
	bool was_active;
};

static struct sib_portinfo *portinfo(struct sib_port *port)
{
	return &port->agent->node.port[port->num];
}

/* Octets; 0 without a cable. */
static unsigned int cable_mtu(struct sib_port *port)
{
	struct net_device *dev;
	unsigned int mtu = 0;

	rcu_read_lock();
	dev = rcu_dereference(port->cable);
	if (dev)
		mtu = READ_ONCE(dev->mtu);
	rcu_read_unlock();
	return mtu;
}

static u8 cable_mtu_code(struct sib_port *port)
{
	return sib_mtu_code(cable_mtu(port));
}

/**
 * sib_link_send_later() - queue a packet or link message
 * @port: where it leaves
 * @skb: a link message has the address to send to in its control block
 *
 * For those who hold a lock or come from where nothing can be sent.
 *
 * Context: Any. Consumes @skb.
 */
void sib_link_send_later(struct sib_port *port, struct sk_buff *skb)
{
	if (skb_queue_len_lockless(&port->outq) >= OUTQ_MAX) {
		sib_port_count(port, TX_NO_MEMORY);
		kfree_skb(skb);
		return;
	}
	skb_queue_tail(&port->outq, skb);
	tasklet_schedule(&port->out_task);
}

static void say(struct sib_port *port, u8 type)
{
	struct sk_buff *skb = sib_packet_alloc(SIB_HELLO_LEN, GFP_ATOMIC);
	struct sib_hello hello = {
		.type = type,
		.flags = sib_always_crc ? 0 : SIB_HELLO_NO_CRC,
		.mtu_cap = cable_mtu_code(port),
		.port = port->num,
		.cable_mtu = min_t(unsigned int, cable_mtu(port), U16_MAX),
		.session = port->session,
		.echo = port->peer.session,
		.kernel = kernel_id,
		.guid = port->agent->node.guid,
		.width = portinfo(port)->width_enabled,
		.speed = portinfo(port)->speed_enabled,
	};

	lockdep_assert_held(&port->agent->lock);
	if (!skb) {
		sib_port_count(port, TX_NO_MEMORY);
		return;
	}
	sib_hello_build(&hello, skb->data);
	/* Any bridge that a cable may lead through passes broadcasts. */
	if (port->peer.session)
		ether_addr_copy(skb->cb, port->peer.mac);
	else
		eth_broadcast_addr(skb->cb);
	sib_link_send_later(port, skb);
}

static void out_task(struct tasklet_struct *task)
{
	struct sib_port *port = from_tasklet(port, task, out_task);
	struct sk_buff *skb;
	u8 mac[ETH_ALEN];

	while ((skb = skb_dequeue(&port->outq))) {
		ether_addr_copy(mac, skb->cb);
		sib_cable_xmit_link(port, skb, mac);
	}
}

static u8 highest_bit(u8 bits)
{
	return bits ? 1 << (fls(bits) - 1) : 0;
}

static void go_up(struct sib_port *port)
{
	const struct sib_lsm_peer *peer = &port->peer;
	struct sib_portinfo *pi = portinfo(port);
	u8 width = pi->width_enabled & peer->width;
	u8 speed = pi->speed_enabled & peer->speed;

	WRITE_ONCE(port->crc, sib_always_crc || peer->kernel != kernel_id ||
		   !(peer->flags & SIB_HELLO_NO_CRC));
	pi->width_active = highest_bit(width ?: BIT(0));
	pi->speed_active = highest_bit(speed ?: BIT(0));
	sib_node_link_up(&port->agent->node, port->num, cable_mtu_code(port));
}

static void go_down(struct sib_port *port, u8 next)
{
	sib_node_link_down(&port->agent->node, port->num,
			   next == SIB_LSM_DISABLED ? SIB_PHYS_DISABLED :
						      SIB_PHYS_POLLING);
	sib_port_count_pma(port, LINK_DOWNED);
}

static void learn(struct sib_port *port, const struct sib_hello *hello,
		  const u8 *mac)
{
	struct sib_lsm_peer *peer = &port->peer;

	ether_addr_copy(peer->mac, mac);
	peer->kernel = hello->kernel;
	peer->guid = hello->guid;
	peer->mtu_cap = hello->mtu_cap;
	peer->flags = hello->flags;
	peer->width = hello->width;
	peer->speed = hello->speed;
	WRITE_ONCE(peer->cable_mtu, hello->cable_mtu);
	WRITE_ONCE(peer->session, hello->session);
}

static void new_session(struct sib_port *port)
{
	u32 session;

	do {
		session = get_random_u32();
	} while (!session || session == port->session);
	WRITE_ONCE(port->session, session);
}

/* The physical state that goes with a state of the machine. */
static void show_phys_state(struct sib_port *port)
{
	static const u8 phys[SIB_LSM_STATES] = {
		[SIB_LSM_OFF] = SIB_PHYS_POLLING,
		[SIB_LSM_DISABLED] = SIB_PHYS_DISABLED,
		[SIB_LSM_POLLING] = SIB_PHYS_POLLING,
		[SIB_LSM_CONFIG] = SIB_PHYS_TRAINING,
		[SIB_LSM_UP] = SIB_PHYS_LINKUP,
	};

	portinfo(port)->phys_state = phys[port->lsm];
}

static void set_timer(struct sib_port *port)
{
	switch (port->lsm) {
	case SIB_LSM_POLLING:
	case SIB_LSM_CONFIG:
		mod_timer(&port->timer, jiffies + POLL_INTERVAL);
		break;
	case SIB_LSM_UP:
		mod_timer(&port->timer, jiffies + LIVE_INTERVAL);
		break;
	default:
		timer_delete(&port->timer);
	}
}

static struct outcome step_locked(struct sib_port *port,
				  enum sib_lsm_event event,
				  const struct sib_hello *hello,
				  const u8 *mac)
{
	struct sib_lsm_step step = sib_lsm_next(port->lsm, event);
	u8 actions = step.actions;
	struct outcome outcome = {
		.changed = actions & (SIB_LSM_GO_UP | SIB_LSM_GO_DOWN),
		.was_active = portinfo(port)->state == SIB_PORT_ACTIVE,
	};

	lockdep_assert_held(&port->agent->lock);
	if (actions & SIB_LSM_SAY_BYE)
		say(port, SIB_MSG_BYE);
	if (actions & SIB_LSM_GO_DOWN)
		go_down(port, step.next);
	if (actions & SIB_LSM_NEW_SESSION)
		new_session(port);
	if (actions & SIB_LSM_FORGET_PEER)
		memset(&port->peer, 0, sizeof(port->peer));
	if (actions & SIB_LSM_LEARN_PEER)
		learn(port, hello, mac);
	if (actions & SIB_LSM_GO_UP)
		go_up(port);
	if (actions & SIB_LSM_SAY_HELLO)
		say(port, SIB_MSG_HELLO);
	WRITE_ONCE(port->lsm, step.next);
	show_phys_state(port);
	if (event != SIB_LSM_HELLO_ECHO || outcome.changed)
		set_timer(port);
	return outcome;
}

static void tell(struct sib_port *port, struct outcome outcome)
{
	if (outcome.changed)
		sib_agent_link_changed(port->agent, port->num,
				       outcome.was_active);
}

static void event_locked_then_tell(struct sib_port *port,
				   enum sib_lsm_event event)
{
	struct outcome outcome = {};
	unsigned long irq;

	spin_lock_irqsave(&port->agent->lock, irq);
	if (port->alive)
		outcome = step_locked(port, event, NULL, NULL);
	spin_unlock_irqrestore(&port->agent->lock, irq);
	tell(port, outcome);
}

/**
 * sib_link_event() - something happened to a link
 * @port: the port
 * @event: not a message of the peer
 *
 * Context: Any, without the agent's lock.
 */
void sib_link_event(struct sib_port *port, enum sib_lsm_event event)
{
	event_locked_then_tell(port, event);
	/* A port that was disabled has not followed its carrier. */
	if (event == SIB_LSM_ENABLE)
		sib_link_carrier(port);
}

/**
 * sib_link_event_later() - the same, after a reply had time to go out
 * @port: the port
 * @order: SIB_LSM_RETRAIN, SIB_LSM_DISABLE or SIB_LSM_ENABLE
 *
 * Orders that wait already are not put off any further.
 *
 * Context: Any, without the agent's lock.
 */
void sib_link_event_later(struct sib_port *port, enum sib_lsm_event order)
{
	unsigned long irq;

	spin_lock_irqsave(&port->agent->lock, irq);
	if (port->alive) {
		if (!port->later)
			mod_timer(&port->later_timer, jiffies + REPLY_TIME);
		port->later = sib_lsm_merge(port->later, order);
	}
	spin_unlock_irqrestore(&port->agent->lock, irq);
}

static void later_expired(struct timer_list *t)
{
	struct sib_port *port = from_timer(port, t, later_timer);
	unsigned long irq;
	u32 orders;
	int event;

	spin_lock_irqsave(&port->agent->lock, irq);
	orders = port->later;
	port->later = 0;
	spin_unlock_irqrestore(&port->agent->lock, irq);
	while ((event = sib_lsm_take(&orders)) >= 0)
		sib_link_event(port, event);
}

/**
 * sib_link_carrier() - look whether the cable is up
 * @port: the port
 *
 * Context: Any, without the agent's lock.
 */
void sib_link_carrier(struct sib_port *port)
{
	struct net_device *dev;
	bool on;

	rcu_read_lock();
	dev = rcu_dereference(port->cable);
	on = dev && netif_running(dev) && netif_carrier_ok(dev) &&
	     sib_mtu_code(READ_ONCE(dev->mtu));
	rcu_read_unlock();
	event_locked_then_tell(port, on ? SIB_LSM_CARRIER_ON :
					  SIB_LSM_CARRIER_OFF);
}

/**
 * sib_link_mtu() - the MTU of the cable changed
 * @port: the port
 *
 * Another IB MTU takes effect with the next training, so train again if it
 * makes a difference. How large a bundle may be the peer is told at once.
 *
 * Context: Process.
 */
void sib_link_mtu(struct sib_port *port)
{
	u8 code = cable_mtu_code(port);

	sib_link_carrier(port);
	spin_lock_irq(&port->agent->lock);
	if (port->lsm == SIB_LSM_UP)
		say(port, SIB_MSG_HELLO);
	spin_unlock_irq(&port->agent->lock);
	if (code && code != READ_ONCE(portinfo(port)->mtu_cap))
		sib_link_event(port, SIB_LSM_RETRAIN);
}

static void tick(struct timer_list *t)
{
	struct sib_port *port = from_timer(port, t, timer);
	struct outcome outcome = {};
	enum sib_lsm_event event = SIB_LSM_TICK;
	unsigned long irq;

	spin_lock_irqsave(&port->agent->lock, irq);
	if (port->alive) {
		if (++port->silent > SILENT_TICKS) {
			port->silent = 0;
			event = SIB_LSM_SILENCE;
		}
		outcome = step_locked(port, event, NULL, NULL);
	}
	spin_unlock_irqrestore(&port->agent->lock, irq);
	tell(port, outcome);
}

/**
 * sib_link_receive() - a link message came in
 * @port: where
 * @skb: the message, behind the shim; consumed
 * @mac: 6 octets in @skb, who sent it
 *
 * Context: Softirq, under RCU.
 */
void sib_link_receive(struct sib_port *port, struct sk_buff *skb,
		      const u8 *mac)
{
	struct outcome outcome = {};
	struct sib_hello hello;
	u8 from[ETH_ALEN];
	unsigned long irq;
	int event;

	ether_addr_copy(from, mac);
	if (!pskb_may_pull(skb, SIB_HELLO_LEN) ||
	    !sib_hello_parse(&hello, skb->data, skb->len)) {
		sib_port_count(port, RX_BAD_LINK_MESSAGE);
		kfree_skb(skb);
		return;
	}
	consume_skb(skb);
	spin_lock_irqsave(&port->agent->lock, irq);
	event = port->alive ? sib_lsm_classify(port->lsm, port->session,
					       &port->peer, &hello, from) : -1;
	if (event >= 0) {
		port->silent = 0;
		outcome = step_locked(port, event, &hello, from);
		if (port->peer.session == hello.session)
			WRITE_ONCE(port->peer.cable_mtu, hello.cable_mtu);
	} else {
		sib_port_count(port, RX_STRAY);
	}
	spin_unlock_irqrestore(&port->agent->lock, irq);
	tell(port, outcome);
}

/**
 * sib_link_init() - a link without a cable
 * @port: being set up
 */
void sib_link_init(struct sib_port *port)
{
	if (!kernel_id)
		kernel_id = get_random_u64();
	port->lsm = SIB_LSM_OFF;
	new_session(port);
	timer_setup(&port->timer, tick, 0);
	timer_setup(&port->later_timer, later_expired, 0);
	skb_queue_head_init(&port->outq);
	tasklet_setup(&port->out_task, out_task);
}

/**
 * sib_link_stop() - the end of a link
 * @port: without a cable
 *
 * On return no timer and no task of the port runs or will run.
 *
 * Context: Process.
 */
void sib_link_stop(struct sib_port *port)
{
	spin_lock_irq(&port->agent->lock);
	port->alive = false;
	spin_unlock_irq(&port->agent->lock);
	timer_shutdown_sync(&port->timer);
	timer_shutdown_sync(&port->later_timer);
	tasklet_kill(&port->out_task);
	skb_queue_purge(&port->outq);
}
