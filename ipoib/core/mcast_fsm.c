// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The table of the membership state machine. Pure; the caller serialises and
 * performs the actions in the order of their bits.
 */
#include <linux/bits.h>
#include <linux/types.h>

#include "ipoib/core/mcast_fsm.h"

#define UNBIND		IPOIB_MCAST_UNBIND
#define FREE		IPOIB_MCAST_FREE
#define BIND		IPOIB_MCAST_BIND
#define PURGE		IPOIB_MCAST_PURGE
#define LATER		IPOIB_MCAST_LATER
#define SOON		IPOIB_MCAST_SOON
#define JOIN		IPOIB_MCAST_JOIN

#define STEP(state, do)	{ .next = IPOIB_MCAST_##state, .actions = do }
#define ON(event)	[IPOIB_MCAST_##event]

/*
 * Every pair is there. A membership that the SM has forgotten goes on being
 * used until it is renewed or refused: the switches forward by what they were
 * told last.
 */
static const struct ipoib_mcast_step
mcast_table[IPOIB_MCAST_STATES][IPOIB_MCAST_EVENTS] = {
	[IPOIB_MCAST_IDLE] = {
		ON(START)	= STEP(JOINING, JOIN),
		ON(OK)		= STEP(IDLE, FREE),
		ON(REFUSED)	= STEP(IDLE, FREE),
		ON(SILENT)	= STEP(IDLE, FREE),
		ON(RESET)	= STEP(IDLE, FREE),
		ON(STOP)	= STEP(IDLE, FREE | PURGE),
	},
	[IPOIB_MCAST_JOINING] = {
		ON(START)	= STEP(JOINING, 0),
		ON(OK)		= STEP(JOINED, BIND),
		ON(REFUSED)	= STEP(BACKOFF, FREE | LATER),
		ON(SILENT)	= STEP(BACKOFF, FREE | LATER),
		ON(RESET)	= STEP(IDLE, FREE | SOON),
		ON(STOP)	= STEP(IDLE, FREE | PURGE),
	},
	[IPOIB_MCAST_JOINED] = {
		ON(START)	= STEP(JOINED, 0),
		ON(OK)		= STEP(JOINED, 0),
		ON(REFUSED)	= STEP(JOINED, 0),
		ON(SILENT)	= STEP(JOINED, 0),
		ON(RESET)	= STEP(LOST, FREE | SOON),
		ON(STOP)	= STEP(IDLE, UNBIND | FREE | PURGE),
	},
	[IPOIB_MCAST_LOST] = {
		ON(START)	= STEP(REJOINING, JOIN),
		ON(OK)		= STEP(LOST, FREE),
		ON(REFUSED)	= STEP(LOST, FREE),
		ON(SILENT)	= STEP(LOST, FREE),
		ON(RESET)	= STEP(LOST, FREE),
		ON(STOP)	= STEP(IDLE, UNBIND | FREE | PURGE),
	},
	[IPOIB_MCAST_REJOINING] = {
		ON(START)	= STEP(REJOINING, 0),
		ON(OK)		= STEP(JOINED, BIND),
		ON(REFUSED)	= STEP(BACKOFF, UNBIND | FREE | LATER),
		ON(SILENT)	= STEP(LOST, FREE | LATER),
		ON(RESET)	= STEP(LOST, FREE | SOON),
		ON(STOP)	= STEP(IDLE, UNBIND | FREE | PURGE),
	},
	[IPOIB_MCAST_BACKOFF] = {
		ON(START)	= STEP(JOINING, JOIN),
		ON(OK)		= STEP(BACKOFF, FREE),
		ON(REFUSED)	= STEP(BACKOFF, FREE),
		ON(SILENT)	= STEP(BACKOFF, FREE),
		ON(RESET)	= STEP(BACKOFF, FREE),
		ON(STOP)	= STEP(IDLE, FREE | PURGE),
	},
};

/**
 * ipoib_mcast_next() - one step of the membership state machine
 * @state: where it is
 * @event: what happened
 *
 * Return: where it goes and what to do.
 */
struct ipoib_mcast_step ipoib_mcast_next(enum ipoib_mcast_state state,
					 enum ipoib_mcast_event event)
{
	return mcast_table[state][event];
}

/**
 * ipoib_mcast_state_name() - for people
 * @state: a state
 *
 * Return: its name.
 */
const char *ipoib_mcast_state_name(enum ipoib_mcast_state state)
{
	static const char * const names[IPOIB_MCAST_STATES] = {
		"idle", "joining", "joined", "lost", "rejoining", "backoff",
	};

	return names[state];
}

/**
 * ipoib_mcast_event_name() - for people
 * @event: an event
 *
 * Return: its name.
 */
const char *ipoib_mcast_event_name(enum ipoib_mcast_event event)
{
	static const char * const names[IPOIB_MCAST_EVENTS] = {
		"start", "ok", "refused", "silent", "reset", "stop",
	};

	return names[event];
}

/**
 * ipoib_mcast_backoff() - how long to wait after failures
 * @failures: how many in a row, 1 or more
 *
 * Return: seconds: 2, 4, 8, 16, 16 and so on.
 */
unsigned int ipoib_mcast_backoff(unsigned int failures)
{
	return failures < 4 ? 1U << failures : 16;
}
