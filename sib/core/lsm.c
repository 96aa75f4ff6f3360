// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The table of the link state machine. Pure; the caller holds the lock of the
 * node and performs the actions in the order of their bits.
 */
#include <linux/bits.h>
#include <linux/string.h>
#include <linux/types.h>

#include "sib/core/lsm.h"
#include "sib/core/shim.h"

#define BYE		SIB_LSM_SAY_BYE
#define DOWN		SIB_LSM_GO_DOWN
#define FRESH		(SIB_LSM_NEW_SESSION | SIB_LSM_FORGET_PEER)
#define LEARN		SIB_LSM_LEARN_PEER
#define UP		SIB_LSM_GO_UP
#define HELLO		SIB_LSM_SAY_HELLO

#define STEP(state, do)	{ .next = SIB_LSM_##state, .actions = do }
#define ON(event)	[SIB_LSM_##event]

/*
 * Every pair is there. A session is one attempt to train: whoever starts again
 * takes a new one, so that what is still on its way from the old one can be
 * told and dropped.
 */
static const struct sib_lsm_step
lsm_table[SIB_LSM_STATES][SIB_LSM_EVENTS] = {
	[SIB_LSM_OFF] = {
		ON(CARRIER_ON)	= STEP(POLLING, FRESH | HELLO),
		ON(CARRIER_OFF)	= STEP(OFF, 0),
		ON(DISABLE)	= STEP(DISABLED, 0),
		ON(ENABLE)	= STEP(OFF, 0),
		ON(RETRAIN)	= STEP(OFF, 0),
		ON(HELLO)	= STEP(OFF, 0),
		ON(HELLO_ECHO)	= STEP(OFF, 0),
		ON(HELLO_NEW)	= STEP(OFF, 0),
		ON(BYE)		= STEP(OFF, 0),
		ON(TICK)	= STEP(OFF, 0),
		ON(SILENCE)	= STEP(OFF, 0),
		ON(UNPLUG)	= STEP(OFF, 0),
	},
	[SIB_LSM_DISABLED] = {
		ON(CARRIER_ON)	= STEP(DISABLED, 0),
		ON(CARRIER_OFF)	= STEP(DISABLED, 0),
		ON(DISABLE)	= STEP(DISABLED, 0),
		ON(ENABLE)	= STEP(POLLING, FRESH | HELLO),
		ON(RETRAIN)	= STEP(DISABLED, 0),
		ON(HELLO)	= STEP(DISABLED, 0),
		ON(HELLO_ECHO)	= STEP(DISABLED, 0),
		ON(HELLO_NEW)	= STEP(DISABLED, 0),
		ON(BYE)		= STEP(DISABLED, 0),
		ON(TICK)	= STEP(DISABLED, 0),
		ON(SILENCE)	= STEP(DISABLED, 0),
		ON(UNPLUG)	= STEP(DISABLED, 0),
	},
	[SIB_LSM_POLLING] = {
		ON(CARRIER_ON)	= STEP(POLLING, HELLO),
		ON(CARRIER_OFF)	= STEP(OFF, FRESH),
		ON(DISABLE)	= STEP(DISABLED, FRESH),
		ON(ENABLE)	= STEP(POLLING, 0),
		ON(RETRAIN)	= STEP(POLLING, FRESH | HELLO),
		ON(HELLO)	= STEP(CONFIG, LEARN | HELLO),
		ON(HELLO_ECHO)	= STEP(UP, LEARN | UP | HELLO),
		ON(HELLO_NEW)	= STEP(CONFIG, LEARN | HELLO),
		ON(BYE)		= STEP(POLLING, 0),
		ON(TICK)	= STEP(POLLING, HELLO),
		ON(SILENCE)	= STEP(POLLING, HELLO),
		ON(UNPLUG)	= STEP(OFF, FRESH),
	},
	[SIB_LSM_CONFIG] = {
		ON(CARRIER_ON)	= STEP(CONFIG, HELLO),
		ON(CARRIER_OFF)	= STEP(OFF, FRESH),
		ON(DISABLE)	= STEP(DISABLED, BYE | FRESH),
		ON(ENABLE)	= STEP(CONFIG, 0),
		ON(RETRAIN)	= STEP(POLLING, BYE | FRESH | HELLO),
		ON(HELLO)	= STEP(CONFIG, HELLO),
		ON(HELLO_ECHO)	= STEP(UP, LEARN | UP | HELLO),
		ON(HELLO_NEW)	= STEP(CONFIG, LEARN | HELLO),
		ON(BYE)		= STEP(POLLING, FRESH | HELLO),
		ON(TICK)	= STEP(CONFIG, HELLO),
		ON(SILENCE)	= STEP(POLLING, FRESH | HELLO),
		ON(UNPLUG)	= STEP(OFF, BYE | FRESH),
	},
	[SIB_LSM_UP] = {
		ON(CARRIER_ON)	= STEP(UP, HELLO),
		ON(CARRIER_OFF)	= STEP(OFF, DOWN | FRESH),
		ON(DISABLE)	= STEP(DISABLED, BYE | DOWN | FRESH),
		ON(ENABLE)	= STEP(UP, 0),
		ON(RETRAIN)	= STEP(POLLING, BYE | DOWN | FRESH | HELLO),
		ON(HELLO)	= STEP(UP, HELLO),
		ON(HELLO_ECHO)	= STEP(UP, 0),
		ON(HELLO_NEW)	= STEP(CONFIG, DOWN | FRESH | LEARN | HELLO),
		ON(BYE)		= STEP(POLLING, DOWN | FRESH | HELLO),
		ON(TICK)	= STEP(UP, HELLO),
		ON(SILENCE)	= STEP(POLLING, BYE | DOWN | FRESH | HELLO),
		ON(UNPLUG)	= STEP(OFF, BYE | DOWN | FRESH),
	},
};

