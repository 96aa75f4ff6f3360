// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The life of a group: whatever the SA, the SM and the interface do, in any
 * order. Input: an event in each octet.
 *
 * What is bound is unbound once, a membership is freed once, packets do not
 * wait for nothing, who waits is going to be started; and with an SA that
 * answers the group is joined.
 */
#include "fuzz.h"

#include "ipoib/core/mcast_fsm.h"

/**
 * struct group - what a group holds and expects
 * @handles: bound
 * @members: attempts and memberships
 * @packets: that wait
 * @timer: it will be started again
 */
struct group {
	enum ipoib_mcast_state state;
	int handles;
	int members;
	unsigned int packets;
	bool timer;
};

static bool is_bound(const struct group *g)
{
	return g->state == IPOIB_MCAST_JOINED ||
	       g->state == IPOIB_MCAST_LOST ||
	       g->state == IPOIB_MCAST_REJOINING;
}

static bool is_asking(const struct group *g)
{
	return g->state == IPOIB_MCAST_JOINING ||
	       g->state == IPOIB_MCAST_REJOINING;
}

static void perform(struct group *g, u8 actions)
{
	if (actions & IPOIB_MCAST_UNBIND)
		g->handles--;
	if (actions & IPOIB_MCAST_FREE)
		g->members = 0;
	/* A new handle takes the place of an old one. */
	if (actions & IPOIB_MCAST_BIND)
		g->handles = 1;
	if (actions & IPOIB_MCAST_PURGE || g->handles)
		g->packets = 0;
	if (actions & (IPOIB_MCAST_LATER | IPOIB_MCAST_SOON))
		g->timer = true;
	if (actions & IPOIB_MCAST_JOIN)
		g->members++;
}

static void happens(struct group *g, enum ipoib_mcast_event event)
{
	struct ipoib_mcast_step s = ipoib_mcast_next(g->state, event);
	bool was_asking = is_asking(g), was_bound = is_bound(g);

	must(s.next < IPOIB_MCAST_STATES && !(s.actions & 0x80));
	if (event == IPOIB_MCAST_START || event == IPOIB_MCAST_STOP)
		g->timer = false;
	perform(g, s.actions);
	g->state = s.next;
	must(g->handles == is_bound(g));
	must(g->members ==
	     (is_asking(g) || g->state == IPOIB_MCAST_JOINED));
	/* A result ends what was asked, and binds nothing but that. */
	if (event >= IPOIB_MCAST_OK && event <= IPOIB_MCAST_RESET && was_asking)
		must(!is_asking(g));
	if (!was_asking && !was_bound)
		must(!is_bound(g));
	if (g->state == IPOIB_MCAST_LOST || g->state == IPOIB_MCAST_BACKOFF)
		must(g->timer);
	if (event == IPOIB_MCAST_STOP)
		must(g->state == IPOIB_MCAST_IDLE && !g->packets && !g->timer);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	struct group g = {};
	unsigned int failures = 0, backoff;

	while (f.left) {
		u8 event = feed_below(&f, IPOIB_MCAST_EVENTS + 1);

		if (event == IPOIB_MCAST_EVENTS)
			g.packets += !g.handles;
		else
			happens(&g, event);
		failures += event == IPOIB_MCAST_SILENT;
		backoff = ipoib_mcast_backoff(failures + 1);
		must(backoff >= 2 && backoff <= 16);
	}
	happens(&g, IPOIB_MCAST_START);
	happens(&g, IPOIB_MCAST_OK);
	must(g.state == IPOIB_MCAST_JOINED && !g.packets);
	happens(&g, IPOIB_MCAST_STOP);
	must(!g.handles && !g.members);
	return 0;
}
