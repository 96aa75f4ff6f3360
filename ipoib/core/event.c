// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * From events to actions. Pure.
 */
#include <linux/bits.h>
#include <linux/types.h>

#include "ipoib/core/event.h"

/**
 * ipoib_event_actions() - what is to be done
 * @events: IPOIB_EV_* bits that have come
 * @open: the interface is up
 * @wants_gid: it waits for a GID that the port has not got yet
 *
 * Groups are not rejoined here on re-registration: the SA client tells every
 * member by itself. A change of the SM alone is ignored, for nothing that was
 * learnt from the old one is wrong; a new SM re-registers its clients.
 *
 * Return: IPOIB_DO_* bits.
 */
u32 ipoib_event_actions(u32 events, bool open, bool wants_gid)
{
	u32 actions = 0;

	if (events & (IPOIB_EV_PKEY | IPOIB_EV_ACTIVE | IPOIB_EV_LID |
		      IPOIB_EV_GID | IPOIB_EV_REREGISTER))
		actions |= IPOIB_DO_IDENTITY;
	if (!open)
		return actions;
	if (events & IPOIB_EV_STUCK)
		actions |= IPOIB_DO_RESTART;
	if (events & (IPOIB_EV_ACTIVE | IPOIB_EV_ERROR | IPOIB_EV_LID))
		actions |= IPOIB_DO_RELINK;
	if (events & IPOIB_EV_REREGISTER ||
	    (events & IPOIB_EV_GID && wants_gid))
		actions |= IPOIB_DO_DOUBT;
	return actions;
}