/**
 * sib_lsm_next() - one step of the link state machine
 * @state: where it is
 * @event: what happened
 *
 * Return: where it goes and what to do.
 */
struct sib_lsm_step sib_lsm_next(enum sib_lsm_state state,
				 enum sib_lsm_event event)
{
	return lsm_table[state][event];
}

/**
 * sib_lsm_merge() - one more order for those that wait
 * @waiting: what waits, a bit for each event; 0 for nothing
 * @order: SIB_LSM_RETRAIN, SIB_LSM_DISABLE or SIB_LSM_ENABLE
 *
 * What is carried out in the end is what all of them would have come to, one
 * after the other: a port that is to be disabled stays so, whatever else is
 * asked of it, until it is to be enabled.
 *
 * Return: what waits now.
 */
u32 sib_lsm_merge(u32 waiting, enum sib_lsm_event order)
{
	if (order == SIB_LSM_DISABLE)
		return BIT(SIB_LSM_DISABLE);
	if (order == SIB_LSM_RETRAIN && waiting & BIT(SIB_LSM_DISABLE))
		return waiting;
	return waiting | BIT(order);
}

/**
 * sib_lsm_take() - the next order to carry out
 * @waiting: from sib_lsm_merge(); the order is removed from it
 *
 * Return: an enum sib_lsm_event, -1 when none is left.
 */
int sib_lsm_take(u32 *waiting)
{
	static const u8 turns[] = {
		SIB_LSM_DISABLE, SIB_LSM_RETRAIN, SIB_LSM_ENABLE,
	};
	unsigned int i;

	for (i = 0; i < sizeof(turns); i++) {
		if (!(*waiting & BIT(turns[i])))
			continue;
		*waiting &= ~BIT(turns[i]);
		return turns[i];
	}
	return -1;
}

/**
 * sib_lsm_state_name() - for people
 * @state: a state
 *
 * Return: its name.
 */
const char *sib_lsm_state_name(enum sib_lsm_state state)
{
	static const char * const names[SIB_LSM_STATES] = {
		"off", "disabled", "polling", "config", "up",
	};

	return names[state];
}

/**
 * sib_lsm_event_name() - for people
 * @event: an event
 *
 * Return: its name.
 */
const char *sib_lsm_event_name(enum sib_lsm_event event)
{
	static const char * const names[SIB_LSM_EVENTS] = {
		"carrier on", "carrier off", "disable", "enable", "retrain",
		"hello", "hello with echo", "hello of a new session", "bye",
		"tick", "silence", "unplug",
	};

	return names[event];
}

/**
 * sib_lsm_classify() - which event is a link message?
 * @state: where the machine is
 * @session: our session
 * @peer: the other end as known
 * @hello: the message
 * @mac: where it came from, 6 octets
 *
 * A link has two ends. Who speaks up on it as a third while it is trained is
 * a stray, and so is a BYE of a session that is not the current one.
 *
 * Return: an enum sib_lsm_event, or -1 for a stray.
 */
int sib_lsm_classify(enum sib_lsm_state state, u32 session,
		     const struct sib_lsm_peer *peer,
		     const struct sib_hello *hello, const u8 *mac)
{
	bool known = peer->session && !memcmp(peer->mac, mac, 6);
	bool same = known && peer->session == hello->session;

	if (hello->type == SIB_MSG_BYE)
		return same && hello->echo == session ? SIB_LSM_BYE : -1;
	if (state == SIB_LSM_UP && !known)
		return -1;
	if (peer->session && !same)
		return SIB_LSM_HELLO_NEW;
	return hello->echo == session ? SIB_LSM_HELLO_ECHO : SIB_LSM_HELLO;
}
