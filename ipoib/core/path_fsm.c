// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The table of the path state machine. Pure; the caller holds the lock of the
 * interface and performs the actions in the order of their bits.
 */
#include <linux/bits.h>
#include <linux/types.h>

#include "ipoib/core/path_fsm.h"

#define CANCEL		IPOIB_PATH_CANCEL
#define UNINSTALL	IPOIB_PATH_UNINSTALL
#define INSTALL		IPOIB_PATH_INSTALL
#define PURGE		IPOIB_PATH_PURGE
#define ASK		IPOIB_PATH_ASK

#define STEP(state, do)	{ .next = IPOIB_PATH_##state, .actions = do }
#define ON(event)	[IPOIB_PATH_##event]

/*
 * Every pair is there; an answer to a query that was given up is one of those
 * that change nothing. While an SM is away old paths go on being used: to be
 * silent is not to say that a peer has gone.
 */
static const struct ipoib_path_step
path_table[IPOIB_PATH_STATES][IPOIB_PATH_EVENTS] = {
	[IPOIB_PATH_NONE] = {
		ON(USE)		= STEP(ASKING, ASK),
		ON(RETRY)	= STEP(ASKING, ASK),
		ON(ANSWER)	= STEP(NONE, 0),
		ON(REFUSED)	= STEP(NONE, 0),
		ON(SILENT)	= STEP(NONE, 0),
		ON(DOUBT)	= STEP(NONE, 0),
		ON(DROP)	= STEP(NONE, PURGE),
	},
	[IPOIB_PATH_ASKING] = {
		ON(USE)		= STEP(ASKING, 0),
		ON(RETRY)	= STEP(ASKING, 0),
		ON(ANSWER)	= STEP(READY, INSTALL),
		ON(REFUSED)	= STEP(FAILED, PURGE),
		ON(SILENT)	= STEP(FAILED, PURGE),
		ON(DOUBT)	= STEP(ASKING, 0),
		ON(DROP)	= STEP(NONE, CANCEL | PURGE),
	},
	[IPOIB_PATH_READY] = {
		ON(USE)		= STEP(READY, 0),
		ON(RETRY)	= STEP(READY, 0),
		ON(ANSWER)	= STEP(READY, 0),
		ON(REFUSED)	= STEP(READY, 0),
		ON(SILENT)	= STEP(READY, 0),
		ON(DOUBT)	= STEP(STALE, 0),
		ON(DROP)	= STEP(NONE, UNINSTALL | PURGE),
	},
	[IPOIB_PATH_STALE] = {
		ON(USE)		= STEP(STALE, 0),
		ON(RETRY)	= STEP(REFRESHING, ASK),
		ON(ANSWER)	= STEP(STALE, 0),
		ON(REFUSED)	= STEP(STALE, 0),
		ON(SILENT)	= STEP(STALE, 0),
		ON(DOUBT)	= STEP(STALE, 0),
		ON(DROP)	= STEP(NONE, UNINSTALL | PURGE),
	},
	[IPOIB_PATH_REFRESHING] = {
		ON(USE)		= STEP(REFRESHING, 0),
		ON(RETRY)	= STEP(REFRESHING, 0),
		ON(ANSWER)	= STEP(READY, INSTALL),
		ON(REFUSED)	= STEP(FAILED, UNINSTALL | PURGE),
		ON(SILENT)	= STEP(STALE, 0),
		ON(DOUBT)	= STEP(REFRESHING, 0),
		ON(DROP)	= STEP(NONE, CANCEL | UNINSTALL | PURGE),
	},
	[IPOIB_PATH_FAILED] = {
		ON(USE)		= STEP(FAILED, PURGE),
		ON(RETRY)	= STEP(ASKING, ASK),
		ON(ANSWER)	= STEP(FAILED, 0),
		ON(REFUSED)	= STEP(FAILED, 0),
		ON(SILENT)	= STEP(FAILED, 0),
		ON(DOUBT)	= STEP(NONE, 0),
		ON(DROP)	= STEP(NONE, PURGE),
	},
};

/**
 * ipoib_path_next() - one step of the path state machine
 * @state: where it is
 * @event: what happened
 *
 * Return: where it goes and what to do.
 */
struct ipoib_path_step ipoib_path_next(enum ipoib_path_state state,
				       enum ipoib_path_event event)
{
	return path_table[state][event];
}

/**
 * ipoib_path_state_name() - for people
 * @state: a state
 *
 * Return: its name.
 */
const char *ipoib_path_state_name(enum ipoib_path_state state)
{
	static const char * const names[IPOIB_PATH_STATES] = {
		"none", "asking", "ready", "stale", "refreshing", "failed",
	};

	return names[state];
}

/**
 * ipoib_path_event_name() - for people
 * @event: an event
 *
 * Return: its name.
 */
const char *ipoib_path_event_name(enum ipoib_path_event event)
{
	static const char * const names[IPOIB_PATH_EVENTS] = {
		"use", "retry", "answer", "refused", "silent", "doubt", "drop",
	};

	return names[event];
}
