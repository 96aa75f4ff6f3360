/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The state machine of a connection that we ask for: the one that we send on.
 * RFC 4755 section 3.
 */
#ifndef IPOIB_CORE_CONN_FSM_H
#define IPOIB_CORE_CONN_FSM_H

#include <linux/types.h>

enum ipoib_conn_state {
	IPOIB_CONN_WANTED,	/* the work will ask for it */
	IPOIB_CONN_ASKING,	/* the peer has our REQ */
	IPOIB_CONN_UP,		/* packets go */
	IPOIB_CONN_DEAD,	/* to be taken down; nobody finds it any more */
	IPOIB_CONN_STATES
};

enum ipoib_conn_event {
	IPOIB_CONN_ASK,		/* the REQ is sent */
	IPOIB_CONN_READY,	/* the peer has accepted, the QP can send */
	IPOIB_CONN_FAIL,	/* refused, silence, or we could not ask */
	IPOIB_CONN_LOSE,	/* the peer, or the HCA, has ended it */
	IPOIB_CONN_CLOSE,	/* nobody wants it any more */
	IPOIB_CONN_EVENTS
};

/* What to do, in this order. */
#define IPOIB_CONN_OPEN		BIT(0)	/* let packets go */
#define IPOIB_CONN_SHUT		BIT(1)	/* take no more packets */
#define IPOIB_CONN_FORGET	BIT(2)	/* the destination has none any more */
#define IPOIB_CONN_BACKOFF	BIT(3)	/* and gets none for a while */
#define IPOIB_CONN_FALLBACK	BIT(4)	/* what waits has UD alone */
#define IPOIB_CONN_REAP		BIT(5)	/* take it down */

/**
 * struct ipoib_conn_step - one entry of the table
 * @next: enum ipoib_conn_state
 * @actions: IPOIB_CONN_* bits
 */
struct ipoib_conn_step {
	u8 next;
	u8 actions;
};

struct ipoib_conn_step ipoib_conn_next(enum ipoib_conn_state state,
				       enum ipoib_conn_event event);
const char *ipoib_conn_state_name(enum ipoib_conn_state state);
const char *ipoib_conn_event_name(enum ipoib_conn_event event);

#endif
