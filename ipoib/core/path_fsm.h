/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The state machine of a path: asking the SA where a GID is, and using the
 * answer while it is good. RFC 4391 section 9.1.2.
 */
#ifndef IPOIB_CORE_PATH_FSM_H
#define IPOIB_CORE_PATH_FSM_H

#include <linux/types.h>

enum ipoib_path_state {
	IPOIB_PATH_NONE,	/* nobody has asked yet */
	IPOIB_PATH_ASKING,	/* a query is under way, packets wait */
	IPOIB_PATH_READY,	/* packets go */
	IPOIB_PATH_STALE,	/* packets go; ask again with the next */
	IPOIB_PATH_REFRESHING,	/* packets go, a query is under way */
	IPOIB_PATH_FAILED,	/* there was no path; not again so soon */
	IPOIB_PATH_STATES
};

enum ipoib_path_event {
	IPOIB_PATH_USE,		/* a packet wants to go */
	IPOIB_PATH_RETRY,	/* the same, and the back-off is over */
	IPOIB_PATH_ANSWER,	/* the SA knows the way */
	IPOIB_PATH_REFUSED,	/* the SA insists that there is none */
	IPOIB_PATH_SILENT,	/* the SA says nothing */
	IPOIB_PATH_DOUBT,	/* what the SA said may be outdated */
	IPOIB_PATH_DROP,	/* the port went, or its LID */
	IPOIB_PATH_EVENTS
};

/* What to do, in this order. */
#define IPOIB_PATH_CANCEL	BIT(0)	/* the query */
#define IPOIB_PATH_UNINSTALL	BIT(1)	/* take the address handle back */
#define IPOIB_PATH_INSTALL	BIT(2)	/* hand one out, let packets go */
#define IPOIB_PATH_PURGE	BIT(3)	/* drop the packets that wait */
#define IPOIB_PATH_ASK		BIT(4)	/* send a query */

/**
 * struct ipoib_path_step - one entry of the table
 * @next: enum ipoib_path_state
 * @actions: IPOIB_PATH_* bits
 */
struct ipoib_path_step {
	u8 next;
	u8 actions;
};

struct ipoib_path_step ipoib_path_next(enum ipoib_path_state state,
				       enum ipoib_path_event event);
const char *ipoib_path_state_name(enum ipoib_path_state state);
const char *ipoib_path_event_name(enum ipoib_path_event event);

#endif
