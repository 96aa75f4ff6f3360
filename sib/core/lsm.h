/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The link state machine: how two ends of a cable find each other, agree,
 * notice that the other is gone, and start again. Polling, Config and LinkUp
 * are IBTA's names (volume 2, link training); the messages are ours.
 */
#ifndef SIB_CORE_LSM_H
#define SIB_CORE_LSM_H

#include <linux/types.h>

enum sib_lsm_state {
	SIB_LSM_OFF,		/* the cable is down or has no carrier */
	SIB_LSM_DISABLED,	/* switched off by the SM */
	SIB_LSM_POLLING,	/* waits to hear a peer */
	SIB_LSM_CONFIG,		/* heard one, waits to be heard */
	SIB_LSM_UP,		/* each has heard that the other hears it */
	SIB_LSM_STATES
};

enum sib_lsm_event {
	SIB_LSM_CARRIER_ON,	/* the cable carries frames */
	SIB_LSM_CARRIER_OFF,	/* it does not, or there is none */
	SIB_LSM_DISABLE,	/* PortInfo: PhysState Disabled */
	SIB_LSM_ENABLE,		/* PortInfo: PhysState Polling */
	SIB_LSM_RETRAIN,	/* PortInfo: PortState Down; or a new MTU */
	SIB_LSM_HELLO,		/* the peer speaks, but does not hear us */
	SIB_LSM_HELLO_ECHO,	/* the peer speaks and hears us */
	SIB_LSM_HELLO_NEW,	/* the peer has started again */
	SIB_LSM_BYE,		/* the peer goes */
	SIB_LSM_TICK,		/* time to poll, or to show that we live */
	SIB_LSM_SILENCE,	/* nothing heard for too long */
	SIB_LSM_UNPLUG,		/* the cable is being taken out */
	SIB_LSM_EVENTS
};

/* What to do, in this order. */
#define SIB_LSM_SAY_BYE		BIT(0)	/* in the old session */
#define SIB_LSM_GO_DOWN		BIT(1)	/* the port leaves LinkUp */
#define SIB_LSM_NEW_SESSION	BIT(2)	/* what comes for the old one is late */
#define SIB_LSM_FORGET_PEER	BIT(3)	/* whoever speaks next may be it */
#define SIB_LSM_LEARN_PEER	BIT(4)	/* the sender of this message is it */
#define SIB_LSM_GO_UP		BIT(5)	/* the port enters LinkUp */
#define SIB_LSM_SAY_HELLO	BIT(6)	/* with the peer's session as echo */

/**
 * struct sib_lsm_step - one entry of the table
 * @next: enum sib_lsm_state
 * @actions: SIB_LSM_* bits
 */
struct sib_lsm_step {
	u8 next;
	u8 actions;
};

struct sib_lsm_step sib_lsm_next(enum sib_lsm_state state,
				 enum sib_lsm_event event);
const char *sib_lsm_state_name(enum sib_lsm_state state);
const char *sib_lsm_event_name(enum sib_lsm_event event);

/* Orders of an SM that wait until a reply is out, a bit for each event. */
u32 sib_lsm_merge(u32 waiting, enum sib_lsm_event order);
int sib_lsm_take(u32 *waiting);

/**
 * struct sib_lsm_peer - the other end, as far as it is known
 * @session: its session, 0 if it is not known
 * @kernel: random number of its kernel
 * @guid: of its node
 * @mac: where its frames come from
 * @mtu_cap: IB MTU code
 * @cable_mtu: octets that its netdev takes; may change at any time
 * @flags: SIB_HELLO_*
 * @width: enabled link widths
 * @speed: enabled link speeds
 */
struct sib_lsm_peer {
	u32 session;
	u64 kernel;
	u64 guid;
	u8 mac[6];
	u16 cable_mtu;
	u8 mtu_cap;
	u8 flags;
	u8 width;
	u8 speed;
};

struct sib_hello;

int sib_lsm_classify(enum sib_lsm_state state, u32 session,
		     const struct sib_lsm_peer *peer,
		     const struct sib_hello *hello, const u8 *mac);

#endif
