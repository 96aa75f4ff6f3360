// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which destinations have to go when there are too many: first those that lead
 * nowhere, then those that were not used for longest. They are counted by
 * class, a line is drawn, and they are gone through once more. Pure; the caller
 * holds his lock over all of it.
 */
#include <linux/minmax.h>
#include <linux/types.h>

#include "ipoib/core/evict.h"

/**
 * ipoib_evict_class() - how soon must a destination go?
 * @kind: what is known of it
 * @idle: seconds since it was used
 *
 * Return: its class, higher ones go first.
 */
unsigned int ipoib_evict_class(enum ipoib_evict_kind kind, u32 idle)
{
	return kind * IPOIB_EVICT_AGES + min(idle, IPOIB_EVICT_AGES - 1U);
}

/**
 * ipoib_evict_choose() - draw the line
 * @evict: all destinations counted
 * @excess: how many have to go
 */
void ipoib_evict_choose(struct ipoib_evict *evict, u32 excess)
{
	unsigned int class = IPOIB_EVICT_CLASSES - 1;

	while (class && evict->count[class] <= excess)
		excess -= evict->count[class--];
	evict->last = class;
	evict->of_last = min(excess, evict->count[class]);
}

/**
 * ipoib_evict_goes() - must this one go?
 * @evict: the line drawn; each destination is asked for once
 * @class: of the destination
 *
 * Return: true if so.
 */
bool ipoib_evict_goes(struct ipoib_evict *evict, unsigned int class)
{
	if (class != evict->last)
		return class > evict->last;
	if (!evict->of_last)
		return false;
	evict->of_last--;
	return true;
}
