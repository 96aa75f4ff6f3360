// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What an interface does about what happens in the fabric: core/event.c says
 * what, this does it. Events are noted in any context; the work acts, with
 * ctl.
 */
#include "ipoib/core/event.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/event.h"
#include "ipoib/link.h"
#include "ipoib/qp.h"
#include "ipoib/trace.h"

/**
 * ipoib_event_bit() - an event of ib_core as one of ours
 * @event: enum ib_event_type
 *
 * Return: an IPOIB_EV_* bit, 0 for what does not concern us.
 */
u32 ipoib_event_bit(enum ib_event_type event)
{
	switch (event) {
	case IB_EVENT_PORT_ACTIVE:
		return IPOIB_EV_ACTIVE;
	case IB_EVENT_PORT_ERR:
		return IPOIB_EV_ERROR;
	case IB_EVENT_LID_CHANGE:
		return IPOIB_EV_LID;
	case IB_EVENT_PKEY_CHANGE:
		return IPOIB_EV_PKEY;
	case IB_EVENT_GID_CHANGE:
		return IPOIB_EV_GID;
	case IB_EVENT_CLIENT_REREGISTER:
		return IPOIB_EV_REREGISTER;
	case IB_EVENT_SM_CHANGE:
		return IPOIB_EV_SM;
	default:
		return 0;
	}
}

/**
 * ipoib_event_post() - something happened
 * @ipd: the interface
 * @events: IPOIB_EV_* bits
 *
 * Context: Any.
 */
void ipoib_event_post(struct ipoib_dev *ipd, u32 events)
{
	atomic_or(events, &ipd->events);
	queue_work(ipd->wq, &ipd->event_work);
}

/* The QPs follow the P_Key, and live only while it is there. */
static void restart(struct ipoib_dev *ipd)
{
	ipoib_link_stop(ipd);
	ipoib_qp_down(ipd);
	if (ipd->pkey_found)
		ipoib_qp_up(ipd);
	ipoib_link_start(ipd);
}

/* The port has lost the GID that the link was made with. */
static bool has_lost_gid(struct ipoib_dev *ipd)
{
	return test_bit(IPOIB_FLAG_LINK, &ipd->flags) &&
	       test_bit(IPOIB_FLAG_GID_MISSING, &ipd->flags);
}

static void act(struct ipoib_dev *ipd, u32 actions)
{
	u32 changed = 0;

	if (actions & IPOIB_DO_IDENTITY)
		changed = ipoib_identity(ipd);
	if (!test_bit(IPOIB_FLAG_OPEN, &ipd->flags))
		return;
	if (changed & IPOIB_ID_PKEY) {
		restart(ipd);
	} else if (actions & IPOIB_DO_RESTART) {
		ipoib_qp_restart(ipd);
	} else if (actions & IPOIB_DO_RELINK || changed & IPOIB_ID_GID ||
		   has_lost_gid(ipd)) {
		ipoib_link_stop(ipd);
		ipoib_link_start(ipd);
	} else {
		/* A GID that was waited for may be there now. */
		ipoib_link_start(ipd);
	}
	if (actions & IPOIB_DO_DOUBT)
		ipoib_path_doubt_all(ipd);
}

/**
 * ipoib_event_work() - act upon what has happened
 * @work: ipd->event_work
 */
void ipoib_event_work(struct work_struct *work)
{
	struct ipoib_dev *ipd = container_of(work, struct ipoib_dev,
					     event_work);
	u32 events = atomic_xchg(&ipd->events, 0);

	mutex_lock(&ipd->ctl);
	ipoib_dbg(ipd, "events %#x\n", events);
	trace_ipoib_event(ipd, events);
	act(ipd, ipoib_event_actions(events,
				     test_bit(IPOIB_FLAG_OPEN, &ipd->flags),
				     test_bit(IPOIB_FLAG_GID_MISSING,
					      &ipd->flags)));
	if (ipd->addr_changed)
		mod_delayed_work(ipd->wq, &ipd->link_work, 0);
	mutex_unlock(&ipd->ctl);
}
