/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The state machine of a multicast group's membership. RFC 4391 sections 5
 * and 10.
 */
#ifndef IPOIB_CORE_MCAST_FSM_H
#define IPOIB_CORE_MCAST_FSM_H

#include <linux/types.h>

enum ipoib_mcast_state {
	IPOIB_MCAST_IDLE,	/* waits for its turn */
	IPOIB_MCAST_JOINING,	/* a join is under way, packets wait */
	IPOIB_MCAST_JOINED,	/* packets go, and come for full members */
	IPOIB_MCAST_LOST,	/* the SM forgot us; packets go; waits */
	IPOIB_MCAST_REJOINING,	/* likewise, and a join is under way */
	IPOIB_MCAST_BACKOFF,	/* a join failed; not again so soon */
	IPOIB_MCAST_STATES
};

enum ipoib_mcast_event {
	IPOIB_MCAST_START,	/* it is our turn */
	IPOIB_MCAST_OK,		/* the SA let us in */
	IPOIB_MCAST_REFUSED,	/* the SA did not */
	IPOIB_MCAST_SILENT,	/* the SA said nothing, or not now */
	IPOIB_MCAST_RESET,	/* the SM has no more memory of us */
	IPOIB_MCAST_STOP,	/* the port went, or nobody wants it */
	IPOIB_MCAST_EVENTS
};

/* What to do, in this order. */
#define IPOIB_MCAST_UNBIND	BIT(0)	/* detach, take the handle back */
#define IPOIB_MCAST_FREE	BIT(1)	/* end the membership or the attempt */
#define IPOIB_MCAST_BIND	BIT(2)	/* attach, hand a handle out */
#define IPOIB_MCAST_PURGE	BIT(3)	/* drop the packets that wait */
#define IPOIB_MCAST_LATER	BIT(4)	/* start again after a back-off */
#define IPOIB_MCAST_SOON	BIT(5)	/* start again at once, with jitter */
#define IPOIB_MCAST_JOIN	BIT(6)	/* ask the SA */

/**
 * struct ipoib_mcast_step - one entry of the table
 * @next: enum ipoib_mcast_state
 * @actions: IPOIB_MCAST_* bits
 */
struct ipoib_mcast_step {
	u8 next;
	u8 actions;
};

struct ipoib_mcast_step ipoib_mcast_next(enum ipoib_mcast_state state,
					 enum ipoib_mcast_event event);
const char *ipoib_mcast_state_name(enum ipoib_mcast_state state);
const char *ipoib_mcast_event_name(enum ipoib_mcast_event event);
unsigned int ipoib_mcast_backoff(unsigned int failures);

#endif
