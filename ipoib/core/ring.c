// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Sizes and positions. Pure.
 */
#include <linux/types.h>

#include "ipoib/core/ring.h"

/**
 * ipoib_ring_size() - the size that a wish comes to
 * @wanted: entries; may be any number that somebody typed
 * @min: fewest, a power of two
 * @max: most, a power of two
 *
 * Return: the next power of two, within the limits.
 */
u32 ipoib_ring_size(int wanted, u32 min, u32 max)
{
	u32 size = min;

	while (size < max && (wanted < 0 ? 0U : (u32)wanted) > size)
		size *= 2;
	return size;
}

/**
 * ipoib_ring_limit() - the largest ring that an HCA can have
 * @wrs: work requests of one of its queues at most
 * @cqes: entries of one of its CQs at most
 *
 * Return: a power of two, IPOIB_QUEUE_MAX at most, 1 at least.
 */
u32 ipoib_ring_limit(int wrs, int cqes)
{
	int room = wrs < cqes ? wrs : cqes;
	u32 size = IPOIB_QUEUE_MAX;

	while (size > 1 && (room < 0 || size > (u32)room))
		size /= 2;
	return size;
}

/**
 * ipoib_ring_queues() - how many transmit queues a port's interface begins with
 * @cpus: that transmit
 * @vectors: completion vectors of the HCA
 * @max: most that there is room for
 *
 * Return: one for each CPU that has a vector of its own, some at most, one at
 * least.
 */
unsigned int ipoib_ring_queues(unsigned int cpus, unsigned int vectors,
			       unsigned int max)
{
	unsigned int n = cpus < vectors ? cpus : vectors;

	if (n > IPOIB_TXQ_USUAL)
		n = IPOIB_TXQ_USUAL;
	if (n > max)
		n = max;
	return n ? n : 1;
}
