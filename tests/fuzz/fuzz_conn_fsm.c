// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The life of a connection: whatever the peer, the HCA and we do, in any
 * order. Input: an event in each octet.
 *
 * Packets go only while it is up; what waits is let go or given to UD; it is
 * forgotten and taken down once, and nothing happens to it after that.
 */
#include "fuzz.h"

#include "ipoib/core/conn_fsm.h"

/**
 * struct conn - a connection as its owner sees it
 * @state: where it is
 * @open: packets go
 * @known: its destination has it
 * @waits: packets wait for it
 * @reaped: how often it was given to the reaper
 */
struct conn {
	enum ipoib_conn_state state;
	bool open;
	bool known;
	bool waits;
	unsigned int reaped;
};

static void perform(struct conn *c, u8 actions)
{
	if (actions & IPOIB_CONN_OPEN) {
		must(!c->open && c->known);
		c->open = true;
		c->waits = false;
	}
	if (actions & IPOIB_CONN_SHUT) {
		must(c->open);
		c->open = false;
	}
	if (actions & IPOIB_CONN_FORGET) {
		must(c->known);
		c->known = false;
	}
	if (actions & IPOIB_CONN_FALLBACK)
		c->waits = false;
	c->reaped += !!(actions & IPOIB_CONN_REAP);
}

static void happens(struct conn *c, enum ipoib_conn_event event)
{
	struct ipoib_conn_step s = ipoib_conn_next(c->state, event);

	must(s.next < IPOIB_CONN_STATES && !(s.actions & 0xc0));
	c->waits |= c->known && !c->open;
	must(c->state != IPOIB_CONN_DEAD || !s.actions);
	perform(c, s.actions);
	must(s.next >= c->state);
	c->state = s.next;
	must(c->open == (c->state == IPOIB_CONN_UP));
	must(c->known == (c->state != IPOIB_CONN_DEAD));
	must(c->reaped == (c->state == IPOIB_CONN_DEAD));
	must(!c->waits || c->state < IPOIB_CONN_UP);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	struct conn c = { .known = true };

	while (f.left)
		happens(&c, feed_below(&f, IPOIB_CONN_EVENTS));
	happens(&c, IPOIB_CONN_CLOSE);
	must(c.state == IPOIB_CONN_DEAD && c.reaped == 1 && !c.waits);
	return 0;
}
