/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What an interface does about what happens in the fabric.
 */
#ifndef IPOIB_CORE_EVENT_H
#define IPOIB_CORE_EVENT_H

#include <linux/types.h>

/* Events of a port, as a set: several may come before there is time. */
#define IPOIB_EV_ACTIVE		BIT(0)
#define IPOIB_EV_ERROR		BIT(1)
#define IPOIB_EV_LID		BIT(2)
#define IPOIB_EV_PKEY		BIT(3)
#define IPOIB_EV_GID		BIT(4)
#define IPOIB_EV_REREGISTER	BIT(5)
#define IPOIB_EV_SM		BIT(6)
/* Not the fabric's: a transmit queue does not do as it should. */
#define IPOIB_EV_STUCK		BIT(7)

/* What to do, in this order. */
#define IPOIB_DO_IDENTITY	BIT(0)	/* read P_Key and GID again */
#define IPOIB_DO_RESTART	BIT(1)	/* QPs down, and up again */
#define IPOIB_DO_RELINK		BIT(2)	/* carrier off, forget, join again */
#define IPOIB_DO_DOUBT		BIT(3)	/* ask for each path again */

u32 ipoib_event_actions(u32 events, bool open, bool wants_gid);

#endif
