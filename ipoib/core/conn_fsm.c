// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The table of the connection state machine. Pure; the caller holds the lock
 * of the interface and performs the actions in the order of their bits.
 */
#include <linux/bits.h>
#include <linux/types.h>

#include "ipoib/core/conn_fsm.h"

#define OPEN		IPOIB_CONN_OPEN
#define SHUT		IPOIB_CONN_SHUT
#define FORGET		IPOIB_CONN_FORGET
#define BACKOFF		IPOIB_CONN_BACKOFF
#define FALLBACK	IPOIB_CONN_FALLBACK
#define REAP		IPOIB_CONN_REAP

#define STEP(state, do)	{ .next = IPOIB_CONN_##state, .actions = do }
#define ON(event)	[IPOIB_CONN_##event]

/* A connection never comes back to life: another one is made. */
static const struct ipoib_conn_step
conn_table[IPOIB_CONN_STATES][IPOIB_CONN_EVENTS] = {
	[IPOIB_CONN_WANTED] = {
		ON(ASK)		= STEP(ASKING, 0),
		ON(READY)	= STEP(WANTED, 0),
		ON(FAIL)	= STEP(DEAD, FORGET | BACKOFF | FALLBACK |
					     REAP),
		ON(LOSE)	= STEP(WANTED, 0),
		ON(CLOSE)	= STEP(DEAD, FORGET | FALLBACK | REAP),
	},
	[IPOIB_CONN_ASKING] = {
		ON(ASK)		= STEP(ASKING, 0),
		ON(READY)	= STEP(UP, OPEN),
		ON(FAIL)	= STEP(DEAD, FORGET | BACKOFF | FALLBACK |
					     REAP),
		ON(LOSE)	= STEP(DEAD, FORGET | BACKOFF | FALLBACK |
					     REAP),
		ON(CLOSE)	= STEP(DEAD, FORGET | FALLBACK | REAP),
	},
	[IPOIB_CONN_UP] = {
		ON(ASK)		= STEP(UP, 0),
		ON(READY)	= STEP(UP, 0),
		ON(FAIL)	= STEP(DEAD, SHUT | FORGET | BACKOFF | REAP),
		ON(LOSE)	= STEP(DEAD, SHUT | FORGET | BACKOFF | REAP),
		ON(CLOSE)	= STEP(DEAD, SHUT | FORGET | REAP),
	},
	[IPOIB_CONN_DEAD] = {
		ON(ASK)		= STEP(DEAD, 0),
		ON(READY)	= STEP(DEAD, 0),
		ON(FAIL)	= STEP(DEAD, 0),
		ON(LOSE)	= STEP(DEAD, 0),
		ON(CLOSE)	= STEP(DEAD, 0),
	},
};

/**
 * ipoib_conn_next() - one step of the connection state machine
 * @state: where it is
 * @event: what happened
 *
 * Return: where it goes and what to do.
 */
struct ipoib_conn_step ipoib_conn_next(enum ipoib_conn_state state,
				       enum ipoib_conn_event event)
{
	return conn_table[state][event];
}

/**
 * ipoib_conn_state_name() - for people
 * @state: a state
 *
 * Return: its name.
 */
const char *ipoib_conn_state_name(enum ipoib_conn_state state)
{
	static const char * const names[IPOIB_CONN_STATES] = {
		"wanted", "asking", "up", "dead",
	};

	return names[state];
}

/**
 * ipoib_conn_event_name() - for people
 * @event: an event
 *
 * Return: its name.
 */
const char *ipoib_conn_event_name(enum ipoib_conn_event event)
{
	static const char * const names[IPOIB_CONN_EVENTS] = {
		"ask", "ready", "fail", "lose", "close",
	};

	return names[event];
}
