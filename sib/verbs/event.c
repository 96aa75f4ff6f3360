// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What ib_core hears of the SM's doings. Each event costs ib_core memory and
 * all of its clients time, and anybody on a cable may send SMPs: so changes
 * are gathered, and told at most every EVENT_PAUSE, the first of them at once.
 *
 * Who may still tell when the HCA goes: the work, which client_remove() ends
 * with sib_events_stop() before ib_core flushes its events.
 */
#include <linux/jiffies.h>

#include "sib/verbs/hca.h"

#define EVENT_PAUSE	(HZ / 50)

/* GIDs first, for who hears the rest looks at them. */
static void dispatch(struct sib_hca *hca, u8 port, u32 changes)
{
	static const struct {
		u32 fx;
		enum ib_event_type event;
	} map[] = {
		{ SIB_FX_PREFIX | SIB_FX_GUIDS, IB_EVENT_GID_CHANGE },
		{ SIB_FX_PKEYS, IB_EVENT_PKEY_CHANGE },
		{ SIB_FX_LID, IB_EVENT_LID_CHANGE },
		{ SIB_FX_SM, IB_EVENT_SM_CHANGE },
		{ SIB_FX_INACTIVE, IB_EVENT_PORT_ERR },
		{ SIB_FX_ACTIVE, IB_EVENT_PORT_ACTIVE },
		{ SIB_FX_REREGISTER, IB_EVENT_CLIENT_REREGISTER },
	};
	struct ib_event event = {
		.device = &hca->ib,
		.element.port_num = port,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(map); i++) {
		if (!(changes & map[i].fx))
			continue;
		event.event = map[i].event;
		ib_dispatch_event(&event);
	}
}

static void tell(struct work_struct *work)
{
	struct sib_hca *hca = container_of(work, struct sib_hca,
					   event_work.work);
	u32 changes[SIB_HCA_PORTS];
	unsigned int i;

	spin_lock_irq(&hca->agent.lock);
	memcpy(changes, hca->changes, sizeof(changes));
	memset(hca->changes, 0, sizeof(hca->changes));
	hca->next_event = get_jiffies_64() + EVENT_PAUSE;
	spin_unlock_irq(&hca->agent.lock);
	for (i = 0; i < hca->agent.node.num_ports; i++)
		dispatch(hca, i + 1, changes[i]);
}

/* Work that waits already is not put off. */
static void tell_soon_locked(struct sib_hca *hca)
{
	u64 now = get_jiffies_64();

	lockdep_assert_held(&hca->agent.lock);
	schedule_delayed_work(&hca->event_work,
			      time_before64(now, hca->next_event) ?
			      hca->next_event - now : 0);
}

/**
 * sib_hca_changed() - tell ib_core what the SM, or the link, changed
 * @agent: of an HCA
 * @port: which port
 * @events: SIB_FX_*
 *
 * ib_core handles each from a workqueue of its own. What happens before it
 * wants to hear is kept for then: an SM may be faster than the last client of
 * ib_core is added.
 *
 * Context: Any.
 */
void sib_hca_changed(struct sib_agent *agent, u8 port, u32 events)
{
	struct sib_hca *hca = agent_to_hca(agent);
	unsigned long irq;
	u32 *changes;

	/* An SMP that changed nothing names no port. */
	if (!events)
		return;
	changes = &hca->changes[port - 1];
	spin_lock_irqsave(&agent->lock, irq);
	/* Up and down again is told as down; down and up again as both. */
	if (events & SIB_FX_INACTIVE)
		*changes &= ~SIB_FX_ACTIVE;
	*changes |= events;
	if (hca->events)
		tell_soon_locked(hca);
	spin_unlock_irqrestore(&agent->lock, irq);
}

/**
 * sib_events_init() - nothing has changed, and nobody wants to hear
 * @hca: being set up
 */
void sib_events_init(struct sib_hca *hca)
{
	INIT_DELAYED_WORK(&hca->event_work, tell);
}

/**
 * sib_events_start() - from now on ib_core is told, and now what it missed
 * @hca: known to ib_core
 *
 * Context: Process.
 */
void sib_events_start(struct sib_hca *hca)
{
	spin_lock_irq(&hca->agent.lock);
	hca->events = true;
	tell_soon_locked(hca);
	spin_unlock_irq(&hca->agent.lock);
}

/**
 * sib_events_stop() - ib_core is told nothing any more
 * @hca: about to be freed, or to be made known anew
 *
 * Context: Process.
 */
void sib_events_stop(struct sib_hca *hca)
{
	spin_lock_irq(&hca->agent.lock);
	hca->events = false;
	spin_unlock_irq(&hca->agent.lock);
	cancel_delayed_work_sync(&hca->event_work);
}
