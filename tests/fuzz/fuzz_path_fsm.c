// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The life of a path: whatever the SA, the fabric and packets do, in any
 * order. Input: an event in each octet.
 *
 * One handle and one query at most, none of them lost; packets wait only while
 * a query is under way; silence takes no path away; and with an SA that
 * answers the path is had.
 */
#include "fuzz.h"

#include "ipoib/core/path_fsm.h"

/**
 * struct path - what a path holds
 * @handles: address handles handed out
 * @queries: under way
 * @packets: that wait
 */
struct path {
	enum ipoib_path_state state;
	int handles;
	int queries;
	unsigned int packets;
};

static bool has_handle(const struct path *p)
{
	return p->state == IPOIB_PATH_READY || p->state == IPOIB_PATH_STALE ||
	       p->state == IPOIB_PATH_REFRESHING;
}

static bool has_query(const struct path *p)
{
	return p->state == IPOIB_PATH_ASKING ||
	       p->state == IPOIB_PATH_REFRESHING;
}

static bool is_result(enum ipoib_path_event event)
{
	return event == IPOIB_PATH_ANSWER || event == IPOIB_PATH_REFUSED ||
	       event == IPOIB_PATH_SILENT;
}

static void perform(struct path *p, u8 actions)
{
	if (actions & IPOIB_PATH_CANCEL)
		p->queries--;
	if (actions & IPOIB_PATH_UNINSTALL)
		p->handles--;
	/* A new handle takes the place of an old one. */
	if (actions & IPOIB_PATH_INSTALL)
		p->handles = 1;
	if (actions & IPOIB_PATH_PURGE || p->handles)
		p->packets = 0;
	if (actions & IPOIB_PATH_ASK)
		p->queries++;
}

static void happens(struct path *p, enum ipoib_path_event event)
{
	struct ipoib_path_step s = ipoib_path_next(p->state, event);
	bool had_handle = has_handle(p), had_query = has_query(p);

	must(s.next < IPOIB_PATH_STATES && !(s.actions & 0xe0));
	p->packets += event == IPOIB_PATH_USE || event == IPOIB_PATH_RETRY;
	p->queries -= had_query && is_result(event);
	perform(p, s.actions);
	p->state = s.next;
	must(p->handles == has_handle(p) && p->queries == has_query(p));
	must(!p->packets || has_query(p));
	if (had_handle && event != IPOIB_PATH_DROP)
		must(has_handle(p) || event == IPOIB_PATH_REFUSED);
	if (is_result(event) && !had_query)
		must(!s.actions);
	if (event == IPOIB_PATH_DROP)
		must(p->state == IPOIB_PATH_NONE);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	struct path p = {};

	while (f.left)
		happens(&p, feed_below(&f, IPOIB_PATH_EVENTS));
	happens(&p, IPOIB_PATH_RETRY);
	happens(&p, IPOIB_PATH_ANSWER);
	must(p.state == IPOIB_PATH_READY && !p.packets);
	happens(&p, IPOIB_PATH_DROP);
	must(!p.handles && !p.queries);
	return 0;
}
